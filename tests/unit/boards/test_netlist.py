# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The guard over unpacked bitstreams: each cell that nextpnr placed must be in the netlist, with the same contents."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dirql.boards.netlist import (
    Cells,
    NetlistError,
    cells_of_design,
    cells_of_netlist,
    check_netlist,
    read_cells,
    write_cells,
)

PINS = {"clk_i": "J3", "rx_i": "B10", "tx_o": "B12"}
UNUSED = {"LUT_INIT": "0" * 16, "CARRY_ENABLE": "0", "DFF_ENABLE": "0"}
RAM = {
    "READ_MODE": "10",
    "WRITE_MODE": "00",
    "INIT_0": "x" * 240 + "1000000000100011",
    "INIT_F": "1" * 256,
}


def cell(kind: str, bel: str, **parameters: str) -> dict[str, object]:
    return {"type": kind, "parameters": parameters, "attributes": {"NEXTPNR_BEL": bel}}


CELLS = {
    "sum": cell(
        "ICESTORM_LC", "X2/Y1/lc7", **{**UNUSED, "LUT_INIT": "0110100110010110", "CARRY_ENABLE": "1"}
    ),
    "state": cell("ICESTORM_LC", "X12/Y25/lc1", **{**UNUSED, "LUT_INIT": "1" * 16, "DFF_ENABLE": "1"}),
    "delay": cell("ICESTORM_LC", "X3/Y26/lc0", **{**UNUSED, "DFF_ENABLE": "1"}),
    "words": cell("ICESTORM_RAM", "X8/Y1/ram", **RAM),
    "clk_i$sb_io": cell("SB_IO", "X16/Y0/io1"),
    "tx_o$sb_io": cell("SB_IO", "X5/Y33/io1"),
    "global": cell("SB_GB", "X17/Y33/gb"),
}
NETLIST = f"""
module chip (input pin_J3, output pin_B12);

wire n1, pin_J3;
reg pin_B12 = 0;
SB_RAM40_4K #(
  .READ_MODE(2),
  .WRITE_MODE(0),
  .INIT_0(256'h{0x8023:064x}),
  .INIT_F(256'h{"f" * 64})
) ram40_8_1 (
  .WADDR({{1'b0, n2533}}),
  .WE(n106)
);

assign n8663  = /* LUT    3 26  0 */ 1'b0;
assign n8664  = /* LUT   12 25  1 */ 1'b1;
assign n9284  = /* LUT    2  1  7 */ (n3360 ? n1073 : n2955);
assign n9285  = /* LUT    4  4  4 */ n2955;
assign n8508  = /* CARRY  2  1  7 */ (n4757 & n4763) | ((n4757 | n4763) & n8457);
/* FF 30 30  3 */ assign n7053 = n9071;
/* FF 12 25  1 */ always @(posedge pin_J3) if (n1197) pin_B12 <= 1'b0 ? 1'b0 : n10002;
/* FF  3 26  0 */ always @(posedge pin_J3) if (1'b1) n30 <= 1'b0 ? 1'b0 : n8663;

endmodule
"""


def design(cells: dict[str, dict[str, object]] = CELLS) -> Cells:
    return cells_of_design(json.dumps({"modules": {"top": {"cells": cells}}}), PINS)


def refusal(netlist: str) -> str:
    assert netlist != NETLIST
    with pytest.raises(NetlistError) as refused:
        check_netlist(design(), cells_of_netlist(netlist))
    return str(refused.value)


def test_a_netlist_with_each_cell_passes_also_with_a_net_through_a_lut() -> None:
    check_netlist(design(), cells_of_netlist(NETLIST))
    assert sorted(set(cells_of_netlist(NETLIST)) - set(design())) == ["LUT 4 4 4"]


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("/* FF  3 26  0 */ always", "1 of 2 flip-flops are missing: FF 3 26 0"),
        ("assign n8664  =", "1 of 2 LUTs are missing: LUT 12 25 1"),
        ("assign n9284  =", "1 of 2 LUTs are missing: LUT 2 1 7"),
        ("assign n8508  =", "1 of 1 carries are missing: CARRY 2 1 7"),
    ],
)
def test_a_netlist_without_one_of_its_cells_is_refused(line: str, complaint: str) -> None:
    lines = NETLIST.splitlines(keepends=True)
    assert complaint in refusal("".join(each for each in lines if not each.startswith(line)))


def test_a_netlist_without_a_pad_or_a_ram_is_refused() -> None:
    assert "1 of 2 pads are missing: IO B12" in refusal(NETLIST.replace(", output pin_B12);", ");"))
    begin, end = NETLIST.index("SB_RAM"), NETLIST.index("assign n8663")
    assert "1 of 1 block RAMs are missing: RAM 8 1" in refusal(NETLIST[:begin] + NETLIST[end:])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("8023)", "8021)"),
        (".INIT_F(256'hf", ".INIT_F(256'h7"),
        ("READ_MODE(2)", "READ_MODE(1)"),
        ("INIT_F", "INIT_E"),
    ],
)
def test_a_ram_with_other_contents_or_modes_is_refused(old: str, new: str) -> None:
    assert "1 of 1 block RAMs are others: RAM 8 1; RAM 8 1 has modes" in refusal(NETLIST.replace(old, new))


def test_a_flip_flop_that_the_design_does_not_have_is_refused() -> None:
    added = NETLIST.replace("assign n7053 = n9071", "always @(posedge pin_J3) if (1'b1) n7053 <= n9071")
    assert "1 of 2 flip-flops are too many: FF 30 30 3" in refusal(added)


@pytest.mark.parametrize("kind", ["SB_SPRAM256KA", "SB_MAC16", "ICESTORM_PLL", "SB_HFOSC"])
def test_a_design_with_a_cell_that_is_left_out_is_refused(kind: str) -> None:
    with pytest.raises(NetlistError, match=f"{kind} 0 7 is of a kind that icebox_vlog leaves out"):
        check_netlist(design({**CELLS, "large": cell(kind, "X0/Y7/any")}), cells_of_netlist(NETLIST))


def test_cells_are_read_as_they_were_written(tmp_path: Path) -> None:
    write_cells(design(), tmp_path / "cells")
    assert read_cells(tmp_path / "cells") == design()
