# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""A function driver that handles its requests as it must, and records them."""

from __future__ import annotations

from collections.abc import Callable

from dirql.io.objects import DriverEntry
from dirql.registers.functions import Store
from dirql.wdm import (
    CM_RESOURCE_LIST,
    DEVICE_OBJECT,
    DO_DEVICE_INITIALIZING,
    DRIVER_OBJECT,
    FILE_DEVICE_UNKNOWN,
    IO_NO_INCREMENT,
    IRP,
    IRP_MJ_CLEANUP,
    IRP_MJ_CLOSE,
    IRP_MJ_CREATE,
    IRP_MJ_PNP,
    IRP_MN_QUERY_CAPABILITIES,
    IRP_MN_REMOVE_DEVICE,
    IRP_MN_START_DEVICE,
    NT_SUCCESS,
    STATUS_SUCCESS,
    IoAttachDeviceToDeviceStack,
    IoCallDriver,
    IoCompleteRequest,
    IoCreateDevice,
    IoDeleteDevice,
    IoDetachDevice,
    IoForwardIrpSynchronously,
    IoGetCurrentIrpStackLocation,
    IoSkipCurrentIrpStackLocation,
)

NAME = r"\Device\Recorded"


class Layer:
    lower: DEVICE_OBJECT


class Recorder:
    """A driver module; `fail` gives the status for a step instead of success."""

    HARDWARE_IDS = (Store.HARDWARE_ID,)

    def __init__(self) -> None:
        self.DriverEntry: DriverEntry = self.enter
        self.fail: dict[str | int, int] = {}
        self.answer: dict[int, Callable[[DEVICE_OBJECT, IRP], int]] = {}
        """Routines for requests that are not passed down as they are."""
        self.minors: list[int] = []
        self.start_statuses: list[int] = []
        self.raw: CM_RESOURCE_LIST | None = None
        self.translated: CM_RESOURCE_LIST | None = None
        self.capabilities: object = None
        self.physical: DEVICE_OBJECT | None = None
        self.device: DEVICE_OBJECT | None = None
        self.unloaded = 0

    def pass_down(self, device: DEVICE_OBJECT, irp: IRP, status: int | None = None) -> int:
        """Pass a request down, with another status if the driver handles it."""
        if status is not None:
            irp.io_status.status = status
        IoSkipCurrentIrpStackLocation(irp)
        return IoCallDriver(device.device_extension.lower, irp)

    def enter(self, driver: DRIVER_OBJECT, registry_path: str) -> int:
        driver.driver_extension.add_device = self.add_device
        driver.driver_unload = self.unload
        driver.major_function[IRP_MJ_PNP] = self.pnp
        for major in (IRP_MJ_CREATE, IRP_MJ_CLEANUP, IRP_MJ_CLOSE):
            driver.major_function[major] = self.succeed
        return STATUS_SUCCESS

    def unload(self, driver: DRIVER_OBJECT) -> None:
        self.unloaded += 1

    def succeed(self, device: DEVICE_OBJECT, irp: IRP) -> int:
        irp.io_status.status = STATUS_SUCCESS
        IoCompleteRequest(irp, IO_NO_INCREMENT)
        return STATUS_SUCCESS

    def add_device(self, driver: DRIVER_OBJECT, physical: DEVICE_OBJECT) -> int:
        self.physical = physical
        if "add" in self.fail:
            return self.fail["add"]
        status, device = IoCreateDevice(driver, Layer, NAME, FILE_DEVICE_UNKNOWN, 0, False)
        assert device is not None, status
        lower = IoAttachDeviceToDeviceStack(device, physical)
        assert lower is not None
        device.device_extension.lower = lower
        device.flags &= ~DO_DEVICE_INITIALIZING
        self.device = device
        return STATUS_SUCCESS

    def pnp(self, device: DEVICE_OBJECT, irp: IRP) -> int:
        location = IoGetCurrentIrpStackLocation(irp)
        minor = location.minor_function
        self.minors.append(minor)
        self.start_statuses.append(irp.io_status.status)
        lower = device.device_extension.lower
        if minor in self.answer:
            return self.answer[minor](device, irp)
        if minor in self.fail:
            return self.end(irp, self.fail[minor])
        if minor == IRP_MN_START_DEVICE:
            return self.start(device, irp)
        if minor == IRP_MN_QUERY_CAPABILITIES:
            IoForwardIrpSynchronously(lower, irp)
            self.capabilities = location.parameters.device_capabilities.capabilities
            return self.end(irp, irp.io_status.status)
        IoSkipCurrentIrpStackLocation(irp)
        status = IoCallDriver(lower, irp)
        if minor == IRP_MN_REMOVE_DEVICE and "detach" not in self.fail:
            IoDetachDevice(lower)
            if "delete" not in self.fail:
                IoDeleteDevice(device)
        return status

    def start(self, device: DEVICE_OBJECT, irp: IRP) -> int:
        IoForwardIrpSynchronously(device.device_extension.lower, irp)
        if NT_SUCCESS(irp.io_status.status):
            parameters = IoGetCurrentIrpStackLocation(irp).parameters.start_device
            self.raw = parameters.allocated_resources
            self.translated = parameters.allocated_resources_translated
        return self.end(irp, self.fail.get("start", irp.io_status.status))

    def end(self, irp: IRP, status: int) -> int:
        irp.io_status.status = status
        IoCompleteRequest(irp, IO_NO_INCREMENT)
        return status
