# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Identification strings of PCI, USB, SCSI, IDE and 1394 devices, for bus drivers that answer IRP_MN_QUERY_ID.

Each function takes the facts of a device as its bus gives them, and returns its IDs in the order of the WDK's pages
"Identifiers for PCI Devices", "Standard USB Identifiers", "Identifiers for SCSI Devices", "Identifiers for IDE Devices"
and "Identifiers for 1394 Devices". Texts that come from a device get an underscore for each character that an ID must
not have: a blank, a comma, a control character, or one beyond ASCII (row PNP-15).
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = [
    "Identity",
    "clean_text",
    "firewire_identity",
    "ide_identity",
    "pci_identity",
    "sbp2_identity",
    "scsi_identity",
    "usb_identity",
    "usb_interface_identity",
]


class Identity(NamedTuple):
    """The IDs of one device; the first of a list is the most exact one."""

    device_id: str
    hardware_ids: tuple[str, ...]
    compatible_ids: tuple[str, ...]


def clean_text(text: str, length: int | None = None) -> str:
    """A text of a device as a part of an ID, cut or filled with underscores to `length` characters."""
    cleaned = "".join(
        "_" if not "!" <= character <= "~" or character == "," else character for character in text
    )
    return cleaned if length is None else cleaned[:length].ljust(length, "_")


def pci_identity(
    vendor: int,
    device: int,
    revision: int,
    class_code: int,
    *,
    subsystem_vendor: int = 0,
    subsystem: int = 0,
    express_type: int | None = None,
) -> Identity:
    """A PCI function; `class_code` has base class, subclass and programming interface, as configuration space has them.

    `express_type` is the device type of a PCI Express function.
    """
    vendor_id = rf"PCI\VEN_{vendor:04X}"
    plain = f"{vendor_id}&DEV_{device:04X}"
    exact = f"{plain}&SUBSYS_{subsystem:04X}{subsystem_vendor:04X}"
    full, short = f"CC_{class_code:06X}", f"CC_{class_code >> 8:04X}"
    by_revision = f"{plain}&REV_{revision:02X}"
    hardware = (
        f"{exact}&REV_{revision:02X}",
        exact,
        by_revision,
        plain,
        f"{plain}&{full}",
        f"{plain}&{short}",
    )
    compatible = [by_revision, plain, f"{vendor_id}&{full}", f"{vendor_id}&{short}", vendor_id]
    for code in (full, short):
        if express_type is not None:
            compatible.append(rf"PCI\{code}&DT_{express_type:x}")
        compatible.append(rf"PCI\{code}")
    return Identity(hardware[0], hardware, tuple(compatible))


def usb_identity(
    vendor: int, product: int, revision: int, class_code: tuple[int, int, int], *, composite: bool = False
) -> Identity:
    """A USB device; `revision` is bcdDevice, `class_code` has the class, the subclass and the protocol.

    A `composite` device has several interfaces, and the class codes are those of its first one.
    """
    plain = rf"USB\VID_{vendor:04X}&PID_{product:04X}"
    hardware = (f"{plain}&REV_{revision:04X}", plain)
    return Identity(hardware[0], hardware, _usb_classes(class_code, composite=composite))


def usb_interface_identity(
    vendor: int, product: int, revision: int, interface: int, class_code: tuple[int, int, int]
) -> Identity:
    """An interface of a composite USB device; `interface` is bInterfaceNumber."""
    plain = rf"USB\VID_{vendor:04X}&PID_{product:04X}"
    hardware = (f"{plain}&REV_{revision:04X}&MI_{interface:02X}", f"{plain}&MI_{interface:02X}")
    return Identity(hardware[1], hardware, _usb_classes(class_code, composite=False))


def _usb_classes(class_code: tuple[int, int, int], *, composite: bool) -> tuple[str, ...]:
    code, subclass, protocol = class_code
    by_class = rf"USB\Class_{code:02X}"
    by_subclass = f"{by_class}&SubClass_{subclass:02X}"
    found = (f"{by_subclass}&Prot_{protocol:02X}", by_subclass, by_class)
    return (*found, r"USB\COMPOSITE") if composite else found


class _Type(NamedTuple):
    name: str
    generic: str


_SCSI_TYPES = (
    _Type("Disk", "GenDisk"),
    _Type("Sequential", ""),
    _Type("Printer", "GenPrinter"),
    _Type("Processor", ""),
    _Type("Worm", "GenWorm"),
    _Type("CdRom", "GenCdRom"),
    _Type("Scanner", "GenScanner"),
    _Type("Optical", "GenOptical"),
    _Type("Changer", "ScsiChanger"),
    _Type("Net", "ScsiNet"),
    _Type("ASCIT8", "ScsiASCIT8"),
    _Type("ASCIT8", "ScsiASCIT8"),
    _Type("Array", "ScsiArray"),
    _Type("Enclosure", "ScsiEnclosure"),
    _Type("RBC", "ScsiRBC"),
    _Type("CardReader", "ScsiCardReader"),
    _Type("Bridge", "ScsiBridge"),
    _Type("Other", "ScsiOther"),
)
_IDE_TYPES = (
    *(_Type(each.name, f"Gen{each.name}") for each in _SCSI_TYPES[:10]),
    _Type("Other", "GenOther"),
)
_SBP2_TYPES = {
    0: "Disk",
    1: "Sequential",
    2: "Printer",
    4: "Worm",
    5: "CdRom",
    6: "Scanner",
    7: "Optical",
    8: "Changer",
}
_SBP2_RBC = 14
_SBP2_OTHER = "GenSbp2Device"


def scsi_identity(device_type: int, vendor: str, product: str, revision: str) -> Identity:
    """A SCSI device; the texts are those of its inquiry data, the type is the peripheral device type."""
    kind = _SCSI_TYPES[min(device_type, len(_SCSI_TYPES) - 1)]
    maker, model = clean_text(vendor, 8), clean_text(product, 16)
    level = clean_text(revision, 4)
    device_id = rf"SCSI\{kind.name}{maker}{model}{level}"
    hardware = (
        device_id,
        rf"SCSI\{kind.name}{maker}{model}",
        rf"SCSI\{kind.name}{maker}",
        rf"SCSI\{maker}{model}{level[0]}",
        f"{maker}{model}{level[0]}",
    )
    return Identity(device_id, hardware, (kind.generic,) if kind.generic else ())


def ide_identity(device_type: int, model: str, revision: str, *, is_super_floppy: bool = False) -> Identity:
    """An IDE device; `model` has the names of the vendor and the product, the type is that of SCSI.

    `is_super_floppy` stands for a drive of the LS-120 kind.
    """
    kind = _IDE_TYPES[min(device_type, len(_IDE_TYPES) - 1)]
    name, level = clean_text(model, 40), clean_text(revision, 8)
    device_id = rf"IDE\{kind.name}{name}{level}"
    hardware = (device_id, rf"IDE\{name}{level}", rf"IDE\{kind.name}{name}", f"{name}{level}")
    return Identity(device_id, hardware, ("GenSFloppy" if is_super_floppy else kind.generic,))


def firewire_identity(
    vendor: str | None, model: str | None, unit_spec_id: int, unit_software_version: int
) -> Identity:
    """A unit of a 1394 device, as its configuration ROM describes it; a name that is missing is None."""
    by_number = rf"1394\{unit_spec_id:X}&{unit_software_version:X}"
    if vendor is None or model is None:
        return Identity(by_number, (), (by_number,))
    by_name = rf"1394\{clean_text(vendor)}&{clean_text(model)}"
    return Identity(by_name, (by_name,), (by_number,))


def sbp2_identity(vendor: str, model: str, command_set: int, logical_unit: int) -> Identity:
    """A device behind the SBP-2 protocol of 1394; `logical_unit` is the 32-bit entry of its configuration ROM.

    The hardware IDs and the compatible IDs are the same list, in which the device ID is not.
    """
    named = rf"SBP2\{clean_text(vendor)}&{clean_text(model)}"
    code = logical_unit >> 16 & 0x1F
    found = _SBP2_TYPES.get(0 if code == _SBP2_RBC else code)
    generic = _SBP2_OTHER if found is None else f"Gen{found}"
    shared = (
        f"{named}&CmdSetId{command_set:X}",
        rf"SBP2\{generic}",
        generic,
        rf"SBP2\{command_set}&{code}",
    )
    return Identity(f"{named}&LUN{logical_unit & 0xFFFF:X}", shared, shared)
