# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The main job: what it prints and writes, and what makes it fail."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dirql import cli
from dirql.drivers.store import plugplay
from dirql.io.handle import Handle

ALL_ROWS = [
    ("polled", None),
    ("timer", None),
    *((mode, kind) for kind in ("level", "latched", "message") for mode in ("interrupt", "dma")),
]


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")


def test_all_rows_move_right_data(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    run, trace = tmp_path / "run.json", tmp_path / "run.pftrace"
    arguments = ["run", "--transfers", "3", "--size", "300", "--json", str(run), "--trace", str(trace)]
    assert cli.main(arguments) == 0
    shown = capsys.readouterr().out
    assert "All data was right and nothing leaked." in shown
    document = json.loads(run.read_text(encoding="utf-8"))
    assert document["verdict"] == "pass"
    assert [(mode["mode"], mode["interrupt"]) for mode in document["modes"]] == ALL_ROWS
    assert all(mode["irps"] == 6 and mode["bytes"] == 1800 for mode in document["modes"])
    assert trace.stat().st_size > 10_000


def test_interrupts_that_a_machine_lacks_get_no_row_and_a_sentence(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    run = tmp_path / "run.json"
    arguments = ["run", "--machine", "tiny", "--transfers", "2", "--size", "300"]
    assert cli.main([*arguments, "--json", str(run)]) == 0
    shown = capsys.readouterr().out
    assert "There is no row for message: the stores of tiny have no such interrupts." in shown
    document = json.loads(run.read_text(encoding="utf-8"))
    kinds = [(mode["mode"], mode["interrupt"]) for mode in document["modes"]]
    assert kinds == [row for row in ALL_ROWS if row[1] != "message"]
    assert cli.main([*arguments, "--mode", "dma", "--interrupt", "message"]) == 2
    assert "--interrupt must name a kind that the stores of tiny have" in capsys.readouterr().err


def test_the_same_seed_gives_the_same_figures(tmp_path: Path) -> None:
    documents = []
    for name in ("first.json", "second.json"):
        path = tmp_path / name
        assert (
            cli.main(["run", "--transfers", "2", "--seed", "7", "--processors", "2", "--json", str(path)])
            == 0
        )
        document = json.loads(path.read_text(encoding="utf-8"))
        for mode in document["modes"]:
            del mode["wall_seconds"]
        documents.append(document)
    assert documents[0] == documents[1]


def test_wrong_data_fails_the_job_and_says_where(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(handle: Handle, length: int, offset: int = 0) -> bytes:
        data = bytearray(handle.read_overlapped(length, offset).result())
        data[5] ^= 0x40
        return bytes(data)

    monkeypatch.setattr(Handle, "read", read)
    assert cli.main(["run", "--transfers", "1", "--mode", "dma", "--interrupt", "level"]) == 1
    shown = capsys.readouterr().out
    assert "WRONG" in shown
    assert "must be 0x" in shown


def test_a_leak_fails_the_job_and_names_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plugplay, "ExFreePoolWithTag", lambda *_: None)
    assert cli.main(["run", "--transfers", "1", "--mode", "polled"]) == 1
    assert "'Stor'" in capsys.readouterr().out


def test_a_size_that_does_not_fit_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["run", "--size", "65537"]) == 2
    assert (
        "--size must be at most 65536 bytes, the size of the device; it was 65537" in capsys.readouterr().err
    )


def test_waves_are_written(tmp_path: Path) -> None:
    path = tmp_path / "run.vcd"
    arguments = ["run", "--transfers", "1", "--size", "4", "--mode", "dma", "--interrupt", "level"]
    assert cli.main([*arguments, "--waves", str(path)]) == 0
    written = [file for file in tmp_path.iterdir() if file.stem == "run"]
    assert [file.suffix in {".vcd", ".fst"} for file in written] == [True]
    assert written[0].stat().st_size > 10_000
