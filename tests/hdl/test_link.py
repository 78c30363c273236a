# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The device's side of docs/link-protocol.md: the RTL of hdl/link with the machine `tiny` behind it."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from dirql.hardware.identity import machine_number
from dirql.hardware.reading import load_machine
from dirql.link.frames import Command, Data, Frame, Hello, encode
from dirql.registers import store
from dirql.registers.protocol import BusStatus, Link, LinkToDevice, LinkToHost, Op
from dirql.registers.store import Operation
from dirql.target.contract import EventBits
from dirql.target.simulation.verilated import VerilatedTarget
from hdl.link_bench import Host, Line, clean, faulty, mark, marks, open_bench, word
from hdl.machine_bench import BUFFER, FUNCTION, PORTS, VECTOR, Bench, Outcome

MACHINE = load_machine("tiny")
NOWHERE = 0xA000_0000
DONE = store.INTERRUPT_CAUSE.DONE
LONG = 20_000_000
"""Clocks within which a transfer ends on the worst line."""
UART = 40
"""Clocks of a byte of a serial port with 3 Mbaud at 12 MHz."""


def transfer(
    bench: Bench, operation: int, address: int, length: int, segments: list[tuple[int, int]]
) -> Outcome:
    bench.place_list(segments)
    bench.start(operation, address, length)
    return bench.finish(LONG)


# Sessions.


def test_a_hello_says_what_the_device_is(host: Host) -> None:
    hello = host.open(0x7E7D_1234)
    assert (hello.nonce, hello.version, hello.receive_log2, hello.line_log2) == (
        0x7E7D_1234,
        Link.VERSION,
        10,
        7,
    )
    assert hello.frequency == MACHINE.frequency
    assert hello.machine == machine_number(MACHINE)
    assert host.frames[0].number == 0


def test_garbage_before_a_hello_does_no_harm(host: Host) -> None:
    for seed in range(20):
        host.line.run(4_000, random.Random(seed).randbytes(2_000) + b"\x7e")
        assert host.open(seed + 1).nonce == seed + 1
        assert host.call(Command(Op.CFG_READ, FUNCTION, answer=True)).status == BusStatus.OK


def test_without_a_session_only_a_hello_is_answered_and_an_ask_learns_that_there_is_none(host: Host) -> None:
    host.send(Command(Op.CFG_READ, FUNCTION, answer=True))
    host.pump(5_000)
    assert host.frames == []
    for _ in range(3):
        host._begin()
        host.hello = None
        host.control(ask=True)
        host.pump(3_000, lambda: host.hello is not None)
        assert host.hello is not None
        assert host.hello.nonce == 0
    host.control()
    host.emit(Frame(LinkToDevice.HELLO, 0, 0, Hello(0).pack()))
    assert host.line.run(3_000) == (b"", b"")


def test_a_repeated_hello_asks_for_the_frames_again_and_keeps_the_machine(host: Host) -> None:
    host.open(5)
    host.send(mark(1))
    host.settle()
    clock = host.states[-1].clock
    host.emit(Frame(LinkToDevice.HELLO, 0, 0, Hello(5).pack()))
    host.pump(2_000)
    assert host.call(Command(Op.CFG_READ, FUNCTION, answer=True)).clock > clock


def test_a_new_nonce_resets_the_machine_in_the_middle_of_a_transfer(host: Host) -> None:
    bench = open_bench(host)
    for length in (64, 400, 1000):
        bench.fill_buffer(0, bytes(1024))
        bench.place_list([(0x2000, 1024)])
        bench.start(Operation.DMA_READ if length < 1000 else Operation.DMA_WRITE, 0, 1024)
        host.pump(length)
        assert host.open(length).nonce == length
        assert bench.target.read_memory(MACHINE.timestamp_unit.address) < 5_000
        open_bench(host)


# Commands.


def test_reads_and_writes_of_all_spaces(host: Host) -> None:
    bench = open_bench(host)
    rng = random.Random(1)
    for enables in (0x1, 0x2, 0x4, 0x8, 0x3, 0xC, 0xF):
        value = rng.getrandbits(32)
        bench.target.write_memory(BUFFER + 4 * enables, value, enables)
        kept = sum(0xFF << 8 * lane for lane in range(4) if enables >> lane & 1)
        assert bench.target.read_memory(BUFFER + 4 * enables) & kept == value & kept
    answer = host.call(Command(Op.IO_WRITE, PORTS, 0xF, 1, word(0x1234_5678), answer=True))
    assert (answer.status, answer.done, answer.data) == (BusStatus.OK, 1, b"")
    assert host.call(Command(Op.IO_READ, PORTS, answer=True)).data == word(0x1234_5678)
    assert bench.target.interrupt_acknowledge() == 0xFF


@pytest.mark.parametrize("length", [1, 2, 3, 5, 31, 63, 64])
def test_bursts_of_all_lengths(host: Host, length: int) -> None:
    open_bench(host)
    data = random.Random(length).randbytes(4 * length)
    host.send(Command(Op.MEM_WRITE, BUFFER, 0xF, length, data))
    answer = host.call(Command(Op.MEM_READ, BUFFER, 0xF, length, answer=True))
    assert (answer.status, answer.done, answer.data) == (BusStatus.OK, length, data)


@pytest.mark.parametrize("length", [1, 2, 3, 4, 64])
def test_a_burst_to_nowhere_fails_whatever_its_length_and_the_next_command_works(
    host: Host, length: int
) -> None:
    open_bench(host)
    for operation, data in ((Op.MEM_READ, b""), (Op.MEM_WRITE, bytes(4 * length))):
        answer = host.call(Command(operation, NOWHERE, 0xF, length, data, answer=True))
        assert (answer.status, answer.done, answer.data) == (BusStatus.MASTER_ABORT, 0, b"")
        assert host.call(Command(Op.CFG_READ, FUNCTION, answer=True)).status == BusStatus.OK


@pytest.mark.parametrize("length", [1, 2, 63, 64])
def test_strings_repeat_a_single_command(host: Host, length: int) -> None:
    bench = open_bench(host)
    data = random.Random(length).randbytes(4 * length)
    host.send(Command(Op.IO_WRITE, PORTS, 0xF, length, data, string=True))
    assert store.STATUS.unpack(bench.read(store.STATUS)).fifo_level == length
    answer = host.call(Command(Op.IO_READ, PORTS, 0xF, length, answer=True, string=True))
    assert (answer.status, answer.done, answer.data) == (BusStatus.OK, length, data)


def test_a_posted_command_is_answered_only_if_it_fails(host: Host) -> None:
    open_bench(host)
    host.send(Command(Op.MEM_WRITE, BUFFER, data=word(1)))
    host.settle()
    assert not host.responses
    for command, done in (
        (Command(Op.MEM_WRITE, NOWHERE, data=word(1)), 0),
        (Command(Op.MEM_WRITE, NOWHERE, 0xF, 9, bytes(36)), 0),
        (Command(Op.MEM_READ, NOWHERE, 0xF, 9), 0),
        (Command(Op.MEM_READ, NOWHERE, 0xF, 9, string=True), 0),
    ):
        host.send(command)
        number, response = host.wait_for_response()
        assert (response.status, response.done, response.data) == (BusStatus.MASTER_ABORT, done, b"")
        assert number == (host._next_number - 1) & 0xFF
    assert host.call(Command(Op.MEM_READ, BUFFER, answer=True)).data == word(1)


MALFORMED = [
    Command(Op.MEM_READ, BUFFER, 0xF, 0),
    Command(Op.MEM_READ, BUFFER, 0xF, 65),
    Command(Op.MEM_READ, BUFFER, 0xF, 0x140),
    Command(Op.MEM_WRITE, BUFFER, 0xF, 2, bytes(4)),
    Command(Op.MEM_WRITE, BUFFER, 0xF, 1, bytes(3)),
    Command(Op.IO_WRITE, PORTS, 0xF, 3, bytes(8), string=True),
    Command(Op.IO_READ, PORTS, 0xF, 0, string=True),
    Command(Op.IO_READ, PORTS, 0xF, 65, string=True),
    Command(Op.MARK),
    Command(10, BUFFER),
    Command(15, BUFFER),
]


@pytest.mark.parametrize("command", MALFORMED, ids=repr)
def test_a_malformed_command_is_not_begun(host: Host, command: Command) -> None:
    bench = open_bench(host)
    bench.target.write_memory(BUFFER, 0x5555_5555)
    host.send(command)
    _, response = host.wait_for_response()
    assert (response.status, response.done, response.data) == (Link.MALFORMED, 0, b"")
    assert bench.target.read_memory(BUFFER) == 0x5555_5555
    assert store.STATUS.unpack(bench.read(store.STATUS)).fifo_level == 0


def test_a_command_cut_short_is_malformed_at_any_length(host: Host) -> None:
    open_bench(host)
    whole = Command(Op.MEM_WRITE, BUFFER, data=word(1)).pack()
    for length in range(len(whole)):
        frame = Frame(LinkToDevice.COMMAND, host._next_number, host._wanted, whole[:length])
        host._next_number += 1
        host._unacknowledged.append(frame)
        host.emit(frame)
        assert host.wait_for_response()[1].status == Link.MALFORMED


def test_data_beyond_those_of_the_command_are_ignored(host: Host) -> None:
    open_bench(host)
    host.send(Command(Op.MEM_WRITE, BUFFER, 0xF, 2, bytes(range(12))))
    assert host.call(Command(Op.MEM_READ, BUFFER, 0xF, 2, answer=True)).data == bytes(range(8))


def test_chained_commands_are_skipped_after_a_failure(host: Host) -> None:
    bench = open_bench(host)
    bench.target.write_memory(BUFFER, 1)
    host.send(Command(Op.MEM_WRITE, NOWHERE, data=word(9)))
    host.send(Command(Op.MEM_WRITE, BUFFER, data=word(9), chained=True))
    host.send(Command(Op.MEM_READ, BUFFER, answer=True, chained=True))
    host.send(Command(Op.MEM_READ, BUFFER, answer=True))
    host.send(Command(Op.MEM_READ, BUFFER, answer=True, chained=True))
    answers = [host.wait_for_response()[1] for _ in range(4)]
    assert [(each.status, each.done, each.data) for each in answers] == [
        (BusStatus.MASTER_ABORT, 0, b""),
        (BusStatus.OK, 0, b""),
        (BusStatus.OK, 1, word(1)),
        (BusStatus.OK, 1, word(1)),
    ]


def test_an_unknown_numbered_frame_is_acknowledged(host: Host) -> None:
    open_bench(host)
    for kind in (4, 9, 15):
        frame = Frame(kind, host._next_number, host._wanted, bytes(17))
        host._next_number += 1
        host._unacknowledged.append(frame)
        host.emit(frame)
    host.settle()
    assert not host.responses


# Interrupts and events.


def test_states_tell_of_interrupts(host: Host) -> None:
    bench = open_bench(host)
    bench.enable_interrupts(store.INTERRUPT_CAUSE.RAISED)
    host.settle()
    assert host.states[-1].input is None
    bench.raise_interrupt(3_000)
    host.wait(lambda: host.states[-1].input == 4)
    assert not host.states[-1].answers
    answer = host.call(Command(Op.INT_ACK, 0, 1, answer=True))
    assert answer.data[0] == VECTOR
    bench.write(store.INTERRUPT_CAUSE, 0xFFFF_FFFF)
    bench.end()
    host.wait(lambda: host.states[-1].input is None)


def test_a_string_ends_when_an_interrupt_comes(host: Host) -> None:
    bench = open_bench(host)
    bench.enable_interrupts(store.INTERRUPT_CAUSE.RAISED)
    bench.raise_interrupt(2_000)
    host.send(Command(Op.MEM_READ, BUFFER, 0xF, 64, string=True))
    for _ in range(30):
        host.send(Command(Op.MEM_READ, BUFFER, 0xF, 64, string=True, chained=True))
    _, response = host.wait_for_response()
    assert (response.status, response.input) == (BusStatus.OK, 4)
    assert 1 <= response.done < 64
    assert len(response.data) == 4 * response.done
    host.settle()
    assert not host.responses


def test_event_records_are_those_of_the_machine(host: Host) -> None:
    def job(bench: Bench) -> None:
        bench.enumerate()
        bench.enable_interrupts(DONE)
        bench.fill_buffer(0, bytes(256))
        bench.place_list([(0x2000, 256)])
        bench.start(Operation.DMA_READ, 0, 256)
        assert bench.finish(LONG).transferred == 256
        bench.fetch()
        bench.end()

    bench = open_bench(host)
    job(bench)
    host.settle()
    target = VerilatedTarget(MACHINE, checked=True)
    direct = Bench(target)
    job(direct)
    wanted = direct.events()
    target.close()
    found = [host.records[place : place + 16] for place in range(0, len(host.records), 16)]
    clocks = [int.from_bytes(record[:6], "little") for record in found]
    assert clocks == sorted(clocks)
    # The line is slow, so that data reach the memory later than they do without it.
    events = [(record[6] | record[7] << 8, record[8], record[9], record[10]) for record in found]
    assert sorted(events) == sorted((each.bits, each.function, each.vector, each.causes) for each in wanted)
    assert any(each.bits & EventBits.DMA_DRAINED for each in wanted)


def test_marks_come_back_in_order_whatever_their_number(host: Host) -> None:
    host.open()
    values = [random.Random(1).getrandbits(32) for _ in range(400)]
    for value in values:
        host.send(mark(value))
    host.settle()
    assert marks(host) == values
    assert host.states[-1].records_dropped == 0


# Host memory.


SEGMENTS = st.lists(st.tuples(st.integers(0, 0x3FF), st.integers(1, 300)), min_size=1, max_size=4)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    SEGMENTS,
    st.integers(0, 3),
    st.sampled_from([0, 700, 9_000]),
    st.sampled_from([1, UART]),
    st.integers(0, 99),
)
def test_transfers_move_the_bytes_of_their_lists(
    make_line: Callable[[], Line],
    parts: list[tuple[int, int]],
    offset: int,
    delay: int,
    pace: int,
    seed: int,
) -> None:
    rng = random.Random(seed)
    line = make_line()
    line.in_pace = line.out_pace = pace
    host = Host(line, fetch_delay=delay, short=lambda wanted: rng.randint(1, wanted))
    bench = open_bench(host)
    segments = [(0x4000 + 0x400 * index + start, length) for index, (start, length) in enumerate(parts)]
    length = sum(size for _, size in segments)
    before = rng.randbytes(0x4000)
    host.memory[0x4000:0x8000] = before
    assert transfer(bench, Operation.DMA_WRITE, offset, length, segments) == (DONE, 0, length)
    wanted = b"".join(bytes(host.memory[start : start + size]) for start, size in segments)
    assert bench.read_buffer(0, (offset + length + 3) & ~3)[offset : offset + length] == wanted
    data = rng.randbytes((offset + length + 3) & ~3)
    bench.fill_buffer(0, data)
    model = bytearray(host.memory[0x4000:0x8000])
    place = offset
    for start, size in segments:
        model[start - 0x4000 : start - 0x4000 + size] = data[place : place + size]
        place += size
    assert transfer(bench, Operation.DMA_READ, offset, length, segments) == (DONE, 0, length)
    assert host.memory[0x4000:0x8000] == model
    line.close()


def test_writes_to_neighbours_are_joined(host: Host) -> None:
    host.line.out_pace = UART
    bench = open_bench(host)
    bench.fill_buffer(0, bytes(range(256)) * 4)
    assert transfer(bench, Operation.DMA_READ, 0, 1024, [(0x2000, 1024)]).transferred == 1024
    assert host.memory[0x2000:0x2400] == bytes(range(256)) * 4
    assert len(host.writes) <= 17
    assert max(len(write.data) for write in host.writes) == 4 * Link.LONGEST_WRITE


def test_a_line_is_fetched_once_for_neighbours_and_again_after_a_command(host: Host) -> None:
    bench = open_bench(host)
    host.memory[0x2000:0x2400] = bytes(range(256)) * 4
    bench.place_list([(0x2000, 1024)])
    bench.start(Operation.DMA_WRITE, 0, 1024)
    host.pump(60_000)
    assert bench.finish(LONG).transferred == 1024
    assert len([fetch for fetch in host.fetches if fetch.address >= 0x2000]) <= 12
    # The next transfer reads what the host has written meanwhile, here in the line of the descriptor.
    for value in (0x11, 0x22, 0x33):
        host.memory[0x1040:0x1050] = bytes([value] * 16)
        assert transfer(bench, Operation.DMA_WRITE, 0, 16, [(0x1040, 16)]).transferred == 16
        assert bench.read_buffer(0, 16) == bytes([value] * 16)


def test_data_that_nobody_wants_are_ignored(host: Host) -> None:
    bench = open_bench(host)
    for tag in range(4):
        host.send(Data(tag, bytes([0xEE] * 128)))
    host.settle()
    host.memory[0x2000:0x2080] = bytes(range(128))
    assert transfer(bench, Operation.DMA_WRITE, 0, 128, [(0x2000, 128)]).transferred == 128
    assert bench.read_buffer(0, 128) == bytes(range(128))


# The line.


@pytest.mark.parametrize("seed", range(8))
def test_nothing_is_lost_or_done_twice_on_a_bad_line(host: Host, seed: int) -> None:
    host.open()
    host.to_device = faulty(seed, 0.1)
    host.to_host = faulty(seed + 100, 0.1)
    host.line.in_pace = host.line.out_pace = 1 + 3 * (seed % 3)
    bench = open_bench(host)
    rng = random.Random(seed)
    data = rng.randbytes(600)
    values = [rng.getrandbits(32) for _ in range(120)]
    for value in values:
        host.send(mark(value))
    bench.fill_buffer(0, data)
    assert transfer(bench, Operation.DMA_READ, 1, 590, [(0x2003, 300), (0x3001, 290)]) == (DONE, 0, 590)
    assert bytes(host.memory[0x2003 : 0x2003 + 300] + host.memory[0x3001 : 0x3001 + 290]) == data[1:591]
    assert transfer(bench, Operation.DMA_WRITE, 0, 590, [(0x2003, 300), (0x3001, 290)]) == (DONE, 0, 590)
    assert bench.read_buffer(0, 588) == data[1:589]
    for value in values[:40]:
        answer = host.call(Command(Op.MEM_WRITE, BUFFER, data=word(value), answer=True))
        assert (answer.status, answer.done) == (BusStatus.OK, 1)
    host.to_device = host.to_host = clean
    host.settle()
    assert marks(host) == values
    assert host.bad > 0
    assert host.asked_again > 0


def test_the_ring_to_the_host_waits_for_acknowledgements(host: Host) -> None:
    bench = open_bench(host)
    bench.fill_buffer(0, bytes(range(256)) * 4)
    bench.place_list([(0x2000, 1024)])
    bench.start(Operation.DMA_READ, 0, 1024)
    host.pump(3_000)
    host.settle()
    acknowledged = host._wanted
    host.to_device = lambda _: b""
    host.send(Command(Op.MEM_READ, BUFFER, 0xF, 64, answer=True))
    sent = host.line.run(30_000)[0]
    host.to_device = clean
    assert acknowledged == host._wanted or sent
    assert host.wait_for_response()[1].done == 64
    assert bench.finish(LONG).transferred == 1024
    assert host.memory[0x2000:0x2400] == bytes(range(256)) * 4


def test_a_host_that_never_acknowledges_gets_what_the_ring_holds_and_then_all(host: Host) -> None:
    """Frames are 14 bytes at least, so the ring holds less than a thousand bytes of them."""
    host.open()
    frames = [Frame(LinkToDevice.COMMAND, number, 1, mark(number).pack()) for number in range(110)]
    taken = b""
    for frame in frames:
        got, rest = host.line.run(400, encode(frame.contents()))
        assert not rest
        taken += got
    assert 900 < len(taken) < 1024
    host._next_number = len(frames)
    host._take(taken)
    host.control(again=True)
    host.wait(lambda: len(marks(host)) == len(frames))
    assert marks(host) == list(range(len(frames)))


def test_numbers_go_round(host: Host) -> None:
    host.open()
    host.line.in_pace = 4
    for value in range(700):
        host.send(mark(value))
    host.settle()
    assert marks(host) == list(range(700))
    for value in range(300):
        answer = host.call(Command(Op.CFG_READ, FUNCTION, answer=True))
        assert answer.done == 1, value


def test_a_session_survives_any_bytes(host: Host) -> None:
    """Random bytes, among them many ends and escapes, do not stop the receiver: a HELLO works after them."""
    rng = random.Random(3)
    alphabet = bytes([0x7E, 0x7D, 0x5E, 0x5D, 0, 1, 2, 3, 0x40, 0x80, 0xC0]) + bytes(range(256))
    for number in range(1, 21):
        host.open(number)
        host.line.run(50_000, bytes(rng.choice(alphabet) for _ in range(50_000)))
    host.open(0x55)
    assert host.call(Command(Op.CFG_READ, FUNCTION, answer=True)).status == BusStatus.OK


def test_good_frames_with_random_contents_do_not_stop_the_device(host: Host) -> None:
    rng = random.Random(4)
    for number in range(1, 31):
        host.open(number)
        sent = b""
        for place in range(60):
            kind = rng.choice([0, 2, 2, 2, 3, 3, 7, 0x40, 0x80])
            body = rng.randbytes(rng.randrange(40))
            if kind == LinkToDevice.COMMAND:
                body = bytes([rng.randrange(256), rng.randrange(8), rng.randrange(70), 0]) + body
            sent += encode(bytes([kind, place, rng.randrange(256)]) + body)
        rest = sent
        while rest:
            rest = host.line.run(20_000, rest)[1]
        host.line.run(20_000)
    host.open(0x66)
    assert host.call(Command(Op.CFG_READ, FUNCTION, answer=True)).status == BusStatus.OK


def test_every_response_has_the_form_of_its_type(host: Host) -> None:
    bench = open_bench(host)
    transfer(bench, Operation.DMA_WRITE, 0, 300, [(0x2001, 300)])
    host.settle()
    assert {frame.type for frame in host.frames} >= {
        LinkToHost.STATE,
        LinkToHost.HELLO,
        LinkToHost.RESPONSE,
        LinkToHost.FETCH,
        LinkToHost.EVENTS,
    }
