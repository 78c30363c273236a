# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The identifier that names interfaces and classes of devices: a GUID."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Guid"]


@dataclass(frozen=True, slots=True)
class Guid:
    """A globally unique identifier (GUID): numbers of 32, 16 and 16 bits, and eight bytes."""

    data1: int
    data2: int
    data3: int
    data4: bytes

    def __post_init__(self) -> None:
        """Raise `ValueError` for a number that is too large, and for another number of bytes."""
        if not (0 <= self.data1 < 1 << 32 and 0 <= self.data2 < 1 << 16 and 0 <= self.data3 < 1 << 16):
            raise ValueError(
                "a GUID must begin with numbers of 32, 16 and 16 bits; they were"
                f" {self.data1:#x}, {self.data2:#x}, {self.data3:#x}"
            )
        if len(self.data4) != 8:
            raise ValueError(f"a GUID must end with eight bytes; it had {len(self.data4)}: {self.data4!r}")

    def __str__(self) -> str:
        """The form that the registry has: {xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx}, in upper case."""
        end = self.data4.hex().upper()
        return f"{{{self.data1:08X}-{self.data2:04X}-{self.data3:04X}-{end[:4]}-{end[4:]}}}"
