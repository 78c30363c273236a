# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""A serial flash memory of 4 MiB, as it sits beside an FPGA of the family iCE40."""

from __future__ import annotations

__all__ = ["SpiFlash"]

IDENTITY = bytes.fromhex("ef4016")
SIZE = 4 << 20
ERASES = {0x20: 0x1000, 0x52: 0x8000, 0xD8: 0x1_0000, 0xC7: SIZE, 0x60: SIZE}
WRITE_ENABLE, WRITE_DISABLE, PROGRAM, READ, FAST_READ = 0x06, 0x04, 0x02, 0x03, 0x0B
ANSWERS = {0x9F: IDENTITY, 0xAB: bytes(3) + IDENTITY[1:2], 0x35: bytes(1)}


class SpiFlash:
    """The flash. One command lasts as long as the chip is selected."""

    def __init__(self, stuck: int | None = None) -> None:
        """`stuck` is an address whose bit 0 cannot be cleared."""
        self.memory = bytearray(b"\xff" * SIZE)
        self._stuck = stuck
        self._enabled = False
        self._command = bytearray()
        self._selected = False

    def select(self, selected: bool) -> None:
        """Begin a command, or end it."""
        if self._selected and not selected:
            self._carry_out()
        if selected and not self._selected:
            self._command.clear()
        self._selected = selected

    def shift(self, octet: int) -> int:
        """A byte in, a byte out at the same time."""
        if not self._selected:
            return 0xFF
        answer = self._answer()
        self._command.append(octet)
        return answer

    def _answer(self) -> int:
        """The byte that goes out while the next one comes in."""
        sent = self._command
        if not sent:
            return 0xFF
        place = len(sent) - 1
        if sent[0] == 0x05:
            return 0x02 if self._enabled else 0x00
        if sent[0] in ANSWERS:
            fixed = ANSWERS[sent[0]]
            return fixed[place % len(fixed)]
        head = {READ: 4, FAST_READ: 5}.get(sent[0])
        if head is None or len(sent) < head:
            return 0xFF
        return self.memory[(self._address + len(sent) - head) % SIZE]

    @property
    def _address(self) -> int:
        return int.from_bytes(self._command[1:4], "big")

    def _carry_out(self) -> None:
        if not self._command:
            return
        code = self._command[0]
        if code in (WRITE_ENABLE, WRITE_DISABLE):
            self._enabled = code == WRITE_ENABLE
        elif self._enabled and (code in ERASES or code == PROGRAM):
            if code == PROGRAM:
                self._program(self._address, bytes(self._command[4:]))
            else:
                size = ERASES[code]
                start = 0 if size == SIZE else self._address // size * size
                self.memory[start : start + size] = b"\xff" * size
            self._enabled = False

    def _program(self, address: int, data: bytes) -> None:
        """Clear the bits that are 0 in the data; an address beyond the page begins it again."""
        page = address & ~0xFF
        for place, octet in enumerate(data):
            at = page | (address + place & 0xFF)
            kept = 1 if at == self._stuck else 0
            self.memory[at] &= octet | kept
