# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Security identifiers in their binary form ([MS-DTYP], section 2.4.2), and the names that SDDL has for them."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["HEAD_SIZE", "MOST_SUB_AUTHORITIES", "WELL_KNOWN", "sid_of", "sid_text"]

_TEXT: Final = re.compile(r"S-1-(0x[0-9A-Fa-f]{1,12}|[0-9]{1,10})((?:-[0-9]{1,10}){0,15})")
_LARGEST: Final = 0xFFFF_FFFF
HEAD_SIZE: Final = 8
"""The bytes in front of the parts."""
MOST_SUB_AUTHORITIES: Final = 15

WELL_KNOWN: Final = {
    "AC": "S-1-15-2-1",
    "AN": "S-1-5-7",
    "AO": "S-1-5-32-548",
    "AU": "S-1-5-11",
    "BA": "S-1-5-32-544",
    "BG": "S-1-5-32-546",
    "BO": "S-1-5-32-551",
    "BU": "S-1-5-32-545",
    "CG": "S-1-3-1",
    "CO": "S-1-3-0",
    "IU": "S-1-5-4",
    "LS": "S-1-5-19",
    "NO": "S-1-5-32-556",
    "NS": "S-1-5-20",
    "NU": "S-1-5-2",
    "OW": "S-1-3-4",
    "PO": "S-1-5-32-550",
    "PS": "S-1-5-10",
    "PU": "S-1-5-32-547",
    "RC": "S-1-5-12",
    "RD": "S-1-5-32-555",
    "RE": "S-1-5-32-552",
    "RU": "S-1-5-32-554",
    "SO": "S-1-5-32-549",
    "SU": "S-1-5-6",
    "SY": "S-1-5-18",
    "UD": "S-1-5-84-0-0-0-0-0",
    "WD": "S-1-1-0",
    "WR": "S-1-5-33",
}
"""The identifiers that SDDL names by two letters ([MS-DTYP], section 2.5.1.1), but those of domains."""


def sid_of(text: str) -> bytes | None:
    """The identifier that a text names, by two letters or as S-1-…; None for another text."""
    found = _TEXT.fullmatch(WELL_KNOWN.get(text.upper(), text.upper().replace("0X", "0x")))
    if found is None:
        return None
    authority = int(found[1], 0) if found[1].startswith("0x") else int(found[1])
    parts = [int(part) for part in found[2].split("-")[1:]]
    if any(part > _LARGEST for part in parts):
        return None
    head = bytes([1, len(parts)]) + authority.to_bytes(6, "big")
    return head + b"".join(part.to_bytes(4, "little") for part in parts)


def sid_text(sid: bytes) -> str:
    """The text of an identifier, as S-1-5-18."""
    authority = int.from_bytes(sid[2:HEAD_SIZE], "big")
    parts = [int.from_bytes(sid[place : place + 4], "little") for place in range(HEAD_SIZE, len(sid), 4)]
    first = str(authority) if authority <= _LARGEST else f"0x{authority:012x}"
    return "-".join(["S-1", first, *map(str, parts)])
