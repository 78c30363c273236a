# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Registers and bits that lspci shows, beyond those that the functions of dirql have.

Sources: PCI Local Bus Specification 3.0, sections 6.2 and 6.7; PCI-to-PCI Bridge Architecture Specification 1.2,
chapter 3; PCI Bus Power Management Interface Specification 1.2, section 3.2. The names of the bits are those that lspci
prints.
"""

from __future__ import annotations

from typing import Final

__all__ = [
    "BRIDGE_CONTROL",
    "BRIDGE_CONTROL_TIMERS",
    "COMMAND",
    "DEVSEL",
    "PM_CAPABILITIES",
    "PM_CAPABILITIES_PME",
    "SECONDARY_ABILITIES",
    "SECONDARY_ERRORS",
    "STATUS_ABILITIES",
    "STATUS_ERRORS",
    "STATUS_INTERRUPT",
    "Bits",
    "Bridge",
    "PowerManagement",
    "bits",
    "flags",
]

Bits = tuple[tuple[str, int], ...]
"""Names of single bits, each with the number of the bit."""

COMMAND: Final[Bits] = (
    ("I/O", 0),
    ("Mem", 1),
    ("BusMaster", 2),
    ("SpecCycle", 3),
    ("MemWINV", 4),
    ("VGASnoop", 5),
    ("ParErr", 6),
    ("Stepping", 7),
    ("SERR", 8),
    ("FastB2B", 9),
    ("DisINTx", 10),
)
STATUS_ABILITIES: Final[Bits] = (("Cap", 4), ("66MHz", 5), ("UDF", 6), ("FastB2B", 7), ("ParErr", 8))
STATUS_ERRORS: Final[Bits] = ((">TAbort", 11), ("<TAbort", 12), ("<MAbort", 13), (">SERR", 14), ("<PERR", 15))
STATUS_INTERRUPT: Final[Bits] = (("INTx", 3),)
DEVSEL = ("fast", "medium", "slow", "??")
"""The names of the times of DEVSEL, by the value of the field."""

SECONDARY_ABILITIES: Final[Bits] = (("66MHz", 5), ("FastB2B", 7), ("ParErr", 8))
SECONDARY_ERRORS: Final[Bits] = (
    (">TAbort", 11),
    ("<TAbort", 12),
    ("<MAbort", 13),
    ("<SERR", 14),
    ("<PERR", 15),
)
BRIDGE_CONTROL: Final[Bits] = (
    ("Parity", 0),
    ("SERR", 1),
    ("NoISA", 2),
    ("VGA", 3),
    ("VGA16", 4),
    ("MAbort", 5),
    (">Reset", 6),
    ("FastB2B", 7),
)
BRIDGE_CONTROL_TIMERS: Final[Bits] = (
    ("PriDiscTmr", 8),
    ("SecDiscTmr", 9),
    ("DiscTmrStat", 10),
    ("DiscTmrSERREn", 11),
)

PM_CAPABILITIES: Final[Bits] = (("PMEClk", 3), ("DSI", 5), ("D1", 9), ("D2", 10))
PM_CAPABILITIES_PME: Final[Bits] = (("D0", 11), ("D1", 12), ("D2", 13), ("D3hot", 14), ("D3cold", 15))


class Bridge:
    """Offsets in the header of a bridge, layout 1."""

    PRIMARY: Final = 0x18
    SECONDARY: Final = 0x19
    SUBORDINATE: Final = 0x1A
    SECONDARY_LATENCY: Final = 0x1B
    IO_BASE: Final = 0x1C
    IO_LIMIT: Final = 0x1D
    SECONDARY_STATUS: Final = 0x1E
    MEMORY_BASE: Final = 0x20
    MEMORY_LIMIT: Final = 0x22
    PREFETCHABLE_BASE: Final = 0x24
    PREFETCHABLE_LIMIT: Final = 0x26
    PREFETCHABLE_BASE_UPPER: Final = 0x28
    PREFETCHABLE_LIMIT_UPPER: Final = 0x2C
    IO_BASE_UPPER: Final = 0x30
    IO_LIMIT_UPPER: Final = 0x32
    ROM: Final = 0x38
    CONTROL: Final = 0x3E


class PowerManagement:
    """The power management capability: its ID, and offsets from its start."""

    ID: Final = 0x01
    CAPABILITIES: Final = 2
    CONTROL: Final = 4
    BRIDGE: Final = 6
    AUXILIARY_MILLIAMPERES = (0, 55, 100, 160, 220, 270, 320, 375)
    """The current that the function takes from the auxiliary supply, by the value of the field."""


def bits(value: int, high: int, low: int) -> int:
    """The field of a register from bit `high` to bit `low`."""
    return value >> low & (1 << high - low + 1) - 1


def flags(value: int, table: Bits, separator: str = " ") -> str:
    """Each name of the table, with "+" for a bit that is set and "-" for one that is not."""
    return separator.join(f"{name}{'+' if value >> bit & 1 else '-'}" for name, bit in table)
