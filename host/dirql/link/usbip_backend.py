# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""A backend of pyusb that reaches a device through USB/IP, so that no kernel and no root is needed.

    backend = UsbIpBackend("127.0.0.1", 3240)
    device = usb.core.find(idVendor=0x1209, idProduct=0x0001, backend=backend)

`usb.backend.IBackend` of pyusb says what each routine does. Any number of URBs may be under way: a thread takes the
ends, and gives each to its caller. A time-out unlinks the URB; if its end won the race, the data count.
"""

from __future__ import annotations

import array
import contextlib
import errno
import importlib
import itertools
import socket
import struct
import threading
from collections.abc import Iterator, MutableSequence, Sequence
from types import SimpleNamespace
from typing import NoReturn, Protocol, cast

from dirql.link.pipe import NoLink
from dirql.link.usbip import (
    BUS_ID_BYTES,
    HEADER_BYTES,
    OPERATION,
    OPERATION_BYTES,
    RECORD_BYTES,
    TAKEN,
    TO_HOST,
    Command,
    Errno,
    Operation,
    Return,
    Submit,
    Unlink,
    read_return,
)

__all__ = ["UsbIpBackend"]

_LIMIT = 5.0
"""The seconds within which a server must answer an operation, take what is sent, and answer a transfer or unlink it."""
_UNLINK_LIMIT = 1.0
"""The seconds that a server has at least to answer an `Unlink`."""
_INTO = 0x80
_DEVICE, _CONFIGURATION, _INTERFACE, _ENDPOINT = 1, 2, 4, 5
_NAMES = {
    _DEVICE: "bLength bDescriptorType bcdUSB bDeviceClass bDeviceSubClass bDeviceProtocol bMaxPacketSize0 idVendor"
    " idProduct bcdDevice iManufacturer iProduct iSerialNumber bNumConfigurations",
    _CONFIGURATION: "bLength bDescriptorType wTotalLength bNumInterfaces bConfigurationValue iConfiguration"
    " bmAttributes bMaxPower",
    _INTERFACE: "bLength bDescriptorType bInterfaceNumber bAlternateSetting bNumEndpoints bInterfaceClass"
    " bInterfaceSubClass bInterfaceProtocol iInterface",
    _ENDPOINT: "bLength bDescriptorType bEndpointAddress bmAttributes wMaxPacketSize bInterval",
}
"""The members of descriptors, as USB 2.0 names them."""
_FORMATS = {_DEVICE: "<BBHBBBBHHHBBBB", _CONFIGURATION: "<BBHBBBBB", _INTERFACE: "<9B", _ENDPOINT: "<BBBBHB"}
_FULL_SPEED = 2

Octets = MutableSequence[int]


class _Core(Protocol):
    """The errors of the module `usb.core`."""

    USBError: type[OSError]
    USBTimeoutError: type[OSError]


def _core() -> _Core:
    return cast("_Core", importlib.import_module("usb.core"))


def _fail(number: int, what: str) -> NoReturn:
    """Raise the error of pyusb with an error number of the system."""
    kind = _core().USBTimeoutError if number == errno.ETIMEDOUT else _core().USBError
    raise kind(what, None, number)


class _Pending:
    """An URB under way, and its end."""

    def __init__(self, number: int, *, is_in: bool) -> None:
        self.number = number
        self.is_in = is_in
        self.status: int | None = None
        self.octets = b""
        self.length = 0
        self.ended = threading.Event()


class _Device:
    """An imported device: one connection, which ends with this object."""

    def __init__(self, host: str, port: int, bus_id: bytes, number: int) -> None:
        self._number = number
        self._lock = threading.Lock()
        self._pending: dict[int, _Pending] = {}
        self._numbers = itertools.count(1)
        self._gone = ""
        self._reader: threading.Thread | None = None
        self._socket = _connect(host, port)
        try:
            self._import(f"{host}:{port}", bus_id)
            self.descriptor = self._descriptor(_DEVICE, 0, 18)
            head = self._descriptor(_CONFIGURATION, 0, 9)
            self.configuration = self._descriptor(_CONFIGURATION, 0, int.from_bytes(head[2:4], "little"))
        except BaseException:
            self.close()
            raise

    def _import(self, place: str, bus_id: bytes) -> None:
        with _answers(place):
            status = _ask(self._socket, Operation.IMPORT, bus_id.ljust(BUS_ID_BYTES, b"\0"))
            if not status:
                _receive(self._socket, RECORD_BYTES)
        if status:
            taken = status == TAKEN
            _fail(errno.EBUSY if taken else errno.ENODEV, f"the device {bus_id.decode()} is in use or gone")
        self._socket.settimeout(None)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("@ll", int(_LIMIT), 0))
        self._reader = threading.Thread(target=self._read, name="dirql: USB/IP", daemon=True)
        self._reader.start()

    def _descriptor(self, kind: int, index: int, length: int) -> bytes:
        setup = struct.pack("<BBHHH", _INTO, 6, kind << 8 | index, 0, length)
        return self.transfer(0, TO_HOST, b"", length, setup, _LIMIT)

    # URBs.

    def transfer(
        self, endpoint: int, direction: int, octets: bytes, length: int, setup: bytes, seconds: float | None
    ) -> bytes:
        """Carry out an URB; returns what came, or as many zeros as bytes were taken. Raises the errors of pyusb."""
        pending = self._submit(endpoint, direction, octets, length, setup)
        if not pending.ended.wait(seconds):
            self._unlink(pending, max(_UNLINK_LIMIT, _LIMIT - (seconds or 0)))
        status = pending.status
        if status == Errno.UNLINKED:
            _fail(errno.ETIMEDOUT, "the device did not answer in time")
        if status:
            _fail(-status, self._gone or "the device answered with an error")
        return pending.octets if pending.is_in else bytes(pending.length)

    def _submit(self, endpoint: int, direction: int, octets: bytes, length: int, setup: bytes) -> _Pending:
        with self._lock:
            if self._gone:
                _fail(errno.ENODEV, self._gone)
            pending = _Pending(next(self._numbers), is_in=direction == TO_HOST)
            self._pending[pending.number] = pending
            self._send(
                Submit(pending.number, self._number, direction, endpoint, length, setup).pack() + octets
            )
        return pending

    def _unlink(self, pending: _Pending, limit: float) -> None:
        with self._lock:
            if pending.status is None and not self._gone:
                number = next(self._numbers)
                self._pending[-number] = pending  # the answer to the unlink has that number
                self._send(Unlink(number, self._number, pending.number).pack())
        if not pending.ended.wait(limit):
            with self._lock:
                self._lose("the USB/IP server does not answer")

    def _send(self, octets: bytes) -> None:
        try:
            self._socket.sendall(octets)
        except BlockingIOError:
            self._lose("the USB/IP server takes no bytes")
        except OSError as error:
            self._lose(_words(error))

    def _read(self) -> None:
        try:
            while True:
                self._take(read_return(_receive(self._socket, HEADER_BYTES)))
        except (OSError, ValueError) as error:
            with self._lock:
                self._lose(_words(error))

    def _take(self, answer: Return) -> None:
        if answer.command == Command.UNLINKED:
            with self._lock:
                pending = self._pending.pop(-answer.number, None)
                if pending is not None and answer.status == Errno.UNLINKED:
                    self._pending.pop(pending.number, None)
                    self._end(pending, Errno.UNLINKED, 0)
            return
        with self._lock:
            pending = self._pending.get(answer.number)
        octets = _receive(self._socket, answer.length) if pending is not None and pending.is_in else b""
        with self._lock:
            if pending is not None and self._pending.pop(answer.number, None) is not None:
                pending.octets = octets
                self._end(pending, answer.status, answer.length)

    def _end(self, pending: _Pending, status: int, length: int) -> None:
        if pending.status is None:
            pending.length = length
            pending.status = status
        pending.ended.set()

    def _lose(self, reason: str) -> None:
        self._gone = self._gone or reason
        for pending in self._pending.values():
            self._end(pending, -errno.ENODEV, 0)
        self._pending.clear()

    def close(self) -> None:
        """Give the device back; a second call does nothing."""
        with self._lock:
            self._lose("the device was given back")
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        if self._reader is not None and self._reader is not threading.current_thread():
            self._reader.join()


class _Found:
    """A device of the server's list. It is imported when more of it is asked for."""

    def __init__(self, backend: UsbIpBackend, bus_id: bytes, bus: int, number: int) -> None:
        self._backend = backend
        self._bus_id = bus_id
        self._device: _Device | None = None
        self.bus = bus
        self.number = number

    @property
    def device(self) -> _Device:
        """The device, which is imported now."""
        if self._device is None:
            place = self._backend.host, self._backend.port
            self._device = _Device(*place, self._bus_id, self.bus << 16 | self.number)
        return self._device

    def close(self) -> None:
        """Give the device back, if it is imported."""
        if self._device is not None:
            self._device.close()
            self._device = None

    def __del__(self) -> None:
        self.close()


class UsbIpBackend:
    """The devices that one USB/IP server exports."""

    def __init__(self, host: str, port: int) -> None:
        """The server must be there when devices are asked for."""
        self.host = host
        self.port = port

    # Devices and descriptors.

    def enumerate_devices(self) -> Iterator[_Found]:
        """See `IBackend`. Raises `NoLink` if there is no server."""
        with _connect(self.host, self.port) as connection, _answers(f"{self.host}:{self.port}"):
            _ask(connection, Operation.LIST)
            (count,) = struct.unpack(">I", _receive(connection, 4))
            found = []
            for _ in range(count):
                record = _receive(connection, RECORD_BYTES)
                bus, number = struct.unpack_from(">2I", record, 288)
                _receive(connection, 4 * record[-1])
                found.append(_Found(self, record[256:288].rstrip(b"\0"), bus, number))
        yield from found

    def get_parent(self, dev: _Found) -> None:
        """See `IBackend`; there is no hub to be seen."""
        del dev

    def get_device_descriptor(self, dev: _Found) -> SimpleNamespace:
        """See `IBackend`."""
        made = _parse(dev.device.descriptor)
        made.bus, made.address, made.speed = dev.bus, dev.number, _FULL_SPEED
        made.port_number, made.port_numbers = 1, (1,)
        return made

    def get_configuration_descriptor(self, dev: _Found, config: int) -> SimpleNamespace:
        """See `IBackend`."""
        if config:
            raise IndexError(config)
        return _parse(dev.device.configuration)

    def get_interface_descriptor(self, dev: _Found, intf: int, alt: int, config: int) -> SimpleNamespace:
        """See `IBackend`."""
        del config
        found = [block for block in _blocks(dev.device.configuration) if block[1] == _INTERFACE]
        chosen = [block for block in found if block[2] == intf]
        return _parse(chosen[alt])

    def get_endpoint_descriptor(
        self, dev: _Found, ep: int, intf: int, alt: int, config: int
    ) -> SimpleNamespace:
        """See `IBackend`."""
        del alt, config
        ends: list[bytes] = []
        current = -1
        for block in _blocks(dev.device.configuration):
            if block[1] == _INTERFACE:
                current = block[2]
            elif block[1] == _ENDPOINT and current == intf:
                ends.append(block)
        made = _parse(ends[ep])
        made.bRefresh = made.bSynchAddress = 0
        return made

    # Handles.

    def open_device(self, dev: _Found) -> _Found:
        """See `IBackend`."""
        _ = dev.device
        return dev

    def close_device(self, dev_handle: _Found) -> None:
        """See `IBackend`."""
        dev_handle.close()

    def set_configuration(self, dev_handle: _Found, config_value: int) -> None:
        """See `IBackend`."""
        self._request(dev_handle, 0x00, 9, config_value, 0)

    def get_configuration(self, dev_handle: _Found) -> int:
        """See `IBackend`."""
        answer = array.array("B", bytes(1))
        self.ctrl_transfer(dev_handle, _INTO, 8, 0, 0, answer, round(1000 * _LIMIT))
        return answer[0]

    def set_interface_altsetting(self, dev_handle: _Found, intf: int, altsetting: int) -> None:
        """See `IBackend`."""
        self._request(dev_handle, 0x01, 11, altsetting, intf)

    def claim_interface(self, dev_handle: _Found, intf: int) -> None:
        """See `IBackend`; who has imported the device has its interfaces."""
        del dev_handle, intf

    def release_interface(self, dev_handle: _Found, intf: int) -> None:
        """See `IBackend`."""
        del dev_handle, intf

    def clear_halt(self, dev_handle: _Found, ep: int) -> None:
        """See `IBackend`."""
        self._request(dev_handle, 0x02, 1, 0, ep)

    def reset_device(self, dev_handle: _Found) -> None:
        """See `IBackend`; an import is a reset of the bus."""
        dev_handle.close()
        _ = dev_handle.device

    def is_kernel_driver_active(self, dev_handle: _Found, intf: int) -> bool:
        """See `IBackend`; no kernel is between."""
        del dev_handle, intf
        return False

    def _request(self, found: _Found, kind: int, request: int, value: int, index: int) -> None:
        self.ctrl_transfer(found, kind, request, value, index, array.array("B"), round(1000 * _LIMIT))

    # Transfers. Time-outs are in milliseconds, and 0 means none.

    def bulk_write(self, dev_handle: _Found, ep: int, intf: int, data: Sequence[int], timeout: int) -> int:
        """See `IBackend`."""
        del intf
        octets = bytes(data)
        taken = dev_handle.device.transfer(ep & 0xF, 0, octets, len(octets), bytes(8), _seconds(timeout))
        return len(taken)

    def bulk_read(self, dev_handle: _Found, ep: int, intf: int, buff: Octets, timeout: int) -> int:
        """See `IBackend`."""
        del intf
        octets = dev_handle.device.transfer(ep & 0xF, TO_HOST, b"", len(buff), bytes(8), _seconds(timeout))
        buff[: len(octets)] = array.array("B", octets)
        return len(octets)

    intr_write = bulk_write
    intr_read = bulk_read

    def iso_write(self, *arguments: object) -> NoReturn:
        """See `IBackend`; no board has isochronous endpoints."""
        del arguments
        _fail(errno.ENOSYS, "isochronous transfers are not supported over USB/IP here")

    iso_read = iso_write

    def ctrl_transfer(
        self,
        dev_handle: _Found,
        kind: int,
        request: int,
        value: int,
        place: int,
        data: Octets,
        timeout: int,
    ) -> int:
        """See `IBackend`."""
        setup = struct.pack("<BBHHH", kind, request, value, place, len(data))
        is_in = kind & _INTO != 0
        octets = b"" if is_in else bytes(data)
        direction = TO_HOST if is_in else 0
        answer = dev_handle.device.transfer(0, direction, octets, len(data), setup, _seconds(timeout))
        if is_in:
            data[: len(answer)] = array.array("B", answer)
        return len(answer)


def _seconds(milliseconds: int) -> float | None:
    return milliseconds / 1000 if milliseconds else None


def _connect(host: str, port: int) -> socket.socket:
    try:
        made = socket.create_connection((host, port), _LIMIT)
    except OSError as error:
        raise NoLink(
            f"a USB/IP server must listen at {host}:{port}; the connection failed: {error.strerror or error}: start one"
            f" with `dirql twin BOARD --usbip {port}`"
        ) from error
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made


@contextlib.contextmanager
def _answers(place: str) -> Iterator[None]:
    """Tell of a server that does not answer as one of USB/IP. Raises `NoLink`."""
    try:
        yield
    except TimeoutError:
        what = f"nothing came in {_LIMIT} seconds"
    except (OSError, ValueError) as error:
        what = _words(error)
    else:
        return
    raise NoLink(
        f"the server at {place} must answer as a USB/IP server; {what}: name the port of one, such as that of"
        f" `dirql twin BOARD --usbip {place.rpartition(':')[2]}`"
    )


def _words(error: OSError | ValueError) -> str:
    return str((isinstance(error, OSError) and error.strerror) or error)


def _ask(connection: socket.socket, operation: Operation, octets: bytes = b"") -> int:
    """Ask for an operation; returns the status of the answer. Raises `OSError`, and `ValueError` for another answer."""
    connection.sendall(operation.request(octets))
    answer = _receive(connection, OPERATION_BYTES)
    if not operation.is_answer(answer):
        raise ValueError(f"the answer began with {answer!r}")
    _, _, status = OPERATION.unpack(answer)
    return int(status)


def _receive(connection: socket.socket, count: int) -> bytes:
    """As many bytes as are wanted. Raises `OSError` if the connection ends before."""
    octets = b""
    while len(octets) < count:
        piece = connection.recv(count - len(octets))
        if not piece:
            raise ConnectionResetError(errno.ECONNRESET, "the USB/IP server has ended the connection")
        octets += piece
    return octets


def _blocks(configuration: bytes) -> Iterator[bytes]:
    """The descriptors in a configuration, one after another."""
    place = 0
    while place < len(configuration):
        yield configuration[place : place + configuration[place]]
        place += configuration[place]


def _parse(block: bytes) -> SimpleNamespace:
    """A descriptor with the names that USB 2.0 gives to its members."""
    kind = block[1]
    values = struct.unpack_from(_FORMATS[kind], block)
    return SimpleNamespace(**dict(zip(_NAMES[kind].split(), values, strict=True)), extra_descriptors=[])
