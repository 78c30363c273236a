# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Identification strings of devices, against the examples of the WDK's pages."""

from __future__ import annotations

import pytest

from dirql.drivers.identifiers import (
    Identity,
    clean_text,
    firewire_identity,
    ide_identity,
    pci_identity,
    sbp2_identity,
    scsi_identity,
    usb_identity,
    usb_interface_identity,
)


def test_PNP_15_a_display_adapter_on_pci() -> None:
    found = pci_identity(0x102C, 0x00E0, 4, 0x030000)
    assert found == Identity(
        r"PCI\VEN_102C&DEV_00E0&SUBSYS_00000000&REV_04",
        (
            r"PCI\VEN_102C&DEV_00E0&SUBSYS_00000000&REV_04",
            r"PCI\VEN_102C&DEV_00E0&SUBSYS_00000000",
            r"PCI\VEN_102C&DEV_00E0&REV_04",
            r"PCI\VEN_102C&DEV_00E0",
            r"PCI\VEN_102C&DEV_00E0&CC_030000",
            r"PCI\VEN_102C&DEV_00E0&CC_0300",
        ),
        (
            r"PCI\VEN_102C&DEV_00E0&REV_04",
            r"PCI\VEN_102C&DEV_00E0",
            r"PCI\VEN_102C&CC_030000",
            r"PCI\VEN_102C&CC_0300",
            r"PCI\VEN_102C",
            r"PCI\CC_030000",
            r"PCI\CC_0300",
        ),
    )


def test_the_subsystem_stands_before_its_vendor_and_express_has_a_type() -> None:
    found = pci_identity(0x8086, 1, 2, 0x010601, subsystem_vendor=0x1028, subsystem=0x0633, express_type=9)
    assert found.device_id == r"PCI\VEN_8086&DEV_0001&SUBSYS_06331028&REV_02"
    assert found.compatible_ids[-4:] == (
        r"PCI\CC_010601&DT_9",
        r"PCI\CC_010601",
        r"PCI\CC_0106&DT_9",
        r"PCI\CC_0106",
    )


def test_PNP_15_a_usb_device_and_an_interface() -> None:
    assert usb_identity(0x045E, 0x0040, 0x0300, (3, 1, 2)) == Identity(
        r"USB\VID_045E&PID_0040&REV_0300",
        (r"USB\VID_045E&PID_0040&REV_0300", r"USB\VID_045E&PID_0040"),
        (r"USB\Class_03&SubClass_01&Prot_02", r"USB\Class_03&SubClass_01", r"USB\Class_03"),
    )
    assert usb_identity(1, 2, 3, (0, 0, 0), composite=True).compatible_ids[-1] == r"USB\COMPOSITE"
    found = usb_interface_identity(0x045E, 0x0040, 0x0300, 1, (3, 0, 0))
    assert found.device_id == r"USB\VID_045E&PID_0040&MI_01"
    assert found.hardware_ids == (r"USB\VID_045E&PID_0040&REV_0300&MI_01", found.device_id)


def test_PNP_15_a_disk_on_scsi() -> None:
    assert scsi_identity(0, "SEAGATE ", "ST39102LW       ", "0004") == Identity(
        r"SCSI\DiskSEAGATE_ST39102LW_______0004",
        (
            r"SCSI\DiskSEAGATE_ST39102LW_______0004",
            r"SCSI\DiskSEAGATE_ST39102LW_______",
            r"SCSI\DiskSEAGATE_",
            r"SCSI\SEAGATE_ST39102LW_______0",
            "SEAGATE_ST39102LW_______0",
        ),
        ("GenDisk",),
    )


@pytest.mark.parametrize(
    ("device_type", "scsi", "ide"),
    [
        (1, (), ("GenSequential",)),
        (3, (), ("GenProcessor",)),
        (8, ("ScsiChanger",), ("GenChanger",)),
        (9, ("ScsiNet",), ("GenNet",)),
        (14, ("ScsiRBC",), ("GenOther",)),
        (0x1F, ("ScsiOther",), ("GenOther",)),
    ],
)
def test_generic_types(device_type: int, scsi: tuple[str, ...], ide: tuple[str, ...]) -> None:
    assert scsi_identity(device_type, "A", "B", "C").compatible_ids == scsi
    assert ide_identity(device_type, "A", "B").compatible_ids == ide


def test_PNP_15_a_disk_on_ide() -> None:
    model = "Maxtor_91000D8" + 26 * "_"
    assert ide_identity(0, "Maxtor 91000D8", "SASX1B18") == Identity(
        rf"IDE\Disk{model}SASX1B18",
        (rf"IDE\Disk{model}SASX1B18", rf"IDE\{model}SASX1B18", rf"IDE\Disk{model}", f"{model}SASX1B18"),
        ("GenDisk",),
    )
    assert ide_identity(0, "LS-120", "1", is_super_floppy=True).compatible_ids == ("GenSFloppy",)


def test_PNP_15_a_camera_and_a_disk_on_1394() -> None:
    camera = firewire_identity("SONY", "CCM-DS250 1.08", 0xA02D, 0x100)
    assert camera.device_id == r"1394\SONY&CCM-DS250_1.08"
    assert camera == Identity(camera.device_id, (camera.device_id,), (r"1394\A02D&100",))
    nameless = firewire_identity(None, "x", 0xA02D, 0x100)
    assert nameless == Identity(r"1394\A02D&100", (), (r"1394\A02D&100",))
    disk = sbp2_identity("VST TECHNOLOGIESINC.", "VST FULL HEIGHT FIREWIRE DRIVE", 0x104D8, 0)
    assert disk.device_id == r"SBP2\VST_TECHNOLOGIESINC.&VST_FULL_HEIGHT_FIREWIRE_DRIVE&LUN0"
    assert disk.hardware_ids == disk.compatible_ids
    assert disk.hardware_ids[1:] == (r"SBP2\GenDisk", "GenDisk", r"SBP2\66776&0")
    assert sbp2_identity("A", "B", 1, 0x1F0001).hardware_ids[2] == "GenSbp2Device"


@pytest.mark.parametrize("text", ["a,b", "a\x1fb", "a\x80b", "a b", "a\x7fb", "aéb"])
def test_PNP_15_characters_that_an_identifier_must_not_have(text: str) -> None:
    assert clean_text(text) == "a_b"
    assert clean_text(text, 2) == "a_"
    assert clean_text("a", 3) == "a__"
