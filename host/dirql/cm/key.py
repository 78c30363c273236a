# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Keys and values: the tree of the registry. A name compares without case and keeps the case of its first writer.

Subkeys are ordered by their names, and values by their age, as NT lists them. To find a key or a value by its name
takes the same time however many there are.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator
from typing import Final

from dirql.rtl.case import upcase_units

__all__ = ["LINK_VALUE", "Key", "Value", "fold", "units"]

_WIDE: Final = "utf-16-le"
LINK_VALUE: Final = "SymbolicLinkValue"
"""The name of the value that says where a symbolic link leads."""


def fold(name: str) -> str:
    """A name in upper case, by which names compare."""
    return name.upper() if name.isascii() else upcase_units(units(name)).decode(_WIDE, "surrogatepass")


def units(text: str) -> bytes:
    """The UTF-16 units of a text, without a NUL."""
    return text.encode(_WIDE, "surrogatepass")


class Value:
    """A value of a key: a name, which is empty for the key's unnamed value, a REG_ type, and bytes."""

    __slots__ = ("data", "name", "type")

    def __init__(self, name: str, type: int, data: bytes) -> None:
        self.name = name
        self.type = type
        self.data = data

    def __repr__(self) -> str:
        return f"<value {self.name!r} of type {self.type}, {len(self.data)} bytes>"


class Key:
    """A key of the registry, with its subkeys and values."""

    __slots__ = (
        "_order",
        "_subkeys",
        "_value_order",
        "_values",
        "class_name",
        "is_deleted",
        "is_link",
        "is_standard",
        "is_volatile",
        "last_write_time",
        "name",
        "parent",
    )

    def __init__(self, name: str, parent: Key | None, last_write_time: int, *, is_volatile: bool) -> None:
        """Make a key that is not yet among the subkeys of `parent`."""
        self.name = name
        self.parent = parent
        self.class_name = ""
        self.last_write_time = last_write_time
        """The system time of the last change of the key, of its values, or of the list of its subkeys."""
        self.is_volatile = is_volatile
        """Whether the key is forgotten when the machine closes, as are all keys below it."""
        self.is_link = False
        """Whether the key is a symbolic link, which leads to the key that its one value names."""
        self.is_standard = False
        """Whether every registry has the key."""
        self.is_deleted = False
        self._subkeys: dict[str, Key] = {}
        self._order: list[str] = []
        self._values: dict[str, Value] = {}
        self._value_order: list[str] = []

    def __repr__(self) -> str:
        return f"<registry key {self.path}>"

    @property
    def path(self) -> str:
        r"""The full name of the key, such as `\REGISTRY\MACHINE\SYSTEM`."""
        names: list[str] = []
        key: Key | None = self
        while key is not None:
            names.append(key.name)
            key = key.parent
        return "\\" + "\\".join(reversed(names))

    # Subkeys.

    @property
    def subkey_count(self) -> int:
        """The number of subkeys."""
        return len(self._order)

    def subkey(self, name: str) -> Key | None:
        """The subkey of that name; None without one."""
        return self._subkeys.get(fold(name))

    def subkey_at(self, index: int) -> Key | None:
        """The subkey with that place in the order of names; None behind the last."""
        return self._subkeys[self._order[index]] if 0 <= index < len(self._order) else None

    def subkeys(self) -> Iterator[Key]:
        """All subkeys in the order of their names."""
        return (self._subkeys[folded] for folded in tuple(self._order))

    def add(self, made: Key) -> None:
        """Take a key as a subkey; there is none of its name."""
        folded = fold(made.name)
        self._subkeys[folded] = made
        insort(self._order, folded)
        made.parent = self

    def take_out(self, gone: Key) -> None:
        """Take a subkey out."""
        folded = fold(gone.name)
        del self._subkeys[folded]
        del self._order[bisect_left(self._order, folded)]

    # Values.

    @property
    def value_count(self) -> int:
        """The number of values."""
        return len(self._value_order)

    def value(self, name: str) -> Value | None:
        """The value of that name; None without one."""
        return self._values.get(fold(name))

    def value_at(self, index: int) -> Value | None:
        """The value with that place, the oldest first; None behind the last."""
        return self._values[self._value_order[index]] if 0 <= index < len(self._value_order) else None

    def values(self) -> Iterator[Value]:
        """All values, oldest first."""
        return (self._values[folded] for folded in tuple(self._value_order))

    def set(self, name: str, type: int, data: bytes) -> None:
        """Give a value another type and other data, or add it."""
        folded = fold(name)
        known = self._values.get(folded)
        if known is None:
            self._values[folded] = Value(name, type, data)
            self._value_order.append(folded)
        else:
            known.type, known.data = type, data

    def unset(self, name: str) -> bool:
        """Take a value out; returns whether there was one of that name."""
        folded = fold(name)
        if self._values.pop(folded, None) is None:
            return False
        self._value_order.remove(folded)
        return True
