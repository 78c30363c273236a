# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""A board target in this process: the naive device behind a pipe that needs no port."""

from __future__ import annotations

import os
import queue
from collections.abc import Callable
from contextlib import suppress
from time import monotonic
from typing import NamedTuple

from dirql.link.faults import Faults, FaultyPipe
from dirql.link.pipe import READ_SLICE, Pipe, PipeLost
from dirql.link.session import Patience
from dirql.target.board.target import BoardTarget
from dirql.target.contract import BusError, MemoryFile, Target
from fakes.fake_device import FakeDevice
from fakes.scripted_target import ScriptedTarget

__all__ = ["DevicePipe", "FakeBoard", "open_board_over", "open_fake_board"]


class DevicePipe(Pipe):
    """A pipe at whose far end something answers at once: `device` takes bytes and returns bytes."""

    def __init__(self, device: Callable[[bytes], bytes], name: str = "fake") -> None:
        super().__init__(name)
        self._device = device
        self._arrived: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self.closed = False
        self.is_silent = False
        """Nothing arrives any more, in either direction."""

    def read(self) -> bytes:
        """See `Pipe`."""
        try:
            chunk = self._arrived.get(timeout=READ_SLICE)
        except queue.Empty:
            return b""
        if chunk is None:
            raise PipeLost(f"{self.name} was unplugged")
        return b"" if self.is_silent else chunk

    def write(self, octets: bytes) -> None:
        """See `Pipe`."""
        if self.closed:
            raise PipeLost(f"{self.name} was unplugged")
        if not self.is_silent:
            self.tell(self._device(octets))

    def tell(self, octets: bytes) -> None:
        """Let bytes arrive at the host."""
        if octets:
            self._arrived.put(octets)

    def unplug(self) -> None:
        """End the pipe from the far side."""
        self.closed = True
        self._arrived.put(None)

    def cancel(self) -> None:
        """See `Pipe`."""
        self._arrived.put(b"")

    def close(self) -> None:
        """See `Pipe`."""
        self.closed = True


class _SharedMemoryTarget(BoardTarget):
    """A board target whose RAM is that of the machine behind the device, so that its bus masters need no link."""

    __slots__ = ()
    shared: Target

    def _map_memory(self, size: int) -> tuple[memoryview, MemoryFile]:
        file = self.shared.memory_file
        assert file is not None
        assert size == len(self.shared.memory)
        return self.shared.memory, MemoryFile(os.dup(file.fd), file.offset)


def open_board_over(
    machine: Target,
    *,
    patience: Patience | None = None,
    clock: Callable[[], float] = monotonic,
    faults: Faults | None = None,
) -> FakeBoard:
    """A board target on any other target; bus masters use its memory as they do without a link."""
    device = FakeDevice(machine, clock=clock)
    pipe = DevicePipe(device.receive)
    kind = type("OverTarget", (_SharedMemoryTarget,), {"shared": machine, "__slots__": ()})
    line = pipe if faults is None else FaultyPipe(pipe, faults)
    target = kind("fake", line, machine.description, patience=patience)
    return FakeBoard(target, device, pipe)


class FakeBoard(NamedTuple):
    """A board target on a scripted machine, and the parts between them."""

    target: BoardTarget
    device: FakeDevice
    pipe: DevicePipe

    def tell(self) -> None:
        """Let the host have what the device has to say by itself."""
        with self.target.link.changed:
            self.pipe.tell(self.device.receive(b""))

    def copy(self, source: int, destination: int, size: int) -> None:
        """Copy bytes of the host's memory as a bus master does."""
        got: list[bytes] = []
        self.device.master_read(source, size, got.append)
        self.tell()
        while not got:
            self.target.wait(1)
        self.device.master_write(destination, got[0])
        self.tell()
        with suppress(BusError):  # the answer comes behind the data; a wait would end with a stray access
            self.target.read_configuration(0)


def open_fake_board(
    script: ScriptedTarget,
    *,
    precise: bool = True,
    patience: Patience | None = None,
    clock: Callable[[], float] | None = None,
) -> FakeBoard:
    """A board target on a scripted machine; see `FakeDevice` for `clock`."""
    device = FakeDevice(script, clock=clock)
    pipe = DevicePipe(device.receive)
    target = BoardTarget("fake", pipe, script.description, precise=precise, patience=patience)
    return FakeBoard(target, device, pipe)
