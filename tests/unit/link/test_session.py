# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Sessions of the host against the naive device, over lines that are sound and lines that are not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings, strategies as st

from dirql.link.faults import Faults
from dirql.link.frames import (
    Command,
    Data,
    Decoder,
    DeviceHello,
    Fetch,
    Frame,
    Response,
    State,
    Write,
    encode,
    type_of,
)
from dirql.link.session import Loss, Patience, Session, Taken
from dirql.registers.protocol import Link, LinkToDevice, Op
from fakes.default_machine import MEMORY
from fakes.fake_device import FakeDevice
from fakes.faulty_line import FaultyLine
from fakes.scripted_target import Ram, ScriptedTarget, Space

SOUND = Faults()


class Bench:
    """A session, a device, a line between them, and everything that the host took."""

    def __init__(
        self, faults: Faults = SOUND, *, latency: float = 0.001, patience: Patience | None = None
    ) -> None:
        self.script = ScriptedTarget()
        self.script.map(Space.MEMORY, MEMORY, 4096, Ram(4096))
        self.device = FakeDevice(self.script)
        self.session = Session(patience)
        self.taken: list[Taken] = []
        self.line = FaultyLine(self.session, self.device, faults, self.taken.append, latency)

    def open(self, nonce: int = 1) -> None:
        self.session.open(nonce, self.line.now)
        self.line.run_until(lambda: self.session.hello is not None)

    def send(self, number: int, *, answer: bool = True) -> None:
        data = number.to_bytes(4, "little")
        command = Command(Op.MEM_WRITE, MEMORY + 4 * (number % 1024), 0xF, 1, data, answer=answer)
        self.session.send(command, self.line.now, number)

    def run(self, done: Callable[[], bool]) -> None:
        self.line.run_until(done)

    def responses(self) -> list[object]:
        return [taken.token for taken in self.taken if isinstance(taken.body, Response)]

    def writes(self) -> int:
        """The number of writes of bus masters that came."""
        return sum(isinstance(taken.body, Write) for taken in self.taken)

    def executed(self) -> list[int]:
        return [int.from_bytes(command.data, "little") for command in self.device.executed]


def test_a_session_begins_with_what_the_device_is() -> None:
    bench = Bench()
    bench.open()
    hello = bench.session.hello
    assert hello is not None
    assert (hello.nonce, hello.version, hello.frequency) == (1, Link.VERSION, bench.script.frequency)


def test_commands_are_carried_out_in_order_and_answered_with_their_tokens() -> None:
    bench = Bench()
    bench.open()
    for number in range(300):
        bench.send(number)
    bench.run(lambda: len(bench.responses()) == 300)
    assert bench.responses() == bench.executed() == list(range(300))
    assert bench.session.statistics.resent == 0


def test_the_host_keeps_within_the_ring_of_the_device_and_room_for_one_data() -> None:
    bench = Bench(latency=1.0, patience=Patience(resend=100.0, silence=100.0, idle=50.0))
    bench.open()
    sizes = []
    for number in range(200):
        bench.send(number)
        octets = bench.session.take_output()
        sizes.append(
            len(octets.replace(b"\x7d\x5e", b"~").replace(b"\x7d\x5d", b"}")) - 5 + 2 if octets else 0
        )
    line = 1 << 7
    assert sum(sizes) <= 1024 - (line + 6)
    assert sum(sizes) + max(sizes) > 1024 - (line + 6), "the window is used"
    assert sum(size > 0 for size in sizes) <= 126


def test_small_frames_are_limited_by_their_number() -> None:
    bench = Bench(latency=1.0, patience=Patience(resend=100.0, silence=100.0, idle=50.0))
    bench.open()
    hello = bench.session.hello
    assert hello is not None
    bench.session._limit = 1 << 14
    for number in range(200):
        bench.send(number)
    assert len(bench.session._under_way) == 126


RATES = st.floats(0, 0.02)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1 << 30), RATES, RATES, RATES, st.floats(0, 0.003))
def test_nothing_is_lost_and_nothing_done_twice(
    seed: int, flips: float, drops: float, doubles: float, delay: float
) -> None:
    patience = Patience(silence=20.0)
    bench = Bench(Faults(seed, flips, drops / 4, doubles / 4, delay), patience=patience)
    bench.open()
    for number in range(150):
        bench.send(number, answer=number % 3 == 0)
        if number % 10 == 0:
            bench.device.master_write(4 * number, number.to_bytes(4, "little"))
    wanted = [number for number in range(150) if number % 3 == 0]
    bench.run(lambda: bench.responses() == wanted and bench.session.backlog == 0)
    assert bench.executed() == list(range(150))
    writes = [taken.body.address for taken in bench.taken if isinstance(taken.body, Write)]
    assert writes == [4 * number for number in range(0, 150, 10)]


def test_a_window_over_many_errors_needs_no_more_than_it_should() -> None:
    """One in a hundred bytes is wrong, so a fifth of the frames."""
    bench = Bench(Faults(3, flips=0.01), patience=Patience(silence=20.0))
    bench.open()
    total = 3000
    for number in range(total):
        bench.send(number, answer=number % 8 == 7)
        if number % 100 == 99:
            bench.run(lambda: bench.session.backlog < 50)
    bench.run(lambda: bench.session.backlog == 0)
    assert bench.executed() == list(range(total))
    assert bench.session.statistics.bad > 10
    assert bench.line.now < 60


@pytest.mark.slow
def test_a_hundred_thousand_frames_of_which_one_in_a_hundred_is_bad() -> None:
    bench = Bench(Faults(11, flips=4e-4, drops=2e-5, doubles=2e-5), patience=Patience(silence=20.0))
    bench.open()
    half = 50_000
    for start in range(0, half, 40):
        for number in range(start, start + 40):
            bench.send(number, answer=False)
            bench.device.master_write(4 * number, number.to_bytes(4, "little"))
        bench.line.poll_device()
        bench.run(lambda: bench.session.backlog == 0)
    bench.run(lambda: bench.writes() == half)
    writes = [taken.body.address // 4 for taken in bench.taken if isinstance(taken.body, Write)]
    assert bench.executed() == writes == list(range(half))
    bad = bench.session.statistics.bad
    assert bad > half / 200, f"one in a hundred should be bad; {bad} were"


def test_an_old_next_that_comes_again_acknowledges_nothing() -> None:
    """Numbers repeat after 256: a frame that is sent again has a `next` that could seem new."""
    bench = Bench()
    bench.open()
    for number in range(100):
        bench.send(number)
    bench.run(lambda: bench.session.backlog == 0)
    for number in range(100, 140):
        bench.send(number)
    bench.line.pump()
    old = Frame(0, bench.session._wanted - 1 & 0xFF, bench.session._number, State(None, 0).pack())
    bench.session.receive(encode(old.contents()), bench.line.now)
    assert bench.session.backlog == 40
    bench.run(lambda: bench.session.backlog == 0)
    assert bench.executed() == list(range(140))


def frames_of(octets: bytes) -> list[Frame]:
    return [Frame.of(contents) for contents in Decoder().feed(octets) if contents is not None]


def test_a_frame_that_is_sent_again_has_the_present_next() -> None:
    bench = Bench()
    bench.open()
    bench.send(1)
    first = frames_of(bench.session.take_output())[-1]
    told = Frame(0, bench.session._wanted, first.number, State(None, 5).pack(), again=True)
    bench.session.receive(encode(told.contents()), bench.line.now)
    again = frames_of(bench.session.take_output())[-1]
    assert (again.type, again.number, again.body) == (first.type, first.number, first.body)
    assert again.next == first.next + 1


def test_a_gap_is_asked_for_once() -> None:
    bench = Bench()
    bench.open()
    bench.session.take_output()
    for ahead in (2, 3, 4):
        frame = Frame(0, bench.session._wanted + ahead & 0xFF, 0, State(None, 0).pack())
        bench.session.receive(encode(frame.contents()), bench.line.now)
    asked = frames_of(bench.session.take_output())
    assert [(frame.type, frame.again, frame.next) for frame in asked] == [
        (LinkToDevice.CONTROL, True, bench.session._wanted)
    ]


def test_what_was_taken_is_acknowledged_before_the_ring_of_the_device_is_full() -> None:
    bench = Bench()
    bench.open()
    for number in range(200):
        bench.device.master_write(128 * number, bytes(128))
    bench.line.poll_device()
    bench.run(lambda: sum(isinstance(taken.body, Write) for taken in bench.taken) == 200)
    assert bench.session.statistics.resent == 0


def test_a_fetch_is_answered_before_commands_that_wait() -> None:
    bench = Bench()
    bench.open()
    for number in range(200):
        bench.send(number)
    got: list[bytes] = []
    bench.device.master_read(0, 8, got.append)
    bench.line.poll_device()

    def serve(taken: Taken) -> None:
        bench.taken.append(taken)
        if isinstance(taken.body, Fetch):
            assert bench.session.backlog > 50
            bench.session.send(Data(taken.body.tag, b"12345678"), bench.line.now)

    bench.line._taken = serve
    bench.run(lambda: got == [b"12345678"])
    assert len(bench.executed()) < 150


def test_an_idle_host_asks_four_times_a_second() -> None:
    bench = Bench()
    bench.open()
    bench.run(lambda: bench.line.now >= 2.0)
    assert bench.session.answers in {7, 8}


def test_a_question_that_is_lost_is_asked_again() -> None:
    bench = Bench()
    bench.open()
    bench.session.ask(bench.line.now)
    bench.session.take_output()  # lost
    asked = bench.line.now
    bench.run(lambda: bench.session.answers == 1)
    assert bench.line.now - asked < 0.1


def test_silence_of_a_second_loses_the_machine_after_some_questions() -> None:
    bench = Bench()
    bench.open()
    began = bench.line.now
    asked = 0
    while bench.session.loss is None:
        bench.session.tick(bench.line.now)
        asked += sum(frame.ask for frame in frames_of(bench.session.take_output()))
        bench.line.now = max(bench.session.next_time(), bench.line.now + 1e-6)
    assert bench.session.loss is Loss.SILENCE
    assert 8 <= asked <= 12
    assert 0.95 < bench.line.now - began < 1.3


def test_a_host_that_was_asleep_asks_before_it_gives_up() -> None:
    bench = Bench()
    bench.open()
    bench.line.now += 100
    bench.session.tick(bench.line.now)
    assert bench.session.loss is None
    bench.run(lambda: bench.session.answers == 1)


def test_nobody_at_the_other_side_is_silence() -> None:
    session = Session()
    session.open(1, 0.0)
    now = 0.0
    while session.loss is None and now < 5:
        session.tick(now)
        now += 0.01
    assert session.loss is Loss.SILENCE
    assert 0.9 < now < 1.2


def test_garbage_before_the_hello_does_no_harm() -> None:
    bench = Bench()
    bench.device.receive(b"\x12\x34\x7d")
    bench.session.receive(b"login: \x7e\x7e\xff\x00\x7e", 0.0)
    bench.open()
    bench.send(1)
    bench.run(lambda: bench.responses() == [1])


def test_a_device_that_has_lost_its_session_ends_it() -> None:
    bench = Bench()
    bench.open()
    bench.device.power_cycle()
    while bench.session.loss is None:
        bench.line.step()
    assert bench.session.loss is Loss.RESET


def test_another_session_of_the_device_ends_this_one() -> None:
    bench = Bench()
    bench.open()
    hello = bench.session.hello
    assert hello is not None
    frame = Frame(type_of(hello), 0, 0, replace_nonce(hello, 77).pack())
    bench.session.receive(encode(frame.contents()), bench.line.now)
    assert bench.session.loss is Loss.RESET


def replace_nonce(hello: DeviceHello, nonce: int) -> DeviceHello:
    return hello._replace(nonce=nonce)


def test_frames_of_an_earlier_session_are_no_frames_of_this_one() -> None:
    bench = Bench()
    bench.open(1)
    late = encode(Frame(0, 1, 0, State(3, 99).pack()).contents())
    bench.session.open(2, bench.line.now)
    assert bench.session.receive(late, bench.line.now) == []
    bench.run(lambda: bench.session.hello is not None)
    bench.send(5)
    bench.run(lambda: bench.responses() == [5])


def test_another_version_is_told() -> None:
    bench = Bench()
    bench.device._version = 9
    bench.session.open(1, 0.0)
    while bench.session.loss is None:
        bench.line.step()
    assert bench.session.loss is Loss.VERSION
    assert bench.session.hello is not None
    assert bench.session.hello.version == 9


@pytest.mark.parametrize("count", [0, 1, 127])
def test_a_session_can_begin_again_in_the_middle_of_work(count: int) -> None:
    bench = Bench()
    bench.open(1)
    for number in range(count):
        bench.send(number)
    bench.line.pump()
    bench.open(2)
    bench.send(500)
    bench.run(lambda: 500 in bench.responses())
    assert bench.executed() == [500]


def resend_time_of(session: Session) -> float:
    """The time after which a long frame is sent again."""
    line = FaultyLine(session, FakeDevice(ScriptedTarget()), SOUND, lambda _taken: None)
    session.open(1, 0.0)
    line.run_until(lambda: session.hello is not None)
    session.send(Command(Op.MEM_WRITE, MEMORY, 0xF, 64, bytes(256)), line.now)
    return session._resend_time()


def test_a_slow_line_is_given_the_time_that_its_bytes_take() -> None:
    assert resend_time_of(Session(rate=1000.0)) > resend_time_of(Session()) + 0.25


@pytest.mark.parametrize("name", ["flips", "drops", "doubles"])
def test_a_rate_of_faults_is_a_probability(name: str) -> None:
    with pytest.raises(ValueError, match=f"the rate of {name} must be 0 to 1; it was 2"):
        replace(SOUND, **{name: 2})


def test_a_next_beyond_what_was_sent_acknowledges_nothing() -> None:
    bench = Bench()
    bench.open()
    for number in range(5):
        bench.send(number)
    wrong = Frame(0, bench.session._wanted, bench.session._number + 1 & 0xFF, State(None, 0).pack())
    bench.session.receive(encode(wrong.contents()), bench.line.now)
    assert bench.session.backlog == 5


def test_an_answer_that_is_lost_comes_again_soon() -> None:
    bench = Bench()
    bench.open()
    bench.send(1)
    bench.device.receive(bench.session.take_output())  # and what it says is lost
    began = bench.line.now
    bench.run(lambda: bench.responses() == [1])
    assert bench.line.now - began < 0.05
    assert bench.executed() == [1]
