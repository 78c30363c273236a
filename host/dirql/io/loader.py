# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Loading and unloading drivers (rows DRV-01 … DRV-05).

A driver is given by its DriverEntry, a Python callable. The name under which it is loaded is that of a service, which
has a key of the registry; a service that has none gets one.
"""

from __future__ import annotations

from typing import Final

from dirql.cm.registry import running as registry
from dirql.cm.service_keys import service_path
from dirql.io.dispatch import invalid_device_request
from dirql.io.driver_extension import reinitialize_drivers
from dirql.io.driver_fields import check_members
from dirql.io.manager import running as io_manager
from dirql.io.objects import DispatchRoutine, DriverEntry, DriverObject
from dirql.io.unload import forget_driver, release_image, unload_driver
from dirql.ke import guard
from dirql.ke.current import current as ke
from dirql.ke.processors.contract import contract
from dirql.ke.threads.kernel_call import KernelCall
from dirql.nt.constants import DO_DEVICE_INITIALIZING, DRVO_INITIALIZED
from dirql.nt.ntstatus import nt_success
from dirql.nt.status import (
    STATUS_IMAGE_ALREADY_LOADED,
    STATUS_OBJECT_NAME_NOT_FOUND,
)
from dirql.ob.manager import running as object_manager
from dirql.rtl.strings import UnicodeText, unicode_text
from dirql.verifier.policy import DEFAULT_FLAGS

__all__ = ["load_driver", "zw_load_driver", "zw_unload_driver"]

_ZW_LOAD_DRIVER: Final = contract("ZwLoadDriver")
_ZW_UNLOAD_DRIVER: Final = contract("ZwUnloadDriver")


def load_driver(
    entry: DriverEntry, service: str, verifier_flags: int | None = DEFAULT_FLAGS
) -> tuple[int, DriverObject | None]:
    """Make a driver object and call `entry(driver_object, registry_path)`: (the status, the driver object).

    `verifier_flags` are the options of Driver Verifier for the driver; None leaves the driver unverified. When `entry`
    fails the driver object is gone, and `driver_unload` is not called (row DRV-04).
    """
    manager = io_manager.value
    if service in manager.drivers:
        return STATUS_IMAGE_ALREADY_LOADED, None
    path = service_path(registry.value, service)
    driver = DriverObject(service, entry, invalid_device_request)
    status = object_manager.value.namespace.insert(driver.driver_name, driver)
    if not nt_success(status):
        return status, None
    manager.drivers[service] = driver
    ke.kernel.verifier.verify(driver, verifier_flags)
    with KernelCall():
        status = guard.call_driver(guard.DRIVER_ENTRY, driver, entry, driver, path)
    if not nt_success(status):
        forget_driver(driver)
        release_image(driver)
        return status, None
    check_members(driver, entry)
    driver.flags |= DRVO_INITIALIZED
    # NT fills the slots that a driver has set to NULL, in the same way.
    table: list[DispatchRoutine | None] = list(driver.major_function)
    driver.major_function[:] = [invalid_device_request if routine is None else routine for routine in table]
    for device in driver.devices():
        device.flags &= ~DO_DEVICE_INITIALIZING
    reinitialize_drivers()
    return status, driver


def zw_load_driver(driver_service_name: UnicodeText) -> int:
    """Load the driver of a service by the path of its key; follows ZwLoadDriver (row DRV-03).

    The image is the driver that the machine knows under that name, or the one that the value ImagePath names.
    """
    _ZW_LOAD_DRIVER.check_level(driver_service_name)
    _ZW_LOAD_DRIVER.check_arguments(driver_service_name)
    key = registry.value.find(unicode_text(driver_service_name))
    find_image = io_manager.value.find_image
    if key is None or find_image is None:
        return STATUS_OBJECT_NAME_NOT_FOUND
    entry = find_image(key.name)
    if entry is None:
        return STATUS_OBJECT_NAME_NOT_FOUND
    status, _ = load_driver(entry, key.name)
    return status


def zw_unload_driver(driver_service_name: UnicodeText) -> int:
    """Unload a driver by the path of its service's key; follows ZwUnloadDriver."""
    _ZW_UNLOAD_DRIVER.check_level(driver_service_name)
    _ZW_UNLOAD_DRIVER.check_arguments(driver_service_name)
    key = registry.value.find(unicode_text(driver_service_name))
    driver = None if key is None else io_manager.value.drivers.get(key.name)
    return STATUS_OBJECT_NAME_NOT_FOUND if driver is None else unload_driver(driver)
