# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""A board target on the RTL of a machine and its link, compiled into this process: no port and no second process."""

from __future__ import annotations

import threading
from functools import cache

from dirql.hardware.reading import load_machine
from dirql.link.faults import Faults, FaultyPipe
from dirql.link.pipe import READ_SLICE, Pipe
from dirql.link.session import Patience
from dirql.target.board.target import BoardTarget
from hdl.link_bench import Line, load_bench

__all__ = ["RtlPipe", "open_rtl_board"]

_CLOCKS = 500
"""The clocks that pass in one look at the line, fewer if a frame ends."""
_QUIET = 200
"""Looks without a byte after which a read ends, so that the host's clock is looked at."""


class RtlPipe(Pipe):
    """The bytes of a line. The machine's clocks pass while the link's thread reads."""

    def __init__(self, line: Line) -> None:
        super().__init__("rtl")
        self.line = line
        self._lock = threading.Lock()
        self._pending = b""
        self._woken = threading.Event()
        self._closed = False

    def read(self) -> bytes:
        """See `Pipe`; a line that is quiet for long lets clocks pass only now and then."""
        for look in range(_QUIET):
            with self._lock:
                if self._closed:
                    return b""
                octets, self._pending = self.line.run(_CLOCKS, self._pending, until_end=True)
                is_quiet = not octets and not self._pending
            if octets:
                return octets
            if is_quiet and look:
                break
        if self._woken.wait(READ_SLICE / 50):
            self._woken.clear()
        return b""

    def write(self, octets: bytes) -> None:
        """See `Pipe`."""
        with self._lock:
            self._pending += octets
        self._woken.set()

    def cancel(self) -> None:
        """See `Pipe`."""
        self._woken.set()

    def close(self) -> None:
        """See `Pipe`."""
        with self._lock:
            if not self._closed:
                self._closed = True
                self.line.close()


_bench = cache(load_bench)


def open_rtl_board(
    machine: str = "default",
    *,
    precise: bool = True,
    faults: Faults | None = None,
    patience: Patience | None = None,
) -> BoardTarget:
    """A board target on a machine that comes with dirql; the machine is compiled if need be."""
    pipe: Pipe = RtlPipe(_bench(machine)())
    around = pipe if faults is None else FaultyPipe(pipe, faults)
    return BoardTarget("rtl", around, load_machine(machine), precise=precise, patience=patience)
