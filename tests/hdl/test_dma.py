# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The store function as bus master: the bytes that it moves and no others, errors, aborts, and speed."""

from __future__ import annotations

import random

import pytest

from dirql.hardware.reading import load_machine
from dirql.registers import interrupt_controller, pci_configuration as pci, store
from dirql.registers.store import Operation
from dirql.target import MemoryDelays
from dirql.target.contract import Capability
from dirql.target.simulation.verilated import VerilatedTarget
from fakes.default_machine import CONTROLLER, DOORBELL, MACHINE
from hdl.machine_bench import DESCRIPTORS, PORTS, REGISTERS, Bench

ARENA = 0x30_0000
ARENA_SIZE = 2048
WINDOW = 1024
DONE = store.INTERRUPT_CAUSE.DONE
ERROR = store.INTERRUPT_CAUSE.ERROR
ABORTED = store.INTERRUPT_CAUSE.ABORTED
BOTH = (Operation.DMA_WRITE, Operation.DMA_READ)
ABORT_BOUND = 64


class Arena:
    """Host memory and device buffer with random contents all over, and what both must hold after a transfer."""

    def __init__(self, bench: Bench, seed: int) -> None:
        self.bench = bench
        self.random = random.Random(seed)
        self.host = bytearray(self.random.randbytes(ARENA_SIZE))
        self.device = bytearray(self.random.randbytes(WINDOW))
        bench.memory[ARENA : ARENA + ARENA_SIZE] = bytes(self.host)
        bench.fill_buffer(0, bytes(self.device))

    def expect(self, operation: int, address: int, segments: list[tuple[int, int]], moved: int) -> None:
        """Apply the first `moved` bytes of a transfer to the model."""
        for start, length in segments:
            take = min(length, moved)
            place = start - ARENA
            if operation == Operation.DMA_WRITE:
                self.device[address : address + take] = self.host[place : place + take]
            else:
                self.host[place : place + take] = self.device[address : address + take]
            address += take
            moved -= take

    def check(self) -> None:
        assert bytes(self.bench.memory[ARENA : ARENA + ARENA_SIZE]) == self.host
        assert self.bench.read_buffer(0, WINDOW) == self.device


def draw_segments(source: random.Random, length: int, pieces: int) -> list[tuple[int, int]]:
    """`length` bytes cut at random into pieces that lie apart in the arena."""
    cuts = sorted(source.sample(range(1, length), min(length - 1, pieces - 1)))
    segments = []
    place = ARENA
    for start, end in zip([0, *cuts], [*cuts, length], strict=True):
        place += source.randrange(5, 24)
        segments.append((place, end - start))
        place += end - start
    return segments


@pytest.mark.parametrize("operation", BOTH)
def test_D01_D07_any_alignment_and_length_moves_exactly_its_bytes(bench: Bench, operation: Operation) -> None:
    arena = Arena(bench, operation)
    for host_offset in range(4):
        for device_offset in range(4):
            for length in (1, 2, 3, 4, 5, 7, 8, 9, 31, 64):
                segments = [(ARENA + 16 + host_offset, length)]
                outcome = bench.dma(operation, 32 + device_offset, length, segments)
                assert outcome == (DONE, 0, length)
                arena.expect(operation, 32 + device_offset, segments, length)
        arena.check()


@pytest.mark.parametrize("burst", [0, 1, 2, 3, 5, 64])
def test_D01_D07_scattered_lists_at_every_burst_length(bench: Bench, burst: int) -> None:
    arena = Arena(bench, burst)
    bench.write(store.MAX_BURST, burst)
    for _ in range(20):
        operation = arena.random.choice(BOTH)
        length = arena.random.randrange(1, 400)
        address = arena.random.randrange(0, WINDOW - length)
        segments = draw_segments(arena.random, length, arena.random.randrange(1, 6))
        assert bench.dma(operation, address, length, segments) == (DONE, 0, length)
        arena.expect(operation, address, segments, length)
    arena.check()


@pytest.mark.parametrize("operation", BOTH)
def test_D06_abort_at_any_clock_leaves_an_exact_residue(bench: Bench, operation: Operation) -> None:
    arena = Arena(bench, operation + 10)
    partial = 0
    for delay in [*range(40), *range(40, 600, 13)]:
        length = 700
        segments = draw_segments(arena.random, length, 3)
        bench.place_list(segments)
        bench.start(operation, 3, length)
        bench.target.spend(delay)
        bench.write(store.CONTROL, store.CONTROL.ABORT)
        before = bench.target.now()
        while bench.read(store.STATUS) & store.STATUS.BUSY:
            assert bench.target.now() - before < ABORT_BOUND
        outcome = bench.finish()
        assert outcome.cause in (ABORTED, DONE)
        assert outcome.error == 0
        assert (outcome.cause == DONE) == (outcome.transferred == length)
        partial += 0 < outcome.transferred < length
        arena.expect(operation, 3, segments, outcome.transferred)
    arena.check()
    assert partial > 20


@pytest.mark.parametrize("ending", ["abort", "soft_reset", "bus_master"])
def test_D10_nothing_is_read_once_busy_is_off(ending: str) -> None:
    """The memory is slow, so most commands end while a read of theirs has been retried.

    The memory is taken from the device as soon as BUSY is off, as a driver does with its scatter/gather list.
    """
    target = VerilatedTarget(MACHINE, checked=True, memory_delays=MemoryDelays(1, 1000))
    bench = Bench(target)
    bench.enumerate()
    target.confine()
    partial, length = 0, 300
    for delay in range(0, 600, 5):
        operation = BOTH[delay % 2]
        grant = target.grant([DESCRIPTORS, DESCRIPTORS + 32, ARENA, ARENA + length], reads=True, writes=True)
        bench.place_list([(ARENA, length)])
        bench.start(operation, 0, length)
        target.spend(delay)
        if ending == "bus_master":
            bench.write_header(pci.COMMAND, 3, 2)
        else:
            bench.write(store.CONTROL, getattr(store.CONTROL, ending.upper()))
        while bench.read(store.STATUS) & store.STATUS.BUSY:
            target.spend(20)
        partial += bench.read(store.TRANSFERRED) < length
        target.revoke(grant)
        bench.write_header(pci.COMMAND, 7, 2)
        bench.write(store.INTERRUPT_CAUSE, DONE | ERROR | ABORTED)
        target.spend(3000)
        assert target.take_stray_access() is None
    target.close()
    assert partial > 20


def test_D09_a_command_beyond_the_buffer_moves_nothing(bench: Bench) -> None:
    arena = Arena(bench, 1)
    size = 1 << store.FEATURES.unpack(bench.read(store.FEATURES)).buffer_log2
    for address, length in ((size, 1), (size - 4, 5), (0xFFFF_FFF0, 64), (0, size + 1)):
        for operation in (*BOTH, Operation.FIFO_WRITE, Operation.FIFO_READ):
            bench.place_list([(ARENA, length)])
            bench.start(operation, address, length)
            assert bench.finish() == (ERROR, store.ERROR.RANGE, 0)
    arena.check()


@pytest.mark.parametrize("operation", [*BOTH, Operation.FIFO_WRITE])
def test_D09_arguments_are_those_of_the_command_whatever_is_written_after_it(
    bench: Bench, operation: Operation
) -> None:
    arena = Arena(bench, 20 + operation)
    size = 1 << store.FEATURES.unpack(bench.read(store.FEATURES)).buffer_log2
    bench.write(store.DELAY, 200)
    bench.place_list([(ARENA + 3, 32)])
    bench.start(operation, 8, 32)
    for register, value in (
        (store.LENGTH, size + 64),
        (store.BUFFER_ADDRESS, size - 16),
        (store.DESCRIPTOR_BASE, 0x2_0000),
        (store.DELAY, 5000),
    ):
        bench.write(register, value)
    if operation == Operation.FIFO_WRITE:
        for index in range(8):
            bench.target.write_io(PORTS, index)
        arena.device[8:40] = b"".join(index.to_bytes(4, "little") for index in range(8))
    else:
        arena.expect(operation, 8, [(ARENA + 3, 32)], 32)
    assert bench.finish(2000) == (DONE, 0, 32)
    arena.check()
    assert bench.read_buffer(size - 16, 16) == bytes(16)


def test_nothing_to_move_is_done_at_once(bench: Bench) -> None:
    for operation in (*BOTH, Operation.FIFO_WRITE, Operation.FIFO_READ):
        bench.start(operation, 0, 0)
        assert bench.finish() == (DONE, 0, 0)


def test_lists_that_do_not_fit_the_length(bench: Bench) -> None:
    arena = Arena(bench, 2)
    for operation in BOTH:
        short = [(ARENA + 3, 20), (ARENA + 50, 10)]
        assert bench.dma(operation, 8, 40, short) == (ERROR, store.ERROR.DESCRIPTOR_INVALID, 30)
        arena.expect(operation, 8, short, 30)
        assert bench.dma(operation, 8, 25, short) == (ERROR, store.ERROR.RANGE, 25)
        arena.expect(operation, 8, short, 25)
        bench.place_list([(ARENA, 16)], last=False)
        bench.start(operation, 8, 16)
        assert bench.finish() == (ERROR, store.ERROR.RANGE, 16)
        arena.expect(operation, 8, [(ARENA, 16)], 16)
    arena.check()


def test_invalid_descriptors(bench: Bench) -> None:
    for operation in BOTH:
        for segments, high in (([(ARENA, 0)], 0), ([(ARENA, 1 << 24)], 0), ([(ARENA, 8)], 1)):
            bench.place_list(segments, high=high)
            bench.start(operation, 0, 8)
            assert bench.finish() == (ERROR, store.ERROR.DESCRIPTOR_INVALID, 0)
    assert bench.read(store.ERROR_ADDRESS) == 0x1000


@pytest.mark.parametrize("operation", BOTH)
def test_M31_D01_a_segment_past_the_last_address_moves_nothing(bench: Bench, operation: Operation) -> None:
    arena = Arena(bench, 30 + operation)
    start = bytes(range(1, 65))
    bench.memory[0:64] = start
    invalid = (ERROR, store.ERROR.DESCRIPTOR_INVALID)
    for address, length in ((0xFFFF_FFF0, 64), (0xFFFF_FFF0, 17), (0xFFFF_FFFF, 2), (0xFFFF_FC01, 1024)):
        assert bench.dma(operation, 0, length, [(address, length)]) == (*invalid, 0)
        assert bench.read(store.ERROR_ADDRESS) == DESCRIPTORS
        assert bench.dma(operation, 0, 32 + length, [(ARENA, 32), (address, length)]) == (*invalid, 32)
        arena.expect(operation, 0, [(ARENA, 32)], 32)
    # The last byte of a segment may be at the last address, where nobody answers here.
    for address, length in ((0xFFFF_FFF0, 16), (0xFFFF_FFFF, 1), (0xFFFF_FC00, 1024)):
        assert bench.dma(operation, 0, length, [(address, length)]) == (ERROR, store.ERROR.MASTER_ABORT, 0)
    # Bytes that the command does not move do not count.
    assert bench.dma(operation, 0, 16, [(0xFFFF_FFF0, 64)]) == (ERROR, store.ERROR.MASTER_ABORT, 0)
    assert bytes(bench.memory[0:64]) == start
    arena.check()


def test_M31_D01_the_host_memory_of_tiny_ends_where_its_addresses_do() -> None:
    target = VerilatedTarget(load_machine("tiny"), checked=True)
    bench = Bench(target)
    bench.enumerate()
    reach = 1 << 20
    lowest, highest = bytes(range(1, 65)), bytes(range(101, 117))
    invalid = (ERROR, store.ERROR.DESCRIPTOR_INVALID, 0)
    bench.memory[0:64], bench.memory[reach - 16 : reach] = lowest, highest
    bench.fill_buffer(0, bytes(64))
    for operation in BOTH:
        for address, length in ((reach - 16, 64), (reach - 16, 17), (reach - 1, 4), (reach, 4)):
            assert bench.dma(operation, 0, length, [(address, length)]) == invalid
    assert bench.read_buffer(0, 64) == bytes(64)
    assert bench.dma(Operation.DMA_WRITE, 0, 16, [(reach - 16, 16)]) == (DONE, 0, 16)
    assert bench.read_buffer(0, 16) == highest
    # A list may end with the last address, and does not go on at address 0.
    bench.descriptors = reach - 16
    assert bench.dma(Operation.DMA_WRITE, 16, 8, [(56, 8)]) == (DONE, 0, 8)
    bench.place_list([(0, 8)], last=False)
    bench.start(Operation.DMA_WRITE, 32, 16)
    assert bench.finish() == invalid
    assert bench.read_buffer(16, 48) == lowest[56:] + bytes(40)
    assert bytes(bench.memory[0:64]) == lowest
    target.close()


def test_M17_nobody_at_the_address(bench: Bench) -> None:
    for operation in BOTH:
        outcome = bench.dma(operation, 0, 64, [(ARENA, 32), (0xA000_0010, 32)])
        assert outcome == (ERROR, store.ERROR.MASTER_ABORT, 32)
        assert bench.read_header(pci.STATUS) & pci.STATUS.RECEIVED_MASTER_ABORT
    assert bench.read(store.ERROR_ADDRESS) == 0xA000_0010


def test_error_address_keeps_the_first(bench: Bench) -> None:
    bench.place_list([(0xA000_0000, 32)])
    bench.start(Operation.DMA_READ, 0, 32)
    bench.target.spend(200)
    assert bench.read(store.ERROR) == store.ERROR.MASTER_ABORT
    bench.place_list([(0xA100_0000, 32)])
    bench.write(store.COMMAND, Operation.DMA_READ)
    bench.target.spend(200)
    assert bench.read(store.ERROR_ADDRESS) == 0xA000_0000


def test_bus_master_enable_is_needed(bench: Bench) -> None:
    bench.write_header(pci.COMMAND, 3, 2)
    for operation in BOTH:
        outcome = bench.dma(operation, 0, 64, [(ARENA, 64)])
        assert outcome == (ERROR, store.ERROR.BUS_MASTER_DISABLED, 0)
    bench.write_header(pci.COMMAND, 7, 2)
    assert bench.dma(Operation.DMA_WRITE, 0, 64, [(ARENA, 64)]) == (DONE, 0, 64)


@pytest.mark.parametrize("latency", [0, 0x40])
@pytest.mark.parametrize("operation", BOTH)
def test_a_command_ends_when_bus_master_goes_off_at_any_clock(
    bench: Bench, operation: Operation, latency: int
) -> None:
    arena = Arena(bench, 5)
    bench.write_header(pci.LATENCY_TIMER, latency, 1)
    ends = set()
    for delay in range(0, 420, 7):
        segments = [(ARENA + 1, 300)]
        bench.place_list(segments)
        bench.start(operation, 2, 300)
        bench.target.spend(delay)
        bench.write_header(pci.COMMAND, 3, 2)
        outcome = bench.finish(ABORT_BOUND)
        ends.add(outcome.error)
        assert outcome.cause == (ERROR if outcome.error else DONE)
        assert outcome.error or outcome.transferred == 300
        arena.expect(operation, 2, segments, outcome.transferred)
        bench.write_header(pci.COMMAND, 7, 2)
    arena.check()
    assert ends == {0, store.ERROR.BUS_MASTER_DISABLED}


def test_a_command_while_busy_is_refused_and_harms_nothing(bench: Bench) -> None:
    arena = Arena(bench, 3)
    bench.place_list([(ARENA, 600)])
    bench.start(Operation.DMA_WRITE, 5, 600)
    bench.write(store.COMMAND, Operation.DMA_READ)
    assert bench.finish() == (DONE | ERROR, store.ERROR.COMMAND_WHILE_BUSY, 600)
    arena.expect(Operation.DMA_WRITE, 5, [(ARENA, 600)], 600)
    arena.check()


def test_soft_reset_stops_and_clears(bench: Bench) -> None:
    bench.place_list([(ARENA, 600)])
    bench.start(Operation.DMA_WRITE, 5, 600)
    bench.target.spend(50)
    bench.write(store.CONTROL, store.CONTROL.SOFT_RESET)
    bench.target.spend(ABORT_BOUND)
    assert bench.finish() == (0, 0, 0)
    assert bench.read(store.LENGTH) == 0
    assert bench.read_header(pci.COMMAND) & 7 == 7
    assert bench.dma(Operation.DMA_READ, 0, 64, [(ARENA, 64)]) == (DONE, 0, 64)


def test_D02_data_are_in_memory_when_the_message_is(bench: Bench) -> None:
    """The doorbell holds a message until posted data are out, so memory is complete when the interrupt shows."""
    arena = Arena(bench, 4)
    bench.target.write_memory(CONTROLLER + interrupt_controller.ENABLE.offset, 1 << 9)
    bench.write_header(pci.MSI_ADDRESS, DOORBELL, 4)
    bench.write_header(pci.MSI_DATA, 9, 2)
    bench.write_header(pci.MSI_CONTROL, 1, 2)
    bench.write(store.INTERRUPT_MASK_SET, DONE)
    bench.place_list([(ARENA, 512)])
    bench.start(Operation.DMA_READ, 0, 512)
    bench.target.wait(5000)
    assert bench.target.interrupt_request() == 9
    arena.expect(Operation.DMA_READ, 0, [(ARENA, 512)], 512)
    assert bytes(bench.memory[ARENA : ARENA + ARENA_SIZE]) == arena.host


@pytest.mark.parametrize("operation", BOTH)
def test_sixteen_pages_use_the_bus_well(bench: Bench, operation: Operation) -> None:
    """At least 92 of 100 clocks from the doorbell to the interrupt move data."""
    assert Capability.CYCLE_EXACT in bench.target.capabilities
    data = random.Random(5).randbytes(0x1_0000)
    bench.memory[0x10_0000:0x11_0000] = data
    bench.fill_buffer(0, data[::-1])
    bench.place_list([(0x10_0000 + 0x1000 * page, 0x1000) for page in range(16)])
    bench.start(operation, 0, 0x1_0000)
    bench.target.spend(20_000)
    clocks = bench.target.read_memory(REGISTERS + store.BUSY_CLOCKS.offset)
    assert bench.finish() == (DONE, 0, 0x1_0000)
    assert bench.read(store.DATA_CLOCKS) == 0x4000
    assert 0x4000 / clocks >= 0.92
    expected = data if operation == Operation.DMA_WRITE else data[::-1]
    assert bytes(bench.memory[0x10_0000:0x11_0000]) == expected
    assert bench.read_buffer(0, 0x1_0000) == expected


def test_A04_A06_host_and_function_share_the_bus(bench: Bench) -> None:
    """A polling host and a bursting function both get on: neither waits for more than the other's turn."""
    bench.place_list([(ARENA, 0x8000)])
    bench.start(Operation.DMA_WRITE, 0, 0x8000)
    slowest = 0
    while bench.read(store.STATUS) & store.STATUS.BUSY:
        before = bench.target.now()
        bench.read(store.ID)
        slowest = max(slowest, bench.target.now() - before)
    assert slowest < 64 + 64 + 16
    assert bench.finish() == (DONE, 0, 0x8000)


def test_a_message_that_fails_is_no_error_of_the_transfer(bench: Bench) -> None:
    """A command that is refused makes a message, which goes to an address where nobody is, between two bursts."""
    bench.write_header(pci.MSI_ADDRESS, 0xA000_0000, 4)
    bench.write_header(pci.MSI_CONTROL, 1, 2)
    bench.write(store.INTERRUPT_MASK_SET, ERROR)
    bench.write(store.MAX_BURST, 8)
    for delay in range(0, 60, 3):
        bench.place_list([(ARENA, 1024)])
        bench.start(Operation.DMA_READ, 0, 1024)
        bench.target.spend(delay)
        bench.write(store.COMMAND, Operation.RAISE)
        outcome = bench.finish()
        assert outcome.transferred == 1024
        assert outcome.error == store.ERROR.COMMAND_WHILE_BUSY | store.ERROR.MESSAGE_ADDRESS
        assert outcome.cause == DONE | ERROR
