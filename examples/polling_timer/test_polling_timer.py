# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The tests of the driver that polls: data past the driver, the pace of its polls, and every early end of a request."""

import random
import struct
from contextlib import contextmanager
from pathlib import Path

import pytest

from dirql.driver_files import driver_module
from dirql.io.errors import IoError
from dirql.io.handle import Handle, Overlapped
from dirql.io.objects import DeviceObject
from dirql.machine import Machine

NAME = r"\\.\Slow"
SET_TIMING = 0x222000
CLOCKS_PER_MICROSECOND = 33.333

pytestmark = pytest.mark.driver("polling_timer.py", name=NAME)


def set_timing(handle: Handle, clocks: int, microseconds: int = 1_000_000) -> None:
    handle.ioctl(SET_TIMING, struct.pack("<II", clocks, microseconds))


def status_of(request: Overlapped) -> str:
    with pytest.raises(IoError) as failed:
        request.result()
    return str(failed.value)


def test_data_goes_both_ways_and_nothing_interrupts(
    handle: Handle, device: DeviceObject, machine: Machine
) -> None:
    interrupts: list[object] = []
    machine.kernel.hooks.isr_entered = lambda *arguments: interrupts.append(arguments)
    window = machine.device_window("store", bar=1)
    data = random.Random(1).randbytes(1000)
    assert handle.write(data, offset=20) == 1000
    assert window.read(20, 1000) == data
    window.write(24, b"by hand!")
    assert handle.read(1000, offset=20) == data[:4] + b"by hand!" + data[12:]
    assert interrupts == []


def test_the_driver_asks_less_often_while_nothing_happens(
    handle: Handle, device: DeviceObject, machine: Machine
) -> None:
    set_timing(handle, 200_000)  # 6 milliseconds
    extension = device.device_extension
    begin, polls = machine.target.now(), extension.polls
    handle.write(bytes(64))
    elapsed = (machine.target.now() - begin) / CLOCKS_PER_MICROSECOND
    assert extension.polls - polls <= 20  # with the shortest period there would be 1,200
    assert 6000 <= elapsed <= 7100  # no later than one longest period after the end


def test_the_driver_asks_often_while_data_moves(
    handle: Handle, device: DeviceObject, machine: Machine
) -> None:
    begin = machine.target.now()
    handle.write(bytes(4096))
    assert device.device_extension.polls >= 16  # the FIFO has room for 256 bytes
    assert machine.target.now() - begin < 20_000


def test_a_request_that_takes_too_long_ends_and_the_next_one_works(handle: Handle, machine: Machine) -> None:
    set_timing(handle, 400_000, 2000)
    begin = machine.target.now()
    assert "STATUS_IO_TIMEOUT" in status_of(handle.read_overlapped(64))
    assert 2000 <= (machine.target.now() - begin) / CLOCKS_PER_MICROSECOND <= 3200
    set_timing(handle, 0)
    assert handle.write(b"next") == 4
    assert machine.device_window("store", bar=1).read(0, 4) == b"next"


def test_requests_are_cancelled_before_and_after_they_have_the_device(
    handle: Handle, machine: Machine
) -> None:
    set_timing(handle, 100_000)
    first, second, third = (handle.write_overlapped(text * 16) for text in (b"1st.", b"2nd.", b"3rd."))
    begin = machine.target.now()
    second.cancel()
    assert "STATUS_CANCELLED" in status_of(second)
    assert machine.target.now() - begin < 1000, "a request in the queue has waited for the device"
    first.cancel()
    assert "STATUS_CANCELLED" in status_of(first)
    assert machine.target.now() - begin < 50_000, "the device was not told to stop"
    third.result()
    assert machine.device_window("store", bar=1).read(0, 64) == b"3rd." * 16


def test_the_requests_of_a_file_end_when_it_is_closed(handle: Handle, machine: Machine) -> None:
    set_timing(handle, 100_000)
    other = machine.open(NAME)
    closed = [other.write_overlapped(b"gone") for _ in range(3)]
    kept = handle.write_overlapped(b"kept")
    other.close()
    assert kept.wait(1)
    assert kept.result() == b""
    assert ["STATUS_CANCELLED" in status_of(request) for request in closed] == [True] * 3
    assert machine.device_window("store", bar=1).read(0, 4) == b"kept"


def test_requests_end_when_the_device_is_taken_away(handle: Handle, machine: Machine) -> None:
    set_timing(handle, 100_000)
    requests = [handle.write_overlapped(bytes(64)) for _ in range(3)]
    machine.pnp.surprise_remove_devices()
    assert ["STATUS_DEVICE_REMOVED" in status_of(request) for request in requests] == [True] * 3
    assert "STATUS_DEVICE_REMOVED" in status_of(handle.read_overlapped(4))


def test_a_request_goes_on_after_the_system_has_slept(handle: Handle, machine: Machine) -> None:
    set_timing(handle, 100_000)
    request = handle.write_overlapped(b"slow")
    machine.suspend("S3")
    request.result()
    assert machine.device_window("store", bar=1).read(0, 4) == b"slow"


@pytest.mark.parametrize(("length", "offset"), [(3, 0), (4, 1 << 16), (8, (1 << 16) - 4), (4, (1 << 63) - 4)])
def test_a_wrong_place_is_refused(handle: Handle, length: int, offset: int) -> None:
    assert "STATUS_INVALID_PARAMETER" in status_of(handle.read_overlapped(length, offset))


@pytest.mark.machine(processors=3, seed=5)
def test_cancels_race_with_polls_and_each_request_ends_once(handle: Handle, machine: Machine) -> None:
    set_timing(handle, 300)
    requests = [handle.write_overlapped(bytes(128), offset=128 * number) for number in range(12)]
    thread = machine.create_thread(lambda: [request.cancel() for request in requests[::2]])
    for request in requests:
        assert request.wait(1)
    thread.join()
    assert [request.information for request in requests[1::2]] == [128] * 6


def test_the_transfers_that_dirql_run_measures_work(device: DeviceObject, machine: Machine) -> None:
    scenario = driver_module(Path(__file__).with_name("polling_timer.py")).scenario
    with contextmanager(scenario)(machine) as transfer:
        assert [transfer(number) for number in range(3)] == [128] * 3
