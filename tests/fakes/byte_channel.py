# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""A channel through bytes: the smallest transport that carries the Target contract, for tests and as an example.

Each command becomes one frame of bytes; `FarSide` decodes it, has a scripted machine carry it out, and answers with
another frame. A serial link would put a wire, and a protocol that survives its errors, between the two.
"""

from __future__ import annotations

import enum
import struct
from collections.abc import Callable

from dirql.registers.protocol import Attention, Op
from dirql.target.channel.channel import NEVER, pack_answer
from dirql.target.channel.records import encode_record
from dirql.target.channel.target import CommandTarget
from dirql.target.contract import (
    BusError,
    BusFault,
    BusStatus,
    Capability,
    LinkLost,
    MemoryFile,
    Target,
    TargetError,
)
from fakes.scripted_target import ScriptedTarget

__all__ = ["CAPACITY", "BytesTarget"]

CAPACITY = 256
"""Bytes of data in a frame: small, so that tests cut bursts and strings."""
MARKS = 16
"""The most marks that one frame carries."""

# Kind of request, operation, address, byte enables, length, datum, spent, limit, deadline; then the number of marks.
COMMAND = struct.Struct("<BBIBIIQQQB")
MARK = struct.Struct("<QI")
# Answer, clock, records dropped, the number of event records; then the records, and the data that was read.
ANSWER = struct.Struct("<QQHI")


class What(enum.IntEnum):
    COMMAND = 0
    BURST = 1
    STRING = 2
    WAIT = 3
    RESET = 4


class ByteChannel:
    """Near side; see `dirql.target.channel.channel.Channel`. `send` carries a frame and brings the answer back."""

    capacity = CAPACITY

    def __init__(self, send: Callable[[bytes], bytes], memory: memoryview) -> None:
        self.memory = memory
        self.memory_file: MemoryFile | None = None
        self.clock = 0
        self.quiet_until = 0
        self.records_dropped = 0
        self._send = send
        self._deadline = NEVER
        self._marks: list[bytes] = []
        self._records = b""

    def _carry(
        self,
        what: What,
        spent: int,
        limit: int = 0,
        fields: tuple[int, int, int, int, int] = (0, 0, 0, 1, 0),
        data: bytes = b"",
    ) -> tuple[int, bytes]:
        marks, self._marks = self._marks, []
        head = COMMAND.pack(what, *fields, spent, limit, self._deadline, len(marks))
        frame = self._send(head + b"".join(marks) + data)
        answer, self.clock, self.records_dropped, count = ANSWER.unpack_from(frame)
        end = ANSWER.size + 16 * count
        self._records += frame[ANSWER.size : end]
        return answer, frame[end:]

    def command(
        self, operation: int, spent: int, address: int, byte_enables: int, length: int, datum: int, /
    ) -> int:
        return self._carry(What.COMMAND, spent, 0, (operation, address, byte_enables, length, datum))[0]

    def transfer(self, operation: int, spent: int, address: int, data: memoryview, repeats: bool, /) -> int:
        assert 0 < data.nbytes <= CAPACITY, "a target must cut transfers to the channel's capacity"
        reads = operation in (Op.MEM_READ, Op.IO_READ)
        fields = (operation, address, 0xF, data.nbytes // 4, 0)
        sent = b"" if reads else bytes(data)
        answer, read = self._carry(What.STRING if repeats else What.BURST, spent, 0, fields, sent)
        if reads:
            data[: len(read)] = read
        return answer

    def wait(self, spent: int, limit: int, /) -> int:
        return self._carry(What.WAIT, spent, limit)[0]

    def reset(self) -> int:
        self._marks.clear()
        self._records = b""
        return self._carry(What.RESET, 0)[0]

    def post_mark(self, spent: int, payload: int, /) -> bool:
        if len(self._marks) == MARKS:
            return False
        self._marks.append(MARK.pack(spent, payload))
        self.clock += spent + 1
        return True

    def set_deadline(self, clock: int, /) -> None:
        self._deadline = clock

    def take_records(self) -> bytes:
        records, self._records = self._records, b""
        return records

    def failure(self, status: int, what: str, /) -> TargetError:
        return LinkLost(f"{what}: the far side answered with status {status}")

    def close(self) -> None:
        self._send(b"")


class FarSide:
    """The far end of the channel: decodes frames and lets a target carry out the commands."""

    def __init__(self, target: Target) -> None:
        self._target = target

    def answer(self, frame: bytes) -> bytes:
        target = self._target
        if not frame:
            target.close()
            return b""
        what, *fields, spent, limit, deadline, marks = COMMAND.unpack_from(frame)
        data = COMMAND.size + MARK.size * marks
        if what == What.RESET:
            target.reset()
        target.set_deadline(None if deadline == NEVER else deadline)
        for before, payload in MARK.iter_unpack(frame[COMMAND.size : data]):
            target.spend(before)
            target.mark(payload)
        target.spend(spent)
        value, status, read = self._carry_out(what, fields, limit, frame[data:])
        number = target.interrupt_request()
        attention = Attention.INTERRUPT if number is not None else 0
        attention |= Attention.DEADLINE if target.now() >= deadline else 0
        records = target.take_event_records()
        head = ANSWER.pack(
            pack_answer(value, status, attention, number or 0),
            target.now(),
            target.event_records_dropped(),
            len(records),
        )
        return head + b"".join(map(encode_record, records)) + read

    def _carry_out(self, what: int, fields: list[int], limit: int, data: bytes) -> tuple[int, int, bytes]:
        """Carry out one request; returns the value, the status and the data that was read."""
        operation, address, byte_enables, length, datum = fields
        if what == What.WAIT:
            self._target.wait(None if limit == NEVER else limit)
        if what in (What.WAIT, What.RESET):
            return 0, BusStatus.OK, b""
        try:
            if what == What.COMMAND:
                return self._command(operation, address, byte_enables, length, datum), BusStatus.OK, b""
            return self._transfer(operation, address, bytearray(data or bytes(4 * length)))
        except BusError as error:
            return error.completed, error.status, b""

    def _command(self, operation: int, address: int, byte_enables: int, length: int, datum: int) -> int:
        target = self._target
        reads = {
            Op.MEM_READ: target.read_memory,
            Op.IO_READ: target.read_io,
            Op.CFG_READ: target.read_configuration,
        }
        writes = {
            Op.MEM_WRITE: target.write_memory,
            Op.IO_WRITE: target.write_io,
            Op.CFG_WRITE: target.write_configuration,
        }
        if operation in reads:
            return reads[Op(operation)](address, byte_enables)
        if operation == Op.INT_ACK:
            return target.interrupt_acknowledge()
        if operation in writes:
            writes[Op(operation)](address, datum, byte_enables)
        elif operation == Op.ARM_FAULT:
            target.inject_bus_fault(BusFault(address, BusStatus(datum), length))
        else:
            target.hold_interrupt(datum)
        return 0

    def _transfer(self, operation: int, address: int, data: bytearray) -> tuple[int, int, bytes]:
        target, view = self._target, memoryview(data)
        if operation == Op.MEM_READ:
            target.read_memory_burst(address, view)
        elif operation == Op.MEM_WRITE:
            target.write_memory_burst(address, view)
        elif operation == Op.IO_READ:
            moved = target.read_io_string(address, view)
            return moved, BusStatus.OK, bytes(data[: 4 * moved])
        else:
            return target.write_io_string(address, view), BusStatus.OK, b""
        return 0, BusStatus.OK, bytes(data) if operation == Op.MEM_READ else b""


class BytesTarget(CommandTarget):
    """A scripted machine behind a channel through bytes."""

    name = "bytes"
    abilities = ScriptedTarget.capabilities - {Capability.CONFINEMENT}

    def __init__(self, script: ScriptedTarget) -> None:
        super().__init__(ByteChannel(FarSide(script).answer, script.memory), script.description)
