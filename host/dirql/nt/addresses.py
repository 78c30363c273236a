# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The types of addresses that are not virtual: PHYSICAL_ADDRESS, and the address that a device uses for DMA.

A virtual address is a plain `int`. A physical address says where a byte is for the processor's bus: RAM, or a register
of a device. A logical address says where a device finds a byte in a DMA transfer. The two are different types, so that
one cannot be passed for the other; in C both are PHYSICAL_ADDRESS, and drivers confuse them.
"""

from __future__ import annotations

from typing import Self

__all__ = ["LogicalAddress", "PhysicalAddress", "unsigned"]

_BITS = 64
_LOW_BITS = 32


class _Address(int):
    """An unsigned number of 64 bits with the members of LARGE_INTEGER; arithmetic gives a plain `int`."""

    __slots__ = ()

    def __new__(cls, value: int) -> Self:
        """Make an address; raises `ValueError` for a number that 64 bits cannot hold."""
        if value >> _BITS:  # not 0 for a negative number too
            raise ValueError(f"a {cls.__name__} must be 0 to 2^{_BITS} - 1; it was {value:#x}")
        return int.__new__(cls, value)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({int(self):#x})"

    @property
    def quad_part(self) -> int:
        """The whole address, as QuadPart of LARGE_INTEGER."""
        return int(self)

    @property
    def low_part(self) -> int:
        """The lower 32 bits, as LowPart of LARGE_INTEGER."""
        return self & (1 << _LOW_BITS) - 1

    @property
    def high_part(self) -> int:
        """The upper 32 bits, as HighPart of LARGE_INTEGER."""
        return self >> _LOW_BITS


class PhysicalAddress(_Address):
    """The address of a byte of RAM or of a device's register on the processor's bus; follows PHYSICAL_ADDRESS."""

    __slots__ = ()


class LogicalAddress(_Address):
    """The address at which a device finds a byte of memory in a DMA transfer.

    The WDK declares it as PHYSICAL_ADDRESS.
    """

    __slots__ = ()


def unsigned(address: int) -> int:
    """An address as a number of 64 bits without a sign; drivers in C write -1 for the highest one."""
    return address & (1 << _BITS) - 1
