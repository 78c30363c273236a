# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The rows of the main job in several processes: they show what one machine shows."""

from __future__ import annotations

import io
import json
import os
import re
import select
import signal
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
from rich.console import Console

from dirql import cli, job, shares
from dirql.io.handle import Handle
from dirql.job import Options
from dirql.report.progress import Display
from dirql.report.results import JobResult
from dirql.shares import Offer, ShareFailed, run_shares

pytestmark = pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")

_AGAIN = "A row has not passed. All rows run again on one machine."
_TIMES = re.compile(r"[0-9.]+ (M clocks/s|s )")


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setattr(job, "_WORTHWHILE", 0)


def _run(processes: int, folder: Path, capsys: pytest.CaptureFixture[str], *more: str) -> tuple[str, object]:
    """Run the job; returns what it shows, and its document, without the times of this computer."""
    path = folder / "run.json"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(job, "possible_processes", lambda: processes)
        cli.main(["run", "--transfers", "2", "--size", "500", "--json", str(path), *more])
    document = json.loads(path.read_text(encoding="utf-8"))
    for mode in document["modes"]:
        del mode["wall_seconds"]
    return re.sub(" +", " ", _TIMES.sub("", capsys.readouterr().out)), document


@pytest.mark.slow
def test_the_rows_of_several_processes_are_those_of_one_machine(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    outside, inside = os.pipe()
    run_share = job._run_share

    def told(options: Options, rows: Sequence[job.Row], display: Display) -> JobResult | None:
        os.write(inside, b".")
        return run_share(options, rows, display)

    monkeypatch.setattr(job, "_run_share", told)
    alone = _run(1, tmp_path, capsys)
    os.set_blocking(outside, False)
    with pytest.raises(BlockingIOError):
        os.read(outside, 1)
    assert _run(3, tmp_path, capsys) == alone
    assert os.read(outside, 9) == b"..."
    os.close(outside)
    os.close(inside)


@pytest.mark.slow
def test_a_row_that_fails_in_a_process_fails_on_one_machine_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(handle: Handle, length: int, offset: int = 0) -> bytes:
        data = bytearray(handle.read_overlapped(length, offset).result())
        data[5] ^= 0x40
        return bytes(data)

    monkeypatch.setattr(Handle, "read", read)
    modes = "--mode", "dma", "--interrupt", "level,message"
    shown, document = _run(2, tmp_path, capsys, *modes)
    once, expected = _run(1, tmp_path, capsys, *modes)
    assert "WRONG" in shown
    assert document == expected
    assert shown.partition(f"{_AGAIN}\n")[2] == once


@pytest.mark.parametrize(
    "option",
    [
        ("--seed", "1"),
        ("--processors", "2"),
        ("--rate", "1000"),
        ("--limits", "clocks=99999999"),
        ("--machine", "shared"),
        ("--trace", "FILE"),
        ("--record", "FILE"),
    ],
)
def test_rows_that_may_depend_on_others_run_on_one_machine(
    option: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[object] = []
    monkeypatch.setattr(job, "possible_processes", lambda: 2)
    monkeypatch.setattr(job, "run_shares", lambda *_: seen.append(option))
    name, value = option
    arguments = [name, str(tmp_path / "file") if value == "FILE" else value]
    cli.main(["run", "--transfers", "1", "--size", "4", "--mode", "dma", *arguments])
    assert not seen


def test_a_process_that_is_busy_takes_no_row_from_others_and_every_row_is_taken_once() -> None:
    offer = Offer([5, 0, 3, 1, 4, 2])
    go_on, release = os.pipe()

    def busy(_: Display) -> list[int]:
        taken = offer.take()
        first = next(taken)
        os.write(release, b".")
        os.read(begun, 1)
        return [first, *taken]

    def free(_: Display) -> list[int]:
        os.read(go_on, 1)
        rest = list(offer.take())
        os.write(begin, b".")
        return rest

    begun, begin = os.pipe()
    assert run_shares([], [busy, free], _display()[0]) == [[5], [0, 3, 1, 4, 2]]
    offer.close()
    for end in (go_on, release, begun, begin):
        os.close(end)


def test_the_longest_rows_are_offered_first(monkeypatch: pytest.MonkeyPatch) -> None:
    offered: list[list[int]] = []

    class Seen(Offer):
        def __init__(self, numbers: Sequence[int]) -> None:
            super().__init__(numbers)
            offered.append(list(numbers))

    def refuse(*_: object) -> None:
        raise ShareFailed("no process")

    monkeypatch.setattr(job, "possible_processes", lambda: 2)
    monkeypatch.setattr(job, "Offer", Seen)
    monkeypatch.setattr(job, "run_shares", refuse)
    cli.main(["run", "--transfers", "1", "--size", "4"])
    assert offered == [[2, 4, 6, 1, 0, 3, 5, 7]]


def _display() -> tuple[Display, io.StringIO]:
    text = io.StringIO()
    return Display(Console(file=text, width=100), None), text


def test_lines_come_in_the_order_of_the_rows() -> None:
    def share(names: str, display: Display) -> str:
        for name in names:
            with display.mode(name, 1, "requests") as step:
                step(4, 10)
        return names

    display, text = _display()
    tasks = [lambda display: share("bd", display), lambda display: share("ac", display)]
    assert run_shares(list("abcd"), tasks, display) == ["bd", "ac"]
    lines = text.getvalue().splitlines()
    assert [line.partition(",")[0] for line in lines] == [f"{name}: 1 requests" for name in "abcd"]


def _end_in_any_way(end: str) -> str | None:
    if end == "exit":
        os._exit(3)
    if end == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if end == "term":
        os.kill(os.getpid(), signal.SIGTERM)
    if end == "error":
        raise ValueError("the first line\nand the second")
    if end == "interrupt":
        raise KeyboardInterrupt
    return None


@pytest.mark.parametrize(
    ("end", "why"),
    [
        ("none", "A row has not passed."),
        ("exit", "A process that ran rows has ended without a result, with the exit status 3."),
        ("kill", "A process that ran rows was ended by SIGKILL, as the system does when memory is short."),
        ("term", "A process that ran rows was ended by SIGTERM."),
        ("error", "A row has ended with an error: ValueError: the first line"),
        ("interrupt", "A row has ended with an error: KeyboardInterrupt"),
    ],
)
def test_a_share_without_a_result_ends_all_and_says_why(end: str, why: str) -> None:
    display, _ = _display()
    with pytest.raises(ShareFailed) as failed:
        run_shares(["a"], [lambda _: _end_in_any_way(end), lambda _: "a result"], display)
    assert str(failed.value) == why


@pytest.mark.slow
def test_the_job_says_how_a_process_has_ended_and_runs_all_rows_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job, "_run_share", lambda *_: _end_in_any_way("kill"))
    shown, _ = _run(2, tmp_path, capsys, "--mode", "dma", "--interrupt", "level,message")
    assert (
        "was ended by SIGKILL, as the system does when memory is short. All rows run again on one machine.\n"
        in shown
    )
    assert "All data was right and nothing leaked." in shown


def test_a_share_that_ends_within_a_message_ends_all(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(_: object, connection: Connection[object, object], __: object) -> None:
        os.write(connection.fileno(), (100).to_bytes(4, "big") + b"a part")
        os._exit(0)

    monkeypatch.setattr(shares, "_be_share", run)
    display, _ = _display()
    with pytest.raises(ShareFailed, match="has ended without a result, with the exit status 0"):
        run_shares(["a"], [lambda _: "never run"], display)


def test_shares_end_soon_after_the_process_that_has_begun_them_was_killed() -> None:
    alive, held = os.pipe()  # every process below holds one end, so the other one tells when all have ended
    begun, tell = os.pipe()

    def share(name: str, display: Display) -> str:
        end = time.monotonic() + 20
        with display.mode(name, 1, "requests") as step:
            os.write(tell, b".")
            while time.monotonic() < end:
                step(4, 10, 0)
                time.sleep(0.02)
        return name

    begins = os.fork()
    if not begins:
        os.close(alive)
        try:
            tasks = [lambda told: share("a", told), lambda told: share("b", told)]
            run_shares(["a", "b"], tasks, _display()[0])
        finally:
            os._exit(0)
    os.close(held)
    os.close(tell)
    for _ in range(2):
        assert os.read(begun, 1)
    os.kill(begins, signal.SIGKILL)
    os.waitpid(begins, 0)
    assert select.select([alive], [], [], 10)[0], "a share still runs"
    os.close(alive)
    os.close(begun)
