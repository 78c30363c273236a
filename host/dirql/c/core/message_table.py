# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The connected messages of a device as C sees them."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Final

from dirql.io.interrupt import InterruptMessageInfo

__all__ = ["message_table"]

_TABLE: Final = struct.Struct("<B3xI")
_ENTRY: Final = struct.Struct("<QQQIIB3xII4x")


def message_table(info: InterruptMessageInfo, address_of: Callable[[object], int]) -> bytes:
    """An IO_INTERRUPT_MESSAGE_INFO with its entries."""
    entries = (
        _ENTRY.pack(
            each.message_address,
            each.interrupt_object.processor_enable_mask,
            address_of(each.interrupt_object),
            each.message_data,
            each.vector,
            each.irql,
            each.mode,
            0,
        )
        for each in info.message_info
    )
    return b"".join((_TABLE.pack(info.unified_irql, info.message_count), *entries))
