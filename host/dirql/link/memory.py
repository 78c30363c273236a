# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The host's RAM as the bus masters of a board reach it, confined to grants as sim/exchange/confinement.h does.

The thread that reads from the board calls `fetch` and `write`; host code calls the rest. Both see a grant wholly or not
at all, because a table of grants is never changed, but replaced.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count

from dirql.target.contract import Grant, StrayAccess

__all__ = ["HostMemory"]

_PAGE = 4096
_FETCHED_AHEAD = 32
"""The bytes behind a grant that the bridge may fetch ahead; such a read is refused, and it is no stray access."""
_ONES = b"\xff\xff\xff\xff"
_ALL = 0xF

_Part = tuple[int, int]


class HostMemory:
    """The host's RAM. `stray` is called when a stray access has come and none was kept."""

    def __init__(self, memory: memoryview, stray: Callable[[], None]) -> None:
        """All of the RAM is open until `confine` is called."""
        self._memory = memory
        self._size = len(memory)
        self._stray = stray
        self._confined = False
        self._numbers = count(1)
        self._grants: dict[int, tuple[tuple[_Part, ...], bool, bool]] = {}
        self._readable: tuple[_Part, ...] = ()
        self._writable: tuple[_Part, ...] = ()
        self._kept: StrayAccess | None = None
        self._strays = 0
        self._held: list[tuple[int, bytes]] | None = None
        """The writes of bus masters since `settle`; None if they go into the RAM at once."""

    # Bus masters.

    def fetch(self, address: int, dwords: int, clock: int) -> bytes:
        """The first dwords of those that a bus master wants: all, or those before one that is not granted.

        A first dword that is not granted is all ones.
        """
        end = address + 4 * dwords
        allowed = end if not self._confined else self._granted_until(address, end)
        allowed = min(allowed, self._size)
        if allowed > address:
            return self._contents(address, allowed)
        if address < self._size and not self._is_ahead(address):
            self._keep(StrayAccess(clock, address, _ALL, False, 1))
        return _ONES

    def _contents(self, start: int, end: int) -> bytes:
        """The bytes as bus masters see them."""
        if not self._held:
            return bytes(self._memory[start:end])
        seen = bytearray(self._memory[start:end])
        for at, data in self._held:
            low, high = max(start, at), min(end, at + len(data))
            if low < high:
                seen[low - start : high - start] = data[low - at : high - at]
        return bytes(seen)

    def _put(self, address: int, data: bytes) -> None:
        if self._held is None:
            self._memory[address : address + len(data)] = data
        else:
            self._held.append((address, data))

    def write(self, address: int, data: bytes, first: int, last: int, clock: int) -> None:
        """Write the dwords of a bus master; `first` and `last` are the byte enables of the first and the last one."""
        size = len(data)
        if first == last == _ALL and self._may_write(address, address + size):
            self._put(address, data)
            return
        for at in range(0, size, 4):
            enables = first if at == 0 else last if at == size - 4 else _ALL
            self._write_dword(address + at, data[at : at + 4], enables, clock)

    def _write_dword(self, address: int, dword: bytes, enables: int, clock: int) -> None:
        lanes = [lane for lane in range(4) if enables >> lane & 1]
        if address >= self._size:
            return
        if all(self._may_write(address + lane, address + lane + 1) for lane in lanes):
            for lane in lanes:
                self._put(address + lane, dword[lane : lane + 1])
        else:
            self._keep(StrayAccess(clock, address, enables, True, 1))

    def _may_write(self, start: int, end: int) -> bool:
        if not self._confined:
            return end <= self._size
        return any(low <= start and end <= high for low, high in self._writable) and end <= self._size

    def _granted_until(self, address: int, end: int) -> int:
        """The end of the dwords from `address` on of each of which a grant has a byte."""
        at = address
        while at < end:
            reached = max((high for low, high in self._readable if low < at + 4 and high > at), default=at)
            if reached <= at:
                break
            at = reached + 3 & ~3
        return min(at, end)

    def _is_ahead(self, address: int) -> bool:
        return any(
            0 < high <= address < high + _FETCHED_AHEAD and address // _PAGE == (high - 1) // _PAGE
            for _, high in self._readable
        )

    def _keep(self, access: StrayAccess) -> None:
        self._strays += 1
        if self._kept is None:
            self._kept = access
            self._stray()

    # Host code.

    def settle(self) -> list[_Part]:
        """See `Target.settle_memory`."""
        held, self._held = self._held or [], []
        for address, data in held:
            self._memory[address : address + len(data)] = data
        return [(address, address + len(data)) for address, data in held]

    @property
    def has_stray(self) -> bool:
        """Whether a stray access waits to be taken."""
        return self._kept is not None

    def confine(self) -> None:
        """See `Target.confine`."""
        self._confined = True

    def grant(self, bounds: Sequence[int], *, reads: bool, writes: bool) -> Grant:
        """See `Target.grant`."""
        number = next(self._numbers)
        parts = tuple(zip(bounds[::2], bounds[1::2], strict=True))
        self._grants[number] = (parts, reads, writes)
        if reads:
            self._readable += parts
        if writes:
            self._writable += parts
        return (number, 0, 0)

    def revoke(self, grant: Grant) -> None:
        """See `Target.revoke`."""
        _, reads, writes = self._grants.pop(grant[0])
        if reads:
            self._readable = self._parts(1)
        if writes:
            self._writable = self._parts(2)

    def _parts(self, which: int) -> tuple[_Part, ...]:
        return tuple(part for held in self._grants.values() if held[which] for part in held[0])

    def take_stray_access(self) -> StrayAccess | None:
        """See `Target.take_stray_access`."""
        kept, strays = self._kept, self._strays
        self._kept, self._strays = None, 0
        return None if kept is None else kept._replace(accesses=strays)
