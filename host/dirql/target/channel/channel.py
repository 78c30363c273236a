# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""A channel: all that a new way to reach a machine has to implement. `CommandTarget` makes a Target of it.

A channel carries one command after another to the machine's command port and brings each answer back. An answer is one
integer with several fields. It is below 2**32 when the command ended well and nothing asks for attention, so one
comparison recognizes the common answer.
"""

from __future__ import annotations

from typing import Protocol

from dirql.registers.protocol import Answer, Attention
from dirql.target.contract import MemoryFile, TargetError

__all__ = [
    "DEADLINE_WANTED",
    "INPUT",
    "INTERRUPT_WANTED",
    "NEVER",
    "REMOVED_WANTED",
    "STATUS",
    "STRAY_WANTED",
    "WANTED",
    "Channel",
    "attention_of",
    "input_of",
    "pack_answer",
    "status_of",
    "value_of",
]

STATUS, _ATTENTION, INPUT = Answer.STATUS, Answer.ATTENTION, Answer.INPUT
_ATTENTION_BITS = Attention.INTERRUPT | Attention.DEADLINE | Attention.STRAY | Attention.REMOVED

WANTED = _ATTENTION_BITS << _ATTENTION
"""The bits of an answer of which one is set if something asks for attention."""
INTERRUPT_WANTED = Attention.INTERRUPT << _ATTENTION
"""The bit of an answer that is set if an interrupt is presented."""
DEADLINE_WANTED = Attention.DEADLINE << _ATTENTION
"""The bit of an answer that is set if the deadline is reached."""
STRAY_WANTED = Attention.STRAY << _ATTENTION
"""The bit of an answer that is set if a bus master has made a stray access."""
REMOVED_WANTED = Attention.REMOVED << _ATTENTION
"""The bit of an answer that is set if the machine was removed and nobody has taken note of it."""

NEVER = 2**64 - 1
"""A clock that no run reaches. It stands for "no deadline", and for "no limit" in a wait."""


class Channel(Protocol):
    """A machine at the far end of a stream of commands.

    `spent` is the number of clocks that pass before the command itself. Arguments have been checked already. Each
    command first carries out the marks that have been posted. An exception from a channel, such as `LinkLost`, reaches
    the caller of the target.
    """

    capacity: int
    """The most bytes that one `transfer` carries, a multiple of 4."""
    memory: memoryview
    """The host's RAM, as `Target.memory`. The channel answers the requests of bus masters for this RAM."""
    memory_file: MemoryFile | None
    """The file that holds the RAM, as `Target.memory_file`."""

    @property
    def clock(self) -> int:
        """Bus clocks since reset, at the end of the last command and of the marks posted since."""

    @property
    def quiet_until(self) -> int:
        """Up to this clock nothing but the deadline newly asks for attention, unless a command comes; 0 if not known.

        The kernel waits for 0 clocks at each call of a routine beyond that clock. A channel for which such a wait takes
        long, and whose machine runs by itself, says `NEVER`: interrupts are then seen at the next command.
        """

    @property
    def records_dropped(self) -> int:
        """Event records that were lost since reset, as of the last command."""

    def command(
        self, operation: int, spent: int, address: int, byte_enables: int, length: int, datum: int, /
    ) -> int:
        """Carry out one single command; the value of the answer is the dword that a read command read.

        `length` is 1. Only ARM_FAULT gives another number: that of the accesses that the fault hits.
        """

    def transfer(self, operation: int, spent: int, address: int, data: memoryview, repeats: bool, /) -> int:
        """Move `data`, which is not empty, from or to the machine in a burst; read operations fill `data`.

        With `repeats` the transfer is a string: the same single command once for each dword, until one command fails,
        or until an input or a deadline newly asks for attention. The value of the answer is then the number of dwords
        moved.
        """

    def wait(self, spent: int, limit: int, /) -> int:
        """Let clocks pass until something asks for attention or `limit` clocks have passed.

        A channel may return earlier, so that host code sees signals in a long wait; the caller then waits again.
        """

    def reset(self) -> int:
        """Reset the machine; posted marks and event records are dropped."""

    def post_mark(self, spent: int, payload: int, /) -> bool:
        """Keep a mark, and `spent` clocks before it, for the next command; return False if there is no room for it."""

    def set_deadline(self, clock: int, /) -> None:
        """Let answers ask for attention from `clock` on; `NEVER` removes the deadline."""

    def take_records(self) -> bytes | memoryview:
        """The event records since the last call, oldest first, 16 bytes per record as the timestamp unit makes them."""

    def failure(self, status: int, what: str, /) -> TargetError:
        """The exception for a status that is no `BusStatus`; `what` names the command, for the message."""

    def close(self) -> None:
        """Release the machine; a target calls this once."""


def pack_answer(value: int, status: int, attention: int = 0, number: int = 0) -> int:
    """Make an answer; with `Attention.INTERRUPT` in `attention`, `number` is the input that is presented."""
    return value | status << STATUS | attention << _ATTENTION | number << INPUT


def value_of(answer: int) -> int:
    """The datum that was read, or the number of dwords of a string that moved."""
    return answer & 0xFFFF_FFFF


def status_of(answer: int) -> int:
    """A `registers.protocol.BusStatus`, or a status that the channel's `failure` explains."""
    return answer >> STATUS & 0xFF


def attention_of(answer: int) -> int:
    """Bits of `registers.protocol.Attention`; 0 if nothing asks for attention."""
    return answer >> _ATTENTION & _ATTENTION_BITS


def input_of(answer: int) -> int:
    """The input that the interrupt controller presents."""
    return answer >> INPUT
