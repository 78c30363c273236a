# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The tests of the own driver."""

import pytest

from dirql.io.handle import Handle
from dirql.machine import Machine

pytestmark = pytest.mark.driver("own_driver.py", name=r"\\.\Own")

IOCTL_IDENTIFY = 0x222000
IOCTL_RAISE = 0x222004


def test_the_device_says_who_it_is(handle: Handle) -> None:
    assert handle.ioctl(IOCTL_IDENTIFY, output_length=4) == b"ROTS"


def test_a_buffer_that_is_too_small_is_refused(handle: Handle) -> None:
    with pytest.raises(OSError, match="STATUS_BUFFER_TOO_SMALL"):
        handle.ioctl(IOCTL_IDENTIFY, output_length=3)


def test_an_interrupt_completes_the_request(handle: Handle, machine: Machine) -> None:
    before = machine.target.now()
    handle.ioctl(IOCTL_RAISE)
    assert machine.target.now() - before < 500


def test_what_is_written_by_dma_is_read_back(handle: Handle) -> None:
    data = bytes(range(256)) * 20
    assert handle.write(data, offset=100) == len(data)
    assert handle.read(len(data), offset=100) == data


def test_a_transfer_beyond_the_device_is_an_error(handle: Handle) -> None:
    with pytest.raises(OSError, match="STATUS_IO_DEVICE_ERROR"):
        handle.read(64, offset=0x100000)
