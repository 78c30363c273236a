# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The plan of area.toml: the machines and parts that are synthesized."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from dirql.hardware.description import Function, MachineDescription
from dirql.hardware.reading import load_machine, machine_names
from dirql.hardware.render import generated_files

__all__ = ["ROOT", "Part", "Plan", "Run", "blocks_of", "load_plan", "machine_of"]

ROOT = Path(__file__).resolve().parents[2]
"""The folder with hdl/ and docs/."""

NO_BLOCKS = {"bus_checker", "bus_drive", "bus_start", "chassis"}
INSTANCE = re.compile(r"^  (\w+) (?:#\([^;]*?\) )?u_\w+ \($", re.MULTILINE)


@dataclass(frozen=True)
class Part:
    """A part of an FPGA family, with its cells and block RAMs."""

    name: str
    family: str
    option: str
    cells: int
    rams: int


@dataclass(frozen=True)
class Run:
    """A machine on a part; area.toml says what each key means."""

    machine: str
    part: Part
    megahertz: int
    parameters: Mapping[str, int] = field(default_factory=dict, hash=False)
    goal: int = 0
    blocks: tuple[str, ...] = ()
    route: bool = True
    linked: bool = False

    @property
    def title(self) -> str:
        """The machine with the parameters that differ from its file."""
        changed = ", ".join(f"{name} {value}" for name, value in self.parameters.items())
        name = f"{self.machine} ({changed})" if changed else self.machine
        return f"{name} with its link" if self.linked else name


@dataclass(frozen=True)
class Plan:
    """Everything that area.toml says."""

    runs: tuple[Run, ...]


def load_plan(root: Path = ROOT) -> Plan:
    """The plan. Raises TypeError or KeyError for a key that cannot be."""
    table = tomllib.loads((root / "hdl/synthesis/area.toml").read_text(encoding="utf-8"))
    parts = {entry["name"]: Part(**entry) for entry in table["parts"]}
    runs = tuple(
        Run(**{**entry, "part": parts[entry["part"]], "blocks": tuple(entry.get("blocks", ()))})
        for entry in table["runs"]
    )
    missing = set(machine_names(root)) - {run.machine for run in runs}
    if missing:
        raise KeyError(
            f"area.toml must have a run for each machine; it has none for {', '.join(sorted(missing))}"
        )
    return Plan(runs)


def machine_of(run: Run) -> MachineDescription:
    """The description of the machine, with the parameters of the run."""
    machine = load_machine(run.machine, ROOT)

    def changed(function: Function) -> Function:
        known = {name: run.parameters.get(name, value) for name, value in function.parameters.items()}
        return replace(function, parameters=known)

    return replace(machine, functions=tuple(changed(function) for function in machine.functions))


def blocks_of(machine: MachineDescription) -> list[str]:
    """The modules that the chassis and the top of a machine are made of, each once.

    The checker is left out, because it is for simulation, and so is the bus itself, which is an OR of all agents.
    """
    files = generated_files(machine)
    names = dict.fromkeys(INSTANCE.findall(files["chassis.sv"] + files["machine.sv"]))
    return [name for name in names if name not in NO_BLOCKS]
