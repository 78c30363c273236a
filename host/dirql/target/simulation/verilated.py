# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The RTL machine compiled into this process: the fast target, deterministic to the clock."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from types import MethodType

from dirql.files import obstacle
from dirql.hardware.description import MachineDescription
from dirql.target.contract import Capability, TargetError, Wake
from dirql.target.simulation.build import Announce, announce_on_stderr
from dirql.target.simulation.exchange import SharedMemory
from dirql.target.simulation.exchange_channel import ExchangeChannel
from dirql.target.simulation.library import Library, Port, load_library
from dirql.target.simulation.library_recipe import SUFFIXES, Variant
from dirql.target.simulation.memory_delays import MemoryDelays
from dirql.target.simulation.simulated_target import SimulatedTarget

__all__ = ["VerilatedTarget"]


class _VerilatedChannel(ExchangeChannel):
    """A machine in this process, behind calls of C++ functions.

    Single commands and waits do not go through the exchange: the C++ function is called with the arguments and returns
    the answer.
    """

    def __init__(self, library: Library, waves: Path | None, memory_delays: MemoryDelays | None) -> None:
        """Make the machine. Raises `TargetError` if `waves` cannot be written."""
        ffi, functions = library.ffi, library.functions
        self.wave_failure = ""
        """The reason for which waves are not complete; known when the machine is closed."""
        self._waves = waves
        self._file = os.memfd_create("dirql-exchange")
        self._ffi = ffi
        self._library = functions
        super().__init__(SharedMemory.over(ffi, self._file), functions)
        self._delay_memory(memory_delays)
        path = ffi.NULL if waves is None else bytes(waves)
        self._machine = functions.dirql_open(self._shared.address, path)
        if self._machine == ffi.NULL:
            os.close(self._file)
            raise _refused(waves, "")
        self.command = MethodType(functions.dirql_command, self._machine)
        self.wait = MethodType(functions.dirql_wait, self._machine)

    def handle(self, port: Port) -> object:
        """The object by which the methods of the port know this machine."""
        machine, exchange = (
            int(self._ffi.cast("uintptr_t", pointer)) for pointer in (self._machine, self._shared.address)
        )
        return port.handle(machine, exchange)

    def _run(self) -> None:
        self._library.dirql_execute(self._machine)

    def _complaint(self) -> str:
        text = self._ffi.string(self._library.dirql_complaint(self._machine))
        return text.decode(errors="replace") if isinstance(text, bytes) else text

    def clock_bare(self, clocks: int) -> None:
        self._library.dirql_clock_bare(self._machine, clocks)

    def functions_awake(self) -> int:
        return self._library.dirql_awake(self._machine)

    def close(self) -> None:
        """See `Channel`."""
        failure: int = self._library.dirql_close(self._machine)
        os.close(self._file)
        if failure:
            self.wave_failure = os.strerror(failure).lower()
        elif self._waves is not None:
            self.wave_failure = obstacle(self._waves)  # the writer of FST does not tell


class VerilatedTarget(SimulatedTarget):
    """The machine compiled into this process; several may be open at once.

    The methods that drivers and the kernel call most are C++, in sim/verilated/port_type.cpp, where Python.h was there
    to compile them ("register reads" of bench/target_paths.py: 2.95 to 2.48 µs). Objects of a subclass keep the methods
    in Python.
    """

    __slots__ = ("_announce", "_handle", "_verilated", "_waves")

    name = "verilated"
    abilities = frozenset(Capability)

    def __init__(
        self,
        machine: MachineDescription,
        *,
        waves: str | Path | None = None,
        checked: bool = False,
        memory_delays: MemoryDelays | None = None,
        announce: Announce = announce_on_stderr,
        library: Library | None = None,
    ) -> None:
        """Open the machine that `machine` describes, just out of reset.

        `waves` names a file for all signals; `checked` runs the RTL's assertions. For each of the two a library of its
        own is built, so that the common library stays fast; `library` is one that has been loaded already.
        `memory_delays` makes the host's RAM slow. Raises `SetupError`, `BuildError`, `ValueError` for `waves` together
        with `checked`, and `TargetError` for a file that cannot be written.
        """
        variant = _variant(waves, checked=checked)
        file = None if waves is None else _checked(Path(waves))
        loaded = library or load_library(machine, variant, announce)
        if file is not None:
            file = _checked(_fitting(file, loaded.waves, announce))
        self._announce = announce
        self._waves = file
        self._verilated = _VerilatedChannel(loaded, file, memory_delays)
        self._handle: object = None
        super().__init__(self._verilated, machine)
        if loaded.port is not None and type(self) is VerilatedTarget:
            self._handle = self._verilated.handle(loaded.port)
            self.__class__ = _class_with(loaded.port)

    def close(self) -> None:
        """See `Target`."""
        self._handle = None
        if self._closed:
            return
        super().close()
        for line in self.complaints:
            self._announce(f"dirql: {line}")

    @property
    def complaints(self) -> tuple[str, ...]:
        """See `Target`."""
        reason = self._verilated.wave_failure
        return (f"the waves in {self._waves} are not complete: {reason}",) if reason else ()

    def __del__(self) -> None:
        if hasattr(self, "_closed"):
            self.close()

    def clock_bare(self, clocks: int) -> None:
        """Clock the model alone. Bus masters get no answers meanwhile; benchmarks compare `wait` with this."""
        self._verilated.clock_bare(clocks)

    def functions_awake(self) -> int:
        """The number of functions that do not sleep, for tests and benchmarks; 0 with `waves` or `checked`."""
        return self._verilated.functions_awake()


@cache
def _class_with(port: Port) -> type[VerilatedTarget]:
    """The class of the targets whose machines are in one library."""

    class Bound(VerilatedTarget):
        __slots__ = ()

    Bound.__qualname__ = VerilatedTarget.__qualname__  # for the representation of objects
    port.bind(Bound, Wake.INTERRUPT, Wake.DEADLINE, Wake.STRAY)
    return Bound


def _refused(waves: Path | None, reason: str) -> TargetError:
    why = f", but {reason}" if reason else ""
    return TargetError(f"waves must go to a file that can be written; it was {waves}{why}")


def _checked(waves: Path) -> Path:
    """The file for all signals. One that cannot be written is refused before anything is compiled."""
    reason = obstacle(waves)
    if reason:
        raise _refused(waves, reason)
    return waves


def _variant(waves: str | Path | None, *, checked: bool) -> Variant:
    if waves is not None and checked:
        raise ValueError(
            "waves and checked must not be asked for together; both were: run twice, the clocks are the same"
        )
    if waves is not None:
        return Variant.WAVES
    return Variant.CHECKED if checked else Variant.FAST


def _fitting(waves: Path, suffix: str, announce: Announce) -> Path:
    """The file's name with the suffix of the format that can be written here; announces a suffix that differs."""
    if waves.suffix == suffix:
        return waves
    known = waves.suffix in SUFFIXES
    fitting = waves.with_suffix(suffix) if known else waves.with_name(waves.name + suffix)
    why = " because the headers of zlib and lz4 for FST are not installed" if suffix == ".vcd" else ""
    announce(f"dirql: waves are written as {suffix[1:].upper()} to {fitting}{why}")
    return fitting
