# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Proves the hardware's blocks, and prints for each property what became of it.

    python hdl/formal/prove.py                 runs all proofs; exits 1 if a property is not shown
    python hdl/formal/prove.py --quick         runs the quick ones, each at one size: less than a minute
    python hdl/formal/prove.py NAME …          runs the proofs with these names
    python hdl/formal/prove.py --write         writes docs/formal.md and proves nothing

Each run starts anew in build/formal and uses nothing of the run before.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from proof_engine import Finding, Outcome, Task, missing_tools, run_task, tasks_of, warm_up
from proof_page import page
from proof_plan import HDL, Proof, load_plan, parameter_text, statements

__all__ = ["main", "vanished"]

ROOT = HDL.parent
PAGE = ROOT / "docs" / "formal.md"
JOBS = 2
INSTALL = "install them with: .venv/bin/python -m pip install -e '.[formal]'"


def words_for(task: Task, finding: Finding) -> str:
    """The outcome for a property, as the first column shows it."""
    if finding.status == "shown":
        if task.mode == "cover":
            return f"reached at {finding.depth}"
        return "by induction" if task.mode == "prove" else f"to {task.depth} clocks"
    if task.mode == "cover":
        return "NOT REACHED"
    return "REFUTED" if finding.status == "failed" else "NOT SHOWN"


def vanished(task: Task, outcome: Outcome, hdl: Path) -> list[str]:
    """The labels in the sources that the task has not reported on: the compiled design does not have them."""
    proof = task.proof
    kind = "cover" if task.mode == "cover" else "prove"
    found = [s for file in (*proof.sources, proof.harness) for s in statements(hdl / file)]
    expected = {s.label for s in found if s.kind == kind and not proof.assumes(s.label)} - set(proof.absent)
    if task.mode == "prove":
        expected -= set(proof.only_bounded)
    return sorted(expected - {finding.label for finding in outcome.findings})


def wanted(task: Task, finding: Finding) -> bool:
    """Whether this task is the one that reports the property: induction says more than a depth."""
    return task.mode != "bmc" or bool(task.proof.depth_of(finding.label))


def sentences(proof: Proof, hdl: Path) -> Callable[[Finding], str]:
    """A routine that gives the sentence of a finding."""
    known = {
        (Path(file).name if file in proof.sources else "", statement.label): statement.sentence
        for file in (*proof.sources, proof.harness)
        for statement in statements(hdl / file)
    }
    anywhere = {label: sentence for (_, label), sentence in known.items()}
    return lambda finding: known.get((finding.file, finding.label), anywhere.get(finding.label, ""))


def report(outcome: Outcome, hdl: Path) -> tuple[list[str], int]:
    """The lines about one task, and the number of properties that are not shown."""
    task = outcome.task
    sentence = sentences(task.proof, hdl)
    lines = [
        f"{task.proof.name} {parameter_text(task.parameters)}".rstrip()
        + f", {task.mode}, {task.depth} clocks"
    ]
    bad = 0
    for finding in outcome.findings:
        if not wanted(task, finding) and finding.status == "shown":
            continue
        bad += finding.status != "shown"
        lines.append(f"  {words_for(task, finding):13} {finding.place:28} {sentence(finding)}")
        if finding.status == "failed" and finding.trace:
            lines.append(f"  {'':13} waves: {finding.trace}")
    for label in () if outcome.error else vanished(task, outcome, hdl):
        bad += 1
        lines.append(
            f"  {'NOT THERE':13} {label:28} the sources have this statement, and the compiled design has not"
        )
    if outcome.error:
        bad += 1
        lines.append(f"  {'NO RESULT':13} {outcome.error}")
    return lines, bad


def run_all(proofs: tuple[Proof, ...], hdl: Path, work: Path) -> Iterator[Outcome]:
    """The outcomes of all tasks of the proofs, in order, two at a time."""
    tasks = [task for proof in proofs for task in tasks_of(proof)]
    with ThreadPoolExecutor(JOBS) as pool:
        yield from pool.map(lambda task: run_task(task, hdl, work), tasks)


def chosen(proofs: tuple[Proof, ...], names: list[str], *, quick: bool) -> tuple[Proof, ...]:
    """The proofs to run. Raises ValueError for a name that no proof has."""
    known = [proof.name for proof in proofs]
    for name in names:
        if name not in known:
            raise ValueError(f"a proof must be one of {', '.join(known)}; it was {name}")
    selected = [proof for proof in proofs if not names or proof.name in names]
    if quick:
        selected = [replace(proof, parameters=proof.parameters[:1]) for proof in selected if proof.quick]
    return tuple(selected)


def prove(proofs: tuple[Proof, ...], hdl: Path, work: Path) -> int:
    """Run proofs and print what became of them. The number of properties that are not shown."""
    began = time.monotonic()
    bad = good = 0
    for outcome in run_all(proofs, hdl, work):
        lines, failures = report(outcome, hdl)
        print("\n".join(lines), flush=True)
        bad += failures
        good += sum(f.status == "shown" and wanted(outcome.task, f) for f in outcome.findings)
    print(f"{good} properties and cover goals shown, {bad} not, in {time.monotonic() - began:.0f} s")
    return bad


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="prove.py", description="Proves the hardware's blocks.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="run only these proofs")
    parser.add_argument("--quick", action="store_true", help="run only the quick proofs")
    parser.add_argument("--write", action="store_true", help="write docs/formal.md and prove nothing")
    parser.add_argument("--hdl", type=Path, default=HDL, help="the folder with the hardware's sources")
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "formal", help="the folder to work in")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Run what the command line asks for; the exit code."""
    options = parse(sys.argv[1:] if arguments is None else arguments)
    hdl: Path = options.hdl.resolve()
    try:
        proofs = load_plan(hdl)
        selected = chosen(proofs, options.names, quick=options.quick)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    if options.write:
        PAGE.write_text(page(proofs, hdl), encoding="utf-8")
        return 0
    if missing := missing_tools():
        print(
            f"proofs need {', '.join(missing)}, which must be on the path and are not; {INSTALL}",
            file=sys.stderr,
        )
        return 2
    warm_up()
    bad = prove(selected, hdl, options.work.resolve())
    if not PAGE.is_file() or PAGE.read_text(encoding="utf-8") != page(load_plan(), HDL):
        print("docs/formal.md is not current; write it with: python hdl/formal/prove.py --write")
        bad += 1
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
