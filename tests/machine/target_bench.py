# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The parts of a machine that the contract test uses: places to read and write, and something that interrupts.

On RTL they are those of the store function, behind its configuration header. The scripted machine gets devices that are
made here.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import monotonic

import pytest

from dirql.hardware.description import MachineDescription
from dirql.hardware.interrupt_controller import SIMPLE
from dirql.hardware.place import Place
from dirql.hardware.reading import describe
from dirql.link.session import Patience
from dirql.registers import interrupt_controller, pci_configuration, store, store_io
from dirql.registers.store_descriptor import DESCRIPTOR
from dirql.target import MemoryDelays, inside_simulator, open_target
from dirql.target.channel.bridges import number_buses, open_way
from dirql.target.contract import Capability, Target
from dirql.target.simulation.verilated import VerilatedTarget
from fakes.byte_channel import BytesTarget
from fakes.default_machine import MACHINE
from fakes.link_target import FakeBoard, open_fake_board
from fakes.rtl_board import open_rtl_board
from fakes.scripted_target import Ram, ScriptedTarget, Space
from tested_machines import MASTERED

FAKE_BOARD = "fake board"
"""The name of a board target whose board is a model in this process."""
RTL_BOARD = "rtl board"
"""The name of a board target whose board is the RTL of machine and link, compiled into this process."""
PATIENT = Patience(silence=20.0)
"""The times of a session with a board that is simulated, on a computer that may be busy."""
INPUT = 4
"""An input that each machine has. No device drives it unless a test lets the store interrupt."""
_ABSENT_DEVICE = 30
"""A device number that no machine has on bus 0."""
RAM_BYTES = 4096
_BUFFER_OFFSET = 0x10_0000
"""The place of the store's buffer in the window for devices, whose start has the registers."""
_DESCRIPTOR = 0x8_0000
DESCRIPTORS = (_DESCRIPTOR, _DESCRIPTOR + DESCRIPTOR.bytes)
"""The memory from which the device of `copy_by_device` reads what to do."""
DELAYS = MemoryDelays(seed=1)
"""The times of the slow memory of a bench with delays."""
PATIENT_OPTION = "silence=20"
"""The option of a twin on a computer that is busy with other things."""
_LONGEST_TRANSFER = 5_000_000
"""More clocks than a transfer takes, however slow the memory is."""
COMMAND_ON = (
    pci_configuration.COMMAND.IO_ENABLE
    | pci_configuration.COMMAND.MEMORY_ENABLE
    | pci_configuration.COMMAND.BUS_MASTER
)


class PythonTarget(VerilatedTarget):
    """The verilated target without methods in C++, as it is where Python.h is not installed."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Bench:
    """A target and the places on it."""

    target: Target
    function: int
    """The configuration address of a function."""
    registers: int
    ram: int
    """The address of `RAM_BYTES` bytes of memory space that keep the data written to them."""
    ports: int
    fifo: int
    """The address of a port that takes dwords after `fill` and gives them back in order after `drain`."""
    script: ScriptedTarget | None = None
    """The scripted machine behind the target; None for RTL."""
    board: FakeBoard | None = None
    """The link between a board target and the scripted machine."""

    @property
    def machine(self) -> MachineDescription:
        """The machine as its file describes it."""
        return self.target.description

    @property
    def _controller(self) -> int:
        return self.machine.controller.address

    @property
    def absent(self) -> int:
        """The first of 128 KiB of memory space that nobody claims, also no bridge: the end of what devices may have."""
        return self.machine.buses[0].memory.end

    @property
    def absent_port(self) -> int:
        """A port that nobody claims, also no bridge: the last one before those that devices may have."""
        return self.machine.buses[0].ports.start - 4

    @property
    def absent_function(self) -> int:
        """The configuration address of a function that is not there, on bus 0."""
        return Place(0, _ABSENT_DEVICE, 0).configuration_address

    @property
    def store_input(self) -> int:
        """The input to which the line of the first store is routed after reset."""
        machine = self.machine
        return machine.controller.lines[machine.functions_named("store")[0].line]

    @property
    def bridges_above(self) -> int:
        """The bridges between the host and the first store."""
        machine = self.machine
        return len(machine.way_to(machine.functions_named("store")[0].place)) - 1

    @property
    def identity(self) -> int:
        """The first dword of the function's configuration header."""
        identity = self.machine.functions_named("store")[0].type.identity
        return identity.device << 16 | identity.vendor

    @property
    def buffer_bytes(self) -> int:
        """The bytes of the store's buffer."""
        return self.machine.functions_named("store")[0].bar_size(1)

    def settle(self, access: Callable[[Target], object]) -> None:
        """Make an access and wait for its end, so that its error is raised here also if writes are posted."""
        access(self.target)
        if Capability.PRECISE_WRITES not in self.target.capabilities:
            self.target.read_configuration(self.function)

    def enable(self, inputs: int) -> None:
        """Enable these inputs in the interrupt controller."""
        self.target.write_memory(self._controller + interrupt_controller.ENABLE.offset, inputs)

    def request(self, number: int = INPUT) -> None:
        """Request an input of the interrupt controller at once."""
        self.target.write_memory(self._controller + interrupt_controller.SOFTWARE_SET.offset, 1 << number)

    def end(self, number: int = INPUT) -> None:
        """Write the end of interrupt for an input."""
        self.target.write_memory(self._controller + interrupt_controller.EOI.offset, number)

    def request_after(self, clocks: int) -> int:
        """Have a device interrupt some clocks from now; returns the input that it uses."""
        script = self.script
        if script is not None:
            script.at(script.now() + clocks, lambda: script.interrupts.request(self.store_input))
            return self.store_input
        write = self.target.write_memory
        write(self.registers + store.INTERRUPT_MASK_SET.offset, store.INTERRUPT_MASK_SET.RAISED)
        write(self.registers + store.DELAY.offset, clocks)
        write(self.registers + store.COMMAND.offset, store.Operation.RAISE)
        return self.store_input

    def fill(self, dwords: int) -> None:
        """Get the FIFO ready to be written."""
        self._fifo_command(store.Operation.FIFO_WRITE, dwords)

    def drain(self, dwords: int) -> None:
        """Get the FIFO ready to be read."""
        self._fifo_command(store.Operation.FIFO_READ, dwords)

    def _fifo_command(self, operation: int, dwords: int) -> None:
        if self.script is not None:
            return
        write = self.target.write_memory
        write(self.registers + store.DELAY.offset, 0)
        write(self.registers + store.BUFFER_ADDRESS.offset, 0)
        write(self.registers + store.LENGTH.offset, 4 * dwords)
        write(self.registers + store.COMMAND.offset, operation)
        self.target.wait(200)

    def copy_by_device(self, source: int, destination: int, size: int) -> None:
        """Have a device copy bytes of host memory, which it reaches as a bus master."""
        if self.board is not None:
            self.board.copy(source, destination, size)
            return
        if self.script is not None:
            self.script.write_as_master(destination, self.script.read_as_master(source, size))
            return
        for operation, address in (
            (store.Operation.DMA_WRITE, source),
            (store.Operation.DMA_READ, destination),
        ):
            self.transfer_by_dma(operation, address, size, _DESCRIPTOR)
            self.wait_until_idle()

    def wait_until_idle(self) -> None:
        """Let the machine run until the store function has carried out the command, and not longer."""
        end = self.target.now() + _LONGEST_TRANSFER
        while self.target.read_memory(self.registers + store.STATUS.offset) & store.STATUS.BUSY:
            assert self.target.now() < end, "the command must end; it was still being carried out"
            self.target.spend(100)

    def transfer_by_dma(self, operation: int, address: int, size: int, descriptor: int) -> None:
        """Have the store function move `size` bytes between its buffer's start and host memory."""
        element = DESCRIPTOR.pack(address=address, length=size, last=1).to_bytes(DESCRIPTOR.bytes, "little")
        self.target.memory[descriptor : descriptor + DESCRIPTOR.bytes] = element
        write = self.target.write_memory
        write(self.registers + store.BUFFER_ADDRESS.offset, 0)
        write(self.registers + store.LENGTH.offset, size)
        write(self.registers + store.DESCRIPTOR_BASE.offset, descriptor)
        write(self.registers + store.INTERRUPT_MASK_SET.offset, store.INTERRUPT_MASK_SET.DONE)
        write(self.registers + store.COMMAND.offset, operation)


def open_bench(
    name: str,
    machine: str | Path | MachineDescription = MACHINE,
    *,
    checked: bool = False,
    memory_delays: MemoryDelays | None = None,
    precise: bool = True,
    record: str | None = None,
) -> Bench:
    """Open the target of that name and set it up; the caller closes it. "python" is a `PythonTarget`.

    The scripted machine is always the default, and so is that of a board here.
    """
    if name in (ScriptedTarget.name, BytesTarget.name, FAKE_BOARD):
        script = ScriptedTarget()
        if name == FAKE_BOARD:
            board = open_fake_board(script, precise=precise, clock=monotonic)
            return script_bench(board.target, script, board)
        return script_bench(script if name == script.name else BytesTarget(script), script)
    if name == RTL_BOARD:
        return configure_bench(open_rtl_board(precise=precise, patience=PATIENT))
    if name == "python":
        return configure_bench(PythonTarget(describe(machine), checked=checked, memory_delays=memory_delays))
    target = open_target(name, machine=machine, checked=checked, memory_delays=memory_delays, record=record)
    return configure_bench(target)


def configure_bench(target: Target) -> Bench:
    """Place the base address registers of the first store function and enable it."""
    function, bases = places(target.description)
    number_buses(target)
    open_way(target, target.description.functions_named("store")[0].place)
    bar = function + pci_configuration.BAR.offset
    for number, base in enumerate(bases):
        target.write_configuration(bar + pci_configuration.BAR.stride * number, base)
    target.write_configuration(function + pci_configuration.COMMAND.offset, COMMAND_ON, 0b0011)
    registers, ram, ports = bases
    return Bench(target, function, registers, ram, ports, ports + store_io.FIFO_DATA.offset)


def places(machine: MachineDescription) -> tuple[int, tuple[int, int, int]]:
    """The configuration address of the first store function, and the addresses of its registers, buffer and ports."""
    bus = machine.buses[0]
    function = machine.functions_named("store")[0].place.configuration_address
    return function, (bus.memory.start, bus.memory.start + _BUFFER_OFFSET, bus.ports.start)


def open_over(package: str, line: str) -> Bench:
    """Open a twin behind another line than TCP, or skip the test if the package for it is not installed."""
    pytest.importorskip(package)
    return open_bench(f"twin?line={line}&writes=precise&{PATIENT_OPTION}", "tiny")


_KINDS: dict[str, Callable[[], Bench]] = {
    "verilated": lambda: open_bench("verilated"),
    "verilated, methods in Python": lambda: open_bench("python"),
    "checked": lambda: open_bench("verilated", checked=True),
    "checked, slow memory": lambda: open_bench("verilated", checked=True, memory_delays=DELAYS),
    **{
        f"{name}, slow memory": partial(open_bench, "verilated", name, memory_delays=DELAYS)
        for name in MASTERED
        # A pair of 8259A chips is programmed in another way (tests/hdl/test_pic_ports.py).
        if describe(name).controller.kind == SIMPLE
    },
    "scripted": lambda: open_bench("scripted"),
    "bytes": lambda: open_bench("bytes"),
    "link": lambda: open_bench(FAKE_BOARD),
    "link, posted writes": lambda: open_bench(FAKE_BOARD, precise=False),
    "link, RTL": lambda: open_bench(RTL_BOARD),
    "twin": lambda: open_bench(f"twin?writes=precise&{PATIENT_OPTION}"),
    "twin of tiny, posted writes": lambda: open_bench(f"twin?{PATIENT_OPTION}", "tiny"),
    "twin of tiny, serial port": lambda: open_over("serial", "pty"),
    "twin of tiny, USB/IP": lambda: open_over("usb.core", "usbip"),
    "verilated tiny, recorded": lambda: open_bench("verilated", "tiny", record=os.devnull),
    "twin of tiny, recorded": lambda: open_bench(
        f"twin?writes=precise&{PATIENT_OPTION}", "tiny", record=os.devnull
    ),
}
_SIMULATOR_KINDS: dict[str, MemoryDelays | None] = {"cocotb": None, "cocotb, slow memory": DELAYS}
KINDS_HERE = list(_SIMULATOR_KINDS if inside_simulator() else _KINDS)
"""The kinds of targets that the contract test opens in this process."""


def open_kind(kind: str, machine: str) -> Bench:
    """Open a target of one of `KINDS_HERE`; `machine` is the machine of the simulator, if this process is one."""
    if kind in _KINDS:
        return _KINDS[kind]()
    return open_bench("cocotb", machine, memory_delays=_SIMULATOR_KINDS[kind])


class _Fifo:
    def __init__(self) -> None:
        self.dwords: deque[int] = deque()

    def read(self, offset: int, byte_enables: int) -> int:
        return self.dwords.popleft() if self.dwords else 0

    def write(self, offset: int, value: int, byte_enables: int) -> None:
        self.dwords.append(value)


def script_bench(target: Target, script: ScriptedTarget, board: FakeBoard | None = None) -> Bench:
    """Map the devices of the contract test into the scripted machine behind `target`."""
    function, (registers, ram, ports) = places(target.description)
    bench = Bench(target, function, registers, ram, ports, ports, script, board)
    header = Ram(256)
    header.write(pci_configuration.VENDOR_ID.offset, bench.identity, 0xF)
    script.map(Space.CONFIGURATION, function, 256, header)
    script.map(Space.MEMORY, registers, 4096, Ram(4096))
    script.map(Space.MEMORY, ram, RAM_BYTES, Ram(RAM_BYTES))
    script.map(Space.IO, ports, 4, _Fifo())
    script.map(Space.IO, ports + 4, 4, Ram(4))
    return bench
