# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""A twin as a USB device over USB/IP: with unmodified pyusb, and message by message.

The twin is a thread that gives every byte back. `tests/usb_core` holds the same questions against the RTL of the core.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Iterator, Sequence
from random import Random
from typing import Protocol

import pytest

from dirql.link.pipe import NoLink, PipeLost
from dirql.link.usb_board import TwinBoard
from dirql.link.usb_function import Setup, Stalled, UsbFunction
from dirql.link.usb_pipe import UsbPipe
from dirql.link.usbip_backend import UsbIpBackend
from dirql.link.usbip_server import UsbIpServer
from dirql.registers import usb_device

core = pytest.importorskip("usb.core")
util = pytest.importorskip("usb.util")

LIMIT = 10.0
BULK_OUT, BULK_IN, NOTICES = 0x01, 0x81, 0x82


class Device(Protocol):
    """The part of a device of pyusb that these tests use."""

    def __getitem__(self, index: int) -> dict[tuple[int, int], Sequence[Device]]: ...

    def __getattr__(self, name: str) -> int: ...
    def set_configuration(self) -> None: ...
    def get_active_configuration(self) -> Device: ...
    def read(self, endpoint: int, size: int, timeout: int) -> Sequence[int]: ...
    def write(self, endpoint: int, data: bytes, timeout: int) -> int: ...
    def ctrl_transfer(
        self, kind: int, request: int, value: int, index: int, data: int | None
    ) -> Sequence[int]: ...
    def clear_halt(self, endpoint: int) -> None: ...


class Echo:
    """A twin that gives each byte back, once `gate` is open."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.place: tuple[str, int] = self._listener.getsockname()
        self.gate = threading.Event()
        self.gate.set()
        self.taken = 0
        self._connections: list[socket.socket] = []
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        connection, _ = self._listener.accept()
        self._connections.append(connection)
        with connection, contextlib.suppress(OSError):
            while self.gate.wait() and (octets := connection.recv(4096)):
                self.taken += len(octets)
                connection.sendall(octets)

    def end(self) -> None:
        """End as a twin that is killed does; a second call does nothing."""
        with contextlib.suppress(OSError):
            socket.create_connection(self.place).close()  # for an `accept` that still waits
        while self._thread.is_alive():
            for connection in self._connections:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
            self.gate.set()
            self._thread.join(0.01)
        self._listener.close()


@pytest.fixture
def echo() -> Iterator[Echo]:
    twin = Echo()
    yield twin
    twin.end()


@pytest.fixture
def server(echo: Echo) -> Iterator[UsbIpServer]:
    before = set(threading.enumerate())
    made = UsbIpServer(TwinBoard(echo.place))
    made.start()
    yield made
    made.close()
    assert set(threading.enumerate()) <= before


@contextlib.contextmanager
def opened(server: UsbIpServer) -> Iterator[Device]:
    """The device as pyusb finds it, configured."""
    backend = UsbIpBackend(server.host, server.port)
    device = core.find(idVendor=usb_device.VENDOR, idProduct=usb_device.PRODUCT, backend=backend)
    assert device is not None
    device.set_configuration()
    yield device
    util.dispose_resources(device)


# With pyusb.


def test_pyusb_sees_what_the_core_says_of_itself(server: UsbIpServer) -> None:
    with opened(server) as device:
        ends = [(end.bEndpointAddress, end.bmAttributes, end.wMaxPacketSize) for end in device[0][0, 0]]
        assert ends == [(BULK_OUT, 2, 64), (BULK_IN, 2, 64), (NOTICES, 3, 8)]
        texts = [util.get_string(device, index) for index in (1, 2)]
        assert texts == ["dirql", "dirql: a machine behind a link."]
        assert bytes(device.read(NOTICES, 8, 1000)) == bytes(8)
        assert device.get_active_configuration().bConfigurationValue == 1


def test_errors_are_those_of_a_device_at_a_cable(server: UsbIpServer) -> None:
    with opened(server) as device:
        with pytest.raises(core.USBError) as caught:
            device.ctrl_transfer(0x80, 6, 0x0600, 0, 10)
        assert caught.value.errno == 32
        with pytest.raises(core.USBTimeoutError) as caught:
            device.read(BULK_IN, 64, 50)
        assert caught.value.errno == 110
        device.ctrl_transfer(0x02, 3, 0, BULK_IN, None)
        assert bytes(device.ctrl_transfer(0x82, 0, 0, BULK_IN, 2)) == b"\1\0"
        with pytest.raises(core.USBError) as caught:
            device.read(BULK_IN, 64, 1000)
        assert caught.value.errno == 32
        device.clear_halt(BULK_IN)
        assert bytes(device.ctrl_transfer(0x82, 0, 0, BULK_IN, 2)) == bytes(2)


def read_all(device: Device, count: int) -> bytes:
    """Read until this number of bytes has come."""
    octets = b""
    while len(octets) < count:
        octets += bytes(device.read(BULK_IN, 4096, 5000))
    return octets


def test_every_length_comes_back_whole_and_in_order(server: UsbIpServer) -> None:
    draw = Random(5)
    with opened(server) as device:
        for length in (*range(1, 70), 127, 128, 129, 192, 511, 512, 513, 4096, 20_000):
            sent = draw.randbytes(length)
            assert device.write(BULK_OUT, sent, 5000) == length
            assert read_all(device, length) == sent


def test_an_empty_transfer_ends(server: UsbIpServer) -> None:
    with opened(server) as device:
        assert device.write(BULK_OUT, b"", 1000) == 0


def test_a_read_that_waits_holds_no_write_up_and_loses_nothing(server: UsbIpServer) -> None:
    with opened(server) as device:
        came: list[bytes] = []
        reader = threading.Thread(target=lambda: came.append(read_all(device, 100)))
        reader.start()
        for number in range(100):
            device.write(BULK_OUT, bytes((number,)), 5000)
        reader.join(LIMIT)
        assert came == [bytes(range(100))]


def test_bytes_that_meet_a_time_out_are_not_lost(server: UsbIpServer, echo: Echo) -> None:
    with opened(server) as device:
        echo.gate.clear()
        device.write(BULK_OUT, b"before the gate", 5000)
        sent = b"before the gate"
        for number in range(20):
            if number == 10:
                echo.gate.set()
            with contextlib.suppress(core.USBTimeoutError):
                sent = sent.removeprefix(bytes(device.read(BULK_IN, 64, 1 + number % 5)))
        while sent:
            sent = sent.removeprefix(bytes(device.read(BULK_IN, 64, 5000)))


def test_a_twin_that_takes_nothing_holds_writes_up_and_gets_all_later(
    server: UsbIpServer, echo: Echo
) -> None:
    octets = Random(6).randbytes(1 << 16)
    with opened(server) as device:
        echo.gate.clear()
        written = 0
        with contextlib.suppress(core.USBTimeoutError):
            while written < 1 << 27:
                written += device.write(BULK_OUT, octets, 300)
        assert written < 1 << 27, "sockets have an end"
        echo.gate.set()
        came = read_all(device, written)
    assert came[:written] == octets * (written // len(octets))
    assert echo.taken < written + len(octets), "a part of the write that timed out"


def test_a_twin_that_ends_is_a_cable_that_is_pulled(server: UsbIpServer, echo: Echo) -> None:
    pipe = UsbPipe(server=(server.host, server.port))
    pipe.write(b"abc")
    got = b""
    while len(got) < 3:
        got += pipe.read()
    assert got == b"abc"
    echo.end()
    with pytest.raises(PipeLost, match=rf"usbip {server.host}:{server.port} 001:002 was unplugged"):
        read_to_the_end(pipe)
    pipe.close()


def read_to_the_end(pipe: UsbPipe) -> None:
    for _ in range(100):
        pipe.read()


def test_a_packet_does_not_wait_until_the_twin_has_acknowledged_the_one_before(echo: Echo) -> None:
    board = TwinBoard(echo.place)
    assert board._stream.twin.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    board.close()


def test_a_second_program_is_told_that_the_device_is_taken(server: UsbIpServer) -> None:
    with opened(server), pytest.raises(NoLink, match="must be free; another program has claimed it"):
        UsbPipe(server=(server.host, server.port))
    UsbPipe(server=(server.host, server.port)).close()


def test_no_server_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
    with pytest.raises(
        NoLink, match=rf"a USB/IP server must listen at 127\.0\.0\.1:{port}; .*`dirql twin BOARD"
    ):
        UsbPipe(server=("127.0.0.1", port))


@pytest.mark.parametrize(
    ("answer", "limit", "what"),
    [
        (None, 0.1, "nothing came in 0.1 seconds"),
        (b"", LIMIT, "the USB/IP server has ended the connection|Connection reset by peer"),
        (b"HTTP/1.1 400 Bad Request", LIMIT, "the answer began with b'HTTP/1.1'"),
    ],
    ids=["silent", "hangs up", "other protocol"],
)
def test_a_server_of_another_kind_is_told(
    monkeypatch: pytest.MonkeyPatch, answer: bytes | None, limit: float, what: str
) -> None:
    monkeypatch.setattr("dirql.link.usbip_backend._LIMIT", limit)
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        taken: list[socket.socket] = []

        def serve() -> None:
            connection, _ = other.accept()
            taken.append(connection)
            if answer is not None:
                connection.sendall(answer)
                with contextlib.suppress(OSError):  # the client may have read enough, and be gone
                    connection.shutdown(socket.SHUT_WR)

        thread = threading.Thread(target=serve)
        thread.start()
        with pytest.raises(
            NoLink, match=rf"127\.0\.0\.1:{port} must answer as a USB/IP server; ({what}): name the"
        ):
            UsbPipe(server=("127.0.0.1", port))
        thread.join()
        taken[0].close()


class Cut:
    """A server in front of one of USB/IP, which gives its clients some bytes of the answers, and then no more."""

    def __init__(self, place: tuple[str, int], left: int, *, ends: bool) -> None:
        """`left` bytes of all connections together pass; then the connection ends, or nothing comes any more."""
        self._behind = place
        self._left = left
        self._ends = ends
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.place: tuple[str, int] = self._listener.getsockname()
        self._sockets: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def _accept(self) -> None:
        while self._left:
            client, _ = self._listener.accept()
            server = socket.create_connection(self._behind)
            self._sockets += client, server
            for pump in (self._to_server, self._to_client):
                self._threads.append(threading.Thread(target=pump, args=(client, server)))
                self._threads[-1].start()

    def _to_server(self, client: socket.socket, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while octets := client.recv(4096):
                server.sendall(octets)
            server.shutdown(socket.SHUT_WR)

    def _to_client(self, client: socket.socket, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while self._left and (octets := server.recv(min(4096, self._left))):
                self._left -= len(octets)
                client.sendall(octets)
            if self._left or self._ends:
                client.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """End all connections; a client may still wait to be accepted."""
        self._left = 0
        with contextlib.suppress(OSError):
            socket.create_connection(self.place).close()
        self._threads[0].join()
        for each in self._sockets:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        for thread in self._threads[1:]:
            thread.join()
        for each in (self._listener, *self._sockets):
            each.close()


WHOLE = 2_000
"""More bytes than a server sends until a program has the device open."""


def use_until_it_is_lost(place: tuple[str, int]) -> None:
    pipe = UsbPipe(server=place)
    try:
        for _ in range(WHOLE):
            pipe.write(b"0123456789" * 7)
            pipe.read()
    finally:
        pipe.close()


@pytest.mark.parametrize("left", [*range(1, 1_000, 53), WHOLE])
def test_a_server_that_goes_at_any_byte_is_told_by_its_name_at_once(
    server: UsbIpServer, monkeypatch: pytest.MonkeyPatch, left: int
) -> None:
    """At once: each time-out that is waited for would be a minute."""
    monkeypatch.setattr("dirql.link.usbip_backend._LIMIT", 60.0)
    with contextlib.closing(Cut((server.host, server.port), left, ends=True)) as cut:
        name = "{}:{}".format(*cut.place)
        with pytest.raises((NoLink, PipeLost), match=name):
            use_until_it_is_lost(cut.place)


@pytest.mark.parametrize("left", [*range(1, 1_000, 211), WHOLE])
def test_a_server_that_falls_silent_at_any_byte_is_told_by_its_name(
    server: UsbIpServer, monkeypatch: pytest.MonkeyPatch, left: int
) -> None:
    monkeypatch.setattr("dirql.link.usbip_backend._LIMIT", 0.1)
    monkeypatch.setattr("dirql.link.usbip_backend._UNLINK_LIMIT", 0.1)
    with contextlib.closing(Cut((server.host, server.port), left, ends=False)) as cut:
        name = "{}:{}".format(*cut.place)
        with pytest.raises((NoLink, PipeLost), match=name):
            use_until_it_is_lost(cut.place)


def test_a_port_that_is_taken_and_a_twin_that_is_not_there_are_told(echo: Echo) -> None:
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
        with pytest.raises(NoLink, match=r"must be free for USB/IP; it is not: .*: choose another"):
            UsbIpServer(TwinBoard(echo.place), port=port)
    with pytest.raises(NoLink, match="a twin must listen at"):
        TwinBoard(("127.0.0.1", port))


# Message by message, typed out from the description of the protocol.


class Wire:
    """A client of USB/IP."""

    def __init__(self, server: UsbIpServer) -> None:
        self.socket = socket.create_connection((server.host, server.port), LIMIT)

    def ask(self, octets: bytes, count: int) -> bytes:
        """Send bytes, and receive a number of bytes."""
        self.socket.sendall(octets)
        return self.receive(count)

    def receive(self, count: int) -> bytes:
        octets = b""
        while len(octets) < count and (piece := self.socket.recv(count - len(octets))):
            octets += piece
        return octets

    def attach(self, name: bytes = b"1-1") -> tuple[int, bytes]:
        """Import a device; the status and the record."""
        answer = self.ask(b"\x01\x11\x80\x03\0\0\0\0" + name.ljust(32, b"\0"), 8)
        assert answer[:4] == b"\x01\x11\x00\x03"
        status = int.from_bytes(answer[4:], "big")
        return status, b"" if status else self.receive(312)

    def submit(
        self, number: int, direction: int, endpoint: int, length: int, setup: bytes = bytes(8)
    ) -> None:
        head = struct.pack(">5I", 1, number, 0x10002, direction, endpoint)
        self.socket.sendall(head + struct.pack(">IiiiI", 0, length, 0, 0, 0) + setup)

    def ended(self) -> tuple[int, int, int, int]:
        """The command, the number, the status and the length of the next answer."""
        header = self.receive(48)
        command, number, *_ = struct.unpack_from(">5I", header)
        status, length = struct.unpack_from(">ii", header, 20)
        return command, number, status, length


@pytest.fixture
def wire(server: UsbIpServer) -> Iterator[Wire]:
    made = Wire(server)
    yield made
    made.socket.close()


def test_the_list_has_the_device_and_its_interface(wire: Wire) -> None:
    answer = wire.ask(b"\x01\x11\x80\x05\0\0\0\0", 12 + 312 + 4)
    assert answer[:12] == b"\x01\x11\x00\x05\0\0\0\0\0\0\0\1"
    record, interface = answer[12:-4], answer[-4:]
    assert record[256:288].rstrip(b"\0") == b"1-1"
    assert struct.unpack_from(">3I", record, 288) == (1, 2, 2), "bus, device, full speed"
    assert struct.unpack_from(">3H", record, 300) == (0x1209, 0x0001, 0x0100)
    assert record[-1] == 1
    assert interface == b"\xff\0\0\0"


def test_another_device_cannot_be_imported_and_this_one_once(wire: Wire, server: UsbIpServer) -> None:
    assert wire.attach(b"1-2")[0] == 4
    assert wire.attach()[0] == 0
    other = Wire(server)
    assert other.attach()[0] == 2
    wire.socket.close()
    while other.attach()[0] == 2:  # until the server has noticed
        pass
    other.socket.close()


def configured(wire: Wire) -> Wire:
    assert wire.attach()[0] == 0
    wire.submit(1, 0, 0, 0, bytes((0, 9, 1, 0, 0, 0, 0, 0)))
    assert wire.ended() == (3, 1, 0, 0)
    return wire


def test_an_urb_that_is_unlinked_ends_once(wire: Wire) -> None:
    configured(wire).submit(2, 1, 1, 64)
    wire.socket.sendall(struct.pack(">5II24x", 2, 3, 0x10002, 0, 0, 2))
    assert wire.ended()[:3] == (4, 3, -104)
    wire.submit(4, 0, 0, 0, bytes((0, 9, 1, 0, 0, 0, 0, 0)))
    assert wire.ended() == (3, 4, 0, 0)
    wire.socket.sendall(struct.pack(">5II24x", 2, 5, 0x10002, 0, 0, 4))
    assert wire.ended()[:3] == (4, 5, 0), "it had ended before"


def test_more_than_there_is_room_for_is_an_overflow(wire: Wire) -> None:
    configured(wire).submit(2, 0, 1, 60)
    wire.socket.sendall(bytes(60))
    assert wire.ended() == (3, 2, 0, 60)
    wire.submit(3, 1, 1, 10)
    assert wire.ended() == (3, 3, -75, 10)


@pytest.mark.parametrize("octets", [struct.pack(">5I28x", 7, 1, 0, 0, 0), b"\x01\x11\x80\x09" + bytes(44)])
@pytest.mark.parametrize("attached", [True, False])
def test_what_no_host_sends_ends_the_connection(wire: Wire, octets: bytes, attached: bool) -> None:
    if attached:
        assert wire.attach()[0] == 0
    assert wire.ask(octets, 1) == b""


# The device alone.


class Nothing:
    """A stream that never has a byte, and takes all."""

    def send(self, octets: bytes) -> bool:
        del octets
        return True

    def take(self, most: int) -> bytes:
        del most
        return b""

    def clear(self) -> None:
        pass


@pytest.mark.parametrize(
    "setup",
    [
        Setup(0x80, 6, 0x0600, 0, 10),
        Setup(0x00, 9, 2, 0, 0),
        Setup(0x01, 11, 1, 0, 0),
        Setup(0x02, 3, 0, 0x83, 0),
        Setup(0x02, 3, 1, 0x81, 0),
        Setup(0x82, 0, 0, 0x05, 2),
        Setup(0x81, 10, 0, 1, 1),
        Setup(0x21, 0, 0, 0, 0),
        Setup(0xC0, 0x21, 0, 7, 10),
        Setup(0xC0, 0x20, 0, 6, 10),
    ],
)
def test_requests_that_the_core_refuses_are_refused(setup: Setup) -> None:
    device = UsbFunction(Nothing())
    device.control(Setup(0, 9, 1, 0, 0))
    with pytest.raises(Stalled):
        device.control(setup)


def test_nothing_but_endpoint_0_answers_before_the_device_is_configured() -> None:
    device = UsbFunction(Nothing())
    with pytest.raises(Stalled):
        device.into(1)
    with pytest.raises(Stalled):
        device.out(1, b"a")
    assert device.control(Setup(0x80, 8, 0, 0, 1)) == b"\0"
    device.control(Setup(0, 9, 1, 0, 0))
    assert device.into(1) is None
    assert device.out(1, b"a")


def test_windows_finds_the_descriptors_of_microsoft() -> None:
    device = UsbFunction(Nothing())
    answer = device.control(Setup(0xC0, 0x20, 0, 7, 200))
    assert len(answer) == int.from_bytes(answer[8:10], "little")
    assert device.control(Setup(0xC0, 0x20, 0, 7, 9)) == answer[:9]
