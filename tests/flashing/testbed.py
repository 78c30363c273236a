# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""A USB device in a test bed of umockdev, and the program that is run with it. Needs the system's Python."""

from __future__ import annotations

import importlib
import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import Protocol

__all__ = ["NODE", "Client", "Data", "Testbed", "load_umockdev", "run_with", "testbed_with"]

NODE = "/dev/bus/usb/001/002"


class Data(Protocol):
    """`UMockdev.IoctlData`: memory of the program."""

    client_addr: int

    def resolve(self, offset: int, size: int) -> Data: ...
    def retrieve(self) -> bytes: ...
    def update(self, offset: int, octets: bytes) -> None: ...
    def set_ptr(self, offset: int, target: Data) -> None: ...


class Client(Protocol):
    """`UMockdev.IoctlClient`: a call of ioctl."""

    def get_request(self) -> int: ...
    def get_arg(self) -> Data: ...
    def complete(self, result: int, error: int) -> None: ...


class Testbed(Protocol):
    """`UMockdev.Testbed`: the devices that the program sees."""

    def add_from_string(self, text: str) -> bool: ...
    def attach_ioctl(self, node: str, handler: object) -> bool: ...
    def get_root_dir(self) -> str: ...


def load_umockdev() -> ModuleType:
    """The bindings of umockdev."""
    gi = importlib.import_module("gi")
    gi.require_version("UMockdev", "1.0")
    return importlib.import_module("gi.repository.UMockdev")


def testbed_with(
    handle: Callable[[object, Client], bool], descriptors: bytes, attributes: Mapping[str, str]
) -> Testbed:
    """A test bed with a device that has these descriptors and attributes; `handle` gets each ioctl."""
    umockdev = load_umockdev()
    bed: Testbed = umockdev.Testbed.new()
    lines = [
        "P: /devices/pci0000:00/0000:00:14.0/usb1/1-1",
        f"N: {NODE.removeprefix('/dev/')}",
        "E: SUBSYSTEM=usb",
        "E: DEVTYPE=usb_device",
        "E: BUSNUM=001",
        "E: DEVNUM=002",
        f"E: DEVNAME={NODE}",
        "E: MAJOR=189",
        "E: MINOR=1",
        f"H: descriptors={descriptors.hex().upper()}",
        *(f"A: {name}={value}" for name, value in {"busnum": "1", "devnum": "2", **attributes}.items()),
    ]
    bed.add_from_string("\n".join(lines) + "\n\n")
    base = umockdev.IoctlBase()
    base.connect("handle-ioctl", handle)
    bed.attach_ioctl(NODE, base)
    return bed


def run_with(bed: Testbed, command: Sequence[str], idle: Callable[[], None] | None = None) -> int:
    """Run a program with the devices of the test bed; its exit code. `idle` is called whenever there is time."""
    glib = importlib.import_module("gi.repository.GLib")
    environment = {**os.environ, "UMOCKDEV_DIR": bed.get_root_dir()}
    child = subprocess.Popen(["umockdev-wrapper", *command], env=environment)
    loop = glib.MainLoop()
    codes: list[int] = []

    def look() -> bool:
        code = child.poll()
        if code is None:
            return True
        codes.append(code)
        loop.quit()
        return False

    def spend() -> bool:
        if idle is not None:
            idle()
        return not codes

    glib.timeout_add(20, look)
    if idle is not None:
        glib.idle_add(spend)
    loop.run()
    return codes[0]
