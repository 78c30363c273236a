# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""A lower filter that marks reads, writes and control requests pending, and completes them in a timer's DPC."""

from __future__ import annotations

from dirql import wdm
from dirql.registers.functions import Store

LATER = -10_000  # a millisecond


class Layer:
    """The data of the driver about a device."""

    def __init__(self) -> None:
        self.lower: wdm.DEVICE_OBJECT
        self.timer = wdm.KTIMER()
        self.dpc = wdm.KDPC()
        self.waiting: list[wdm.IRP] = []


class Below:
    """The module of the lower filter."""

    HARDWARE_IDS = (Store.HARDWARE_ID,)

    def __init__(self) -> None:
        self.DriverEntry = self.enter

    def enter(self, driver: wdm.DRIVER_OBJECT, registry_path: str) -> int:
        driver.driver_extension.add_device = self.add_device
        driver.driver_unload = lambda _: None
        for major in range(wdm.IRP_MJ_MAXIMUM_FUNCTION + 1):
            driver.major_function[major] = self.pass_down
        for major in (
            wdm.IRP_MJ_READ,
            wdm.IRP_MJ_WRITE,
            wdm.IRP_MJ_DEVICE_CONTROL,
            wdm.IRP_MJ_INTERNAL_DEVICE_CONTROL,
        ):
            driver.major_function[major] = self.keep
        driver.major_function[wdm.IRP_MJ_PNP] = self.pnp
        return wdm.STATUS_SUCCESS

    def add_device(self, driver: wdm.DRIVER_OBJECT, physical: wdm.DEVICE_OBJECT) -> int:
        _, device = wdm.IoCreateDevice(driver, Layer, None, wdm.FILE_DEVICE_UNKNOWN, 0, False)
        assert device is not None
        layer = device.device_extension
        layer.lower = wdm.IoAttachDeviceToDeviceStack(device, physical)
        wdm.KeInitializeTimer(layer.timer)
        wdm.KeInitializeDpc(layer.dpc, self.end, device)
        device.flags |= wdm.DO_POWER_PAGABLE
        device.flags &= ~wdm.DO_DEVICE_INITIALIZING
        return wdm.STATUS_SUCCESS

    def pass_down(self, device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> int:
        wdm.IoSkipCurrentIrpStackLocation(irp)
        return wdm.IoCallDriver(device.device_extension.lower, irp)

    def pnp(self, device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> int:
        is_removal = wdm.IoGetCurrentIrpStackLocation(irp).minor_function == wdm.IRP_MN_REMOVE_DEVICE
        status = self.pass_down(device, irp)
        if is_removal:
            layer = device.device_extension
            wdm.KeCancelTimer(layer.timer)
            wdm.IoDetachDevice(layer.lower)
            wdm.IoDeleteDevice(device)
        return status

    def keep(self, device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> int:
        layer = device.device_extension
        wdm.IoMarkIrpPending(irp)
        layer.waiting.append(irp)
        wdm.KeSetTimer(layer.timer, LATER, layer.dpc)
        return wdm.STATUS_PENDING

    def end(self, dpc: wdm.KDPC, device: wdm.DEVICE_OBJECT, first: object, second: object) -> None:
        waiting, device.device_extension.waiting = device.device_extension.waiting, []
        for irp in waiting:
            irp.io_status.status, irp.io_status.information = wdm.STATUS_SUCCESS, 0
            wdm.IoCompleteRequest(irp, wdm.IO_NO_INCREMENT)
