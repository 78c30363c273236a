# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Agents of the machine opposite a master and a target that are driven pin by pin; tests/hdl/test_bus.py runs these."""

from __future__ import annotations

import random

import cocotb
from bus_host import BUFFER, CONTROLLER, DOORBELL, FUNCTION, REGISTERS, TIMESTAMP, BusHost
from bus_pins import End, Phase, PinMaster, PinTarget, random_answers
from cocotb.handle import SimHandleBase

from dirql.registers import interrupt_controller, store, timestamp
from dirql.registers.protocol import BusStatus, Op

READ, WRITE, READ_LINE = 0x6, 0x7, 0xE
IO_READ = 0x2
OK = 0
PAGE = PinTarget.PAGE << 12


async def begin(dut: SimHandleBase, command: int = 7) -> tuple[BusHost, PinMaster]:
    host = BusHost(dut)
    await host.start()
    await host.enumerate(command)
    return host, PinMaster(host)


def draw_phases(source: random.Random, count: int) -> list[Phase]:
    """Data phases with any byte enables, none of them included, and waits of the master within its limit."""
    return [
        Phase(source.randrange(16), source.getrandbits(32), source.choice((0, 0, 0, 1, 3, 6)))
        for _ in range(count)
    ]


def merge(old: int, datum: int, enables: int) -> int:
    mask = sum(0xFF << 8 * lane for lane in range(4) if enables >> lane & 1)
    return (old & ~mask) | (datum & mask)


@cocotb.test()
async def m05_m09_t06_t08_bursts_with_waits_on_both_sides_and_any_byte_enables(dut: SimHandleBase) -> None:
    host, master = await begin(dut)
    host.random_memory(5, 4, 0.3)
    source = random.Random(1)
    held = {place: [0] * 12 for place in (BUFFER, 0x8000)}
    for place, words in held.items():
        await master.until_done(WRITE, place, [Phase()] * len(words))
        for _ in range(25):
            first = source.randrange(12)
            phases = draw_phases(source, source.randrange(1, 13 - first))
            await master.until_done(WRITE, place + 4 * first, phases)
            for index, phase in enumerate(phases, first):
                words[index] = merge(words[index], phase.datum, phase.enables)
            wanted = draw_phases(source, 12)
            assert await master.until_done(READ, place, wanted) == words


@cocotb.test()
async def t15_reserved_commands_and_special_cycles_from_a_pin_driven_master(dut: SimHandleBase) -> None:
    host, master = await begin(dut)
    for command in (0x1, 0x4, 0x5, 0x8, 0x9, 0xD):
        for count in (1, 3):
            result = await master.run(command, BUFFER, [Phase()] * count)
            assert result.end == End.MASTER_ABORT, command
    assert await host.read(REGISTERS) == 0x53544F52


@cocotb.test()
async def fast_back_to_back_transactions_are_served_like_others(dut: SimHandleBase) -> None:
    host, master = await begin(dut)
    places = [BUFFER, REGISTERS + store.LENGTH.offset, 0x8000, BUFFER + 8, 0x8004]
    for seed in range(10):
        source = random.Random(seed)
        written = {place: source.getrandbits(32) for place in places}
        order = source.sample(places, len(places))
        for place in order:
            # The next write begins without an idle clock, at the same target or another one.
            result = await master.run(WRITE, place, [Phase(datum=written[place])], follow=place != order[-1])
            assert result.end == End.DONE
        for place in places:
            assert await master.until_done(READ, place) == [written[place]]
    assert await host.read(REGISTERS) == 0x53544F52


@cocotb.test()
async def m04_m07_m19_m20_m23_the_function_masters_any_target(dut: SimHandleBase) -> None:
    """The store function writes to and reads from a target that answers each data phase at random."""
    choices = ("ready", "ready", "wait", "last", "stop")
    for seed in range(4):
        host, _ = await begin(dut)
        target = PinTarget(host, random_answers(seed, choices))
        length = 4 * (9 + seed)
        words = [seed << 24 | index for index in range(length // 4)]
        for index, word in enumerate(words):
            await host.write(BUFFER + 4 * index, word)
        await start(host, store.Operation.DMA_READ, PAGE, length)
        await finish(host)
        assert [(place, datum) for place, _, datum in target.written] == [
            (PAGE + 4 * index, word) for index, word in enumerate(words)
        ]
        await start(host, store.Operation.DMA_WRITE, PAGE, length)
        await finish(host)
        back = [await host.read(BUFFER + 4 * index) for index in range(length // 4)]
        assert back == [~(PAGE + 4 * index) & 0xFFFF_FFFF for index in range(length // 4)]
        await host.stop()


@cocotb.test()
async def a_request_that_is_retried_keeps_its_byte_enables(dut: SimHandleBase) -> None:
    host, _ = await begin(dut)
    for length in (1, 2, 3):
        answers = iter(["stop", "stop", "ready", "stop"])
        target = PinTarget(host, lambda answers=answers: next(answers, "ready"))
        assert await host.request(WRITE, PAGE, datum=7, enables=0x6, length=length) == OK
        await host.tick(4)
        lanes = [enables for _, enables, _ in target.written]
        assert lanes == [0x6, *[0xF] * (length - 2), *[0x6] * (length > 1)]
        host.each_clock.clear()


@cocotb.test()
async def m18_a_target_abort_in_the_middle_ends_the_command(dut: SimHandleBase) -> None:
    for operation in (store.Operation.DMA_READ, store.Operation.DMA_WRITE):
        host, _ = await begin(dut)
        answers = iter(["ready", "ready", "ready", "wait", "abort"])
        PinTarget(host, lambda answers=answers: next(answers, "abort"))
        await start(host, operation, PAGE, 64)
        error = await finish(host)
        assert error == store.ERROR.TARGET_ABORT
        assert await host.read(REGISTERS + store.TRANSFERRED.offset) == 12
        assert await host.read(REGISTERS + store.ERROR_ADDRESS.offset) == PAGE + 12
        await host.stop()


async def start(host: BusHost, operation: int, address: int, length: int, *, place: int = 0) -> None:
    """Begin a transfer of `length` bytes between the buffer and `address`, with one descriptor."""
    descriptor(host, address, length)
    await host.write(REGISTERS + store.DESCRIPTOR_BASE.offset, 0x1000)
    await host.write(REGISTERS + store.BUFFER_ADDRESS.offset, place)
    await host.write(REGISTERS + store.LENGTH.offset, length)
    await host.write(REGISTERS + store.COMMAND.offset, operation)


def descriptor(host: BusHost, address: int, length: int, place: int = 0x1000) -> None:
    words = (address, 0, length, 1)
    host.memory[place : place + 16] = b"".join(word.to_bytes(4, "little") for word in words)


async def finish(host: BusHost, limit: int = 20_000) -> int:
    """Wait for the end of the command; returns ERROR."""
    begun = host.clock
    while await host.read(REGISTERS + store.STATUS.offset) & store.STATUS.BUSY:
        assert host.clock - begun < limit, "the command did not end"
        await host.tick(20)
    await host.tick(20)
    return await host.read(REGISTERS + store.ERROR.offset)


@cocotb.test()
async def a_read_of_no_byte_latches_no_counter(dut: SimHandleBase) -> None:
    """COUNTER_HI changes with a read of any byte of COUNTER_LO, and with no other."""
    host, _ = await begin(dut)
    dut.u_timestamp.u_clocks.prim_clocks_q.value = 5 << 32
    assert await host.request(READ, TIMESTAMP + timestamp.COUNTER_LO.offset, enables=0) == OK
    assert await host.read(TIMESTAMP + timestamp.COUNTER_HI.offset) == 0
    assert await host.request(READ, TIMESTAMP + timestamp.COUNTER_LO.offset, enables=4) == OK
    assert await host.read(TIMESTAMP + timestamp.COUNTER_HI.offset) == 5


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


def put(host: BusHost, address: int, word: int) -> None:
    host.memory[address : address + 4] = word.to_bytes(4, "little")


@cocotb.test()
async def d06_an_aborted_fetch_leaves_no_stale_descriptor(dut: SimHandleBase) -> None:
    """The descriptor is replaced between an abort and the next command; the engine carries out the new one."""
    for delay in range(0, 60, 3):
        host, _ = await begin(dut)
        host.latency = lambda: 50
        for index in range(4):
            await host.write(BUFFER + 4 * index, 0x1111_1111)
        await start(host, store.Operation.DMA_READ, 0x2000, 16)
        await host.tick(delay)
        await host.write(REGISTERS + store.CONTROL.offset, store.CONTROL.ABORT)
        descriptor(host, 0x6000, 16)
        await finish(host)
        before = bytes(host.memory[0x2000:0x2010])
        await host.write(REGISTERS + store.COMMAND.offset, store.Operation.DMA_READ)
        await finish(host)
        await host.tick(200)
        assert await host.read(REGISTERS + store.TRANSFERRED.offset) == 16
        assert host.memory[0x6000:0x6010] == b"\x11" * 16
        assert host.memory[0x2000:0x2010] == before
        await host.stop()


@cocotb.test()
async def a_function_without_bus_master_enable_ends_its_command(dut: SimHandleBase) -> None:
    """Bus Master goes off at each clock of a transfer from slow memory at latency timer 0: an error, and not a hang."""
    ends = set()
    for delay in range(0, 200, 5):
        host, _ = await begin(dut)
        await host.enumerate(7, latency=0)
        host.latency = lambda delay=delay: 1 + delay % 30
        await start(host, store.Operation.DMA_WRITE, 0x2000, 64)
        await host.tick(delay)
        await host.command(Op.CFG_WRITE, FUNCTION | 0x04, 3, 0x3)
        error = await finish(host, 600)
        ends.add(error)
        await host.command(Op.CFG_WRITE, FUNCTION | 0x04, 7, 0x3)
        await host.write(REGISTERS + store.ERROR.offset, 0xFFFF_FFFF)
        await start(host, store.Operation.DMA_WRITE, 0x2000, 64)
        assert await finish(host) == 0
        assert await host.read(REGISTERS + store.TRANSFERRED.offset) == 64
        await host.stop()
    assert ends == {0, store.ERROR.BUS_MASTER_DISABLED}


# Parity.


def corrupt_reads(host: BusHost, wanted: int) -> None:
    """Flip PAR of the read datum number `wanted`, counted over the transactions that the store function begins."""
    dut = host.dut
    seen = [0]
    mine = [False]
    frame = [False]

    def corrupt() -> None:
        # A datum that moved at the last edge has its PAR on the coming one.
        bad = False
        if dut.seen_frame_o.value and not frame[0]:
            mine[0] = int(dut.seen_cbe_o.value) == READ and int(dut.seen_ad_o.value) < 1 << 20
        elif mine[0] and dut.seen_irdy_o.value and dut.seen_trdy_o.value:
            bad = seen[0] == wanted
            seen[0] += 1
        frame[0] = bool(dut.seen_frame_o.value)
        dut.flip_target_par_i.value = bad

    host.each_clock.append(corrupt)


@cocotb.test()
async def m28_a_descriptor_with_bad_parity_is_not_used(dut: SimHandleBase) -> None:
    for word in range(4):
        host, _ = await begin(dut)
        corrupt_reads(host, word)
        before = bytes(host.memory)
        await start(host, store.Operation.DMA_READ, 0x2000, 64)
        before = before[:0x1000] + bytes(host.memory[0x1000:0x1010]) + before[0x1010:]
        assert await finish(host) == store.ERROR.PARITY
        assert await host.read(REGISTERS + store.ERROR_ADDRESS.offset) == 0x1000 + 4 * word
        assert await host.read(REGISTERS + store.TRANSFERRED.offset) == 0
        assert host.memory == before
        await host.stop()


@cocotb.test()
async def m28_data_with_bad_parity_end_the_transfer_in_front_of_them(dut: SimHandleBase) -> None:
    for word in range(4, 4 + 12):
        host, _ = await begin(dut)
        host.memory[0x2000:0x2030] = bytes(range(1, 0x31))
        for index in range(13):
            await host.write(BUFFER + 4 * index, 0xEEEE_EEEE)
        corrupt_reads(host, word)
        await start(host, store.Operation.DMA_WRITE, 0x2000, 48)
        assert await finish(host) == store.ERROR.PARITY
        assert await host.read(REGISTERS + store.INTERRUPT_CAUSE.offset) == store.INTERRUPT_CAUSE.ERROR
        assert await host.read(REGISTERS + store.ERROR_ADDRESS.offset) == 0x2000 + 4 * (word - 4)
        moved = await host.read(REGISTERS + store.TRANSFERRED.offset)
        assert moved == 4 * (word - 4)
        back = b"".join([(await host.read(BUFFER + 4 * index)).to_bytes(4, "little") for index in range(12)])
        assert back == bytes(host.memory[0x2000 : 0x2000 + moved]) + b"\xee" * (48 - moved)
        await host.stop()


def corrupt_writes(host: BusHost, wanted: int, page: int) -> None:
    """Flip PAR of the written datum number `wanted`, counted over memory writes into the 4 KiB page."""
    dut = host.dut
    seen, mine, frame = [0], [False], [False]

    def corrupt() -> None:
        bad = False
        if dut.seen_frame_o.value and not frame[0]:
            mine[0] = int(dut.seen_cbe_o.value) == WRITE and int(dut.seen_ad_o.value) >> 12 == page >> 12
        elif mine[0] and dut.seen_irdy_o.value and dut.seen_trdy_o.value:
            bad = seen[0] == wanted
            seen[0] += 1
        frame[0] = bool(dut.seen_frame_o.value)
        dut.flip_master_par_i.value = bad

    host.each_clock.append(corrupt)


@cocotb.test()
async def t23_written_data_with_bad_parity_end_the_transfer_in_front_of_them(dut: SimHandleBase) -> None:
    """The host bridge reports with PERR and does not take the datum; the engine stops with an exact count."""
    for word in range(8):
        host, _ = await begin(dut)
        await host.command(Op.CFG_WRITE, 0x0004, 0x0040, 0x3)
        for index in range(8):
            await host.write(BUFFER + 4 * index, index + 1)
        corrupt_writes(host, word, 0x2000)
        await start(host, store.Operation.DMA_READ, 0x2000, 32)
        assert await finish(host) == store.ERROR.PARITY
        assert await host.read(REGISTERS + store.ERROR_ADDRESS.offset) == 0x2000 + 4 * word
        assert await host.read(REGISTERS + store.TRANSFERRED.offset) == 4 * word
        await host.tick(50)
        data = [int.from_bytes(host.memory[0x2000 + 4 * i : 0x2004 + 4 * i], "little") for i in range(8)]
        assert data[: word + 1] == [*range(1, word + 1), 0]
        await host.stop()


@cocotb.test()
async def t23_a_register_takes_no_datum_with_bad_parity(dut: SimHandleBase) -> None:
    for response in (True, False):
        host, _ = await begin(dut, 0x47 if response else 0x07)
        await host.write(REGISTERS + store.LENGTH.offset, 0x11)
        corrupt_writes(host, 0, REGISTERS)
        status, _ = await host.command(Op.MEM_WRITE, REGISTERS + store.LENGTH.offset, 0x22)
        # Without Command bit 6 a function ignores bad parity, but for bit 15 of Status.
        assert status == (BusStatus.PARITY if response else BusStatus.OK)
        assert await host.read(REGISTERS + store.LENGTH.offset) == (0x11 if response else 0x22)
        assert await host.status_register() & 1 << 15
        await host.stop()


@cocotb.test()
async def t23_a_doorbell_takes_no_message_with_bad_parity(dut: SimHandleBase) -> None:
    host, master = await begin(dut)
    await host.write(CONTROLLER + interrupt_controller.ENABLE.offset, 0xFFFF)
    corrupt_writes(host, 0, DOORBELL)
    await master.until_done(WRITE, DOORBELL, [Phase(datum=5)])
    await host.tick(10)
    assert not dut.interrupt_o.value
    await master.until_done(WRITE, DOORBELL, [Phase(datum=6)])
    await host.tick(10)
    assert dut.interrupt_o.value
    assert int(dut.interrupt_input_o.value) == 6


@cocotb.test()
async def a_message_with_bad_parity_is_reported_and_is_no_error_of_the_command(dut: SimHandleBase) -> None:
    host, _ = await begin(dut)
    for offset, value in ((0x44, DOORBELL), (0x4C, 3), (0x40, 1 << 16)):
        await host.command(Op.CFG_WRITE, FUNCTION | offset, value)
    await host.write(REGISTERS + store.INTERRUPT_MASK_SET.offset, store.INTERRUPT_CAUSE.RAISED)
    corrupt_writes(host, 0, DOORBELL)
    await host.write(REGISTERS + store.COMMAND.offset, store.Operation.RAISE)
    await host.tick(60)
    assert await host.read(REGISTERS + store.ERROR.offset) == store.ERROR.MESSAGE_ADDRESS
    assert await host.read(REGISTERS + store.INTERRUPT_CAUSE.offset) == store.INTERRUPT_CAUSE.RAISED
