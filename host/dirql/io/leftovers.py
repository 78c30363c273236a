# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The end of a machine as the I/O manager sees it: end what programs still want, then say what drivers left behind."""

from __future__ import annotations

from collections.abc import Iterator

from dirql.io import current
from dirql.ke import current as ke_current
from dirql.ke.threads.wait import delay_execution_thread
from dirql.nt.constants import KernelMode
from dirql.ob.namespace import Directory

__all__ = ["end_requests", "leftovers"]

_FIRST_PAUSE = 100  # 10 µs, in 100 ns units; each pause is twice as long as the one before
_PAUSES = 18  # together about 2.6 s


def end_requests() -> None:
    """Close programs' handles and cancel what they have outstanding, as the end of a process does.

    Drivers get a few seconds of the machine's time to end it; what is left then shows up in `leftovers`.
    """
    manager = current.manager
    for handle in list(manager.handles):
        handle.close()
    pause = _FIRST_PAUSE
    for _ in range(_PAUSES):
        outstanding = [irp for file in manager.open_files for irp in file.irps]
        for irp in outstanding:
            if irp in manager.live_irps:
                irp.cancel_irp()
        if not any(file.irps for file in manager.open_files):
            return
        delay_execution_thread(KernelMode, False, -pause)
        pause *= 2


def leftovers() -> Iterator[str]:
    """A sentence for each thing that should be gone once all devices are removed and all drivers unloaded."""
    manager = current.manager
    for irp in manager.live_irps:
        yield f"{irp!r} was neither completed nor freed"
    for handle, opened in manager.objects.handles.open_handles():
        yield f"handle {handle:#x} of {opened!r} was not closed"
    for file in manager.open_files:
        yield f"{file!r} is still referenced"
    for driver in manager.drivers.values():
        yield f"{driver!r} was not unloaded: it has no unload routine"
        yield from (f"{device!r} was not deleted" for device in driver.devices())
    yield from (f"the name {name} was not deleted" for name in _names())
    yield from _kernel_leftovers()


def _names() -> Iterator[str]:
    """Names that drivers made: devices and links."""
    namespace = current.manager.objects.namespace
    for path in (r"\Device", r"\??"):
        _, directory, _ = namespace.lookup(path)
        if isinstance(directory, Directory):
            yield from (named.name for named in directory.entries.values())


def _kernel_leftovers() -> Iterator[str]:
    kernel = ke_current.kernel
    for line in kernel.vectors:
        if line is not None:
            yield from (f"{interrupt!r} was not disconnected" for interrupt in line.interrupts)
    for processor in kernel.processors:
        yield from (f"{dpc!r} is still queued on {processor!r}" for dpc in processor.dpcs)
    for entry in kernel.timers.entries():
        yield f"{getattr(entry, 'timer', entry)!r} is still set"
    for thread in kernel.threads:
        if thread is not ke_current.processor.current_thread:
            yield f"{thread!r} has not ended"
