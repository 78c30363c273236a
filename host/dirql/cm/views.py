# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The structures of ZwQueryKey and its kin, read from the memory in which they stand.

A view is made with the address of the buffer: `KEY_VALUE_PARTIAL_INFORMATION(buffer).data`. Its members are read anew
each time. A text or data has as many bytes as the member for its length says.
"""

from __future__ import annotations

from dirql.mm.memory import read

__all__ = [
    "KeyBasicView",
    "KeyCachedView",
    "KeyFullView",
    "KeyNameView",
    "KeyNodeView",
    "KeyValueBasicView",
    "KeyValueFullView",
    "KeyValuePartialAlign64View",
    "KeyValuePartialView",
]


class _View:
    __slots__ = ("address",)

    def __init__(self, address: int) -> None:
        """Look at the structure that begins at `address`."""
        self.address = address

    def _number(self, offset: int, size: int = 4) -> int:
        return int.from_bytes(read(self.address + offset, size), "little")

    def _text(self, offset: int, length: int) -> str:
        return read(self.address + offset, length).decode("utf-16-le", "surrogatepass")


class _KeyView(_View):
    """The members with which the information about a key begins."""

    __slots__ = ()

    @property
    def last_write_time(self) -> int:
        """The system time of the last change."""
        return self._number(0, 8)

    @property
    def title_index(self) -> int:
        """A number that nothing uses, which is 0."""
        return self._number(8)


class KeyBasicView(_KeyView):
    """The name of a key, and when it was last changed (KEY_BASIC_INFORMATION)."""

    __slots__ = ()

    @property
    def name_length(self) -> int:
        """The bytes of the name."""
        return self._number(12)

    @property
    def name(self) -> str:
        """The name of the key, without its path."""
        return self._text(16, self.name_length)


class _ClassView(_KeyView):
    """The members for the class of a key, which follow those."""

    __slots__ = ()

    @property
    def class_offset(self) -> int:
        """The offset of the class from the beginning of the structure; 0xFFFFFFFF without one."""
        return self._number(12)

    @property
    def class_length(self) -> int:
        """The bytes of the class."""
        return self._number(16)


class KeyNodeView(_ClassView):
    """The name and the class of a key (KEY_NODE_INFORMATION)."""

    __slots__ = ()

    @property
    def name_length(self) -> int:
        """The bytes of the name."""
        return self._number(20)

    @property
    def name(self) -> str:
        """The name of the key, without its path."""
        return self._text(24, self.name_length)


class KeyFullView(_ClassView):
    """The class of a key, and the numbers and sizes of all that is in it (KEY_FULL_INFORMATION)."""

    __slots__ = ()

    @property
    def sub_keys(self) -> int:
        """The number of subkeys."""
        return self._number(20)

    @property
    def max_name_len(self) -> int:
        """The most bytes that the name of a subkey has."""
        return self._number(24)

    @property
    def max_class_len(self) -> int:
        """The most bytes that the class of a subkey has."""
        return self._number(28)

    @property
    def values(self) -> int:
        """The number of values."""
        return self._number(32)

    @property
    def max_value_name_len(self) -> int:
        """The most bytes that the name of a value has."""
        return self._number(36)

    @property
    def max_value_data_len(self) -> int:
        """The most bytes that the data of a value has."""
        return self._number(40)

    @property
    def class_(self) -> str:
        """The class of the key, a text."""
        return self._text(44, self.class_length)


class KeyCachedView(_KeyView):
    """The numbers and sizes of all that is in a key (KEY_CACHED_INFORMATION)."""

    __slots__ = ()

    @property
    def sub_keys(self) -> int:
        """The number of subkeys."""
        return self._number(12)

    @property
    def max_name_len(self) -> int:
        """The most bytes that the name of a subkey has."""
        return self._number(16)

    @property
    def values(self) -> int:
        """The number of values."""
        return self._number(20)

    @property
    def max_value_name_len(self) -> int:
        """The most bytes that the name of a value has."""
        return self._number(24)

    @property
    def max_value_data_len(self) -> int:
        """The most bytes that the data of a value has."""
        return self._number(28)

    @property
    def name_length(self) -> int:
        """The bytes of the key's name, which is not in the structure."""
        return self._number(32)


class KeyNameView(_View):
    """The full path of a key (KEY_NAME_INFORMATION)."""

    __slots__ = ()

    @property
    def name_length(self) -> int:
        """The bytes of the path."""
        return self._number(0)

    @property
    def name(self) -> str:
        """The path, which begins with a backslash."""
        return self._text(4, self.name_length)


class _ValueView(_View):
    """The members with which the information about a value begins."""

    __slots__ = ()

    @property
    def title_index(self) -> int:
        """A number that nothing uses, which is 0."""
        return self._number(0)

    @property
    def type(self) -> int:
        """The type, one of the REG_ constants."""
        return self._number(4)


class KeyValueBasicView(_ValueView):
    """The name and the type of a value (KEY_VALUE_BASIC_INFORMATION)."""

    __slots__ = ()

    @property
    def name_length(self) -> int:
        """The bytes of the name."""
        return self._number(8)

    @property
    def name(self) -> str:
        """The name of the value."""
        return self._text(12, self.name_length)


class KeyValueFullView(_ValueView):
    """The name, the type and the data of a value (KEY_VALUE_FULL_INFORMATION)."""

    __slots__ = ()

    @property
    def data_offset(self) -> int:
        """The offset of the data from the beginning of the structure; 0xFFFFFFFF without data."""
        return self._number(8)

    @property
    def data_length(self) -> int:
        """The bytes of the data."""
        return self._number(12)

    @property
    def name_length(self) -> int:
        """The bytes of the name."""
        return self._number(16)

    @property
    def name(self) -> str:
        """The name of the value."""
        return self._text(20, self.name_length)


class KeyValuePartialView(_ValueView):
    """The type and the data of a value (KEY_VALUE_PARTIAL_INFORMATION)."""

    __slots__ = ()

    @property
    def data_length(self) -> int:
        """The bytes of the data."""
        return self._number(8)

    @property
    def data(self) -> bytes:
        """The data of the value."""
        return read(self.address + 12, self.data_length)


class KeyValuePartialAlign64View(_View):
    """The type and the data of a value, which begin at a multiple of 8 (KEY_VALUE_PARTIAL_INFORMATION_ALIGN64)."""

    __slots__ = ()

    @property
    def type(self) -> int:
        """The type, one of the REG_ constants."""
        return self._number(0)

    @property
    def data_length(self) -> int:
        """The bytes of the data."""
        return self._number(4)

    @property
    def data(self) -> bytes:
        """The data of the value."""
        return read(self.address + 8, self.data_length)
