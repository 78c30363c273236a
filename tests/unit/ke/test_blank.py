# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Objects that are used before they were initialized."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from dirql.ke.kernel import Kernel
from dirql.ke.processors.irql import raise_irql
from dirql.nt.constants import DISPATCH_LEVEL
from dirql.wdm import (
    IO_CSQ,
    IO_REMOVE_LOCK,
    KDEVICE_QUEUE,
    KDEVICE_QUEUE_ENTRY,
    KEVENT,
    KMUTEX,
    KSEMAPHORE,
    KTIMER,
    Executive,
    IoAcquireRemoveLock,
    IoCsqRemoveNextIrp,
    IoReleaseRemoveLock,
    IoReleaseRemoveLockAndWait,
    KeCancelTimer,
    KeClearEvent,
    KeInsertByKeyDeviceQueue,
    KeInsertDeviceQueue,
    KePulseEvent,
    KeReadStateEvent,
    KeReadStateMutex,
    KeReadStateSemaphore,
    KeReadStateTimer,
    KeReleaseMutex,
    KeReleaseSemaphore,
    KeRemoveByKeyDeviceQueue,
    KeRemoveDeviceQueue,
    KeRemoveEntryDeviceQueue,
    KeResetEvent,
    KernelMode,
    KeSetEvent,
    KeSetTimer,
    KeSetTimerEx,
    KeWaitForMultipleObjects,
    KeWaitForSingleObject,
    WaitAny,
)
from unit.ke.making import bug_check, notification

USES: dict[str, tuple[Callable[[], object], str]] = {
    "set": (lambda: KeSetEvent(KEVENT(), 0, False), "KeSetEvent.*KeInitializeEvent"),
    "pulse": (lambda: KePulseEvent(KEVENT(), 0, False), "KePulseEvent.*KeInitializeEvent"),
    "reset": (lambda: KeResetEvent(KEVENT()), "KeResetEvent.*KeInitializeEvent"),
    "clear": (lambda: KeClearEvent(KEVENT()), "KeClearEvent.*KeInitializeEvent"),
    "read event": (lambda: KeReadStateEvent(KEVENT()), "KeReadStateEvent.*KeInitializeEvent"),
    "release mutex": (lambda: KeReleaseMutex(KMUTEX(), False), "KeReleaseMutex.*KeInitializeMutex"),
    "read mutex": (lambda: KeReadStateMutex(KMUTEX()), "KeReadStateMutex.*KeInitializeMutex"),
    "release semaphore": (
        lambda: KeReleaseSemaphore(KSEMAPHORE(), 0, 1, False),
        "KeReleaseSemaphore.*KeInitializeSemaphore",
    ),
    "read semaphore": (lambda: KeReadStateSemaphore(KSEMAPHORE()), "KeInitializeSemaphore"),
    "set timer": (lambda: KeSetTimer(KTIMER(), -10, None), "KeSetTimer.*KeInitializeTimer"),
    "set timer ex": (lambda: KeSetTimerEx(KTIMER(), -10, 1, None), "KeSetTimer.*KeInitializeTimer"),
    "cancel timer": (lambda: KeCancelTimer(KTIMER()), "KeCancelTimer.*KeInitializeTimer"),
    "read timer": (lambda: KeReadStateTimer(KTIMER()), "KeReadStateTimer.*KeInitializeTimer"),
    "acquire lock": (
        lambda: IoAcquireRemoveLock(IO_REMOVE_LOCK(), 1),
        "IoAcquireRemoveLock.*IoInitializeRemoveLock",
    ),
    "release lock": (
        lambda: IoReleaseRemoveLock(IO_REMOVE_LOCK(), 1),
        "IoReleaseRemoveLock.*IoInitializeRemoveLock",
    ),
    "remove from a cancel-safe queue": (
        lambda: IoCsqRemoveNextIrp(IO_CSQ(), None),
        "IoCsqRemoveNextIrp.*IoCsqInitialize",
    ),
    "end lock": (
        lambda: IoReleaseRemoveLockAndWait(IO_REMOVE_LOCK(), 1),
        "IoReleaseRemoveLockAndWait.*IoInitializeRemoveLock",
    ),
}
QUEUES: dict[str, Callable[[], object]] = {
    "KeInsertDeviceQueue": lambda: KeInsertDeviceQueue(KDEVICE_QUEUE(), KDEVICE_QUEUE_ENTRY()),
    "KeInsertByKeyDeviceQueue": lambda: KeInsertByKeyDeviceQueue(KDEVICE_QUEUE(), KDEVICE_QUEUE_ENTRY(), 1),
    "KeRemoveDeviceQueue": lambda: KeRemoveDeviceQueue(KDEVICE_QUEUE()),
    "KeRemoveByKeyDeviceQueue": lambda: KeRemoveByKeyDeviceQueue(KDEVICE_QUEUE(), 1),
    "KeRemoveEntryDeviceQueue": lambda: KeRemoveEntryDeviceQueue(KDEVICE_QUEUE(), KDEVICE_QUEUE_ENTRY()),
}


@pytest.mark.parametrize("use", USES)
def test_an_object_is_initialized_before_its_use(kernel: Kernel, use: str) -> None:
    act, match = USES[use]
    with bug_check(0x139, 3, match=match):
        act()


@pytest.mark.parametrize("routine", QUEUES)
def test_a_device_queue_is_initialized_before_its_use(kernel: Kernel, routine: str) -> None:
    raise_irql(DISPATCH_LEVEL)
    with bug_check(0x139, 3, match=f"{routine}: .*KeInitializeDeviceQueue"):
        QUEUES[routine]()


@pytest.mark.parametrize("kind", [KEVENT, KMUTEX, KSEMAPHORE, KTIMER])
@pytest.mark.parametrize("timeout", [None, 0, -100])
def test_a_wait_needs_an_object_that_was_initialized(
    kernel: Kernel, kind: type[KEVENT | KMUTEX | KSEMAPHORE | KTIMER], timeout: int | None
) -> None:
    with bug_check(0x139, 3, match="KeWaitForSingleObject: .*KeInitialize"):
        KeWaitForSingleObject(kind(), Executive, KernelMode, False, timeout)


@pytest.mark.parametrize("kind", [KEVENT, KMUTEX, KSEMAPHORE, KTIMER])
def test_a_wait_for_several_needs_objects_that_were_initialized(
    kernel: Kernel, kind: type[KEVENT | KMUTEX | KSEMAPHORE | KTIMER]
) -> None:
    with bug_check(0x139, 3, match="KeWaitForMultipleObjects: .*KeInitialize"):
        KeWaitForMultipleObjects(
            2, [notification(True), kind()], WaitAny, Executive, KernelMode, False, None, None
        )
