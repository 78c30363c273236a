# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Access to device registers in memory space: READ_REGISTER_* and WRITE_REGISTER_*.

Every routine may be called at any IRQL and is a point of preemption: an interrupt that the access lets through is
served before the routine returns, and with several processors another one may go on. `register` is an address that
MmMapIoSpace returned, or one behind it, and must be a multiple of the access's width. A read that ends in a bus error
gives all ones, a write is dropped, and the hook `Hal.bus_error` is called. The buffer routines access `count`
consecutive registers of their width; `buffer` is a virtual address of memory.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from dirql.hal.buffers import reading, writing
from dirql.hal.hal import Hal, running
from dirql.hal.lanes import DWORD, Lane
from dirql.ke.current import current as ke_current
from dirql.ke.processors.contract import KeptContract, contract
from dirql.target.contract import BusError

__all__ = [
    "read_register_buffer_uchar",
    "read_register_buffer_ulong",
    "read_register_buffer_ushort",
    "read_register_uchar",
    "read_register_ulong",
    "read_register_ushort",
    "write_register_buffer_uchar",
    "write_register_buffer_ulong",
    "write_register_buffer_ushort",
    "write_register_uchar",
    "write_register_ulong",
    "write_register_ushort",
]

_READ_REGISTER_UCHAR: Final = contract("READ_REGISTER_UCHAR")
_READ_REGISTER_USHORT: Final = contract("READ_REGISTER_USHORT")
_READ_REGISTER_ULONG: Final = contract("READ_REGISTER_ULONG")
_WRITE_REGISTER_UCHAR: Final = contract("WRITE_REGISTER_UCHAR")
_WRITE_REGISTER_USHORT: Final = contract("WRITE_REGISTER_USHORT")
_WRITE_REGISTER_ULONG: Final = contract("WRITE_REGISTER_ULONG")
_READ_REGISTER_BUFFER_UCHAR: Final = contract("READ_REGISTER_BUFFER_UCHAR")
_READ_REGISTER_BUFFER_USHORT: Final = contract("READ_REGISTER_BUFFER_USHORT")
_READ_REGISTER_BUFFER_ULONG: Final = contract("READ_REGISTER_BUFFER_ULONG")
_WRITE_REGISTER_BUFFER_UCHAR: Final = contract("WRITE_REGISTER_BUFFER_UCHAR")
_WRITE_REGISTER_BUFFER_USHORT: Final = contract("WRITE_REGISTER_BUFFER_USHORT")
_WRITE_REGISTER_BUFFER_ULONG: Final = contract("WRITE_REGISTER_BUFFER_ULONG")


def read_register_uchar(register: int) -> int:
    """Read one byte; follows READ_REGISTER_UCHAR."""
    hal = running.value
    try:
        place = hal.device_memory.octets[register]
    except (TypeError, ValueError) as error:
        _READ_REGISTER_UCHAR.explain(error, register)
    return _read(hal, register, place, 0xFF)


def read_register_ushort(register: int) -> int:
    """Read two bytes; follows READ_REGISTER_USHORT."""
    hal = running.value
    try:
        place = hal.device_memory.words[register]
    except (TypeError, ValueError) as error:
        _READ_REGISTER_USHORT.explain(error, register)
    return _read(hal, register, place, 0xFFFF)


# `Hal.preempt` is written out in the two routines for four bytes: the call would take 0.03 µs, 15 % of "read ulong" in
# bench/hal_paths.py.


def read_register_ulong(register: int) -> int:
    """Read four bytes; follows READ_REGISTER_ULONG."""
    hal = running.value
    try:
        value = hal.target.read_memory(hal.device_memory.dwords[register])
    except BusError as error:
        hal.report_bus_error(error)
        value = 0xFFFF_FFFF
    except (TypeError, ValueError) as error:
        _READ_REGISTER_ULONG.explain(error, register)
    if hal.target.attention or hal.always_preempts:
        hal.preempt_after_read("register", register, value)
    return value


def write_register_uchar(register: int, value: int) -> None:
    """Write one byte, the lowest of `value`; follows WRITE_REGISTER_UCHAR."""
    hal = running.value
    try:
        place, value = hal.device_memory.octets[register], value & 0xFF
    except (TypeError, ValueError) as error:
        _WRITE_REGISTER_UCHAR.explain(error, register, value)
    _write(hal, place, value)


def write_register_ushort(register: int, value: int) -> None:
    """Write two bytes, the lowest of `value`; follows WRITE_REGISTER_USHORT."""
    hal = running.value
    try:
        place, value = hal.device_memory.words[register], value & 0xFFFF
    except (TypeError, ValueError) as error:
        _WRITE_REGISTER_USHORT.explain(error, register, value)
    _write(hal, place, value)


def write_register_ulong(register: int, value: int) -> None:
    """Write four bytes, the lowest of `value`; follows WRITE_REGISTER_ULONG."""
    hal = running.value
    try:
        hal.target.write_memory(hal.device_memory.dwords[register], value & 0xFFFF_FFFF)
    except BusError as error:
        hal.report_bus_error(error)
    except (TypeError, ValueError) as error:
        _WRITE_REGISTER_ULONG.explain(error, register, value)
    if hal.target.attention or hal.always_preempts:
        if hal.polling is not None:
            hal.polling.note_other()
        ke_current.dispatcher.preempt()


def read_register_buffer_ulong(register: int, buffer: int, count: int) -> None:
    """Read `count` dwords in bursts; follows READ_REGISTER_BUFFER_ULONG.

    A bus error leaves ones in the place of the dwords that had not come yet.
    """
    address = _check_buffer(_READ_REGISTER_BUFFER_ULONG, register, buffer, count, DWORD)
    if count == 0:
        return
    hal = running.value
    with reading(buffer, count * DWORD) as into:
        try:
            hal.target.read_memory_burst(address, into)
        except BusError as error:
            hal.report_bus_error(error)
            missing = len(into) - error.completed * DWORD
            into[-missing:] = b"\xff" * missing
    hal.preempt()


def write_register_buffer_ulong(register: int, buffer: int, count: int) -> None:
    """Write `count` dwords in bursts; follows WRITE_REGISTER_BUFFER_ULONG."""
    address = _check_buffer(_WRITE_REGISTER_BUFFER_ULONG, register, buffer, count, DWORD)
    if count == 0:
        return
    hal = running.value
    try:
        hal.target.write_memory_burst(address, writing(buffer, count * DWORD))
    except BusError as error:
        hal.report_bus_error(error)
    hal.preempt()


def read_register_buffer_ushort(register: int, buffer: int, count: int) -> None:
    """Read `count` times two bytes; follows READ_REGISTER_BUFFER_USHORT."""
    _check_buffer(_READ_REGISTER_BUFFER_USHORT, register, buffer, count, 2)
    _read_each(read_register_ushort, register, buffer, count, 2)


def write_register_buffer_ushort(register: int, buffer: int, count: int) -> None:
    """Write `count` times two bytes; follows WRITE_REGISTER_BUFFER_USHORT."""
    _check_buffer(_WRITE_REGISTER_BUFFER_USHORT, register, buffer, count, 2)
    _write_each(write_register_ushort, register, buffer, count, 2)


def read_register_buffer_uchar(register: int, buffer: int, count: int) -> None:
    """Read `count` bytes; follows READ_REGISTER_BUFFER_UCHAR."""
    _check_buffer(_READ_REGISTER_BUFFER_UCHAR, register, buffer, count, 1)
    _read_each(read_register_uchar, register, buffer, count, 1)


def write_register_buffer_uchar(register: int, buffer: int, count: int) -> None:
    """Write `count` bytes; follows WRITE_REGISTER_BUFFER_UCHAR."""
    _check_buffer(_WRITE_REGISTER_BUFFER_UCHAR, register, buffer, count, 1)
    _write_each(write_register_uchar, register, buffer, count, 1)


def _check_buffer(kept: KeptContract, register: int, buffer: int, count: int, size: int) -> int:
    """Check the arguments of a buffer routine for registers of `size` bytes; return the bus address of the first."""
    kept.check_arguments(register, buffer, count)
    if count == 0:
        return 0
    try:
        return running.value.device_memory.translate(register, count * size, size)
    except ValueError as error:
        kept.explain(error, register, buffer, count)


def _read(hal: Hal, register: int, place: Lane, ones: int) -> int:
    """Read a part of a dword; `ones` is the mask of the datum, and its value when no device answers."""
    try:
        value = hal.target.read_memory(place.address, place.byte_enables) >> place.shift & ones
    except BusError as error:
        hal.report_bus_error(error)
        value = ones
    if hal.target.attention or hal.always_preempts:
        hal.preempt_after_read("register", register, value)
    return value


def _write(hal: Hal, place: Lane, value: int) -> None:
    """Write a part of a dword."""
    try:
        hal.target.write_memory(place.address, value << place.shift, place.byte_enables)
    except BusError as error:
        hal.report_bus_error(error)
    hal.preempt()


def _read_each(read: Callable[[int], int], register: int, buffer: int, count: int, size: int) -> None:
    with reading(buffer, count * size) as into:
        for place in range(0, count * size, size):
            into[place : place + size] = read(register + place).to_bytes(size, "little")


def _write_each(write: Callable[[int, int], None], register: int, buffer: int, count: int, size: int) -> None:
    data = writing(buffer, count * size)
    for place in range(0, count * size, size):
        write(register + place, int.from_bytes(data[place : place + size], "little"))
