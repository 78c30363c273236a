# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The page docs/area.md, and what can be checked of it without the tools."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from area_engine import Part, Size
from area_plan import Link, Plan, Run, blocks_of, machine_of

__all__ = ["complaints", "page", "shortfall", "summary"]

SMALLEST = 40
"""LUTs and registers together from which an instance has a row in the table of a machine's parts."""

HEAD = """\
<!-- Written by `make area ARGS="--write"` with Yosys and nextpnr; do not edit. -->

# The area of the machines

`make area` synthesizes the machines of [machines.md](machines.md) with Yosys, places and routes them with nextpnr, and
prints their sizes. All tools come from Python packages. `make area ARGS="tiny"` measures one machine,
`make area ARGS="--write"` writes this page. The plan is [hdl/synthesis/area.toml](../hdl/synthesis/area.toml).

A *cell* is a LUT with four inputs, a register, or both together: a logic cell of the iCE40, or a COMB of the ECP5,
which counts the LUTs alone. The clock is the one that nextpnr reports for one seed; another seed moves it by some
percent.

A machine has more ports than a part has pins. So it is placed between two shift registers, from which all its inputs
come and into which all its outputs go. Each bit of them takes one cell, and these cells are not counted here.
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


def with_link(link: Link, run: Run, size: Size) -> tuple[int, int]:
    """The cells and RAMs of a machine together with its link, which may be measured with it."""
    return (size.cells, size.rams) if run.linked else (size.cells + link.cells, size.rams + link.rams)


def shortfall(link: Link, run: Run, size: Size) -> Iterator[str]:
    """Complaints about a machine that misses its goal, does not fit beside the link, or is too slow."""
    if run.goal and size.cells > run.goal:
        yield f"the machine must take at most {run.goal} cells; it takes {size.cells}"
    cells, rams = with_link(link, run, size)
    if cells > run.part.cells or rams > run.part.rams:
        yield (
            f"machine and link must fit {run.part.cells} cells and {run.part.rams} RAMs; they take"
            f" {cells} and {rams}"
        )
    if run.route and size.megahertz < run.megahertz:
        yield f"the clock must reach {run.megahertz} MHz; it reaches {clock(size)}"


def machine_row(link: Link, run: Run, size: Size) -> str:
    whole = run.part.cells
    both, _ = with_link(link, run, size)
    return (
        f"| `{run.title}` | {run.part.name} | {size.luts} | {size.registers} | {size.rams} | {size.cells} |"
        f" {percent(size.cells, whole)} | {both} | {percent(both, whole)} | {clock(size)} | {run.megahertz} |"
    )


def block_row(size: Size) -> str:
    return f"| `{size.block}` | {size.luts} | {size.registers} | {size.rams} | {size.cells} | {clock(size)} |"


def part_rows(parts: Sequence[Part]) -> Iterator[str]:
    """The instances of a machine that are not too small, each below the one that holds it."""
    for part in parts:
        if part.luts + part.registers >= SMALLEST:
            yield f"| `{part.path}` | {part.luts} | {part.registers} | {part.rams} |"


def link_text(link: Link) -> str:
    return (
        f"The link to the host and a serial port need a place beside the machine: {link.luts} LUTs, {link.cells} cells,"
        f" and {link.rams} block RAMs, as measured with `tiny`. The columns *with link* add it, except in the rows of"
        " machines that were measured together with their link."
    )


def page(plan: Plan, measured: Mapping[Run, Sequence[Size]]) -> str:
    """The text of the whole page."""
    link = plan.link
    lines = [
        HEAD,
        "## Machines",
        "",
        link_text(link),
        "",
        "| machine | part | LUTs | registers | RAMs | cells | of the part | with link | of the part | MHz | aim |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
        *(machine_row(link, run, found[0]) for run, found in measured.items()),
    ]
    for run, found in measured.items():
        if run.blocks:
            lines += [
                *("", f"## Blocks of `{run.title}`, each alone on {run.part.name}", ""),
                "| block | LUTs | registers | RAMs | cells | MHz |",
                "|---|---|---|---|---|---|",
                *(block_row(size) for size in found[1:]),
            ]
    first, found = next(iter(measured.items()))
    lines += [
        *("", f"## Parts of `{first.title}` on {first.part.name}", ""),
        "The instances of the whole machine, in which the blocks share and lose logic, with everything inside them.",
        *("", "| instance | LUTs | registers | RAMs |", "|---|---|---|---|"),
        *part_rows(found[0].parts),
    ]
    return "\n".join(lines) + "\n"


def complaints(plan: Plan, text: str) -> Iterator[str]:
    """Complaints about a page that lacks a run of the plan, or a block of a machine."""
    for run in plan.runs:
        if f"| `{run.title}` | {run.part.name} |" not in text:
            yield f"must have a row for {run.title} on {run.part.name}"
    for block in dict.fromkeys(name for run in plan.runs for name in blocks_of(machine_of(run))):
        if f"| `{block}` |" not in text:
            yield f"must have a row for the block {block}"
