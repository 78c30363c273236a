# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The things that a driver leaves behind when its Unload routine returns (rows DRV-07, -08, -11).

Code that would be called, such as the routine of a timer or a completion routine, stops the system as on NT. Pool stops
it if Driver Verifier tracks pool. Handles and references are lost on NT without a word, and are defects here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from dirql.io.manager import running as io_manager
from dirql.io.objects import DriverObject, FileObject, Irp
from dirql.io.whereabouts import is_in_flight
from dirql.ke.bugcheck import bug_check
from dirql.ke.current import current as ke
from dirql.ke.defects import report_defect
from dirql.ke.objects.timer import Timer
from dirql.ke.origin import describe_mark, origin_of_routine
from dirql.ke.processors.dpc import Dpc
from dirql.ke.processors.interrupt import interrupt_table
from dirql.ke.threads.work_queue import work_queues
from dirql.mm.blocks import owner_text
from dirql.mm.manager import running as memory_manager
from dirql.nt.bugcodes import (
    DRIVER_UNLOADED_WITHOUT_CANCELLING_PENDING_OPERATIONS,
    DRIVER_VERIFIER_DETECTED_VIOLATION,
    VERIFIER_POOL_TRACKING,
    VF_POOL_LEFT_AT_UNLOAD,
)
from dirql.nt.constants import IRP_MJ_SHUTDOWN
from dirql.ob.manager import running as object_manager
from dirql.ob.namespace import Directory, SymbolicLink

__all__ = ["check_leftovers", "report_own_handles"]

_DIRECTORIES: Final = ("\\??", "\\Device")

_Left = tuple[object, object, str]
"""A thing that is still in use, its routine, and the state with the remedy."""


def check_leftovers(driver: DriverObject) -> None:
    """Stop for code of an unloaded driver that would be called, or for its pool; report its handles and references."""
    for find in _FINDERS:
        for left, routine, what in find(driver):
            place = origin_of_routine(routine)
            reason = (
                f"a driver must leave nothing behind when its Unload routine returns; {left!r} of {driver!r} was still"
                f" {what} in DriverUnload"
            )
            ke.processor.driver = driver
            code = DRIVER_UNLOADED_WITHOUT_CANCELLING_PENDING_OPERATIONS
            bug_check(code, left, 0, place or 0, 0, reason=reason, place=place)
    _check_memory(driver)
    for sentence in (*_handles(driver), *_references(driver), *unfreed(driver), *_things(driver)):
        report_defect("DRV-11", sentence)


def report_own_handles(driver: DriverObject) -> None:
    """Report handles of its own devices that a driver itself holds, since it would wait for them for ever."""
    for number, entry in object_manager.value.handles.of_driver(driver):
        body = entry.object.body
        if isinstance(body, FileObject) and body.device_object.driver_object is driver:
            sentence = (
                "a driver must close the handles of its own devices, for which its Unload routine waits;"
                f" {driver!r} has {number:#x} of {body!r}, opened in {describe_mark(entry.place)}: call ZwClose as soon"
                " as the handle is not needed"
            )
            report_defect("DRV-11", sentence)


def _timers(driver: DriverObject) -> Iterator[_Left]:
    for entry in ke.kernel.timers.entries():
        timer = getattr(entry, "timer", None)
        if not isinstance(timer, Timer):
            continue
        dpc = timer.dpc
        if timer.driver is driver or (dpc is not None and dpc.driver is driver):
            yield (
                timer,
                None if dpc is None else dpc.deferred_routine,
                "set: call KeCancelTimer and KeFlushQueuedDpcs",
            )


def _dpcs(driver: DriverObject) -> Iterator[_Left]:
    queues = [processor.dpcs for processor in ke.kernel.processors]
    waiting = [dpc for queue in queues for dpc in (*queue.waiting, *queue.threaded)]
    for dpc in waiting:
        if isinstance(dpc, Dpc) and dpc.driver is driver:
            yield dpc, dpc.deferred_routine, "queued: call KeFlushQueuedDpcs"


def _io_timers(driver: DriverObject) -> Iterator[_Left]:
    for timer in io_manager.value.device_timers.values():
        if timer.is_started and timer.device_object.driver_object is driver:
            yield timer, timer.timer_routine, "started: call IoStopTimer"


def _work_items(driver: DriverObject) -> Iterator[_Left]:
    for item in work_queues.value.waiting():
        if item.driver is driver:
            yield (
                item,
                item.worker_routine,
                "queued: wait until its routine has been called, as with an event that it sets",
            )


def _shutdown_registrations(driver: DriverObject) -> Iterator[_Left]:
    manager = io_manager.value
    for device in (*manager.registered.at_shutdown, *manager.registered.at_last_chance):
        if device.driver_object is driver:
            routine = driver.major_function[IRP_MJ_SHUTDOWN]
            yield device, routine, "registered for the shutdown: call IoUnregisterShutdownNotification"


def _callbacks(driver: DriverObject) -> Iterator[_Left]:
    for registration in object_manager.value.callbacks:
        if registration.driver is driver:
            yield registration, registration.function, f"registered: call {registration.undo}"


def _interrupts(driver: DriverObject) -> Iterator[_Left]:
    for interrupt in interrupt_table.value.connected_interrupts():
        if interrupt.driver is driver:
            yield interrupt, interrupt.service_routine, "connected: call IoDisconnectInterrupt"


def _threads(driver: DriverObject) -> Iterator[_Left]:
    for thread in ke.kernel.threads:
        if thread.creator is driver:
            yield thread, None, "running: tell it to end, and wait for the thread object"


def _requests(driver: DriverObject) -> Iterator[_Left]:
    """The requests that a driver has, or of which a completion routine of it would be called."""
    for irp in io_manager.value.live_irps:
        if not is_in_flight(irp):
            continue
        for number in range(max(irp.current_location, 1), irp.stack_count + 1):
            location = irp.locations[number - 1]
            device = location.device_object
            if device is not None and device.driver_object is driver and number == irp.current_location:
                yield irp, irp.cancel_routine, "with it: complete each request"
            if location.completion_routine is not None and _owner_above(irp, number) is driver:
                routine = location.completion_routine
                yield irp, routine, "under way below it with its completion routine: wait for the request"


def unfreed(driver: DriverObject | None = None) -> Iterator[str]:
    """A sentence for each work item and entry of the error log that the driver, or any driver, has not freed."""
    manager = io_manager.value
    for items, step in (
        (manager.work_items, "IoFreeWorkItem"),
        (manager.errors.unwritten, "IoWriteErrorLogEntry or IoFreeErrorLogEntry"),
    ):
        for item in items:
            if driver is None or item.driver is driver:
                yield (
                    f"a driver must free what it allocates; {item!r} was not freed, allocated by"
                    f" {owner_text(item.driver, item.place)}: call {step}"
                )


def _owner_above(irp: Irp, number: int) -> object:
    """The driver that has set the completion routine of a stack location."""
    if number == irp.stack_count:
        return irp.maker
    device = irp.locations[number].device_object
    return None if device is None else device.driver_object


def _devices(driver: DriverObject) -> Iterator[_Left]:
    for device in driver.devices():
        yield from () if device.delete_pending else [(device, None, "there: call IoDeleteDevice")]


def _links(driver: DriverObject) -> Iterator[_Left]:
    namespace = object_manager.value.namespace
    for path in _DIRECTORIES:
        _, directory, _ = namespace.lookup(path)
        if isinstance(directory, Directory):
            for named in directory.entries.values():
                if isinstance(named, SymbolicLink) and named.maker is driver:
                    yield named, None, "there: call IoDeleteSymbolicLink"


def _check_memory(driver: DriverObject) -> None:
    """Bug check 0xC4/0x62 for pool, MDLs and packets of the driver, if Driver Verifier tracks its pool."""
    if not ke.kernel.verifier.is_on(VERIFIER_POOL_TRACKING, driver):
        return
    manager = memory_manager.value
    blocks = (*manager.nonpaged_pool.blocks.values(), *manager.paged_pool.blocks.values())
    places = [owner_text(driver, block.place) for block in blocks if block.driver is driver]
    places += [owner_text(driver, mdl.place) for mdl in manager.mdls if mdl.driver is driver]
    places += [f"{driver!r} with IoAllocateIrp" for irp in io_manager.value.live_irps if irp.maker is driver]
    if places:
        name = driver.driver_extension.service_key_name
        reason = (
            f"a driver must free all its pool, MDLs and IRPs before its Unload routine returns; {driver!r} had"
            f" {len(places)}, the first of them allocated by {places[0]}"
        )
        ke.processor.driver = driver
        code = DRIVER_VERIFIER_DETECTED_VIOLATION
        bug_check(code, VF_POOL_LEFT_AT_UNLOAD, name, 0, len(places), reason=reason)


def _handles(driver: DriverObject) -> Iterator[str]:
    for number, entry in object_manager.value.handles.of_driver(driver):
        yield (
            f"a driver must close its handles before its Unload routine returns; {driver!r} left {number:#x} of"
            f" {entry.object.body!r}, opened in {describe_mark(entry.place)}: call ZwClose"
        )


def _things(driver: DriverObject) -> Iterator[str]:
    find = io_manager.value.hooks.things_left
    of_hal = () if find is None else find(driver)
    for sentence in (*of_hal, *memory_manager.value.holdings.held(driver)):
        yield f"a driver must give everything back before its Unload routine returns; {sentence}"


def _references(driver: DriverObject) -> Iterator[str]:
    for body, place in object_manager.value.kept_by(driver):
        yield (
            f"a driver must give its references back before its Unload routine returns; {driver!r} kept one of"
            f" {body!r}, taken in {describe_mark(place)}: call ObDereferenceObject"
        )


def _requests_of_hal(driver: DriverObject) -> Iterable[_Left]:
    find = io_manager.value.hooks.code_left
    return () if find is None else find(driver)


_FINDERS: Final = (
    _requests_of_hal,
    _timers,
    _io_timers,
    _dpcs,
    _work_items,
    _shutdown_registrations,
    _callbacks,
    _interrupts,
    _threads,
    _requests,
    _devices,
    _links,
)
"""Each finds one kind of thing that would call code of a driver."""
