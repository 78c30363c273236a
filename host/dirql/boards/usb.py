# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""USB devices as Linux lists them, and the rule that lets a user open one."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dirql.boards.description import UsbId

__all__ = ["RULES", "UsbDevice", "find_devices", "udev_rule", "usb_devices"]

DEVICES = Path("/sys/bus/usb/devices")
RULES = "/etc/udev/rules.d/70-dirql.rules"
"""The file for the rules of dirql's boards."""


@dataclass(frozen=True, slots=True)
class UsbDevice:
    """A USB device that is plugged in."""

    id: UsbId
    node: str
    """The device file through which programs talk to it."""
    product: str

    @property
    def is_open_to_user(self) -> bool:
        """Whether this user may open the device."""
        return os.access(self.node, os.R_OK | os.W_OK)

    def __str__(self) -> str:
        return f"{self.id} {self.product}".strip()


def usb_devices(devices: Path = DEVICES) -> list[UsbDevice]:
    """The USB devices of this computer; none where the kernel does not list them."""
    return sorted(_usb_devices(devices), key=lambda device: device.node)


def _usb_devices(devices: Path) -> Iterator[UsbDevice]:
    if not devices.is_dir():
        return
    for folder in devices.iterdir():
        with contextlib.suppress(OSError, ValueError):
            vendor, product = _text(folder / "idVendor"), _text(folder / "idProduct")
            bus, number = int(_text(folder / "busnum")), int(_text(folder / "devnum"))
            words = _text(folder / "product") if (folder / "product").is_file() else ""
            yield UsbDevice(UsbId.parse(f"{vendor}:{product}"), f"/dev/bus/usb/{bus:03}/{number:03}", words)


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace").strip()


def find_devices(wanted: UsbId, devices: Path = DEVICES) -> list[UsbDevice]:
    """The devices with these numbers."""
    return [device for device in usb_devices(devices) if device.id == wanted]


def udev_rule(wanted: UsbId) -> str:
    """The rule of udev that lets the user at the computer open a device."""
    return (
        f'SUBSYSTEM=="usb", ATTR{{idVendor}}=="{wanted.vendor:04x}", ATTR{{idProduct}}=="{wanted.product:04x}",'
        ' MODE="0660", TAG+="uaccess"'
    )
