# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Generic tables: the elements of a driver in the order of its CompareRoutine (RTL_GENERIC_TABLE, RTL_AVL_TABLE).

An element lies in memory that the driver's AllocateRoutine gives: a head, which is the table's, and a copy of the
driver's data behind it. The table keeps the addresses in their order; drivers never see the links in the heads.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

from dirql.ke.processors.contract import KeptContract, contract
from dirql.nt.constants import (
    GenericEqual,
    GenericGreaterThan,
    GenericLessThan,
    TableEmptyTree,
    TableFoundNode,
    TableInsertAsLeft,
    TableInsertAsRight,
)
from dirql.rtl.memory import read, write

__all__ = ["AvlTable", "GenericTable"]

_INITIALIZE: Final = contract("RtlInitializeGenericTable")
_INSERT: Final = contract("RtlInsertElementGenericTable")
_INSERT_FULL: Final = contract("RtlInsertElementGenericTableFull")
_LOOKUP_FULL: Final = contract("RtlLookupElementGenericTableFull")
_INSERT_FULL_AVL: Final = contract("RtlInsertElementGenericTableFullAvl")
_LOOKUP_FULL_AVL: Final = contract("RtlLookupElementGenericTableFullAvl")
_DELETE: Final = contract("RtlDeleteElementGenericTable")
_LOOKUP: Final = contract("RtlLookupElementGenericTable")
_ENUMERATE: Final = contract("RtlEnumerateGenericTable")
_ENUMERATE_FROM: Final = contract("RtlEnumerateGenericTableWithoutSplaying")
_GET: Final = contract("RtlGetElementGenericTable")
_NUMBER: Final = contract("RtlNumberGenericTableElements")
_IS_EMPTY: Final = contract("RtlIsGenericTableEmpty")
_INITIALIZE_AVL: Final = contract("RtlInitializeGenericTableAvl")
_INSERT_AVL: Final = contract("RtlInsertElementGenericTableAvl")
_DELETE_AVL: Final = contract("RtlDeleteElementGenericTableAvl")
_LOOKUP_AVL: Final = contract("RtlLookupElementGenericTableAvl")
_LOOKUP_FIRST_AVL: Final = contract("RtlLookupFirstMatchingElementGenericTableAvl")
_ENUMERATE_AVL: Final = contract("RtlEnumerateGenericTableAvl")
_ENUMERATE_FROM_AVL: Final = contract("RtlEnumerateGenericTableWithoutSplayingAvl")
_GET_AVL: Final = contract("RtlGetElementGenericTableAvl")
_NUMBER_AVL: Final = contract("RtlNumberGenericTableElementsAvl")
_IS_EMPTY_AVL: Final = contract("RtlIsGenericTableEmptyAvl")

_RESULTS: Final = (GenericLessThan, GenericGreaterThan, GenericEqual)
_SPLAY_HEAD: Final = 0x28
"""The head of an element: RTL_SPLAY_LINKS and a LIST_ENTRY."""
_PLACES: Final = {TableFoundNode: 0, TableInsertAsLeft: 0, TableInsertAsRight: 1}
"""The distance of an element's place behind a node, by the result of a search."""
_AVL_HEAD: Final = 0x20
"""The head of an element: RTL_BALANCED_LINKS."""

Compare: TypeAlias = "Callable[[_Table, int, int], int]"
Allocate: TypeAlias = "Callable[[_Table, int], int | None]"
Free: TypeAlias = "Callable[[_Table, int], object]"


class _Table:
    """The elements of a table, by the addresses of their heads."""

    __slots__ = ("_allocate", "_compare", "_free", "_head", "_last", "_sorted", "table_context")

    def __init__(self, head: int) -> None:
        """`head` is the size of the head of an element."""
        self._head = head
        self._compare: Compare | None = None
        self._allocate: Allocate | None = None
        self._free: Free | None = None
        self._sorted: list[int] = []
        self._last: int | None = None
        """The element at which an enumeration goes on behind it; None at the beginning."""
        self.table_context: object = None

    def __repr__(self) -> str:
        return f"<generic table of {len(self._sorted)} elements>"

    def _begin(
        self,
        kept: KeptContract,
        compare_routine: Compare,
        allocate_routine: Allocate,
        free_routine: Free,
        table_context: object,
    ) -> None:
        kept.check_arguments(self, compare_routine, allocate_routine, free_routine, table_context)
        routines = {"Compare": compare_routine, "Allocate": allocate_routine, "Free": free_routine}
        for name, routine in routines.items():
            if not callable(routine):
                kept.refuse_argument(f"{name}Routine", "a routine", routine)
        self._compare, self._allocate, self._free = compare_routine, allocate_routine, free_routine
        self.table_context = table_context
        self._sorted = []
        self._last = None

    def _find(self, kept: KeptContract, buffer: int) -> tuple[int, bool]:
        """The place of the data in the order, and whether an equal element is there."""
        if self._compare is None:
            raise RuntimeError(f"{kept.stated.routine}: Table must be initialized; it was not")
        low, high = 0, len(self._sorted)
        while low < high:
            middle = (low + high) // 2
            result = self._compare(self, buffer, self._sorted[middle] + self._head)
            if result == GenericEqual:
                return middle, True
            if result not in _RESULTS:
                names = "GenericLessThan, GenericGreaterThan or GenericEqual"
                raise ValueError(
                    f"{kept.stated.routine}: CompareRoutine must return {names}; it was {result!r}"
                )
            if result == GenericLessThan:
                high = middle
            else:
                low = middle + 1
        return low, False

    def _add(self, kept: KeptContract, buffer: int, size: int) -> tuple[int | None, bool]:
        return self._put(*self._find(kept, buffer), buffer, size)

    def _put(self, place: int, found: bool, buffer: int, size: int) -> tuple[int | None, bool]:
        """Copy data into a new element at a place, unless an equal one is there."""
        if found:
            return self._seen(place), False
        assert self._allocate is not None
        element = self._allocate(self, size + self._head)
        if not element:
            return None, False
        write(element, bytes(self._head) + read(buffer, size))
        self._sorted.insert(place, element)
        self._added(element)
        return self._seen(place), True

    def _search(self, kept: KeptContract, buffer: int) -> tuple[int | None, int | None, int]:
        """The data of the equal element, and the node and the result with which `_add_at` finds its place again."""
        place, found = self._find(kept, buffer)
        if found:
            return self._seen(place), self._sorted[place], TableFoundNode
        if not self._sorted:
            return None, None, TableEmptyTree
        if place:
            return None, self._sorted[place - 1], TableInsertAsRight
        return None, self._sorted[0], TableInsertAsLeft

    def _add_at(
        self, kept: KeptContract, buffer: int, size: int, node: int | None, result: int
    ) -> tuple[int | None, bool]:
        """Do as `_add` at the place that `_search` has found."""
        if result == TableEmptyTree and not self._sorted:
            return self._put(0, False, buffer, size)
        if result not in _PLACES or node not in self._sorted:
            what = "what the lookup of the same data has returned, before another change of the table"
            kept.refuse_argument("NodeOrParent and SearchResult", what, (node, result))
        place = self._sorted.index(node) + _PLACES[result]
        return self._put(place, result == TableFoundNode, buffer, size)

    def _remove(self, kept: KeptContract, buffer: int) -> bool:
        place, found = self._find(kept, buffer)
        if not found:
            return False
        element = self._sorted.pop(place)
        if self._last == element:
            self._last = self._sorted[place - 1] if place else None
        self._removed(element)
        assert self._free is not None
        self._free(self, element)
        return True

    def _lookup(self, kept: KeptContract, buffer: int) -> int | None:
        place, found = self._find(kept, buffer)
        return self._seen(place) if found else None

    def _following(self, element: int | None) -> int | None:
        """The element behind one, or the first one."""
        place = 0 if element is None else self._sorted.index(element) + 1
        return self._sorted[place] if place < len(self._sorted) else None

    def _next(self, *, restart: bool) -> int | None:
        """The data of the element behind the last one; None at the end."""
        element = self._following(None if restart else self._last)
        if element is None:
            return None
        self._last = element
        return element + self._head

    def _next_from(self, kept: KeptContract, restart_key: int | None) -> tuple[int | None, int | None]:
        """The data of the element behind `restart_key`, and the key of that element."""
        if restart_key and restart_key not in self._sorted:
            kept.refuse_argument("RestartKey", "NULL or the key of the call before", restart_key)
        element = self._following(restart_key or None)
        return (None, restart_key) if element is None else (element + self._head, element)

    def _seen(self, place: int) -> int:
        """The data of an element that a driver gets."""
        return self._sorted[place] + self._head

    def _added(self, element: int) -> None:
        """An element has come into the table."""

    def _removed(self, element: int) -> None:
        """An element has gone out of the table."""


class GenericTable(_Table):
    """A table that NT keeps as a splay tree (RTL_GENERIC_TABLE): an element that was touched is at the root.

    So an enumeration goes on behind the element that was looked up, inserted or enumerated last.
    """

    __slots__ = ("_inserted",)

    def __init__(self) -> None:
        """Make a table that has to be initialized before its use."""
        super().__init__(_SPLAY_HEAD)
        self._inserted: list[int] = []
        """The elements in the order of their insertion."""

    def initialize(
        self, compare_routine: Compare, allocate_routine: Allocate, free_routine: Free, table_context: object
    ) -> None:
        """Make the table empty; follows RtlInitializeGenericTable."""
        _INITIALIZE.check(self)
        self._begin(_INITIALIZE, compare_routine, allocate_routine, free_routine, table_context)
        self._inserted = []

    def insert(self, buffer: int, buffer_size: int) -> tuple[int | None, bool]:
        """Copy data into a new element, unless an equal one is there; follows RtlInsertElementGenericTable.

        Returns the address of the data in the table, None without memory, and whether the element is new.
        """
        _INSERT.check(self)
        _INSERT.check_arguments(self, buffer, buffer_size)
        return self._add(_INSERT, buffer, buffer_size)

    def insert_full(
        self, buffer: int, buffer_size: int, node_or_parent: int | None, search_result: int
    ) -> tuple[int | None, bool]:
        """Do as `insert` at the place that `lookup_full` has found; follows RtlInsertElementGenericTableFull."""
        _INSERT_FULL.check(self)
        _INSERT_FULL.check_arguments(self, buffer, buffer_size, node_or_parent, search_result)
        return self._add_at(_INSERT_FULL, buffer, buffer_size, node_or_parent, search_result)

    def lookup_full(self, buffer: int) -> tuple[int | None, int | None, int]:
        """The data of the equal element, a node and the result of the search, for `insert_full`.

        Follows RtlLookupElementGenericTableFull. The result is a TABLE_SEARCH_RESULT.
        """
        _LOOKUP_FULL.check(self)
        _LOOKUP_FULL.check_arguments(self, buffer)
        return self._search(_LOOKUP_FULL, buffer)

    def delete(self, buffer: int) -> bool:
        """Delete the element that is equal to the data, if there is one; follows RtlDeleteElementGenericTable."""
        _DELETE.check(self)
        _DELETE.check_arguments(self, buffer)
        return self._remove(_DELETE, buffer)

    def lookup(self, buffer: int) -> int | None:
        """The address of the element's data, None without an equal one; follows RtlLookupElementGenericTable."""
        _LOOKUP.check(self)
        _LOOKUP.check_arguments(self, buffer)
        return self._lookup(_LOOKUP, buffer)

    def enumerate(self, restart: int) -> int | None:
        """The data of the first or of the next element, None at the end; follows RtlEnumerateGenericTable."""
        _ENUMERATE.check(self)
        _ENUMERATE.check_arguments(self, restart)
        return self._next(restart=bool(restart))

    def enumerate_without_splaying(self, restart_key: int | None) -> tuple[int | None, int | None]:
        """The data of the element behind `restart_key`, NULL for the first one, and the key for the next call.

        Follows RtlEnumerateGenericTableWithoutSplaying.
        """
        _ENUMERATE_FROM.check(self)
        _ENUMERATE_FROM.check_arguments(self, restart_key)
        return self._next_from(_ENUMERATE_FROM, restart_key)

    def get_element(self, i: int) -> int | None:
        """The data of the element that was inserted as number `i`, from 0; follows RtlGetElementGenericTable."""
        _GET.check(self)
        _GET.check_arguments(self, i)
        return self._inserted[i] + self._head if i < len(self._inserted) else None

    def number_of_elements(self) -> int:
        """The number of elements; follows RtlNumberGenericTableElements."""
        _NUMBER.check(self)
        return len(self._sorted)

    def is_empty(self) -> bool:
        """Whether there are no elements; follows RtlIsGenericTableEmpty."""
        _IS_EMPTY.check(self)
        return not self._sorted

    def _seen(self, place: int) -> int:
        self._last = self._sorted[place]
        return super()._seen(place)

    def _added(self, element: int) -> None:
        self._inserted.append(element)

    def _removed(self, element: int) -> None:
        self._inserted.remove(element)


class AvlTable(_Table):
    """A table that NT keeps as a balanced tree (RTL_AVL_TABLE); only enumerating moves the place of an enumeration."""

    __slots__ = ()

    def __init__(self) -> None:
        """Make a table that has to be initialized before its use."""
        super().__init__(_AVL_HEAD)

    def initialize(
        self, compare_routine: Compare, allocate_routine: Allocate, free_routine: Free, table_context: object
    ) -> None:
        """Make the table empty; follows RtlInitializeGenericTableAvl."""
        _INITIALIZE_AVL.check(self)
        self._begin(_INITIALIZE_AVL, compare_routine, allocate_routine, free_routine, table_context)

    def insert(self, buffer: int, buffer_size: int) -> tuple[int | None, bool]:
        """Do as `GenericTable.insert`; follows RtlInsertElementGenericTableAvl."""
        _INSERT_AVL.check(self)
        _INSERT_AVL.check_arguments(self, buffer, buffer_size)
        return self._add(_INSERT_AVL, buffer, buffer_size)

    def insert_full(
        self, buffer: int, buffer_size: int, node_or_parent: int | None, search_result: int
    ) -> tuple[int | None, bool]:
        """Do as `GenericTable.insert_full`; follows RtlInsertElementGenericTableFullAvl."""
        _INSERT_FULL_AVL.check(self)
        _INSERT_FULL_AVL.check_arguments(self, buffer, buffer_size, node_or_parent, search_result)
        return self._add_at(_INSERT_FULL_AVL, buffer, buffer_size, node_or_parent, search_result)

    def lookup_full(self, buffer: int) -> tuple[int | None, int | None, int]:
        """Do as `GenericTable.lookup_full`; follows RtlLookupElementGenericTableFullAvl."""
        _LOOKUP_FULL_AVL.check(self)
        _LOOKUP_FULL_AVL.check_arguments(self, buffer)
        return self._search(_LOOKUP_FULL_AVL, buffer)

    def delete(self, buffer: int) -> bool:
        """Do as `GenericTable.delete`; follows RtlDeleteElementGenericTableAvl."""
        _DELETE_AVL.check(self)
        _DELETE_AVL.check_arguments(self, buffer)
        return self._remove(_DELETE_AVL, buffer)

    def lookup(self, buffer: int) -> int | None:
        """Do as `GenericTable.lookup`; follows RtlLookupElementGenericTableAvl."""
        _LOOKUP_AVL.check(self)
        _LOOKUP_AVL.check_arguments(self, buffer)
        return self._lookup(_LOOKUP_AVL, buffer)

    def lookup_first_matching(self, buffer: int) -> tuple[int | None, int | None]:
        """The leftmost element that is equal to the data, and its key for `enumerate_without_splaying`.

        Follows RtlLookupFirstMatchingElementGenericTableAvl, for routines that call several elements equal to a buffer.
        """
        _LOOKUP_FIRST_AVL.check(self)
        _LOOKUP_FIRST_AVL.check_arguments(self, buffer)
        place, found = self._find(_LOOKUP_FIRST_AVL, buffer)
        if not found:
            return None, None
        assert self._compare is not None
        while place and self._compare(self, buffer, self._sorted[place - 1] + self._head) == GenericEqual:
            place -= 1
        return self._sorted[place] + self._head, self._sorted[place]

    def enumerate(self, restart: int) -> int | None:
        """Do as `GenericTable.enumerate`; follows RtlEnumerateGenericTableAvl."""
        _ENUMERATE_AVL.check(self)
        _ENUMERATE_AVL.check_arguments(self, restart)
        return self._next(restart=bool(restart))

    def enumerate_without_splaying(self, restart_key: int | None) -> tuple[int | None, int | None]:
        """Do as that of `GenericTable`; follows RtlEnumerateGenericTableWithoutSplayingAvl."""
        _ENUMERATE_FROM_AVL.check(self)
        _ENUMERATE_FROM_AVL.check_arguments(self, restart_key)
        return self._next_from(_ENUMERATE_FROM_AVL, restart_key)

    def get_element(self, i: int) -> int | None:
        """The data of the element with number `i` in the order of the table; follows RtlGetElementGenericTableAvl."""
        _GET_AVL.check(self)
        _GET_AVL.check_arguments(self, i)
        return self._sorted[i] + self._head if i < len(self._sorted) else None

    def number_of_elements(self) -> int:
        """The number of elements; follows RtlNumberGenericTableElementsAvl."""
        _NUMBER_AVL.check(self)
        return len(self._sorted)

    def is_empty(self) -> bool:
        """Whether there are no elements; follows RtlIsGenericTableEmptyAvl."""
        _IS_EMPTY_AVL.check(self)
        return not self._sorted
