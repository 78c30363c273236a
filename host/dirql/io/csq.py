# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Cancel-safe queues: the driver keeps the list, this keeps the races between removal and cancel out of it.

Follows the IoCsq library of the WDK (rows CSQ-01 … CSQ-04). While a request is queued, `driver_context[3]` of its tail
belongs to the library.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from dirql.io.cancel import release_cancel_spin_lock
from dirql.io.device import DeviceObject
from dirql.io.irp import Irp
from dirql.ke.processors.irql import contract
from dirql.nt.constants import DISPATCH_LEVEL, IO_TYPE_CSQ, IO_TYPE_CSQ_EX, IO_TYPE_CSQ_IRP_CONTEXT
from dirql.nt.status import STATUS_SUCCESS

__all__ = ["Csq", "CsqIrpContext"]

_CONTEXT = 3


@dataclass(eq=False, slots=True)
class CsqIrpContext:
    """A driver's ticket for one queued request (IO_CSQ_IRP_CONTEXT); `irp` is None once it left the queue."""

    type: int = IO_TYPE_CSQ_IRP_CONTEXT
    irp: Irp | None = None
    csq: Csq | None = None


class Csq:
    """A cancel-safe queue (IO_CSQ); it lives in a device extension."""

    __slots__ = (
        "acquire_lock",
        "complete_canceled_irp",
        "insert_irp_ex",
        "peek_next_irp",
        "release_lock",
        "remove_irp_routine",
        "type",
    )

    def __init__(self) -> None:
        self.type = 0
        self.insert_irp_ex: Callable[[Csq, Irp, object], int]
        self.remove_irp_routine: Callable[[Csq, Irp], None]
        self.peek_next_irp: Callable[[Csq, Irp | None, object], Irp | None]
        self.acquire_lock: Callable[[Csq], int]
        self.release_lock: Callable[[Csq, int], None]
        self.complete_canceled_irp: Callable[[Csq, Irp], None]

    def initialize(
        self,
        insert_irp: Callable[[Csq, Irp], None],
        remove_irp: Callable[[Csq, Irp], None],
        peek_next_irp: Callable[[Csq, Irp | None, object], Irp | None],
        acquire_lock: Callable[[Csq], int],
        release_lock: Callable[[Csq, int], None],
        complete_canceled_irp: Callable[[Csq, Irp], None],
    ) -> int:
        """Name the driver's six routines; follows IoCsqInitialize.

        `acquire_lock(csq)` returns the old IRQL, which `release_lock(csq, irql)` gets; the WDK passes it by pointer.
        """

        def insert(csq: Csq, irp: Irp, context: object) -> int:
            del context
            insert_irp(csq, irp)
            return STATUS_SUCCESS

        status = self.initialize_ex(
            insert, remove_irp, peek_next_irp, acquire_lock, release_lock, complete_canceled_irp
        )
        self.type = IO_TYPE_CSQ
        return status

    def initialize_ex(
        self,
        insert_irp: Callable[[Csq, Irp, object], int],
        remove_irp: Callable[[Csq, Irp], None],
        peek_next_irp: Callable[[Csq, Irp | None, object], Irp | None],
        acquire_lock: Callable[[Csq], int],
        release_lock: Callable[[Csq, int], None],
        complete_canceled_irp: Callable[[Csq, Irp], None],
    ) -> int:
        """The same with `insert_irp(csq, irp, insert_context)`, which may refuse; follows IoCsqInitializeEx."""
        self.type = IO_TYPE_CSQ_EX
        self.insert_irp_ex = insert_irp
        self.remove_irp_routine = remove_irp
        self.peek_next_irp = peek_next_irp
        self.acquire_lock = acquire_lock
        self.release_lock = release_lock
        self.complete_canceled_irp = complete_canceled_irp
        return STATUS_SUCCESS

    def insert_irp(self, irp: Irp, context: CsqIrpContext | None) -> None:
        """Mark a request pending and queue it; follows IoCsqInsertIrp. See `insert`."""
        self.insert(irp, context, None)

    @contract(max_irql=DISPATCH_LEVEL)
    def insert(self, irp: Irp, context: CsqIrpContext | None, insert_context: object) -> int:
        """Mark a request pending and queue it; follows IoCsqInsertIrpEx.

        A request that was cancelled before is completed by `complete_canceled_irp` instead (row CSQ-01). Returns what
        the driver's insert routine returned.
        """
        irql = self.acquire_lock(self)
        if context is not None:
            context.irp, context.csq = irp, self
            irp.tail_overlay.driver_context[_CONTEXT] = context
        else:
            irp.tail_overlay.driver_context[_CONTEXT] = self
        status = self.insert_irp_ex(self, irp, insert_context)
        if status >= 0x8000_0000:
            self._forget(irp)
            self.release_lock(self, irql)
            return status
        irp.mark_pending()
        irp.set_cancel_routine(_cancel)
        if irp.cancel and irp.set_cancel_routine(None) is not None:
            self._take_out(irp)
            self.release_lock(self, irql)
            self.complete_canceled_irp(self, irp)
            return status
        self.release_lock(self, irql)
        return status

    @contract(max_irql=DISPATCH_LEVEL)
    def remove_irp(self, context: CsqIrpContext) -> Irp | None:
        """Take the request of a ticket out; None when it was cancelled or removed. Follows IoCsqRemoveIrp."""
        irql = self.acquire_lock(self)
        irp = context.irp
        if irp is not None:
            if irp.set_cancel_routine(None) is None:
                irp = None
            else:
                self._take_out(irp)
        self.release_lock(self, irql)
        return irp

    @contract(max_irql=DISPATCH_LEVEL)
    def remove_next_irp(self, peek_context: object) -> Irp | None:
        """Take out the first match that is not being cancelled; None when there is none. Follows IoCsqRemoveNextIrp."""
        irql = self.acquire_lock(self)
        irp = self.peek_next_irp(self, None, peek_context)
        while irp is not None and irp.set_cancel_routine(None) is None:
            irp = self.peek_next_irp(self, irp, peek_context)
        if irp is not None:
            self._take_out(irp)
        self.release_lock(self, irql)
        return irp

    def _take_out(self, irp: Irp) -> None:
        """Under the driver's lock: out of the list, and the ticket void."""
        self.remove_irp_routine(self, irp)
        self._forget(irp)

    def _forget(self, irp: Irp) -> None:
        context = irp.tail_overlay.driver_context[_CONTEXT]
        irp.tail_overlay.driver_context[_CONTEXT] = None
        if isinstance(context, CsqIrpContext):
            context.irp = None

    def cancel_queued(self, irp: Irp) -> None:
        """End a queued request that was cancelled; called by the library's cancel routine, lock released."""
        irql = self.acquire_lock(self)
        self._take_out(irp)
        self.release_lock(self, irql)
        self.complete_canceled_irp(self, irp)


def _cancel(device: DeviceObject, irp: Irp) -> None:
    """The cancel routine of every queued request."""
    del device
    release_cancel_spin_lock(irp.cancel_irql)
    context = irp.tail_overlay.driver_context[_CONTEXT]
    queue = context.csq if isinstance(context, CsqIrpContext) else context
    assert isinstance(queue, Csq)
    queue.cancel_queued(irp)
