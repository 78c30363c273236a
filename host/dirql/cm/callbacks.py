# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""RegistryCallback routines: drivers that watch, refuse or replace the operations of others on the registry.

A routine is told before an operation and after it. Before it, the routine with the highest altitude comes first, and
one that returns an error ends the operation with that status; STATUS_CALLBACK_BYPASS ends it with success. After it,
those that have been told before are told again, the lowest one first; STATUS_CALLBACK_BYPASS replaces the status.
Operations of a routine are told to those below it only (row REG-18).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

from dirql.cm.notifications import ContextCleanupInformation, PostOperationInformation
from dirql.cm.registry import running
from dirql.cm.registry_callback import RegistryCallback, RegistryRoutine, WatchedKey
from dirql.ke.current import current, get_current_thread
from dirql.ke.processors.contract import contract
from dirql.nt.constants import (
    RegNtCallbackObjectContextCleanup,
    RegNtPostCreateKeyEx,
    RegNtPostDeleteKey,
    RegNtPostDeleteValueKey,
    RegNtPostEnumerateKey,
    RegNtPostEnumerateValueKey,
    RegNtPostFlushKey,
    RegNtPostKeyHandleClose,
    RegNtPostOpenKeyEx,
    RegNtPostQueryKey,
    RegNtPostQueryValueKey,
    RegNtPostRenameKey,
    RegNtPostSetInformationKey,
    RegNtPostSetValueKey,
    RegNtPreCreateKeyEx,
    RegNtPreDeleteKey,
    RegNtPreDeleteValueKey,
    RegNtPreEnumerateKey,
    RegNtPreEnumerateValueKey,
    RegNtPreFlushKey,
    RegNtPreKeyHandleClose,
    RegNtPreOpenKeyEx,
    RegNtPreQueryKey,
    RegNtPreQueryValueKey,
    RegNtPreRenameKey,
    RegNtPreSetInformationKey,
    RegNtPreSetValueKey,
)
from dirql.nt.ntstatus import nt_success
from dirql.nt.status import (
    STATUS_CALLBACK_BYPASS,
    STATUS_FLT_INSTANCE_ALTITUDE_COLLISION,
    STATUS_INVALID_PARAMETER,
    STATUS_SUCCESS,
)
from dirql.ob.manager import running as object_manager
from dirql.rtl.strings import UnicodeText, unicode_text

__all__ = [
    "forget_contexts",
    "get_callback_version",
    "get_key_object_id",
    "register_callback",
    "register_callback_ex",
    "run_filtered",
    "set_callback_object_context",
    "unregister_callback",
]

_REGISTER: Final = contract("CmRegisterCallback")
_REGISTER_EX: Final = contract("CmRegisterCallbackEx")
_UNREGISTER: Final = contract("CmUnRegisterCallback")
_SET_CONTEXT: Final = contract("CmSetCallbackObjectContext")
_VERSION: Final = contract("CmGetCallbackVersion")
_OBJECT_ID: Final = contract("CmCallbackGetKeyObjectID")

_POST: Final = {
    RegNtPreDeleteKey: RegNtPostDeleteKey,
    RegNtPreSetValueKey: RegNtPostSetValueKey,
    RegNtPreDeleteValueKey: RegNtPostDeleteValueKey,
    RegNtPreSetInformationKey: RegNtPostSetInformationKey,
    RegNtPreRenameKey: RegNtPostRenameKey,
    RegNtPreEnumerateKey: RegNtPostEnumerateKey,
    RegNtPreEnumerateValueKey: RegNtPostEnumerateValueKey,
    RegNtPreQueryKey: RegNtPostQueryKey,
    RegNtPreQueryValueKey: RegNtPostQueryValueKey,
    RegNtPreKeyHandleClose: RegNtPostKeyHandleClose,
    RegNtPreCreateKeyEx: RegNtPostCreateKeyEx,
    RegNtPreOpenKeyEx: RegNtPostOpenKeyEx,
    RegNtPreFlushKey: RegNtPostFlushKey,
}
"""The notification after an operation, by the one before it."""


class Operation(Protocol):
    """The information that a routine gets before an operation."""

    call_context: object

    def set_object_context(self, key: object, callback: RegistryCallback) -> None:
        """Set the member for the context that the routine keeps of the object."""


def register_callback(function: RegistryRoutine, context: object) -> tuple[int, int]:
    """Have a routine called for each operation on the registry: (status, cookie); follows CmRegisterCallback."""
    _REGISTER.check_level(function)
    _REGISTER.check_arguments(function, context)
    return STATUS_SUCCESS, _add(function, "", context)


def register_callback_ex(
    function: RegistryRoutine, altitude: UnicodeText, driver: object, context: object, reserved: object
) -> tuple[int, int]:
    """Have a routine called for each operation on the registry, in the order of the altitudes: (status, cookie).

    Follows CmRegisterCallbackEx. STATUS_FLT_INSTANCE_ALTITUDE_COLLISION if the altitude is taken.
    """
    _REGISTER_EX.check_level(function)
    _REGISTER_EX.check_arguments(function, altitude, driver, context, reserved)
    text = unicode_text(altitude)
    if any(other.altitude == text for other in running.value.callbacks):
        return STATUS_FLT_INSTANCE_ALTITUDE_COLLISION, 0
    return STATUS_SUCCESS, _add(function, text, context)


def _add(function: RegistryRoutine, altitude: str, context: object) -> int:
    registry = running.value
    registry.last_cookie += 1
    made = RegistryCallback(function, altitude, context, registry.last_cookie)
    registry.callbacks.append(made)
    registry.callbacks.sort(key=lambda callback: -callback.level)
    object_manager.value.callbacks[made] = None
    return made.cookie


def unregister_callback(cookie: int) -> int:
    """Call a routine no more, after the calls that are under way; follows CmUnRegisterCallback.

    The routine is told of each context that it keeps. STATUS_INVALID_PARAMETER for another cookie.
    """
    _UNREGISTER.check_level(cookie)
    _UNREGISTER.check_arguments(cookie)
    registry = running.value
    found = _of_cookie(cookie)
    if found is None:
        return STATUS_INVALID_PARAMETER
    registry.callbacks.remove(found)
    object_manager.value.callbacks.pop(found, None)
    while found.busy:
        current.dispatcher.poll()
    for key in list(found.keys):
        _forget(key, found)
    return STATUS_SUCCESS


def _of_cookie(cookie: int) -> RegistryCallback | None:
    return next((callback for callback in running.value.callbacks if callback.cookie == cookie), None)


def set_callback_object_context(body: WatchedKey, cookie: int, new_context: object) -> tuple[int, object]:
    """Keep a context of a key object, for the routine with that cookie: (status, the context before).

    Follows CmSetCallbackObjectContext. None takes the context away.
    """
    _SET_CONTEXT.check_level(body)
    _SET_CONTEXT.check_arguments(body, cookie, new_context)
    if not hasattr(body, "contexts"):
        what = "a key object, as a RegistryCallback routine gets it"
        _SET_CONTEXT.refuse_argument("Object", what, body)
    callback = _of_cookie(cookie)
    if callback is None:
        return STATUS_INVALID_PARAMETER, None
    if body.contexts is None:
        body.contexts = {}
    old = body.contexts.pop(callback, None)
    callback.keys.pop(body, None)
    if new_context is not None:
        body.contexts[callback] = new_context
        callback.keys[body] = None
    return STATUS_SUCCESS, old


def get_callback_version() -> tuple[int, int]:
    """The version of the callbacks: (1, 1), that of Windows 7 and later; follows CmGetCallbackVersion."""
    _VERSION.check_level(0)
    return 1, 1


def get_key_object_id(cookie: int, body: WatchedKey) -> tuple[int, int, str | None]:
    """A number and the path of a key: (status, number, path); follows CmCallbackGetKeyObjectID."""
    _OBJECT_ID.check_level(cookie)
    _OBJECT_ID.check_arguments(cookie, body)
    if _of_cookie(cookie) is None or not hasattr(body, "contexts"):
        return STATUS_INVALID_PARAMETER, 0, None
    return STATUS_SUCCESS, body.identifier, body.full_name


def forget_contexts(key: WatchedKey) -> None:
    """Tell each routine that the context of a key object is needed no more, since the object goes."""
    for callback in list(key.contexts or ()):
        _forget(key, callback)


def _forget(key: WatchedKey, callback: RegistryCallback) -> None:
    context = None if key.contexts is None else key.contexts.pop(callback, None)
    callback.keys.pop(key, None)
    information = ContextCleanupInformation(key, context)
    callback.call(running.value.callback_levels, RegNtCallbackObjectContextCleanup, information)


def run_filtered(
    notification: int, key: WatchedKey | None, information: Operation, operate: Callable[[], int]
) -> int:
    """Do an operation between the calls of the registered routines; returns its status.

    `notification` is what they are told before it, and `key` the object that it is about. The result of an operation
    that makes an object is `information.result_object`.
    """
    told: list[tuple[RegistryCallback, object]] = []
    levels = running.value.callback_levels
    status = _ask(notification, key, information, told)
    if status is None:
        status = operate()
    elif status == STATUS_CALLBACK_BYPASS:
        status = STATUS_SUCCESS
    for callback, context in reversed(told):
        found = key if key is not None else getattr(information, "result_object", None)
        post = PostOperationInformation(
            found, status, information, status, context, callback.context_of(found)
        )
        information.call_context = context
        if callback.call(levels, _POST[notification], post) == STATUS_CALLBACK_BYPASS:
            status = post.return_status
    return status


def _begin_call(information: Operation) -> None:
    """Let the routine find no context of the call; in place, a type checker would take it to stay None."""
    information.call_context = None


def _ask(
    notification: int,
    key: WatchedKey | None,
    information: Operation,
    told: list[tuple[RegistryCallback, object]],
) -> int | None:
    """Tell the routines before an operation: the status of the first one that ends it, None if none does."""
    levels = running.value.callback_levels.get(get_current_thread())
    lowest = min(levels) if levels else None
    for callback in list(running.value.callbacks):
        if lowest is not None and callback.level >= lowest:
            continue
        _begin_call(information)
        information.set_object_context(key, callback)
        status = callback.call(running.value.callback_levels, notification, information)
        if not nt_success(status):
            return status
        told.append((callback, information.call_context))
    return None
