# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The expansion ROM of a function: read once when the function is started, and checked.

The layout is that of PCI 2.3, section 6.3. A ROM may share its address decoder with a base address register, so it is
not on while a driver uses the function: its contents are copied, and it is switched off again. For that time it has a
range of addresses that the function owns.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from dirql.drivers.pci.function import DECODERS, Bar, PciFunction
from dirql.registers import pci_configuration as regs
from dirql.wdm import (
    DPFLTR_ERROR_LEVEL,
    DPFLTR_IHVBUS_ID,
    PHYSICAL_ADDRESS,
    READ_REGISTER_ULONG,
    DbgPrintEx,
    MmMapIoSpace,
    MmNonCached,
    MmUnmapIoSpace,
)

__all__ = ["read_images"]

_NOWHERE = 0xFFFF_FFFF
"""The address of a base address register whose range the ROM has meanwhile: nothing reads or writes there."""
_IMAGE_SIGNATURE = b"\x55\xaa"
_STRUCTURE_SIGNATURE = b"PCIR"
_POINTER = 0x18
_STRUCTURE_BYTES = 0x18
_UNIT = 512
"""Images have lengths in units of 512 bytes."""
_CODE_FOR_PC = 0
_LAST = 0x80


def read_images(function: PciFunction, ranges: Sequence[tuple[Bar, int]]) -> bytes:
    """The images in the function's ROM; none, with a message for the debugger, if the ROM cannot be read or is wrong.

    The function is switched off. `ranges` are its base address registers, each with its start.
    """
    rom = function.rom
    if rom is None:
        return b""
    start = next((start for bar, start in ranges if bar.memory and _fits(rom, bar, start)), None)
    if start is None:
        needs = f"it needs {rom.size:#x} bytes, and no memory range of the function has them"
        _complain(function, f"cannot be read: {needs}")
        return b""
    with _switched_on(function, rom, start):
        contents = _copy(start, rom.size)
    if contents is None:
        _complain(function, "cannot be read: its addresses cannot be mapped")
        return b""
    length, wrong = _check(function, contents)
    if wrong:
        _complain(function, f"is not offered to drivers: {wrong}")
        return b""
    return contents[:length]


def _fits(rom: Bar, bar: Bar, start: int) -> bool:
    return bar.size >= rom.size and start % rom.alignment == 0 and start + rom.size <= _NOWHERE


def _complain(function: PciFunction, what: str) -> None:
    DbgPrintEx(
        DPFLTR_IHVBUS_ID, DPFLTR_ERROR_LEVEL, "pci: the expansion ROM of %s %s\n", repr(function), what
    )


@contextmanager
def _switched_on(function: PciFunction, rom: Bar, start: int) -> Iterator[None]:
    """Let the ROM answer from an address on, and nothing else of the function."""
    command = function.read(regs.COMMAND.offset, 2)
    others = [other for other in function.bars if other.memory]
    saved = [(other, function.read(other.offset, 4)) for other in others]
    for other in others:
        function.place(other, _NOWHERE)
    function.place(rom, start | regs.EXPANSION_ROM.ENABLE)
    function.write(regs.COMMAND.offset, 2, command & ~DECODERS | regs.COMMAND.MEMORY_ENABLE)
    try:
        yield
    finally:
        function.write(regs.COMMAND.offset, 2, command)
        function.place(rom, 0)
        for other, contents in saved:
            function.place(other, contents)


def _copy(start: int, length: int) -> bytes | None:
    """The contents of the ROM, read dword by dword; None if there is no mapping."""
    mapping = MmMapIoSpace(PHYSICAL_ADDRESS(start), length, MmNonCached)
    if mapping is None:
        return None
    dwords = [READ_REGISTER_ULONG(mapping + offset) for offset in range(0, length, 4)]
    MmUnmapIoSpace(mapping, length)
    return b"".join(dword.to_bytes(4, "little") for dword in dwords)


# Checks.


def _check(function: PciFunction, contents: bytes) -> tuple[int, str]:
    """The bytes of all images, and what is wrong with them, "" if all is right."""
    at = 0
    while at < len(contents):
        length, is_last, wrong = _check_image(function, contents[at:])
        if wrong:
            return 0, f"the image at offset {at:#x} {wrong}"
        at += length
        if is_last:
            return at, ""
    return 0, f"none of its images is the last one, and it ends at offset {len(contents):#x}"


def _check_image(function: PciFunction, rest: bytes) -> tuple[int, bool, str]:
    """The length of the image at the start of `rest`, whether it is the last one, and what is wrong with it."""
    if rest[:2] != _IMAGE_SIGNATURE:
        return 0, False, f"must begin with the bytes 55 AA, and begins with {rest[:2].hex(' ').upper()}"
    pointer = _word(rest, _POINTER)
    if pointer == 0 or pointer % 4 or pointer + _STRUCTURE_BYTES > len(rest):
        return (
            0,
            False,
            f"must have its PCI data structure inside, at a multiple of 4, and has it at {pointer:#x}",
        )
    structure = rest[pointer : pointer + _STRUCTURE_BYTES]
    if structure[:4] != _STRUCTURE_SIGNATURE:
        return (
            0,
            False,
            f"must have a PCI data structure that begins with PCIR; it begins with {structure[:4]!r}",
        )
    length = _word(structure, 0x10) * _UNIT
    if not pointer + _STRUCTURE_BYTES <= length <= len(rest):
        return (
            0,
            False,
            f"must be as long as its contents, and no longer than the ROM; its length is {length:#x}",
        )
    identity = _word(structure, 4), _word(structure, 6)
    if identity != (function.vendor_id, function.device_id):
        vendor, device = identity
        return (
            0,
            False,
            f"must be for {function.vendor_id:04X}:{function.device_id:04X}, and is for {vendor:04X}:{device:04X}",
        )
    if structure[0x14] == _CODE_FOR_PC and (total := sum(rest[:length]) & 0xFF):
        return (
            0,
            False,
            f"must have bytes that add up to 0 modulo 256, because it is for the PC; they add up to {total:#x}",
        )
    return length, bool(structure[0x15] & _LAST), ""


def _word(data: bytes, offset: int) -> int:
    return int.from_bytes(data[offset : offset + 2], "little")
