# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The compiled pair of 8259A chips of sim/hdl/pic_bench.cpp, with the calls of `pic_model.Pair`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol, cast

import cffi

from dirql.target.simulation.build import Recipe, build
from dirql.target.simulation.commands import Stage
from dirql.target.simulation.toolchain import Toolchain, find_toolchain
from dirql.target.simulation.units import MODEL_OPTIONS, library_stages

__all__ = ["SETTLED", "PicBench"]

ROOT = Path(__file__).resolve().parents[2]
SOURCES = (
    ROOT / "hdl/regs/generated/host_pkg.sv",
    *(ROOT / f"hdl/interrupt/rtl/interrupt_{name}.sv" for name in ("cells", "pic", "pic_pair")),
)
BENCH = ROOT / "sim/hdl/pic_bench.cpp"
SETTLED = 10
"""Clocks in which a change of a line of the slave has reached the master's INT, with some to spare."""
DECLARATIONS = """
typedef struct pic_bench pic_bench;
pic_bench* pic_open(void);
void pic_close(pic_bench* bench);
void pic_reset(pic_bench* bench);
void pic_clocks(pic_bench* bench, int clocks);
void pic_lines(pic_bench* bench, int lines);
void pic_message(pic_bench* bench, int inputs);
void pic_write(pic_bench* bench, int ports, int lanes, int data);
int pic_read(pic_bench* bench, int ports, int lanes, int lines, int clocks);
int pic_fetch(pic_bench* bench, int lines, int clocks);
int pic_presented(pic_bench* bench);
int pic_pending(pic_bench* bench);
int pic_in_service(pic_bench* bench);
int pic_masked(pic_bench* bench);
int pic_lost(pic_bench* bench, int input);
int pic_take_ends(pic_bench* bench);
"""


class Library(Protocol):
    """The functions of sim/hdl/pic_bench.cpp."""

    def pic_open(self) -> cffi.FFI.CData: ...
    def pic_close(self, bench: cffi.FFI.CData, /) -> None: ...
    def pic_reset(self, bench: cffi.FFI.CData, /) -> None: ...
    def pic_clocks(self, bench: cffi.FFI.CData, clocks: int, /) -> None: ...
    def pic_lines(self, bench: cffi.FFI.CData, lines: int, /) -> None: ...
    def pic_message(self, bench: cffi.FFI.CData, inputs: int, /) -> None: ...
    def pic_write(self, bench: cffi.FFI.CData, ports: int, lanes: int, data: int, /) -> None: ...
    def pic_read(self, bench: cffi.FFI.CData, ports: int, lanes: int, lines: int, clocks: int, /) -> int: ...
    def pic_fetch(self, bench: cffi.FFI.CData, lines: int, clocks: int, /) -> int: ...
    def pic_presented(self, bench: cffi.FFI.CData, /) -> int: ...
    def pic_pending(self, bench: cffi.FFI.CData, /) -> int: ...
    def pic_in_service(self, bench: cffi.FFI.CData, /) -> int: ...
    def pic_masked(self, bench: cffi.FFI.CData, /) -> int: ...
    def pic_lost(self, bench: cffi.FFI.CData, number: int, /) -> int: ...
    def pic_take_ends(self, bench: cffi.FFI.CData, /) -> int: ...


def recipe(*, gated: bool) -> Recipe:
    """The recipe of the pair with its bench."""
    options = ["--cc", "--no-timing", "--assert", "-Wno-fatal", "--prefix", "Vinterrupt_pic_pair"]
    options += [f"-GGated={int(gated)}"]

    def steps(folder: Path, toolchain: Toolchain) -> Iterator[Stage]:
        names = ["--top-module", "interrupt_pic_pair", "--Mdir", str(folder)]
        yield [[*toolchain.command, *options, *names, *map(str, SOURCES)]]
        yield from library_stages(folder, toolchain, BENCH, "pic_bench.so", ["-O1"])

    return Recipe(
        name=f"pic-{'gated' if gated else 'sticky'}",
        product="pic_bench.so",
        duration="this takes a few seconds",
        inputs=[*SOURCES, BENCH, BENCH.with_name("stopping.h"), Path(__file__)],
        facts=[*options, *MODEL_OPTIONS],
        steps=steps,
    )


class PicBench:
    """The pair, just out of reset after `reset`; each call but `set_lines_now` ends when all has settled."""

    def __init__(self, *, gated: bool) -> None:
        ffi = cffi.FFI()
        ffi.cdef(DECLARATIONS)
        self._library = cast("Library", ffi.dlopen(str(build(recipe(gated=gated), find_toolchain()))))
        self._bench = self._library.pic_open()
        self._lines = 0

    def close(self) -> None:
        self._library.pic_close(self._bench)

    def reset(self) -> None:
        self._library.pic_reset(self._bench)
        self._lines = 0

    def clocks(self, clocks: int = SETTLED) -> None:
        self._library.pic_clocks(self._bench, clocks)

    def set_lines_now(self, lines: int) -> None:
        """Change the lines; no clock passes."""
        self._lines = lines
        self._library.pic_lines(self._bench, lines)

    def set_lines(self, lines: int) -> None:
        self.set_lines_now(lines)
        self.clocks()

    def message(self, number: int) -> None:
        self._library.pic_message(self._bench, 1 << number)
        self.clocks()

    def write(self, chip: int, port: int, value: int) -> None:
        self._library.pic_write(self._bench, chip, 1 << port, value << 8 * port)
        self.clocks()

    def write_levels(self, chip: int, value: int) -> None:
        self._library.pic_write(self._bench, 2, 1 << chip, value << 8 * chip)
        self.clocks()

    def read_levels(self) -> int:
        return self._library.pic_read(self._bench, 2, 3, self._lines, 0)

    def read(self, chip: int, port: int, lines: int | None = None, clocks: int = 0) -> int:
        """Read a port. With `lines`, they change when the datum is on the bus, `clocks` before it moves."""
        if lines is not None:
            self._lines = lines
        data = self._library.pic_read(self._bench, chip, 1 << port, self._lines, clocks)
        self.clocks()
        return data >> 8 * port & 0xFF

    def fetch(self, lines: int | None = None, clocks: int = 0) -> tuple[int, bool]:
        """An interrupt acknowledge: the vector, and whether it belongs to a request. As `read` with `lines`."""
        if lines is not None:
            self._lines = lines
        found = self._library.pic_fetch(self._bench, self._lines, clocks)
        self.clocks()
        return found & 0xFF, bool(found >> 8)

    def presented(self) -> int | None:
        number = self._library.pic_presented(self._bench)
        return None if number < 0 else number

    def mask(self, name: str) -> int:
        """The inputs that are "requested", "serving" or "masked"."""
        calls = {
            "requested": self._library.pic_pending,
            "serving": self._library.pic_in_service,
            "masked": self._library.pic_masked,
        }
        return calls[name](self._bench)

    def lost(self, number: int) -> int:
        return self._library.pic_lost(self._bench, number)

    def take_ends(self) -> int:
        """The inputs whose service has ended by a command since the last call, as a mask."""
        return self._library.pic_take_ends(self._bench)
