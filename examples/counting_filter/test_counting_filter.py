# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The tests of the counting filter: what it counts is compared with what the test and the device count."""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from dirql import wdm
from dirql.drivers import store
from dirql.drivers.store.interface import (
    IOCTL_STORE_GET_STATISTICS,
    IOCTL_STORE_SET_MODE,
    IOCTL_STORE_SET_TIMING,
    PROGRAM_NAME,
    STATISTICS_BYTES,
    Statistics,
    Timing,
    TransferMode,
    program_name,
)
from dirql.io.errors import IoError
from dirql.io.handle import Handle
from dirql.io.objects import DriverObject
from dirql.machine import Machine

FILTERS = ("counting_filter.py", "counting_filter.c")
IOCTL_COUNTER_READ = 0x226400
ANSWER_BYTES = 4 * (28 + 1 + 32)


class Counts(NamedTuple):
    """Requests for each major function, the longest time in bus clocks, and the histogram of the times."""

    functions: dict[int, int]
    longest: int
    histogram: list[int]


def counts(handle: Handle) -> Counts:
    numbers = struct.unpack("<61I", handle.ioctl(IOCTL_COUNTER_READ, output_length=ANSWER_BYTES))
    functions = {major: count for major, count in enumerate(numbers[:28]) if count}
    return Counts(functions, numbers[28], list(numbers[29:]))


@pytest.fixture(params=FILTERS)
def counter(machine: Machine, request: pytest.FixtureRequest) -> DriverObject:
    """The filter, in Python or in C, above the store driver, which is in Python."""
    loaded = machine.load_driver(Path(__file__).with_name(request.param), as_filter="upper")
    machine.load_driver(store)
    return loaded


@pytest.fixture
def handle(machine: Machine, counter: DriverObject) -> Iterator[Handle]:
    with machine.open(PROGRAM_NAME) as opened:
        yield opened


def slow_down(handle: Handle, clocks: int) -> None:
    """Let the device wait before each transfer, and interrupt at its end."""
    handle.ioctl(IOCTL_STORE_SET_MODE, struct.pack("<I", TransferMode.DMA))
    handle.ioctl(IOCTL_STORE_SET_TIMING, Timing(clocks, 1_000_000).pack())


def test_each_request_is_counted_once_and_its_data_is_left_alone(handle: Handle, machine: Machine) -> None:
    for number in range(5):
        assert handle.write(bytes([number] * 8), offset=8 * number) == 8
    assert handle.read(16, offset=24) == bytes([3] * 8 + [4] * 8)
    with machine.open(PROGRAM_NAME):
        pass
    assert machine.device_window("store", bar=1).read(0, 16) == bytes([0] * 8 + [1] * 8)
    found = counts(handle)
    assert found.functions.pop(wdm.IRP_MJ_PNP) >= 3  # start, capabilities, state, ...
    assert found.functions == {
        wdm.IRP_MJ_CREATE: 2,
        wdm.IRP_MJ_CLOSE: 1,
        wdm.IRP_MJ_READ: 1,
        wdm.IRP_MJ_WRITE: 5,
        wdm.IRP_MJ_CLEANUP: 1,
    }
    assert sum(found.histogram) == sum(counts(handle).functions.values())


def test_a_time_lies_between_that_of_the_device_and_that_of_the_program(
    handle: Handle, machine: Machine
) -> None:
    slow_down(handle, 5000)
    begin = machine.target.now()
    handle.write(bytes(64))
    of_program = machine.target.now() - begin
    answer = handle.ioctl(IOCTL_STORE_GET_STATISTICS, output_length=STATISTICS_BYTES)
    of_device = Statistics.unpack(answer).busy_clocks
    found = counts(handle)
    assert 5000 <= of_device <= found.longest <= of_program
    assert found.histogram[found.longest.bit_length()] == 1


def test_a_request_is_timed_when_it_is_completed_and_not_before(handle: Handle) -> None:
    slow_down(handle, 5000)
    request = handle.write_overlapped(bytes(64))
    before = counts(handle)
    assert before.functions[wdm.IRP_MJ_WRITE] == 1
    assert before.longest < 5000
    request.result()
    assert counts(handle).longest >= 5000


def test_an_error_and_a_cancel_come_back_through_the_filter(handle: Handle) -> None:
    with pytest.raises(IoError, match="STATUS_INVALID_PARAMETER"):
        handle.read(16, offset=1 << 40)
    slow_down(handle, 100_000)
    request = handle.write_overlapped(bytes(64))
    assert request.cancel()
    with pytest.raises(IoError, match="STATUS_CANCELLED"):
        request.result()
    assert sum(counts(handle).histogram) == sum(counts(handle).functions.values())


def test_a_buffer_that_is_too_small_for_the_counts_is_refused(handle: Handle) -> None:
    with pytest.raises(IoError, match="STATUS_BUFFER_TOO_SMALL"):
        handle.ioctl(IOCTL_COUNTER_READ, output_length=ANSWER_BYTES - 1)


@pytest.mark.machine(processors=4, seed=7)
def test_no_count_is_lost_when_processors_count_at_once(handle: Handle, machine: Machine) -> None:
    def write() -> None:
        for number in range(10):
            handle.write(bytes(4), offset=4 * number)

    threads = [machine.create_thread(write) for _ in range(4)]
    for thread in threads:
        thread.join()
    assert counts(handle).functions[wdm.IRP_MJ_WRITE] == 40


def test_the_filter_goes_with_a_device_that_is_taken_away(handle: Handle, machine: Machine) -> None:
    slow_down(handle, 100_000)
    request = handle.write_overlapped(bytes(64))
    machine.pnp.surprise_remove_devices()
    with pytest.raises(IoError, match="STATUS_DEVICE_REMOVED"):
        request.result()


def test_the_device_sleeps_and_wakes_below_the_filter(handle: Handle, machine: Machine) -> None:
    machine.suspend("S3")
    handle.write(b"awake")
    assert handle.read(5) == b"awake"
    assert counts(handle).functions[wdm.IRP_MJ_POWER] >= 3  # may the system sleep, sleep, wake


@pytest.mark.machine("shared")
@pytest.mark.usefixtures("counter")
def test_each_device_has_counts_of_its_own(machine: Machine) -> None:
    for number in range(4):
        with machine.open(program_name(number)) as handle:
            for _ in range(number):
                handle.write(b"count")
            assert counts(handle).functions.get(wdm.IRP_MJ_WRITE, 0) == number
