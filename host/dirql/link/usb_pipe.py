# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""A pipe through two bulk endpoints of a USB device, with pyusb."""

from __future__ import annotations

import contextlib
import errno
import importlib
from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol, cast

from dirql.link.pipe import READ_SLICE, NoLink, Pipe, PipeLost
from dirql.link.usbip_backend import UsbIpBackend
from dirql.registers import usb_device

__all__ = ["USB_IDS", "UsbPipe"]

USB_IDS = ((usb_device.VENDOR, usb_device.PRODUCT),)
"""Vendor and product of the boards with the USB core of `hdl/link/usb`."""

_VENDOR_CLASS = 0xFF
_BULK = 2
_TRANSFER_TYPE = 3
_IN = 0x80
_CHUNK = 4096
"""The bytes of one read: a multiple of every packet size, or an overflow could lose a packet."""
_WRITE_LIMIT = 2000
"""The longest time, in milliseconds, for which the device may take no packet."""


class _Endpoint(Protocol):
    bEndpointAddress: int
    bmAttributes: int


class _Interface(Iterable[_Endpoint], Protocol):
    bInterfaceClass: int
    bInterfaceNumber: int


class _Device(Iterable[Iterable[_Interface]], Protocol):
    bus: int
    address: int

    def set_configuration(self) -> None: ...
    def read(self, endpoint: int, size: int, timeout: int) -> Sequence[int]: ...
    def write(self, endpoint: int, data: bytes, timeout: int) -> int: ...


class _Core(Protocol):
    """The part of the module `usb.core` that is used here."""

    USBError: type[OSError]
    USBTimeoutError: type[OSError]
    NoBackendError: type[Exception]

    def find(self, *, idVendor: int, idProduct: int, backend: object) -> _Device | None: ...


class _Util(Protocol):
    """The part of the module `usb.util` that is used here."""

    def claim_interface(self, device: _Device, interface: int) -> None: ...
    def dispose_resources(self, device: _Device) -> None: ...


class _Endpoints(NamedTuple):
    interface: int
    out: int
    into: int


def _endpoints(device: _Device) -> _Endpoints | None:
    """The bulk endpoints of the first interface of the vendor's own class that has one in each direction."""
    for configuration in device:
        for interface in configuration:
            bulk = [end.bEndpointAddress for end in interface if end.bmAttributes & _TRANSFER_TYPE == _BULK]
            out = [address for address in bulk if not address & _IN]
            into = [address for address in bulk if address & _IN]
            if interface.bInterfaceClass == _VENDOR_CLASS and out and into:
                return _Endpoints(interface.bInterfaceNumber, out[0], into[0])
    return None


class UsbPipe(Pipe):
    """Two bulk endpoints; what one transfer carries has no meaning."""

    def __init__(
        self, ids: Sequence[tuple[int, int]] = USB_IDS, server: tuple[str, int] | None = None
    ) -> None:
        """Open the first device with one of these pairs of vendor and product. Raises `NoLink`.

        `server` is the host and the port of a USB/IP server, None for the USB ports of this computer.
        """
        super().__init__("usb" if server is None else f"usbip {server[0]}:{server[1]}")
        self._backend = None if server is None else UsbIpBackend(*server)
        try:
            self._core = cast(_Core, importlib.import_module("usb.core"))
            self._util = cast(_Util, importlib.import_module("usb.util"))
        except ModuleNotFoundError as error:
            raise NoLink(
                "a USB device needs the package pyusb, which is not installed: pip install 'dirql[usb]'"
            ) from error
        self._device = device = self._find(ids)
        self.name = f"{self.name} {device.bus:03}:{device.address:03}"
        self._slice = round(1000 * READ_SLICE)
        self._closed = False
        with contextlib.ExitStack() as undo:
            undo.callback(self._util.dispose_resources, device)
            self._ends = self._claim()
            undo.pop_all()

    def _claim(self) -> _Endpoints:
        """Configure the device and claim its endpoints. Raises `NoLink`."""
        try:
            self._device.set_configuration()
            found = _endpoints(self._device)
            if found is None:
                raise NoLink(
                    f"{self.name} must have bulk endpoints in both directions; it has none: flash the board anew"
                )
            self._util.claim_interface(self._device, found.interface)
        except self._core.USBError as error:
            raise NoLink(self._explain(error)) from error
        return found

    def _find(self, ids: Sequence[tuple[int, int]]) -> _Device:
        try:
            for vendor, product in ids:
                device = self._core.find(idVendor=vendor, idProduct=product, backend=self._backend)
                if device is not None:
                    return device
        except self._core.NoBackendError as error:
            raise NoLink(
                "pyusb needs the library libusb, which is not there: apt-get install libusb-1.0-0"
            ) from error
        except self._core.USBError as error:
            raise NoLink(self._explain(error)) from error
        wanted = ", ".join(f"{vendor:04x}:{product:04x}" for vendor, product in ids)
        raise NoLink(
            f"a USB board must be plugged in with the ID {wanted}; there is none: plug it in, or flash it"
        )

    def _explain(self, error: OSError) -> str:
        if error.errno in (errno.EACCES, errno.EPERM):
            return (
                f"{self.name} must be open to this user; access was denied: install the udev rule that"
                " `dirql doctor` prints"
            )
        if error.errno == errno.EBUSY:
            return f"{self.name} must be free; another program has claimed it: close that program"
        return f"{self.name} must be a USB device that can be opened; it could not be: {error}"

    def read(self) -> bytes:
        """See `Pipe`."""
        try:
            return bytes(self._device.read(self._ends.into, _CHUNK, self._slice))
        except self._core.USBTimeoutError:
            return b""
        except self._core.USBError as error:
            raise PipeLost(f"{self.name} was unplugged: {error}") from error

    def write(self, octets: bytes) -> None:
        """See `Pipe`."""
        try:
            self._device.write(self._ends.out, octets, _WRITE_LIMIT)
        except self._core.USBError as error:
            raise PipeLost(f"{self.name} was unplugged, or takes no bytes: {error}") from error

    def close(self) -> None:
        """See `Pipe`."""
        if not self._closed:
            self._closed = True
            self._util.dispose_resources(self._device)
