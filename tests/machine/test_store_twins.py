# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The store driver in Python and the one in C are twins: the same routines, bus transactions and clocks."""

from __future__ import annotations

import random
import re
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from dirql.c.driver import CDriver
from dirql.drivers import store
from dirql.drivers.store.interface import (
    IOCTL_STORE_GET_STATISTICS,
    IOCTL_STORE_RAISE,
    IOCTL_STORE_SET_MODE,
    IOCTL_STORE_SET_TIMING,
    PROGRAM_NAME,
    STATISTICS_BYTES,
    Timing,
    TransferMode,
)
from dirql.io.handle import Handle
from dirql.machine import Machine, open_machine
from dirql.registers.store import DESCRIPTOR_BASE
from dirql.target import inside_simulator
from dirql.target.recording.entries import Call
from dirql.target.recording.file import RecordingReader
from machine.driver_traffic import run_traffic
from machine.store_twins import LANGUAGES, STORE_FOLDER, store_in

pytestmark = [
    pytest.mark.interpreted("c drivers"),
    pytest.mark.skipif(inside_simulator(), reason="opens machines of its own"),
]

WAYS = [(TransferMode.POLLED, "level"), (TransferMode.TIMER_POLLED, "level")] + [
    (mode, kind)
    for mode in (TransferMode.INTERRUPT, TransferMode.DMA)
    for kind in ("level", "latched", "message")
]
ROUTINE = re.compile(r"^def (Store\w+|Policy\w+|DriverEntry)\(", re.MULTILINE)


def files() -> Iterator[Path]:
    yield from (each for each in STORE_FOLDER.glob("*.py") if each.stem != "__init__")
    yield STORE_FOLDER.parent / "power_policy.py"


@pytest.mark.parametrize("file", list(files()), ids=lambda file: file.stem)
def test_each_routine_has_its_twin_in_the_file_of_the_same_name(file: Path) -> None:
    routines = ROUTINE.findall(file.read_text(encoding="utf-8"))
    if not routines:
        assert file.with_suffix(".h").is_file()  # the interface, the extension
        return
    twin = file.with_suffix(".c").read_text(encoding="utf-8")
    missing = [name for name in routines if not re.search(rf"^\S.*\b{name}\([^;]*$", twin, re.MULTILINE)]
    assert missing == []


def test_both_are_for_the_same_devices() -> None:
    assert CDriver(STORE_FOLDER).HARDWARE_IDS == store.HARDWARE_IDS


# The bus.


def use(machine: Machine, handle: Handle, rng: random.Random) -> None:
    """Requests of several lengths one by one, at once, cancelled, and too slow."""
    for length in (1, 4, 255, 4097):
        data = rng.randbytes(length)
        handle.write(data, length)
        assert handle.read(length, length) == data
    handle.ioctl(IOCTL_STORE_RAISE)
    handle.ioctl(IOCTL_STORE_SET_TIMING, Timing(700, 1_000_000).pack())
    several = [handle.write_overlapped(rng.randbytes(300), 512 * each) for each in range(4)]
    several[0].cancel()
    several[2].cancel()
    assert all(each.wait(1) for each in several)
    handle.ioctl(IOCTL_STORE_SET_TIMING, Timing(100_000, 200).pack())
    late = handle.write_overlapped(bytes(64))
    late.wait(1)
    handle.ioctl(IOCTL_STORE_SET_TIMING, Timing(0, 1_000_000).pack())
    handle.ioctl(IOCTL_STORE_GET_STATISTICS, b"", STATISTICS_BYTES)


def run(language: str, mode: TransferMode, kind: str, file: Path) -> None:
    """A life of a device with each Plug and Play and power request, recorded in `file`."""
    rng = random.Random(f"{mode} {kind}")
    with open_machine(record=file) as machine:
        driver = machine.load_driver(store_in(language), interrupt=kind)
        node = next(node for node in machine.devices if node.driver is driver)
        with machine.open(PROGRAM_NAME) as handle:
            handle.ioctl(IOCTL_STORE_SET_MODE, struct.pack("<I", mode))
            use(machine, handle, rng)
            before = handle.write_overlapped(bytes(64))
            machine.suspend("S3", seconds=0.001)
            before.wait(1)
            use(machine, handle, rng)
            assert machine.pnp.rebalance(node) is None
            use(machine, handle, rng)
            last = handle.read_overlapped(64)
            queued = handle.read_overlapped(64)
        assert last.wait(1)
        assert queued.wait(1)
        machine.unload_driver(driver)
        machine.load_driver(store_in(language), interrupt=kind)
        with machine.open(PROGRAM_NAME) as handle:
            handle.write_overlapped(bytes(64))
            machine.pnp.surprise_remove(node)
        assert machine.defects == []


def entries(file: Path) -> Iterator[tuple[object, ...]]:
    """Each access and each wait, with the clock at which it ended.

    The list of descriptors of DMA may be at another place in RAM.
    """
    for entry in RecordingReader(file).entries():
        if entry.request.call in (Call.GRANT, Call.REVOKE):
            continue  # they name places in RAM, and are no accesses
        at_list = (
            entry.request.call is Call.WRITE_MEMORY
            and entry.request.numbers[0] & 0xFFF == DESCRIPTOR_BASE.offset
        )
        numbers = entry.request.numbers[:1] if at_list else entry.request.numbers
        yield (
            entry.request.call,
            numbers,
            entry.request.data,
            entry.outcome.value,
            entry.spent,
            entry.outcome.clock,
        )


@pytest.mark.parametrize(("mode", "kind"), WAYS, ids=[f"{mode.name.lower()}-{kind}" for mode, kind in WAYS])
def test_each_access_of_the_bus_is_the_same_on_the_same_clock(
    mode: TransferMode, kind: str, tmp_path: Path
) -> None:
    for language in LANGUAGES:
        run(language, mode, kind, tmp_path / language)
    count = 0
    both = (entries(tmp_path / language) for language in LANGUAGES)
    for count, (python, c) in enumerate(zip(*both, strict=True), start=1):
        assert python == c, f"entry {count}"
    assert count > 1000


@pytest.mark.parametrize("seed", [0, 2])
def test_processors_change_both_in_the_same_way(seed: int) -> None:
    """Seed 0 has one processor, and 2 has three; the processors take turns."""
    python, c = (run_traffic("verilated", seed, language) for language in LANGUAGES)
    for mine, other in zip(python, c, strict=True):
        assert mine == other


def test_the_page_shows_the_routines_as_they_are() -> None:
    page = (STORE_FOLDER.parents[3] / "docs" / "store-in-c.md").read_text(encoding="utf-8")
    sources = [file.read_text(encoding="utf-8") for file in STORE_FOLDER.glob("*.[pc]*")]
    blocks = re.findall(r"^```(?:python|c)\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert len(blocks) == 4
    assert all(any(block in source for source in sources) for block in blocks)
