# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The rule that names the members of C structures in Python."""

from __future__ import annotations

import pytest

from wdk.naming import python_path


@pytest.mark.parametrize(
    ("c_path", "python"),
    [
        ("MdlAddress", "mdl_address"),
        ("UINumber", "ui_number"),
        ("DeviceD1", "device_d1"),
        ("D3Latency", "d3_latency"),
        ("Type3InputBuffer", "type3_input_buffer"),
        ("SystemArgument1", "system_argument1"),
        ("Dma64BitAddresses", "dma64_bit_addresses"),
        ("RawDeviceOK", "raw_device_ok"),
        ("NoDisplayInUI", "no_display_in_ui"),
        ("DeviceIDs", "device_ids"),
        ("ROMBaseAddresses", "rom_base_addresses"),
        ("SubVendorID", "sub_vendor_id"),
        ("WMI", "wmi"),
        ("u.MessageInterrupt.Raw", "u.message_interrupt.raw"),
        ("Tail.Overlay.Thread", "tail.overlay.thread"),
        ("Header.SignalState", "header.signal_state"),
        ("CancelIrql", "cancel_irql"),
        ("Class", "class_"),
        ("bits.DeviceNumber", "bits.device_number"),
    ],
)
def test_a_path_becomes_snake_case_part_by_part(c_path: str, python: str) -> None:
    assert python_path(c_path) == python
