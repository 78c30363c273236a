# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The pair of 8259A chips: random streams of commands against a naive model, and each rule of its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from dirql.registers import pic
from hdl.pic_bench import SETTLED, PicBench
from hdl.pic_model import Pair

MASTER, SLAVE = 0, 1
COMMAND, DATA = 0, 1
BASES = (0x30, 0x48)
SPURIOUS_7, SPURIOUS_15 = BASES[MASTER] + 7, BASES[SLAVE] + 7
Step = tuple[Any, ...]


@pytest.fixture(scope="module", params=[True, False], ids=["gated", "sticky"])
def pair(request: pytest.FixtureRequest) -> Iterator[tuple[PicBench, bool]]:
    """The compiled pair, and whether its edges are gated."""
    made = PicBench(gated=request.param)
    yield made, request.param
    made.close()


@pytest.fixture
def bench(pair: tuple[PicBench, bool]) -> PicBench:
    """The pair, set up as a PC does, all inputs unmasked."""
    pair[0].reset()
    set_up(pair[0])
    return pair[0]


@pytest.fixture
def gated(pair: tuple[PicBench, bool]) -> bool:
    return pair[1]


def set_up(bench: PicBench | Pair, *, master_mode: int = 1, slave_mode: int = 1, icw1: int = 0x11) -> None:
    for chip, cascade, mode in ((MASTER, 4, master_mode), (SLAVE, 2, slave_mode)):
        bench.write(chip, COMMAND, icw1)
        for word in (BASES[chip], cascade, mode):
            bench.write(chip, DATA, word)


def vector(number: int) -> int:
    return BASES[number // 8] + number % 8


def operate(bench: PicBench, chip: int, operation: pic.End, number: int = 0) -> None:
    bench.write(chip, COMMAND, pic.OCW2.pack(operation=operation, input_number=number))


def end(bench: PicBench, number: int) -> None:
    """A specific end of interrupt, with that of the cascade."""
    operate(bench, number // 8, pic.End.END_INPUT, number % 8)
    if number >= 8:
        operate(bench, MASTER, pic.End.END_INPUT, 2)


def pulse(bench: PicBench, number: int) -> None:
    bench.set_lines(1 << number)
    bench.set_lines(0)


# Random streams.

chips = st.sampled_from((MASTER, SLAVE))
lines = st.integers(0, 15).map(lambda number: 1 << number) | st.integers(0, 0xFFFF)
operations = st.builds(
    lambda operation, number: operation << 5 | number, st.integers(0, 7), st.integers(0, 7)
)
modes = st.builds(lambda bits: 8 | bits, st.sampled_from((0, 2, 3, 4, 6, 7, 0x40, 0x60, 0x62, 0x44)))
steps = st.one_of(
    st.tuples(st.just("lines"), lines),
    st.tuples(st.just("lines"), lines),
    st.tuples(st.just("message"), st.integers(0, 15)),
    st.tuples(st.just("write"), chips, st.just(COMMAND), operations),
    st.tuples(st.just("write"), chips, st.just(COMMAND), modes),
    st.tuples(st.just("write"), chips, st.just(DATA), st.integers(0, 0xFF) | st.just(0)),
    st.tuples(st.just("levels"), chips, st.integers(0, 0xFF)),
    st.tuples(st.just("read"), chips, st.sampled_from((COMMAND, DATA)), st.none() | lines),
    st.tuples(st.just("fetch"), st.none() | lines),
    st.tuples(st.just("fetch"), st.none()),
)
beginnings = st.tuples(
    st.sampled_from((1, 1, 3, 0x11, 0x13)),
    st.sampled_from((1, 1, 3)),
    st.sampled_from((0x11, 0x11, 0x19)),
)
anew = st.lists(
    st.tuples(st.just("write"), chips, st.just(COMMAND), st.integers(0x10, 0x1F))
    | st.tuples(st.just("write"), chips, st.just(DATA), st.sampled_from((0, 2, 3, 4, 0x10, 0x48))),
    max_size=4,
)


def perform(bench: PicBench, model: Pair, step: Step) -> None:
    """Take a step on both; what it returns must be the same."""
    kind, *arguments = step
    if kind == "lines":
        bench.set_lines(arguments[0])
        model.set_lines(arguments[0])
    elif kind == "message":
        bench.message(arguments[0])
        model.message(arguments[0])
    elif kind == "levels":
        bench.write_levels(*arguments)
        model.write_levels(*arguments)
    elif kind == "write":
        bench.write(*arguments)
        model.write(*arguments)
    elif kind == "read":
        chip, port, between = arguments
        frozen = model.begin()
        wanted = model.chips[chip].read(port, frozen.slave if chip else frozen.master)
        assert bench.read(chip, port, between, 0 if between is None else SETTLED) == wanted
        if between is not None:
            model.set_lines(between)
        model.end_read(chip, frozen)
    else:
        (between,) = arguments
        frozen = model.begin()
        assert bench.fetch(between, 0 if between is None else SETTLED) == model.vector(frozen)
        if between is not None:
            model.set_lines(between)
        model.end_fetch(frozen)


def compare(bench: PicBench, model: Pair) -> None:
    """The whole state of both is the same."""
    assert bench.presented() == model.presented()
    for name in ("requested", "serving", "masked"):
        assert (name, bench.mask(name)) == (name, model.mask(name))
    lost = model.master.lost + model.slave.lost
    assert [bench.lost(number) for number in range(16)] == lost
    ends = sum({1 << number + 8 * chip for chip, each in enumerate(model.chips) for number in each.ends})
    for each in model.chips:
        each.ends.clear()
    assert bench.take_ends() == ends


@given(
    beginning=beginnings, first=st.lists(steps, max_size=30), again=anew, second=st.lists(steps, max_size=30)
)
@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_any_stream_of_commands_does_what_the_model_does(
    pair: tuple[PicBench, bool],
    beginning: tuple[int, int, int],
    first: list[Step],
    again: list[Step],
    second: list[Step],
) -> None:
    bench, gated = pair
    bench.reset()
    model = Pair(gated=gated)
    for each in (bench, model):
        set_up(each, master_mode=beginning[0], slave_mode=beginning[1], icw1=beginning[2])
    for step in (*first, *again, *second):
        perform(bench, model, step)
        compare(bench, model)


# Each rule.


def test_I11_the_order_is_0_1_the_slave_3_to_7(bench: PicBench) -> None:
    bench.set_lines(0xFFFB)
    order = [0, 1, *range(8, 16), *range(3, 8)]
    for number in order:
        assert bench.presented() == number
        assert bench.fetch() == (vector(number), True)
        end(bench, number)
    assert bench.presented() is None
    assert bench.fetch() == (SPURIOUS_7, False)


def test_I03_I04_an_edge_requests_once_and_a_second_one_is_lost(bench: PicBench) -> None:
    bench.set_lines(1 << 4)
    assert bench.fetch() == (vector(4), True)
    end(bench, 4)
    assert bench.presented() is None
    bench.message(4)
    bench.message(4)
    assert bench.lost(4) == 1
    assert bench.fetch() == (vector(4), True)


def test_I07_a_level_input_follows_its_line(bench: PicBench, gated: bool) -> None:
    bench.write_levels(SLAVE, 1 << 4)
    bench.set_lines(1 << 12)
    for _ in range(2):
        assert bench.fetch() == (vector(12), True)
        assert bench.presented() is None
        end(bench, 12)
        assert bench.presented() == 12
    bench.set_lines(0)
    assert bench.mask("requested") == (0 if gated else 1 << 2)  # the cascade is an edge


def test_I12_a_request_that_went_away_returns_7_and_nothing_is_in_service(bench: PicBench) -> None:
    bench.write_levels(MASTER, 1 << 5)
    bench.set_lines(1 << 5)
    bench.set_lines(0)
    assert bench.fetch() == (SPURIOUS_7, False)
    assert bench.mask("serving") == 0


def test_I12_a_spurious_vector_comes_although_its_input_is_masked(bench: PicBench) -> None:
    bench.write(MASTER, DATA, 0xFF)
    assert bench.fetch() == (SPURIOUS_7, False)


def test_I12_the_slaves_spurious_vector_leaves_the_cascade_in_service(bench: PicBench, gated: bool) -> None:
    """The request goes away at each clock before the fetch: the slave knows it before the master, if that ever does."""
    found = []
    for clocks in range(SETTLED):
        bench.reset()
        set_up(bench)
        bench.write_levels(SLAVE, 1 << 4)
        bench.set_lines(1 << 12)
        bench.set_lines_now(0)
        bench.clocks(clocks)
        returned, valid = bench.fetch()
        assert valid == (returned == vector(12))
        found.append(returned)
        in_service = {vector(12): 1 << 12 | 1 << 2, SPURIOUS_15: 1 << 2, SPURIOUS_7: 0}
        assert bench.mask("serving") == in_service[returned]
    assert list(dict.fromkeys(found)) == [vector(12), SPURIOUS_15, *([SPURIOUS_7] if gated else [])]


def test_I13_a_gated_edge_goes_with_its_line_and_a_sticky_one_stays(bench: PicBench, gated: bool) -> None:
    pulse(bench, 4)
    assert bench.presented() == (None if gated else 4)
    assert bench.fetch() == ((SPURIOUS_7, False) if gated else (vector(4), True))


def test_I13_a_message_needs_no_line(bench: PicBench) -> None:
    bench.message(12)
    assert bench.fetch() == (vector(12), True)


@pytest.mark.parametrize("number", [3, 14])
def test_I13_an_edge_on_the_clock_of_the_acknowledge_is_a_new_request(bench: PicBench, number: int) -> None:
    bench.message(number)
    bench.set_lines_now(1 << number)
    bench.clocks(1)
    assert bench.fetch() == (vector(number), True)  # the edge is seen on the first clock of the fetch
    assert bench.lost(number) == 1
    end(bench, number)
    bench.set_lines(0)
    bench.message(number)
    assert bench.fetch(1 << number, 1) == (vector(number), True)  # and here on the last one
    end(bench, number)
    assert bench.presented() == number
    assert bench.lost(number) == 1


def test_I14_ends_of_the_highest_and_of_a_named_input(bench: PicBench) -> None:
    for number in (6, 4, 1):
        bench.message(number)
        bench.fetch()
    operate(bench, MASTER, pic.End.END_INPUT, 4)
    assert bench.mask("serving") == 1 << 6 | 1 << 1
    operate(bench, MASTER, pic.End.END)
    assert bench.mask("serving") == 1 << 6
    assert bench.take_ends() == 1 << 4 | 1 << 1
    operate(bench, MASTER, pic.End.NOTHING, 6)
    assert bench.mask("serving") == 1 << 6
    operate(bench, MASTER, pic.End.END)
    operate(bench, MASTER, pic.End.END)
    assert (bench.mask("serving"), bench.take_ends()) == (0, 1 << 6)


@pytest.mark.parametrize(
    ("operation", "named"),
    [(pic.End.END_AND_ROTATE, 0), (pic.End.END_INPUT_AND_ROTATE, 3), (pic.End.SET_LOWEST, 3)],
)
def test_I14_the_lowest_input_is_the_one_that_was_rotated(
    bench: PicBench, operation: pic.End, named: int
) -> None:
    bench.message(3)
    bench.fetch()
    operate(bench, MASTER, operation, named)
    if operation is pic.End.SET_LOWEST:
        operate(bench, MASTER, pic.End.END)
    for number in (0, 3, 4, 5):
        bench.message(number)
    for number in (4, 5, 0, 3):
        assert bench.fetch() == (vector(number), True)
        operate(bench, MASTER, pic.End.END)


def test_I15_with_auto_eoi_nothing_stays_in_service(bench: PicBench) -> None:
    set_up(bench, master_mode=3, slave_mode=3)
    for number in (9, 5):
        bench.message(number)
        assert bench.fetch() == (vector(number), True)
        assert bench.mask("serving") == 0


def test_I15_auto_eoi_rotates_only_when_told(bench: PicBench) -> None:
    set_up(bench, master_mode=3)
    for rotates, following in ((False, 4), (True, 5)):
        operate(bench, MASTER, pic.End.ROTATE_IN_AUTO_EOI if rotates else pic.End.ROTATE_IN_AUTO_EOI_OFF)
        bench.message(4)
        bench.fetch()
        bench.message(4)
        bench.message(5)
        assert bench.fetch() == (vector(following), True)
        bench.fetch()


def test_I15_without_auto_eoi_an_acknowledge_does_not_rotate(bench: PicBench) -> None:
    operate(bench, MASTER, pic.End.ROTATE_IN_AUTO_EOI)
    bench.message(4)
    bench.fetch()
    end(bench, 4)
    for number in (5, 4):
        bench.message(number)
    assert bench.fetch() == (vector(4), True)


def test_I16_a_masked_input_in_service_holds_back_nothing_in_special_mask_mode(bench: PicBench) -> None:
    bench.message(3)
    bench.fetch()
    bench.message(6)
    bench.write(MASTER, DATA, 1 << 3)
    assert bench.presented() is None
    bench.write(MASTER, COMMAND, pic.OCW3.pack(special_mask=pic.SpecialMask.ON))
    assert bench.presented() == 6
    assert bench.fetch() == (vector(6), True)
    operate(bench, MASTER, pic.End.END)
    assert bench.mask("serving") == 1 << 3
    operate(bench, MASTER, pic.End.END)
    assert bench.mask("serving") == 1 << 3
    bench.write(MASTER, COMMAND, pic.OCW3.pack(special_mask=pic.SpecialMask.OFF))
    operate(bench, MASTER, pic.End.END)
    assert bench.mask("serving") == 0


@pytest.mark.parametrize("nested", [False, True])
def test_I17_a_slave_in_service_lets_its_higher_inputs_through_in_special_fully_nested_mode(
    bench: PicBench, nested: bool
) -> None:
    set_up(bench, master_mode=0x11 if nested else 1)
    bench.message(12)
    bench.fetch()
    bench.message(3)
    assert bench.presented() is None
    bench.message(14)
    assert bench.presented() is None
    bench.message(9)
    assert bench.presented() == (9 if nested else None)


def test_I18_the_read_after_a_poll_is_an_acknowledge(bench: PicBench) -> None:
    bench.message(13)
    bench.write(MASTER, COMMAND, pic.OCW3.pack(poll=1))
    assert bench.read(MASTER, COMMAND) == 0x82
    assert bench.mask("serving") == 1 << 2
    bench.write(SLAVE, COMMAND, pic.OCW3.pack(poll=1))
    assert bench.read(SLAVE, DATA) == 0x85
    assert bench.mask("serving") == 1 << 2 | 1 << 13
    assert bench.read(SLAVE, DATA) == 0
    bench.write(SLAVE, COMMAND, pic.OCW3.pack(poll=1))
    assert bench.read(SLAVE, COMMAND) == 0
    assert bench.mask("serving") == 1 << 2 | 1 << 13


def test_the_command_port_shows_requests_or_inputs_in_service(bench: PicBench) -> None:
    bench.message(5)
    bench.fetch()
    bench.message(6)
    assert bench.read(MASTER, COMMAND) == 1 << 6
    bench.write(MASTER, COMMAND, pic.OCW3.pack(show=pic.Show.IN_SERVICE))
    assert bench.read(MASTER, COMMAND) == 1 << 5
    bench.write(MASTER, COMMAND, pic.OCW3.pack(show=pic.Show.NO_CHANGE))
    assert bench.read(MASTER, COMMAND) == 1 << 5
    bench.write(MASTER, COMMAND, pic.OCW3.pack(show=pic.Show.REQUESTS))
    assert bench.read(MASTER, COMMAND) == 1 << 6
    bench.write(MASTER, DATA, 0xA5)
    assert bench.read(MASTER, DATA) == 0xA5


def test_I19_nothing_is_presented_until_the_initialization_is_complete(pair: tuple[PicBench, bool]) -> None:
    bench, _ = pair
    bench.reset()
    bench.set_lines(1 << 5)
    assert bench.presented() is None
    bench.write_levels(MASTER, 1 << 5)
    for word in (0x11, BASES[MASTER], 4):
        bench.write(MASTER, int(word != 0x11), word)
        assert bench.presented() is None
    bench.write(MASTER, DATA, 1)
    assert bench.presented() == 5


def test_I19_the_first_word_clears_mask_requests_and_inputs_in_service(bench: PicBench) -> None:
    bench.message(3)
    bench.fetch()
    bench.set_lines(1 << 4)
    bench.write(MASTER, DATA, 0xF0)
    bench.write(MASTER, COMMAND, 0x13)
    assert [bench.mask(name) & 0xFF for name in ("masked", "serving", "requested")] == [0, 0, 0]
    bench.write(MASTER, DATA, 0x50)
    bench.write(MASTER, DATA, 1)
    assert bench.presented() is None  # the line has been on all the time
    bench.message(4)
    assert bench.fetch() == (0x54, True)


def test_I20_five_inputs_stay_latched(bench: PicBench) -> None:
    for chip in (MASTER, SLAVE):
        bench.write_levels(chip, 0xFF)
    assert bench.read_levels() == 0xDEF8
    for number in (0, 1, 8, 13):
        bench.set_lines(1 << number)
        assert bench.fetch() == (vector(number), True)
        end(bench, number)
        assert bench.presented() is None


def test_I21_an_interrupt_of_the_slave_needs_an_end_at_both_chips(bench: PicBench) -> None:
    bench.message(10)
    bench.fetch()
    operate(bench, MASTER, pic.End.END_INPUT, 2)
    bench.message(12)
    bench.message(10)
    assert bench.presented() is None  # the slave still serves input 10
    bench.message(9)
    assert bench.fetch() == (vector(9), True)
    operate(bench, SLAVE, pic.End.END_INPUT, 1)
    operate(bench, SLAVE, pic.End.END_INPUT, 2)
    assert bench.presented() is None  # the master still serves the cascade
    operate(bench, MASTER, pic.End.END_INPUT, 2)
    assert bench.presented() == 10
    assert bench.take_ends() == 1 << 9 | 1 << 10


def test_I22_a_slave_answers_to_its_number_only(bench: PicBench) -> None:
    for word in (0x11, BASES[SLAVE], 3, 1):
        bench.write(SLAVE, int(word != 0x11), word)
    bench.message(9)
    assert bench.fetch() == (0xFF, False)
    assert bench.mask("serving") == 1 << 2
    operate(bench, MASTER, pic.End.END_INPUT, 2)
    for word in (0x11, BASES[MASTER], 1 << 3, 1):
        bench.write(MASTER, int(word != 0x11), word)
    bench.message(3)
    assert bench.fetch() == (vector(9), True)  # a wrong cascade: the slave answers for input 3
