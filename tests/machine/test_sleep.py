# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Functions that sleep: a machine of compiled parts does on each clock what the RTL as a whole does."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable

import pytest

from dirql.hardware.description import Function, MachineDescription
from dirql.hardware.function_type import BarSpace
from dirql.hardware.reading import load_machine
from dirql.registers import gpio, interrupt_controller as controller, pci_configuration as pci, store
from dirql.registers.store_descriptor import DESCRIPTOR
from dirql.target.contract import BusError, BusFault, BusStatus, Capability, EventBits, EventRecord, Target
from dirql.target.simulation.verilated import VerilatedTarget

LIST, DATA = 0x2_0000, 0x3_0000
ENABLES = pci.COMMAND.IO_ENABLE | pci.COMMAND.MEMORY_ENABLE | pci.COMMAND.BUS_MASTER
STEPS = 400
pytestmark = pytest.mark.timeout(1200)
"""The first test of each machine compiles its library twice, which took over 300 seconds on a computer under load."""


class Functions:
    """The functions of a machine, with all base address registers set."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.all = target.description.functions
        self.base: dict[tuple[int, int], int] = {}
        window = target.description.buses[0]
        free = {BarSpace.MEMORY: window.memory.start, BarSpace.IO: window.ports.start}
        for function in self.all:
            for bar in function.type.bars:
                size = function.bar_size(bar.number)
                self.base[function.index, bar.number] = base = -(-free[bar.space] // size) * size
                free[bar.space] = base + size
                self.configure(function, pci.BAR.offset + 4 * bar.number, base)
            self.configure(function, pci.COMMAND.offset, ENABLES)
        enable = target.description.controller.address + controller.ENABLE.offset
        target.write_memory(enable, controller.ENABLE.INPUTS)

    def configure(self, function: Function, offset: int, value: int) -> None:
        self.target.write_configuration(function.place.configuration_address + offset, value)

    def start_dma(self, function: Function, operation: store.Operation, size: int) -> None:
        """Let a store begin to move data; it does not wait for the end."""
        place = LIST + 64 * function.index
        element = DESCRIPTOR.pack(address=DATA + 0x1_0000 * function.index, length=size, last=1)
        self.target.memory[place : place + DESCRIPTOR.bytes] = element.to_bytes(DESCRIPTOR.bytes, "little")
        registers = self.base[function.index, 0]
        for register, value in (
            (store.LENGTH, size),
            (store.BUFFER_ADDRESS, 0),
            (store.DESCRIPTOR_BASE, place),
            (store.INTERRUPT_MASK_SET, 0x1F),
            (store.COMMAND, operation),
        ):
            self.target.write_memory(registers + register.offset, value)


def _try(at: Functions, address: int) -> None:
    with contextlib.suppress(BusError):
        at.target.read_memory(address)


Step = Callable[[Functions, Function, random.Random], object]


def _read(at: Functions, function: Function, random_: random.Random) -> object:
    return at.target.read_memory(at.base[function.index, 0] + 4 * random_.randrange(16))


def _port(at: Functions, function: Function, random_: random.Random) -> object:
    """Read or write a port; a function without ports answers nothing there."""
    port = at.base.get((function.index, 2), 0xFFF0) + 4 * random_.randrange(4)
    if random_.random() < 0.5:
        return at.target.read_io(port)
    return at.target.write_io(port, random_.getrandbits(32))


def _configuration(at: Functions, function: Function, random_: random.Random) -> object:
    """Behind the header, the vendor-specific capability says whether the checker is built in, which differs."""
    return at.target.read_configuration(function.place.configuration_address + 4 * random_.randrange(16))


def _move(at: Functions, function: Function, random_: random.Random) -> None:
    """Give the first base address register another address, and the old one back, with accesses to both."""
    old, new = at.base[function.index, 0], 0xBFF0_0000 + 0x1000 * function.index
    for base in (new, old):
        at.configure(function, pci.BAR.offset, base)
        for address in (new, old):
            _try(at, address)
        at.target.spend(random_.randrange(30))


def _close(at: Functions, function: Function, random_: random.Random) -> None:
    """Take the memory enable away, and give it back."""
    at.configure(function, pci.COMMAND.offset, pci.COMMAND.IO_ENABLE | pci.COMMAND.BUS_MASTER)
    at.target.spend(random_.randrange(30))
    _try(at, at.base[function.index, 0])
    at.configure(function, pci.COMMAND.offset, ENABLES)


def _work(at: Functions, function: Function, random_: random.Random) -> None:
    registers = at.base[function.index, 0]
    if function.type.name == "store":
        operation = random_.choice((store.Operation.DMA_WRITE, store.Operation.DMA_READ))
        at.start_dma(function, operation, random_.randint(1, 3000))
    else:
        for register in (
            gpio.LOOPBACK,
            gpio.RISING,
            gpio.INTERRUPT_MASK_SET,
            gpio.DIRECTION,
            gpio.PIN_OUTPUT,
        ):
            at.target.write_memory(registers + register.offset, random_.getrandbits(16))


def _signal(at: Functions, function: Function, random_: random.Random) -> None:
    """Let a store send messages, or pulse its pin, or hold it."""
    if function.type.name != "store":
        return
    target = at.target
    doorbell, line = target.description.controller.doorbell, random_.randrange(16)
    at.configure(function, pci.MSI_ADDRESS.offset, doorbell)
    at.configure(function, pci.MSI_DATA.offset, line)
    control = function.place.configuration_address + pci.MSI_CONTROL.offset
    target.write_configuration(control & ~3, random_.choice((0, pci.MSI_CONTROL.ENABLE)) << 16, 0b1100)
    latched = random_.choice((0, store.INTERRUPT_CONTROL.LATCHED))
    target.write_memory(at.base[function.index, 0] + store.INTERRUPT_CONTROL.offset, latched)


def _serve(at: Functions, function: Function, _random: random.Random) -> object:
    cause = store.INTERRUPT_CAUSE if function.type.name == "store" else gpio.INTERRUPT_CAUSE
    place = at.base[function.index, 0] + cause.offset
    found = at.target.read_memory(place)
    at.target.write_memory(place, found)
    return at.target.interrupt_request(), found


def _wait(at: Functions, _function: Function, random_: random.Random) -> object:
    return at.target.wait(random_.choice((3, 20, 100, 5000)))


def _fault(at: Functions, function: Function, random_: random.Random) -> object:
    status = random_.choice([status for status in BusStatus if status is not BusStatus.OK])
    if Capability.FAULT_INJECTION not in at.target.capabilities:
        return None
    at.target.inject_bus_fault(BusFault(at.base[function.index, 0], status, 1))
    return at.target.read_memory(at.base[function.index, 0])


def _absent(at: Functions, _function: Function, random_: random.Random) -> object:
    return at.target.read_memory(random_.choice((0xBFFF_F000, 0xA000_0000)))


STEP_WEIGHTS: dict[Step, int] = {
    _read: 8,
    _port: 4,
    _configuration: 3,
    _move: 1,
    _close: 1,
    _work: 6,
    _signal: 1,
    _serve: 6,
    _wait: 4,
    _fault: 1,
    _absent: 1,
}


def run(
    machine: MachineDescription, seed: int, *, checked: bool
) -> tuple[list[object], list[EventRecord], bytes]:
    """Run a random program; returns all that it has seen, the event records, and the host's memory at the end.

    The program must do what it is for: each access that should end well does, stores work at the same time, and
    functions sleep meanwhile.
    """
    random_ = random.Random(seed)
    target = VerilatedTarget(machine, checked=checked)
    at = Functions(target)
    seen: list[tuple[str, object, int]] = []
    awake: set[int] = set()
    for _ in range(STEPS):
        step = random_.choices(list(STEP_WEIGHTS), list(STEP_WEIGHTS.values()))[0]
        try:
            outcome = step(at, random_.choice(at.all), random_)
        except BusError as error:
            outcome = str(error)
        seen.append((step.__name__, outcome, target.now()))
        awake.add(target.functions_awake())
    target.wait(50_000)
    headers = [function.place.configuration_address for function in at.all]
    commands = [target.read_configuration(header + pci.COMMAND.offset) for header in headers]
    dropped = target.event_records_dropped()
    records = list(target.take_event_records())
    memory = bytes(target.memory[LIST : DATA + 0x10_0000])
    target.close()
    assert {name for name, outcome, _ in seen if isinstance(outcome, str)} <= {"_absent", "_fault", "_port"}
    stores = {function.index for function in at.all if function.type.name == "store"}
    causes = {each.function for each in records if each.bits & EventBits.CAUSE}
    assert len(stores & causes) >= min(4, len(stores))
    assert any(each.bits & EventBits.DMA_DRAINED for each in records)
    assert checked or (min(awake) < len(at.all) and min(awake) <= 1 and max(awake) >= min(3, len(at.all)))
    return [*seen, *commands, dropped], records, memory


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", ["shared", "crowd", "tiny"])
def test_machines_of_parts_do_the_same_on_each_clock_as_the_whole(name: str, seed: int) -> None:
    machine = load_machine(name)
    seen, records, memory = run(machine, seed, checked=False)
    whole, whole_records, whole_memory = run(machine, seed, checked=True)
    assert seen == whole
    assert records == whole_records
    assert memory == whole_memory


@pytest.mark.slow
def test_only_the_function_that_works_is_awake() -> None:
    target = VerilatedTarget(load_machine("crowd"))
    at = Functions(target)
    target.wait(1000)
    assert target.functions_awake() == 0
    stores = target.description.functions_named("store")
    at.start_dma(stores[2], store.Operation.DMA_WRITE, 60_000)
    at.start_dma(stores[4], store.Operation.DMA_WRITE, 60_000)
    target.spend(2000)
    target.read_memory(at.base[stores[0].index, 0])
    target.spend(200)
    target.read_memory(target.description.controller.address)
    assert target.functions_awake() == 2
    target.spend(200_000)
    target.read_memory(target.description.controller.address)
    assert target.functions_awake() == 0
    target.close()


@pytest.mark.slow
def test_a_reset_wakes_every_function() -> None:
    target = VerilatedTarget(load_machine("shared"))
    at = Functions(target)
    target.wait(1000)
    target.reset()
    assert target.functions_awake() == len(at.all)
    assert target.read_configuration(at.all[-1].place.configuration_address + pci.COMMAND.offset) & 7 == 0
    target.close()
