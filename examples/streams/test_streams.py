# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The tests of the streams: data past all drivers, modules that come and go, flow control, and the multiplexer."""

import random
import struct
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from dirql.drivers import store
from dirql.drivers.store.interface import (
    IOCTL_STORE_SET_MODE,
    IOCTL_STORE_SET_TIMING,
    Timing,
    TransferMode,
    program_name,
)
from dirql.io.errors import IoError
from dirql.io.handle import Handle, Overlapped
from dirql.io.objects import DriverObject
from dirql.machine import Machine

FOLDER = Path(__file__).parent
PUSH, POP, LINK, NUMBER, COMMAND, FLUSH = (0x222000 + 4 * number for number in range(6))
XOR_SET_KEY = struct.pack("<I", 1)
HIGH_WATER = 4096


@pytest.fixture
def modules(machine: Machine) -> DriverObject:
    """The store driver, the framework and its modules."""
    machine.load_driver(store)
    machine.load_driver(FOLDER / "streams.py")
    return machine.load_driver(FOLDER / "stream_modules.py")


@pytest.fixture
def stream(machine: Machine, modules: DriverObject) -> Iterator[Handle]:
    """A stream that ends in the first store device."""
    with machine.open(r"\\.\Streams\store0") as opened:
        yield opened


def slow_down(machine: Machine, clocks: int, number: int = 0) -> None:
    """Let a device wait before each transfer, and interrupt at its end."""
    with machine.open(program_name(number)) as device:
        device.ioctl(IOCTL_STORE_SET_MODE, struct.pack("<I", TransferMode.DMA))
        device.ioctl(IOCTL_STORE_SET_TIMING, Timing(clocks, 1_000_000).pack())


def status_of(request: Overlapped) -> str:
    with pytest.raises(IoError) as failed:
        request.result()
    return str(failed.value)


def xored(data: bytes, key: int) -> bytes:
    return bytes(byte ^ key for byte in data)


def test_a_stream_reads_and_writes_the_device_at_its_end(stream: Handle, machine: Machine) -> None:
    window = machine.device_window("store", bar=1)
    assert stream.write(b"down the stream", offset=3) == 15
    assert window.read(3, 15) == b"down the stream"
    window.write(7, b"...")
    assert stream.read(15, offset=3) == b"down...e stream"
    assert stream.write(b"") == 0
    assert "STATUS_INVALID_PARAMETER" in status_of(stream.read_overlapped(4, offset=1 << 16))


def test_a_module_is_pushed_and_popped_while_the_stream_is_open(stream: Handle, machine: Machine) -> None:
    window = machine.device_window("store", bar=1)
    assert "STATUS_INVALID_DEVICE_REQUEST" in status_of(
        stream.ioctl_overlapped(COMMAND, XOR_SET_KEY + b"\x55")
    )
    stream.ioctl(PUSH, b"xor")
    stream.ioctl(COMMAND, XOR_SET_KEY + b"\x55")
    stream.write(b"hidden")
    assert window.read(0, 6) == xored(b"hidden", 0x55)
    assert stream.read(6) == b"hidden"
    stream.ioctl(PUSH, b"xor")
    stream.ioctl(COMMAND, XOR_SET_KEY + b"\x0f")  # the upper of the two takes the command
    stream.write(b"twice.")
    assert window.read(0, 6) == xored(b"twice.", 0x5A)
    stream.ioctl(POP)
    assert stream.read(6) == xored(b"twice.", 0x0F)
    stream.ioctl(POP)
    assert stream.read(6) == xored(b"twice.", 0x5A)
    assert "STATUS_INVALID_DEVICE_STATE" in status_of(stream.ioctl_overlapped(POP))


def test_what_is_full_below_holds_the_head_back(
    stream: Handle, modules: DriverObject, machine: Machine
) -> None:
    slow_down(machine, 3000)
    stream.ioctl(PUSH, b"xor")  # a module without a queue, which the flow control looks past
    requests = [stream.write_overlapped(bytes([number]) * 1000, offset=1000 * number) for number in range(16)]
    framework = machine.io.drivers["streams"].device_object
    assert framework is not None
    (state,) = framework.device_extension.streams.values()
    queue = state.pairs[-1]
    assert queue.is_full
    assert HIGH_WATER <= queue.count < HIGH_WATER + 1100
    assert len(state.unsent) >= 10
    for request in requests:
        request.result()
    assert machine.device_window("store", bar=1).read(8990, 20) == bytes([8] * 10 + [9] * 10)


def test_requests_are_cancelled_wherever_they_are(stream: Handle, machine: Machine) -> None:
    slow_down(machine, 50_000)
    requests = [stream.write_overlapped(bytes([number]) * 1000) for number in range(1, 9)]
    begin = machine.target.now()
    for request in (requests[0], requests[2], requests[7]):  # in the device, in a queue, at the head
        assert request.cancel()
        assert "STATUS_CANCELLED" in status_of(request)
    assert machine.target.now() - begin < 10_000, "a cancelled request has waited for the device"
    requests[6].result()
    assert machine.device_window("store", bar=1).read(0, 4) == b"\7" * 4


def test_a_flush_ends_what_waits_in_the_queues(stream: Handle, machine: Machine) -> None:
    slow_down(machine, 50_000)
    requests = [stream.write_overlapped(bytes([number]) * 100) for number in range(1, 5)]
    stream.ioctl(FLUSH)
    assert ["STATUS_CANCELLED" in status_of(request) for request in requests[1:]] == [True] * 3
    requests[0].result()
    assert machine.device_window("store", bar=1).read(0, 2) == b"\1\1"


def test_the_requests_of_a_stream_end_when_it_is_closed(machine: Machine, modules: DriverObject) -> None:
    slow_down(machine, 20_000)
    stream = machine.open(r"\\.\Streams\store0")
    requests = [stream.write_overlapped(bytes(1000)) for _ in range(8)]
    stream.close()
    assert ["STATUS_CANCELLED" in status_of(request) for request in requests] == [True] * 8
    with machine.open(r"\\.\Streams\store0") as again:
        again.write(b"again")
    assert machine.device_window("store", bar=1).read(0, 5) == b"again"


def test_a_stream_is_dead_when_its_modules_are_unloaded(
    stream: Handle, machine: Machine, modules: DriverObject
) -> None:
    slow_down(machine, 5000)
    begin = machine.target.now()
    requests = [stream.write_overlapped(bytes(1000)) for _ in range(8)]
    machine.unload_driver(modules)
    assert machine.target.now() - begin >= 5000, "the IRP that the device has was not waited for"
    assert ["STATUS_DEVICE_NOT_CONNECTED" in status_of(request) for request in requests] == [True] * 8
    assert "STATUS_DEVICE_NOT_CONNECTED" in status_of(stream.read_overlapped(4))
    machine.load_driver(FOLDER / "stream_modules.py")
    with machine.open(r"\\.\Streams\store0") as again:
        assert again.write(b"again") == 5


def test_requests_end_when_the_device_is_taken_away(stream: Handle, machine: Machine) -> None:
    slow_down(machine, 50_000)
    requests = [stream.write_overlapped(bytes(1000)) for _ in range(8)]
    machine.pnp.surprise_remove_devices()
    assert all("STATUS_DEVICE_" in status_of(request) for request in requests)


@pytest.mark.parametrize("name", ["", "none0", "xor0", "store7"])
def test_a_stream_needs_a_driver_at_its_end(machine: Machine, modules: DriverObject, name: str) -> None:
    if name:
        with pytest.raises(IoError, match="STATUS_OBJECT_NAME_NOT_FOUND"):
            machine.open(rf"\\.\Streams\{name}")
        return
    with machine.open(r"\\.\Streams") as handle:
        assert "STATUS_INVALID_DEVICE_REQUEST" in status_of(handle.read_overlapped(4))


def test_what_cannot_be_pushed_or_linked_is_refused(stream: Handle) -> None:
    assert "STATUS_OBJECT_NAME_NOT_FOUND" in status_of(stream.ioctl_overlapped(PUSH, b"none"))
    assert "STATUS_OBJECT_NAME_NOT_FOUND" in status_of(stream.ioctl_overlapped(PUSH, b"store"))
    number = stream.ioctl(NUMBER, output_length=4)
    assert "STATUS_INVALID_PARAMETER" in status_of(stream.ioctl_overlapped(LINK, number))
    assert "STATUS_INVALID_PARAMETER" in status_of(stream.ioctl_overlapped(LINK, bytes(4)))


class TestMultiplexer:
    """Two devices below a multiplexer."""

    pytestmark = pytest.mark.machine("shared")

    @pytest.fixture
    def lowers(self, machine: Machine, modules: DriverObject) -> list[Handle]:
        return [machine.open(rf"\\.\Streams\store{number}") for number in range(2)]

    @pytest.fixture
    def upper(self, machine: Machine, lowers: list[Handle]) -> Iterator[Handle]:
        with machine.open(r"\\.\Streams\mux0") as opened:
            for lower in lowers:
                opened.ioctl(LINK, lower.ioctl(NUMBER, output_length=4))
            yield opened
        for lower in lowers:
            lower.close()

    def test_data_goes_to_the_devices_in_turns(self, upper: Handle, machine: Machine) -> None:
        data = random.Random(8).randbytes(3000)
        assert upper.write(data, offset=300) == 3000
        whole = bytes(300) + data
        for number in range(2):
            expected = b"".join(whole[begin : begin + 512] for begin in range(512 * number, 3300, 1024))
            is_same = machine.device_window("store", number, bar=1).read(0, len(expected)) == expected
            assert is_same
        is_same = upper.read(2500, offset=700) == whole[700:3200]
        assert is_same

    def test_streams_above_share_the_devices_and_get_their_own_answers(
        self, upper: Handle, machine: Machine
    ) -> None:
        with machine.open(r"\\.\Streams\mux0") as other:
            other.ioctl(PUSH, b"xor")
            other.ioctl(COMMAND, XOR_SET_KEY + b"\xff")
            writes = [
                (upper, other)[number % 2].write_overlapped(bytes([number]) * 2000, offset=2000 * number)
                for number in range(10)
            ]
            for request in writes:
                request.result()
            reads = [(other, upper)[number % 2].read_overlapped(2000, 2000 * number) for number in range(10)]
            assert all(
                request.result() == xored(bytes([number]) * 2000, 0xFF)
                for number, request in enumerate(reads)
            )

    def test_a_slow_device_holds_all_streams_above_back(self, upper: Handle, machine: Machine) -> None:
        slow_down(machine, 2000, number=1)
        requests = [upper.write_overlapped(bytes([number]) * 2048, 2048 * number) for number in range(12)]
        framework = machine.io.drivers["streams"].device_object
        assert framework is not None
        streams = framework.device_extension.streams.values()
        assert max(queue.count for state in streams for queue in state.pairs) < 2 * HIGH_WATER
        assert any(state.unsent for state in streams)
        for request in requests:
            request.result()
        assert machine.device_window("store", 1, bar=1).read(11 * 1024, 2) == bytes([11, 11])

    def test_a_linked_stream_belongs_to_the_multiplexer_until_that_is_closed(
        self, upper: Handle, lowers: list[Handle], machine: Machine
    ) -> None:
        assert "STATUS_DEVICE_NOT_CONNECTED" in status_of(lowers[0].read_overlapped(4))
        lowers[1].close()  # it stays below the multiplexer
        upper.write(b"a" * 1024)
        upper.close()
        assert lowers[0].read(4) == b"aaaa"
        assert machine.device_window("store", 1, bar=1).read(0, 4) == b"aaaa"

    def test_requests_end_when_the_multiplexer_is_closed_or_has_no_device(
        self, upper: Handle, machine: Machine, modules: DriverObject
    ) -> None:
        slow_down(machine, 20_000)
        with machine.open(r"\\.\Streams\mux0") as other:
            ours, others = upper.write_overlapped(bytes(2000)), other.write_overlapped(bytes(2000))
            upper.close()
            assert "STATUS_CANCELLED" in status_of(ours)
            assert "STATUS_DEVICE_NOT_CONNECTED" in status_of(others)
            assert "STATUS_DEVICE_NOT_CONNECTED" in status_of(other.read_overlapped(4))

    @pytest.mark.machine("shared", processors=3, seed=9)
    def test_threads_on_several_processors_do_not_mix(self, upper: Handle, machine: Machine) -> None:
        def work(number: int) -> bytes:
            upper.write(bytes([number]) * 3000, offset=3000 * number)
            return upper.read(3000, offset=3000 * number)

        threads = [machine.create_thread(partial(work, number)) for number in range(4)]
        assert all(thread.join() == bytes([number]) * 3000 for number, thread in enumerate(threads))
