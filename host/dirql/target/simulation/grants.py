# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The parts of the host's RAM that bus masters may access, as the exchange holds them."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

from dirql.target.contract import Grant, StrayAccess, TargetError
from dirql.target.simulation.exchange import SharedMemory

__all__ = ["Confinement"]


class _Table:
    """One of the two arrays of parts in an exchange; `used` is the number of its slots that the machine looks at.

    The slots of a grant are next to each other. Slots that were freed serve later grants of the same number of parts.
    """

    __slots__ = ("_free", "_live", "_slots", "_zeros", "used")

    def __init__(self, slots: memoryview) -> None:
        """`slots` has two 64-bit words for each slot."""
        self._slots = slots
        self._zeros: dict[int, memoryview] = {}
        self._free: dict[int, list[int]] = {}
        self._live = 0
        self.used = 0

    def add(self, words: array[int], count: int) -> int:
        """Enter parts, `count` words with the start and the end of each; returns the place of the first word."""
        spare = self._free.get(count)
        place = spare.pop() if spare else self._extend(count)
        self._slots[place : place + count] = words
        self._live += 1
        return place

    def remove(self, place: int, count: int) -> None:
        """Take out the parts that `add` has entered."""
        zeros = self._zeros.get(count)
        if zeros is None:
            zeros = self._zeros[count] = memoryview(array("Q", bytes(8 * count)))
        self._slots[place : place + count] = zeros
        self._live -= 1
        if self._live:
            self._free.setdefault(count, []).append(place)
        else:
            self._free.clear()
            self.used = 0

    def _extend(self, count: int) -> int:
        place = 2 * self.used
        if place + count > len(self._slots):
            raise TargetError(
                f"the parts of memory that bus masters may access must be at most {len(self._slots) // 2};"
                " they were more: put scatter/gather lists back"
            )
        self.used += count // 2
        return place


class Confinement:
    """The grants of one machine; the methods do as those of `Target`.

    A target calls it without the channel in between: "scatter gather 64 kib" of bench/hal_paths.py would take a tenth
    more.
    """

    __slots__ = ("_exchange", "_readable", "_writable")

    def __init__(self, shared: SharedMemory) -> None:
        """Open all memory to bus masters: an exchange that served another target before may have its grants."""
        self._exchange = shared.struct
        self._exchange.confined = 0
        self._exchange.readable_count = self._exchange.writable_count = 0
        self._readable = _Table(shared.readable)
        self._writable = _Table(shared.writable)

    def confine(self) -> None:
        """See `Target.confine`."""
        self._exchange.confined = 1

    def grant(self, bounds: Sequence[int], reads: bool, writes: bool) -> Grant:
        """See `Target.grant`."""
        words = bounds if isinstance(bounds, array) else array("Q", bounds)
        count = len(words)
        read = written = -1
        if reads:
            read = self._readable.add(words, count)
            self._exchange.readable_count = self._readable.used
        if writes:
            written = self._writable.add(words, count)
            self._exchange.writable_count = self._writable.used
        return count, read, written

    def revoke(self, grant: Grant) -> None:
        """See `Target.revoke`."""
        count, read, written = grant
        if read >= 0:
            self._readable.remove(read, count)
            self._exchange.readable_count = self._readable.used
        if written >= 0:
            self._writable.remove(written, count)
            self._exchange.writable_count = self._writable.used

    def take_stray_access(self) -> StrayAccess | None:
        """See `Target.take_stray_access`."""
        exchange = self._exchange
        count, exchange.stray_count = exchange.stray_count, 0
        if count == 0:
            return None
        is_write = bool(exchange.stray_is_write)
        return StrayAccess(
            exchange.stray_clock, exchange.stray_address, exchange.stray_byte_enables, is_write, count
        )
