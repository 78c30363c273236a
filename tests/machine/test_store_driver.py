# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The store driver, in Python and in C, against the RTL: every mode and kind of interrupt, every end of a request."""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from dirql.drivers.store.interface import (
    IOCTL_STORE_GET_STATISTICS,
    IOCTL_STORE_RAISE,
    IOCTL_STORE_SET_MODE,
    IOCTL_STORE_SET_TIMING,
    Statistics,
    Timing,
    TransferMode,
)
from dirql.hal.configuration import Slot, read_configuration, write_configuration
from dirql.io.errors import IoError
from dirql.io.handle import Handle, Overlapped
from dirql.machine import Machine, open_machine
from dirql.nt import status as nt
from dirql.nt.constants import IRP_MN_SURPRISE_REMOVAL
from dirql.registers.pci_configuration import BAR, COMMAND, LATENCY_TIMER
from dirql.registers.store import DESCRIPTOR_BASE
from dirql.target import MemoryDelays
from dirql.target.contract import Capability
from machine.store_twins import chosen, each_driver

pytestmark = each_driver

NAME = r"\\.\Store0"
KINDS = ("level", "latched", "message")
WAYS = [(TransferMode.POLLED, "level"), (TransferMode.TIMER_POLLED, "level")] + [
    (mode, kind) for mode in (TransferMode.INTERRUPT, TransferMode.DMA) for kind in KINDS
]
each_way = pytest.mark.parametrize(
    ("mode", "kind"), WAYS, ids=[f"{mode.name.lower()}-{kind}" for mode, kind in WAYS]
)
# A request that polls with stalls is completed before the call that made it returns, so it cannot be cancelled.
each_overlapped_way = pytest.mark.parametrize(
    ("mode", "kind"), WAYS[1:], ids=[f"{mode.name.lower()}-{kind}" for mode, kind in WAYS[1:]]
)
# Around the sizes of a dword, of the FIFO (64 dwords) and of a page.
LENGTHS = (1, 2, 3, 4, 5, 7, 8, 127, 128, 129, 252, 255, 256, 257, 260, 1000, 4095, 4096, 4097, 10_001)


def place(machine: Machine) -> tuple[int, Slot]:
    """The bus and the slot of the store function to which `NAME` belongs."""
    found = machine.target.description.functions_named("store")[0].place
    return found.bus, Slot(found.device)


def open_like(request: pytest.FixtureRequest, *, processors: int, seed: int) -> Machine:
    """Open a machine as the session chooses it, with processors and a seed of its own."""
    config = request.config
    delays = config.getoption("dirql_memory_delays")
    return open_machine(
        config.getoption("dirql_target"),
        machine=config.getoption("dirql_machine"),
        memory_delays=None if delays is None else MemoryDelays(delays),
        processors=processors,
        seed=seed,
    )


PATIENT = 8_000_000
"""The time for a request in microseconds where the machine's clock goes on while a busy computer does other things."""


@contextmanager
def opened(machine: Machine, mode: TransferMode, kind: str) -> Iterator[Handle]:
    """The device with a kind of interrupt; the test is skipped on a machine whose stores do not have the kind."""
    for function in machine.target.description.functions_named("store"):
        if kind not in function.interrupts:
            pytest.skip(
                f"{function} of the machine {machine.target.description.name} has no {kind} interrupts"
            )
    chosen.load(machine, kind)
    with machine.open(NAME) as handle:
        set_mode(handle, mode)
        if Capability.DETERMINISTIC not in machine.target.capabilities:
            set_timing(handle, timeout_microseconds=PATIENT)
        yield handle


def set_mode(handle: Handle, mode: TransferMode) -> None:
    handle.ioctl(IOCTL_STORE_SET_MODE, struct.pack("<I", mode))


def set_timing(handle: Handle, access_clocks: int = 0, timeout_microseconds: int = 1_000_000) -> None:
    handle.ioctl(IOCTL_STORE_SET_TIMING, Timing(access_clocks, timeout_microseconds).pack())


def ended(request: Overlapped) -> int:
    """The status with which `request` ends; a second of the machine's time is enough for each."""
    assert request.wait(1), f"{request} does not end"
    return request.status


def statistics(handle: Handle) -> Statistics:
    return Statistics.unpack(handle.ioctl(IOCTL_STORE_GET_STATISTICS, b"", 64))


@each_way
def test_what_is_written_is_read_back_and_nothing_else_changes(
    machine: Machine, mode: TransferMode, kind: str
) -> None:
    """The oracle is a bytearray; the whole device is compared after each write, so that a stray byte shows."""
    rng = random.Random(f"{mode} {kind}")
    with opened(machine, mode, kind) as handle:
        size = statistics(handle).device_bytes
        model = bytearray(rng.randbytes(size))
        handle.write(bytes(model))
        for length in (each for each in LENGTHS if each <= size):
            offset = rng.randrange(size - length + 1)
            data = rng.randbytes(length)
            assert handle.write(data, offset) == length
            model[offset : offset + length] = data
            low, high = max(0, offset - 64), min(size, offset + length + 64)
            assert handle.read(high - low, low) == model[low:high]
            assert handle.read(length, offset) == data


@each_way
def test_the_whole_device_in_one_request(machine: Machine, mode: TransferMode, kind: str) -> None:
    with opened(machine, mode, kind) as handle:
        size = statistics(handle).device_bytes
        data = random.Random(1).randbytes(size)
        assert handle.write(data) == size
        assert handle.read(size) == data


@each_way
def test_zero_length_ends_at_once(machine: Machine, mode: TransferMode, kind: str) -> None:
    with opened(machine, mode, kind) as handle:
        before = statistics(handle)
        assert handle.read(0) == b""
        assert handle.write(b"") == 0
        assert statistics(handle).requests == before.requests


@each_way
def test_beyond_the_end_is_refused(machine: Machine, mode: TransferMode, kind: str) -> None:
    with opened(machine, mode, kind) as handle:
        size = statistics(handle).device_bytes
        for action in (lambda: handle.read(8, size - 4), lambda: handle.write(bytes(8), size - 4)):
            with pytest.raises(IoError) as refused:
                action()
            assert refused.value.status == nt.STATUS_INVALID_PARAMETER


@each_way
def test_requests_are_served_in_the_order_in_which_they_came(
    machine: Machine, mode: TransferMode, kind: str
) -> None:
    with opened(machine, mode, kind) as handle:
        pieces = [bytes([n]) * 64 for n in range(8)]
        writes = [handle.write_overlapped(piece, 32 * n) for n, piece in enumerate(pieces)]
        for write in writes:
            assert ended(write) == nt.STATUS_SUCCESS
        expected = b"".join(piece[:32] for piece in pieces) + pieces[-1][32:]
        assert handle.read(len(expected)) == expected


@each_overlapped_way
def test_a_queued_request_is_cancelled_and_the_others_go_on(
    machine: Machine, mode: TransferMode, kind: str
) -> None:
    with opened(machine, mode, kind) as handle:
        handle.write(bytes(256))
        set_timing(handle, access_clocks=5000)
        first = handle.write_overlapped(b"a" * 64, 0)
        second = handle.write_overlapped(b"b" * 64, 64)
        third = handle.write_overlapped(b"c" * 64, 128)
        assert second.cancel()
        assert ended(second) == nt.STATUS_CANCELLED
        assert second.information == 0
        assert ended(first) == nt.STATUS_SUCCESS
        assert ended(third) == nt.STATUS_SUCCESS
        assert handle.read(192) == b"a" * 64 + bytes(64) + b"c" * 64


@each_overlapped_way
def test_the_request_in_the_device_is_cancelled(machine: Machine, mode: TransferMode, kind: str) -> None:
    with opened(machine, mode, kind) as handle:
        set_timing(handle, access_clocks=1_000_000)
        write = handle.write_overlapped(bytes(64))
        assert write.cancel()
        assert ended(write) == nt.STATUS_CANCELLED
        set_timing(handle)
        handle.write(b"still alive")
        assert handle.read(11) == b"still alive"


@each_way
def test_a_device_that_takes_too_long_is_given_up(machine: Machine, mode: TransferMode, kind: str) -> None:
    with opened(machine, mode, kind) as handle:
        set_timing(handle, access_clocks=1_000_000, timeout_microseconds=100)
        with pytest.raises(IoError) as late:
            handle.write(bytes(64))
        assert late.value.status == nt.STATUS_IO_TIMEOUT
        set_timing(handle)
        handle.write(b"still alive")
        assert handle.read(11) == b"still alive"
        assert statistics(handle).timeouts == 1


@each_overlapped_way
def test_closing_with_requests_outstanding_ends_them(machine: Machine, mode: TransferMode, kind: str) -> None:
    chosen.load(machine, kind)
    handle = machine.open(NAME)
    set_mode(handle, mode)
    set_timing(handle, access_clocks=1_000_000)
    requests = [handle.write_overlapped(bytes(64), 64 * n) for n in range(3)]
    handle.close()
    for request in requests:
        assert ended(request) == nt.STATUS_CANCELLED
    with machine.open(NAME) as again:
        set_timing(again)
        again.write(b"still alive")
        assert again.read(11) == b"still alive"


@each_way
def test_raise_is_one_interrupt(machine: Machine, mode: TransferMode, kind: str) -> None:
    with opened(machine, mode, kind) as handle:
        before = statistics(handle).interrupts
        for _ in range(5):
            handle.ioctl(IOCTL_STORE_RAISE)
        assert statistics(handle).interrupts == before + 5


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("level", nt.STATUS_ADAPTER_HARDWARE_ERROR),
        ("latched", nt.STATUS_ADAPTER_HARDWARE_ERROR),
        (
            "message",
            nt.STATUS_IO_TIMEOUT,
        ),  # a message needs bus mastering too, so no interrupt reports the error
    ],
)
def test_a_bus_master_that_is_refused_is_reported(machine: Machine, kind: str, status: int) -> None:
    """The device reports the error by interrupt; the request ends with it and the next one works."""
    with opened(machine, TransferMode.DMA, kind) as handle:
        command = int.from_bytes(read_configuration(*place(machine), COMMAND.offset, 2), "little")
        off = command & ~COMMAND.BUS_MASTER
        write_configuration(*place(machine), COMMAND.offset, off.to_bytes(2, "little"))
        set_timing(handle, timeout_microseconds=500 if status == nt.STATUS_IO_TIMEOUT else 1_000_000)
        with pytest.raises(IoError) as refused:
            handle.write(bytes(64))
        assert refused.value.status == status
        write_configuration(*place(machine), COMMAND.offset, command.to_bytes(2, "little"))
        handle.write(b"still alive")
        assert handle.read(11) == b"still alive"


def test_a_device_that_refuses_its_list_is_reported(machine: Machine) -> None:
    """The device refuses a segment that runs past the last address; nothing moves, and the next request works."""
    if Capability.DETERMINISTIC not in machine.target.capabilities:
        pytest.skip(
            "the list is changed before the device reads it, in its access time, which goes on by itself here"
        )
    with opened(machine, TransferMode.DMA, "level") as handle:
        handle.write(bytes(64))
        set_timing(handle, access_clocks=1000)
        write = handle.write_overlapped(b"a" * 64)
        registers = int.from_bytes(read_configuration(*place(machine), BAR.offset, 4), "little")
        descriptor = machine.target.read_memory(registers + DESCRIPTOR_BASE.offset)
        machine.target.memory[descriptor : descriptor + 4] = (0xFFFF_FFF0).to_bytes(4, "little")
        assert ended(write) == nt.STATUS_DEVICE_PROTOCOL_ERROR
        set_timing(handle)
        assert handle.read(64) == bytes(64)


def test_unknown_control_codes_and_bad_input_are_refused(machine: Machine) -> None:
    with opened(machine, TransferMode.POLLED, "level") as handle:
        for code, data, status in (
            (0x22_2FFC, b"", nt.STATUS_INVALID_DEVICE_REQUEST),
            (IOCTL_STORE_SET_MODE, b"\x01", nt.STATUS_INVALID_PARAMETER),
            (IOCTL_STORE_SET_MODE, struct.pack("<I", 99), nt.STATUS_INVALID_PARAMETER),
            (IOCTL_STORE_GET_STATISTICS, b"", nt.STATUS_BUFFER_TOO_SMALL),
        ):
            with pytest.raises(IoError) as refused:
                handle.ioctl(code, data)
            assert refused.value.status == status


@pytest.mark.parametrize("processors", [1, 2, 4])
@each_way
def test_more_processors_move_the_same_data(
    mode: TransferMode, kind: str, processors: int, request: pytest.FixtureRequest
) -> None:
    with (
        open_like(request, processors=processors, seed=processors) as machine,
        opened(machine, mode, kind) as handle,
    ):
        data = random.Random(processors).randbytes(3000)
        handle.write(data, 100)
        assert handle.read(3000, 100) == data


def test_the_enumerator_gives_the_master_a_latency_timer(machine: Machine) -> None:
    chosen.load(machine)
    timer = read_configuration(*place(machine), LATENCY_TIMER.offset, 1)[0]
    assert timer == 64


@pytest.mark.parametrize(
    ("mode", "kind"), WAYS[1:], ids=[f"{mode.name.lower()}-{kind}" for mode, kind in WAYS[1:]]
)
def test_a_time_out_that_meets_the_end_harms_no_other_request(
    mode: TransferMode, kind: str, request: pytest.FixtureRequest
) -> None:
    """The device takes about as long as the time-out of the first request allows.

    Another request waits behind that one.
    """
    ends, exact = set(), True
    for seed in (0, 3):
        with (
            open_like(request, processors=1 + seed, seed=seed) as machine,
            opened(machine, mode, kind) as handle,
        ):
            exact = Capability.DETERMINISTIC in machine.target.capabilities
            handle.write(bytes(1024))
            # Each request keeps its buffer, and the smallest machine has memory for few of them.
            is_small = machine.target.description.host_memory.size < 1 << 24
            for delay in range(200, 2100, 50 if seed or is_small else 10):
                set_timing(handle, delay, timeout_microseconds=60)
                first = handle.write_overlapped(b"a" * 64)
                set_timing(handle, 0)
                second = handle.write_overlapped(delay.to_bytes(2, "little") * 256, 512)
                ends.add(ended(first))
                assert ended(second) == nt.STATUS_SUCCESS
                assert handle.read(512, 512) == delay.to_bytes(2, "little") * 256
    both = {nt.STATUS_SUCCESS, nt.STATUS_IO_TIMEOUT}
    assert ends == both or (ends <= both and not exact)


def test_a_mode_set_while_a_request_runs_is_for_the_next(machine: Machine) -> None:
    with opened(machine, TransferMode.TIMER_POLLED, "level") as handle:
        for mode in (TransferMode.DMA, TransferMode.INTERRUPT, TransferMode.TIMER_POLLED):
            set_timing(handle, access_clocks=3000)
            first = handle.write_overlapped(b"a" * 300)
            set_mode(handle, mode)
            second = handle.write_overlapped(b"b" * 300, 300)
            assert (ended(first), ended(second)) == (nt.STATUS_SUCCESS, nt.STATUS_SUCCESS)
            set_mode(handle, TransferMode.TIMER_POLLED)
            assert handle.read(600) == b"a" * 300 + b"b" * 300


@pytest.mark.slow
@pytest.mark.row("PNP-09")
def test_PNP_09_the_loss_of_the_device_with_a_long_queue() -> None:
    """The requests end one inside the other, and no kernel stack has room for 10,000 of them."""
    with open_machine("verilated") as machine, opened(machine, TransferMode.INTERRUPT, "level") as handle:
        set_timing(handle, access_clocks=1_000_000)
        requests = [handle.read_overlapped(4) for _ in range(10_000)]
        node = next(node for node in machine.devices if node.driver is machine.io.drivers["store"])
        node.send(IRP_MN_SURPRISE_REMOVAL)
        assert all(request.has_completed for request in requests)
        assert {request.status for request in requests} == {nt.STATUS_DEVICE_REMOVED}


def test_PNP_09_a_device_that_moves_data_is_stopped_when_it_is_taken_away(machine: Machine) -> None:
    with opened(machine, TransferMode.DMA, "level") as handle:
        request = handle.write_overlapped(bytes(min(20_000, statistics(handle).device_bytes)))
        machine.target.spend(500)
        machine.pnp.surprise_remove_devices()
        assert request.status == nt.STATUS_DEVICE_REMOVED


@each_way
def test_PNP_09_a_device_that_was_taken_away_is_not_touched_again(
    machine: Machine, mode: TransferMode, kind: str
) -> None:
    """An access of a device that no longer answers would be in `machine.defects`, with which the test fails."""
    with opened(machine, mode, kind) as handle:
        set_timing(handle, access_clocks=1000)
        request = handle.write_overlapped(bytes(64))
        machine.pnp.surprise_remove_devices()
        request.wait(1)
        assert request.status in (nt.STATUS_DEVICE_REMOVED, nt.STATUS_SUCCESS)
        with pytest.raises(IoError) as refused:
            handle.write(bytes(64))
        assert refused.value.status == nt.STATUS_DEVICE_DOES_NOT_EXIST
    machine.close()
    assert machine.defects == []
