# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Files that a run leaves behind: one that cannot be written is found before the run, and none is left half written."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

__all__ = ["FileNotWritten", "obstacle", "replaced", "written"]


class FileNotWritten(OSError):
    """A file could not be written to its end; the message names it."""


def obstacle(path: Path) -> str:
    """The reason for which a file cannot be written, in words, such as "it is a folder"; "" if it can be written."""
    try:
        if path.is_dir():
            return "it is a folder"
        if path.exists() and not path.is_file():  # a pipe or a device, which somebody may be reading already
            return "" if os.access(path, os.W_OK) else "permission denied"
        if not path.parent.is_dir():
            return f"there is no folder {path.parent}"
        existed = path.exists()
        path.open("ab").close()
        if not existed:
            path.unlink()
        return "" if os.statvfs(path.parent).f_bavail else "the disk is full"
    except (OSError, ValueError) as error:
        return (getattr(error, "strerror", None) or str(error)).lower()


@contextmanager
def written(path: Path) -> Iterator[BinaryIO]:
    """Open a file and write it in the block. Raises `FileNotWritten`; a part of the file does not stay."""
    opened = False
    try:
        with path.open("wb") as file:
            opened = True
            yield file
    except OSError as error:
        if opened and path.is_file():
            path.resolve().unlink()
        reason = (error.strerror or str(error)).lower()
        raise FileNotWritten(f"{path} could not be written: {reason}") from error


@contextmanager
def replaced(path: Path) -> Iterator[BinaryIO]:
    """Write a file in the block, which takes the place of the old one at the end; until then the old one stays.

    Raises `FileNotWritten`; the old file is then as before.
    """
    place = path.resolve()
    beside = place.with_name(f".{place.name}.{os.getpid()}.new")
    try:
        with beside.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if place.exists():
            beside.chmod(place.stat().st_mode & 0o7777)
        beside.replace(place)
    except OSError as error:
        beside.unlink(missing_ok=True)
        reason = (error.strerror or str(error)).lower()
        raise FileNotWritten(f"{path} could not be written: {reason}") from error
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
