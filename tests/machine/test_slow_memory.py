# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""A slow host memory: bus masters get the same data as from a fast one, at other clocks."""

from __future__ import annotations

import random
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from dirql.drivers import store
from dirql.drivers.store.interface import TransferMode
from dirql.hardware.place import Place
from dirql.hardware.reading import load_machine
from dirql.machine import Machine, open_machine
from dirql.registers import pci_bridge
from dirql.registers.store import Operation
from dirql.target import MemoryDelays, inside_simulator
from machine.target_bench import Bench, configure_bench, open_bench
from machine.test_machines import STORES_AND_KINDS, all_at_once
from tested_machines import MASTERED, WITH_STORES

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(inside_simulator(), reason="opens targets of its own"),
]

ROOT = Path(__file__).parents[2]
SEEDS = range(1, 9)
DESCRIPTOR = 0x20_0000
SOURCE, DESTINATION = 0x10_0000, 0x11_0000
WINDOW = 0x3000


def transfer(bench: Bench, random_: random.Random) -> None:
    """Move random data into the device and back to another place of the host's memory, by DMA."""
    size = random_.choice((1, 4, 63, 64, 1000, 4096, 5001))
    source, destination = SOURCE + random_.randrange(WINDOW), DESTINATION + random_.randrange(WINDOW)
    bench.target.memory[source : source + size] = random_.randbytes(size)
    for operation, address in ((Operation.DMA_WRITE, source), (Operation.DMA_READ, destination)):
        bench.transfer_by_dma(operation, address, size, DESCRIPTOR)
        bench.wait_until_idle()
    memory = bench.target.memory
    assert memory[destination : destination + size] == memory[source : source + size]


@cache
def result(delays: MemoryDelays | None, *, seed: int = 5) -> tuple[bytes, int]:
    """The contents of the host's memory after several transfers, and the clocks that they took."""
    bench = open_bench("verilated", checked=True, memory_delays=delays)
    random_ = random.Random(seed)
    for _ in range(12):
        transfer(bench, random_)
    memory, clocks = bytes(bench.target.memory[:0x30_0000]), bench.target.now()
    bench.target.close()
    return memory, clocks


@pytest.mark.parametrize("seed", SEEDS)
def test_the_data_is_the_same_and_the_clocks_are_not(seed: int) -> None:
    fast, slow = result(None), result(MemoryDelays(seed))
    assert slow[0] == fast[0]
    assert slow[1] > 2 * fast[1]


def test_each_seed_has_times_of_its_own_and_the_same_each_time() -> None:
    assert len({result(MemoryDelays(seed))[1] for seed in SEEDS}) == len(SEEDS)
    again = MemoryDelays(SEEDS[0])
    first = result(again)
    result.cache_clear()
    assert result(again) == first


def test_the_longest_delay_is_kept() -> None:
    assert (
        result(MemoryDelays(1, longest=1))[1]
        < result(MemoryDelays(1, longest=100))[1]
        < result(MemoryDelays(1))[1]
    )


def test_a_reset_begins_the_times_anew_and_forgets_requests() -> None:
    """The reset comes in the middle of a transfer, while answers are outstanding."""
    bench = open_bench("verilated", checked=True, memory_delays=MemoryDelays(3))
    runs = []
    for _ in range(2):
        bench.target.reset()
        bench = configure_bench(bench.target)
        transfer(bench, random.Random(1))
        runs.append(bench.target.now())
        bench.transfer_by_dma(Operation.DMA_WRITE, SOURCE, 4096, DESCRIPTOR)
        bench.target.wait(300)
    bench.target.close()
    assert runs[0] == runs[1]


def answers_thrown_away(machine: Machine) -> list[Place]:
    """The bridges whose discard timers have run out: a master did not repeat a read that it was owed."""
    target = machine.target
    bit = pci_bridge.BRIDGE_CONTROL.DISCARD_STATUS << 8 * (pci_bridge.BRIDGE_CONTROL.offset & 3)
    address = pci_bridge.BRIDGE_CONTROL.offset & ~3
    places = [bridge.place for bridge in target.description.bridges]
    return [
        place for place in places if target.read_configuration(place.configuration_address | address) & bit
    ]


@pytest.mark.parametrize(("name", "kind"), [each for each in STORES_AND_KINDS if each[0] in MASTERED])
def test_all_stores_of_each_machine_work_with_a_slow_memory(name: str, kind: str) -> None:
    for seed in (1, 2):
        with open_machine("verilated", machine=name, memory_delays=MemoryDelays(seed)) as machine:
            machine.load_driver(store, interrupt=kind)
            all_at_once(machine, TransferMode.DMA)
            assert not answers_thrown_away(machine)


def session(target: str, machine: str, kind: str) -> None:
    """Run the tests of the store driver in Python that use DMA, in a session of its own with a slow memory.

    Tests without a kind of interrupt are among them, the two longest are not; behind bridges, where each datum takes
    longer, the third one is not either.
    """
    selection = f"(dma-{kind} or bus_master or a_mode_set) and not time_out_that_meets and not whole_device"
    selection += " and python"
    if load_machine(machine).bridges:
        selection += " and not read_back_and_nothing_else_changes"
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--dirql-memory-delays", "1"]
    words += ["--dirql-target", target, "--dirql-machine", machine, "-k", selection]
    done = subprocess.run(
        [*words, "tests/machine/test_store_driver.py"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


SESSIONS = {
    "at": "latched",
    "bridged": "message",
    "crowd": "message",
    "default": "level",
    "shared": "latched",
    "tiny": "level",
}
"""The kind of interrupt of the session for each machine."""


@pytest.mark.parametrize("machine", [name for name in WITH_STORES if name in MASTERED])
def test_the_store_drivers_tests_pass_with_a_slow_memory(machine: str) -> None:
    """On each machine, with one kind of interrupt; the test above has all kinds on all machines."""
    session("verilated", machine, SESSIONS[machine])


def test_the_store_drivers_tests_pass_with_a_slow_memory_in_the_simulator() -> None:
    session("cocotb", "shared", SESSIONS["shared"])
