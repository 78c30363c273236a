# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The arbiter of the interrupt controller's inputs: it gives each device the line or the message that it may use."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from typing import NamedTuple

from dirql.hal.interrupts import InterruptController, irql_of_vector
from dirql.hardware.description import Function
from dirql.io.interrupt_resource import InterruptResource
from dirql.nt.constants import (
    CM_RESOURCE_INTERRUPT_LATCHED,
    CM_RESOURCE_INTERRUPT_LEVEL_SENSITIVE,
    CM_RESOURCE_INTERRUPT_MESSAGE,
    CmResourceShareDeviceExclusive,
    CmResourceShareShared,
    CmResourceTypeInterrupt,
)
from dirql.nt.resources import (
    CmPartialResourceDescriptor,
    CmResourceData,
    CmResourceInterrupt,
    IoResourceDescriptor,
)
from dirql.pnp.range_arbiter import ResourceConflict

__all__ = ["AssignedInterrupt", "InterruptArbiter", "InterruptKind"]

_PIN_OF_LINE = {"A": 1, "B": 2, "C": 3, "D": 4}
"""The numbers that configuration space has for INTA to INTD."""


class InterruptKind(enum.StrEnum):
    """The way in which a device interrupts; on Windows the driver's INF file says it (LogConfig, MSISupported)."""

    LEVEL = "level"
    """By a line that is level-sensitive, as PCI devices do unless they are told otherwise."""
    LATCHED = "latched"
    """By a line that is latched on the rising edge."""
    MESSAGE = "message"
    """By messages if the device can send any, else by a level-sensitive line."""

    @classmethod
    def _missing_(cls, value: object) -> InterruptKind:
        raise ValueError(
            f"an interrupt must be one of {', '.join(map(repr, map(str, cls)))}; it was {value!r}"
        )


class AssignedInterrupt(NamedTuple):
    """One interrupt of a device as its resource lists have it, and as IoConnectInterruptEx needs it."""

    raw: CmPartialResourceDescriptor
    translated: CmPartialResourceDescriptor
    resource: InterruptResource


class InterruptArbiter:
    """Gives out the inputs of the machine's interrupt controller."""

    def __init__(self, controller: InterruptController, processors: int) -> None:
        """`controller` routes the lines; an interrupt may go to each of `processors` processors."""
        self._controller = controller
        self._affinity = (1 << processors) - 1
        self._message_inputs: set[int] = set()

    def assign(
        self,
        requirements: Iterable[IoResourceDescriptor],
        kind: InterruptKind | None,
        function: Function | None,
    ) -> AssignedInterrupt | None:
        """The interrupt of a device that asks with `requirements`, None if it asks for none (row INT-13).

        `function` is the machine's description of the device. It says to which line the device's pin is wired, and the
        kind of interrupt if `kind` is None. A line has the input to which the controller routes it, and devices share
        the line. A message gets an input of its own. Raises `ResourceConflict` when no input is left for a message.
        """
        if kind is None:
            kind = InterruptKind.LEVEL if function is None else InterruptKind(function.interrupt)
        wanted = [each for each in requirements if each.type == CmResourceTypeInterrupt]
        messages = [each for each in wanted if each.flags & CM_RESOURCE_INTERRUPT_MESSAGE]
        lines = [each for each in wanted if not each.flags & CM_RESOURCE_INTERRUPT_MESSAGE]
        if kind is InterruptKind.MESSAGE and messages:
            number = self.take_message_input()
            address, data = self._controller.message(number)
            flags = CM_RESOURCE_INTERRUPT_LATCHED | CM_RESOURCE_INTERRUPT_MESSAGE
            return self._describe(number, flags, address, data)
        if not lines:
            return None
        pin = lines[0].u.interrupt.minimum_vector
        number = self._controller.line_input(pin if function is None else _PIN_OF_LINE[function.line])
        latched = kind is InterruptKind.LATCHED
        flags = CM_RESOURCE_INTERRUPT_LATCHED if latched else CM_RESOURCE_INTERRUPT_LEVEL_SENSITIVE
        return self._describe(number, flags)

    def _describe(self, number: int, flags: int, address: int = 0, data: int = 0) -> AssignedInterrupt:
        vector = self._controller.description.vector(number)
        irql = irql_of_vector(vector)
        message = bool(flags & CM_RESOURCE_INTERRUPT_MESSAGE)
        share = CmResourceShareDeviceExclusive if message else CmResourceShareShared
        raw, translated = (
            CmPartialResourceDescriptor(
                CmResourceTypeInterrupt, share, flags, CmResourceData(interrupt=interrupt)
            )
            for interrupt in (
                CmResourceInterrupt(number, number, self._affinity),
                CmResourceInterrupt(irql, vector, self._affinity),
            )
        )
        latched = bool(flags & CM_RESOURCE_INTERRUPT_LATCHED)
        resource = InterruptResource(vector, irql, self._affinity, latched, message, address, data)
        return AssignedInterrupt(raw, translated, resource)

    def take_message_input(self) -> int:
        """Take the highest input that neither a line nor another message uses.

        Raises `ResourceConflict` if all are in use.
        """
        lines = {self._controller.line_input(pin) for pin in _PIN_OF_LINE.values()}
        inputs = self._controller.description.device_inputs
        for number in reversed(inputs):
            if number not in lines and number not in self._message_inputs:
                self._message_inputs.add(number)
                return number
        raise ResourceConflict(
            f"a device needs an input of the interrupt controller for a message; all {len(inputs)} inputs are in"
            " use by lines and other messages"
        )

    def release(self, resources: Iterable[InterruptResource]) -> None:
        """Take back the inputs of messages; lines are shared and stay as they are."""
        self._message_inputs -= {each.message_data for each in resources if each.message}
