# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The parameters of a stack location: one typed record for each kind of request (IO_STACK_LOCATION.Parameters).

In C these records share their storage; here each is its own, so naming the wrong one reads zeros and destroys nothing.
Reads and writes have one layout in C, and drivers rely on it, so `read` and `write` are one record.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import TypeVar, cast

__all__ = [
    "CreateParameters",
    "DeviceCapabilitiesParameters",
    "DeviceIoControlParameters",
    "FilterResourceRequirementsParameters",
    "OthersParameters",
    "Parameters",
    "PowerParameters",
    "QueryDeviceRelationsParameters",
    "QueryDeviceTextParameters",
    "QueryIdParameters",
    "QueryInterfaceParameters",
    "ReadParameters",
    "ReadWriteConfigParameters",
    "StartDeviceParameters",
]


@dataclass(slots=True)
class ReadParameters:
    """Of IRP_MJ_READ and IRP_MJ_WRITE: bytes to move, and where the device should begin."""

    length: int = 0
    key: int = 0
    byte_offset: int = 0


@dataclass(slots=True)
class DeviceIoControlParameters:
    """Of IRP_MJ_DEVICE_CONTROL and IRP_MJ_INTERNAL_DEVICE_CONTROL; lengths in bytes."""

    output_buffer_length: int = 0
    input_buffer_length: int = 0
    io_control_code: int = 0
    type3_input_buffer: int | None = None


@dataclass(slots=True)
class CreateParameters:
    """Of IRP_MJ_CREATE; `options` holds the FILE_ options, `desired_access` what the opener asked for."""

    desired_access: int = 0
    options: int = 0
    file_attributes: int = 0
    share_access: int = 0


@dataclass(slots=True)
class OthersParameters:
    """Of whatever has no record of its own: four arguments that the two drivers agree on."""

    argument1: object = None
    argument2: object = None
    argument3: object = None
    argument4: object = None


@dataclass(slots=True)
class StartDeviceParameters:
    """Of IRP_MN_START_DEVICE: a CM_RESOURCE_LIST each, as the bus sees it and as the processor does."""

    allocated_resources: object = None
    allocated_resources_translated: object = None


@dataclass(slots=True)
class QueryDeviceRelationsParameters:
    """Of IRP_MN_QUERY_DEVICE_RELATIONS: a DEVICE_RELATION_TYPE."""

    type: int = 0


@dataclass(slots=True)
class QueryInterfaceParameters:
    """Of IRP_MN_QUERY_INTERFACE: which interface is wanted, and where it is put."""

    interface_type: str = ""
    size: int = 0
    version: int = 0
    interface: object = None
    interface_specific_data: object = None


@dataclass(slots=True)
class DeviceCapabilitiesParameters:
    """Of IRP_MN_QUERY_CAPABILITIES: the structure to fill in."""

    capabilities: object = None


@dataclass(slots=True)
class FilterResourceRequirementsParameters:
    """Of IRP_MN_FILTER_RESOURCE_REQUIREMENTS: the list to change."""

    io_resource_requirement_list: object = None


@dataclass(slots=True)
class ReadWriteConfigParameters:
    """Of IRP_MN_READ_CONFIG and IRP_MN_WRITE_CONFIG: bytes at `offset` of a space, to or from `buffer`."""

    which_space: int = 0
    buffer: bytearray = field(default_factory=bytearray)
    offset: int = 0
    length: int = 0


@dataclass(slots=True)
class QueryDeviceTextParameters:
    """Of IRP_MN_QUERY_DEVICE_TEXT: a DEVICE_TEXT_TYPE and a locale."""

    device_text_type: int = 0
    locale_id: int = 0


@dataclass(slots=True)
class QueryIdParameters:
    """Of IRP_MN_QUERY_ID: a BUS_QUERY_ID_TYPE."""

    id_type: int = 0


@dataclass(slots=True)
class PowerParameters:
    """Of IRP_MJ_POWER: a POWER_STATE_TYPE and the state."""

    type: int = 0
    state: int = 0


_Record = TypeVar("_Record")


class Parameters:
    """All records of one stack location; those of the I/O path exist from the start, the others when named."""

    __slots__ = ("device_io_control", "rare", "read", "write")

    def __init__(self) -> None:
        self.read = ReadParameters()
        self.write = self.read
        self.device_io_control = DeviceIoControlParameters()
        self.rare: dict[type, object] | None = None

    def clear(self) -> None:
        """All zero again."""
        read = self.read
        read.length = read.key = read.byte_offset = 0
        control = self.device_io_control
        control.output_buffer_length = control.input_buffer_length = control.io_control_code = 0
        control.type3_input_buffer = None
        self.rare = None

    def copy_from(self, other: Parameters) -> None:
        """Make every record equal to the other's."""
        mine, its = self.read, other.read
        mine.length = its.length
        mine.key = its.key
        mine.byte_offset = its.byte_offset
        control, its_control = self.device_io_control, other.device_io_control
        control.output_buffer_length = its_control.output_buffer_length
        control.input_buffer_length = its_control.input_buffer_length
        control.io_control_code = its_control.io_control_code
        control.type3_input_buffer = its_control.type3_input_buffer
        rare = other.rare
        self.rare = None if rare is None else {kind: copy.copy(record) for kind, record in rare.items()}

    def _named(self, kind: type[_Record]) -> _Record:
        """The record of that kind, made when it is named for the first time."""
        if self.rare is None:
            self.rare = {}
        if kind not in self.rare:
            self.rare[kind] = kind()
        return cast(_Record, self.rare[kind])

    @property
    def create(self) -> CreateParameters:
        """The record of IRP_MJ_CREATE."""
        return self._named(CreateParameters)

    @property
    def others(self) -> OthersParameters:
        """The record of requests without one of their own."""
        return self._named(OthersParameters)

    @property
    def start_device(self) -> StartDeviceParameters:
        """The record of IRP_MN_START_DEVICE."""
        return self._named(StartDeviceParameters)

    @property
    def query_device_relations(self) -> QueryDeviceRelationsParameters:
        """The record of IRP_MN_QUERY_DEVICE_RELATIONS."""
        return self._named(QueryDeviceRelationsParameters)

    @property
    def query_interface(self) -> QueryInterfaceParameters:
        """The record of IRP_MN_QUERY_INTERFACE."""
        return self._named(QueryInterfaceParameters)

    @property
    def device_capabilities(self) -> DeviceCapabilitiesParameters:
        """The record of IRP_MN_QUERY_CAPABILITIES."""
        return self._named(DeviceCapabilitiesParameters)

    @property
    def filter_resource_requirements(self) -> FilterResourceRequirementsParameters:
        """The record of IRP_MN_FILTER_RESOURCE_REQUIREMENTS."""
        return self._named(FilterResourceRequirementsParameters)

    @property
    def read_write_config(self) -> ReadWriteConfigParameters:
        """The record of IRP_MN_READ_CONFIG and IRP_MN_WRITE_CONFIG."""
        return self._named(ReadWriteConfigParameters)

    @property
    def query_device_text(self) -> QueryDeviceTextParameters:
        """The record of IRP_MN_QUERY_DEVICE_TEXT."""
        return self._named(QueryDeviceTextParameters)

    @property
    def query_id(self) -> QueryIdParameters:
        """The record of IRP_MN_QUERY_ID."""
        return self._named(QueryIdParameters)

    @property
    def power(self) -> PowerParameters:
        """The record of IRP_MJ_POWER."""
        return self._named(PowerParameters)
