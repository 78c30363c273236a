# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Reads the signatures and docstrings of the Python callables behind the routines from the sources.

The sources are read and not imported, because they import what is generated.
"""

from __future__ import annotations

import ast
import inspect
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from wdk.errors import ROOT

__all__ = ["Callable", "find_callable"]

PACKAGE = ROOT / "host" / "dirql"


@dataclass(frozen=True, slots=True)
class Callable:
    """A function or method of dirql, as its source has it."""

    parameters: tuple[str, ...]
    """The parameters, each with the default and without the type."""
    result: str
    """The annotation of the result."""
    summary: str
    """The first paragraph of the docstring."""
    decorators: tuple[str, ...]
    is_variadic: bool
    """Whether any number of arguments may follow."""


@cache
def _tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def find_callable(python: str) -> Callable | None:
    """The callable at "module:qualified.name" below dirql; None if the sources have none there."""
    module, qualified = python.split(":")
    file = PACKAGE.joinpath(*module.split(".")).with_suffix(".py")
    if not file.is_file():
        return None
    node: ast.AST = _tree(file)
    for name in qualified.split("."):
        found = [each for each in ast.iter_child_nodes(node) if getattr(each, "name", None) == name]
        if not found:
            return None
        node = found[-1]
    return _describe(node) if isinstance(node, ast.FunctionDef) else None


def _describe(node: ast.FunctionDef) -> Callable:
    arguments = node.args.args
    defaults = [None] * (len(arguments) - len(node.args.defaults)) + list(node.args.defaults)
    decorators = tuple(ast.unparse(each) for each in node.decorator_list)
    if "classmethod" in decorators:
        arguments, defaults = arguments[1:], defaults[1:]
    shown = tuple(
        each.arg.lstrip("_") + (f"={ast.unparse(default)}" if default is not None else "")
        for each, default in zip(arguments, defaults, strict=True)
    )
    docstring = inspect.cleandoc(ast.get_docstring(node) or "")
    summary = " ".join(docstring.split("\n\n", 1)[0].split())
    result = "None" if node.returns is None else ast.unparse(node.returns)
    return Callable(shown, result, summary, decorators, node.args.vararg is not None)
