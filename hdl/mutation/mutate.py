# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Mutation of the hardware: cells are changed in small ways, and the changes that proofs and tests find are counted.

    make mutate                                    all cells; hours
    make mutate ARGS="bus_arbiter"                 one cell
    make mutate ARGS="--sample 20 bus_target"      20 of its mutants, the same ones each time

A mutant is the cell with one operator, constant, condition or assignment changed. It is found if a proof of the cell
no longer holds, or a test of the cell fails. A mutant that is not found shows a gap in these, or behaves as the cell
did: survivors.toml says which, and why, for each. The exit code is 1 if a cell has survivors that are not explained
there, or if less than 95 % of its mutants are found that are not equivalent.
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from mutants import Mutant, mutants_of, schema
from mutation_finders import Finder, TestFinder, proof_finders
from mutation_plan import HDL, ROOT, Cell, Survivor, load_cells, load_survivors
from proof_engine import missing_tools, warm_up
from proof_plan import load_plan

__all__ = ["Result", "main"]

COPIED = (
    "hdl",
    "sim",
    "host",
    "tests",
    "boards",
    "examples",
    "docs",
    "pyproject.toml",
    "README.md",
    "Makefile",
)
REQUIRED_SHARE = 0.95
SAMPLE_SEED = 14
INSTALL = "install them with: .venv/bin/python -m pip install -e '.[formal]'"

Key = tuple[str, str, str, int]


@dataclass(frozen=True)
class Result:
    """A mutant and what found it; `found` is empty for a survivor."""

    mutant: Mutant
    found: str


def make_tree(cells: Sequence[Cell], tree: Path) -> dict[str, dict[int, Mutant]]:
    """Copy the sources with all mutants of the cells in them; the mutants of each cell by number."""
    shutil.rmtree(tree, ignore_errors=True)
    tree.mkdir(parents=True)
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, tree / name)
    numbered: dict[str, dict[int, Mutant]] = {}
    number = 0
    for cell in cells:
        numbered[cell.name] = {}
        for file in cell.files:
            text = (HDL / file).read_text(encoding="utf-8")
            own = dict(enumerate(mutants_of(file, text), number + 1))
            number += len(own)
            numbered[cell.name] |= own
            (tree / "hdl" / file).write_text(schema(text, own), encoding="utf-8")
    return numbered


def finders_of(cell: Cell, tree: Path, work: Path, limit: float, *, proofs: bool) -> list[Finder]:
    """The finders of a cell: its proofs first, which are quick."""
    plan = {proof.name: proof for proof in load_plan()}
    made: list[Finder] = []
    if proofs:
        for name in cell.proofs:
            made += proof_finders(plan[name], tree / "hdl", work / "proofs", limit)
    made += [TestFinder(test, tree, work, limit) for test in cell.tests]
    return made


def find(number: int, mutant: Mutant, finders: Sequence[Finder]) -> Result:
    """Let the finders look at a mutant until one finds it."""
    for finder in finders:
        if found := finder.find(number):
            return Result(mutant, found)
    return Result(mutant, "")


def chosen(mutants: dict[int, Mutant], sample: int, contains: str) -> dict[int, Mutant]:
    """The mutants to look at: those whose line holds a text, and of these a sample."""
    numbers = [number for number, mutant in mutants.items() if contains in mutant.line]
    if 0 < sample < len(numbers):
        numbers = sorted(random.Random(SAMPLE_SEED).sample(numbers, sample))
    return {number: mutants[number] for number in numbers}


def toml_text(text: str) -> str:
    """A text as a literal of TOML."""
    return f"'''{text}'''" if "'" in text else f"'{text}'"


def survivor_entry(mutant: Mutant) -> str:
    """The entry of survivors.toml for a mutant, but for the reason."""
    lines = [
        "[[survivors]]",
        *(f"{key} = {toml_text(getattr(mutant, key))}" for key in ("file", "line", "change")),
    ]
    if mutant.occurrence != 1:
        lines.append(f"occurrence = {mutant.occurrence}")
    return "\n".join((*lines, "equivalent = true", "why = ''", ""))


def report(cell: Cell, results: Sequence[Result], known: dict[Key, Survivor], file: Path) -> bool:
    """Print what became of the mutants of a cell, and add what is not explained to a file; whether that is enough."""
    survivors = [result.mutant for result in results if not result.found]
    unexplained = [mutant for mutant in survivors if mutant.key not in known]
    equivalent = sum(mutant.key in known and known[mutant.key].equivalent for mutant in survivors)
    killed, counted = len(results) - len(survivors), len(results) - equivalent
    share = killed / counted if counted else 1.0
    print(
        f"{cell.name:22} {len(results):5} mutants  {killed:5} found  {equivalent:3} equivalent  "
        f"{len(survivors) - equivalent:3} others survive  {share:6.1%} found of those that are not equivalent"
    )
    for mutant in unexplained:
        print(f"  not explained: {mutant.file}:{mutant.number}: {mutant.change}")
    with file.open("a", encoding="utf-8") as entries:
        entries.write("\n".join(survivor_entry(mutant) for mutant in unexplained))
    for result in results:
        if result.found and result.mutant.key in known:
            print(f"  survivors.toml explains {result.mutant.change!r}, which is found: {result.found}")
    return not unexplained and share >= REQUIRED_SHARE


def run_cell(cell: Cell, mutants: dict[int, Mutant], finders: Sequence[Finder], jobs: int) -> list[Result]:
    """Look for all mutants of a cell. Raises RuntimeError if a finder finds fault with the unchanged cell."""
    for finder in finders:
        if complaint := finder.prepare():
            raise RuntimeError(f"{cell.name}: {complaint}")
    with ThreadPoolExecutor(jobs) as pool:
        return list(pool.map(lambda number: find(number, mutants[number], finders), mutants))


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="mutate.py", description="Mutates the hardware's cells.")
    parser.add_argument("names", nargs="*", metavar="CELL", help="only these cells")
    parser.add_argument("--sample", type=int, default=0, metavar="N", help="only N mutants of each cell")
    parser.add_argument(
        "--line", default="", metavar="TEXT", help="only mutants of lines that hold this text"
    )
    parser.add_argument("--list", action="store_true", help="print the mutants and look for none")
    parser.add_argument("--no-proofs", action="store_true", help="let only the tests look")
    parser.add_argument("--no-tests", action="store_true", help="let only the proofs look")
    parser.add_argument(
        "--limit", type=float, default=300, metavar="SECONDS", help="for one look at one mutant"
    )
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="mutants to look at at a time")
    parser.add_argument(
        "--work", type=Path, default=ROOT / "build" / "mutation", help="the folder to work in"
    )
    return parser.parse_args(arguments)


def selected(names: Sequence[str]) -> list[Cell]:
    """The cells with these names, or all. Raises ValueError for a name that no cell has."""
    cells = {cell.name: cell for cell in load_cells()}
    for name in names:
        if name not in cells:
            raise ValueError(f"a cell must be one of {', '.join(cells)}; it was {name}")
    return [cells[name] for name in names or cells]


def mutate(cells: Sequence[Cell], options: argparse.Namespace) -> bool:
    """Make the mutants of the cells and look for them; whether enough of each cell were found."""
    work: Path = options.work.resolve()
    tree, unexplained = work / "tree", work / "unexplained.toml"
    known = load_survivors()
    numbered = make_tree(cells, tree)
    unexplained.write_text("", encoding="utf-8")
    enough = True
    for cell in cells:
        begun = time.monotonic()
        mutants = chosen(numbered[cell.name], options.sample, options.line)
        finders = finders_of(cell, tree, work, options.limit, proofs=not options.no_proofs)
        if options.no_tests:
            finders = [finder for finder in finders if not isinstance(finder, TestFinder)]
        results = run_cell(cell, mutants, finders, options.jobs)
        enough &= report(cell, results, known, unexplained)
        print(f"  {time.monotonic() - begun:.0f} s", flush=True)
    if unexplained.stat().st_size:
        print(f"entries for survivors.toml, to be explained: {unexplained}")
    return enough


def main(arguments: list[str] | None = None) -> int:
    """Do what the command line asks for; the exit code."""
    options = parse(sys.argv[1:] if arguments is None else arguments)
    try:
        cells = selected(options.names)
        if options.list:
            for cell in cells:
                for file in cell.files:
                    for mutant in mutants_of(file, (HDL / file).read_text(encoding="utf-8")):
                        print(f"{cell.name}  {file}:{mutant.number}: {mutant.change}")
            return 0
        if not options.no_proofs and any(cell.proofs for cell in cells):
            if missing := missing_tools():
                print(
                    f"proofs need {', '.join(missing)}, which are not on the path; {INSTALL}", file=sys.stderr
                )
                return 2
            warm_up()
        return 0 if mutate(cells, options) else 1
    except (ValueError, RuntimeError) as error:
        print(error, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
