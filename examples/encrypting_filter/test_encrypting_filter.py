# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The tests of the encrypting filter: they look at the device past it, and have a cipher of their own to compare."""

import hashlib
import random
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from dirql import wdm
from dirql.drivers import store
from dirql.drivers.store.interface import (
    IOCTL_STORE_SET_MODE,
    IOCTL_STORE_SET_TIMING,
    PROGRAM_NAME,
    Timing,
    TransferMode,
)
from dirql.io.errors import IoError
from dirql.io.handle import Handle
from dirql.io.objects import DriverObject, Irp
from dirql.io.services import write_for_program
from dirql.io.status_block import IoStatusBlock
from dirql.ke.objects.event import Event
from dirql.machine import Machine

FILTER = Path(__file__).with_name("encrypting_filter.py")
SET_KEY = 0x22A404
KEY = b"a key for tests!"


def encrypted(data: bytes, offset: int, key: bytes = KEY) -> bytes:
    """Encrypt in the slow and obvious way, byte by byte."""
    found = bytearray()
    for place, byte in enumerate(data, offset):
        sector, within = divmod(place, 512)
        block, index = divmod(within, 64)
        salt = sector.to_bytes(16, "little")
        digest = hashlib.blake2b((64 * block).to_bytes(8, "little"), key=key, salt=salt).digest()
        found.append(byte ^ digest[index])
    return bytes(found)


@pytest.fixture
def encryption(machine: Machine) -> DriverObject:
    """The filter, attached to the store device."""
    machine.load_driver(store)
    return machine.load_driver(FILTER)


@pytest.fixture
def handle(machine: Machine, encryption: DriverObject) -> Iterator[Handle]:
    with machine.open(PROGRAM_NAME) as opened:
        opened.ioctl(SET_KEY, KEY)
        yield opened


def slow_down(handle: Handle, clocks: int) -> None:
    """Let the device wait before each transfer, and interrupt at its end."""
    handle.ioctl(IOCTL_STORE_SET_MODE, struct.pack("<I", TransferMode.DMA))
    handle.ioctl(IOCTL_STORE_SET_TIMING, Timing(clocks, 1_000_000).pack())


@pytest.mark.parametrize("mode", [TransferMode.POLLED, TransferMode.INTERRUPT, TransferMode.DMA])
def test_the_device_has_the_encrypted_bytes_and_the_program_those_that_it_wrote(
    handle: Handle, machine: Machine, mode: TransferMode
) -> None:
    handle.ioctl(IOCTL_STORE_SET_MODE, struct.pack("<I", mode))
    window = machine.device_window("store", bar=1)
    model, numbers = bytearray(3000), random.Random(2)
    window.write(0, encrypted(bytes(model), 0))
    for _ in range(8):
        begin = numbers.randrange(2000)
        data = numbers.randbytes(numbers.randrange(1, 1000))
        assert handle.write(data, offset=begin) == len(data)
        model[begin : begin + len(data)] = data
        first = numbers.randrange(2000)
        assert handle.read(700, offset=first) == model[first : first + 700]
    assert window.read(0, 3000) == encrypted(bytes(model), 0)


def test_equal_sectors_and_equal_data_under_another_key_look_different(
    handle: Handle, machine: Machine
) -> None:
    window = machine.device_window("store", bar=1)
    handle.write(b"the same" * 128)
    first, second = window.read(0, 512), window.read(512, 512)
    assert first != second
    handle.ioctl(SET_KEY, KEY[::-1])
    assert handle.read(512) != b"the same" * 64
    handle.write(b"the same" * 64)
    assert window.read(0, 512) not in (first, second)


def test_the_callers_buffer_is_the_same_while_the_write_is_on_its_way(
    handle: Handle, machine: Machine
) -> None:
    slow_down(handle, 5000)
    buffer = machine.memory_manager.process.allocate(600, poisoned=False)
    buffer.write(b"plain." * 100)
    event, block = Event.make_notification(), IoStatusBlock(wdm.STATUS_PENDING)
    status = write_for_program(handle.value, event, block, buffer.address, 600, 0)
    assert status == wdm.STATUS_PENDING
    assert buffer.read() == b"plain." * 100
    wdm.KeWaitForSingleObject(event)
    assert buffer.read() == b"plain." * 100
    buffer.free()
    assert machine.device_window("store", bar=1).read(0, 600) == encrypted(b"plain." * 100, 0)


def test_data_is_decrypted_at_passive_level(handle: Handle, machine: Machine) -> None:
    levels: list[int] = []

    def note(irp: Irp) -> None:
        levels.append(wdm.KeGetCurrentIrql())

    slow_down(handle, 1000)
    machine.io.hooks.irp_completed = note
    handle.read(64)
    assert levels == [wdm.DISPATCH_LEVEL, wdm.PASSIVE_LEVEL]


def test_errors_and_cancels_come_back_and_leave_the_programs_buffer_alone(handle: Handle) -> None:
    for request in (handle.read_overlapped(16, offset=1 << 40), handle.write_overlapped(b"x", 1 << 40)):
        with pytest.raises(IoError, match="STATUS_INVALID_PARAMETER"):
            request.result()
    slow_down(handle, 100_000)
    for request in (handle.read_overlapped(64), handle.write_overlapped(bytes(64))):
        assert request.cancel()
        with pytest.raises(IoError, match="STATUS_CANCELLED"):
            request.result()


def test_no_bytes_are_moved_at_once(handle: Handle) -> None:
    assert handle.write(b"") == 0
    assert handle.read(0) == b""


def test_without_a_key_nothing_is_read_or_written(machine: Machine, encryption: DriverObject) -> None:
    window = machine.device_window("store", bar=1)
    window.write(0, b"as it was")
    with machine.open(PROGRAM_NAME) as handle:
        for request in (handle.read_overlapped(16), handle.write_overlapped(b"secret")):
            with pytest.raises(IoError, match="STATUS_INVALID_DEVICE_STATE"):
                request.result()
        for key in (b"", b"k" * 15, b"k" * 65):
            with pytest.raises(IoError, match="STATUS_INVALID_PARAMETER"):
                handle.ioctl(SET_KEY, key)
    assert window.read(0, 9) == b"as it was"


@pytest.mark.machine(processors=3, seed=4)
def test_requests_of_several_threads_do_not_mix(handle: Handle) -> None:
    slow_down(handle, 100)
    writes = [handle.write_overlapped(bytes([number] * 100), offset=100 * number) for number in range(8)]
    for request in writes:
        request.result()
    reads = [handle.read_overlapped(100, offset=100 * number) for number in range(8)]
    assert [request.result() for request in reads] == [bytes([number] * 100) for number in range(8)]


def test_the_filter_leaves_while_a_read_is_on_its_way(
    handle: Handle, machine: Machine, encryption: DriverObject
) -> None:
    handle.write(b"on its way")
    slow_down(handle, 5000)
    request = handle.read_overlapped(10)
    machine.unload_driver(encryption)
    assert request.result() == b"on its way"
    assert handle.read(10) == encrypted(b"on its way", 0)


def test_the_device_sleeps_and_wakes_below_the_filter(handle: Handle, machine: Machine) -> None:
    handle.write(b"before")
    machine.suspend("S3")
    assert handle.read(6) == b"before"


def test_requests_end_when_the_device_is_taken_away(handle: Handle, machine: Machine) -> None:
    slow_down(handle, 100_000)
    requests = [handle.read_overlapped(64), handle.write_overlapped(bytes(64))]
    machine.pnp.surprise_remove_devices()
    for request in requests:
        with pytest.raises(IoError, match="STATUS_DEVICE_"):
            request.result()
