# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""A right function driver, above a driver that ends requests later; a rule's example replaces some routines."""

from __future__ import annotations

from dirql import wdm
from dirql.registers.functions import Store

HARDWARE_IDS = (Store.HARDWARE_ID,)
NAME = r"\Device\Rule"
TAG = wdm.POOL_TAG("Rule")


class Extension:
    """The driver's own data about its device."""

    def __init__(self) -> None:
        self.lower: wdm.DEVICE_OBJECT
        self.physical: wdm.DEVICE_OBJECT
        self.remove_lock = wdm.IO_REMOVE_LOCK()
        self.lock = wdm.KSPIN_LOCK()
        self.event = wdm.KEVENT()
        self.irp: wdm.IRP | None = None


def DriverEntry(driver: wdm.DRIVER_OBJECT, registry_path: str) -> int:
    driver.driver_extension.add_device = AddDevice
    driver.driver_unload = Unload
    driver.driver_start_io = StartIo
    for major, routine in {
        wdm.IRP_MJ_CREATE: Create,
        wdm.IRP_MJ_CLEANUP: Cleanup,
        wdm.IRP_MJ_CLOSE: Close,
        wdm.IRP_MJ_READ: Read,
        wdm.IRP_MJ_WRITE: Write,
        wdm.IRP_MJ_DEVICE_CONTROL: Control,
        wdm.IRP_MJ_INTERNAL_DEVICE_CONTROL: PassDown,
        wdm.IRP_MJ_PNP: Pnp,
        wdm.IRP_MJ_POWER: Power,
        wdm.IRP_MJ_SYSTEM_CONTROL: SystemControl,
    }.items():
        driver.major_function[major] = routine
    return wdm.STATUS_SUCCESS


def Unload(driver: wdm.DRIVER_OBJECT) -> None:
    pass


def AddDevice(driver: wdm.DRIVER_OBJECT, physical: wdm.DEVICE_OBJECT) -> int:
    status, device = wdm.IoCreateDevice(driver, Extension, NAME, wdm.FILE_DEVICE_UNKNOWN, 0, False)
    if device is None:
        return status
    extension = device.device_extension
    wdm.IoInitializeRemoveLock(extension.remove_lock, "Rule", 0, 0)
    wdm.KeInitializeSpinLock(extension.lock)
    wdm.KeInitializeEvent(extension.event, wdm.NotificationEvent, False)
    lower = wdm.IoAttachDeviceToDeviceStack(device, physical)
    if lower is None:
        wdm.IoDeleteDevice(device)
        return wdm.STATUS_NO_SUCH_DEVICE
    extension.lower, extension.physical = lower, physical
    device.flags |= wdm.DO_BUFFERED_IO | wdm.DO_POWER_PAGABLE
    device.flags &= ~wdm.DO_DEVICE_INITIALIZING
    return wdm.STATUS_SUCCESS


def Complete(irp: wdm.IRP, status: int, information: int = 0) -> int:
    irp.io_status.status = status
    irp.io_status.information = information
    wdm.IoCompleteRequest(irp, wdm.IO_NO_INCREMENT)
    return status


def Create(device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> int:
    return Complete(irp, wdm.STATUS_SUCCESS)


def Cleanup(device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> int:
    return Complete(irp, wdm.STATUS_SUCCESS)


def Close(device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> int:
    return Complete(irp, wdm.STATUS_SUCCESS)


def PassDown(device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> int:
    wdm.IoSkipCurrentIrpStackLocation(irp)
    return wdm.IoCallDriver(device.device_extension.lower, irp)


def Read(device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> int:
    return PassDown(device, irp)


def Write(device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> int:
    return PassDown(device, irp)


def Control(device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> int:
    return Complete(irp, wdm.STATUS_SUCCESS)


def StartIo(device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> None:
    Complete(irp, wdm.STATUS_SUCCESS)
    wdm.IoStartNextPacket(device, False)


def SystemControl(device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> int:
    return PassDown(device, irp)


def Power(device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> int:
    wdm.PoStartNextPowerIrp(irp)
    return PassDown(device, irp)


def Pnp(device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> int:
    return Minor(device, irp)


def Minor(device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> int:
    minor = wdm.IoGetCurrentIrpStackLocation(irp).minor_function
    if minor == wdm.IRP_MN_START_DEVICE:
        return Start(device, irp)
    if minor == wdm.IRP_MN_QUERY_REMOVE_DEVICE:
        return QueryRemove(device, irp)
    if minor == wdm.IRP_MN_SURPRISE_REMOVAL:
        return SurpriseRemoval(device, irp)
    if minor == wdm.IRP_MN_REMOVE_DEVICE:
        return Remove(device, irp)
    return PassDown(device, irp)


def Start(device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> int:
    wdm.IoForwardIrpSynchronously(device.device_extension.lower, irp)
    return Complete(irp, irp.io_status.status)


def Answer(device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> int:
    irp.io_status.status = wdm.STATUS_SUCCESS
    return PassDown(device, irp)


def QueryRemove(device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> int:
    return Answer(device, irp)


def SurpriseRemoval(device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> int:
    return Answer(device, irp)


def Remove(device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> int:
    extension = device.device_extension
    wdm.IoAcquireRemoveLock(extension.remove_lock, irp)
    status = Answer(device, irp)
    wdm.IoReleaseRemoveLockAndWait(extension.remove_lock, irp)
    wdm.IoDetachDevice(extension.lower)
    wdm.IoDeleteDevice(device)
    return status
