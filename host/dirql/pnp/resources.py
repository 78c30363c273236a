# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Hardware resources as drivers receive them (CM_RESOURCE_LIST) and as a device asks for them.

IRP_MN_START_DEVICE carries two lists of equal length and order: raw, as the device is to be programmed, and translated,
as drivers map and connect (row PNP-19).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from dirql.nt.constants import (
    CM_RESOURCE_INTERRUPT_LATCHED,
    CM_RESOURCE_INTERRUPT_MESSAGE,
    CM_RESOURCE_MEMORY_PREFETCHABLE,
    CM_RESOURCE_PORT_IO,
    CmResourceShareDeviceExclusive,
    CmResourceShareShared,
    CmResourceTypeInterrupt,
    CmResourceTypeMemory,
    CmResourceTypePort,
    PCIBus,
)

__all__ = [
    "CmFullResourceDescriptor",
    "CmPartialResourceDescriptor",
    "CmPartialResourceList",
    "CmResourceData",
    "CmResourceInterrupt",
    "CmResourceList",
    "CmResourceRange",
    "ResourceRequirements",
    "WindowRequirement",
    "interrupt_descriptor",
    "window_descriptor",
]


@dataclass(frozen=True, slots=True)
class CmResourceRange:
    """`u.memory` and `u.port`: a bus address and a length in bytes."""

    start: int = 0
    length: int = 0


@dataclass(frozen=True, slots=True)
class CmResourceInterrupt:
    """`u.interrupt`.

    Raw: the controller's input as level and vector. Translated: the IRQL and the vector to connect. Of a message, the
    raw descriptor has the address and the data that the device writes.
    """

    level: int = 0
    vector: int = 0
    affinity: int = 0
    message_address: int = 0
    message_data: int = 0


@dataclass(frozen=True, slots=True)
class CmResourceData:
    """The union of a descriptor; the part that its type names counts."""

    memory: CmResourceRange = field(default_factory=CmResourceRange)
    port: CmResourceRange = field(default_factory=CmResourceRange)
    interrupt: CmResourceInterrupt = field(default_factory=CmResourceInterrupt)


@dataclass(frozen=True, slots=True)
class CmPartialResourceDescriptor:
    """One resource (CM_PARTIAL_RESOURCE_DESCRIPTOR); `type` is a CmResourceType."""

    type: int
    share_disposition: int
    flags: int
    u: CmResourceData


@dataclass(frozen=True, slots=True)
class CmPartialResourceList:
    """The resources of one device on one bus (CM_PARTIAL_RESOURCE_LIST)."""

    partial_descriptors: tuple[CmPartialResourceDescriptor, ...]
    version: int = 1
    revision: int = 1

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.partial_descriptors)


@dataclass(frozen=True, slots=True)
class CmFullResourceDescriptor:
    """A list and the bus it is for (CM_FULL_RESOURCE_DESCRIPTOR)."""

    partial_resource_list: CmPartialResourceList
    interface_type: int = PCIBus
    bus_number: int = 0


@dataclass(frozen=True, slots=True)
class CmResourceList:
    """What a device was given (CM_RESOURCE_LIST); one full descriptor."""

    list: tuple[CmFullResourceDescriptor, ...]

    @property
    def count(self) -> int:
        """How many full descriptors there are."""
        return len(self.list)

    @classmethod
    def of(cls, descriptors: tuple[CmPartialResourceDescriptor, ...]) -> CmResourceList:
        """A list with one full descriptor for PCI bus 0."""
        return cls((CmFullResourceDescriptor(CmPartialResourceList(descriptors)),))


def window_descriptor(
    *, memory: bool, start: int, length: int, prefetchable: bool
) -> CmPartialResourceDescriptor:
    """A range of memory or of ports; raw and translated are alike, since the bus maps one to one."""
    where = CmResourceRange(start, length)
    if not memory:
        return CmPartialResourceDescriptor(
            CmResourceTypePort,
            CmResourceShareDeviceExclusive,
            CM_RESOURCE_PORT_IO,
            CmResourceData(port=where),
        )
    flags = CM_RESOURCE_MEMORY_PREFETCHABLE if prefetchable else 0
    return CmPartialResourceDescriptor(
        CmResourceTypeMemory, CmResourceShareDeviceExclusive, flags, CmResourceData(memory=where)
    )


def interrupt_descriptor(
    what: CmResourceInterrupt, *, latched: bool, message: bool
) -> CmPartialResourceDescriptor:
    """An interrupt; messages are latched and never shared, lines may be shared (row INT-13)."""
    flags = (CM_RESOURCE_INTERRUPT_LATCHED if latched else 0) | (
        CM_RESOURCE_INTERRUPT_LATCHED | CM_RESOURCE_INTERRUPT_MESSAGE if message else 0
    )
    share = CmResourceShareDeviceExclusive if message else CmResourceShareShared
    return CmPartialResourceDescriptor(CmResourceTypeInterrupt, share, flags, CmResourceData(interrupt=what))


@dataclass(frozen=True, slots=True)
class WindowRequirement:
    """A range that a base address register asks for: `size` bytes, a power of two and its own alignment."""

    memory: bool
    size: int
    prefetchable: bool = False


@dataclass(frozen=True, slots=True)
class ResourceRequirements:
    """What a device asks for (IO_RESOURCE_REQUIREMENTS_LIST, without its alternatives)."""

    windows: tuple[WindowRequirement, ...]
    interrupt_pin: int
    """1 for INTA to 4 for INTD; 0 for none."""
    messages: int
    """How many messages the device can send; 0 for none."""
