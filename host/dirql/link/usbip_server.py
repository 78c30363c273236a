# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""A USB/IP server for one device, that of a `UsbBoard`.

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

from dirql.link.pipe import NoLink, listen
from dirql.link.usb_board import UsbBoard
from dirql.link.usb_function import Setup, Stalled
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
_BUS, _ADDRESS = 1, 2
_DEVICE = (1, 0)
_CONFIGURATION = (2, 0)
_INTERFACES_AT = 4
_INTERFACE_CLASS = slice(14, 17)


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
    """Serves the device, with `serve` or in a thread with `start`, until the board ends or `close` is called."""

    def __init__(self, board: UsbBoard, host: str = "127.0.0.1", port: int = 0) -> None:
        """Listen at a port, 0 for any that is free, and take the board, which ends with the server. Raises `NoLink`."""
        try:
            self._listener = listen(host, port, "USB/IP")
        except NoLink:
            board.close()
            raise
        self._board = board
        self._device = board.device
        self._thread: threading.Thread | None = None
        self._listener.setblocking(False)
        self.host, self.port = self._listener.getsockname()[:2]
        self._clients: dict[socket.socket, _Client] = {}
        self._selector = selectors.DefaultSelector()
        self._waker, self._woken = socket.socketpair()
        self._woken.setblocking(False)

    # The loop.

    def serve(self) -> None:
        """Serve clients; returns when the board has ended, or after `close`."""
        selector = self._selector
        selector.register(self._listener, selectors.EVENT_READ, self._accept)
        selector.register(self._woken, selectors.EVENT_READ, lambda _: None)
        try:
            while not self._board.ended:
                self._board.watch(selector)
                for key, events in selector.select(self._board.rest(self._waits)):
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
        for each in (self._listener, self._woken, self._waker):
            each.close()
        self._board.close()

    @property
    def _waits(self) -> bool:
        """Whether an URB has not ended."""
        return any(queue for client in self._clients.values() for queue in client.queues.values())

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
        """End all URBs because the board is gone."""
        for client in list(self._clients.values()):
            client.connection.setblocking(True)
            client.connection.settimeout(1.0)
            for queue in client.queues.values():
                for urb in queue:
                    self._finish(client, urb, Errno.SHUTDOWN)
                queue.clear()
