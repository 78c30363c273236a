# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The hang report: threads and the objects that they wait for, DPCs, timers, and the parts that witnesses write."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from dirql.ke.current import current
from dirql.ke.origin import Origin, origin, origin_from
from dirql.ke.processors.irql import irql_name
from dirql.ke.processors.processor import Processor
from dirql.ke.threads.switching import frame_of
from dirql.ke.threads.thread import WAITING, Thread
from dirql.ke.watch.witness import Section, Witness
from dirql.nt.constants import CLOCK_LEVEL

__all__ = ["place_of_processor", "report", "waiting_driver"]

_LONGEST: Final = 20
"""The lines of each part; more are counted."""


def report(witnesses: Sequence[Witness]) -> str:
    """The report as lines of text, each with a line break before it; "" if there is nothing to tell."""
    lines: list[str] = []
    for title, entries in _sections(witnesses):
        if entries:
            lines.append(f"\n  {title}:")
            lines += [f"\n    {entry}" for entry in entries[:_LONGEST]]
            if len(entries) > _LONGEST:
                lines.append(f"\n    and {len(entries) - _LONGEST} more")
    return "".join(lines)


def waiting_driver(witnesses: Sequence[Witness]) -> str:
    """A clause on the first thread in which a driver waits, and for what; "" if there is none."""
    for thread in current.kernel.threads:
        if thread.driver is not None and thread.state is WAITING and thread.wait_block_list:
            thing = thread.wait_block_list[0].object
            name = _name(thing, witnesses)
            place = _place_of(thread)
            where = "" if place is None else f" in {place}"
            what = f"{thing!r}, which is {name}" if name else repr(thing)
            return f"{thread.driver!r} waits{where} for {what}, and nothing is left that would end the wait"
    return ""


def place_of_processor(processor: Processor) -> Origin | None:
    """The place in a driver or a program at which a processor is."""
    return origin() if processor is current.processor else _place_of(processor.current_thread)


def _sections(witnesses: Sequence[Witness]) -> Iterator[Section]:
    for witness in witnesses:
        yield from witness.sections()
    kernel = current.kernel
    yield "threads", [_describe(thread, witnesses) for thread in kernel.threads]
    yield "processors", [_processor(processor) for processor in kernel.processors]
    yield "DPCs queued", [repr(dpc) for processor in kernel.processors for dpc in processor.dpcs.waiting]
    yield "timers set", [repr(entry) for entry in kernel.timers.entries()]


def _processor(processor: Processor) -> str:
    running = processor.dpcs.running
    parts = [f"{processor!r} at {irql_name(_irql_of(processor))}"]
    parts += [f"in the ISR of {isr!r}" for isr in processor.isrs]
    if running is not None:
        parts.append(f"in {running!r}")
    lock = processor.lock
    if lock is not None:
        parts.append(f"with {lock!r} held")
    return ", ".join(parts)


def _irql_of(processor: Processor) -> int:
    """The IRQL of a processor, which the clock interrupt does not count as a change of."""
    return current.kernel.timers.interrupted_irql if processor.irql == CLOCK_LEVEL else processor.irql


def _describe(thread: Thread, witnesses: Sequence[Witness]) -> str:
    owner = "a program" if thread.driver is None else repr(thread.driver)
    place = _place_of(thread)
    where = "" if place is None else f", in {place}"
    held = thread.mutexes + thread.held
    if held:
        where += f", owns {' and '.join(map(repr, held))}"
    if thread.state is not WAITING:
        return f"{thread!r} of {owner}{where}"
    names = [_name(block.object, witnesses) for block in thread.wait_block_list]
    known = "".join(f", which is {name}" for name in names if name)
    return f"{thread!r}{known}, of {owner}{where}"


def _name(thing: object, witnesses: Sequence[Witness]) -> str:
    for witness in witnesses:
        name = witness.name_of(thing)
        if name:
            return name
    return ""


def _place_of(thread: Thread) -> Origin | None:
    """The place in a driver or a program at which a thread waits, or was interrupted."""
    frame = frame_of(thread)
    return origin() if frame is None else origin_from(frame)
