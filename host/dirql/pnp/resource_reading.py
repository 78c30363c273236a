# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Resource lists of the bytes that C has for them, on x64: the way back of resource_bytes.py.

`read(address, size)` gives the bytes at an address.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Final

from dirql.nt.addresses import PhysicalAddress
from dirql.nt.constants import (
    CmResourceTypeBusNumber,
    CmResourceTypeDma,
    CmResourceTypeInterrupt,
    CmResourceTypeMemory,
    CmResourceTypePort,
)
from dirql.nt.resources import (
    CmFullResourceDescriptor,
    CmPartialResourceDescriptor,
    CmPartialResourceList,
    CmResourceList,
    IoResourceDescriptor,
    IoResourceList,
    IoResourceRequirementsList,
)

__all__ = ["read_requirements", "read_resource_list"]

Read = Callable[[int, int], bytes]

_COUNT: Final = struct.Struct("<I")
_FULL: Final = struct.Struct("<iIHHI")
_PARTIAL: Final = struct.Struct("<BBH16s")
_RANGE: Final = struct.Struct("<QI4x")
_INTERRUPT: Final = struct.Struct("<IIQ")
_NUMBERS: Final = struct.Struct("<II8x")
_REQUIREMENTS: Final = struct.Struct("<IiII12xI")
_ALTERNATIVE: Final = struct.Struct("<HHI")
_WANTED: Final = struct.Struct("<BBBxH2x24s")
_WANTED_RANGE: Final = struct.Struct("<IIQQ")
_WANTED_NUMBERS: Final = struct.Struct("<II16x")


def read_resource_list(read: Read, address: int) -> CmResourceList:
    """The CM_RESOURCE_LIST at an address."""
    (count,) = _COUNT.unpack(read(address, _COUNT.size))
    address += _COUNT.size
    found = []
    for _ in range(count):
        kind, bus, version, revision, inner = _FULL.unpack(read(address, _FULL.size))
        contents = read(address + _FULL.size, inner * _PARTIAL.size)
        address += _FULL.size + len(contents)
        partial = tuple(_descriptor(*each) for each in _PARTIAL.iter_unpack(contents))
        found.append(CmFullResourceDescriptor(kind, bus, CmPartialResourceList(partial, version, revision)))
    return CmResourceList(tuple(found))


def _descriptor(kind: int, share: int, flags: int, union: bytes) -> CmPartialResourceDescriptor:
    made = CmPartialResourceDescriptor(kind, share, flags)
    if kind in (CmResourceTypeMemory, CmResourceTypePort):
        where = made.u.memory if kind == CmResourceTypeMemory else made.u.port
        start, where.length = _RANGE.unpack(union)
        where.start = PhysicalAddress(start)
    elif kind == CmResourceTypeInterrupt:
        interrupt = made.u.interrupt
        interrupt.level, interrupt.vector, interrupt.affinity = _INTERRUPT.unpack(union)
    elif kind == CmResourceTypeDma:
        made.u.dma.channel, made.u.dma.port = _NUMBERS.unpack(union)
    elif kind == CmResourceTypeBusNumber:
        made.u.bus_number.start, made.u.bus_number.length = _NUMBERS.unpack(union)
    return made


def read_requirements(read: Read, address: int) -> IoResourceRequirementsList:
    """The IO_RESOURCE_REQUIREMENTS_LIST at an address."""
    _, kind, bus, slot, count = _REQUIREMENTS.unpack(read(address, _REQUIREMENTS.size))
    address += _REQUIREMENTS.size
    lists = []
    for _ in range(count):
        version, revision, inner = _ALTERNATIVE.unpack(read(address, _ALTERNATIVE.size))
        contents = read(address + _ALTERNATIVE.size, inner * _WANTED.size)
        address += _ALTERNATIVE.size + len(contents)
        wanted = [_requirement(*each) for each in _WANTED.iter_unpack(contents)]
        lists.append(IoResourceList(wanted, version, revision))
    return IoResourceRequirementsList(kind, bus, slot, lists)


def _requirement(option: int, kind: int, share: int, flags: int, union: bytes) -> IoResourceDescriptor:
    made = IoResourceDescriptor(kind, share, flags, option)
    if kind in (CmResourceTypeMemory, CmResourceTypePort):
        where = made.u.memory if kind == CmResourceTypeMemory else made.u.port
        where.length, where.alignment, lowest, highest = _WANTED_RANGE.unpack(union)
        where.minimum_address, where.maximum_address = PhysicalAddress(lowest), PhysicalAddress(highest)
    elif kind == CmResourceTypeInterrupt:
        interrupt = made.u.interrupt
        interrupt.minimum_vector, interrupt.maximum_vector = _WANTED_NUMBERS.unpack(union)
    elif kind == CmResourceTypeDma:
        made.u.dma.minimum_channel, made.u.dma.maximum_channel = _WANTED_NUMBERS.unpack(union)
    return made
