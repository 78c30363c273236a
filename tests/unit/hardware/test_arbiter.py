# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The table `arbiter` of a machine file: what it makes of the RTL, and the error for each wrong one."""

from __future__ import annotations

from pathlib import Path

import pytest

from dirql.hardware.description import MachineDescription
from dirql.hardware.identity import machine_number
from dirql.hardware.page import render_page
from dirql.hardware.reading import load_machine, read_machine
from dirql.hardware.root import machine_root
from dirql.hardware.table import DescriptionError
from dirql.hardware.top import render_chassis, render_top

ROOT = machine_root()
SHARED = (ROOT / "hdl/machines/shared.toml").read_text(encoding="utf-8")


def with_arbiter(folder: Path, *lines: str) -> MachineDescription:
    path = folder / "lab.toml"
    path.write_text("\n".join((SHARED, "[arbiter]", *lines)), encoding="utf-8")
    return read_machine(path, ROOT)


def test_without_the_table_the_bus_is_shared_in_turn_and_parked_on_the_bridge() -> None:
    assert "bus_arbiter #(.Masters(5), .Park(0)) u_arbiter" in render_chassis(load_machine("shared"))


@pytest.mark.parametrize(
    ("lines", "parameters"),
    [
        (['policy = "round robin"'], ".Park(0)"),
        (['policy = "fixed priority"'], ".Park(0), .Policy(2)"),
        (['policy = "two-level"', 'high = ["00:00.0", "00:02.0"]'], ".Park(0), .Policy(1), .High(5)"),
        (['park = "00:01.0"'], ".Park(1)"),
    ],
)
def test_the_table_becomes_parameters_of_the_rtl(tmp_path: Path, lines: list[str], parameters: str) -> None:
    machine = with_arbiter(tmp_path, *lines)
    assert f"bus_arbiter #(.Masters(5), {parameters}) u_arbiter" in render_chassis(machine)
    park = parameters.partition(",")[0]
    assert f"bus_checker #(.Masters(5), .Targets(7), {park}) u_checker" in render_top(machine)


@pytest.mark.parametrize(
    ("lines", "complaint"),
    [
        (
            ['policy = "two level"'],
            r"arbiter\.policy: it must be one of round robin, two-level, fixed priority; .*did you mean two-level",
        ),
        (
            ['policy = "two-level"'],
            r'arbiter\.high: the policy "two-level" must be told the masters of its high group',
        ),
        (
            ['high = ["00:00.0"]'],
            r'arbiter\.high: the policy must be "two-level" to have this key; it was "round robin"',
        ),
        (
            ['policy = "two-level"', 'high = ["00:09.0"]'],
            r"arbiter\.high: a master must be one of 00:00\.0, .*; it was 00:09\.0",
        ),
        (['policy = "two-level"', 'high = ["9"]'], r"arbiter\.high: a place must be bus:device\.function"),
        (
            ['policy = "two-level"', 'high = ["00:00.0", "00:00.0"]'],
            r"arbiter\.high: each master must be there once",
        ),
        (
            ['policy = "two-level"', 'high = ["00:00.0", "00:01.0", "00:02.0", "00:03.0", "00:04.0"]'],
            r"arbiter\.high: a master must be left for the low group",
        ),
        (['park = "00:1f.0"'], r"arbiter\.park: a master must be one of 00:00\.0, .*; it was 00:1f\.0"),
        (["timeout = 16"], r"arbiter\.timeout: the key must be one of policy, high, park; it was 'timeout'"),
    ],
)
def test_a_wrong_table_is_refused(tmp_path: Path, lines: list[str], complaint: str) -> None:
    with pytest.raises(DescriptionError, match=complaint):
        with_arbiter(tmp_path, *lines)


def test_host_code_can_tell_the_policies_apart(tmp_path: Path) -> None:
    plain = machine_number(load_machine("shared"))
    assert machine_number(with_arbiter(tmp_path, 'policy = "round robin"')) == plain
    assert machine_number(with_arbiter(tmp_path, 'policy = "fixed priority"')) != plain
    assert machine_number(with_arbiter(tmp_path, 'park = "00:01.0"')) != plain


def test_the_page_tells_of_an_arbiter_that_is_not_the_usual_one(tmp_path: Path) -> None:
    machine = with_arbiter(tmp_path, 'policy = "two-level"', 'high = ["00:00.0"]', 'park = "00:01.0"')
    assert (
        "The bus is parked on 00:01.0. The arbiter's policy is two-level. Its high group is 00:00.0."
        in render_page([machine], "make machines")
    )
