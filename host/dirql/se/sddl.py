# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Descriptors of devices as texts: the part of SDDL that the WDK's page "SDDL for Device Objects" allows."""

from __future__ import annotations

import re
from typing import Final

from dirql.nt.constants import (
    DELETE,
    FILE_ALL_ACCESS,
    FILE_GENERIC_EXECUTE,
    FILE_GENERIC_READ,
    FILE_GENERIC_WRITE,
    GENERIC_ALL,
    GENERIC_EXECUTE,
    GENERIC_READ,
    GENERIC_WRITE,
    READ_CONTROL,
    WRITE_DAC,
    WRITE_OWNER,
)
from dirql.se.descriptor import AccessEntry, Descriptor
from dirql.se.sid import sid_of

__all__ = ["SddlError", "parse_sddl"]

_RIGHTS: Final = {
    "GA": GENERIC_ALL,
    "GX": GENERIC_EXECUTE,
    "GW": GENERIC_WRITE,
    "GR": GENERIC_READ,
    "SD": DELETE,
    "RC": READ_CONTROL,
    "WD": WRITE_DAC,
    "WO": WRITE_OWNER,
    "CC": 0x1,
    "DC": 0x2,
    "LC": 0x4,
    "SW": 0x8,
    "RP": 0x10,
    "WP": 0x20,
    "DT": 0x40,
    "LO": 0x80,
    "CR": 0x100,
    "FA": FILE_ALL_ACCESS,
    "FR": FILE_GENERIC_READ,
    "FW": FILE_GENERIC_WRITE,
    "FX": FILE_GENERIC_EXECUTE,
}
_FLAGS: Final = ("OI", "CI", "NP", "IO", "ID")
_LIST: Final = re.compile(r"D:(?:P|AR|AI)*((?:\([^()]*\))*)", re.IGNORECASE)
_NUMBER: Final = re.compile(r"0x[0-9A-Fa-f]{1,8}|[0-9]{1,10}", re.IGNORECASE)
_FIELDS: Final = 6
_LARGEST: Final = 0xFFFF_FFFF


class SddlError(ValueError):
    """A text is no descriptor of a device; the message says what is wrong."""


def parse_sddl(text: str) -> Descriptor:
    """The descriptor of a text such as D:P(A;;GA;;;SY); raises `SddlError`."""
    found = _LIST.fullmatch("".join(text.split()))
    if found is None:
        raise SddlError(
            f"the text of a device's descriptor must be D:P and entries in brackets; it was {text!r}"
        )
    return Descriptor(dacl=tuple(_entry(entry) for entry in re.findall(r"\(([^()]*)\)", found[1])))


def _entry(text: str) -> AccessEntry:
    fields = text.upper().split(";")
    if len(fields) != _FIELDS:
        raise SddlError(f"an entry must have {_FIELDS} fields (type;flags;rights;;;who); it was ({text})")
    kind, flags, rights, only_type, only_parent, who = fields
    if kind not in ("A", "D"):
        raise SddlError(f"the type of an entry must be A (allow) or D (deny); it was {kind!r} in ({text})")
    named = [flags[place : place + 2] for place in range(0, len(flags), 2)]
    if only_type or only_parent or any(flag not in _FLAGS for flag in named):
        raise SddlError(f"an entry of a device must have no objects and no other flags; it was ({text})")
    sid = sid_of(who)
    if sid is None:
        raise SddlError(
            f"an entry must end with two letters of SDDL or S-1-…, who has the rights; it was {who!r}"
        )
    return AccessEntry(sid, _mask(rights, text), kind == "D", "IO" in named)


def _mask(rights: str, entry: str) -> int:
    if _NUMBER.fullmatch(rights):
        number = int(rights, 16 if rights.startswith("0X") else 10)
        if number <= _LARGEST:
            return number
    mask = 0
    for place in range(0, len(rights), 2):
        right = _RIGHTS.get(rights[place : place + 2])
        if right is None:
            names = ", ".join(_RIGHTS)
            raise SddlError(f"rights must be a number or of {names}; they were {rights!r} in ({entry})")
        mask |= right
    return mask
