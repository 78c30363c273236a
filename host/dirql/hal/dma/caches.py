# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The caches of the processors, which see what devices write to memory, as on a PC: nothing has to be flushed."""

from __future__ import annotations

from typing import Final

from dirql.ke.processors.contract import contract
from dirql.mm.mdl import Mdl

__all__ = ["flush_io_buffers"]

_FLUSH_IO_BUFFERS: Final = contract("KeFlushIoBuffers")


def flush_io_buffers(mdl: Mdl, read_operation: int, dma_operation: int) -> None:
    """Do nothing with the caches before a transfer begins; follows KeFlushIoBuffers, a macro without code on a PC."""
    _FLUSH_IO_BUFFERS.check(mdl)
    _FLUSH_IO_BUFFERS.check_arguments(mdl, read_operation, dma_operation)
    if mdl.is_free:
        mdl.refuse_use("KeFlushIoBuffers")
