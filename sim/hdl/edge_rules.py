# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The edges of ranges, limits and requests, which mutants of the RTL showed; tests/hdl/test_bus.py runs these tests."""

from __future__ import annotations

import random

import cocotb
from bus_host import BUFFER, CONTROLLER, DOORBELL, FUNCTION, REGISTERS, TIMESTAMP, BusHost
from bus_pins import End, Phase, PinTarget
from cocotb.handle import SimHandleBase
from pin_steps import OK, READ, WRITE, begin, put, start

from dirql.registers import interrupt_controller, store, timestamp
from dirql.registers.protocol import BusStatus, Op, Vector

STOPPED, DISABLED, ADDRESS_END = 1, 5, 6
FREE = 0x4000_0000
ABSENT = 0x7000_0000
PAGE = PinTarget.PAGE << 12
FREE_MASTER, PIN_MASTER = 1 << 2, 1 << 3


# Requests that end before their transaction.


async def stop_after_a_retry(host: BusHost, command: int, address: int, length: int) -> None:
    """The free initiator's request is retried, and is stopped then; `stop` stays on."""
    dut = host.dut
    task = cocotb.start_soon(host.request(command, address, datum=7, length=length))
    while not dut.stop_o.value:
        await host.tick()
    dut.request_stop_i.value = 1
    assert await task == STOPPED


@cocotb.test()
async def a_read_that_is_stopped_after_a_retry_ends_with_its_repetition_whose_answer_is_thrown_away(
    dut: SimHandleBase,
) -> None:
    for length in (1, 8):
        host, _ = await begin(dut)
        host.latency = lambda: 60
        for index in range(8):
            put(host, 0x3000 + 4 * index, 5 + index)
        moved = host.watch(dut.trdy_o)
        before = int(dut.last_data_o.value)
        await stop_after_a_retry(host, READ, 0x3000, length)
        # The repetition took one datum, though `stop` was on all the time, and the request's owner saw nothing of it.
        assert len(moved) == 1
        assert int(dut.transfers_o.value) == 0
        assert int(dut.last_data_o.value) == before
        started = host.watch(dut.frame_o)
        await host.tick(120)
        assert started == [], "nothing of a request comes after its end"
        dut.request_stop_i.value = 0
        assert await host.request(READ, 0x3004) == OK
        assert int(dut.last_data_o.value) == 6
        await host.stop()


@cocotb.test()
async def a_read_that_was_retried_is_forgotten_when_the_master_is_disabled(dut: SimHandleBase) -> None:
    host, _ = await begin(dut)
    host.latency = lambda: 60
    put(host, 0x3004, 6)
    task = cocotb.start_soon(host.request(READ, 0x3000, length=8))
    while not dut.stop_o.value:
        await host.tick()
    dut.request_enable_i.value = 0
    assert await task == DISABLED
    started = host.watch(dut.frame_o)
    await host.tick(20)
    dut.request_enable_i.value = 1
    await host.tick(120)
    assert started == []
    assert await host.request(READ, 0x3004) == OK
    assert int(dut.last_data_o.value) == 6


@cocotb.test()
async def a_write_that_is_stopped_after_a_retry_is_not_repeated(dut: SimHandleBase) -> None:
    host, _ = await begin(dut)
    answers = iter(["stop"])
    target = PinTarget(host, lambda: next(answers, "ready"))
    await stop_after_a_retry(host, WRITE, PAGE, 2)
    dut.request_stop_i.value = 0
    started = host.watch(dut.frame_o)
    await host.tick(60)
    assert started == []
    assert target.written == []


@cocotb.test()
async def a_command_that_timed_out_leaves_nothing_on_the_bus(dut: SimHandleBase) -> None:
    host, _ = await begin(dut)
    dut.target_rvalid_i.value = 0
    assert (await host.command(Op.MEM_READ, FREE))[0] == BusStatus.TIMEOUT
    started = host.watch(dut.frame_o)
    await host.tick(60)
    assert started == []


@cocotb.test()
async def a_master_that_is_disabled_asks_for_the_bus_no_more(dut: SimHandleBase) -> None:
    for delay in range(1, 40):
        host, _ = await begin(dut)
        answers = random.Random(delay)
        PinTarget(host, lambda answers=answers: answers.choice(("ready", "stop", "last")))
        task = cocotb.start_soon(host.request(WRITE, PAGE, length=8, more=True))
        await host.tick(delay)
        dut.request_enable_i.value = 0
        await host.tick(2)
        asked: list[int] = []
        host.each_clock.append(lambda asked=asked: asked.append(int(dut.req_o.value) & FREE_MASTER))
        await task
        await host.tick(20)
        assert not any(asked)
        await host.stop()


@cocotb.test()
async def a_soft_reset_drops_a_message_that_waits_for_the_bus(dut: SimHandleBase) -> None:
    """A command that fails makes a message, which waits while Bus Master is off."""
    host, _ = await begin(dut)
    await host.write(CONTROLLER + interrupt_controller.ENABLE.offset, 0xFFFF)
    for offset, value in ((0x44, DOORBELL), (0x4C, 3), (0x40, 1 << 16)):
        await host.command(Op.CFG_WRITE, FUNCTION | offset, value)
    await host.write(REGISTERS + store.INTERRUPT_MASK_SET.offset, store.INTERRUPT_CAUSE.ERROR)
    for resets in (False, True):
        await host.command(Op.CFG_WRITE, FUNCTION | 0x04, 3, 0x3)
        await start(host, store.Operation.DMA_WRITE, 0x2000, 64)
        await host.tick(30)
        assert await host.read(REGISTERS + store.INTERRUPT_CAUSE.offset) == store.INTERRUPT_CAUSE.ERROR
        if resets:
            await host.write(REGISTERS + store.CONTROL.offset, store.CONTROL.SOFT_RESET)
        await host.command(Op.CFG_WRITE, FUNCTION | 0x04, 7, 0x3)
        await host.tick(100)
        assert bool(dut.interrupt_o.value) is not resets
        if not resets:
            await host.command(Op.INT_ACK, 0)
            await host.write(CONTROLLER + interrupt_controller.EOI.offset, 3)
            await host.write(REGISTERS + store.INTERRUPT_CAUSE.offset, store.INTERRUPT_CAUSE.ERROR)


@cocotb.test()
async def retries_are_counted_for_each_datum(dut: SimHandleBase) -> None:
    """The host bridge of the bench gives up at the 32nd retry of one datum, however many other data had."""
    host, _ = await begin(dut)
    answers = iter((["stop"] * 20 + ["last"]) * 3)
    PinTarget(host, lambda: next(answers, "ready"))
    assert (await host.command(Op.MEM_READ, PAGE, length=3))[0] == BusStatus.OK


# The end of a range, and limits.


@cocotb.test()
async def a_burst_ends_with_the_memory_of_the_host(dut: SimHandleBase) -> None:
    host, master = await begin(dut)
    end = len(host.memory)
    put(host, 0, 0x1111)
    for command in (WRITE, READ):
        result = await master.run(command, end - 8, [Phase(datum=index + 1) for index in range(4)])
        assert (result.end, len(result.data)) == (End.DISCONNECT, 2)
        assert (await master.run(command, end)).end == End.MASTER_ABORT
    await host.tick(20)
    assert host.memory[end - 8 :] == b"\x01\0\0\0\x02\0\0\0"
    assert host.memory[:4] == b"\x11\x11\0\0"


@cocotb.test()
async def the_host_does_not_find_its_own_memory_on_the_bus(dut: SimHandleBase) -> None:
    host, _ = await begin(dut)
    for op in (Op.MEM_READ, Op.MEM_WRITE):
        assert (await host.command(op, 0x3000, 1))[0] == BusStatus.MASTER_ABORT


@cocotb.test()
async def a07_a_requester_may_start_on_the_16th_clock_and_not_later(dut: SimHandleBase) -> None:
    for starts in (True, False):
        host, master = await begin(dut)
        dut.pin_req_i.value = 1
        granted = 0
        for _ in range(100):
            await host.tick()
            # A clock of the grant on an idle bus; what is driven now is seen at the end of this clock.
            granted += int(dut.gnt_o.value) == PIN_MASTER and not dut.frame_o.value
            if granted == 16:
                break
        assert int(dut.broken_o.value) == 0
        if starts:
            # REQ stays on, so that a master that counted as broken would still do so.
            assert (await master.run_now(WRITE, BUFFER, [Phase(datum=5)], follow=True)).end == End.DONE
            assert int(dut.broken_o.value) == 0
            await master.rest()
            assert await host.read(BUFFER) == 5
        else:
            await host.tick()
            assert int(dut.broken_o.value) == PIN_MASTER
        await host.stop()


@cocotb.test()
async def writes_of_other_masters_do_not_discard_what_was_fetched(dut: SimHandleBase) -> None:
    host, master = await begin(dut)
    host.latency = lambda: 40
    put(host, 0x3000, 1)
    host.reads.clear()
    assert (await master.run(READ, 0x3000)).end == End.RETRY
    for _ in range(3):
        assert await host.request(WRITE, FREE, datum=1) == OK
    await host.tick(80)
    assert await master.until_done(READ, 0x3000) == [1]
    assert host.reads == [0x3000]


@cocotb.test()
async def the_counter_reads_as_a_whole_while_its_low_half_wraps(dut: SimHandleBase) -> None:
    """The high half belongs to the clock on which the low half was put on the bus, however long the master waits."""
    host, master = await begin(dut)
    for before in range(16):
        dut.u_timestamp.u_clocks.prim_clocks_q.value = (5 << 32) - before
        low = (await master.run(READ, TIMESTAMP + timestamp.COUNTER_LO.offset, [Phase(waits=5)])).data[0]
        high = await host.read(TIMESTAMP + timestamp.COUNTER_HI.offset)
        assert -16 <= (high << 32 | low) - (5 << 32) <= 40


@cocotb.test()
async def an_input_that_was_fetched_is_presented_no_more_on_the_next_clock(dut: SimHandleBase) -> None:
    host, master = await begin(dut)
    await host.write(CONTROLLER + interrupt_controller.ENABLE.offset, 0xFFFF)
    await master.until_done(WRITE, DOORBELL, [Phase(datum=5)])
    await host.tick(10)
    presented, moved = host.watch(dut.interrupt_o), host.watch(dut.trdy_o)
    status, vector = await host.command(Op.INT_ACK, 0)
    assert status == BusStatus.OK
    assert vector != Vector.SPURIOUS
    await host.tick(10)
    assert presented[-1] == moved[-1]


# The command port.


async def write_burst(
    host: BusHost, address: int, data: list[int], gap: int, enables: int = 0xF
) -> BusStatus:
    """A burst of the host, which gives a datum every `gap` clocks."""
    dut = host.dut
    left = list(data)
    moves = [False]

    def give() -> None:
        if moves[0]:
            left.pop(0)
        valid = bool(left) and host.clock % gap == 0
        dut.wdata_valid_i.value = valid
        dut.wdata_i.value = left[0] if left else 0
        moves[0] = valid and bool(dut.wdata_ready_o.value)

    host.each_clock.append(give)
    status, _ = await host.command(Op.MEM_WRITE, address, enables=enables, length=len(data))
    assert left == []
    host.each_clock.remove(give)
    return status


@cocotb.test()
async def a_burst_of_the_host_is_written_as_it_is_given(dut: SimHandleBase) -> None:
    """The host is slow or the target waits; all bytes are enabled, whatever the command says of a single datum."""
    host, _ = await begin(dut)
    choices = ("ready", "ready", "wait", "last", "stop")
    for seed, gap in enumerate((1, 2, 3, 5, 1, 1)):
        answer = random.Random(seed)
        target = PinTarget(
            host, (lambda answer=answer: answer.choice(choices)) if seed > 3 else lambda: "ready"
        )
        data = [seed << 16 | index for index in range(12)]
        assert await write_burst(host, PAGE, data, gap, enables=1) == BusStatus.OK
        await host.tick(4)
        assert target.written == [(PAGE + 4 * index, 0xF, datum) for index, datum in enumerate(data)]
        host.each_clock.remove(target.step)


@cocotb.test()
async def a_burst_that_finds_nobody_gives_ones_for_each_datum_to_a_slow_host(dut: SimHandleBase) -> None:
    host, _ = await begin(dut)
    taken: list[int] = []

    def take() -> None:
        ready = host.clock % 5 == 0
        dut.rdata_ready_i.value = ready
        if ready and dut.rdata_valid_o.value:
            taken.append(int(dut.rdata_o.value))

    host.each_clock.append(take)
    assert (await host.command(Op.MEM_READ, ABSENT, length=12))[0] == BusStatus.MASTER_ABORT
    # The answer may come together with the last datum.
    await host.tick(10)
    assert taken == [0xFFFF_FFFF] * 12


@cocotb.test()
async def a_command_after_one_with_bad_parity_is_judged_by_its_own_data(dut: SimHandleBase) -> None:
    host, _ = await begin(dut)
    dut.flip_target_par_i.value = 1
    assert (await host.command(Op.MEM_READ, REGISTERS))[0] == BusStatus.PARITY
    dut.flip_target_par_i.value = 0
    for op in (Op.MEM_WRITE, Op.MEM_READ):
        assert (await host.command(op, BUFFER, 3))[0] == BusStatus.OK


@cocotb.test()
async def m31_a_burst_past_the_last_address_ends_there_and_finds_nobody_beyond(dut: SimHandleBase) -> None:
    """The function's buffer takes the last addresses; a burst that went on would change the host's memory at 0."""
    host, _ = await begin(dut)
    put(host, 0, 0x1234)
    last = (1 << 32) - 4
    await host.command(Op.CFG_WRITE, FUNCTION | 0x14, 0xFFFF_FFFF)
    for left in (1, 2, 3, 6):
        first = last - 4 * (left - 1)
        await host.write(last, 0x55)
        assert await host.request(WRITE, first, datum=left, length=left) == OK
        assert await host.request(WRITE, first, datum=left + 8, length=left + 1) == ADDRESS_END
        assert await host.request(READ, first, length=left + 2) == ADDRESS_END
        assert int(dut.last_data_o.value) == await host.read(last) == left + 8
        status, value = await host.command(Op.MEM_READ, first, length=left + 1)
        assert (status, value) == (BusStatus.MASTER_ABORT, 0xFFFF_FFFF)
        assert await host.command(Op.MEM_READ, first, length=left) == (BusStatus.OK, left + 8)
        assert int.from_bytes(host.memory[:4], "little") == 0x1234
    await host.stop()
