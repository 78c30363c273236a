# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The module `twin_pads`: a board's chip, or its RTL, with the ports of sim/twin/twin_pins.sv.

A board has no reset line: the port for it is there, and nothing hears it.
"""

from __future__ import annotations

from dirql.boards.description import Board, Pins

__all__ = ["CHIP", "PADS", "chip_pads", "port_pins", "top_pads"]

CHIP = "chip"
"""The module with the netlist of a bitstream, whose ports have the names of pins."""
PADS = "twin_pads"

_MODULE = """module {name} (
  input  logic clk_i,
  input  logic rst_ni,
  input  logic rx_i,
  output logic tx_o
);
  {instance} (
    .{clock}(clk_i),
    .{rx}(rx_i),
    .{tx}(tx_o)
  );
endmodule
"""


def port_pins(board: Board) -> dict[str, str]:
    """The pin of each port in the constraints of a board of the family iCE40."""
    lines = (board.folder / board.constraints).read_text(encoding="utf-8").splitlines()
    return dict(words[1:3] for line in lines if len(words := line.partition("#")[0].split()) == 3)


def chip_pads(pins: Pins) -> str:
    """The module around a netlist."""
    clock, rx, tx = (f"pin_{pin}" for pin in (pins.clock, pins.rx, pins.tx))
    return _MODULE.format(name=PADS, instance=f"{CHIP} u_chip", clock=clock, rx=rx, tx=tx)


def top_pads(board: Board, pins: Pins, build: str) -> str:
    """The module around the RTL of a board, with the number of a build, 16 digits.

    Raises `KeyError` for a pin without a port.
    """
    ports = {pin: port for port, pin in port_pins(board).items()}
    parameters = ", ".join(f".{name}({value})" for name, value in board.parameters.items())
    return _MODULE.format(
        name=PADS,
        instance=f"top #({parameters}, .Build(64'h{build})) u_top",
        clock=ports[pins.clock],
        rx=ports[pins.rx],
        tx=ports[pins.tx],
    )
