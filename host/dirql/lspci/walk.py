# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Finds the functions of a machine and reads each one's configuration space, through the Target alone.

The size of a base address register is found by writing to it. Meanwhile the function's decoders are off, and afterwards
all that was written is put back, also when an access fails: every configuration dword is then as before.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from dirql.hardware.place import Place
from dirql.lspci.function import SPACE_BYTES, Bar, Function, Layout, Rom
from dirql.lspci.layout import Bridge
from dirql.registers import pci_configuration as regs
from dirql.target.contract import MasterAbort, Target

__all__ = ["find_functions"]

_DEVICES = 32
_FUNCTIONS = 8
_HOST_BRIDGE = (0x06, 0x00)
"""The base class and the subclass of a host bridge."""
_DECODERS = regs.COMMAND.IO_ENABLE | regs.COMMAND.MEMORY_ENABLE
_COMMAND_BYTES = 0b0011
"""Byte enables that leave Status, in the same dword, alone: it is cleared by ones."""
_ALL_ONES = 0xFFFF_FFFF
_BARS = {Layout.DEVICE: 6, Layout.BRIDGE: 2}
_ROM = {Layout.DEVICE: 0x30, Layout.BRIDGE: Bridge.ROM}
_ROM_ADDRESS = 0xFFFF_F800
_ROM_ENABLE = 1
_IO_SPACE = 0x1
_IO_ADDRESS = 0xFFFF_FFFC
_PREFETCHABLE = 0x8
_TYPE_64_BIT = 2
_MEMORY_ADDRESS = 0xFFFF_FFF0


def find_functions(target: Target, *, sizes: bool = True) -> list[Function]:
    """The functions of bus 0 and of all buses below bridges that have numbers, in the order of their places.

    With `sizes` base address registers are asked for their sizes, except those of a host bridge: its decoders stay on,
    because the host's memory is behind it.
    """
    found: list[Function] = []
    left, seen = [0], {0}
    while left:
        for function in _functions_of(target, left.pop()):
            found.append(_with_bars(target, function, sizes=sizes))
            bus = function.byte(Bridge.SECONDARY) if function.is_bridge else 0
            if bus not in seen:
                seen.add(bus)
                left.append(bus)
    return sorted(found, key=lambda function: function.place)


def _functions_of(target: Target, bus: int) -> Iterator[Function]:
    """The functions of one bus. Functions 1 to 7 are looked for only where function 0 says that there are several."""
    for device in range(_DEVICES):
        first = _read(target, Place(bus, device, 0))
        if first is None:
            continue
        yield first
        for number in range(1, _FUNCTIONS if first.header.multifunction else 0):
            other = _read(target, Place(bus, device, number))
            if other is not None:
                yield other


def _read(target: Target, place: Place) -> Function | None:
    """The function at a place; None if nothing answers there."""
    start = place.configuration_address
    try:
        first = target.read_configuration(start)
    except MasterAbort:
        return None
    if first & regs.VENDOR_ID.VALUE == regs.VENDOR_ID.VALUE:
        return None
    dwords = [first, *(target.read_configuration(start + offset) for offset in range(4, SPACE_BYTES, 4))]
    return Function(place, b"".join(dword.to_bytes(4, "little") for dword in dwords))


# Base address registers.


def _with_bars(target: Target, function: Function, *, sizes: bool) -> Function:
    """The function with its base address registers, of which each is asked for its size if `sizes` says so."""
    if function.header.layout not in _BARS:
        return function
    identity = function.identity
    layout = Layout(function.header.layout)
    if not sizes or (identity.base_class, identity.subclass) == _HOST_BRIDGE:
        return _decode(function, {})
    start = function.place.configuration_address
    registers = [*(regs.BAR.offset + 4 * number for number in range(_BARS[layout])), _ROM[layout]]
    with _decoders_off(target, function):
        answers = {
            offset: _ask(target, start + offset, function.dword(offset), is_rom=offset == _ROM[layout])
            for offset in registers
        }
    return _decode(function, answers)


@contextmanager
def _decoders_off(target: Target, function: Function) -> Iterator[None]:
    """Keep the function from answering memory and I/O accesses while its base address registers are asked."""
    address = function.place.configuration_address + regs.COMMAND.offset
    command = function.word(regs.COMMAND.offset)
    target.write_configuration(address, command & ~_DECODERS, _COMMAND_BYTES)
    try:
        yield
    finally:
        target.write_configuration(address, command, _COMMAND_BYTES)


def _ask(target: Target, address: int, contents: int, *, is_rom: bool) -> int:
    """The bits of a register that stay when ones are written; `contents` are put back."""
    try:
        target.write_configuration(address, _ROM_ADDRESS if is_rom else _ALL_ONES)
        return target.read_configuration(address)
    finally:
        target.write_configuration(address, contents)


def _decode(function: Function, answers: dict[int, int]) -> Function:
    """The function with the registers decoded; `answers` has the bits that stayed, by offset."""
    layout = Layout(function.header.layout)
    bars: list[Bar] = []
    number = 0
    while number < _BARS[layout]:
        bar = _bar(function, number, answers)
        if bar.address or bar.size or bar.is_io or bar.type or bar.is_prefetchable:
            bars.append(bar)
        number += 2 if bar.type == _TYPE_64_BIT else 1
    offset = _ROM[layout]
    contents, answer = function.dword(offset), answers.get(offset, 0)
    rom = None
    if contents or answer:
        rom = Rom(bool(contents & _ROM_ENABLE), contents & _ROM_ADDRESS, _size(answer & _ROM_ADDRESS))
    return replace(function, bars=tuple(bars), rom=rom)


def _bar(function: Function, number: int, answers: dict[int, int]) -> Bar:
    offset = regs.BAR.offset + regs.BAR.stride * number
    contents, answer = function.dword(offset), answers.get(offset, 0)
    if contents & _IO_SPACE:
        size = _size(answer & _IO_ADDRESS)
        # A register of 16 bits leaves the upper half zero.
        return Bar(number, True, 0, False, contents & _IO_ADDRESS, size & 0xFFFF or size)
    type_ = contents >> 1 & 3
    address, answer = contents & _MEMORY_ADDRESS, answer & _MEMORY_ADDRESS
    width = 32
    if type_ == _TYPE_64_BIT and number + 1 < _BARS[Layout(function.header.layout)]:
        address |= function.dword(offset + 4) << 32
        answer |= answers.get(offset + 4, 0) << 32
        width = 64
    return Bar(number, False, type_, bool(contents & _PREFETCHABLE), address, _size(answer, width))


def _size(answer: int, width: int = 32) -> int:
    """The bytes that a register of `width` bits asks for, by the address bits that stayed; 0 if none did."""
    return (1 << width) - answer & (1 << width) - 1 if answer else 0
