# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Pipes: what they carry, and the sentence for each way in which they cannot be opened or end."""

from __future__ import annotations

import contextlib
import errno
import importlib
import os
import pty
import socket
import subprocess
import sys
import threading
import tty
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from dirql.link import serial_pipe
from dirql.link.faults import Damage, Faults, FaultyPipe
from dirql.link.pipe import NoLink, Pipe, PipeLost, TcpPipe
from dirql.link.serial_pipe import SerialPipe, holders
from dirql.link.usb_pipe import UsbPipe


def read_all(pipe: Pipe, size: int) -> bytes:
    octets = b""
    while len(octets) < size:
        octets += pipe.read()
    return octets


# TCP.


@pytest.fixture
def server() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as made:
        yield made


def test_tcp_carries_bytes_both_ways(server: socket.socket) -> None:
    pipe = TcpPipe("127.0.0.1", server.getsockname()[1])
    far, _ = server.accept()
    with far:
        pipe.write(b"to the board")
        assert far.recv(100) == b"to the board"
        far.sendall(b"to the host")
        assert read_all(pipe, 11) == b"to the host"
        assert pipe.read() == b"", "nothing has come"
        assert pipe._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    with pytest.raises(PipeLost, match="was closed by the other side"):
        pipe.read()
    pipe.close()
    pipe.close()


def test_a_tcp_pipe_that_is_closed_here_is_lost(server: socket.socket) -> None:
    pipe = TcpPipe("127.0.0.1", server.getsockname()[1])
    pipe.cancel()
    with pytest.raises(PipeLost):
        pipe.read()
    pipe.close()
    with pytest.raises(PipeLost):
        pipe.write(b"x")


def test_nobody_at_a_tcp_port_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    with pytest.raises(
        NoLink, match=f"tcp://127.0.0.1:{port}: a twin or a server must listen .*: Connection refused"
    ):
        TcpPipe("127.0.0.1", port)


def test_a_host_without_an_address_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "create_connection", refuse)
    with pytest.raises(
        NoLink, match="the host must have an address; there is none: Name or service not known"
    ):
        TcpPipe("nowhere", 1)


def test_a_host_that_does_not_answer_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def wait(*_arguments: object) -> None:
        raise TimeoutError

    monkeypatch.setattr(socket, "create_connection", wait)
    with pytest.raises(
        NoLink, match="must answer within 5 s; it did not: check the address and the firewall"
    ):
        TcpPipe("lab", 1)


# Serial.


@pytest.fixture
def port() -> Iterator[tuple[int, str]]:
    """The far side of a pseudo-terminal, and the name of the near side."""
    pytest.importorskip("serial", reason="pyserial is not installed")
    far, near = pty.openpty()
    tty.setraw(far)
    tty.setraw(near)
    name = os.ttyname(near)
    yield far, name
    for file in (far, near):
        with contextlib.suppress(OSError):  # a test may have closed it
            os.close(file)


def test_a_serial_port_carries_all_bytes(port: tuple[int, str]) -> None:
    far, name = port
    pipe = SerialPipe(name, 3_000_000)
    assert pipe.rate == 300_000
    every = bytes(range(256))
    pipe.write(every)
    assert os.read(far, 1000) == every
    os.write(far, every)
    assert read_all(pipe, 256) == every
    assert pipe.read() == b""
    pipe.close()
    pipe.close()


def test_a_port_that_another_has_is_told_with_who_has_it(port: tuple[int, str]) -> None:
    _, name = port
    first = SerialPipe(name)
    with pytest.raises(NoLink, match=f"{name} must be free; another program has it open"):
        SerialPipe(name)
    first.close()
    assert [holder for holder in holders(name) if holder.process == os.getpid()] == []


BOTH_ENDS = "import os, pty; _, near = pty.openpty(); print(os.ttyname(near), flush=True); input()"
ONE_END = "import os, sys; os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY); print(flush=True); input()"


def test_the_process_behind_a_pty_is_not_told_to_close_it() -> None:
    """Such as a twin, which is what the port leads to."""
    with started(BOTH_ENDS) as twin:
        assert twin.stdout
        name = twin.stdout.readline().strip()
        assert holders(name) == []
        with started(ONE_END, name) as other:
            assert other.stdout
            other.stdout.readline()
            assert [holder.process for holder in holders(name)] == [other.pid]


@contextlib.contextmanager
def started(program: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A program in Python that runs until the end of the block."""
    with subprocess.Popen(
        [sys.executable, "-c", program, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield process
        process.kill()


def test_a_port_that_is_unplugged_is_lost(port: tuple[int, str]) -> None:
    far, name = port
    pipe = SerialPipe(name)
    os.close(far)
    with pytest.raises(PipeLost, match=f"{name} was unplugged or closed"):
        read_all(pipe, 1)
    with pytest.raises(PipeLost):
        pipe.write(b"x")
    pipe.close()


def test_a_read_in_another_thread_ends_when_it_is_cancelled(port: tuple[int, str]) -> None:
    _, name = port
    pipe = SerialPipe(name)
    done = threading.Event()
    thread = threading.Thread(target=lambda: (pipe.read(), done.set()))
    thread.start()
    pipe.cancel()
    assert done.wait(5)
    thread.join()
    pipe.close()


def test_a_port_that_is_not_there_is_told(port: tuple[int, str], tmp_path: Path) -> None:
    with pytest.raises(NoLink, match="must be a serial port; there is none of that name: plug the board in"):
        SerialPipe(str(tmp_path / "ttyUSB9"))


def test_a_file_that_is_no_port_is_told() -> None:
    pytest.importorskip("serial")
    with pytest.raises(
        NoLink, match="/dev/null must be a serial port; it is something else: see `dirql doctor`"
    ):
        SerialPipe("/dev/null")


def test_a_folder_is_told_to_be_no_port(tmp_path: Path) -> None:
    pytest.importorskip("serial")
    with pytest.raises(NoLink, match="must be a serial port; it is something else: see `dirql doctor`"):
        SerialPipe(str(tmp_path))


@pytest.mark.parametrize(
    ("number", "message"),
    [
        (errno.EACCES, "must be open to this user; access was denied: add the user to the group"),
        (errno.EBUSY, "must be free; another program has it open"),
        (errno.EAGAIN, "must be free"),
        (errno.ENODEV, "there is none of that name"),
        (errno.EIO, "must be a port that can be opened at 9,600 baud; it could not be"),
    ],
)
def test_each_reason_for_which_a_port_does_not_open_has_its_sentence(
    monkeypatch: pytest.MonkeyPatch, number: int, message: str
) -> None:
    class Port:
        def open(self) -> None:
            raise OSError(number, os.strerror(number))

    module = SimpleNamespace(serial_for_url=lambda _url, **_options: Port())
    monkeypatch.setattr(serial_pipe, "_pyserial", lambda _name: module)
    with pytest.raises(NoLink, match=message):
        SerialPipe("/dev/ttyUSB0", 9600)


@pytest.mark.parametrize("error", [TypeError("closed meanwhile"), OSError(5, "gone"), ValueError("closed")])
def test_all_that_a_port_raises_is_the_loss_of_the_pipe(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(*_arguments: object) -> bytes:
        raise error

    made = SimpleNamespace(
        open=lambda: None, in_waiting=0, read=fail, write=fail, cancel_read=fail, close=fail
    )
    module = SimpleNamespace(serial_for_url=lambda _url, **_options: made)
    monkeypatch.setattr(serial_pipe, "_pyserial", lambda _name: module)
    pipe = SerialPipe("/dev/ttyUSB0")
    with pytest.raises(PipeLost):
        pipe.read()
    with pytest.raises(PipeLost):
        pipe.write(b"x")
    pipe.cancel()
    pipe.close()


@pytest.mark.parametrize(("make", "package"), [(lambda: SerialPipe("x"), "serial"), (UsbPipe, "usb")])
def test_a_package_that_is_missing_is_named(
    monkeypatch: pytest.MonkeyPatch, make: Callable[[], Pipe], package: str
) -> None:
    def refuse(name: str) -> object:
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(importlib, "import_module", refuse)
    with pytest.raises(NoLink, match=rf"which is not installed: pip install 'dirql\[{package}\]'"):
        make()


# USB: the module of pyusb is a model here; the real one is used with the board's USB core.


class UsbError(OSError):
    pass


class UsbTimeout(UsbError):
    pass


class NoBackend(Exception):
    pass


class Endpoint(SimpleNamespace):
    pass


class Interface(list[Endpoint]):
    def __init__(self, ends: tuple[int, ...]) -> None:
        super().__init__(Endpoint(bEndpointAddress=end, bmAttributes=2) for end in ends)
        self.bInterfaceClass, self.bInterfaceNumber = 0xFF, 1


class UsbDevice(list[list[Interface]]):
    bus, address = 1, 5

    def __init__(self, *ends: int) -> None:
        super().__init__([[Interface(ends)]])
        self.written: list[tuple[int, bytes]] = []
        self.arrived: list[bytes | Exception] = []
        self.error: Exception | None = None

    def set_configuration(self) -> None:
        if self.error is not None:
            raise self.error

    def read(self, endpoint: int, size: int, timeout: int) -> bytes:
        assert (endpoint, size % 512) == (0x82, 0)
        assert 0 < timeout <= 250, "0 would be for ever, and Ctrl-C must not wait"
        if not self.arrived:
            raise UsbTimeout(110, "timeout")
        chunk = self.arrived.pop(0)
        if isinstance(chunk, Exception):
            raise chunk
        return chunk

    def write(self, endpoint: int, data: bytes, timeout: int) -> int:
        if self.error is not None:
            raise self.error
        self.written.append((endpoint, data))
        return len(data)


@pytest.fixture
def plug(monkeypatch: pytest.MonkeyPatch) -> Callable[[UsbDevice | Exception | None], None]:
    def plugged(device: UsbDevice | Exception | None) -> None:
        def find(**_ids: int) -> UsbDevice | None:
            if isinstance(device, Exception):
                raise device
            return device

        core = SimpleNamespace(
            USBError=UsbError, USBTimeoutError=UsbTimeout, NoBackendError=NoBackend, find=find
        )
        util = SimpleNamespace(claim_interface=lambda *_: None, dispose_resources=lambda _device: None)
        modules = {"usb.core": core, "usb.util": util}
        monkeypatch.setattr(importlib, "import_module", modules.__getitem__)

    return plugged


Plug = Callable[[UsbDevice | Exception | None], None]


def test_usb_carries_bytes_through_two_bulk_endpoints(plug: Plug) -> None:
    device = UsbDevice(0x02, 0x82)
    plug(device)
    pipe = UsbPipe()
    assert pipe.name == "usb 001:005"
    pipe.write(b"out")
    assert device.written == [(0x02, b"out")]
    device.arrived = [b"in"]
    assert pipe.read() == b"in"
    assert pipe.read() == b""
    device.arrived = [UsbError(19, "gone")]
    with pytest.raises(PipeLost, match="usb 001:005 was unplugged"):
        pipe.read()
    device.error = UsbError(19, "gone")
    with pytest.raises(PipeLost):
        pipe.write(b"x")
    pipe.close()
    pipe.close()


def _failing(number: int) -> UsbDevice:
    device = UsbDevice(0x02, 0x82)
    device.error = UsbError(number, "error")
    return device


@pytest.mark.parametrize(
    ("device", "message"),
    [
        (None, "a USB board must be plugged in with the ID 1209:0001; there is none"),
        (NoBackend(), "pyusb needs the library libusb, which is not there: apt-get install libusb-1.0-0"),
        (UsbError(5, "broken"), "must be a USB device that can be opened; it could not be"),
        (_failing(errno.EACCES), "access was denied: install the udev rule"),
        (_failing(errno.EBUSY), "another program has claimed it"),
        (UsbDevice(0x82), "must have bulk endpoints in both directions; it has none"),
    ],
)
def test_each_reason_for_which_a_usb_board_does_not_open_has_its_sentence(
    plug: Plug, device: UsbDevice | Exception | None, message: str
) -> None:
    plug(device)
    with pytest.raises(NoLink, match=message):
        UsbPipe()


# Faults.


class Loop(Pipe):
    """A pipe that gives back what is written."""

    def __init__(self) -> None:
        super().__init__("loop")
        self.kept = b""
        self.closed = False

    def read(self) -> bytes:
        kept, self.kept = self.kept, b""
        return kept

    def write(self, octets: bytes) -> None:
        self.kept += octets

    def close(self) -> None:
        self.closed = True


def test_a_line_without_faults_changes_nothing() -> None:
    pipe = FaultyPipe(Loop(), Faults())
    pipe.write(b"abc")
    assert pipe.read() == b"abc"


FAULTS = {
    "flips": Faults(5, flips=1e-3),
    "drops": Faults(5, drops=1e-3),
    "doubles": Faults(5, doubles=1e-3),
}


@pytest.mark.parametrize("kind", FAULTS)
def test_faults_come_as_often_as_they_should_and_from_the_seed(kind: str) -> None:
    octets = bytes(200_000)
    faults = FAULTS[kind]
    passed = Damage(faults, "in").pass_on(octets)
    assert passed == Damage(faults, "in").pass_on(octets)
    assert passed != Damage(replace(faults, seed=6), "in").pass_on(octets)
    changed = sum(octet != 0 for octet in passed) if kind == "flips" else abs(len(passed) - len(octets)) / 24
    assert 140 < changed < 270


def test_faults_do_not_depend_on_the_chunks() -> None:
    octets = bytes(range(256)) * 100
    whole = Damage(Faults(1, flips=1e-2), "in").pass_on(octets)
    damage = Damage(Faults(1, flips=1e-2), "in")
    assert b"".join(damage.pass_on(octets[start : start + 7]) for start in range(0, len(octets), 7)) == whole


def test_a_line_ends_at_its_byte() -> None:
    inner = Loop()
    pipe = FaultyPipe(inner, Faults(disconnect_at=5))
    pipe.write(b"abcdefgh")
    assert inner.kept == b"abcde"
    with pytest.raises(PipeLost, match="loop with faults was disconnected"):
        pipe.write(b"x")
    with pytest.raises(PipeLost):
        pipe.read()
    assert inner.closed
