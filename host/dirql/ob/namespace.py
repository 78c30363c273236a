# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
r"""The name space: directories, symbolic links and named objects, as paths such as `\Device\Store0`.

Names compare without case. A link is followed wherever it stands in a path. The part of a path behind the name of a
device belongs to the device. A program's `\\.\X` means `\??\X`, and `\DosDevices` is a link to `\??`.
`\\?\GLOBALROOT\Device\X` leads to a device that has no such link.
"""

from __future__ import annotations

from typing import Final

from dirql.ke.origin import mark
from dirql.ke.refusals import note_refusal
from dirql.nt.status import (
    STATUS_NAME_TOO_LONG,
    STATUS_OBJECT_NAME_COLLISION,
    STATUS_OBJECT_NAME_INVALID,
    STATUS_OBJECT_NAME_NOT_FOUND,
    STATUS_OBJECT_PATH_NOT_FOUND,
    STATUS_OBJECT_PATH_SYNTAX_BAD,
    STATUS_SUCCESS,
)
from dirql.ob.object import Object
from dirql.ob.object_type import OBJECT_TYPES, ObjectType

__all__ = ["GLOBAL_ROOT", "Directory", "Namespace", "SymbolicLink", "TypeObject"]

GLOBAL_ROOT: Final = r"\??\GLOBALROOT"
r"""The link by which programs name what has no name below `\??`, as `\\?\GLOBALROOT\Device\Store0`."""
_MAXIMUM_LINKS: Final = 32
_DIRECTORIES: Final = (
    "\\Device",
    "\\Driver",
    "\\FileSystem",
    "\\??",
    "\\Callback",
    "\\BaseNamedObjects",
    "\\KernelObjects",
    "\\ArcName",
    "\\ObjectTypes",
)
_LINKS: Final = {"\\DosDevices": "\\??", "\\GLOBAL??": "\\??", GLOBAL_ROOT: "\\"}
"""The symbolic links of the system, each with its target."""
_RULES: Final = {
    STATUS_OBJECT_PATH_SYNTAX_BAD: r"be a path with a backslash in front, as \Device\Store0",
    STATUS_OBJECT_NAME_INVALID: "not end in a backslash",
    STATUS_OBJECT_PATH_NOT_FOUND: r"be in a directory that exists, as \Device and \DosDevices do",
    STATUS_OBJECT_NAME_COLLISION: "be new; delete the object that has it, or take another name",
}
"""The rule for names, by the status for a name that breaks it."""


class Directory(Object):
    """An object that holds other objects by name."""

    __slots__ = ("entries",)

    def __init__(self) -> None:
        super().__init__()
        self.entries: dict[str, Object] = {}

    @property
    def begins_with_name(self) -> bool:
        """Whether the reference with which an object begins is that of its name, and not its creator's."""
        return True

    def __repr__(self) -> str:
        return f"<directory {self.name or 'without a name'}, {len(self.entries)} entries>"


class SymbolicLink(Object):
    """A name that stands for another path, which need not exist."""

    __slots__ = ("maker", "place", "size", "target")

    def __init__(self, target: str, maker: object = None, size: int | None = None) -> None:
        """`maker` is the driver that makes the link; `size` the bytes of the target, by default with a NUL."""
        super().__init__()
        self.target = target
        self.size = 2 * len(target) + 2 if size is None else size
        self.maker = maker
        self.place = None if maker is None else mark()

    @property
    def type_name(self) -> str:
        """The name of the object's type, as in `ob.object_type`."""
        return "SymbolicLink"

    @property
    def begins_with_name(self) -> bool:
        """Whether the reference with which an object begins is that of its name, and not its creator's."""
        return True

    def __repr__(self) -> str:
        return f"<symbolic link {self.name} to {self.target}>"


class TypeObject(Object):
    """The object of a type, with the facts about it."""

    __slots__ = ("facts",)

    def __init__(self, facts: ObjectType) -> None:
        super().__init__()
        self.facts = facts

    @property
    def type_name(self) -> str:
        """The name of the object's type, as in `ob.object_type`."""
        return "Type"

    @property
    def begins_with_name(self) -> bool:
        """Whether the reference with which an object begins is that of its name, and not its creator's."""
        return True

    def __repr__(self) -> str:
        return f"<object type {self.facts.name}>"


class Namespace:
    """All names of one machine."""

    def __init__(self) -> None:
        self.root = Directory()
        self._numbered = 0
        for path in _DIRECTORIES:
            self.insert(path, Directory())
        for kind in OBJECT_TYPES:
            self.insert(f"\\ObjectTypes\\{kind.name}", TypeObject(kind))
        for link, target in _LINKS.items():
            self.insert(link, SymbolicLink(target))

    def new_device_name(self) -> str:
        """A name for a device that has none: a number in the directory Device."""
        self._numbered += 1
        return rf"\Device\{self._numbered:08x}"

    def insert(self, path: str, named: Object, *, permanent: bool = True) -> int:
        """Give `named` the name `path`; returns a status. After an error nothing has changed."""
        status, directory, leaf = self._parent(path)
        if directory is not None and leaf.casefold() in directory.entries:
            status = STATUS_OBJECT_NAME_COLLISION
        if directory is None or status != STATUS_SUCCESS:
            note_refusal(status, f"the name of an object must {_RULES[status]}; it was {path!r}")
            return status
        directory.entries[leaf.casefold()] = named
        named.name = f"{directory.name}\\{leaf}"
        named.permanent = permanent
        return STATUS_SUCCESS

    def remove(self, named: Object) -> None:
        """Free the name of an object, if it has one."""
        if not named.name:
            return
        _, directory, leaf = self._parent(named.name)
        if directory is not None and directory.entries.get(leaf.casefold()) is named:
            del directory.entries[leaf.casefold()]
        named.name = ""

    def release(self, named: Object) -> None:
        """Free the name of an object that goes with it: the reference of the name goes too."""
        has_name = named.name != ""
        self.remove(named)
        if has_name and named.begins_with_name:
            named.dereference()

    def remove_link(self, path: str) -> int:
        """Delete the symbolic link with the name `path`; the object that it leads to stays."""
        status, directory, leaf = self._parent(path)
        if directory is None:
            return status
        link = directory.entries.get(leaf.casefold())
        if not isinstance(link, SymbolicLink):
            return STATUS_OBJECT_NAME_NOT_FOUND
        self.release(link)
        return STATUS_SUCCESS

    def find_link(self, path: str) -> SymbolicLink | None:
        """The symbolic link with the name `path`, which is not followed; None when there is none."""
        _, directory, leaf = self._parent(path)
        link = None if directory is None else directory.entries.get(leaf.casefold())
        return link if isinstance(link, SymbolicLink) else None

    def lookup(self, path: str) -> tuple[int, Object | None, str]:
        """Find the object to which `path` leads: (status, object, rest of the path).

        The object itself must understand the rest.
        """
        parts = _split(path)
        if parts is None:
            return STATUS_OBJECT_PATH_SYNTAX_BAD, None, ""
        for _ in range(_MAXIMUM_LINKS):
            status, found, rest = self._walk(parts)
            if not isinstance(found, SymbolicLink):
                return status, found, "".join(f"\\{part}" for part in rest)
            target = _split(found.target)
            if target is None:
                return STATUS_OBJECT_PATH_SYNTAX_BAD, None, ""
            parts = target + rest
        return STATUS_NAME_TOO_LONG, None, ""

    def _walk(self, parts: list[str]) -> tuple[int, Object | None, list[str]]:
        """Go down from the root to the first object that is no directory: (status, object, the parts that are left)."""
        here: Object = self.root
        for depth, part in enumerate(parts):
            if not isinstance(here, Directory):
                return STATUS_SUCCESS, here, parts[depth:]
            below = here.entries.get(part.casefold())
            if below is None:
                last = depth == len(parts) - 1
                return (STATUS_OBJECT_NAME_NOT_FOUND if last else STATUS_OBJECT_PATH_NOT_FOUND), None, []
            here = below
        return STATUS_SUCCESS, here, []

    def _parent(self, path: str) -> tuple[int, Directory | None, str]:
        """The directory in which `path` has its last part, and that part."""
        parts = _split(path)
        if not parts:
            return STATUS_OBJECT_PATH_SYNTAX_BAD, None, ""
        if not parts[-1]:
            return STATUS_OBJECT_NAME_INVALID, None, ""
        _, directory, rest = self.lookup("\\" + "\\".join(parts[:-1]))
        if not isinstance(directory, Directory) or rest:
            return STATUS_OBJECT_PATH_NOT_FOUND, None, ""
        return STATUS_SUCCESS, directory, parts[-1]


def _split(path: str) -> list[str] | None:
    r"""The parts of an absolute path, `\\.\` and `\\?\` understood as `\??\`; None for anything else."""
    if path.startswith(("\\\\.\\", "\\\\?\\")):
        path = "\\??\\" + path[4:]
    if not path.startswith("\\"):
        return None
    return [] if path == "\\" else path[1:].split("\\")
