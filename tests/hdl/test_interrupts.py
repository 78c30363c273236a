# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The interrupt controller, and the function's ways to reach it: level, pulse, message."""

from __future__ import annotations

import pytest

from dirql.hardware.reading import load_machine
from dirql.registers import interrupt_controller as controller, pci_configuration as pci, store
from dirql.registers.protocol import Vector
from dirql.target.contract import EventBits, EventRecord
from dirql.target.simulation.verilated import VerilatedTarget
from fakes.default_machine import DOORBELL, vector_of
from hdl.machine_bench import CONTROLLER, INPUT, VECTOR, Bench

RAISED = store.INTERRUPT_CAUSE.RAISED
SPURIOUS = Vector.SPURIOUS


def clear(bench: Bench) -> None:
    bench.write(store.INTERRUPT_CAUSE, RAISED)


def enable_all(bench: Bench) -> None:
    bench.write_controller(controller.ENABLE, 0xFFFF)


def bits(events: list[EventRecord]) -> list[int]:
    return [event.bits for event in events]


def test_a_level_interrupt_from_cause_to_end(bench: Bench) -> None:
    bench.enable_interrupts(RAISED)
    assert bench.target.interrupt_request() is None
    bench.raise_interrupt()
    bench.target.wait(100)
    assert bench.target.interrupt_request() == INPUT
    assert bench.fetch() == VECTOR
    assert bench.target.interrupt_request() is None
    assert bench.read_controller(controller.IN_SERVICE) == 1 << INPUT
    clear(bench)
    bench.end()
    assert bench.target.interrupt_request() is None
    assert bench.read_controller(controller.IN_SERVICE) == 0
    assert bench.fetch() == SPURIOUS


def test_claim_is_the_same_as_interrupt_acknowledge(bench: Bench) -> None:
    bench.enable_interrupts(RAISED)
    bench.raise_interrupt()
    bench.target.wait(100)
    assert bench.read_controller(controller.CLAIM) == VECTOR
    assert bench.read_controller(controller.IN_SERVICE) == 1 << INPUT
    assert bench.read_controller(controller.CLAIM) == SPURIOUS
    assert bench.read_controller(controller.SPURIOUS) == 1


def test_no_enabled_byte_claims_nothing(bench: Bench) -> None:
    bench.enable_interrupts(RAISED)
    bench.raise_interrupt()
    bench.target.wait(100)
    bench.target.read_memory(CONTROLLER + controller.CLAIM.offset, 0)
    assert bench.read_controller(controller.IN_SERVICE) == 0


def test_I01_the_line_holds_until_the_cause_is_cleared(bench: Bench) -> None:
    bench.enable_interrupts(RAISED)
    bench.raise_interrupt()
    bench.target.spend(500)
    bench.write(store.COMMAND, store.Operation.RAISE)
    bench.target.spend(500)
    clear(bench)
    line = [e for e in bench.events() if e.bits & (EventBits.ASSERT | EventBits.DEASSERT)]
    assert bits(line) == [EventBits.ASSERT, EventBits.DEASSERT]
    assert line[1].clock - line[0].clock > 1000


def test_I03_a_held_line_requests_once_in_latched_mode(bench: Bench) -> None:
    bench.enable_interrupts(RAISED)
    bench.write_controller(controller.MODE, 1 << INPUT)
    bench.raise_interrupt()
    bench.target.wait(100)
    assert bench.fetch() == VECTOR
    bench.end()
    bench.target.spend(100)
    assert bench.fetch() == SPURIOUS
    clear(bench)
    bench.raise_interrupt()
    bench.target.wait(100)
    assert bench.fetch() == VECTOR


def test_I04_edges_while_pending_count_as_lost(bench: Bench) -> None:
    bench.enable_interrupts(RAISED, latched=True)
    for _ in range(3):
        bench.raise_interrupt()
        bench.target.spend(50)
        clear(bench)
    assert bench.read_controller(controller.LOST, INPUT) == 2
    assert bench.fetch() == VECTOR
    bench.end()
    assert bench.fetch() == SPURIOUS
    bench.target.write_memory(CONTROLLER + controller.LOST.offset + 4 * INPUT, 0)
    assert bench.read_controller(controller.LOST, INPUT) == 0


def test_I05_a_request_that_went_away_is_spurious(bench: Bench) -> None:
    bench.enable_interrupts(RAISED)
    bench.raise_interrupt()
    bench.target.wait(100)
    assert bench.target.interrupt_request() == INPUT
    clear(bench)
    assert bench.fetch() == SPURIOUS
    assert bench.read_controller(controller.IN_SERVICE) == 0
    assert bench.read_controller(controller.SPURIOUS) == 1
    bench.write_controller(controller.SPURIOUS, 0)
    assert bench.read_controller(controller.SPURIOUS) == 0
    assert any(e.bits & EventBits.SPURIOUS_FETCH and e.vector == SPURIOUS for e in bench.events())


def test_I06_nesting_follows_priority(bench: Bench) -> None:
    enable_all(bench)
    bench.write_controller(controller.SOFTWARE_SET, 1 << 7)
    assert bench.fetch() == vector_of(7)
    bench.write_controller(controller.SOFTWARE_SET, 1 << 7 | 1 << 3)
    assert bench.target.interrupt_request() is None
    bench.write_controller(controller.SOFTWARE_SET, 1 << 12)
    assert bench.target.interrupt_request() == 12
    assert bench.fetch() == vector_of(12)
    bench.end(12)
    assert bench.target.interrupt_request() is None
    bench.end(7)
    assert bench.fetch() == vector_of(7)
    bench.end(7)
    assert bench.fetch() == vector_of(3)
    bench.end(3)
    assert bench.fetch() == SPURIOUS


def test_every_input_has_its_vector(bench: Bench) -> None:
    enable_all(bench)
    bench.write_controller(controller.SOFTWARE_SET, 0xFFFF)
    for number in reversed(range(16)):
        assert bench.target.interrupt_request() == number
        assert bench.fetch() == vector_of(number)
        bench.end(number)


def test_threshold_holds_back_its_input_and_lower_ones(bench: Bench) -> None:
    enable_all(bench)
    bench.write_controller(controller.SOFTWARE_SET, 1 << 5 | 1 << 6)
    bench.write_controller(controller.THRESHOLD, controller.THRESHOLD.pack(input_number=6, enable=1))
    assert bench.target.interrupt_request() is None
    assert bench.fetch() == SPURIOUS
    bench.write_controller(controller.THRESHOLD, controller.THRESHOLD.pack(input_number=5, enable=1))
    assert bench.fetch() == vector_of(6)
    bench.end(6)
    bench.write_controller(controller.THRESHOLD, 0)
    assert bench.fetch() == vector_of(5)


def test_I07_a_level_line_still_on_is_presented_again(bench: Bench) -> None:
    bench.enable_interrupts(RAISED)
    bench.raise_interrupt()
    bench.target.wait(100)
    for _ in range(3):
        assert bench.fetch() == VECTOR
        assert bench.target.interrupt_request() is None
        bench.end()
        assert bench.target.interrupt_request() == INPUT


def test_I08_masking_does_not_lose_an_edge(bench: Bench) -> None:
    bench.enable_interrupts(RAISED, latched=True)
    bench.write_controller(controller.ENABLE, 0)
    bench.raise_interrupt()
    bench.target.spend(100)
    assert bench.read_controller(controller.PENDING) == 1 << INPUT
    assert bench.read_controller(controller.RAW) == 0
    assert bench.fetch() == SPURIOUS
    bench.write_controller(controller.ENABLE, 1 << INPUT)
    assert bench.fetch() == VECTOR


def test_set_wins_over_acknowledge_at_any_clock(bench: Bench) -> None:
    """A pulse placed at each clock around the fetch is either lost and counted, or presented again."""
    bench.enable_interrupts(RAISED, latched=True)
    distances: set[int] = set()
    for spent in range(30):
        bench.raise_interrupt()
        bench.target.wait(100)
        lost = bench.read_controller(controller.LOST, INPUT)
        bench.events()
        bench.raise_interrupt(delay=4)
        bench.target.spend(spent)
        assert bench.fetch() == VECTOR
        bench.end()
        bench.target.spend(60)
        events = bench.events()
        rise, fetch = (
            next(event.clock for event in events if event.bits & bit)
            for bit in (EventBits.ASSERT, EventBits.VECTOR_FETCH)
        )
        distances.add(rise - fetch)
        again = bench.fetch()
        if again == VECTOR:
            bench.end()
        assert (again == VECTOR) != (bench.read_controller(controller.LOST, INPUT) == lost + 1)
        clear(bench)
    # The edge is seen on the clock after the rise, so that -1 is the clock of the acknowledge.
    assert distances >= {-3, -2, -1, 0, 1}


def test_routing_moves_the_line(bench: Bench) -> None:
    bench.enable_interrupts(RAISED)
    enable_all(bench)
    bench.write_controller(controller.ROUTE, controller.ROUTE.pack(inta=13))
    bench.raise_interrupt()
    bench.target.wait(100)
    assert bench.fetch() == vector_of(13)


def test_pulses_have_their_width_and_come_for_each_cause(bench: Bench) -> None:
    bench.enable_interrupts(RAISED, latched=True)
    bench.write(store.INTERRUPT_CONTROL, store.INTERRUPT_CONTROL.pack(latched=1, pulse_clocks=4))
    for _ in range(2):
        bench.raise_interrupt()
        bench.target.spend(50)
    edges = [e for e in bench.events() if e.bits & (EventBits.ASSERT | EventBits.DEASSERT)]
    assert bits(edges) == [EventBits.CAUSE | EventBits.ASSERT, EventBits.DEASSERT] * 2
    assert edges[1].clock - edges[0].clock == 5


def test_interrupt_disable_keeps_the_line_off_but_shows_status(bench: Bench) -> None:
    bench.enable_interrupts(RAISED)
    bench.write_header(pci.COMMAND, 0x0407, 2)
    bench.raise_interrupt()
    bench.target.spend(50)
    assert bench.read_controller(controller.RAW) == 0
    assert bench.read_header(pci.STATUS) & pci.STATUS.INTERRUPT_STATUS
    bench.write_header(pci.COMMAND, 0x0007, 2)
    assert bench.target.wait(100) is not None
    assert bench.fetch() == VECTOR


@pytest.mark.parametrize("cleared", [False, True])
def test_a_pulse_that_is_due_under_interrupt_disable_comes_later(bench: Bench, cleared: bool) -> None:
    bench.enable_interrupts(RAISED, latched=True)
    bench.write_header(pci.COMMAND, 0x0407, 2)
    bench.raise_interrupt()
    bench.target.spend(50)
    assert bench.read_controller(controller.PENDING) == 0
    if cleared:
        clear(bench)
    bench.write_header(pci.COMMAND, 0x0007, 2)
    bench.target.spend(20)
    assert bench.read_controller(controller.PENDING) == (0 if cleared else 1 << INPUT)
    if not cleared:
        assert bench.fetch() == VECTOR
        bench.end()
    # It comes once.
    bench.write_header(pci.COMMAND, 0x0407, 2)
    bench.write_header(pci.COMMAND, 0x0007, 2)
    bench.target.spend(20)
    assert bench.fetch() == SPURIOUS


def test_a_pulse_that_was_due_under_interrupt_disable_is_whole_and_comes_once(bench: Bench) -> None:
    """Whenever the pin is let out, its pulse has all of its clocks."""
    bench.enable_interrupts(RAISED, latched=True)
    bench.write(store.INTERRUPT_CONTROL, store.INTERRUPT_CONTROL.pack(latched=1, pulse_clocks=20))
    for clocks in range(30, 80):
        bench.write_header(pci.COMMAND, 0x0407, 2)
        bench.raise_interrupt()
        bench.target.spend(clocks)
        bench.events()
        bench.write_header(pci.COMMAND, 0x0007, 2)
        bench.target.spend(100)
        seen = bench.events()
        on = [event.clock for event in seen if event.bits & EventBits.ASSERT]
        off = [event.clock for event in seen if event.bits & EventBits.DEASSERT]
        assert [end - start for start, end in zip(on, off, strict=True)] == [21]
        clear(bench)
        assert bench.fetch() == VECTOR
        bench.end()


def enable_messages(bench: Bench, number: int, *, upper: int = 0) -> None:
    bench.write_header(pci.MSI_ADDRESS, DOORBELL, 4)
    bench.write_header(pci.MSI_UPPER_ADDRESS, upper, 4)
    bench.write_header(pci.MSI_DATA, number, 2)
    bench.write_header(pci.MSI_CONTROL, pci.MSI_CONTROL.ENABLE, 2)


def test_C13_C14_messages_replace_the_line(bench: Bench) -> None:
    bench.enable_interrupts(RAISED)
    enable_all(bench)
    enable_messages(bench, 11)
    for _ in range(2):
        bench.raise_interrupt()
        bench.target.wait(200)
        assert bench.target.interrupt_request() == 11
        assert bench.read_controller(controller.RAW) == 0
        assert bench.fetch() == vector_of(11)
        clear(bench)
        bench.end(11)
    assert bench.fetch() == SPURIOUS
    seen = [e.bits for e in bench.events()]
    assert sum(1 for b in seen if b & EventBits.ASSERT) == 2
    assert not any(b & EventBits.DEASSERT for b in seen)


@pytest.mark.parametrize("cleared", [False, True])
def test_a_message_that_is_due_while_bus_master_is_off_is_sent_later(bench: Bench, cleared: bool) -> None:
    number = 11
    bench.enable_interrupts(RAISED)
    enable_all(bench)
    enable_messages(bench, number)
    bench.write_header(pci.COMMAND, 3, 2)
    bench.raise_interrupt()
    bench.target.spend(100)
    assert bench.read_controller(controller.PENDING) == 0
    if cleared:
        clear(bench)
    bench.write_header(pci.COMMAND, 7, 2)
    bench.target.spend(50)
    assert bench.read(store.ERROR) == 0
    assert bench.read_controller(controller.PENDING) == (0 if cleared else 1 << number)
    if not cleared:
        assert bench.fetch() == vector_of(number)
        bench.end(number)
    bench.write_header(pci.COMMAND, 3, 2)
    bench.write_header(pci.COMMAND, 7, 2)
    bench.target.spend(50)
    assert bench.fetch() == SPURIOUS


def test_a_message_is_sent_once_whenever_bus_master_goes_off(bench: Bench) -> None:
    bench.enable_interrupts(RAISED)
    enable_all(bench)
    enable_messages(bench, 11)
    for delay in range(24):
        bench.raise_interrupt(delay)
        bench.write_header(pci.COMMAND, 3, 2)
        bench.target.spend(40)
        bench.write_header(pci.COMMAND, 7, 2)
        bench.target.spend(40)
        assert bench.fetch() == vector_of(11)
        assert bench.fetch() == SPURIOUS
        bench.end(11)
        assert bench.read(store.ERROR) == 0
        clear(bench)
    assert bench.read_controller(controller.LOST, 11) == 0


@pytest.mark.parametrize("cleared", [False, True])
def test_C19_a_message_that_is_masked_waits_and_is_pending(bench: Bench, cleared: bool) -> None:
    number = 11
    bench.enable_interrupts(RAISED)
    enable_all(bench)
    enable_messages(bench, number)
    assert bench.read_header(pci.MSI_CONTROL) & pci.MSI_CONTROL.MASKABLE
    bench.write_header(pci.MSI_MASK, 0xFFFF_FFFF, 4)
    assert bench.read_header(pci.MSI_MASK) == pci.MSI_MASK.MASKED
    assert bench.read_header(pci.MSI_PENDING) == 0
    for _ in range(2):
        bench.raise_interrupt()
        bench.target.spend(100)
    assert bench.read_controller(controller.PENDING) == 0
    bench.write_header(pci.MSI_PENDING, 0, 4)
    assert bench.read_header(pci.MSI_PENDING) == pci.MSI_PENDING.WAITS
    if cleared:
        clear(bench)
        assert bench.read_header(pci.MSI_PENDING) == 0
    bench.write_header(pci.MSI_MASK, 0, 4)
    bench.target.spend(50)
    assert bench.read_header(pci.MSI_PENDING) == 0
    assert bench.read_controller(controller.PENDING) == (0 if cleared else 1 << number)
    assert bench.fetch() == (SPURIOUS if cleared else vector_of(number))
    if not cleared:
        bench.end(number)
        assert bench.fetch() == SPURIOUS


def test_C19_a_mask_keeps_only_messages_back(bench: Bench) -> None:
    """The mask has no say over the pin, and what waits goes away when messages are turned off."""
    bench.enable_interrupts(RAISED)
    enable_messages(bench, 11)
    bench.write_header(pci.MSI_MASK, pci.MSI_MASK.MASKED, 4)
    bench.raise_interrupt()
    bench.target.spend(50)
    assert bench.read_header(pci.MSI_PENDING) == pci.MSI_PENDING.WAITS
    bench.write_header(pci.MSI_CONTROL, 0, 2)
    bench.target.spend(50)
    assert bench.read_header(pci.MSI_PENDING) == 0
    assert bench.fetch() == VECTOR
    bench.end()


def test_a_message_to_nowhere_is_flagged(bench: Bench) -> None:
    bench.enable_interrupts(RAISED)
    enable_messages(bench, 11, upper=1)
    bench.raise_interrupt()
    bench.target.spend(100)
    assert bench.read(store.ERROR) == store.ERROR.MESSAGE_ADDRESS
    assert bench.read_controller(controller.PENDING) == 0


def test_enabling_a_cause_that_is_on_counts_as_its_setting(bench: Bench) -> None:
    bench.enable_interrupts(0, latched=True)
    bench.raise_interrupt()
    bench.target.spend(100)
    assert bench.fetch() == SPURIOUS
    bench.write(store.INTERRUPT_MASK_SET, RAISED)
    assert bench.fetch() == VECTOR


@pytest.mark.parametrize("clocks", [1, 200, 5000])
def test_the_host_can_be_kept_from_seeing_an_interrupt(bench: Bench, clocks: int) -> None:
    bench.enable_interrupts(RAISED)
    bench.target.hold_interrupt(clocks)
    before = bench.target.now()
    bench.raise_interrupt()
    bench.target.wait(10_000)
    assert bench.target.interrupt_request() == INPUT
    assert bench.target.now() - before >= min(clocks, 10)
    assert bench.target.now() - before >= clocks - 10


def test_an_end_of_interrupt_needs_its_byte(bench: Bench) -> None:
    bench.enable_interrupts(RAISED)
    bench.raise_interrupt()
    bench.target.wait(100)
    assert bench.fetch() == VECTOR
    bench.target.write_memory(CONTROLLER + controller.EOI.offset, INPUT, 0xE)
    assert bench.read_controller(controller.IN_SERVICE) == 1 << INPUT
    bench.end()
    assert bench.read_controller(controller.IN_SERVICE) == 0


def test_I02_a_shared_line_is_on_while_any_of_its_functions_is() -> None:
    machine = load_machine("shared")
    target = VerilatedTarget(machine, checked=True)
    benches = [
        Bench(target, function.place.configuration_address, number)
        for number, function in enumerate(machine.functions[:2])
    ]
    for each in benches:
        each.enumerate()
        each.enable_interrupts(RAISED)
    first, second = benches
    for raised in (benches, benches[::-1]):
        for each in raised:
            each.raise_interrupt()
        for each in (first, second):
            target.spend(20)
            assert first.read_controller(controller.RAW) == 1 << INPUT
            clear(each)
        target.spend(20)
        assert first.read_controller(controller.RAW) == 0
    target.close()


def test_I04_messages_for_one_input_are_merged_and_counted(bench: Bench) -> None:
    """A bit keeps one message: a driver must look at its device, and not count interrupts."""
    bench.enable_interrupts(RAISED)
    enable_all(bench)
    enable_messages(bench, 11)
    for _ in range(3):
        bench.raise_interrupt()
        bench.target.spend(60)
        clear(bench)
    assert bench.read_controller(controller.LOST, 11) == 2
    assert bench.fetch() == vector_of(11)
    bench.end(11)
    assert bench.fetch() == SPURIOUS
