# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The pins of a bus among the variables of a dump."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dirql.dump.pins import find_pins
from dirql.dump.values import Variable

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("other", ["nclk", "clk_n", "CLKB"])
def test_the_inverse_of_a_clock_is_not_taken_for_the_clock(other: str) -> None:
    names = [other, "clk", *(f"{pin}_n" for pin in ("frame", "irdy", "trdy", "devsel", "stop"))]
    variables = [
        Variable(("tb",), name, (0,), chr(ord("!") + code), is_bit=False) for code, name in enumerate(names)
    ]
    for name, width, code in (("ad", 32, "~"), ("cbe_n", 4, "}")):
        variables.append(Variable(("tb",), name, tuple(range(width - 1, -1, -1)), code, is_bit=False))
    assert find_pins(variables).names["clk"] == "tb.clk"


def test_the_structure_of_the_bus_is_that_of_the_rtl() -> None:
    """`find_pins` knows where the pins are in `bus_pkg::bus_t`."""
    text = (ROOT / "hdl/bus/rtl/bus_pkg.sv").read_text(encoding="utf-8")
    body = next(
        body for body, name in re.findall(r"struct packed \{([^}]*)\} (\w+);", text) if name == "bus_t"
    )
    members = re.findall(r"logic\s+(?:\[(\d+):0\]\s+)?(\w+);", body)
    places, high = {}, sum(int(last or 0) + 1 for last, _ in members) - 1
    for last, name in members:
        places[name] = f"top.bus[{high}:{high - int(last or 0)}]"
        high -= int(last or 0) + 1
    variables = [Variable(("top",), "clk_i", (0,), "!", is_bit=False)]
    variables.append(Variable(("top",), "bus", tuple(range(44, -1, -1)), '"', is_bit=False))
    pins = find_pins(variables)
    for pin in ("frame", "irdy", "devsel", "trdy", "stop", "ad", "cbe", "par", "perr", "serr"):
        (bits,) = pins.bits[pin]
        assert places[pin] == f"top.bus[{bits.source + bits.length - 1}:{bits.source}]", pin
