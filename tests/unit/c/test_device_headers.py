# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The headers of devices: each stands alone, and its codes and structures are those of Windows."""

from __future__ import annotations

import subprocess

import pytest

from dirql.c.image.compiler import HEADERS, OPTIONS

INCLUDES = ["-nostdinc", *(f"-I{HEADERS / folder}" for folder in ("", "crt", "ddk"))]
DEVICE_HEADERS = sorted(file.name for folder in ("ddk", "crt") for file in (HEADERS / folder).glob("*.h"))
FACTS = """
#include <ntddser.h>
#include <ntdddisk.h>
#include <ntddstor.h>
#include <ntddcdrm.h>
#include <ntddvol.h>
#include <mountdev.h>
#include <kbdmou.h>
#include <wmilib.h>
#include <ntddscsi.h>
#include <wmidata.h>
#include <wmiguid.h>
#include <parallel.h>
#include <scsi.h>
#include <usbdlib.h>
#include <hidport.h>
#include <devguid.h>
C_ASSERT(IOCTL_SERIAL_SET_BAUD_RATE == 0x1B0004 && IOCTL_SERIAL_GET_COMMSTATUS == 0x1B006C);
C_ASSERT(IOCTL_DISK_GET_DRIVE_GEOMETRY == 0x70000 && IOCTL_DISK_GET_LENGTH_INFO == 0x7405C);
C_ASSERT(IOCTL_DISK_IS_WRITABLE == 0x70024 && IOCTL_STORAGE_CHECK_VERIFY == 0x2D4800);
C_ASSERT(IOCTL_KEYBOARD_SET_INDICATORS == 0xB0008 && IOCTL_INTERNAL_KEYBOARD_CONNECT == 0xB0203);
C_ASSERT(sizeof(SERIAL_COMMPROP) == 64 && sizeof(SERIAL_STATUS) == 20 && sizeof(SERIAL_HANDFLOW) == 16);
C_ASSERT(sizeof(DISK_GEOMETRY) == 24 && sizeof(PARTITION_INFORMATION) == 32 && FixedMedia == 12);
C_ASSERT(sizeof(KEYBOARD_INPUT_DATA) == 12 && sizeof(MOUSE_INPUT_DATA) == 24 && sizeof(CONNECT_DATA) == 16);
C_ASSERT(IOCTL_CDROM_READ_TOC == 0x24000 && IOCTL_CDROM_RAW_READ == 0x2403E);
C_ASSERT(IOCTL_STORAGE_GET_HOTPLUG_INFO == 0x2D0C14);
C_ASSERT(sizeof(CDROM_TOC) == 804 && sizeof(CDROM_READ_TOC_EX) == 4 && sizeof(RAW_READ_INFO) == 16);
C_ASSERT(IOCTL_MOUNTDEV_QUERY_DEVICE_NAME == 0x4D0008 && IOCTL_MOUNTDEV_LINK_CREATED == 0x4DC010);
C_ASSERT(IOCTL_MOUNTMGR_QUERY_POINTS == 0x6D0008 && sizeof(MOUNTMGR_MOUNT_POINT) == 24);
C_ASSERT(IOCTL_VOLUME_GET_VOLUME_DISK_EXTENTS == 0x560000 && sizeof(VOLUME_DISK_EXTENTS) == 32);
C_ASSERT(IOCTL_SCSI_PASS_THROUGH_DIRECT == 0x4D014 && IOCTL_ATA_PASS_THROUGH == 0x4D02C);
C_ASSERT(IOCTL_SCSI_GET_ADDRESS == 0x41018 && sizeof(SCSI_ADDRESS) == 8 && sizeof(SRB_IO_CONTROL) == 28);
C_ASSERT(sizeof(SCSI_PASS_THROUGH) == 56 && FIELD_OFFSET(SCSI_PASS_THROUGH_DIRECT, DataBuffer) == 24);
C_ASSERT(sizeof(SCSI_PASS_THROUGH32) == 44 && sizeof(ATA_PASS_THROUGH_EX) == 48);
C_ASSERT(FIELD_OFFSET(SERIAL_WMI_COMM_DATA, IsBusy) == 60 && sizeof(SERIAL_WMI_HW_DATA) == 40);
C_ASSERT(sizeof(WMI_DISK_PERFORMANCE) == 88 && sizeof(PARALLEL_WMI_LOG_INFO) == 128);
C_ASSERT(IOCTL_INTERNAL_PARALLEL_PORT_ALLOCATE == 0x16002C && IOCTL_INTERNAL_GET_PARALLEL_PORT_INFO == 0x160030);
C_ASSERT(sizeof(PARALLEL_PORT_INFORMATION) == 56 && sizeof(PARALLEL_PNP_INFORMATION) == 112);
C_ASSERT(sizeof(SCSI_REQUEST_BLOCK) == 0x58 && FIELD_OFFSET(SCSI_REQUEST_BLOCK, Cdb) == 0x48);
C_ASSERT(FIELD_OFFSET(SCSI_REQUEST_BLOCK, DataBuffer) == 0x18 && SRB_FUNCTION_RESET_BUS == 0x12);
C_ASSERT(sizeof(CDB) == 16 && sizeof(((CDB *)0)->CDB6READWRITE) == 6 && sizeof(((CDB *)0)->CDB10) == 10);
C_ASSERT(SCSIOP_READ_CAPACITY == 0x25 && SCSI_SENSE_UNIT_ATTENTION == 6 && SCSI_ADSENSE_NO_MEDIA_IN_DEVICE == 0x3A);
C_ASSERT(sizeof(INQUIRYDATA) == 104 && sizeof(SENSE_DATA) == 18 && sizeof(READ_CAPACITY_DATA) == 8);
C_ASSERT(IOCTL_INTERNAL_USB_SUBMIT_URB == 0x220003 && IOCTL_INTERNAL_USB_RESET_PORT == 0x220007);
C_ASSERT(sizeof(USB_DEVICE_DESCRIPTOR) == 18 && sizeof(USB_CONFIGURATION_DESCRIPTOR) == 9);
C_ASSERT(sizeof(USB_ENDPOINT_DESCRIPTOR) == 7 && sizeof(USB_INTERFACE_DESCRIPTOR) == 9);
C_ASSERT(sizeof(struct _URB_HEADER) == 24 && FIELD_OFFSET(struct _URB_BULK_OR_INTERRUPT_TRANSFER, PipeHandle) == 24);
C_ASSERT(FIELD_OFFSET(struct _URB_CONTROL_TRANSFER, SetupPacket) == 128 && sizeof(USBD_PIPE_INFORMATION) == 24);
C_ASSERT(sizeof(USBD_INTERFACE_INFORMATION) == 48 && URB_FUNCTION_BULK_OR_INTERRUPT_TRANSFER == 9);
C_ASSERT(IOCTL_HID_GET_REPORT_DESCRIPTOR == 0xB0007 && sizeof(HID_DESCRIPTOR) == 9);
C_ASSERT(sizeof(HID_DEVICE_ATTRIBUTES) == 32);
C_ASSERT(IOCTL_HID_GET_FEATURE == 0xB0192 && sizeof(HID_XFER_PACKET) == 16 && HID_USAGE_PAGE_GENERIC == 1);
C_ASSERT(sizeof(WMILIB_CONTEXT) == 64 && sizeof(WMIGUIDREGINFO) == 16);
"""


def gcc(text: str) -> str:
    """The messages of gcc for a text of a driver."""
    command = ["gcc", *OPTIONS, *INCLUDES, "-Wall", "-Wextra", "-fsyntax-only", "-x", "c", "-"]
    return subprocess.run(command, input=text, capture_output=True, text=True, check=False).stderr


@pytest.mark.parametrize(
    "header", [each for each in DEVICE_HEADERS if not each.startswith(("pshpack", "poppack"))]
)
def test_a_header_compiles_alone_and_twice(header: str) -> None:
    assert gcc(f"#include <{header}>\n#include <{header}>\n#include <ntddk.h>\n") == ""


def test_codes_and_structures_are_those_of_windows() -> None:
    assert gcc(FACTS) == ""


def test_packing_is_pushed_and_popped() -> None:
    text = (
        "#include <ntddk.h>\n#include <pshpack1.h>\nstruct a { char x; int y; };\n#include <poppack.h>\n"
        "struct b { char x; int y; };\nC_ASSERT(sizeof(struct a) == 5 && sizeof(struct b) == 8);\n"
    )
    assert gcc(text) == ""


COMMON = """
#include <wdm.h>
#include <ntiologc.h>
C_ASSERT(LOWORD(0x12345678) == 0x5678 && HIWORD(0x12345678) == 0x1234 && HIBYTE(0x1234) == 0x12);
C_ASSERT(MAKELONG(0x5678, 0x1234) == 0x12345678 && ALIGN_UP_BY(0x1001, 0x1000) == 0x2000);
C_ASSERT(ALIGN_DOWN(13, ULONGLONG) == 8 && MAXLONGLONG > 0 && UNICODE_NULL == 0);
C_ASSERT(FILE_DEVICE_8042_PORT == 0x27 && FILE_DEVICE_BATTERY == 0x29 && FILE_DEVICE_KS == 0x2f);
C_ASSERT(NT_ERROR(IO_ERR_PARITY) && NT_INFORMATION(STATUS_SERIAL_MORE_WRITES));
static inline int same(const GUID *one, const GUID *other) { return IsEqualGUID(one, other); }
void *routine = (void *)same;
#if !defined(MmGetSystemAddressForMdlSafe) || !defined(IoCallDriver) || !defined(KeRaiseIrql) || !defined(PAGED_CODE)
#error what is a macro in the WDK is one here
#endif
"""


def test_names_that_public_drivers_use_are_there() -> None:
    assert gcc(COMMON) == ""
