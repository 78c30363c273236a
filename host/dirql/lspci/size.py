# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Sizes in the form that lspci prints."""

from __future__ import annotations

__all__ = ["size_text"]

_UNITS = ("", "K", "M", "G", "T")


def size_text(size: int) -> str:
    """The text " [size=64K]"; "" for 0, which stands for a size that is not known."""
    if not size:
        return ""
    unit = 0
    while unit < len(_UNITS) - 1 and size % 1024 == 0:
        size //= 1024
        unit += 1
    return f" [size={size}{_UNITS[unit]}]"
