# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Asks a board who it is, at its serial or USB port. This begins a session, so it resets the machine."""

from __future__ import annotations

import time
from dataclasses import dataclass

from dirql.boards.description import UsbId
from dirql.link.pipe import NoLink, Pipe, PipeLost
from dirql.link.serial_pipe import SerialPipe, list_ports
from dirql.link.session import Patience, Session
from dirql.link.usb_pipe import UsbPipe

__all__ = ["Identity", "ask", "ask_port", "ask_usb", "ports_of"]

NONCE = 0x6469_7271
"""The nonce of the session, in which nothing is done."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A board's answer: the numbers of its machine and its build, and its clock in Hz."""

    machine: str
    build: str
    frequency: int


def ports_of(converter: UsbId | None) -> list[str]:
    """The serial ports at a converter of this kind, the last interface first; none without pyserial."""
    if converter is None:
        return []
    try:
        ports = list_ports()
    except NoLink:
        return []
    return [
        port.device
        for port in reversed(ports)
        if (port.vid, port.pid) == (converter.vendor, converter.product)
    ]


def ask_port(device: str, baud: int) -> Identity | None:
    """The identity of the board at a port; None if none answers. Raises `NoLink` if the port cannot be opened."""
    pipe = SerialPipe(device, baud)
    try:
        return ask(pipe)
    finally:
        pipe.close()


def ask_usb(device: UsbId) -> Identity | None:
    """The identity of the board with this USB device; None if it does not answer. Raises `NoLink` as `ask_port`."""
    pipe = UsbPipe([(device.vendor, device.product)])
    try:
        return ask(pipe)
    finally:
        pipe.close()


def ask(pipe: Pipe) -> Identity | None:
    """The identity of the board behind a pipe; None if none answers within the patience of a session."""
    session = Session(Patience(), rate=pipe.rate)
    session.open(NONCE, time.monotonic())
    try:
        while session.hello is None and session.loss is None:
            pipe.write(session.take_output())
            session.receive(pipe.read(), time.monotonic())
            session.tick(time.monotonic())
    except PipeLost:
        return None
    hello = session.hello
    return None if hello is None else Identity(hello.machine.hex(), hello.build.hex(), hello.frequency)
