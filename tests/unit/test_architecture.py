# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The rooms of docs/architecture.md, held against what the code imports."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import dirql
import source_tree
from dirql.ke.origin import is_kernel_file
from source_tree import PACKAGE, ROOT, TOP_LEVEL, name, parse, source_files

# What each room may import of dirql, itself aside. Its keys are the rooms that the document's table names; a test
# holds the two together.
COMPOSING = (
    "machine",
    "machine_parts",
    "inspection",
    "driver_files",
    "marked_stores",
    "machine_options",
    "program_thread",
    "service_control",
    "load",
    "transfers",
    "transfer_checks",
    "outputs",
    "cli",
    "pytest_plugin",
    "doctor",
    "job",
    "shares",
    "tracebacks",
    "shadow",
)
KERNEL = ("nt", "ke", "mm", "rtl", "ex", "kd", "se", "ob", "cm", "io", "hal", "pnp", "po")
EVERYTHING_BELOW = (
    *KERNEL,
    "verifier",
    "registers",
    "files",
    "hardware",
    "link",
    "target",
    "wdm",
    "drivers",
    "trace",
    "report",
    "lspci",
    "host_watch",
    "boards",
    "c",
    "dump",
)
MAY_IMPORT: dict[str, tuple[str, ...]] = {
    "nt": (),
    "hardware": (),
    "files": (),
    "ke.platform": (),
    "ke.origin": (),
    "target.contract": ("hardware", "ke.platform"),
    "target.access": (),
    "target.channel": ("target.contract", "target.access", "hardware", "registers"),
    "link": ("target.contract", "registers"),
    "target.simulation": ("target.channel", "target.contract", "files", "hardware", "registers"),
    "target.board": ("target.access", "target.channel", "target.contract", "link", "hardware", "registers"),
    "target.recording": (
        "target.channel",
        "target.contract",
        "target.access",
        "ke.origin",
        "hardware",
        "registers",
        "",
    ),
    "target": ("files", "hardware", "registers", "link", "boards"),
    "verifier.policy": ("nt",),
    "ke": ("nt", "verifier.policy"),
    "verifier": ("nt", "ke", "verifier.policy"),
    "mm": ("nt", "verifier.policy", "ke"),
    "hal": ("target.contract", "hardware", "nt", "verifier.policy", "ke", "mm", "registers"),
    "rtl": ("nt", "ke", "mm"),
    "ex": ("nt", "ke", "mm", "rtl"),
    "kd": ("nt", "ke", "mm", "rtl"),
    "se": ("nt", "ke", "mm", "rtl"),
    "ob": ("nt", "ke", "mm", "rtl", "se"),
    "cm": ("nt", "ke", "mm", "rtl", "ob", "files"),
    "io": ("nt", "verifier.policy", "ke", "mm", "rtl", "se", "ob", "cm"),
    "pnp": ("io", "cm", "ob", "hal", "rtl", "mm", "ke", "nt", "target.contract", "hardware", "registers"),
    "po": ("io", "ob", "rtl", "mm", "ke", "nt", "verifier.policy"),
    "wdm": KERNEL,
    "drivers": ("wdm", "registers"),
    "trace": (*KERNEL, "target.contract", "files", "hardware", "registers"),
    "c.core": (*KERNEL, "target"),
    "report": (*KERNEL, "target.contract", "files", "hardware", "registers", "trace"),
    "host_watch": ("nt", "ke"),
    "boards": ("link", "target.contract", "hardware", "registers"),
    "c.image": ("target.simulation",),
    "c": ("c.core", "c.image", "io"),
    "lspci": ("target", "hardware", "registers"),
    "dump": ("target.simulation", "lspci", "hardware"),
    **dict.fromkeys(COMPOSING, (*EVERYTHING_BELOW, *COMPOSING)),
    "registers": (),
    "__main__": ("cli",),
    "": (),
}
NOT_IN_THE_TABLE = {"registers", "__main__", ""}

# Host time and the host's own threads stay out of the kernel: it has one clock and one scheduler.
FORBIDDEN_IN_KERNEL = ("threading", "asyncio", "time", "concurrent", "multiprocessing", "datetime")

SWITCHES_GREENLETS = {"ke/threads/switching.py", "target/simulation/cocotb.py"}
CHANGES_IRQL = {"ke/processors/irql.py"}

MODULES = [file for file in source_files(".py") if file.is_relative_to(PACKAGE)]


def by_name(file: Path) -> str:
    return file.relative_to(PACKAGE).as_posix()


def module_name(file: Path) -> str:
    """`ke/processors/dpc.py` is "ke.dpc", `ke/__init__.py` is "ke", the package's own `__init__.py` is ""."""
    return (
        ".".join(file.relative_to(PACKAGE).with_suffix("").parts).removesuffix("__init__").removesuffix(".")
    )


def room_of(module: str) -> str:
    """The innermost room that the module is in."""
    rooms = [room for room in MAY_IMPORT if room and (module + ".").startswith(room + ".")]
    if not rooms:
        assert module == "", (
            f"dirql.{module} is in no room: give it one in docs/architecture.md and in this test"
        )
    return max(rooms, key=len, default="")


def imports(file: Path) -> Iterator[tuple[int, str]]:
    """The line and the absolute name of each import, those inside functions and conditions included."""
    package = ["dirql", *file.relative_to(PACKAGE).parent.parts]
    for node in ast.walk(parse(file)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = package[: len(package) - node.level + 1] if node.level else []
            source = ".".join([*parents, *([node.module] if node.module else [])])
            yield from ((node.lineno, f"{source}.{alias.name}") for alias in node.names)


def is_module(dotted: str) -> bool:
    path = PACKAGE.joinpath(*dotted.split("."))
    return path.is_dir() or path.with_suffix(".py").is_file()


def dirql_imports(file: Path) -> Iterator[tuple[int, str]]:
    """The imports of dirql's own modules without the leading "dirql."; a name in a module counts as that."""
    for line, imported in imports(file):
        if imported.split(".")[0] != "dirql":
            continue
        target = imported.removeprefix("dirql").removeprefix(".")
        yield line, target if is_module(target) else target.rpartition(".")[0]


def imports_against_the_table(file: Path) -> Iterator[str]:
    room = room_of(module_name(file))
    allowed = tuple(other + "." for other in (room, *MAY_IMPORT[room]) if other)
    for line, imported in dirql_imports(file):
        if imported and not (imported + ".").startswith(allowed):  # "" is the package itself: its version
            yield f"{name(file)}:{line} imports dirql.{imported}; {room} may import {', '.join(allowed)}"


def test_a_room_imports_only_what_the_table_allows() -> None:
    assert [wrong for file in MODULES for wrong in imports_against_the_table(file)] == []


def file_of(module: str) -> Path:
    path = PACKAGE.joinpath(*module.split(".")) if module else PACKAGE
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def circles_in(files: dict[Path, set[Path]]) -> list[list[str]]:
    """The largest sets of files in which each reaches every other by imports, each set in the order of its names."""
    reaches: dict[Path, set[Path]] = {}
    for start, imported in files.items():
        seen: set[Path] = set()
        left = list(imported)
        while left:
            file = left.pop()
            if file not in seen:
                seen.add(file)
                left += files.get(file, ())
        reaches[start] = seen
    circles = {
        tuple(sorted(by_name(other) for other in reaches[file] if file in reaches[other]))
        for file in files
        if file in reaches[file]
    }
    return [list(circle) for circle in sorted(circles)]


def imported_files(file: Path) -> set[Path]:
    """The files of the same top room that a file imports anywhere in it: at its head, in functions, for types only."""
    room = file.relative_to(PACKAGE).parts[0]
    found = {file_of(imported) for _, imported in dirql_imports(file)}
    return {other for other in found - {file} if other.relative_to(PACKAGE).parts[0] == room}


def circles_of(room: str) -> list[list[str]]:
    inside = [file for file in MODULES if file.relative_to(PACKAGE).parts[0] == room]
    return circles_in({file: imported_files(file) for file in inside})


ROOMS = sorted({file.relative_to(PACKAGE).parts[0] for file in MODULES if file.parent != PACKAGE})


@pytest.mark.parametrize("room", ROOMS)
def test_the_files_of_a_room_import_one_way(room: str) -> None:
    assert circles_of(room) == []


def test_a_circle_is_found_wherever_the_import_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Imports for types and imports in functions count."""
    room = tmp_path / "made"
    room.mkdir()
    (room / "a.py").write_text("from dirql.made.b import B\n")
    (room / "b.py").write_text(
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from dirql.made import c\n"
    )
    (room / "c.py").write_text("def f():\n    from dirql.made.a import A\n    return A\n")
    (room / "d.py").write_text("from dirql.made.a import A\n")
    monkeypatch.setattr(sys.modules[__name__], "PACKAGE", tmp_path)
    monkeypatch.setattr(source_tree, "ROOT", tmp_path)
    files = {file: imported_files(file) for file in sorted(room.iterdir())}
    assert circles_in(files) == [["made/a.py", "made/b.py", "made/c.py"]]


MODULE_PATH = re.compile(r"(dirql(?:\.\w+)+)")

# Names that another program or a test's author gives to importlib. A file may also name the module that it is itself.
NAMED_ON_PURPOSE = {
    (
        "target/simulation/simulator.py",
        "dirql.target.simulation.cocotb",
    ),  # cocotb imports it in the simulator
    ("pytest_plugin.py", "dirql.drivers.store"),  # the driver of a test without a mark
}


def named_modules(file: Path) -> Iterator[tuple[str, str]]:
    """Strings, docstrings aside, that begin with the path of another module of dirql's."""
    tree = parse(file)
    own = f"dirql.{module_name(file)}."
    documents = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and id(node) not in documents
            and (path := MODULE_PATH.match(node.value))
            and not own.startswith(path[1] + ".")
        ):
            yield by_name(file), node.value


def test_no_file_knows_another_by_a_string() -> None:
    found = {use for file in MODULES for use in named_modules(file)}
    assert found == NAMED_ON_PURPOSE


def test_nothing_imports_a_room_that_composes_but_its_like() -> None:
    for room, allowed in MAY_IMPORT.items():
        if room not in (*COMPOSING, "__main__"):
            assert not set(allowed) & set(COMPOSING), room


def test_the_document_lists_the_same_rooms() -> None:
    document = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    table = document.split("## Rooms and imports")[1].split("\n\n")[1]
    first_cells = [row.split("|")[1] for row in table.splitlines()[2:]]
    named = re.findall(r"`([^`]+)`", " ".join(first_cells))
    listed = {word.removesuffix(".py").removesuffix("/*").replace("/", ".") for word in named}
    assert listed == set(MAY_IMPORT) - NOT_IN_THE_TABLE


def test_the_kernel_has_no_clock_and_no_threads_of_the_hosts() -> None:
    kernel = [file for file in MODULES if file.relative_to(PACKAGE).parts[0] in KERNEL]
    found = [(name(file), imported) for file in kernel for _, imported in imports(file)]
    assert [use for use in found if use[1].split(".")[0] in FORBIDDEN_IN_KERNEL] == []


def test_messages_tell_the_files_of_the_kernel_from_those_of_drivers() -> None:
    """A mistake is told with the nearest line that is not in one of these files."""
    package = Path(dirql.__file__).parent  # in another folder if the kernel is compiled
    files = [*(package / room / "file.py" for room in KERNEL), package / "service_control.py"]
    assert [file for file in files if not is_kernel_file(str(file))] == []


def test_greenlets_are_switched_in_their_place_only() -> None:
    users = {
        by_name(file) for file in MODULES if any(n.split(".")[0] == "greenlet" for _, n in imports(file))
    }
    assert users <= SWITCHES_GREENLETS, (
        "docs/architecture.md names the one file on each side that switches greenlets"
    )


def assigns_irql(tree: ast.Module) -> Iterator[int]:
    """The lines that give a processor another IRQL."""
    for node in ast.walk(tree):
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        for target in targets:
            # What an object calls its own `irql`, as an interrupt does, is its to set.
            if (
                isinstance(target, ast.Attribute)
                and target.attr == "irql"
                and ast.unparse(target.value) != "self"
            ):
                yield target.lineno


def test_the_irql_changes_in_its_place_only() -> None:
    changers = {by_name(file) for file in MODULES if any(assigns_irql(parse(file)))}
    assert changers <= CHANGES_IRQL, "docs/architecture.md names the one file that changes an IRQL"


LOGIC = {"missing.py", "messages.py"}
NAMING = "name_routines(globals().values())"
"""The one statement of the facade that runs code: it gives Python's own messages the WDK's names."""


def test_the_facade_only_re_exports() -> None:
    plain = (ast.Import, ast.ImportFrom, ast.Assign, ast.AnnAssign, ast.Expr)
    modules = [file for file in MODULES if file.parent == PACKAGE / "wdm" and file.name not in LOGIC]
    assert len(modules) > 1
    for facade in modules:
        for statement in parse(facade).body:
            assert isinstance(statement, plain) or ast.unparse(statement).startswith(
                "if not TYPE_CHECKING:"
            ), f"{name(facade)}:{statement.lineno} is logic; the facade only re-exports"
            value = getattr(statement, "value", None)
            if isinstance(statement, ast.Expr) and ast.unparse(statement) != NAMING:
                assert isinstance(value, ast.Constant), f"{name(facade)}:{statement.lineno} runs code"


def assigned_names(file: Path) -> Iterator[str]:
    """The names to which statements at the top of the module give a value."""
    for node in parse(file).body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        yield from (target.id for target in targets if isinstance(target, ast.Name))


def test_a_public_module_says_what_it_exports() -> None:
    public = [file for file in MODULES if not file.name.startswith("_") or len(parse(file).body) > 1]
    assert [name(file) for file in public if "__all__" not in assigned_names(file)] == []


def test_the_top_level_holds_what_it_should() -> None:
    found = {entry.name for entry in ROOT.iterdir() if not entry.name.startswith(".") or entry.name == ".ci"}
    assert found - {"build", "dist"} == TOP_LEVEL
