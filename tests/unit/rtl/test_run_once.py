# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Initialization that happens once."""

from __future__ import annotations

import pytest

from dirql.ke.threads.system_thread import create_thread
from dirql.wdm import (
    RTL_RUN_ONCE_ASYNC,
    RTL_RUN_ONCE_CHECK_ONLY,
    RTL_RUN_ONCE_INIT_FAILED,
    STATUS_INVALID_PARAMETER,
    STATUS_PENDING,
    STATUS_SUCCESS,
    STATUS_UNSUCCESSFUL,
    Executive,
    KeDelayExecutionThread,
    KernelMode,
    KeWaitForSingleObject,
    RtlRunOnceBeginInitialize,
    RtlRunOnceComplete,
    RtlRunOnceExecuteOnce,
    RtlRunOnceInitialize,
    RtlStoreUlonglong,
)
from unit.rtl.conftest import Memory

CONTEXT = 0x1234_5678_0000


@pytest.fixture
def once(memory: Memory) -> int:
    """The address of a fresh RTL_RUN_ONCE."""
    address = memory.block(b"\xff" * 8)
    RtlRunOnceInitialize(address)
    return address


def test_the_routine_runs_once_and_all_callers_get_what_it_made(once: int) -> None:
    calls: list[tuple[int, object]] = []

    def init(run_once: int, parameter: object, context: int) -> bool:
        calls.append((run_once, parameter))
        RtlStoreUlonglong(context, CONTEXT)
        return True

    assert RtlRunOnceExecuteOnce(once, init, "given") == (STATUS_SUCCESS, CONTEXT)
    assert RtlRunOnceExecuteOnce(once, init, "other") == (STATUS_SUCCESS, CONTEXT)
    assert calls == [(once, "given")]
    assert RtlRunOnceBeginInitialize(once, RTL_RUN_ONCE_CHECK_ONLY) == (STATUS_SUCCESS, CONTEXT)


def test_a_routine_that_fails_is_called_again(once: int) -> None:
    answers = [False, True]
    assert RtlRunOnceExecuteOnce(once, lambda *_: answers.pop(0), None) == (STATUS_UNSUCCESSFUL, None)
    assert RtlRunOnceBeginInitialize(once, RTL_RUN_ONCE_CHECK_ONLY) == (STATUS_UNSUCCESSFUL, None)
    assert RtlRunOnceExecuteOnce(once, lambda *_: answers.pop(0), None) == (STATUS_SUCCESS, None)
    assert not answers


def test_a_second_thread_waits_for_the_first(once: int) -> None:
    seen: list[tuple[int, int | None]] = []
    assert RtlRunOnceBeginInitialize(once, 0) == (STATUS_PENDING, None)
    thread = create_thread(lambda _: seen.append(RtlRunOnceBeginInitialize(once, 0)), None)
    KeDelayExecutionThread(KernelMode, False, -10_000)
    assert seen == []
    assert RtlRunOnceComplete(once, 0, CONTEXT) == STATUS_SUCCESS
    KeWaitForSingleObject(thread, Executive, KernelMode, False, None)
    assert seen == [(STATUS_SUCCESS, CONTEXT)]


def test_asynchronous_callers_all_initialize_and_the_first_to_end_wins(once: int) -> None:
    assert RtlRunOnceBeginInitialize(once, RTL_RUN_ONCE_ASYNC) == (STATUS_PENDING, None)
    assert RtlRunOnceBeginInitialize(once, RTL_RUN_ONCE_ASYNC) == (STATUS_PENDING, None)
    assert RtlRunOnceBeginInitialize(once, 0) == (STATUS_INVALID_PARAMETER, None)
    assert RtlRunOnceComplete(once, 0, CONTEXT) == STATUS_INVALID_PARAMETER
    assert RtlRunOnceComplete(once, RTL_RUN_ONCE_ASYNC, CONTEXT) == STATUS_SUCCESS
    assert RtlRunOnceComplete(once, RTL_RUN_ONCE_ASYNC, CONTEXT + 4) == STATUS_UNSUCCESSFUL
    assert RtlRunOnceBeginInitialize(once, 0) == (STATUS_SUCCESS, CONTEXT)


def test_wrong_flags_and_contexts_change_nothing(once: int) -> None:
    both = RTL_RUN_ONCE_CHECK_ONLY | RTL_RUN_ONCE_ASYNC
    assert RtlRunOnceBeginInitialize(once, both) == (STATUS_INVALID_PARAMETER, None)
    assert RtlRunOnceBeginInitialize(once, 8) == (STATUS_INVALID_PARAMETER, None)
    assert RtlRunOnceComplete(once, 0, None) == STATUS_UNSUCCESSFUL
    assert RtlRunOnceBeginInitialize(once, 0) == (STATUS_PENDING, None)
    failed = RTL_RUN_ONCE_INIT_FAILED
    wrong = [
        (0, CONTEXT | 1),
        (failed, CONTEXT),
        (failed | RTL_RUN_ONCE_ASYNC, None),
        (RTL_RUN_ONCE_ASYNC, None),
    ]
    assert [RtlRunOnceComplete(once, *each) for each in wrong] == [STATUS_INVALID_PARAMETER] * 4
    assert RtlRunOnceComplete(once, failed, None) == STATUS_SUCCESS
    assert RtlRunOnceBeginInitialize(once, 0) == (STATUS_PENDING, None)
