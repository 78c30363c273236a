# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The end of a machine as the I/O manager sees it: requests are cancelled, then the drivers' leaks are listed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from dirql.io import leftovers
from dirql.io.cancel import cancel_request
from dirql.io.manager import running as io_manager
from dirql.io.whereabouts import describe_request
from dirql.ke.current import current
from dirql.ke.origin import describe_mark
from dirql.ke.threads.wait import delay_execution_thread
from dirql.mm.blocks import owner_text
from dirql.nt.constants import KernelMode
from dirql.ob.manager import running as object_manager
from dirql.ob.namespace import GLOBAL_ROOT, Directory, SymbolicLink
from dirql.ob.section import PHYSICAL_MEMORY

__all__ = ["cancel_outstanding_requests", "leaks"]

_FIRST_PAUSE: Final = 100  # 10 µs, in 100 ns units; each pause is twice as long as the one before
_LONGEST_DRAIN: Final = 2.6  # seconds, if there is no limit


def cancel_outstanding_requests() -> None:
    """Close the programs' handles and cancel their outstanding requests, as the end of a process does.

    Drivers get the time of `Limits.drain` to complete them. `leaks` lists the requests that are left then.
    """
    manager = io_manager.value
    for handle in list(manager.handles):
        handle.close()
    kernel = current.kernel
    limit = kernel.limits.drain
    clock = kernel.clock
    end = clock.now() - clock.lag() + (round(_LONGEST_DRAIN * clock.frequency) if limit is None else limit)
    pause = _FIRST_PAUSE
    while True:
        outstanding = [irp for file in manager.open_files for irp in file.irps]
        for irp in outstanding:
            if irp in manager.live_irps:
                cancel_request(irp)
        manager.worker.flush()
        if not any(file.irps for file in manager.open_files) or clock.now() - clock.lag() >= end:
            return
        delay_execution_thread(KernelMode, False, -pause)
        pause *= 2


def leaks() -> Iterator[str]:
    """A sentence for each thing that should be gone once all devices are removed and all drivers are unloaded."""
    manager = io_manager.value
    for irp in manager.live_irps:
        yield f"a request was neither completed nor freed: {describe_request(irp)}"
    for handle, entry in object_manager.value.handles.open_handles():
        owner = (
            "" if entry.driver is None else f"; {entry.driver!r} opened it in {describe_mark(entry.place)}"
        )
        yield f"handle {handle:#x} of {entry.object.body!r} was not closed{owner}"
    for holder, body, place in object_manager.value.kept():
        taken = f"{holder!r} took it in {describe_mark(place)}: call ObDereferenceObject"
        yield f"a reference of {body!r} was not given back; {taken}"
    yield from leftovers.unfreed()
    registered = (*manager.registered.at_shutdown, *manager.registered.at_last_chance)
    yield from (f"{device!r} is registered for the shutdown" for device in registered)
    yield from (f"{registration!r} was not undone" for registration in object_manager.value.callbacks)
    yield from (f"{timer!r} is still started" for timer in manager.device_timers.values() if timer.is_started)
    for file in manager.open_files:
        yield f"{file!r} is still referenced"
    for driver in manager.drivers.values():
        yield f"{driver!r} was not unloaded: it has no unload routine; set driver_unload in DriverEntry"
        yield from (f"{device!r} was not deleted" for device in driver.devices())
    nameless = (device for device in manager.undeleted if not device.name)
    yield from (f"{device!r} was not deleted: call IoDeleteDevice" for device in nameless)
    yield from _names()


def _names() -> Iterator[str]:
    """A sentence for each name of a device or a link, which drivers made."""
    namespace = object_manager.value.namespace
    for path in (r"\Device", r"\??"):
        _, directory, _ = namespace.lookup(path)
        if isinstance(directory, Directory):
            for named in directory.entries.values():
                if named.name in (GLOBAL_ROOT, PHYSICAL_MEMORY):
                    continue
                maker, place = (named.maker, named.place) if isinstance(named, SymbolicLink) else (None, None)
                made = (
                    ""
                    if maker is None
                    else f", made by {owner_text(maker, place)}: call IoDeleteSymbolicLink"
                )
                yield f"the name {named.name} was not deleted{made}"
