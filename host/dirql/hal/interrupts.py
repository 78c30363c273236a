# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The interrupt controller: interrupts for the kernel, routes of lines and addresses of messages for PnP.

The machine's description has the vector of each input. The IRQL is the upper half of the vector, as on x64. No access
in this file is a point of preemption.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from dirql.hal.lanes import ALL_ONES
from dirql.registers import interrupt_controller as registers
from dirql.registers.protocol import Vector
from dirql.target.contract import BusError, Target

__all__ = ["ControllerState", "InterruptController", "irql_of_vector"]

_VECTORS_PER_IRQL: Final = 16
_LINES: Final = ("inta", "intb", "intc", "intd")


def irql_of_vector(vector: int) -> int:
    """The IRQL at which the interrupt of a vector is served."""
    return vector // _VECTORS_PER_IRQL


class ControllerState(NamedTuple):
    """The inputs of the controller by what they are, as masks: bit n stands for input n."""

    enabled: int
    pending: int
    in_service: int
    asserted: int


class InterruptController:
    """The machine's interrupt controller; satisfies `ke.platform.InterruptController`."""

    __slots__ = (
        "_address",
        "_check_masters",
        "_enabled",
        "_end_address",
        "_ends",
        "_irqls",
        "_latched",
        "_report",
        "_target",
        "description",
    )

    def __init__(
        self,
        target: Target,
        report: Callable[[BusError], None],
        check_masters: Callable[[], None] | None = None,
    ) -> None:
        """`report` is called with each bus error; a bus error does not stop the host.

        `check_masters` is called when the target asks for attention and presents no interrupt.
        """
        self._check_masters = check_masters
        self._target = target
        self._report = report
        self.description: Final = target.description.controller
        self._address = self.description.address
        self._irqls = tuple(irql_of_vector(vector) for vector in self.description.vectors)
        self._end_address = self._address + registers.EOI.offset
        self._ends = {
            vector: registers.EOI.pack(input_number=number)
            for number, vector in enumerate(self.description.vectors)
        }
        self._enabled = 0
        self._latched = 0

    def requested_irql(self) -> int:
        """The IRQL of the interrupt that the controller presents now; 0 for none. Takes no bus clocks."""
        number = self._target.interrupt_request()
        if number is not None:
            return self._irqls[number]
        if self._check_masters is not None:
            self._check_masters()
        return 0

    def acknowledge(self) -> int:
        """Fetch the vector; `Vector.SPURIOUS` if no interrupt is pending any more, or if the fetch failed."""
        try:
            return self._target.interrupt_acknowledge()
        except BusError as error:
            self._report(error)
            return Vector.SPURIOUS

    def end(self, vector: int) -> None:
        """End of interrupt: the input of the vector is no longer in service."""
        try:
            self._target.write_memory(self._end_address, self._ends[vector])
        except BusError as error:
            self._report(error)
        except KeyError:
            self.description.input_of_vector(vector)
            raise

    def put_back(self, vector: int) -> None:
        """Undo the fetch of a vector. The fetch has cleared the edge of a latched input, so that it is set again."""
        bit = 1 << self.description.input_of_vector(vector)
        if self._latched & bit:
            self._write(registers.SOFTWARE_SET.offset, registers.SOFTWARE_SET.pack(inputs=bit))
        self.end(vector)

    def enable(self, vector: int, latched: bool) -> None:
        """Enable the input of a vector: latched, by the rising edge of its line, or by the level of the line."""
        bit = 1 << self.description.input_of_vector(vector)
        self._latched = self._latched | bit if latched else self._latched & ~bit
        self._enabled |= bit
        self._write(registers.MODE.offset, registers.MODE.pack(latched=self._latched))
        self._write(registers.ENABLE.offset, registers.ENABLE.pack(inputs=self._enabled))

    def disable(self, vector: int) -> None:
        """Disable the input of a vector."""
        self._enabled &= ~(1 << self.description.input_of_vector(vector))
        self._write(registers.ENABLE.offset, registers.ENABLE.pack(inputs=self._enabled))

    def line_input(self, pin: int) -> int:
        """The input to which an interrupt line is routed.

        `pin` is as in configuration space, 1 for INTA to 4 for INTD.
        """
        return self._route()[_line(pin)]

    def route_line(self, pin: int, number: int) -> None:
        """Route an interrupt line to an input; lines with the same input share it."""
        self.description.vector(number)
        if number not in self.description.device_inputs:
            inputs = ", ".join(map(str, self.description.device_inputs))
            raise ValueError(f"a line must have one of the inputs for devices, {inputs}; it was {number}")
        route = self._route() | {_line(pin): number}
        self._write(registers.ROUTE.offset, registers.ROUTE.pack(**route))

    def message(self, number: int) -> tuple[int, int]:
        """Bus address and data of the message that requests an input."""
        self.description.vector(number)
        return self.description.doorbell, number

    def spurious(self) -> int:
        """The number of vector fetches that the controller answered while no interrupt was pending."""
        return registers.SPURIOUS.unpack(self._read(registers.SPURIOUS.offset)).fetches

    def lost(self, number: int) -> int:
        """The number of edges and messages that came to an input while it was already pending."""
        self.description.vector(number)
        offset = registers.LOST.offset + registers.LOST.stride * number
        return registers.LOST.unpack(self._read(offset)).edges

    def state(self) -> ControllerState:
        """The registers that can be read without an effect."""
        enabled = registers.ENABLE.unpack(self._read(registers.ENABLE.offset)).inputs
        pending = registers.PENDING.unpack(self._read(registers.PENDING.offset)).inputs
        in_service = registers.IN_SERVICE.unpack(self._read(registers.IN_SERVICE.offset)).inputs
        raw = registers.RAW.unpack(self._read(registers.RAW.offset)).inputs
        return ControllerState(enabled, pending, in_service, raw)

    def _route(self) -> dict[str, int]:
        return registers.ROUTE.unpack(self._read(registers.ROUTE.offset))._asdict()

    def _read(self, offset: int) -> int:
        try:
            return self._target.read_memory(self._address + offset)
        except BusError as error:
            self._report(error)
            return ALL_ONES[4]

    def _write(self, offset: int, value: int) -> None:
        try:
            self._target.write_memory(self._address + offset, value)
        except BusError as error:
            self._report(error)


def _line(pin: int) -> str:
    if not 1 <= pin <= len(_LINES):
        raise ValueError(f"an interrupt pin must be 1 (INTA) to {len(_LINES)} (INTD); it was {pin}")
    return _LINES[pin - 1]
