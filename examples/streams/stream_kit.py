# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Messages and queues of STREAMS, under the names that they have in Unix System V; in C this is stream.h.

A stream is a row of modules between its head and a driver. Each has a pair of queues, one for messages on their way
down (write) and one for those on their way up (read). All routines here are called by the code of modules, inside the
perimeter of the framework, at PASSIVE_LEVEL: one thread at a time.
"""

from __future__ import annotations

import enum
import struct
from collections.abc import Callable
from typing import NamedTuple

from dirql import wdm

__all__ = [
    "PROTO",
    "STREAM_TAG",
    "M",
    "MakeTask",
    "Primitive",
    "Proto",
    "Registration",
    "allocb",
    "canputnext",
    "flushq",
    "freemsg",
    "getq",
    "joinq",
    "mblk_t",
    "msgdsize",
    "putbq",
    "putnext",
    "putq",
    "qenable",
    "qreply",
    "queue_t",
    "streamtab",
]

STREAM_TAG = wdm.POOL_TAG("Strm")


class M(enum.Enum):
    """The types of messages."""

    DATA = enum.auto()
    PROTO = enum.auto()
    """A `Proto`, followed by a block of type DATA if it has data."""
    IOCTL = enum.auto()
    """A command for whichever module understands it; built like PROTO."""
    IOCACK = enum.auto()
    IOCNAK = enum.auto()
    FLUSH = enum.auto()
    """Throw away what waits in the queues for writing."""


class Primitive(enum.IntEnum):
    """The meaning of a message of type PROTO."""

    READ = 0
    WRITE = 1
    DONE = 2
    """The answer to the others; `status` and `length` tell the result, the data of a READ follows."""


class Proto(NamedTuple):
    """The contents of a block of type PROTO, IOCTL, IOCACK or IOCNAK."""

    tag: int
    """The number of the request, which its answer has too."""
    primitive: int
    """A `Primitive`; the command in an IOCTL."""
    offset: int
    length: int
    status: int


PROTO = struct.Struct("<IIQII")


class mblk_t:
    """A block of a message: bytes in nonpaged pool, and the block that follows."""

    def __init__(self, type: M, address: int, length: int) -> None:
        self.type = type
        self.address = address
        self.length = length
        self.cont: mblk_t | None = None

    @property
    def data(self) -> bytes:
        """The bytes of this block."""
        return wdm.RtlReadMemory(self.address, self.length)

    @property
    def proto(self) -> Proto:
        """The contents of a block that has a `Proto`."""
        return Proto(*PROTO.unpack(self.data))

    def set_proto(self, proto: Proto) -> None:
        """Change the contents of such a block."""
        wdm.RtlWriteMemory(self.address, PROTO.pack(*proto))


def allocb(type: M, contents: bytes | Proto | int) -> mblk_t | None:
    """A block with these contents, or with room for that number of bytes; None when memory is short."""
    data = PROTO.pack(*contents) if isinstance(contents, Proto) else contents
    length = data if isinstance(data, int) else len(data)
    address = wdm.ExAllocatePool2(wdm.POOL_FLAG_NON_PAGED, max(length, 1), STREAM_TAG)
    if address is None:
        return None
    if isinstance(data, bytes):
        wdm.RtlWriteMemory(address, data)
    return mblk_t(type, address, length)


def freemsg(message: mblk_t | None) -> None:
    """Free all blocks of a message. Whoever has a message passes it on, queues it or frees it."""
    while message is not None:
        wdm.ExFreePoolWithTag(message.address, STREAM_TAG)
        message = message.cont


def msgdsize(message: mblk_t | None) -> int:
    """The bytes of all blocks."""
    size = 0
    while message is not None:
        size += message.length
        message = message.cont
    return size


class queue_t:
    """One of the two queues of a module in a stream; `other` is its partner, `next` the one to which messages go."""

    def __init__(self, tab: streamtab, run: list[queue_t], is_write: bool) -> None:
        self.tab = tab
        self.run = run
        """The queues whose service procedures are due, in order; one list for all streams."""
        self.is_write = is_write
        self.other: queue_t = self
        self.next: queue_t | None = None
        self.ptr: object = None
        """The module's own data, the same for both queues of a pair."""
        self.messages: list[mblk_t] = []
        self.count = 0  # bytes
        self.is_full = False
        self.is_wanted = False
        self.is_enabled = False

    @property
    def put(self) -> Callable[[queue_t, mblk_t], None]:
        """The put procedure: what happens to a message that arrives."""
        return self.tab.wput if self.is_write else self.tab.rput

    @property
    def service(self) -> Callable[[queue_t], None] | None:
        """The service procedure: what happens to messages in the queue, later. None: the module queues nothing."""
        return self.tab.wsrv if self.is_write else self.tab.rsrv


def _open(write_queue: queue_t, unit: int) -> int:
    """Open a module that has nothing to do for that."""
    return wdm.STATUS_SUCCESS


def _close(write_queue: queue_t) -> None:
    pass


class streamtab(NamedTuple):
    """A module or a driver, as it is registered with the framework."""

    name: str
    wput: Callable[[queue_t, mblk_t], None]
    rput: Callable[[queue_t, mblk_t], None]
    open: Callable[[queue_t, int], int] = _open
    """Called with the queue for writing and the number of the unit; returns an NTSTATUS."""
    close: Callable[[queue_t], None] = _close
    wsrv: Callable[[queue_t], None] | None = None
    rsrv: Callable[[queue_t], None] | None = None
    high_water: int = 4096
    """The bytes at which a queue is full."""
    low_water: int = 1024
    """The bytes below which it is no longer full."""
    is_driver: bool = False
    """Whether it is the lower end of a stream; else it is pushed above one."""
    lower: streamtab | None = None
    """The side of a multiplexer that looks to the streams linked below it."""


MakeTask = Callable[[Callable[[], None]], Callable[[], None]]
"""The framework's service for drivers: it takes a routine and gives another one, which is called at
IRQL <= DISPATCH_LEVEL and has the first one run inside the perimeter."""


class Registration:
    """Parameters.Others.Argument1 of the request by which a driver registers a module, or takes it back."""

    def __init__(self, tab: streamtab, is_new: bool) -> None:
        self.tab = tab
        self.is_new = is_new
        self.make_task: MakeTask
        """The answer of the framework."""


def joinq(upper: queue_t, lower: queue_t) -> None:
    """Let messages go between two pairs; both arguments are the queues for writing."""
    upper.next, lower.other.next = lower, upper.other


def putnext(queue: queue_t, message: mblk_t) -> None:
    """Hand a message to the next module."""
    assert queue.next is not None
    queue.next.put(queue.next, message)


def qreply(queue: queue_t, message: mblk_t) -> None:
    """Send a message back in the direction from which it came."""
    putnext(queue.other, message)


def putq(queue: queue_t, message: mblk_t) -> None:
    """Put a message at the end of the module's own queue, and let its service procedure run."""
    queue.messages.append(message)
    _grow(queue, message)
    qenable(queue)


def putbq(queue: queue_t, message: mblk_t) -> None:
    """Put a message back at the beginning; the service procedure runs when the next queue has room again."""
    queue.messages.insert(0, message)
    _grow(queue, message)


def _grow(queue: queue_t, message: mblk_t) -> None:
    queue.count += msgdsize(message)
    queue.is_full |= queue.count >= queue.tab.high_water


def getq(queue: queue_t) -> mblk_t | None:
    """Take the first message; None if there is none. Whoever has waited for room is told when there is enough."""
    if not queue.messages:
        return None
    message = queue.messages.pop(0)
    queue.count -= msgdsize(message)
    if queue.is_full and queue.count < queue.tab.low_water:
        queue.is_full = False
        if queue.is_wanted:
            queue.is_wanted = False
            _enable_before(queue)
    return message


def _enable_before(queue: queue_t) -> None:
    """Enable the nearest queue before this one that has a service procedure."""
    before = queue.other.next
    while before is not None:
        if before.other.service is not None:
            qenable(before.other)
            return
        before = before.next


def canputnext(queue: queue_t) -> bool:
    """Whether the next queue that queues messages has room. If not, the caller's service procedure runs once it has."""
    after = queue.next
    while after is not None and after.service is None:
        after = after.next
    if after is None or not after.is_full:
        return True
    after.is_wanted = True
    return False


def flushq(queue: queue_t) -> None:
    """Free all messages in the module's own queue."""
    while (message := getq(queue)) is not None:
        freemsg(message)


def qenable(queue: queue_t) -> None:
    """Let the service procedure run, after all that is under way now."""
    if not queue.is_enabled:
        queue.is_enabled = True
        queue.run.append(queue)
