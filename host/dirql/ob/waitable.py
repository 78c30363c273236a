# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Events and timers that have handles and names, and waits by handle."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeVar

from dirql.ke.current import current
from dirql.ke.guard import current_driver
from dirql.ke.objects.dispatcher_object import DispatcherObject, WaitBlock
from dirql.ke.objects.event import Event
from dirql.ke.objects.timer import Timer
from dirql.ke.processors.contract import KeptContract, contract
from dirql.ke.processors.dpc import Dpc
from dirql.ke.threads.apc import Apc, NormalRoutine, completion_apc
from dirql.ke.threads.kernel_call import is_program
from dirql.ke.threads.wait import wait_for_multiple_objects, wait_for_single_object
from dirql.nt.constants import (
    EVENT_ALL_ACCESS,
    EVENT_INCREMENT,
    EVENT_MODIFY_STATE,
    MAXIMUM_WAIT_OBJECTS,
    OBJ_KERNEL_HANDLE,
    OBJ_OPENIF,
    SYNCHRONIZE,
    TIMER_MODIFY_STATE,
    KernelMode,
    NotificationEvent,
    NotificationTimer,
    SynchronizationEvent,
    SynchronizationTimer,
    UserMode,
    UserRequest,
    WaitAll,
    WaitAny,
)
from dirql.nt.status import (
    STATUS_INVALID_PARAMETER,
    STATUS_INVALID_PARAMETER_1,
    STATUS_INVALID_PARAMETER_3,
    STATUS_INVALID_PARAMETER_4,
    STATUS_INVALID_PARAMETER_MIX,
    STATUS_OBJECT_NAME_COLLISION,
    STATUS_OBJECT_NAME_EXISTS,
    STATUS_OBJECT_TYPE_MISMATCH,
    STATUS_SUCCESS,
)
from dirql.ob.attributes import ObjectAttributes
from dirql.ob.manager import handle_flags, has_name, running as object_manager
from dirql.rtl.strings import UnicodeText

__all__ = [
    "cancel_timer",
    "clear_event",
    "create_event",
    "create_notification_event",
    "create_synchronization_event",
    "create_timer",
    "event_of_handle",
    "open_event",
    "open_timer",
    "pulse_event",
    "reset_event",
    "set_event",
    "set_timer",
    "wait_for_object",
    "wait_for_objects",
]

_CREATE_EVENT: Final = contract("ZwCreateEvent")
_OPEN_EVENT: Final = contract("ZwOpenEvent")
_SET_EVENT: Final = contract("ZwSetEvent")
_RESET_EVENT: Final = contract("ZwResetEvent")
_CLEAR_EVENT: Final = contract("ZwClearEvent")
_PULSE_EVENT: Final = contract("ZwPulseEvent")
_CREATE_TIMER: Final = contract("ZwCreateTimer")
_OPEN_TIMER: Final = contract("ZwOpenTimer")
_SET_TIMER: Final = contract("ZwSetTimer")
_CANCEL_TIMER: Final = contract("ZwCancelTimer")
_WAIT: Final = contract("ZwWaitForSingleObject")
_WAIT_MULTIPLE: Final = contract("ZwWaitForMultipleObjects")
_CREATE_NOTIFICATION_EVENT: Final = contract("IoCreateNotificationEvent")
_CREATE_SYNCHRONIZATION_EVENT: Final = contract("IoCreateSynchronizationEvent")

K = TypeVar("K", bound=DispatcherObject)


def create_event(
    desired_access: int, object_attributes: ObjectAttributes | None, event_type: int, initial_state: int
) -> tuple[int, int | None]:
    """Make an event, by name if it has one, and open it: (status, handle); follows ZwCreateEvent.

    A name that an event has already is STATUS_OBJECT_NAME_COLLISION, or with OBJ_OPENIF STATUS_OBJECT_NAME_EXISTS and a
    handle of that event; another type than the two of an EVENT_TYPE is STATUS_INVALID_PARAMETER.
    """
    _CREATE_EVENT.check_with(desired_access, object_attributes)
    _CREATE_EVENT.check_arguments(desired_access, object_attributes, event_type, initial_state)
    if event_type not in (NotificationEvent, SynchronizationEvent):
        return STATUS_INVALID_PARAMETER, None
    event = Event()
    event.initialize(event_type, bool(initial_state))
    return _create(event, Event, desired_access, object_attributes)


def open_event(desired_access: int, object_attributes: ObjectAttributes) -> tuple[int, int | None]:
    """Open an event by its name: (status, handle); follows ZwOpenEvent."""
    _OPEN_EVENT.check_with(desired_access, object_attributes)
    _OPEN_EVENT.check_arguments(desired_access, object_attributes)
    return _open(Event, desired_access, object_attributes)


def set_event(event_handle: int) -> tuple[int, int]:
    """Signal the event of a handle: (status, previous state); follows ZwSetEvent."""
    _SET_EVENT.check_level(event_handle)
    _SET_EVENT.check_arguments(event_handle)
    status, event = object_manager.value.handles.lookup(event_handle, Event, _access(EVENT_MODIFY_STATE))
    return status, 0 if event is None else event.set(EVENT_INCREMENT, False)


def reset_event(event_handle: int) -> tuple[int, int]:
    """Clear the event of a handle: (status, previous state); follows ZwResetEvent."""
    _RESET_EVENT.check_level(event_handle)
    _RESET_EVENT.check_arguments(event_handle)
    status, event = object_manager.value.handles.lookup(event_handle, Event, _access(EVENT_MODIFY_STATE))
    return status, 0 if event is None else event.reset()


def clear_event(event_handle: int) -> int:
    """Clear the event of a handle; follows ZwClearEvent."""
    _CLEAR_EVENT.check_level(event_handle)
    _CLEAR_EVENT.check_arguments(event_handle)
    status, event = object_manager.value.handles.lookup(event_handle, Event, _access(EVENT_MODIFY_STATE))
    if event is not None:
        event.clear()
    return status


def pulse_event(event_handle: int) -> tuple[int, int]:
    """Release the threads that wait for the event of a handle now: (status, previous state); follows ZwPulseEvent."""
    _PULSE_EVENT.check_level(event_handle)
    _PULSE_EVENT.check_arguments(event_handle)
    status, event = object_manager.value.handles.lookup(event_handle, Event, _access(EVENT_MODIFY_STATE))
    return status, 0 if event is None else event.pulse(0, False)


def create_notification_event(event_name: UnicodeText | None) -> tuple[Event | None, int | None]:
    """Make or open a notification event, which is signalled at first: (event, handle).

    Follows IoCreateNotificationEvent. An event of the other type that has the name is opened as it is.
    """
    _CREATE_NOTIFICATION_EVENT.check_level(event_name)
    _CREATE_NOTIFICATION_EVENT.check_arguments(event_name)
    return _named_event(event_name, NotificationEvent)


def create_synchronization_event(event_name: UnicodeText | None) -> tuple[Event | None, int | None]:
    """Make or open a synchronization event, which is signalled at first: (event, handle).

    Follows IoCreateSynchronizationEvent.
    """
    _CREATE_SYNCHRONIZATION_EVENT.check_level(event_name)
    _CREATE_SYNCHRONIZATION_EVENT.check_arguments(event_name)
    return _named_event(event_name, SynchronizationEvent)


class _HandleTimer(Timer):
    """A timer with a handle; when it expires it can queue an APC to the thread that has set it."""

    __slots__ = ("apc", "own_dpc")

    def __init__(self, type: int) -> None:
        super().__init__()
        self.initialize_ex(type)
        self.driver = None
        self.apc: Apc | None = None
        self.own_dpc = Dpc()
        self.own_dpc.initialize(_queue_apc, self)
        self.own_dpc.driver = None


def _queue_apc(dpc: Dpc, context: object, low: object, high: object) -> None:
    """Queue the APC of a timer that has expired, with the system time of that."""
    del dpc
    if isinstance(context, _HandleTimer) and context.apc is not None:
        context.apc.queue(low, high)


def create_timer(
    desired_access: int, object_attributes: ObjectAttributes | None, timer_type: int
) -> tuple[int, int | None]:
    """Make a timer, by name if it has one, and open it: (status, handle); follows ZwCreateTimer.

    Another type than the two of a TIMER_TYPE is STATUS_INVALID_PARAMETER_4.
    """
    _CREATE_TIMER.check_with(desired_access, object_attributes)
    _CREATE_TIMER.check_arguments(desired_access, object_attributes, timer_type)
    if timer_type not in (NotificationTimer, SynchronizationTimer):
        return STATUS_INVALID_PARAMETER_4, None
    return _create(_HandleTimer(timer_type), _HandleTimer, desired_access, object_attributes)


def open_timer(desired_access: int, object_attributes: ObjectAttributes) -> tuple[int, int | None]:
    """Open a timer by its name: (status, handle); follows ZwOpenTimer."""
    _OPEN_TIMER.check_with(desired_access, object_attributes)
    _OPEN_TIMER.check_arguments(desired_access, object_attributes)
    return _open(_HandleTimer, desired_access, object_attributes)


def set_timer(
    timer_handle: int,
    due_time: int,
    timer_apc_routine: NormalRoutine | None,
    timer_context: object,
    resume_timer: int,
    period: int | None,
) -> tuple[int, bool]:
    """Set the timer of a handle: (status, whether it was signalled); follows ZwSetTimer.

    An APC of the calling thread runs `timer_apc_routine(context, low, high)` with the system time of each expiry; that
    of a program runs in an alertable wait. `period` is in milliseconds. Nothing sleeps here, so that `resume_timer`
    means nothing.
    """
    _SET_TIMER.check_level(timer_handle)
    _SET_TIMER.check_arguments(timer_handle, due_time, timer_apc_routine, timer_context, resume_timer, period)
    status, timer = object_manager.value.handles.lookup(
        timer_handle, _HandleTimer, _access(TIMER_MODIFY_STATE)
    )
    if timer is None:
        return status, False
    period = period or 0
    if period < 0:
        return STATUS_INVALID_PARAMETER, False
    was_signalled = timer.header.signal_state > 0
    _take_back_apc(timer)
    if timer_apc_routine is not None:
        driver = current_driver()
        thread = current.processor.current_thread
        timer.apc = completion_apc(thread, driver, timer_apc_routine, timer_context, is_program())
    timer.set_ex(due_time, period, timer.own_dpc if timer.apc is not None else None)
    return STATUS_SUCCESS, was_signalled


def cancel_timer(timer_handle: int) -> tuple[int, bool]:
    """Take back the timer of a handle: (status, whether it was signalled); follows ZwCancelTimer."""
    _CANCEL_TIMER.check_level(timer_handle)
    _CANCEL_TIMER.check_arguments(timer_handle)
    status, timer = object_manager.value.handles.lookup(
        timer_handle, _HandleTimer, _access(TIMER_MODIFY_STATE)
    )
    if timer is None:
        return status, False
    timer.cancel()
    _take_back_apc(timer)
    return STATUS_SUCCESS, timer.header.signal_state > 0


def _take_back_apc(timer: _HandleTimer) -> None:
    if timer.apc is not None:
        timer.apc.remove()
        timer.apc = None


def wait_for_object(handle: int, alertable: int, timeout: int | None) -> int:
    """Wait for the object of a handle; follows ZwWaitForSingleObject. Returns the status of the wait.

    STATUS_OBJECT_TYPE_MISMATCH for a handle of something for which nobody can wait.
    """
    _WAIT.check_level(handle)
    _WAIT.check_arguments(handle, alertable, timeout)
    status, body = _waitable(handle)
    if body is None:
        return status
    mode = UserMode if is_program() else KernelMode
    return wait_for_single_object(body, UserRequest, mode, bool(alertable), timeout)


def wait_for_objects(
    count: int, handles: Sequence[int], wait_type: int, alertable: int, timeout: int | None
) -> int:
    """Wait for one or all of the objects of `count` handles; follows ZwWaitForMultipleObjects.

    STATUS_INVALID_PARAMETER_1 for a number that is not 1 … MAXIMUM_WAIT_OBJECTS, STATUS_INVALID_PARAMETER_3 for no
    WAIT_TYPE, STATUS_INVALID_PARAMETER_MIX for an object that is named twice where all are waited for.
    """
    _WAIT_MULTIPLE.check_level(count)
    _WAIT_MULTIPLE.check_arguments(count, handles, wait_type, alertable, timeout)
    if not isinstance(handles, list | tuple):
        _WAIT_MULTIPLE.refuse_argument("Handles", "a list or tuple of handles", handles)
    if not 1 <= count <= MAXIMUM_WAIT_OBJECTS:
        return STATUS_INVALID_PARAMETER_1
    if wait_type not in (WaitAll, WaitAny):
        return STATUS_INVALID_PARAMETER_3
    if len(handles) < count:
        raise ValueError(
            f"ZwWaitForMultipleObjects: Handles must have Count elements, {count}; it had {len(handles)}"
        )
    objects: list[DispatcherObject] = []
    for handle in handles[:count]:
        status, body = _waitable(handle)
        if body is None:
            return status
        objects.append(body)
    if wait_type == WaitAll and len(set(objects)) < count:
        return STATUS_INVALID_PARAMETER_MIX
    mode = UserMode if is_program() else KernelMode
    blocks = [WaitBlock() for _ in objects]
    return wait_for_multiple_objects(
        count, objects, wait_type, UserRequest, mode, bool(alertable), timeout, blocks
    )


def _waitable(handle: int) -> tuple[int, DispatcherObject | None]:
    """The object of a handle for which a thread can wait: (status, object)."""
    status, body = object_manager.value.handles.lookup(handle, object, _access(SYNCHRONIZE))
    if body is not None and not isinstance(body, DispatcherObject):
        body = getattr(body, "event", None)  # the event of a file
        status = STATUS_OBJECT_TYPE_MISMATCH
    return (STATUS_SUCCESS, body) if isinstance(body, DispatcherObject) else (status, None)


def event_of_handle(kept: KeptContract, event: object) -> tuple[int, Event | None]:
    """The event that a service signals: (status, event). `event` is a handle, the event itself, or None for NULL.

    Anything else is a `TypeError` that names the routine. A program's handle must grant EVENT_MODIFY_STATE.
    """
    if event is None or isinstance(event, Event):
        return STATUS_SUCCESS, event
    if not isinstance(event, int):
        kept.refuse_argument("Event", "a handle of an event (HANDLE), a KEVENT, or None", event)
    if event == 0:
        return STATUS_SUCCESS, None
    return object_manager.value.handles.lookup(event, Event, _access(EVENT_MODIFY_STATE))


def _access(wanted: int) -> int:
    """The access that a handle must grant: kernel mode is not checked."""
    return wanted if is_program() else 0


def _create(
    made: DispatcherObject, kind: type[K], access: int, attributes: ObjectAttributes | None
) -> tuple[int, int | None]:
    manager = object_manager.value
    header = manager.header_of(made)
    if attributes is None or not has_name(attributes):
        return STATUS_SUCCESS, manager.handles.insert(header, access, handle_flags(attributes))
    status, handle = manager.create(header, attributes, access)
    if handle is None:
        manager.forget(made)
    if status == STATUS_OBJECT_NAME_COLLISION and attributes.attributes & OBJ_OPENIF:
        status, handle = _open(kind, access, attributes)
        if status == STATUS_SUCCESS:
            status = STATUS_OBJECT_NAME_EXISTS
    return status, handle


def _open(kind: type[K], access: int, attributes: ObjectAttributes) -> tuple[int, int | None]:
    manager = object_manager.value
    status, found, rest = manager.lookup(attributes)
    if found is None:
        return status, None
    if rest or not isinstance(found.body, kind):
        return STATUS_OBJECT_TYPE_MISMATCH, None
    return STATUS_SUCCESS, manager.handles.insert(found, access, handle_flags(attributes))


def _named_event(name: UnicodeText | None, event_type: int) -> tuple[Event | None, int | None]:
    event = Event()
    event.initialize(event_type, True)
    attributes = ObjectAttributes(name, OBJ_OPENIF | OBJ_KERNEL_HANDLE)
    _, handle = _create(event, Event, EVENT_ALL_ACCESS, attributes)
    if handle is None:
        return None, None
    _, opened = object_manager.value.handles.lookup(handle, Event)
    return opened, handle
