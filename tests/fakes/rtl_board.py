# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""A board target on the RTL of a machine and its link, compiled into this process: no port and no second process."""

from __future__ import annotations

import contextlib
import socket
import threading
from functools import cache
from typing import Self

from dirql.hardware.reading import load_machine
from dirql.link.faults import Faults, FaultyPipe
from dirql.link.pipe import READ_SLICE, Pipe
from dirql.link.session import Patience
from dirql.target.board.target import BoardTarget
from hdl.link_bench import Line, load_bench

__all__ = ["RtlPipe", "RtlServer", "open_rtl_board"]

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


class RtlServer:
    """A line behind a TCP port of this computer, for one client after another, from `with` to the end of the block."""

    def __init__(self, machine: str = "default") -> None:
        self._line = _bench(machine)()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._socket.settimeout(READ_SLICE)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.address = f"tcp://127.0.0.1:{self._socket.getsockname()[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stopping.set()
        self._thread.join()
        self._socket.close()
        self._line.close()

    def _run(self) -> None:
        while not self._stopping.is_set():
            with contextlib.suppress(TimeoutError):
                client, _ = self._socket.accept()
                with client, contextlib.suppress(OSError):
                    self._serve(client)

    def _serve(self, client: socket.socket) -> None:
        """Carry bytes until the client leaves. A line that is quiet lets clocks pass every millisecond."""
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        pending = b""
        quiet = 0
        while not self._stopping.is_set():
            client.settimeout(0.001 if quiet > _QUIET else 0.0)
            with contextlib.suppress(TimeoutError, BlockingIOError):
                came = client.recv(1 << 16)
                if not came:
                    return
                pending += came
            octets, pending = self._line.run(_CLOCKS, pending, until_end=True)
            quiet = 0 if octets or pending else quiet + 1
            if octets:
                client.settimeout(None)
                client.sendall(octets)


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
