# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The descriptors of the USB core: their layouts, and the files that are generated."""

from __future__ import annotations

import pytest

from dirql.link.usb_pipe import USB_IDS
from dirql.registers import usb_device
from usb_descriptors import Kind, entries, main, read_device, render_all

PACKET = 64


def test_the_generated_files_are_current(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--check"]) == 0, capsys.readouterr().out


def test_the_host_looks_for_the_device_that_the_core_is() -> None:
    device = next(entry.octets for entry in entries(read_device()) if entry.kind == Kind.DEVICE)
    told = tuple(int.from_bytes(device[at : at + 2], "little") for at in (8, 10))
    assert told == (0x1209, 0x0001)
    assert told == (usb_device.VENDOR, usb_device.PRODUCT)
    assert list(USB_IDS) == [told]


def test_each_descriptor_has_its_length_and_its_kind() -> None:
    for entry in entries(read_device()):
        if entry.kind in (Kind.DEVICE, Kind.STRING):
            assert entry.octets[:2] == bytes((len(entry.octets), entry.kind))
        if entry.kind in (Kind.CONFIGURATION, Kind.BOS):
            place, kinds = 0, []
            while place < len(entry.octets):
                kinds.append(entry.octets[place + 1])
                place += entry.octets[place]
            assert place == len(entry.octets) == int.from_bytes(entry.octets[2:4], "little")
            assert kinds == ([2, 4, 5, 5, 5] if entry.kind == Kind.CONFIGURATION else [15, 16])


def test_there_are_answers_of_every_length_that_ends_in_its_own_way() -> None:
    """Shorter than a packet, exactly one, and more than one."""
    lengths = {len(entry.octets) for entry in entries(read_device()) if entry.kind < 0x100}
    assert PACKET in lengths
    assert min(lengths) < PACKET < max(lengths) < 0x100


def test_all_answers_fit_into_the_memory() -> None:
    assert sum(len(entry.octets) for entry in entries(read_device())) <= 512
    assert all("do not edit" in text for text in render_all().values())
