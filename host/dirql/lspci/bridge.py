# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The lines for the header of a bridge: the numbers of the buses, and the windows that lead to the other side."""

from __future__ import annotations

from collections.abc import Iterator

from dirql.lspci.function import Function
from dirql.lspci.layout import (
    BRIDGE_CONTROL,
    BRIDGE_CONTROL_TIMERS,
    DEVSEL,
    SECONDARY_ABILITIES,
    SECONDARY_ERRORS,
    Bridge,
    bits,
    flags,
)
from dirql.lspci.size import size_text

__all__ = ["bridge_lines"]

_IO_END = 0xFFF
_MEMORY_END = 0xF_FFFF
"""The offset of the last byte of a window from the last unit of the window, 4 KiB for I/O and 1 MiB for memory."""
_WIDE = 1
"""The type of a window in whose registers the address has an upper half."""


def bridge_lines(function: Function, *, verbose: int) -> Iterator[str]:
    """Buses and windows; with `verbose` 2 the status of the secondary bus and the control register too."""
    yield (
        f"\tBus: primary={function.byte(Bridge.PRIMARY):02x}, secondary={function.byte(Bridge.SECONDARY):02x},"
        f" subordinate={function.byte(Bridge.SUBORDINATE):02x},"
        f" sec-latency={function.byte(Bridge.SECONDARY_LATENCY)}"
    )
    yield _io_window(function)
    yield _memory_window(function)
    yield _prefetchable_window(function)
    if verbose > 1:
        status = function.word(Bridge.SECONDARY_STATUS)
        yield (
            f"\tSecondary status: {flags(status, SECONDARY_ABILITIES)} DEVSEL={DEVSEL[bits(status, 10, 9)]}"
            f" {flags(status, SECONDARY_ERRORS)}"
        )
        control = function.word(Bridge.CONTROL)
        yield f"\tBridgeCtl: {flags(control, BRIDGE_CONTROL)}"
        yield f"\t\t{flags(control, BRIDGE_CONTROL_TIMERS)}"


def _io_window(function: Function) -> str:
    base, limit = function.byte(Bridge.IO_BASE), function.byte(Bridge.IO_LIMIT)
    kind = bits(base, 3, 0)
    if kind != bits(limit, 3, 0) or kind > _WIDE:
        return f"\t!!! Unknown I/O range types {base:x}/{limit:x}"
    start, end = (base & 0xF0) << 8, (limit & 0xF0) << 8
    if kind == _WIDE:
        start |= function.word(Bridge.IO_BASE_UPPER) << 16
        end |= function.word(Bridge.IO_LIMIT_UPPER) << 16
    return _window("I/O", start, end | _IO_END, 32 if kind == _WIDE else 16)


def _memory_window(function: Function) -> str:
    base, limit = function.word(Bridge.MEMORY_BASE), function.word(Bridge.MEMORY_LIMIT)
    if bits(base | limit, 3, 0):
        return f"\t!!! Unknown memory range types {base:x}/{limit:x}"
    return _window("Memory", base << 16, limit << 16 | _MEMORY_END, 32)


def _prefetchable_window(function: Function) -> str:
    base, limit = function.word(Bridge.PREFETCHABLE_BASE), function.word(Bridge.PREFETCHABLE_LIMIT)
    kind = bits(base, 3, 0)
    if kind != bits(limit, 3, 0) or kind > _WIDE:
        return f"\t!!! Unknown prefetchable memory range types {base:x}/{limit:x}"
    start, end = (base & 0xFFF0) << 16, (limit & 0xFFF0) << 16
    if kind == _WIDE:
        start |= function.dword(Bridge.PREFETCHABLE_BASE_UPPER) << 32
        end |= function.dword(Bridge.PREFETCHABLE_LIMIT_UPPER) << 32
    return _window("Prefetchable memory", start, end | _MEMORY_END, 64 if kind == _WIDE else 32)


def _window(name: str, start: int, end: int, width: int) -> str:
    """A window, "[disabled]" if it ends before it starts."""
    digits = width // 4
    text = (
        f" {start:0{digits}x}-{end:0{digits}x}{size_text(end - start + 1)}" if start <= end else " [disabled]"
    )
    return f"\t{name} behind bridge:{text} [{width}-bit]"
