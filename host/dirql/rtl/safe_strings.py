# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The rules of the safe string routines, for characters of one and of two bytes.

A buffer has `capacity` characters. A text that does not fit is cut, ends with a NUL, and gives
STATUS_BUFFER_OVERFLOW; a buffer without room for a NUL gives STATUS_INVALID_PARAMETER.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from dirql.ke.processors.contract import KeptContract
from dirql.nt.constants import (
    STRSAFE_FILL_BEHIND_NULL,
    STRSAFE_FILL_ON_FAILURE,
    STRSAFE_IGNORE_NULLS,
    STRSAFE_NO_TRUNCATION,
    STRSAFE_NULL_ON_FAILURE,
)
from dirql.nt.ntstatus import nt_success
from dirql.nt.status import STATUS_BUFFER_OVERFLOW, STATUS_INVALID_PARAMETER, STATUS_SUCCESS
from dirql.rtl.formatting import format_text
from dirql.rtl.memory import read_terminated, write
from dirql.rtl.strings import Characters, ansi_bytes

__all__ = [
    "MOST",
    "Extended",
    "cat",
    "cat_ex",
    "characters",
    "copy",
    "copy_ex",
    "formatted",
    "length",
    "terminated",
]

MOST: Final = 0x7FFF_FFFF
"""The most characters that a routine handles, NTSTRSAFE_MAX_CCH."""
_HANDLED: Final = STRSAFE_NO_TRUNCATION | STRSAFE_FILL_ON_FAILURE | STRSAFE_NULL_ON_FAILURE
_VALID: Final = 0xFF | STRSAFE_FILL_BEHIND_NULL | STRSAFE_IGNORE_NULLS | _HANDLED


class Extended(NamedTuple):
    """The results of an extended routine: status, the address of the NUL at the end, and the characters left there.

    Address and number are None if the status is neither a success nor STATUS_BUFFER_OVERFLOW.
    """

    status: int
    end: int | None
    left: int | None


def characters(source: Characters, width: int, most: int | None = None) -> bytes | None:
    """The bytes of a text up to its NUL, or of `most` characters; None for NULL."""
    if source is None:
        return None
    limit = None if most is None else most * width
    if isinstance(source, int):
        return read_terminated(source, width, limit)
    if isinstance(source, str):
        source = source.encode("utf-16-le", "surrogatepass") if width == 2 else ansi_bytes(source)
    return _until_nul(source, width)[:limit]


def terminated(text: bytes, width: int) -> str:
    """The characters as a string."""
    return text.decode("utf-16-le", "surrogatepass") if width == 2 else text.decode("cp1252", "replace")


def formatted(kept: KeptContract, source: Characters, arguments: object, width: int) -> bytes:
    """The characters that a format and its arguments make."""
    if not isinstance(arguments, tuple):
        kept.refuse_argument("argList", "arguments in parentheses, which make a tuple", arguments)
    template = characters(source, width) or b""
    try:
        text = format_text(terminated(template, width), arguments, is_wide=width == 2).text
    except (TypeError, ValueError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"{kept.stated.routine}: {error}") from error
    return characters(text, width) or b""


def length(source: int | None, most: int, width: int) -> tuple[int, int | None]:
    """The number of characters before the NUL: (status, number)."""
    if source is None or most > MOST:
        return STATUS_INVALID_PARAMETER, None
    size = len(read_terminated(source, width, most * width)) // width
    return (STATUS_INVALID_PARAMETER, None) if size >= most else (STATUS_SUCCESS, size)


def copy(destination: int | None, capacity: int, source: bytes | None, width: int) -> int:
    """Put a text into a buffer."""
    if not 0 < capacity <= MOST:
        return STATUS_INVALID_PARAMETER
    if source is None:
        write(destination, bytes(width))
        return STATUS_INVALID_PARAMETER
    text = source[: (capacity - 1) * width]
    write(destination, text + bytes(width))
    return STATUS_SUCCESS if len(text) == len(source) else STATUS_BUFFER_OVERFLOW


def cat(destination: int | None, capacity: int, source: bytes | None, width: int) -> int:
    """Put a text behind the one in a buffer."""
    status, size = length(destination, capacity, width) if capacity else (STATUS_INVALID_PARAMETER, None)
    if size is None or source is None or destination is None:
        return status or STATUS_INVALID_PARAMETER
    return copy(destination + size * width, capacity - size, source, width)


def copy_ex(destination: int | None, capacity: int, source: bytes | None, width: int, flags: int) -> Extended:
    """Put a text into a buffer, by the rules that the flags choose."""
    return _put(destination, capacity, source, width, flags, 0)


def cat_ex(destination: int | None, capacity: int, source: bytes | None, width: int, flags: int) -> Extended:
    """Put a text behind the one in a buffer, by the rules that the flags choose."""
    if destination is None or not capacity:
        return _put(destination, capacity, source, width, flags, 0)
    _, size = length(destination, capacity, width)
    if size is None:
        return Extended(STATUS_INVALID_PARAMETER, None, None)
    return _put(destination, capacity, source, width, flags, size)


def _put(
    destination: int | None, capacity: int, source: bytes | None, width: int, flags: int, start: int
) -> Extended:
    """Put a text into a buffer behind the `start` characters that are there."""
    ignores = bool(flags & STRSAFE_IGNORE_NULLS)
    is_buffer = (destination is not None or not capacity) if ignores else capacity > 0
    if not is_buffer or capacity > MOST:
        return Extended(STATUS_INVALID_PARAMETER, None, None)
    text = b"" if source is None and ignores else source
    if flags & ~_VALID or text is None:
        return _fail(destination, capacity, width, flags, start, STATUS_INVALID_PARAMETER)
    if destination is None or not capacity:
        if not text:
            return Extended(STATUS_SUCCESS, destination, capacity)
        status = STATUS_INVALID_PARAMETER if destination is None else STATUS_BUFFER_OVERFLOW
        return Extended(status, destination, None if destination is None else 0)
    begin = destination + start * width
    room = capacity - start
    status = copy(begin, room, text, width)
    if status != STATUS_SUCCESS and flags & _HANDLED:
        return _fail(destination, capacity, width, flags, start, status)
    written = min(len(text) // width, room - 1)
    left = room - written
    if nt_success(status) and flags & STRSAFE_FILL_BEHIND_NULL:
        write(begin + (written + 1) * width, bytes([flags & 0xFF]) * ((left - 1) * width))
    return Extended(status, begin + written * width, left)


def _fail(
    destination: int | None, capacity: int, width: int, flags: int, start: int, status: int
) -> Extended:
    """Leave the buffer as the flags ask for after a failure."""
    end, left = start, capacity - start
    if destination is None or not capacity:
        return Extended(status, None, None)
    if flags & STRSAFE_FILL_ON_FAILURE:
        fill = flags & 0xFF
        end, left = (capacity - 1, 1) if fill else (0, capacity)
        write(destination, bytes([fill]) * ((capacity - 1) * width) + bytes(width))
    if flags & STRSAFE_NULL_ON_FAILURE or not flags & (STRSAFE_FILL_ON_FAILURE | STRSAFE_NO_TRUNCATION):
        end, left = 0, capacity
    write(destination + end * width, bytes(width))
    if status != STATUS_BUFFER_OVERFLOW:
        return Extended(status, None, None)
    return Extended(status, destination + end * width, left)


def _until_nul(text: bytes, width: int) -> bytes:
    for place in range(0, len(text), width):
        if not any(text[place : place + width]):
            return text[:place]
    return text
