# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""A filter above each store device: it counts the IRPs for each major function, and times each of them.

It is loaded as an upper filter, `load_driver("counting_filter.py", as_filter="upper")`, before the store driver. It
changes nothing: it passes each request down, and sees it again in a completion routine. Its counts are read with
IOCTL_COUNTER_READ, a control code that the filter answers itself and does not count.
"""

from __future__ import annotations

import struct

from dirql import wdm
from dirql.registers.functions import Store

HARDWARE_IDS = (Store.HARDWARE_ID,)
# No input. Output: 28 counts, one for each major function; the longest time of a request; and a histogram with 32
# counts, of which number n counts the times with n bits, from 2**(n - 1) to 2**n - 1 bus clocks.
IOCTL_COUNTER_READ = wdm.CTL_CODE(wdm.FILE_DEVICE_UNKNOWN, 0x900, wdm.METHOD_BUFFERED, wdm.FILE_READ_ACCESS)
FUNCTIONS = wdm.IRP_MJ_MAXIMUM_FUNCTION + 1
BUCKETS = 32
ANSWER = struct.Struct(f"<{FUNCTIONS}I I {BUCKETS}I")


class Extension:
    """The filter's own data about one device that it is attached to."""

    def __init__(self) -> None:
        self.lower_device: wdm.DEVICE_OBJECT
        self.remove_lock = wdm.IO_REMOVE_LOCK()
        # Guarded by the lock: requests come, and are completed, on all processors at once.
        self.lock = wdm.KSPIN_LOCK()
        self.counts = [0] * FUNCTIONS
        self.longest = 0
        self.histogram = [0] * BUCKETS


def DriverEntry(driver: wdm.DRIVER_OBJECT, registry_path: str) -> int:
    for major in range(FUNCTIONS):  # a filter must pass on even what it does not know
        driver.major_function[major] = CountAndPassDown
    driver.major_function[wdm.IRP_MJ_DEVICE_CONTROL] = Control
    driver.major_function[wdm.IRP_MJ_PNP] = Pnp
    driver.driver_extension.add_device = AddDevice
    driver.driver_unload = Unload
    return wdm.STATUS_SUCCESS


def Unload(driver: wdm.DRIVER_OBJECT) -> None:
    pass  # the device objects were deleted when the devices were removed


def AddDevice(driver: wdm.DRIVER_OBJECT, physical_device: wdm.DEVICE_OBJECT) -> int:
    """Put a device object on top of a stack. Programs open the device below, so that this one has no name."""
    top = wdm.IoGetAttachedDevice(physical_device)
    status, device = wdm.IoCreateDevice(driver, Extension, None, top.device_type, top.characteristics, False)
    if device is None:
        return status
    wdm.IoInitializeRemoveLock(device.device_extension.remove_lock, "Cntr", 0, 0)
    wdm.KeInitializeSpinLock(device.device_extension.lock)
    lower = wdm.IoAttachDeviceToDeviceStack(device, physical_device)
    if lower is None:
        wdm.IoDeleteDevice(device)
        return wdm.STATUS_NO_SUCH_DEVICE
    device.device_extension.lower_device = lower
    # The I/O manager looks at the top device to decide how buffers are handed over.
    device.flags |= lower.flags & (wdm.DO_BUFFERED_IO | wdm.DO_DIRECT_IO | wdm.DO_POWER_PAGABLE)
    device.flags &= ~wdm.DO_DEVICE_INITIALIZING
    return wdm.STATUS_SUCCESS


def Complete(irp: wdm.IRP, status: int, information: int = 0) -> int:
    irp.io_status.status, irp.io_status.information = status, information
    wdm.IoCompleteRequest(irp, wdm.IO_NO_INCREMENT)
    return status


def CountAndPassDown(device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> int:
    extension = device.device_extension
    status = wdm.IoAcquireRemoveLock(extension.remove_lock, irp)
    if not wdm.NT_SUCCESS(status):
        return Complete(irp, status)
    irql = wdm.KeAcquireSpinLock(extension.lock)
    extension.counts[wdm.IoGetCurrentIrpStackLocation(irp).major_function] += 1
    wdm.KeReleaseSpinLock(extension.lock, irql)
    begin, _ = wdm.KeQueryPerformanceCounter()
    wdm.IoCopyCurrentIrpStackLocationToNext(irp)
    # The context is the time itself: it needs no memory that somebody would have to free.
    wdm.IoSetCompletionRoutine(irp, Completed, begin, True, True, True)
    return wdm.IoCallDriver(extension.lower_device, irp)


def Completed(device: wdm.DEVICE_OBJECT | None, irp: wdm.IRP, begin: object) -> int:
    """Runs when the drivers below have completed the request, at any level up to DISPATCH_LEVEL."""
    assert device is not None
    assert isinstance(begin, int)
    extension = device.device_extension
    end, _ = wdm.KeQueryPerformanceCounter()
    irql = wdm.KeAcquireSpinLock(extension.lock)
    extension.longest = max(extension.longest, end - begin)
    extension.histogram[min((end - begin).bit_length(), BUCKETS - 1)] += 1
    wdm.KeReleaseSpinLock(extension.lock, irql)
    if irp.pending_returned:  # the dispatch routine has returned STATUS_PENDING
        wdm.IoMarkIrpPending(irp)
    wdm.IoReleaseRemoveLock(extension.remove_lock, irp)
    return wdm.STATUS_CONTINUE_COMPLETION


def Control(device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> int:
    request = wdm.IoGetCurrentIrpStackLocation(irp).parameters.device_io_control
    if request.io_control_code != IOCTL_COUNTER_READ:
        return CountAndPassDown(device, irp)
    buffer = irp.associated_irp.system_buffer
    if buffer is None or request.output_buffer_length < ANSWER.size:
        return Complete(irp, wdm.STATUS_BUFFER_TOO_SMALL)
    extension = device.device_extension
    irql = wdm.KeAcquireSpinLock(extension.lock)
    answer = ANSWER.pack(*extension.counts, min(extension.longest, 0xFFFFFFFF), *extension.histogram)
    wdm.KeReleaseSpinLock(extension.lock, irql)
    wdm.RtlWriteMemory(buffer, answer)
    return Complete(irp, wdm.STATUS_SUCCESS, len(answer))


def Pnp(device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> int:
    """When the device is removed, the filter goes with it; everything else is counted like other requests."""
    if wdm.IoGetCurrentIrpStackLocation(irp).minor_function != wdm.IRP_MN_REMOVE_DEVICE:
        return CountAndPassDown(device, irp)
    extension = device.device_extension
    wdm.IoAcquireRemoveLock(extension.remove_lock, irp)
    wdm.IoSkipCurrentIrpStackLocation(irp)
    status = wdm.IoCallDriver(extension.lower_device, irp)
    wdm.IoReleaseRemoveLockAndWait(extension.remove_lock, irp)
    wdm.IoDetachDevice(extension.lower_device)
    wdm.IoDeleteDevice(device)
    return status
