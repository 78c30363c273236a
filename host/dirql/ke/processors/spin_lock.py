# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Spin locks.

A processor holds a lock at DISPATCH_LEVEL or above. A processor that waits for a lock lets the others go on. If none of
them can ever release the lock, the wait is a bug check instead of a hang.
"""

from __future__ import annotations

from typing import Final, NoReturn

from mypy_extensions import mypyc_attr

from dirql.ke.bugcheck import bug_check
from dirql.ke.current import current
from dirql.ke.defects import report_defect
from dirql.ke.origin import Mark, describe_mark, mark
from dirql.ke.processors.contract import contract
from dirql.ke.processors.irql import enter, irql_name, restore_irql
from dirql.ke.processors.processor import OwnedLock, Processor
from dirql.nt.bugcodes import (
    DRIVER_VERIFIER_DETECTED_VIOLATION,
    SPIN_LOCK_ALREADY_OWNED,
    SPIN_LOCK_NOT_OWNED,
    VF_DEADLOCK_HIERARCHY,
    VF_DEADLOCK_UNINITIALIZED,
)
from dirql.nt.constants import DISPATCH_LEVEL

__all__ = ["SpinLock", "free_spin_lock"]

_ACQUIRE: Final = contract("KeAcquireSpinLock")
_RELEASE: Final = contract("KeReleaseSpinLock")
_ACQUIRE_AT_DPC_LEVEL: Final = contract("KeAcquireSpinLockAtDpcLevel")
_RELEASE_FROM_DPC_LEVEL: Final = contract("KeReleaseSpinLockFromDpcLevel")
_ACQUIRE_FOR_DPC: Final = contract("KeAcquireSpinLockForDpc")
_RELEASE_FOR_DPC: Final = contract("KeReleaseSpinLockForDpc")
_TRY_TO_ACQUIRE_AT_DPC_LEVEL: Final = contract("KeTryToAcquireSpinLockAtDpcLevel")
_INITIALIZE_SPIN_LOCK: Final = contract("KeInitializeSpinLock")
_TEST_SPIN_LOCK: Final = contract("KeTestSpinLock")

_MOST_INSIDE: Final = 64
"""The most locks of which it is known that they were acquired inside one lock."""
_VERIFIER: Final = DRIVER_VERIFIER_DETECTED_VIOLATION
_NOBODY: Final = Processor(0)
"""The owner of a lock that a driver has made and not initialized. No processor gets it as it is, as if it were held, so
that a lock which was initialized costs no look.
"""


@mypyc_attr(allow_interpreted_subclasses=True)
class SpinLock:
    """A spin lock (KSPIN_LOCK)."""

    __slots__ = ("below", "inside", "is_told", "owner", "queue")

    def __init__(self) -> None:
        """Make a lock: one of a driver has to be initialized before its use."""
        is_blank = current.is_running() and current.processor.driver is not None
        self.owner: Processor | None = _NOBODY if is_blank else None
        self.below: OwnedLock | None = None
        """See `OwnedLock`."""
        self.inside: dict[SpinLock, Mark | None] = {}
        """The locks that were acquired while this one was held, and where that was first."""
        self.is_told = False
        """Whether a use of the lock above DISPATCH_LEVEL was reported."""
        self.queue: list[object] = []
        """The places of those that wait for a queued acquisition, the first in turn first."""

    def __repr__(self) -> str:
        state = "not initialized" if self.owner is _NOBODY else "free"
        return f"<spin lock {id(self):#x}, {state if self.value == 0 else f'held by {self.owner!r}'}>"

    def initialize(self) -> None:
        """Make the lock free; follows KeInitializeSpinLock."""
        _INITIALIZE_SPIN_LOCK.check_arguments(self)
        if self.owner is not None:
            self._forget(self.owner)
        self.owner = None  # also of one that was not initialized before
        self.inside.clear()

    @property
    def value(self) -> int:
        """The value that NT keeps in the lock: 1 while it is held, else 0."""
        return int(self.owner is not None and self.owner is not _NOBODY)

    def acquire(self) -> int:
        """Raise to DISPATCH_LEVEL, take the lock, return the old IRQL; follows KeAcquireSpinLock."""
        _ACQUIRE.check(self)
        processor = current.processor
        old_irql = enter(processor, DISPATCH_LEVEL)
        # `take` is written out here and `drop` in `release`: the two calls would cost 0.1 µs, a sixth of "spin lock" in
        # bench/ke_paths.py.
        if self.owner is not None:
            self._spin(processor)
        self.owner = processor
        self.below = processor.lock
        processor.lock = self
        hook = current.kernel.hooks.lock_taken
        if hook is not None:
            hook(self)
        if self.below is not None:
            self._note_order()
        return old_irql

    def release(self, old_irql: int) -> None:
        """Release the lock and lower to `old_irql`, which `acquire` returned; follows KeReleaseSpinLock."""
        _RELEASE.check(self)
        if type(old_irql) is not int:
            _RELEASE.check_arguments(self, old_irql)
        processor = current.processor
        if self.owner is not processor:
            self._refuse_release(processor)
        hook = current.kernel.hooks.lock_dropped
        if hook is not None:
            hook(self)
        self.owner = None
        if processor.lock is self:
            processor.lock = self.below
        else:
            self._forget(processor)
        restore_irql(old_irql)

    def acquire_at_dpc_level(self) -> None:
        """Take the lock and leave the IRQL, which is high enough already; follows KeAcquireSpinLockAtDpcLevel."""
        _ACQUIRE_AT_DPC_LEVEL.check(self)
        processor = current.processor
        if processor.irql > DISPATCH_LEVEL and not self.is_told:
            self._tell_level(processor.irql)
        self.take(processor)
        if self.below is not None:
            self._note_order()

    def release_from_dpc_level(self) -> None:
        """Release the lock and leave the IRQL; follows KeReleaseSpinLockFromDpcLevel."""
        _RELEASE_FROM_DPC_LEVEL.check(self)
        self.drop(current.processor)

    def acquire_for_dpc(self) -> int:
        """Take the lock in a DPC of either kind and return the old IRQL; follows KeAcquireSpinLockForDpc.

        The IRQL is raised only if it is below DISPATCH_LEVEL.
        """
        _ACQUIRE_FOR_DPC.check(self)
        processor = current.processor
        old_irql = processor.irql
        if old_irql < DISPATCH_LEVEL:
            enter(processor, DISPATCH_LEVEL)
        self.take(processor)
        if self.below is not None:
            self._note_order()
        return old_irql

    def release_for_dpc(self, old_irql: int) -> None:
        """Undo `acquire_for_dpc`, which returned `old_irql`; follows KeReleaseSpinLockForDpc."""
        _RELEASE_FOR_DPC.check(self)
        if type(old_irql) is not int:
            _RELEASE_FOR_DPC.check_arguments(self, old_irql)
        self.drop(current.processor)
        if old_irql < DISPATCH_LEVEL:
            restore_irql(old_irql)

    def try_to_acquire_at_dpc_level(self) -> bool:
        """Take the lock if it is free, and return whether it was; follows KeTryToAcquireSpinLockAtDpcLevel."""
        _TRY_TO_ACQUIRE_AT_DPC_LEVEL.check(self)
        if self.owner is _NOBODY:
            self.begin_use()
        if self.owner is None:
            self.take(current.processor)
            return True
        current.dispatcher.give_way()
        return False

    def test(self) -> bool:
        """Whether the lock is free; follows KeTestSpinLock."""
        _TEST_SPIN_LOCK.check_arguments(self)
        if self.owner is _NOBODY:
            self.begin_use()
        if self.owner is not None:
            current.dispatcher.give_way()
        return self.owner is None

    # These do not touch the IRQL: an interrupt has raised it already.

    def take(self, processor: Processor) -> None:
        """Make the current processor, which is `processor`, the owner, as soon as the lock is free."""
        if self.owner is not None:
            self._spin(processor)
        self.owner = processor
        self.below = processor.lock
        processor.lock = self
        hook = current.kernel.hooks.lock_taken
        if hook is not None:
            hook(self)

    def take_in_turn(self, processor: Processor, place: object) -> None:
        """Do as `take`, after all that have waited longer; `place` is the place of this one in the queue."""
        queue = self.queue
        if self.owner is processor or self.owner is _NOBODY:
            self._spin(processor)
        if self.owner is not None or queue:
            queue.append(place)
            while queue[0] is not place:
                current.dispatcher.give_way()
            if self.owner is not None:
                self._spin(processor)
            queue.pop(0)
        self.take(processor)
        if self.below is not None:
            self._note_order()

    def drop(self, processor: Processor) -> None:
        """Free the lock. Bug check 0x10 unless the current processor, which is `processor`, owns it."""
        if self.owner is not processor:
            self._refuse_release(processor)
        hook = current.kernel.hooks.lock_dropped
        if hook is not None:
            hook(self)
        self.owner = None
        if processor.lock is self:
            processor.lock = self.below
        else:
            self._forget(processor)

    def _note_order(self) -> None:
        """Note that the lock was acquired while others are held. Bug check if one of those was acquired inside it.

        A deadlock of two processors is found in this way without its happening, as Driver Verifier's deadlock detection
        finds it.
        """
        held = self.below
        while held is not None:
            if isinstance(held, SpinLock) and self not in held.inside:
                first = self._way_to(held)
                if first is not None and current.kernel.verifier.is_verified(current.processor.driver):
                    self._refuse_order(held, first)
                if len(held.inside) < _MOST_INSIDE:
                    held.inside[self] = mark()
            held = held.below

    def _way_to(self, other: SpinLock) -> SpinLock | None:
        """The lock that was acquired inside this one, and inside which `other` was acquired, or `other` itself."""
        for first in self.inside:
            seen: set[SpinLock] = set()
            left = [first]
            while left:
                lock = left.pop()
                if lock is other:
                    return first
                if lock not in seen:
                    seen.add(lock)
                    left.extend(lock.inside)
        return None

    def _refuse_order(self, held: SpinLock, first: SpinLock) -> NoReturn:
        through = "" if first is held else f" and, inside that one, {held!r}"
        reason = (
            f"spin locks must be acquired in the same order everywhere; {self!r} was acquired while {held!r} was held,"
            f" and before {first!r}{through} was acquired while {self!r} was held, in"
            f" {describe_mark(self.inside[first])}: two processors that do so at once would wait for each other"
        )
        bug_check(_VERIFIER, VF_DEADLOCK_HIERARCHY, self, reason=reason)

    def _tell_level(self, irql: int) -> None:
        """Report that the lock is acquired at the IRQL of a device (row INT-14)."""
        self.is_told = True
        report_defect(
            "INT-14",
            f"KeAcquireSpinLockAtDpcLevel must be called at DISPATCH_LEVEL; it was called at {irql_name(irql)} for"
            f" {self!r}: if the code that the ISR interrupts holds that lock, the ISR waits for ever; share data with"
            " an ISR by KeSynchronizeExecution or KeAcquireInterruptSpinLock",
        )

    def _forget(self, processor: Processor) -> None:
        """Take the lock out of those that `processor` holds."""
        if processor.lock is self:
            processor.lock = self.below
            return
        above = processor.lock
        while above is not None and above.below is not self:
            above = above.below
        if above is not None:
            above.below = self.below

    def is_blank(self) -> bool:
        """Whether the lock is one of a driver that was not initialized."""
        return self.owner is _NOBODY

    def begin_use(self) -> None:
        """Let a lock that was not initialized be free, as its zeros are on NT; bug check for a verified driver."""
        driver = current.processor.driver
        if driver is not None and current.kernel.verifier.is_verified(driver):
            reason = (
                f"a spin lock must be initialized by KeInitializeSpinLock before its use; {self!r} was not: call that"
                " where the driver makes the lock"
            )
            bug_check(_VERIFIER, VF_DEADLOCK_UNINITIALIZED, self, reason=reason)
        self.owner = None

    def _refuse_release(self, processor: Processor) -> NoReturn:
        if self.owner is _NOBODY:
            self.begin_use()
        reason = (
            f"KeReleaseSpinLock must be called by the processor that holds the lock, {processor!r}; the lock was"
            f" {'free' if self.owner is None else f'held by {self.owner!r}'}"
        )
        bug_check(SPIN_LOCK_NOT_OWNED, self, 0, 0, 0, reason=reason)

    def _spin(self, processor: Processor) -> None:
        """Let the other processors go on until the lock is free."""
        if self.owner is _NOBODY:
            self.begin_use()
            return
        processor.wanted_lock = self
        while (owner := self.owner) is not None:
            if owner is processor:
                reason = (
                    "KeAcquireSpinLock must not be called by the owner of the lock, which would wait for itself;"
                    f" {processor!r} held it already"
                )
                bug_check(SPIN_LOCK_ALREADY_OWNED, self, 0, 0, 0, reason=reason)
            self._check_order(processor)
            current.dispatcher.give_way()
        processor.wanted_lock = None

    def _check_order(self, processor: Processor) -> None:
        """Bug check if the owner of this lock waits, perhaps through others, for a lock of `processor`."""
        chain: list[OwnedLock] = [self]
        while (owner := chain[-1].owner) is not None and owner is not processor:
            wanted = owner.wanted_lock
            if wanted is None or wanted in chain:
                return
            chain.append(wanted)
        if chain[-1].owner is processor:
            reason = (
                f"spin locks must be acquired in the same order everywhere; {processor!r} waits for {self!r} while it"
                f" holds {chain[-1]!r}, for which the owner of the first waits"
            )
            bug_check(_VERIFIER, VF_DEADLOCK_HIERARCHY, self, reason=reason)


def free_spin_lock() -> SpinLock:
    """Make a lock of the kernel that is free, whatever code runs."""
    lock = SpinLock()
    lock.owner = None
    return lock
