# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The output of pytest and of `dirql run` for a driver with a mistake: its frames, the reason first, no more."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dirql.target import inside_simulator
from mistakes.book import DRIVER, Mistake, mistakes
from sessions import SESSION

pytestmark = pytest.mark.skipif(inside_simulator(), reason="starts sessions of its own")

TEST = """
import pytest
from dirql import wdm

pytestmark = pytest.mark.driver("own_driver.py", name=r"\\\\.\\Own")


def raise_interrupt(handle):
    handle.ioctl(0x222004)


def test_it(handle):
    raise_interrupt(handle)
"""
SCENARIO = """

def scenario(machine):
    with machine.open(r"\\\\.\\Own") as handle:
        yield lambda number: handle.ioctl(IOCTL_RAISE)
"""


def run(folder: Path, title: str, *words: str, test: str = TEST) -> str:
    """Run a command in a folder with the driver that has the mistake; returns what it prints."""
    mistake = _find(title)
    (folder / DRIVER.name).write_text(mistake.source() + SCENARIO, encoding="utf-8")
    (folder / "test_it.py").write_text(test, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", *words],
        cwd=folder,
        env=os.environ | {"COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    return done.stdout + done.stderr


def _find(title: str) -> Mistake:
    return next(mistake for mistake in mistakes() if mistake.title == title)


def pytest_prints(folder: Path, title: str, *words: str, test: str = TEST) -> list[str]:
    """The lines that pytest prints for a mistake."""
    return run(folder, title, *SESSION[2:], "--rootdir", str(folder), *words, test=test).splitlines()


def test_a_bug_check_shows_the_test_and_the_line_of_the_driver(tmp_path: Path) -> None:
    lines = pytest_prints(tmp_path, "An exception in an ISR")
    text = "\n".join(lines)
    assert ">       extension.cause = 1 // 0" in lines
    assert "test_it.py:13: in test_it" in text or "raise_interrupt(handle)" in text
    assert "own_driver.py:185: BugCheck" in lines
    assert "/dirql/" not in text
    assert len(lines) < 45
    assert lines[-2].startswith(
        "FAILED test_it.py::test_it - the ISR own_driver.Isr must handle its exceptions"
    )


def test_full_trace_shows_the_frames_of_dirql(tmp_path: Path) -> None:
    assert "ke/guard.py" in "\n".join(pytest_prints(tmp_path, "An exception in an ISR", "--full-trace"))


def test_a_mistake_while_the_driver_starts_shows_its_line_only(tmp_path: Path) -> None:
    lines = pytest_prints(tmp_path, "A name of C for a member: MajorFunction")
    assert ">       driver.MajorFunction[wdm.IRP_MJ_PNP] = Pnp" in lines
    assert not [line for line in lines if "_pytest" in line or "/dirql/" in line]
    assert lines[-2].startswith(
        "ERROR test_it.py::test_it - a member of DRIVER_OBJECT must have its name in Python"
    )


def test_a_start_that_fails_gives_the_reason_without_frames(tmp_path: Path) -> None:
    lines = pytest_prints(tmp_path, "IoConnectInterrupt gets another level")
    assert not [line for line in lines if "_pytest" in line or "/dirql/" in line]
    assert lines[-2].startswith(
        "ERROR test_it.py::test_it - IoConnectInterrupt: Irql must be u.Interrupt.Level"
    )


def test_a_deadlock_names_the_request_first(tmp_path: Path) -> None:
    lines = pytest_prints(tmp_path, "A request that nobody completes")
    assert lines[-2].startswith("FAILED test_it.py::test_it - the oldest request is IRP ")


def test_a_wrong_call_of_a_test_ends_at_the_test(tmp_path: Path) -> None:
    test = TEST.replace("    raise_interrupt(handle)", "    wdm.KeSetEvent(handle, 0, False)")
    lines = pytest_prints(tmp_path, "A stall of 1 ms in an ISR", test=test)
    assert "/dirql/" not in "\n".join(lines)
    assert lines[-2].startswith(
        "FAILED test_it.py::test_it - TypeError: KeSetEvent: Event must have the type KEVENT"
    )


def test_a_mistake_that_nt_lets_pass_is_told_without_frames(tmp_path: Path) -> None:
    lines = pytest_prints(tmp_path, "A stall of 1 ms in an ISR")
    assert not [line for line in lines if "_pytest" in line or "/dirql/" in line]
    assert "  WDG-03: KeStallExecutionProcessor must stall for at most 50" in "\n".join(lines)


def test_a_run_shows_the_message_and_the_lines_of_the_driver(tmp_path: Path) -> None:
    words = ("dirql", "run", "--driver", DRIVER.name, "--transfers", "1", "--interrupt", "level")
    text = run(tmp_path, "Too few arguments", *words)
    assert text.startswith("dirql: KMODE_EXCEPTION_NOT_HANDLED (0x1E: ")
    assert "IoRequestDpc takes 3 arguments; 1 was missing" in text
    assert "    wdm.IoRequestDpc(device, None)" in text.splitlines()
    assert "/dirql/" not in text
    assert "ke/guard.py" in run(tmp_path, "Too few arguments", *words, "--full-trace")
