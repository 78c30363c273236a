# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Identification strings, which a bus driver answers to IRP_MN_QUERY_ID: wide characters in paged pool (row PNP-15)."""

from __future__ import annotations

from dirql.ke.bugcheck import bug_check
from dirql.mm import memory
from dirql.mm.allocation import free_pool
from dirql.nt.bugcodes import PNP_DETECTED_FATAL_ERROR, PNP_FATAL_BAD_ID
from dirql.nt.constants import (
    MAX_DEVICE_ID_LEN,
    BusQueryCompatibleIDs,
    BusQueryDeviceID,
    BusQueryHardwareIDs,
    BusQueryInstanceID,
)

__all__ = ["take_strings", "take_text"]

_WIDE = "utf-16-le"
_NUL = "\0".encode(_WIDE)
_NUMBERS = {BusQueryDeviceID: 1, BusQueryInstanceID: 2, BusQueryHardwareIDs: 3, BusQueryCompatibleIDs: 4}
"""Parameter 4 of the bug check for each kind of string."""


def take_strings(address: int, kind: int, *, multiple: bool, device: object) -> list[str]:
    """Read the strings of `device` that a bus driver put into pool at `address`, and free the pool.

    `kind` is the BUS_QUERY_ID_TYPE with which they were asked for. `multiple` strings end with an empty one. A string
    of 200 characters or more is bug check 0xCA/3, and so is one with a comma, a control character or a character beyond
    ASCII.
    """
    strings: list[str] = []
    at = address
    while True:
        text = _read_text(at)
        at += 2 * len(text) + 2
        if multiple and not text:
            break
        strings.append(text)
        if not multiple:
            break
    free_pool(address)
    for text in strings:
        if len(text) >= MAX_DEVICE_ID_LEN or not all(" " <= c <= "\x7f" and c != "," for c in text):
            reason = (
                f"an identification of {device!r} must be printable ASCII without commas; it was {text!r}"
            )
            number = _NUMBERS.get(kind, 0)
            bug_check(PNP_DETECTED_FATAL_ERROR, PNP_FATAL_BAD_ID, device, address, number, reason=reason)
    return strings


def take_text(address: int) -> str:
    """Read a text that a bus driver put into pool at `address`, and free the pool."""
    text = _read_text(address)
    free_pool(address)
    return text


def _read_text(address: int) -> str:
    """The text up to the NUL, a character for each unit."""
    units: list[bytes] = []
    while (unit := memory.read(address + 2 * len(units), 2)) != _NUL:
        units.append(unit)
    return "".join(chr(int.from_bytes(unit, "little")) for unit in units)
