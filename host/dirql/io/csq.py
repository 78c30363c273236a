# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Cancel-safe queues: the driver keeps the list, and this library settles the races between removal and cancel.

Follows the IoCsq library of the WDK (rows CSQ-01 … CSQ-04). While a request is queued, `driver_context[3]` of its
`tail.overlay` belongs to the library.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from mypy_extensions import mypyc_attr

from dirql.io.cancel import release_cancel_spin_lock
from dirql.io.objects import DeviceObject, Irp
from dirql.ke.guard import CALLBACK, CSQ_INSERT_EX, CSQ_LOCK, call_driver, current_driver
from dirql.ke.objects.blank import refuse_blank
from dirql.ke.processors.contract import contract
from dirql.nt.constants import IO_TYPE_CSQ, IO_TYPE_CSQ_EX, IO_TYPE_CSQ_IRP_CONTEXT
from dirql.nt.ntstatus import nt_success
from dirql.nt.status import STATUS_SUCCESS

__all__ = ["Csq", "CsqIrpContext"]

_INSERT_IRP_EX: Final = contract("IoCsqInsertIrpEx")
_REMOVE_IRP: Final = contract("IoCsqRemoveIrp")
_REMOVE_NEXT_IRP: Final = contract("IoCsqRemoveNextIrp")
_CSQ_INITIALIZE: Final = contract("IoCsqInitialize")
_CSQ_INITIALIZE_EX: Final = contract("IoCsqInitializeEx")
_CSQ_INSERT_IRP: Final = contract("IoCsqInsertIrp")

_CONTEXT: Final = 3


@mypyc_attr(allow_interpreted_subclasses=True)
@dataclass(eq=False, slots=True)
class CsqIrpContext:
    """A driver's ticket for one queued request (IO_CSQ_IRP_CONTEXT). `irp` is None once the request left the queue."""

    type: int = IO_TYPE_CSQ_IRP_CONTEXT
    irp: Irp | None = None
    csq: Csq | None = None


@mypyc_attr(allow_interpreted_subclasses=True)
class Csq:
    """A cancel-safe queue (IO_CSQ); it lives in a device extension. Its attributes are the driver's routines."""

    __slots__ = (
        "_driver",
        "csq_acquire_lock",
        "csq_complete_canceled_irp",
        "csq_insert_irp",
        "csq_insert_irp_ex",
        "csq_peek_next_irp",
        "csq_release_lock",
        "csq_remove_irp",
        "type",
    )

    def __init__(self) -> None:
        """Make a queue that has to be initialized before its use, by `initialize` or `initialize_ex`."""
        self.type = 0
        self._driver: object = None
        self.csq_insert_irp: Callable[[Csq, Irp], None]
        self.csq_insert_irp_ex: Callable[[Csq, Irp, object], int]
        self.csq_remove_irp: Callable[[Csq, Irp], None]
        self.csq_peek_next_irp: Callable[[Csq, Irp | None, object], Irp | None]
        self.csq_acquire_lock: Callable[[Csq], int]
        self.csq_release_lock: Callable[[Csq, int], None]
        self.csq_complete_canceled_irp: Callable[[Csq, Irp], None]

    def initialize(
        self,
        csq_insert_irp: Callable[[Csq, Irp], None],
        csq_remove_irp: Callable[[Csq, Irp], None],
        csq_peek_next_irp: Callable[[Csq, Irp | None, object], Irp | None],
        csq_acquire_lock: Callable[[Csq], int],
        csq_release_lock: Callable[[Csq, int], None],
        csq_complete_canceled_irp: Callable[[Csq, Irp], None],
    ) -> int:
        """Name the driver's six routines; follows IoCsqInitialize. Returns STATUS_SUCCESS.

        `csq_acquire_lock(csq)` returns the old IRQL, where C fills a pointer; `csq_release_lock(csq, irql)` gets it.
        """
        _CSQ_INITIALIZE.check_arguments(
            self,
            csq_insert_irp,
            csq_remove_irp,
            csq_peek_next_irp,
            csq_acquire_lock,
            csq_release_lock,
            csq_complete_canceled_irp,
        )
        self._driver = current_driver()
        self.type = IO_TYPE_CSQ
        self.csq_insert_irp = csq_insert_irp
        self.csq_remove_irp = csq_remove_irp
        self.csq_peek_next_irp = csq_peek_next_irp
        self.csq_acquire_lock = csq_acquire_lock
        self.csq_release_lock = csq_release_lock
        self.csq_complete_canceled_irp = csq_complete_canceled_irp
        return STATUS_SUCCESS

    def initialize_ex(
        self,
        csq_insert_irp: Callable[[Csq, Irp, object], int],
        csq_remove_irp: Callable[[Csq, Irp], None],
        csq_peek_next_irp: Callable[[Csq, Irp | None, object], Irp | None],
        csq_acquire_lock: Callable[[Csq], int],
        csq_release_lock: Callable[[Csq, int], None],
        csq_complete_canceled_irp: Callable[[Csq, Irp], None],
    ) -> int:
        """Do as `initialize`, with an insert routine `(csq, irp, insert_context)` that may refuse.

        Follows IoCsqInitializeEx.
        """
        _CSQ_INITIALIZE_EX.check_arguments(
            self,
            csq_insert_irp,
            csq_remove_irp,
            csq_peek_next_irp,
            csq_acquire_lock,
            csq_release_lock,
            csq_complete_canceled_irp,
        )
        self._driver = current_driver()
        self.type = IO_TYPE_CSQ_EX
        self.csq_insert_irp_ex = csq_insert_irp
        self.csq_remove_irp = csq_remove_irp
        self.csq_peek_next_irp = csq_peek_next_irp
        self.csq_acquire_lock = csq_acquire_lock
        self.csq_release_lock = csq_release_lock
        self.csq_complete_canceled_irp = csq_complete_canceled_irp
        return STATUS_SUCCESS

    def insert_irp(self, irp: Irp, context: CsqIrpContext | None) -> None:
        """Mark a request pending and queue it; follows IoCsqInsertIrp. See `insert_irp_ex`."""
        if type(self) is not Csq:
            _CSQ_INSERT_IRP.check_arguments(self, irp, context)
        self.insert_irp_ex(irp, context, None)

    def insert_irp_ex(self, irp: Irp, context: CsqIrpContext | None, insert_context: object) -> int:
        """Mark a request pending and queue it; follows IoCsqInsertIrpEx.

        A request that was cancelled before goes to `csq_complete_canceled_irp` instead (row CSQ-01). Returns the status
        that the driver's insert routine returned.
        """
        _INSERT_IRP_EX.check_with(self, irp, context)
        if not self.type:
            refuse_blank(self, "IoCsqInsertIrp", "IoCsqInitialize")
        irql = self._acquire()
        if context is not None:
            context.irp, context.csq = irp, self
        irp.tail.overlay.driver_context[_CONTEXT] = context or self
        status = self._insert(irp, insert_context)
        if not nt_success(status):
            self._forget(irp)
            self._release(irql)
            return status
        irp.mark_pending()
        irp.set_cancel_routine(_cancel)
        if irp.stored_cancel and irp.set_cancel_routine(None) is not None:
            self._take_out(irp)
            self._release(irql)
            self._call(self.csq_complete_canceled_irp, irp)
            return status
        self._release(irql)
        return status

    def _insert(self, irp: Irp, insert_context: object) -> int:
        """Call the insert routine that the queue was initialized with."""
        if self.type == IO_TYPE_CSQ_EX:
            return call_driver(CSQ_INSERT_EX, self._driver, self.csq_insert_irp_ex, self, irp, insert_context)
        self._call(self.csq_insert_irp, irp)
        return STATUS_SUCCESS

    def remove_irp(self, context: CsqIrpContext) -> Irp | None:
        """Take the request of a ticket out; None when the request was cancelled or removed. Follows IoCsqRemoveIrp."""
        _REMOVE_IRP.check_two(self, context)
        if not self.type:
            refuse_blank(self, "IoCsqRemoveIrp", "IoCsqInitialize")
        irql = self._acquire()
        irp = context.irp
        if irp is not None:
            if irp.set_cancel_routine(None) is None:
                irp = None
            else:
                self._take_out(irp)
        self._release(irql)
        return irp

    def remove_next_irp(self, peek_context: object) -> Irp | None:
        """Take out the first match that is not being cancelled; None when there is none. Follows IoCsqRemoveNextIrp."""
        _REMOVE_NEXT_IRP.check(self)
        if not self.type:
            refuse_blank(self, "IoCsqRemoveNextIrp", "IoCsqInitialize")
        irql = self._acquire()
        irp = self._peek(None, peek_context)
        while irp is not None and irp.set_cancel_routine(None) is None:
            irp = self._peek(irp, peek_context)
        if irp is not None:
            self._take_out(irp)
        self._release(irql)
        return irp

    def _take_out(self, irp: Irp) -> None:
        """Remove a request from the driver's list and make its ticket void. The driver's lock is held."""
        self._call(self.csq_remove_irp, irp)
        self._forget(irp)

    def _forget(self, irp: Irp) -> None:
        context = irp.tail.overlay.driver_context[_CONTEXT]
        irp.tail.overlay.driver_context[_CONTEXT] = None
        if isinstance(context, CsqIrpContext):
            context.irp = None

    def cancel_queued(self, irp: Irp) -> None:
        """Remove a cancelled request and let the driver complete it; called by the library's cancel routine."""
        irql = self._acquire()
        self._take_out(irp)
        self._release(irql)
        self._call(self.csq_complete_canceled_irp, irp)

    # Calls of the driver's routines.

    def _call(self, routine: Callable[[Csq, Irp], None], irp: Irp) -> None:
        call_driver(CALLBACK, self._driver, routine, self, irp)

    def _peek(self, irp: Irp | None, peek_context: object) -> Irp | None:
        return call_driver(CALLBACK, self._driver, self.csq_peek_next_irp, self, irp, peek_context)

    def _acquire(self) -> int:
        return call_driver(CSQ_LOCK, self._driver, self.csq_acquire_lock, self)

    def _release(self, irql: int) -> None:
        call_driver(CSQ_LOCK, self._driver, self.csq_release_lock, self, irql)


def _cancel(device: DeviceObject, irp: Irp) -> None:
    """The cancel routine of every queued request."""
    del device
    release_cancel_spin_lock(irp.cancel_irql)
    context = irp.tail.overlay.driver_context[_CONTEXT]
    queue = context.csq if isinstance(context, CsqIrpContext) else context
    assert isinstance(queue, Csq)
    queue.cancel_queued(irp)
