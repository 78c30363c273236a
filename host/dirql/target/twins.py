# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Targets on twins: a twin is started for the target, and ends with it."""

from __future__ import annotations

from collections.abc import Callable

from dirql.boards.reading import board_names, load_board
from dirql.hardware.description import MachineDescription
from dirql.hardware.reading import describe
from dirql.link.pipe import Pipe, TcpPipe
from dirql.link.serial_pipe import SerialPipe
from dirql.link.usb_pipe import UsbPipe
from dirql.link.usbip_server import UsbIpServer
from dirql.target.bitstreams import bitstream_plan
from dirql.target.board.address import BoardAddress
from dirql.target.board.opening import open_over
from dirql.target.board.target import BoardTarget
from dirql.target.simulation.build import Announce
from dirql.target.simulation.twin import Level, TwinPlan, TwinProcess

__all__ = ["TwinPipe", "open_twin", "serve_usb", "twin_machine", "twin_plan"]


class TwinPipe(Pipe):
    """The pipe to a twin that nobody else uses; the twin ends when the pipe is closed."""

    def __init__(self, plan: TwinPlan, announce: Announce, *, over_usb: bool = False) -> None:
        """Start the twin and connect to it. Raises `NoLink`, and `TargetError` for a twin that does not start.

        With `over_usb` it is a USB device, which pyusb reaches through USB/IP.
        """
        self.twin = TwinProcess(plan, announce)
        address = self.twin.address
        self._server: UsbIpServer | None = None
        try:
            if over_usb:
                self._server = UsbIpServer(_host_and_port(address))
                self._server.start()
                self._pipe: Pipe = UsbPipe(server=(self._server.host, self._server.port))
            else:
                self._pipe = SerialPipe(address) if plan.port is None else _connect(address)
        except BaseException:
            self._end()
            raise
        super().__init__(f"the twin of {plan.machine.name} at {address}", plan.rate)

    def read(self) -> bytes:
        """See `Pipe`."""
        return self._pipe.read()

    def write(self, octets: bytes) -> None:
        """See `Pipe`."""
        self._pipe.write(octets)

    def cancel(self) -> None:
        """See `Pipe`."""
        self._pipe.cancel()

    def close(self) -> None:
        """See `Pipe`."""
        self._pipe.close()
        self._end()

    def _end(self) -> None:
        if self._server is not None:
            self._server.close()
        self.twin.close()


def serve_usb(plan: TwinPlan, place: tuple[str, int], tell: Callable[[str], None]) -> None:
    """Start a twin and be its USB device for clients of USB/IP, once `tell` has been called with the address.

    Returns when the twin has ended. Raises `TargetError`, and `NoLink` for a port that is taken.
    """
    twin = TwinProcess(plan)
    try:
        server = UsbIpServer(_host_and_port(twin.address), *place)
        tell(f"usbip://{server.host}:{server.port}")
        server.serve()
    finally:
        twin.close()


def _connect(address: str) -> TcpPipe:
    return TcpPipe(*_host_and_port(address))


def _host_and_port(address: str) -> tuple[str, int]:
    host, _, port = address.removeprefix("tcp://").rpartition(":")
    return host, int(port)


def twin_machine(name: str) -> MachineDescription:
    """The machine of a twin by the name of a board, which has a clock of its own, or of a machine.

    Raises `DescriptionError`.
    """
    return load_board(name).machine if name in board_names() else describe(name)


def twin_plan(
    name: str, level: Level, baud: int | None = None, host: str = "127.0.0.1", port: int | None = 0
) -> TwinPlan:
    """The plan of a twin by the name of a board or a machine; a bitstream is that which `dirql build` has made.

    Raises `DescriptionError`, `ValueError` for what cannot be, and `SetupError` for tools that are not installed.
    """
    if level is Level.BITSTREAM:
        return bitstream_plan(name, baud, host, port)
    return TwinPlan(twin_machine(name), level, baud, host, port)


def open_twin(address: BoardAddress, machine: MachineDescription, announce: Announce) -> BoardTarget:
    """Start a twin of the board or machine that the address names, and open `machine` on it.

    An address without a name means `machine`.
    """
    port = None if address.line == "pty" else 0
    level = Level(address.level)
    if address.place or level is Level.BITSTREAM:
        plan = twin_plan(address.place, level, address.baud, port=port)
    else:
        plan = TwinPlan(machine, level, address.baud, port=port)
    return open_over(address, TwinPipe(plan, announce, over_usb=address.line == "usbip"), machine)
