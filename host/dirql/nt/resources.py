# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Hardware resources: the lists of resources that a device gets (CM_…) and that it asks for (IO_RESOURCE_…).

IRP_MN_START_DEVICE carries two CM_RESOURCE_LISTs of equal length and order: the raw one says how the device is to be
programmed, the translated one says what the driver maps and connects (row PNP-19). A union of C is an object `u` here,
with one attribute for each member; the descriptor's `type` says which of them counts.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from dirql.nt.addresses import PhysicalAddress

__all__ = [
    "CmFullResourceDescriptor",
    "CmPartialResourceDescriptor",
    "CmPartialResourceList",
    "CmResourceBusNumber",
    "CmResourceData",
    "CmResourceDma",
    "CmResourceInterrupt",
    "CmResourceList",
    "CmResourceRange",
    "IoResourceData",
    "IoResourceDescriptor",
    "IoResourceDma",
    "IoResourceInterrupt",
    "IoResourceList",
    "IoResourceRange",
    "IoResourceRequirementsList",
]

_ZERO = PhysicalAddress(0)


@dataclass(slots=True)
class CmResourceRange:
    """The members `u.memory` and `u.port` of a descriptor: the beginning of a range, and the number of bytes."""

    start: PhysicalAddress = _ZERO
    length: int = 0


@dataclass(slots=True)
class CmResourceInterrupt:
    """The member `u.interrupt` of a descriptor.

    In a raw list `level` and `vector` are the input of the interrupt controller, which for a message is also the datum
    that the device must write to the doorbell. In a translated list they are the IRQL and the vector for
    IoConnectInterrupt.
    """

    level: int = 0
    vector: int = 0
    affinity: int = 0


@dataclass(slots=True)
class CmResourceDma:
    """The member `u.dma` of a descriptor: the number of a system DMA channel."""

    channel: int = 0
    port: int = 0


@dataclass(slots=True)
class CmResourceBusNumber:
    """The member `u.bus_number` of a descriptor: the numbers that a bus, and the buses below it, may use."""

    start: int = 0
    length: int = 0


@dataclass(slots=True)
class CmResourceData:
    """The union `u` of a CM_PARTIAL_RESOURCE_DESCRIPTOR."""

    memory: CmResourceRange = field(default_factory=CmResourceRange)
    port: CmResourceRange = field(default_factory=CmResourceRange)
    interrupt: CmResourceInterrupt = field(default_factory=CmResourceInterrupt)
    dma: CmResourceDma = field(default_factory=CmResourceDma)
    bus_number: CmResourceBusNumber = field(default_factory=CmResourceBusNumber)


@dataclass(slots=True)
class CmPartialResourceDescriptor:
    """One resource of a device (CM_PARTIAL_RESOURCE_DESCRIPTOR); `type` is one of the CmResourceType constants."""

    type: int = 0
    share_disposition: int = 0
    flags: int = 0
    u: CmResourceData = field(default_factory=CmResourceData)


@dataclass(slots=True)
class CmPartialResourceList:
    """All resources of one device on one bus (CM_PARTIAL_RESOURCE_LIST)."""

    partial_descriptors: tuple[CmPartialResourceDescriptor, ...] = ()
    version: int = 1
    revision: int = 1

    @property
    def count(self) -> int:
        """The number of descriptors."""
        return len(self.partial_descriptors)


@dataclass(slots=True)
class CmFullResourceDescriptor:
    """A list of resources, and the bus to which they belong (CM_FULL_RESOURCE_DESCRIPTOR)."""

    interface_type: int = 0
    bus_number: int = 0
    partial_resource_list: CmPartialResourceList = field(default_factory=CmPartialResourceList)


@dataclass(slots=True)
class CmResourceList:
    """The resources that a device was given (CM_RESOURCE_LIST); Plug and Play fills in one full descriptor."""

    list: tuple[CmFullResourceDescriptor, ...] = ()

    @property
    def count(self) -> int:
        """The number of full descriptors."""
        return len(self.list)


@dataclass(slots=True)
class IoResourceRange:
    """The members `u.memory` and `u.port` of a requirement: bytes, alignment, first and last address allowed."""

    length: int = 0
    alignment: int = 1
    minimum_address: PhysicalAddress = _ZERO
    maximum_address: PhysicalAddress = _ZERO


@dataclass(slots=True)
class IoResourceInterrupt:
    """The member `u.interrupt` of a requirement: the first and the last vector allowed, as the bus counts them.

    On a PCI bus the vectors of lines are the pins, 1 for INTA to 4 for INTD. Messages end at
    CM_RESOURCE_INTERRUPT_MESSAGE_TOKEN.
    """

    minimum_vector: int = 0
    maximum_vector: int = 0


@dataclass(slots=True)
class IoResourceDma:
    """The member `u.dma` of a requirement: the first and the last system DMA channel allowed."""

    minimum_channel: int = 0
    maximum_channel: int = 0


@dataclass(slots=True)
class IoResourceData:
    """The union `u` of an IO_RESOURCE_DESCRIPTOR."""

    memory: IoResourceRange = field(default_factory=IoResourceRange)
    port: IoResourceRange = field(default_factory=IoResourceRange)
    interrupt: IoResourceInterrupt = field(default_factory=IoResourceInterrupt)
    dma: IoResourceDma = field(default_factory=IoResourceDma)


@dataclass(slots=True)
class IoResourceDescriptor:
    """One resource that a device asks for (IO_RESOURCE_DESCRIPTOR); `type` is one of the CmResourceType constants."""

    type: int = 0
    share_disposition: int = 0
    flags: int = 0
    option: int = 0
    u: IoResourceData = field(default_factory=IoResourceData)


@dataclass(slots=True)
class IoResourceList:
    """Resources that a device needs together (IO_RESOURCE_LIST)."""

    descriptors: list[IoResourceDescriptor] = field(default_factory=list)
    version: int = 1
    revision: int = 1

    @property
    def count(self) -> int:
        """The number of descriptors."""
        return len(self.descriptors)


@dataclass(slots=True)
class IoResourceRequirementsList:
    """The resources that a device asks for (IO_RESOURCE_REQUIREMENTS_LIST).

    Each entry of `list` is a complete alternative; Plug and Play grants the first.
    """

    interface_type: int = 0
    bus_number: int = 0
    slot_number: int = 0
    list: list[IoResourceList] = field(default_factory=list)

    @property
    def alternative_lists(self) -> int:
        """The number of alternatives."""
        return len(self.list)
