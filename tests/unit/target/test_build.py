# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The cache of builds, with small commands in the place of compilers."""

from __future__ import annotations

import dataclasses
import os
import shutil
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dirql.hardware.reading import DEFAULT_MACHINE, load_machine
from dirql.hardware.render import hdl_files
from dirql.hardware.root import machine_root
from dirql.target.simulation.build import (
    BuildError,
    Recipe,
    build,
    cache_directory,
    find_built,
    is_whole,
)
from dirql.target.simulation.commands import Stage
from dirql.target.simulation.toolchain import SetupError, Toolchain, find_toolchain


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DIRQL_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(scope="module")
def toolchain() -> Toolchain:
    return find_toolchain()


def recipe(source: Path, script: str, fact: str = "") -> Recipe:
    def steps(folder: Path, tools: Toolchain) -> Iterator[Stage]:
        yield [["sh", "-c", script, "sh", str(source)]]

    return Recipe("thing", "product", "no time at all", [source], [fact], steps)


def test_a_build_is_made_once_for_each_state_of_its_sources(
    cache: Path, toolchain: Toolchain, tmp_path: Path
) -> None:
    source = tmp_path / "source"
    source.write_text("one")
    told: list[str] = []

    def make(fact: str = "") -> Path:
        return build(recipe(source, 'cp "$1" product', fact), toolchain, told.append)

    first = make()
    assert first.read_text() == "one"
    assert make() == first
    source.write_text("two")
    second = make()
    assert (second.read_text(), first.read_text()) == ("two", "one")
    assert make("another option") not in (first, second)
    assert told == [f"dirql: compiling thing; no time at all, then it is kept in {cache}"] * 3
    assert sorted(path.name for path in cache.iterdir()) == sorted(
        path.parent.name for path in cache.glob("*/product")
    )


def test_a_failure_shows_the_end_of_its_log_and_keeps_it(
    cache: Path, toolchain: Toolchain, tmp_path: Path
) -> None:
    source = tmp_path / "source"
    source.write_text("")
    script = "for n in $(seq 100); do echo line $n; done; exit 3"
    with pytest.raises(BuildError, match=r"(?s)sh failed with status 3.*line 100$") as caught:
        build(recipe(source, script), toolchain, lambda _line: None)
    assert "line 1\n" not in str(caught.value)
    (log,) = cache.glob("*.log")
    assert str(log) in str(caught.value)
    assert log.read_text().startswith("line 1\n")
    assert [path for path in cache.iterdir() if path.is_dir()] == []


def plain(tmp_path: Path, script: str = 'cp "$1" product') -> Recipe:
    source = tmp_path / "source"
    source.write_text("text")
    return recipe(source, script)


@pytest.mark.parametrize("spoil", [lambda path: path.write_text("te"), lambda path: path.unlink()])
def test_a_spoiled_product_is_made_again(
    spoil: Callable[[Path], object], cache: Path, toolchain: Toolchain, tmp_path: Path
) -> None:
    told: list[str] = []
    made = build(plain(tmp_path), toolchain, told.append)
    assert is_whole(made)
    spoil(made)
    assert not is_whole(made)
    assert find_built(plain(tmp_path)) is None
    assert build(plain(tmp_path), toolchain, told.append).read_text() == "text"
    assert is_whole(made)
    assert [line.endswith("the one in the cache was spoiled") for line in told] == [False, True]


def test_what_another_compiler_has_made_is_found_without_one(
    cache: Path, toolchain: Toolchain, tmp_path: Path
) -> None:
    assert find_built(plain(tmp_path)) is None
    other = dataclasses.replace(toolchain, cxx=dataclasses.replace(toolchain.cxx, version="99"))
    made = build(plain(tmp_path), toolchain, lambda _line: None)
    assert build(plain(tmp_path), other, lambda _line: None) != made
    shutil.rmtree(made.parent)
    assert find_built(plain(tmp_path)) == build(plain(tmp_path), other, lambda _line: None)


def test_the_folders_have_the_rights_that_the_umask_gives(
    cache: Path, toolchain: Toolchain, tmp_path: Path
) -> None:
    before = os.umask(0o027)
    try:
        made = build(plain(tmp_path), toolchain, lambda _line: None)
    finally:
        os.umask(before)
    assert stat.S_IMODE(made.parent.stat().st_mode) == 0o750


def test_a_second_process_says_that_it_waits(cache: Path, toolchain: Toolchain, tmp_path: Path) -> None:
    made = plain(tmp_path, f'mkfifo "{tmp_path}/go" && cat "{tmp_path}/go" && cp "$1" product')
    told: list[str] = []
    first = threading.Thread(target=build, args=(made, toolchain, lambda _line: None))
    first.start()
    while not (tmp_path / "go").exists():
        first.join(0.01)
    second = threading.Thread(target=build, args=(made, toolchain, told.append))
    second.start()
    while not told:
        second.join(0.01)
    (tmp_path / "go").write_text("now")
    first.join()
    second.join()
    assert told == ["dirql: another process is compiling thing; waiting for it"]


KILLED = """
import sys
from pathlib import Path
from dirql.target.simulation.build import Recipe, build
from dirql.target.simulation.toolchain import find_toolchain

def steps(folder, tools):
    yield [["sh", "-c", "sleep 1000 & echo $! > " + sys.argv[1] + "/pid; wait"]]

build(Recipe("killed", "product", "", [], [], steps), find_toolchain())
"""


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_nothing_is_left_of_a_build_that_is_killed(how: signal.Signals, cache: Path, tmp_path: Path) -> None:
    build_process = subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path)], stderr=subprocess.DEVNULL)
    file = tmp_path / "pid"
    while not (file.exists() and file.read_text().endswith("\n")):
        assert build_process.poll() is None
    compiler = Path("/proc") / file.read_text().strip()
    assert compiler.exists()
    build_process.send_signal(how)
    build_process.wait()
    while _is_running(compiler) or [*cache.iterdir()]:
        pass  # the time-out of the test ends this
    assert [*cache.iterdir()] == []


def _is_running(process: Path) -> bool:
    """Whether a process runs; one that nobody has waited for does not."""
    try:
        return process.joinpath("stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_what_was_left_by_a_build_is_removed_by_the_next(
    cache: Path, toolchain: Toolchain, tmp_path: Path
) -> None:
    made = build(plain(tmp_path), toolchain, lambda _line: None)
    (cache / f".{made.parent.name}-0123").mkdir()
    made.unlink()
    build(plain(tmp_path), toolchain, lambda _line: None)
    assert [path.name for path in cache.iterdir()] == [made.parent.name]


@pytest.mark.parametrize("name", ["a $HOME", 'a "b"', "a\\b"])
def test_a_path_that_verilator_does_not_bear_is_refused_before_the_build(
    name: str, toolchain: Toolchain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIRQL_CACHE", str(tmp_path / name))
    with pytest.raises(SetupError, match=r"a path must not have any of the signs .*: move the checkout or"):
        build(plain(tmp_path), toolchain, lambda _line: None)


def test_a_cache_that_cannot_be_written_is_named(
    toolchain: Toolchain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("DIRQL_CACHE", str(tmp_path / "file"))
    with pytest.raises(SetupError, match=r"the cache of compiled machines cannot be written: .*/file"):
        build(plain(tmp_path), toolchain, lambda _line: None)


def test_two_at_once_build_once(cache: Path, toolchain: Toolchain, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_text("x")
    made = recipe(source, f'sleep 0.05; echo made >> "{tmp_path}/made"; cp "$1" product')
    threads = [threading.Thread(target=build, args=(made, toolchain, lambda _line: None)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (tmp_path / "made").read_text() == "made\n"


def test_the_commands_of_a_stage_run_side_by_side_and_stages_one_after_another(
    cache: Path, toolchain: Toolchain, tmp_path: Path
) -> None:
    def steps(folder: Path, tools: Toolchain) -> Iterator[Stage]:
        # Each command waits for a pipe of the other: neither could end alone.
        yield [["mkfifo", "there", "back"]]
        yield [["sh", "-c", "echo a > there; cat back > a"], ["sh", "-c", "cat there > b; echo b > back"]]
        yield [["sh", "-c", "cat a b > product"]]

    made = build(Recipe("stages", "product", "no time", [], [], steps), toolchain, lambda _line: None)
    assert made.read_text() == "b\na\n"


def test_a_failed_command_beside_one_that_succeeds_is_an_error(cache: Path, toolchain: Toolchain) -> None:
    def steps(folder: Path, tools: Toolchain) -> Iterator[Stage]:
        yield [["true"], ["sh", "-c", "echo broken; exit 3"]]

    with pytest.raises(BuildError, match=r"sh failed with status 3 .*\nbroken"):
        build(Recipe("stages", "product", "no time", [], [], steps), toolchain, lambda _line: None)


def test_the_cache_is_where_it_is_asked_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("DIRQL_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_directory() == tmp_path / "dirql"


def test_the_machine_is_found() -> None:
    sources = hdl_files(load_machine(DEFAULT_MACHINE), machine_root())
    assert sources
    assert all(source.is_file() for source in sources)
