# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The tests of a driver in C with all four ways to hand buffers over, those with wrong addresses included."""

from pathlib import Path

import pytest

from dirql import wdm
from dirql.io.errors import IoError
from dirql.io.handle import Handle
from dirql.io.services import control_for_program
from dirql.machine import Machine
from dirql.mm.manager import running

DATA = b"bytes of a program"
METHODS = {
    name: wdm.CTL_CODE(wdm.FILE_DEVICE_UNKNOWN, 0x800 + method, method, wdm.FILE_ANY_ACCESS)
    for method, name in enumerate(("buffered", "in direct", "out direct", "neither"))
}
TURNING = [name for name in METHODS if name != "in direct"]


@pytest.fixture
def methods(machine: Machine) -> Machine:
    """A machine with the driver."""
    machine.load_driver(Path(__file__).with_name("methods.c"))
    return machine


@pytest.mark.parametrize("name", TURNING)
def test_each_way_brings_the_bytes_to_the_driver_and_back(methods: Machine, name: str) -> None:
    with methods.open(r"\\.\Methods") as handle:
        assert handle.ioctl(METHODS[name], DATA, len(DATA)) == DATA[::-1]


def test_with_in_direct_the_driver_reads_both_buffers(methods: Machine) -> None:
    with methods.open(r"\\.\Methods") as handle, pytest.raises(IoError, match="STATUS_INVALID_PARAMETER"):
        handle.ioctl(METHODS["in direct"], DATA, len(DATA))


def test_an_unknown_code_is_refused(methods: Machine) -> None:
    with (
        methods.open(r"\\.\Methods") as handle,
        pytest.raises(IoError, match="STATUS_INVALID_DEVICE_REQUEST"),
    ):
        handle.ioctl(METHODS["buffered"] + 0x1000, DATA, len(DATA))


def wrong_address(handle: Handle, code: int, source: int, target: int) -> int:
    """The status of a request whose buffers are at these addresses."""
    request = handle.ioctl_overlapped(METHODS["buffered"], DATA, len(DATA))
    request.result()
    assert handle.value is not None
    return control_for_program(
        handle.value, request.event, request.iosb, code, source, len(DATA), target, len(DATA)
    )


@pytest.mark.parametrize(("source", "target"), [(0x3000_0000_0000, 0), (0, 0x10), (0x10, 0x10)])
def test_a_wrong_pointer_is_an_exception_that_the_driver_handles(
    methods: Machine, source: int, target: int
) -> None:
    """A system address, and addresses where the process has nothing; 0 stands for a good buffer."""
    good = running.value.process.allocate(len(DATA), poisoned=False)
    good.write(DATA)
    with methods.open(r"\\.\Methods") as handle:
        status = wrong_address(handle, METHODS["neither"], source or good.address, target or good.address)
        assert status == wdm.STATUS_ACCESS_VIOLATION
        assert handle.ioctl(METHODS["neither"], DATA, len(DATA)) == DATA[::-1]
