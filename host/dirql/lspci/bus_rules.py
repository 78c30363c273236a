# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The rules that the bus protocol checker records, by their numbers: `bus_pkg::rule_e` of hdl/bus/rtl/bus_pkg.sv."""

from __future__ import annotations

__all__ = ["rule_label"]

_LABELS = (
    "M01",
    "M02",
    "M03",
    "M04",
    "M05",
    "M06",
    "M07",
    "M08",
    "M09",
    "M10",
    "M11",
    "M12",
    "M13",
    "M14",
    "M15_one",
    "M15_none",
    "M16_give_up",
    "M16_leave",
    "M16_patience",
    "M19",
    "M20_idle",
    "M20_second",
    "M27",
    "M30",
    "M31",
    "M32_turnaround",
    "M32_ad",
    "M32_control",
    "M33",
    "T01",
    "T03",
    "T04_trdy",
    "T04_stop",
    "T05",
    "T06",
    "T07",
    "T08",
    "T09",
    "T10",
    "T11_hold",
    "T11_off",
    "T12_off",
    "T12_release",
    "T14",
    "T15",
    "T22",
    "A01",
    "A02",
    "A03",
    "A05",
)
"""The labels of the rules from number 1 on; docs/rules/pci.md has the rows that they begin with."""


def rule_label(number: int) -> str:
    """The label of a rule, such as "M05"; the number itself for one that is not known."""
    return _LABELS[number - 1] if 1 <= number <= len(_LABELS) else f"number {number}"
