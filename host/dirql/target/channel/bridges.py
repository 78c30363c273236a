# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The bridges of a machine just out of reset, set up without a kernel, as the firmware of a PC does."""

from __future__ import annotations

from dirql.hardware.description import Bridge, MachineDescription
from dirql.hardware.place import Place
from dirql.registers import pci_bridge as regs
from dirql.target.contract import Target

__all__ = ["number_buses", "open_way"]

_DWORD = 4
_LATENCY = 64
"""Bus clocks for which a bridge keeps a bus when another master wants it."""


def number_buses(target: Target) -> None:
    """Give all buses the numbers of the machine's description."""
    for bridge in target.description.bridges:
        last = _last_bus(target.description, bridge)
        _write(
            target,
            bridge,
            regs.PRIMARY_BUS.offset,
            bytes((bridge.place.bus, bridge.secondary, last, _LATENCY)),
        )


def open_way(target: Target, place: Place) -> None:
    """Let the bridges between bus 0 and a function pass down all addresses that the host bridge gives to devices.

    The buses must have numbers. Bridges beside the way stay closed.
    """
    machine = target.description
    memory, ports = machine.buses[0].memory, machine.buses[0].ports
    windows = (memory.start >> 16 & regs.MEMORY_BASE.VALUE) | (
        memory.end - 1 >> 16 & regs.MEMORY_LIMIT.VALUE
    ) << 16
    command = regs.COMMAND
    enables = command.IO_ENABLE | command.MEMORY_ENABLE | command.BUS_MASTER
    below = {bridge.secondary: bridge for bridge in machine.bridges}
    while place.bus in below:
        bridge = below[place.bus]
        _write(target, bridge, regs.MEMORY_BASE.offset, windows.to_bytes(4, "little"))
        _write(
            target, bridge, regs.IO_BASE.offset, bytes((ports.start >> 8 & 0xF0, ports.end - 1 >> 8 & 0xF0))
        )
        _write(target, bridge, regs.LATENCY_TIMER.offset, bytes((_LATENCY,)))
        _write(target, bridge, command.offset, enables.to_bytes(2, "little"))
        place = bridge.place


def _last_bus(machine: MachineDescription, bridge: Bridge) -> int:
    """The highest number of the buses behind a bridge."""
    return max(
        (_last_bus(machine, each) for each in machine.bridges_on(bridge.secondary)), default=bridge.secondary
    )


def _write(target: Target, bridge: Bridge, offset: int, data: bytes) -> None:
    """Write bytes of one dword of a bridge's header, and no others."""
    lane = offset % _DWORD
    enables = ((1 << len(data)) - 1) << lane
    address = bridge.place.configuration_address + offset - lane
    target.write_configuration(address, int.from_bytes(data, "little") << 8 * lane, enables)
