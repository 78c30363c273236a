# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The serial port of the link, bit by bit."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol, cast

import cffi
import pytest

from dirql.target.simulation.build import Recipe, build
from dirql.target.simulation.commands import Stage
from dirql.target.simulation.toolchain import Toolchain, find_toolchain
from dirql.target.simulation.units import MODEL_OPTIONS, library_stages

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "hdl/link/rtl/link_uart.sv"
BENCH = ROOT / "sim/hdl/uart_bench.cpp"
DECLARATIONS = """
typedef struct uart_bench uart_bench;
uart_bench* uart_open(void);
void uart_close(uart_bench* bench);
unsigned uart_step(uart_bench* bench, int reset_n, int rx, int tx_valid, int tx_byte);
"""


class Library(Protocol):
    """The functions of sim/hdl/uart_bench.cpp."""

    def uart_open(self) -> cffi.FFI.CData: ...
    def uart_close(self, bench: cffi.FFI.CData, /) -> None: ...
    def uart_step(
        self, bench: cffi.FFI.CData, reset_n: int, rx: int, tx_valid: int, tx_byte: int, /
    ) -> int: ...


def recipe(clocks: int) -> Recipe:
    options = ["--cc", "--no-timing", "-Wno-fatal", f"-GClocksPerBit={clocks}", "--prefix", "Vlink_uart"]

    def steps(folder: Path, toolchain: Toolchain) -> Iterator[Stage]:
        yield [[*toolchain.command, *options, "--Mdir", str(folder), str(SOURCE)]]
        yield from library_stages(folder, toolchain, BENCH, "uart_bench.so", ["-O0"])

    return Recipe(
        name=f"uart-{clocks}",
        product="uart_bench.so",
        duration="this takes a few seconds",
        inputs=[SOURCE, BENCH, BENCH.with_name("stopping.h"), Path(__file__)],
        facts=[*options, *MODEL_OPTIONS],
        steps=steps,
    )


class Uart:
    """A serial port, and the bytes that have come out of it on both sides."""

    def __init__(self, clocks: int) -> None:
        ffi = cffi.FFI()
        ffi.cdef(DECLARATIONS)
        self.clocks = clocks
        self._library = cast("Library", ffi.dlopen(str(build(recipe(clocks), find_toolchain()))))
        self._bench = self._library.uart_open()
        self.received = bytearray()
        self.levels: list[int] = []
        self.waiting = bytearray()
        self._library.uart_step(self._bench, 0, 1, 0, 0)

    def close(self) -> None:
        self._library.uart_close(self._bench)

    def step(self, rx: int) -> None:
        """One clock with this level on the line."""
        has_byte = bool(self.waiting)
        seen = self._library.uart_step(self._bench, 1, rx, int(has_byte), self.waiting[0] if has_byte else 0)
        self.levels.append(seen & 1)
        if has_byte and seen & 2:
            del self.waiting[0]
        if seen & 4:
            self.received.append(seen >> 8)

    def feed(self, bits: Sequence[int], clocks: float) -> None:
        """Levels on the line, each for this number of clocks, which need not be whole."""
        for place, level in enumerate(bits):
            for _ in range(round((place + 1) * clocks) - round(place * clocks)):
                self.step(level)


@pytest.fixture(params=[4, 5, 25])
def uart(request: pytest.FixtureRequest) -> Iterator[Uart]:
    made = Uart(cast("int", request.param))
    yield made
    made.close()


def bits_of(byte: int) -> list[int]:
    return [0, *(byte >> place & 1 for place in range(8)), 1]


@pytest.mark.parametrize("error", [-0.02, 0.0, 0.02])
def test_bytes_come_in_although_the_clocks_differ(uart: Uart, error: float) -> None:
    data = b"\x00\xff\x55\xaa\x7e\x7d" + random.Random(1).randbytes(60)
    uart.feed([1], 7)
    for byte in data:
        uart.feed(bits_of(byte), uart.clocks * (1 + error))
        # A stop bit that is a little too short is followed by the next start bit at once.
        if error < 0:
            uart.step(1)
    uart.feed([1], 30)
    assert bytes(uart.received) == data


def test_bytes_go_out_with_whole_bits(uart: Uart) -> None:
    data = random.Random(2).randbytes(40)
    uart.waiting += data
    uart.feed([1], uart.clocks * 10 * (len(data) + 5))
    assert not uart.waiting
    found = bytearray()
    place = 0
    while place < len(uart.levels) - 10 * uart.clocks:
        if uart.levels[place]:
            place += 1
            continue
        bits = uart.levels[place : place + 10 * uart.clocks]
        assert all(len(set(bits[n * uart.clocks : (n + 1) * uart.clocks])) == 1 for n in range(10))
        assert bits[0] == 0
        assert bits[-1] == 1
        found.append(sum(bits[(n + 1) * uart.clocks] << n for n in range(8)))
        place += 10 * uart.clocks
    assert bytes(found) == data


def test_a_glitch_is_no_start_bit_and_a_byte_without_stop_bit_is_dropped(uart: Uart) -> None:
    uart.feed([1], 20)
    uart.step(0)
    uart.feed([1], 20 * uart.clocks)
    assert not uart.received
    uart.feed([0] * 10, uart.clocks)
    uart.feed([1], 20 * uart.clocks)
    assert not uart.received
    uart.feed(bits_of(0x7E), uart.clocks)
    uart.feed([1], 5 * uart.clocks)
    assert uart.received == b"\x7e"
