# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Writes a bitstream to a board with an unmodified loader, after everything that can be checked was checked."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from dirql.boards.asking import Identity
from dirql.boards.bitstream import part_in
from dirql.boards.description import Board
from dirql.boards.loaders import LOADERS, Program, find_loader, load_command
from dirql.boards.record import Record, RecordError
from dirql.boards.usb import RULES, find_devices, udev_rule
from dirql.hardware.identity import machine_number

__all__ = ["Ask", "FlashError", "check_bitstream", "check_cable", "flash", "loader_of"]

Ask = Callable[[], Identity | None]
"""Asks the board for its identity; None if it does not answer."""

LOAD_LIMIT = 300.0
"""The longest time, in seconds, that a loader may take."""

ASKS = 20
"""The times that a board is asked after it was written: its USB device may have to come again, which takes a while."""
ASK_EVERY = 0.25
"""The seconds between two of them."""

FAILURE = r"\b(fail|error|mismatch)"
"""Words of a loader that failed, whatever its exit code says."""

_NOT_OPEN = "unable to open (ftdi|usb)|failed to claim cable|can't (find|read info)"
_LOST = r"usb bulk|(receive|send) error|(fail|error)\w* (read|writ)|lost|no such device|shut ?down"
_OTHER_PART = "unknown device|parse file fail|idcode.*(mismatch|unknown)|mismatch"
_REASONS = (
    ("error while loading shared libraries", "the loader lacks a library of the system"),
    (_NOT_OPEN, "the cable could not be opened"),
    (_LOST, "the cable was lost in the middle"),
    (r"verif\w*.*(fail|error|mismatch)|found difference", "what was read back is not what was written"),
    (_OTHER_PART, "the part on the board is another one"),
    ("fail", "the part did not take the bitstream"),
)
"""Words of loaders, and their meaning."""


class FlashError(Exception):
    """The board was not flashed; the message says why, and what to do."""


def check_bitstream(board: Board, file: Path) -> Record:
    """The record of a bitstream that is for this board. Raises `FlashError`."""
    try:
        record = Record.read(file)
    except RecordError as error:
        raise FlashError(str(error)) from error
    number = machine_number(board.machine).hex()
    again = f"build it with: dirql build {board.name}"
    if record.board != board.name:
        raise FlashError(
            f"{file} must be a bitstream of the board {board.name}; it is one of {record.board}: {again}"
        )
    if record.machine_number != number:
        raise FlashError(
            f"{file} must have the machine {board.machine.name}, number {number}; it has {record.machine}, number"
            f" {record.machine_number}: {again}"
        )
    part = part_in(file.read_bytes(), board.part.family)
    if part != board.part.identity:
        raise FlashError(
            f"{file} must be for the part {board.part.name}, which says {board.part.identity}; it says {part}: {again}"
        )
    return record


def loader_of(board: Board) -> Program:
    """The loader. Raises `FlashError` if none is installed."""
    program = find_loader(board)
    if program is None:
        ways = "; or ".join(f"{name}: {LOADERS[name]}" for name in board.loader.programs)
        raise FlashError(f"the board {board.name} needs a loader, and none is installed. Install {ways}")
    return program


def check_cable(board: Board) -> None:
    """Raise `FlashError` unless the cable is plugged in, and open to this user."""
    devices = find_devices(board.loader.usb)
    if not devices:
        raise FlashError(
            f"the board {board.name} must be plugged in, as a USB device {board.loader.usb}; there is none: plug it in"
        )
    if not any(device.is_open_to_user for device in devices):
        raise FlashError(
            f"{devices[0].node}, the cable of {board.name}, must be open to this user; access was denied: write this"
            f" line to {RULES}, run `udevadm control --reload` as root, and plug the board in again:"
            f"\n  {udev_rule(board.loader.usb)}"
        )


def check_program(program: Program, board: Board, *, keep: bool, xvc: str | None) -> None:
    """Raise `FlashError` for an option that the loader does not have."""
    if not keep and board.part.family == "ice40" and program.name == "openFPGALoader":
        raise FlashError(
            f"--ram must be used with iceprog on {board.name}: openFPGALoader writes the flash of an iCE40 in any"
            f" case. Install iceprog: {LOADERS['iceprog']}, and remove openFPGALoader; or leave --ram out"
        )
    if xvc is not None and program.name != "openFPGALoader":
        raise FlashError(
            f"--xvc must be used with openFPGALoader; {program.name} was found. Install openFPGALoader:"
            f" {LOADERS['openFPGALoader']}"
        )


def flash(
    board: Board,
    file: Path,
    ask: Ask | None,
    tell: Callable[[str], None],
    *,
    keep: bool = True,
    xvc: str | None = None,
    pause: Callable[[float], None] = time.sleep,
) -> None:
    """Write a bitstream: to the flash, or with `keep` false into the FPGA only. Raises `FlashError`.

    `ask` is None where no serial port is there to ask. `xvc` is a virtual cable, as host:port. `pause` lets seconds
    pass.
    """
    record = check_bitstream(board, file)
    program = loader_of(board)
    check_program(program, board, keep=keep, xvc=xvc)
    if xvc is None:
        check_cable(board)
    before = ask() if ask else None
    if before is not None:
        tell(f"{board.name} has build {before.build} of machine {before.machine}")
    tell(f"{board.name}: {program.name} writes {file}")
    run_loader(program, load_command(program, board, file, keep=keep, xvc=xvc), board)
    if ask is None:
        tell(f"{board.name} has build {record.build}, says the loader; there is no serial port to ask")
        return
    after = _ask_again(ask, pause)
    if after is None:
        raise FlashError(
            f"{board.name} must answer after it was written; it does not: switch it off and on, then see"
            " `dirql board-info`"
        )
    if after.build != record.build:
        raise FlashError(
            f"{board.name} must have build {record.build} after it was written; it has {after.build}: switch it off"
            " and on, then see `dirql board-info`"
        )
    tell(f"{board.name} has build {after.build} of machine {after.machine}")


def _ask_again(ask: Ask, pause: Callable[[float], None]) -> Identity | None:
    """The identity of a board that was just written; None if it does not answer within some seconds."""
    for _ in range(ASKS - 1):
        answer = ask()
        if answer is not None:
            return answer
        pause(ASK_EVERY)
    return ask()


def run_loader(program: Program, command: list[str], board: Board) -> None:
    """Run a loader. Raises `FlashError` with the reason if it failed."""
    try:
        done = subprocess.run(
            command,
            env=program.environment,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=LOAD_LIMIT,
        )
    except subprocess.TimeoutExpired as error:
        raise FlashError(
            f"{program.name} must end within {LOAD_LIMIT:g} s; it did not: unplug {board.name}, and try again"
        ) from error
    said = done.stdout + done.stderr
    # openFPGALoader 1.1 ends with 0 after a verification that failed, and after a cable that was pulled.
    if done.returncode or re.search(FAILURE, said, re.IGNORECASE):
        raise FlashError(
            f"{board.name} was not written: {_reason(said)}. {program.name} said: {_last_words(said)}"
        )


def _reason(said: str) -> str:
    return next(
        (reason for words, reason in _REASONS if re.search(words, said, re.IGNORECASE)), "the loader failed"
    )


def _last_words(said: str) -> str:
    """The lines that tell of a failure, or the last ones."""
    lines = [line.strip() for line in re.split(r"[\r\n]+", said) if line.strip()]
    telling = [line for line in lines if re.search(FAILURE, line, re.IGNORECASE) and len(line.split()) > 1]
    return "; ".join(list(dict.fromkeys(telling))[:2] or lines[-2:]) or "nothing"
