# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
r"""A machine: a target with a kernel on it, from the bus to open handles.

    with open_machine("verilated", drivers=[store]) as machine, machine.open(r"\\.\Store0") as device:
        device.write(b"hello")

One machine is open at a time in a process. Leaving the `with` block ends what programs still have outstanding, removes
the devices, unloads the drivers and reports what they left behind; after a bug check no driver runs any more, and
everything is just released.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from dirql.hal.hal import Hal
from dirql.io import current as io_current
from dirql.io.driver import DriverObject
from dirql.io.handle import Handle
from dirql.io.leftovers import end_requests, leftovers
from dirql.io.loader import load_driver, unload_driver
from dirql.io.manager import IoManager
from dirql.ke import current as ke_current
from dirql.ke.costs import Costs
from dirql.ke.kernel import Kernel
from dirql.ke.threads.dispatcher import create_system_thread
from dirql.ke.threads.schedule import RandomSchedule, RoundRobin, Schedule
from dirql.ke.threads.wait import wait_for_single_object
from dirql.mm.manager import MemoryManager
from dirql.nt.bugcodes import VERIFIER_FORCE_IRQL_CHECKING
from dirql.nt.status import nt_success, status_name
from dirql.ob.manager import ObjectManager
from dirql.pnp.manager import PnpManager
from dirql.pnp.node import DeviceError, DeviceNode, InterruptKind
from dirql.target import open_target
from dirql.target.contract import Target, TargetError

__all__ = ["DriverModule", "LeakReport", "LoadError", "Machine", "ProgramThread", "open_machine"]


class DriverModule(Protocol):
    """What `load_driver` takes: a module or an object with an entry point, and the devices that it is for.

    `HARDWARE_IDS` stands for the INF file's list; a driver without it gets no device through AddDevice.
    """

    def DriverEntry(self, driver_object: DriverObject, registry_path: str, /) -> int:
        """The driver's entry point."""


class LeakReport(Exception):
    """Drivers left something behind; `leaks` has a sentence for each."""

    def __init__(self, leaks: Sequence[str]) -> None:
        self.leaks = tuple(leaks)
        super().__init__("the drivers left behind:" + "".join(f"\n  {leak}" for leak in self.leaks))


class LoadError(Exception):
    """A driver could not be loaded or unloaded; `status` says why."""

    def __init__(self, driver: str, step: str, status: int) -> None:
        self.status = status
        super().__init__(f"the driver {driver}: {step} ended with {status_name(status)}")


class _Outcome:
    """Keeps what a block raised; an exception of a program is its own affair, not a bug check."""

    def __init__(self) -> None:
        self.error: Exception | None = None

    def __enter__(self) -> None:
        self.error = None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        if not isinstance(error, Exception):
            return False
        self.error = error
        return True


class ProgramThread:
    """A second thread of a program, made by `Machine.create_thread`."""

    def __init__(self, routine: Callable[[], object]) -> None:
        self._routine = routine
        self._value: object = None
        self._outcome = _Outcome()
        _, self.thread = create_system_thread(self._run, None)

    def _run(self, context: object) -> None:
        del context
        with self._outcome:
            self._value = self._routine()

    def join(self) -> object:
        """Wait for its end; returns what the routine returned, or raises what it raised."""
        wait_for_single_object(self.thread)
        if self._outcome.error is not None:
            raise self._outcome.error
        return self._value


class Machine:
    """An open machine; use `open_machine` to get one.

    `target`, `memory_manager`, `hal`, `kernel`, `io` and `pnp` are its parts, for tools that look in. `defects` lists
    what drivers did wrong that NT lets pass, as row and sentence.
    """

    def __init__(self, target: Target, kernel: Callable[[Hal], Kernel], seed: int) -> None:
        """`kernel` makes the kernel once the layer below it is there."""
        self.target = target
        self.closed = False
        self.defects: list[tuple[str, str]] = []
        self.memory_manager = MemoryManager(target.memory, seed)
        # A driver that touches pageable memory at DISPATCH_LEVEL is told so, paged out or not (row IRQL-12).
        self.memory_manager.verifier_flags = VERIFIER_FORCE_IRQL_CHECKING
        self.hal = Hal(target, self.memory_manager)
        self.io = IoManager(ObjectManager())
        self.io.hooks.defect_found = self._note_defect
        self.kernel = kernel(self.hal)
        self.pnp = PnpManager(self.hal.interrupts, len(self.kernel.processors))
        self.memory_manager.install()
        self.hal.install()
        io_current.install(self.io)
        try:
            self.pnp.open()
        except BaseException:
            self._release()
            raise
        self._at_start = self.memory_manager.statistics()

    def _note_defect(self, row: str, what: str) -> None:
        self.defects.append((row, what))

    def __repr__(self) -> str:
        state = "closed" if self.closed else f"{len(self.io.drivers)} drivers, {len(self.devices)} devices"
        return f"<machine on {self.target.name}, {state}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if isinstance(error, KeyboardInterrupt):
            self.kernel.stop(error)  # wherever it hit, even above PASSIVE_LEVEL: nothing may go on
        try:
            self.close()
        except LeakReport as report:
            if error is None:
                raise
            error.add_note(str(report))  # the first error is the one that matters

    @property
    def devices(self) -> list[DeviceNode]:
        """What was found on the bus, in the order of device and function number."""
        return self.pnp.nodes

    def load_driver(
        self,
        driver: DriverModule,
        name: str | None = None,
        *,
        interrupt: InterruptKind | str = InterruptKind.LEVEL,
    ) -> DriverObject:
        """Load a driver and start the devices that are its; returns the driver object.

        `interrupt` is how its devices shall interrupt: "level", "latched" or "message"; the INF file says so on
        Windows. Raises `LoadError` when DriverEntry fails, `DeviceError` when a device could not be started; the
        driver is unloaded then.
        """
        wanted = InterruptKind(interrupt)
        service = name or _service_name(driver)
        self.io.services[service] = driver.DriverEntry
        status, loaded = load_driver(driver.DriverEntry, service)
        if loaded is None:
            raise LoadError(service, "DriverEntry", status)
        ids = getattr(driver, "HARDWARE_IDS", ())
        try:
            self.pnp.add_driver(loaded, ids, wanted)
        except DeviceError:
            unload_driver(loaded)
            raise
        return loaded

    def unload_driver(self, driver: DriverObject) -> None:
        """Remove the driver's devices, as when they are disabled, and unload it; another driver can be loaded for them.

        Raises `LoadError` when it has no Unload routine, `LeakReport` for a device that it did not let go.
        """
        problems = self.pnp.remove_devices(driver)
        status = unload_driver(driver)
        if problems:
            raise LeakReport(problems)
        if not nt_success(status):
            raise LoadError(driver.driver_extension.service_key_name, "DriverUnload", status)

    def open(self, name: str) -> Handle:
        r"""Open a device by name, such as `\\.\Store0`; raises `IoError`."""
        return Handle(name)

    def create_thread(self, routine: Callable[[], object]) -> ProgramThread:
        """Start another thread of the program, at the same priority as this one."""
        return ProgramThread(routine)

    def close(self) -> None:
        """End the machine; raises `LeakReport` for what drivers left behind. A second call does nothing.

        Everything is released whatever happens on the way. After a bug check, or an interrupt from the keyboard inside
        the kernel, no driver is called any more and nothing is checked.
        """
        if self.closed:
            return
        self.closed = True
        leaks: list[str] = []
        try:
            if self.kernel.stopped is None:
                leaks = self._shut_down()
        finally:
            self._release()
        if leaks:
            raise LeakReport(leaks)

    def _shut_down(self) -> list[str]:
        """Devices, then drivers in reverse order of loading, then what is left."""
        end_requests()
        problems = self.pnp.remove_devices()
        for driver in reversed(list(self.io.drivers.values())):
            if driver.driver_unload is not None and driver.driver_extension.service_key_name != "pci":
                unload_driver(driver)
        leaks = [*problems, *self.memory_manager.leaks(self._at_start), *self.hal.leaks()]
        self.pnp.close()
        return [*leaks, *leftovers()]

    def _release(self) -> None:
        """Let go of everything; nothing here calls a driver."""
        try:
            self.kernel.close()
        finally:
            io_current.clear()
            self.hal.close()
            self.memory_manager.close()
            self.target.close()


def open_machine(
    target: str | Target = "verilated",
    *,
    processors: int = 1,
    seed: int = 0,
    costs: Costs | None = None,
    drivers: Iterable[DriverModule] = (),
    waves: Path | None = None,
    checked: bool = False,
    schedule: Schedule | None = None,
    idle_limit: int | None = None,
) -> Machine:
    """Open a machine and load drivers; a context manager.

    `target` is a target's name or an open target, which the machine then owns. Seed 0 keeps the fixed order, in which
    processors and threads take turns; any other makes scheduling decisions and the order of free frames random by it.
    `waves` and `checked` are the target's. `idle_limit` is how many clocks may pass with nothing to do before that
    counts as a deadlock; None for a second. A second machine while one is open is a `RuntimeError`.
    """
    if ke_current.is_running():
        raise RuntimeError("one machine runs at a time in a process, and one is open; close it first")
    if schedule is None:
        schedule = RandomSchedule(seed) if seed else RoundRobin()
    opened = open_target(target, waves=waves, checked=checked) if isinstance(target, str) else target

    def make_kernel(hal: Hal) -> Kernel:
        return Kernel(
            hal.clock,
            hal.interrupts,
            processors=processors,
            costs=costs,
            schedule=schedule,
            idle_limit=idle_limit,
            transparent=(TargetError,),
        )

    try:
        machine = Machine(opened, make_kernel, seed)
    except BaseException:
        opened.close()
        raise
    try:
        for driver in drivers:
            machine.load_driver(driver)
    except BaseException as error:
        machine.__exit__(type(error), error, None)
        raise
    return machine


def _service_name(driver: DriverModule) -> str:
    """The last part of a module's name, or a class's name."""
    return getattr(driver, "__name__", type(driver).__name__).rpartition(".")[2]
