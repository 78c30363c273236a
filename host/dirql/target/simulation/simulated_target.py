# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The parts of the Target contract that only simulated machines have: the pads of functions, and confinement."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, cast

from dirql.hardware.description import Function, MachineDescription
from dirql.target.channel.channel import STRAY_WANTED, WANTED, Channel, value_of
from dirql.target.channel.target import CommandTarget
from dirql.target.contract import Grant, PadLevels, StrayAccess
from dirql.target.simulation.grants import Confinement

__all__ = ["SimulatedChannel", "SimulatedTarget"]


class SimulatedChannel(Channel, Protocol):
    """A channel to a machine whose pads can be reached. `function` is the index of a function that has pads."""

    confinement: Confinement
    """The grants of the machine."""

    def drive_pads(self, spent: int, function: int, levels: int, /) -> int:
        """Set the levels of the function's pads from outside; returns the answer."""

    def pad_levels(self, spent: int, function: int, /) -> int:
        """Ask which levels the function puts on its pads; returns the answer, of which they are the value."""

    def pads_driven(self, spent: int, function: int, /) -> int:
        """Ask which pads the function drives; returns the answer, of which they are the value."""


class SimulatedTarget(CommandTarget):
    """A machine in a simulation. A subclass adds `name` and `abilities`."""

    __slots__ = ("_confinement",)

    def __init__(self, channel: SimulatedChannel, description: MachineDescription) -> None:
        """See `CommandTarget`."""
        self._confinement = channel.confinement
        super().__init__(channel, description)

    @property
    def _simulated(self) -> SimulatedChannel:
        """The channel, which is of this type by `__init__`; raises `TargetClosed` after `close`."""
        return cast(SimulatedChannel, self._open)

    def confine(self) -> None:
        """See `Target`."""
        self._open_confinement().confine()

    def grant(self, bounds: Sequence[int], *, reads: bool, writes: bool) -> Grant:
        """See `Target`."""
        return self._open_confinement().grant(bounds, reads, writes)

    def revoke(self, grant: Grant) -> None:
        """See `Target`."""
        self._open_confinement().revoke(grant)

    def take_stray_access(self) -> StrayAccess | None:
        """See `Target`."""
        found = self._open_confinement().take_stray_access()
        self._answer &= ~STRAY_WANTED
        self.attention = self.attention and self._answer & WANTED != 0
        self._set_horizon()
        return found

    def _open_confinement(self) -> Confinement:
        """The grants; raises `TargetClosed` after `close`."""
        if self._closed:
            _ = self._open  # it raises
        return self._confinement

    def drive_pads(self, function: Function, levels: int) -> None:
        """See `Target`."""
        channel, count = self._simulated, self._pad_count(function)
        if not 0 <= levels < 1 << count:
            raise ValueError(
                f"the levels of the {count} pads of {function} must be 0 to {(1 << count) - 1:#x};"
                f" they were {levels:#x}"
            )
        self._accept(channel.drive_pads(self.spent, function.index, levels), function)

    def read_pads(self, function: Function) -> PadLevels:
        """See `Target`."""
        channel = self._simulated
        self._pad_count(function)
        levels = self._accept(channel.pad_levels(self.spent, function.index), function)
        driven = self._accept(channel.pads_driven(0, function.index), function)
        return PadLevels(levels, driven)

    def _pad_count(self, function: Function) -> int:
        """The number of pads of a function of this machine; raises `ValueError` for a function without any."""
        known = self.description.with_pads
        if function not in known:
            raise ValueError(
                "the function must be one of this machine that has pads, of which there are"
                f" {', '.join(map(str, known)) or 'none'}; it was {function}"
            )
        return function.pad_count

    def _accept(self, answer: int, function: Function) -> int:
        """Keep an answer; returns its value."""
        status = self._take(answer)
        if status:
            raise self._simulated.failure(status, f"an access to the pads of {function}")
        return value_of(answer)
