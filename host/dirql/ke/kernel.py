# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The kernel: its beginning and its end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from dirql.ke.costs import Costs
from dirql.ke.current import current
from dirql.ke.hooks import Hooks
from dirql.ke.limits import Limits
from dirql.ke.origin import describe_mark, origin_of_routine
from dirql.ke.platform import Clock, InterruptController
from dirql.ke.processors.interrupt import InterruptTable, interrupt_table
from dirql.ke.state import KernelState
from dirql.ke.threads import dispatcher
from dirql.ke.threads.dpc_thread import wake_dpc_thread
from dirql.ke.threads.schedule import RoundRobin, Schedule
from dirql.ke.threads.switching import close_contexts, open_contexts
from dirql.ke.threads.work_queue import WorkQueues, work_queues
from dirql.ke.watch.watch import Watch
from dirql.verifier.policy import Verifier

__all__ = ["BOOT_TIME", "Kernel"]

BOOT_TIME: Final = 134_116_128_000_000_000
"""The system time at reset unless told otherwise: 2026-01-01 00:00 UTC in 100 ns units since the beginning of 1601."""


class Kernel(KernelState):
    """A kernel that runs, from its making to `close`.

    The greenlet that makes it becomes its first thread, on processor 0; it must be the one that closes it. One kernel
    runs at a time in a process.
    """

    __slots__ = ("interrupts",)

    def __init__(
        self,
        clock: Clock,
        controller: InterruptController,
        *,
        processors: int = 1,
        costs: Costs | None = None,
        schedule: Schedule | None = None,
        hooks: Hooks | None = None,
        verifier: Verifier | None = None,
        boot_time: int = BOOT_TIME,
        idle_limit: int | None = None,
        limits: Limits | None = None,
        transparent: tuple[type[Exception], ...] = (),
    ) -> None:
        """Start.

        `boot_time` is the system time at the reset. With nothing ready and no timer set, `idle_limit` clocks without
        an interrupt count as a deadlock; None stands for the clocks of a second. `limits` are those of the watch over
        hangs. Exceptions of the types in
        `transparent`, those of the layers below the kernel, are no driver's fault: they stop the kernel and go up as
        they are. Raises `ValueError` for a number of processors that no machine has.
        """
        if not 1 <= processors <= 64:
            raise ValueError(f"a machine must have 1 … 64 processors; it was asked for {processors}")
        super().__init__(
            clock,
            processors,
            costs=Costs() if costs is None else costs,
            schedule=RoundRobin() if schedule is None else schedule,
            hooks=Hooks() if hooks is None else hooks,
            verifier=Verifier() if verifier is None else verifier,
            boot_time=boot_time,
            idle_limit=clock.frequency if idle_limit is None else idle_limit,
            limits=Limits() if limits is None else limits,
            transparent=transparent,
        )
        self.interrupts = InterruptTable(controller, processors)
        open_contexts(self, dispatcher.idle)
        current.install(self, self.processors[0], dispatcher)
        interrupt_table.install(self.interrupts)
        self.wake_dpc_thread = wake_dpc_thread
        work_queues.install(WorkQueues())
        try:
            Watch(self.limits, processors).begin(self.timers, clock.now())
        except BaseException:
            self.close()  # the machine was lost
            raise

    def close(self) -> None:
        """Stop for good and end all threads but the one that calls; a second call does nothing."""
        if current.kernel is self:
            close_contexts(self)
            interrupt_table.clear()
            work_queues.clear()
            current.clear()

    def leaks(self) -> Iterator[str]:
        """Yield a sentence for each object that drivers left in the kernel, once all drivers are unloaded."""
        for interrupt in self.interrupts.connected_interrupts():
            owner = "" if interrupt.driver is None else f" by {interrupt.driver!r}"
            where = origin_of_routine(interrupt.service_routine)
            isr = "" if where is None else f", whose ISR is {where}"
            yield f"{interrupt!r} was not disconnected{owner}{isr}: call IoDisconnectInterrupt"
        for processor in self.processors:
            queued = (*processor.dpcs.waiting, *processor.dpcs.threaded)
            yield from (f"{dpc!r} is still queued on {processor!r}" for dpc in queued)
        yield from (f"{item!r}, and has not run" for item in work_queues.value.waiting())
        for entry in self.timers.entries():
            yield f"{entry!r} is still set"
        for state, saved in self.executive.saved_states.items():
            yield f"{state!r} in {describe_mark(saved.place)} was not restored"
        for thread in self.threads:
            if thread is not current.processor.current_thread:
                yield f"{thread!r} has not ended"
