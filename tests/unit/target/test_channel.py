# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Packed answers and event records. tests/machine/test_target_contract.py shows the rest of a channel."""

from __future__ import annotations

import pytest

from dirql.registers import interrupt_controller
from dirql.registers.protocol import Attention, BusStatus, EventField, Failure
from dirql.target.channel.channel import attention_of, input_of, pack_answer, status_of, value_of
from dirql.target.channel.records import decode_records, encode_record
from dirql.target.contract import EventRecord, LinkLost
from fakes.byte_channel import CAPACITY, BytesTarget
from fakes.scripted_target import ACCESS_CLOCKS, Ram, ScriptedTarget, Space


@pytest.mark.parametrize("status", [0, 1, Failure.STOPPED, 255])
@pytest.mark.parametrize("attention", range(4))
def test_an_answer_keeps_its_fields(status: int, attention: int) -> None:
    answer = pack_answer(0x89AB_CDEF, status, attention, 15)
    assert value_of(answer) == 0x89AB_CDEF
    assert status_of(answer) == status
    assert attention_of(answer) == attention
    assert input_of(answer) == 15


def test_a_good_answer_without_attention_is_below_2_to_the_32() -> None:
    assert pack_answer(0xFFFF_FFFF, BusStatus.OK) < 1 << 32 <= pack_answer(0, BusStatus.MASTER_ABORT)
    assert pack_answer(0, BusStatus.OK, Attention.INTERRUPT) >= 1 << 32


def test_statuses_of_the_bus_come_before_those_of_a_channel() -> None:
    assert max(BusStatus) < min(Failure)


def test_event_records_have_the_layout_of_the_hardware() -> None:
    record = EventRecord(
        clock=1 << 47 | 5, bits=0x8001, function=0xA1, vector=0xB2, mark=0x8000_00C3, causes=0xD00D
    )
    fields = {
        EventField.CLOCK: record.clock,
        EventField.MARK: record.mark,
        EventField.VECTOR: record.vector,
        EventField.FUNCTION: record.function,
        EventField.BITS: record.bits,
        EventField.CAUSES: record.causes,
    }
    packed = sum(value << low for low, value in fields.items()).to_bytes(16, "little")
    assert encode_record(record) == packed
    assert decode_records(packed * 2) == [record, record]


def test_a_status_that_is_not_the_buss_is_explained_by_the_channel(monkeypatch: pytest.MonkeyPatch) -> None:
    script = ScriptedTarget()
    target = BytesTarget(script)
    monkeypatch.setattr(target, "_send", lambda *_: pack_answer(0, Failure.UNANSWERED))
    with pytest.raises(LinkLost, match="memory read at 0x00001000: the far side answered with status 16"):
        target.read_memory(0x1000)


def test_a_deadline_after_an_interrupt_that_has_gone_is_no_interrupt() -> None:
    script = ScriptedTarget()
    target = BytesTarget(script)
    script.interrupts.write(interrupt_controller.ENABLE.offset, 0xFFFF, 0xF)
    script.interrupts.request(3)
    target.wait(1)
    assert target.interrupt_request() == 3
    target.interrupt_acknowledge()
    target.set_deadline(0)
    assert target.attention
    assert target.interrupt_request() is None


@pytest.mark.parametrize("before_the_end", [1, 9])
def test_a_string_of_several_transfers_stops_where_attention_rose(before_the_end: int) -> None:
    script = ScriptedTarget()
    target = BytesTarget(script)
    script.map(Space.IO, 0x1000, 4, Ram(4))
    script.interrupts.write(interrupt_controller.ENABLE.offset, 0xFFFF, 0xF)
    dwords = CAPACITY // 4
    script.at(dwords * ACCESS_CLOCKS - before_the_end, lambda: script.interrupts.request(3))
    moved = target.read_io_string(0x1000, memoryview(bytearray(3 * CAPACITY)))
    assert moved == dwords - before_the_end // ACCESS_CLOCKS
    assert target.interrupt_request() == 3
    assert target.read_io_string(0x1000, memoryview(bytearray(3 * CAPACITY))) == 3 * dwords
