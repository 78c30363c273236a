# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Loads the machine, compiled to a shared library, into this process."""

from __future__ import annotations

import importlib.machinery
import importlib.util
from pathlib import Path
from typing import Protocol, cast

import cffi

from dirql.hardware.description import MachineDescription
from dirql.hardware.root import machine_root
from dirql.target.simulation.build import Announce, announce_on_stderr, build
from dirql.target.simulation.exchange import Constants
from dirql.target.simulation.library_recipe import MODULE, Variant, library_declarations, library_recipe
from dirql.target.simulation.toolchain import find_toolchain, python_headers

__all__ = ["Library", "import_library", "load_library"]


class Library(Constants, Protocol):
    """The functions of sim/verilated/machine.h and the constants of exchange.h."""

    def dirql_open(self, exchange: cffi.FFI.CData, waves: cffi.FFI.CData | bytes) -> cffi.FFI.CData: ...
    def dirql_close(self, machine: cffi.FFI.CData) -> None: ...
    def dirql_execute(self, machine: cffi.FFI.CData) -> None: ...
    def dirql_command(
        self,
        machine: cffi.FFI.CData,
        operation: int,
        spent: int,
        address: int,
        byte_enables: int,
        length: int,
        datum: int,
        /,
    ) -> int: ...
    def dirql_wait(self, machine: cffi.FFI.CData, spent: int, limit: int) -> int: ...
    def dirql_complaint(self, machine: cffi.FFI.CData) -> cffi.FFI.CData: ...
    def dirql_clock_bare(self, machine: cffi.FFI.CData, clocks: int) -> None: ...
    def dirql_awake(self, machine: cffi.FFI.CData) -> int: ...
    def dirql_short_cut(self) -> int: ...


_loaded: dict[tuple[str, Variant], tuple[cffi.FFI, Library]] = {}
"""The libraries of this process, by everything that the machine's description says and by variant."""


def load_library(
    machine: MachineDescription, variant: Variant, announce: Announce = announce_on_stderr
) -> tuple[cffi.FFI, Library]:
    """Build the library if need be and load it, once per process; raises `SetupError` or `BuildError`."""
    key = (repr(machine), variant)
    if key not in _loaded:
        toolchain = find_toolchain()
        if python_headers() is None:
            announce("dirql: Python.h is not installed, so calls into the machine take about twice as long")
        product = build(library_recipe(machine, variant, toolchain, machine_root()), toolchain, announce)
        _loaded[key] = import_library(product, machine)
    return _loaded[key]


def import_library(product: Path, machine: MachineDescription) -> tuple[cffi.FFI, Library]:
    """Load a library that has been built, as an extension module or, without Python.h, with `dlopen`."""
    if python_headers() is None:
        ffi = cffi.FFI()
        ffi.cdef(library_declarations(machine_root(), machine))
        return ffi, cast(Library, ffi.dlopen(str(product)))
    loader = importlib.machinery.ExtensionFileLoader(MODULE, str(product))
    spec = importlib.util.spec_from_file_location(MODULE, product, loader=loader)
    if spec is None:
        raise ImportError(f"{product} cannot be imported as an extension module")
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return cast(cffi.FFI, module.ffi), cast(Library, module.lib)
