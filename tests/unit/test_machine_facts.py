# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The facts of a machine stand in its file: no address, frequency, size or identity is typed anywhere else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import source_tree
from dirql.hardware.function_type import function_names, read_function
from dirql.hardware.reading import load_machine, machine_names
from dirql.hardware.root import machine_root

ROOT = machine_root()
FOLDERS = ("host", "hdl", "sim", "bench", "tests", "examples")
EXCEPT: dict[str, str] = {
    "tests/unit/": "an expected value is typed out, so that it does not come from the code under test",
    "host/wdk/": "the constants of the WDK, some of which have the same values",
    "host/dirql/nt/ntstatus.py": "the lowest number that C has for a status",
    "host/dirql/ke/objects/mutex.py": "the recursion limit of a mutex is the lowest signed number of 32 bits",
    "host/dirql/hardware/place.py": "the one place that makes a configuration address",
    "host/dirql/hardware/reading.py": "the limit of the size of the host's RAM",
    "sim/hdl/bus_rules.py": "a bit of the Status register has number 11",
    "examples/own_driver/own_driver.py": "a driver names its device, as an INF file does",
}
NUMBER = re.compile(r"(?<![\w.])(?:\d*'[hd]|0[xX])?[0-9a-fA-F_]+(?![\w.])")
TEXT = re.compile(
    r"VEN_[0-9A-F]{4}&DEV_[0-9A-F]{4}|\b1234:d[0-9a-f]{3}\b|<< ?11\b|<< ?26\b"
    r"|\b0x30 ?[+-]|[+-] ?0x30\b"  # the formula of the vectors
)


def facts() -> dict[int, str]:
    """Each number that must not be typed, with the fact that it is."""
    found: dict[int, str] = {}
    for name in machine_names():
        machine = load_machine(name)
        bus, controller = machine.buses[0], machine.controller
        found |= {machine.frequency: "clock.frequency", machine.khz: "the frequency in kHz"}
        found |= {bus.memory.start: "buses[0].memory", bus.memory.end: "buses[0].memory"}
        found |= {controller.address: "interrupt_controller.address", controller.doorbell: "the doorbell"}
        found |= {machine.timestamp_unit.address: "timestamp_unit.address"}
        if machine.host_memory.size > 0x100_0000:  # smaller sizes are numbers of many other things
            found[machine.host_memory.size] = "host_memory.size"
    for name in function_names(ROOT):
        identity = read_function(ROOT, name).identity
        found[identity.device] = f"the device ID of {name}"
        found[identity.device << 16 | identity.vendor] = f"the identity of {name}"
    return found


FACTS = facts()


def value(literal: str) -> int | None:
    """The value of a number in Python, C++ or SystemVerilog."""
    digits = literal.replace("_", "")
    base = 16 if "'h" in digits or digits[:2] in {"0x", "0X"} else 10
    try:
        return int(re.split(r"'[hd]|0[xX]", digits)[-1], base)
    except ValueError:
        return None


def typed_facts(line: str) -> Iterator[str]:
    """The facts that a line of code states."""
    for match in NUMBER.finditer(line):
        known = FACTS.get(value(match[0]) or 0)
        if known:
            yield f"{match[0]} is {known}"
    yield from (f"{match[0]} is part of an address or identity" for match in TEXT.finditer(line))


def is_checked(path: Path) -> bool:
    """Whether the file is code that people write."""
    name = source_tree.name(path)
    return (
        path.suffix in {".py", ".sv", ".svh", ".h", ".cpp", ".j2"}
        and name.startswith(FOLDERS)
        and not name.startswith(tuple(EXCEPT))
        and not source_tree.is_generated(path)
    )


def test_no_fact_of_a_machine_is_typed_in_code() -> None:
    found = [
        f"{source_tree.name(path)}:{number} {fact}"
        for path in source_tree.source_files()
        if is_checked(path)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        for fact in typed_facts(line)
    ]
    assert found == []


@pytest.mark.parametrize(
    "line",
    [
        "base = 0xFEC0_0000",
        "32'hFEE00000",
        "speed(33_333_333)",
        "16'hD101",
        'r"PCI\\VEN_1234&DEV_D101"',
        "n << 11",
        "Device 1234:d101",
        "vector = 0x30 + 8 * number",
        "(vector - 0x30) >> 3",
    ],
)
def test_a_typed_fact_is_found(line: str) -> None:
    assert list(typed_facts(line))


@pytest.mark.parametrize(
    "line", ["0x1000", "SIZE = 0x30", "32'd11", "FEC00000_name", "x = 33_333_333_4", "a << 1"]
)
def test_other_numbers_are_not(line: str) -> None:
    assert not list(typed_facts(line))


@pytest.mark.parametrize("name", EXCEPT)
def test_each_exception_is_still_needed(name: str) -> None:
    files = [path for path in source_tree.source_files() if source_tree.name(path).startswith(name)]
    text = "\n".join(path.read_text(encoding="utf-8", errors="replace") for path in files)
    assert any(list(typed_facts(line)) for line in text.splitlines())
