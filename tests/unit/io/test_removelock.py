# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Remove locks (IO_REMOVE_LOCK): users, tags, and the wait for the removal."""

from __future__ import annotations

import pytest

from dirql.ke.bugcheck import BugCheck
from dirql.machine import Machine
from dirql.wdm import (
    DISPATCH_LEVEL,
    IO_REMOVE_LOCK,
    STATUS_DELETE_PENDING,
    STATUS_SUCCESS,
    IoAcquireRemoveLock,
    IoInitializeRemoveLock,
    IoReleaseRemoveLock,
    IoReleaseRemoveLockAndWait,
    KeLowerIrql,
    KeRaiseIrql,
)


def make_lock() -> IO_REMOVE_LOCK:
    lock = IO_REMOVE_LOCK()
    IoInitializeRemoveLock(lock, "Test", 0, 0)
    return lock


def test_RML_01_counts_and_nests(machine: Machine) -> None:
    lock = make_lock()
    old_irql = KeRaiseIrql(DISPATCH_LEVEL)
    assert IoAcquireRemoveLock(lock, "a") == STATUS_SUCCESS
    assert IoAcquireRemoveLock(lock, "a") == STATUS_SUCCESS
    IoReleaseRemoveLock(lock, "a")
    IoReleaseRemoveLock(lock, "a")
    KeLowerIrql(old_irql)


def test_RML_02_refuses_once_removal_began(machine: Machine) -> None:
    lock = make_lock()
    IoAcquireRemoveLock(lock, "remove")
    IoReleaseRemoveLockAndWait(lock, "remove")
    for _ in range(2):
        assert IoAcquireRemoveLock(lock, "late") == STATUS_DELETE_PENDING


def test_RML_03_waits_for_the_others(machine: Machine) -> None:
    lock = make_lock()
    order: list[str] = []
    for tag in ("a", "b", "remove"):
        IoAcquireRemoveLock(lock, tag)

    def release() -> None:
        assert IoAcquireRemoveLock(lock, "late") == STATUS_DELETE_PENDING
        for tag in ("a", "b"):
            order.append(tag)
            IoReleaseRemoveLock(lock, tag)

    thread = machine.create_thread(release)
    IoReleaseRemoveLockAndWait(lock, "remove")
    order.append("removed")
    thread.join()
    assert order == ["a", "b", "removed"]


def test_a_release_must_match(machine: Machine) -> None:
    lock = make_lock()
    IoAcquireRemoveLock(lock, "a")
    with pytest.raises(BugCheck, match="it was 'b'") as stopped:
        IoReleaseRemoveLock(lock, "b")
    assert (stopped.value.code, stopped.value.parameters[0]) == (0xC4, 0xD5)


def test_a_release_of_nothing(machine: Machine) -> None:
    lock = make_lock()
    with pytest.raises(BugCheck) as stopped:
        IoReleaseRemoveLock(lock, "a")
    assert (stopped.value.code, stopped.value.parameters) == (0xC4, (0xD5, lock, "a", 0))


def test_a_removal_must_match(machine: Machine) -> None:
    lock = make_lock()
    IoAcquireRemoveLock(lock, "a")
    with pytest.raises(BugCheck) as stopped:
        IoReleaseRemoveLockAndWait(lock, "b")
    assert (stopped.value.code, stopped.value.parameters) == (0xC4, (0xD6, lock, "b", "a"))


def test_a_lock_is_initialized_once(machine: Machine) -> None:
    lock = make_lock()
    with pytest.raises(BugCheck) as stopped:
        IoInitializeRemoveLock(lock, "Lock", 0, 0)
    assert (stopped.value.code, stopped.value.parameters) == (0xC4, (0xD7, lock, lock, 0))


def test_without_the_verifier_a_wrong_tag_is_a_defect(machine: Machine) -> None:
    machine.kernel.verifier.verify(None, None)
    lock = make_lock()
    IoAcquireRemoveLock(lock, "a")
    IoReleaseRemoveLock(lock, "b")
    assert lock.common.io_count == 1
