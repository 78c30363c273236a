# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The end of a driver (row DRV-05): Unload waits until nobody uses its devices, and must leave nothing behind.

A driver whose code could still be called after its Unload routine is bug check 0xCE. NT finds that only when the code
is called, which may be never.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from dirql.io.manager import running as io_manager
from dirql.io.objects import DriverObject
from dirql.ke import guard
from dirql.ke.bugcheck import bug_check
from dirql.ke.current import current as ke
from dirql.ke.objects.timer import Timer
from dirql.ke.origin import origin_of_routine
from dirql.ke.processors.dpc import Dpc
from dirql.ke.processors.interrupt import interrupt_table
from dirql.nt.bugcodes import DRIVER_UNLOADED_WITHOUT_CANCELLING_PENDING_OPERATIONS
from dirql.nt.constants import DOE_UNLOAD_PENDING, DRVO_UNLOAD_INVOKED
from dirql.nt.status import STATUS_INVALID_DEVICE_REQUEST, STATUS_SUCCESS
from dirql.ob.manager import running as object_manager
from dirql.ob.namespace import Directory, SymbolicLink

__all__ = ["finish_unload", "forget_driver", "unload_driver"]

_DIRECTORIES: Final = ("\\??", "\\Device")


def unload_driver(driver: DriverObject, *, at_end: bool = False) -> int:
    """Call the driver's unload routine, if it has one, and forget the driver (row DRV-05).

    While a file on one of its devices is open, or a device is attached to one, no further open succeeds, and the
    routine is called when the last of them goes. `at_end` calls it at once and checks nothing, because the machine
    closes and reports all leaks together.
    """
    if driver.driver_unload is None:
        return STATUS_INVALID_DEVICE_REQUEST
    if driver.flags & DRVO_UNLOAD_INVOKED:
        return STATUS_SUCCESS
    if not at_end and _is_in_use(driver):
        for device in driver.devices():
            device.device_object_extension.extension_flags |= DOE_UNLOAD_PENDING
        return STATUS_SUCCESS
    _unload(driver, at_end=at_end)
    return STATUS_SUCCESS


def finish_unload(driver: DriverObject) -> None:
    """Unload a driver whose Unload routine has waited for the use of a device that has just ended."""
    pending = any(
        device.device_object_extension.extension_flags & DOE_UNLOAD_PENDING for device in driver.devices()
    )
    if pending and not driver.flags & DRVO_UNLOAD_INVOKED and not _is_in_use(driver):
        io_manager.value.worker.queue(lambda: _unload(driver, at_end=False))


def forget_driver(driver: DriverObject) -> None:
    """Free the names of a driver, because it was unloaded or did not load."""
    io_manager.value.drivers.pop(driver.driver_extension.service_key_name, None)
    object_manager.value.namespace.remove(driver)
    ke.kernel.verifier.forget(driver)


def _is_in_use(driver: DriverObject) -> bool:
    devices = driver.devices()
    return any(device.reference_count or device.attached_device is not None for device in devices)


def _unload(driver: DriverObject, *, at_end: bool) -> None:
    unload = driver.driver_unload
    if unload is None or driver.flags & DRVO_UNLOAD_INVOKED:
        return
    driver.flags |= DRVO_UNLOAD_INVOKED
    guard.call_driver(guard.UNLOAD, driver, unload, driver)
    if not at_end:
        for left, routine, what in _left_behind(driver):
            place = origin_of_routine(routine)
            reason = (
                f"a driver must leave nothing behind when its Unload routine returns; {left!r} of {driver!r} was still"
                f" {what} in DriverUnload"
            )
            ke.processor.driver = driver
            code = DRIVER_UNLOADED_WITHOUT_CANCELLING_PENDING_OPERATIONS
            bug_check(code, left, 0, place or 0, 0, reason=reason, place=place)
    forget_driver(driver)


_Left = tuple[object, object, str]
"""A thing that is still in use, its routine, and the state with the remedy."""


def _left_behind(driver: DriverObject) -> Iterator[_Left]:
    """The things of a driver that are still in use."""
    kernel = ke.kernel
    yield from _timers(driver)
    waiting = [dpc for processor in kernel.processors for dpc in processor.dpcs.waiting]
    for dpc in waiting:
        if isinstance(dpc, Dpc) and dpc.driver is driver:
            yield dpc, dpc.deferred_routine, "queued: call KeFlushQueuedDpcs"
    for interrupt in interrupt_table.value.connected_interrupts():
        if interrupt.driver is driver:
            yield interrupt, interrupt.service_routine, "connected: call IoDisconnectInterrupt"
    for thread in kernel.threads:
        if thread.creator is driver:
            yield thread, None, "running: tell it to end, and wait for the thread object"
    for device in driver.devices():
        yield from () if device.delete_pending else [(device, None, "there: call IoDeleteDevice")]
    for link in _links(driver):
        yield link, None, "there: call IoDeleteSymbolicLink"


def _timers(driver: DriverObject) -> Iterator[_Left]:
    for entry in ke.kernel.timers.entries():
        timer = getattr(entry, "timer", None)
        if not isinstance(timer, Timer):
            continue
        dpc = timer.dpc
        if timer.driver is driver or (dpc is not None and dpc.driver is driver):
            yield (
                timer,
                None if dpc is None else dpc.deferred_routine,
                "set: call KeCancelTimer and KeFlushQueuedDpcs",
            )


def _links(driver: DriverObject) -> Iterator[SymbolicLink]:
    namespace = object_manager.value.namespace
    for path in _DIRECTORIES:
        _, directory, _ = namespace.lookup(path)
        if isinstance(directory, Directory):
            for named in directory.entries.values():
                if isinstance(named, SymbolicLink) and named.maker is driver:
                    yield named
