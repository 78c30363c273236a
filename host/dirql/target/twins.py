# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Targets on twins: a twin is started for the target, and ends with it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import replace

from dirql.boards.reading import USB_FREQUENCY, board_names, check_twin, load_board
from dirql.hardware.description import MachineDescription
from dirql.hardware.reading import describe
from dirql.hardware.root import machine_root
from dirql.link.pipe import Pipe, TcpPipe
from dirql.link.serial_pipe import SerialPipe
from dirql.link.usb_board import TwinBoard, UsbBoard
from dirql.link.usb_pins import PinBoard
from dirql.link.usb_pipe import UsbPipe
from dirql.link.usbip_server import UsbIpServer
from dirql.target.bitstreams import bitstream_plan
from dirql.target.board.address import BoardAddress
from dirql.target.board.opening import open_over
from dirql.target.board.target import BoardTarget
from dirql.target.simulation.build import Announce, announce_on_stderr, build
from dirql.target.simulation.toolchain import find_toolchain
from dirql.target.simulation.twin import Level, TwinPlan, TwinProcess
from dirql.target.simulation.usb_recipe import usb_recipe

__all__ = ["TwinPipe", "UsbTwinPipe", "open_twin", "serve_usb", "twin_machine", "twin_plan"]


_PIN_RATE = 10_000
"""The bytes in a second that the USB core carries at least, on a slow computer that evaluates its RTL."""


class TwinPipe(Pipe):
    """The pipe to a twin that nobody else uses; the twin ends when the pipe is closed."""

    def __init__(self, plan: TwinPlan, announce: Announce) -> None:
        """Start the twin and connect to it. Raises `NoLink`, and `TargetError` for a twin that does not start."""
        self.twin = TwinProcess(plan, announce)
        address = self.twin.address
        try:
            self._pipe: Pipe = SerialPipe(address) if plan.port is None else TcpPipe(*_host_and_port(address))
        except BaseException:
            self.twin.close()
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
        self.twin.close()


class UsbTwinPipe(UsbPipe):
    """The pipe to a twin that is a USB device, which pyusb reaches through USB/IP; the twin ends with the pipe."""

    def __init__(self, plan: TwinPlan, announce: Announce) -> None:
        """Start the twin and connect to it; raises what `TwinPipe` does."""
        with contextlib.ExitStack() as undo:
            self._twin = _UsbTwin(plan, announce)
            undo.callback(self._twin.close)
            self._server = UsbIpServer(self._twin.board)
            self._server.start()
            undo.callback(self._server.close)
            super().__init__(server=(self._server.host, self._server.port))
            self.rate = _PIN_RATE if plan.level is Level.PIN else plan.rate
            undo.pop_all()

    def close(self) -> None:
        """See `Pipe`."""
        super().close()
        self._server.close()
        self._twin.close()


class _UsbTwin:
    """A twin as a board at a USB cable: at the level of pins in this process, and otherwise in one of its own."""

    def __init__(self, plan: TwinPlan, announce: Announce = announce_on_stderr) -> None:
        self._process: TwinProcess | None = None
        self.board: UsbBoard
        if plan.level is Level.PIN:
            if plan.baud is not None:
                raise ValueError(
                    f"a twin at the pins of USB must have no rate, since USB has its own; it was {plan.baud:,} baud"
                )
            machine = replace(plan.machine, frequency=USB_FREQUENCY)
            self.board = PinBoard(build(usb_recipe(machine, machine_root()), find_toolchain(), announce))
            return
        self._process = TwinProcess(plan, announce)
        try:
            self.board = TwinBoard(_host_and_port(self._process.address))
        except BaseException:
            self._process.close()
            raise

    def close(self) -> None:
        """End the process; the server closes the board."""
        if self._process is not None:
            self._process.close()


def serve_usb(plan: TwinPlan, place: tuple[str, int], tell: Callable[[str], None]) -> None:
    """Start a twin and be its USB device for clients of USB/IP, once `tell` has been called with the address.

    Returns when the twin has ended. Raises `TargetError`, and `NoLink` for a port that is taken.
    """
    twin = _UsbTwin(plan)
    try:
        server = UsbIpServer(twin.board, *place)
        tell(f"usbip://{server.host}:{server.port}")
        server.serve()
    finally:
        twin.close()


def _host_and_port(address: str) -> tuple[str, int]:
    host, _, port = address.removeprefix("tcp://").rpartition(":")
    return host, int(port)


def twin_machine(name: str) -> MachineDescription:
    """The machine of a twin by the name of a board, which has a clock of its own, or of a machine.

    Raises `DescriptionError`.
    """
    check_twin(name)
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
    pipe: Pipe = UsbTwinPipe(plan, announce) if address.line == "usbip" else TwinPipe(plan, announce)
    return open_over(address, pipe, machine)
