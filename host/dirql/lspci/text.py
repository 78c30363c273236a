# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The lines for one function: the short line, the decoded header, and the dump."""

from __future__ import annotations

from collections.abc import Iterator

from dirql.lspci.bridge import bridge_lines
from dirql.lspci.capabilities import capability_lines
from dirql.lspci.function import Bar, Function, Layout, Rom
from dirql.lspci.layout import COMMAND, DEVSEL, STATUS_ABILITIES, STATUS_ERRORS, STATUS_INTERRUPT, flags
from dirql.lspci.names import Names
from dirql.lspci.size import size_text
from dirql.registers import pci_configuration as regs

__all__ = ["dump_lines", "header_lines", "short_line"]

_ABSENT = (0, 0xFFFF)
"""Numbers of a subsystem's maker that stand for "none"."""
_BRIDGE_CLASS = 0x06
_PCI_BRIDGE = 0x04
_BAR_WIDTHS = ("32-bit", "low-1M", "64-bit", "type 3")
_NANOSECONDS = 250
"""Nanoseconds in the unit of Min_Gnt and Max_Lat."""


def short_line(function: Function, names: Names, *, verbose: int = 0) -> str:
    """Place, class, identity and revision; with `verbose` the programming interface too."""
    text = f"{function.place} {names.class_of(function)}: {names.device_of(function)}"
    revision = function.identity.revision
    text += f" (rev {revision:02x})" if revision else ""
    interface = names.interface_of(function) if verbose else ""
    return text + (f" ({interface})" if interface else "")


def header_lines(function: Function, names: Names, *, verbose: int) -> Iterator[str]:
    """The short line and the decoded header; `verbose` is 1 for the short forms, 2 for every bit."""
    yield short_line(function, names, verbose=verbose)
    layout = function.header.layout
    if layout not in (Layout.DEVICE, Layout.BRIDGE):
        yield f"\t!!! Unknown header type {layout:02x}"
        return
    yield from _contradiction(function)
    if layout == Layout.DEVICE:
        yield from _subsystem(function, names)
    yield from _switches(function) if verbose > 1 else _summary(function)
    yield from (_bar_line(function, bar, verbose) for bar in function.bars)
    if layout == Layout.BRIDGE:
        yield from bridge_lines(function, verbose=verbose)
    if function.rom is not None:
        yield _rom_line(function, function.rom)
    machine = names.machine
    is_dirql = function.place == machine.host_bridge or machine.function_at(function.place) is not None
    yield from capability_lines(function, is_dirql=is_dirql, verbose=verbose)


def dump_lines(function: Function, size: int) -> Iterator[str]:
    """The first `size` bytes of configuration space, 16 on each line."""
    for start in range(0, size, 16):
        yield f"{start:02x}: {function.space[start : start + 16].hex(' ')}"


def _contradiction(function: Function) -> Iterator[str]:
    """A line for a class that does not fit the layout of the header."""
    identity, layout = function.identity, function.header.layout
    is_bridge = identity.base_class == _BRIDGE_CLASS
    is_pci_bridge = is_bridge and identity.subclass == _PCI_BRIDGE
    if (layout == Layout.BRIDGE and not is_bridge) or (layout == Layout.DEVICE and is_pci_bridge):
        number = f"{identity.base_class:02x}{identity.subclass:02x}"
        yield f"\t!!! Invalid class {number} for header type {layout:02x}"


def _subsystem(function: Function, names: Names) -> Iterator[str]:
    vendor = function.word(regs.SUBSYSTEM_VENDOR_ID.offset)
    if vendor not in _ABSENT:
        yield f"\tSubsystem: {names.subsystem_of(vendor, function.word(regs.SUBSYSTEM_ID.offset))}"


def _summary(function: Function) -> Iterator[str]:
    """Command and Status in one line, with the bits that are set."""
    command, line = function.word(regs.COMMAND.offset), function.byte(regs.INTERRUPT_LINE.offset)
    status = function.word(regs.STATUS.offset)
    set_bits = (
        ("bus master", command & regs.COMMAND.BUS_MASTER),
        ("VGA palette snoop", command & 1 << 5),
        ("stepping", command & 1 << 7),
        ("fast Back2Back", command & 1 << 9),
        ("66MHz", status & 1 << 5),
        ("user-definable features", status & 1 << 6),
    )
    words = [name for name, bit in set_bits if bit]
    words.append(f"{DEVSEL[function.status.devsel_timing]} devsel")
    if function.command.bus_master:
        words.append(f"latency {function.byte(regs.LATENCY_TIMER.offset)}")
    if line:
        words.append(f"IRQ {line}")
    yield f"\tFlags: {', '.join(words)}"


def _switches(function: Function) -> Iterator[str]:
    """Command, Status, timers and interrupt, with every bit."""
    status = function.word(regs.STATUS.offset)
    yield f"\tControl: {flags(function.word(regs.COMMAND.offset), COMMAND)}"
    yield (
        f"\tStatus: {flags(status, STATUS_ABILITIES)} DEVSEL={DEVSEL[function.status.devsel_timing]}"
        f" {flags(status, STATUS_ERRORS)} {flags(status, STATUS_INTERRUPT)}"
    )
    if function.command.bus_master:
        yield f"\tLatency: {_latency(function)}"
    pin, line = function.byte(regs.INTERRUPT_PIN.offset), function.byte(regs.INTERRUPT_LINE.offset)
    if pin or line:
        letter = chr(ord("A") + pin - 1) if 1 <= pin <= 4 else "?"
        yield f"\tInterrupt: pin {letter} routed to IRQ {line}"


def _latency(function: Function) -> str:
    text = str(function.byte(regs.LATENCY_TIMER.offset))
    if function.header.layout == Layout.DEVICE:
        wanted = ((regs.MIN_GNT.offset, "min"), (regs.MAX_LAT.offset, "max"))
        times = [
            f"{function.byte(offset) * _NANOSECONDS}ns {name}"
            for offset, name in wanted
            if function.byte(offset)
        ]
        text += f" ({', '.join(times)})" if times else ""
    line = function.byte(regs.CACHE_LINE_SIZE.offset)
    return text + (f", Cache Line Size: {4 * line} bytes" if line else "")


def _bar_line(function: Function, bar: Bar, verbose: int) -> str:
    head = f"\tRegion {bar.number}: " if verbose > 1 else "\t"
    if bar.is_io:
        at = f"{bar.address:04x}" if bar.address or function.command.io_enable else "<unassigned>"
        off = "" if function.command.io_enable else " [disabled]"
        return f"{head}I/O ports at {at}{off}{size_text(bar.size)}"
    at = f"{bar.address:08x}" if bar.address else "<unassigned>"
    kind = f"({_BAR_WIDTHS[bar.type]}, {'' if bar.is_prefetchable else 'non-'}prefetchable)"
    off = "" if function.command.memory_enable else " [disabled]"
    return f"{head}Memory at {at} {kind}{off}{size_text(bar.size)}"


def _rom_line(function: Function, rom: Rom) -> str:
    at = f"{rom.address:08x}" if rom.address else "<unassigned>"
    off = "" if function.command.memory_enable else " [disabled by cmd]"
    return f"\tExpansion ROM at {at}{off if rom.is_enabled else ' [disabled]'}{size_text(rom.size)}"
