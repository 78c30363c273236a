# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Device objects are made, stacked and deleted (IoCreateDevice, IoAttachDeviceToDeviceStack, IoDeleteDevice)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NoReturn

from dirql.io.extension import end_extension
from dirql.io.manager import running as io_manager
from dirql.io.objects import DeviceObject, DriverObject
from dirql.io.unload import finish_unload
from dirql.ke.bugcheck import bug_check, refuse_list
from dirql.ke.current import current
from dirql.ke.defects import report_defect
from dirql.ke.guard import is_verified
from dirql.ke.objects.timer import Timer
from dirql.ke.origin import mark, origin
from dirql.ke.processors.contract import contract
from dirql.ke.processors.dpc import Dpc
from dirql.nt.bugcodes import (
    DRIVER_VERIFIER_IOMANAGER_VIOLATION,
    INVALID_DPC,
    INVALID_TIMER,
    REFERENCE_BY_POINTER,
    TIMER_OR_DPC_INVALID,
    VF_IO_VERIFY_DELETE_WHILE_ATTACHED,
    VF_IO_VERIFY_DETACH_OF_NOTHING,
)
from dirql.nt.constants import (
    DO_DEVICE_HAS_NAME,
    DO_EXCLUSIVE,
    DOE_DELETE_PENDING,
    DOE_UNLOAD_PENDING,
)
from dirql.nt.ntstatus import StatusException
from dirql.nt.status import (
    STATUS_ACCESS_VIOLATION,
    STATUS_INSUFFICIENT_RESOURCES,
    STATUS_NO_SUCH_DEVICE,
    STATUS_SUCCESS,
)
from dirql.ob.manager import running as object_manager
from dirql.rtl.strings import UnicodeText, unicode_text

__all__ = [
    "attach_device_to_device_stack",
    "attach_device_to_device_stack_safe",
    "close_device",
    "create_device",
    "delete_device",
    "detach_device",
    "get_attached_device_reference",
]

_LARGEST_EXTENSION: Final = 1 << 24
"""The size in bytes up to which there is memory for a device extension."""

_CREATE_DEVICE: Final = contract("IoCreateDevice")
_GET_ATTACHED_DEVICE_REFERENCE: Final = contract("IoGetAttachedDeviceReference")
_ATTACH_DEVICE_TO_DEVICE_STACK: Final = contract("IoAttachDeviceToDeviceStack")
_ATTACH_DEVICE_TO_DEVICE_STACK_SAFE: Final = contract("IoAttachDeviceToDeviceStackSafe")
_DETACH_DEVICE: Final = contract("IoDetachDevice")
_DELETE_DEVICE: Final = contract("IoDeleteDevice")


def create_device(
    driver_object: DriverObject,
    device_extension_size: type | int | None,
    device_name: UnicodeText | None,
    device_type: int,
    device_characteristics: int,
    exclusive: int,
) -> tuple[int, DeviceObject | None]:
    """Make a device object: (status, device); follows IoCreateDevice (rows DEV-01, DEV-04).

    A Python driver gives the class of its device extension, which is called without arguments, where C has a size. With
    a size in bytes the extension is a bytearray of zeros, with 0 or None the device has no extension.
    """
    _CREATE_DEVICE.check(driver_object)
    _CREATE_DEVICE.check_arguments(
        driver_object, device_extension_size, device_name, device_type, device_characteristics, exclusive
    )
    extension = _extension(device_extension_size)
    if extension is None:
        return STATUS_INSUFFICIENT_RESOURCES, None
    device = DeviceObject(driver_object, bytearray, device_type, device_characteristics)
    device.device_extension = extension()
    if exclusive:
        device.flags |= DO_EXCLUSIVE
    name = "" if device_name is None else unicode_text(device_name)
    if name:
        status = object_manager.value.namespace.insert(name, device)
        if status != STATUS_SUCCESS:
            return status, None
        device.flags |= DO_DEVICE_HAS_NAME
    device.next_device = driver_object.device_object
    driver_object.device_object = device
    current.dispatcher.preempt()  # the device can be opened by its name
    return STATUS_SUCCESS, device


def _extension(size: object) -> Callable[[], object] | None:
    """Makes the device extension; None for a size for which there is no memory."""
    if isinstance(size, type):
        return size
    if size is not None and not isinstance(size, int):
        what = "a class, or a size in bytes (ULONG)"
        _CREATE_DEVICE.refuse_argument("DeviceExtensionSize", what, size)
    if not size:
        return lambda: None
    if size < 0:
        raise ValueError(f"IoCreateDevice: DeviceExtensionSize must be 0 or more bytes; it was {size}")
    return None if size > _LARGEST_EXTENSION else lambda: bytearray(size)


def get_attached_device_reference(device: DeviceObject) -> DeviceObject:
    """The top of the stack that `device` is in, with a reference of its own; follows IoGetAttachedDeviceReference."""
    _GET_ATTACHED_DEVICE_REFERENCE.check(device)
    top = device.top_of_stack()
    object_manager.value.take_reference(top)
    return top


def attach_device_to_device_stack(source: DeviceObject, target: DeviceObject) -> DeviceObject | None:
    """Put `source` on top of the stack of `target`; follows IoAttachDeviceToDeviceStack (rows DEV-06, -07, -09).

    Returns the device that is now below `source`, None when that device is being deleted.
    """
    _ATTACH_DEVICE_TO_DEVICE_STACK.check_two(source, target)
    lower = _attach(source, target)
    current.dispatcher.preempt()  # requests can come through the stack before the caller knows the device below
    return lower


def attach_device_to_device_stack_safe(
    source: DeviceObject, target: DeviceObject
) -> tuple[int, DeviceObject | None]:
    """Do as `attach_device_to_device_stack`: (status, device below); follows IoAttachDeviceToDeviceStackSafe.

    STATUS_NO_SUCH_DEVICE when the device on top of the stack is being deleted. In NT the device below is stored before
    a request can come to `source`; here no request comes before the routine has returned.
    """
    _ATTACH_DEVICE_TO_DEVICE_STACK_SAFE.check_two(source, target)
    lower = _attach(source, target)
    return (STATUS_NO_SUCH_DEVICE if lower is None else STATUS_SUCCESS), lower


def _attach(source: DeviceObject, target: DeviceObject) -> DeviceObject | None:
    lower = target.top_of_stack()
    if (
        lower.device_object_extension.extension_flags & (DOE_DELETE_PENDING | DOE_UNLOAD_PENDING)
        or target.delete_pending
    ):
        return None
    if source.delete_pending:
        _refuse_deleted("IoAttachDeviceToDeviceStack", "SourceDevice", source)
    if _is_in_stack(source, lower) or source.device_object_extension.attached_to is not None:
        reason = (
            f"IoAttachDeviceToDeviceStack: SourceDevice must be attached to nothing and not be in the stack of"
            f" TargetDevice, which would become a ring; {source!r} was in a stack with {target!r} or another device:"
            " make a device object for each attachment"
        )
        refuse_list(reason)
    lower.attached_device = source
    source.device_object_extension.attached_to = lower
    source.stack_size = lower.stack_size + 1
    source.alignment_requirement = lower.alignment_requirement
    return lower


def _is_in_stack(device: DeviceObject, top: DeviceObject) -> bool:
    """Whether `device` is in the stack with this top."""
    below: DeviceObject | None = top
    while below is not None and below is not device:
        below = below.device_object_extension.attached_to
    return below is not None


def detach_device(target: DeviceObject) -> None:
    """Take the device that is attached to `target`, the *lower* device, off it; follows IoDetachDevice.

    Bug check 0xC9/0x202 when no device is attached.
    """
    _DETACH_DEVICE.check(target)
    upper = target.attached_device
    if upper is None:
        reason = (
            f"IoDetachDevice: TargetDevice must be a device to which another is attached; nothing is attached to"
            f" {target!r}: pass the device that IoAttachDeviceToDeviceStack returned, once"
        )
        if not is_verified():
            raise StatusException(STATUS_ACCESS_VIOLATION)
        _refuse(VF_IO_VERIFY_DETACH_OF_NOTHING, target, reason)
    upper.device_object_extension.attached_to = None
    target.attached_device = None
    current.dispatcher.preempt()
    _delete_if_unused(target)
    finish_unload(target.driver_object)


def delete_device(device: DeviceObject) -> None:
    """Delete a device; follows IoDeleteDevice (rows DEV-01, DEV-05).

    The name can be used again at once. While files are open, or a device is attached, the object stays and cannot be
    opened. Bug check 0xC9/0x201 while the device is itself attached to another, 0x18 when it was deleted already.
    """
    _DELETE_DEVICE.check(device)
    if device.delete_pending:
        _refuse_deleted("IoDeleteDevice", "DeviceObject", device)
    lower = device.device_object_extension.attached_to
    if lower is not None:
        reason = (
            f"IoDeleteDevice: DeviceObject must be detached first; {device!r} was attached to {lower!r}: call"
            " IoDetachDevice with that device before"
        )
        if is_verified():
            _refuse(VF_IO_VERIFY_DELETE_WHILE_ATTACHED, device, reason)
        report_defect("DEV-05", reason)
    object_manager.value.namespace.remove(device)
    device.device_object_extension.extension_flags |= DOE_DELETE_PENDING
    _delete_if_unused(device)


def close_device(device: DeviceObject) -> None:
    """Count one open file less, and delete the device if its deletion has waited for that."""
    device.reference_count -= 1
    _delete_if_unused(device)
    if not device.reference_count:
        finish_unload(device.driver_object)


def _delete_if_unused(device: DeviceObject) -> None:
    """Take a deleted device out of its driver's list, unless a file or the device above it still needs it."""
    if not device.delete_pending or device.reference_count or device.attached_device is not None:
        return
    _check_extension(device)
    timer = io_manager.value.device_timers.pop(device, None)
    if timer is not None:
        timer.is_started = False
    power = io_manager.value.power
    if power is not None:
        power.device_freed(device)
    device.type = 0  # a use from now on is found by IoCallDriver
    end_extension(device.device_extension, repr(device), mark())
    driver = device.driver_object
    if driver.device_object is device:
        driver.device_object = device.next_device
    for other in driver.devices():
        if other.next_device is device:
            other.next_device = device.next_device


def _check_extension(device: DeviceObject) -> None:
    """Bug check 0xC7 if the device extension, which is freed with the device, has a timer that is set or a DPC queued.

    On NT the pool finds them in the block that is freed (row DPC-14).
    """
    extension = device.device_extension
    members = getattr(extension, "__dict__", None)
    for found in () if members is None else members.values():
        is_timer = isinstance(found, Timer) and found.is_set()
        if not is_timer and not (isinstance(found, Dpc) and found.dpc_data is not None):
            continue
        if is_verified():
            state, step = ("set", "KeCancelTimer") if is_timer else ("queued", "KeFlushQueuedDpcs")
            reason = (
                f"IoDeleteDevice frees the device extension of {device!r}, and {found!r} in it was still {state}: call"
                f" {step} before"
            )
            kind = INVALID_TIMER if is_timer else INVALID_DPC
            bug_check(TIMER_OR_DPC_INVALID, kind, found, extension, 0, reason=reason)


def _refuse(violation: int, device: DeviceObject, reason: str) -> NoReturn:
    """Bug check 0xC9 with the place in the driver, no packet, and the device."""
    bug_check(DRIVER_VERIFIER_IOMANAGER_VIOLATION, violation, origin() or 0, 0, device, reason=reason)


def _refuse_deleted(routine: str, parameter: str, device: DeviceObject) -> NoReturn:
    """Bug check because a driver uses a device object that it has deleted: it has no reference left."""
    reason = (
        f"{routine}: {parameter} must be a device object that was not deleted, and IoDeleteDevice must be called once"
        f" for a device; {device!r} was deleted already: forget the pointer"
    )
    bug_check(REFERENCE_BY_POINTER, type(device), device, reason=reason)
