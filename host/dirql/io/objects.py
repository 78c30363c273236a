# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The structures of the I/O system: packets, device objects, driver objects and file objects.

They stand in one file because each refers to the others, as they do in wdm.h. A method here reads and changes only the
object that it belongs to. Whatever calls a driver or needs the I/O manager is a function in a file above this one.

A stack location belongs to one driver of a stack. The last location of `Irp.locations` is the top driver's, and
`Irp.current_location` counts down from `stack_count + 1` as the request goes down.
"""

from __future__ import annotations

from collections.abc import Callable
from types import CodeType
from typing import Final, Protocol

from dirql.io import packet
from dirql.io.device_fields import DeviceFields
from dirql.io.driver_members import DriverMembers
from dirql.io.field_values import check_table
from dirql.io.file_fields import FileFields
from dirql.io.interrupt_resource import InterruptResource
from dirql.io.location_fields import LocationFields
from dirql.io.packet_fields import NOBODY, PacketFields
from dirql.io.parameters import Parameters
from dirql.io.power_states import PowerStates
from dirql.io.start_io_state import StartIoState
from dirql.io.status_block import IoStatusBlock
from dirql.ke.current import current
from dirql.ke.objects.device_queue import DeviceQueue, DeviceQueueEntry
from dirql.ke.processors.dpc import Dpc
from dirql.ke.threads.thread import Thread
from dirql.nt.constants import (
    DOE_DELETE_PENDING,
    DRVO_LEGACY_DRIVER,
    IO_TYPE_DEVICE,
    IO_TYPE_DEVICE_OBJECT_EXTENSION,
    IO_TYPE_DRIVER,
    IO_TYPE_IRP,
    IRP_MJ_MAXIMUM_FUNCTION,
    SL_INVOKE_ON_CANCEL,
    SL_INVOKE_ON_ERROR,
    SL_INVOKE_ON_SUCCESS,
    SL_PENDING_RETURNED,
)
from dirql.nt.status import STATUS_SUCCESS
from dirql.ob.object import Object
from dirql.rtl.links import ListEntry
from dirql.se.descriptor import Descriptor

__all__ = [
    "AddDeviceRoutine",
    "CancelRoutine",
    "CompletionRoutine",
    "DeviceObject",
    "DeviceObjectExtension",
    "DispatchRoutine",
    "DriverEntry",
    "DriverExtension",
    "DriverObject",
    "FileObject",
    "IoStackLocation",
    "Irp",
    "IrpDeviceQueueEntry",
    "IrpOwner",
    "Overlay",
    "StartIoRoutine",
    "Tail",
    "UnloadRoutine",
]

_INVOKE_ALWAYS: Final = SL_INVOKE_ON_SUCCESS | SL_INVOKE_ON_ERROR | SL_INVOKE_ON_CANCEL

DispatchRoutine = Callable[["DeviceObject", "Irp"], int]
StartIoRoutine = Callable[["DeviceObject", "Irp"], None]
CompletionRoutine = Callable[["DeviceObject | None", "Irp", object], int]
CancelRoutine = Callable[["DeviceObject", "Irp"], None]
AddDeviceRoutine = Callable[["DriverObject", "DeviceObject"], int]
UnloadRoutine = Callable[["DriverObject"], None]
DriverEntry = Callable[["DriverObject", str], int]


class IrpDeviceQueueEntry(DeviceQueueEntry):
    """The place of a request in a device queue; `irp` is the object that CONTAINING_RECORD computes in C."""

    __slots__ = ("irp",)

    def __init__(self, irp: Irp) -> None:
        super().__init__()
        self.irp = irp


class Overlay(DriverMembers):
    """The fields of an IRP that the driver which owns the request may use, and the thread that made the request."""

    __slots__ = ("_irp", "original_file_object", "queue_entry", "thread")

    def __init__(self, irp: Irp) -> None:
        self._irp = irp
        self._driver_context = self._list_entry = None
        self.queue_entry: IrpDeviceQueueEntry | None = None
        self.original_file_object: FileObject | None = None
        self.thread: Thread | None = None

    @property
    def device_queue_entry(self) -> IrpDeviceQueueEntry:
        """The place of the request in a device queue, made when it is named for the first time."""
        if self.queue_entry is None:
            self.queue_entry = IrpDeviceQueueEntry(self._irp)
        return self.queue_entry

    @property
    def list_entry(self) -> ListEntry:
        """The link of the request in a list of the driver that owns it."""
        return self._list_entry or self.make_list_entry(self._irp)

    @property
    def current_stack_location(self) -> IoStackLocation:
        """The location of the driver that has the request now."""
        return self._irp.get_current_stack_location()

    def clear(self) -> None:
        """Set every field to zero that a driver may set."""
        self.thread = self.original_file_object = None
        self.clear_context()


class Tail:
    """The last part of an IRP; `overlay` is the only member of this union that drivers use."""

    __slots__ = ("overlay",)

    def __init__(self, irp: Irp) -> None:
        self.overlay = Overlay(irp)


class IoStackLocation(LocationFields["FileObject"]):
    """The part of a request that belongs to one driver of the stack (IO_STACK_LOCATION)."""

    __slots__ = (
        "completion_routine",
        "context",
        "control",
        "device_object",
        "outcome",
        "sender",
        "sent_at",
        "sent_code",
    )

    sender: object
    """The driver that sent the packet here last, if the place is known: instruction `sent_at` of `sent_code`."""
    sent_code: CodeType
    sent_at: int

    def __init__(self) -> None:
        self.left = self.sent = self.outcome = self.prepared = 0
        """The completions that have left here, the number of the one to come, the value that suits the last, and how
        many had left when a driver asked for the location last in order to fill it."""
        self.major_function = self.stored_minor = self.stored_flags = self.control = 0
        self.stored_parameters = Parameters()
        self.device_object: DeviceObject | None = None
        self.stored_file = None
        self.completion_routine: CompletionRoutine | None = None
        self.context: object = None

    def clear(self) -> None:
        """Make every field zero."""
        self.prepared = self.left
        self.major_function = self.stored_minor = self.stored_flags = self.control = 0
        self.device_object = self.stored_file = self.completion_routine = self.context = None
        self.stored_parameters.clear()

    def copy_from(self, other: IoStackLocation) -> None:
        """Copy all fields of `other` except the completion routine and `control`, which become zero."""
        if self.completion_routine is not None:
            packet.report_lost_routine(self.completion_routine)
        self.major_function = other.major_function
        self.stored_minor = other.stored_minor
        self.stored_flags = other.stored_flags
        self.device_object = other.device_object
        self.stored_file = other.stored_file
        self.completion_routine = self.context = None
        self.control = 0
        self.stored_parameters.copy_from(other.stored_parameters)

    def check_use(self, name: str) -> None:
        """Tell a driver that uses the field `name` after the completion."""
        packet.check_location(self, name)


class IrpOwner(Protocol):
    """The maker of a request, to whom the packet returns when its completion is over."""

    def complete(self, irp: Irp) -> None:
        """Take the packet back: the last completion routine has run and `irp.io_status` is final."""


class Irp(PacketFields):
    """A request on its way through a device stack (IRP)."""

    __slots__ = (
        "_tail",
        "cancel_routine",
        "io_status",
        "locations",
        "owner",
    )

    __deletable__ = ("io_status",)

    def __init__(self, stack_size: int, number: int, maker: object) -> None:
        """A packet of zeros with `stack_size` locations, 1 or more; drivers call `allocate_irp`.

        `number` tells the packet from others in messages and traces. `maker` is the driver that allocated it, None for
        the I/O manager itself.
        """
        self.number = number
        self.maker = self.holder = maker
        self.history = None
        self.io_status = IoStatusBlock(STATUS_SUCCESS, 0, self)
        self._associated_irp = None
        self._tail: Tail | None = None
        # A list comprehension is a call of its own, 0.3 of 1.2 µs for one location in bench/io_paths.py.
        self.locations = locations = [IoStackLocation()]
        while len(locations) < stack_size:
            locations.append(IoStackLocation())
        self.type = IO_TYPE_IRP
        self.stack_count = stack_size
        self.current_location = stack_size + 1
        self.stored_flags = self.allocation_flags = self.requestor_mode = self.cancel_irql = 0
        self.stored_cancel = self.stored_pending = False
        self.stored_mdl = self.stored_user_buffer = self.stored_event = self.stored_iosb = None
        self.cancel_routine: CancelRoutine | None = None
        self.owner: IrpOwner | None = None

    def __repr__(self) -> str:
        return packet.describe(self)

    def tell_end(self, name: str) -> str | None:
        """Why the packet lacks the attribute `name`, if it has come to its end, for `guard`."""
        return (
            None if self.type else packet.use_after_end(self, f"irp.{name.lstrip('_')} was read or changed")
        )

    @property
    def tail(self) -> Tail:
        """The part with the fields of the driver that owns the request."""
        if self.holder is not current.processor.driver:
            packet.check_use(self, "tail")
        part = self._tail
        if part is None:
            part = self._tail = Tail(self)
        return part

    def check_use(self, name: str) -> None:
        """Tell a driver that uses the field `name` while another driver has the packet, or after its end."""
        packet.check_use(self, name)

    def retire(self) -> None:
        """Take away what drivers use, because the packet has come to its end.

        A later use is an `AttributeError`, of which `guard` asks `tell_end`, or is caught elsewhere. `del` is slow.
        """
        self.current_location = self.stack_count + 2
        self.type = 0
        self.holder = NOBODY
        entry = None if self._tail is None else self._tail.overlay.queue_entry
        if entry is not None and entry.inserted:
            packet.report_queued(self)
        self._tail = self._associated_irp = None
        del self.io_status

    def zero(self, stack_size: int) -> None:
        """Make all fields zero, those of the parts too; the parts stay the same objects."""
        self.stack_count = stack_size
        self.current_location = stack_size + 1
        self.holder, self.history = self.maker, None
        self.stored_flags = self.allocation_flags = self.requestor_mode = self.cancel_irql = 0
        self.stored_cancel = self.stored_pending = False
        self.stored_mdl = self.stored_user_buffer = None
        self.stored_event = self.stored_iosb = self.cancel_routine = None
        self.owner = None
        self.io_status.clear()
        if self._associated_irp is not None:
            self._associated_irp.clear()
        if self._tail is not None:
            self._tail.overlay.clear()
        for location in self.locations:
            location.clear()

    def get_current_stack_location(self) -> IoStackLocation:
        """The location of the driver that has the request now; follows IoGetCurrentIrpStackLocation.

        Bug check 0xC9/0x208 when no driver has it. A driver that has passed it on or completed it is a defect.
        """
        found = Irp.current_stack_location(self)
        if (device := found.device_object) and device.driver_object is not current.processor.driver:
            packet.check_reader(self)
        return found

    def current_stack_location(self) -> IoStackLocation:
        """Do as `get_current_stack_location` for the I/O manager, whoever has the request."""
        try:
            location = self.current_location
        except AttributeError:
            packet.refuse_pointer("IoGetCurrentIrpStackLocation", self)
        if not 1 <= location <= self.stack_count:
            packet.refuse_location(self, location)
        return self.locations[location - 1]

    def get_next_stack_location(self) -> IoStackLocation:
        """The location of the driver below; follows IoGetNextIrpStackLocation. Bug check 0xC9/0x208 without one."""
        found = Irp.next_stack_location(self)
        found.prepared = found.left
        return found

    def next_stack_location(self) -> IoStackLocation:
        """Do as `get_next_stack_location` for a routine that fills the location itself."""
        try:
            location = self.current_location - 1
        except AttributeError:
            packet.refuse_pointer("IoGetNextIrpStackLocation", self)
        if not 1 <= location <= self.stack_count:
            packet.refuse_location(self, location)
        return self.locations[location - 1]

    def set_next_stack_location(self) -> None:
        """Move to the next location without calling a driver; follows IoSetNextIrpStackLocation."""
        try:
            location = self.current_location - 1
            if not 1 <= location <= self.stack_count:
                packet.refuse_location(self, location)
            self.current_location = location
            found = self.locations[location - 1]
            found.prepared = found.left
        except AttributeError:
            packet.refuse_pointer("IoSetNextIrpStackLocation", self)

    def skip_current_stack_location(self) -> None:
        """Let the driver below use this driver's own location; follows IoSkipCurrentIrpStackLocation."""
        try:
            location = self.current_location
        except AttributeError:
            packet.refuse_pointer("IoSkipCurrentIrpStackLocation", self)
        self.current_location = location + 1
        packet.note_skip(self, location)

    def copy_current_stack_location_to_next(self) -> None:
        """Give the driver below the same parameters; follows IoCopyCurrentIrpStackLocationToNext (row IRP-05)."""
        try:
            here, locations = self.current_location, self.locations
        except AttributeError:
            packet.refuse_pointer("IoGetNextIrpStackLocation", self)
        # Calls for the two locations would take 0.2 µs ("a request through 3 drivers" of bench/io_paths.py), and so
        # would one below.
        if 1 < here <= self.stack_count:
            locations[here - 2].copy_from(locations[here - 1])
        else:
            Irp.next_stack_location(self).copy_from(self.current_stack_location())

    def set_completion_routine(
        self,
        routine: CompletionRoutine | None,
        context: object,
        invoke_on_success: int,
        invoke_on_error: int,
        invoke_on_cancel: int,
    ) -> None:
        """Set the routine of the next location, called on completion; follows IoSetCompletionRoutine (row IRP-06)."""
        if not callable(routine) and routine is not None:
            packet.refuse_routine("IoSetCompletionRoutine", "CompletionRoutine", routine)
        try:
            place = self.current_location - 1
        except AttributeError:
            packet.refuse_pointer("IoGetNextIrpStackLocation", self)
        location = (
            self.locations[place - 1] if 0 < place <= self.stack_count else Irp.next_stack_location(self)
        )
        if location.sent > location.left:
            packet.report_overwritten_routine(self, location)
        location.completion_routine = routine
        location.context = context
        location.control = (
            _INVOKE_ALWAYS
            if invoke_on_success and invoke_on_error and invoke_on_cancel
            else (SL_INVOKE_ON_SUCCESS if invoke_on_success else 0)
            | (SL_INVOKE_ON_ERROR if invoke_on_error else 0)
            | (SL_INVOKE_ON_CANCEL if invoke_on_cancel else 0)
        )

    def mark_pending(self) -> None:
        """Say that the dispatch routine returns STATUS_PENDING; follows IoMarkIrpPending (row IRP-13)."""
        stack = Irp.current_stack_location(self)
        device = stack.device_object
        if device is not None and device.driver_object is not current.processor.driver:
            packet.check_mark(self)
        stack.control |= SL_PENDING_RETURNED

    def set_cancel_routine(self, routine: CancelRoutine | None) -> CancelRoutine | None:
        """Set the cancel routine and return the one before; follows IoSetCancelRoutine (row CXL-03).

        None, too, when the cancel has taken the routine before. Bug check 0xC9/0x229 while a driver below has the IRP.
        """
        if routine is not None and not callable(routine):
            packet.refuse_routine("IoSetCancelRoutine", "CancelRoutine", routine)
        try:
            location = self.current_location
        except AttributeError:
            packet.refuse_pointer("IoSetCancelRoutine", self)
        if location <= self.stack_count:
            device = self.locations[location - 1].device_object
            if device is not None and device.driver_object is not current.processor.driver:
                packet.check_cancel_routine(self)
        elif not self.type or self.maker is not current.processor.driver:
            packet.check_cancel_routine(self)
        previous = self.cancel_routine
        self.cancel_routine = routine
        return previous


class DeviceObjectExtension(PowerStates):
    """The system's own part of a device object (DEVOBJ_EXTENSION)."""

    __slots__ = (
        "attached_to",
        "device_node",
        "device_object",
        "extension_flags",
        "interrupts",
        "security",
        "start_io",
        "type",
    )

    def __init__(self, device: DeviceObject) -> None:
        super().__init__()
        self.type, self.device_object = IO_TYPE_DEVICE_OBJECT_EXTENSION, device
        self.attached_to: DeviceObject | None = None
        self.extension_flags = 0
        """DOE_DELETE_PENDING is set while a deleted device waits for its files, or for the device above it, to go."""
        self.start_io = StartIoState()
        self.security: Descriptor | None = None
        """The list of those who may open the device; None for a device that was made without one."""
        self.interrupts: tuple[InterruptResource, ...] = ()
        """The interrupts that Plug and Play assigned, if this is a physical device object."""
        self.device_node: object = None
        """The node of the device tree, if this is a physical device object that was reported."""


class DeviceObject(DeviceFields):
    """A device as one driver sees it: one layer of a device stack (DEVICE_OBJECT).

    `device_extension` belongs to the driver; `create_device` chooses the class. `reference_count` counts open files.
    """

    __slots__ = (
        "attached_device",
        "current_irp",
        "device_extension",
        "device_object_extension",
        "device_queue",
        "dpc",
        "driver_object",
        "next_device",
        "reference_count",
        "type",
    )

    def __init__(
        self, driver_object: DriverObject, extension: type, device_type: int, characteristics: int
    ) -> None:
        super().__init__(device_type, characteristics)
        self.type = IO_TYPE_DEVICE
        self.driver_object = driver_object
        self.reference_count = 0
        self.next_device: DeviceObject | None = None
        self.attached_device: DeviceObject | None = None
        self.current_irp: Irp | None = None
        self.device_queue = DeviceQueue()
        self.device_queue.initialize()
        self.dpc = Dpc()
        self.device_object_extension = DeviceObjectExtension(self)
        self.device_extension = extension()

    @property
    def type_name(self) -> str:
        """The name of the object's type, as in `ob.object_type`."""
        return "Device"

    def __repr__(self) -> str:
        return f"<device {self.name or 'without a name'} of {self.driver_object!r}>"

    @property
    def delete_pending(self) -> bool:
        """Whether the device was deleted and waits for its files, or for the device above it, to go."""
        return bool(self.device_object_extension.extension_flags & DOE_DELETE_PENDING)

    def top_of_stack(self) -> DeviceObject:
        """The device to which requests for this stack are sent; follows IoGetAttachedDevice."""
        top = self
        try:
            while top.attached_device is not None:
                top = top.attached_device
        except AttributeError:
            packet.refuse_pointer("IoGetAttachedDevice", self)
        return top


class DriverExtension:
    """The part of a driver object that Plug and Play uses (DRIVER_EXTENSION)."""

    __slots__ = ("add_device", "driver_object", "service_key_name")

    def __init__(self, driver_object: DriverObject, service_key_name: str) -> None:
        self.driver_object = driver_object
        self.add_device: AddDeviceRoutine | None = None
        self.service_key_name = service_key_name


class DriverObject(Object):
    """A loaded driver, as DriverEntry receives it (DRIVER_OBJECT, row DRV-01)."""

    __slots__ = (
        "device_object",
        "dispatch_table",
        "driver_extension",
        "driver_init",
        "driver_name",
        "driver_start_io",
        "driver_unload",
        "flags",
        "hardware_database",
        "type",
    )

    def __init__(self, service: str, driver_init: DriverEntry, dispatch: DispatchRoutine) -> None:
        """`dispatch` fills every slot of the table `major_function`."""
        super().__init__()
        self.type = IO_TYPE_DRIVER
        self.device_object: DeviceObject | None = None
        self.flags = DRVO_LEGACY_DRIVER
        self.driver_name = rf"\Driver\{service}"
        self.hardware_database = r"\REGISTRY\MACHINE\HARDWARE\DESCRIPTION\SYSTEM"
        self.driver_extension = DriverExtension(self, service)
        self.driver_init = driver_init
        self.driver_start_io: StartIoRoutine | None = None
        self.driver_unload: UnloadRoutine | None = None
        self.dispatch_table: list[DispatchRoutine] = [dispatch] * (IRP_MJ_MAXIMUM_FUNCTION + 1)

    @property
    def major_function(self) -> list[DispatchRoutine]:
        """The dispatch routines, by the major functions of requests."""
        return self.dispatch_table

    @major_function.setter
    def major_function(self, value: list[DispatchRoutine]) -> None:
        check_table(self, value)
        self.dispatch_table = value

    @property
    def type_name(self) -> str:
        """The name of the object's type, as in `ob.object_type`."""
        return "Driver"

    def __repr__(self) -> str:
        return f"<driver {self.driver_extension.service_key_name}>"

    def devices(self) -> list[DeviceObject]:
        """The driver's device objects, newest first."""
        found: list[DeviceObject] = []
        device = self.device_object
        while device is not None:
            found.append(device)
            device = device.next_device
        return found


class FileObject(FileFields):
    """A device that is open (FILE_OBJECT); `fs_context` and `fs_context2` belong to its driver."""

    __slots__ = ("device_object", "irps")

    def __init__(self, device_object: DeviceObject, file_name: str, flags: int) -> None:
        super().__init__(file_name, flags)
        self.device_object = device_object
        self.irps: dict[Irp, None] = {}
        """The requests that are outstanding, oldest first."""

    def __repr__(self) -> str:
        return f"<file {self.device_object.name}{self.file_name}>"

    @property
    def full_name(self) -> str:
        """The name of the device with the rest of the path behind it."""
        return f"{self.device_object.name}{self.file_name}"
