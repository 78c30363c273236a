# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The lines of `dirql lspci` for capabilities."""

from __future__ import annotations

import re

import pytest

from dirql.hardware.root import machine_root
from dirql.lspci.bus_rules import rule_label
from fakes.pci_function import FakeFunction
from unit.lspci.making import (
    decoded,
    put,
)


def capabilities(*dwords: int, verbose: int = 2, message: bool = True, device: int = 1) -> list[str]:
    """The lines for a list that begins at 0x50 with these dwords."""
    function = FakeFunction(message=message, device=device)
    for index, dword in enumerate(dwords):
        put(function, 0x50 + 4 * index, dword)
    shown = decoded(function, verbose=verbose)
    first = next((n for n, line in enumerate(shown) if line.startswith("\tCapabilities:")), len(shown) - 1)
    return shown[first:-1]


def test_messages_with_32_and_with_64_bits() -> None:
    assert capabilities(0x0086_0005, 0xFEE0_0004, 0, 0x0042) == [
        "\tCapabilities: [50] MSI: Enable- Count=1/8 Maskable- 64bit+",
        "\t\tAddress: 00000000fee00004  Data: 0042",
    ]
    assert capabilities(0x0111_0005, 0xFEE0_0004, 0x0042, 0xF, 0x2) == [
        "\tCapabilities: [50] MSI: Enable+ Count=2/1 Maskable+ 64bit-",
        "\t\tAddress: fee00004  Data: 0042",
        "\t\tMasking: 0000000f  Pending: 00000002",
    ]
    assert len(capabilities(0x0080_0005, verbose=1)) == 1


def test_power_management() -> None:
    assert capabilities(0xCA2B_0001, 0x0080_A10B) == [
        "\tCapabilities: [50] Power Management version 3",
        "\t\tFlags: PMEClk+ DSI+ D1+ D2- AuxCurrent=0mA PME(D0+,D1-,D2-,D3hot+,D3cold+)",
        "\t\tStatus: D3 NoSoftRst+ PME-Enable+ DSel=0 DScale=1 PME+",
        "\t\tBridge: PM+ B3-",
    ]
    assert capabilities(0x01C2_0001, 0) == [
        "\tCapabilities: [50] Power Management version 2",
        "\t\tFlags: PMEClk- DSI- D1- D2- AuxCurrent=375mA PME(D0-,D1-,D2-,D3hot-,D3cold-)",
        "\t\tStatus: D0 NoSoftRst- PME-Enable- DSel=0 DScale=0 PME-",
    ]
    assert len(capabilities(0xCA2B_0001, verbose=1)) == 1


DIRQL = (0x0114_0009, 0x0000_00AB, 25_175, 0x5, 0x1000_0000)


def test_the_vendor_capability_of_dirqls_header() -> None:
    assert capabilities(*DIRQL) == [
        "\tCapabilities: [50] Vendor Specific Information: Len=14 dirql version 1",
        "\t\tBuild: 000000ab  Clock: 25.175 MHz",
        "\t\tFeatures: Timestamp+ FaultInjection- Checker+  Timestamp unit at 10000000",
    ]


def test_a_broken_rule_of_the_bus_is_told_by_its_label() -> None:
    violation = DIRQL[3] | 5 << 8
    assert capabilities(*DIRQL[:3], violation, DIRQL[4])[-1] == (
        "\t\tThe checker has seen a rule of the bus broken, first M05"
    )
    assert capabilities(*DIRQL[:3], DIRQL[3] | 63 << 8, DIRQL[4])[-1].endswith("first number 63")


def test_the_labels_of_rules_are_those_of_the_rtl() -> None:
    text = (machine_root() / "hdl/bus/rtl/bus_pkg.sv").read_text(encoding="utf-8")
    members = re.search(r"typedef enum logic \[5:0\] \{([^}]*)\} rule_e;", text)
    assert members is not None
    names = re.findall(r"Rule(\w+)", members[1])[1:]
    labels = [rule_label(number) for number in range(1, len(names) + 1)]
    assert ["".join(word.capitalize() for word in label.split("_")) for label in labels] == names
    assert rule_label(len(names) + 1) == f"number {len(names) + 1}"


@pytest.mark.parametrize(
    ("first", "device"),
    [(0x0114_0009, 2), (0x0214_0009, 1), (0x0110_0009, 1)],
    ids=["a function that the machine file lacks", "another version", "another length"],
)
def test_another_vendor_capability_is_not_taken_for_dirqls(first: int, device: int) -> None:
    length = first >> 16 & 0xFF
    assert capabilities(first, *DIRQL[1:], device=device) == [
        f"\tCapabilities: [50] Vendor Specific Information: Len={length:02x} <?>"
    ]


def test_lists_of_capabilities_that_are_odd() -> None:
    assert capabilities(0x0000_6000, 0, 0, 0, 0x1234_5010) == [
        "\tCapabilities: [50] Null",
        "\tCapabilities: [60] Capability ID 0x10 [1234]",
        "\tCapabilities: [50] <chain looped>",
    ]
    assert capabilities(0x0000_00FF) == ["\tCapabilities: [50] <chain broken>"]
    assert capabilities(0x0000_0005, message=False) == []
