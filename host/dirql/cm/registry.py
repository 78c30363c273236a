# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
r"""The registry of one machine: the keys that every system has, ways along paths, and changes.

\Registry\Machine has the keys SYSTEM and SOFTWARE, which a registry file keeps, and HARDWARE, which each start makes
anew. \Registry\Machine\SYSTEM\CurrentControlSet is a link to the control set with which the system has started.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from dirql.cm.key import LINK_VALUE, Key, Value, fold, units
from dirql.cm.registry_callback import RegistryCallback
from dirql.cm.watches import Watches
from dirql.ke.current import current
from dirql.ke.running import Running
from dirql.ke.threads.thread import Thread
from dirql.nt.constants import (
    REG_LINK,
    REG_NOTIFY_CHANGE_LAST_SET,
    REG_NOTIFY_CHANGE_NAME,
)
from dirql.nt.status import (
    STATUS_CANNOT_DELETE,
    STATUS_NAME_TOO_LONG,
    STATUS_OBJECT_NAME_NOT_FOUND,
    STATUS_SUCCESS,
)

__all__ = [
    "CONTROL_SET",
    "MACHINE",
    "Found",
    "Registry",
    "control_set_path",
    "is_key_name",
    "names_of",
    "running",
]

MACHINE: Final = r"\REGISTRY\MACHINE"
CONTROL_SET: Final = MACHINE + r"\SYSTEM\CurrentControlSet"
_ROOT: Final = "REGISTRY"
_LONGEST_NAME: Final = 255
"""The most characters of the name of a key."""
_MAXIMUM_LINKS: Final = 64

_STANDARD: Final = (
    r"MACHINE\SYSTEM\ControlSet001\Control\Class",
    r"MACHINE\SYSTEM\ControlSet001\Control\GroupOrderList",
    r"MACHINE\SYSTEM\ControlSet001\Control\ServiceGroupOrder",
    r"MACHINE\SYSTEM\ControlSet001\Enum",
    r"MACHINE\SYSTEM\ControlSet001\Services",
    r"MACHINE\SYSTEM\Select",
    r"MACHINE\SOFTWARE\Microsoft\Windows NT\CurrentVersion",
    r"MACHINE\HARDWARE\DESCRIPTION\System",
    r"MACHINE\HARDWARE\DEVICEMAP",
    r"MACHINE\HARDWARE\RESOURCEMAP",
    r"USER\.DEFAULT",
)
"""The keys that every registry has. Those below HARDWARE are forgotten at the end, although they are not volatile."""
_VOLATILE: Final = ("MACHINE", "USER")


def names_of(path: str) -> list[str]:
    """The names in a path; backslashes at its ends, or several in a row, mean nothing."""
    return [name for name in path.split("\\") if name]


def control_set_path(number: int) -> str:
    """The path of the control set with that number."""
    return rf"{MACHINE}\SYSTEM\ControlSet{number:03}"


class Found:
    """The end of a way along a path: the key, or the parent and the name that a key would have there."""

    __slots__ = ("key", "leaf", "parent", "status")

    def __init__(self, status: int, key: Key | None, parent: Key | None = None, leaf: str = "") -> None:
        """`parent` is None where more than the last name of the path leads to no key."""
        self.status = status
        self.key = key
        self.parent = parent
        self.leaf = leaf


class Registry:
    """The keys of one machine. The routines here check no rights and copy no memory; the services do."""

    __slots__ = ("callback_levels", "callbacks", "control_set", "flushed", "last_cookie", "root", "watches")

    def __init__(self) -> None:
        """Make a registry with the keys that every system has; the kernel is open."""
        self.root = Key(_ROOT, None, _now(), is_volatile=True)
        self.watches = Watches()
        self.callbacks: list[RegistryCallback] = []
        """The registered RegistryCallback routines, highest altitude first."""
        self.callback_levels: dict[Thread, list[float]] = {}
        """The levels of the routines that each thread is in."""
        self.last_cookie = 0
        self.flushed: Callable[[], bool] | None = None
        """Writes the registry to its file, for ZwFlushKey, and returns whether it could; None if there is none."""
        self.control_set = 1
        for path in _VOLATILE:
            self._make(path, is_volatile=True)
        for path in _STANDARD:
            self._make(path, is_volatile=False)
        self.use_control_set(1)

    # Ways.

    def find(self, path: str) -> Key | None:
        r"""The key with the full path `path`, which begins with \Registry; None without one."""
        names = names_of(path)
        if not names or fold(names[0]) != _ROOT:
            return None
        return self.resolve(self.root, names[1:], open_link=False).key

    def resolve(self, start: Key, names: list[str], *, open_link: bool) -> Found:
        """Go down from `start`, and along links; `open_link` means a link itself if it is the last of the path."""
        key = start
        for _ in range(_MAXIMUM_LINKS):
            position = 0
            while not key.is_link or (open_link and position == len(names)):
                if position == len(names):
                    return Found(STATUS_SUCCESS, key)
                name = names[position]
                position += 1
                below = key.subkey(name)
                if below is None:
                    is_last = position == len(names)
                    return Found(STATUS_OBJECT_NAME_NOT_FOUND, None, key if is_last else None, name)
                key = below
            target = _target_of(key)
            if target is None:
                return Found(STATUS_OBJECT_NAME_NOT_FOUND, None)
            names = [*target, *names[position:]]
            key = self.root
        return Found(STATUS_NAME_TOO_LONG, None)

    # Changes.

    def create(self, parent: Key, name: str, class_name: str = "", *, is_volatile: bool) -> Key:
        """Add a subkey, which is not there yet."""
        made = Key(name, parent, _now(), is_volatile=is_volatile)
        made.class_name = class_name
        parent.add(made)
        self._touch(parent, REG_NOTIFY_CHANGE_NAME)
        return made

    def ensure(self, path: str) -> Key:
        r"""The key with a full path, made with all keys on the way that are not there; links are followed."""
        key = self.root
        for name in names_of(path)[1:]:
            found = self.resolve(key, [name], open_link=False)
            there = key.subkey(name)
            if found.key is not None:
                key = found.key
            elif there is not None:
                key = self._behind(there, found.status)
            else:
                is_hive = key in (self.root, self.root.subkey("MACHINE"), self.root.subkey("USER"))
                key = self.create(key, name, is_volatile=not is_hive and key.is_volatile)
        return key

    def _behind(self, link: Key, status: int) -> Key:
        """The key that a link means, made if it is not there; the link itself if it means none, as in a circle."""
        target = _target_of(link)
        if target is None or status != STATUS_OBJECT_NAME_NOT_FOUND:
            return link
        return self.ensure("\\".join((_ROOT, *target)))

    def delete(self, key: Key) -> int:
        """Delete a key that has no subkeys; returns a status. Its handles stay open, and good for nothing."""
        parent = key.parent
        if key.subkey_count or parent is None:
            return STATUS_CANNOT_DELETE
        if not key.is_deleted:
            parent.take_out(key)
            key.is_deleted = True
            self.watches.key_deleted(key)
            self._touch(parent, REG_NOTIFY_CHANGE_NAME)
        return STATUS_SUCCESS

    def rename(self, key: Key, name: str) -> int:
        """Give a key another name; returns a status."""
        parent = key.parent
        there = None if parent is None else parent.subkey(name)
        if parent is None or (there is not None and there is not key):
            return STATUS_CANNOT_DELETE
        parent.take_out(key)
        key.name = name
        parent.add(key)
        key.last_write_time = _now()
        self._touch(parent, REG_NOTIFY_CHANGE_NAME)
        return STATUS_SUCCESS

    def set_value(self, key: Key, name: str, type: int, data: bytes) -> None:
        """Give a value a type and data; nobody is told if it has them already."""
        known = key.value(name)
        if known is not None and (known.type, known.data) == (type, data):
            key.last_write_time = _now()
            return
        key.set(name, type, data)
        self._touch(key, REG_NOTIFY_CHANGE_LAST_SET)

    def delete_value(self, key: Key, name: str) -> int:
        """Take a value out; returns a status."""
        if not key.unset(name):
            return STATUS_OBJECT_NAME_NOT_FOUND
        self._touch(key, REG_NOTIFY_CHANGE_LAST_SET)
        return STATUS_SUCCESS

    def delete_tree(self, key: Key) -> None:
        """Delete a key with all that is below it."""
        for below in key.subkeys():
            self.delete_tree(below)
        self.delete(key)

    def copy_tree(self, source: Key, target: Key) -> None:
        """Copy what a key has, and all keys below it that are kept, to another key."""
        for value in source.values():
            self.set_value(target, value.name, value.type, value.data)
        for below in source.subkeys():
            if not below.is_volatile:
                made = target.subkey(below.name) or self.create(
                    target, below.name, below.class_name, is_volatile=False
                )
                made.is_link, made.is_standard = below.is_link, below.is_standard
                self.copy_tree(below, made)

    # Control sets.

    def use_control_set(self, number: int) -> None:
        """Let CurrentControlSet be a link to the control set with that number, which is made if it is not there."""
        target = control_set_path(number)
        self.control_set = number
        self.ensure(target)
        system = self.ensure(MACHINE + r"\SYSTEM")
        link = system.subkey("CurrentControlSet") or self.create(
            system, "CurrentControlSet", is_volatile=True
        )
        link.is_link = True
        link.set(LINK_VALUE, REG_LINK, units(target))

    def _make(self, path: str, *, is_volatile: bool) -> None:
        key = self.root
        for name in names_of(path):
            key = key.subkey(name) or self.create(key, name, is_volatile=is_volatile)
            key.is_standard = True

    def _touch(self, key: Key, change: int) -> None:
        key.last_write_time = _now()
        if self.watches.by_key:
            self.watches.note(key, change)


def is_key_name(name: str) -> bool:
    """Whether a key can have the name: 1 to 255 characters without a backslash."""
    return 0 < len(units(name)) <= 2 * _LONGEST_NAME and "\\" not in name


def _target_of(link: Key) -> list[str] | None:
    """The names to which a link leads, below the root of the registry; None if it leads nowhere."""
    value: Value | None = link.value(LINK_VALUE)
    if value is None or value.type != REG_LINK:
        return None
    names = names_of(value.data.decode("utf-16-le", "replace"))
    return names[1:] if names and fold(names[0]) == _ROOT else None


def _now() -> int:
    """The system time, without being a point of preemption."""
    kernel = current.kernel
    return kernel.timers.system_time(kernel.clock.now())


running: Final = Running[Registry]("registry routines")
