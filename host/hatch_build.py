# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Compiles the kernel with mypyc while the wheel is built, if HATCH_BUILD_HOOKS_ENABLE=1 asks for it.

The modules are listed in pyproject.toml, where this hook is configured; docs/compiled.md is about the result. Nothing
is written into the checkout: a compiled module beside a plain one would be imported in its place.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import chdir
from pathlib import Path
from tempfile import TemporaryDirectory

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PACKAGE = Path("host/dirql")
LIBRARY = "dirql_compiled"
"""The module with the compiled code; each compiled module is a small library that gets its code from there.

It stands beside the package: mypyc takes the folder that it is in for the one of all packages, and makes the `__file__`
of each module from that.
"""


class CompiledKernel(BuildHookInterface):
    """The hook: a wheel gets the compiled modules beside the plain ones, and Python prefers the compiled ones."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, object]) -> None:
        """Compile, and put the results into the wheel."""
        if version == "editable":
            raise ValueError(
                "a compiled kernel must be installed as a copy of its sources; an editable install was asked for:"
                " leave out HATCH_BUILD_HOOKS_ENABLE or --editable"
            )
        self._folder = TemporaryDirectory()
        build_data["pure_python"] = False
        build_data["infer_tag"] = True
        with chdir(self.root):
            built = compile_modules(modules(self.config), Path(self._folder.name))
        build_data["force_include"].update({str(file): place for place, file in built.items()})

    def finalize(self, version: str, build_data: dict[str, object], artifact_path: str) -> None:
        """Remove what the wheel has now."""
        self._folder.cleanup()


def modules(config: dict[str, list[str]]) -> list[str]:
    """The files of the modules to compile, below the current folder."""
    left_out = {PACKAGE / place for place in config["exclude"]}
    found = [
        file
        for place in config["include"]
        for file in sorted(
            (PACKAGE / place).rglob("*.py") if (PACKAGE / place).is_dir() else [PACKAGE / place]
        )
    ]
    # A package's own file has nothing but a docstring.
    return [str(file) for file in found if file not in left_out and file.name != "__init__.py"]


def compile_modules(files: list[str], folder: Path) -> dict[str, Path]:
    """Compile modules with the help of `folder`; returns the libraries by their places in the wheel."""
    # Imported here, because these packages are installed only for a build with this hook.
    from mypyc.build import mypycify
    from setuptools.command.build_ext import build_ext
    from setuptools.dist import Distribution

    class ParallelBuild(build_ext):
        """Compiles the files of one library at the same time too, and not only several libraries."""

        def build_extensions(self) -> None:
            compile_in_turn = self.compiler.compile

            def compile_at_once(sources: list[str], *arguments: object, **options: object) -> list[str]:
                first, *others = ([source] for source in sources)
                objects = compile_in_turn(first, *arguments, **options)  # it makes the folders
                with ThreadPoolExecutor(os.cpu_count()) as pool:
                    results = pool.map(lambda each: compile_in_turn(each, *arguments, **options), others)
                    return [*objects, *(name for result in results for name in result)]

            self.compiler.compile = compile_at_once
            super().build_extensions()

    # `make lint` checks all types; here other modules are read, so that the types of the compiled ones are known.
    options = ["--config-file=pyproject.toml", "--follow-imports=silent", f"--cache-dir={folder / 'mypy'}"]
    # In one file the C compiler had not ended after six minutes; in a file for each module all takes two to three.
    extensions = mypycify(
        [*options, *files],
        target_dir=str(folder / "c"),
        group_name=LIBRARY,
        multi_file=True,
        opt_level="3",
        debug_level="0",
    )
    build = ParallelBuild(Distribution({"name": "dirql", "ext_modules": extensions}))
    build.build_lib = str(folder / "lib")
    build.build_temp = str(folder / "objects")
    build.parallel = os.cpu_count()
    build.ensure_finalized()
    build.run()
    libraries = folder / "lib"
    return {str(file.relative_to(libraries)): file for file in libraries.rglob("*.so")}
