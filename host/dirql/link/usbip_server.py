# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""A USB/IP server for one device, whose bulk endpoints carry the bytes of a TCP connection to a twin.

Linux attaches it as a device of its own (`usbip attach`), and pyusb reaches it with `dirql.link.usbip_backend`. One
thread serves everything. URBs of an endpoint end in their order; one that the device cannot serve yet waits, and so the
stream of the twin is held up in both directions as by a cable.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from dirql.link.pipe import NoLink
from dirql.link.usb_function import Setup, Stalled, UsbFunction
from dirql.link.usbip import (
    BUS_ID,
    BUS_ID_BYTES,
    HEADER_BYTES,
    NOT_FOUND,
    OPERATION,
    OPERATION_BYTES,
    TAKEN,
    TO_HOST,
    Command,
    DeviceRecord,
    Errno,
    Operation,
    Return,
    Submit,
    Unlink,
    read_command,
)
from dirql.registers import usb_device

__all__ = ["UsbIpServer"]

_CHUNK = 1 << 16
_CONNECT_LIMIT = 5.0
_KEPT = 1 << 14
"""The bytes for the host beyond which none are read from the twin."""
_BUS, _ADDRESS = 1, 2
_DEVICE = (1, 0)
_CONFIGURATION = (2, 0)
_INTERFACES_AT = 4
_INTERFACE_CLASS = slice(14, 17)


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


@dataclass
class _Urb:
    """An URB under way."""

    submit: Submit
    octets: bytes
    place: int = 0
    """The bytes that the device has taken."""
    answer: bytearray = field(default_factory=bytearray)


class _Client:
    """One connection: operations first, and after an import the URBs of the device."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.has_imported = False
        self.arrived = bytearray()
        self.leaving = bytearray()
        self.queues: dict[tuple[int, int], deque[_Urb]] = {}
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


class UsbIpServer:
    """Serves the device, with `serve` or in a thread with `start`, until the twin ends or `close` is called."""

    def __init__(self, twin: tuple[str, int], host: str = "127.0.0.1", port: int = 0) -> None:
        """Connect to the twin, and listen at a port, 0 for any that is free. Raises `NoLink`."""
        try:
            connection = socket.create_connection(twin, _CONNECT_LIMIT)
        except OSError as error:
            raise NoLink(
                f"a twin must listen at {twin[0]}:{twin[1]}; the connection failed: {error}"
            ) from error
        try:
            self._listener = socket.create_server((host, port))
        except OSError as error:
            connection.close()
            raise NoLink(
                f"the port {host}:{port} must be free for USB/IP; it is not: {error.strerror}: choose another"
            ) from error
        self._stream = _TwinStream(connection)
        self._device = UsbFunction(self._stream)
        self._thread: threading.Thread | None = None
        self._listener.setblocking(False)
        self.host, self.port = self._listener.getsockname()[:2]
        self._clients: dict[socket.socket, _Client] = {}
        self._selector = selectors.DefaultSelector()
        self._waker, self._woken = socket.socketpair()
        self._woken.setblocking(False)

    # The loop.

    def serve(self) -> None:
        """Serve clients; returns when the twin has ended, or after `close`."""
        selector = self._selector
        selector.register(self._listener, selectors.EVENT_READ, self._accept)
        selector.register(self._woken, selectors.EVENT_READ, lambda _: None)
        selector.register(self._stream.twin, selectors.EVENT_READ, self._exchange)
        try:
            while not self._stream.ended:
                self._watch_twin()
                for key, events in selector.select():
                    if key.fileobj is self._woken:
                        return
                    key.data(events)
                self._step_all()
            self._unplug()
        finally:
            self._release()

    def start(self) -> None:
        """Serve in a thread from now on."""
        self._thread = threading.Thread(target=self.serve, name="dirql: USB/IP server", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Let `serve` end, in whatever thread it runs; a second call does nothing."""
        with contextlib.suppress(OSError):
            self._waker.send(b"x")
        if self._thread is not None:
            self._thread.join()

    def _release(self) -> None:
        self._selector.close()
        for client in self._clients.values():
            client.connection.close()
        for each in (self._listener, self._stream.twin, self._woken, self._waker):
            each.close()

    def _watch_twin(self) -> None:
        """Ask only for what can be used, since the loop would never rest otherwise."""
        stream = self._stream
        events = selectors.EVENT_READ if stream.has_room else 0
        events |= selectors.EVENT_WRITE if stream.wants_to_send else 0
        known = stream.twin in self._selector.get_map()
        if events and known:
            self._selector.modify(stream.twin, events, self._exchange)
        elif events:
            self._selector.register(stream.twin, events, self._exchange)
        elif known:
            self._selector.unregister(stream.twin)

    def _exchange(self, events: int) -> None:
        if events & selectors.EVENT_READ:
            self._stream.fetch()
        if events & selectors.EVENT_WRITE:
            self._stream.flush()

    def _accept(self, _events: int) -> None:
        with contextlib.suppress(OSError):
            connection, _ = self._listener.accept()
            client = _Client(connection)
            self._clients[connection] = client
            self._selector.register(connection, selectors.EVENT_READ, self._talk_to(client))

    def _talk_to(self, client: _Client) -> Callable[[int], None]:
        def talk(events: int) -> None:
            if events & selectors.EVENT_WRITE:
                self._send(client, b"")
            if events & selectors.EVENT_READ:
                self._receive(client)

        return talk

    def _receive(self, client: _Client) -> None:
        try:
            octets = client.connection.recv(_CHUNK)
        except BlockingIOError:
            return
        except OSError:
            octets = b""
        if not octets:
            self._drop(client)
            return
        client.arrived += octets
        try:
            while client.connection in self._clients and self._take_message(client):
                pass
        except ValueError:
            self._drop(client)  # what follows cannot be read either

    def _drop(self, client: _Client) -> None:
        """Forget a client; the device is then as without a cable."""
        if self._clients.pop(client.connection, None) is not None:
            self._selector.unregister(client.connection)
            client.connection.close()
            if client.has_imported:
                self._device.reset()

    def _send(self, client: _Client, octets: bytes) -> None:
        client.leaving += octets
        try:
            del client.leaving[: client.connection.send(client.leaving)]
        except BlockingIOError:
            pass
        except OSError:
            self._drop(client)
            return
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if client.leaving else 0)
        self._selector.modify(client.connection, events, self._talk_to(client))

    # Messages.

    def _take_message(self, client: _Client) -> bool:
        """Act on the next message if it has come whole."""
        return self._take_urb(client) if client.has_imported else self._take_operation(client)

    def _take_operation(self, client: _Client) -> bool:
        arrived = client.arrived
        if len(arrived) < OPERATION_BYTES:
            return False
        _, code, _ = OPERATION.unpack_from(arrived)
        if code == Operation.LIST:
            del arrived[:OPERATION_BYTES]
            interface = usb_device.DESCRIPTORS[_CONFIGURATION][_INTERFACE_CLASS] + b"\0"
            self._send(client, Operation.LIST.answer(b"\0\0\0\1" + self._record.pack() + interface))
            return True
        if code != Operation.IMPORT:
            raise ValueError(code)
        if len(arrived) < OPERATION_BYTES + BUS_ID_BYTES:
            return False
        wanted = bytes(arrived[OPERATION_BYTES : OPERATION_BYTES + BUS_ID_BYTES]).split(b"\0")[0]
        del arrived[: OPERATION_BYTES + BUS_ID_BYTES]
        self._import(client, wanted)
        return True

    def _import(self, client: _Client, wanted: bytes) -> None:
        if wanted != BUS_ID.encode():
            self._send(client, Operation.IMPORT.answer(status=NOT_FOUND))
        elif any(other.has_imported for other in self._clients.values()):
            self._send(client, Operation.IMPORT.answer(status=TAKEN))
        else:
            client.has_imported = True
            self._device.reset()
            self._send(client, Operation.IMPORT.answer(self._record.pack()))

    @property
    def _record(self) -> DeviceRecord:
        interfaces = usb_device.DESCRIPTORS[_CONFIGURATION][_INTERFACES_AT]
        return DeviceRecord(
            _BUS, _ADDRESS, usb_device.DESCRIPTORS[_DEVICE], self._device.configuration, interfaces
        )

    def _take_urb(self, client: _Client) -> bool:
        arrived = client.arrived
        if len(arrived) < HEADER_BYTES:
            return False
        command = read_command(bytes(arrived[:HEADER_BYTES]))
        if isinstance(command, Unlink):
            del arrived[:HEADER_BYTES]
            self._unlink(client, command)
            return True
        end = HEADER_BYTES + (0 if command.direction == TO_HOST else command.length)
        if len(arrived) < end:
            return False
        urb = _Urb(command, bytes(arrived[HEADER_BYTES:end]))
        del arrived[:end]
        client.queues.setdefault((command.endpoint, command.direction), deque()).append(urb)
        self._step(client)
        return True

    def _unlink(self, client: _Client, unlink: Unlink) -> None:
        """Drop an URB that has not ended. Of one that has, the end has been sent before."""
        for queue in client.queues.values():
            for urb in queue:
                if urb.submit.number == unlink.unlinked:
                    queue.remove(urb)
                    self._send(client, Return(Command.UNLINKED, unlink.number, Errno.UNLINKED).pack())
                    return
        self._send(client, Return(Command.UNLINKED, unlink.number, Errno.OK).pack())

    # URBs.

    def _step_all(self) -> None:
        for client in list(self._clients.values()):
            self._step(client)

    def _step(self, client: _Client) -> None:
        """Carry the URBs of all endpoints as far as the device lets them."""
        for queue in client.queues.values():
            while queue and client.connection in self._clients:
                status = self._carry(queue[0])
                if status is None:
                    break
                self._finish(client, queue.popleft(), status)

    def _carry(self, urb: _Urb) -> Errno | None:
        """Carry an URB; its status if that is its end, None if the device has no room or no data now."""
        submit = urb.submit
        try:
            if submit.endpoint == 0:
                urb.answer += self._device.control(Setup.of(submit.setup))
                urb.place = len(urb.octets)
                return Errno.OK
            return self._carry_in(urb) if submit.direction == TO_HOST else self._carry_out(urb)
        except Stalled:
            return Errno.STALL

    def _carry_out(self, urb: _Urb) -> Errno | None:
        while True:
            packet = urb.octets[urb.place : urb.place + usb_device.BULK_PACKET]
            if not self._device.out(urb.submit.endpoint, packet):
                return None
            urb.place += len(packet)
            if urb.place == len(urb.octets):
                return Errno.OK

    def _carry_in(self, urb: _Urb) -> Errno | None:
        submit = urb.submit
        while True:
            packet = self._device.into(submit.endpoint)
            if packet is None:
                return None
            room = submit.length - len(urb.answer)
            urb.answer += packet[:room]
            if len(packet) > room:
                return Errno.OVERFLOW
            if len(packet) < usb_device.BULK_PACKET or len(urb.answer) == submit.length:
                return Errno.OK

    def _finish(self, client: _Client, urb: _Urb, status: Errno) -> None:
        submit = urb.submit
        octets = bytes(urb.answer) if submit.direction == TO_HOST else b""
        length = len(octets) if submit.direction == TO_HOST else urb.place
        self._send(client, Return(Command.RETURNED, submit.number, status, length).pack(octets))

    def _unplug(self) -> None:
        """End all URBs because the twin is gone."""
        for client in list(self._clients.values()):
            client.connection.setblocking(True)
            client.connection.settimeout(1.0)
            for queue in client.queues.values():
                for urb in queue:
                    self._finish(client, urb, Errno.SHUTDOWN)
                queue.clear()
