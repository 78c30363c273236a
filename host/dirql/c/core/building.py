# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The core's extension module: it is compiled once for each state of its sources, kept in the cache, and imported."""

from __future__ import annotations

import fcntl
import hashlib
import importlib.machinery
import importlib.util
import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
import uuid
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import cast

from dirql.c.core.native_module import Native
from dirql.c.core.stubs import stub_source
from dirql.target.simulation.build import announce_on_stderr, cache_directory
from dirql.target.simulation.c_compiler import c_compiler
from dirql.target.simulation.toolchain import SetupError, install, python_headers

__all__ = ["native"]

_HERE = Path(__file__).parent
_MODULE = "dirql_c_core"
_OPTIONS = ("-std=gnu11", "-O2", "-g", "-fPIC", "-Wall", "-Wextra", "-fno-omit-frame-pointer")
_RUNTIME_OPTIONS = ("-fshort-wchar", "-mms-bitfields", "-fno-strict-aliasing")


@cache
def native() -> Native:
    """The extension module, from the cache or compiled now; raises `SetupError` where that cannot be."""
    library = _built()
    loader = importlib.machinery.ExtensionFileLoader(_MODULE, str(library))
    spec = importlib.util.spec_from_loader(_MODULE, loader)
    assert spec is not None
    before = sys.getdlopenflags()
    sys.setdlopenflags(os.RTLD_NOW | os.RTLD_GLOBAL)  # images of drivers take their imports from it
    try:
        module = importlib.util.module_from_spec(spec)
        loader.exec_module(module)
    finally:
        sys.setdlopenflags(before)
    return cast(Native, module)


def _built() -> Path:
    compiler = c_compiler()
    include = python_headers()
    if include is None:
        raise SetupError(
            "Python.h, with which the core for drivers in C is compiled, is missing", install("python3-dev")
        )
    sources = _sources()
    key = hashlib.sha256()
    for name in sorted(sources):
        key.update(f"{name}\0{sources[name]}\0".encode())
    suffix = sysconfig.get_config_var("EXT_SUFFIX")
    told = subprocess.run([*compiler, "--version"], capture_output=True, text=True, check=False).stdout
    key.update(f"{told}\0{suffix}\0{version('greenlet')}".encode())
    place = cache_directory() / f"c-core-{key.hexdigest()[:16]}"
    library = place / f"{_MODULE}{suffix}"
    if not library.is_file():
        _make(compiler, sources, include, place, library.name)
    return library


def _sources() -> Mapping[str, str]:
    """The text of each source, by its name."""
    native_files = sorted((_HERE / "native").iterdir())
    texts = {file.name: file.read_text(encoding="utf-8") for file in native_files}
    for file in ("runtime/seh.c", "include/dirql_seh.h"):
        texts[Path(file).name] = (_HERE.parent / file).read_text(encoding="utf-8")
    return {**texts, "stubs.S": stub_source()}


def _make(compiler: Sequence[str], sources: Mapping[str, str], include: Path, place: Path, name: str) -> None:
    """Compile in a folder beside `place`, which gets that name when all is done."""
    place.parent.mkdir(parents=True, exist_ok=True)
    work = place.with_name(f".{place.name}-{uuid.uuid4().hex[:8]}")
    with (place.parent / f"{place.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if (place / name).is_file():
            return
        announce_on_stderr(
            f"dirql: compiling the core for drivers in C; about 10 seconds, then it is kept in {place.parent}"
        )
        work.mkdir()
        try:
            for file, text in sources.items():
                (work / file).write_text(text, encoding="utf-8")
            _compile(compiler, sources, include, work, name)
            shutil.rmtree(place, ignore_errors=True)
            work.rename(place)
        finally:
            shutil.rmtree(work, ignore_errors=True)
            Path(lock.name).unlink(missing_ok=True)


def _greenlet_headers() -> Path:
    """The folder of greenlet.h, which the package of greenlets brings along."""
    spec = importlib.util.find_spec("greenlet")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent


def _compile(
    compiler: Sequence[str], sources: Mapping[str, str], include: Path, work: Path, name: str
) -> None:
    units = [file for file in sources if file.endswith((".c", ".S"))]
    headers = [f"-I{include}", f"-I{_greenlet_headers()}", "-I."]
    for unit in units:
        of_runtime = unit in ("seh.c", "exceptions.c", "unwind.c")
        own = [*_RUNTIME_OPTIONS, f"-I{_HERE.parent / 'include'}"] if of_runtime else headers
        _run([*compiler, *_OPTIONS, *own, "-c", unit, "-o", f"{unit}.o"], work)
    objects = [f"{unit}.o" for unit in units]
    _run([*compiler, "-shared", "-o", name, *objects, "-ldl", "-lrt"], work)


def _run(command: list[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SetupError(
            f"the core for drivers in C could not be compiled: {shlex.join(command)} said:\n{done.stderr.strip()}",
            "a gcc of version 10 or later is needed",
        )
