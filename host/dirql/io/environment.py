# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Facts about the system and about the program that has made a request."""

from __future__ import annotations

from typing import Final

from dirql.io.manager import running as io_manager
from dirql.io.objects import DriverObject, Irp
from dirql.ke.current import current
from dirql.ke.processors.contract import contract
from dirql.nt.status import STATUS_NOT_SUPPORTED, STATUS_SUCCESS

__all__ = [
    "is_32bit_process",
    "is_driver_verifying",
    "is_verifier_enabled",
    "is_wdm_version_available",
]

_IS_32BIT: Final = contract("IoIs32bitProcess")
_IS_VERSION: Final = contract("IoIsWdmVersionAvailable")
_IS_VERIFIER_ENABLED: Final = contract("MmIsVerifierEnabled")
_IS_DRIVER_VERIFYING: Final = contract("MmIsDriverVerifying")

_WDM_VERSION: Final = (6, 0)
"""The version of the driver model since Windows Vista."""


def is_32bit_process(irp: Irp | None) -> bool:
    """Whether the program behind a request has 32-bit pointers; follows IoIs32bitProcess.

    All programs here have pointers of 64 bits.
    """
    _IS_32BIT.check(irp)
    return False


def is_wdm_version_available(major_version: int, minor_version: int) -> bool:
    """Whether the system has a version of the driver model; it is 6.0; follows IoIsWdmVersionAvailable."""
    _IS_VERSION.check_level(major_version)
    _IS_VERSION.check_arguments(major_version, minor_version)
    return (major_version, minor_version) <= _WDM_VERSION


def is_verifier_enabled() -> tuple[int, int]:
    """Whether a driver is verified: (status, the options of all such drivers together); follows MmIsVerifierEnabled.

    STATUS_NOT_SUPPORTED, with no option, if none is.
    """
    _IS_VERIFIER_ENABLED.check_level(0)
    verifier = current.kernel.verifier
    chosen = [verifier.flags_of(driver) for driver in io_manager.value.drivers.values()]
    verified = [flags for flags in chosen if flags is not None]
    options = 0
    for flags in verified:
        options |= flags
    return STATUS_SUCCESS if verified else STATUS_NOT_SUPPORTED, options


def is_driver_verifying(driver_object: DriverObject) -> bool:
    """Whether a driver is verified; follows MmIsDriverVerifying."""
    _IS_DRIVER_VERIFYING.check(driver_object)
    return current.kernel.verifier.is_verified(driver_object)
