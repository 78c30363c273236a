# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Constructs that public WDM drivers use: words of old and new headers, the C library, and what crosses to Python."""

from __future__ import annotations

import struct

import pytest

from dirql.machine import open_machine
from dirql.nt.constants import FILE_ANY_ACCESS, FILE_DEVICE_UNKNOWN, METHOD_BUFFERED
from dirql.nt.control_code import ctl_code
from machine.c_builder import CDriver

pytestmark = pytest.mark.interpreted("c drivers")

TELL = ctl_code(FILE_DEVICE_UNKNOWN, 0x800, METHOD_BUFFERED, FILE_ANY_ACCESS)


@pytest.mark.parametrize("processors", [1, 4])
def test_the_c_library_intrinsics_and_old_names_do_what_they_do_on_windows(processors: int) -> None:
    with open_machine(processors=processors) as machine:
        machine.load_driver(CDriver("library"))
        with machine.open(r"\Device\Library") as handle:
            assert struct.unpack("<3I", handle.ioctl(TELL, b"", 12)) == (0, 0, 0)
