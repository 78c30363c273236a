# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Characters in the code pages of the system: ANSI 1252 and OEM 437, as Windows for the United States has them."""

from __future__ import annotations

from typing import Final

__all__ = ["ANSI", "OEM", "CodePage"]


class CodePage:
    """A code page with one byte for each character.

    A byte without a character stands for the control character of the same number. A UTF-16 unit that has no byte
    becomes a question mark.
    """

    __slots__ = ("_bytes", "_units")

    def __init__(self, codec: str) -> None:
        """`codec` is Python's name of the code page."""
        units = [bytes([number]).decode(codec, "ignore") or chr(number) for number in range(256)]
        self._units = tuple(unit.encode("utf-16-le") for unit in units)
        self._bytes = {unit: bytes([number]) for number, unit in reversed(tuple(enumerate(self._units)))}

    def to_unicode(self, text: bytes) -> bytes:
        """The UTF-16 units of the characters, two bytes for each."""
        return b"".join([self._units[number] for number in text])

    def from_unicode(self, units: bytes) -> bytes:
        """The characters of UTF-16 units, of which half a one at the end is left out."""
        whole = len(units) & ~1
        return b"".join([self._bytes.get(units[place : place + 2], b"?") for place in range(0, whole, 2)])


ANSI: Final = CodePage("cp1252")
OEM: Final = CodePage("cp437")
