# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The real libusb finds the USB core in its simulation, and unmodified programs use the machine behind it."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from dirql.hardware.identity import machine_number
from dirql.hardware.reading import load_machine
from flashing.needed import SYSTEM_PYTHON, lack, need_umockdev
from source_tree import ROOT
from usb_core.recipes import BUILD, machine_library

MACHINE = "tiny"
LIMIT = 280
"""Seconds for one program; it takes some seconds on a computer that has nothing else to do."""

LOOK = """
import json, usb.core, usb.util
device = usb.core.find(idVendor=0x1209, idProduct=0x0001)
device.set_configuration()
ends = [(end.bEndpointAddress, end.bmAttributes, end.wMaxPacketSize) for end in device[0][0, 0]]
texts = [usb.util.get_string(device, index) for index in (1, 2, 3)]
usb.util.claim_interface(device, 0)
notice = bytes(device.read(0x82, 8, 5000)).hex()
refused = []
for call in (lambda: device.ctrl_transfer(0x80, 6, 0x0600, 0, 10), lambda: device.read(0x81, 64, 50)):
    try:
        call()
    except usb.core.USBError as error:
        refused.append((type(error).__name__, error.errno))
device.ctrl_transfer(0x02, 3, 0, 0x81, None)
try:
    device.read(0x81, 64, 5000)
except usb.core.USBError as error:
    refused.append((type(error).__name__, error.errno))
device.clear_halt(0x81)
status = bytes(device.ctrl_transfer(0x82, 0, 0, 0x81, 2)).hex()
print(json.dumps([ends, texts, notice, refused, status]))
"""

TARGET = ("--target", "usb?silence=60", "--machine", MACHINE)
SMALL = ("--transfers", "2", "--size", "512", "--mode", "dma", "--interrupt", "level")
STORE = ("-m", "dirql", "run", *TARGET, *SMALL)
"""The arguments of a short run of the store driver."""

HELLO = """
from dirql.boards.asking import ask_usb
from dirql.boards.description import UsbId
answer = ask_usb(UsbId(0x1209, 0x0001))
print(answer.machine, answer.build, answer.frequency)
"""


@pytest.fixture(scope="module")
def library() -> Path:
    need_umockdev()
    if importlib.util.find_spec("usb.core") is None:
        lack("pyusb: pip install 'dirql[usb]'")
    return machine_library(MACHINE)


def run(library: Path, *arguments: str) -> str:
    """The output of a Python program that runs with the board plugged in, and ends well."""
    done = serve(library, [], arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def serve(library: Path, faults: Sequence[str], arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run a Python program with the board plugged in."""
    server = [SYSTEM_PYTHON, "-m", "usb_core.usbfs", str(library), *faults, "--", sys.executable]
    return subprocess.run(
        [*server, *arguments],
        env={**os.environ, "PYTHONPATH": f"{ROOT / 'tests'}:{ROOT / 'host'}"},
        capture_output=True,
        text=True,
        check=False,
        timeout=LIMIT,
    )


@pytest.mark.slow
def test_libusb_reads_descriptors_and_uses_all_endpoints(library: Path) -> None:
    ends, texts, notice, refused, status = json.loads(run(library, "-c", LOOK))
    assert ends == [[0x01, 2, 64], [0x81, 2, 64], [0x82, 3, 8]]
    assert texts[:2] == ["dirql", "dirql: a machine behind a link."]
    assert notice == BUILD.lower()
    # A request that is not known, a read without data, and a halted endpoint.
    assert refused == [["USBError", 32], ["USBTimeoutError", 110], ["USBError", 32]]
    assert status == "0000"


@pytest.mark.slow
def test_the_board_tells_its_identity(library: Path) -> None:
    number = machine_number(load_machine(MACHINE)).hex()
    assert run(library, "-c", HELLO).split() == [number, BUILD.lower(), "48000000"]


@pytest.mark.slow
def test_board_info_finds_the_board(library: Path) -> None:
    assert f"build {BUILD.lower()}, 48 MHz" in run(library, "-m", "dirql", "board-info")


@pytest.mark.slow
def test_lspci_lists_the_functions_of_the_machine(library: Path) -> None:
    said = run(library, "-m", "dirql", "lspci", *TARGET)
    assert [line.split()[0] for line in said.splitlines()] == ["00:00.0", "00:01.0"]


@pytest.mark.slow
def test_the_store_driver_moves_data(library: Path) -> None:
    said = run(library, *STORE)
    assert said.endswith("All data was right and nothing leaked.\n")


@pytest.mark.slow
@pytest.mark.parametrize("after", [1, 4, 60, 300])
def test_a_cable_that_is_pulled_is_told(library: Path, after: int) -> None:
    """Before the board has said anything, while it says who it is, while drivers start, and while data is moved."""
    done = serve(library, ["--unplug-after", str(after)], STORE)
    assert done.returncode != 0
    assert "usb 001:002 was unplugged" in done.stdout + done.stderr
    assert "AssertionError" not in done.stderr
