# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Device objects: made, stacked, called, queued for StartIo and deleted (DEVICE_OBJECT)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NoReturn, cast

from dirql.io import current
from dirql.io.interrupt import InterruptResource
from dirql.io.irp import CancelRoutine, Irp, QueueEntry, describe
from dirql.ke import current as ke
from dirql.ke.bugcheck import bug_check, unhandled
from dirql.ke.objects.device_queue import DeviceQueue
from dirql.ke.processors.dpc import DeferredRoutine, Dpc
from dirql.ke.processors.irql import contract, current_irql, lower_irql, raise_irql
from dirql.nt.bugcodes import (
    DDI_IRQL_IO_APC_LTE,
    DDI_IRQL_IO_PASSIVE1,
    DDI_IRQL_IO_PASSIVE3,
    DRIVER_VERIFIER_DETECTED_VIOLATION,
    DRIVER_VERIFIER_IOMANAGER_VIOLATION,
    KMODE_EXCEPTION_NOT_HANDLED,
    NO_MORE_IRP_STACK_LOCATIONS,
    VF_IO_VERIFY_DELETE_WHILE_ATTACHED,
    VF_IO_VERIFY_DETACH_OF_NOTHING,
    VF_IO_VERIFY_INCONSISTENT_RETURN,
    VF_IOMANAGER_BAD_IRP_TYPE,
    VF_IOMANAGER_CALL_DRIVER_IRQL,
    VF_IOMANAGER_DISPATCH_IRQL,
)
from dirql.nt.constants import (
    APC_LEVEL,
    DISPATCH_LEVEL,
    DO_DEVICE_HAS_NAME,
    DO_DEVICE_INITIALIZING,
    DO_EXCLUSIVE,
    IO_TYPE_DEVICE,
    IO_TYPE_DEVICE_OBJECT_EXTENSION,
    PASSIVE_LEVEL,
)
from dirql.nt.status import STATUS_SUCCESS
from dirql.ob.object import Object

if TYPE_CHECKING:
    from dirql.io.driver import DriverObject

__all__ = ["DeviceObject", "DeviceObjectExtension", "DpcForIsr", "create_device"]

DpcForIsr = Callable[[Dpc, "DeviceObject", "Irp | None", object], None]


class DeviceObjectExtension:
    """What the system keeps for a device beside what drivers see (DEVOBJ_EXTENSION)."""

    __slots__ = ("attached_to", "delete_pending", "device_object", "interrupts", "type")

    def __init__(self, device: DeviceObject) -> None:
        self.type = IO_TYPE_DEVICE_OBJECT_EXTENSION
        self.device_object = device
        self.attached_to: DeviceObject | None = None
        self.delete_pending = False
        self.interrupts: tuple[InterruptResource, ...] = ()
        """What Plug and Play assigned to a physical device object."""


class DeviceObject(Object):
    """A device as one driver sees it, one layer of a device stack.

    `device_extension` is whatever class the driver gave to `create_device`; what it holds is between the driver
    and itself. `reference_count` counts the open files.
    """

    __slots__ = (
        "alignment_requirement",
        "attached_device",
        "characteristics",
        "current_irp",
        "device_extension",
        "device_object_extension",
        "device_queue",
        "device_type",
        "dpc",
        "driver_object",
        "flags",
        "next_device",
        "reference_count",
        "stack_size",
        "type",
    )

    def __init__(
        self, driver_object: DriverObject, extension: type, device_type: int, characteristics: int
    ) -> None:
        super().__init__()
        self.type = IO_TYPE_DEVICE
        self.driver_object = driver_object
        self.reference_count = 0
        self.next_device: DeviceObject | None = None
        self.attached_device: DeviceObject | None = None
        self.current_irp: Irp | None = None
        self.flags = DO_DEVICE_INITIALIZING
        self.characteristics = characteristics
        self.device_type = device_type
        self.stack_size = 1
        self.alignment_requirement = 0
        self.device_queue = DeviceQueue()
        self.device_queue.initialize()
        self.dpc = Dpc()
        self.device_object_extension = DeviceObjectExtension(self)
        self.device_extension = extension()

    def __repr__(self) -> str:
        return f"<device {self.name or 'without a name'} of {self.driver_object!r}>"

    # Requests.

    @contract(
        max_irql=DISPATCH_LEVEL,
        code=DRIVER_VERIFIER_IOMANAGER_VIOLATION,
        subcode=VF_IOMANAGER_CALL_DRIVER_IRQL,
    )
    def call_driver(self, irp: Irp) -> int:
        """Hand a request to this device's driver; follows IoCallDriver (rows IRP-03, IRP-04).

        Returns what its dispatch routine returned. The caller has set up the next stack location and no longer owns
        the packet.
        """
        location = irp.current_location - 1
        if not 0 < location <= irp.stack_count:
            _refuse_call(irp, location)
        irp.current_location = location
        stack = irp.locations[location - 1]
        stack.device_object = self
        hooks = current.manager.hooks
        if hooks.irp_started is not None and location == irp.stack_count:
            hooks.irp_started(irp)
        if hooks.dispatch_entered is not None:
            hooks.dispatch_entered(self, irp)
        before = ke.processor.irql
        dispatch = self.driver_object.major_function[stack.major_function]
        try:
            status = dispatch(self, irp)
        except BaseException as error:
            if failure := unhandled(
                KMODE_EXCEPTION_NOT_HANDLED, error, f"dispatch routine {describe(dispatch)}"
            ):
                raise failure from error
            raise
        if hooks.dispatch_left is not None:
            hooks.dispatch_left(self, irp, status)
        if ke.processor.irql != before:
            _refuse_irql(dispatch, before)
        if not isinstance(status, int):
            _refuse_return(dispatch, status)
        return status

    # StartIo: one request at a time has the device, from StartIo to IoStartNextPacket (row SIO-06).

    @contract(max_irql=DISPATCH_LEVEL)
    def start_packet(self, irp: Irp, key: int | None, cancel_function: CancelRoutine | None) -> None:
        """Call the driver's StartIo with `irp` now if the device is idle, else queue it; follows IoStartPacket.

        With a `key` the queue is sorted by it. `cancel_function` is set as the cancel routine; a request that was
        cancelled before it could be queued gets it called at once (rows SIO-01, SIO-02).
        """
        lock = current.manager.cancel_lock
        old_irql = raise_irql(DISPATCH_LEVEL)
        if cancel_function is not None:
            lock.acquire_at_dpc_level()
            irp.cancel_routine = cancel_function
        entry = irp.tail_overlay.device_queue_entry
        queue = self.device_queue
        queued = queue.insert(entry) if key is None else queue.insert_by_key(entry, key)
        if not queued:
            self.current_irp = irp
            if cancel_function is not None:
                lock.release_from_dpc_level()
            self._start_io(irp)
        elif cancel_function is not None:
            if irp.cancel and irp.cancel_routine is not None:
                irp.cancel_routine = None
                irp.cancel_irql = DISPATCH_LEVEL
                cancel_function(self, irp)
            else:
                lock.release_from_dpc_level()
        lower_irql(old_irql)

    @contract(min_irql=DISPATCH_LEVEL, max_irql=DISPATCH_LEVEL)
    def start_next_packet(self, cancelable: bool) -> None:
        """Call StartIo with the next request of the queue, if any; follows IoStartNextPacket (row SIO-03)."""
        self._start_next(cancelable, None)

    @contract(min_irql=DISPATCH_LEVEL, max_irql=DISPATCH_LEVEL)
    def start_next_packet_by_key(self, cancelable: bool, key: int) -> None:
        """Call StartIo with the first request whose key is `key` or more; follows IoStartNextPacketByKey."""
        self._start_next(cancelable, key)

    def _start_next(self, cancelable: bool, key: int | None) -> None:
        """Take the next packet, under the cancel lock if the driver's requests can be cancelled."""
        lock = current.manager.cancel_lock
        if cancelable:
            lock.acquire_at_dpc_level()
        self.current_irp = None
        queue = self.device_queue
        entry = queue.remove() if key is None else queue.remove_by_key(key)
        irp = self.current_irp = entry.irp if isinstance(entry, QueueEntry) else None
        if cancelable:
            lock.release_from_dpc_level()
        if irp is not None:
            self._start_io(irp)

    def _start_io(self, irp: Irp) -> None:
        start_io = self.driver_object.driver_start_io
        if start_io is None:
            raise TypeError(
                f"driver_start_io of {self.driver_object!r} must be set before IoStartPacket, was None"
            )
        try:
            start_io(self, irp)
        except BaseException as error:
            if failure := unhandled(
                KMODE_EXCEPTION_NOT_HANDLED, error, f"StartIo routine {describe(start_io)}"
            ):
                raise failure from error
            raise

    def initialize_dpc_request(self, routine: DpcForIsr) -> None:
        """Set the DpcForIsr routine, called as `routine(dpc, device, irp, context)`; follows IoInitializeDpcRequest."""
        self.dpc.initialize(cast("DeferredRoutine", routine), self)

    def request_dpc(self, irp: Irp | None, context: object) -> bool:
        """Queue the DpcForIsr routine; follows IoRequestDpc. False when it is queued already."""
        return self.dpc.insert_queue(irp, context)

    # Stacks.

    @contract(max_irql=DISPATCH_LEVEL)
    def attached_device_reference(self) -> DeviceObject:
        """The top of the stack that this device is in, referenced; follows IoGetAttachedDeviceReference."""
        top = self.top_of_stack()
        top.reference()
        return top

    def top_of_stack(self) -> DeviceObject:
        """The device that requests for this stack are sent to; follows IoGetAttachedDevice."""
        top = self
        while top.attached_device is not None:
            top = top.attached_device
        return top

    @contract(max_irql=PASSIVE_LEVEL, code=DRIVER_VERIFIER_DETECTED_VIOLATION, subcode=DDI_IRQL_IO_PASSIVE1)
    def attach_to_device_stack(self, target: DeviceObject) -> DeviceObject | None:
        """Put this device on top of `target`'s stack; follows IoAttachDeviceToDeviceStack (rows DEV-06, -07, -09).

        Returns the device that is now below, None when the stack is going away.
        """
        lower = target.top_of_stack()
        if lower.device_object_extension.delete_pending:
            return None
        lower.attached_device = self
        self.device_object_extension.attached_to = lower
        self.stack_size = lower.stack_size + 1
        self.alignment_requirement = lower.alignment_requirement
        return lower

    @contract(max_irql=PASSIVE_LEVEL, code=DRIVER_VERIFIER_DETECTED_VIOLATION, subcode=DDI_IRQL_IO_PASSIVE3)
    def detach_device(self) -> None:
        """Take what is attached to this device off it; follows IoDetachDevice, called on the *lower* device.

        Nothing attached is bug check 0xC9/0x202.
        """
        upper = self.attached_device
        if upper is None:
            _refuse(
                VF_IO_VERIFY_DETACH_OF_NOTHING, f"IoDetachDevice of {self!r}, to which nothing is attached"
            )
        upper.device_object_extension.attached_to = None
        self.attached_device = None
        self._delete_if_unused()

    # Life.

    @contract(max_irql=APC_LEVEL, code=DRIVER_VERIFIER_DETECTED_VIOLATION, subcode=DDI_IRQL_IO_APC_LTE)
    def delete(self) -> None:
        """Take the device back; follows IoDeleteDevice (rows DEV-01, DEV-05).

        Its name is free at once. With files open or a device attached it stays until they go, and new opens fail.
        """
        if self.device_object_extension.attached_to is not None:
            lower = self.device_object_extension.attached_to
            _refuse(VF_IO_VERIFY_DELETE_WHILE_ATTACHED, f"{self!r} was deleted while attached to {lower!r}")
        current.manager.objects.namespace.remove(self)
        self.device_object_extension.delete_pending = True
        self._delete_if_unused()

    def file_closed(self) -> None:
        """One open file less."""
        self.reference_count -= 1
        self._delete_if_unused()

    def _delete_if_unused(self) -> None:
        """Finish a deletion that waited."""
        waiting = self.device_object_extension.delete_pending
        if waiting and self.reference_count == 0 and self.attached_device is None:
            self._unlink()

    def _unlink(self) -> None:
        """Leave the driver's list; a second deletion finds nothing to do."""
        driver = self.driver_object
        if driver.device_object is self:
            driver.device_object = self.next_device
        for other in driver.devices():
            if other.next_device is self:
                other.next_device = self.next_device


def _refuse(violation: int, reason: str) -> NoReturn:
    bug_check(DRIVER_VERIFIER_IOMANAGER_VIOLATION, violation, reason=reason)


def _refuse_call(irp: Irp, location: int) -> NoReturn:
    """Stop: there is no location left for the driver that was to be called, or the packet is nobody's."""
    if location <= 0:
        reason = f"{irp!r} has no stack location left for one more driver"
        bug_check(NO_MORE_IRP_STACK_LOCATIONS, irp, reason=reason)
    _refuse(VF_IOMANAGER_BAD_IRP_TYPE, f"IoCallDriver with {irp!r}, which was completed or freed")


def _refuse_return(dispatch: object, status: object) -> NoReturn:
    """Stop: a dispatch routine returned no status (row IRP-20)."""
    reason = f"dispatch routine {describe(dispatch)} must return an NTSTATUS, returned {status!r}"
    bug_check(DRIVER_VERIFIER_IOMANAGER_VIOLATION, VF_IO_VERIFY_INCONSISTENT_RETURN, dispatch, reason=reason)


def _refuse_irql(dispatch: object, before: int) -> NoReturn:
    """Stop: a dispatch routine came back at another level (row IRQL-06)."""
    after = current_irql()
    reason = f"dispatch routine {describe(dispatch)} must return at IRQL {before}, returned at {after}"
    bug_check(
        DRIVER_VERIFIER_IOMANAGER_VIOLATION,
        VF_IOMANAGER_DISPATCH_IRQL,
        dispatch,
        before,
        after,
        reason=reason,
    )


class _NoExtension:
    """The extension of a device whose driver wants none."""


@contract(max_irql=PASSIVE_LEVEL, code=DRIVER_VERIFIER_DETECTED_VIOLATION, subcode=DDI_IRQL_IO_PASSIVE1)
def create_device(
    driver_object: DriverObject,
    device_extension: type | None,
    device_name: str | None,
    device_type: int,
    device_characteristics: int,
    exclusive: bool,
) -> tuple[int, DeviceObject | None]:
    """A device object of `driver_object`: (status, device); follows IoCreateDevice (rows DEV-01, DEV-04).

    `device_extension` is the class to make the extension of, called without arguments.
    """
    device = DeviceObject(
        driver_object, device_extension or _NoExtension, device_type, device_characteristics
    )
    if exclusive:
        device.flags |= DO_EXCLUSIVE
    if device_name:
        status = current.manager.objects.namespace.insert(device_name, device)
        if status != STATUS_SUCCESS:
            return status, None
        device.flags |= DO_DEVICE_HAS_NAME
    device.next_device = driver_object.device_object
    driver_object.device_object = device
    return STATUS_SUCCESS, device
