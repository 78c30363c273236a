# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Host memory as the bus masters of a board reach it, against a naive model of grants."""

from __future__ import annotations

from hypothesis import given, strategies as st

from dirql.link.memory import HostMemory
from dirql.target.contract import StrayAccess

SIZE = 4096 * 3
ONES = b"\xff\xff\xff\xff"


class Bench:
    def __init__(self) -> None:
        self.octets = bytearray(n * 7 & 0xFF for n in range(SIZE))
        self.signals = 0
        self.memory = HostMemory(memoryview(self.octets), self.signal)

    def signal(self) -> None:
        self.signals += 1


def test_without_confinement_all_is_open() -> None:
    bench = Bench()
    assert bench.memory.fetch(0x100, 32, 0) == bench.octets[0x100:0x180]
    bench.memory.write(0x200, b"12345678", 0xE, 0x1, 0)
    assert bench.octets[0x200:0x208] == bytes([0x200 * 7 & 0xFF]) + b"2345" + bytes(
        n * 7 & 0xFF for n in range(0x205, 0x208)
    )
    assert bench.memory.take_stray_access() is None


def test_beyond_the_ram_reads_are_ones_and_writes_have_no_effect() -> None:
    bench = Bench()
    assert bench.memory.fetch(SIZE - 4, 32, 0) == bench.octets[-4:]
    assert bench.memory.fetch(SIZE, 32, 0) == ONES
    before = bytes(bench.octets)
    bench.memory.write(SIZE - 4, b"abcdefgh", 0xF, 0xF, 0)
    assert bench.octets == before[:-4] + b"abcd"
    assert bench.memory.take_stray_access() is None


def test_a_fetch_ends_before_what_is_not_granted_and_the_next_one_is_stray() -> None:
    bench = Bench()
    bench.memory.confine()
    bench.memory.grant([0x100, 0x10A, 0x10A, 0x110], reads=True, writes=False)
    assert bench.memory.fetch(0x100, 32, 0) == bench.octets[0x100:0x110]
    assert bench.memory.fetch(0x110, 28, 0) == ONES
    assert bench.memory.take_stray_access() is None, "it is fetched ahead of a grant"
    assert bench.memory.fetch(0x130, 4, 77) == ONES
    assert bench.memory.has_stray
    assert bench.memory.take_stray_access() == StrayAccess(77, 0x130, 0xF, False, 1)
    assert bench.signals == 1


def test_a_page_boundary_ends_what_may_be_fetched_ahead() -> None:
    bench = Bench()
    bench.memory.confine()
    bench.memory.grant([0x0F00, 0x1000], reads=True, writes=False)
    assert bench.memory.fetch(0x1000, 1, 5) == ONES
    assert bench.memory.take_stray_access() == StrayAccess(5, 0x1000, 0xF, False, 1)


def test_the_first_stray_access_is_kept_and_all_are_counted() -> None:
    bench = Bench()
    bench.memory.confine()
    before = bytes(bench.octets)
    bench.memory.write(0x40, b"12345678", 0xC, 0xF, 9)
    bench.memory.fetch(0x800, 1, 10)
    assert bench.octets == before
    assert bench.memory.take_stray_access() == StrayAccess(9, 0x40, 0xC, True, 3)
    assert bench.memory.take_stray_access() is None
    bench.memory.fetch(0x800, 1, 11)
    assert bench.signals == 2


PARTS = st.lists(st.tuples(st.integers(0, 300), st.integers(1, 60)), max_size=4)


@given(PARTS, PARTS, st.integers(0, 80), st.integers(1, 16), st.integers(0, 15), st.integers(0, 15))
def test_writes_reach_what_is_granted_byte_for_byte(
    drawn: list[tuple[int, int]],
    revoked: list[tuple[int, int]],
    dword: int,
    dwords: int,
    first: int,
    last: int,
) -> None:
    bench = Bench()
    bench.memory.confine()
    bounds = [edge for start, size in drawn for edge in (start, start + size)]
    gone = bench.memory.grant(
        [edge for start, size in revoked for edge in (start, start + size)], reads=True, writes=True
    )
    bench.memory.grant(bounds, reads=False, writes=True)
    bench.memory.revoke(gone)
    if dwords == 1:
        last = first
    data = bytes(range(100, 100 + 4 * dwords))
    wanted = bytearray(bench.octets)
    strays = 0
    for number in range(dwords):
        at = 4 * (dword + number)
        enables = first if number == 0 else last if number == dwords - 1 else 0xF
        lanes = [at + lane for lane in range(4) if enables >> lane & 1]
        if all(any(start <= place < start + size for start, size in drawn) for place in lanes):
            for place in lanes:
                wanted[place] = data[place - 4 * dword]
        else:
            strays += 1
    bench.memory.write(4 * dword, data, first, last, 0)
    assert bench.octets == wanted
    kept = bench.memory.take_stray_access()
    assert (0 if kept is None else kept.accesses) == strays


def test_a_master_reads_whole_dwords_of_which_a_grant_has_a_byte() -> None:
    bench = Bench()
    bench.memory.confine()
    bench.memory.grant([0x103, 0x109], reads=True, writes=False)
    assert bench.memory.fetch(0x100, 8, 0) == bench.octets[0x100:0x10C]
