# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The end of a driver (row DRV-05): Unload waits until nobody uses its devices, and must leave nothing behind.

A driver whose code could still be called after its Unload routine is bug check 0xCE. NT finds that only when the code
is called, which may be never. `leftovers` looks for that.
"""

from __future__ import annotations

from dirql.io.leftovers import check_leftovers, report_own_handles
from dirql.io.manager import running as io_manager
from dirql.io.objects import DriverObject
from dirql.ke import guard
from dirql.ke.current import current as ke
from dirql.ke.refusals import note_refusal
from dirql.ke.threads.kernel_call import KernelCall
from dirql.nt.constants import DOE_UNLOAD_PENDING, DRVO_UNLOAD_INVOKED
from dirql.nt.status import STATUS_INVALID_DEVICE_REQUEST, STATUS_SUCCESS
from dirql.ob.manager import running as object_manager

__all__ = ["finish_unload", "forget_driver", "release_image", "unload_driver"]


def unload_driver(driver: DriverObject, *, at_end: bool = False) -> int:
    """Call the driver's unload routine, if it has one, and forget the driver (row DRV-05).

    While a file on one of its devices is open, or a device is attached to one, no further open succeeds, and the
    routine is called when the last of them goes. `at_end` calls it at once and checks nothing, because the machine
    closes and reports all leaks together.
    """
    if driver.driver_unload is None:
        note_refusal(
            STATUS_INVALID_DEVICE_REQUEST,
            f"a driver can be unloaded if it has set DriverUnload in DriverEntry; {driver!r} has not",
        )
        return STATUS_INVALID_DEVICE_REQUEST
    if driver.flags & DRVO_UNLOAD_INVOKED:
        return STATUS_SUCCESS
    if not at_end and _is_in_use(driver):
        for device in driver.devices():
            device.device_object_extension.extension_flags |= DOE_UNLOAD_PENDING
        report_own_handles(driver)
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
    manager = io_manager.value
    manager.drivers.pop(driver.driver_extension.service_key_name, None)
    manager.driver_extensions.pop(driver, None)
    object_manager.value.namespace.remove(driver)
    ke.kernel.verifier.forget(driver)


def release_image(driver: DriverObject) -> None:
    """Take the code and the data of a driver away, if its image is more than Python's."""
    driver_gone = io_manager.value.hooks.driver_gone
    if driver_gone is not None:
        driver_gone(driver)


def _is_in_use(driver: DriverObject) -> bool:
    devices = driver.devices()
    if io_manager.value.queued_work.get(driver):
        return True
    return any(device.reference_count or device.attached_device is not None for device in devices)


def _unload(driver: DriverObject, *, at_end: bool) -> None:
    unload = driver.driver_unload
    if unload is None or driver.flags & DRVO_UNLOAD_INVOKED:
        return
    driver.flags |= DRVO_UNLOAD_INVOKED
    with KernelCall():
        guard.call_driver(guard.UNLOAD, driver, unload, driver)
    if at_end:
        io_manager.value.undeleted += (each for each in driver.devices() if not each.delete_pending)
    else:
        check_leftovers(driver)
    forget_driver(driver)
    if not at_end:
        release_image(driver)
