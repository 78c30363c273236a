# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Dependencies: each one is declared, has a reason in docs/dependencies.md, and is imported only if it is declared."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions

from source_tree import PACKAGE, ROOT, name, parse, source_files

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))

PACKAGES = packages_distributions()
"""The installed packages that each name for an import comes from."""


def package(requirement: str) -> str:
    """The name that a requirement starts with."""
    return re.split(r"[^\w-]", requirement, maxsplit=1)[0]


def declared() -> set[str]:
    project = PROJECT["project"]
    lists = [
        project["dependencies"],
        *project["optional-dependencies"].values(),
        PROJECT["build-system"]["requires"],
        PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["hooks"]["custom"]["dependencies"],
    ]
    return {package(requirement) for requirements in lists for requirement in requirements}


def test_each_dependency_has_its_reason() -> None:
    page = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `([\w-]+)` \|", page, re.MULTILINE)) == declared()


def test_each_requirement_states_the_lowest_version_that_works() -> None:
    lists = [PROJECT["project"]["dependencies"], *PROJECT["project"]["optional-dependencies"].values()]
    bare = [r for requirements in lists for r in requirements if not re.search(r"^dirql\[|>=|~=", r)]
    assert bare == []


def test_what_the_package_imports_is_declared() -> None:
    for file in source_files(".py"):
        if not file.is_relative_to(PACKAGE):
            continue
        for node in ast.walk(parse(file)):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names = [node.module]
            for top in (
                {imported.split(".")[0] for imported in names} - {"dirql"} - set(sys.stdlib_module_names)
            ):
                assert declared() & {top, *PACKAGES.get(top, ())}, f"{name(file)} imports {top}"
