# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Checks of the arguments that a target is called with; their messages say which argument is wrong and why."""

from __future__ import annotations

__all__ = ["check_access", "check_burst", "check_clocks", "check_dword"]

_DWORD = 0xFFFF_FFFF


def check_access(address: int, byte_enables: int, datum: int = 0, *, is_io: bool = False) -> None:
    """Raise `ValueError` unless one single transaction can carry these; `is_io` for I/O space."""
    if not 0 <= byte_enables <= 0xF:
        raise ValueError(f"byte enables must be 0 to 0xF, one bit per byte lane, and are {byte_enables:#x}")
    check_dword("the value", datum)
    check_dword("the address", address)
    lane = address & 3
    if not is_io:
        if lane:
            raise ValueError(
                f"the address of a memory or configuration access must be dword aligned and is {address:#010x};"
                " choose bytes with the byte enables"
            )
    elif byte_enables and lane != (byte_enables & -byte_enables).bit_length() - 1:
        raise ValueError(
            f"the low bits of an I/O address must name the lowest enabled byte: {address:#010x} names lane {lane},"
            f" the byte enables are {byte_enables:#x}"
        )


def check_burst(address: int, size: int, *, is_io: bool = False) -> None:
    """Raise `ValueError` unless `size` bytes can move: in memory space from `address` on, in I/O space all at it."""
    check_access(address, 0xF, is_io=is_io)
    if size % 4:
        raise ValueError(f"the length of a burst or a string must be a multiple of 4 bytes and is {size}")
    if not is_io and address + size > _DWORD + 1:
        raise ValueError(f"a burst must end within 32-bit addresses: {address:#010x} and {size} bytes do not")


def check_clocks(what: str, clocks: int) -> int:
    """Return `clocks`; raise `ValueError` unless it is a count of clocks."""
    if not 0 <= clocks < 1 << 63:
        raise ValueError(f"{what} must be 0 or more (and below 2**63) and is {clocks}")
    return clocks


def check_dword(what: str, value: int) -> int:
    """Return `value`; raise `ValueError` unless it is an unsigned 32-bit integer."""
    if not 0 <= value <= _DWORD:
        raise ValueError(f"{what} must be an unsigned 32-bit integer and is {value:#x}")
    return value
