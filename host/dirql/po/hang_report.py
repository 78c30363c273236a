# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The power manager as a witness of the watch over hangs: power IRPs, and who has them."""

from __future__ import annotations

from collections.abc import Iterator

from dirql.io.whereabouts import dispatched
from dirql.ke.current import current
from dirql.ke.watch.witness import Section, Witness
from dirql.nt.constants import PowerSystemShutdown, PowerSystemWorking
from dirql.po.manager import PowerManager
from dirql.po.request import PowerRequest

__all__ = ["PowerWitness"]


class PowerWitness(Witness):
    """Tells of the power IRPs of one machine."""

    __slots__ = ("_manager",)

    def __init__(self, manager: PowerManager) -> None:
        """Tell of this manager's requests."""
        self._manager = manager

    def name_of(self, thing: object) -> str:
        """See `Witness`."""
        return "what wakes the system" if thing is self._manager.woken else ""

    def accuse(self) -> str:
        """See `Witness`."""
        state = self._manager.system_state
        if state == PowerSystemShutdown:
            return (
                "the machine is switched off, so that drivers hold the requests for their devices for ever: make"
                " requests before machine.power_off, or open a machine anew"
            )
        if state != PowerSystemWorking:
            return "the system sleeps, so that drivers hold the requests for their devices until it wakes"
        return ""

    def sections(self) -> Iterator[Section]:
        """See `Witness`."""
        lines = [self._describe(request) for request in self._manager.outstanding.values()]
        if self._manager.system_state != PowerSystemWorking:
            lines.append(f"the system is in SYSTEM_POWER_STATE {self._manager.system_state}")
        yield "power IRPs, the oldest first", lines

    def _describe(self, request: PowerRequest) -> str:
        name = f"{request!r} for {self._manager.name_of(request.lowest)}"
        if request.waits_for:
            return f"{name}: waits for {request.waits_for}"
        holder = request.holder
        if holder is None:
            return f"{name}: the power manager has it"
        took = current.kernel.clock.now() - request.since
        return f"{name}: {holder.driver_object!r} has it{dispatched(request.irp)}, {took} clocks after it was sent"
