# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The number by which a board says which machine it has."""

from __future__ import annotations

import dataclasses
import hashlib
import json

from dirql.hardware.description import Function, MachineDescription

__all__ = ["MACHINE_NUMBER_BYTES", "machine_number"]

MACHINE_NUMBER_BYTES = 8


def machine_number(machine: MachineDescription) -> bytes:
    """The begin of the SHA-256 of the facts that host code can see of a machine.

    Names, texts, the clock, which a board tells by itself, and the checker, which has no effect on the bus, are not
    among them.
    """
    facts = {
        "host_memory": machine.host_memory.size,
        "buses": [dataclasses.asdict(bus) for bus in machine.buses],
        "host_bridge": str(machine.host_bridge),
        "interrupt_controller": machine.controller.facts(),
        "timestamp_unit": dataclasses.asdict(machine.timestamp_unit),
        "savings": dataclasses.asdict(machine.savings),
        "functions": [_function(function) for function in machine.functions],
        **machine.arbiter.facts(),
    }
    if machine.bridges:
        facts["bridges"] = [[str(bridge.place), bridge.secondary] for bridge in machine.bridges]
    text = json.dumps(facts, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).digest()[:MACHINE_NUMBER_BYTES]


def _function(function: Function) -> dict[str, object]:
    return {
        "type": function.type.name,
        "identity": dataclasses.asdict(function.type.identity),
        "bars": [[bar.number, bar.space.value, function.bar_size(bar.number)] for bar in function.type.bars],
        "place": str(function.place),
        "pin": function.pin,
        "line": function.line,
        "parameters": dict(function.parameters),
    }
