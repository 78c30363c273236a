# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""An interrupt that Plug and Play assigned to a device."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["InterruptResource"]


class InterruptResource(NamedTuple):
    """One interrupt of a device, with the values of its translated resource descriptor."""

    vector: int
    level: int
    affinity: int
    latched: bool
    message: bool
    message_address: int
    message_data: int
