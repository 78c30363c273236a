# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Host marks: 32 bits that the kernel writes into the stream of event records, so that both share one clock.

A mark is a code and an argument. The argument is a small number, the same in each run with the same seed: the serial
number of an interrupt object, a DPC object or an IRP, in the order in which the recorder met them, or the number of a
processor.
"""

from __future__ import annotations

import enum
from typing import NamedTuple

__all__ = ["ARGUMENT", "CODE", "BitField", "Mark", "decode", "encode"]


class BitField(NamedTuple):
    """A field of `width` bits in a word; `low` is the number of the lowest bit."""

    low: int
    width: int

    def put(self, value: int) -> int:
        """`value` modulo 2^width, moved to its place."""
        return value % (1 << self.width) << self.low

    def get(self, word: int) -> int:
        """The field's value in `word`."""
        return (word >> self.low) % (1 << self.width)


ARGUMENT = BitField(low=0, width=24)
CODE = BitField(low=ARGUMENT.low + ARGUMENT.width, width=8)
# With the methods of the fields instead of these, `decode` takes 0.58 instead of 0.16 µs (timeit).
_CODE_LOW, _CODE_MASK, _ARGUMENT_MASK = CODE.low, (1 << CODE.width) - 1, (1 << ARGUMENT.width) - 1


class Mark(enum.IntEnum):
    """The meaning of a mark; each sentence says how the argument is to be read."""

    PROCESSOR = 1
    """The marks that follow were made by processor *argument*; those before the first one by processor 0."""
    ISR_ENTER = 2
    """The service routine of interrupt object *argument* is called."""
    ISR_EXIT_CLAIMED = 3
    """The service routine of interrupt object *argument* returned TRUE."""
    ISR_EXIT_UNCLAIMED = 4
    """The service routine of interrupt object *argument* returned FALSE: another device interrupted."""
    DPC_QUEUE = 5
    """DPC object *argument* entered a processor's queue."""
    DPC_START = 6
    """The routine of DPC object *argument* is called."""
    DPC_END = 7
    """The routine of DPC object *argument* returned."""
    IRP_START = 8
    """The I/O manager sends IRP *argument* (its serial modulo 2^24) to a driver for the first time."""
    IRP_COMPLETE = 9
    """IoCompleteRequest is called on IRP *argument*; the last such mark of an IRP is its completion."""
    IRP_DELIVERED = 11
    """The result of IRP *argument* is with its owner: the data is copied, and the event is about to be set. A driver's
    own IRP, which nobody waits for through the I/O manager, is delivered when it is completed."""
    DPC_REMOVED = 12
    """DPC object *argument* was taken out of its queue and does not run."""
    BOUNDARY = 10
    """A recording begins or ends here: all earlier records have left the hardware when this mark has."""


def encode(mark: Mark, argument: int) -> int:
    """The 32-bit payload; `argument` is taken modulo 2^24."""
    return CODE.put(mark) | ARGUMENT.put(argument)


def decode(payload: int) -> tuple[int, int]:
    """Code and argument of a payload; the code need not be a `Mark`, for drivers may write marks of their own."""
    return payload >> _CODE_LOW & _CODE_MASK, payload & _ARGUMENT_MASK
