# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The contract of each routine that host/wdk describes is the first statement of the routine, with its pointers."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache

import pytest

from dirql.nt.contract import Contract, Enforcement
from dirql.nt.contracts import CONTRACTS
from source_tree import PACKAGE, parse, source_files

KEPT = {place: each for place, each in CONTRACTS.items() if each.enforcement is Enforcement.EACH_CALL}
PARTS = {
    "io.irp:_free_mdls": "MmUnlockPages",
    "io.irp:_lock": "MmProbeAndLockPages",
    "io.services:control_for_program": "ZwDeviceIoControlFile",
    "io.opening:open_device": "ZwOpenFile",
    "io.services:read_for_program": "ZwReadFile",
    "io.services:write_for_program": "ZwWriteFile",
    "ke.objects.event:Event.clear_for_system": "KeClearEvent",
    "mm.mdl:Mdl.allocate": "IoAllocateMdl",
}
"""Parts of a routine that keep its contract for it, and check the level alone."""
KEEPING = {"check", "check_level", "check_two", "check_with"}
"""The methods of a contract that check the level and charge the call; the others look at arguments alone."""


def functions(body: list[ast.stmt], outer: str = "") -> Iterator[tuple[str, ast.FunctionDef]]:
    for node in body:
        if isinstance(node, ast.ClassDef):
            yield from functions(node.body, f"{outer}{node.name}.")
        elif isinstance(node, ast.FunctionDef):
            yield f"{outer}{node.name}", node


@cache
def contracts_of(module: str) -> dict[str, str]:
    """The names of the module's contracts, each with the WDK routine."""
    found: dict[str, str] = {}
    for node in tree_of(module).body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.value, ast.Call):
            call = node.value
            if ast.unparse(call.func) == "contract":
                assert isinstance(call.args[0], ast.Constant)
                found[ast.unparse(node.target)] = str(call.args[0].value)
    return found


@cache
def tree_of(module: str) -> ast.Module:
    return parse(PACKAGE / f"{module.replace('.', '/')}.py")


def first_statements(function: ast.FunctionDef) -> list[ast.stmt]:
    """The first two after the docstring."""
    first = 1 if ast.get_docstring(function) else 0
    return function.body[first : first + 2]


def expected_call(stated: Contract, function: ast.FunctionDef) -> str:
    parameters = [each.arg for each in function.args.args] or ["0"]
    pointers = [each.position for each in stated.pointers]
    given = [parameters[0], *(parameters[each] for each in pointers if each)]
    if not pointers:
        method = "check_level"
    elif pointers[0] == 0 and len(pointers) <= 2:
        method = "check" if len(pointers) == 1 else "check_two"
    else:
        method = "check_with"
    return f"{method}({', '.join(given)})"


@pytest.mark.parametrize("place", KEPT)
def test_a_routine_begins_with_its_contract(place: str) -> None:
    module, qualified = place.split(":")
    function = dict(functions(tree_of(module).body))[qualified]
    contract, _, call = ast.unparse(first_statements(function)[0]).partition(".")
    if call.startswith("check_irql("):  # it only adds a parameter of the bug check to the call behind it
        again, _, call = ast.unparse(first_statements(function)[1]).partition(".")
        assert again == contract
    assert (contracts_of(module).get(contract), call) == (
        KEPT[place].routine,
        expected_call(KEPT[place], function),
    )


def test_each_contract_is_kept_by_its_routine_or_a_part_of_it() -> None:
    """Nothing else may keep a contract: the routine would charge its call twice."""
    owners = {(each.routine, place) for place, each in KEPT.items()}
    owners |= {(routine, place) for place, routine in PARTS.items()}
    found: set[tuple[str, str]] = set()
    for file in source_files(".py"):
        if not file.is_relative_to(PACKAGE) or file.name == "contract.py":
            continue
        module = file.relative_to(PACKAGE).with_suffix("").as_posix().replace("/", ".")
        names = (
            contracts_of(module)
            if "import contract" in file.read_text() or "contract(" in file.read_text()
            else {}
        )
        for qualified, function in functions(tree_of(module).body) if names else ():
            for node in ast.walk(function):
                if (
                    isinstance(node, ast.Attribute)
                    and node.attr in KEEPING
                    and isinstance(node.value, ast.Name)
                    and node.value.id in names
                ):
                    found.add((names[node.value.id], f"{module}:{qualified}"))
    assert found == owners
