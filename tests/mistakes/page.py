# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The page docs/mistakes.md: a table of mistakes, each with the message that a run of the driver has given."""

from __future__ import annotations

from mistakes.book import ROOT, mistakes, outcome

__all__ = ["PAGE", "page"]

PAGE = ROOT / "docs" / "mistakes.md"
HEAD = """<!-- Written by `make mistakes` from the files in tests/mistakes; do not edit. -->

# Mistakes of driver authors

Each mistake was made in a copy of `examples/own_driver/own_driver.py`, and the message is the one that a program with
this driver has got. A message names the driver, its routine, the file and the line, the rule that was broken, and the
next step. In a test the reason comes first in pytest's summary, and the traceback has the frames of the test and of the
driver only; `pytest --full-trace` and `dirql run --full-trace` show those of dirql too. Numbers that change from run to
run are shown as "…". A defect stops nothing, because NT lets it pass: `machine.defects` has it, and a test or `dirql
run` fails at its end.

| mistake | ends with | message |
|---|---|---|
"""


def page() -> str:
    """The page as it must be; runs every mistake."""
    rows = []
    for mistake in mistakes():
        ended = outcome(mistake)
        message = ended.message.partition("\n  requests, the oldest first")[0]
        rows.append(f"| {mistake.title} | {ended.ending} | {_cell(message)} |\n")
    return HEAD + "".join(rows)


def _cell(message: str) -> str:
    """A message in one cell of a table."""
    lines = (" ".join(line.split()).replace("`", "'").replace("|", "\\|") for line in message.splitlines())
    return "<br>".join(f"`{line}`" for line in lines if line)
