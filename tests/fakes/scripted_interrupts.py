# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The interrupt controller of the scripted target: the registers and rules of hdl/interrupt, without delays."""

from __future__ import annotations

from collections.abc import Callable

from dirql.registers import interrupt_controller as registers
from dirql.registers.protocol import Vector
from fakes.default_machine import INPUTS, vector_of

__all__ = ["Doorbell", "ScriptedInterrupts"]

_ALL = (1 << INPUTS) - 1
_COUNT_MAX = 0xFFFF


class ScriptedInterrupts:
    """Sixteen inputs, priority by number, latched or level."""

    def __init__(self, ended: Callable[[int], None]) -> None:
        """`ended` is called with the input of each end of interrupt."""
        self.doorbell = Doorbell(self)
        self._ended = ended
        self._requests = 0
        self._lines = 0
        self._in_service = 0
        self._spurious = 0
        self._lost = [0] * INPUTS
        plain = (registers.ENABLE, registers.MODE, registers.ROUTE, registers.THRESHOLD)
        self._plain: dict[int, int] = {register.offset: register.reset for register in plain}

    # Calls by devices.

    def set_line(self, number: int, *, on: bool) -> None:
        """Drive an input; a rising edge is a request if the input is latched."""
        bit = 1 << number
        if on and not self._lines & bit and self._plain[registers.MODE.offset] & bit:
            self.request(number)
        self._lines = self._lines | bit if on else self._lines & ~bit

    def raise_edge(self, number: int) -> None:
        """Switch an input on and off again, which makes one edge."""
        self.set_line(number, on=True)
        self.set_line(number, on=False)

    def request(self, number: int) -> None:
        """Request an input, as an edge, a message or a write of SOFTWARE_SET does.

        A request of an input that is requested already is lost and counted.
        """
        bit = 1 << number
        if self._requests & bit:
            self._lost[number] = min(self._lost[number] + 1, _COUNT_MAX)
        self._requests |= bit

    # Calls by the host.

    def presented(self) -> int | None:
        """The highest requested input that is enabled, above all inputs in service and above the threshold."""
        threshold = registers.THRESHOLD.unpack(self._plain[registers.THRESHOLD.offset])
        floor = max(self._in_service.bit_length() - 1, threshold.input_number if threshold.enable else -1)
        candidates = self._pending() & self._plain[registers.ENABLE.offset] & _ALL
        highest = candidates.bit_length() - 1
        return highest if candidates and highest > floor else None

    def claim(self) -> int:
        """Fetch a vector: the presented input goes into service."""
        number = self.presented()
        if number is None:
            self._spurious = min(self._spurious + 1, _COUNT_MAX)
            return Vector.SPURIOUS
        self._requests &= ~(1 << number)
        self._in_service |= 1 << number
        return vector_of(number)

    def _pending(self) -> int:
        return self._requests | self._lines & ~self._plain[registers.MODE.offset]

    # Registers.

    def read(self, offset: int, byte_enables: int) -> int:
        """Read a register; an offset without a register reads 0."""
        if offset == registers.CLAIM.offset:
            return self.claim()
        index = (offset - registers.LOST.offset) // registers.LOST.stride
        if 0 <= index < registers.LOST.count:
            return self._lost[index]
        computed = {
            registers.PENDING.offset: self._pending(),
            registers.IN_SERVICE.offset: self._in_service,
            registers.RAW.offset: self._lines,
            registers.SPURIOUS.offset: self._spurious,
        }
        return computed.get(offset, self._plain.get(offset, 0))

    def write(self, offset: int, value: int, byte_enables: int) -> None:
        """Write a whole register; a write to an offset without a register does nothing."""
        if byte_enables != 0xF:
            raise ValueError(
                f"the scripted interrupt controller must be written in whole dwords, not byte enables {byte_enables:#x}"
            )
        index = (offset - registers.LOST.offset) // registers.LOST.stride
        if offset in self._plain:
            self._plain[offset] = value
        elif offset == registers.SOFTWARE_SET.offset:
            for number in range(INPUTS):
                if value >> number & 1:
                    self.request(number)
        elif offset == registers.EOI.offset:
            number = registers.EOI.unpack(value).input_number
            self._in_service &= ~(1 << number)
            self._ended(number)
        elif offset == registers.SPURIOUS.offset:
            self._spurious = 0
        elif 0 <= index < registers.LOST.count:
            self._lost[index] = 0


class Doorbell:
    """The device at the address to which messages are written."""

    def __init__(self, interrupts: ScriptedInterrupts) -> None:
        """Each message becomes a request of an input of `interrupts`."""
        self._interrupts = interrupts

    def read(self, offset: int, byte_enables: int) -> int:
        """Every offset reads 0."""
        return 0

    def write(self, offset: int, value: int, byte_enables: int) -> None:
        """Request the input that the message names, if there is an input of that number."""
        if value < INPUTS:
            self._interrupts.request(value)
