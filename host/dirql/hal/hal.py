# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The hardware abstraction layer of one machine: it joins a target and its memory to the routines of drivers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from dirql.hal.device_memory import DeviceMemory
from dirql.hal.dma.adapter import DmaAdapter
from dirql.hal.dma.base import AdapterStatistics
from dirql.hal.dma.controller import DmaChannel, DmaControllers
from dirql.hal.dma.grants import DmaGrants
from dirql.hal.dma.system import SystemDma
from dirql.hal.pic import controller_of
from dirql.hal.polling import PollingNotes
from dirql.ke.current import current as ke_current
from dirql.ke.platform import Clock
from dirql.ke.running import Running
from dirql.mm.manager import MemoryManager
from dirql.target.contract import BusError, MachineRemoved, Target

__all__ = ["Hal", "HalStatistics", "running"]


@dataclass(frozen=True, slots=True)
class HalStatistics:
    """The resources of a machine that drivers hold, and the number of bus errors so far."""

    bus_errors: int
    adapters: tuple[AdapterStatistics, ...]
    """One entry for each DMA adapter that was not put back."""


class Hal:
    """The layer of one machine. `install` makes it the one that registers, ports and DMA act on.

    `bus_error`, unless it is None, is called with each bus error of a driver's access. The driver goes on: its read
    gives all ones, its write is dropped.
    """

    __slots__ = (
        "adapters",
        "always_preempts",
        "bus_error",
        "bus_errors",
        "device_memory",
        "grants",
        "interrupts",
        "machine_removed",
        "memory_manager",
        "polling",
        "removal",
        "system_dma",
        "target",
        "unanswered",
    )

    def __init__(self, target: Target, memory_manager: MemoryManager) -> None:
        """`memory_manager` manages the RAM of `target`."""
        self.target = target
        self.memory_manager = memory_manager
        self.bus_error: Callable[[BusError], None] | None = None
        self.bus_errors = 0
        self.unanswered: Callable[[BusError], None] | None = None
        """Called with each bus error too, to tell whether the device is switched off."""
        self.adapters: list[DmaAdapter] = []
        self.system_dma = SystemDma(DmaControllers(memory_manager.ram))
        """The channels of the system's DMA controllers."""
        self.always_preempts = False
        self.polling: PollingNotes | None = None
        """Takes note of the accesses of drivers while the watch over hangs suspects one of polling for ever."""
        self.machine_removed: Callable[[], None] | None = None
        """Called once, at any IRQL, when the machine is found to be gone."""
        self.removal: str | None = None
        """The sentence that says how the machine was lost."""
        target.write_error = self.report_bus_error
        self.grants = DmaGrants(target)
        self.interrupts = controller_of(target, self.report_bus_error, self._check_machine)
        self.device_memory = DeviceMemory(memory_manager)

    @property
    def clock(self) -> Clock:
        """The time of the machine, for the kernel."""
        return self.target

    def dma_channel(self, number: int) -> DmaChannel:
        """A channel of the system's DMA controllers, for a model of a device that is to drive its DREQ line.

        Raises `ValueError` for a number that no device can use.
        """
        return self.system_dma.controllers.channel(number)

    def install(self) -> None:
        """Become the layer of the open machine, after its kernel; raises `RuntimeError` while another machine is open.

        If the kernel lets threads and processors take turns at any point, they may do so at each access. Otherwise an
        access is interrupted only when the target asks for attention: for an interrupt, a deadline, or a stray access
        of a device, since devices are confined from now on.
        """
        self.always_preempts = ke_current.is_running() and ke_current.kernel.is_eager
        running.install(self)
        self.grants.begin()

    def close(self) -> None:
        """Leave the place that `install` took; the target stays open. Does nothing while another layer is installed."""
        if running.is_installed and running.value is self:
            running.clear()

    def report_bus_error(self, error: BusError) -> None:
        """Count a bus error and tell the subscriber of `bus_error`."""
        self.bus_errors += 1
        if isinstance(error, MachineRemoved):
            self._note_removal()
        if self.unanswered is not None:
            self.unanswered(error)
        if self.bus_error is not None:
            self.bus_error(error)

    def _check_machine(self) -> None:
        """See why the target asks for attention: the machine was removed, or a device has made a stray access."""
        self._note_removal()
        self.grants.check()

    def _note_removal(self) -> None:
        if self.removal is None:
            self.removal = self.target.take_removal()
            if self.removal is not None and self.machine_removed is not None:
                self.machine_removed()

    def preempt(self) -> None:
        """The point of preemption that follows each access but a single read."""
        if self.target.attention or self.always_preempts:
            if self.polling is not None:
                self.polling.note_other()
            ke_current.dispatcher.preempt()

    def preempt_after_read(self, kind: str, address: int, value: int) -> None:
        """The point of preemption after a "register" or a "port" was read, if one is due."""
        if self.polling is not None:
            self.polling.note_read(kind, address, value)
        ke_current.dispatcher.preempt()

    def statistics(self) -> HalStatistics:
        """The adapters that are held now, and the number of bus errors so far."""
        return HalStatistics(self.bus_errors, tuple(adapter.statistics() for adapter in self.adapters))

    def leaks(self) -> list[str]:
        """A sentence for each DMA adapter, common buffer and range of device memory that is still held."""
        return list(self.held())

    def held(self, driver: object | None = None) -> Iterator[str]:
        """A sentence for each of these that the driver, or without one any driver, has not given back."""
        yield from self.device_memory.held(driver)
        for adapter in self.adapters:
            yield from adapter.held(driver)

    def waiting_for(self, driver: object) -> Iterator[tuple[object, object, str]]:
        """The requests for map registers that would call the driver: each with its routine, and with the remedy."""
        for adapter in self.adapters:
            for request in adapter.waiting():
                if request.driver is driver:
                    yield (
                        request,
                        request.routine,
                        "waiting: end the device's requests, so that all are granted, before it is removed",
                    )


running: Final = Running[Hal]("registers, ports and DMA")
"""The layer of the open machine."""
