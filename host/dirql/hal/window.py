# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The memory of a device, as a test reaches it: without the device's driver, and without the kernel.

A test that only writes and reads back through a driver believes a driver that keeps the data to itself, or that uses
the wrong place both times. This is the second way to the data. Each access takes clocks of the machine.
"""

from __future__ import annotations

from typing import Final

from dirql.hardware.description import Function
from dirql.registers import pci_configuration
from dirql.target.contract import Target

__all__ = ["DeviceWindow"]

_DWORD: Final = 4
_ALL_BYTES: Final = 0xF
_TYPE_BITS: Final = 0xF
"""The bits of a base address register for memory that are not part of the address."""


class DeviceWindow:
    """The bytes behind a base address register for memory, whose address is read from the register at each access."""

    __slots__ = ("_register", "_target", "function", "size")

    def __init__(self, target: Target, function: Function, bar: int) -> None:
        """Raises `ValueError` for a register that the function does not have."""
        self.function = function
        self.size = function.bar_size(bar)
        if not self.size:
            raise ValueError(f"the base address register must be one of {function}; it was {bar}")
        header = function.place.configuration_address
        self._register = header + pci_configuration.BAR.offset + pci_configuration.BAR.stride * bar
        self._target = target

    def read(self, offset: int, length: int) -> bytes:
        """The `length` bytes from `offset` on; raises `ValueError` for bytes beyond the window."""
        self._check(offset, length)
        lead = offset % _DWORD
        found = bytearray(-(-(lead + length) // _DWORD) * _DWORD)
        self._target.read_memory_burst(self._base() + offset - lead, memoryview(found))
        return bytes(found[lead : lead + length])

    def write(self, offset: int, data: bytes | bytearray | memoryview) -> None:
        """Change the bytes from `offset` on, and no others; raises `ValueError` for bytes beyond the window."""
        data = bytes(data)
        self._check(offset, len(data))
        base = self._base() + offset
        lead = min(-offset % _DWORD, len(data))
        whole = (len(data) - lead) // _DWORD * _DWORD
        if lead:
            self._write_part(base, data[:lead])
        if whole:
            self._target.write_memory_burst(base + lead, memoryview(data)[lead : lead + whole])
        if lead + whole < len(data):
            self._write_part(base + lead + whole, data[lead + whole :])

    def _write_part(self, address: int, data: bytes) -> None:
        """Write bytes of one dword."""
        lane = address % _DWORD
        value = int.from_bytes(data, "little") << 8 * lane
        byte_enables = ((1 << len(data)) - 1) << lane & _ALL_BYTES
        self._target.write_memory(address - lane, value, byte_enables)

    def _base(self) -> int:
        return self._target.read_configuration(self._register) & ~_TYPE_BITS

    def _check(self, offset: int, length: int) -> None:
        if offset < 0 or length < 0 or offset + length > self.size:
            raise ValueError(
                f"an access must lie within the {self.size} bytes of the window; it was {length} bytes at {offset:#x}"
            )
