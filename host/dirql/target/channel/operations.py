# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The operations of the command port in words, for messages."""

from __future__ import annotations

from dirql.registers.protocol import Op

__all__ = ["OPERATION_NAMES"]

OPERATION_NAMES: dict[int, str] = {
    Op.MEM_READ: "memory read",
    Op.MEM_WRITE: "memory write",
    Op.IO_READ: "I/O read",
    Op.IO_WRITE: "I/O write",
    Op.CFG_READ: "configuration read",
    Op.CFG_WRITE: "configuration write",
    Op.INT_ACK: "interrupt acknowledge",
    Op.ARM_FAULT: "arming of a bus fault",
    Op.HOLD_INTERRUPT: "hold of interrupts",
}
