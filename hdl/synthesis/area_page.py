# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The page docs/area.md, and what can be checked of it without the tools."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from area_engine import Part, Size
from area_plan import Plan, Run, blocks_of, machine_of

__all__ = ["Link", "complaints", "links", "page", "shortfall", "summary"]

SMALLEST = 40
"""LUTs and registers together from which an instance has a row in the table of a machine's parts."""

HEAD = """\
<!-- Written by `make area ARGS="--write"` with Yosys and nextpnr; do not edit. -->

# The area of the machines

`make area` synthesizes the machines of [machines.md](machines.md) with Yosys, places and routes them with nextpnr, and
prints their sizes. All tools come from Python packages. `make area ARGS="tiny"` measures one machine,
`make area ARGS="--write"` writes this page, and with the name of a machine its rows alone: a row is that of the design
as it was when its machine was measured last. The plan is [hdl/synthesis/area.toml](../hdl/synthesis/area.toml).

A *cell* is a LUT with four inputs, a register, or both together: a logic cell of the iCE40, or a COMB of the ECP5,
which counts the LUTs alone. The clock is the one that nextpnr reports for one seed; another seed moves it by some
percent.

A machine has more ports than a part has pins. So it is placed between two shift registers, from which all its inputs
come and into which all its outputs go. Each bit of them takes one cell, and these cells are not counted here.

A dash stands for what is not known. A machine that does not fit the part, or that the plan does not route, has no
clock; its cells are counted all the same. *With link* needs the place of the link on that part, which one machine shows
that is measured with its link and without it. A row that was written while that machine was not measured has a dash;
[boards.md](boards.md) has machines with their links as boards have them.
"""


@dataclass(frozen=True)
class Link:
    """The place that the link to the host takes on a part, and the machine beside which it was measured."""

    machine: str
    luts: int
    cells: int
    rams: int


def links(measured: Mapping[Run, Sequence[Size]]) -> dict[str, Link]:
    """The place of the link on each part with a machine that was measured with and without it."""
    found = {}
    for run, (whole, *_) in measured.items():
        key = (run.machine, run.part, run.parameters)
        alone = next(
            (s[0] for r, s in measured.items() if not r.linked and (r.machine, r.part, r.parameters) == key),
            None,
        )
        if run.linked and alone:
            found[run.part.name] = Link(
                run.machine, whole.luts - alone.luts, whole.cells - alone.cells, whole.rams - alone.rams
            )
    return found


MACHINES = "## Machines"
MACHINE_HEAD = """\
| machine | part | LUTs | registers | RAMs | cells | of the part | with link | of the part | MHz | aim |
|---|---|---|---|---|---|---|---|---|---|---|
"""
BLOCK_HEAD = """\
| block | LUTs | registers | RAMs | cells | MHz |
|---|---|---|---|---|---|
"""
PART_HEAD = """\
The instances of the whole machine, in which the blocks share and lose logic, with everything inside them.

| instance | LUTs | registers | RAMs |
|---|---|---|---|
"""


def clock(size: Size) -> str:
    """The clock of a size, as a cell of a table."""
    return f"{size.megahertz:.1f}" if size.megahertz else "–"


def percent(cells: int, whole: int) -> str:
    return f"{100 * cells / whole:.0f} %"


def summary(run: Run, size: Size) -> str:
    """A line about one block or machine."""
    return (
        f"{run.title} on {run.part.name}, {size.block}: {size.luts} LUTs, {size.registers} registers, {size.rams} RAMs,"
        f" {size.cells} cells, {clock(size)} MHz"
    )


def with_link(link: Link | None, run: Run, size: Size) -> tuple[int, int]:
    """The cells and RAMs of a machine together with its link, which may be measured with it."""
    return (
        (size.cells, size.rams)
        if run.linked or link is None
        else (size.cells + link.cells, size.rams + link.rams)
    )


def shortfall(link: Link | None, run: Run, size: Size) -> Iterator[str]:
    """Complaints about a machine that misses its goal, does not fit beside the link, or is too slow.

    Without `link`, which was not measured then, the machine alone must fit. One that is not routed need not fit.
    """
    if run.goal and size.cells > run.goal:
        yield f"the machine must take at most {run.goal} cells; it takes {size.cells}"
    cells, rams = with_link(link, run, size)
    if run.route and (cells > run.part.cells or rams > run.part.rams):
        yield (
            f"machine and link must fit {run.part.cells} cells and {run.part.rams} RAMs; they take"
            f" {cells} and {rams}"
        )
    if run.route and size.megahertz < run.megahertz:
        yield f"the clock must reach {run.megahertz} MHz; it reaches {clock(size)}"


def machine_row(link: Link | None, run: Run, size: Size) -> str:
    whole = run.part.cells
    both, _ = with_link(link, run, size)
    linked = f"{both} | {percent(both, whole)}" if run.linked or link else "– | –"
    return (
        f"{row_begin(run)} {size.luts} | {size.registers} | {size.rams} | {size.cells} |"
        f" {percent(size.cells, whole)} | {linked} | {clock(size)} | {run.megahertz} |"
    )


def block_row(size: Size) -> str:
    return f"| `{size.block}` | {size.luts} | {size.registers} | {size.rams} | {size.cells} | {clock(size)} |"


def part_rows(parts: Sequence[Part]) -> Iterator[str]:
    """The instances of a machine that are not too small, each below the one that holds it."""
    for part in parts:
        if part.luts + part.registers >= SMALLEST:
            yield f"| `{part.path}` | {part.luts} | {part.registers} | {part.rams} |"


def link_text(found: Mapping[str, Link]) -> str:
    measured = "; ".join(
        f"on the {part} {link.luts} LUTs, {link.cells} cells and {link.rams} block RAMs, with `{link.machine}`"
        for part, link in found.items()
    )
    return (
        "The link to the host and a serial port take what a machine with them takes more than the same machine alone:"
        f" {measured}. The columns *with link* add that, except in the rows of machines that were measured with their"
        " link."
    )


def links_of(text: str) -> dict[str, Link]:
    """The places of the link that a page tells."""
    told = re.findall(r"on the ([^;:]+?) (\d+) LUTs, (\d+) cells and (\d+) block RAMs, with `(\w+)`", text)
    return {part: Link(name, int(luts), int(cells), int(rams)) for part, luts, cells, rams, name in told}


def page(plan: Plan, measured: Mapping[Run, Sequence[Size]], old: str = "") -> str:
    """The text of the whole page; rows and sections of what was not measured are those of `old`, if they are there."""
    kept = {part.partition("\n")[0]: part.rstrip() for part in re.split(r"^(?=## )", old, flags=re.MULTILINE)}
    machines = kept.get(MACHINES, "")
    told = links_of(machines) | links(measured)
    sections = [
        HEAD.rstrip(),
        f"{MACHINES}\n\n{link_text(told)}\n\n{MACHINE_HEAD}"
        + "".join(machine_rows(plan, measured, machines)),
    ]
    for run in plan.runs:
        title = f"## Blocks of `{run.title}`, each alone on {run.part.name}"
        if run.blocks and run in measured:
            rows = "\n".join(map(block_row, measured[run][1:]))
            sections.append(f"{title}\n\n{BLOCK_HEAD}{rows}")
        elif title in kept:
            sections.append(kept[title])
    first = plan.runs[0]
    title = f"## Parts of `{first.title}` on {first.part.name}"
    if first in measured:
        rows = "\n".join(part_rows(measured[first][0].parts))
        sections.append(f"{title}\n\n{PART_HEAD}{rows}")
    elif title in kept:
        sections.append(kept[title])
    return "\n\n".join(section.rstrip() for section in sections) + "\n"


def machine_rows(plan: Plan, measured: Mapping[Run, Sequence[Size]], old: str) -> Iterator[str]:
    """The rows of all machines that were measured, or that the old table has."""
    found = links(measured)
    for run in plan.runs:
        before = re.search(rf"^{re.escape(row_begin(run))}.*\n?", old, re.MULTILINE)
        if run in measured:
            yield machine_row(found.get(run.part.name), run, measured[run][0]) + "\n"
        elif before:
            yield before[0].rstrip() + "\n"


def row_begin(run: Run) -> str:
    """The begin of the row of a machine on a part."""
    return f"| `{run.title}` | {run.part.name} |"


def complaints(plan: Plan, text: str) -> Iterator[str]:
    """Complaints about a page that lacks a run of the plan, or a block of a machine."""
    for run in plan.runs:
        if row_begin(run) not in text:
            yield f"must have a row for {run.title} on {run.part.name}"
    for block in dict.fromkeys(name for run in plan.runs for name in blocks_of(machine_of(run))):
        if f"| `{block}` |" not in text:
            yield f"must have a row for the block {block}"
