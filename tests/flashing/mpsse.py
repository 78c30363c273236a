# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The serial engine of the FT2232H (FTDI's AN_108), as far as loaders use it to reach a flash memory."""

from __future__ import annotations

from flashing.spi_flash import SpiFlash

__all__ = ["Mpsse"]

SELECT, DONE = 0x10, 0x40
"""The pins of the low byte: chip select, low if selected, and CDONE of the FPGA."""
ARGUMENTS = {0x80: 2, 0x82: 2, 0x81: 0, 0x83: 0, 0x84: 0, 0x85: 0, 0x86: 2, 0x87: 0, 0x88: 0, 0x89: 0} | {
    **dict.fromkeys((0x8A, 0x8B, 0x8C, 0x8D, 0x96, 0x97), 0),
    0x8E: 1,
    0x8F: 2,
    0x9E: 2,
}
"""The commands that shift nothing, with the bytes of their arguments."""
WRITES, READS, BITS, MODE = 0x10, 0x20, 0x02, 0x40
"""Bits of the commands that shift."""


class Mpsse:
    """Takes bytes of commands, and gives the bytes that they answer."""

    def __init__(self, flash: SpiFlash) -> None:
        self._flash = flash
        self._waiting = bytearray()
        self._low = SELECT
        self.answers = bytearray()

    def feed(self, octets: bytes) -> None:
        """Take bytes; a command is carried out when it is complete."""
        self._waiting += octets
        while self._waiting and (used := self._carry_out()):
            del self._waiting[:used]

    def _carry_out(self) -> int:
        """Carry out the first command; the bytes that it took, 0 if some are missing."""
        code, have = self._waiting[0], len(self._waiting)
        if code & 0x80:
            size = 1 + ARGUMENTS.get(code, 0)
            if have >= size:
                self._do(code)
            return size if have >= size else 0
        return self._shift(code, have)

    def _do(self, code: int) -> None:
        if code == 0x80:
            self._low = self._waiting[1]
            self._flash.select(not self._low & SELECT)
        elif code == 0x81:
            self.answers.append(self._low | DONE)
        elif code == 0x83:
            self.answers.append(0)
        elif code not in ARGUMENTS:
            self.answers += bytes((0xFA, code))

    def _shift(self, code: int, have: int) -> int:
        is_bits = bool(code & BITS)
        head = 2 if is_bits else 3
        if have < head:
            return 0
        count = 1 if is_bits else int.from_bytes(self._waiting[1:3], "little") + 1
        size = head + (count if code & (WRITES | MODE) else 0)
        if have < size:
            return 0
        data = self._waiting[head:size] if code & WRITES else bytes(count)
        # Bits, and clocks on another pin, are for a chip that is not selected.
        is_plain = not (is_bits or code & MODE)
        read = bytes(map(self._flash.shift, data)) if is_plain else bytes(count)
        if code & READS:
            self.answers += read
        return size
