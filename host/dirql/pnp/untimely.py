# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Accesses of drivers to a device that is switched off: too early at its start, or too late at its end.

The bus driver switches a device on when it handles IRP_MN_START_DEVICE, and off when it handles a stop or a removal.
No device answers before and after, so that such an access ends in a bus error, which asks here why. NT lets it pass:
a read gives all ones, a write has no effect.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from dirql.hal.hal import Hal
from dirql.hardware.place import Place
from dirql.ke.defects import report_defect
from dirql.nt.constants import (
    IRP_MN_START_DEVICE,
    IRP_MN_STOP_DEVICE,
    IRP_MN_SURPRISE_REMOVAL,
    CmResourceTypeMemory,
    CmResourceTypePort,
    PowerDeviceD0,
)
from dirql.nt.resources import CmPartialResourceDescriptor
from dirql.pnp.function_registers import register_offsets
from dirql.pnp.node import DeviceNode
from dirql.registers import pci_configuration
from dirql.target.contract import BusError, TargetError

__all__ = ["UntimelyAccesses"]

_ON: Final = pci_configuration.COMMAND.MEMORY_ENABLE | pci_configuration.COMMAND.IO_ENABLE


class UntimelyAccesses:
    """Tells of accesses to devices of one machine that are switched off, of each register once."""

    def __init__(self, hal: Hal, devices: Callable[[], Iterable[DeviceNode]]) -> None:
        """`devices` gives the devices on the buses."""
        self._hal = hal
        self._devices = devices
        self._told: set[tuple[DeviceNode, int | None, int]] = set()

    def note(self, error: BusError) -> None:
        """Take a bus error of a driver's access; reports a defect if the device is switched off."""
        wanted = _SPACES.get(error.operation.partition(" ")[0])
        if wanted is None:
            return
        for node in self._devices():
            for place, found in enumerate(node.ranges):
                offset = error.address - _start(found)
                if found.type == wanted and 0 <= offset < _length(found):
                    self._note(node, self._register(node, place, offset), error)
                    return

    def _note(self, node: DeviceNode, register: str, error: BusError) -> None:
        asked = (node, node.switched_by, error.address)
        is_low = _is_in_low_state(node)
        if asked in self._told or (not is_low and self._is_on(node)):
            return
        self._told.add(asked)
        row, rule, remedy = _LOW_STATE if is_low else _rule(node.switched_by)
        what = f"{error.operation} at {error.address:#010x}, {register} of {node.name}"
        report_defect(
            row, f"{rule}; the device did not answer a transaction of {node.driver!r}, the {what}: {remedy}"
        )

    def _is_on(self, node: DeviceNode) -> bool:
        """Whether the bus driver has switched the device on, so that the bus error has another reason."""
        if node.switched_by == IRP_MN_START_DEVICE and not node.is_switching:
            return True
        wanted = node.requirements
        if wanted is None:
            return True
        slot = wanted.slot_number  # a PCI_SLOT_NUMBER
        place = Place(wanted.bus_number, slot & 0x1F, slot >> 5 & 7)
        try:
            command = self._hal.target.read_configuration(
                place.configuration_address + pci_configuration.COMMAND.offset
            )
        except TargetError:  # the machine was unplugged
            return node.switched_by in (None, IRP_MN_START_DEVICE)
        return command & _ON != 0

    def _register(self, node: DeviceNode, place: int, offset: int) -> str:
        """The register at an offset in a range of a device, in words."""
        where = f"offset {offset:#x} of its range {place}"
        function = next(
            (
                each
                for each in self._hal.target.description.functions
                if node.matches(each.type.identity.hardware_id)
            ),
            None,
        )
        if place or function is None:
            return where
        known = register_offsets(function.type.name)
        name = next((name for name, each in known.items() if each == offset), None)
        return where if name is None else f"{name} at {where}"


_SPACES: Final = {"memory": CmResourceTypeMemory, "I/O": CmResourceTypePort}
"""By the first word of a bus error's operation, the type of resource that the access needs."""


_LOW_STATE: Final = (
    "PWR-16",
    "a driver must not access its device while the device is not in D0",
    (
        "on the way down, be done with the device before IRP_MN_SET_POWER is passed down; on the way up, go on in a"
        " completion routine, after the bus driver has turned the device on; hold requests meanwhile"
    ),
)
"""The row, the rule and the remedy for a device that sleeps."""


def _is_in_low_state(node: DeviceNode) -> bool:
    """Whether the bus driver has told that the device is in D1, D2 or D3."""
    return node.physical_device_object.device_object_extension.device_power_state > PowerDeviceD0


def _rule(minor: int | None) -> tuple[str, str, str]:
    """The row, the rule and the remedy, for the request that was the last to switch the device on or off."""
    if minor is None or minor == IRP_MN_START_DEVICE:
        return (
            "PNP-03",
            "a driver must not access its device before the drivers below it have completed IRP_MN_START_DEVICE",
            "pass the request down with IoForwardIrpSynchronously, which waits for them, and set the device up then",
        )
    if minor == IRP_MN_SURPRISE_REMOVAL:
        return (
            "PNP-09",
            "a driver must not access its device after it has passed down IRP_MN_SURPRISE_REMOVAL",
            "note in the device extension that the device is gone, and ask for that note before each access",
        )
    name = "IRP_MN_STOP_DEVICE" if minor == IRP_MN_STOP_DEVICE else "IRP_MN_REMOVE_DEVICE"
    return (
        "PNP-03",
        f"a driver must not access its device after it has passed down {name}",
        "quiesce the device, and end the timers, DPCs and threads that use it, before the request is passed down",
    )


def _start(found: CmPartialResourceDescriptor) -> int:
    return found.u.memory.start if found.type == CmResourceTypeMemory else found.u.port.start


def _length(found: CmPartialResourceDescriptor) -> int:
    return found.u.memory.length if found.type == CmResourceTypeMemory else found.u.port.length
