# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Measures of a target, the same on each; rates are per second of this process's CPU time.

Called in this process for the verilated target, inside the simulator for cocotb.
"""

from __future__ import annotations

import json
import struct
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from time import process_time

import driver_measures

from dirql.hal.hal import Hal
from dirql.hal.io_space import map_io_space
from dirql.hal.registers import read_register_ulong
from dirql.hardware.reading import DEFAULT_MACHINE, load_machine
from dirql.ke.kernel import Kernel
from dirql.mm.manager import MemoryManager
from dirql.nt.addresses import PhysicalAddress
from dirql.nt.constants import MmNonCached
from dirql.registers import interrupt_controller, pci_configuration, store, store_io
from dirql.target import open_target
from dirql.target.contract import Target, Wake
from dirql.target.simulation.verilated import VerilatedTarget

_MACHINE = load_machine(DEFAULT_MACHINE)
_STORE = _MACHINE.functions_named("store")[0]
REGISTERS = _MACHINE.buses[0].memory.start
BUFFER = REGISTERS + 0x10_0000
PORTS = _MACHINE.buses[0].ports.start
CONTROLLER = _MACHINE.controller.address
STATUS_PORT = PORTS + store_io.FIFO_STATUS.offset
INPUT = 4
SHORT_CLOCKS, LONG_CLOCKS = 1_000, 1_000_000
PAGE = 4096
DMA_BYTES = 64 * 1024
DMA_DATA, DESCRIPTORS = 0x10_0000, 0x20_0000
BEGINNING = 400
"""The clocks after which the store function has fetched its descriptor and moves data."""
BUSY_CLOCKS = 12_000
"""The clocks of one transfer in which the store function moves data and needs no answer of the host's memory."""

Measure = Callable[[Target, float], tuple[float, float]]
"""Takes a target and a scale, repeats one operation, and returns the number of repetitions and the seconds taken."""


def configure(target: Target) -> None:
    """Place and enable the store function."""
    function = _STORE.place.configuration_address
    for number, base in enumerate((REGISTERS, BUFFER, PORTS)):
        target.write_configuration(function + pci_configuration.BAR.offset + 4 * number, base)
    command = pci_configuration.COMMAND
    enables = command.IO_ENABLE | command.MEMORY_ENABLE | command.BUS_MASTER
    target.write_configuration(function + command.offset, enables, 0b0011)


def register_reads(target: Target, scale: float) -> tuple[float, float]:
    read, address, count = target.read_memory, REGISTERS + store.LENGTH.offset, int(50_000 * scale)
    start = process_time()
    for _ in range(count):
        read(address)
    return count, process_time() - start


def hal_register_reads(target: Target, scale: float) -> tuple[float, float]:
    """Read a register as a driver does, with the point of preemption after the access."""
    memory = MemoryManager(target.memory)
    hal = Hal(target, memory)
    kernel = Kernel(hal.clock, hal.interrupts)
    memory.install()
    hal.install()
    try:
        mapped = map_io_space(PhysicalAddress(REGISTERS), PAGE, MmNonCached)
        assert mapped is not None
        address, count = mapped + store.LENGTH.offset, int(50_000 * scale)
        start = process_time()
        for _ in range(count):
            read_register_ulong(address)
        return count, process_time() - start
    finally:
        hal.close()
        memory.close()
        kernel.close()
        # The measures after this one have no kernel: the bus masters are free again, and nothing is due.
        target.grant((0, len(target.memory)), reads=True, writes=True)
        target.set_deadline(None)


def port_reads(target: Target, scale: float) -> tuple[float, float]:
    read, count = target.read_io, int(50_000 * scale)
    start = process_time()
    for _ in range(count):
        read(STATUS_PORT)
    return count, process_time() - start


def port_string(target: Target, scale: float) -> tuple[float, float]:
    """Make the same reads in one string, without Python between them."""
    words, rounds = memoryview(bytearray(4 * 10_000)), max(1, int(5 * scale))
    start = process_time()
    moved = sum(target.read_io_string(STATUS_PORT, words) for _ in range(rounds))
    return moved, process_time() - start


def _waits(target: Target, scale: float, clocks: int) -> tuple[float, float]:
    """Wait for a machine at rest, whose clocks are skipped."""
    wait, count = target.wait, int(2_000 * scale)
    start = process_time()
    for _ in range(count):
        wait(clocks)
    return count, process_time() - start


def short_waits(target: Target, scale: float) -> tuple[float, float]:
    return _waits(target, scale, SHORT_CLOCKS)


def long_waits(target: Target, scale: float) -> tuple[float, float]:
    return _waits(target, scale, LONG_CLOCKS)


def bare(target: Target, scale: float) -> tuple[float, float]:
    """Clock the same model in a C++ loop that does nothing else."""
    assert isinstance(target, VerilatedTarget)
    clocks = int(500_000 * scale)
    start = process_time()
    target.clock_bare(clocks)
    return clocks, process_time() - start


def _busy(target: Target, scale: float, clock: Callable[[int], object]) -> tuple[float, float]:
    """Clock a machine that writes to the host's memory on nearly every clock, by `clock(clocks)`."""
    struct.pack_into("<IIII", target.memory, DESCRIPTORS, DMA_DATA, 0, DMA_BYTES, 1)
    target.write_memory(REGISTERS + store.LENGTH.offset, DMA_BYTES)
    target.write_memory(REGISTERS + store.DESCRIPTOR_BASE.offset, DESCRIPTORS)
    rounds, seconds = max(1, int(30 * scale)), 0.0
    for _ in range(rounds):
        target.write_memory(REGISTERS + store.COMMAND.offset, store.Operation.DMA_READ)
        target.wait(BEGINNING)
        start = process_time()
        clock(BUSY_CLOCKS)
        seconds += process_time() - start
        assert target.read_memory(REGISTERS + store.STATUS.offset) & store.STATUS.BUSY
        target.wait(2 * DMA_BYTES // 4)
    assert not target.read_memory(REGISTERS + store.STATUS.offset) & store.STATUS.BUSY
    return rounds * BUSY_CLOCKS, seconds


def busy_waiting(target: Target, scale: float) -> tuple[float, float]:
    """Wait for a machine in which no clock can be skipped."""
    return _busy(target, scale, target.wait)


def busy_bare(target: Target, scale: float) -> tuple[float, float]:
    """Clock the model in the same state in a C++ loop that does nothing else."""
    assert isinstance(target, VerilatedTarget)
    return _busy(target, scale, target.clock_bare)


def interrupts(target: Target, scale: float) -> tuple[float, float]:
    """Raise an interrupt and serve it: six transactions and four marks for each interrupt."""
    count, write, read, mark = int(10_000 * scale), target.write_memory, target.read_memory, target.mark
    write(CONTROLLER + interrupt_controller.ENABLE.offset, 1 << INPUT)
    write(REGISTERS + store.INTERRUPT_MASK_SET.offset, store.INTERRUPT_MASK_SET.RAISED)
    write(REGISTERS + store.DELAY.offset, 0)
    start = process_time()
    for number in range(count):
        write(REGISTERS + store.COMMAND.offset, store.Operation.RAISE)
        assert target.wait(1000) is Wake.INTERRUPT
        vector = target.interrupt_acknowledge()
        mark(number)
        cause = read(REGISTERS + store.INTERRUPT_CAUSE.offset)
        write(REGISTERS + store.INTERRUPT_CAUSE.offset, cause)
        mark(number)
        write(CONTROLLER + interrupt_controller.EOI.offset, _MACHINE.controller.input_of_vector(vector))
        mark(number)
        read(REGISTERS + store.STATUS.offset)
        mark(number)
        if number % 1000 == 0:
            target.take_event_records()
    seconds = process_time() - start
    write(CONTROLLER + interrupt_controller.ENABLE.offset, 0)
    return count, seconds


def dma(target: Target, scale: float) -> tuple[float, float]:
    """Let the store function read host memory, 64 KiB in pages of 4 KiB for each command."""
    pages = DMA_BYTES // PAGE
    for page in range(pages):
        last = int(page == pages - 1)
        place = DESCRIPTORS + 16 * page
        struct.pack_into("<IIII", target.memory, place, DMA_DATA + PAGE * page, 0, PAGE, last)
    write = target.write_memory
    write(REGISTERS + store.LENGTH.offset, DMA_BYTES)
    write(REGISTERS + store.DESCRIPTOR_BASE.offset, DESCRIPTORS)
    rounds = max(1, int(8 * scale))
    start = process_time()
    for _ in range(rounds):
        write(REGISTERS + store.COMMAND.offset, store.Operation.DMA_WRITE)
        while target.read_memory(REGISTERS + store.STATUS.offset) & store.STATUS.BUSY:
            target.wait(2000)
    return rounds * DMA_BYTES, process_time() - start


SHORT_WAITS = f"waits of {SHORT_CLOCKS:,} clocks"
LONG_WAITS = f"waits of {LONG_CLOCKS:,} clocks"
BARE = "clocks of the bare model at rest"
BUSY = "busy clocks waited"
BUSY_BARE = "busy clocks of the bare model"
MEASURES: dict[str, Measure] = {
    "register reads": register_reads,
    "register reads through the HAL": hal_register_reads,
    "port reads": port_reads,
    "port reads in a string": port_string,
    BUSY: busy_waiting,
    "interrupts": interrupts,
    "DMA bytes": dma,
}
IN_PROCESS: dict[str, Measure] = {
    SHORT_WAITS: short_waits,
    LONG_WAITS: long_waits,
    BARE: bare,
    BUSY_BARE: busy_bare,
}


def measure(name: str, scale: float, rounds: int) -> dict[str, float]:
    """Medians of the rounds, and the clocks that a register read and a port read take."""
    target = open_target(name)
    configure(target)
    measures = MEASURES | IN_PROCESS if isinstance(target, VerilatedTarget) else MEASURES
    rates: dict[str, list[float]] = {key: [] for key in measures}
    for _ in range(rounds):
        for key, measured in measures.items():
            count, seconds = measured(target, scale)
            rates[key].append(count / seconds)
    result = {key: median(values) for key, values in rates.items()}
    for key, read in (
        ("clocks of a register read", target.read_memory),
        ("clocks of a port read", target.read_io),
    ):
        before = target.now()
        read(REGISTERS + store.LENGTH.offset if read == target.read_memory else STATUS_PORT)
        result[key] = target.now() - before
    target.close()
    return result | driver_measures.measure(name, scale, rounds)


def main(arguments: Sequence[str]) -> int:
    """Measure a target and write the figures: NAME SCALE ROUNDS FILE."""
    name, scale, rounds, path = arguments
    Path(path).write_text(json.dumps(measure(name, float(scale), int(rounds))), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
