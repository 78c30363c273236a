# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Scripted machines with PCI functions, and the lines that `dirql lspci` has for them."""

from __future__ import annotations

from dirql.hardware.place import Place
from dirql.lspci.command import Options, listing
from fakes.pci_function import FakeFunction
from fakes.scripted_target import ScriptedTarget, Space

MEMORY_32, MEMORY_64, PREFETCHABLE, PORTS = 0, 4, 8, 1
HEADER_BRIDGE = 1
MULTI_FUNCTION = 0x80


def machine(*functions: FakeFunction, below: tuple[FakeFunction, ...] = ()) -> ScriptedTarget:
    """A target with these functions on bus 0, and those of `below` on bus 1."""
    target = ScriptedTarget()
    for function in functions:
        target.map(Space.CONFIGURATION, function.address, 256, function)
    for function in below:
        address = Place(1, function.device, function.function).configuration_address
        target.map(Space.CONFIGURATION, address, 256, function)
    return target


def lines(target: ScriptedTarget, options: Options) -> list[str]:
    return list(listing(target, options))


def decoded(*functions: FakeFunction, below: tuple[FakeFunction, ...] = (), verbose: int = 2) -> list[str]:
    return lines(machine(*functions, below=below), Options(verbose=verbose))


def put(function: FakeFunction, offset: int, value: int) -> None:
    """Set a dword of the function's configuration space."""
    function.dwords[offset // 4] = value


def bridge(*, primary: int = 0, secondary: int = 1, subordinate: int = 1) -> FakeFunction:
    made = FakeFunction(device=3, header_type=HEADER_BRIDGE, class_code=0x060400, id=0x0042, pin=0)
    put(made, 0x18, 0x40 << 24 | subordinate << 16 | secondary << 8 | primary)
    put(made, 0x2C, 0)
    return made
