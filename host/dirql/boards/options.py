# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The options of the commands for boards."""

from __future__ import annotations

import argparse
from pathlib import Path

__all__ = ["BITSTREAMS", "BOARD_COMMANDS", "add_board_commands"]

BITSTREAMS = Path("build/boards")
"""The folder of bitstreams, below the current one."""
BOARD_COMMANDS = ("boards", "build", "flash", "board-info")


def add_board_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the commands for boards to the command line."""
    commands.add_parser("boards", help="list the boards that dirql knows")
    build = commands.add_parser(
        "build",
        help="make the bitstream of a board",
        description="Makes the bitstream of a board, unless it is there already. It fails if the clock is not reached.",
    )
    build.add_argument("board", metavar="BOARD", help="a board that `dirql boards` lists")
    build.add_argument(
        "--output",
        type=Path,
        default=BITSTREAMS,
        metavar="FOLDER",
        help="where bitstreams are kept (default: %(default)s)",
    )
    flash = commands.add_parser(
        "flash",
        help="write the bitstream of a board to it",
        description="Checks all that can be checked, then writes a bitstream with openFPGALoader or iceprog.",
    )
    add = flash.add_argument
    add("board", metavar="BOARD", help="a board that `dirql boards` lists")
    add("file", metavar="FILE", type=Path, nargs="?", help="another bitstream than that of `dirql build`")
    add("--ram", dest="keep", action="store_false", help="load the FPGA only, until it is switched off")
    add("--port", metavar="DEVICE", help="the serial port at which to ask the board (default: it is found)")
    add(
        "--xvc",
        type=_address,
        metavar="HOST:PORT",
        help="use a virtual cable at this address in place of the board's own",
    )
    commands.add_parser("board-info", help="list the boards that are plugged in, and ask them what they are")


def _address(text: str) -> str:
    """The address of a server."""
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 1 << 16:
        raise argparse.ArgumentTypeError(f"must be HOST:PORT, as localhost:2542; it was {text!r}")
    return text
