# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Errors of devices that are shown to the user. `Machine.hard_errors` has the messages; nobody answers them."""

from __future__ import annotations

from typing import Final

from dirql.io.irp import complete_request
from dirql.io.manager import running as io_manager
from dirql.io.objects import DeviceObject, Irp
from dirql.io.packet import refuse_use
from dirql.ke.current import current as ke
from dirql.ke.guard import current_driver
from dirql.ke.processors.contract import contract
from dirql.ke.threads.thread import Thread
from dirql.nt.constants import IO_DISK_INCREMENT
from dirql.nt.ntstatus import NTSTATUS, status_name
from dirql.nt.status import (
    STATUS_DEVICE_NOT_READY,
    STATUS_IO_TIMEOUT,
    STATUS_MEDIA_WRITE_PROTECTED,
    STATUS_NO_MEDIA_IN_DEVICE,
    STATUS_UNRECOGNIZED_MEDIA,
    STATUS_VERIFY_REQUIRED,
    STATUS_WRONG_VOLUME,
)
from dirql.rtl.strings import UnicodeText, unicode_text

__all__ = [
    "HardError",
    "get_device_to_verify",
    "is_error_user_induced",
    "raise_hard_error",
    "raise_informational_hard_error",
    "set_device_to_verify",
    "set_hard_error_or_verify_device",
    "set_thread_hard_error_mode",
]

_RAISE: Final = contract("IoRaiseHardError")
_RAISE_INFORMATIONAL: Final = contract("IoRaiseInformationalHardError")
_SET_MODE: Final = contract("IoSetThreadHardErrorMode")
_SET_OR_VERIFY: Final = contract("IoSetHardErrorOrVerifyDevice")
_GET_DEVICE: Final = contract("IoGetDeviceToVerify")
_SET_DEVICE: Final = contract("IoSetDeviceToVerify")
_IS_USER_INDUCED: Final = contract("IoIsErrorUserInduced")

_USER_INDUCED: Final = frozenset(
    (
        STATUS_DEVICE_NOT_READY,
        STATUS_IO_TIMEOUT,
        STATUS_MEDIA_WRITE_PROTECTED,
        STATUS_NO_MEDIA_IN_DEVICE,
        STATUS_UNRECOGNIZED_MEDIA,
        STATUS_VERIFY_REQUIRED,
        STATUS_WRONG_VOLUME,
    )
)


class HardError:
    """A message to the user: the status, a text if the driver gave one, the driver, and the device if there is one."""

    __slots__ = ("device", "driver", "status", "text")

    def __init__(self, status: int, text: str, device: DeviceObject | None) -> None:
        self.status = NTSTATUS(status)
        self.text = text
        self.device = device
        self.driver = current_driver()
        """The driver that raised the error."""

    def __repr__(self) -> str:
        about = "" if self.device is None else f" of {self.device!r}"
        return f"<{status_name(self.status)}{about} shown to the user>"


def raise_hard_error(irp: Irp, vpb: object, real_device_object: DeviceObject) -> None:
    """Show the error of a request to the user and complete it; follows IoRaiseHardError.

    The user cancels: the request is completed with the status that it has, and Information 0. If the thread of the
    request has hard errors disabled nothing is shown.
    """
    _RAISE.check_two(irp, real_device_object)
    _RAISE.check_arguments(irp, vpb, real_device_object)
    if not irp.type:
        refuse_use(irp, "IoRaiseHardError was called for it")
    thread = irp.tail.overlay.thread
    if thread is None or not thread.io.hard_errors_disabled:
        io_manager.value.errors.shown.append(HardError(irp.io_status.status, "", real_device_object))
    irp.io_status.information = 0
    complete_request(irp, IO_DISK_INCREMENT)


def raise_informational_hard_error(
    error_status: int, string: UnicodeText | None, thread: Thread | None
) -> bool:
    """Show a message to the user; follows IoRaiseInformationalHardError.

    False if `thread`, or without one the current thread, has hard errors disabled.
    """
    _RAISE_INFORMATIONAL.check_with(error_status, thread)
    _RAISE_INFORMATIONAL.check_arguments(error_status, string, thread)
    if (thread or ke.processor.current_thread).io.hard_errors_disabled:
        return False
    text = "" if string is None else unicode_text(string)
    io_manager.value.errors.shown.append(HardError(error_status, text, None))
    return True


def set_thread_hard_error_mode(enable_hard_errors: int) -> bool:
    """Say if errors are shown for the current thread; returns whether they were. Follows IoSetThreadHardErrorMode."""
    _SET_MODE.check_level(enable_hard_errors)
    _SET_MODE.check_arguments(enable_hard_errors)
    thread = ke.processor.current_thread
    before = not thread.io.hard_errors_disabled
    thread.io.hard_errors_disabled = not enable_hard_errors
    return before


def set_hard_error_or_verify_device(irp: Irp, device_object: DeviceObject) -> None:
    """Name the device that an error of a request is about, to its thread; follows IoSetHardErrorOrVerifyDevice."""
    _SET_OR_VERIFY.check_two(irp, device_object)
    if not irp.type:
        refuse_use(irp, "IoSetHardErrorOrVerifyDevice was called for it")
    thread = irp.tail.overlay.thread
    if thread is not None:
        thread.io.device_to_verify = device_object


def get_device_to_verify(thread: Thread) -> object:
    """The device that an error of the thread's request is about; follows IoGetDeviceToVerify."""
    _GET_DEVICE.check(thread)
    return thread.io.device_to_verify


def set_device_to_verify(thread: Thread, device_object: DeviceObject | None) -> None:
    """Name that device, or forget it; follows IoSetDeviceToVerify."""
    _SET_DEVICE.check_two(thread, device_object)
    thread.io.device_to_verify = device_object


def is_error_user_induced(status: int) -> bool:
    """Whether the user can mend an error, such as a medium that is not there; follows IoIsErrorUserInduced."""
    _IS_USER_INDUCED.check_arguments(status)
    return NTSTATUS(status) in _USER_INDUCED
