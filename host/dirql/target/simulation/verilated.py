# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The RTL machine compiled into this process: the fast target, deterministic to the clock."""

from __future__ import annotations

import mmap
from pathlib import Path
from typing import Never

import cffi

from dirql.registers.machine import Op
from dirql.target.access import check_access
from dirql.target.contract import Capability, TargetError
from dirql.target.simulation.build import Announce, announce_on_stderr
from dirql.target.simulation.exchange import SharedMemory
from dirql.target.simulation.library import Library, load_library
from dirql.target.simulation.library_recipe import Variant, waves_suffix
from dirql.target.simulation.port import PortTarget
from dirql.target.simulation.toolchain import find_toolchain

__all__ = ["VerilatedTarget"]

# Plain integers: the enum's members would cost a conversion at each call.
_MEM_READ = int(Op.MEM_READ)
_MEM_WRITE = int(Op.MEM_WRITE)
_IO_READ = int(Op.IO_READ)
_IO_WRITE = int(Op.IO_WRITE)
_INT_ACK = int(Op.INT_ACK)
_DWORD = 0xFFFF_FFFF


class VerilatedTarget(PortTarget):
    """Machine in this process; several may be open at once.

    The single transactions are one call into C++ each, which does everything until the response: spent clocks, posted
    marks, the bus, the bus masters' traffic with the host's memory. What it returns is below 2**32 if all is well
    and nothing asks for attention, which is what the common path tests.
    """

    __slots__ = ("_call", "_ffi", "_library", "_machine", "_shared")

    name = "verilated"
    capabilities = frozenset(Capability)

    def __init__(
        self,
        *,
        waves: Path | None = None,
        checked: bool = False,
        announce: Announce = announce_on_stderr,
        library: tuple[cffi.FFI, Library] | None = None,
    ) -> None:
        """Open a machine just out of reset.

        `waves` names a file for all signals; `checked` runs the RTL's assertions. Each takes a library of its own,
        so that runs with neither pay nothing; `library` is one that has been loaded already. Raises `SetupError`,
        `BuildError`, `ValueError` for both at once, and `TargetError` for a file that cannot be written.
        """
        variant = _variant(waves, checked=checked)
        if waves is not None:
            waves = _fitting(waves, announce)
        self._ffi, self._library = library or load_library(variant, announce)
        self._shared = SharedMemory.over(self._ffi, mmap.mmap(-1, SharedMemory.size(self._ffi)))
        self._machine = self._ffi.NULL
        self._call = self._library.dirql_command
        super().__init__(self._shared, self._library)
        path = self._ffi.NULL if waves is None else bytes(waves)
        self._machine = self._library.dirql_open(self._shared.address, path)
        if self._machine == self._ffi.NULL:
            raise TargetError(f"waves must go to a file that can be written, and {waves} cannot")
        self.reset()

    def __del__(self) -> None:
        if hasattr(self, "_machine"):
            self.close()

    # The common path.

    def read_memory(self, address: int, byte_enables: int = 0xF) -> int:
        """See `Target`."""
        try:
            answer = self._call(self._machine, _MEM_READ, self.spent, address, byte_enables, 0)
        except OverflowError:
            self._explain(Op.MEM_READ, address, byte_enables, 0)
        if answer <= _DWORD:
            self.spent = 0
            self.attention = False
            return answer
        return self._look(answer, Op.MEM_READ, address, byte_enables)

    def write_memory(self, address: int, value: int, byte_enables: int = 0xF) -> None:
        """See `Target`."""
        try:
            answer = self._call(self._machine, _MEM_WRITE, self.spent, address, byte_enables, value)
        except OverflowError:
            self._explain(Op.MEM_WRITE, address, byte_enables, value)
        if answer <= _DWORD:
            self.spent = 0
            self.attention = False
        else:
            self._look(answer, Op.MEM_WRITE, address, byte_enables)

    def read_io(self, address: int, byte_enables: int = 0xF) -> int:
        """See `Target`."""
        try:
            answer = self._call(self._machine, _IO_READ, self.spent, address, byte_enables, 0)
        except OverflowError:
            self._explain(Op.IO_READ, address, byte_enables, 0)
        if answer <= _DWORD:
            self.spent = 0
            self.attention = False
            return answer
        return self._look(answer, Op.IO_READ, address, byte_enables)

    def write_io(self, address: int, value: int, byte_enables: int = 0xF) -> None:
        """See `Target`."""
        try:
            answer = self._call(self._machine, _IO_WRITE, self.spent, address, byte_enables, value)
        except OverflowError:
            self._explain(Op.IO_WRITE, address, byte_enables, value)
        if answer <= _DWORD:
            self.spent = 0
            self.attention = False
        else:
            self._look(answer, Op.IO_WRITE, address, byte_enables)

    def _look(self, answer: int, operation: Op, address: int, byte_enables: int) -> int:
        """What an answer beyond the common case means; returns the value if the status is OK."""
        status = answer >> 32 & 0xFF
        if status == self._constants.DIRQL_ARGUMENT:
            self._explain(operation, address, byte_enables, 0)
        if status != self._constants.DIRQL_CLOSED:
            self.spent = 0
        self.attention = answer >> 40 != 0
        if status:
            self._fail(status, operation, address)
        return answer & _DWORD

    def _explain(self, operation: Op, address: int, byte_enables: int, value: int) -> Never:
        check_access(operation, address, byte_enables, value)
        raise AssertionError(f"{operation.name} was refused for arguments that are sound")

    def interrupt_acknowledge(self) -> int:
        """See `Target`."""
        answer = self._call(self._machine, _INT_ACK, self.spent, 0, 0xF, 0)
        if answer > _DWORD:
            return self._look(answer, Op.INT_ACK, 0, 0xF) & 0xFF
        self.spent = 0
        self.attention = False
        return answer & 0xFF

    # The rest of `PortTarget`.

    def _command(self, operation: Op, address: int, byte_enables: int = 0xF, datum: int = 0) -> int:
        try:
            answer = self._call(self._machine, operation, self.spent, address, byte_enables, datum)
        except OverflowError:
            self._explain(operation, address, byte_enables, datum)
        if answer > _DWORD:
            return self._look(answer, operation, address, byte_enables)
        self.spent = 0
        self.attention = False
        return answer

    def _wait(self, clocks: int) -> int:
        answer = self._library.dirql_wait(self._machine, self.spent, clocks)
        status = answer >> 32 & 0xFF
        if status:
            self._stopped(status)
        self.spent = 0
        attention = answer >> 40
        self.attention = attention != 0
        return attention

    def _run(self) -> None:
        self._library.dirql_execute(self._machine)

    def _complaint(self) -> str:
        text = self._ffi.string(self._library.dirql_complaint(self._machine))
        return text.decode(errors="replace") if isinstance(text, bytes) else text

    def clock_bare(self, clocks: int) -> None:
        """Clock the model alone, serving nothing: the floor that benchmarks compare `wait` with."""
        self._library.dirql_clock_bare(self._machine, clocks)

    def close(self) -> None:
        """See `Target`."""
        machine, self._machine = self._machine, self._ffi.NULL
        if machine != self._ffi.NULL:
            self._library.dirql_close(machine)
        self._close()


def _variant(waves: Path | None, *, checked: bool) -> Variant:
    if waves is not None and checked:
        raise ValueError(
            "waves and checked must not be asked for together; run twice, the clocks are the same"
        )
    if waves is not None:
        return Variant.WAVES
    return Variant.CHECKED if checked else Variant.FAST


def _fitting(waves: Path, announce: Announce) -> Path:
    """The file's name with the suffix of the format that can be written here; says so if that is another."""
    suffix = waves_suffix(find_toolchain())
    if waves.suffix == suffix:
        return waves
    known = waves.suffix in {".fst", ".vcd"}
    fitting = waves.with_suffix(suffix) if known else waves.with_name(waves.name + suffix)
    why = " because the headers of zlib and lz4 for FST are not installed" if suffix == ".vcd" else ""
    announce(f"dirql: waves are written as {suffix[1:].upper()} to {fitting}{why}")
    return fitting
