# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The USB core of a board in RTL, with its two lines, as the device of a `UsbBoard`: transactions go bit by bit."""

from __future__ import annotations

import selectors
from pathlib import Path

from dirql.link.usb_bus import Bus
from dirql.link.usb_function import Setup, Stalled
from dirql.link.usb_host import TO_HOST, Gone, Host, Pid

__all__ = ["PinBoard", "PinDevice"]

_ADDRESS = 2
_ADDRESSES = 128
_SETTLED_BITS = 100
"""The time after which the device has carried out a request."""
_SET_ADDRESS, _SET_CONFIGURATION = (0x00, 5), (0x00, 9)
_SET_INTERFACE, _CLEAR_FEATURE = (0x01, 11), (0x02, 1)
_QUICK = 100
"""The transactions in a row without data after which the next ones follow more slowly."""
_REST = 0.001
"""The seconds between two transactions of a device that has said nothing for a while."""


class PinDevice:
    """A device on a bus. It is asked with a transaction each time, which takes its time on the bus."""

    def __init__(self, bus: Bus) -> None:
        self._host = Host(bus)
        self.naks = 0
        """The transactions in a row in which no data was moved."""
        self.configuration = 0
        self.reset()

    def reset(self) -> None:
        """See `UsbDevice`. The device gets an address, as from a hub."""
        self._host.reset()
        self._host.set_address(_ADDRESS)
        self.configuration = 0

    def control(self, setup: Setup) -> bytes:
        """See `UsbDevice`."""
        host = self._host
        asks = (setup.kind, setup.request)
        if asks == _SET_ADDRESS and setup.value < _ADDRESSES and not setup.place and not setup.length:
            return b""  # the hub has given one
        try:
            answer = host.control(setup, b"" if setup.kind & TO_HOST else bytes(setup.length))
        except Gone:
            raise Stalled from None
        if asks in (_SET_CONFIGURATION, _SET_INTERFACE):
            host.toggles = {key: value for key, value in host.toggles.items() if key in (0, TO_HOST)}
        if asks == _SET_CONFIGURATION:
            self.configuration = setup.value
        if asks == _CLEAR_FEATURE:
            host.toggles[setup.place] = 0
        host.bus.idle(_SETTLED_BITS)
        self.naks = 0
        return answer

    def out(self, endpoint: int, packet: bytes) -> bool:
        """See `UsbDevice`."""
        answer = self._host.out(endpoint, packet)
        if answer in (None, Pid.STALL):
            raise Stalled
        self._count(answer is Pid.ACK)
        return answer is Pid.ACK

    def into(self, endpoint: int) -> bytes | None:
        """See `UsbDevice`."""
        answer = self._host.into(endpoint)
        if answer in (None, Pid.STALL):
            raise Stalled
        self._count(isinstance(answer, bytes))
        return answer if isinstance(answer, bytes) else None

    def _count(self, moved: bool) -> None:
        self.naks = 0 if moved else self.naks + 1


class PinBoard:
    """A board whose RTL runs in this process, at the pace of the transactions: without one its clock stands still."""

    ended = False

    def __init__(self, library: Path) -> None:
        """`library` is that of `dirql.target.simulation.usb_recipe`."""
        self._bus = Bus(library)
        self.device = PinDevice(self._bus)

    def watch(self, _selector: selectors.BaseSelector) -> None:
        """See `UsbBoard`; there is nothing to wait for."""

    def rest(self, waits: bool) -> float | None:
        """See `UsbBoard`."""
        if not waits:
            return None
        return 0.0 if self.device.naks < _QUICK else _REST

    def close(self) -> None:
        """See `UsbBoard`."""
        self._bus.close()
