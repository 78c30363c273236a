# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Builds the RTL machine with Verilator into a cache, once for each state of the sources.

A build is a folder in the cache. Its name has a hash of the sources and one of the tools. The folder gets that name
only when it is complete, and has a digest of the product, so that a spoiled product is made again. A lock lets a second
process wait for the build of the first. A folder that may be shared has the rights that the umask gives.
"""

from __future__ import annotations

import contextlib
import fcntl
import glob
import hashlib
import os
import re
import shutil
import sys
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from dirql.hardware.description import MachineDescription
from dirql.hardware.render import generated_files
from dirql.target.contract import TargetError
from dirql.target.simulation.commands import Commands, Stage, watched
from dirql.target.simulation.toolchain import SetupError, Toolchain, install, links

__all__ = [
    "Announce",
    "BuildError",
    "Recipe",
    "announce_on_stderr",
    "build",
    "cache_directory",
    "check_path",
    "find_built",
    "is_whole",
    "product_path",
    "verilated_sources",
    "write_generated",
]

Announce = Callable[[str], None]
"""A routine that is called with one line of text before something that takes long."""

_TAIL_LINES = 15


class BuildError(TargetError):
    """Verilator or the compiler refused the machine; the text ends with the tool's own message."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """The making of one artefact: `steps` gives the commands that make `product` in a folder."""

    name: str
    product: str
    duration: str
    inputs: Sequence[Path]
    """Files; their contents are part of the cache's key."""
    facts: Sequence[str]
    """Other parts of the cache's key: versions and options, but not those of the tools."""
    steps: Callable[[Path, Toolchain], Iterator[Stage]]
    """Takes a folder, and yields the stages to run in it, one after another."""

    @property
    def place(self) -> str:
        """The first part of the name of the folder in the cache, the same for all tools."""
        digest = hashlib.sha256()
        for fact in self.facts:
            digest.update(fact.encode() + b"\0")
        for path in self.inputs:
            digest.update(path.name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
        return f"{self.name}-{digest.hexdigest()[:16]}"


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


def is_whole(product: Path) -> bool:
    """Whether a product is in the cache, and is what was built."""
    try:
        return _digest_file(product).read_text(encoding="ascii") == _digest(product)
    except (OSError, UnicodeError):
        return False


def find_built(recipe: Recipe) -> Path | None:
    """The recipe's product, made by whatever tools; None if it is not in the cache."""
    places = sorted(cache_directory().glob(f"{glob.escape(recipe.place)}.*"))
    return next((place / recipe.product for place in places if is_whole(place / recipe.product)), None)


def product_path(recipe: Recipe, toolchain: Toolchain) -> Path:
    """The place of the recipe's product in the cache, whether it is there or not."""
    return cache_directory() / f"{recipe.place}.{_tools_digest(toolchain)}" / recipe.product


def build(recipe: Recipe, toolchain: Toolchain, announce: Announce = announce_on_stderr) -> Path:
    """Return the recipe's product, from the cache or made now.

    Raises `BuildError`, with the end of the log in the message, when a command fails; the log is then kept. Raises
    `SetupError` when the cache cannot be written.
    """
    cache = cache_directory()
    product = product_path(recipe, toolchain)
    place = product.parent
    if is_whole(product):
        return product
    _check_tools(recipe, toolchain, cache)
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with _locked(cache / f"{place.name}.lock", recipe.name, announce) as lock:
            if not is_whole(product):
                _make(recipe, toolchain, place, lock, announce)
    except OSError as error:
        raise SetupError(
            f"the cache of compiled machines cannot be written: {error}",
            "free some space, or name another folder in the DIRQL_CACHE environment variable",
        ) from error
    return product


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _digest_file(product: Path) -> Path:
    return product.with_name(f"{product.name}.sha256")


def _tools_digest(toolchain: Toolchain) -> str:
    tools = (toolchain.verilator.version, *toolchain.cxx.command, toolchain.cxx.version)
    return hashlib.sha256("\0".join(tools).encode()).hexdigest()[:8]


_UNFIT = re.compile(r"[\x00-\x1f\"$\\*?]")
"""Signs that Verilator replaces in the path of a file, or that end the name of a file in C++."""


def check_path(path: Path) -> None:
    """Raise `SetupError` for a path that the tools of a build do not bear. They bear spaces and all letters."""
    if _UNFIT.search(str(path)):
        raise SetupError(
            f'a path must not have any of the signs $ * ? " \\ for Verilator; it was {path}',
            "move the checkout or the cache (the DIRQL_CACHE environment variable)",
        )


def _check_tools(recipe: Recipe, toolchain: Toolchain, cache: Path) -> None:
    """Refuse before a build what would make it fail with a message of a tool."""
    for path in (cache, toolchain.verilator.root, *recipe.inputs):
        check_path(path)
    if not links(toolchain.cxx, toolchain.environment):
        name = " ".join(toolchain.cxx.command)
        raise SetupError(f"{name} does not compile and link C++20", f"run with CXX=g++, or {install('g++')}")


@contextlib.contextmanager
def _locked(path: Path, name: str, announce: Announce) -> Iterator[IO[str]]:
    """Hold the lock of a build, and say so if another process holds it first. The build removes the file."""
    told = False
    while True:
        with path.open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if not told:
                    announce(f"dirql: another process is compiling {name}; waiting for it")
                told = True
                fcntl.flock(lock, fcntl.LOCK_EX)
            try:
                if not os.path.samestat(os.fstat(lock.fileno()), path.stat()):
                    continue  # the file is another one meanwhile
            except FileNotFoundError:
                continue
            try:
                yield lock
            finally:
                path.unlink(missing_ok=True)
            return


def _make(recipe: Recipe, toolchain: Toolchain, place: Path, lock: IO[str], announce: Announce) -> None:
    cache = place.parent
    _remove_leftovers(place)
    spoiled = "; the one in the cache was spoiled" if place.exists() else ""
    announce(f"dirql: compiling {recipe.name}; {recipe.duration}, then it is kept in {cache}{spoiled}")
    work, finished = (cache / f".{place.name}-{uuid.uuid4().hex[:8]}" for _ in range(2))
    work.mkdir()
    leftovers = [work, finished, Path(lock.name)]
    try:
        with watched(work, toolchain.environment, lock.fileno(), leftovers) as commands:
            _run(recipe, toolchain, commands, cache / f"{place.name}.log")
            finished.mkdir()
            product = finished / recipe.product
            (work / recipe.product).rename(product)
            _digest_file(product).write_text(_digest(product), encoding="ascii")
            shutil.rmtree(place, ignore_errors=True)
            finished.rename(place)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _remove_leftovers(place: Path) -> None:
    """Remove what builds have left that were ended with the whole system, or with their watchers."""
    for left in place.parent.glob(f".{glob.escape(place.name)}-*"):
        shutil.rmtree(left, ignore_errors=True)


def _run(recipe: Recipe, toolchain: Toolchain, commands: Commands, kept: Path) -> None:
    """Run all stages; when a command fails the log is kept under the name `kept`."""
    log = commands.folder / "commands.log"
    with log.open("w") as output:
        for stage in recipe.steps(commands.folder, toolchain):
            failed = commands.run(stage, output.fileno())
            if failed is not None:
                break
        else:
            return
    command, status = failed
    shutil.copyfile(log, kept)
    tail = "\n".join(kept.read_text(errors="replace").splitlines()[-_TAIL_LINES:])
    program = command[1] if command[0] == toolchain.perl.path else command[0]
    raise BuildError(
        f"{Path(program).name} failed with status {status} while the machine was compiled; the whole log is {kept} and"
        f" ends:\n{tail}"
    )
