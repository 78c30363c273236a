# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Reads the files of mistakes, makes each in a copy of the example's driver, and runs the driver on a machine."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from dirql.io.errors import IoError
from dirql.ke.bugcheck import BugCheck
from dirql.ke.watch.deadlock import Deadlock
from dirql.machine import LeakReport, Machine, open_machine
from dirql.pnp.node import DeviceError

__all__ = ["DRIVER", "Mistake", "Outcome", "mistakes", "outcome"]

ROOT = Path(__file__).resolve().parents[2]
DRIVER = ROOT / "examples" / "own_driver" / "own_driver.py"
FILES = ("mistakes.toml", "memory_and_dma.toml", "requests_and_devices.toml")
NAME = r"\\.\Own"
IOCTL_RAISE = 0x222004


@dataclass(frozen=True)
class Mistake:
    """A mistake in a driver: the text `old` of the right driver was written as `new`."""

    title: str
    old: str
    new: str
    routine: str
    """The routine of the driver that the message names; "" for a mistake outside of all routines."""
    rule: str
    step: str
    """The next step, as the message has it."""
    more: tuple[tuple[str, str], ...] = ()
    """Further texts that were written in another way."""

    def source(self) -> str:
        """The driver with the mistake."""
        text = DRIVER.read_text(encoding="utf-8")
        for old, new in ((self.old, self.new), *self.more):
            if text.count(old) != 1:
                raise ValueError(
                    f"{self.title}: the old text must be in {DRIVER.name} once; it is {text.count(old)} times: {old}"
                )
            text = text.replace(old, new)
        return text


@dataclass(frozen=True)
class Outcome:
    """The end of a run of a driver with a mistake."""

    ending: str
    """The bug check, the kind of error, or the row of the defect that the run ended with."""
    message: str


@cache
def mistakes() -> tuple[Mistake, ...]:
    """All mistakes, in the order of the files."""
    entries = []
    for name in FILES:
        text = Path(__file__).with_name(name).read_text(encoding="utf-8")
        entries += tomllib.loads(text)["mistake"]
    return tuple(
        Mistake(**{**entry, "more": tuple((old, new) for old, new in entry.get("more", ()))})
        for entry in entries
    )


@cache
def outcome(mistake: Mistake) -> Outcome:
    """Run a program with the driver that has the mistake; the same text in every run."""
    with TemporaryDirectory() as name:
        file = Path(name) / DRIVER.name
        file.write_text(mistake.source(), encoding="utf-8")
        ended = _run(file)
        return Outcome(ended.ending, _settled(ended.message.replace(f"{name}/", "")))


def _run(file: Path) -> Outcome:
    defects: list[tuple[str, str]] = []

    def found() -> list[str]:
        return list(dict.fromkeys(sentence for _, sentence in defects))

    try:
        with open_machine() as machine:
            defects = machine.defects
            _transfer(machine, file)
    except BugCheck as error:
        return Outcome(f"{error.name} (0x{error.code:X})", f"{error.reason}{error.shown_place}")
    except Deadlock as error:
        return Outcome("Deadlock", str(error))
    except (DeviceError, IoError, LeakReport) as error:
        return Outcome(type(error).__name__, "\n".join((str(error), *found())))
    rows = ", ".join(dict.fromkeys(row for row, _ in defects))
    return Outcome(f"a defect, {rows}", "\n".join(found()))


def _transfer(machine: Machine, file: Path) -> None:
    machine.load_driver(file)
    with machine.open(NAME) as handle:
        handle.ioctl(IOCTL_RAISE)
        handle.write(bytes(64))


def _settled(message: str) -> str:
    """A message without what is another number in another process or after other requests."""
    message = re.sub(r"0x[0-9a-f]{7,}\b", "0x…", message.replace(f"{ROOT}/", ""))
    message = re.sub(r"\b\d{9,}\.0", "….0", message)
    message = re.sub(r"(IRP) \d+", r"\1 …", message)
    message = re.sub(r"\b(at|since) clock \d+", r"\1 clock …", message)
    return re.sub(r"has run for \d+ clocks", "has run for … clocks", message)
