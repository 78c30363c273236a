# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The table of docs/boards.md, from the records of the bitstreams that were built.

    python hdl/synthesis/board_page.py           prints the table
    python hdl/synthesis/board_page.py --write   writes it into the page

A board without a record in build/boards keeps the row that the page has. A row of a board that was never built has no
figures.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

from dirql.boards.build import bitstream_path
from dirql.boards.description import Board
from dirql.boards.reading import board_names, load_board
from dirql.boards.record import Record, RecordError

__all__ = ["main", "row", "table"]

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "boards.md"
BITSTREAMS = ROOT / "build" / "boards"
BEGIN, END = "<!-- begin: python hdl/synthesis/board_page.py --write -->\n", "<!-- end -->"
HEAD = (
    "| board | part | machine | clock, MHz | reaches, MHz | cells | of the part | LUTs | of the link | registers |"
    " block RAMs | build, s of a processor |\n"
    "|---|---|---|---|---|---|---|---|---|---|---|---|\n"
)


def row(board: Board, record: Record | None) -> str:
    """The row of a board."""
    facts = (
        f"| `{board.name}` | {board.part.name} | `{board.machine.name}` | {board.machine.frequency / 1e6:g} |"
    )
    if record is None:
        return f"{facts}{' – |' * 8}\n"
    return (
        f"{facts} {record.megahertz:.1f} | {record.cells} | {record.fill:.0f} % | {record.luts} |"
        f" {record.luts_of_link} | {record.registers} | {record.rams} of {record.rams_of_part} |"
        f" {record.seconds:.0f} |\n"
    )


def table(page: str, bitstreams: Path) -> str:
    """The table; `page` is the text of the page, which has the rows of boards that were built elsewhere."""
    rows = []
    for board in map(load_board, board_names()):
        kept = re.search(rf"^\| `{board.name}` \|.*\n", page, re.MULTILINE)
        try:
            rows.append(row(board, Record.read(bitstream_path(board, bitstreams))))
        except RecordError:
            rows.append(kept[0] if kept else row(board, None))
    return HEAD + "".join(rows)


def main(arguments: list[str] | None = None) -> int:
    """Print the table or write it; the exit code."""
    parser = argparse.ArgumentParser(prog="board_page.py", description="Keeps the table of docs/boards.md.")
    parser.add_argument("--write", action="store_true", help="write the table into the page")
    parser.add_argument("--bitstreams", type=Path, default=BITSTREAMS, help="the folder of bitstreams")
    options = parser.parse_args(sys.argv[1:] if arguments is None else arguments)
    page = PAGE.read_text(encoding="utf-8")
    made = table(page, options.bitstreams)
    if not options.write:
        print(made, end="")
        return 0
    before, _, rest = page.partition(BEGIN)
    PAGE.write_text(before + BEGIN + made + END + rest.partition(END)[2], encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
