# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The memory that a simulated machine and Python share, seen from Python.

The layout is declared once, in sim/exchange/exchange.h, which cffi reads; the protocols here add types for Python.
Python owns the memory, so a view of the host's RAM stays valid after the machine has been closed.
"""

from __future__ import annotations

import mmap
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, cast

import cffi

from dirql.hardware.description import MachineDescription
from dirql.target.contract import MemoryFile

__all__ = ["Constants", "Exchange", "SharedMemory", "declarations", "exchange_declarations", "exchange_ffi"]


class Exchange(Protocol):
    """`struct dirql_exchange` without its arrays, which are views of `SharedMemory`."""

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
    delay_seed: int
    delay_longest: int
    confined: int
    readable_count: int
    writable_count: int
    answer: int
    clock: int
    quiet_until: int
    record_count: int
    records_dropped: int
    stray_count: int
    stray_clock: int
    stray_address: int
    stray_byte_enables: int
    stray_is_write: int


class Constants(Protocol):
    """The constants of exchange.h, as cffi gives them."""

    DIRQL_TRANSFER: int
    DIRQL_STRING: int
    DIRQL_WAIT: int
    DIRQL_RESET: int
    DIRQL_PADS: int
    DIRQL_PADS_DRIVE: int
    DIRQL_PADS_LEVELS: int
    DIRQL_PADS_ENABLED: int
    DIRQL_POSTED_SLOTS: int
    DIRQL_PATIENCE: int


def declarations(header: Path) -> str:
    """The declarations of a header that are for cffi: the text between the two `cdef` lines of the file."""
    return header.read_text(encoding="utf-8").split("// cdef begin\n")[1].split("// cdef end\n")[0]


def exchange_declarations(root: Path, machine: MachineDescription) -> str:
    """The declarations of exchange.h, with the facts of the machine that exchange.h uses."""
    header = declarations(root / "sim" / "exchange" / "exchange.h")
    return f"#define DIRQL_MEMORY_BYTES {machine.host_memory.size}\n{header}"


def exchange_ffi(root: Path, machine: MachineDescription) -> cffi.FFI:
    """An FFI that knows the exchange of a machine; nothing is compiled. `root` is the folder with sim/."""
    ffi = cffi.FFI()
    ffi.cdef(exchange_declarations(root, machine))
    return ffi


@dataclass(frozen=True, slots=True)
class SharedMemory:
    """One exchange: the C structure, and views of the arrays in it."""

    struct: Exchange
    address: cffi.FFI.CData
    posted: memoryview
    """Two 64-bit words per posted mark: the clocks before it, and the payload."""
    data: memoryview
    records: memoryview
    readable: memoryview
    writable: memoryview
    """Two 64-bit words for each part of memory that bus masters may access: its start and its end."""
    memory: memoryview
    memory_file: MemoryFile

    @classmethod
    def over(cls, ffi: cffi.FFI, fd: int) -> SharedMemory:
        """An exchange at the start of the open file `fd`, which gets the size of an exchange."""
        size = ffi.sizeof("struct dirql_exchange")
        os.ftruncate(fd, size)
        mapping = mmap.mmap(fd, size)
        whole = memoryview(mapping)
        fields = dict(ffi.typeof("struct dirql_exchange").fields)

        def view(name: str) -> memoryview:
            field = fields[name]
            return whole[field.offset : field.offset + ffi.sizeof(field.type)]

        address = ffi.cast("struct dirql_exchange *", ffi.from_buffer(mapping))
        return cls(
            struct=cast(Exchange, address),
            address=address,
            posted=view("posted").cast("Q"),
            data=view("data"),
            records=view("records"),
            readable=view("readable").cast("Q"),
            writable=view("writable").cast("Q"),
            memory=view("memory"),
            memory_file=MemoryFile(fd, fields["memory"].offset),
        )
