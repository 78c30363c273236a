# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""A virtual cable (Xilinx' protocol XVC 1.0 over TCP) with the JTAG port of an ECP5 behind it.

The instructions and the status are those of Lattice's "ECP5 sysCONFIG User Guide" (FPGA-TN-02039).
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections import deque
from collections.abc import Callable, Iterator

__all__ = ["LFE5U_25", "LFE5U_45", "Ecp5", "cable"]

LFE5U_25, LFE5U_45 = 0x4111_1043, 0x4111_2043
READ_ID, READ_STATUS, ENABLE, ERASE, DISABLE, BURST = 0xE0, 0x3C, 0xC6, 0x0E, 0x26, 0x7A
DONE, ENABLED, FAILED = 1 << 8, 1 << 9, 1 << 13 | 3 << 23
"""Bits of the status; FAILED has the code of a wrong CRC, too."""

_NEXT = {
    "reset": ("idle", "reset"),
    "idle": ("idle", "select dr"),
    "select dr": ("capture dr", "select ir"),
    "capture dr": ("shift dr", "exit1 dr"),
    "shift dr": ("shift dr", "exit1 dr"),
    "exit1 dr": ("pause dr", "update dr"),
    "pause dr": ("pause dr", "exit2 dr"),
    "exit2 dr": ("shift dr", "update dr"),
    "update dr": ("idle", "select dr"),
    "select ir": ("capture ir", "reset"),
    "capture ir": ("shift ir", "exit1 ir"),
    "shift ir": ("shift ir", "exit1 ir"),
    "exit1 ir": ("pause ir", "update ir"),
    "pause ir": ("pause ir", "exit2 ir"),
    "exit2 ir": ("shift ir", "update ir"),
    "update ir": ("idle", "select dr"),
}
"""The states of a JTAG port, each with the state after TMS 0 and after TMS 1."""


class Ecp5:
    """The part: its JTAG port, and what was loaded."""

    def __init__(
        self, identity: int = LFE5U_25, *, can_be_enabled: bool = True, takes: int | None = None
    ) -> None:
        """`takes` is the number of bytes after which the part finds an error in the bitstream."""
        self.loaded = b""
        self._identity = identity
        self._can_be_enabled = can_be_enabled
        self._takes = takes
        self._status = 0
        self._state = "reset"
        self._instruction = READ_ID
        self._shifted: list[int] = []
        self._out = deque(_bits(0, 1))

    def clock(self, tms: int, tdi: int) -> int:
        """A clock of TCK; the level of TDO before it."""
        tdo = self._out[0]
        if self._state in ("shift dr", "shift ir"):
            self._shifted.append(tdi)
            self._out.append(tdi)
            self._out.popleft()
        self._state = _NEXT[self._state][tms]
        if self._state.startswith("capture"):
            self._shifted = []
            self._out = deque(_bits(1, 8) if self._state == "capture ir" else self._captured())
        elif self._state == "update ir":
            self._begin(sum(bit << place for place, bit in enumerate(self._shifted[-8:])))
        elif self._state == "update dr" and self._instruction == BURST:
            self._load()
        elif self._state == "reset":
            self._instruction = READ_ID
        return tdo

    def _captured(self) -> list[int]:
        """The register that an instruction reads."""
        values = {READ_ID: self._identity, READ_STATUS: self._status}
        return _bits(values.get(self._instruction, 0), 32)

    def _begin(self, instruction: int) -> None:
        self._instruction = instruction
        if instruction == ENABLE and self._can_be_enabled:
            self._status = ENABLED | self._status & DONE
        elif instruction == ERASE:
            self._status &= ~DONE
        elif instruction == DISABLE:
            self._status &= ~ENABLED

    def _load(self) -> None:
        """Take a bitstream, the highest bit of each byte first."""
        bits = "".join(map(str, self._shifted))
        self.loaded = int(bits or "0", 2).to_bytes(len(bits) // 8, "big")
        failed = self._takes is not None and len(self.loaded) >= self._takes
        self._status |= FAILED if failed else DONE


def _bits(value: int, count: int) -> list[int]:
    return [value >> place & 1 for place in range(count)]


@contextlib.contextmanager
def cable(part: Ecp5, *, ends_after: int | None = None) -> Iterator[str]:
    """Serve the part; the address is host:port. The cable is pulled after the number of shifts in `ends_after`."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=_serve, args=(server, part, ends_after))
        thread.start()
        try:
            yield f"127.0.0.1:{server.getsockname()[1]}"
        finally:
            with contextlib.suppress(OSError):
                server.shutdown(socket.SHUT_RDWR)
            thread.join()


def _serve(server: socket.socket, part: Ecp5, ends_after: int | None) -> None:
    with contextlib.suppress(OSError, EOFError):
        client, _ = server.accept()
        with client, client.makefile("rwb") as stream:
            shifts = 0
            while ends_after is None or shifts < ends_after:
                word = b""
                while not word.endswith(b":"):
                    octet = stream.read(1)
                    if not octet:
                        return
                    word += octet
                if word == b"getinfo:":
                    answer = b"xvcServer_v1.0:2048\n"
                elif word == b"settck:":
                    answer = stream.read(4)
                else:
                    answer = _shift(part, int.from_bytes(stream.read(4), "little"), stream.read)
                    shifts += 1
                stream.write(answer)
                stream.flush()


def _shift(part: Ecp5, count: int, read: Callable[[int], bytes]) -> bytes:
    """Clock the part with vectors of TMS and TDI; the vector of TDO."""
    size = (count + 7) // 8
    tms, tdi = (int.from_bytes(read(size), "little") for _ in range(2))
    tdo = 0
    for place in range(count):
        tdo |= part.clock(tms >> place & 1, tdi >> place & 1) << place
    return tdo.to_bytes(size, "little")
