# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The notification of drivers before the system shuts down (row DRV-09)."""

from __future__ import annotations

from typing import Final

from dirql.io.manager import running as io_manager
from dirql.io.objects import DeviceObject
from dirql.io.request import send_and_wait
from dirql.ke.processors.contract import contract
from dirql.nt.constants import DO_SHUTDOWN_REGISTERED, IRP_MJ_SHUTDOWN
from dirql.nt.status import STATUS_SUCCESS

__all__ = [
    "notify_shutdown",
    "register_last_chance_shutdown_notification",
    "register_shutdown_notification",
    "unregister_shutdown_notification",
]

_REGISTER: Final = contract("IoRegisterShutdownNotification")
_REGISTER_LAST_CHANCE: Final = contract("IoRegisterLastChanceShutdownNotification")
_UNREGISTER: Final = contract("IoUnregisterShutdownNotification")


def register_shutdown_notification(device_object: DeviceObject) -> int:
    """Send IRP_MJ_SHUTDOWN before file systems are flushed; follows IoRegisterShutdownNotification.

    Returns STATUS_SUCCESS. The registration keeps the device object.
    """
    _REGISTER.check(device_object)
    _register(io_manager.value.registered.at_shutdown, device_object)
    return STATUS_SUCCESS


def register_last_chance_shutdown_notification(device_object: DeviceObject) -> int:
    """Do that after file systems are flushed; follows IoRegisterLastChanceShutdownNotification."""
    _REGISTER_LAST_CHANCE.check(device_object)
    _register(io_manager.value.registered.at_last_chance, device_object)
    return STATUS_SUCCESS


def _register(registered: list[DeviceObject], device: DeviceObject) -> None:
    device.reference()
    device.flags |= DO_SHUTDOWN_REGISTERED
    registered.insert(0, device)  # NT puts each in front: the last registered is told first


def unregister_shutdown_notification(device_object: DeviceObject) -> None:
    """Take back all registrations of the device, of both kinds; follows IoUnregisterShutdownNotification."""
    _UNREGISTER.check(device_object)
    manager = io_manager.value
    for registered in (manager.registered.at_shutdown, manager.registered.at_last_chance):
        while device_object in registered:
            registered.remove(device_object)
            device_object.dereference()
    device_object.flags &= ~DO_SHUTDOWN_REGISTERED


def notify_shutdown() -> None:
    """Send IRP_MJ_SHUTDOWN for each registration, and forget it; the system's shutdown at PASSIVE_LEVEL."""
    manager = io_manager.value
    for registered in (manager.registered.at_shutdown, manager.registered.at_last_chance):
        while registered:
            device = registered.pop(0)
            top = device.top_of_stack()
            irp = manager.take_irp(top.stack_size)
            assert irp is not None, f"{top!r} must have a stack size of 1 … 127; it was {top.stack_size}"
            irp.get_next_stack_location().major_function = IRP_MJ_SHUTDOWN
            send_and_wait(top, irp)
            device.dereference()
