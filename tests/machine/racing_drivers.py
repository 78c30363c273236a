# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Drivers for the store device, each with one race between the driver and its device, and each without it.

`RACES` has for each race the driver and the work of a program in which it may show. `play` runs one with a seed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from dirql import wdm
from dirql.drivers.store import HARDWARE_IDS as STORE_IDS
from dirql.io.errors import IoError
from dirql.ke.bugcheck import BugCheck
from dirql.ke.threads.dispatcher import Deadlock
from dirql.machine import LeakReport, Machine, open_machine
from dirql.registers import store as regs

__all__ = ["RACES", "Race", "play"]

CAUSE = regs.INTERRUPT_CAUSE
NAME = r"\\.\Racing"
IOCTL = wdm.CTL_CODE(wdm.FILE_DEVICE_UNKNOWN, 0x900, wdm.METHOD_BUFFERED, wdm.FILE_ANY_ACCESS)


class Extension:
    """The device extension of these drivers."""

    def __init__(self) -> None:
        self.registers = self.length = 0
        self.lower: wdm.DEVICE_OBJECT
        self.interrupt: wdm.KINTERRUPT | None = None
        self.table: dict[str, int] | None = None
        self.events = self.requests = 0
        self.pending: list[wdm.IRP] = []
        self.arrived: list[int] = []
        self.timer, self.timer_dpc = wdm.KTIMER(), wdm.KDPC()
        wdm.KeInitializeTimer(self.timer)
        self.guard = wdm.KSPIN_LOCK()
        wdm.KeInitializeSpinLock(self.guard)


class Racing:
    """A driver that ends a read with the next interrupt. `right` leaves the race of a subclass out."""

    HARDWARE_IDS = STORE_IDS
    __name__ = "racing"
    clocks = 0
    """The clocks after which the device raises its cause."""

    def __init__(self, right: bool) -> None:
        self.right = right

    # For subclasses.

    def before_connect(self, x: Extension) -> None:
        """Do something with the registers mapped and the interrupt not connected."""

    def started(self, x: Extension) -> None:
        """Do something with the interrupt connected."""

    def removing(self, x: Extension) -> None:
        """Do something before the interrupt is disconnected."""

    def control(self, x: Extension) -> None:
        """Do what the program's IOCTL asks for."""

    def served(self, x: Extension, causes: int) -> None:
        """Note events, in the ISR; `causes` has a bit for each."""
        x.events += causes.bit_count()

    def begin(self, device: wdm.DEVICE_OBJECT, x: Extension, irp: wdm.IRP) -> int:
        """Start a read that the next interrupt ends."""
        wdm.IoMarkIrpPending(irp)
        x.pending.append(irp)
        return wdm.STATUS_PENDING

    def deferred(self, device: wdm.DEVICE_OBJECT, x: Extension, context: object) -> None:
        """Complete requests, in the DPC."""

    # The device.

    @staticmethod
    def put(x: Extension, offset: int, value: int) -> None:
        wdm.WRITE_REGISTER_ULONG(x.registers + offset, value)

    @staticmethod
    def get(x: Extension, offset: int) -> int:
        return wdm.READ_REGISTER_ULONG(x.registers + offset)

    def raise_after(self, x: Extension, clocks: int) -> None:
        self.put(x, regs.DELAY.offset, clocks)
        self.put(x, regs.COMMAND.offset, regs.Operation.RAISE)

    @staticmethod
    def complete(irp: wdm.IRP, status: int) -> int:
        irp.io_status.status = status
        wdm.IoCompleteRequest(irp, wdm.IO_NO_INCREMENT)
        return status

    # The driver's routines.

    def DriverEntry(self, driver: wdm.DRIVER_OBJECT, path: str) -> int:
        del path
        driver.driver_extension.add_device = self.AddDevice
        driver.driver_unload = lambda _: None
        table = driver.major_function
        for major in (wdm.IRP_MJ_CREATE, wdm.IRP_MJ_CLOSE, wdm.IRP_MJ_CLEANUP):
            table[major] = self.succeed
        table[wdm.IRP_MJ_READ] = self.read
        table[wdm.IRP_MJ_DEVICE_CONTROL] = self.device_control
        table[wdm.IRP_MJ_PNP] = self.pnp
        return wdm.STATUS_SUCCESS

    def AddDevice(self, driver: wdm.DRIVER_OBJECT, pdo: wdm.DEVICE_OBJECT) -> int:
        status, device = wdm.IoCreateDevice(
            driver, Extension, r"\Device\Racing", wdm.FILE_DEVICE_UNKNOWN, 0, False
        )
        if device is None:
            return status
        wdm.IoCreateSymbolicLink(r"\DosDevices\Racing", r"\Device\Racing")
        wdm.IoInitializeDpcRequest(device, self.dpc)
        x = self.extension(device)
        wdm.KeInitializeDpc(x.timer_dpc, self.late, device)
        lower = wdm.IoAttachDeviceToDeviceStack(device, pdo)
        assert lower is not None
        x.lower = lower
        device.flags |= wdm.DO_BUFFERED_IO
        device.flags &= ~wdm.DO_DEVICE_INITIALIZING
        return wdm.STATUS_SUCCESS

    @staticmethod
    def extension(device: wdm.DEVICE_OBJECT) -> Extension:
        x = device.device_extension
        assert isinstance(x, Extension)
        return x

    def succeed(self, device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> int:
        return self.complete(irp, wdm.STATUS_SUCCESS)

    def read(self, device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> int:
        return self.begin(device, self.extension(device), irp)

    def device_control(self, device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> int:
        self.control(self.extension(device))
        return self.complete(irp, wdm.STATUS_SUCCESS)

    def isr(self, interrupt: wdm.KINTERRUPT, device: wdm.DEVICE_OBJECT) -> bool:
        x = self.extension(device)
        cause = self.get(x, CAUSE.offset) & (CAUSE.RAISED | CAUSE.ERROR)
        if not cause:
            return False
        self.put(x, CAUSE.offset, cause)
        self.served(x, cause)
        wdm.IoRequestDpc(device, None, None)
        return True

    def dpc(self, dpc: wdm.KDPC, device: wdm.DEVICE_OBJECT, irp: wdm.IRP | None, context: object) -> None:
        self.deferred(device, self.extension(device), context)

    def late(self, dpc: wdm.KDPC, device: wdm.DEVICE_OBJECT, low: object, high: object) -> None:
        """Act on the timer, in its DPC."""

    def pnp(self, device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> int:
        x = self.extension(device)
        minor = wdm.IoGetCurrentIrpStackLocation(irp).minor_function
        if minor == wdm.IRP_MN_START_DEVICE:
            wdm.IoForwardIrpSynchronously(x.lower, irp)
            return self.complete(irp, self.start(device, x, irp))
        if minor == wdm.IRP_MN_REMOVE_DEVICE:
            return self.remove(device, x, irp)
        if minor in (wdm.IRP_MN_QUERY_REMOVE_DEVICE, wdm.IRP_MN_CANCEL_REMOVE_DEVICE):
            irp.io_status.status = wdm.STATUS_SUCCESS
        wdm.IoSkipCurrentIrpStackLocation(irp)
        return wdm.IoCallDriver(x.lower, irp)

    def start(self, device: wdm.DEVICE_OBJECT, x: Extension, irp: wdm.IRP) -> int:
        resources = wdm.IoGetCurrentIrpStackLocation(irp).parameters.start_device
        translated = resources.allocated_resources_translated
        assert translated is not None
        entries = translated.list[0].partial_resource_list.partial_descriptors
        memory = next(each.u.memory for each in entries if each.type == wdm.CmResourceTypeMemory)
        line = next(each.u.interrupt for each in entries if each.type == wdm.CmResourceTypeInterrupt)
        address = wdm.MmMapIoSpace(memory.start, memory.length, wdm.MmNonCached)
        assert address is not None
        x.registers, x.length = address, memory.length
        self.put(x, regs.CONTROL.offset, regs.CONTROL.SOFT_RESET)
        self.put(x, regs.INTERRUPT_MASK_SET.offset, CAUSE.RAISED | CAUSE.ERROR)
        self.before_connect(x)
        status, x.interrupt = wdm.IoConnectInterrupt(
            self.isr,
            device,
            None,
            line.vector,
            line.level,
            line.level,
            wdm.LevelSensitive,
            True,
            line.affinity,
            False,
        )
        self.started(x)
        return status

    def remove(self, device: wdm.DEVICE_OBJECT, x: Extension, irp: wdm.IRP) -> int:
        self.removing(x)
        self.put(x, regs.CONTROL.offset, regs.CONTROL.SOFT_RESET)
        if x.interrupt is not None:
            wdm.IoDisconnectInterrupt(x.interrupt)
        wdm.KeCancelTimer(x.timer)
        wdm.KeFlushQueuedDpcs()
        while x.pending:
            self.complete(x.pending.pop(), wdm.STATUS_DELETE_PENDING)
        wdm.MmUnmapIoSpace(x.registers, x.length)
        irp.io_status.status = wdm.STATUS_SUCCESS
        wdm.IoSkipCurrentIrpStackLocation(irp)
        status = wdm.IoCallDriver(x.lower, irp)
        wdm.IoDetachDevice(x.lower)
        wdm.IoDeleteSymbolicLink(r"\DosDevices\Racing")
        wdm.IoDeleteDevice(device)
        return status


# The races.


class Early(Racing):
    """The ISR uses a table that is made after IoConnectInterrupt."""

    def before_connect(self, x: Extension) -> None:
        if self.right:
            x.table = {}
        self.raise_after(x, self.clocks)

    def started(self, x: Extension) -> None:
        if not self.right:
            x.table = {}

    def served(self, x: Extension, causes: int) -> None:
        assert x.table is not None
        x.table["calls"] = 1


class Unsynchronized(Racing):
    """The DPC takes the number of events without KeSynchronizeExecution, and an event of that moment is lost."""

    def take(self, taken: list[int], x: Extension) -> bool:
        taken.append(x.events)
        x.events = 0
        return True

    def deferred(self, device: wdm.DEVICE_OBJECT, x: Extension, context: object) -> None:
        if self.right:
            assert x.interrupt is not None
            taken: list[int] = []
            wdm.KeSynchronizeExecution(x.interrupt, partial(self.take, taken), x)
            number = taken[0]
        else:
            number = x.events
            self.get(x, regs.STATUS.offset)
            x.events = 0
        for _ in range(min(number, len(x.pending))):
            self.complete(x.pending.pop(0), wdm.STATUS_SUCCESS)

    def control(self, x: Extension) -> None:
        """Two events, one soon after the other: an empty FIFO is an error, and a cause is raised after a time."""
        self.raise_after(x, self.clocks)
        self.get(x, regs.FIFO_WINDOW.offset)


class Counted(Racing):
    """The DPC counts down what the ISR counts up, in one statement each, and without KeSynchronizeExecution."""

    def take(self, x: Extension) -> bool:
        if not x.events:
            return False
        x.events -= 1
        return True

    def deferred(self, device: wdm.DEVICE_OBJECT, x: Extension, context: object) -> None:
        assert x.interrupt is not None
        while wdm.KeSynchronizeExecution(x.interrupt, self.take, x) if self.right else self.take(x):
            if x.pending:
                self.complete(x.pending.pop(0), wdm.STATUS_SUCCESS)

    def control(self, x: Extension) -> None:
        """Two events, as for `Unsynchronized`."""
        self.raise_after(x, self.clocks)
        self.get(x, regs.FIFO_WINDOW.offset)


class Listed(Racing):
    """The DPC takes entries from a list to which the ISR adds them, without KeSynchronizeExecution."""

    def served(self, x: Extension, causes: int) -> None:
        x.arrived.append(causes)

    def take(self, taken: list[int], x: Extension) -> bool:
        if not x.arrived:
            return False
        taken.append(x.arrived.pop(0))
        return True

    def deferred(self, device: wdm.DEVICE_OBJECT, x: Extension, context: object) -> None:
        assert x.interrupt is not None
        taken: list[int] = []
        take = partial(self.take, taken)
        while wdm.KeSynchronizeExecution(x.interrupt, take, x) if self.right else take(x):
            pass
        for _ in range(min(sum(causes.bit_count() for causes in taken), len(x.pending))):
            self.complete(x.pending.pop(0), wdm.STATUS_SUCCESS)

    def control(self, x: Extension) -> None:
        """Two events, as for `Unsynchronized`."""
        self.raise_after(x, self.clocks)
        self.get(x, regs.FIFO_WINDOW.offset)


class Unlocked(Racing):
    """The dispatch routines of two threads count requests without a lock."""

    def begin(self, device: wdm.DEVICE_OBJECT, x: Extension, irp: wdm.IRP) -> int:
        old_irql = wdm.KeAcquireSpinLock(x.guard) if self.right else 0
        x.requests = x.requests + 1
        if self.right:
            wdm.KeReleaseSpinLock(x.guard, old_irql)
        return self.complete(irp, wdm.STATUS_SUCCESS)


class Swallowed(Unsynchronized):
    """The DPC ends one request, although IoRequestDpc was called for two events before it ran."""

    def deferred(self, device: wdm.DEVICE_OBJECT, x: Extension, context: object) -> None:
        if self.right:
            super().deferred(device, x, context)
        elif x.pending:
            self.complete(x.pending.pop(0), wdm.STATUS_SUCCESS)


class Cancelled(Racing):
    """The cancel routine completes its request without a look at whether the DPC has done so meanwhile."""

    def begin(self, device: wdm.DEVICE_OBJECT, x: Extension, irp: wdm.IRP) -> int:
        result = super().begin(device, x, irp)
        wdm.IoSetCancelRoutine(irp, self.cancel)
        self.raise_after(x, self.clocks)
        return result

    def cancel(self, device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> None:
        x = self.extension(device)
        if self.right:
            if irp in x.pending:
                x.pending.remove(irp)
            wdm.IoReleaseCancelSpinLock(irp.cancel_irql)
        else:
            wdm.IoReleaseCancelSpinLock(irp.cancel_irql)
            self.get(x, regs.STATUS.offset)
            if irp in x.pending:
                x.pending.remove(irp)
        self.complete(irp, wdm.STATUS_CANCELLED)

    def deferred(self, device: wdm.DEVICE_OBJECT, x: Extension, context: object) -> None:
        old_irql = wdm.IoAcquireCancelSpinLock()
        irp = x.pending.pop(0) if x.pending else None
        mine = irp is not None and (wdm.IoSetCancelRoutine(irp, None) is not None or not self.right)
        wdm.IoReleaseCancelSpinLock(old_irql)
        if irp is not None and mine:
            self.complete(irp, wdm.STATUS_SUCCESS)


class TimedOut(Racing):
    """The timer's DPC and the device's both complete the request, if the time runs out as the interrupt comes."""

    def begin(self, device: wdm.DEVICE_OBJECT, x: Extension, irp: wdm.IRP) -> int:
        self.irp = irp
        result = super().begin(device, x, irp)
        wdm.KeSetTimer(x.timer, -120, x.timer_dpc)
        self.raise_after(x, self.clocks)
        return result

    def deferred(self, device: wdm.DEVICE_OBJECT, x: Extension, context: object) -> None:
        was_set = wdm.KeCancelTimer(x.timer)
        if x.pending and (was_set or not self.right):
            self.complete(x.pending.pop(0), wdm.STATUS_SUCCESS)

    def late(self, dpc: wdm.KDPC, device: wdm.DEVICE_OBJECT, low: object, high: object) -> None:
        x = self.extension(device)
        if not self.right:
            self.complete(self.irp, wdm.STATUS_IO_TIMEOUT)
        elif x.pending:
            self.complete(x.pending.pop(0), wdm.STATUS_IO_TIMEOUT)


class Removed(Racing):
    """The table that the ISR uses is given up before the device is quiet."""

    def started(self, x: Extension) -> None:
        x.table = {}

    def served(self, x: Extension, causes: int) -> None:
        assert x.table is not None
        x.table["calls"] = 1

    def control(self, x: Extension) -> None:
        self.raise_after(x, self.clocks)

    def removing(self, x: Extension) -> None:
        if not self.right:
            x.table = None
        self.get(x, regs.STATUS.offset)


# The programs.


@dataclass(frozen=True)
class Race:
    """A race: its driver, and the work of a program."""

    title: str
    driver: type[Racing]
    work: Callable[[Machine], None]
    clocks: tuple[int, int]
    """The time of the device's event, with one processor and with two: a little too late to meet the window."""


def compute() -> None:
    """Keep another processor busy, so that it takes interrupts and turns too."""
    for _ in range(40):
        wdm.KeStallExecutionProcessor(1)


def nothing(machine: Machine) -> None:
    """Only start the device."""


def two_events(machine: Machine) -> None:
    with machine.open(NAME) as handle:
        requests = [handle.read_overlapped(4) for _ in range(2)]
        handle.ioctl(IOCTL)
        for request in requests:
            request.wait()


def two_readers(machine: Machine) -> None:
    def read_often() -> None:
        with machine.open(NAME) as handle:
            for _ in range(3):
                handle.read(4)

    other = machine.create_thread(read_often)
    read_often()
    other.join()


def cancel(machine: Machine) -> None:
    with machine.open(NAME) as handle:
        request = handle.read_overlapped(4)
        wdm.KeStallExecutionProcessor(20)
        request.cancel()
        request.wait()


def read(machine: Machine) -> None:
    with machine.open(NAME) as handle:
        handle.read_overlapped(4).wait()


def late_event(machine: Machine) -> None:
    with machine.open(NAME) as handle:
        handle.ioctl(IOCTL)
        wdm.KeStallExecutionProcessor(20)


RACES = {
    race.driver.__name__: race
    for race in (
        Race("an interrupt before the table of the ISR is made", Early, nothing, (46, 46)),
        Race(
            "a DPC that takes the ISR's count without KeSynchronizeExecution",
            Unsynchronized,
            two_events,
            (96, 96),
        ),
        Race(
            "a DPC that counts down what the ISR counts up, in one statement", Counted, two_events, (96, 96)
        ),
        Race(
            "a DPC that takes from the ISR's list without KeSynchronizeExecution",
            Listed,
            two_events,
            (96, 96),
        ),
        Race("two threads that count requests without a lock", Unlocked, two_readers, (0, 0)),
        Race("two events before the DPC of the first has run", Swallowed, two_events, (92, 92)),
        Race("a cancel routine against the DPC", Cancelled, cancel, (710, 710)),
        Race("a timer against the completion", TimedOut, read, (290, 290)),
        Race("the removal against an interrupt", Removed, late_event, (688, 1000)),
    )
}


def play(race: Race, right: bool, processors: int, seed: int) -> str:
    """Run the race, with or without its mistake; returns what was told, "" for nothing."""
    try:
        with open_machine(processors=processors, seed=seed, idle_limit=20_000) as machine:
            machine.kernel.verifier.spurious_interrupts = False
            others = [machine.create_thread(compute) for _ in range(processors - 1)]
            made = race.driver(right)
            made.clocks = race.clocks[processors - 1]
            driver = machine.load_driver(made)
            race.work(machine)
            machine.unload_driver(driver)
            for other in others:
                other.join()
            return "; ".join(what for _, what in machine.defects)
    except (BugCheck, Deadlock, LeakReport, IoError, AttributeError) as error:
        # A cancel routine's exceptions go up to the program: here the error of a packet that has ended.
        return str(error)
