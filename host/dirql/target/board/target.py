# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The Target contract over a link: a board, or a twin of one."""

from __future__ import annotations

import mmap
import os
from collections.abc import Sequence

from dirql.hardware.description import MachineDescription
from dirql.link.link import Link
from dirql.link.pipe import Pipe
from dirql.link.session import Patience
from dirql.target.board.channel import LinkChannel
from dirql.target.board.identity import check_identity
from dirql.target.channel.channel import STRAY_WANTED, WANTED
from dirql.target.channel.target import CommandTarget
from dirql.target.contract import BusError, Capability, Grant, MemoryFile, StrayAccess, Wake

__all__ = ["BoardTarget"]

_ABILITIES = frozenset(
    {
        Capability.HOST_MEMORY,
        Capability.FAULT_INJECTION,
        Capability.TIMESTAMPS,
        Capability.CONFINEMENT,
    }
)


class BoardTarget(CommandTarget):
    """A machine behind a link. Time passes in it whatever the host does.

    A thread of the link sets `attention` when an interrupt comes, so code that makes no access sees it too.
    """

    __slots__ = ("_file", "_link_channel", "link", "name")

    abilities = _ABILITIES

    def __init__(
        self,
        name: str,
        pipe: Pipe,
        machine: MachineDescription,
        *,
        precise: bool = False,
        patience: Patience | None = None,
    ) -> None:
        """Open the machine at the far end of `pipe`, just out of reset; it must be `machine`.

        With `precise`, a write to memory space waits for its end, so that its error is raised at once. Raises `NoLink`
        for a board that does not answer, or that is another machine or speaks another version of the protocol.
        """
        self.name = name
        memory, file = self._map_memory(machine.host_memory.size)
        self._file = file.fd
        self.link = Link(pipe, memory, patience)
        self._link_channel = LinkChannel(
            self.link, memory, file, frequency=machine.frequency, posts=not precise
        )
        try:
            super().__init__(self._link_channel, machine)
            hello = self._link_channel.hello
            assert hello is not None
            check_identity(pipe.name, hello, machine)
            self.frequency = hello.frequency
            self.build = hello.build
            self.floor = self.link.measure()
        except BaseException:
            self._closed = True
            self.link.close()
            os.close(self._file)
            raise
        if precise:
            self.capabilities |= {Capability.PRECISE_WRITES}
        self.link.signal = self._signal
        self._link_channel.report = self._report

    def _map_memory(self, size: int) -> tuple[memoryview, MemoryFile]:
        """The host's RAM, zeros, in a file of its own."""
        file = os.memfd_create("dirql-memory")
        os.ftruncate(file, size)
        return memoryview(mmap.mmap(file, size)), MemoryFile(file, 0)

    def _report(self, error: BusError) -> None:
        """Tell the error of a write that was not waited for."""
        if self.write_error is None:
            raise error
        self.write_error(error)

    def _signal(self) -> None:
        """Ask for attention; the link's thread calls it."""
        if not self._closed:
            self.attention = True
            self.horizon = 0

    def _resume(self) -> None:
        """Ask for attention again if something came while an answer was taken that did not know of it."""
        if self.link.asks_attention:
            self.attention = True
            self.horizon = 0

    # Transactions: `CommandTarget` forgets what the thread has said meanwhile.

    def _command(self, operation: int, address: int, byte_enables: int, datum: int, length: int = 1) -> int:
        value = super()._command(operation, address, byte_enables, datum, length)
        self._resume()
        return value

    def read_memory(self, address: int, byte_enables: int = 0xF) -> int:
        """See `Target`."""
        value = super().read_memory(address, byte_enables)
        self._resume()
        return value

    def write_memory(self, address: int, value: int, byte_enables: int = 0xF) -> None:
        """See `Target`."""
        super().write_memory(address, value, byte_enables)
        self._resume()

    def interrupt_request(self) -> int | None:
        """See `Target`."""
        _ = self._open
        number = self.link.input
        if number is None and self.attention:
            self._take(self._link_channel.attention())
        return number

    def interrupt_acknowledge(self) -> int:
        """See `Target`."""
        vector = super().interrupt_acknowledge()
        self._resume()
        return vector

    # Time.

    def now(self) -> int:
        """See `Target`; the clock of the board's last frame."""
        _ = self._open
        return self._link_channel.clock

    def lag(self) -> int:
        """See `Clock`."""
        return self._link_channel.lag

    def wait(self, limit: int | None = None) -> Wake | None:
        """See `Target`; the spent clocks are dropped."""
        self.spent = 0
        wake = super().wait(limit)
        self._resume()
        return wake

    # The host's memory.

    def confine(self) -> None:
        """See `Target`."""
        _ = self._open
        self.link.memory.confine()

    def grant(self, bounds: Sequence[int], *, reads: bool, writes: bool) -> Grant:
        """See `Target`."""
        _ = self._open
        return self.link.memory.grant(bounds, reads=reads, writes=writes)

    def revoke(self, grant: Grant) -> None:
        """See `Target`."""
        _ = self._open
        self.link.memory.revoke(grant)

    def take_stray_access(self) -> StrayAccess | None:
        """See `Target`."""
        _ = self._open
        with self.link.changed:
            found = self.link.memory.take_stray_access()
            self.link.look()
        self._answer &= ~STRAY_WANTED
        self.attention = self.attention and self._answer & WANTED != 0
        self._set_horizon()
        self._resume()
        return found

    def settle_memory(self) -> Sequence[tuple[int, int]]:
        """See `Target`."""
        with self.link.changed:
            return self.link.memory.settle()

    @property
    def removed(self) -> str | None:
        """See `Target`."""
        return self.link.lost

    def take_removal(self) -> str | None:
        """See `Target`."""
        _ = self._open
        reason = self._link_channel.take_removal()
        self._take(self._link_channel.attention())
        return reason

    # Life.

    def close(self) -> None:
        """See `Target`."""
        if not self._closed:
            super().close()
            os.close(self._file)

    def __del__(self) -> None:
        if hasattr(self, "_closed"):
            self.close()
