# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Makes kernel objects, each in one line."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from dirql.ke.bugcheck import BugCheck
from dirql.ke.objects.event import Event
from dirql.ke.objects.mutex import Mutex
from dirql.ke.objects.timer import Timer
from dirql.ke.processors.dpc import Dpc
from dirql.ke.processors.interrupt import Interrupt
from dirql.ke.processors.irql import lower_irql, raise_irql
from dirql.ke.processors.spin_lock import SpinLock
from dirql.ke.threads.system_thread import create_thread
from dirql.ke.threads.thread import Thread
from dirql.nt.constants import Latched, LevelSensitive, NotificationEvent, SynchronizationEvent
from fakes.clock_and_controller import vector_of


def notification(state: bool = False) -> Event:
    event = Event()
    event.initialize(NotificationEvent, state)
    return event


def synchronization(state: bool = False) -> Event:
    event = Event()
    event.initialize(SynchronizationEvent, state)
    return event


def a_timer() -> Timer:
    made = Timer()
    made.initialize()
    return made


def a_mutex() -> Mutex:
    made = Mutex()
    made.initialize()
    return made


def dpc(routine: Callable[[], object]) -> Dpc:
    """A DPC whose routine needs none of its arguments."""
    made = Dpc()
    made.initialize(lambda *_: routine(), None)
    return made


def thread(routine: Callable[[], object], priority: int = 8) -> Thread:
    return create_thread(lambda _: routine(), None, priority)


def connect(
    line: int,
    routine: Callable[[], object],
    lock: SpinLock | None = None,
    synchronize_irql: int = 0,
    latched: bool = False,
    share: bool = True,
    mask: int = ~0,
) -> Interrupt:
    """Connect an ISR that needs none of its arguments to an input of the controller."""
    status, interrupt = try_to_connect(line, routine, lock, synchronize_irql, latched, share, mask)
    assert interrupt is not None, hex(status)
    return interrupt


def try_to_connect(
    line: int,
    routine: Callable[[], object],
    lock: SpinLock | None = None,
    synchronize_irql: int = 0,
    latched: bool = False,
    share: bool = True,
    mask: int = ~0,
) -> tuple[int, Interrupt | None]:
    vector = vector_of(line)
    irql = vector >> 4
    mode = Latched if latched else LevelSensitive
    return Interrupt.connect(
        lambda *_: bool(routine()),
        None,
        lock,
        vector,
        irql,
        synchronize_irql or irql,
        mode,
        share,
        mask,
        False,
    )


@contextmanager
def at(irql: int) -> Iterator[None]:
    """Run the block at another IRQL, and lower the IRQL unless the block raises."""
    old_irql = raise_irql(irql)
    yield
    lower_irql(old_irql)


@contextmanager
def bug_check(
    code: int, *parameters: object, match: str | None = None
) -> Iterator[pytest.ExceptionInfo[BugCheck]]:
    """Expect a bug check with this code and these first parameters."""
    with pytest.raises(BugCheck, match=match) as caught:
        yield caught
    assert caught.value.code == code
    assert caught.value.parameters[: len(parameters)] == parameters
