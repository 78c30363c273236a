# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Ctrl-C while a simulator starts: the process that starts it lives on, and the simulator learns of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from dirql.pytest_plugin import _has_line
from dirql.target.simulation.simulator import INTERRUPTED, _interrupts_left_to_simulator, _status


@pytest.fixture(params=[False, True], ids=["one_thread", "several_threads"])
def threads(request: pytest.FixtureRequest) -> Iterator[None]:
    """Another thread of the process, that does not hold the signal back and so may get it; or none."""
    ended = threading.Event()
    other = threading.Thread(target=ended.wait)
    if request.param:
        other.start()
    yield
    ended.set()
    if request.param:
        other.join()


@pytest.mark.usefixtures("threads")
def test_ctrl_c_before_there_is_a_simulator_is_noted(tmp_path: Path) -> None:
    note = tmp_path / INTERRUPTED
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ()), signal.getsignal(signal.SIGINT)
    with _interrupts_left_to_simulator(note):
        os.kill(os.getpid(), signal.SIGINT)
        while not note.exists():
            pass  # the time-out of the test ends this
    assert (signal.pthread_sigmask(signal.SIG_BLOCK, ()), signal.getsignal(signal.SIGINT)) == before
    with pytest.raises(KeyboardInterrupt):
        _status(tmp_path, "")


def test_without_ctrl_c_there_is_no_note(tmp_path: Path) -> None:
    with _interrupts_left_to_simulator(tmp_path / INTERRUPTED):
        pass
    assert [*tmp_path.iterdir()] == []


def test_a_simulator_begins_with_the_signal_held_back(tmp_path: Path) -> None:
    code = "import signal; print(signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, ()))"
    with _interrupts_left_to_simulator(tmp_path / INTERRUPTED):
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"


class WithoutLine:
    @property
    def lineno(self) -> int:
        raise TypeError("unsupported operand type(s) for -: 'NoneType' and 'int'")


class WithLine:
    lineno = 0


def test_frames_without_a_line_are_left_out() -> None:
    assert _has_line(WithLine())
    assert not _has_line(WithoutLine())
