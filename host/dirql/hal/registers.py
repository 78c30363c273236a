# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Device registers in memory space: READ_REGISTER_* and WRITE_REGISTER_*.

They may be called at any IRQL and are points of preemption: an interrupt that the access lets through is served before
they return, and with several processors another may go on. Addresses are what `map_io_space` returned, aligned to the
width. A read that ends in a bus error gives all ones, a write is dropped, and the hook `Hal.bus_error` is told.
`buffer` is a virtual address of memory; its `count` is in units of the routine's width and the
registers are consecutive.

The functions are written out rather than made from one another, because a call more would be a third of their cost.
"""

from __future__ import annotations

from dirql.hal import current
from dirql.hal.buffers import reading, writing
from dirql.hal.lanes import ALL_ONES, DWORD
from dirql.ke import current as ke_current
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


def read_register_ulong(register: int) -> int:
    """Read four bytes; follows READ_REGISTER_ULONG."""
    hal = current.hal
    try:
        value = hal.read_memory(hal.dwords[register])
    except BusError as error:
        value = hal.no_answer(error)
    if hal.target.attention or hal.always_preempts:
        ke_current.dispatcher.preempt()
    return value


def write_register_ulong(register: int, value: int) -> None:
    """Write four bytes; follows WRITE_REGISTER_ULONG."""
    hal = current.hal
    try:
        hal.write_memory(hal.dwords[register], value & 0xFFFF_FFFF)
    except BusError as error:
        hal.no_answer(error)
    if hal.target.attention or hal.always_preempts:
        ke_current.dispatcher.preempt()


def read_register_ushort(register: int) -> int:
    """Read two bytes; follows READ_REGISTER_USHORT."""
    hal = current.hal
    address, byte_enables, shift = hal.device_memory.words[register]
    try:
        value = hal.read_memory(address, byte_enables)
    except BusError as error:
        value = hal.no_answer(error)
    if hal.target.attention or hal.always_preempts:
        ke_current.dispatcher.preempt()
    return value >> shift & 0xFFFF


def write_register_ushort(register: int, value: int) -> None:
    """Write two bytes; follows WRITE_REGISTER_USHORT."""
    hal = current.hal
    address, byte_enables, shift = hal.device_memory.words[register]
    try:
        hal.write_memory(address, (value & 0xFFFF) << shift, byte_enables)
    except BusError as error:
        hal.no_answer(error)
    if hal.target.attention or hal.always_preempts:
        ke_current.dispatcher.preempt()


def read_register_uchar(register: int) -> int:
    """Read a byte; follows READ_REGISTER_UCHAR."""
    hal = current.hal
    address, byte_enables, shift = hal.device_memory.bytes[register]
    try:
        value = hal.read_memory(address, byte_enables)
    except BusError as error:
        value = hal.no_answer(error)
    if hal.target.attention or hal.always_preempts:
        ke_current.dispatcher.preempt()
    return value >> shift & 0xFF


def write_register_uchar(register: int, value: int) -> None:
    """Write a byte; follows WRITE_REGISTER_UCHAR."""
    hal = current.hal
    address, byte_enables, shift = hal.device_memory.bytes[register]
    try:
        hal.write_memory(address, (value & 0xFF) << shift, byte_enables)
    except BusError as error:
        hal.no_answer(error)
    if hal.target.attention or hal.always_preempts:
        ke_current.dispatcher.preempt()


def read_register_buffer_ulong(register: int, buffer: int, count: int) -> None:
    """Read `count` dwords in bursts; follows READ_REGISTER_BUFFER_ULONG.

    A bus error leaves ones in what had not yet come.
    """
    if count == 0:
        return
    hal = current.hal
    address = hal.device_memory.translate(register, count * DWORD, DWORD)
    with reading(buffer, count * DWORD) as into:
        try:
            hal.target.read_memory_burst(address, into)
        except BusError as error:
            hal.no_answer(error)
            missing = len(into) - error.completed * DWORD
            into[-missing:] = b"\xff" * missing
    if hal.target.attention or hal.always_preempts:
        ke_current.dispatcher.preempt()


def write_register_buffer_ulong(register: int, buffer: int, count: int) -> None:
    """Write `count` dwords in bursts; follows WRITE_REGISTER_BUFFER_ULONG."""
    if count == 0:
        return
    hal = current.hal
    address = hal.device_memory.translate(register, count * DWORD, DWORD)
    try:
        hal.target.write_memory_burst(address, writing(buffer, count * DWORD))
    except BusError as error:
        hal.no_answer(error)
    if hal.target.attention or hal.always_preempts:
        ke_current.dispatcher.preempt()


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


def _read_each(register: int, buffer: int, count: int, size: int) -> None:
    read = read_register_uchar if size == 1 else read_register_ushort
    with reading(buffer, count * size) as into:
        for place in range(0, count * size, size):
            into[place : place + size] = read(register + place).to_bytes(size, "little")


def _write_each(register: int, buffer: int, count: int, size: int) -> None:
    write = write_register_uchar if size == 1 else write_register_ushort
    data = writing(buffer, count * size)
    for place in range(0, count * size, size):
        write(register + place, int.from_bytes(data[place : place + size], "little") & ALL_ONES[size])
