# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The compiled kernel (docs/compiled.md): the list of its modules, and classes that a driver may derive from."""

from __future__ import annotations

import ast
import sys
import tomllib
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path

import pytest

from compiled import COMPILED
from dirql import wdm
from dirql.ke.kernel import Kernel
from dirql.ke.threads.schedule import Choice, Schedule
from dirql.ke.threads.system_thread import start_thread
from dirql.ke.threads.wait import wait_for_all
from fakes.clock_and_controller import FakeMachine
from source_tree import PACKAGE, ROOT

HOOK = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]["build"][
    "targets"
]["wheel"]["hooks"]["custom"]
INCLUDED = [PACKAGE / place for place in HOOK["include"]]
LEFT_OUT = {PACKAGE / place for place in HOOK["exclude"]}


def module(file: Path) -> str:
    return ".".join(file.relative_to(PACKAGE.parent).with_suffix("").parts)


def is_listed(file: Path) -> bool:
    return file not in LEFT_OUT and any(file == place or place in file.parents for place in INCLUDED)


def test_the_list_names_files_that_exist() -> None:
    assert [place for place in INCLUDED if not place.exists()] == []
    assert [place for place in LEFT_OUT if not place.is_file()] == []
    assert [place for place in LEFT_OUT if not any(folder in place.parents for folder in INCLUDED)] == []


def test_exactly_the_listed_modules_are_compiled() -> None:
    files = [file for file in PACKAGE.rglob("*.py") if file.name not in {"__init__.py", "__main__.py"}]
    compiled = {
        file for file in files if (spec := find_spec(module(file))) and not str(spec.origin).endswith(".py")
    }
    assert compiled == ({file for file in files if is_listed(file)} if COMPILED else set())


def test_each_module_knows_its_own_file() -> None:
    modules = [each for name, each in sys.modules.items() if name.startswith("dirql.ke.")]
    assert len(modules) > 50
    wrong = [each for each in modules if not Path(str(each.__file__)).is_file()]
    assert wrong == []


def records(file: Path) -> Iterator[tuple[str, str]]:
    """Each field of a dataclass or a NamedTuple in a file, with its type, as path:line."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ClassDef):
            kinds = {ast.unparse(each).split("(")[0] for each in (*node.decorator_list, *node.bases)}
            if kinds & {"dataclass", "NamedTuple"}:
                for field in node.body:
                    if isinstance(field, ast.AnnAssign):
                        yield f"{file.relative_to(PACKAGE)}:{field.lineno}", ast.unparse(field.annotation)


def test_no_record_of_a_compiled_module_has_the_plain_type_object() -> None:
    """Such a module cannot be imported once it is compiled: mypyc does not find the name."""
    files = [file for file in PACKAGE.rglob("*.py") if is_listed(file)]
    fields = [field for file in files for field in records(file)]
    assert len(fields) > 50
    assert [place for place, annotation in fields if annotation == "object"] == []


OWN_STRUCTURES = [
    "IO_CSQ",
    "IO_CSQ_IRP_CONTEXT",
    "IO_REMOVE_LOCK",
    "IO_STATUS_BLOCK",
    "KDEVICE_QUEUE",
    "KDEVICE_QUEUE_ENTRY",
    "KDPC",
    "KEVENT",
    "KMUTEX",
    "KSEMAPHORE",
    "KSPIN_LOCK",
    "KTIMER",
    "KWAIT_BLOCK",
]
"""The structures that a driver makes itself; where C embeds one in another, Python may derive from it."""


@pytest.mark.parametrize("name", OWN_STRUCTURES)
def test_a_driver_may_derive_its_own_structure(name: str) -> None:
    own = type("Own", (getattr(wdm, name),), {})
    made = own()
    vars(made)["number"] = 5
    assert (type(made), vars(made)) == (own, {"number": 5})


@pytest.fixture
def machine() -> FakeMachine:
    return FakeMachine()


@pytest.fixture
def kernel(machine: FakeMachine) -> Iterator[Kernel]:
    running = Kernel(machine, machine)
    yield running
    running.close()


def test_an_own_structure_is_taken_by_the_routines(kernel: Kernel) -> None:
    class Finished(wdm.KEVENT):
        reason = "done"

    event = Finished()
    wdm.KeInitializeEvent(event, wdm.NotificationEvent, False)
    wdm.KeSetEvent(event, 0, False)
    assert wdm.KeWaitForSingleObject(event, wdm.Executive, wdm.KernelMode, False, None) == wdm.STATUS_SUCCESS


@pytest.mark.parametrize("turns", [False, True])
def test_an_own_schedule_decides(machine: FakeMachine, turns: bool) -> None:
    class Last(Schedule):
        shuffles = turns

        def decide(self, choice: Choice, candidates: Sequence[object]) -> int:
            assert choice in Choice
            return len(candidates) - 1

    kernel = Kernel(machine, machine, schedule=Last())
    order: list[object] = []
    try:
        threads = [start_thread(order.append, number, 8) for number in range(3)]
        wait_for_all(threads)
    finally:
        kernel.close()
    assert order == ([2, 1, 0] if turns else [0, 1, 2])
