# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Reads the rules, makes each mistake in a copy of the right driver, and runs a program with that driver."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from dirql.io.errors import IoError
from dirql.io.handle import Handle
from dirql.ke.bugcheck import BugCheck
from dirql.ke.costs import Costs
from dirql.ke.watch.deadlock import Deadlock
from dirql.machine import LeakReport, Machine, open_machine
from dirql.pnp.node import DeviceError, DeviceNode
from dirql.registers.functions import Store
from fakes.pci_function import FakeFunction
from fakes.scripted_target import ScriptedTarget, Space
from wdm_rules.below import Below

__all__ = ["RIGHT", "Ending", "Rule", "ending_of", "rules", "run"]

HERE = Path(__file__).parent
RIGHT = HERE / "base_driver.py"
OPENED = r"\\.\GLOBALROOT\Device\Rule"
IOCTL = 0x222000


@dataclass(frozen=True)
class Rule:
    """A rule of Static Driver Verifier, and what dirql says to a driver that breaks it."""

    name: str
    set: str
    """The rule set that it belongs to."""
    says: str = ""
    """The end of the run: a bug check, an error, or the rows of defects; "" for a rule without a driver."""
    driver: str = ""
    """The routines of the driver that breaks the rule."""
    does: tuple[str, ...] = ("control",)
    """The steps of the program, each a key of `STEPS`."""
    like: str = ""
    """The rule whose driver breaks this rule too."""
    note: str = ""
    """Why the rule is not checked."""


@dataclass(frozen=True)
class Ending:
    """The end of a run."""

    says: str
    message: str


@cache
def rules() -> tuple[Rule, ...]:
    """All rules, in the order of the files and of their entries."""
    entries = [
        entry
        for file in sorted(HERE.glob("*.toml"))
        for entry in tomllib.loads(file.read_text(encoding="utf-8"))["rule"]
    ]
    return tuple(Rule(**{**entry, "does": tuple(entry.get("does", ("control",)))}) for entry in entries)


def ending_of(rule: Rule) -> Ending:
    """Return the end of the run with the driver of a rule."""
    return run(rule.driver, rule.does)


@cache
def run(driver: str, does: tuple[str, ...]) -> Ending:
    """Run a program with the right driver, of which `driver` replaces routines."""
    with TemporaryDirectory() as name:
        file = Path(name) / "rule_driver.py"
        file.write_text(RIGHT.read_text(encoding="utf-8") + "\n\n" + driver, encoding="utf-8")
        return _run(file, does)


def _run(file: Path, does: tuple[str, ...]) -> Ending:
    defects: list[tuple[str, str]] = []
    try:
        with _machine() as machine:
            defects = machine.defects
            machine.load_driver(Below(), "below", as_filter="lower")
            machine.load_driver(file)
            for step in does:
                STEPS[step](machine)
    except BugCheck as error:
        page = f"/{error.parameters[0]:#x}" if error.code in (0xC4, 0xC9) else ""
        return Ending(f"{error.code:#x}{page}", f"{error.reason}{error.shown_place}")
    except (Deadlock, LeakReport, DeviceError, IoError) as error:
        if not defects:
            return Ending(type(error).__name__, str(error))
    if not defects:
        return Ending("", "")
    return Ending(", ".join(dict.fromkeys(row for row, _ in defects)), "\n".join(text for _, text in defects))


def _machine() -> Machine:
    target = ScriptedTarget()
    function = FakeFunction(bars=((0x0, 4096),), pin=0)
    target.map(Space.CONFIGURATION, function.address, 256, function)
    return open_machine(target, costs=Costs.free())


def _with_handle(act: Callable[[Handle], object]) -> Callable[[Machine], None]:
    """A step that opens the device; the error of a request is not the test's matter."""

    def step(machine: Machine) -> None:
        with machine.open(OPENED) as handle, suppress(IoError):
            act(handle)

    return step


def _cancel(handle: Handle) -> None:
    pending = handle.ioctl_overlapped(IOCTL, bytes(8))
    handle.cancel()
    pending.wait(1)


def _node(machine: Machine) -> DeviceNode:
    return next(node for node in machine.pnp.devices if node.name.startswith(Store.HARDWARE_ID))


STEPS: dict[str, Callable[[Machine], object]] = {
    "open": lambda machine: machine.open(OPENED).close(),
    "control": _with_handle(lambda handle: handle.ioctl(IOCTL, bytes(8), 8)),
    "read": _with_handle(lambda handle: handle.read(8)),
    "write": _with_handle(lambda handle: handle.write(bytes(8))),
    "cancel": _with_handle(_cancel),
    "sleep": lambda machine: machine.suspend("S3", 0),
    "pause": lambda machine: machine.sleep(0.01),
    "remove": lambda machine: machine.pnp.remove(_node(machine)),
    "surprise": lambda machine: machine.pnp.surprise_remove(_node(machine)),
}
