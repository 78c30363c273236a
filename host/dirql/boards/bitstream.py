# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The part for which a bitstream is, as the bitstream itself says it."""

from __future__ import annotations

import re

__all__ = ["part_in"]

_COMMENT_END = 512
"""The bytes at the begin of a bitstream of the ECP5 that can be comments."""
_ICE40_SYNC = b"\x7e\xaa\x99\x7e"
_ICE40_ARGUMENTS = {0: 0, 1: 1, 2: 2, 5: 1, 6: 2, 7: 2, 8: 2, 9: 1}
"""The commands of the iCE40 without data, by the upper digit of their first byte, with the bytes of their arguments."""
_GOWIN_IDENTITY = "00000110"
"""The command of a bitstream of Gowin that is followed by the identity of the part."""


def part_in(octets: bytes, family: str) -> str | None:
    """The mark of the part in a bitstream, as `board.toml` has it; None if there is none."""
    return {"ice40": _ice40, "ecp5": _ecp5, "gowin": _gowin}[family](octets)


def _ecp5(octets: bytes) -> str | None:
    """The name of the part without speed and package, from the comment that the packer writes."""
    found = re.search(rb"Part: (LFE5\w+-\w+)", octets[:_COMMENT_END])
    return found[1].decode() if found else None


def _gowin(octets: bytes) -> str | None:
    """The identity code, from the first lines of digits."""
    for line in octets.decode("ascii", "replace").splitlines():
        digits = line.strip()
        if digits.startswith(_GOWIN_IDENTITY) and len(digits) == 64:
            return f"{int(digits[32:], 2):08x}"
    return None


def _ice40(octets: bytes) -> str | None:
    """The width and the height of a bank of the configuration, from the commands before the first data."""
    at = octets.find(_ICE40_SYNC)
    if at < 0:
        return None
    at += len(_ICE40_SYNC)
    width = height = None
    while at + 2 < len(octets) and (width is None or height is None):
        command, count = octets[at] >> 4, octets[at] & 0xF
        argument = int.from_bytes(octets[at + 1 : at + 1 + count], "big")
        width = argument + 1 if command == 6 else width
        height = argument if command == 7 else height
        at += 1 + count
    return None if width is None or height is None else f"{width}x{height}"
