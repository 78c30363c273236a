# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Marks the stores to attributes in the code of drivers, for `ke/threads/shared_data.py`.

Python runs `x.events -= 1` without a point of preemption, yet a processor can be interrupted in it. So a driver's
functions get code in which each value on its way to an attribute goes through a function of the kernel. So does each
container in an attribute that a method is about to change in place, as in `x.waiting.append(irp)`. The code is made of
the source of the driver's file, line for line, and is taken away when the machine closes. A function whose source is
not there, or is not what runs, stays as it is.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Final, Protocol

from dirql.ke.origin import is_kernel_file

__all__ = ["MarkedStores"]

_STORE: Final = "_dirql_store"
_CHANGE: Final = "_dirql_change"
_NAMES: Final = frozenset({_STORE, _CHANGE})
"""The names of the kernel's functions in the modules of drivers."""

_METHODS: Final = frozenset(
    {
        *("append", "extend", "insert", "pop", "remove", "clear", "sort", "reverse"),
        *("appendleft", "extendleft", "popleft", "rotate"),
        *("add", "discard", "update", "setdefault", "popitem"),
    }
)
"""The methods that change a list, a deque, a set or a dictionary in place."""


class _SharedData(Protocol):
    """The kernel's functions: those of `SharedData`."""

    def store(self, value: object, is_change: bool, owner: object, *path: str) -> object:
        """Return `value`, which is stored next."""

    def change(self, container: object, owner: object, *path: str) -> object:
        """Return `container`, of which a method is called next."""


_Place = tuple[str, int]
"""A function in a file: its qualified name, and its first line."""


class MarkedStores:
    """The functions of a machine's drivers whose stores are marked."""

    def __init__(self, data: _SharedData) -> None:
        """`data` has the functions that the marked code calls."""
        self._functions: dict[str, object] = {_STORE: data.store, _CHANGE: data.change}
        self._before: dict[FunctionType, CodeType] = {}

    def mark(self, driver: object) -> None:
        """Mark the stores of a driver: a module, or an object with a routine DriverEntry."""
        for function in _functions_of(driver):
            code = function.__code__
            marked = _marked_code(code.co_filename).get((code.co_qualname, code.co_firstlineno))
            if marked is not None and function not in self._before and _is_code_of(marked, code):
                self._before[function] = code
                function.__globals__.update(self._functions)
                function.__code__ = marked

    def restore(self) -> None:
        """Give all functions the code that they had."""
        while self._before:
            function, code = self._before.popitem()
            function.__code__ = code
            for name in _NAMES:
                function.__globals__.pop(name, None)


# The functions of a driver.


def _functions_of(driver: object) -> Iterator[FunctionType]:
    """The functions that the code of a driver can reach by names, in the folder of its file."""
    first = driver if isinstance(driver, ModuleType) else type(driver)
    file = _file_of(first)
    if file is None or is_kernel_file(file):
        return
    folder = str(Path(file).parent)
    waiting: list[object] = [first]
    if first is not driver:
        waiting += getattr(driver, "__dict__", {}).values()
    seen: set[int] = set()
    while waiting:
        each = waiting.pop()
        each = getattr(each, "__func__", each)  # of a method
        if id(each) in seen or not (_file_of(each) or "").startswith(folder):
            continue
        seen.add(id(each))
        waiting += _parts_of(each)
        if isinstance(each, FunctionType):
            yield each


def _file_of(each: object) -> str | None:
    """The file of a function, a class or a module; None for anything else."""
    if isinstance(each, FunctionType):
        return each.__code__.co_filename
    if isinstance(each, property):
        return _file_of(each.fget)
    if isinstance(each, type):
        each = sys.modules.get(each.__module__)
    return getattr(each, "__file__", None) if isinstance(each, ModuleType) else None


def _parts_of(each: object) -> Iterator[object]:
    """The objects that code can reach from a function, a class or a module."""
    if isinstance(each, FunctionType):
        for cell in each.__closure__ or ():
            with suppress(ValueError):  # it is empty as yet
                yield cell.cell_contents
        for code in _codes(each.__code__):
            yield from (each.__globals__.get(name) for name in code.co_names)
    elif isinstance(each, property):
        yield from (each.fget, each.fset)
    else:
        yield from list(vars(each).values())
        yield from getattr(each, "__bases__", ())


def _codes(code: CodeType) -> Iterator[CodeType]:
    """The code of a function, and that of each function in it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


# Their code.


@cache
def _marked_code(file: str) -> dict[_Place, CodeType]:
    """The code of each function in a file with its stores marked; none if the file cannot be read."""
    try:
        tree = ast.parse(Path(file).read_bytes(), file)
        marked = compile(ast.fix_missing_locations(_Marker().visit(tree)), file, "exec", dont_inherit=True)
    except (OSError, SyntaxError, ValueError):
        return {}
    return {(code.co_qualname, code.co_firstlineno): code for code in _codes(marked)}


def _is_code_of(marked: CodeType, code: CodeType) -> bool:
    """Whether the marked code has marks, and is that of the same source as `code`."""
    return (
        any(not _NAMES.isdisjoint(each.co_names) for each in _codes(marked))
        and marked.co_freevars == code.co_freevars
        and marked.co_argcount == code.co_argcount
        and set(marked.co_names) - _NAMES <= set(code.co_names)
    )


class _Marker(ast.NodeTransformer):
    """Lets what is stored in an attribute, or is changed in one in place, go through the kernel's functions."""

    def __init__(self) -> None:
        self._read: set[str] = set()
        """The attributes that the function has read up to here, as source."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        """Go through a function, which begins without having read anything."""
        before, self._read = self._read, set()
        self.generic_visit(node)
        self._read = before
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        """Note an attribute that is read."""
        self.generic_visit(node)
        if isinstance(node.ctx, ast.Load):
            self._read.add(ast.unparse(node))
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """Mark an attribute with a method that may change it in place."""
        self.generic_visit(node)
        method = node.func
        if isinstance(method, ast.Attribute) and method.attr in _METHODS:
            container = method.value
            path = _path_of(container)
            if path is not None:
                method.value = _call(_CHANGE, container, [], path)
        return node

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        """Mark each attribute among the targets; its new value is made of the old one if that was read before."""
        self.generic_visit(node)
        for target in node.targets:
            for each in target.elts if isinstance(target, ast.Tuple) else (target,):
                if isinstance(each, ast.Attribute):
                    node.value = _through(node.value, each, ast.unparse(each) in self._read)
        return node

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AST:
        """Mark an attribute whose new value is made of the old one."""
        self.generic_visit(node)
        if isinstance(node.target, ast.Attribute):
            node.value = _through(node.value, node.target, True)
        return node


def _through(value: ast.expr, target: ast.Attribute, is_change: bool) -> ast.expr:
    """The call that returns `value`; just the value where the object is neither a name, nor attributes of one."""
    path = _path_of(target)
    return value if path is None else _call(_STORE, value, [ast.Constant(is_change)], path)


def _call(function: str, value: ast.expr, more: list[ast.expr], path: list[str]) -> ast.expr:
    """The call of a function of the kernel with a value, and with the way to its attribute from a name."""
    names = [ast.Constant(name) for name in path[1:]]
    arguments = [value, *more, ast.Name(path[0], ast.Load()), *names]
    return ast.copy_location(ast.Call(ast.Name(function, ast.Load()), arguments, []), value)


def _path_of(node: ast.expr) -> list[str] | None:
    """The name and the attributes of `name.attribute.attribute`; None for any other expression."""
    path: list[str] = []
    while isinstance(node, ast.Attribute):
        path.insert(0, node.attr)
        node = node.value
    return [node.id, *path] if path and isinstance(node, ast.Name) else None
