# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The cache of builds, with small commands in the place of compilers."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from dirql.hardware.reading import DEFAULT_MACHINE, load_machine
from dirql.hardware.render import hdl_files
from dirql.hardware.root import machine_root
from dirql.target.simulation.build import (
    BuildError,
    Recipe,
    Stage,
    build,
    cache_directory,
)
from dirql.target.simulation.toolchain import Toolchain, find_toolchain


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DIRQL_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(scope="module")
def toolchain() -> Toolchain:
    return find_toolchain()


def recipe(source: Path, script: str, fact: str = "") -> Recipe:
    def steps(folder: Path) -> Iterator[Stage]:
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
    def steps(folder: Path) -> Iterator[Stage]:
        # Each command waits for a pipe of the other: neither could end alone.
        yield [["mkfifo", "there", "back"]]
        yield [["sh", "-c", "echo a > there; cat back > a"], ["sh", "-c", "cat there > b; echo b > back"]]
        yield [["sh", "-c", "cat a b > product"]]

    made = build(Recipe("stages", "product", "no time", [], [], steps), toolchain, lambda _line: None)
    assert made.read_text() == "b\na\n"


def test_a_failed_command_beside_one_that_succeeds_is_an_error(cache: Path, toolchain: Toolchain) -> None:
    def steps(folder: Path) -> Iterator[Stage]:
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
