# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Agents of the machine opposite a master and a target that are driven pin by pin; tests/hdl/test_bus.py runs these."""

from __future__ import annotations

import itertools
import random

import cocotb
from bus_host import BUFFER, CONTROLLER, DOORBELL, FUNCTION, REGISTERS, TIMESTAMP, BusHost
from bus_pins import End, Phase, PinMaster, PinTarget, random_answers
from cocotb.handle import SimHandleBase
from pin_steps import OK, READ, WRITE, begin, descriptor, finish, start

from dirql.registers import interrupt_controller, store, timestamp
from dirql.registers.protocol import BusStatus, Op

IO_READ = 0x2
PAGE = PinTarget.PAGE << 12
MSI_DATA = 0x4C


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
async def the_last_attempt_before_the_retry_limit_may_succeed(dut: SimHandleBase) -> None:
    """The host bridge of the bench gives up at the 32nd retry of one datum."""
    host, _ = await begin(dut)
    for retries, status in ((31, BusStatus.OK), (32, BusStatus.TIMEOUT)):
        answers = iter(["stop"] * retries)
        PinTarget(host, lambda answers=answers: next(answers, "ready"))
        assert (await host.command(Op.MEM_READ, PAGE))[0] == status
        host.each_clock.clear()
        await host.tick(4)


@cocotb.test()
async def a_target_that_takes_one_datum_at_a_time_disconnects_with_it(dut: SimHandleBase) -> None:
    _, master = await begin(dut)
    dut.target_single_i.value = 1
    result = await master.run(READ, 0x4000_0000, [Phase()] * 3)
    assert (result.end, len(result.data)) == (End.DISCONNECT, 1)


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


@cocotb.test()
async def a_read_of_no_byte_latches_no_counter(dut: SimHandleBase) -> None:
    """COUNTER_HI changes with a read of any byte of COUNTER_LO, and with no other."""
    host, _ = await begin(dut)
    dut.u_timestamp.u_clocks.prim_clocks_q.value = 5 << 32
    assert await host.request(READ, TIMESTAMP + timestamp.COUNTER_LO.offset, enables=0) == OK
    assert await host.read(TIMESTAMP + timestamp.COUNTER_HI.offset) == 0
    assert await host.request(READ, TIMESTAMP + timestamp.COUNTER_LO.offset, enables=4) == OK
    assert await host.read(TIMESTAMP + timestamp.COUNTER_HI.offset) == 5


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
    for word, operation in itertools.product(range(4), (store.Operation.DMA_READ, store.Operation.DMA_WRITE)):
        host, _ = await begin(dut)
        await host.write(BUFFER, 0x7777_7777)
        corrupt_reads(host, word)
        before = bytes(host.memory)
        await start(host, operation, 0x2000, 64)
        before = before[:0x1000] + bytes(host.memory[0x1000:0x1010]) + before[0x1010:]
        assert await finish(host) == store.ERROR.PARITY
        assert await host.read(REGISTERS + store.ERROR_ADDRESS.offset) == 0x1000 + 4 * word
        assert await host.read(REGISTERS + store.TRANSFERRED.offset) == 0
        assert host.memory == before
        assert not any(0x2000 <= place < 0x2040 for place in host.reads)
        assert await host.read(BUFFER) == 0x7777_7777
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
        assert await host.read(REGISTERS + store.INTERRUPT_CAUSE.offset) == store.INTERRUPT_CAUSE.ERROR
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


async def enable_messages(host: BusHost, number: int) -> None:
    """Let the cause RAISED of the store function send messages with this number."""
    for offset, value in ((0x44, DOORBELL), (MSI_DATA, number), (0x40, 1 << 16)):
        await host.command(Op.CFG_WRITE, FUNCTION | offset, value)
    await host.write(REGISTERS + store.INTERRUPT_MASK_SET.offset, store.INTERRUPT_CAUSE.RAISED)


async def raise_behind_posted_data(host: BusHost, master: PinMaster) -> None:
    """Have the doorbell retry a message, because data that were posted before it do not leave."""
    await host.write(CONTROLLER + interrupt_controller.ENABLE.offset, 0xFFFF)
    host.stall = lambda: True
    assert (await master.run(WRITE, 0x5000, [Phase(datum=1)])).end == End.DONE
    await host.write(REGISTERS + store.COMMAND.offset, store.Operation.RAISE)
    await host.tick(60)
    assert not host.dut.interrupt_o.value


@cocotb.test()
async def a_doorbell_takes_no_message_without_its_lowest_byte(dut: SimHandleBase) -> None:
    host, master = await begin(dut)
    await host.write(CONTROLLER + interrupt_controller.ENABLE.offset, 0xFFFF)
    await master.until_done(WRITE, DOORBELL, [Phase(0xE, 5)])
    await host.tick(10)
    assert not dut.interrupt_o.value
    await master.until_done(WRITE, DOORBELL, [Phase(0x1, 5)])
    await host.tick(10)
    assert int(dut.interrupt_input_o.value) == 5


@cocotb.test()
async def a_message_that_is_retried_keeps_its_datum(dut: SimHandleBase) -> None:
    host, master = await begin(dut)
    await enable_messages(host, 3)
    await raise_behind_posted_data(host, master)
    await host.command(Op.CFG_WRITE, FUNCTION | MSI_DATA, 9)
    # The repetition that has begun already is retried too, and another one follows.
    await host.tick(60)
    host.stall = lambda: False
    await host.tick(80)
    assert dut.interrupt_o.value
    assert int(dut.interrupt_input_o.value) == 3


@cocotb.test()
async def a_message_that_is_retried_while_bus_master_goes_off_is_sent_later(dut: SimHandleBase) -> None:
    host, master = await begin(dut)
    await enable_messages(host, 3)
    await raise_behind_posted_data(host, master)
    await host.command(Op.CFG_WRITE, FUNCTION | 0x04, 3, 0x3)
    # A transaction that has the grant already begins, and is retried.
    await host.tick(60)
    host.stall = lambda: False
    await host.tick(80)
    assert not dut.interrupt_o.value
    await host.command(Op.CFG_WRITE, FUNCTION | 0x04, 7, 0x3)
    await host.tick(80)
    assert dut.interrupt_o.value
    assert int(dut.interrupt_input_o.value) == 3


@cocotb.test()
async def a_message_with_bad_parity_is_reported_and_is_no_error_of_the_command(dut: SimHandleBase) -> None:
    host, _ = await begin(dut)
    await enable_messages(host, 3)
    corrupt_writes(host, 0, DOORBELL)
    await host.write(REGISTERS + store.COMMAND.offset, store.Operation.RAISE)
    await host.tick(60)
    assert await host.read(REGISTERS + store.ERROR.offset) == store.ERROR.MESSAGE_ADDRESS
    assert await host.read(REGISTERS + store.INTERRUPT_CAUSE.offset) == store.INTERRUPT_CAUSE.RAISED
