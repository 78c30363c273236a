# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The identification strings of a PCI function, and strings in pool, which IRP_MN_QUERY_ID returns (row PNP-15)."""

from __future__ import annotations

from collections.abc import Sequence

from dirql.drivers.pci.function import PciFunction
from dirql.wdm import (
    POOL_FLAG_PAGED,
    POOL_TAG,
    BusQueryCompatibleIDs,
    BusQueryDeviceID,
    BusQueryHardwareIDs,
    BusQueryInstanceID,
    ExAllocatePool2,
    RtlWriteMemory,
)

__all__ = ["identification", "pool_strings"]

PCI_TAG = POOL_TAG("PciI")


def identification(function: PciFunction, id_type: int) -> int | None:
    """The pool address of the strings that answer a BUS_QUERY_ID_TYPE; the receiver frees them.

    Returns 0 for a type for which a PCI function has no strings, None when there is no pool left.
    """
    if id_type == BusQueryDeviceID:
        return pool_strings(_hardware_ids(function)[:1], multiple=False)
    if id_type == BusQueryHardwareIDs:
        return pool_strings(_hardware_ids(function), multiple=True)
    if id_type == BusQueryCompatibleIDs:
        return pool_strings(_compatible_ids(function), multiple=True)
    if id_type == BusQueryInstanceID:
        return pool_strings([f"{function.slot_number:02X}"], multiple=False)
    return 0


def pool_strings(strings: Sequence[str], *, multiple: bool) -> int | None:
    """Put one string of wide characters (REG_SZ) into paged pool, or several and an empty one (REG_MULTI_SZ).

    Returns the address of the first string, None when there is no pool left.
    """
    text = "".join(f"{each}\0" for each in strings) + ("\0" if multiple else "")
    data = text.encode("utf-16-le")
    address = ExAllocatePool2(POOL_FLAG_PAGED, len(data), PCI_TAG)
    if address is not None:
        RtlWriteMemory(address, data)
    return address


def _hardware_ids(function: PciFunction) -> list[str]:
    """The IDs by which a driver may ask for this device, the most specific first, as on Windows."""
    device = rf"PCI\VEN_{function.vendor_id:04X}&DEV_{function.device_id:04X}"
    subsystem = f"&SUBSYS_{function.subsystem_id:04X}{function.subsystem_vendor_id:04X}"
    revision = f"&REV_{function.revision:02X}"
    return [device + subsystem + revision, device + subsystem, device + revision, device]


def _compatible_ids(function: PciFunction) -> list[str]:
    """The IDs by which a driver may ask for any device of the class, the most specific first."""
    vendor = rf"PCI\VEN_{function.vendor_id:04X}"
    code = f"{function.base_class:02X}{function.subclass:02X}"
    return [
        f"{vendor}&CC_{code}{function.interface:02X}",
        f"{vendor}&CC_{code}",
        rf"PCI\CC_{code}{function.interface:02X}",
        rf"PCI\CC_{code}",
    ]
