# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Follows a page of docs as its reader does: types its code into files and gives its commands.

A comment above a block of code says what the reader does with it:

- `<!-- own_driver.py -->`: the code goes into that file. Imports and constants join the others at the top; a routine or
  a class replaces the one of the same name, or goes to the end.
- `<!-- own_driver.py, for now -->`: the same, until the next commands have been given.
- `<!-- fails -->`: the commands fail; without the mark they succeed.
- `<!-- printed -->`: each line is in what the commands before it printed; "…" stands for any text.

`python tests/walkthrough.py` writes examples/own_driver, the files that the reader of docs/first-hour.md ends up with.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["EXAMPLE", "PAGE", "Block", "Source", "blocks", "final_files"]

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "first-hour.md"
EXAMPLE = ROOT / "examples" / "own_driver"

HEADER = "# SPDX-FileCopyrightText: dirql contributors\n# SPDX-License-Identifier: Apache-2.0\n"
BLOCK = re.compile(r"(?:^<!-- ([^\n]*) -->\n)?^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """One block of code of the page."""

    language: str
    mark: str
    """The text of the comment above the block; "" if there is none."""
    text: str

    @property
    def file(self) -> str:
        """The file into which the code goes; "" if the block is no code for a file."""
        return self.mark.removesuffix(", for now") if self.language == "python" else ""


def blocks(page: Path = PAGE) -> list[Block]:
    """All blocks, in order. Raises ValueError for a block without a known mark."""
    found = [
        Block(language, mark, text)
        for mark, language, text in BLOCK.findall(page.read_text(encoding="utf-8"))
    ]
    for block in found:
        allowed = {
            "python": block.file.endswith(".py"),
            "sh": block.mark in ("", "fails"),
            "text": block.mark == "printed",
        }
        if not allowed.get(block.language, False):
            raise ValueError(
                f"a block must have a mark; {block.language} {block.mark!r} has: {block.text[:60]}"
            )
    return found


@dataclass
class Source:
    """A Python file that grows block by block."""

    head: list[str] = field(default_factory=list)
    imports: list[str] = field(default_factory=list)
    constants: list[str] = field(default_factory=list)
    routines: dict[str, str] = field(default_factory=dict)

    def add(self, text: str) -> None:
        """Put the code of a block where the page's reader would put it."""
        before: list[str] = []
        for node, part in statements(text):
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                self.routines[node.name] = part.strip()
                continue
            if not isinstance(node, ast.Import | ast.ImportFrom | ast.Assign | ast.Expr):
                self.routines[part] = part.strip()  # the statements of a script
                continue
            section = self._section(node)
            section.append(part if section is before else part.lstrip("\n"))
            before = section

    def _section(self, node: ast.stmt) -> list[str]:
        """The section of the file into which a statement at the top level goes."""
        if isinstance(node, ast.Import | ast.ImportFrom):
            return self.imports
        return self.constants if isinstance(node, ast.Assign) else self.head

    def text(self) -> str:
        """The text of the whole file."""
        parts = ["".join(part).strip() for part in (self.head, self.imports, self.constants)]
        top = "\n\n".join(part for part in parts if part)
        return "\n\n\n".join([top, *self.routines.values()]) + "\n"


def statements(text: str) -> Iterator[tuple[ast.stmt, str]]:
    """The top-level statements of a block, each with its lines and the blank lines before it."""
    lines = text.splitlines(keepends=True)
    before = 0
    for node in ast.parse(text).body:
        end = node.end_lineno or node.lineno
        yield node, "".join(lines[before:end])
        before = end


def final_files() -> dict[Path, str]:
    """The files of the example, and what the page makes of them."""
    sources: dict[str, Source] = {}
    for block in blocks():
        if block.file and "for now" not in block.mark:
            sources.setdefault(block.file, Source()).add(block.text)
    return {EXAMPLE / name: HEADER + source.text() for name, source in sources.items()}


if __name__ == "__main__":
    for path, text in final_files().items():
        path.write_text(text, encoding="utf-8")
