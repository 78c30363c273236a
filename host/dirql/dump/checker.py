# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The checker of the bus, compiled from the RTL that checks each simulation, for the pins of a wave dump."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Protocol, cast

import cffi

from dirql.dump.sampling import Sample
from dirql.hardware.root import machine_root
from dirql.lspci.bus_rules import rule_label
from dirql.target.simulation.build import Announce, Recipe, announce_on_stderr, build
from dirql.target.simulation.commands import Stage
from dirql.target.simulation.exchange import declarations
from dirql.target.simulation.toolchain import Toolchain, find_toolchain
from dirql.target.simulation.units import MODEL_OPTIONS, library_stages

__all__ = ["Checker", "dump_recipe", "rule_sentences"]

_PRODUCT = "dump_bus.so"
_HDL = ("bus_pkg", "bus_start", "bus_checker")
_VERILATOR = ["--cc", "--no-timing", "-O3", "--noassert", "-Wno-fatal", "--top-module", "dump_bus"]
_OPTIMISATION = "-O1"
_SENTENCE = re.compile(r'`RULE\((\w+), .*?,\s*"([^"]+)"\)', re.DOTALL)


class _Clock(Protocol):
    """The structure `dump_clock` of sim/dump/dump_bus.h."""

    ad: int
    idsel: int
    req: int
    gnt: int
    cbe: int
    par: int
    running: int
    frame: int
    irdy: int
    devsel: int
    trdy: int
    stop: int
    perr: int
    has_idsel: int
    doubtful: int
    master_driven: int
    target_driven: int
    ad_driven: int
    perr_driven: int


class _Library(Protocol):
    """The functions of sim/dump/dump_bus.h."""

    def dump_open(self) -> cffi.FFI.CData: ...
    def dump_close(self, bus: cffi.FFI.CData, /) -> None: ...
    def dump_check(self, bus: cffi.FFI.CData, now: cffi.FFI.CData, /) -> int: ...
    def dump_pins(self, bus: cffi.FFI.CData, /) -> int: ...


def dump_recipe(root: Path) -> Recipe:
    """The recipe of the library; `root` is the folder with hdl/ and sim/."""
    place = root / "sim/dump"
    sources = [
        *(root / f"hdl/bus/rtl/{name}.sv" for name in _HDL),
        place / "error_pins.sv",
        place / "dump_bus.sv",
    ]
    glue = [place / "dump_bus.cpp", place / "dump_bus.h"]

    def steps(folder: Path, toolchain: Toolchain) -> Iterator[Stage]:
        yield [[*toolchain.command, *_VERILATOR, "--Mdir", str(folder), *map(str, sources)]]
        yield from library_stages(folder, toolchain, glue[0], _PRODUCT, [_OPTIMISATION])

    return Recipe(
        name="bus-checker",
        product=_PRODUCT,
        duration="this takes about ten seconds",
        inputs=[*sources, *glue, Path(__file__)],
        facts=[*_VERILATOR, *MODEL_OPTIONS, _OPTIMISATION],
        steps=steps,
    )


def rule_sentences(root: Path | None = None) -> Mapping[str, str]:
    """The sentence of each rule, by its label, as the checker has them."""
    root = root or machine_root()
    return {**_sentences(root / "hdl/bus/rtl/bus_checker.sv"), **_pin_sentences(root)}


def _pin_sentences(root: Path) -> dict[str, str]:
    """The sentences of the rules of PERR and IDSEL, in the order of their bits."""
    return _sentences(root / "sim/dump/error_pins.sv")


def _sentences(path: Path) -> dict[str, str]:
    return dict(_SENTENCE.findall(path.read_text(encoding="utf-8")))


class Checker:
    """The checker; `close` ends it. Raises `SetupError` or `BuildError` where it cannot be compiled.

    Where a dump has no grants, there is one master, which asks for the bus and has it all the time.
    """

    def __init__(
        self, *, has_grants: bool, has_idsel: bool = False, announce: Announce = announce_on_stderr
    ) -> None:
        root = machine_root()
        product = build(dump_recipe(root), find_toolchain(), announce)
        ffi = cffi.FFI()
        ffi.cdef(declarations(root / "sim/dump/dump_bus.h"))
        self._library = cast("_Library", ffi.dlopen(str(product)))
        self._bus = self._library.dump_open()
        self._now = ffi.new("dump_clock *")
        self._has_grants, self._has_idsel = has_grants, has_idsel
        self._pin_labels = tuple(_pin_sentences(root))
        self._before: Sample | None = None

    def close(self) -> None:
        """Free the model; the checker cannot be used afterwards."""
        self._library.dump_close(self._bus)

    def check(self, sample: Sample, *, running: bool) -> list[str]:
        """The labels of the rules that do not hold on this clock.

        `running` is False before the bus has been idle, and in reset; the history is then forgotten.
        """
        now = cast("_Clock", self._now)
        now.running = running
        now.frame, now.irdy, now.devsel = sample.frame, sample.irdy, sample.devsel
        now.trdy, now.stop = sample.trdy, sample.stop
        now.ad, now.cbe, now.par = sample.ad, sample.cbe, self._parity(sample)
        now.req, now.gnt = (sample.req, sample.gnt) if self._has_grants else (1, 1)
        now.master_driven = not {"frame", "irdy"} <= sample.floating
        now.target_driven = not {"devsel", "trdy", "stop"} <= sample.floating
        now.ad_driven = "ad" not in sample.floating
        now.perr, now.perr_driven = sample.perr, "perr" not in sample.floating
        now.idsel, now.has_idsel = sample.idsel, self._has_idsel
        before = self._before
        now.doubtful = (
            before is None or not before.unknown.isdisjoint(("ad", "cbe")) or "par" in sample.unknown
        )
        broken = self._library.dump_check(self._bus, self._now)
        pins = self._library.dump_pins(self._bus)
        self._before = sample
        return [
            *(rule_label(number) for number in range(broken.bit_length()) if broken >> number & 1),
            *(label for number, label in enumerate(self._pin_labels) if pins >> number & 1),
        ]

    def _parity(self, sample: Sample) -> int:
        """PAR for the checker. Where nobody knows it, it is wrong, so that a rule breaks if PAR matters on this clock.

        Where AD or C/BE were unknown on the clock before, no PAR can be wrong.
        """
        before = self._before
        if before is None:
            return sample.par
        right = (before.ad ^ before.cbe << 32).bit_count() & 1
        if not before.unknown.isdisjoint(("ad", "cbe")):
            return right
        return right ^ 1 if "par" in sample.unknown else sample.par
