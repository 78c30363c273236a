# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""A frame of shift registers around a block, so that a part's pins do not limit the ports of the block.

Each input comes from a shift register, and each output goes into one that takes the outputs or moves on. So every path
of the block lies between registers, and the frame takes one cell for each bit, which is subtracted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["BLOCK", "FRAME", "Bit", "Frame", "Port", "frame"]

FRAME = "area_frame"
"""The name of the frame's module."""

BLOCK = "area_block"
"""The name that the module of the block must have."""

DIRECT = ("clk_i", "rst_ni")
"""Inputs that are pins."""

Bit = int | str
"""A bit of a connection: the number of a net, or "0", "1" or "x"."""


@dataclass(frozen=True)
class Port:
    """A port of the block: its direction, and the bits that the machine connects to it."""

    name: str
    direction: str
    bits: tuple[Bit, ...]


@dataclass(frozen=True)
class Frame:
    """The text of a frame, and the bits that go in and come out."""

    text: str
    inputs: int
    outputs: int


def frame(ports: Sequence[Port]) -> Frame:
    """The frame around a block. Bits of inputs that the machine ties to a constant are tied in the frame too."""
    places: dict[Bit, str] = {"0": "1'b0", "1": "1'b1", "x": "1'b0"}
    connections, outputs = [], 0
    for port in ports:
        if port.name in DIRECT:
            connections.append(f".{port.name}({port.name})")
        elif port.direction == "input":
            for bit in port.bits:
                places.setdefault(bit, f"in_q[{len(places) - 3}]")
            bits = ", ".join(places[bit] for bit in reversed(port.bits))
            connections.append(f".{port.name}({{{bits}}})")
        else:
            connections.append(f".{port.name}(out[{outputs + len(port.bits) - 1}:{outputs}])")
            outputs += len(port.bits)
    inputs = len(places) - 3
    return Frame(text_of(", ".join(connections), inputs, outputs), inputs, outputs)


def text_of(connections: str, inputs: int, outputs: int) -> str:
    """The frame in Verilog."""
    return f"""\
module {FRAME} (input clk_i, input rst_ni, input shift_i, input take_i, output shift_o);
  reg [{max(inputs, 2) - 1}:0] in_q;
  reg [{max(outputs, 2) - 1}:0] out_q;
  wire [{max(outputs, 2) - 1}:0] out;
  always @(posedge clk_i) in_q <= {{in_q, shift_i}};
  always @(posedge clk_i) out_q <= take_i ? out : {{out_q, 1'b0}};
  assign shift_o = out_q[{max(outputs, 2) - 1}];
  {BLOCK} block ({connections});
endmodule
"""
