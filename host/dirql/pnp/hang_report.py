# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The devices as a witness of the watch over hangs: the interrupt causes that are set in them."""

from __future__ import annotations

from collections.abc import Iterator

from dirql.hal.hal import Hal
from dirql.hardware.description import Function
from dirql.ke.watch.witness import Section, Witness
from dirql.nt.constants import CmResourceTypeMemory
from dirql.pnp.function_registers import register_offsets
from dirql.pnp.manager import PnpManager
from dirql.pnp.node import DeviceNode
from dirql.target.contract import TargetError

__all__ = ["DeviceWitness"]

_CAUSE = "INTERRUPT_CAUSE"
_MASK = "INTERRUPT_MASK_SET"
"""The registers with the causes and with their mask. To read them has no effect."""
_NOBODY = 0xFFFF_FFFF
"""The value that a bridge returns for a register behind it that nobody answers for."""


class DeviceWitness(Witness):
    """Tells of the causes that are set in the functions of one machine."""

    __slots__ = ("_hal", "_pnp")

    def __init__(self, hal: Hal, pnp: PnpManager) -> None:
        """Tell of the devices that `pnp` knows."""
        self._hal = hal
        self._pnp = pnp

    def sections(self) -> Iterator[Section]:
        """See `Witness`."""
        yield "interrupt causes set in devices", list(self._causes())

    def _causes(self) -> Iterator[str]:
        for node in self._pnp.devices:
            function = self._function(node)
            if function is None or not register_offsets(function.type.name).keys() >= {_CAUSE, _MASK}:
                continue
            memory = next((found for found in node.ranges if found.type == CmResourceTypeMemory), None)
            if memory is not None:
                yield from self._read(node, function, memory.u.memory.start)

    def _function(self, node: DeviceNode) -> Function | None:
        """The first function of the machine's description that has the hardware ID of the device."""
        functions = self._hal.target.description.functions
        return next((each for each in functions if node.matches(each.type.identity.hardware_id)), None)

    def _read(self, node: DeviceNode, function: Function, start: int) -> Iterator[str]:
        offsets = register_offsets(function.type.name)
        try:
            causes = self._hal.target.read_memory(start + offsets[_CAUSE])
            mask = self._hal.target.read_memory(start + offsets[_MASK])
        except TargetError as error:
            if node.driver is not None:  # nobody has switched on a device without a driver
                yield f"{node.name}: its registers cannot be read: {error}"
            return
        if causes == _NOBODY:
            if node.driver is not None:
                yield f"{node.name}: its registers read as all ones: the device is switched off, or a bridge above it"
            return
        for number in range(causes.bit_length()):
            if causes >> number & 1:
                names = function.type.causes
                name = names[number] if number < len(names) else f"number {number}"
                state = "enabled" if mask >> number & 1 else "masked"
                yield f"{node.name}: {name} is set, and {state} in the device"
