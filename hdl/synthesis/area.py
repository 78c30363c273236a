# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Measures the machines on parts of FPGAs: LUTs, registers, RAMs, cells, and the clock that they reach.

    python hdl/synthesis/area.py               measures all, and prints it
    python hdl/synthesis/area.py tiny          measures the runs of this machine
    python hdl/synthesis/area.py --write       measures all and writes docs/area.md; with names, only these
    python hdl/synthesis/area.py --check       only checks that docs/area.md has each machine and block

Exits 1 if a machine misses its goal, or with --check if something is missing. It works in build/area, where it finds
what it measured before of the same design. Two machines are measured at once, on two processors; --jobs says otherwise.
"""

from __future__ import annotations

import argparse
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from area_engine import TOOLS, YOSYS, Size, ToolError, missing_tools, sizes, version
from area_page import complaints, links, page, shortfall, summary
from area_plan import ROOT, Run, load_plan
from dirql.hardware.reading import machine_names

__all__ = ["main"]

PAGE = ROOT / "docs" / "area.md"
INSTALL = "install them with: .venv/bin/python -m pip install -e '.[synthesis]'"


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="area.py", description="Measures the machines on parts of FPGAs.")
    parser.add_argument("machines", nargs="*", metavar="MACHINE", help="measure only these machines")
    parser.add_argument("--check", action="store_true", help="only check that docs/area.md has all")
    parser.add_argument("--write", action="store_true", help="write what was measured into docs/area.md")
    parser.add_argument(
        "--jobs", type=int, default=min(2, os.cpu_count() or 1), metavar="N", help="the machines at once"
    )
    parser.add_argument("--work", type=Path, default=ROOT / "build/area", help="the folder to work in")
    options = parser.parse_args(arguments)
    for name in options.machines:
        if name not in machine_names(ROOT):
            parser.error(f"a machine must be one of {', '.join(machine_names(ROOT))}; it was {name!r}")
    if options.jobs < 1:
        parser.error(f"--jobs must be 1 or more; it was {options.jobs}")
    return options


def check() -> int:
    """Print what the page lacks; the exit code."""
    text = PAGE.read_text(encoding="utf-8") if PAGE.is_file() else ""
    lacks = list(complaints(load_plan(), text))
    for complaint in lacks:
        print(f"docs/area.md {complaint}; write it with: python hdl/synthesis/area.py --write")
    return 1 if lacks else 0


def measure(runs: list[Run], work: Path, jobs: int) -> dict[Run, list[Size]]:
    """Measure the runs, several at once, and print a line for each size. Raises `ToolError`."""
    # A tool is compiled by its first call, which must not happen twice at once.
    for tool in dict.fromkeys((YOSYS, *(TOOLS[run.part.family] for run in runs))):
        version(tool)

    def one(run: Run) -> list[Size]:
        found = []
        try:
            for size in sizes(run, work):
                found.append(size)
                print(summary(run, size), flush=True)
        except ToolError as error:
            raise ToolError(f"{run.title} on {run.part.name}: {error}") from error
        return found

    with ThreadPoolExecutor(jobs) as pool:
        try:
            return dict(zip(runs, pool.map(one, runs), strict=True))
        except ToolError:
            pool.shutdown(cancel_futures=True)
            raise


def main(arguments: list[str] | None = None) -> int:
    """Do what the command line asks for; the exit code."""
    options = parse(sys.argv[1:] if arguments is None else arguments)
    if options.check:
        return check()
    if missing := missing_tools():
        words = f"synthesis needs {', '.join(missing)}, which must be on the path and are not"
        print(f"{words}; {INSTALL}", file=sys.stderr)
        return 2
    plan = load_plan()
    runs = [run for run in plan.runs if not options.machines or run.machine in options.machines]
    try:
        measured = measure(runs, options.work.resolve(), options.jobs)
    except ToolError as error:
        print(error, file=sys.stderr)
        return 2
    found = links(measured)
    missed = 0
    for run, (whole, *_) in measured.items():
        for complaint in shortfall(found.get(run.part.name), run, whole):
            print(f"{run.title} on {run.part.name}: {complaint}")
            missed += 1
    if options.write:
        PAGE.write_text(page(plan, measured, PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
