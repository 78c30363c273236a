# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Checks of the arguments that a target is called with; their messages say which argument is wrong and why."""

from __future__ import annotations

__all__ = ["check_access", "check_burst", "check_clocks", "check_dword", "lag_of"]

_DWORD = 0xFFFF_FFFF
_NEAR = 1_000
"""The clocks of an access, at most, that count as those of the machine; 30 µs at 33 MHz."""


def check_access(address: int, byte_enables: int, datum: int = 0, *, is_io: bool = False) -> None:
    """Raise `ValueError` unless a single transaction can carry these arguments; `is_io` stands for I/O space."""
    if not 0 <= byte_enables <= 0xF:
        raise ValueError(f"byte enables must be 0 to 0xF, one bit per byte lane; they were {byte_enables:#x}")
    check_dword("the value", datum)
    check_dword("the address", address)
    lane = address & 3
    if not is_io:
        if lane:
            raise ValueError(
                f"the address of a memory or configuration access must be dword aligned; it was {address:#010x}:"
                " choose bytes with the byte enables"
            )
    elif byte_enables and lane != (byte_enables & -byte_enables).bit_length() - 1:
        raise ValueError(
            f"the low two bits of an I/O address must be the number of the lowest enabled byte; the address was"
            f" {address:#010x}, the byte enables {byte_enables:#x}"
        )


def check_burst(address: int, size: int, *, is_io: bool = False) -> None:
    """Raise `ValueError` unless a burst, or with `is_io` a string, can move `size` bytes at `address`.

    A burst moves them to or from consecutive addresses of memory space, a string to or from one address of I/O space.
    """
    check_access(address, 0xF, is_io=is_io)
    if size % 4:
        raise ValueError(f"the length of a burst or a string must be a multiple of 4 bytes; it was {size}")
    if not is_io and address + size > _DWORD + 1:
        raise ValueError(
            f"a burst must end at or below address 0xffffffff; it had {size} bytes from {address:#010x}"
        )


def check_clocks(what: str, clocks: int) -> int:
    """Return `clocks`; raise `ValueError` for a negative number or one that does not fit 63 bits."""
    if not 0 <= clocks < 1 << 63:
        raise ValueError(f"{what} must be 0 … 2**63 - 1; it was {clocks}")
    return clocks


def check_dword(what: str, value: int) -> int:
    """Return `value`; raise `ValueError` unless it is an unsigned 32-bit integer."""
    if not 0 <= value <= _DWORD:
        raise ValueError(f"{what} must be an unsigned 32-bit integer; it was {value:#x}")
    return value


def lag_of(clocks: int) -> int:
    """The part of the clocks of one access through a link that `Clock.lag` counts: all but the first."""
    return max(0, clocks - _NEAR)
