# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Resource lists as the bytes that C has for them, on x64: for properties of devices and for the registry."""

from __future__ import annotations

import struct

from dirql.nt.constants import (
    CmResourceTypeBusNumber,
    CmResourceTypeDma,
    CmResourceTypeInterrupt,
    CmResourceTypeMemory,
    CmResourceTypePort,
)
from dirql.nt.resources import (
    CmPartialResourceDescriptor,
    CmResourceList,
    CmResourceRange,
    IoResourceDescriptor,
    IoResourceList,
    IoResourceRequirementsList,
)

__all__ = ["requirements_bytes", "resource_list_bytes"]

# CM_PARTIAL_RESOURCE_DESCRIPTOR is packed to 4 bytes: a head of 4, and a union of 16.
_HEAD = struct.Struct("<BBH")
_RANGE = struct.Struct("<QI4x")
_INTERRUPT = struct.Struct("<IIQ")
_NUMBERS = struct.Struct("<III4x")
# IO_RESOURCE_DESCRIPTOR: a head of 8, and a union of 24.
_WANTED_HEAD = struct.Struct("<BBBBHH")
_WANTED_RANGE = struct.Struct("<IIQQ")
_WANTED_NUMBERS = struct.Struct("<II16x")
_ALL_64 = (1 << 64) - 1
_LIST_HEAD = struct.Struct("<HHI")


def resource_list_bytes(resources: CmResourceList) -> bytes:
    """The bytes of a CM_RESOURCE_LIST."""
    parts = [struct.pack("<I", resources.count)]
    for full in resources.list:
        partial = full.partial_resource_list
        parts.append(struct.pack("<iI", full.interface_type, full.bus_number))
        parts.append(_LIST_HEAD.pack(partial.version, partial.revision, partial.count))
        parts += [_descriptor(each) for each in partial.partial_descriptors]
    return b"".join(parts)


def requirements_bytes(wanted: IoResourceRequirementsList) -> bytes:
    """The bytes of an IO_RESOURCE_REQUIREMENTS_LIST."""
    lists = b"".join(_alternative(each) for each in wanted.list)
    head = struct.Struct("<IiII12xI")
    size = head.size + len(lists)
    return (
        head.pack(
            size, wanted.interface_type, wanted.bus_number, wanted.slot_number, wanted.alternative_lists
        )
        + lists
    )


def _descriptor(resource: CmPartialResourceDescriptor) -> bytes:
    head = _HEAD.pack(resource.type, resource.share_disposition, resource.flags)
    where = resource.u
    if resource.type == CmResourceTypeMemory:
        return head + _range(where.memory)
    if resource.type == CmResourceTypePort:
        return head + _range(where.port)
    if resource.type == CmResourceTypeInterrupt:
        interrupt = where.interrupt
        return head + _INTERRUPT.pack(
            _ulong(interrupt.level), _ulong(interrupt.vector), interrupt.affinity & _ALL_64
        )
    if resource.type == CmResourceTypeDma:
        return head + _NUMBERS.pack(_ulong(where.dma.channel), _ulong(where.dma.port), 0)
    if resource.type == CmResourceTypeBusNumber:
        return head + _NUMBERS.pack(_ulong(where.bus_number.start), _ulong(where.bus_number.length), 0)
    return head + bytes(16)


def _range(where: CmResourceRange) -> bytes:
    return _RANGE.pack(where.start & _ALL_64, _ulong(where.length))


def _ulong(value: int) -> int:
    return value & 0xFFFF_FFFF


def _alternative(wanted: IoResourceList) -> bytes:
    head = _LIST_HEAD.pack(wanted.version, wanted.revision, wanted.count)
    return head + b"".join(_requirement(each) for each in wanted.descriptors)


def _requirement(wanted: IoResourceDescriptor) -> bytes:
    head = _WANTED_HEAD.pack(wanted.option, wanted.type, wanted.share_disposition, 0, wanted.flags, 0)
    if wanted.type == CmResourceTypeInterrupt:
        interrupt = wanted.u.interrupt
        return head + _WANTED_NUMBERS.pack(interrupt.minimum_vector, interrupt.maximum_vector)
    if wanted.type == CmResourceTypeDma:
        dma = wanted.u.dma
        return head + _WANTED_NUMBERS.pack(dma.minimum_channel, dma.maximum_channel)
    if wanted.type in (CmResourceTypeMemory, CmResourceTypePort):
        where = wanted.u.memory if wanted.type == CmResourceTypeMemory else wanted.u.port
        limits = (where.minimum_address, where.maximum_address)
        return head + _WANTED_RANGE.pack(where.length, where.alignment, *limits)
    return head + bytes(24)
