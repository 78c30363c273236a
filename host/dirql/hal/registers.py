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

from dirql.hal.buffers import reading, writing
from dirql.hal.hal import running
from dirql.hal.lanes import ALL_ONES, DWORD
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


def read_register_uchar(register: int) -> int:
    """Read one byte; follows READ_REGISTER_UCHAR."""
    return _read(register, 1)


def read_register_ushort(register: int) -> int:
    """Read two bytes; follows READ_REGISTER_USHORT."""
    return _read(register, 2)


def read_register_ulong(register: int) -> int:
    """Read four bytes; follows READ_REGISTER_ULONG."""
    return _read(register, 4)


def write_register_uchar(register: int, value: int) -> None:
    """Write one byte, the lowest of `value`; follows WRITE_REGISTER_UCHAR."""
    _write(register, value, 1)


def write_register_ushort(register: int, value: int) -> None:
    """Write two bytes, the lowest of `value`; follows WRITE_REGISTER_USHORT."""
    _write(register, value, 2)


def write_register_ulong(register: int, value: int) -> None:
    """Write four bytes, the lowest of `value`; follows WRITE_REGISTER_ULONG."""
    _write(register, value, 4)


def read_register_buffer_ulong(register: int, buffer: int, count: int) -> None:
    """Read `count` dwords in bursts; follows READ_REGISTER_BUFFER_ULONG.

    A bus error leaves ones in the place of the dwords that had not come yet.
    """
    if count == 0:
        return
    hal = running.value
    address = hal.device_memory.translate(register, count * DWORD, DWORD)
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
    if count == 0:
        return
    hal = running.value
    address = hal.device_memory.translate(register, count * DWORD, DWORD)
    try:
        hal.target.write_memory_burst(address, writing(buffer, count * DWORD))
    except BusError as error:
        hal.report_bus_error(error)
    hal.preempt()


def read_register_buffer_ushort(register: int, buffer: int, count: int) -> None:
    """Read `count` times two bytes; follows READ_REGISTER_BUFFER_USHORT."""
    _read_each(register, buffer, count, 2)


def write_register_buffer_ushort(register: int, buffer: int, count: int) -> None:
    """Write `count` times two bytes; follows WRITE_REGISTER_BUFFER_USHORT."""
    _write_each(register, buffer, count, 2)


def read_register_buffer_uchar(register: int, buffer: int, count: int) -> None:
    """Read `count` bytes; follows READ_REGISTER_BUFFER_UCHAR."""
    _read_each(register, buffer, count, 1)


def write_register_buffer_uchar(register: int, buffer: int, count: int) -> None:
    """Write `count` bytes; follows WRITE_REGISTER_BUFFER_UCHAR."""
    _write_each(register, buffer, count, 1)


def _read(register: int, size: int) -> int:
    hal = running.value
    address, byte_enables, shift = hal.device_memory.lane(register, size)
    try:
        value = hal.target.read_memory(address, byte_enables) >> shift & ALL_ONES[size]
    except BusError as error:
        hal.report_bus_error(error)
        value = ALL_ONES[size]
    hal.preempt()
    return value


def _write(register: int, value: int, size: int) -> None:
    hal = running.value
    address, byte_enables, shift = hal.device_memory.lane(register, size)
    try:
        hal.target.write_memory(address, (value & ALL_ONES[size]) << shift, byte_enables)
    except BusError as error:
        hal.report_bus_error(error)
    hal.preempt()


def _read_each(register: int, buffer: int, count: int, size: int) -> None:
    with reading(buffer, count * size) as into:
        for place in range(0, count * size, size):
            into[place : place + size] = _read(register + place, size).to_bytes(size, "little")


def _write_each(register: int, buffer: int, count: int, size: int) -> None:
    data = writing(buffer, count * size)
    for place in range(0, count * size, size):
        _write(register + place, int.from_bytes(data[place : place + size], "little"), size)
