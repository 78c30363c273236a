# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Builds the RTL machine with Verilator into a cache, once for each state of the sources.

A build is a folder in the cache; its name is a hash of everything that goes into the build. The folder gets
that name only when it is complete. A lock lets a second process wait for the build of the first.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from dirql.hardware.description import MachineDescription
from dirql.hardware.render import generated_files
from dirql.target.contract import TargetError
from dirql.target.simulation.toolchain import Toolchain

__all__ = [
    "Announce",
    "BuildError",
    "Recipe",
    "announce_on_stderr",
    "build",
    "cache_directory",
    "verilated_sources",
    "write_generated",
]

Announce = Callable[[str], None]
"""A routine that is called with one line of text before something that takes long."""

_TAIL_LINES = 15


class BuildError(TargetError):
    """Verilator or the compiler refused the machine; the text ends with the tool's own message."""


Stage = Sequence[Sequence[str]]
"""Commands that run side by side."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """The making of one artefact: `steps` gives the commands that make `product` in a folder."""

    name: str
    product: str
    duration: str
    inputs: Sequence[Path]
    """Files; their contents are part of the cache's key."""
    facts: Sequence[str]
    """Other parts of the cache's key: versions and options."""
    steps: Callable[[Path], Iterator[Stage]]
    """Takes a folder, and yields the stages to run in it, one after another."""


def announce_on_stderr(line: str) -> None:
    """Print the line to standard error: the default `Announce`."""
    print(line, file=sys.stderr, flush=True)


def cache_directory() -> Path:
    """The folder of compiled machines: $DIRQL_CACHE, or else dirql/ in the user's cache."""
    own = os.environ.get("DIRQL_CACHE")
    if own:
        return Path(own)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "dirql"


def write_generated(folder: Path, machine: MachineDescription) -> None:
    """Write the files that are made from a machine's description into the folder of a build."""
    for name, text in generated_files(machine).items():
        (folder / name).write_text(text, encoding="utf-8")


def verilated_sources(folder: Path) -> list[str]:
    """The C++ files that Verilator wrote into `folder`."""
    return sorted(str(path) for path in folder.glob("V*.cpp"))


def build(recipe: Recipe, toolchain: Toolchain, announce: Announce = announce_on_stderr) -> Path:
    """Return the recipe's product, from the cache or made now.

    Raises `BuildError`, with the end of the log in the message, when a command fails; the log is then kept.
    """
    cache = cache_directory()
    place = cache / f"{recipe.name}-{_key(recipe, toolchain)}"
    product = place / recipe.product
    if product.is_file():
        return product
    cache.mkdir(parents=True, exist_ok=True)
    with _locked(cache / f"{place.name}.lock"):
        if not product.is_file():
            announce(f"dirql: compiling {recipe.name}; {recipe.duration}, then it is kept in {cache}")
            _make(recipe, toolchain, place)
    return product


def _key(recipe: Recipe, toolchain: Toolchain) -> str:
    digest = hashlib.sha256()
    for fact in (toolchain.verilator.version, toolchain.cxx.path, toolchain.cxx.version, *recipe.facts):
        digest.update(fact.encode() + b"\0")
    for path in recipe.inputs:
        digest.update(path.name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:16]


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
        path.unlink(missing_ok=True)


def _make(recipe: Recipe, toolchain: Toolchain, place: Path) -> None:
    work = Path(tempfile.mkdtemp(prefix=f".{place.name}-", dir=place.parent))
    log = place.parent / f"{place.name}.log"
    try:
        with log.open("w") as output:
            for stage in recipe.steps(work):
                _run(stage, work, toolchain, output.fileno(), log)
        finished = Path(tempfile.mkdtemp(prefix=f".{place.name}-", dir=place.parent))
        (work / recipe.product).rename(finished / recipe.product)
        finished.rename(place)
        log.unlink()
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _run(stage: Stage, folder: Path, toolchain: Toolchain, output: int, log: Path) -> None:
    running = [
        subprocess.Popen(
            command, cwd=folder, env=toolchain.environment, stdout=output, stderr=subprocess.STDOUT
        )
        for command in stage
    ]
    failed = [process for process in running if process.wait() != 0]
    if not failed:
        return
    command = [str(word) for word in cast("Sequence[str]", failed[0].args)]
    tail = "\n".join(log.read_text(errors="replace").splitlines()[-_TAIL_LINES:])
    program = command[1] if command[0] == toolchain.perl.path else command[0]
    raise BuildError(
        f"{Path(program).name} failed with status {failed[0].returncode} while the machine was compiled; the whole log"
        f" is {log} and ends:\n{tail}"
    )
