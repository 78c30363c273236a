# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The options of `dirql check-bus`."""

from __future__ import annotations

import argparse
from pathlib import Path

from dirql.dump.pins import PINS

__all__ = ["add_check_bus"]


def add_check_bus(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "check-bus",
        help="check a wave dump of a PCI bus against the rules of the bus",
        description="Checks a wave dump (VCD or FST) of a conventional PCI bus of 32 bits, from any simulator, with the"
        " checker that checks dirql's own bus. The rules are those of docs/rules/pci.md. It exits with 1 if one is"
        " broken.",
    )
    add = parser.add_argument
    add(
        "file",
        metavar="FILE",
        type=Path,
        help="the wave dump, also one compressed with gzip; FST needs dirql[fst]",
    )
    add(
        "--scope",
        default="",
        metavar="NAME",
        help="the scope of the pins, as tb.pci, or with how their names begin, as tb.pci.s_ (default: it is found)",
    )
    add(
        "--signal",
        action="append",
        type=_choice,
        default=[],
        metavar="PIN=NAME",
        help="the variable of a pin, as stop=tb.dut.STOP_L or ad=bus[31:0], for a name that is not found; PIN=none"
        " leaves a pin out. Pins are clk, rst, frame, irdy, trdy, devsel, stop, ad, cbe, par, perr, serr, idsel, req,"
        " gnt",
    )
    add(
        "--high-true",
        action="store_true",
        help="handshakes are on while they are 1, but for those whose names say low-true, as those in _n, _l, _b or #",
    )
    add(
        "--ignore",
        action="append",
        default=[],
        metavar="RULE",
        help="a rule that is not looked at, as M20; may be given several times",
    )
    add("--transactions", action="store_true", help="list all transactions first")


def _choice(text: str) -> tuple[str, str]:
    pin, equals, name = text.partition("=")
    if not equals or not name or pin not in PINS:
        raise argparse.ArgumentTypeError(f"must be PIN=NAME with a pin of {', '.join(PINS)}; it was {text!r}")
    return pin, name
