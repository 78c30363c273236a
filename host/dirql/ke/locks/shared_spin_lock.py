# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Reader/writer spin locks (EX_SPIN_LOCK): many processors share one, or one has it alone, at DISPATCH_LEVEL."""

from __future__ import annotations

from typing import Final, NoReturn

from mypy_extensions import mypyc_attr

from dirql.ke.bugcheck import bug_check
from dirql.ke.current import current
from dirql.ke.processors.contract import contract
from dirql.ke.processors.irql import enter, restore_irql
from dirql.ke.processors.processor import Processor
from dirql.nt.bugcodes import SPIN_LOCK_ALREADY_OWNED, SPIN_LOCK_NOT_OWNED
from dirql.nt.constants import DISPATCH_LEVEL

__all__ = ["SharedSpinLock"]

_ACQUIRE_SHARED: Final = contract("ExAcquireSpinLockShared")
_RELEASE_SHARED: Final = contract("ExReleaseSpinLockShared")
_ACQUIRE_EXCLUSIVE: Final = contract("ExAcquireSpinLockExclusive")
_RELEASE_EXCLUSIVE: Final = contract("ExReleaseSpinLockExclusive")
_ACQUIRE_SHARED_AT: Final = contract("ExAcquireSpinLockSharedAtDpcLevel")
_RELEASE_SHARED_FROM: Final = contract("ExReleaseSpinLockSharedFromDpcLevel")
_ACQUIRE_EXCLUSIVE_AT: Final = contract("ExAcquireSpinLockExclusiveAtDpcLevel")
_RELEASE_EXCLUSIVE_FROM: Final = contract("ExReleaseSpinLockExclusiveFromDpcLevel")
_TRY_CONVERT: Final = contract("ExTryConvertSharedSpinLockExclusive")


@mypyc_attr(allow_interpreted_subclasses=True)
class SharedSpinLock:
    """A reader/writer spin lock (EX_SPIN_LOCK). In C it is a LONG that is 0 while the lock is free."""

    __slots__ = ("_exclusive", "_shared", "_wanted")

    def __init__(self) -> None:
        """Make a lock that is free."""
        self._exclusive: Processor | None = None
        self._shared: list[Processor] = []
        self._wanted = 0
        """The number of processors that wait to have the lock alone; no other begins to share it meanwhile."""

    def __repr__(self) -> str:
        if self._exclusive is not None:
            state = f"held by {self._exclusive!r}"
        elif self._shared:
            state = f"shared by {', '.join(map(repr, self._shared))}"
        else:
            state = "free"
        return f"<reader/writer spin lock {id(self):#x}, {state}>"

    def acquire_shared(self) -> int:
        """Raise to DISPATCH_LEVEL and share the lock; return the old IRQL; follows ExAcquireSpinLockShared."""
        _ACQUIRE_SHARED.check(self)
        old_irql = enter(current.processor, DISPATCH_LEVEL)
        self._share("ExAcquireSpinLockShared")
        return old_irql

    def release_shared(self, old_irql: int) -> None:
        """Undo `acquire_shared`, which returned `old_irql`; follows ExReleaseSpinLockShared."""
        _RELEASE_SHARED.check(self)
        _RELEASE_SHARED.check_arguments(self, old_irql)
        self._unshare("ExReleaseSpinLockShared")
        restore_irql(old_irql)

    def acquire_shared_at_dpc_level(self) -> None:
        """Share the lock and leave the IRQL; follows ExAcquireSpinLockSharedAtDpcLevel."""
        _ACQUIRE_SHARED_AT.check(self)
        self._share("ExAcquireSpinLockSharedAtDpcLevel")

    def release_shared_from_dpc_level(self) -> None:
        """Undo `acquire_shared_at_dpc_level`; follows ExReleaseSpinLockSharedFromDpcLevel."""
        _RELEASE_SHARED_FROM.check(self)
        self._unshare("ExReleaseSpinLockSharedFromDpcLevel")

    def acquire_exclusive(self) -> int:
        """Raise to DISPATCH_LEVEL and have the lock alone; return the old IRQL; follows ExAcquireSpinLockExclusive."""
        _ACQUIRE_EXCLUSIVE.check(self)
        old_irql = enter(current.processor, DISPATCH_LEVEL)
        self._take("ExAcquireSpinLockExclusive")
        return old_irql

    def release_exclusive(self, old_irql: int) -> None:
        """Undo `acquire_exclusive`, which returned `old_irql`; follows ExReleaseSpinLockExclusive."""
        _RELEASE_EXCLUSIVE.check(self)
        _RELEASE_EXCLUSIVE.check_arguments(self, old_irql)
        self._drop("ExReleaseSpinLockExclusive")
        restore_irql(old_irql)

    def acquire_exclusive_at_dpc_level(self) -> None:
        """Have the lock alone and leave the IRQL; follows ExAcquireSpinLockExclusiveAtDpcLevel."""
        _ACQUIRE_EXCLUSIVE_AT.check(self)
        self._take("ExAcquireSpinLockExclusiveAtDpcLevel")

    def release_exclusive_from_dpc_level(self) -> None:
        """Undo `acquire_exclusive_at_dpc_level`; follows ExReleaseSpinLockExclusiveFromDpcLevel."""
        _RELEASE_EXCLUSIVE_FROM.check(self)
        self._drop("ExReleaseSpinLockExclusiveFromDpcLevel")

    def try_convert_to_exclusive(self) -> bool:
        """Have the lock alone that the processor shares, if no other does; follows ExTryConvertSharedSpinLockExclusive.

        Returns False, and leaves the lock shared, if another processor shares it or waits to have it alone.
        """
        _TRY_CONVERT.check(self)
        processor = current.processor
        if processor not in self._shared:
            self._refuse_release("ExTryConvertSharedSpinLockExclusive", processor)
        if len(self._shared) > 1 or self._wanted:
            current.dispatcher.give_way()
            return False
        self._shared.clear()
        self._exclusive = processor
        return True

    def _share(self, routine: str) -> None:
        processor = current.processor
        if self._exclusive is processor or (self._wanted and processor in self._shared):
            self._refuse_acquire(routine, processor)
        while self._exclusive is not None or self._wanted:
            current.dispatcher.give_way()
        self._shared.append(processor)

    def _take(self, routine: str) -> None:
        processor = current.processor
        if self._exclusive is processor or processor in self._shared:
            self._refuse_acquire(routine, processor)
        self._wanted += 1
        while self._exclusive is not None or self._shared:
            current.dispatcher.give_way()
        self._wanted -= 1
        self._exclusive = processor

    def _unshare(self, routine: str) -> None:
        processor = current.processor
        if processor not in self._shared:
            self._refuse_release(routine, processor)
        self._shared.remove(processor)

    def _drop(self, routine: str) -> None:
        processor = current.processor
        if self._exclusive is not processor:
            self._refuse_release(routine, processor)
        self._exclusive = None

    def _refuse_acquire(self, routine: str, processor: Processor) -> NoReturn:
        reason = (
            f"{routine} must not be called by a processor that would wait for itself; {processor!r} called it and it"
            f" was {self!r}: release the lock before"
        )
        bug_check(SPIN_LOCK_ALREADY_OWNED, self, 0, 0, 0, reason=reason)

    def _refuse_release(self, routine: str, processor: Processor) -> NoReturn:
        reason = (
            f"{routine} must be called by a processor that holds the lock in that way; {processor!r} called it and it"
            f" was {self!r}: release a lock once, and as it was acquired"
        )
        bug_check(SPIN_LOCK_NOT_OWNED, self, 0, 0, 0, reason=reason)
