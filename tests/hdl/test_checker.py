# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The bus checker itself: each rule is broken once by an agent, and the checker names it; legal traffic breaks none."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from dirql.hardware.render import hdl_files
from dirql.target.simulation.toolchain import find_toolchain
from fakes.default_machine import MACHINE
from hdl.bus_breaks import BREAKS, LEGAL
from hdl.bus_trace import Trace

ROOT = Path(__file__).resolve().parents[2]
BENCH = ROOT / "sim" / "hdl" / "checker_bench.sv"
CHECKER = ROOT / "hdl" / "bus" / "rtl" / "bus_checker.sv"
PACKAGE = ROOT / "hdl" / "bus" / "rtl" / "bus_pkg.sv"
END = "played to the end"


@pytest.fixture(scope="module")
def player(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The checker as a program that plays a trace."""
    folder = tmp_path_factory.mktemp("checker")
    toolchain = find_toolchain()
    needed = ("bus_pkg", "bus_drive", "bus_start", "bus_checker")
    sources = [str(source) for source in hdl_files(MACHINE, ROOT) if source.stem in needed]
    command = [*toolchain.command, "--binary", "--assert", "-Wno-fatal", "-CFLAGS", "-std=c++20 -O0"]
    subprocess.run(
        [*command, "--top-module", "checker_bench", "--Mdir", str(folder), *sources, str(BENCH)],
        env={**toolchain.environment, "MAKEFLAGS": " ".join(toolchain.make_variables)},
        check=True,
        capture_output=True,
    )
    return folder / "Vchecker_bench"


def play(player: Path, lines: Sequence[str], *options: str) -> subprocess.CompletedProcess[str]:
    file = player.parent / "trace.hex"
    file.write_text("\n".join(lines) + "\n", encoding="ascii")
    return subprocess.run(
        [player, f"+trace={file}", f"+clocks={len(lines)}", *options],
        capture_output=True,
        text=True,
        check=False,
    )


def broken(rule: str) -> list[str]:
    """A trace in which the rule is broken."""
    trace = Trace()
    wrong_parity = BREAKS[rule](trace)
    return trace.lines(wrong_parity or ())


LABEL = re.compile(r"\b([MTA]\d\d(?:_\w+)?): ")


def named(output: str) -> set[str]:
    """The labels of the rules that the checker named."""
    return set(LABEL.findall(output))


def test_every_rule_of_the_checker_is_broken_here() -> None:
    labels = re.findall(r"`RULE\((\w+),", CHECKER.read_text(encoding="utf-8").split("module bus_checker")[1])
    assert sorted(BREAKS) == sorted(labels)


@pytest.mark.slow
@pytest.mark.parametrize("name", LEGAL)
def test_legal_traffic_breaks_no_rule(player: Path, name: str) -> None:
    trace = Trace()
    LEGAL[name](trace)
    run = play(player, trace.lines())
    assert named(run.stdout) == set()
    assert END in run.stdout


RECORDED = re.compile(r"recorded (\d+) (\d+)")
IN_RESET = ("A08", "T32")
"""The rules of reset, which are not recorded."""


def enum_name(rule: str) -> str:
    """The name of a rule in `bus_pkg::rule_e`: `M16_give_up` is RuleM16GiveUp."""
    row, *words = rule.split("_")
    return f"Rule{row}{''.join(word.capitalize() for word in words)}"


def rule_numbers() -> dict[str, int]:
    """The numbers of the rules by their names in `bus_pkg::rule_e`."""
    text = PACKAGE.read_text(encoding="utf-8")
    members = re.search(r"typedef enum logic \[5:0\] \{([^}]*)\} rule_e;", text)
    assert members is not None
    return {name: number for number, name in enumerate(re.findall(r"\w+", members[1]))}


def test_the_recorded_rules_are_those_of_the_checker() -> None:
    numbers = rule_numbers()
    assert numbers.pop("RuleNone") == 0
    assert sorted(numbers) == sorted(enum_name(rule) for rule in BREAKS if rule not in IN_RESET)
    assert f"Rules = {len(numbers) + 1};" in PACKAGE.read_text(encoding="utf-8")


@pytest.mark.slow
@pytest.mark.parametrize("rule", BREAKS)
def test_the_checker_names_a_broken_rule(player: Path, rule: str) -> None:
    run = play(player, broken(rule), "+verilator+error+limit+100")
    assert rule in named(run.stdout)
    recorded = RECORDED.search(run.stdout)
    assert recorded is not None
    first, clocks = map(int, recorded.groups())
    if rule in IN_RESET:
        return
    order = {number: name for name, number in rule_numbers().items()}
    names = [enum_name(name) for name in LABEL.findall(run.stdout) if name not in IN_RESET]
    assert clocks >= 1
    # Several rules may be broken on the first clock; the lowest of them is the one that is recorded.
    assert order[first] in names


@pytest.mark.slow
def test_without_a_broken_rule_nothing_is_recorded(player: Path) -> None:
    trace = Trace()
    trace.retry()
    assert "recorded 0 0" in play(player, trace.lines()).stdout


@pytest.mark.slow
def test_a_broken_rule_ends_the_run_with_its_label_and_its_sentence(player: Path) -> None:
    run = play(player, broken("T04_trdy"))
    assert run.returncode != 0
    assert "T04_trdy: TRDY is on only while DEVSEL is." in run.stdout
    assert END not in run.stdout
