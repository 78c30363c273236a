# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Driver object extensions, which belong to a driver as a whole, and reinitialization routines of drivers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from dirql.io.fixed_bytes import FixedBytes
from dirql.io.manager import running as io_manager
from dirql.io.objects import DriverObject
from dirql.ke import guard
from dirql.ke.processors.contract import KeptContract, contract
from dirql.ke.threads.kernel_call import KernelCall
from dirql.nt.constants import DRVO_BOOTREINIT_REGISTERED, DRVO_REINIT_REGISTERED
from dirql.nt.status import STATUS_INSUFFICIENT_RESOURCES, STATUS_OBJECT_NAME_COLLISION, STATUS_SUCCESS

__all__ = [
    "DriverReinitialize",
    "allocate_driver_object_extension",
    "get_driver_object_extension",
    "register_boot_driver_reinitialization",
    "register_driver_reinitialization",
    "reinitialize_drivers",
]

_ALLOCATE: Final = contract("IoAllocateDriverObjectExtension")
_GET: Final = contract("IoGetDriverObjectExtension")
_REGISTER: Final = contract("IoRegisterDriverReinitialization")
_REGISTER_BOOT: Final = contract("IoRegisterBootDriverReinitialization")

_LARGEST: Final = 1 << 24
"""The size in bytes up to which there is memory for an extension."""

DriverReinitialize = Callable[[DriverObject, object, int], object]
"""A reinitialization routine is called as `routine(driver, context, count)`."""


def allocate_driver_object_extension(
    driver_object: DriverObject,
    client_identification_address: object,
    driver_object_extension_size: type | int,
) -> tuple[int, object]:
    """Give a driver memory of its own: (status, extension); follows IoAllocateDriverObjectExtension.

    `client_identification_address` is any object that the driver finds the extension by. A Python driver gives a class,
    which is called without arguments, where C has a size; a size in bytes gives a bytearray of zeros. The system frees
    it with the driver object. STATUS_OBJECT_NAME_COLLISION if the driver has an extension by that already.
    """
    _ALLOCATE.check(driver_object)
    _ALLOCATE.check_arguments(driver_object, client_identification_address, driver_object_extension_size)
    _check_address(_ALLOCATE, client_identification_address)
    extensions = io_manager.value.driver_extensions.setdefault(driver_object, {})
    if client_identification_address in extensions:
        return STATUS_OBJECT_NAME_COLLISION, None
    size = driver_object_extension_size
    made: object
    if isinstance(size, type):
        made = size()
    elif isinstance(size, int):
        if not 0 <= size <= _LARGEST:
            return STATUS_INSUFFICIENT_RESOURCES, None
        made = FixedBytes(size)
    else:
        _ALLOCATE.refuse_argument("DriverObjectExtensionSize", "a class, or a size in bytes (ULONG)", size)
    extensions[client_identification_address] = made
    return STATUS_SUCCESS, made


def get_driver_object_extension(driver_object: DriverObject, client_identification_address: object) -> object:
    """The extension that was made with that address, None if there is none; follows IoGetDriverObjectExtension."""
    _GET.check(driver_object)
    _check_address(_GET, client_identification_address)
    return io_manager.value.driver_extensions.get(driver_object, {}).get(client_identification_address)


def _check_address(kept: KeptContract, address: object) -> None:
    """Refuse what cannot be found again, because it is compared by contents that may change."""
    try:
        hash(address)
    except TypeError:
        what = "an address, or an object that can be a key of a dict"
        kept.refuse_argument("ClientIdentificationAddress", what, address)


def register_driver_reinitialization(
    driver_object: DriverObject, driver_reinitialization_routine: DriverReinitialize, context: object
) -> None:
    """Have `routine(driver, context, count)` called after DriverEntry; follows IoRegisterDriverReinitialization.

    `count` is the number of such calls of the driver, with this one. The routine may register itself again.
    """
    _REGISTER.check(driver_object)
    _REGISTER.check_arguments(driver_object, driver_reinitialization_routine, context)
    driver_object.flags |= DRVO_REINIT_REGISTERED
    io_manager.value.registered.reinitializations.append(
        (driver_object, driver_reinitialization_routine, context)
    )


def register_boot_driver_reinitialization(
    driver_object: DriverObject, driver_reinitialization_routine: DriverReinitialize, context: object
) -> None:
    """Do that before the other drivers' routines; follows IoRegisterBootDriverReinitialization."""
    _REGISTER_BOOT.check(driver_object)
    _REGISTER_BOOT.check_arguments(driver_object, driver_reinitialization_routine, context)
    driver_object.flags |= DRVO_BOOTREINIT_REGISTERED
    queue = io_manager.value.registered.reinitializations
    queue.appendleft((driver_object, driver_reinitialization_routine, context))


def reinitialize_drivers() -> None:
    """Call the reinitialization routines that are registered, until no more register themselves."""
    manager = io_manager.value
    while manager.registered.reinitializations:
        driver, routine, context = manager.registered.reinitializations.popleft()
        driver.flags &= ~(DRVO_REINIT_REGISTERED | DRVO_BOOTREINIT_REGISTERED)
        if manager.drivers.get(driver.driver_extension.service_key_name) is not driver:
            continue  # its DriverEntry has failed, or it is unloaded
        count = manager.registered.reinitialized[driver] = manager.registered.reinitialized.get(driver, 0) + 1
        with KernelCall():
            guard.call_driver(guard.REINITIALIZE, driver, routine, driver, context, count)
