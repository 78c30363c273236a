# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The machine that a board says to be, held against the one that was asked for."""

from __future__ import annotations

from dirql.hardware.description import MachineDescription
from dirql.hardware.identity import machine_number
from dirql.hardware.reading import load_machine, machine_names
from dirql.link.frames import DeviceHello
from dirql.link.pipe import NoLink

__all__ = ["check_identity", "name_of"]


def name_of(number: bytes) -> str | None:
    """The name of the machine that comes with dirql and has this number; None for another one."""
    return next((name for name in machine_names() if machine_number(load_machine(name)) == number), None)


def check_identity(place: str, hello: DeviceHello, machine: MachineDescription) -> None:
    """Raise `NoLink` if the board has another machine than `machine`."""
    if hello.machine == machine_number(machine):
        return
    known = name_of(hello.machine)
    if known is not None:
        raise NoLink(
            f"the board at {place} must have the machine {machine.name}; it has the machine {known}: give --machine"
            f" {known}, or flash it"
        )
    raise NoLink(
        f"the board at {place} must have the machine {machine.name}; it has a machine with the number"
        f" {hello.machine.hex()}, which no machine of this release has: flash it with a bitstream of this release"
    )
