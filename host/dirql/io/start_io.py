# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""StartIo: one request at a time has the device, from the StartIo routine to IoStartNextPacket (row SIO-06).

The routine that a driver's ISR queues for the rest of the work, DpcForIsr, is here as well.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final, cast

from dirql.io.manager import running as io_manager
from dirql.io.objects import CancelRoutine, DeviceObject, Irp, IrpDeviceQueueEntry
from dirql.io.start_io_state import StartIoState
from dirql.ke import guard
from dirql.ke.current import current
from dirql.ke.defects import report_defect
from dirql.ke.processors.contract import contract
from dirql.ke.processors.dpc import DeferredRoutine, Dpc
from dirql.ke.processors.irql import enter, restore_irql
from dirql.ke.threads.nesting import Nesting
from dirql.nt.constants import DISPATCH_LEVEL, SL_PENDING_RETURNED

__all__ = [
    "DEEPEST_START",
    "DpcForIsr",
    "initialize_dpc_request",
    "initialize_threaded_dpc_request",
    "request_dpc",
    "set_start_io_attributes",
    "start_next_packet",
    "start_next_packet_by_key",
    "start_packet",
]

_START_PACKET: Final = contract("IoStartPacket")
_START_NEXT_PACKET: Final = contract("IoStartNextPacket")
_START_NEXT_PACKET_BY_KEY: Final = contract("IoStartNextPacketByKey")
_INITIALIZE_DPC_REQUEST: Final = contract("IoInitializeDpcRequest")
_SET_START_IO_ATTRIBUTES: Final = contract("IoSetStartIoAttributes")
_INITIALIZE_THREADED: Final = contract("IoInitializeThreadedDpcRequest")
_REQUEST_DPC: Final = contract("IoRequestDpc")

DEEPEST_START: Final = 8
"""So many calls of StartIo run one inside the other on a stack; the call for a further request follows on the last."""

DpcForIsr = Callable[[Dpc, DeviceObject, Irp | None, object], None]


def start_packet(
    device: DeviceObject, irp: Irp, key: int | None, cancel_function: CancelRoutine | None
) -> None:
    """Call the driver's StartIo with `irp` now if the device is idle, else queue it; follows IoStartPacket.

    With a `key` the queue is sorted by it. `cancel_function` becomes the cancel routine; for a request that was
    cancelled before it could be queued, it is called at once (rows SIO-01, SIO-02).
    """
    _START_PACKET.check_two(device, irp)
    if key is not None or cancel_function is not None:
        _START_PACKET.check_arguments(device, irp, key, cancel_function)
    location = irp.current_location
    if location <= irp.stack_count and not irp.locations[location - 1].control & SL_PENDING_RETURNED:
        _report_unmarked(irp)
    old_irql = enter(current.processor, DISPATCH_LEVEL)
    if cancel_function is not None:
        io_manager.value.cancel_lock.acquire_at_dpc_level()
        irp.cancel_routine = cancel_function
    entry = irp.tail.overlay.device_queue_entry
    queue = device.device_queue
    queued = queue.insert(entry) if key is None else queue.insert_by_key(entry, key)
    if not queued:
        device.current_irp = irp
        if cancel_function is not None:
            if device.device_object_extension.start_io.non_cancelable:
                irp.cancel_routine = None
            io_manager.value.cancel_lock.release_from_dpc_level()
        _start_io(device, irp)
    elif cancel_function is not None:
        if irp.stored_cancel and irp.cancel_routine is not None:
            irp.cancel_routine = None
            irp.cancel_irql = DISPATCH_LEVEL
            cancel_function(device, irp)
        else:
            io_manager.value.cancel_lock.release_from_dpc_level()
    restore_irql(old_irql)


def start_next_packet(device: DeviceObject, cancelable: int) -> None:
    """Call StartIo with the next request of the queue, if there is one; follows IoStartNextPacket (row SIO-03).

    `cancelable` says that the driver passes a cancel routine to `start_packet`.
    """
    _START_NEXT_PACKET.check(device)
    _start_next(device, cancelable, None)


def start_next_packet_by_key(device: DeviceObject, cancelable: int, key: int) -> None:
    """Call StartIo with the first request whose key is `key` or more; follows IoStartNextPacketByKey."""
    _START_NEXT_PACKET_BY_KEY.check(device)
    if type(key) is not int:
        _START_NEXT_PACKET_BY_KEY.check_arguments(device, cancelable, key)
    _start_next(device, cancelable, key)


def _start_next(device: DeviceObject, cancelable: int, key: int | None) -> None:
    """Take the next request and start it, or leave that to the StartIo that runs."""
    state = device.device_object_extension.start_io
    if state.is_inside:
        if state.later is not None:
            _report_twice(f"it was called again for the same one inside StartIo of {device!r}")
        state.later = bool(cancelable), key
        return
    irp = _take_next(device, cancelable, key)
    if irp is not None:
        _start_io(device, irp)


def _take_next(device: DeviceObject, cancelable: int, key: int | None) -> Irp | None:
    """Take the next request, under the cancel lock if the driver's requests can be cancelled."""
    if cancelable:
        io_manager.value.cancel_lock.acquire_at_dpc_level()
    device.current_irp = None
    queue = device.device_queue
    if not queue.busy:
        _report_twice(f"the queue of {device!r} was idle")
    entry = queue.remove() if key is None else queue.remove_by_key(key)
    irp = device.current_irp = entry.irp if isinstance(entry, IrpDeviceQueueEntry) else None
    if cancelable:
        if irp is not None and device.device_object_extension.start_io.non_cancelable:
            irp.cancel_routine = None
        io_manager.value.cancel_lock.release_from_dpc_level()
    return irp


def _report_twice(was: str) -> None:
    """Report a driver that asks for the next request twice, so that a new one would be started while another runs."""
    report_defect(
        "SIO-09",
        f"IoStartNextPacket must be called once for each request that StartIo was given; {was}: call it where the"
        " request ends, and nowhere else",
    )


def _report_unmarked(irp: Irp) -> None:
    """Report a request that StartIo, the ISR and the DPC may complete before it is marked pending."""
    report_defect(
        "SIO-10",
        f"a request must be marked pending before IoStartPacket; {irp!r} was not: call IoMarkIrpPending first, since"
        " the request may be complete when IoStartPacket returns",
    )


def _start_io(device: DeviceObject, irp: Irp) -> None:
    """Call StartIo, or leave that to the end of one that runs already.

    StartIo may call IoStartNextPacket, and is then called recursively (row SIO-03). A kernel stack has room for some
    such calls only, so that the deepest of them goes on with the requests that follow when it has returned.
    """
    driver = device.driver_object
    start_io = driver.driver_start_io
    if start_io is None:
        raise TypeError(f"driver_start_io of {driver!r} must be set before IoStartPacket; it was None")
    state = device.device_object_extension.start_io
    if state.deferred:
        _start_one_by_one(device, irp, state)
        return
    nesting = current.processor.current_thread.nesting
    depth = nesting.starts + 1
    if depth > DEEPEST_START:
        io_manager.value.later_starts.setdefault(nesting, deque()).append((device, irp))
        return
    nesting.starts = depth
    guard.call_start_io(driver, start_io, device, irp)
    if depth == DEEPEST_START:
        _start_later(nesting)
    nesting.starts = depth - 1


def _start_later(nesting: Nesting) -> None:
    """Call StartIo for the requests whose call would have been nested too deeply on a stack."""
    manager = io_manager.value
    queue = manager.later_starts.get(nesting)
    while queue:
        device, irp = queue.popleft()
        driver = device.driver_object
        start_io = driver.driver_start_io
        assert start_io is not None
        guard.call_start_io(driver, start_io, device, irp)
    manager.later_starts.pop(nesting, None)


def _start_one_by_one(device: DeviceObject, irp: Irp, state: StartIoState) -> None:
    """Call StartIo, and again for each request that IoStartNextPacket has asked for meanwhile (row SIO-08)."""
    driver = device.driver_object
    start_io = driver.driver_start_io
    assert start_io is not None
    state.is_inside = True
    following: Irp | None = irp
    while following is not None:
        guard.call_start_io(driver, start_io, device, following)
        if state.later is None:
            break
        (cancelable, key), state.later = state.later, None
        following = _take_next(device, cancelable, key)
    state.is_inside = False


def set_start_io_attributes(device: DeviceObject, deferred_start_io: int, non_cancelable: int) -> None:
    """Say how StartIo is called; follows IoSetStartIoAttributes.

    With `deferred_start_io` it is not called again before it has returned. With `non_cancelable` a request that
    IoStartPacket or IoStartNextPacket takes for StartIo has no cancel routine any more.
    """
    _SET_START_IO_ATTRIBUTES.check(device)
    _SET_START_IO_ATTRIBUTES.check_arguments(device, deferred_start_io, non_cancelable)
    state = device.device_object_extension.start_io
    state.deferred, state.non_cancelable = bool(deferred_start_io), bool(non_cancelable)


def initialize_dpc_request(device: DeviceObject, dpc_routine: DpcForIsr) -> None:
    """Set the DpcForIsr routine, called as `routine(dpc, device, irp, context)`; follows IoInitializeDpcRequest."""
    _INITIALIZE_DPC_REQUEST.check_arguments(device, dpc_routine)
    device.dpc.is_of_device = True
    device.dpc.initialize(cast("DeferredRoutine", dpc_routine), device)


def initialize_threaded_dpc_request(device: DeviceObject, dpc_routine: DpcForIsr) -> None:
    """Set the DpcForIsr routine, which a threaded DPC runs; follows IoInitializeThreadedDpcRequest."""
    _INITIALIZE_THREADED.check_arguments(device, dpc_routine)
    device.dpc.is_of_device = True
    device.dpc.initialize_threaded(cast("DeferredRoutine", dpc_routine), device)


def request_dpc(device: DeviceObject, irp: Irp | None, context: object) -> bool:
    """Queue the DpcForIsr routine; follows IoRequestDpc. False when it is queued already."""
    try:
        dpc = device.dpc
    except AttributeError as error:
        _REQUEST_DPC.explain(error, device, irp, context)
    return dpc.insert_queue(irp, context)
