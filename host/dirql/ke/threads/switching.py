# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The only place that switches greenlets.

Each thread is a greenlet, and each processor has an idle thread besides. One greenlet runs at a time. ISRs and DPCs run
on top of the thread that they interrupt. There are two kinds of switch:

- `switch_thread`: the current processor goes on with another thread, at an IRQL below DISPATCH_LEVEL;
- `hand_over`: another processor goes on where it was, and this one stays as it is until its turn comes.

After either, and so after any call that may preempt, a thread may find itself on another processor.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from types import FrameType
from typing import cast

import greenlet

from dirql.ke.current import current
from dirql.ke.processors.irql import enter
from dirql.ke.processors.processor import Processor
from dirql.ke.state import KernelState
from dirql.ke.threads.thread import DEFAULT_PRIORITY, IDLE_PRIORITY, RUNNING, Context, Thread

__all__ = [
    "close_contexts",
    "end_current_thread",
    "frame_of",
    "give_context",
    "hand_over",
    "open_contexts",
    "switch_thread",
]


def switch_thread(processor: Processor, thread: Thread) -> None:
    """Let the current processor go on with `thread`; returns when the thread that called is switched to again."""
    before = processor.current_thread
    before.wait_irql = processor.irql
    before.driver = processor.driver
    _make_current(processor, thread).switch()


def hand_over(processor: Processor) -> None:
    """Let another processor go on where it was; returns when the processor that called gets its turn again."""
    before = current.processor
    if before.has_work():
        current.kernel.busy |= before.mask
    else:
        current.kernel.busy &= ~before.mask
    current.processor = processor
    processor.current_thread.context.switch()


def _make_current(processor: Processor, thread: Thread) -> Context:
    """Prepare a switch; return the context to which the caller then switches."""
    processor.current_thread = thread
    processor.driver = thread.driver
    thread.state = RUNNING
    kernel = current.kernel
    kernel.clock.spent += kernel.costs.context_switch
    hook = kernel.hooks.thread_switched
    if hook is not None:
        hook(processor, thread)
    if thread.wait_irql != processor.irql:
        enter(processor, thread.wait_irql)
    if thread.apc_state.kernel_apc_pending:
        processor.dpcs.requested = True
    return thread.context


def frame_of(thread: Thread) -> FrameType | None:
    """The frame in which a thread was left; None for the one that runs, and for one that has not begun."""
    context = thread.context
    return context.gr_frame if isinstance(context, greenlet.greenlet) else None


# Contexts.


def open_contexts(kernel: KernelState, idle: Callable[[Processor], object]) -> None:
    """Give each processor an idle thread, which runs `idle(processor)`.

    The greenlet that calls becomes the first thread, and it runs on the first processor.
    """
    kernel.home = home = greenlet.getcurrent()
    kernel.starter = greenlet.greenlet(_start_contexts, home)
    for processor in kernel.processors:
        thread = Thread(-processor.number, IDLE_PRIORITY, kernel.ready, kernel.timers)
        thread.state = RUNNING
        give_context(kernel, thread, partial(idle, processor))
        thread.is_system = True
        processor.idle_thread = processor.current_thread = thread
    first = kernel.new_thread(DEFAULT_PRIORITY)
    first.context = home
    first.state = RUNNING
    kernel.processors[0].current_thread = first


def give_context(kernel: KernelState, thread: Thread, run: Callable[[], object]) -> None:
    """Let `thread` run `run()`, once it is switched to.

    An error that escapes comes up in the thread that opened the kernel, where that thread waits.
    """
    context = greenlet.greenlet(partial(_be_context, run), cast("greenlet.greenlet", kernel.home))
    thread.context = context
    cast("greenlet.greenlet", kernel.starter).switch(greenlet.getcurrent(), context)


def _start_contexts(maker: greenlet.greenlet, context: greenlet.greenlet) -> None:
    """Be the greenlet that lets each context begin, and return to the maker of the context.

    A greenlet goes on counting the depth of its calls where the greenlet was that switched to it for the first time.
    If threads began where others happened to switch to them, each a few calls deeper than the last one, Python would
    raise `RecursionError` after about 150. So all begin here, as deep as the caller that opened the kernel was.
    """
    while True:
        context.switch(greenlet.getcurrent())
        maker, context = maker.switch()


def _be_context(run: Callable[[], object], starter: greenlet.greenlet) -> None:
    """Return to the starter at once, and run `run()` when the thread is switched to."""
    starter.switch()
    run()


def end_current_thread(following: Thread) -> None:
    """Let the processor go on with `following` when the greenlet that calls ends, which it must do at once."""
    # A greenlet that ends goes on in its parent.
    context = _make_current(current.processor, following)
    greenlet.getcurrent().parent = cast("greenlet.greenlet", context)


def close_contexts(kernel: KernelState) -> None:
    """Stop the kernel and end all greenlets but the one that opened it.

    Raises `RuntimeError` unless that one calls. Code of threads that still has to be unwound finds a kernel that
    refuses every call.
    """
    home = greenlet.getcurrent()
    if home is not kernel.home:
        raise RuntimeError("a kernel must be closed by the thread that opened it; this is another")
    kernel.stop(RuntimeError("the kernel is closed"))
    contexts = [thread.context for thread in (*kernel.threads, *kernel.service_threads)]
    contexts += [processor.idle_thread.context for processor in kernel.processors]
    contexts.append(kernel.starter)
    for context in contexts:
        if isinstance(context, greenlet.greenlet) and context is not home and not context.dead:
            context.parent = home
            try:
                context.throw()
            except BaseException as error:
                if isinstance(error, KeyboardInterrupt):
                    raise
