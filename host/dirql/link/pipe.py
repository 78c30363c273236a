# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Pipes: ways for bytes to and from a board. Each error of a library becomes one of the two errors here.

The packages pyserial and pyusb are extras, so their modules are imported where a pipe is opened.
"""

from __future__ import annotations

import contextlib
import socket
from abc import ABC, abstractmethod

from dirql.target.contract import TargetError

__all__ = ["READ_SLICE", "NoLink", "Pipe", "PipeLost", "TcpPipe", "listen"]

READ_SLICE = 0.05
"""The longest time, in seconds, for which `Pipe.read` waits for a byte."""

_CHUNK = 1 << 16
_CONNECT_LIMIT = 5.0
"""The longest time, in seconds, that a connection may take to be made."""
_WRITE_LIMIT = 2.0
"""The longest time, in seconds, for which a pipe may take no byte."""


class NoLink(TargetError):
    """The board cannot be reached; the message says why, and what to do."""


class PipeLost(Exception):
    """The pipe has ended; the message says how."""


def listen(host: str, port: int, purpose: str) -> socket.socket:
    """Listen at a TCP port, 0 for any that is free. Raises `NoLink`."""
    try:
        return socket.create_server((host, port))
    except OSError as error:
        reason = str(error.strerror).partition(" (while")[0]
        raise NoLink(
            f"the port {host}:{port} must be free for {purpose}; it is not: {reason}: choose another"
        ) from error


class Pipe(ABC):
    """Bytes in both directions. One thread reads, any thread writes, one at a time."""

    def __init__(self, name: str, rate: float | None = None) -> None:
        """`name` is for messages; `rate` is the number of bytes in a second, None for a fast pipe."""
        self.name = name
        self.rate = rate

    @abstractmethod
    def read(self) -> bytes:
        """The bytes that have come; none if none came for `READ_SLICE`. Raises `PipeLost`."""

    @abstractmethod
    def write(self, octets: bytes) -> None:
        """Send bytes. Raises `PipeLost`."""

    def cancel(self) -> None:
        """Let a `read` in another thread end at once if the pipe can do that; otherwise it ends after `READ_SLICE`."""
        return

    @abstractmethod
    def close(self) -> None:
        """Release the pipe, which no thread reads any more; a second call does nothing."""


class TcpPipe(Pipe):
    """A TCP connection, to a board on another computer or to a twin."""

    def __init__(self, host: str, port: int) -> None:
        """Connect to a server. Raises `NoLink`."""
        super().__init__(f"tcp://[{host}]:{port}" if ":" in host else f"tcp://{host}:{port}")
        try:
            self._socket = socket.create_connection((host, port), _CONNECT_LIMIT)
        except socket.gaierror as error:
            raise NoLink(
                f"{self.name}: the host must have an address; there is none: {error.strerror}"
            ) from error
        except TimeoutError as error:
            raise NoLink(
                f"{self.name} must answer within {_CONNECT_LIMIT:g} s; it did not: check the address and the firewall"
            ) from error
        except OSError as error:
            raise NoLink(
                f"{self.name}: a twin or a server must listen at this port; the connection failed: {error.strerror}"
            ) from error
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.settimeout(READ_SLICE)
        self._sender = self._socket.dup()
        self._sender.settimeout(_WRITE_LIMIT)

    def read(self) -> bytes:
        """See `Pipe`."""
        try:
            chunk = self._socket.recv(_CHUNK)
        except TimeoutError:
            return b""
        except OSError as error:
            raise PipeLost(f"{self.name} was closed: {error.strerror}") from error
        if not chunk:
            raise PipeLost(f"{self.name} was closed by the other side")
        return chunk

    def write(self, octets: bytes) -> None:
        """See `Pipe`."""
        try:
            self._sender.sendall(octets)
        except OSError as error:
            raise PipeLost(f"{self.name} was closed: {error.strerror or error}") from error

    def cancel(self) -> None:
        """See `Pipe`."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """See `Pipe`."""
        self._socket.close()
        self._sender.close()
