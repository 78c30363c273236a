# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Lists the rows with the tests that show them, and those without: `make rows`. With --write, writes docs/rules."""

from __future__ import annotations

import sys
import textwrap

from rows.book import PARTS, groups, known
from rows.claims import all_claims
from rows.pages import pages


def write() -> None:
    """Write the pages of docs/rules."""
    for file, text in pages().items():
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")


def list_rows() -> None:
    """Print each group with its rows, the tests that show them, and a count."""
    shown = all_claims()
    for part in PARTS:
        for group in groups(part):
            print(f"\n{group.title}: {sum(row.id in shown for row in group.rows)} of {len(group.rows)}")
            for row in group.rows:
                print(f"  {'+' if row.id in shown else '-'} {row.id:8} {textwrap.shorten(row.rule, 100)}")
                for claim in shown.get(row.id, ()):
                    print(f"               {claim}")
    rows = known()
    print(f"\n{len(rows.keys() & shown.keys())} of {len(rows)} rows are shown by a test or an assertion")


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        write()
    else:
        list_rows()
