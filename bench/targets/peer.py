# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""cocotbext-pcie as its own examples use it: a root complex, one endpoint, 32-bit reads of its memory and MSIs.

It simulates no RTL but does simulate the link, with sequence numbers, acknowledgements and flow-control credits. The
comparison is of the time that a driver's author waits, not of simulations of equal fidelity. cocotb calls the tests;
`run` starts it.
"""

from __future__ import annotations

import json
import logging
import os
import tempfile
from pathlib import Path
from statistics import median
from time import process_time

import cocotb
from cocotb.handle import HierarchyObject
from cocotb.triggers import Event
from cocotb_tools.runner import get_runner
from cocotbext.pcie.core import Device, MemoryEndpoint, RootComplex
from cocotbext.pcie.core.caps import MsiCapability
from cocotbext.pcie.core.pci import PciDevice

from dirql.registers.functions import Store
from dirql.target.simulation.build import cache_directory
from dirql.target.simulation.toolchain import find_toolchain

HERE = Path(__file__).resolve().parent
FOLDER, ROUNDS, SCALE = "DIRQL_PEER_FOLDER", "DIRQL_PEER_ROUNDS", "DIRQL_PEER_SCALE"
LINK_SPEED, LINK_WIDTH = 3, 8
REGION_BYTES = 64 * 1024


class Card(MemoryEndpoint):
    """A PCIe endpoint with memory and one MSI."""

    def __init__(self) -> None:
        super().__init__()
        self.vendor_id, self.device_id = Store.VENDOR_ID, Store.DEVICE_ID
        self.msi_cap = MsiCapability()
        self.msi_cap.msi_64bit_address_capable = 1
        self.register_capability(self.msi_cap)
        self.add_mem_region(REGION_BYTES)


async def enumerated() -> tuple[Card, PciDevice]:
    """Make a root complex with one card behind it, and enumerate it."""
    root, card = RootComplex(), Card()
    device = Device(card)
    device.upstream_port.max_link_speed = LINK_SPEED
    device.upstream_port.max_link_width = LINK_WIDTH
    root.make_port().connect(device)
    await root.enumerate()
    found = root.find_device(card.pcie_id)
    await found.enable_device()
    await found.set_master()
    return card, found


def note(name: str, rates: list[float]) -> None:
    """Write the median to a file, from which `run` reads it."""
    Path(os.environ[FOLDER], f"{name}.json").write_text(json.dumps(median(rates)), encoding="utf-8")


def plan(count: int) -> tuple[int, range]:
    """The number of repetitions for each round, and the number of rounds."""
    return max(20, int(count * float(os.environ[SCALE]))), range(int(os.environ[ROUNDS]))


@cocotb.test()
async def reads(_dut: HierarchyObject) -> None:
    """Measure 32-bit reads, each awaited before the next."""
    logging.getLogger("cocotb").setLevel(logging.ERROR)
    _, found = await enumerated()
    window = found.bar_window[0]
    await window.write_dword(16, 0xCAFEF00D)
    count, rounds = plan(1000)
    rates = []
    for _ in rounds:
        start = process_time()
        for _ in range(count):
            value = await window.read_dword(16)
        rates.append(count / (process_time() - start))
    assert value == 0xCAFEF00D
    note("reads", rates)


@cocotb.test()
async def messages(_dut: HierarchyObject) -> None:
    """Measure MSIs: each is raised, and an empty handler of it awaited, before the next."""
    logging.getLogger("cocotb").setLevel(logging.ERROR)
    card, found = await enumerated()
    await found.alloc_irq_vectors(1, 1)
    hit = Event()

    async def handler() -> None:
        hit.set()

    found.msi_vectors[0].cb.append(handler)
    count, rounds = plan(1000)
    rates = []
    for _ in rounds:
        start = process_time()
        for _ in range(count):
            hit.clear()
            await card.msi_cap.issue_msi_interrupt(0)
            await hit.wait()
        rates.append(count / (process_time() - start))
    note("messages", rates)


def run(scale: float, rounds: int) -> dict[str, float]:
    """Build the empty simulator if need be, run both tests in it, and return the medians."""
    toolchain = find_toolchain()
    os.environ.update(toolchain.environment)
    os.environ.update(
        {ROUNDS: str(rounds), SCALE: str(scale), "COCOTB_LOG_LEVEL": "ERROR", "GPI_LOG_LEVEL": "ERROR"}
    )
    os.environ["PYTHONWARNINGS"] = "ignore"  # the models use deprecated parts of cocotb, which warns of them
    build_folder = cache_directory() / "bench-peer"
    runner = get_runner("verilator")
    flags: list[str] = []
    for variable in toolchain.make_variables:
        flags += ["-MAKEFLAGS", variable]
    build_folder.mkdir(parents=True, exist_ok=True)
    runner.build(
        sources=[HERE / "nothing.sv"],
        hdl_toplevel="nothing",
        build_dir=build_folder,
        build_args=[*flags, "--timing", "-CFLAGS", "-std=c++20 -fcoroutines", "-LDFLAGS", "-pthread"],
        log_file=build_folder / "build.log",
    )
    with tempfile.TemporaryDirectory() as name:
        os.environ[FOLDER] = name
        runner.test(
            test_module="peer",
            hdl_toplevel="nothing",
            build_dir=build_folder,
            test_dir=name,
            results_xml=f"{name}/results.xml",
            log_file=build_folder / "run.log",
        )
        return {path.stem: json.loads(path.read_text()) for path in Path(name).glob("*.json")}
