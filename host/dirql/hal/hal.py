# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The hardware abstraction layer of one machine: what joins a target and its memory to the routines of drivers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from dirql.hal import current
from dirql.hal.device_memory import DeviceMemory
from dirql.hal.dma.adapter import AdapterStatistics, DmaAdapter
from dirql.hal.interrupts import InterruptController
from dirql.hal.lanes import ALL_ONES
from dirql.ke import current as ke_current
from dirql.ke.platform import Clock
from dirql.mm.manager import MemoryManager
from dirql.target.contract import BusError, Target

__all__ = ["Hal", "HalStatistics"]


@dataclass(frozen=True, slots=True)
class HalStatistics:
    """What drivers hold of a machine, and how often the bus let them down."""

    bus_errors: int
    adapters: tuple[AdapterStatistics, ...]
    """One for each DMA adapter that was not put back."""


class Hal:
    """One machine's layer. `install` makes it the one that registers, ports and DMA act on.

    `bus_error`, if somebody subscribes, is called with each bus error of a driver's access; the driver goes on with
    all ones read, or its write dropped.
    """

    __slots__ = (
        "adapters",
        "always_preempts",
        "bus_error",
        "bus_errors",
        "device_memory",
        "dwords",
        "interrupts",
        "memory_manager",
        "read_memory",
        "target",
        "write_memory",
    )

    def __init__(self, target: Target, manager: MemoryManager) -> None:
        """`manager` manages the target's RAM."""
        self.target = target
        self.memory_manager = manager
        self.bus_error: Callable[[BusError], None] | None = None
        self.bus_errors = 0
        self.adapters: list[DmaAdapter] = []
        self.always_preempts = False
        self.interrupts = InterruptController(target, self.no_answer)
        self.device_memory = DeviceMemory(manager)
        # What each register access needs, at hand.
        self.read_memory = target.read_memory
        self.write_memory = target.write_memory
        self.dwords = self.device_memory.dwords

    @property
    def clock(self) -> Clock:
        """The machine's time, for the kernel."""
        return self.target

    def install(self) -> None:
        """Become the layer of the running machine, whose kernel is open by now; one at a time.

        Where the kernel lets threads and processors take turns, they may at each access; else only an interrupt or the
        deadline of the clock is a reason to stop.
        """
        self.always_preempts = ke_current.is_running() and ke_current.kernel.is_eager
        current.install(self)

    def close(self) -> None:
        """Stop being it; the target stays open. Does nothing when another is installed."""
        if current.hal is self:
            current.clear()

    def no_answer(self, error: BusError) -> int:
        """Report a bus error; the dword that a read gives instead."""
        self.bus_errors += 1
        if self.bus_error is not None:
            self.bus_error(error)
        return ALL_ONES[4]

    def statistics(self) -> HalStatistics:
        """What is held now."""
        return HalStatistics(self.bus_errors, tuple(adapter.statistics() for adapter in self.adapters))

    def leaks(self) -> list[str]:
        """A sentence for each DMA adapter that is still held."""
        return [f"a DMA adapter was not put back: {held}" for held in self.statistics().adapters]
