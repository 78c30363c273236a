# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""A machine with several functions: their places, their traffic at once, their lines, and their event records."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dirql.hardware.place import Place
from dirql.hardware.reading import load_machine
from dirql.registers import gpio, interrupt_controller, pci_configuration, store, timestamp
from dirql.target import MemoryDelays
from dirql.target.contract import BusError, EventBits
from dirql.target.simulation.verilated import VerilatedTarget
from fakes.default_machine import MEMORY
from hdl.machine_bench import Bench, Register

MACHINE = load_machine(Path(__file__).parent / "machines" / "several.toml")
STORES = MACHINE.functions_named("store")
(GPIO,) = MACHINE.functions_named("gpio")
GPIO_REGISTERS = MEMORY + 0x2000_0000
RAISED = store.INTERRUPT_CAUSE.RAISED
INPUT_A, INPUT_B = 4, 6


@pytest.fixture
def target() -> Iterator[VerilatedTarget]:
    opened = VerilatedTarget(MACHINE, checked=True)
    yield opened
    opened.close()


@pytest.fixture
def stores(target: VerilatedTarget) -> list[Bench]:
    """The three stores, placed and enabled."""
    benches = [Bench(target, each.place.configuration_address, n) for n, each in enumerate(STORES)]
    for bench in benches:
        bench.enumerate()
    return benches


def read_timestamp(target: VerilatedTarget, register: Register) -> int:
    return target.read_memory(MACHINE.timestamp_unit.address + register.offset)


class Gpio:
    """The gpio function, placed and enabled."""

    def __init__(self, target: VerilatedTarget) -> None:
        self.target = target
        configuration = GPIO.place.configuration_address
        target.write_configuration(configuration | pci_configuration.BAR.offset, GPIO_REGISTERS)
        target.write_configuration(
            configuration | pci_configuration.COMMAND.offset,
            pci_configuration.COMMAND.pack(memory_enable=1),
            0b11,
        )

    def read(self, register: Register) -> int:
        return self.target.read_memory(GPIO_REGISTERS + register.offset)

    def write(self, register: Register, value: int) -> None:
        self.target.write_memory(GPIO_REGISTERS + register.offset, value)


def test_every_function_answers_at_its_place_and_nothing_elsewhere(target: VerilatedTarget) -> None:
    found = {}
    for device in range(32):
        for number in range(8):
            place = Place(0, device, number)
            try:
                found[place] = target.read_configuration(place.configuration_address)
            except BusError:
                continue
    del found[MACHINE.host_bridge]
    assert found == {
        function.place: function.type.identity.device << 16 | function.type.identity.vendor
        for function in MACHINE.functions
    }


def test_headers_say_whether_a_device_has_more_functions_and_which_pin_each_uses(
    target: VerilatedTarget,
) -> None:
    def read(place: int, register: Register) -> int:
        return target.read_configuration(place | register.offset & ~3) >> 8 * (register.offset & 3) & 0xFF

    places = [function.place.configuration_address for function in MACHINE.functions]
    assert [read(place, pci_configuration.HEADER_TYPE) for place in places] == [0x80, 0x80, 0x80, 0]
    assert [read(place, pci_configuration.INTERRUPT_PIN) for place in places] == [1, 2, 3, 1]
    assert [read(place, pci_configuration.CAPABILITIES_POINTER) for place in places] == [
        0x40,
        0x40,
        0x58,
        0x40,
    ]


@pytest.mark.slow
def test_all_masters_move_data_at_once(target: VerilatedTarget, stores: list[Bench]) -> None:
    length = 4096
    for n in range(len(stores)):
        base = 0x20_0000 + 0x10_0000 * n
        target.memory[base : base + length] = bytes((7 * i + 13 * n + i // 256) & 0xFF for i in range(length))
    for operation, offset in ((store.Operation.DMA_WRITE, 0), (store.Operation.DMA_READ, 0x8_0000)):
        for n, bench in enumerate(stores):
            base = 0x20_0000 + 0x10_0000 * n + offset
            bench.place_list([(base, 1000), (base + 1000, length - 1000)])
            bench.start(operation, 0, length)
        busy = [bench.read(store.STATUS) & store.STATUS.BUSY for bench in stores]
        assert all(busy)
        ends = [bench.finish() for bench in stores]
        assert [(end.error, end.transferred) for end in ends] == [(0, length)] * 3
    for n in range(3):
        base = 0x20_0000 + 0x10_0000 * n
        assert (
            target.memory[base : base + length] == target.memory[base + 0x8_0000 : base + 0x8_0000 + length]
        )


def test_a_shared_level_line_is_on_until_its_last_function_is_served(stores: list[Bench]) -> None:
    first, second, _ = stores
    for bench in (first, second):
        bench.enable_interrupts(RAISED)
        bench.raise_interrupt()
    assert first.fetch() == MACHINE.controller.vector(INPUT_A)
    first.write(store.INTERRUPT_CAUSE, RAISED)
    first.end(INPUT_A)
    assert second.fetch() == MACHINE.controller.vector(INPUT_A)
    second.write(store.INTERRUPT_CAUSE, RAISED)
    second.end(INPUT_A)
    assert second.read_controller(interrupt_controller.PENDING) == 0


def test_each_function_has_its_own_line_and_messages(target: VerilatedTarget, stores: list[Bench]) -> None:
    pins = Gpio(target)
    stores[0].write_controller(interrupt_controller.ENABLE, 0xFFFF)
    stores[0].write_controller(interrupt_controller.MODE, 1 << 3 | 1 << 9)
    for bench, number in ((stores[0], 3), (stores[2], 9)):
        bench.write_header(pci_configuration.MSI_ADDRESS, MACHINE.controller.doorbell, 4)
        bench.write_header(pci_configuration.MSI_DATA, number, 2)
        bench.write_header(pci_configuration.MSI_CONTROL, 1, 2)
        bench.write(store.INTERRUPT_MASK_SET, RAISED)
        bench.raise_interrupt()
    pins.write(gpio.RISING, 1 << 5)
    pins.write(gpio.INTERRUPT_MASK_SET, 1 << 5)
    pins.write(gpio.LOOPBACK, 1 << 5)
    pins.write(gpio.PIN_OUTPUT, 1 << 5)
    target.wait(20)
    served = []
    for number in (9, INPUT_B, 3):
        served.append(target.interrupt_acknowledge())
        if number == INPUT_B:
            assert pins.read(gpio.INTERRUPT_CAUSE) == 1 << 5
            pins.write(gpio.INTERRUPT_CAUSE, 1 << 5)
        stores[0].end(number)
    assert served == [MACHINE.controller.vector(number) for number in (9, INPUT_B, 3)]


def raise_with_delays(benches: list[Bench], delays: list[int]) -> None:
    """Let stores raise their causes, each this many clocks after its command."""
    for bench, delay in zip(benches, delays, strict=True):
        bench.write(store.DELAY, delay)
    for bench in benches:
        bench.write(store.COMMAND, store.Operation.RAISE)


def clear_causes(benches: list[Bench]) -> None:
    for bench in benches:
        bench.write(store.INTERRUPT_CAUSE, RAISED)
    benches[0].events()


def delays_to_one_clock(benches: list[Bench], delay: int) -> list[int]:
    """The delays with which stores raise their causes on one clock. Enables the causes."""
    for bench in benches:
        bench.write(store.INTERRUPT_MASK_SET, RAISED)
    benches[0].events()
    raise_with_delays(benches, [delay] * len(benches))
    benches[0].target.spend(2 * delay)
    clocks = [event.clock for event in benches[0].events() if event.bits & EventBits.CAUSE]
    clear_causes(benches)
    return [delay - (clock - clocks[0]) for clock in clocks]


def test_causes_of_two_functions_on_one_clock_make_two_records(stores: list[Bench]) -> None:
    _, second, third = stores
    delays = delays_to_one_clock([second, third], 100)
    raise_with_delays([second, third], delays)
    second.target.spend(200)
    events = [event for event in second.events() if event.bits & EventBits.CAUSE]
    assert events[0].clock == events[1].clock
    assert [(event.function, event.causes) for event in events] == [(1, RAISED), (3, RAISED)]
    assert {EventBits(event.bits) for event in events} == {EventBits.CAUSE}


def test_events_that_find_no_place_are_counted_and_later_ones_are_right(
    target: VerilatedTarget, stores: list[Bench]
) -> None:
    """A mark on each clock takes a record on each clock, so that the records of three functions at once pile up."""
    delays = delays_to_one_clock(stores, 100)
    assert target.event_records_dropped() == 0
    marks = list(range(1, 201))
    raise_with_delays(stores, delays)
    for number in marks:
        target.mark(number)
    events = stores[0].events()
    dropped = target.event_records_dropped()
    assert all(bool(event.mark) == bool(event.bits & EventBits.MARK) for event in events)
    seen = {event.mark: event.clock for event in events if event.bits & EventBits.MARK}
    assert dropped > 0
    assert len(seen) == len(marks) - dropped
    assert read_timestamp(target, timestamp.EVENT_DROPS) == dropped
    assert [event.clock for event in events] == sorted(event.clock for event in events)
    assert {clock - number for number, clock in seen.items()} == {seen[1] - 1}
    for bit in (EventBits.CAUSE, EventBits.ASSERT):
        assert [event.function for event in events if event.bits & bit] == [0, 1, 3]

    clear_causes(stores)
    for number in marks:
        target.mark(number)
    again = [event for event in stores[0].events() if event.bits & EventBits.MARK]
    assert [event.mark for event in again] == marks
    assert [event.clock - again[0].clock for event in again] == list(range(len(marks)))
    assert target.event_records_dropped() == dropped


def test_a_cause_on_the_clock_of_a_clear_makes_a_record_of_its_own(stores: list[Bench]) -> None:
    (bench, *_) = stores
    bench.write(store.INTERRUPT_MASK_SET, RAISED)
    met = 0
    for delay in range(24):
        bench.raise_interrupt()
        bench.events()
        bench.raise_interrupt(delay)
        bench.write(store.INTERRUPT_CAUSE, RAISED)
        bench.target.spend(delay)
        events = bench.events()
        both = EventBits.CAUSE | EventBits.CLEAR
        assert all(event.bits & both != both for event in events)
        clear = next(event for event in events if event.bits & EventBits.CLEAR)
        cause = next(event for event in events if event.bits & EventBits.CAUSE)
        assert (clear.causes, cause.causes) == (RAISED, RAISED)
        assert [event.clock for event in events] == sorted(event.clock for event in events)
        if clear.clock == cause.clock:
            met += 1
            assert events.index(clear) < events.index(cause)
            assert bench.read(store.INTERRUPT_CAUSE) == RAISED
        bench.write(store.INTERRUPT_CAUSE, RAISED)
    assert met == 1


def test_data_that_reached_memory_belong_to_the_function_that_wrote_them(stores: list[Bench]) -> None:
    for index, bench in zip((0, 1, 3), stores, strict=True):
        bench.place_list([(0x20_0000, 256)])
        bench.events()
        bench.start(store.Operation.DMA_READ, 0, 256)
        bench.finish()
        drained = [event for event in bench.events() if event.bits & EventBits.DMA_DRAINED]
        assert {event.function for event in drained} == {index}


def test_a_vector_is_in_the_record_of_its_fetch_only(stores: list[Bench]) -> None:
    """A fetch that finds nothing is placed on the clock on which two functions raise a cause."""
    _, second, third = stores
    delays = delays_to_one_clock([second, third], 100)
    met = 0
    for spent in range(60, 110):
        raise_with_delays([second, third], delays)
        second.target.spend(spent)
        second.fetch()
        second.target.spend(100)
        events = second.events()
        fetch = EventBits.VECTOR_FETCH
        assert [event.vector != 0 for event in events] == [bool(event.bits & fetch) for event in events]
        met += any(event.bits & fetch and event.bits & EventBits.CAUSE for event in events)
        clear_causes([second, third])
    assert met == 1


def test_a_message_of_another_function_does_not_take_over_data_on_their_way() -> None:
    target = VerilatedTarget(MACHINE, checked=True, memory_delays=MemoryDelays(3, 200))
    writer, sender, _ = (Bench(target, each.place.configuration_address, n) for n, each in enumerate(STORES))
    for bench in (writer, sender):
        bench.enumerate()
    sender.write_header(pci_configuration.MSI_ADDRESS, MACHINE.controller.doorbell, 4)
    sender.write_header(pci_configuration.MSI_CONTROL, 1, 2)
    sender.write(store.INTERRUPT_MASK_SET, RAISED)
    writer.place_list([(0x20_0000, 64)])
    for delay in range(0, 120, 4):
        writer.start(store.Operation.DMA_READ, 0, 64)
        sender.raise_interrupt(delay)
        writer.finish()
        target.spend(400)
        sender.write(store.INTERRUPT_CAUSE, RAISED)
    drained = {event.function for event in writer.events() if event.bits & EventBits.DMA_DRAINED}
    target.close()
    assert drained == {0}


def test_gpio_registers_answer_at_their_own_addresses_only(target: VerilatedTarget) -> None:
    pins = Gpio(target)
    pins.write(gpio.RISING, 0x1234)
    for offset in (0x40, 0x80, 0x100, 0x800):
        target.write_memory(GPIO_REGISTERS + offset + gpio.RISING.offset, 0xFFFF)
        assert target.read_memory(GPIO_REGISTERS + offset + gpio.RISING.offset) == 0
    assert pins.read(gpio.RISING) == 0x1234


def test_an_output_reads_back_and_levels_hold_their_causes(target: VerilatedTarget) -> None:
    high, low, output = 1 << 3, 1 << 4, 1 << 5
    pins = Gpio(target)
    pins.write(gpio.LOOPBACK, high)
    pins.write(gpio.DIRECTION, output)
    pins.write(gpio.PIN_OUTPUT, high | output)
    target.spend(20)
    assert pins.read(gpio.PIN_INPUT) == high | output
    # The levels are older than the conditions.
    pins.write(gpio.LEVEL, high | low)
    pins.write(gpio.RISING, high)
    pins.write(gpio.FALLING, low)
    for _ in range(2):
        assert pins.read(gpio.INTERRUPT_CAUSE) == high | low
        pins.write(gpio.INTERRUPT_CAUSE, high | low)
    pins.write(gpio.PIN_OUTPUT, 0)
    target.spend(20)
    assert pins.read(gpio.INTERRUPT_CAUSE) == low
