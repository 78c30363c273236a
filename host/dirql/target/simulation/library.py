# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Loads the machine, compiled to a shared library, into this process."""

from __future__ import annotations

import importlib.machinery
import importlib.util
from pathlib import Path
from types import ModuleType
from typing import NamedTuple, Protocol, cast

import cffi

from dirql.hardware.description import MachineDescription
from dirql.hardware.root import machine_root
from dirql.target.simulation.build import Announce, announce_on_stderr, build, find_built
from dirql.target.simulation.exchange import Constants
from dirql.target.simulation.library_recipe import (
    MODULE,
    PORT_MODULE,
    Form,
    Variant,
    forms,
    library_declarations,
    library_recipe,
    possible_form,
)
from dirql.target.simulation.toolchain import SetupError, find_toolchain

__all__ = ["Functions", "Library", "Port", "import_library", "load_library"]


class Functions(Constants, Protocol):
    """The functions of sim/verilated/machine.h and the constants of exchange.h."""

    def dirql_open(self, exchange: cffi.FFI.CData, waves: cffi.FFI.CData | bytes) -> cffi.FFI.CData: ...
    def dirql_close(self, machine: cffi.FFI.CData) -> int: ...
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


class Port(Protocol):
    """The functions of sim/verilated/port_type.cpp."""

    def bind(self, target: type, interrupt: object, deadline: object, stray: object, /) -> None:
        """Replace methods of a class of targets by those of the library; done once for each library."""

    def handle(self, machine: int, exchange: int, /) -> object:
        """Make the object by which these methods know the machine of their target."""

    def __hash__(self) -> int: ...


class Library(NamedTuple):
    """A machine as a shared library."""

    ffi: cffi.FFI
    functions: Functions
    port: Port | None
    """None if there was no Python.h, with which it is compiled."""
    waves: str
    """The suffix of the files with waves, "" for a library without them."""


_loaded: dict[tuple[str, Variant], Library] = {}
"""The libraries of this process, by everything that the machine's description says and by variant."""


def load_library(
    machine: MachineDescription, variant: Variant, announce: Announce = announce_on_stderr
) -> Library:
    """Build the library if need be and load it, once per process; raises `SetupError` or `BuildError`."""
    key = (repr(machine), variant)
    if key not in _loaded:
        product, form = _product(machine, variant, announce)
        _loaded[key] = import_library(product, machine, form)
    return _loaded[key]


def _product(machine: MachineDescription, variant: Variant, announce: Announce) -> tuple[Path, Form]:
    """The library, built if need be. Where it was built before, no compiler is needed."""
    root = machine_root()
    try:
        toolchain = find_toolchain()
    except SetupError:
        for form in forms(variant):
            built = find_built(library_recipe(machine, variant, form, root))
            if built is not None:
                return built, form
        raise
    form = possible_form(variant, toolchain)
    if not form.modules:
        announce("dirql: Python.h is not installed, so calls into the machine take about twice as long")
    return build(library_recipe(machine, variant, form, root), toolchain, announce), form


def import_library(product: Path, machine: MachineDescription, form: Form) -> Library:
    """Load a library that has been built, as two extension modules or, without Python.h, with `dlopen`."""
    if not form.modules:
        ffi = cffi.FFI()
        ffi.cdef(library_declarations(machine_root(), machine))
        return Library(ffi, cast(Functions, ffi.dlopen(str(product))), None, form.waves)
    wrapper, port = (_import_module(product, name) for name in (MODULE, PORT_MODULE))
    return Library(cast(cffi.FFI, wrapper.ffi), cast(Functions, wrapper.lib), cast(Port, port), form.waves)


def _import_module(product: Path, name: str) -> ModuleType:
    loader = importlib.machinery.ExtensionFileLoader(name, str(product))
    spec = importlib.util.spec_from_file_location(name, product, loader=loader)
    if spec is None:
        raise ImportError(f"{product} cannot be imported as an extension module")
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module
