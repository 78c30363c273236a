# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Keys as the Rtl routines name them: by a path that is relative to a well-known key, or by a handle."""

from __future__ import annotations

from typing import Final

from dirql.cm.key import Key, fold
from dirql.cm.objects import lookup_key
from dirql.cm.registry import CONTROL_SET, MACHINE, Found, is_key_name, names_of, running
from dirql.nt.constants import (
    RTL_REGISTRY_ABSOLUTE,
    RTL_REGISTRY_CONTROL,
    RTL_REGISTRY_DEVICEMAP,
    RTL_REGISTRY_HANDLE,
    RTL_REGISTRY_OPTIONAL,
    RTL_REGISTRY_SERVICES,
    RTL_REGISTRY_USER,
    RTL_REGISTRY_WINDOWS_NT,
)
from dirql.nt.status import (
    STATUS_INVALID_HANDLE,
    STATUS_INVALID_PARAMETER,
    STATUS_OBJECT_NAME_NOT_FOUND,
    STATUS_OBJECT_PATH_SYNTAX_BAD,
    STATUS_SUCCESS,
)
from dirql.rtl.strings import Characters, unicode_characters

__all__ = ["create_relative", "find_relative", "text_of"]

_ROOTS: Final = {
    RTL_REGISTRY_ABSOLUTE: "",
    RTL_REGISTRY_SERVICES: CONTROL_SET + r"\Services",
    RTL_REGISTRY_CONTROL: CONTROL_SET + r"\Control",
    RTL_REGISTRY_WINDOWS_NT: MACHINE + r"\SOFTWARE\Microsoft\Windows NT\CurrentVersion",
    RTL_REGISTRY_DEVICEMAP: MACHINE + r"\HARDWARE\DEVICEMAP",
    RTL_REGISTRY_USER: r"\REGISTRY\USER\.DEFAULT",
}


def text_of(characters: Characters) -> str:
    """A text that ends with a NUL."""
    return unicode_characters(characters)[1].decode("utf-16-le", "surrogatepass")


def find_relative(routine: str, relative_to: int, path: Characters, access: int) -> tuple[int, Key | None]:
    """The key that RelativeTo and Path mean: (status, key). A handle must grant `access`."""
    if relative_to & RTL_REGISTRY_HANDLE:
        if not isinstance(path, int):
            return STATUS_INVALID_HANDLE, None
        return lookup_key(routine, path, access)
    found = _resolve(relative_to, path)
    return found.status, found.key


def create_relative(routine: str, relative_to: int, path: Characters, access: int) -> tuple[int, Key | None]:
    """Do as `find_relative`, and make the key if only the last name of its path is new."""
    if relative_to & RTL_REGISTRY_HANDLE:
        return find_relative(routine, relative_to, path, access)
    found = _resolve(relative_to, path)
    parent = found.parent
    if found.status != STATUS_OBJECT_NAME_NOT_FOUND or parent is None or parent.parent is None:
        return found.status, found.key
    if not is_key_name(found.leaf):
        return STATUS_INVALID_PARAMETER, None
    return STATUS_SUCCESS, running.value.create(parent, found.leaf, is_volatile=parent.is_volatile)


def _resolve(relative_to: int, path: Characters) -> Found:
    base = _ROOTS.get(relative_to & ~RTL_REGISTRY_OPTIONAL)
    if base is None:
        return Found(STATUS_INVALID_PARAMETER, None)
    text = text_of(path)
    if not base and not text.startswith("\\"):
        return Found(STATUS_OBJECT_PATH_SYNTAX_BAD, None)
    registry = running.value
    names = [*names_of(base), *names_of(text)]
    if not names or fold(names[0]) != registry.root.name:
        return Found(STATUS_OBJECT_NAME_NOT_FOUND, None)
    return registry.resolve(registry.root, names[1:], open_link=False)
