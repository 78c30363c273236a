# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Writes a trace of the bus as a wave dump of its pins, as a simulator of a conventional PCI bus would."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from hdl.bus_trace import Clock, Master, Target, Trace

__all__ = ["PERIOD", "Style", "both_buses", "dump"]

PERIOD = 30
"""The nanoseconds of a clock."""
_HANDSHAKES = ("FRAME", "IRDY", "DEVSEL", "TRDY", "STOP")


@dataclass(frozen=True)
class Style:
    """The form in which a dump has its pins."""

    scope: str = "tb"
    name: Callable[[str], str] = lambda pin: pin if pin in {"CLK", "AD", "PAR"} else f"{pin}_n"
    """The name of a pin of the bus: CLK, RST, FRAME, IRDY, DEVSEL, TRDY, STOP, AD, CBE, PAR, REQ, GNT."""
    high_true: bool = False
    floats: bool = True
    """Whether the dump shows what nobody drives as "z", rather than pulled to its off level."""
    grants: bool = True
    errors: bool = True
    """Whether it has PERR, SERR and two IDSELs."""
    bits: bool = False
    """Whether AD is 32 variables of a bit each."""
    bit: Callable[[str, int], str] = "{} [{}]".format
    """The name of one of them."""
    clock_above: bool = False
    """Whether the clock is a variable of the scope around that of the pins."""


def dump(
    trace: Trace, style: Style, wrong_parity: tuple[int, ...] = (), *, unknown: tuple[str, int] = ("", 0)
) -> str:
    """The VCD file of a trace. `unknown` is a pin that is "x" on one clock."""
    trace.lines(wrong_parity)
    pins = {"CLK": 1, "RST": 1, **dict.fromkeys(_HANDSHAKES, 1), "AD": 32, "CBE": 4, "PAR": 1}
    pins |= {"REQ": 2, "GNT": 2} if style.grants else {}
    pins |= {"PERR": 1, "SERR": 1, "IDSEL": 2} if style.errors else {}
    codes = {pin: chr(ord("!") + number) for number, pin in enumerate(pins)}
    lines = ["$date today $end", "$timescale", "  1ns", "$end", "$scope module top $end"]
    clock = f"$var wire 1 {codes['CLK']} {style.name('CLK')} $end"
    lines += [clock] if style.clock_above else []
    lines += [f"$scope module {style.scope} $end"]
    lines += [] if style.clock_above else [clock]
    for pin, width in list(pins.items())[1:]:
        if pin == "AD" and style.bits:
            lines += [f"$var wire 1 ~{bit} {style.bit(style.name(pin), bit)} $end" for bit in range(32)]
        else:
            place = f" [{width - 1}:0]" if width > 1 else ""
            lines.append(f"$var wire {width} {codes[pin]} {_name(style, pin)}{place} $end")
    lines += ["$upscope $end", "$upscope $end", "$enddefinitions $end"]
    for number, each in enumerate(trace.clocks):
        lines += [f"#{number * PERIOD}", f"0{codes['CLK']}"]
        for pin, value in _values(each, style):
            text = "x" * len(value) if (pin, number) == unknown else value
            if pin not in codes:
                continue
            if pin == "AD" and style.bits:
                lines += [f"{state}~{31 - place}" for place, state in enumerate(text)]
            else:
                lines.append(f"{text}{codes[pin]}" if len(text) == 1 else f"b{text} {codes[pin]}")
        lines += [f"#{number * PERIOD + PERIOD // 2}", f"1{codes['CLK']}"]
    return "\n".join(lines) + "\n"


def both_buses(primary: Trace, secondary: Trace) -> str:
    """A dump with two buses in one scope, as that of a bridge has them, which share the clock."""
    first = dump(primary, Style(name=lambda pin: "clk" if pin == "CLK" else f"p_{pin.lower()}_l"))
    second = dump(secondary, Style(name=lambda pin: "clk" if pin == "CLK" else f"s_{pin.lower()}_l"))
    head, body = first.split("$upscope", 1)
    more = [line for line in second.splitlines() if line.startswith("$var") and " clk " not in line]
    codes = {line.split()[3]: f"@{line.split()[3]}" for line in more}
    head += "\n".join(line.replace(f" {line.split()[3]} ", f" @{line.split()[3]} ", 1) for line in more)
    merged: dict[int, list[str]] = {}
    for text, names in ((body, {}), (second, codes)):
        for step in text.split("\n#")[1:]:
            time, *changes = step.split("\n")
            for change in filter(None, changes):
                code = change.split()[-1] if change[0] == "b" else change[1:]
                if names and code not in names:
                    continue
                merged.setdefault(int(time), []).append(change.removesuffix(code) + names.get(code, code))
    steps = [f"#{time}\n" + "\n".join(changes) for time, changes in sorted(merged.items())]
    return "\n".join((head, "$upscope" + body.split("\n#")[0], *steps)) + "\n"


def _values(clock: Clock, style: Style) -> Iterator[tuple[str, str]]:
    """The pins on one clock, the most significant bit first."""
    masters, targets = clock.masters, clock.targets
    yield "RST", str(int(not clock.reset))
    for pin in _HANDSHAKES:
        agents = masters if pin in {"FRAME", "IRDY"} else targets
        driven = any(agent.control_en for agent in agents)
        is_on = any(agent.control_en and getattr(agent, pin.lower()) for agent in agents)
        yield pin, "z" if style.floats and not driven else str(int(is_on == style.high_true))
    everybody: list[Master | Target] = [*masters, *targets]
    ad = [agent.ad for agent in everybody if agent.ad_en]
    cbe = [master.cbe for master in masters if master.cbe_en]
    par = [agent.par for agent in everybody if agent.par_en]
    for pin, width, values in (("AD", 32, ad), ("CBE", 4, cbe), ("PAR", 1, par)):
        undriven = "z" * width if style.floats else "0" * width
        yield pin, f"{_union(values):0{width}b}" if values else undriven
    perr = [agent.perr for agent in everybody if agent.perr_en]
    yield "PERR", str(int(any(perr) == style.high_true)) if perr or not style.floats else "z"
    yield "SERR", str(int(any(target.serr for target in targets) == style.high_true))
    yield "IDSEL", f"{clock.idsel:02b}"
    for pin, word in (("REQ", clock.req), ("GNT", clock.gnt)):
        yield pin, f"{word if style.high_true else word ^ 3:02b}"


def _name(style: Style, pin: str) -> str:
    """The name of a pin. IDSEL is on while it is 1, as AD is."""
    return (
        re.sub("ad", "IDSEL", style.name("AD"), count=1, flags=re.IGNORECASE)
        if pin == "IDSEL"
        else style.name(pin)
    )


def _union(values: list[int]) -> int:
    word = 0
    for value in values:
        word |= value
    return word
