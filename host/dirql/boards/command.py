# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The commands `dirql boards`, `dirql build`, `dirql flash` and `dirql board-info`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from dirql.boards.asking import Identity, ask_port, ask_usb, ports_of
from dirql.boards.build import BuildError, bitstream_path, build
from dirql.boards.description import Board, UsbLink
from dirql.boards.flash import Ask, FlashError, flash
from dirql.boards.options import BITSTREAMS
from dirql.boards.reading import board_names, load_board
from dirql.boards.record import Record
from dirql.boards.usb import find_devices
from dirql.link.pipe import NoLink

__all__ = ["board_lines", "build_board", "flash_board", "info_lines", "run"]

Tell = Callable[[str], None]


def run(arguments: argparse.Namespace) -> int:
    """Do what the command line asks for; the exit status."""
    try:
        if arguments.command == "build":
            build_board(arguments.board, arguments.output, _tell)
        elif arguments.command == "flash":
            _flash(arguments)
        else:
            for line in board_lines() if arguments.command == "boards" else info_lines():
                _tell(line)
    except (BuildError, FlashError) as error:
        print(f"dirql: {error}", file=sys.stderr)
        return 2
    return 0


def _flash(arguments: argparse.Namespace) -> None:
    flash_board(
        arguments.board,
        arguments.file,
        BITSTREAMS,
        arguments.port,
        _tell,
        keep=arguments.keep,
        xvc=arguments.xvc,
    )


def _tell(line: str) -> None:
    print(line, flush=True)


def board_lines() -> Iterator[str]:
    """A line for each board, under a line with titles."""
    yield f"{'board':14} {'part':20} {'clock':>7}  {'machine':8} {'link':17} loader"
    for board in map(load_board, board_names()):
        yield (
            f"{board.name:14} {board.part.name:20} {board.machine.frequency / 1e6:3g} MHz  {board.machine.name:8}"
            f" {_link(board):17} {' or '.join(board.loader.programs)}"
        )


def _link(board: Board) -> str:
    if isinstance(board.link, UsbLink):
        return f"usb {board.link.usb}"
    return (
        f"serial {board.link.baud / 1e6:g} MBd"
        if board.link.baud >= 1_000_000
        else f"serial {board.link.baud} Bd"
    )


def build_board(name: str, output: Path, tell: Tell) -> None:
    """Make the bitstream of a board. Raises `BuildError`."""
    board = load_board(name)
    tell(summary(build(board, output, tell), bitstream_path(board, output)))


def summary(record: Record, file: Path) -> str:
    """A bitstream in one line."""
    return (
        f"{file}: build {record.build}, machine {record.machine} at {record.frequency / 1e6:g} MHz (reaches"
        f" {record.megahertz:g}), {record.cells} of {record.cells_of_part} cells ({record.fill:.0f} %),"
        f" {record.rams} of {record.rams_of_part} block RAMs"
    )


def flash_board(
    name: str,
    file: Path | None,
    output: Path,
    port: str | None,
    tell: Tell,
    *,
    keep: bool,
    xvc: str | None,
) -> None:
    """Write a bitstream, without a file that of `dirql build` in `output`. Raises `FlashError`."""
    board = load_board(name)
    chosen = file or bitstream_path(board, output)
    if file is None and not chosen.is_file():
        raise FlashError(f"{chosen} must be there; it is not: build it with: dirql build {name}")
    flash(board, chosen, _asking(board, port), tell, keep=keep, xvc=xvc)


def _asking(board: Board, port: str | None) -> Ask | None:
    """A routine that asks the board at its port, None if it has none.

    The port is looked for at each call, since after the board was written it may come again with another name.
    """
    if not _places(board, port):
        return None
    return lambda: next((found for ask in _places(board, port).values() if (found := _answer(ask))), None)


def _places(board: Board, port: str | None = None) -> dict[str, Ask]:
    """The ports at which the board may answer, or the one that is given, and how to ask there."""
    link = board.link
    if isinstance(link, UsbLink):
        if port:
            raise FlashError(
                f"--port must be left out for {board.name}, which has no serial port; it was {port}"
            )
        return {device.node: partial(ask_usb, link.usb) for device in find_devices(link.usb)}
    return {each: partial(ask_port, each, link.baud) for each in ([port] if port else ports_of(link.usb))}


def _answer(ask: Ask) -> Identity | None:
    try:
        return ask()
    except NoLink:
        return None


def info_lines() -> Iterator[str]:
    """A line for each board that is plugged in, and for each port what answers there."""
    found = False
    for board in map(load_board, board_names()):
        for device in find_devices(board.loader.usb):
            found = True
            denied = "" if device.is_open_to_user else ", which this user may not open: see `dirql doctor`"
            yield f"{board.name}: perhaps {device} at {device.node}{denied}"
        for place, ask in _places(board).items():
            found = True
            yield f"  {place}: {_told(ask, board)}"
    if not found:
        yield "no board that dirql knows is plugged in; `dirql boards` lists them"


def _told(ask: Ask, board: Board) -> str:
    try:
        answer = ask()
    except NoLink as error:
        return str(error)
    if answer is None:
        return "no answer" if isinstance(board.link, UsbLink) else f"no answer at {board.link.baud:,} baud"
    return f"machine {answer.machine}, build {answer.build}, {answer.frequency / 1e6:g} MHz"
