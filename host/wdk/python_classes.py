# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Checks that the Python classes behind structures have an attribute for each documented member.

The sources are read and not imported, because they import what is generated.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache

from wdk.c_types import Body, CType, Opaque, Record, Typedef
from wdk.errors import ROOT, DescriptionError
from wdk.naming import python_path

__all__ = ["check_python_classes"]

PACKAGE = ROOT / "host" / "dirql"


def check_python_classes(types: tuple[CType, ...]) -> None:
    """Raise `DescriptionError` for the first class or attribute that is missing."""
    for each in types:
        if isinstance(each, Record | Typedef | Opaque) and each.python:
            attributes = _attributes_of(each, each.python)
            if isinstance(each, Record):
                _check_members(each, each.body, attributes, "")
                _check_lacks(each, attributes)


def _attributes_of(each: CType, python: str) -> frozenset[str]:
    module, _, name = python.partition(":")
    attributes = _class_attributes(module, name)
    if attributes is None:
        raise DescriptionError(
            each.file,
            each.name,
            f"python must name a class below host/dirql as module:Class; it was {python!r}",
        )
    return attributes


def _check_members(record: Record, body: Body, attributes: frozenset[str], prefix: str) -> None:
    for field in body.fields:
        path = prefix + field.name
        if path in record.lacks or field.is_opaque:
            continue
        if not field.name:
            if field.body is not None:
                _check_members(record, field.body, attributes, prefix)
            continue
        if python_path(field.name) not in attributes:
            raise DescriptionError(
                record.file,
                record.name,
                f"its Python class must have the attribute {python_path(field.name)!r} for {path};"
                " write the attribute, or name the member in lacks",
            )
        if field.body is not None:
            if not field.python:
                raise DescriptionError(
                    record.file, record.name, f"{path} must name its Python class, or stand in lacks"
                )
            _check_members(record, field.body, _attributes_of(record, field.python), path + ".")


def _check_lacks(record: Record, attributes: frozenset[str]) -> None:
    members = dict(record.body.members())
    for path in record.lacks:
        if path not in members:
            raise DescriptionError(record.file, record.name, f"lacks must name members; {path!r} was none")
        if members[path].body is not None and not members[path].python:
            continue
        owner, _, name = path.rpartition(".")
        python = members[owner].python if owner else record.python
        there = _attributes_of(record, python) if owner and python else attributes
        if python and python_path(name) in there:
            raise DescriptionError(
                record.file,
                record.name,
                f"lacks must name members that the Python class lacks; it had {python_path(path)!r}: take {path!r} out",
            )


# Reading the sources.


@cache
def _tree(module: str) -> ast.Module | None:
    path = PACKAGE.joinpath(*module.split("."))
    file = path.with_suffix(".py") if path.with_suffix(".py").is_file() else path / "__init__.py"
    return ast.parse(file.read_text(encoding="utf-8")) if file.is_file() else None


@cache
def _class_attributes(module: str, name: str) -> frozenset[str] | None:
    """The attributes of a class and of its bases in dirql; None if the module has no such class."""
    tree = _tree(module)
    if tree is None:
        return None
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and node.name == name:
            own = {attribute for statement in node.body for attribute in _attributes(statement)}
            inherited = (_class_attributes(*_origin(module, tree, base)) for base in node.bases)
            return frozenset(own.union(*(each or () for each in inherited)))
    return None


def _origin(module: str, tree: ast.Module, base: ast.expr) -> tuple[str, str]:
    """The module and the name of a base class."""
    name = ast.unparse(base.value if isinstance(base, ast.Subscript) else base)
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("dirql."):
            for alias in node.names:
                if name == (alias.asname or alias.name):
                    return (node.module or "").removeprefix("dirql."), alias.name
    return module, name


def _attributes(statement: ast.stmt) -> Iterator[str]:
    """The attributes that a statement in a class body makes."""
    match statement:
        case ast.AnnAssign(target=ast.Name(id=name)):
            yield name
        case ast.Assign(targets=[ast.Name(id="__slots__")]):
            yield from _strings(statement.value)
        case ast.Assign():
            yield from (target.id for target in statement.targets if isinstance(target, ast.Name))
        case ast.FunctionDef(decorator_list=decorators) if any(
            "property" in ast.unparse(d) for d in decorators
        ):
            yield statement.name
        case ast.FunctionDef():
            yield from _assigned_to_self(statement)


def _assigned_to_self(function: ast.FunctionDef) -> Iterator[str]:
    for node in ast.walk(function):
        if (
            isinstance(node, ast.Attribute)
            and isinstance(node.ctx, ast.Store)
            and ast.unparse(node.value) == "self"
        ):
            yield node.attr


def _strings(value: ast.expr) -> Iterator[str]:
    for node in ast.walk(value):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
