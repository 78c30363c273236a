# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Writes docs/rules: one page for each part of the rows."""

from __future__ import annotations

from pathlib import Path

from rows.book import PARTS, groups

__all__ = ["pages"]

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "rules"

MARK = "<!-- Written by `make docs` from tests/rows/{part}_*.toml; do not edit. -->"

HEADS = {
    "nt": """# Rules of the driver model

These are the rules of the Windows NT driver model that dirql follows, in dirql's own words. Each has an ID, a
row, that docstrings and tests carry: the test `test_IRQL_01_...` shows row IRQL-01. `make rows` lists the tests
that show each row, and the rows that have none yet, which are the plan.

A source is the title of a page of the Windows driver documentation (WDK) or of the Win32 documentation. Where
it says that something is not documented, public tests of Windows show it. The rules are those of an x64
machine, and of a driver that the Driver Verifier watches: where a retail Windows would go on in silence, dirql
stops with the bug check that the verifier raises. "Parameter 1" is the first of the four parameters of a bug
check. Numbers that begin with 0x are hexadecimal.""",
    "pci": """# Rules of the bus

These are the rules that the RTL follows, in dirql's own words. Each has an ID, a row, that tests and assertions
carry: the assertion labelled M05 checks row M05. `make rows` lists the tests and assertions that show
each row, and the rows that have none yet, which are the plan. M rows are for masters, T for targets, A for the
arbiter, C for configuration space, B for bridges, I for interrupts, D for DMA engines.

The bus keeps the cycles of conventional PCI without tri-states: every signal has a driver with an enable, the
bus is the OR of what is enabled, and handshakes are positive-true, so "on" means 1. A *transaction* is started
by its *master* and claimed by its *target*. Its clocks are counted from 1, the *address phase*: the clock on
which FRAME is on and was off before. The bus is *idle* while FRAME and IRDY are off. A datum moves on each
clock with IRDY and TRDY on. A *data phase* ends on a clock with IRDY and TRDY or STOP on. *Retry*, *disconnect*
and *target abort* are the ways in which a target ends a transaction with STOP; in a *master abort* no target
has claimed it. Status and Command are the registers of the function's configuration header.

A source is a section of the PCI Local Bus Specification 2.3, of the PCI-to-PCI Bridge Architecture
Specification 1.1 ("PCI Bridge 1.1"), a data sheet, or dirql's own decision.""",
}


def page(part: str) -> str:
    """The page of a part."""
    blocks = [MARK.format(part=part), HEADS[part]]
    for group in groups(part):
        blocks.append(f"## {group.title}")
        for row in group.rows:
            blocks += [f"### {row.id}", row.rule, f"Source: {row.source}."]
    return "\n\n".join(blocks) + "\n"


def pages() -> dict[Path, str]:
    """The file of each page, with the text that it must have."""
    return {FOLDER / f"{part}.md": page(part) for part in PARTS}
