# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The files that are made from a machine's description, for the compilers of RTL and C++."""

from __future__ import annotations

from dirql.hardware.description import MachineDescription

__all__ = ["generated_files"]

_HEAD = "SPDX-FileCopyrightText: dirql contributors"
_LICENCE = "SPDX-License-Identifier: Apache-2.0"


def generated_files(machine: MachineDescription) -> dict[str, str]:
    """The name and the text of each file."""
    return {"machine_facts.h": _facts(machine)}


def _head(machine: MachineDescription) -> str:
    made = f"Generated from {machine.file}, do not edit."
    return "".join(f"// {line}\n" for line in (_HEAD, _LICENCE, made))


def _facts(machine: MachineDescription) -> str:
    """The facts that C++ needs."""
    lines = (
        "#pragma once",
        "",
        "// Bytes of the host's RAM, which begins at bus address 0.",
        f"#define DIRQL_MEMORY_BYTES {machine.host_memory.size:#X}u".replace("0X", "0x"),
        "// Bus clocks per second.",
        f"#define DIRQL_CLOCK_FREQUENCY {machine.frequency}u",
    )
    return _head(machine) + "\n".join(lines) + "\n"
