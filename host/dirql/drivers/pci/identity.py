# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The identification strings of a PCI function, and strings in pool, which IRP_MN_QUERY_ID returns (row PNP-15)."""

from __future__ import annotations

from collections.abc import Sequence

from dirql.drivers.identifiers import pci_identity
from dirql.drivers.pci.function import PciFunction
from dirql.wdm import (
    POOL_FLAG_PAGED,
    POOL_TAG,
    BusQueryCompatibleIDs,
    BusQueryDeviceID,
    BusQueryHardwareIDs,
    BusQueryInstanceID,
    DeviceTextDescription,
    DeviceTextLocationInformation,
    ExAllocatePool2,
    RtlWriteMemory,
)

__all__ = ["device_text", "identification", "pool_strings"]

PCI_TAG = POOL_TAG("PciI")


_CLASSES = {
    0x01: "Mass Storage Controller",
    0x02: "Network Controller",
    0x03: "Video Controller",
    0x04: "Multimedia Controller",
    0x05: "PCI Memory",
    0x06: "PCI Bridge",
    0x07: "PCI Communications Controller",
    0x08: "Base System Device",
    0x09: "Input Controller",
    0x0C: "PCI Serial Bus Controller",
}
"""Descriptions by base class; any other device is a PCI Device."""


def identification(function: PciFunction, id_type: int) -> int | None:
    """The pool address of the strings that answer a BUS_QUERY_ID_TYPE; the receiver frees them.

    Returns 0 for a type for which a PCI function has no strings, None when there is no pool left.
    """
    class_code = function.base_class << 16 | function.subclass << 8 | function.interface
    identity = pci_identity(
        function.vendor_id,
        function.device_id,
        function.revision,
        class_code,
        subsystem_vendor=function.subsystem_vendor_id,
        subsystem=function.subsystem_id,
    )
    if id_type == BusQueryDeviceID:
        return pool_strings([identity.device_id], multiple=False)
    if id_type == BusQueryHardwareIDs:
        return pool_strings(identity.hardware_ids, multiple=True)
    if id_type == BusQueryCompatibleIDs:
        return pool_strings(identity.compatible_ids, multiple=True)
    if id_type == BusQueryInstanceID:
        return pool_strings([f"{function.slot_number:02X}"], multiple=False)
    return 0


def device_text(function: PciFunction, text_type: int) -> int | None:
    """The pool address of the text that answers a DEVICE_TEXT_TYPE; 0 and None as for `identification`."""
    if text_type == DeviceTextDescription:
        return pool_strings([_CLASSES.get(function.base_class, "PCI Device")], multiple=False)
    if text_type == DeviceTextLocationInformation:
        place = f"device {function.device_number}, function {function.function_number}"
        return pool_strings([f"PCI bus {function.bus_number}, {place}"], multiple=False)
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
