# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""A pipe through a serial port, with pyserial: a device such as /dev/ttyUSB1, or any URL that pyserial knows."""

from __future__ import annotations

import contextlib
import errno
import importlib
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple, Protocol, cast

from dirql.link.pipe import READ_SLICE, NoLink, Pipe, PipeLost

__all__ = ["DEFAULT_BAUD", "PortInfo", "SerialPipe", "holders", "list_ports"]

DEFAULT_BAUD = 3_000_000
"""The rate of a board that says nothing else."""

_PTMX = ("/dev/ptmx", "/dev/pts/ptmx")
_WRITE_LIMIT = 2.0
"""The longest time, in seconds, for which a port may take no byte."""
_BITS = 10
"""The bits that a byte takes on the line: start, eight of data, stop."""


class _Port(Protocol):
    """A port of pyserial, as far as it is used here."""

    baudrate: int
    timeout: float
    write_timeout: float
    exclusive: bool
    dtr: bool
    rts: bool
    in_waiting: int

    def open(self) -> None: ...
    def close(self) -> None: ...
    def read(self, size: int) -> bytes: ...
    def write(self, data: bytes) -> int: ...
    def cancel_read(self) -> None: ...
    def set_low_latency_mode(self, wanted: bool) -> None: ...


class _Serial(Protocol):
    """The part of the module `serial` that is used here."""

    def serial_for_url(self, url: str, *, do_not_open: bool) -> _Port: ...


class PortInfo(Protocol):
    """A port as `serial.tools.list_ports` lists it."""

    device: str
    vid: int | None
    pid: int | None
    description: str
    location: str | None


class _ListPorts(Protocol):
    """The part of the module `serial.tools.list_ports` that is used here."""

    def comports(self) -> Iterable[PortInfo]: ...


class Holder(NamedTuple):
    """A process that has a port open."""

    process: int
    name: str

    def __str__(self) -> str:
        return f"{self.name} (process {self.process})"


def _errors() -> tuple[type[Exception], ...]:
    """The exceptions of a port whose device has gone: pyserial's own are OSErrors, that of termios is none.

    A port that another thread closes raises a TypeError, and a rate that no port can have an OverflowError.
    """
    found: list[type[Exception]] = [OSError, OverflowError, TypeError, ValueError]
    with contextlib.suppress(ModuleNotFoundError):
        found.append(importlib.import_module("termios").error)
    return tuple(found)


_ERRORS = _errors()


def _pyserial(module: str) -> object:
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise NoLink(
            "a serial port needs the package pyserial, which is not installed: pip install 'dirql[serial]'"
        ) from error


def list_ports() -> list[PortInfo]:
    """The serial ports of this computer; raises `NoLink` without pyserial."""
    return sorted(
        cast(_ListPorts, _pyserial("serial.tools.list_ports")).comports(), key=lambda port: port.device
    )


def holders(device: str) -> list[Holder]:
    """The processes that have a port open, as far as this user may see; none where there is no /proc.

    The process behind a pty, such as a twin, has the port open too, so that it stays; that one is left out.
    """
    wanted = os.path.realpath(device)
    return list(_holders(wanted))


def _holders(wanted: str) -> Iterator[Holder]:
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            files = {opened.name: os.path.realpath(opened) for opened in (process / "fd").iterdir()}
            if (
                int(process.name) != os.getpid()
                and wanted in files.values()
                and not any(
                    _pty_of(process, number) == wanted for number, file in files.items() if file in _PTMX
                )
            ):
                yield Holder(int(process.name), (process / "comm").read_text(encoding="utf-8").strip())


def _pty_of(process: Path, number: str) -> str:
    """The pty at whose other end a process has an open file."""
    facts = (process / "fdinfo" / number).read_text(encoding="utf-8")
    index = re.search(r"^tty-index:\s*(\d+)", facts, re.MULTILINE)
    return f"/dev/pts/{index[1]}" if index else ""


class SerialPipe(Pipe):
    """A serial port, which this pipe alone has open."""

    def __init__(self, url: str, baud: int = DEFAULT_BAUD) -> None:
        """Open the port. Raises `NoLink`."""
        super().__init__(url, baud / _BITS)
        serial = cast(_Serial, _pyserial("serial"))
        try:
            self._port = port = serial.serial_for_url(url, do_not_open=True)
            port.baudrate = baud
            port.timeout = READ_SLICE
            port.write_timeout = _WRITE_LIMIT
            port.exclusive = True
            port.dtr = port.rts = False  # on some boards they are the reset
            port.open()
        except _ERRORS as error:
            raise NoLink(_explain(url, baud, error)) from error
        # Only ports with a latency timer have it, such as those of FTDI, and only on Linux.
        with contextlib.suppress(AttributeError, NotImplementedError, *_ERRORS):
            port.set_low_latency_mode(True)

    def read(self) -> bytes:
        """See `Pipe`."""
        port = self._port
        try:
            return port.read(max(1, port.in_waiting))
        except _ERRORS as error:
            raise PipeLost(f"{self.name} was unplugged or closed: {error}") from error

    def write(self, octets: bytes) -> None:
        """See `Pipe`."""
        try:
            self._port.write(octets)
        except _ERRORS as error:
            raise PipeLost(f"{self.name} was unplugged or takes no bytes: {error}") from error

    def cancel(self) -> None:
        """See `Pipe`."""
        with contextlib.suppress(AttributeError, *_ERRORS):
            self._port.cancel_read()

    def close(self) -> None:
        """See `Pipe`."""
        with contextlib.suppress(*_ERRORS):
            self._port.close()


def _explain(url: str, baud: int, error: Exception) -> str:
    """The sentence for a port that cannot be opened."""
    number = error.errno if isinstance(error, OSError) else None
    if number in (errno.EAGAIN, errno.EBUSY):
        held = ", ".join(map(str, holders(url)))
        by = f": {held} has it" if held else ""
        return f"{url} must be free; another program has it open{by}: close that program"
    if number in (errno.EACCES, errno.EPERM):
        return (
            f"{url} must be open to this user; access was denied: add the user to the group that owns the port"
            " (usermod -a -G dialout USER, then log in again)"
        )
    if number in (errno.ENOENT, errno.ENODEV, errno.ENXIO):
        return f"{url} must be a serial port; there is none of that name: plug the board in, or see `dirql doctor`"
    if number == errno.EISDIR or getattr(error.__context__, "args", ())[:1] == (errno.ENOTTY,):
        return f"{url} must be a serial port; it is something else: see `dirql doctor` for the ports of this computer"
    return f"{url} must be a port that can be opened at {baud:,} baud; it could not be: {error}"
