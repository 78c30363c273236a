# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""A compiled module with its mutants in it: the environment chooses which one is at work."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from dirql.target.simulation.toolchain import find_toolchain
from mutants import Mutant, mutants_of, schema

MODULE = """\
module dut (
  input  logic       clk_i,
  input  logic       rst_ni,
  input  logic       up_i,
  output logic [3:0] count_o
);
  localparam logic [3:0] Limit = 4'd9;
  logic [3:0] count_q;
  logic       full;
  assign full = count_q == Limit;
  always_ff @(posedge clk_i) begin : p_count
    if (!rst_ni) count_q <= '0;
    else if (up_i && !full) count_q <= count_q + 4'd1;
  end
  assign count_o = count_q;
endmodule
"""

BENCH = """\
module bench;
  logic       clk = 1'b0, rst_n = 1'b0, up = 1'b0;
  logic [3:0] count;
  dut u_dut (.clk_i(clk), .rst_ni(rst_n), .up_i(up), .count_o(count));
  always #1 clk = !clk;
  initial begin
    for (int i = 0; i < 40; i++) begin
      @(negedge clk);
      $write("%0d ", count);
      rst_n = i >= 2 && i != 20;
      up    = i % 5 != 0;
    end
    $finish;
  end
endmodule
"""


@pytest.fixture(scope="module")
def mutants() -> dict[int, Mutant]:
    return dict(enumerate(mutants_of("dut.sv", MODULE), 1))


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory, mutants: dict[int, Mutant]) -> Path:
    """The bench as a program."""
    folder = tmp_path_factory.mktemp("mutants")
    (folder / "dut.sv").write_text(schema(MODULE, mutants), encoding="utf-8")
    (folder / "bench.sv").write_text(BENCH, encoding="utf-8")
    toolchain = find_toolchain()
    command = [
        *toolchain.command,
        "--binary",
        "-Wno-fatal",
        "--timescale",
        "1ns/1ns",
        "-CFLAGS",
        "-std=c++20 -O0",
    ]
    subprocess.run(
        [
            *command,
            "--top-module",
            "bench",
            "--Mdir",
            str(folder),
            str(folder / "dut.sv"),
            str(folder / "bench.sv"),
        ],
        env={**toolchain.environment, "MAKEFLAGS": " ".join(toolchain.make_variables)},
        check=True,
        capture_output=True,
    )
    return folder / "Vbench"


def counts(program: Path, number: int | None) -> str:
    chosen = {} if number is None else {"DIRQL_MUTANT": str(number)}
    environment = {name: value for name, value in os.environ.items() if name != "DIRQL_MUTANT"}
    done = subprocess.run(
        [program], env={**environment, **chosen}, capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()[0]


@pytest.mark.slow
def test_without_a_choice_the_module_is_as_it_was(program: Path) -> None:
    expected = "0 0 0 1 2 3 3 4 5 6 7 7 8 9 9 9 9 9 9 9 9 0 1 2 3 4 4 5 6 7 8 8 9 9 9 9 9 9 9 9"
    assert counts(program, None).split("- ")[0].split() == expected.split()
    assert counts(program, 0) == counts(program, None)


@pytest.mark.slow
def test_each_mutant_makes_a_difference(program: Path, mutants: dict[int, Mutant]) -> None:
    unchanged = counts(program, 0)
    alike = {mutant.change for number, mutant in mutants.items() if counts(program, number) == unchanged}
    assert alike == set()
    assert len(mutants) == 15
