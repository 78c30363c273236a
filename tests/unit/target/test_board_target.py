# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""A board target on a scripted machine behind the naive device: round trips, posted writes, attention, identity."""

from __future__ import annotations

import gc
import os
import signal
import threading
from collections.abc import Iterator

import pytest

from dirql.hardware.identity import machine_number
from dirql.hardware.reading import load_machine
from dirql.link.frames import Command, Decoder, Frame, read_to_device
from dirql.link.pipe import NoLink
from dirql.link.session import Patience
from dirql.registers import interrupt_controller
from dirql.registers.protocol import Op
from dirql.target.board.target import BoardTarget
from dirql.target.contract import BusError, Capability, MasterAbort, TargetError, Wake
from fakes.default_machine import MACHINE, MEMORY, PORTS
from fakes.fake_device import FakeDevice
from fakes.link_target import DevicePipe, FakeBoard, open_fake_board
from fakes.scripted_target import Ram, ScriptedTarget, Space

ABSENT = 0xB000_0000


def make_script() -> ScriptedTarget:
    script = ScriptedTarget()
    script.map(Space.MEMORY, MEMORY, 1 << 16, Ram(1 << 16))
    script.map(Space.IO, PORTS, 4, Ram(4))
    return script


@pytest.fixture
def board() -> Iterator[FakeBoard]:
    opened = open_fake_board(make_script(), precise=False)
    yield opened
    opened.target.close()


class Counting(DevicePipe):
    """Counts writes to the pipe, and the commands in each."""

    def __init__(self, device: FakeDevice) -> None:
        super().__init__(device.receive)
        self.commands: list[Command] = []

    def write(self, octets: bytes) -> None:
        for contents in Decoder().feed(octets):
            body = read_to_device(Frame.of(contents)) if contents else None
            if isinstance(body, Command):
                self.commands.append(body)
        super().write(octets)


def open_counting(*, precise: bool = False) -> tuple[BoardTarget, Counting]:
    script = make_script()
    pipe = Counting(FakeDevice(script))
    return BoardTarget("fake", pipe, script.description, precise=precise), pipe


def test_a_board_says_what_it_can_do(board: FakeBoard) -> None:
    has = board.target.capabilities
    assert Capability.HOST_MEMORY in has
    assert not has & {
        Capability.DETERMINISTIC,
        Capability.CYCLE_EXACT,
        Capability.PRECISE_WRITES,
        Capability.PADS,
    }
    precise = open_fake_board(make_script(), precise=True).target
    assert Capability.PRECISE_WRITES in precise.capabilities
    precise.close()


def test_the_floor_of_the_link_is_measured_when_it_is_opened(board: FakeBoard) -> None:
    floor = board.target.floor
    assert floor is not None
    assert 0 < floor.shortest <= floor.median < 1


def test_posted_writes_ask_for_no_answer_and_precise_ones_do() -> None:
    for precise in (False, True):
        target, pipe = open_counting(precise=precise)
        target.write_memory(MEMORY, 1)
        target.write_io(PORTS, 2)
        target.read_memory(MEMORY)
        assert [(command.operation, command.answer) for command in pipe.commands] == [
            (Op.MEM_WRITE, precise),
            (Op.IO_WRITE, True),
            (Op.MEM_READ, True),
        ]
        target.close()


def test_a_long_burst_goes_in_pieces_of_which_the_last_is_answered() -> None:
    target, pipe = open_counting()
    target.write_memory_burst(MEMORY, memoryview(bytes(4 * 200)))
    pieces = [
        (command.address - MEMORY, command.length, command.answer, command.chained)
        for command in pipe.commands
    ]
    assert pieces == [
        (0, 64, False, False),
        (256, 64, False, True),
        (512, 64, False, True),
        (768, 8, True, True),
    ]
    target.close()


def test_pieces_after_one_that_failed_are_not_written(board: FakeBoard) -> None:
    target = board.target
    with pytest.raises(MasterAbort):
        target.write_memory_burst(MEMORY + (1 << 16) - 256, memoryview(bytes(3 * 256)))
    assert [command.chained for command in board.device.executed[-3:]] == [False, True, True]
    data = memoryview(bytearray(b"\x11" * 512))
    with pytest.raises(MasterAbort):
        target.write_memory_burst(ABSENT, data)
    with pytest.raises(MasterAbort):
        target.read_memory_burst(ABSENT, data)


def test_the_error_of_a_posted_write_is_raised_by_the_next_access_that_is_answered(board: FakeBoard) -> None:
    target = board.target
    target.write_memory(ABSENT, 1)
    target.write_memory(MEMORY, 5)
    with pytest.raises(MasterAbort, match="memory write at 0xb0000000"):
        target.read_memory(MEMORY)
    assert target.read_memory(MEMORY) == 5


def test_the_error_of_a_posted_write_is_told_to_who_wants_to_know_and_spoils_no_read(
    board: FakeBoard,
) -> None:
    target = board.target
    told: list[BusError] = []
    target.write_error = told.append
    target.write_memory(MEMORY, 7)
    target.write_memory(ABSENT, 1)
    target.write_memory(ABSENT + 4, 1)
    assert target.read_memory(MEMORY) == 7
    assert [error.address for error in told] == [ABSENT, ABSENT + 4]


def test_many_posted_writes_keep_the_backlog_short(board: FakeBoard) -> None:
    for number in range(1000):
        board.target.write_memory(MEMORY + 4 * number, number)
    assert board.target.link.session.backlog < 60
    assert board.target.read_memory(MEMORY + 4 * 999) == 999


def test_an_interrupt_that_comes_by_itself_sets_attention(board: FakeBoard) -> None:
    target, script = board.target, board.device.script
    assert isinstance(script, ScriptedTarget)
    enable = MACHINE.controller.address + interrupt_controller.ENABLE.offset
    target.write_memory(enable, 0xFFFF)
    target.read_memory(MEMORY)
    assert not target.attention
    assert target.horizon >= 1
    script.interrupts.request(4)
    script._look()
    seen = threading.Event()
    inner = target.link.signal
    target.link.signal = lambda: (inner(), seen.set())[0]
    board.tell()
    assert seen.wait(5)
    assert target.attention
    assert target.horizon == 0
    assert target.interrupt_request() == 4
    assert target.wait() is Wake.INTERRUPT
    assert target.interrupt_acknowledge() == MACHINE.controller.vector(4)
    assert target.interrupt_request() is None
    assert not target.attention


def test_spent_clocks_do_not_pass(board: FakeBoard) -> None:
    target = board.target
    target.read_memory(MEMORY)
    before = target.now()
    target.spend(1_000_000_000)
    assert target.now() == before
    target.read_memory(MEMORY)
    assert target.spent == 0
    assert target.now() - before < 1000


def test_a_wait_for_no_clocks_asks_the_board_no_more_than_once_a_millisecond(
    board: FakeBoard, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    monkeypatch.setattr("dirql.target.board.channel.time.monotonic", lambda: now[0])
    asked = []
    ask = board.target.link.session.ask
    monkeypatch.setattr(board.target.link.session, "ask", lambda at: (asked.append(at), ask(at)))
    for _ in range(50):
        board.target.wait(0)
        with board.target.link.changed:
            while board.target.link.session.is_asking:
                board.target.link.changed.wait()
        now[0] += 0.0002
    assert 8 <= len(asked) <= 10


def test_another_machine_is_refused_by_its_name() -> None:
    script = make_script()
    tiny = machine_number(load_machine("tiny"))
    pipe = DevicePipe(FakeDevice(script, number=tiny).receive)
    with pytest.raises(
        NoLink, match="must have the machine default; it has the machine tiny: give --machine tiny"
    ):
        BoardTarget("fake", pipe, MACHINE)
    pipe = DevicePipe(FakeDevice(script, number=bytes(8)).receive)
    with pytest.raises(
        NoLink, match="a machine with the number 0000000000000000, which no machine of this release"
    ):
        BoardTarget("fake", pipe, MACHINE)
    assert pipe.closed


def test_another_version_of_the_protocol_is_refused() -> None:
    pipe = DevicePipe(FakeDevice(make_script(), version=2).receive)
    with pytest.raises(
        NoLink, match=r"must speak version 1 of the link's protocol; it speaks version 2: flash it .*, or use"
    ):
        BoardTarget("fake", pipe, MACHINE)
    assert pipe.closed


def test_silence_and_noise_are_told_apart() -> None:
    quick = Patience(silence=0.2)
    with pytest.raises(NoLink, match=r"must answer within 0.2 s; it was silent: check the port, the cable"):
        BoardTarget("fake", DevicePipe(lambda _octets: b""), MACHINE, patience=quick)
    pipe = DevicePipe(lambda _octets: b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n")
    words = "it sent other bytes, b'HTTP/1.1 400 Bad Request' at first: check "
    with pytest.raises(NoLink, match=f"{words}that the board has a machine of dirql"):
        BoardTarget("fake", pipe, MACHINE, patience=quick)
    pipe = DevicePipe(lambda _octets: b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n")
    pipe.rate = 11_520
    with pytest.raises(NoLink, match=f"{words}the baud rate, and that the board"):
        BoardTarget("fake", pipe, MACHINE, patience=quick)


def test_a_serial_port_at_which_nothing_comes_may_have_another_rate() -> None:
    pipe = DevicePipe(lambda _octets: b"")
    pipe.rate = 300_000
    with pytest.raises(NoLink, match="it was silent: check the port, the baud rate, the cable"):
        BoardTarget("fake", pipe, MACHINE, patience=Patience(silence=0.2))


def test_a_connection_that_ends_before_the_board_has_answered_is_told() -> None:
    """As a twin ends that of a second client, and any other server that of one whose bytes it does not understand."""
    words = "must say which machine it has; before it did, fake was unplugged: check the cable, that no other program"
    pipe = DevicePipe(lambda _octets: b"")
    pipe.unplug()
    with pytest.raises(NoLink, match=words):
        BoardTarget("fake", pipe, MACHINE)
    pipe = DevicePipe(lambda _octets: pipe.unplug() or b"")
    with pytest.raises(NoLink, match=words):
        BoardTarget("fake", pipe, MACHINE)


def test_an_echo_is_no_board() -> None:
    with pytest.raises(NoLink, match="it sent back what it was sent: check that no line is joined to itself"):
        BoardTarget("fake", DevicePipe(lambda octets: octets), MACHINE, patience=Patience(silence=0.2))


def test_a_command_that_the_board_does_not_know_is_told(board: FakeBoard) -> None:
    with pytest.raises(TargetError, match="it did not understand one at 0x00000000: flash it"):
        board.target._command(15, 0, 0xF, 0)


def test_a_board_that_is_closed_leaves_no_thread_and_no_file() -> None:
    board = open_fake_board(make_script())
    thread = board.target.link._thread
    board.target.close()
    board.target.close()
    assert not thread.is_alive()
    assert board.pipe.closed
    del board
    gc.collect()


def press_ctrl_c(board: FakeBoard, monkeypatch: pytest.MonkeyPatch) -> None:
    """Press Ctrl-C once, when host code waits for the board."""
    link = board.target.link
    wait = link.wait

    def pressed(limit: float | None = None) -> None:
        monkeypatch.setattr(link, "wait", wait)
        threading.Timer(0.0, os.kill, (os.getpid(), signal.SIGINT)).start()
        wait(limit)

    monkeypatch.setattr(link, "wait", pressed)


def test_ctrl_c_ends_a_wait_and_the_board_can_be_used_afterwards(
    board: FakeBoard, monkeypatch: pytest.MonkeyPatch
) -> None:
    press_ctrl_c(board, monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        board.target.wait()
    board.target.write_memory(MEMORY, 9)
    assert board.target.read_memory(MEMORY) == 9


def test_ctrl_c_ends_an_access_whose_answer_does_not_come(
    board: FakeBoard, monkeypatch: pytest.MonkeyPatch
) -> None:
    board.pipe.is_silent = True
    press_ctrl_c(board, monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        board.target.read_memory(MEMORY)
    board.pipe.is_silent = False
    assert board.target.read_memory(MEMORY + 4) == 0


def test_the_clocks_of_records_begin_anew_with_a_reset(board: FakeBoard) -> None:
    target = board.target
    for _ in range(2):
        target.wait(5000)
        target.mark(1)
        target.wait(1)
        (record,) = target.take_event_records()
        assert 5000 <= record.clock <= target.now()
        target.reset()


def test_what_comes_while_an_answer_is_taken_is_not_forgotten(
    board: FakeBoard, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = board.target
    monkeypatch.setattr(target, "_send", lambda *_arguments: 0)  # an answer that knows of nothing
    uses = [
        lambda: target.read_memory(MEMORY),
        lambda: target.write_memory(MEMORY, 0),
        lambda: target.read_io(PORTS),
        target.interrupt_acknowledge,
    ]
    for use in uses:
        target.link.asks_attention = True
        use()
        assert target.attention
        assert target.horizon == 0
        target.link.asks_attention = False
        use()
        assert not target.attention
