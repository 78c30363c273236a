# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Reads the folder of a board, and refuses a board that cannot be built."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from dirql.boards.description import Board, Loader, Part, Pins, SerialLink, UsbId, UsbLink
from dirql.boards.families import FAMILIES
from dirql.boards.loaders import LOADERS
from dirql.hardware.description import MachineDescription
from dirql.hardware.reading import load_machine, machine_names
from dirql.hardware.root import machine_root
from dirql.hardware.table import DescriptionError, Table, nearest, read_file
from dirql.registers import usb_device

__all__ = ["BOARDS", "DescriptionError", "board_names", "check_twin", "load_board", "read_board"]

BOARDS = "boards"
"""The folder with one folder for each board, below `machine_root()`."""
BOARD_FILE = "board.toml"
LINKS = ("serial", "usb")
WITH_PINS = "ice40"
"""The family whose bitstreams can be unpacked."""
LEAST_CLOCKS_PER_BIT = 4
LARGEST_ERROR = 0.025
"""The largest error of the rate of a serial port; half a bit in ten is 5 %, and the other side has an error too."""
USB_FREQUENCY = 48_000_000
"""The clock of the USB core, four clocks for a bit, in Hz."""


def board_names(root: Path | None = None) -> list[str]:
    """The names of the boards that dirql knows."""
    return sorted(path.parent.name for path in ((root or machine_root()) / BOARDS).glob(f"*/{BOARD_FILE}"))


def load_board(name: str, root: Path | None = None) -> Board:
    """The board of that name; raises `DescriptionError`."""
    root = root or machine_root()
    names = board_names(root)
    if name not in names:
        raise DescriptionError(
            f"a board must be one of {', '.join(names)}; it was {name!r}{nearest(name, names)}"
        )
    return read_board(root / BOARDS / name, root)


def check_twin(name: str) -> None:
    """Raise `DescriptionError` unless there can be a twin of this name, which is that of a board or a machine."""
    boards, machines = board_names(), machine_names(machine_root())
    if name not in boards and name not in machines and not name.endswith(".toml"):
        raise DescriptionError(
            f"a twin must be that of a board, {', '.join(boards)}, or of a machine, {', '.join(machines)}, or of a file"
            f" that ends in .toml; it was {name!r}{nearest(name, [*boards, *machines])}"
        )


def read_board(folder: Path, root: Path) -> Board:
    """Read the folder of a board; its machine is one of those below `root`. Raises `DescriptionError`."""
    path = folder / BOARD_FILE
    table = read_file(path, path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path))
    clock, build = table.table("clock"), table.table("build")
    board = Board(
        name=folder.name,
        folder=folder.resolve(),
        description=table.text("description"),
        machine=_read_machine(table, clock, root),
        part=_read_part(table.table("part")),
        link=_read_link(table.table("link")),
        constraints=_read_constraints(build, folder),
        fill=build.integer("fill", 1, 100, 90),
        seed=build.integer("seed", 1, 0xFFFF, 1),
        loader=_read_loader(table.table("loader")),
        pins=_read_pins(table.table("pins")) if table.has("pins") else None,
    )
    for each in (clock, build, table):
        each.finish()
    _check_rate(table, board)
    if board.pins is not None and board.part.family != WITH_PINS:
        table.refuse(
            "pins",
            f"it may stand only in a board of the family {WITH_PINS}; the family was {board.part.family}",
        )
    if board.pins is not None and isinstance(board.link, UsbLink):
        table.refuse("pins", "it may stand only in a board with a serial port; link.kind was 'usb'")
    return board


def _read_machine(table: Table, clock: Table, root: Path) -> MachineDescription:
    name = table.text("machine")
    try:
        machine = load_machine(name, root)
    except DescriptionError as error:
        table.refuse("machine", str(error))
    if machine.with_pads:
        pads = ", ".join(map(str, machine.with_pads))
        table.refuse("machine", f"a board's machine must have no pads; {name} has those of {pads}")
    return dataclasses.replace(machine, frequency=clock.integer("frequency", 1_000_000, 1_000_000_000))


def _read_part(table: Table) -> Part:
    part = Part(
        family=table.choice("family", tuple(FAMILIES)),
        name=table.text("name"),
        options=table.texts("options"),
        identity=table.text("identity"),
    )
    table.finish()
    return part


def _read_link(table: Table) -> SerialLink | UsbLink:
    if table.choice("kind", LINKS) == "usb":
        table.finish()
        return UsbLink(UsbId(usb_device.VENDOR, usb_device.PRODUCT))
    link = SerialLink(
        baud=table.integer("baud", 300, 12_000_000),
        usb=table.parsed("usb", UsbId.parse) if table.has("usb") else None,
    )
    table.finish()
    return link


def _read_constraints(table: Table, folder: Path) -> str:
    name = table.text("constraints")
    if not (folder / name).is_file():
        table.refuse("constraints", f"it must be a file beside {BOARD_FILE}; there is no {name!r}")
    return name


def _read_loader(table: Table) -> Loader:
    loader = Loader(
        programs=table.texts("programs"),
        board=table.text("board"),
        usb=table.parsed("usb", UsbId.parse),
    )
    if not loader.programs:
        table.refuse("programs", f"it must be one or more of {', '.join(LOADERS)}; it was []")
    for program in loader.programs:
        if program not in LOADERS:
            known = nearest(program, tuple(LOADERS))
            table.refuse(
                "programs", f"a loader must be one of {', '.join(LOADERS)}; it was {program!r}{known}"
            )
    table.finish()
    return loader


def _read_pins(table: Table) -> Pins:
    pins = Pins(clock=table.text("clock"), rx=table.text("rx"), tx=table.text("tx"))
    table.finish()
    return pins


def _check_rate(table: Table, board: Board) -> None:
    """Refuse a rate that the clock of the board cannot make."""
    if isinstance(board.link, UsbLink):
        if board.machine.frequency != USB_FREQUENCY:
            table.refuse(
                "clock.frequency",
                f"it must be {USB_FREQUENCY:,} Hz, the clock of the USB core; it was {board.machine.frequency:,}",
            )
        return
    clocks, wanted = board.link.clocks_per_bit(board.machine.frequency), board.link.baud
    made = board.machine.frequency / clocks if clocks else 0.0
    if clocks < LEAST_CLOCKS_PER_BIT or abs(made - wanted) > LARGEST_ERROR * wanted:
        table.refuse(
            "link.baud",
            f"it must be the clock, {board.machine.frequency:,} Hz, through a whole number from"
            f" {LEAST_CLOCKS_PER_BIT} on, to {LARGEST_ERROR:.1%}; it was {wanted:,}",
        )
