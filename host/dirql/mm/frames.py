# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The frames of RAM, with the owner of each and the number of locks on it.

Frame *n* is the 4 KiB from physical address 4096 *n* on. The seed and the order of the calls alone decide which frame
is allocated.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NoReturn

from dirql.ke.bugcheck import bug_check
from dirql.nt.bugcodes import PFN_LIST_CORRUPT
from dirql.nt.constants import PAGE_SHIFT, PAGE_SIZE

__all__ = ["FrameDatabase", "FrameStatistics"]

_FREE: Final = 1
_CHANCE_OF_A_JUMP: Final = 0.5
_DOUBLE_FREE: Final = 7
"""Parameter 1 of PFN_LIST_CORRUPT: a frame was unlocked or freed once too often."""


@dataclass(frozen=True, slots=True)
class FrameStatistics:
    """The numbers of frames at one moment."""

    total: int
    free: int
    locked: int
    held: Mapping[str, int]
    """The number of frames of each owner; a locked frame that its owner freed counts for the owner "orphaned"."""


class FrameDatabase:
    """Allocates the frames of RAM and counts the locks on each.

    Frames that need not be contiguous come in short runs, as on a machine that has been up for a while, so that a
    scatter/gather list has more than one element. Frame 0 is never allocated, as on a PC, so that no buffer has
    physical address 0.
    """

    __slots__ = (
        "_cursor",
        "_free",
        "_free_count",
        "_locks",
        "_orphans",
        "_owners",
        "_random",
        "from_end",
        "ram",
    )

    def __init__(self, ram: memoryview, seed: int) -> None:
        """`ram` is the machine's memory from physical address 0 on: writable, one or more whole frames."""
        if ram.readonly or ram.nbytes % PAGE_SIZE or not ram.nbytes:
            raise ValueError(
                f"the RAM of a target must be writable and one or more frames of {PAGE_SIZE} bytes; it was "
                f"{ram.nbytes} bytes{', read-only' if ram.readonly else ''}: correct `Target.memory`"
            )
        count = ram.nbytes >> PAGE_SHIFT
        self.ram = ram
        self._free = bytearray([_FREE]) * count
        self._free_count = count
        self._owners: list[str] = [""] * count
        self._locks = [0] * count
        self._orphans: set[int] = set()
        self._random = random.Random(seed)
        self._cursor = 0
        self.from_end = False
        """Whether `allocate` does as `allocate_last`, for what a machine needs for itself."""
        self._take(0, 1, "reserved")

    def __len__(self) -> int:
        return len(self._free)

    def allocate(self, count: int, owner: str) -> list[int] | None:
        """`count` zeroed frames, or None when fewer are free; the caller frees them."""
        if self.from_end:
            return self.allocate_last(count, owner)
        if count > self._free_count:
            return None
        frames = []
        for _ in range(count):
            frame = self._next_free()
            self._take(frame, 1, owner)
            frames.append(frame)
        return frames

    def allocate_last(self, count: int, owner: str) -> list[int] | None:
        """Do as `allocate` with the last free frames of RAM, in rising order.

        `allocate` rarely comes to these, and goes on as if nothing had been taken. So what a machine needs for itself
        hardly changes the places of buffers.
        """
        if count > self._free_count:
            return None
        frames: list[int] = []
        end = len(self._free)
        for _ in range(count):
            end = self._free.rfind(_FREE, 0, end)
            frames.insert(0, end)
            self._take(end, 1, owner)
        return frames

    def allocate_contiguous(
        self, count: int, owner: str, limit: int | None = None, *, lowest: int = 0, boundary: int = 0
    ) -> int | None:
        """The first of `count` contiguous zeroed frames that end at or below physical address `limit`, or None.

        They begin at or above `lowest`, and cross no multiple of `boundary` bytes unless that is 0.
        """
        end = len(self._free) if limit is None else min(limit >> PAGE_SHIFT, len(self._free))
        wanted = bytes([_FREE]) * count
        first = self._free.find(wanted, (lowest + PAGE_SIZE - 1) >> PAGE_SHIFT, end)
        while boundary and first >= 0:
            start = first << PAGE_SHIFT
            behind = (start // boundary + 1) * boundary
            if start + (count << PAGE_SHIFT) <= behind:
                break
            if count << PAGE_SHIFT > boundary:
                return None
            first = self._free.find(wanted, (behind + PAGE_SIZE - 1) >> PAGE_SHIFT, end)
        if first < 0:
            return None
        self._take(first, count, owner)
        return first

    def free(self, frames: Iterable[int]) -> None:
        """Give frames back. A locked frame stays allocated until its last lock is undone."""
        for frame in frames:
            if self._free[frame] or frame in self._orphans:
                self._corrupt(frame, "must be allocated to be freed; it was free")
            if self._locks[frame]:
                self._orphans.add(frame)
                self._owners[frame] = "orphaned"
            else:
                self._release(frame)

    def lock(self, frames: Iterable[int]) -> None:
        """Keep frames from being paged out or allocated anew, so that a device may use them; locks are counted."""
        locks = self._locks
        for frame in frames:
            locks[frame] += 1

    def unlock(self, frames: Iterable[int]) -> None:
        """Undo one `lock` of each frame."""
        locks = self._locks
        for frame in frames:
            if locks[frame] == 0:
                self._corrupt(frame, "must be locked to be unlocked; it had no lock")
            locks[frame] -= 1
            if locks[frame] == 0 and frame in self._orphans:
                self._orphans.discard(frame)
                self._release(frame)

    def owner(self, frame: int) -> str:
        """The owner that the frame was allocated for; empty for a free frame."""
        return self._owners[frame]

    def lock_count(self, frame: int) -> int:
        """The number of locks on the frame."""
        return self._locks[frame]

    def locked(self, frames: Sequence[int]) -> bool:
        """Whether any of the frames is locked."""
        return any(self._locks[frame] for frame in frames)

    def statistics(self) -> FrameStatistics:
        """The numbers of frames now."""
        held = Counter(self._owners)
        del held[""]
        return FrameStatistics(
            total=len(self._free),
            free=self._free_count,
            locked=len(self._locks) - self._locks.count(0),
            held=held,
        )

    def _next_free(self) -> int:
        """The first free frame from the cursor on. The cursor follows it, or jumps to a random frame before."""
        if self._random.random() < _CHANCE_OF_A_JUMP:
            self._cursor = self._random.randrange(len(self._free))
        frame = self._free.find(_FREE, self._cursor)
        if frame < 0:
            frame = self._free.find(_FREE)
        self._cursor = frame + 1
        return frame

    def _take(self, first: int, count: int, owner: str) -> None:
        """Allocate contiguous frames for an owner, and clear them."""
        self._free_count -= count
        self._free[first : first + count] = bytes(count)
        self._owners[first : first + count] = [owner] * count
        self.ram[first << PAGE_SHIFT : (first + count) << PAGE_SHIFT] = bytes(count << PAGE_SHIFT)

    def _release(self, frame: int) -> None:
        self._owners[frame] = ""
        self._free[frame] = _FREE
        self._free_count += 1

    def _corrupt(self, frame: int, what: str) -> NoReturn:
        bug_check(
            PFN_LIST_CORRUPT, _DOUBLE_FREE, frame, self._locks[frame], reason=f"frame {frame:#x} {what}"
        )
