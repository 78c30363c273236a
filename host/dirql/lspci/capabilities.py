# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The lines for the capabilities of a function."""

from __future__ import annotations

from collections.abc import Iterator

from dirql.lspci.bus_rules import rule_label
from dirql.lspci.function import SPACE_BYTES, Function
from dirql.lspci.layout import PM_CAPABILITIES, PM_CAPABILITIES_PME, PowerManagement, bits, flags
from dirql.registers import pci_configuration as regs

__all__ = ["capability_lines"]

_NULL, _BROKEN = 0x00, 0xFF

# Offsets from the start of a capability.
_MSI = regs.MSI_CAPABILITY_ID.offset
_CONTROL = regs.MSI_CONTROL.offset - _MSI
_ADDRESS = regs.MSI_ADDRESS.offset - _MSI
_UPPER_ADDRESS = regs.MSI_UPPER_ADDRESS.offset - _MSI
_DATA_64 = regs.MSI_DATA.offset - _MSI
_DATA_32 = _UPPER_ADDRESS
_VENDOR = regs.VENDOR_CAPABILITY_ID.offset
_LENGTH = regs.VENDOR_LENGTH.offset - _VENDOR
_VERSION = regs.VENDOR_VERSION.offset - _VENDOR
_BUILD = regs.VENDOR_BUILD.offset - _VENDOR
_CLOCK = regs.VENDOR_CLOCK.offset - _VENDOR
_FEATURES = regs.VENDOR_FEATURES.offset - _VENDOR
_TIMESTAMP = regs.VENDOR_TIMESTAMP.offset - _VENDOR


def capability_lines(function: Function, *, is_dirql: bool, verbose: int) -> Iterator[str]:
    """A line for each capability, and with `verbose` 2 lines with the registers of those that are known.

    The vendor of a function decides the layout of a vendor-specific capability; `is_dirql` says that this function has
    dirql's configuration header.
    """
    seen: set[int] = set()
    for at in function.capabilities():
        head = f"\tCapabilities: [{at:02x}]"
        id_ = function.byte(at)
        if at in seen:
            yield f"{head} <chain looped>"
            return
        seen.add(at)
        if id_ == _BROKEN:
            yield f"{head} <chain broken>"
            return
        yield from _lines(function, at, head, is_dirql=is_dirql, verbose=verbose)


def _lines(function: Function, at: int, head: str, *, is_dirql: bool, verbose: int) -> Iterator[str]:
    id_ = function.byte(at)
    if id_ == _NULL:
        yield f"{head} Null"
    elif id_ == PowerManagement.ID:
        yield from _power_management(function, at, head, verbose)
    elif id_ == regs.MSI_CAPABILITY_ID.reset:
        yield from _messages(function, at, head, verbose)
    elif id_ == regs.VENDOR_CAPABILITY_ID.reset:
        yield from _vendor_specific(function, at, head, is_dirql=is_dirql)
    else:
        yield f"{head} Capability ID {id_:#04x} [{function.word(at + 2):04x}]"


def _power_management(function: Function, at: int, head: str, verbose: int) -> Iterator[str]:
    capabilities = function.word(at + PowerManagement.CAPABILITIES)
    yield f"{head} Power Management version {bits(capabilities, 2, 0)}"
    if verbose < 2:
        return
    current = PowerManagement.AUXILIARY_MILLIAMPERES[bits(capabilities, 8, 6)]
    pme = flags(capabilities, PM_CAPABILITIES_PME, ",")
    yield f"\t\tFlags: {flags(capabilities, PM_CAPABILITIES)} AuxCurrent={current}mA PME({pme})"
    control = function.word(at + PowerManagement.CONTROL)
    yield (
        f"\t\tStatus: D{bits(control, 1, 0)} {flags(control, (('NoSoftRst', 3), ('PME-Enable', 8)))}"
        f" DSel={bits(control, 12, 9)} DScale={bits(control, 14, 13)} {flags(control, (('PME', 15),))}"
    )
    bridge = function.byte(at + PowerManagement.BRIDGE)
    if bridge:
        yield f"\t\tBridge: {flags(bridge, (('PM', 7), ('B3', 6)))}"


def _messages(function: Function, at: int, head: str, verbose: int) -> Iterator[str]:
    control = regs.MSI_CONTROL.unpack(function.word(at + _CONTROL))
    wide = bool(control.address64)
    raw = function.word(at + _CONTROL)
    enable = flags(raw, (("Enable", regs.MSI_CONTROL.ENABLE_SHIFT),))
    others = flags(
        raw, (("Maskable", regs.MSI_CONTROL.MASKABLE_SHIFT), ("64bit", regs.MSI_CONTROL.ADDRESS64_SHIFT))
    )
    granted, offered = 1 << control.multiple_enable, 1 << control.multiple_capable
    yield f"{head} MSI: {enable} Count={granted}/{offered} {others}"
    if verbose < 2:
        return
    upper = f"{function.dword(at + _UPPER_ADDRESS):08x}" if wide else ""
    data = at + (_DATA_64 if wide else _DATA_32)
    yield f"\t\tAddress: {upper}{function.dword(at + _ADDRESS):08x}  Data: {function.word(data):04x}"
    if control.maskable:
        yield f"\t\tMasking: {function.dword(data + 4):08x}  Pending: {function.dword(data + 8):08x}"


def _vendor_specific(function: Function, at: int, head: str, *, is_dirql: bool) -> Iterator[str]:
    length = function.byte(at + _LENGTH)
    known = is_dirql and length == regs.VENDOR_LENGTH.reset and at + length <= SPACE_BYTES
    version = function.byte(at + _VERSION)
    if not known or version != regs.VENDOR_VERSION.reset:
        yield f"{head} Vendor Specific Information: Len={length:02x} <?>"
        return
    yield f"{head} Vendor Specific Information: Len={length:02x} dirql version {version}"
    khz = regs.VENDOR_CLOCK.unpack(function.dword(at + _CLOCK)).khz
    features = function.dword(at + _FEATURES)
    table = (
        ("Timestamp", regs.VENDOR_FEATURES.TIMESTAMP_SHIFT),
        ("FaultInjection", regs.VENDOR_FEATURES.FAULT_INJECTION_SHIFT),
        ("Checker", regs.VENDOR_FEATURES.CHECKER_PRESENT_SHIFT),
    )
    yield f"\t\tBuild: {function.dword(at + _BUILD):08x}  Clock: {khz / 1000:.3f} MHz"
    yield f"\t\tFeatures: {flags(features, table)}  Timestamp unit at {function.dword(at + _TIMESTAMP):08x}"
    if violation := regs.VENDOR_FEATURES.unpack(features).violation:
        yield f"\t\tThe checker has seen a rule of the bus broken, first {rule_label(violation)}"
