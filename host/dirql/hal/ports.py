# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Access to device registers in I/O space: READ_PORT_* and WRITE_PORT_*.

A port is an address of I/O space, as the translated resource gives it; it must be a multiple of the access's width.
IRQL, preemption and bus errors are those of registers in memory space. The buffer routines access one port `count`
times. Routines that move four bytes at a time are string operations of the target, which end early when the target asks
for attention; after the preemption the rest follows.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Final

from dirql.hal.buffers import reading, writing
from dirql.hal.hal import running
from dirql.hal.lanes import ALL_ONES, DWORD, Lane, lane
from dirql.ke.processors.contract import KeptContract, contract
from dirql.target.contract import BusError

__all__ = [
    "read_port_buffer_uchar",
    "read_port_buffer_ulong",
    "read_port_buffer_ushort",
    "read_port_uchar",
    "read_port_ulong",
    "read_port_ushort",
    "write_port_buffer_uchar",
    "write_port_buffer_ulong",
    "write_port_buffer_ushort",
    "write_port_uchar",
    "write_port_ulong",
    "write_port_ushort",
]

_READ_PORT_UCHAR: Final = contract("READ_PORT_UCHAR")
_READ_PORT_USHORT: Final = contract("READ_PORT_USHORT")
_READ_PORT_ULONG: Final = contract("READ_PORT_ULONG")
_WRITE_PORT_UCHAR: Final = contract("WRITE_PORT_UCHAR")
_WRITE_PORT_USHORT: Final = contract("WRITE_PORT_USHORT")
_WRITE_PORT_ULONG: Final = contract("WRITE_PORT_ULONG")
_READ_PORT_BUFFER_UCHAR: Final = contract("READ_PORT_BUFFER_UCHAR")
_READ_PORT_BUFFER_USHORT: Final = contract("READ_PORT_BUFFER_USHORT")
_READ_PORT_BUFFER_ULONG: Final = contract("READ_PORT_BUFFER_ULONG")
_WRITE_PORT_BUFFER_UCHAR: Final = contract("WRITE_PORT_BUFFER_UCHAR")
_WRITE_PORT_BUFFER_USHORT: Final = contract("WRITE_PORT_BUFFER_USHORT")
_WRITE_PORT_BUFFER_ULONG: Final = contract("WRITE_PORT_BUFFER_ULONG")

_PORT_SPACE: Final = 0x1_0000
"""The number of I/O ports: the processor has 16 bits for the number of one."""


def read_port_uchar(port: int) -> int:
    """Read a byte; follows READ_PORT_UCHAR."""
    return _read(_READ_PORT_UCHAR, port, 1)


def read_port_ushort(port: int) -> int:
    """Read two bytes; follows READ_PORT_USHORT."""
    return _read(_READ_PORT_USHORT, port, 2)


def read_port_ulong(port: int) -> int:
    """Read four bytes; follows READ_PORT_ULONG."""
    return _read(_READ_PORT_ULONG, port, 4)


def write_port_uchar(port: int, value: int) -> None:
    """Write a byte; follows WRITE_PORT_UCHAR."""
    if type(value) is not int:
        _WRITE_PORT_UCHAR.check_arguments(port, value)
    _write(_WRITE_PORT_UCHAR, port, value, 1)


def write_port_ushort(port: int, value: int) -> None:
    """Write two bytes; follows WRITE_PORT_USHORT."""
    if type(value) is not int:
        _WRITE_PORT_USHORT.check_arguments(port, value)
    _write(_WRITE_PORT_USHORT, port, value, 2)


def write_port_ulong(port: int, value: int) -> None:
    """Write four bytes; follows WRITE_PORT_ULONG."""
    if type(value) is not int:
        _WRITE_PORT_ULONG.check_arguments(port, value)
    _write(_WRITE_PORT_ULONG, port, value, 4)


def read_port_buffer_ulong(port: int, buffer: int, count: int) -> None:
    """Read one port `count` times; follows READ_PORT_BUFFER_ULONG.

    A read that ends in a bus error leaves ones in its place.
    """
    _READ_PORT_BUFFER_ULONG.check_arguments(port, buffer, count)
    address = _place(_READ_PORT_BUFFER_ULONG, port, DWORD).address
    hal = running.value
    with reading(buffer, count * DWORD) as into:
        done = 0
        while done < count:
            try:
                done += hal.target.read_io_string(address, into[done * DWORD :])
            except BusError as error:
                hal.report_bus_error(error)
                done += error.completed + 1
                into[(done - 1) * DWORD : done * DWORD] = b"\xff" * DWORD
            hal.preempt()


def write_port_buffer_ulong(port: int, buffer: int, count: int) -> None:
    """Write one port `count` times; follows WRITE_PORT_BUFFER_ULONG. A write that fails is dropped."""
    _WRITE_PORT_BUFFER_ULONG.check_arguments(port, buffer, count)
    address = _place(_WRITE_PORT_BUFFER_ULONG, port, DWORD).address
    hal = running.value
    data = writing(buffer, count * DWORD)
    done = 0
    while done < count:
        try:
            done += hal.target.write_io_string(address, data[done * DWORD :])
        except BusError as error:
            hal.report_bus_error(error)
            done += error.completed + 1
        hal.preempt()


def read_port_buffer_ushort(port: int, buffer: int, count: int) -> None:
    """Read one port `count` times; follows READ_PORT_BUFFER_USHORT."""
    _READ_PORT_BUFFER_USHORT.check_arguments(port, buffer, count)
    _read_each(_READ_PORT_BUFFER_USHORT, port, buffer, count, 2)


def write_port_buffer_ushort(port: int, buffer: int, count: int) -> None:
    """Write one port `count` times; follows WRITE_PORT_BUFFER_USHORT."""
    _WRITE_PORT_BUFFER_USHORT.check_arguments(port, buffer, count)
    _write_each(_WRITE_PORT_BUFFER_USHORT, port, buffer, count, 2)


def read_port_buffer_uchar(port: int, buffer: int, count: int) -> None:
    """Read one port `count` times; follows READ_PORT_BUFFER_UCHAR."""
    _READ_PORT_BUFFER_UCHAR.check_arguments(port, buffer, count)
    _read_each(_READ_PORT_BUFFER_UCHAR, port, buffer, count, 1)


def write_port_buffer_uchar(port: int, buffer: int, count: int) -> None:
    """Write one port `count` times; follows WRITE_PORT_BUFFER_UCHAR."""
    _WRITE_PORT_BUFFER_UCHAR.check_arguments(port, buffer, count)
    _write_each(_WRITE_PORT_BUFFER_UCHAR, port, buffer, count, 1)


def _place(kept: KeptContract, port: int, size: int) -> Lane:
    """The lane of a port for a string routine with this contract."""
    try:
        return _lane(port, size)
    except (TypeError, ValueError) as error:
        kept.explain(error, port, 0, 0)


@lru_cache(maxsize=4096)
def _lane(port: int, size: int) -> Lane:
    """The lane of a port; on the bus an I/O access carries the address of its lowest byte instead of the dword's."""
    if port % size or not 0 <= port < _PORT_SPACE:
        raise ValueError(
            f"Port must be a multiple of {size} below {_PORT_SPACE:#x}; it was {port:#x}: "
            f"take the translated resource of the start request"
        )
    return replace(lane(port, size), address=port)


def _read(kept: KeptContract, port: int, size: int) -> int:
    hal = running.value
    try:
        place = _lane(port, size)
    except (TypeError, ValueError) as error:
        kept.explain(error, port, 0, 0)
    try:
        value = hal.target.read_io(place.address, place.byte_enables) >> place.shift & ALL_ONES[size]
    except BusError as error:
        hal.report_bus_error(error)
        value = ALL_ONES[size]
    if hal.target.attention or hal.always_preempts:
        hal.preempt_after_read("port", port, value)
    return value


def _write(kept: KeptContract, port: int, value: int, size: int) -> None:
    hal = running.value
    try:
        place = _lane(port, size)
    except (TypeError, ValueError) as error:
        kept.explain(error, port, 0, 0)
    try:
        hal.target.write_io(place.address, (value & ALL_ONES[size]) << place.shift, place.byte_enables)
    except BusError as error:
        hal.report_bus_error(error)
    hal.preempt()


def _read_each(kept: KeptContract, port: int, buffer: int, count: int, size: int) -> None:
    with reading(buffer, count * size) as into:
        for place in range(0, count * size, size):
            into[place : place + size] = _read(kept, port, size).to_bytes(size, "little")


def _write_each(kept: KeptContract, port: int, buffer: int, count: int, size: int) -> None:
    data = writing(buffer, count * size)
    for place in range(0, count * size, size):
        _write(kept, port, int.from_bytes(data[place : place + size], "little"), size)
