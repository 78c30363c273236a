# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Views: objects of the kernel whose members are in memory, where drivers in C find them.

A view is an object of a class derived from the kernel's own, with the same layout, so that an object can become one and
stays the same object for all who know it. Attributes that are members of the structure are replaced by descriptors that
read and write memory. One of the slots that this leaves unused holds the address.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, TypeVar, cast

from dirql.c.core.forms import LOCATION, NUMBERS, OBJECT, Converters, UnsupportedForm, member
from dirql.c.core.interface import BITS, STRUCTURES
from dirql.c.core.native_module import Native, Slot, Value

__all__ = ["Member", "View", "derive", "find_slot", "method"]

T = TypeVar("T")


class Member(NamedTuple):
    """A member of a structure and the attribute that stands for it; `form`, if any, takes the place of the member's."""

    path: str
    attribute: str
    form: str = ""


class View:
    """A class of views of one structure."""

    def __init__(
        self,
        native: Native,
        converters: Converters,
        base: type,
        structure: str,
        members: Sequence[Member],
        offset: int = 0,
        extra: Mapping[str, object] | None = None,
    ) -> None:
        """`members` are those that are in memory, `offset` bytes further than the structure has them.

        `extra` are attributes for the class besides. The first member's slot keeps the address.
        """
        self._native = native
        self.size = STRUCTURES[structure][0]
        self.attributes = tuple(each.attribute for each in members)
        self._host = find_slot(base, members[0].attribute)
        places = STRUCTURES[structure][2]
        self._others = tuple(
            name for name in _slots(base) if name not in self.attributes and name not in (extra or {})
        )
        """The slots for what is not in memory."""
        fields = {}
        for each in members:
            place, _, form, _ = places[each.path]
            value = _value(each.form or form, converters)
            keeps = each is not members[0] and value[0] == OBJECT
            own = find_slot(base, each.attribute)
            fields[each.attribute] = native.Field(place - offset, value, self._host, own, keeps)
        self._fields = tuple(fields.values())
        self._extra = tuple(
            (name, find_slot(base, name)) for name in extra or () if _find_or_none(base, name)
        )
        """The slots of which `extra` takes the place."""
        self._members = {"__slots__": (), **fields, **(extra or {})}
        self._types: dict[type, type] = {}
        """The view class of each class derived from `base`."""
        self.type = self._derived(base)

    def _derived(self, base: type) -> type:
        found = self._types.get(base)
        if found is None:
            names = {"__module__": base.__module__, "__qualname__": base.__qualname__}
            found = self._types[base] = type(base.__name__, (base,), {**self._members, **names})
            self._native.view_slots[found] = self._native.slot_offset(self._host)
        return found

    def at(self, address: int) -> object:
        """A new view of memory that is there already."""
        made: object = object.__new__(self.type)
        self._host.__set__(made, address)
        for name in self._others:
            setattr(made, name, None)
        return made

    def promote(self, instance: object, address: int) -> None:
        """Let an object of the class, or of one derived from it, become a view at `address`, with its values."""
        if not self._extra:
            kind = type(instance)
            self._native.promote(
                instance, self._types.get(kind) or self._derived(kind), address, self._fields
            )
            return
        values = [slot.__get__(instance) for _, slot in self._extra]
        self._native.promote(instance, self._derived(type(instance)), address, self._fields)
        for (name, _), value in zip(self._extra, values, strict=True):
            setattr(instance, name, value)

    def demote(self, instance: object) -> None:
        """Let a view become an object of its own class again, with the values that are in memory."""
        if not self._extra:
            self._native.demote(instance, type(instance).__mro__[1], self._fields)
            return
        values = [getattr(instance, name) for name, _ in self._extra]
        self._native.demote(instance, type(instance).__mro__[1], self._fields)
        for (_, slot), value in zip(self._extra, values, strict=True):
            slot.__set__(instance, value)

    def move(self, instance: object, address: int) -> None:
        """Let a view show other memory."""
        self._host.__set__(instance, address)

    def address(self, instance: object) -> int:
        """The address of a view."""
        return cast(int, self._host.__get__(instance))


def derive(native: Native, converters: Converters, base: type, structure: str) -> View:
    """A view of all members for which the class has a slot of the same name."""
    places = STRUCTURES[structure][2]
    found: list[Member] = []
    extra: dict[str, object] = {}
    for path, (offset, size, form, python) in places.items():
        if "." in python or _find_or_none(base, python) is None or not _crosses(form, converters):
            continue
        if form in NUMBERS and size > _size(form):
            extra[python] = (offset, size, form)
        else:
            found.append(Member(path, python))
    found.sort(key=lambda each: places[each.path][2] not in NUMBERS)  # a number's slot keeps the address
    host = find_slot(base, found[0].attribute)
    for name, place in list(extra.items()):
        extra[name] = _array(native, host, *cast(tuple[int, int, str], place))
    for name, place in BITS.get(structure, {}).items():
        if _find_or_none(base, name) is not None:
            extra[name] = _bits(native, host, *place)
    return View(native, converters, base, structure, found, extra=extra)


def _size(form: str) -> int:
    """The number of bytes of a number."""
    return {"bool": 1, "status": 4}.get(form) or int(form[1:])


def _array(native: Native, host: Slot, offset: int, size: int, form: str) -> property:
    """An array of numbers."""
    session = native.check_open(0)

    def get(instance: object) -> object:
        native.check_open(session)
        place = cast(int, host.__get__(instance)) + offset
        return native.Array(place, size // _size(form), _size(form), (NUMBERS[form], None))

    def put(instance: object, values: Sequence[int]) -> None:
        native.check_open(session)
        place = cast(int, host.__get__(instance)) + offset
        native.write_bytes(
            place,
            b"".join((each & (1 << 8 * _size(form)) - 1).to_bytes(_size(form), "little") for each in values),
        )

    return property(get, put)


def _bits(native: Native, host: Slot, offset: int, size: int, lowest: int, width: int) -> property:
    """A bit field, of which Python has a truth value or a number."""
    mask = (1 << width) - 1
    session = native.check_open(0)

    def get(instance: object) -> object:
        native.check_open(session)
        place = cast(int, host.__get__(instance)) + offset
        value = int.from_bytes(native.read_bytes(place, size), "little") >> lowest & mask
        return bool(value) if width == 1 else value

    def put(instance: object, value: int) -> None:
        native.check_open(session)
        place = cast(int, host.__get__(instance)) + offset
        others = int.from_bytes(native.read_bytes(place, size), "little") & ~(mask << lowest)
        native.write_bytes(place, (others | (int(value) & mask) << lowest).to_bytes(size, "little"))

    return property(get, put)


def _slots(base: type) -> list[str]:
    slots = (vars(each).get("__slots__", ()) for each in base.__mro__)
    names = (name for group in slots for name in ((group,) if isinstance(group, str) else group))
    return [name for name in names if name not in ("__weakref__", "__dict__")]


def method(routine: Callable[..., object]) -> Callable[..., object]:
    """A function that becomes a method of the class that has it."""

    def method(*arguments: object) -> object:
        return routine(*arguments)

    return method


def _crosses(form: str, converters: Converters) -> bool:
    try:
        _value(form, converters)
    except UnsupportedForm:
        return False
    return form[0] != "="


def _value(form: str, converters: Converters) -> Value:
    if form == "location":
        return LOCATION, None
    if form == "address":
        return NUMBERS["u8"], None
    return member(form, converters)


def find_slot(base: type, name: str) -> Slot:
    """The descriptor of the slot of a class, or of one above it."""
    found = _find_or_none(base, name)
    if found is None:
        raise TypeError(f"{base.__qualname__} must have a slot {name!r} for the member of the structure")
    return found


def _find_or_none(base: type, name: str) -> Slot | None:
    """The descriptor of a slot; None if there is no slot of that name."""
    for each in base.__mro__:
        found = vars(each).get(name)
        if found is not None:
            return cast(Slot, found) if type(found).__name__ == "member_descriptor" else None
    return None
