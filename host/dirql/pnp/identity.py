# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Identification strings as IRP_MN_QUERY_ID carries them: wide characters in paged pool (row PNP-15)."""

from __future__ import annotations

from collections.abc import Sequence

from dirql.ke.bugcheck import bug_check
from dirql.mm import memory
from dirql.mm.allocation import allocate_pool2, free_pool, pool_tag
from dirql.nt.bugcodes import PNP_DETECTED_FATAL_ERROR, PNP_FATAL_BAD_ID
from dirql.nt.constants import MAX_DEVICE_ID_LEN, POOL_FLAG_PAGED
from dirql.nt.status import STATUS_INSUFFICIENT_RESOURCES, StatusException

__all__ = ["pool_strings", "take_strings"]

_TAG = pool_tag("PnpI")
_WIDE = "utf-16-le"
_NUL = "\0".encode(_WIDE)


def pool_strings(strings: Sequence[str], *, multiple: bool) -> int:
    """Put strings into paged pool: one with its NUL, or several with one more NUL at the end; the address."""
    text = "".join(f"{each}\0" for each in strings) + ("\0" if multiple else "")
    data = text.encode(_WIDE)
    address = allocate_pool2(POOL_FLAG_PAGED, len(data), _TAG)
    if address is None:
        raise StatusException(STATUS_INSUFFICIENT_RESOURCES)
    memory.write(address, data)
    return address


def take_strings(address: int, *, multiple: bool, device: object) -> list[str]:
    """Read what a bus driver put into pool, and free it.

    A string of 200 characters or more, with a comma, a control character or one beyond ASCII is bug check 0xCA/3.
    """
    strings: list[str] = []
    at = address
    while True:
        text = ""
        while (character := memory.read(at, 2)) != _NUL:
            text += character.decode(_WIDE)
            at += 2
        at += 2
        if multiple and not text:
            break
        strings.append(text)
        if not multiple:
            break
    free_pool(address)
    for text in strings:
        if len(text) >= MAX_DEVICE_ID_LEN or not all(" " <= c <= "\x7f" and c != "," for c in text):
            reason = f"an identification of {device!r} must be printable ASCII without commas, was {text!r}"
            bug_check(PNP_DETECTED_FATAL_ERROR, PNP_FATAL_BAD_ID, device, reason=reason)
    return strings
