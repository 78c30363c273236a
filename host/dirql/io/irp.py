# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""I/O request packets: their stack locations, their way down and the walk of their completion.

Follows IRP and IO_STACK_LOCATION of the WDK, and IoAllocateIrp, IoReuseIrp, IoCompleteRequest and their kin. A stack
location belongs to one driver of the stack; the last one of `locations` is the top driver's, and `current_location`
counts down from `stack_count + 1` as the request goes down.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NoReturn, Protocol, TypeVar

from dirql.io import current
from dirql.io.parameters import Parameters
from dirql.ke import current as ke
from dirql.ke.bugcheck import bug_check, unhandled
from dirql.ke.objects.device_queue import DeviceQueueEntry
from dirql.ke.processors.irql import contract
from dirql.nt.bugcodes import (
    DRIVER_VERIFIER_DETECTED_VIOLATION,
    DRIVER_VERIFIER_IOMANAGER_VIOLATION,
    KMODE_EXCEPTION_NOT_HANDLED,
    MULTIPLE_IRP_COMPLETE_REQUESTS,
    VF_IO_COMPLETION_IRQL,
    VF_IO_VERIFY_OUT_OF_LOCATIONS,
    VF_IOMANAGER_COMPLETE_IRQL,
    VF_IOMANAGER_COMPLETE_WITH_CANCEL_ROUTINE,
    VF_IOMANAGER_COMPLETE_WITH_PENDING,
    VF_IOMANAGER_FREE_NOT_IRP,
    VF_IOMANAGER_FREE_THREAD_QUEUED,
)
from dirql.nt.constants import (
    DISPATCH_LEVEL,
    IO_TYPE_IRP,
    SL_INVOKE_ON_CANCEL,
    SL_INVOKE_ON_ERROR,
    SL_INVOKE_ON_SUCCESS,
    SL_PENDING_RETURNED,
)
from dirql.nt.status import STATUS_MORE_PROCESSING_REQUIRED, STATUS_PENDING, status_name

if TYPE_CHECKING:
    from dirql.io.device import DeviceObject
    from dirql.io.file import FileObject
    from dirql.ke.objects.event import Event
    from dirql.ke.threads.thread import Thread
    from dirql.mm.mdl import Mdl

__all__ = [
    "AssociatedIrp",
    "CancelRoutine",
    "CompletionRoutine",
    "IoStackLocation",
    "IoStatusBlock",
    "Irp",
    "IrpOwner",
    "QueueEntry",
    "TailOverlay",
    "allocate_irp",
    "containing_record",
    "size_of_irp",
]

_T = TypeVar("_T")

CompletionRoutine = Callable[["DeviceObject | None", "Irp", object], int]
CancelRoutine = Callable[["DeviceObject", "Irp"], None]

_IRP_SIZE = 0xD0
_STACK_LOCATION_SIZE = 0x48


class IoStatusBlock:
    """How a request ended: an NTSTATUS, and what `information` means for that kind of request (bytes moved).

    Where C puts a pointer to a structure into Information, as Plug and Play queries do, the object is `pointer` here.
    """

    __slots__ = ("information", "pointer", "status")

    def __init__(self, status: int = 0, information: int = 0) -> None:
        self.status = status
        self.information = information
        self.pointer: object = None

    def __repr__(self) -> str:
        return f"<{status_name(self.status)}, information {self.information!r}>"


class AssociatedIrp:
    """The system buffer of a buffered request (a virtual address), or the bookkeeping of master and associated IRPs."""

    __slots__ = ("irp_count", "master_irp", "system_buffer")

    def __init__(self) -> None:
        self.system_buffer: int | None = None
        self.master_irp: Irp | None = None
        self.irp_count = 0


class QueueEntry(DeviceQueueEntry):
    """A request's place in a device queue; `irp` is what CONTAINING_RECORD gives in C."""

    __slots__ = ("irp",)

    def __init__(self, irp: Irp) -> None:
        super().__init__()
        self.irp = irp


def containing_record(address: DeviceQueueEntry, record: type[_T], field: str) -> _T:
    """The object of class `record` that a queue entry is in, `field` of it; follows CONTAINING_RECORD.

    There are entries of requests only: `CONTAINING_RECORD(entry, IRP, "tail_overlay")`. Another one is a `TypeError`.
    """
    if not isinstance(address, QueueEntry) or not isinstance(address.irp, record):
        raise TypeError(f"{address!r} must be the {field} of a {record.__name__}, and is not")
    return address.irp


class TailOverlay:
    """What the owner of a request may use while it has it, and whose request it is."""

    __slots__ = ("device_queue_entry", "driver_context", "original_file_object", "thread")

    def __init__(self, irp: Irp) -> None:
        self.device_queue_entry = QueueEntry(irp)
        self.driver_context: list[object] = [None] * 4
        self.original_file_object: FileObject | None = None
        self.thread: Thread | None = None


class IoStackLocation:
    """One driver's part of a request."""

    __slots__ = (
        "completion_routine",
        "context",
        "control",
        "device_object",
        "file_object",
        "flags",
        "major_function",
        "minor_function",
        "parameters",
    )

    def __init__(self) -> None:
        self.parameters = Parameters()
        self.major_function = 0
        self.minor_function = 0
        self.flags = 0
        self.control = 0
        self.device_object: DeviceObject | None = None
        self.file_object: FileObject | None = None
        self.completion_routine: CompletionRoutine | None = None
        self.context: object = None

    def clear(self) -> None:
        """All zero again."""
        self.major_function = self.minor_function = self.flags = self.control = 0
        self.device_object = self.file_object = self.completion_routine = self.context = None
        self.parameters.clear()

    def copy_from(self, other: IoStackLocation) -> None:
        """What IoCopyCurrentIrpStackLocationToNext copies: all but the completion routine, with `control` 0."""
        self.major_function = other.major_function
        self.minor_function = other.minor_function
        self.flags = other.flags
        self.device_object = other.device_object
        self.file_object = other.file_object
        self.completion_routine = self.context = None
        self.control = 0
        self.parameters.copy_from(other.parameters)


class IrpOwner(Protocol):
    """Who made a request, and takes it back when the walk of its completion is over."""

    def finish(self, irp: Irp) -> None:
        """The last completion routine has run; `irp.io_status` is final."""


class Irp:
    """A request on its way through a device stack."""

    __slots__ = (
        "allocation_flags",
        "associated_irp",
        "cancel",
        "cancel_irql",
        "cancel_routine",
        "current_location",
        "flags",
        "io_status",
        "locations",
        "mdl_address",
        "number",
        "owner",
        "pending_returned",
        "requestor_mode",
        "stack_count",
        "tail_overlay",
        "type",
        "user_buffer",
        "user_event",
        "user_iosb",
    )

    def __init__(self, stack_size: int) -> None:
        """A packet with zeroed fields and `stack_size` locations, 1 or more; drivers use `allocate_irp`."""
        self.number = 0
        self.stack_count = stack_size
        self.locations = [IoStackLocation() for _ in range(stack_size)]
        self.io_status = IoStatusBlock()
        self.associated_irp = AssociatedIrp()
        self.tail_overlay = TailOverlay(self)
        self.allocation_flags = 0
        self.zero()

    def zero(self) -> None:
        """The I/O manager's own: as freshly allocated, for a packet whose locations are clear."""
        self.type = IO_TYPE_IRP
        self.current_location = self.stack_count + 1
        self.flags = self.requestor_mode = self.cancel_irql = 0
        self.mdl_address: Mdl | None = None
        self.user_buffer: int | None = None
        self.user_event: Event | None = None
        self.user_iosb: IoStatusBlock | None = None
        self.cancel_routine: CancelRoutine | None = None
        self.owner: IrpOwner | None = None
        self.cancel = self.pending_returned = False
        io_status = self.io_status
        io_status.status = io_status.information = 0
        io_status.pointer = None
        associated = self.associated_irp
        associated.system_buffer = associated.master_irp = None
        associated.irp_count = 0
        tail = self.tail_overlay
        tail.thread = tail.original_file_object = None

    def __repr__(self) -> str:
        location = self.current_location
        if 1 <= location <= self.stack_count:
            where = f"major function {self.locations[location - 1].major_function:#04x}"
        else:
            where = "not sent" if location == self.stack_count + 1 else "completed"
        return f"<IRP {self.number}, location {location} of {self.stack_count}, {where}>"

    # Life.

    def initialize(self, packet_size: int, stack_size: int) -> None:
        """Make the memory of an IRP into a new one; follows IoInitializeIrp. `packet_size` is IoSizeOfIrp's."""
        if packet_size < size_of_irp(stack_size):
            raise ValueError(
                f"packet_size must be at least {size_of_irp(stack_size)} bytes, was {packet_size}"
            )
        self.stack_count = stack_size
        self.locations = [IoStackLocation() for _ in range(stack_size)]
        self.allocation_flags = 0
        self.zero()

    def reuse(self, status: int) -> None:
        """Make an IRP that its driver allocated ready for another trip; follows IoReuseIrp (row IRP-02)."""
        for location in self.locations:
            location.clear()
        self.zero()
        self.tail_overlay.driver_context = [None] * 4
        self.io_status.status = status

    @contract(max_irql=DISPATCH_LEVEL)
    def free(self) -> None:
        """Give the packet back; follows IoFreeIrp.

        Freeing what is no allocated IRP is bug check 0xC9/1, freeing one that the I/O manager still holds for a
        thread 0xC9/2.
        """
        manager = current.manager
        if self not in manager.live_irps:
            self._stop(VF_IOMANAGER_FREE_NOT_IRP, "was given to IoFreeIrp and is not allocated")
        if self.owner is not None:
            self._stop(
                VF_IOMANAGER_FREE_THREAD_QUEUED, "was given to IoFreeIrp; the I/O manager frees it itself"
            )
        manager.release_irp(self)

    def retire(self) -> None:
        """The I/O manager's own: nobody has the packet any more."""
        for location in self.locations:
            location.clear()
        self.current_location = self.stack_count + 2
        self.type = 0

    def _stop(self, violation: int, what: str) -> NoReturn:
        bug_check(DRIVER_VERIFIER_IOMANAGER_VIOLATION, violation, self, reason=f"{self!r} {what}")

    # Stack locations.

    def get_current_stack_location(self) -> IoStackLocation:
        """The location of the driver that has the request now; follows IoGetCurrentIrpStackLocation."""
        location = self.current_location
        if not 1 <= location <= self.stack_count:
            self._no_location(location)
        return self.locations[location - 1]

    def get_next_stack_location(self) -> IoStackLocation:
        """The location of the driver below; follows IoGetNextIrpStackLocation. None left is bug check 0xC9/0x208."""
        location = self.current_location - 1
        if not 1 <= location <= self.stack_count:
            self._no_location(location)
        return self.locations[location - 1]

    def _no_location(self, location: int) -> NoReturn:
        what = f"has the stack locations 1 … {self.stack_count}, location {location} was asked for"
        self._stop(VF_IO_VERIFY_OUT_OF_LOCATIONS, what)

    def set_next_stack_location(self) -> None:
        """Move to the next location without calling a driver; follows IoSetNextIrpStackLocation."""
        self.current_location -= 1

    def skip_current_stack_location(self) -> None:
        """Let the driver below use this driver's own location; follows IoSkipCurrentIrpStackLocation."""
        self.current_location += 1

    def copy_current_stack_location_to_next(self) -> None:
        """Give the driver below the same parameters; follows IoCopyCurrentIrpStackLocationToNext (row IRP-05)."""
        self.get_next_stack_location().copy_from(self.get_current_stack_location())

    def set_completion_routine(
        self,
        routine: CompletionRoutine | None,
        context: object,
        invoke_on_success: bool,
        invoke_on_error: bool,
        invoke_on_cancel: bool,
    ) -> None:
        """Have `routine(device, irp, context)` called when the drivers below are done; follows IoSetCompletionRoutine.

        It is stored in the next location (row IRP-06).
        """
        location = self.get_next_stack_location()
        location.completion_routine = routine
        location.context = context
        location.control = (
            (SL_INVOKE_ON_SUCCESS if invoke_on_success else 0)
            | (SL_INVOKE_ON_ERROR if invoke_on_error else 0)
            | (SL_INVOKE_ON_CANCEL if invoke_on_cancel else 0)
        )

    def mark_pending(self) -> None:
        """Say that the dispatch routine returns STATUS_PENDING; follows IoMarkIrpPending (row IRP-13)."""
        self.get_current_stack_location().control |= SL_PENDING_RETURNED

    # Cancel.

    def set_cancel_routine(self, routine: CancelRoutine | None) -> CancelRoutine | None:
        """Set the cancel routine; returns the previous one, None also when a cancel took it (row CXL-03)."""
        previous = self.cancel_routine
        self.cancel_routine = routine
        return previous

    @contract(max_irql=DISPATCH_LEVEL)
    def cancel_irp(self) -> bool:
        """Ask that the request end soon; follows IoCancelIrp. True when a cancel routine was there and has run.

        The routine runs at DISPATCH_LEVEL with the cancel lock held and releases it with `cancel_irql` (row CXL-02).
        """
        lock = current.manager.cancel_lock
        old_irql = lock.acquire()
        self.cancel = True
        routine = self.cancel_routine
        if routine is None:
            lock.release(old_irql)
            return False
        self.cancel_routine = None
        self.cancel_irql = old_irql
        device = self.get_current_stack_location().device_object
        assert device is not None
        routine(device, self)
        return True

    # Completion.

    @contract(
        max_irql=DISPATCH_LEVEL, code=DRIVER_VERIFIER_IOMANAGER_VIOLATION, subcode=VF_IOMANAGER_COMPLETE_IRQL
    )
    def complete_request(self, priority_boost: int) -> None:
        """End the request, or this driver's part of it; follows IoCompleteRequest (rows IRP-04, IRP-07 … IRP-10).

        The caller has set `io_status` and no longer owns the packet. `priority_boost` is accepted and not used: threads
        have no priority boosts here.
        """
        location = self.current_location
        if (
            location > self.stack_count + 1
            or self.io_status.status == STATUS_PENDING
            or self.cancel_routine is not None
        ):
            self._refuse_completion()
        hook = current.manager.hooks.irp_completed
        if hook is not None:
            hook(self)
        if self._walk(location):
            owner = self.owner
            if owner is not None:
                owner.finish(self)

    def _walk(self, location: int) -> bool:
        """Call the completion routines upwards from `location`; False when one of them keeps the packet."""
        locations = self.locations
        count = self.stack_count
        while location <= count:
            done = locations[location - 1]
            location += 1
            self.current_location = location
            control = done.control
            self.pending_returned = bool(control & SL_PENDING_RETURNED)
            routine, context = done.completion_routine, done.context
            done.clear()
            if routine is not None and self._invited(control):
                if self._call(routine, context) == STATUS_MORE_PROCESSING_REQUIRED:
                    return False
            elif self.pending_returned and location <= count:
                locations[location - 1].control |= SL_PENDING_RETURNED
        self.current_location = count + 2
        return True

    def _invited(self, control: int) -> bool:
        """Whether a completion routine asked to be called for what happened (row IRP-09)."""
        wanted = SL_INVOKE_ON_ERROR if self.io_status.status & 0x8000_0000 else SL_INVOKE_ON_SUCCESS
        return bool(control & wanted or (self.cancel and control & SL_INVOKE_ON_CANCEL))

    def _call(self, routine: CompletionRoutine, context: object) -> int:
        """Call a completion routine with the device of the driver that set it, and hold it to its IRQL."""
        location = self.current_location
        device = self.locations[location - 1].device_object if location <= self.stack_count else None
        before = ke.processor.irql
        try:
            status = routine(device, self, context)
        except BaseException as error:
            if failure := unhandled(
                KMODE_EXCEPTION_NOT_HANDLED, error, f"completion routine {describe(routine)}"
            ):
                raise failure from error
            raise
        after = ke.processor.irql
        if after != before:
            reason = (
                f"completion routine {describe(routine)} must return at IRQL {before}, returned at {after}"
            )
            bug_check(
                DRIVER_VERIFIER_DETECTED_VIOLATION,
                VF_IO_COMPLETION_IRQL,
                routine,
                before,
                after,
                reason=reason,
            )
        return status

    def _refuse_completion(self) -> NoReturn:
        """Stop: this packet cannot be completed now (rows IRP-04, IRP-17)."""
        if self.current_location > self.stack_count + 1:
            bug_check(MULTIPLE_IRP_COMPLETE_REQUESTS, self, reason=f"{self!r} was completed once more")
        if self.io_status.status == STATUS_PENDING:
            self._stop(VF_IOMANAGER_COMPLETE_WITH_PENDING, "was completed with STATUS_PENDING")
        what = f"was completed with its cancel routine {describe(self.cancel_routine)} still set"
        self._stop(VF_IOMANAGER_COMPLETE_WITH_CANCEL_ROUTINE, what)


def describe(routine: object) -> str:
    """A routine as a message names it: module and qualified name."""
    module = getattr(routine, "__module__", None)
    name = getattr(routine, "__qualname__", None)
    return f"{module}.{name}" if module and name else repr(routine)


def size_of_irp(stack_size: int) -> int:
    """Bytes of an IRP with that many locations, as on x64; follows IoSizeOfIrp."""
    return _IRP_SIZE + _STACK_LOCATION_SIZE * stack_size


@contract(max_irql=DISPATCH_LEVEL)
def allocate_irp(stack_size: int, charge_quota: bool = False) -> Irp | None:
    """A fresh IRP with `stack_size` locations, 1 … 127, else None; follows IoAllocateIrp (row IRP-01).

    `charge_quota` is accepted and not used: there are no quotas.
    """
    del charge_quota
    return current.manager.take_irp(stack_size)
