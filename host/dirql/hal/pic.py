# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The interrupt controller of a machine with a pair of 8259A chips: the words that the HAL writes to their ports.

Both chips run in fully nested mode with specific ends of interrupt, and their command ports show the inputs in service,
so that a spurious vector is found with one read. Intel 8259A data sheet (order number 231468-003).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from dirql.hal.interrupts import ControllerState, InterruptController
from dirql.hal.lanes import ALL_ONES
from dirql.hardware.interrupt_controller import LAST_INPUT, PIC_8259A, PIC_PORTS
from dirql.registers import interrupt_controller as registers, pic
from dirql.registers.protocol import Vector
from dirql.target.contract import BusError, Target

__all__ = ["PicPair", "controller_of"]

_MASTER: Final = PIC_PORTS["master"]
_SLAVE: Final = PIC_PORTS["slave"]
_ELCR: Final = PIC_PORTS["ELCR"]
_CASCADE: Final = 2
"""The input of the master at which the slave is."""
_SLAVE_INPUTS: Final = 8
"""The first input of the slave."""
_END_OF_SLAVE: Final = pic.OCW2.pack(operation=pic.End.END_INPUT, input_number=_CASCADE)


def controller_of(
    target: Target, report: Callable[[BusError], None], check_masters: Callable[[], None]
) -> InterruptController:
    """The interrupt controller of the target's machine; the arguments are those of `InterruptController`."""
    kind = PicPair if target.description.controller.kind == PIC_8259A else InterruptController
    return kind(target, report, check_masters)


class PicPair(InterruptController):
    """Two 8259A chips; they are set up when the object is made."""

    __slots__ = ("_ends_of_input",)

    def __init__(
        self,
        target: Target,
        report: Callable[[BusError], None],
        check_masters: Callable[[], None] | None = None,
    ) -> None:
        """Set up the chips with all inputs masked, and route the lines as the machine file says."""
        super().__init__(target, report, check_masters)
        vectors = self.description.vectors
        self._ends_of_input = {
            vector: pic.OCW2.pack(operation=pic.End.END_INPUT, input_number=number % _SLAVE_INPUTS)
            for number, vector in enumerate(vectors)
        }
        self._set_up(_MASTER, self.description.vector_base, 1 << _CASCADE)
        self._set_up(_SLAVE, self.description.slave_vector_base, _CASCADE)
        self._write_mask(_MASTER)
        lines = self.description.lines
        routes = {f"int{line.lower()}": number for line, number in lines.items()}
        self._write(registers.ROUTE.offset, registers.ROUTE.pack(**routes))

    def _set_up(self, port: int, vector_base: int, cascade: int) -> None:
        self._write_port(port, pic.ICW1.pack(initialize=1, with_icw4=1))
        self._write_port(port + 1, pic.ICW2.pack(vector_base=vector_base >> pic.ICW2.VECTOR_BASE_SHIFT))
        self._write_port(port + 1, pic.ICW3.pack(cascade=cascade))
        self._write_port(port + 1, pic.ICW4.pack(x86=1))
        self._write_port(port + 1, pic.OCW1.MASKED)
        self._write_port(port, pic.OCW3.pack(select=1, show=pic.Show.IN_SERVICE))

    def acknowledge(self) -> int:
        """Fetch the vector; `Vector.SPURIOUS` if the request was gone, and the chip returned its lowest vector.

        Such a vector has no bit in service, so that it gets no end. Of the slave's, the master knows nothing: the
        cascade is in service and is ended.
        """
        vector = super().acknowledge()
        port = self.description.ambiguous_vectors.get(vector)
        if port is None or self._read_port(port) >> LAST_INPUT & 1:
            return vector
        if port == _SLAVE:
            self._write_port(_MASTER, _END_OF_SLAVE)
        return Vector.SPURIOUS

    def end(self, vector: int) -> None:
        """End of interrupt: first at the slave, then of the cascade at the master."""
        if self.description.input_of_vector(vector) >= _SLAVE_INPUTS:
            self._write_port(_SLAVE, self._ends_of_input[vector])
            self._write_port(_MASTER, _END_OF_SLAVE)
        else:
            self._write_port(_MASTER, self._ends_of_input[vector])

    def enable(self, vector: int, latched: bool) -> None:
        """Unmask the input of a vector: latched, by the rising edge of its line, or by the level of the line."""
        number = self.description.input_of_vector(vector)
        if number not in self.description.device_inputs:
            inputs = ", ".join(map(str, self.description.device_inputs))
            raise ValueError(f"the input of a device must be one of {inputs}; it was {number}")
        bit = 1 << number
        self._latched = self._latched | bit if latched else self._latched & ~bit
        self._enabled |= bit
        level = pic.ELCR.pack(level_sensitive=self._enabled & ~self._latched)
        self._write_port(
            _ELCR + number // _SLAVE_INPUTS, level >> number // _SLAVE_INPUTS * _SLAVE_INPUTS & 0xFF
        )
        self._write_mask(_SLAVE if number >= _SLAVE_INPUTS else _MASTER)

    def disable(self, vector: int) -> None:
        """Mask the input of a vector."""
        number = self.description.input_of_vector(vector)
        self._enabled &= ~(1 << number)
        self._write_mask(_SLAVE if number >= _SLAVE_INPUTS else _MASTER)

    def state(self) -> ControllerState:
        """The state without an effect on the chips; the requests come from the registers of the testbed."""
        return super().state()._replace(enabled=self._enabled)

    def _write_mask(self, port: int) -> None:
        unmasked = self._enabled >> _SLAVE_INPUTS if port == _SLAVE else self._enabled | 1 << _CASCADE
        self._write_port(port + 1, ~unmasked & pic.OCW1.MASKED)

    def _read_port(self, port: int) -> int:
        lane = port % 4
        try:
            return self._target.read_io(port, 1 << lane) >> 8 * lane & 0xFF
        except BusError as error:
            self._report(error)
            return ALL_ONES[1]

    def _write_port(self, port: int, value: int) -> None:
        lane = port % 4
        try:
            self._target.write_io(port, value << 8 * lane, 1 << lane)
        except BusError as error:
            self._report(error)
