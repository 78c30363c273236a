# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import io
import re
import threading

import pytest
from rich.console import Console

from dirql.report import progress


def play(console: Console) -> None:
    with progress.show(console) as display:
        for name in ("polled", "dma, level"):
            with display.mode(name, 3, "requests") as step:
                for _ in range(3):
                    step(4096, 1000)


def test_elsewhere_than_on_a_terminal_each_mode_is_one_line() -> None:
    file = io.StringIO()
    play(Console(file=file, width=40))
    lines = file.getvalue().splitlines()
    assert len(lines) == 2
    assert re.fullmatch(r"polled: 3 requests, 12,288 bytes, 3,000 clocks, [\d.]+ M clocks/s", lines[0])
    assert lines[1].startswith("dma, level: 3 requests, ")


def test_a_dumb_terminal_gets_lines_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    file = io.StringIO()
    play(Console(file=file, force_terminal=True))
    assert "\x1b" not in file.getvalue()
    assert len(file.getvalue().splitlines()) == 2


def test_a_terminal_shows_the_mode_at_work_and_is_left_clean(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    threads = threading.active_count()
    file = io.StringIO()
    console = Console(file=file, force_terminal=True, width=100)
    with progress.show(console) as display, display.mode("dma, level", 3, "requests") as step:
        for _ in range(3):
            step(4096, 1000)
        assert threading.active_count() == threads, "nothing draws beside the kernel"
    shown = file.getvalue()
    assert "dma, level" in shown
    assert "3/3" in shown
    assert "12,288 bytes, 3,000 clocks" in shown
    assert shown.endswith("\x1b[2K"), "the lines are erased"
    assert "\x1b[?25h" in shown, "the cursor is back"


def test_the_terminal_is_restored_when_the_job_is_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    file = io.StringIO()

    def interrupted() -> None:
        with (
            progress.show(Console(file=file, force_terminal=True)) as display,
            display.mode("dma", 3, "requests"),
        ):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert "\x1b[?25h" in file.getvalue()
