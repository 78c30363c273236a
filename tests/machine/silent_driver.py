# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""A driver for the store that makes one mistake after which nothing goes on, chosen by its name."""

from __future__ import annotations

from dirql import wdm
from dirql.registers import store, store_io
from dirql.registers.functions import Store

__all__ = ["NAME", "Silent"]

NAME = r"\\.\Silent"
RAISED = store.INTERRUPT_CAUSE.RAISED


class Extension:
    """The device extension of the driver."""

    def __init__(self) -> None:
        self.lower: wdm.DEVICE_OBJECT | None = None
        self.registers = self.length = self.ports = 0
        self.interrupt: wdm.KINTERRUPT | None = None
        self.mode = wdm.LevelSensitive
        self.pending: list[wdm.IRP] = []
        self.lock = wdm.IO_REMOVE_LOCK()
        self.timer = wdm.KTIMER()
        self.timer_dpc = wdm.KDPC()


class Silent:
    """The driver. `mistake` says what it does with a read, or with its removal."""

    HARDWARE_IDS = (Store.HARDWARE_ID,)

    def __init__(self, mistake: str, *, ticks: bool = False, far: bool = False, delay: int = 100) -> None:
        """With `ticks` a periodic timer is set all the time, with `far` one for the next year.

        The device interrupts `delay` clocks after a read.
        """
        self.mistake = mistake
        self.ticks = ticks
        self.far = far
        self.delay = delay

    def DriverEntry(self, driver: wdm.DRIVER_OBJECT, path: str) -> int:
        del path
        driver.driver_extension.add_device = self.add_device
        driver.driver_unload = lambda _: None
        for function in (wdm.IRP_MJ_CREATE, wdm.IRP_MJ_CLOSE, wdm.IRP_MJ_CLEANUP):
            driver.major_function[function] = self.succeed
        driver.major_function[wdm.IRP_MJ_READ] = self.read
        driver.major_function[wdm.IRP_MJ_PNP] = self.plug_and_play
        return wdm.STATUS_SUCCESS

    def succeed(self, device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> int:
        return complete(irp, wdm.STATUS_SUCCESS)

    def add_device(self, driver: wdm.DRIVER_OBJECT, pdo: wdm.DEVICE_OBJECT) -> int:
        status, device = wdm.IoCreateDevice(
            driver, Extension, r"\Device\Silent", wdm.FILE_DEVICE_UNKNOWN, 0, False
        )
        if device is None:
            return status
        wdm.IoCreateSymbolicLink(r"\DosDevices\Silent", r"\Device\Silent")
        extension = extension_of(device)
        wdm.IoInitializeRemoveLock(extension.lock, "Slnt", 0, 0)
        wdm.KeInitializeTimer(extension.timer)
        wdm.KeInitializeDpc(extension.timer_dpc, lambda *_: None, None)
        wdm.IoInitializeDpcRequest(device, self.dpc)
        extension.lower = wdm.IoAttachDeviceToDeviceStack(device, pdo)
        device.flags |= wdm.DO_BUFFERED_IO
        device.flags &= ~wdm.DO_DEVICE_INITIALIZING
        return wdm.STATUS_SUCCESS

    # Plug and Play.

    def plug_and_play(self, device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> int:
        lower = extension_of(device).lower
        assert lower is not None
        minor = wdm.IoGetCurrentIrpStackLocation(irp).minor_function
        if minor == wdm.IRP_MN_START_DEVICE:
            wdm.IoForwardIrpSynchronously(lower, irp)
            self.start(device, irp)
            return complete(irp, wdm.STATUS_SUCCESS)
        if minor == wdm.IRP_MN_REMOVE_DEVICE:
            self.stop(device)
        irp.io_status.status = wdm.STATUS_SUCCESS
        wdm.IoSkipCurrentIrpStackLocation(irp)
        status = wdm.IoCallDriver(lower, irp)
        if minor == wdm.IRP_MN_REMOVE_DEVICE:
            wdm.IoDetachDevice(lower)
            wdm.IoDeleteSymbolicLink(r"\DosDevices\Silent")
            wdm.IoDeleteDevice(device)
        return status

    def start(self, device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> None:
        extension = extension_of(device)
        resources = wdm.IoGetCurrentIrpStackLocation(
            irp
        ).parameters.start_device.allocated_resources_translated
        assert resources is not None
        for entry in resources.list[0].partial_resource_list.partial_descriptors:
            if entry.type == wdm.CmResourceTypeMemory and not extension.registers:
                extension.length = entry.u.memory.length
                mapped = wdm.MmMapIoSpace(entry.u.memory.start, extension.length, wdm.MmNonCached)
                assert mapped is not None
                extension.registers = mapped
            elif entry.type == wdm.CmResourceTypePort:
                extension.ports = int(entry.u.port.start)
            elif entry.type == wdm.CmResourceTypeInterrupt:
                is_latched = entry.flags & wdm.CM_RESOURCE_INTERRUPT_LATCHED
                extension.mode = wdm.Latched if is_latched else wdm.LevelSensitive
                self.connect(device, entry.u.interrupt.vector, entry.u.interrupt.affinity)
        put(extension, store.INTERRUPT_MASK_SET.offset, 0 if self.mistake == "masked" else RAISED)
        if self.ticks:
            wdm.KeSetTimerEx(extension.timer, -10_000, 1, extension.timer_dpc)
        if self.far:
            wdm.KeSetTimer(extension.timer, -365 * 24 * 3600 * 10**7, None)

    def connect(self, device: wdm.DEVICE_OBJECT, vector: int, affinity: int) -> None:
        connected = vector + 16 if self.mistake == "vector" else vector
        level = connected >> 4
        _, extension_of(device).interrupt = wdm.IoConnectInterrupt(
            self.isr,
            device,
            None,
            connected,
            level,
            level,
            extension_of(device).mode,
            True,
            affinity,
            False,
        )

    def stop(self, device: wdm.DEVICE_OBJECT) -> None:
        extension = extension_of(device)
        if extension.interrupt is not None:
            wdm.IoDisconnectInterrupt(extension.interrupt)
        wdm.IoAcquireRemoveLock(extension.lock, self)
        wdm.IoReleaseRemoveLockAndWait(extension.lock, self)
        wdm.KeCancelTimer(extension.timer)
        wdm.KeFlushQueuedDpcs()
        wdm.MmUnmapIoSpace(extension.registers, extension.length)

    # Reads and interrupts.

    def read(self, device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> int:
        extension = extension_of(device)
        if self.mistake == "kept lock":
            wdm.IoAcquireRemoveLock(extension.lock, "read")
            return complete(irp, wdm.STATUS_SUCCESS)
        wdm.IoMarkIrpPending(irp)
        if self.mistake == "lost":
            wdm.IoAcquireRemoveLock(extension.lock, irp)
        extension.pending.append(irp)
        if self.mistake == "loop":
            self.compute()
        elif self.mistake == "calls":
            self.call()
        elif self.mistake == "own requests":
            self.send(extension)
        elif self.mistake == "timer":
            self.set_again(extension)
        elif self.mistake == "configuration":
            self.ask_the_bus()
        elif self.mistake.startswith("poll") and not self.mistake.endswith("DPC"):
            self.poll(extension)
        elif self.mistake not in {"lost", "forgotten"}:
            put(extension, store.DELAY.offset, self.delay)
            put(extension, store.COMMAND.offset, store.Operation.RAISE)
        return wdm.STATUS_PENDING

    def isr(self, interrupt: wdm.KINTERRUPT, device: wdm.DEVICE_OBJECT) -> bool:
        extension = extension_of(device)
        if not wdm.READ_REGISTER_ULONG(extension.registers + store.INTERRUPT_CAUSE.offset) & RAISED:
            return False
        put(extension, store.INTERRUPT_CAUSE.offset, RAISED)
        if self.mistake == "loop in an ISR":
            self.compute()
        return wdm.IoRequestDpc(device, None, None)

    def dpc(self, dpc: wdm.KDPC, device: wdm.DEVICE_OBJECT, irp: wdm.IRP | None, context: object) -> None:
        if self.mistake == "loop in a DPC":
            self.compute()
        self.poll(extension_of(device))

    def compute(self) -> None:
        """Never call the kernel, and never return."""
        number = 0
        while self.mistake:
            number = number * 5 + 1 & 0xFFFF

    def call(self) -> None:
        """Call the kernel for ever."""
        lock = wdm.KSPIN_LOCK()
        wdm.KeInitializeSpinLock(lock)
        while True:
            wdm.KeReleaseSpinLock(lock, wdm.KeAcquireSpinLock(lock))

    def send(self, extension: Extension) -> None:
        """Make and end requests of its own for ever."""
        lower = extension.lower
        assert lower is not None
        while True:
            event, block = wdm.KEVENT(), wdm.IO_STATUS_BLOCK()
            wdm.KeInitializeEvent(event, wdm.NotificationEvent, False)
            irp = wdm.IoBuildDeviceIoControlRequest(0, lower, None, 0, None, 0, False, event, block)
            assert irp is not None
            wdm.IoCallDriver(lower, irp)

    def set_again(self, extension: Extension) -> None:
        """Set a timer of a microsecond whose DPC sets it again."""
        timer, dpc = extension.timer, extension.timer_dpc
        wdm.KeInitializeDpc(dpc, lambda *_: wdm.KeSetTimer(timer, -10, dpc), None)
        wdm.KeSetTimer(timer, -10, dpc)

    def ask_the_bus(self) -> None:
        """Read configuration space for ever."""
        while True:
            wdm.HalGetBusDataByOffset(wdm.PCIConfiguration, 0, 1, 0, 4)

    def poll(self, extension: Extension) -> None:
        """Wait in a loop for a command that nobody has given."""
        while True:
            if self.mistake == "poll port":
                wdm.READ_PORT_ULONG(extension.ports + store_io.FIFO_STATUS.offset)
            else:
                wdm.READ_REGISTER_ULONG(extension.registers + store.STATUS.offset)
            if self.mistake == "poll stalling":
                wdm.KeStallExecutionProcessor(10)


def complete(irp: wdm.IRP, status: int) -> int:
    """Complete a request without data."""
    irp.io_status.status, irp.io_status.information = status, 0
    wdm.IoCompleteRequest(irp, wdm.IO_NO_INCREMENT)
    return status


def put(extension: Extension, offset: int, value: int) -> None:
    """Write a register of the device."""
    wdm.WRITE_REGISTER_ULONG(extension.registers + offset, value)


def extension_of(device: wdm.DEVICE_OBJECT) -> Extension:
    """The extension of the driver's device."""
    extension = device.device_extension
    assert isinstance(extension, Extension)
    return extension
