# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The transactions on the bus of a wave dump: command, address, data, and how each ended."""

from __future__ import annotations

from dataclasses import dataclass, field

from dirql.dump.sampling import Sample

__all__ = ["Follower", "Transaction"]

_COMMANDS = {
    0x0: "Interrupt Acknowledge",
    0x1: "Special Cycle",
    0x2: "I/O Read",
    0x3: "I/O Write",
    0x6: "Memory Read",
    0x7: "Memory Write",
    0xA: "Configuration Read",
    0xB: "Configuration Write",
    0xC: "Memory Read Multiple",
    0xD: "Dual Address Cycle",
    0xE: "Memory Read Line",
    0xF: "Memory Write and Invalidate",
}


@dataclass(slots=True)
class Transaction:
    """A transaction, as far as it has come."""

    time: int
    """Of its address phase, in the units of the dump."""
    clock: int
    """The number of that clock in the dump."""
    command: int
    address: int
    data: list[int] = field(default_factory=list)
    """The data that moved."""
    is_claimed: bool = False
    end: str = "not ended"

    @property
    def is_dual(self) -> bool:
        """Whether its address has 64 bits, in two address phases, which the checker does not know."""
        return self.command == 0xD

    @property
    def title(self) -> str:
        """The command and the address as text."""
        return f"{_COMMANDS.get(self.command, f'reserved command {self.command:#x}')} at 0x{self.address:08x}"


class Follower:
    """Follows the bus clock by clock."""

    def __init__(self) -> None:
        self.current: Transaction | None = None
        """The transaction under way, its last clock included."""
        self.starts = False
        """Whether the clock that was followed last is an address phase."""
        self._before: Sample | None = None
        self._stopped = self._aborted = False

    def forget(self) -> None:
        """The bus is in reset."""
        self.current = self._before = None
        self.starts = False

    def follow(self, sample: Sample, clock: int) -> Transaction | None:
        """Go on by a clock; the transaction that ended before this clock, if one did."""
        before, self._before = self._before, sample
        ended = None
        self.starts = sample.frame and (before is None or not before.frame)
        if self.current is not None and (self.starts or not (sample.frame or sample.irdy)):
            ended, self.current = self.current, None
            ended.end = self._end_of(ended)
        if self.starts:
            self.current = Transaction(sample.time, clock, sample.cbe, sample.ad)
            self._stopped = self._aborted = False
        elif self.current is not None:
            self.current.is_claimed |= sample.devsel
            if sample.irdy and sample.trdy:
                self.current.data.append(sample.ad)
            self._stopped |= sample.irdy and sample.stop
            self._aborted |= sample.stop and not sample.devsel and self.current.is_claimed
        return ended

    def _end_of(self, ended: Transaction) -> str:
        if not ended.is_claimed:
            return "master abort" if ended.command != 0x1 else "special cycle"
        if self._aborted:
            return "target abort"
        if self._stopped:
            return "disconnect" if ended.data else "retry"
        return "completed"
