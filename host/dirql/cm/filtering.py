# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Operations on the registry between the calls of RegistryCallback routines, or without them where there are none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from dirql.cm.callbacks import Operation, run_filtered
from dirql.cm.key import Key
from dirql.cm.notifications import CreateKeyInformation
from dirql.cm.objects import KeyObject, mapped_access, object_of, open_handle
from dirql.cm.registry import running
from dirql.ke.threads.kernel_call import is_program
from dirql.nt.constants import KernelMode, UserMode
from dirql.nt.ntstatus import nt_success
from dirql.nt.status import STATUS_ACCESS_DENIED, STATUS_INVALID_HANDLE, STATUS_SUCCESS
from dirql.ob.attributes import ObjectAttributes
from dirql.ob.manager import running as object_manager
from dirql.rtl.strings import UnicodeText, unicode_text

__all__ = ["filtered", "open_filtered", "query_filtered"]

Opening = Callable[[], tuple[int, Key | None, int]]
"""Finds or makes a key: (status, key, disposition)."""


class QueryOperation(Operation, Protocol):
    """The information that a routine gets before something is asked for."""

    result_length: int


def filtered(
    notification: int, body: KeyObject | None, information: Operation, operate: Callable[[], int]
) -> int:
    """Do an operation on a key object; returns its status."""
    if not running.value.callbacks:
        return operate()
    return run_filtered(notification, body, information, operate)


def query_filtered(
    notification: int,
    body: KeyObject | None,
    information: QueryOperation,
    operate: Callable[[], tuple[int, int]],
) -> tuple[int, int]:
    """Ask for something of a key object: (status, the bytes that all of it takes)."""
    if not running.value.callbacks:
        return operate()

    def ask() -> int:
        status, information.result_length = operate()
        return status

    return run_filtered(notification, body, information, ask), information.result_length


def open_filtered(
    notification: int,
    desired_access: int,
    attributes: ObjectAttributes,
    options: int,
    operate: Opening,
    class_name: UnicodeText | None = None,
) -> tuple[int, int | None, int]:
    """Find or make a key and open it: (status, handle, disposition), without a handle after a failure."""
    access = mapped_access(desired_access)
    from_program = is_program()
    information = CreateKeyInformation(
        attributes.object_name, _root(attributes), KeyObject, options, class_name, desired_access=access
    )

    def make() -> int:
        status, key, information.disposition = operate()
        if key is not None and from_program and not access:
            status, key = STATUS_ACCESS_DENIED, None
        if key is not None:
            information.result_object = KeyObject(key)
            information.granted_access = access
        return status

    if running.value.callbacks:
        information.attributes = attributes.attributes
        information.check_access_mode = UserMode if from_program else KernelMode
        information.remaining_name = information.complete_name
        status = run_filtered(notification, None, information, make)
    else:
        status = make()
    made = information.result_object
    if not nt_success(status):
        if isinstance(made, KeyObject):
            made.dereference()
        return status, None, 0
    if not isinstance(made, KeyObject):  # a routine has said that it is done, and gives no object
        return STATUS_INVALID_HANDLE, None, 0
    handle = open_handle(made, information.granted_access, attributes.attributes)
    return STATUS_SUCCESS if status > 0 else status, handle, information.disposition


def _root(attributes: ObjectAttributes) -> object:
    r"""The object in which a name begins: that of the root directory, or \REGISTRY."""
    if attributes.root_directory is not None:
        return object_of(attributes.root_directory)
    if attributes.object_name is None or not running.value.callbacks:
        return None
    name = unicode_text(attributes.object_name)
    if not name.startswith("\\"):
        return None
    return object_manager.value.namespace.lookup("\\" + running.value.root.name)[1]
