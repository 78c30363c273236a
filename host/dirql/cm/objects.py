# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Key objects: what handles of the registry stand for, and what a handle must grant.

As on NT the rights of a handle hold for programs. A driver's call with a handle that lacks a right goes on, and is told
as a mistake (row REG-04).
"""

from __future__ import annotations

from typing import Final

from dirql.cm.callbacks import forget_contexts, run_filtered
from dirql.cm.key import Key
from dirql.cm.notifications import KeyHandleCloseInformation
from dirql.cm.registry import Found, Registry, names_of, running
from dirql.cm.registry_callback import RegistryCallback
from dirql.ke.defects import report_defect
from dirql.ke.threads.kernel_call import is_program
from dirql.nt.constants import (
    DELETE,
    GENERIC_ALL,
    GENERIC_EXECUTE,
    GENERIC_READ,
    GENERIC_WRITE,
    KEY_ALL_ACCESS,
    KEY_CREATE_LINK,
    KEY_CREATE_SUB_KEY,
    KEY_ENUMERATE_SUB_KEYS,
    KEY_NOTIFY,
    KEY_QUERY_VALUE,
    KEY_READ,
    KEY_SET_VALUE,
    KEY_WOW64_RES,
    KEY_WRITE,
    MAXIMUM_ALLOWED,
    OBJ_KERNEL_HANDLE,
    OBJ_OPENLINK,
    RegNtPreKeyHandleClose,
)
from dirql.nt.status import (
    STATUS_ACCESS_DENIED,
    STATUS_INVALID_HANDLE,
    STATUS_KEY_DELETED,
    STATUS_OBJECT_NAME_NOT_FOUND,
    STATUS_OBJECT_PATH_SYNTAX_BAD,
    STATUS_OBJECT_TYPE_MISMATCH,
    STATUS_SUCCESS,
)
from dirql.ob.attributes import ObjectAttributes
from dirql.ob.manager import running as object_manager
from dirql.ob.object import Object
from dirql.rtl.strings import unicode_text

__all__ = [
    "KeyObject",
    "find_key",
    "install",
    "lookup_key",
    "mapped_access",
    "object_of",
    "open_handle",
    "open_key_object",
]

_ALL: Final = 0xFFFF_FFFF
_GENERIC: Final = (
    (GENERIC_READ, KEY_READ),
    (GENERIC_WRITE, KEY_WRITE),
    (GENERIC_EXECUTE, KEY_READ),
    (GENERIC_ALL, KEY_ALL_ACCESS),
    (MAXIMUM_ALLOWED, KEY_ALL_ACCESS),
)
_RIGHTS: Final = (
    (KEY_QUERY_VALUE, "KEY_QUERY_VALUE"),
    (KEY_SET_VALUE, "KEY_SET_VALUE"),
    (KEY_CREATE_SUB_KEY, "KEY_CREATE_SUB_KEY"),
    (KEY_ENUMERATE_SUB_KEYS, "KEY_ENUMERATE_SUB_KEYS"),
    (KEY_NOTIFY, "KEY_NOTIFY"),
    (KEY_CREATE_LINK, "KEY_CREATE_LINK"),
    (DELETE, "DELETE"),
)


class KeyObject(Object):
    """A key that is open."""

    __slots__ = ("contexts", "key")

    def __init__(self, key: Key) -> None:
        super().__init__()
        self.key = key
        self.contexts: dict[RegistryCallback, object] | None = None
        """The context that each RegistryCallback routine keeps of the object."""

    @property
    def type_name(self) -> str:
        """The name of the object's type, as in `ob.object_type`."""
        return "Key"

    @property
    def full_name(self) -> str:
        """The path of the key."""
        return self.key.path

    @property
    def identifier(self) -> int:
        """A number that all objects of the key have in common."""
        return id(self.key)

    def __repr__(self) -> str:
        return f"<key {self.key.path}{', deleted' if self.key.is_deleted else ''}>"

    def last_handle_closed(self) -> None:
        """End the waits for changes through the handle, and tell the RegistryCallback routines."""
        if running.value.callbacks:
            run_filtered(RegNtPreKeyHandleClose, self, KeyHandleCloseInformation(self), self._close)
        else:
            self._close()

    def _close(self) -> int:
        if self.contexts:
            forget_contexts(self)
        if running.value.watches.by_key:
            running.value.watches.handle_closed(self)
        return STATUS_SUCCESS


def install(registry: Registry) -> None:
    r"""Give the registry its name, \Registry."""
    object_manager.value.namespace.insert("\\" + registry.root.name, KeyObject(registry.root))


def mapped_access(desired_access: int) -> int:
    """The rights to a key that an ACCESS_MASK means."""
    access = desired_access & _ALL & ~KEY_WOW64_RES
    for generic, meant in _GENERIC:
        if access & generic:
            access = access & ~generic | meant
    return access


def open_key_object(key: Key, desired_access: int, attributes: int = 0) -> tuple[int, int | None]:
    """A new handle of a key, with the attributes of its OBJECT_ATTRIBUTES: (status, handle)."""
    if is_program() and not mapped_access(desired_access):
        return STATUS_ACCESS_DENIED, None
    return STATUS_SUCCESS, open_handle(KeyObject(key), desired_access, attributes)


def open_handle(made: KeyObject, desired_access: int, attributes: int) -> int:
    """A handle of a key object, which gets the object's first reference."""
    access = mapped_access(desired_access)
    kept = 0 if is_program() else attributes & OBJ_KERNEL_HANDLE
    handle = object_manager.value.handles.insert(made, access, kept)
    made.dereference()
    return handle


def object_of(handle: int) -> KeyObject | None:
    """The object of a key's handle."""
    entry = object_manager.value.handles.entry(handle)
    return entry.object if entry is not None and isinstance(entry.object, KeyObject) else None


def lookup_key(routine: str, handle: int | None, access: int) -> tuple[int, Key | None]:
    """The key of a handle that grants all bits of `access`: (status, key). `routine` names the call in messages."""
    entry = None if handle is None else object_manager.value.handles.entry(handle)
    if entry is None:
        return STATUS_INVALID_HANDLE, None
    body = entry.object
    if not isinstance(body, KeyObject):
        return STATUS_OBJECT_TYPE_MISMATCH, None
    from_program = is_program()
    if from_program and entry.handle_attributes & OBJ_KERNEL_HANDLE:
        return STATUS_INVALID_HANDLE, None
    missing = access & ~entry.granted_access
    if missing and from_program:
        return STATUS_ACCESS_DENIED, None
    if missing:
        names = " | ".join(name for bit, name in _RIGHTS if missing & bit)
        report_defect(
            "REG-04",
            f"{routine} must be called with a handle that grants {names}; {body!r} was opened with"
            f" {entry.granted_access:#x}: add it to DesiredAccess",
        )
    return (STATUS_KEY_DELETED, None) if body.key.is_deleted else (STATUS_SUCCESS, body.key)


def find_key(
    routine: str, attributes: ObjectAttributes, access: int = 0, *, open_link: bool = False
) -> Found:
    """The end of the way that a name and its root directory mean; `access` is what a root must grant to be changed."""
    name = "" if attributes.object_name is None else unicode_text(attributes.object_name)
    open_link = open_link or bool(attributes.attributes & OBJ_OPENLINK)
    if attributes.root_directory is None:
        status, found, rest = object_manager.value.lookup(attributes)
        if found is None:
            return Found(status, None)
        if not isinstance(found, KeyObject):
            return Found(STATUS_OBJECT_TYPE_MISMATCH, None)
        return running.value.resolve(found.key, names_of(rest), open_link=open_link)
    status, root = lookup_key(routine, attributes.root_directory, 0)
    if root is None:
        return Found(status, None)
    if name.startswith("\\"):
        return Found(STATUS_OBJECT_PATH_SYNTAX_BAD, None)
    found_key = running.value.resolve(root, names_of(name), open_link=open_link)
    if found_key.status == STATUS_OBJECT_NAME_NOT_FOUND and access and found_key.parent is root:
        status, _ = lookup_key(routine, attributes.root_directory, access)
        if status != STATUS_SUCCESS:
            return Found(status, None)
    return found_key
