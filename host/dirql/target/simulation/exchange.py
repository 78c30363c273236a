# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The memory that a simulated machine and Python share, seen from Python.

Its layout is declared once, in sim/port/exchange.h, which cffi reads; the protocols here only give the names types.
Python owns the memory, so a view of the host's RAM that outlives its machine still points at something.
"""

from __future__ import annotations

import mmap
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, cast

import cffi

__all__ = ["NEVER", "Constants", "Exchange", "SharedMemory", "declarations", "exchange_ffi"]

NEVER = 2**64 - 1
"""A clock that is not reached."""


class Exchange(Protocol):
    """`struct dirql_exchange`, without its arrays, which are views of `SharedMemory`."""

    pending: int
    kind: int
    operation: int
    address: int
    byte_enables: int
    length: int
    datum: int
    spent: int
    limit: int
    deadline: int
    posted_count: int
    status: int
    value: int
    completed: int
    clock: int
    attention: int
    input: int
    event_count: int
    events_dropped: int


class Constants(Protocol):
    """The constants of exchange.h, as cffi gives them."""

    DIRQL_TRANSFER: int
    DIRQL_STRING: int
    DIRQL_WAIT: int
    DIRQL_RESET: int
    DIRQL_UNANSWERED: int
    DIRQL_ARGUMENT: int
    DIRQL_CLOSED: int
    DIRQL_STOPPED: int
    DIRQL_INTERRUPT: int
    DIRQL_DEADLINE: int
    DIRQL_POSTED_SLOTS: int
    DIRQL_DATA_DWORDS: int
    DIRQL_EVENT_SLOTS: int
    DIRQL_PATIENCE: int


def declarations(header: Path) -> str:
    """What cffi is to read of a header: the text between its two `cdef` lines."""
    return header.read_text(encoding="utf-8").split("// cdef begin\n")[1].split("// cdef end\n")[0]


def exchange_ffi(root: Path) -> cffi.FFI:
    """An FFI that knows exchange.h of the machine at `root`; nothing is compiled."""
    ffi = cffi.FFI()
    ffi.cdef(declarations(root / "sim" / "port" / "exchange.h"))
    return ffi


@dataclass(frozen=True, slots=True)
class SharedMemory:
    """One exchange: the struct, and views of its arrays."""

    struct: Exchange
    address: cffi.FFI.CData
    posted: memoryview
    """Two 64-bit words for each posted mark: clocks before it, payload."""
    data: memoryview
    events: memoryview
    memory: memoryview

    @staticmethod
    def size(ffi: cffi.FFI) -> int:
        """Bytes of an exchange."""
        return ffi.sizeof("struct dirql_exchange")

    @classmethod
    def over(cls, ffi: cffi.FFI, mapping: mmap.mmap) -> SharedMemory:
        """The exchange that lies at the start of `mapping`."""
        whole = memoryview(mapping)
        fields = dict(ffi.typeof("struct dirql_exchange").fields)

        def view(name: str) -> memoryview:
            field = fields[name]
            return whole[field.offset : field.offset + ffi.sizeof(field.type)]

        address = ffi.cast("struct dirql_exchange *", ffi.from_buffer(mapping))
        struct = cast(Exchange, address)
        return cls(struct, address, view("posted").cast("Q"), view("data"), view("events"), view("memory"))
