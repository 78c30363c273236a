# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Two drivers that complete each request at once, one in C and one in Python, for bench/c_core.py."""

from __future__ import annotations

from pathlib import Path

from dirql.c.driver import CDriver
from dirql.wdm import (
    DEVICE_OBJECT,
    DRIVER_OBJECT,
    FILE_DEVICE_UNKNOWN,
    IO_NO_INCREMENT,
    IRP,
    STATUS_SUCCESS,
    IoCompleteRequest,
    IoCreateDevice,
    IoDeleteDevice,
)

__all__ = ["InPython", "in_c"]


def in_c() -> CDriver:
    """The driver in C."""
    return CDriver(Path(__file__).with_suffix(".c"))


class InPython:
    """The driver in Python."""

    HARDWARE_IDS = ()

    def DriverEntry(self, driver_object: DRIVER_OBJECT, registry_path: str) -> int:
        driver_object.major_function[:] = [self.dispatch] * len(driver_object.major_function)
        driver_object.driver_unload = lambda driver: IoDeleteDevice(driver.device_object)
        status, _ = IoCreateDevice(driver_object, 0, r"\Device\Twin", FILE_DEVICE_UNKNOWN, 0, False)
        return status

    @staticmethod
    def dispatch(device: DEVICE_OBJECT, irp: IRP) -> int:
        irp.io_status.status = STATUS_SUCCESS
        irp.io_status.information = 0
        IoCompleteRequest(irp, IO_NO_INCREMENT)
        return STATUS_SUCCESS
