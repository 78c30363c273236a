# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The transfers of `dirql run` with one store, verified against what the device holds.

A driver that keeps the data to itself, or that uses the wrong place both times, gives back what was written. So the job
asks the device itself, past the driver, and for each direction separately.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Final, TypeVar

from dirql.drivers.store.interface import (
    IOCTL_STORE_GET_STATISTICS,
    PROGRAM_NAME,
    STATISTICS_BYTES,
    Statistics,
)
from dirql.hal.window import DeviceWindow
from dirql.io.errors import IoError
from dirql.io.handle import Handle
from dirql.machine import LoadError, Machine
from dirql.mm.process import GuardDamaged
from dirql.pnp.node import DeviceError
from dirql.report.progress import Step
from dirql.target.contract import LinkLost, MachineRemoved

__all__ = ["BUFFER_BAR", "GUARD", "HeldData", "Transfers", "told_of_loss"]

_T = TypeVar("_T")

BUFFER_BAR: Final = 1
"""The base address register of the store's memory."""
GUARD: Final = 16
"""The guard bytes around the buffers of the program."""
_PIECE: Final = 256
"""The bytes of a store's memory that are looked at between two points of preemption, where interrupts may come."""
_WHOLE: Final = 4096
"""The same while no interrupt can come: 16 times fewer accesses are a twelfth of the time of `dirql run`."""


@contextmanager
def told_of_loss(machine: Machine, row: str) -> Iterator[None]:
    """Give the loss of the board as the reason for which a driver did not start or stop, or data were not checked.

    A device that is gone has no name any more, so that an open fails too; requests that fail end no row.
    """
    cause: Exception | None = None
    try:
        yield
    except (DeviceError, IoError, LoadError, MachineRemoved) as error:
        if machine.target.removed is None:
            raise
        cause = error
    if machine.target.removed is not None:
        raise LinkLost(f"the job ended in {row}: {machine.target.removed}") from cause


class HeldData:
    """The memory of one store, which the job reaches without the driver under test; `clocks` counts what that took.

    Between its pieces are points of preemption, so that interrupts of other stores need not wait.
    """

    def __init__(self, machine: Machine, window: DeviceWindow, *, alone: bool = False) -> None:
        """`alone` says that no other device is at work meanwhile."""
        self.machine = machine
        self.window = window
        self.clocks = 0
        self._piece = _WHOLE if alone else _PIECE

    def read(self, offset: int, length: int) -> bytes:
        """The data that the device holds."""
        return b"".join(
            self._timed(partial(self.window.read, offset + at, min(self._piece, length - at)))
            for at in range(0, length, self._piece)
        )

    def write(self, offset: int, data: bytes) -> None:
        """Let the device hold other data."""
        for at in range(0, len(data), self._piece):
            self._timed(partial(self.window.write, offset + at, data[at : at + self._piece]))

    def _timed(self, access: Callable[[], _T]) -> _T:
        target = self.machine.target
        began = target.now()
        result = access()
        self.clocks += target.now() - began
        self.machine.hal.preempt()
        return result


class Transfers:
    """The transfers of one row with one store.

    Random data is written to a random place; the device must hold it then. Other data is put there past the driver, and
    read. At the end the whole memory of the device must be as these transfers leave it.
    """

    def __init__(self, seed: str, size: int, machine: Machine, handle: Handle, held: HeldData) -> None:
        """`size` is the length of each transfer in bytes, at most that of the device's memory."""
        self.size = size
        self.machine = machine
        self.handle = handle
        self.held = held
        self.random = random.Random(f"{seed}{_suffix(handle)}")
        self.bytes = self.requests = 0
        self.verified = True
        self.errors: list[str] = []
        self.device_bytes = _statistics(handle).device_bytes
        self.wanted = bytearray(held.read(0, self.device_bytes))
        held.clocks = 0

    def run(self, transfers: int, step: Step) -> None:
        """Run all transfers; a request that fails is noted, and the next one follows."""
        for _ in range(transfers):
            offset = self.random.randrange(0, self.device_bytes - self.size + 1, 4)
            with self.noting_errors():
                data = self.write(offset, step)
                self.check_device(data, offset)
                self.read(offset, self.put(offset, self.size), step)

    def write(self, offset: int, step: Step) -> bytes:
        """Write new data through the driver; returns it."""
        data = self.new_data(offset, self.size)
        began = self.machine.target.now()
        moved = self.handle.write(data, offset)
        self._count(moved, began, step)
        self.check_moved(moved, data, offset)
        return data

    def read(self, offset: int, data: bytes, step: Step) -> None:
        """Read through the driver; it must be `data`."""
        began = self.machine.target.now()
        back = self.handle.read(self.size, offset)
        self._count(len(back), began, step)
        self.check_read(data, back, offset)

    def check_all(self) -> None:
        """Compare the whole memory of the device with what it must hold after all transfers."""
        if not self.errors:
            self._compare("at the end", bytes(self.wanted), self.held.read(0, self.device_bytes), 0)

    def workers(self, step: Step, most: int) -> list[Callable[[], None]]:
        """Routines for the requests of an open load, as many as may be under way at once.

        Each has a part of the device for itself: one call writes random data, the next one reads it back. The device is
        asked at the end alone, because the questions would hold up other requests.
        """
        parts = min(most, self.device_bytes // self.size)
        return [_Part(self, number * self.size & ~3, step).serve for number in range(parts)]

    def bus_clocks(self) -> tuple[int, int]:
        """(clocks that moved data, clocks that the device was busy) of one more write and one more read.

        These two transfers are not recorded, because the questions for the counters would show up in the latencies. The
        device counts the data phases of DMA; programmed I/O takes one data phase of the host for each dword.
        """
        self.handle.write(self.random.randbytes(self.size))
        write = _statistics(self.handle)
        self.handle.read(self.size)
        read = _statistics(self.handle)
        data_clocks = write.data_clocks + read.data_clocks or 2 * -(-self.size // 4)
        return data_clocks, write.busy_clocks + read.busy_clocks

    def new_data(self, offset: int, length: int) -> bytes:
        """Random data that the device shall hold from now on."""
        data = self.random.randbytes(length)
        self.wanted[offset : offset + length] = data
        return data

    def put(self, offset: int, length: int) -> bytes:
        """Let the device hold new data, past the driver; returns it."""
        data = self.new_data(offset, length)
        self.held.write(offset, data)
        return data

    def check_moved(self, moved: int, data: bytes, offset: int) -> None:
        """Hold the number of bytes that a write says it has moved against its data."""
        if moved != len(data):
            self.wrong(f"a write of {len(data)} bytes at {offset:#x} must move all; it moved {moved}")

    def check_device(self, data: bytes, offset: int) -> None:
        """After a write of `data`, the device must hold it."""
        self._compare(f"after a write of {len(data)} bytes", data, self.held.read(offset, len(data)), offset)

    def check_read(self, data: bytes, back: bytes, offset: int) -> None:
        """A read through the driver must give what the device holds."""
        self._compare(f"in a read of {len(data)} bytes", data, back, offset)

    @contextmanager
    def noting_errors(self) -> Iterator[None]:
        """Note the error of a request that fails, so that others can follow."""
        try:
            yield
        except (IoError, GuardDamaged) as error:
            self.errors.append(str(error))

    def _compare(self, when: str, wanted: bytes, found: bytes, offset: int) -> None:
        if wanted != found:
            self.wrong(f"{when}, {_difference(wanted, found, offset)}")

    def wrong(self, what: str) -> None:
        """Note that data was wrong."""
        self.verified = False
        self.errors.append(f"{self.handle.name}: {what}")

    def _count(self, moved: int, began: int, step: Step) -> None:
        self.requests += 1
        self.bytes += moved
        step(moved, self.machine.target.now() - began)


class _Part:
    """A part of a store: what was written there last, until it has been read back."""

    def __init__(self, transfers: Transfers, offset: int, step: Step) -> None:
        self._transfers = transfers
        self._offset = offset
        self._step = step
        self._written: bytes | None = None

    def serve(self) -> None:
        """Make one request; one that fails is noted."""
        data, self._written = self._written, None
        with self._transfers.noting_errors():
            if data is None:
                self._written = self._transfers.write(self._offset, self._step)
            else:
                self._transfers.read(self._offset, data, self._step)


def _suffix(handle: Handle) -> str:
    """The end of a seed, which gives each store data of its own; the first store has the data of a lone one."""
    return "" if handle.name == PROGRAM_NAME else f" {handle.name}"


def _statistics(handle: Handle) -> Statistics:
    return Statistics.unpack(handle.ioctl(IOCTL_STORE_GET_STATISTICS, b"", STATISTICS_BYTES))


def _difference(wanted: bytes, found: bytes, offset: int) -> str:
    """A sentence on the first difference of two pieces of data."""
    if len(wanted) != len(found):
        return f"{len(found)} bytes were there at {offset:#x} instead of {len(wanted)}"
    first = next(place for place, pair in enumerate(zip(wanted, found, strict=True)) if pair[0] != pair[1])
    return f"byte {offset + first:#x} of the device must be {wanted[first]:#04x}; it was {found[first]:#04x}"
