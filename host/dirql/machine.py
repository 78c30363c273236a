# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
r"""A machine: a target, a kernel, and the drivers of the devices, ready for programs to open handles.

    with open_machine("verilated", drivers=[store]) as machine, machine.open(r"\\.\Store0") as device:
        device.write(b"hello")

One machine is open at a time in a process. Leaving the `with` block cancels the requests that programs still have
outstanding, removes the devices, unloads the drivers and reports all that they left behind. After a bug check no driver
runs any more, and everything is released without a report.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

from dirql.cm.control_sets import good_number, note_good_start
from dirql.cm.reg_file import RegistryFile
from dirql.driver_files import (
    DriverModule,
    LoadError,
    entry_and_ids,
    find_driver,
    service_name,
)
from dirql.drivers import pci
from dirql.hal.window import DeviceWindow
from dirql.hardware.description import MachineDescription
from dirql.inspection import Listed, list_objects
from dirql.io.completion_port import CompletionPort
from dirql.io.error_log import LoggedError
from dirql.io.handle import Handle, sleep
from dirql.io.hard_errors import HardError
from dirql.io.loader import load_driver
from dirql.io.objects import DriverObject
from dirql.io.shutdown_notification import notify_shutdown
from dirql.io.unload import unload_driver
from dirql.ke.costs import Costs
from dirql.ke.current import current as ke_current
from dirql.ke.limits import Limits
from dirql.ke.refusals import note_refusal
from dirql.ke.threads.schedule import Schedule
from dirql.machine_options import HOST_LIMIT, MachineOptions
from dirql.machine_parts import LeakReport, MachineParts
from dirql.nt.constants import SERVICE_BOOT_START, SERVICE_ERROR_NORMAL
from dirql.nt.ntstatus import nt_success
from dirql.nt.status import STATUS_OBJECT_NAME_NOT_FOUND
from dirql.pnp.driver_table import FilterPlace
from dirql.pnp.interrupt_arbiter import InterruptKind
from dirql.pnp.node import DeviceError
from dirql.pnp.range_arbiter import ResourceConflict
from dirql.po.system import Suspended, power_off, suspend
from dirql.program_thread import ProgramThread
from dirql.service_control import (
    Drivers,
    Service,
    StartAgain,
    add_parameters,
    create_service,
    each_driver,
    start_device_services,
    start_services,
)
from dirql.target import MemoryDelays, open_target
from dirql.target.contract import Target
from dirql.verifier.policy import DEFAULT_FLAGS

__all__ = [
    "DriverModule",
    "LeakReport",
    "LoadError",
    "Machine",
    "MachineOptions",
    "ProgramThread",
    "Service",
    "open_machine",
]

_BOOT_DRIVERS = (pci,)
"""The drivers of the machine's own devices, loaded before all others and unloaded after them."""


class Machine(MachineParts):
    """An open machine; use `open_machine` to get one.

    `target`, `memory_manager`, `hal`, `kernel`, `objects`, `registry`, `io` and `pnp` are the
    parts, for tools that look in.
    `defects` has mistakes of drivers that NT lets pass, each as a row and a sentence.
    """

    def __init__(self, target: Target, options: MachineOptions) -> None:
        """Build a kernel on an open target, which the machine owns, and load the drivers of the machine's buses."""
        super().__init__(target, options)
        try:
            for driver in _BOOT_DRIVERS:
                create_service(self, Service(driver=driver, start=SERVICE_BOOT_START), is_volatile=True)
                self.load_driver(driver)
        except BaseException:
            self._release()
            raise
        if self._host_watch is not None:
            self._host_watch.start()

    def load_driver(
        self,
        driver: DriverModule | str | Path,
        name: str | None = None,
        *,
        interrupt: InterruptKind | str | None = None,
        verifier: int | None = DEFAULT_FLAGS,
        as_filter: FilterPlace | str | None = None,
    ) -> DriverObject:
        """Load a driver and start the devices that it names; returns the driver object.

        `driver` is an imported module, or an object, with a routine DriverEntry and the devices in HARDWARE_IDS; or the
        path of a file that ends in `.py`, or the name of a module, or a driver in C: a `CDriver`, or the path of a file
        that ends in `.c` or of a folder (docs/c-drivers.md). `name` is the name of the service, by default the
        last part of the module's name. `interrupt` says how the devices interrupt, "level", "latched" or "message",
        where on Windows the INF file says it; None leaves each device with the kind in the machine's description.
        `verifier` has the VERIFIER_… options of Driver Verifier for this driver; 0 stands for the automatic checks
        alone, None for no check that only Driver Verifier makes. `as_filter` makes the driver a filter in the stacks
        that are built from now on: "lower" or "upper" for the devices in HARDWARE_IDS, "lower class" or "upper class"
        for those of the setup class CLASS_GUID, an attribute that function drivers may have too. Raises `LoadError`
        when DriverEntry fails, `DeviceError` or `ResourceConflict` when a device cannot be started; the driver is then
        unloaded.
        """
        module = find_driver(driver) if isinstance(driver, str | Path) else driver
        entry, ids = entry_and_ids(module)
        wanted = None if interrupt is None else _interrupt_kind(interrupt)
        place = None if as_filter is None else FilterPlace(as_filter)
        class_guid = str(getattr(module, "CLASS_GUID", ""))
        service = name or service_name(module)
        self.images.note(service, driver)
        if self.marked_stores is not None:
            self.marked_stores.mark(module)
        add_parameters(self.registry, service, getattr(module, "PARAMETERS", {}))
        self.kernel.refused.clear()
        status, loaded = load_driver(entry, service, verifier)
        if loaded is None:
            raise LoadError(service, "DriverEntry", status)
        if place is not None:
            self.pnp.add_filter(loaded, place, ids, class_guid)
            return loaded
        try:
            started = self.pnp.add_driver(loaded, ids, wanted, class_guid)
        except (DeviceError, ResourceConflict):
            unload_driver(loaded)
            raise
        if not started and loaded.driver_extension.add_device is not None:
            present = ", ".join(node.name for node in self.devices if node.driver is None) or "none"
            note_refusal(
                STATUS_OBJECT_NAME_NOT_FOUND,
                f"HARDWARE_IDS of {loaded!r} must name a device without a driver, which are {present}; it was {ids!r},"
                " so that AddDevice was not called",
            )
        return loaded

    @property
    def loaded_services(self) -> Iterable[str]:
        """The names of the services whose drivers are loaded, in that order."""
        return self.io.drivers

    def create_service(self, service: Service) -> None:
        """Write the key of a service; the driver is loaded by `load_driver` or ZwLoadDriver (docs/registry.md)."""
        create_service(self, service)

    def unload_driver(self, driver: DriverObject) -> None:
        """Remove the driver's devices, as when they are disabled, and unload the driver.

        Another driver can then be loaded for the devices. While programs have its devices open, Unload waits for them.
        Raises `LoadError` when the driver has no Unload routine, `LeakReport` for a device that the driver did not let
        go. A driver that leaves something behind is bug check 0xCE.
        """
        if not isinstance(driver, DriverObject):
            raise TypeError(f"unload_driver: driver must be what load_driver returned; it was {driver!r}")
        problems = self.pnp.remove_devices(driver)
        self.kernel.refused.clear()
        status = unload_driver(driver, at_end=bool(problems))
        if problems:
            raise LeakReport(problems)
        if not nt_success(status):
            raise LoadError(driver.driver_extension.service_key_name, "DriverUnload", status)

    def open(self, name: str, *, synchronous: bool = False) -> Handle:
        r"""Open a device by name, such as `\\.\Store0`; raises `IoError`.

        On a `synchronous` handle every request is waited for, and `ProgramThread.cancel_synchronous_io` ends the wait.
        """
        return Handle(name, synchronous=synchronous)

    def program_as(self, account: str) -> AbstractContextManager[None]:
        """Let programs run for another account inside a `with` block: what they open is checked against its rights.

        `account` is "Administrator", as it is outside of the block, "User", "Guest" or "LocalSystem". Raises
        `ValueError` for another name.
        """
        return self.security.program_as(account)

    def create_completion_port(self, concurrency: int = 0) -> CompletionPort:
        """Make a completion port, where the results of requests on many handles arrive.

        `concurrency` threads may work on packets at once; 0 stands for the number of processors.
        """
        return CompletionPort(concurrency)

    def device_window(self, name: str, number: int = 0, *, bar: int) -> DeviceWindow:
        """The memory behind a base address register of a device, reached without its driver.

        `name` is the kind of function, such as "store"; `number` counts the functions of this kind by their place on
        the bus, those behind a bridge where the bridge is, as drivers find them. Raises `ValueError` for a function or
        a register that is not there.
        """
        description = self.target.description
        functions = description.functions_named(name)
        if not functions:
            known = ", ".join(sorted({function.type.name for function in description.functions}))
            raise ValueError(f"the function of a device window must be one of {known}; it was {name!r}")
        if not 0 <= number < len(functions):
            raise ValueError(
                f"the number of a function {name!r} must be below {len(functions)}, which is how many there are;"
                f" it was {number}"
            )
        ordered = sorted(functions, key=lambda function: description.way_to(function.place))
        return DeviceWindow(self.target, ordered[number], bar)

    def sleep(self, seconds: float, *, alertable: bool = False) -> bool:
        """Let a time of the machine pass in this thread; follows SleepEx.

        An alertable sleep ends early when completion routines of the thread have run; returns whether some have.
        """
        return sleep(seconds, alertable=alertable)

    @property
    def error_log(self) -> list[LoggedError]:
        """The entries that drivers have written with IoWriteErrorLogEntry, oldest first."""
        return [entry for entry in self.io.errors.log if isinstance(entry, LoggedError)]

    def list_objects(self, *types: str) -> Iterator[Listed]:
        """The objects of the machine with their state, those of some types or of all, such as "IRP" and "KTIMER".

        Raises `ValueError` for a type that there is not. `dirql.inspection` says where they are found.
        """
        return list_objects(self, *types)

    @property
    def hard_errors(self) -> list[HardError]:
        """The errors that drivers have shown to the user with IoRaiseHardError and its kin, oldest first."""
        return [error for error in self.io.errors.shown if isinstance(error, HardError)]

    def shut_down(self) -> None:
        """Send IRP_MJ_SHUTDOWN to the devices that are registered for it, as a system that is switched off does.

        The machine stays open.
        """
        notify_shutdown()

    def power_off(self) -> None:
        """Switch the system off: do as `shut_down`, then send all devices IRP_MN_SET_POWER to PowerSystemShutdown.

        The machine stays open, with its devices off, so that a test can look at it. `close` removes them as usual.
        """
        notify_shutdown()
        power_off(self.power)

    def suspend(self, state: str = "S3", seconds: float | None = 0) -> Suspended:
        """Let the system sleep, and wake it; docs/power.md says what drivers get.

        `state` is "S1" … "S4". The system sleeps until a device wakes it or another thread calls `wake`, and for at
        most `seconds` of the machine; None sets no end. Raises `SuspendRefused` if the drivers of a device refuse.
        Other threads of programs are not stopped; their requests are held by drivers whose devices sleep.
        """
        return suspend(self.power, state, seconds)

    def wake(self) -> None:
        """Wake the system, as a person does who presses the power button; nothing happens if it works already."""
        self.power.woken.set_for_system()

    def save_registry(self, file: str | Path) -> None:
        """Write the registry to a file; raises `FileNotWritten`, and an old file stays as it is then."""
        RegistryFile(Path(file), is_saved=True).write(self.registry)

    def create_thread(self, routine: Callable[[], object]) -> ProgramThread:
        """Start another thread of the program, at the same priority as this one."""
        return ProgramThread(routine)


def open_machine(
    target: str | Target = "verilated",
    *,
    machine: str | Path | MachineDescription | None = None,
    processors: int = 1,
    seed: int = 0,
    costs: Costs | None = None,
    drivers: Drivers = (),
    waves: str | Path | None = None,
    checked: bool = False,
    memory_delays: MemoryDelays | None = None,
    record: str | Path | None = None,
    schedule: Schedule | None = None,
    idle_limit: int | None = None,
    limits: Limits | str | None = None,
    host_limit: float | None = HOST_LIMIT,
    pool_checks: bool = True,
    buffer_checks: bool = True,
    race_checks: bool = True,
    checked_build: bool = False,
    registry: str | Path | None = None,
    save_registry: bool = False,
    last_known_good: bool = False,
) -> Machine:
    """Open a machine and load drivers; a context manager.

    `target` is the name of a target, or an open target, which the machine then owns. `machine` is the machine that a
    target of that name opens: the name of one that comes with dirql, a machine file, or a description; without one it
    is that of a twin which is named, and otherwise the default one. With `seed` 0
    processors and threads take turns in a fixed order; with any other seed the scheduling decisions and the order of
    free frames are random, and the same for the same seed. `schedule` makes the scheduling decisions instead.
    `costs` are the clocks that host code takes. `idle_limit` is the number of clocks that may pass with nothing to
    do before that counts as a deadlock; None is one second. `limits` say how long other things may take before they
    count as a hang; docs/checks.md has a table. `host_limit` is the time in seconds of the host after which a driver's
    routine, or the program, is ended that computes while the machine stands still; None lets it go on, and without a
    value `limits` has it. `checked_build` lets the drivers be of a checked build, in which ASSERT and KdPrint do
    something. `pool_checks`, `buffer_checks` and `race_checks` False leave out checks (docs/checks.md). `waves` is the
    file for all signals, `checked` lets the assertions of the RTL stop the machine, `memory_delays` makes the host's
    RAM answer bus masters late, `record` is the file for everything that goes between host and machine. `registry` is a
    file in the form that regedit exports, with which the registry begins (docs/registry.md); with `save_registry` the
    file is written when a driver calls ZwFlushKey and when the machine closes, and need not be there at first. The
    services that start with the system, in the file or as `Service` among `drivers`, are loaded first; with
    `last_known_good` those of the control set with which the system has last started well. Raises `RuntimeError` while
    another machine is open, `RegistryFileError` for a registry file that cannot be read.
    """
    if ke_current.is_running():
        raise RuntimeError(
            "one machine may be open at a time in a process; one was open already: close it first"
        )
    limits = Limits.parse(limits) if isinstance(limits, str) else limits
    options = MachineOptions(
        processors=processors,
        seed=seed,
        costs=costs,
        schedule=schedule,
        idle_limit=idle_limit,
        limits=limits,
        host_limit=limits.host if limits is not None and host_limit == HOST_LIMIT else host_limit,
        pool_checks=pool_checks,
        buffer_checks=buffer_checks,
        race_checks=race_checks,
        checked_build=checked_build,
        registry=_registry_file(registry, is_saved=save_registry),
        last_known_good=last_known_good,
    )
    wanted = list(each_driver(drivers))
    opened = (
        open_target(
            target,
            machine=machine,
            waves=waves,
            checked=checked,
            memory_delays=memory_delays,
            record=record,
        )
        if isinstance(target, str)
        else target
    )
    return _started(opened, options, wanted)


def _started(
    opened: Target, options: MachineOptions, drivers: Sequence[DriverModule | str | Path | Service]
) -> Machine:
    """A machine with its services and drivers loaded, perhaps with the last known good control set."""
    made = _try_to_start(opened, options, drivers)
    if made is None:  # a service has failed so severely
        made = _try_to_start(opened, replace(options, last_known_good=True), drivers)
    assert made is not None
    return made


def _try_to_start(
    opened: Target, options: MachineOptions, drivers: Sequence[DriverModule | str | Path | Service]
) -> Machine | None:
    """A machine with its services and drivers loaded; None if it must start with the last known good control set."""
    try:
        made = Machine(opened, options)
    except BaseException:
        opened.close()
        raise
    try:
        _load_all(made, options, drivers)
    except StartAgain:
        made.abandon()
        return None
    except BaseException as error:
        made.__exit__(type(error), error, None)
        raise
    return made


def _load_all(
    made: Machine, options: MachineOptions, drivers: Sequence[DriverModule | str | Path | Service]
) -> None:
    """Start the services that start with the system, then load the other drivers."""
    services = [each for each in drivers if isinstance(each, Service)]
    for service in services:
        made.create_service(service)
    if services or options.registry is not None:
        is_last_chance = options.last_known_good or good_number(made.registry) is None
        start_services(made, is_last_chance=is_last_chance)
    if options.registry is not None:
        start_device_services(made, made.devices)
        if all(failure.error_control <= SERVICE_ERROR_NORMAL for failure in made.service_failures):
            note_good_start(made.registry)
    for driver in drivers:
        if not isinstance(driver, Service):
            made.load_driver(driver)


def _registry_file(file: str | Path | None, *, is_saved: bool) -> RegistryFile | None:
    if file is not None:
        return RegistryFile(Path(file), is_saved=is_saved)
    if is_saved:
        raise ValueError(
            "save_registry must come with a registry, the file to write; there was none: pass registry=FILE, or call"
            " machine.save_registry(FILE) at the end"
        )
    return None


def _interrupt_kind(kind: InterruptKind | str) -> InterruptKind:
    try:
        return InterruptKind(kind)
    except ValueError as error:
        known = ", ".join(f'"{known.value}"' for known in InterruptKind)
        raise ValueError(f"interrupt must be one of {known}; it was {kind!r}") from error
