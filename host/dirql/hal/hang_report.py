# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The HAL as a witness of the watch over hangs: the interrupt controller, and registers that drivers poll."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from dirql.hal.hal import Hal
from dirql.hal.interrupts import ControllerState
from dirql.hal.polling import PollingNotes
from dirql.ke.processors.interrupt import interrupt_table
from dirql.ke.watch.witness import Section, Witness
from dirql.target.contract import TargetError

__all__ = ["HalWitness"]

_FEWEST: Final = 8
"""The reads that make a poll; a driver that stalls in between reads seldom."""


class HalWitness(Witness):
    """Tells of the interrupt controller and of the accesses of drivers."""

    __slots__ = ("_hal", "_preempted")

    def __init__(self, hal: Hal) -> None:
        """Tell of this layer."""
        self._hal = hal
        self._preempted = False

    def sections(self) -> Iterator[Section]:
        """See `Witness`."""
        try:
            state = self._hal.interrupts.state()
        except TargetError as error:
            yield "interrupt controller", [f"it cannot be read: {error}"]
            return
        yield "inputs of the interrupt controller", list(self._inputs(state))

    def _inputs(self, state: ControllerState) -> Iterator[str]:
        """A line for each input that is asserted, pending or in service."""
        description = self._hal.interrupts.description
        vectors = interrupt_table.value.vectors
        for number, vector in enumerate(description.vectors):
            bit = 1 << number
            facts = [
                name
                for mask, name in (
                    (state.asserted, "asserted"),
                    (state.pending, "pending"),
                    (state.in_service, "in service"),
                )
                if mask & bit
            ]
            if not facts:
                continue
            facts.append("enabled" if state.enabled & bit else "masked")
            line = vectors[vector]
            isrs = "no ISR" if line is None else " and ".join(repr(each) for each in line.interrupts)
            yield f"input {number}, vector {vector:#x}: {', '.join(facts)}; {isrs} connected"

    # Polling.

    def begin_polling(self) -> None:
        """See `Witness`. Every access is noted because it is a point of preemption."""
        hal = self._hal
        if hal.polling is None:
            hal.polling = PollingNotes()
            self._preempted = hal.always_preempts
            hal.always_preempts = True

    def end_polling(self) -> None:
        """See `Witness`."""
        hal = self._hal
        if hal.polling is not None:
            hal.polling = None
            hal.always_preempts = self._preempted

    def polled(self) -> str:
        """See `Witness`."""
        notes = self._hal.polling
        if notes is None or not notes.only or notes.count < _FEWEST:
            return ""
        memory = self._hal.device_memory
        address = memory.translate(notes.address, 1, 1) if notes.kind == "register" else notes.address
        return f"the {notes.kind} at bus address {address:#010x}, which was {notes.value:#x} in {notes.count} reads"
