# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The cells of a design on an iCE40, as nextpnr placed them, held against those of a netlist from its bitstream.

`icebox_vlog` leaves out cells that it does not know, without a word, and their outputs float in the netlist. So each
cell that nextpnr placed must be at its place in the netlist, with the same use and, for a block RAM, the same modes and
initial contents. A netlist may have LUTs more: nextpnr routes some nets through LUTs that nothing else uses.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TypeAlias

__all__ = [
    "Cells",
    "NetlistError",
    "cells_of_design",
    "cells_of_netlist",
    "check_netlist",
    "read_cells",
    "write_cells",
]

Cells: TypeAlias = Mapping[str, str]
"""Cells by kind and place, as "LUT 12 3 7", and pads as "IO B12", with what else must be the same: of a block RAM its
modes and its contents, of others nothing."""

KINDS = {"LUT": "LUTs", "CARRY": "carries", "FF": "flip-flops", "RAM": "block RAMs", "IO": "pads"}
"""Kinds of cells, in the words of messages."""
PARTS = {"LUT": "LUT_INIT", "CARRY": "CARRY_ENABLE", "FF": "DFF_ENABLE"}
"""The parts of a logic cell of nextpnr, and the parameters that have a 1 if they are used."""
INVISIBLE = ("SB_GB",)
"""Types of nextpnr that are no cells of a netlist: global buffers are wires there."""
RAM_ROWS = 16
"""The rows of 256 bits in a block RAM."""
_SHOWN = 3


class NetlistError(Exception):
    """A netlist is not that of the design; the message says which cells differ."""


def cells_of_design(routed: str, pins: Mapping[str, str]) -> Cells:
    """The cells in the JSON text that nextpnr writes after routing; `pins` has the pin of each port of the design.

    A cell of another type than a netlist shows has the name of its type as its kind.
    """
    cells: dict[str, str] = {}
    for module in json.loads(routed)["modules"].values():
        for name, cell in module["cells"].items():
            cells |= _parts_of(name, cell["type"], cell["parameters"], cell["attributes"], pins)
    return cells


def _parts_of(
    name: str,
    kind: str,
    parameters: Mapping[str, str],
    attributes: Mapping[str, str],
    pins: Mapping[str, str],
) -> dict[str, str]:
    """A cell of nextpnr as cells of a netlist."""
    place = " ".join(re.findall(r"\d+", attributes.get("NEXTPNR_BEL", "")))
    if kind == "ICESTORM_LC":
        return {
            f"{part} {place}": "" for part, parameter in PARTS.items() if "1" in parameters.get(parameter, "")
        }
    if kind == "ICESTORM_RAM":
        return {f"RAM {place}": _ram_of_design(parameters)}
    if kind == "SB_IO":
        port = name.removesuffix("$sb_io")
        return {f"IO {pins.get(port, port)}": ""}
    return {} if kind in INVISIBLE else {f"{kind} {place}": ""}


def _ram_of_design(parameters: Mapping[str, str]) -> str:
    read, write = (int(parameters.get(f"{way}_MODE", "0"), 2) for way in ("READ", "WRITE"))
    rows = (parameters.get(f"INIT_{row:X}", "") for row in range(RAM_ROWS))
    # A bit that nobody gave is x, or not there, and 0 in the bitstream.
    return _ram(read, write, [int(row.replace("x", "0") or "0", 2) for row in rows])


def _ram(read: int, write: int, rows: list[int]) -> str:
    digest = hashlib.sha256(b"".join(row.to_bytes(32, "little") for row in rows)).hexdigest()[:16]
    return f"modes {read} and {write}, contents {digest if any(rows) else 'zero'}"


_LOGIC = re.compile(r"/\* (LUT|CARRY|FF) +(\d+) +(\d+) +(\d+) \*/ (.*)")
_PORT = re.compile(r"(?:input|output|inout) pin_(\w+)")
_RAM = re.compile(r"^SB_RAM40_4K\w* #\((.*?)^\) ram40_(\d+)_(\d+) \($", re.DOTALL | re.MULTILINE)
_CONSTANT = "1'b0;"
"""A LUT that nothing uses."""


def cells_of_netlist(text: str) -> Cells:
    """The cells in the Verilog of `icebox_vlog`."""
    return dict(_netlist(text))


def _netlist(text: str) -> Iterator[tuple[str, str]]:
    for kind, x, y, z, use in _LOGIC.findall(text):
        is_used = use.startswith("always") if kind == "FF" else use != _CONSTANT
        if is_used:
            yield f"{kind} {x} {y} {z}", ""
    for pin in _PORT.findall(text[: text.index(";")]):
        yield f"IO {pin}", ""
    for parameters, x, y in _RAM.findall(text):
        rows = dict(re.findall(r"\.INIT_(\w)\(256'h(\w+)\)", parameters))
        read, write = (int(re.findall(rf"\.{way}_MODE\((\d)\)", parameters)[0]) for way in ("READ", "WRITE"))
        yield (
            f"RAM {x} {y}",
            _ram(read, write, [int(rows.get(f"{row:X}", "0"), 16) for row in range(RAM_ROWS)]),
        )


def check_netlist(design: Cells, netlist: Cells) -> None:
    """Raise `NetlistError` unless the netlist has each cell of the design, and no others but LUTs."""
    complaints = [
        f"{place} is of a kind that icebox_vlog leaves out, or that has no model"
        for place in design
        if place.split(" ")[0] not in KINDS
    ]
    for kind, plural in KINDS.items():
        wanted, found = _of_kind(design, kind), _of_kind(netlist, kind)
        lacking = [place for place in wanted if place not in found]
        others = [place for place in found if place not in wanted and kind != "LUT"]
        changed = [place for place in wanted if place in found and wanted[place] != found[place]]
        for places, problem in ((lacking, "are missing"), (others, "are too many"), (changed, "are others")):
            if places:
                complaints.append(f"{len(places)} of {len(wanted)} {plural} {problem}: {_list(places)}")
        complaints += [f"{place} has {found[place]}, not {wanted[place]}" for place in changed[:_SHOWN]]
    if complaints:
        raise NetlistError(
            f"the netlist of a bitstream must have the cells of the design; {'; '.join(complaints)}: build again, and"
            " if that does not help, leave out what the unpacker does not know"
        )


def _of_kind(cells: Cells, kind: str) -> dict[str, str]:
    return {place: fact for place, fact in cells.items() if place.split(" ")[0] == kind}


def _list(places: list[str]) -> str:
    return ", ".join(places[:_SHOWN]) + (", …" if len(places) > _SHOWN else "")


def write_cells(cells: Cells, path: Path) -> None:
    """Write cells as text, a line for each."""
    lines = (f"{place}: {fact}".rstrip(": ") for place, fact in sorted(cells.items()))
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def read_cells(path: Path) -> Cells:
    """The cells in a file of `write_cells`."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return {place: fact for place, _, fact in (line.partition(": ") for line in lines)}
