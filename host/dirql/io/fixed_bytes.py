# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Memory that a driver asks for as a number of bytes, such as a device extension: it keeps its size, as memory of C."""

from __future__ import annotations

from typing import Final

__all__ = ["FixedBytes"]


class FixedBytes(bytearray):
    """Zeros; what would change their number raises `BufferError`, as for any bytes to which a memory view exists."""

    __slots__ = ("_view",)

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self._view: Final = memoryview(self)
