# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The parts of a machine: put together on an open target, and taken apart at the end with a report of leaks."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from dirql.cm.control_sets import begin_start
from dirql.cm.objects import install as install_registry
from dirql.cm.registry import Registry, running as cm_running
from dirql.files import FileNotWritten
from dirql.hal.hal import Hal
from dirql.hal.hang_report import HalWitness
from dirql.host_watch import HostWatch
from dirql.io.collector import CollectorPace
from dirql.io.hang_report import IoWitness
from dirql.io.manager import IoManager, running as io_running
from dirql.io.shutdown import cancel_outstanding_requests, leaks as io_leaks
from dirql.io.unload import unload_driver
from dirql.kd.debugger import Debugger, DebugMessage, running as kd_running
from dirql.ke.processors.dpc import Dpc
from dirql.ke.threads.shared_data import SharedData
from dirql.ke.watch.witness import DefectWitness
from dirql.machine_options import MachineOptions, make_kernel
from dirql.marked_stores import MarkedStores
from dirql.mm.manager import MemoryManager
from dirql.ob.callback import make_system_callbacks
from dirql.ob.manager import ObjectManager, running as ob_running
from dirql.ob.section import make_physical_memory
from dirql.pnp.hang_report import DeviceWitness
from dirql.pnp.manager import PnpManager
from dirql.pnp.node import DeviceNode
from dirql.pnp.tree import running as pnp_running
from dirql.pnp.untimely import UntimelyAccesses
from dirql.po.hang_report import PowerWitness
from dirql.po.idle import make_power_manager
from dirql.po.manager import running as power_running
from dirql.se.monitor import install_monitor, running as security_running
from dirql.service_control import (
    Images,
    ServiceFailure,
)
from dirql.target.contract import Target

__all__ = ["LeakReport", "MachineParts"]


class LeakReport(Exception):
    """Drivers left something behind; `leaks` has one sentence for each thing."""

    def __init__(self, leaks: Sequence[str]) -> None:
        self.leaks = tuple(leaks)
        super().__init__("the drivers left behind:" + "".join(f"\n  {leak}" for leak in self.leaks))


class MachineParts:
    """An open machine without the drivers of its buses; `Machine` is derived from it, and nothing else.

    `target`, `memory_manager`, `hal`, `kernel`, `objects`, `security`, `registry`, `io` and `pnp` are the
    parts, for tools that look in.
    `defects` has mistakes of drivers that NT lets pass, each as a row and a sentence.
    """

    def __init__(self, target: Target, options: MachineOptions) -> None:
        """Build a kernel on an open target, which the machine owns."""
        self.target = target
        self.closed = False
        self.defects: list[tuple[str, str]] = []
        self.memory_manager = MemoryManager(
            target.memory, options.seed, pool_checks=options.pool_checks, buffer_checks=options.buffer_checks
        )
        self.hal = Hal(target, self.memory_manager)
        self.objects = ObjectManager()
        self.io = IoManager()
        self.kernel = make_kernel(self.hal, options)
        self.kernel.hooks.defect_found = self._note_defect
        self.kernel.verifier.spurious_interrupts = True
        self.debugger = Debugger()
        self.debugger.checked_build = options.checked_build
        self.debugger.printed = _print_message
        self.memory_manager.install()
        self.debugger.install()
        self.hal.install()
        self.security = install_monitor()
        ob_running.install(self.objects)
        make_system_callbacks()
        make_physical_memory()
        io_running.install(self.io)
        self._registry_file = options.registry
        self.registry, self.images = self._make_registry()
        self.service_failures: list[ServiceFailure] = []
        marks_stores = options.race_checks and self.kernel.spreads
        self.marked_stores = MarkedStores(SharedData()) if marks_stores else None
        self._at_start = self.memory_manager.statistics()
        self._collector = CollectorPace()
        self._host_watch = HostWatch(self.kernel, options.host_limit) if options.host_limit else None
        try:
            if self._registry_file is not None:
                self._registry_file.attach(self.registry)
                begin_start(self.registry, last_known_good=options.last_known_good)
            self.pnp = PnpManager(target.description, self.hal.interrupts, options.processors)
            self.power = make_power_manager(self.pnp.started_levels)
            power_running.install(self.power)
            self.io.power = self.power
            self.kernel.witnesses.append(DefectWitness(self.defects))
            self.kernel.witnesses.append(PowerWitness(self.power))
            self.kernel.witnesses.append(IoWitness(self.io))
            self.kernel.witnesses.append(DeviceWitness(self.hal, self.pnp))
            self.kernel.witnesses.append(HalWitness(self.hal))
            self.hal.machine_removed = self._note_removal
            self.io.hooks.code_left = self._code_left
            self.io.hooks.things_left = self.hal.held
            self.hal.unanswered = UntimelyAccesses(self.hal, lambda: self.devices).note
        except BaseException:
            self._release()
            raise

    def _code_left(self, driver: object) -> Iterator[tuple[object, object, str]]:
        """The objects that would call a driver which is unloaded, each with the routine and the step to take."""
        yield from self.hal.waiting_for(driver)
        yield from self.pnp.registered_callbacks(driver)

    def _make_registry(self) -> tuple[Registry, Images]:
        registry, file = Registry(), self._registry_file
        cm_running.install(registry)
        install_registry(registry)
        images = Images(registry, Path() if file is None else file.path.parent)
        self.io.find_image = images.entry
        return registry, images

    def _note_removal(self) -> None:
        """The board was unplugged: tell the drivers, in a thread, that their devices are gone."""
        dpc = Dpc()
        dpc.initialize(self._queue_removal, None)
        dpc.insert_queue(None, None)

    def _queue_removal(self, dpc: Dpc, context: object, argument1: object, argument2: object) -> None:
        del dpc, context, argument1, argument2
        self.pnp.queue_surprise_removal()

    def _note_defect(self, row: str, what: str) -> None:
        self.defects.append((row, what))

    @property
    def debug_output(self) -> str:
        """All that drivers have sent to the debugger; `debugger.messages` has the parts with their senders."""
        return self.debugger.output

    def __repr__(self) -> str:
        state = "closed" if self.closed else f"{len(self.io.drivers)} drivers, {len(self.devices)} devices"
        return f"<machine on {self.target.name}, {state}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if isinstance(error, KeyboardInterrupt):
            self.kernel.stop(
                error
            )  # Ctrl-C can hit kernel code at any IRQL, after which nothing may run any more
        try:
            self.close()
        except (LeakReport, FileNotWritten) as report:
            if error is None:
                raise
            error.add_note(str(report))  # the first error is the one that matters

    @property
    def devices(self) -> list[DeviceNode]:
        """The devices on the buses, in the order in which the bus drivers report them.

        The PCI driver reports them by number.
        """
        return self.pnp.devices

    def close(self) -> None:
        """End the machine; raises `LeakReport` if drivers left something behind. A second call does nothing.

        Everything is released, whatever happens on the way. After a bug check, or an interrupt from the keyboard inside
        the kernel, no driver is called any more and nothing is checked.
        """
        if self.closed:
            return
        self.closed = True
        leaks: list[str] = []
        unsaved: FileNotWritten | None = None
        try:
            if self.kernel.stopped is None:
                leaks = self._shut_down()
                if self._registry_file is not None:
                    unsaved = self._registry_file.save_at_end(self.registry)
        finally:
            self._release()
        if leaks:
            raise LeakReport(leaks) from unsaved
        if unsaved is not None:
            raise unsaved

    def _shut_down(self) -> list[str]:
        """Remove the devices, unload the drivers in reverse order of loading; returns a sentence for each leak."""
        cancel_outstanding_requests()
        problems = self.pnp.remove_devices()
        for driver in reversed(list(self.io.drivers.values())):
            unload_driver(driver, at_end=True)
        self.hal.grants.check()
        leaks = [*problems, *self.memory_manager.leaks(self._at_start), *self.hal.leaks()]
        return [*leaks, *io_leaks(), *self.power.leaks(), *self.kernel.leaks()]

    def abandon(self) -> None:
        """End the machine as a reset does: no driver is called, and the target is reset and stays open."""
        self.closed = True
        self.kernel.stop(RuntimeError("the system starts again"))
        self._release(keep_target=True)
        self.target.reset()

    def _release(self, *, keep_target: bool = False) -> None:
        """Let go of everything; nothing here calls a driver."""
        if self._host_watch is not None:
            self._host_watch.close()
        if self.marked_stores is not None:
            self.marked_stores.restore()
        try:
            self.kernel.close()
        finally:
            self._collector.restore()
            power_running.clear()
            pnp_running.clear()
            io_running.clear()
            cm_running.clear()
            ob_running.clear()
            security_running.clear()
            kd_running.clear()
            self.hal.close()
            self.memory_manager.close()
            if not keep_target:
                self.target.close()


def _print_message(message: DebugMessage) -> None:
    """Show a message of a driver at once; pytest shows it with a test that fails."""
    sys.stderr.write(message.text)
