# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Rundown protection: an object lives until those are done that use it, and nobody begins to use it afterwards."""

from __future__ import annotations

from typing import Final

from mypy_extensions import mypyc_attr

from dirql.ke.current import current
from dirql.ke.defects import report_defect
from dirql.ke.locks.ownership import Gate
from dirql.ke.processors.contract import contract
from dirql.ke.threads.wait import wait_for_single_object
from dirql.nt.constants import Executive, KernelMode, NotificationEvent

__all__ = ["RundownRef"]

_INITIALIZE: Final = contract("ExInitializeRundownProtection")
_REINITIALIZE: Final = contract("ExReInitializeRundownProtection")
_ACQUIRE: Final = contract("ExAcquireRundownProtection")
_ACQUIRE_EX: Final = contract("ExAcquireRundownProtectionEx")
_RELEASE: Final = contract("ExReleaseRundownProtection")
_RELEASE_EX: Final = contract("ExReleaseRundownProtectionEx")
_COMPLETED: Final = contract("ExRundownCompleted")
_WAIT: Final = contract("ExWaitForRundownProtectionRelease")

_ACTIVE: Final = 1
_ONE: Final = 2


@mypyc_attr(allow_interpreted_subclasses=True)
class RundownRef:
    """Rundown protection of one object (EX_RUNDOWN_REF).

    `count` is twice the number of accesses; bit 0 is set from the beginning of the rundown on.
    """

    __slots__ = ("_gate", "count")

    def __init__(self) -> None:
        """Make protection that nobody has acquired; zeros are legal for that in C too."""
        self.count = 0
        self._gate: Gate | None = None

    def __repr__(self) -> str:
        run_down = ", run down" if self.count & _ACTIVE else ""
        return f"<rundown protection {id(self):#x}, acquired {self.count // _ONE} times{run_down}>"

    def initialize(self) -> None:
        """Begin with nobody using the object; follows ExInitializeRundownProtection."""
        _INITIALIZE.check_arguments(self)
        self.count = 0
        self._gate = None

    def reinitialize(self) -> None:
        """Allow uses again after a rundown; follows ExReInitializeRundownProtection."""
        _REINITIALIZE.check(self)
        if self.count != _ACTIVE:
            report_defect(
                "RUN-01",
                f"ExReInitializeRundownProtection: the rundown must be over; it was {self!r}: call"
                " ExWaitForRundownProtectionRelease before",
            )
        self.count = 0
        self._gate = None

    def acquire(self) -> bool:
        """Begin to use the object; follows ExAcquireRundownProtection. Returns False from the rundown on."""
        _ACQUIRE.check(self)
        return self._acquire(1)

    def acquire_ex(self, count: int) -> bool:
        """Do `count` times as `acquire`; follows ExAcquireRundownProtectionEx."""
        _ACQUIRE_EX.check(self)
        _ACQUIRE_EX.check_arguments(self, count)
        return self._acquire(count)

    def release(self) -> None:
        """Be done with one use; follows ExReleaseRundownProtection."""
        _RELEASE.check(self)
        self._release(1)

    def release_ex(self, count: int) -> None:
        """Do `count` times as `release`; follows ExReleaseRundownProtectionEx."""
        _RELEASE_EX.check(self)
        _RELEASE_EX.check_arguments(self, count)
        self._release(count)

    def complete(self) -> None:
        """Note that the rundown is over; follows ExRundownCompleted."""
        _COMPLETED.check(self)
        self.count = _ACTIVE

    def wait(self) -> None:
        """Allow no further use, and wait until the present ones are over; follows ExWaitForRundownProtectionRelease."""
        _WAIT.check(self)
        self.count |= _ACTIVE
        if self.count == _ACTIVE:
            return
        gate = self._gate
        if gate is None:
            gate = self._gate = Gate(self)
            gate.initialize(NotificationEvent, False)
        wait_for_single_object(gate, Executive, KernelMode, False, None)

    def _acquire(self, count: int) -> bool:
        if self.count & _ACTIVE:
            return False
        self.count += count * _ONE
        return True

    def _release(self, count: int) -> None:
        if self.count < count * _ONE:
            report_defect(
                "RUN-01",
                f"ExReleaseRundownProtection must be called once for each acquisition; {count} were released and it was"
                f" {self!r}: release only what ExAcquireRundownProtection has granted with TRUE",
            )
            return
        self.count -= count * _ONE
        if self.count == _ACTIVE and self._gate is not None:
            self._gate.header.signal_state = 1
            self._gate.wake()
            current.dispatcher.preempt()
