# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Boards at the end of a USB cable, as `UsbIpServer` serves them: a device, and what there is to wait for."""

from __future__ import annotations

import selectors
import socket
from typing import Protocol

from dirql.link.pipe import NoLink
from dirql.link.usb_function import UsbDevice, UsbFunction

__all__ = ["TwinBoard", "UsbBoard"]

_CHUNK = 1 << 16
_CONNECT_LIMIT = 5.0
_KEPT = 1 << 14
"""The bytes for the host beyond which none are read from the twin."""


class UsbBoard(Protocol):
    """A board with one device."""

    @property
    def device(self) -> UsbDevice:
        """The device at the end of the cable."""

    @property
    def ended(self) -> bool:
        """Whether the board is gone."""

    def watch(self, selector: selectors.BaseSelector) -> None:
        """Register what has to be waited for; the data of a key is called with its events."""

    def rest(self, waits: bool) -> float | None:
        """The seconds after which the device is asked again; None if `watch` says when.

        `waits` says whether an URB has not ended.
        """

    def close(self) -> None:
        """Release what the board has."""


class _TwinStream:
    """The connection to the twin as the stream of a `UsbFunction`; nothing here waits."""

    def __init__(self, twin: socket.socket) -> None:
        self.twin = twin
        self.ended = False
        self._arrived = bytearray()
        self._leaving = bytearray()
        twin.setblocking(False)

    def send(self, octets: bytes) -> bool:
        """See `Stream`; there is room for a packet once the one before has gone."""
        if self._leaving:
            self.flush()
        if self._leaving:
            return False
        self._leaving += octets
        self.flush()
        return True

    def take(self, most: int) -> bytes:
        """See `Stream`."""
        taken = bytes(self._arrived[:most])
        del self._arrived[:most]
        return taken

    def clear(self) -> None:
        """See `Stream`."""
        self._arrived.clear()

    @property
    def wants_to_send(self) -> bool:
        """Whether bytes of the host have not gone yet."""
        return bool(self._leaving)

    @property
    def has_room(self) -> bool:
        """Whether more bytes may be read from the twin."""
        return len(self._arrived) < _KEPT

    def flush(self) -> None:
        """Send what the twin takes now."""
        try:
            del self._leaving[: self.twin.send(self._leaving)]
        except BlockingIOError:
            return
        except OSError:
            self.ended = True

    def fetch(self) -> None:
        """Take what has come from the twin."""
        try:
            octets = self.twin.recv(_CHUNK)
        except BlockingIOError:
            return
        except OSError:
            octets = b""
        self._arrived += octets
        self.ended = self.ended or not octets


class TwinBoard:
    """A twin at a TCP port, whose bytes the bulk endpoints of a model of the device carry."""

    def __init__(self, twin: tuple[str, int]) -> None:
        """Connect to the twin. Raises `NoLink`."""
        try:
            connection = socket.create_connection(twin, _CONNECT_LIMIT)
        except OSError as error:
            raise NoLink(
                f"a twin must listen at {twin[0]}:{twin[1]}; the connection failed: {error}"
            ) from error
        # A packet of 64 bytes is not held back until the twin has acknowledged the one before, which takes it 40 ms.
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._stream = _TwinStream(connection)
        self.device = UsbFunction(self._stream)

    @property
    def ended(self) -> bool:
        """See `UsbBoard`."""
        return self._stream.ended

    def watch(self, selector: selectors.BaseSelector) -> None:
        """See `UsbBoard`. Asks only for what can be used, since the loop would never rest otherwise."""
        stream = self._stream
        events = selectors.EVENT_READ if stream.has_room else 0
        events |= selectors.EVENT_WRITE if stream.wants_to_send else 0
        known = stream.twin in selector.get_map()
        if events and known:
            selector.modify(stream.twin, events, self._exchange)
        elif events:
            selector.register(stream.twin, events, self._exchange)
        elif known:
            selector.unregister(stream.twin)

    def _exchange(self, events: int) -> None:
        if events & selectors.EVENT_READ:
            self._stream.fetch()
        if events & selectors.EVENT_WRITE:
            self._stream.flush()

    def rest(self, _waits: bool) -> None:
        """See `UsbBoard`."""

    def close(self) -> None:
        """See `UsbBoard`."""
        self._stream.twin.close()
