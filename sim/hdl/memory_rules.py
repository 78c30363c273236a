# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The host bridge as the host's memory: delayed reads and posted writes; tests/hdl/test_bus.py runs these."""

from __future__ import annotations

import itertools

import cocotb
from bus_host import BUFFER, REGISTERS, BusHost
from bus_pins import End, Phase
from cocotb.handle import SimHandleBase
from pin_steps import OK, READ, READ_LINE, WRITE, begin, put, start

from dirql.registers import store

RIVAL_GRANT = 1 << 2
"""The grant of the free initiator of bus_bench.sv."""


# Delayed reads.


@cocotb.test()
async def a_delayed_read_is_for_its_own_master_command_and_byte_enables(dut: SimHandleBase) -> None:
    host, master = await begin(dut)
    host.latency = lambda: 40
    put(host, 0x3000, 1)
    assert (await master.run(READ, 0x3000, [Phase(0x1)])).end == End.RETRY
    await host.tick(80)
    # The answer waits. Memory changes, and requests that are not the repetition see the new value.
    put(host, 0x3000, 2)
    assert await host.request(READ, 0x3000) == OK
    assert int(dut.last_data_o.value) == 2
    put(host, 0x3000, 3)
    assert await master.until_done(READ, 0x3000, [Phase(0xF)]) == [3]
    put(host, 0x3000, 8)
    put(host, 0x3004, 9)
    assert (await master.run(READ, 0x3000)).end == End.RETRY
    await host.tick(80)
    assert await master.until_done(READ, 0x3004) == [9]
    put(host, 0x3000, 4)
    assert (await master.run(READ, 0x3000)).end == End.RETRY
    await host.tick(80)
    put(host, 0x3000, 5)
    assert await master.until_done(READ_LINE, 0x3000) == [5]


@cocotb.test()
async def the_repetition_gets_what_was_fetched_and_fetches_nothing_again(dut: SimHandleBase) -> None:
    host, master = await begin(dut)
    host.latency = lambda: 40
    for idle in (0, 1500):
        await host.tick(idle)
        put(host, 0x3000, 7)
        host.reads.clear()
        assert (await master.run(READ, 0x3000)).end == End.RETRY
        await host.tick(1500)
        result = await master.run(READ, 0x3000)
        assert (result.end, result.data, host.reads) == (End.DONE, [7], [0x3000])


@cocotb.test()
async def two_masters_have_a_delayed_read_each(dut: SimHandleBase) -> None:
    host, master = await begin(dut)
    host.latency = lambda: 60
    put(host, 0x3000, 1)
    put(host, 0x4000, 2)
    host.reads.clear()
    assert (await master.run(READ, 0x3000)).end == End.RETRY
    assert await host.request(READ, 0x4000) == OK
    assert int(dut.last_data_o.value) == 2
    assert await master.until_done(READ, 0x3000) == [1]
    assert host.reads == [0x3000, 0x4000]


@cocotb.test()
async def masters_that_read_at_once_fetch_each_datum_once(dut: SimHandleBase) -> None:
    host, master = await begin(dut)
    host.latency = lambda: 25
    for place in (0x3000, 0x4000):
        for index in range(12):
            put(host, place + 4 * index, place + index)
    host.reads.clear()

    async def read_all() -> None:
        for index in range(12):
            assert await host.request(READ, 0x4000 + 4 * index) == OK
            assert int(dut.last_data_o.value) == 0x4000 + index

    task = cocotb.start_soon(read_all())
    for index in range(12):
        assert await master.until_done(READ, 0x3000 + 4 * index) == [0x3000 + index]
    await task
    assert sorted(host.reads) == [place + 4 * index for place in (0x3000, 0x4000) for index in range(12)]


@cocotb.test()
async def bursts_of_two_masters_get_each_its_own_data(dut: SimHandleBase) -> None:
    """Both masters fetch ahead, more than the bridge asks of the host at once."""
    host, master = await begin(dut)
    host.latency = lambda: 40
    for place in (0x3000, 0x4000):
        for index in range(24):
            put(host, place + 4 * index, place + index)

    async def read_all() -> None:
        for first in range(0, 24, 8):
            assert await host.request(READ, 0x4000 + 4 * first, length=8) == OK
            assert int(dut.last_data_o.value) == 0x4000 + first + 7

    task = cocotb.start_soon(read_all())
    for first in range(0, 24, 8):
        data = await master.until_done(READ, 0x3000 + 4 * first, [Phase()] * 8)
        assert data == [0x3000 + first + index for index in range(8)]
    await task


@cocotb.test()
async def a_master_that_writes_meanwhile_reads_its_own_write(dut: SimHandleBase) -> None:
    host, master = await begin(dut)
    host.latency = lambda: 40
    assert (await master.run(READ, 0x3000)).end == End.RETRY
    await host.tick(80)
    assert (await master.run(WRITE, 0x3000, [Phase(datum=0x1234)])).end == End.DONE
    assert await master.until_done(READ, 0x3000) == [0x1234]


@cocotb.test()
async def what_nobody_collects_is_discarded(dut: SimHandleBase) -> None:
    host, master = await begin(dut)
    host.latency = lambda: 40
    put(host, 0x3000, 1)
    assert (await master.run(READ, 0x3000)).end == End.RETRY
    await host.tick(2048 + 8)
    put(host, 0x3000, 2)
    assert await master.until_done(READ, 0x3000) == [2]
    # The host writes twice without a repetition: it has prepared something new.
    assert (await master.run(READ, 0x3000)).end == End.RETRY
    await host.tick(80)
    put(host, 0x3000, 3)
    for _ in range(2):
        await host.write(BUFFER, 0)
    assert await master.until_done(READ, 0x3000) == [3]


@cocotb.test()
async def a_busy_host_does_not_keep_a_read_from_its_end(dut: SimHandleBase) -> None:
    host, master = await begin(dut)
    host.latency = lambda: 100
    put(host, 0x3000, 9)

    async def write_often() -> None:
        while True:
            await host.write(BUFFER, 0)

    task = cocotb.start_soon(write_often())
    assert await master.until_done(READ, 0x3000) == [9]
    task.cancel()


@cocotb.test()
async def a_read_that_the_host_cannot_answer_is_retried_early(dut: SimHandleBase) -> None:
    host, master = await begin(dut)
    host.latency = lambda: 200
    first = await master.run(READ, 0x3000)
    again = await master.run(READ, 0x3000)
    assert (first.end, again.end) == (End.RETRY, End.RETRY)
    assert first.clocks <= 10
    # The repetition is refused on the clock of DEVSEL.
    assert again.clocks == 2


@cocotb.test()
async def a_read_belongs_to_the_master_that_begins_it_while_the_grant_changes(dut: SimHandleBase) -> None:
    """A master goes on without an idle clock, and on the clock of its FRAME another one has the grant already."""
    met = 0
    for delay in range(24):
        host, master = await begin(dut)
        host.latency = lambda: 40
        put(host, 0x3000, 1)

        async def ask_later(host: BusHost = host, delay: int = delay) -> None:
            await host.tick(delay)
            assert await host.request(READ, BUFFER) == OK

        rival = cocotb.start_soon(ask_later())
        await master.run(WRITE, 0x8000, follow=True)
        if dut.seen_gnt_o.value and int(dut.gnt_o.value) == RIVAL_GRANT:
            met += 1
            assert (await master.run(READ, 0x3000)).end == End.RETRY
            await rival
            await host.tick(80)
            put(host, 0x3000, 2)
            assert await host.request(READ, 0x3000) == OK
            assert int(dut.last_data_o.value) == 2
            assert await master.until_done(READ, 0x3000) == [1]
        else:
            await master.rest()
            await rival
        await host.stop()
    assert met


@cocotb.test()
async def what_is_fetched_ahead_stays_within_4_kib(dut: SimHandleBase) -> None:
    """The host is asked for nothing of the next 4 KiB before the master has come there."""
    host, master = await begin(dut)
    for end, latency in itertools.product((0x4000, 0x5000), (0, 3, 40)):
        begun = end - 24
        for index in range(12):
            put(host, begun + 4 * index, index)
        host.latency = lambda latency=latency: latency
        for first in range(begun, end, 4):
            places = list(range(first, end, 4))
            host.reads.clear()
            await master.until_done(READ, first, [Phase(waits=6)] * len(places))
            await host.tick(100)
            assert sorted(set(host.reads)) == places
        assert await master.until_done(READ, begun, [Phase()] * 12) == list(range(12))


@cocotb.test()
async def a_burst_goes_on_over_the_waits_that_the_bus_allows(dut: SimHandleBase) -> None:
    """The host takes one request in `interval` clocks, and the bus allows 8 clocks for each datum after the first."""
    host, master = await begin(dut)
    for index in range(40):
        put(host, 0x3000 + 4 * index, index)
    for interval in (1, 5):
        host.stall = lambda interval=interval: host.clock % interval != 0
        result = await master.run(READ, 0x3000, [Phase()] * 40)
        assert (result.end, result.data) == (End.DONE, list(range(40)))


@cocotb.test()
async def a_write_of_no_byte_asks_the_host_for_nothing(dut: SimHandleBase) -> None:
    host, master = await begin(dut)
    asked = host.watch(dut.hm_valid_o)
    assert (await master.run(WRITE, 0x3000, [Phase(0, 7), Phase(0, 8)])).end == End.DONE
    await host.tick(20)
    assert asked == []


@cocotb.test()
async def a_write_for_which_a_busy_host_leaves_no_room_is_retried_at_once(dut: SimHandleBase) -> None:
    host, master = await begin(dut)
    host.stall = lambda: True
    for _ in range(16):
        result = await master.run(WRITE, 0x5000)
        if result.end == End.RETRY:
            break
    assert result.end == End.RETRY
    assert result.clocks == 2


@cocotb.test()
async def t29_writes_of_others_do_not_hold_up_a_read(dut: SimHandleBase) -> None:
    """The host takes a dword in 30 clocks, and another master posts without an end: the read waits for 16 of them."""
    host, master = await begin(dut)
    host.stall = lambda: host.clock % 30 != 0
    put(host, 0x3000, 9)

    async def write_often() -> None:
        while True:
            await host.request(WRITE, 0x4000, length=16)

    task = cocotb.start_soon(write_often())
    await host.tick(300)
    begun = host.clock
    assert await master.until_done(READ, 0x3000) == [9]
    assert host.clock - begun < 30 * 20
    task.cancel()


@cocotb.test()
async def b09_a_register_read_pushes_posted_data_into_memory(dut: SimHandleBase) -> None:
    """The data that a master wrote before the host's read of a register are in memory when the host has the answer."""
    host, master = await begin(dut)
    host.stall = lambda: host.clock % 20 != 0
    for count in range(1, 9):
        data = [Phase(datum=count << 16 | index) for index in range(count)]
        await master.until_done(WRITE, 0x5000, data)
        await host.read(REGISTERS)
        back = [int.from_bytes(host.memory[0x5000 + 4 * i : 0x5004 + 4 * i], "little") for i in range(count)]
        assert back == [phase.datum for phase in data]


@cocotb.test()
async def b09_the_interrupt_pin_comes_before_the_data_and_a_read_brings_them(dut: SimHandleBase) -> None:
    host, _ = await begin(dut)
    host.stall = lambda: host.clock % 150 != 0
    for index in range(4):
        await host.write(BUFFER + 4 * index, 0x5555_5555)
    host.memory[0x6000:0x6010] = bytes(16)
    await host.write(REGISTERS + store.INTERRUPT_MASK_SET.offset, store.INTERRUPT_CAUSE.DONE)
    await start(host, store.Operation.DMA_READ, 0x6000, 16)
    while not dut.intx_o.value:
        await host.tick()
    assert host.memory[0x6000:0x6010] != b"\x55" * 16
    assert await host.read(REGISTERS + store.INTERRUPT_CAUSE.offset) == store.INTERRUPT_CAUSE.DONE
    assert host.memory[0x6000:0x6010] == b"\x55" * 16
