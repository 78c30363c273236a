# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Rules of the bus under provocation; tests/hdl/test_bus.py runs these tests in bus_bench.sv. Names carry the rows."""

from __future__ import annotations

import itertools
import random

import cocotb
from bus_host import BUFFER, FUNCTION, PORTS, REGISTERS, BusHost
from cocotb.handle import SimHandleBase

from dirql.registers import store
from dirql.registers.protocol import BusStatus, Op

OK, MASTER_ABORT, TARGET_ABORT = 0, 2, 3
IO_READ, IO_WRITE, READ, WRITE = 0x2, 0x3, 0x6, 0x7
FREE = 0x4000_0000
ABSENT = 0x7000_0000
SIGNALED_TARGET_ABORT, SIGNALED_SYSTEM_ERROR, DETECTED_PARITY = 1 << 11, 1 << 14, 1 << 15
MASTER_DATA_PARITY, RECEIVED_TARGET_ABORT, RECEIVED_MASTER_ABORT, FOUND_PARITY = 1 << 5, 1 << 3, 1 << 2, 1


async def begin(dut: SimHandleBase, command: int = 7) -> BusHost:
    host = BusHost(dut)
    await host.start()
    await host.enumerate(command)
    return host


def corrupt_written_data(host: BusHost) -> list[int]:
    """Flip PAR of every datum that moves; returns a list that gets the clocks on which data moved."""
    moved: list[int] = []

    def corrupt() -> None:
        host.dut.flip_master_par_i.value = bool(moved) and moved[-1] == host.clock - 1
        if host.dut.irdy_o.value and host.dut.trdy_o.value:
            moved.append(host.clock)

    host.each_clock.append(corrupt)
    return moved


def wait_at_random(host: BusHost, source: random.Random, share: float) -> None:
    """Let the free target wait on a share of the clocks, and disconnect now and then."""

    def wait() -> None:
        host.dut.target_rvalid_i.value = source.random() > share
        host.dut.target_wready_i.value = source.random() > share
        host.dut.target_single_i.value = source.random() < 0.2

    host.each_clock[:] = [wait]


def gather(host: BusHost) -> list[int]:
    """Collect the bits that the initiator sets in the status register; returns a list of one item, their OR."""
    seen = [0]

    def look() -> None:
        seen[0] |= int(host.dut.status_set_o.value)

    host.each_clock.append(look)
    return seen


@cocotb.test()
async def t14_m18_contradicting_io_enables_end_in_target_abort(dut: SimHandleBase) -> None:
    host = await begin(dut)
    seen = gather(host)
    legal = {0: {e for e in range(16) if e & 1}, 1: {2, 6, 10, 14}, 2: {4, 12}, 3: {8}}
    for offset in range(4):
        for enables in range(16):
            result = await host.request(IO_READ, PORTS + 4 + offset, enables=enables)
            assert result == (OK if enables in legal[offset] or enables == 0 else TARGET_ABORT), (
                offset,
                enables,
            )
    assert int(seen[0]) & RECEIVED_TARGET_ABORT
    assert await host.status_register() & SIGNALED_TARGET_ABORT


@cocotb.test()
async def t15_t33_reserved_commands_are_nobodys(dut: SimHandleBase) -> None:
    host = await begin(dut)
    seen = gather(host)
    for command in (0x4, 0x5, 0x8, 0x9, 0xD):
        assert await host.request(command, BUFFER) == MASTER_ABORT
    assert seen[0] & RECEIVED_MASTER_ABORT
    seen[0] = 0
    assert await host.request(0x1, BUFFER) == MASTER_ABORT
    await host.tick(4)
    assert not seen[0] & RECEIVED_MASTER_ABORT
    assert await host.read(REGISTERS) == 0x53544F52


@cocotb.test()
async def t20_variants_act_as_plain_reads_and_writes(dut: SimHandleBase) -> None:
    host = await begin(dut)
    assert await host.request(0xF, BUFFER, datum=0x1234_5678, length=4) == OK
    for command in (READ, 0xC, 0xE):
        assert await host.request(command, BUFFER, length=4) == OK
        assert int(dut.last_data_o.value) == 0x1234_5678
        assert int(dut.transfers_o.value) == 4
        assert int(dut.transactions_o.value) == 1


@cocotb.test()
async def m11_other_burst_orders_get_one_datum_a_transaction(dut: SimHandleBase) -> None:
    host = await begin(dut)
    for order in (1, 2, 3):
        assert await host.request(READ, BUFFER + order, length=4) == OK
        assert int(dut.transactions_o.value) == 4


@cocotb.test()
async def t23_bad_write_parity(dut: SimHandleBase) -> None:
    for response in (False, True):
        host = await begin(dut, 0x47 if response else 0x07)
        dut.parity_response_i.value = response
        seen = gather(host)
        perr = host.watch(dut.perr_o)
        moved = corrupt_written_data(host)
        assert await host.request(WRITE, BUFFER, datum=0xFF, length=1) == OK
        await host.tick(4)
        host.each_clock.clear()
        dut.flip_master_par_i.value = 0
        assert await host.status_register() & DETECTED_PARITY
        assert bool(seen[0] & MASTER_DATA_PARITY) == response
        assert perr == ([moved[0] + 2] if response else [])
        await host.command(Op.CFG_WRITE, FUNCTION | 0x04, DETECTED_PARITY << 16, 0xC)
        assert not await host.status_register() & DETECTED_PARITY
        await host.stop()


@cocotb.test()
async def m28_bad_read_parity(dut: SimHandleBase) -> None:
    for response in (False, True):
        host = await begin(dut)
        dut.parity_response_i.value = response
        seen = gather(host)
        perrs = host.watch(dut.perr_o)
        dut.flip_target_par_i.value = 1
        assert await host.request(READ, BUFFER, length=1) == OK
        await host.tick(4)
        dut.flip_target_par_i.value = 0
        assert seen[0] & FOUND_PARITY
        assert bool(seen[0] & MASTER_DATA_PARITY) == response
        assert len(perrs) == int(response)
        await host.stop()


@cocotb.test()
async def t23_the_host_learns_of_bad_parity(dut: SimHandleBase) -> None:
    host = await begin(dut, 0x47)
    dut.flip_target_par_i.value = 1
    status, _ = await host.command(Op.MEM_READ, REGISTERS)
    assert status == BusStatus.PARITY
    dut.flip_target_par_i.value = 0
    assert await host.read(REGISTERS) == 0x53544F52
    corrupt_written_data(host)
    status, _ = await host.command(Op.MEM_WRITE, BUFFER, 5)
    assert status == BusStatus.PARITY


@cocotb.test()
async def a_bad_address_is_nobodys_and_a_system_error_if_enabled(dut: SimHandleBase) -> None:
    commands = ((0x007, False), (0x047, False), (0x107, False), (0x147, True))
    for (command, error), address in itertools.product(commands, (BUFFER, ABSENT)):
        host = await begin(dut, command)
        errors, started = host.watch(dut.serr_o), host.watch(dut.frame_o)
        dut.flip_master_par_i.value = 1
        assert await host.request(READ, address, length=1) == MASTER_ABORT
        dut.flip_master_par_i.value = 0
        status = await host.status_register()
        assert status & DETECTED_PARITY
        assert bool(status & SIGNALED_SYSTEM_ERROR) == error
        # SERR is on for one clock.
        assert errors == ([started[0] + 2] if error else [])
        await host.stop()


@cocotb.test()
async def t29_a_target_that_always_retries_ends_in_a_timeout(dut: SimHandleBase) -> None:
    host = await begin(dut)
    dut.target_rvalid_i.value = 0
    dut.target_wready_i.value = 0
    for op in (Op.MEM_READ, Op.MEM_WRITE):
        status, value = await host.command(op, FREE)
        assert status == BusStatus.TIMEOUT
        assert op == Op.MEM_WRITE or value == 0xFFFF_FFFF
    dut.target_rvalid_i.value = 1
    assert await host.read(FREE + 8) == ~(FREE + 8) & 0xFFFF_FFFF


@cocotb.test()
async def m18_the_host_learns_of_a_target_abort(dut: SimHandleBase) -> None:
    host = await begin(dut)
    dut.target_abort_i.value = 1
    for op, length in ((Op.MEM_READ, 1), (Op.MEM_READ, 5), (Op.MEM_WRITE, 1)):
        status, _ = await host.command(op, FREE, length=length)
        assert status == BusStatus.TARGET_ABORT
    dut.target_abort_i.value = 0
    assert await host.read(FREE) == ~FREE & 0xFFFF_FFFF


@cocotb.test()
async def t09_t10_t11_m19_targets_that_wait_at_random(dut: SimHandleBase) -> None:
    host = await begin(dut)
    source = random.Random(3)
    for share in (0.1, 0.5, 0.95):
        wait_at_random(host, source, share)
        for length in (1, 2, 7, 40):
            assert await host.request(READ, FREE, length=length) == OK
            assert int(dut.transfers_o.value) == length
            assert int(dut.last_data_o.value) == ~(FREE + 4 * length - 4) & 0xFFFF_FFFF
            assert await host.request(WRITE, FREE, length=length) == OK
            assert int(dut.transfers_o.value) == length


async def transfer(host: BusHost, operation: int, length: int, offset: int) -> None:
    """A DMA transfer of `length` bytes at an odd place, checked against the model."""
    source = random.Random(length)
    data = source.randbytes(1024)
    host.memory[0x2000:0x2400] = data
    host.memory[0x1000:0x1010] = b"".join(w.to_bytes(4, "little") for w in (0x2000 + offset, 0, length, 1))
    words = [source.getrandbits(32) for _ in range(length // 4 + 2)]
    for index, word in enumerate(words):
        await host.write(BUFFER + 4 * index, word)
    await host.write(REGISTERS + store.DESCRIPTOR_BASE.offset, 0x1000)
    await host.write(REGISTERS + store.BUFFER_ADDRESS.offset, 1)
    await host.write(REGISTERS + store.LENGTH.offset, length)
    await host.write(REGISTERS + store.COMMAND.offset, operation)
    while await host.read(REGISTERS + store.STATUS.offset) & store.STATUS.BUSY:
        await host.tick(50)
    await host.tick(100)
    assert await host.read(REGISTERS + store.ERROR.offset) == 0
    assert await host.read(REGISTERS + store.TRANSFERRED.offset) == length
    held = b"".join(word.to_bytes(4, "little") for word in words)
    back = [await host.read(BUFFER + 4 * index) for index in range(len(words))]
    now = b"".join(word.to_bytes(4, "little") for word in back)
    if operation == store.Operation.DMA_WRITE:
        assert now == held[:1] + data[offset : offset + length] + held[1 + length :]
        assert host.memory[0x2000:0x2400] == data
    else:
        expected = data[:offset] + held[1 : 1 + length] + data[offset + length :]
        assert host.memory[0x2000:0x2400] == expected
        assert now == held


@cocotb.test()
async def t27_t29_d01_slow_host_memory_costs_time_only(dut: SimHandleBase) -> None:
    """Waits, retries and disconnects within the limits, which the checker holds; data stay whole."""
    host = await begin(dut)
    for seed, (slowest, stalls) in enumerate(((0, 0.0), (3, 0.3), (12, 0.5), (40, 0.9))):
        host.random_memory(seed, slowest, stalls)
        for operation in (store.Operation.DMA_WRITE, store.Operation.DMA_READ):
            await transfer(host, operation, 150 + seed, 3)


@cocotb.test()
async def t29_d01_host_memory_behind_a_long_link_costs_time_only(dut: SimHandleBase) -> None:
    """Answers take up to 4,000 clocks, longer than the bridge of this bench keeps them; data stay whole."""
    host = await begin(dut)
    for seed, (slowest, stalls) in enumerate(((400, 0.95), (4000, 0.5))):
        host.random_memory(seed, slowest, stalls)
        for operation in (store.Operation.DMA_WRITE, store.Operation.DMA_READ):
            await transfer(host, operation, 41 + seed, 2)


@cocotb.test()
async def t13_a_retried_read_is_answered_from_what_was_kept(dut: SimHandleBase) -> None:
    host = await begin(dut)
    host.latency = lambda: 60
    host.memory[0x3000:0x3004] = b"\x01\x02\x03\x04"
    assert await host.request(READ, 0x3000) == OK
    assert int(dut.last_data_o.value) == 0x0403_0201
    # The repetitions are refused at once, so there are many.
    assert 2 < int(dut.transactions_o.value) < 16
    # Data that was prefetched for one transaction is not given to a later transaction.
    host.memory[0x3000:0x3004] = b"\x05\x06\x07\x08"
    assert await host.request(READ, 0x3000) == OK
    assert int(dut.last_data_o.value) == 0x0807_0605


@cocotb.test()
async def a04_two_steady_masters_take_turns(dut: SimHandleBase) -> None:
    host = await begin(dut)
    order: list[int] = []

    def watch() -> None:
        if dut.frame_o.value and not order_frame[0]:
            order.append(last_grant[0])
        order_frame[0] = bool(dut.frame_o.value)
        last_grant[0] = int(dut.gnt_o.value)

    order_frame, last_grant = [False], [0]
    host.each_clock.append(watch)
    task = cocotb.start_soon(host_reads(host, 30))
    for _ in range(30):
        dut.request_valid_i.value = 1
        dut.request_command_i.value = READ
        dut.request_address_i.value = BUFFER
        dut.request_length_i.value = 1
        dut.request_more_i.value = 1
        while not dut.done_o.value:
            await host.tick()
        await host.tick()
    dut.request_valid_i.value = 0
    dut.request_more_i.value = 0
    await task
    free = [index for index, grant in enumerate(order) if grant == 4]
    assert len(free) >= 30
    both = order[free[2] : free[20]]
    assert all(a != b for a, b in itertools.pairwise(both)), both


async def host_reads(host: BusHost, count: int) -> None:
    for _ in range(count):
        await host.read(REGISTERS)


@cocotb.test()
async def a05_gnt_returns_to_the_parking_master(dut: SimHandleBase) -> None:
    host = await begin(dut)
    grants: list[int] = []
    host.each_clock.append(lambda: grants.append(int(dut.gnt_o.value)))
    for _ in range(4):
        grants.clear()
        assert await host.request(READ, BUFFER, length=3) == OK
        assert 4 in grants
        while dut.frame_o.value or dut.irdy_o.value:
            await host.tick()
        await host.tick(4)
        grants.clear()
        await host.tick(20)
        assert set(grants) == {1}


@cocotb.test()
async def c17_functions_of_one_device(dut: SimHandleBase) -> None:
    host = await begin(dut)
    second = FUNCTION | 2 << 8
    for function, present in ((0, True), (1, False), (2, True), (3, False), (7, False)):
        status, identity = await host.command(Op.CFG_READ, FUNCTION | function << 8)
        assert status == (BusStatus.OK if present else BusStatus.MASTER_ABORT)
        assert (identity & 0xFFFF != 0xFFFF) == present
    for function in (FUNCTION, second):
        _, header = await host.command(Op.CFG_READ, function | 0x0C)
        assert header >> 16 & 0x80
    # Each function has its own registers: what is written into one leaves the other as it was.
    other = REGISTERS + 0x20_0000
    await host.command(Op.CFG_WRITE, second | 0x10, other)
    await host.command(Op.CFG_WRITE, second | 0x04, 2, 0x3)
    await host.write(REGISTERS + store.LENGTH.offset, 0x1111)
    await host.write(other + store.LENGTH.offset, 0x2222)
    assert await host.read(REGISTERS + store.LENGTH.offset) == 0x1111
    assert await host.read(other + store.LENGTH.offset) == 0x2222
    await host.command(Op.CFG_WRITE, second | 0x04, 0, 0x3)
    assert (await host.command(Op.MEM_READ, other))[0] == BusStatus.MASTER_ABORT
    assert await host.read(REGISTERS + store.LENGTH.offset) == 0x1111


@cocotb.test()
async def a07_a_requester_that_never_starts_is_masked(dut: SimHandleBase) -> None:
    host = await begin(dut)
    dut.pin_req_i.value = 1
    await host.tick(40)
    assert int(dut.broken_o.value) == 8
    assert await host.read(REGISTERS) == 0x53544F52
    assert await host.request(READ, BUFFER) == OK
    dut.pin_req_i.value = 0
    await host.tick(2)
    assert int(dut.broken_o.value) == 0
    dut.pin_req_i.value = 1
    await host.tick(4)
    assert int(dut.gnt_o.value) == 8


@cocotb.test()
async def m25_the_latency_timer_counts_only_without_a_grant(dut: SimHandleBase) -> None:
    host = await begin(dut)
    dut.latency_i.value = 0
    assert await host.request(READ, BUFFER, length=64) == OK
    assert int(dut.transactions_o.value) == 1
    counts = {}
    for latency in (0, 16, 255):
        dut.latency_i.value = latency
        task = cocotb.start_soon(host.request(READ, BUFFER, length=64))
        await host_reads(host, 40)
        assert await task == OK
        counts[latency] = int(dut.transactions_o.value)
    assert counts[255] == 1
    assert counts[0] > counts[16] > 1
