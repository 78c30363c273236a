# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The parameters of a stack location: one typed record for each kind of request (IO_STACK_LOCATION.Parameters).

In C these records are one union of 32 bytes. Here each record has storage of its own: a driver that names the wrong
record reads zeros and destroys nothing, and a record that a driver wrote is still there when the request comes back
from a driver that used another one. `read` and `write` have the same layout in C, and drivers rely on that; they are
one record here as well.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Generic, TypeVar

from dirql.nt.guid import Guid
from dirql.nt.plug_and_play import DeviceCapabilities
from dirql.nt.power import PowerSequence, PowerState, SystemPowerStateContext
from dirql.nt.resources import CmResourceList, IoResourceRequirementsList

__all__ = [
    "CreateParameters",
    "DeviceCapabilitiesParameters",
    "DeviceIoControlParameters",
    "FileSystemControlParameters",
    "FilterResourceRequirementsParameters",
    "IoSecurityContext",
    "OthersParameters",
    "Parameters",
    "PowerParameters",
    "PowerSequenceParameters",
    "QueryDeviceRelationsParameters",
    "QueryDeviceTextParameters",
    "QueryFileParameters",
    "QueryIdParameters",
    "QueryInterfaceParameters",
    "QueryVolumeParameters",
    "ReadParameters",
    "ReadWriteConfigParameters",
    "SetFileParameters",
    "SetLockParameters",
    "StartDeviceParameters",
    "UsageNotificationParameters",
    "WaitWakeParameters",
]


class ReadParameters:
    """For IRP_MJ_READ and IRP_MJ_WRITE: the number of bytes to move, and the byte at which the device should begin."""

    __slots__ = ("byte_offset", "key", "length")

    def __init__(self) -> None:
        self.length = self.key = self.byte_offset = 0


@dataclass(slots=True)
class DeviceIoControlParameters:
    """For IRP_MJ_DEVICE_CONTROL and IRP_MJ_INTERNAL_DEVICE_CONTROL; the lengths are in bytes."""

    output_buffer_length: int = 0
    input_buffer_length: int = 0
    io_control_code: int = 0
    type3_input_buffer: int | None = None


@dataclass(slots=True)
class FileSystemControlParameters:
    """For IRP_MJ_FILE_SYSTEM_CONTROL with IRP_MN_USER_FS_REQUEST; the lengths are in bytes."""

    output_buffer_length: int = 0
    input_buffer_length: int = 0
    fs_control_code: int = 0
    type3_input_buffer: int | None = None


@dataclass(slots=True)
class IoSecurityContext:
    """The access that the program asked for when it opened the device (IO_SECURITY_CONTEXT)."""

    desired_access: int = 0
    full_create_options: int = 0


@dataclass(slots=True)
class CreateParameters:
    """For IRP_MJ_CREATE; `options` has the create disposition in bits 31:24 and the FILE_ options in bits 23:0."""

    security_context: IoSecurityContext = field(default_factory=IoSecurityContext)
    options: int = 0
    file_attributes: int = 0
    share_access: int = 0
    ea_length: int = 0


@dataclass(slots=True)
class OthersParameters:
    """For requests that have no record of their own: four arguments whose meaning the two drivers agree on."""

    argument1: object = None
    argument2: object = None
    argument3: object = None
    argument4: object = None


@dataclass(slots=True)
class StartDeviceParameters:
    """For IRP_MN_START_DEVICE: two CM_RESOURCE_LISTs, as the bus sees the resources and as the processor sees them."""

    allocated_resources: CmResourceList | None = None
    allocated_resources_translated: CmResourceList | None = None


@dataclass(slots=True)
class QueryDeviceRelationsParameters:
    """For IRP_MN_QUERY_DEVICE_RELATIONS: a DEVICE_RELATION_TYPE."""

    type: int = 0


@dataclass(slots=True)
class QueryInterfaceParameters:
    """For IRP_MN_QUERY_INTERFACE: the interface that is wanted, and the object that the driver fills in."""

    interface_type: Guid | None = None
    size: int = 0
    version: int = 0
    interface: object = None
    interface_specific_data: object = None


@dataclass(slots=True)
class DeviceCapabilitiesParameters:
    """For IRP_MN_QUERY_CAPABILITIES: the DEVICE_CAPABILITIES that the driver fills in."""

    capabilities: DeviceCapabilities | None = None


@dataclass(slots=True)
class FilterResourceRequirementsParameters:
    """For IRP_MN_FILTER_RESOURCE_REQUIREMENTS: the list that the driver may change."""

    io_resource_requirement_list: IoResourceRequirementsList | None = None


@dataclass(slots=True)
class ReadWriteConfigParameters:
    """For IRP_MN_READ_CONFIG and IRP_MN_WRITE_CONFIG: `length` bytes at `offset` of a configuration space."""

    which_space: int = 0
    buffer: bytearray = field(default_factory=bytearray)
    offset: int = 0
    length: int = 0


@dataclass(slots=True)
class QueryFileParameters:
    """For IRP_MJ_QUERY_INFORMATION: the length of the system buffer, and the FILE_INFORMATION_CLASS of the answer."""

    length: int = 0
    file_information_class: int = 0


@dataclass(slots=True)
class SetFileParameters:
    """For IRP_MJ_SET_INFORMATION: the length of the system buffer, and the FILE_INFORMATION_CLASS of what is in it.

    `file_object` is the directory for a new name, which no device has.
    """

    length: int = 0
    file_information_class: int = 0
    file_object: None = None


@dataclass(slots=True)
class QueryVolumeParameters:
    """For IRP_MJ_QUERY_VOLUME_INFORMATION: the length of the system buffer, and the FS_INFORMATION_CLASS."""

    length: int = 0
    fs_information_class: int = 0


@dataclass(slots=True)
class QueryDeviceTextParameters:
    """For IRP_MN_QUERY_DEVICE_TEXT: a DEVICE_TEXT_TYPE and a locale."""

    device_text_type: int = 0
    locale_id: int = 0


@dataclass(slots=True)
class QueryIdParameters:
    """For IRP_MN_QUERY_ID: a BUS_QUERY_ID_TYPE."""

    id_type: int = 0


@dataclass(slots=True)
class SetLockParameters:
    """For IRP_MN_SET_LOCK: whether the device is to be locked in its slot, or unlocked."""

    lock: bool = False


@dataclass(slots=True)
class UsageNotificationParameters:
    """For IRP_MN_DEVICE_USAGE_NOTIFICATION: the kind of special file, and whether it comes to the device or goes."""

    in_path: bool = False
    type: int = 0


@dataclass(slots=True)
class PowerParameters:
    """For IRP_MN_SET_POWER and IRP_MN_QUERY_POWER: a POWER_STATE_TYPE, the state, and a POWER_ACTION.

    `system_context` is the number with the bits of `system_power_state_context`.
    """

    system_power_state_context: SystemPowerStateContext = field(default_factory=SystemPowerStateContext)
    type: int = 0
    state: PowerState = field(default_factory=PowerState)
    shutdown_type: int = 0

    def __post_init__(self) -> None:
        """Give a copy of a record structures of its own."""
        context = self.system_power_state_context.context_as_ulong
        self.system_power_state_context = SystemPowerStateContext(context)
        self.state = PowerState(int(self.state))

    @property
    def system_context(self) -> int:
        """The context as a number, reserved on NT before Windows Vista."""
        return self.system_power_state_context.context_as_ulong

    @system_context.setter
    def system_context(self, value: int) -> None:
        self.system_power_state_context.context_as_ulong = value


@dataclass(slots=True)
class WaitWakeParameters:
    """For IRP_MN_WAIT_WAKE: the deepest SYSTEM_POWER_STATE from which the device is to wake the system."""

    power_state: int = 0


@dataclass(slots=True)
class PowerSequenceParameters:
    """For IRP_MN_POWER_SEQUENCE: the POWER_SEQUENCE that the driver fills in."""

    power_sequence: PowerSequence | None = None


_Record = TypeVar("_Record")


class _MadeWhenNamed(Generic[_Record]):
    """An attribute of `Parameters` whose record is made when it is named for the first time.

    The record then is an ordinary attribute of the instance, which Python finds without this descriptor. Making all
    records at once would take 2 µs for each stack location.
    """

    def __init__(self, kind: type[_Record]) -> None:
        self._kind = kind

    def __set_name__(self, owner: type[Parameters], name: str) -> None:
        self._name = name

    def __get__(self, parameters: Parameters, owner: type[Parameters]) -> _Record:
        record = self._kind()
        vars(parameters)[self._name] = record
        parameters.named += (self._name,)
        return record


class Parameters:
    """All records of one stack location."""

    __slots__ = ("__dict__", "named", "read")

    create = _MadeWhenNamed(CreateParameters)
    device_capabilities = _MadeWhenNamed(DeviceCapabilitiesParameters)
    device_io_control = _MadeWhenNamed(DeviceIoControlParameters)
    file_system_control = _MadeWhenNamed(FileSystemControlParameters)
    filter_resource_requirements = _MadeWhenNamed(FilterResourceRequirementsParameters)
    others = _MadeWhenNamed(OthersParameters)
    power = _MadeWhenNamed(PowerParameters)
    power_sequence = _MadeWhenNamed(PowerSequenceParameters)
    query_device_relations = _MadeWhenNamed(QueryDeviceRelationsParameters)
    query_device_text = _MadeWhenNamed(QueryDeviceTextParameters)
    query_file = _MadeWhenNamed(QueryFileParameters)
    query_id = _MadeWhenNamed(QueryIdParameters)
    query_interface = _MadeWhenNamed(QueryInterfaceParameters)
    query_volume = _MadeWhenNamed(QueryVolumeParameters)
    read_write_config = _MadeWhenNamed(ReadWriteConfigParameters)
    set_lock = _MadeWhenNamed(SetLockParameters)
    set_file = _MadeWhenNamed(SetFileParameters)
    start_device = _MadeWhenNamed(StartDeviceParameters)
    wait_wake = _MadeWhenNamed(WaitWakeParameters)
    usage_notification = _MadeWhenNamed(UsageNotificationParameters)

    def __init__(self) -> None:
        self.read = ReadParameters()
        self.named: tuple[str, ...] = ()
        """The names of the records, besides `read`, that exist."""

    @property
    def write(self) -> ReadParameters:
        """The record of IRP_MJ_WRITE, which is the record of IRP_MJ_READ."""
        return self.read

    def clear(self) -> None:
        """Make every record zero again."""
        read = self.read
        read.length = read.key = read.byte_offset = 0
        if self.named:
            self.forget()

    def copy_from(self, other: Parameters) -> None:
        """Make every record equal to the other's.

        `read` exists always and is copied by hand: `dataclasses.replace` takes 0.8 µs, and a request goes through
        this once for each driver (bench/io_paths.py, "a request through 3 drivers").
        """
        mine, theirs = self.read, other.read
        mine.length, mine.key, mine.byte_offset = theirs.length, theirs.key, theirs.byte_offset
        if self.named:
            self.forget()
        if other.named:
            self.named = other.named
            vars(self).update({name: replace(vars(other)[name]) for name in other.named})

    def forget(self) -> None:
        """Drop the records that were made because they were named."""
        for name in self.named:
            delattr(self, name)
        self.named = ()
