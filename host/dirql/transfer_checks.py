# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The transfers of `dirql run` behind those of a row, which are checked and not measured.

A driver may be right with the transfers that are measured and with no others: those of one size, at multiples of four,
one at a time. So each store gets a few more, in both directions. Two more show how often the device moves the data of a
request: a driver that moves them twice leaves the right data behind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from dirql.hal.window import DeviceWindow
from dirql.io.handle import Overlapped
from dirql.registers import store as regs
from dirql.target.contract import EventBits
from dirql.trace.recorder import Recorder
from dirql.transfers import Transfers

__all__ = ["TransferChecks"]

_AT_ONCE: Final = 3
"""The number of requests of which the later ones wait for the first."""
_SMALL: Final = 13
"""The bytes of each of these requests."""
_KEPT: Final = 4096
"""The newest event records of a request that are looked at."""


class TransferChecks:
    """The checks of one store, behind its transfers."""

    def __init__(self, transfers: Transfers, registers: DeviceWindow) -> None:
        """`registers` are those of the device, reached without its driver."""
        self._transfers = transfers
        self._registers = registers

    def run(self) -> None:
        """Make all checks; a request that fails is noted, and ends them. The device must hold the right data then."""
        transfers = self._transfers
        with transfers.noting_errors():
            for offset, length in self._places():
                data = transfers.new_data(offset, length)
                transfers.check_moved(transfers.handle.write(data, offset), data, offset)
                transfers.check_device(data, offset)
                data = transfers.put(offset, length)
                transfers.check_read(data, transfers.handle.read(length, offset), offset)
            self._check_queue()
            self._check_commands()
        transfers.check_all()

    def _places(self) -> Iterator[tuple[int, int]]:
        """(offset, length) of transfers: parts of a dword, both ends of the device, and more than one page."""
        size, most = self._transfers.size, self._transfers.device_bytes
        lengths = sorted({1, 2, 3, 5, size - 1, size + 1, 2 * size + 3} & set(range(1, most)))
        for length in lengths:
            yield self._transfers.random.randrange(0, most - length) | 1, length
        yield 0, min(size + 2, most)
        yield most - 3, 3

    def _check_queue(self) -> None:
        """Send several requests at once: all writes, then all reads."""
        transfers = self._transfers
        step = transfers.device_bytes // _AT_ONCE
        length = min(_SMALL, step)
        places = [number * step for number in range(_AT_ONCE)]
        written = [transfers.new_data(offset, length) for offset in places]
        writes = [
            transfers.handle.write_overlapped(data, offset)
            for offset, data in zip(places, written, strict=True)
        ]
        for request, data, offset in zip(writes, written, places, strict=True):
            request.result()
            transfers.check_moved(request.information, data, offset)
            transfers.check_device(data, offset)
        held = [transfers.put(offset, length) for offset in places]
        reads = [transfers.handle.read_overlapped(length, offset) for offset in places]
        for request, data, offset in zip(reads, held, places, strict=True):
            transfers.check_read(data, request.result(), offset)

    def _check_commands(self) -> None:
        """Count the commands that the device carries out for a write and for a read of the measured size."""
        transfers = self._transfers
        data = transfers.new_data(0, transfers.size)
        self._check_moved_once("write", lambda: transfers.handle.write_overlapped(data, 0))
        self._check_moved_once("read", lambda: transfers.handle.read_overlapped(transfers.size, 0))

    def _check_moved_once(self, direction: str, request: Callable[[], Overlapped]) -> None:
        transfers, machine = self._transfers, self._transfers.machine
        with Recorder(machine.target, machine.kernel, machine.io.hooks, keep=_KEPT) as recorder:
            request().result()
        function, done = self._registers.function.index, regs.INTERRUPT_CAUSE.DONE
        commands = sum(
            bool(event.bits & EventBits.CAUSE and event.function == function and event.causes & done)
            for event in recorder.finish().events
        )
        moved = int.from_bytes(self._registers.read(regs.TRANSFERRED.offset, 4), "little")
        if commands > 1 and moved == transfers.size:
            transfers.wrong(
                f"a {direction} of {transfers.size} bytes must move each of them once; the device has carried out"
                f" {commands} commands for it, and the last one has moved all of them"
            )
