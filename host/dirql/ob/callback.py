# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
r"""Callback objects: routines that drivers register, by the name of the object, and that are called together.

The system's own are \Callback\SetSystemTime, \Callback\PowerState and \Callback\ProcessorAdd. Nothing sets the
time and no processor comes later, so that only PowerState is ever told of something.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from dirql.ke.current import current
from dirql.ke.guard import CALLBACK_FUNCTION, call_driver, current_driver, describe
from dirql.ke.processors.contract import contract
from dirql.nt.constants import OBJ_PERMANENT
from dirql.nt.status import (
    STATUS_OBJECT_NAME_NOT_FOUND,
    STATUS_OBJECT_TYPE_MISMATCH,
    STATUS_SUCCESS,
    STATUS_UNSUCCESSFUL,
)
from dirql.ob.attributes import ObjectAttributes
from dirql.ob.manager import running as object_manager
from dirql.ob.object import Object

__all__ = [
    "Callback",
    "CallbackFunction",
    "CallbackRegistration",
    "create_callback",
    "make_system_callbacks",
    "notify_callback",
    "unregister_callback",
]

_CREATE: Final = contract("ExCreateCallback")
_REGISTER: Final = contract("ExRegisterCallback")
_UNREGISTER: Final = contract("ExUnregisterCallback")
_NOTIFY: Final = contract("ExNotifyCallback")

_SYSTEM: Final = ("SetSystemTime", "PowerState", "ProcessorAdd")

CallbackFunction = Callable[[object, object, object], object]
"""A callback routine is called as `routine(context, argument1, argument2)`."""


class CallbackRegistration:
    """One routine that is registered with a callback object."""

    __slots__ = ("busy", "callback", "context", "driver", "function")

    def __init__(self, callback: Callback, function: CallbackFunction, context: object) -> None:
        self.callback = callback
        self.function = function
        self.context = context
        self.driver = current_driver()
        self.busy = 0
        """The number of calls of the routine that are under way."""

    @property
    def undo(self) -> str:
        """The routine that ends the registration."""
        return "ExUnregisterCallback"

    def __repr__(self) -> str:
        return f"<registration of {describe(self.function)} with {self.callback!r}>"


class Callback(Object):
    """A callback object (CALLBACK_OBJECT)."""

    __slots__ = ("allow_multiple_callbacks", "registrations")

    def __init__(self, allow_multiple_callbacks: bool) -> None:
        super().__init__()
        self.allow_multiple_callbacks = allow_multiple_callbacks
        self.registrations: dict[CallbackRegistration, None] = {}
        """The registered routines, oldest first."""

    @property
    def type_name(self) -> str:
        """The name of the object's type, as in `ob.object_type`."""
        return "Callback"

    def __repr__(self) -> str:
        return f"<callback object {self.name or 'without a name'}>"

    def register(
        self, callback_function: CallbackFunction, callback_context: object
    ) -> CallbackRegistration | None:
        """Have a routine called by `notify`; follows ExRegisterCallback.

        None if the object takes one routine only and has one.
        """
        _REGISTER.check(self)
        _REGISTER.check_arguments(self, callback_function, callback_context)
        if self.registrations and not self.allow_multiple_callbacks:
            return None
        made = CallbackRegistration(self, callback_function, callback_context)
        self.registrations[made] = None
        object_manager.value.callbacks[made] = None
        return made

    def last_reference_dropped(self) -> None:
        """Give up the name."""
        object_manager.value.namespace.remove(self)


def make_system_callbacks() -> None:
    """Make the system's own callback objects, which exist before any driver."""
    for name in _SYSTEM:
        object_manager.value.namespace.insert(f"\\Callback\\{name}", Callback(True))


def create_callback(
    object_attributes: ObjectAttributes, create: int, allow_multiple_callbacks: int
) -> tuple[int, Callback | None]:
    """Open a callback object by its name, or make it: (status, object); follows ExCreateCallback.

    The object comes with a reference. One without a name is always made. STATUS_OBJECT_NAME_NOT_FOUND if there is none
    by that name and `create` is FALSE.
    """
    _CREATE.check(object_attributes)
    _CREATE.check_arguments(object_attributes, create, allow_multiple_callbacks)
    manager = object_manager.value
    if object_attributes.object_name is not None:
        status, found, rest = manager.lookup(object_attributes)
        if isinstance(found, Callback) and not rest:
            manager.take_reference(found)
            return STATUS_SUCCESS, found
        if found is not None:
            return STATUS_OBJECT_TYPE_MISMATCH, None
        if status != STATUS_OBJECT_NAME_NOT_FOUND:
            return status, None
    if not create:
        named = object_attributes.object_name is not None
        return STATUS_OBJECT_NAME_NOT_FOUND if named else STATUS_UNSUCCESSFUL, None
    made = Callback(bool(allow_multiple_callbacks))
    if object_attributes.object_name is not None:
        status, path = manager.path_of(object_attributes)
        if path:
            status = manager.namespace.insert(
                path, made, permanent=bool(object_attributes.attributes & OBJ_PERMANENT)
            )
        if status != STATUS_SUCCESS:
            return status, None
    return STATUS_SUCCESS, made


def unregister_callback(callback_registration: object) -> None:
    """Call a routine no more, after the calls that are under way; follows ExUnregisterCallback."""
    _UNREGISTER.check_level(callback_registration)
    if not isinstance(callback_registration, CallbackRegistration):
        what = "the registration that ExRegisterCallback has returned"
        _UNREGISTER.refuse_argument("CallbackRegistration", what, callback_registration)
    callback_registration.callback.registrations.pop(callback_registration, None)
    object_manager.value.callbacks.pop(callback_registration, None)
    while callback_registration.busy:
        current.dispatcher.poll()


def notify_callback(callback_object: object, argument1: object, argument2: object) -> None:
    """Call the registered routines at the caller's IRQL, oldest first; follows ExNotifyCallback."""
    _NOTIFY.check_level(callback_object)
    if not isinstance(callback_object, Callback):
        _NOTIFY.refuse_argument("CallbackObject", "a callback object of ExCreateCallback", callback_object)
    for registration in list(callback_object.registrations):
        if registration in callback_object.registrations:
            registration.busy += 1
            arguments = (registration.context, argument1, argument2)
            call_driver(CALLBACK_FUNCTION, registration.driver, registration.function, *arguments)
            registration.busy -= 1
