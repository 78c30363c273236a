# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Opens boards: makes the pipe that an address names, or finds the one serial port at which a board answers."""

from __future__ import annotations

from collections.abc import Iterator

from dirql.hardware.description import MachineDescription
from dirql.link.faults import FaultyPipe
from dirql.link.pipe import NoLink, Pipe, TcpPipe
from dirql.link.serial_pipe import DEFAULT_BAUD, PortInfo, SerialPipe, list_ports
from dirql.link.usb_pipe import UsbPipe
from dirql.target.board.address import BoardAddress
from dirql.target.board.target import BoardTarget

__all__ = ["SERIAL_IDS", "open_board", "open_over"]

SERIAL_IDS = {
    (0x0403, 0x6010): "FT2232H",
    (0x0403, 0x6011): "FT4232H",
    (0x0403, 0x6014): "FT232H",
    (0x0403, 0x6015): "FT231X",
    (0x0D28, 0x0204): "DAPLink",
}
"""Vendor and product of the USB converters on the boards that dirql knows."""


def open_board(address: BoardAddress, machine: MachineDescription) -> BoardTarget:
    """Open the machine on the board at this address. Raises `NoLink`."""
    if address.kind == "serial" and not address.place:
        return _find(address, machine)
    return open_over(address, _pipe(address), machine)


def open_over(address: BoardAddress, pipe: Pipe, machine: MachineDescription) -> BoardTarget:
    """Open the machine at the far end of a pipe, with the options of the address. Raises `NoLink`."""
    around = pipe if address.faults is None else FaultyPipe(pipe, address.faults)
    return BoardTarget(address.kind, around, machine, precise=address.precise, patience=address.patience)


def _pipe(address: BoardAddress) -> Pipe:
    if address.kind == "tcp":
        return TcpPipe(address.place, address.port)
    if address.kind == "usb":
        return UsbPipe()
    if address.kind == "usbip":
        return UsbPipe(server=(address.place, address.port))
    return SerialPipe(address.place, address.baud or DEFAULT_BAUD)


def _find(address: BoardAddress, machine: MachineDescription) -> BoardTarget:
    """Open the first board with the machine among the ports whose converter is that of a known board."""
    ports = list_ports()
    reasons = []
    for port in _likely(ports):
        try:
            return open_over(address, SerialPipe(port.device, address.baud or DEFAULT_BAUD), machine)
        except NoLink as error:
            reasons.append(str(error))
    if reasons:
        raise NoLink(f"a board must answer at a serial port; none did: {'; '.join(reasons)}")
    others = ", ".join(port.device for port in ports) or "none"
    raise NoLink(
        "a board must be at a serial port with the converter of a board that dirql knows; there is none. The ports of"
        f" this computer: {others}. Plug the board in, or name its port as --target serial:///dev/ttyUSB0"
    )


def _likely(ports: list[PortInfo]) -> Iterator[PortInfo]:
    """The ports of known converters. Of a converter with two ports the second one is the UART, so it comes first."""
    known = [port for port in ports if (port.vid, port.pid) in SERIAL_IDS]
    yield from reversed(known)
