# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The command line: what it refuses, and how it says so."""

from __future__ import annotations

import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import pytest

from dirql import __version__, cli
from dirql.hardware.reading import machine_names
from dirql.hardware.root import machine_root
from dirql.job import MODES
from dirql.trace.histogram import samples_needed


def refusal(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    with pytest.raises(SystemExit) as refused:
        cli.main(arguments)
    assert refused.value.code == 2
    return capsys.readouterr().err


def test_modes_of_the_command_line_are_those_of_the_job() -> None:
    assert tuple(MODES) == cli.MODES


def test_the_default_transfers_are_the_fewest_with_which_p99_has_enough_samples() -> None:
    options = cli._parser().parse_args(["run"])
    needed = samples_needed(Fraction(99, 100))
    assert 2 * (options.transfers - 1) < needed <= 2 * options.transfers


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--mode", "pio"), "must be of polled, timer, interrupt, dma or all; it was 'pio'"),
        (("--interrupt", "edge"), "must be of level, latched, message or all; it was 'edge'"),
        (("--transfers", "0"), "must be 1 or more; it was 0"),
        (("--transfers", "many"), "invalid integer value: 'many'"),
        (("--size", "-4"), "must be 1 or more; it was -4"),
        (("--seed", "-1"), "must be 0 or more; it was -1"),
        (("--processors", "0"), "must be 1 or more; it was 0"),
        (
            ("--target", "board"),
            "a target must be one of verilated, cocotb, serial, tcp, usb, usbip, twin, replay; it was 'board'",
        ),
        (("--target", "seriel:///dev/ttyUSB0"), "it was 'seriel:///dev/ttyUSB0': did you mean serial?"),
        (("--target", "tcp://nowhere"), "a board on the network must be given as tcp://host:port"),
        (
            ("--json", "no/such/folder/run.json"),
            "it was 'no/such/folder/run.json', but there is no folder no/such/folder",
        ),
        (("--trace", "."), "must be a file that can be written; it was '.', but it is a folder"),
        (
            ("--waves", "x.vcd", "--json", "./x.vcd"),
            "--json must name another file than --waves; both were x.vcd",
        ),
        (
            ("--target", "cocotb", "--waves", "x.vcd"),
            "--waves needs --target verilated; the target was cocotb",
        ),
    ],
)
def test_what_cannot_be_is_refused_before_anything_runs(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], message: str
) -> None:
    assert message in refusal(capsys, "run", *arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("-s", "00:20.0"), "a selection must be [[domain:]bus:][device][.function] in hexadecimal digits"),
        (("--machine", "no-such-machine"), "it was 'no-such-machine'"),
        (
            ("--target", "board"),
            "a target must be one of verilated, cocotb, serial, tcp, usb, usbip, twin, replay; it was 'board'",
        ),
        (("--target", "tcp://nowhere"), "a board on the network must be given as tcp://host:port"),
    ],
)
def test_what_lspci_cannot_show_is_refused(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], message: str
) -> None:
    assert message in refusal(capsys, "lspci", *arguments)


def test_no_command_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert "COMMAND" in refusal(capsys)


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"dirql {__version__}\n"


def test_errors_of_the_set_up_are_one_line_and_status_2(tmp_path: Path) -> None:
    environment = dict(os.environ, PATH=str(tmp_path), DIRQL_CACHE=str(tmp_path / "cache"))
    words = [sys.executable, "-m", "dirql", "run", "--transfers", "1"]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    (line,) = done.stderr.strip().splitlines()
    assert line.startswith("dirql: ")
    assert "install" in line


def test_machines_lists_each_machine_with_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["machines"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == machine_names()
    assert all(len(line.split()) > 3 for line in lines)


def test_a_machine_file_that_cannot_be_is_refused_before_anything_is_compiled(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "lab.toml"
    text = (machine_root() / "hdl/machines/default.toml").read_text(encoding="utf-8")
    path.write_text(text.replace('line = "A"', 'line = "E"'), encoding="utf-8")
    with pytest.raises(SystemExit) as stopped:
        cli.main(["run", "--machine", str(path)])
    assert stopped.value.code == 2
    assert f"{path}, functions[0].line: it must be one of A, B, C, D; it was 'E'" in capsys.readouterr().err
