# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Bus clocks from an interrupt's cause to the fetch of its vector, for each kind of interrupt and each controller.

    python bench/interrupt_latency.py [--count N]

The host fetches as soon as it sees the interrupt, and takes no clocks of its own, so that the figures are the
hardware's. A *saturated* bus has two other stores that move data by DMA all the time. Clocks do not depend on the
computer, nor on what else it does.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from statistics import median
from typing import NamedTuple

from dirql.hal.pic import controller_of
from dirql.hardware.description import Function
from dirql.registers import pci_configuration as pci, store
from dirql.registers.store_descriptor import DESCRIPTOR
from dirql.target import open_target
from dirql.target.contract import BusError, EventBits, Target

MACHINES = {"shared": "simple", "at": "8259A pair"}
"""The machines with three stores or more, and the controllers that they have."""
KINDS = ("level", "latched", "message")
RAISED = store.INTERRUPT_CAUSE.RAISED
DMA_BYTES = 0x8000
DMA_DATA, DESCRIPTORS = 0x10_0000, 0x1000
WINDOW = 0x10_0000
"""The distance of the addresses of two functions."""


class Sample(NamedTuple):
    """The clocks of one interrupt."""

    signal: int
    """From the cause to the first clock with the pin, or to the address phase of the message."""
    fetch: int
    """From there to the clock on which the vector moved."""


class Store:
    """A store function of the machine, placed and enabled."""

    def __init__(self, target: Target, function: Function, number: int) -> None:
        self._target = target
        self._header = function.place.configuration_address
        bus = target.description.buses[0]
        self._registers = bus.memory.start + 2 * number * WINDOW
        self._descriptors = DESCRIPTORS + 0x100 * number
        self._data = DMA_DATA + number * DMA_BYTES
        bases = (self._registers, self._registers + WINDOW, bus.ports.start + 0x100 * number)
        for bar, base in enumerate(bases):
            target.write_configuration(self._header + pci.BAR.offset + 4 * bar, base)
        enables = pci.COMMAND.IO_ENABLE | pci.COMMAND.MEMORY_ENABLE | pci.COMMAND.BUS_MASTER
        target.write_configuration(self._header + pci.COMMAND.offset, enables, 0b0011)
        target.write_configuration(self._header + (pci.LATENCY_TIMER.offset & ~3), 0x40 << 8, 0b0010)

    def write(self, offset: int, value: int) -> None:
        self._target.write_memory(self._registers + offset, value)

    def read(self, offset: int) -> int:
        return self._target.read_memory(self._registers + offset)

    def send_messages(self, address: int, data: int) -> None:
        """Let interrupts be messages."""
        lane = pci.MSI_CONTROL.offset & 3
        for register, value in ((pci.MSI_ADDRESS, address), (pci.MSI_UPPER_ADDRESS, 0), (pci.MSI_DATA, data)):
            self._target.write_configuration(self._header + register.offset, value)
        enables = 0b11 << lane
        self._target.write_configuration(
            self._header + (pci.MSI_CONTROL.offset & ~3), pci.MSI_CONTROL.ENABLE << 8 * lane, enables
        )

    def move(self) -> None:
        """Begin a transfer by DMA from memory into the buffer, unless one is under way."""
        if self.read(store.STATUS.offset) & store.STATUS.BUSY:
            return
        descriptor = DESCRIPTOR.pack(address=self._data, length=DMA_BYTES, last=1)
        place = slice(self._descriptors, self._descriptors + DESCRIPTOR.bytes)
        self._target.memory[place] = descriptor.to_bytes(DESCRIPTOR.bytes, "little")
        self.write(store.INTERRUPT_CAUSE.offset, 0xFFFF_FFFF)
        self.write(store.DESCRIPTOR_BASE.offset, self._descriptors)
        self.write(store.BUFFER_ADDRESS.offset, 0)
        self.write(store.LENGTH.offset, DMA_BYTES)
        self.write(store.COMMAND.offset, store.Operation.DMA_WRITE)


def fail(error: BusError) -> None:
    """A bus error ends the measurement."""
    raise error


def measure(machine: str, kind: str, *, saturated: bool, count: int) -> Iterator[Sample]:
    """The clocks of `count` interrupts, which come at many phases of the other transfers."""
    target = open_target("verilated", machine=machine)
    functions = target.description.functions_named("store")
    stores = [Store(target, function, number) for number, function in enumerate(functions[:3])]
    controller = controller_of(target, fail, lambda: None)
    lines = dict(zip("ABCD", (1, 2, 3, 4), strict=True))
    number = controller.line_input(lines[functions[0].line])
    if kind == "message":
        number = controller.description.device_inputs[-1]
        stores[0].send_messages(*controller.message(number))
    vector = controller.description.vector(number)
    controller.enable(vector, latched=kind != "level")
    control = store.INTERRUPT_CONTROL.pack(latched=int(kind == "latched"), pulse_clocks=31)
    stores[0].write(store.INTERRUPT_CONTROL.offset, control)
    stores[0].write(store.INTERRUPT_MASK_SET.offset, RAISED)
    for phase in range(count):
        if saturated:
            for other in stores[1:]:
                other.move()
        yield one(target, stores[0], controller.acknowledge, phase)
        stores[0].write(store.INTERRUPT_CAUSE.offset, RAISED)
        controller.end(vector)
    target.close()


def one(target: Target, function: Store, acknowledge: object, phase: int) -> Sample:
    """Raise an interrupt after a delay, and fetch its vector."""
    assert callable(acknowledge)
    list(target.take_event_records())
    function.write(store.DELAY.offset, 100 + 7 * phase)
    function.write(store.COMMAND.offset, store.Operation.RAISE)
    target.wait(100_000)
    acknowledge()
    target.spend(10)
    target.now()
    target.wait(10)
    clocks: dict[EventBits, int] = {}
    for event in target.take_event_records():
        for bit in (EventBits.CAUSE, EventBits.ASSERT, EventBits.VECTOR_FETCH):
            if event.bits & bit and (bit is EventBits.VECTOR_FETCH or event.function == 0):
                clocks.setdefault(bit, event.clock)
    signal = clocks[EventBits.ASSERT] - clocks[EventBits.CAUSE]
    return Sample(signal, clocks[EventBits.VECTOR_FETCH] - clocks[EventBits.ASSERT])


def main(arguments: list[str]) -> int:
    """Print a table of minimum, median and maximum."""
    parser = argparse.ArgumentParser(description="Measure the clocks from an interrupt to its vector fetch.")
    parser.add_argument("--count", type=int, default=60, help="interrupts of each row (60)")
    count: int = parser.parse_args(arguments).count
    print("| controller | kind | bus | cause to signal | signal to vector fetch |")
    print("|---|---|---|---|---|")
    for machine, controller in MACHINES.items():
        for kind in KINDS:
            for saturated in (False, True):
                samples = list(measure(machine, kind, saturated=saturated, count=count))
                columns = [
                    f"{min(part)} / {median(part):.0f} / {max(part)}" for part in zip(*samples, strict=True)
                ]
                bus = "saturated" if saturated else "idle"
                print(f"| {controller} | {kind} | {bus} | {' | '.join(columns)} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
