# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Generic tables, both kinds, against a sorted list."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import cast

import pytest

from dirql import wdm
from dirql.ke.costs import Costs
from dirql.machine import Machine, open_machine
from dirql.mm import memory
from fakes.scripted_target import ScriptedTarget

pytestmark = pytest.mark.row("TBL-01")

TAG = 0x6C626154
KINDS = {"splay": (wdm.RTL_GENERIC_TABLE, "", 0x28), "avl": (wdm.RTL_AVL_TABLE, "Avl", 0x20)}


@pytest.fixture(autouse=True)
def machine() -> Iterator[Machine]:
    with open_machine(ScriptedTarget(), costs=Costs.free()) as opened:
        yield opened


class Table:
    """A table of 4-byte keys with 4 bytes of data, as a driver has it."""

    def __init__(self, kind: str) -> None:
        made, self.suffix, self.head = KINDS[kind]
        self.table = made()
        self.sizes: list[int] = []
        self.elements: set[int] = set()
        self.memory_is_short = False
        self.order: Callable[[object, int, int], int] | None = None
        self.buffer = wdm.ExAllocatePoolWithTag(wdm.NonPagedPool, 8, TAG)
        self("RtlInitializeGenericTable", self.compare, self.allocate, self.free, "context")

    def __call__(self, name: str, *arguments: object) -> object:
        where = (
            name.replace("Elements", "Elements" + self.suffix) if "Elements" in name else name + self.suffix
        )
        routine = cast("Callable[..., object]", getattr(wdm, where))
        return routine(self.table, *arguments)

    def compare(self, table: object, first: int, second: int) -> int:
        assert table is self.table
        if self.order is not None:
            return self.order(table, first, second)
        one, other = key(first), key(second)
        if one == other:
            return wdm.GenericEqual
        return wdm.GenericLessThan if one < other else wdm.GenericGreaterThan

    def allocate(self, table: object, size: int) -> int | None:
        assert table is self.table
        if self.memory_is_short:
            return None
        found = wdm.ExAllocatePoolWithTag(wdm.PagedPool, size, TAG)
        assert found is not None
        self.sizes.append(size)
        self.elements.add(found)
        return found

    def free(self, table: object, element: int) -> None:
        assert table is self.table
        self.elements.remove(element)
        wdm.ExFreePool(element)

    def put(self, number: int, data: int = 0) -> int:
        assert self.buffer is not None
        memory.write(self.buffer, number.to_bytes(4, "little") + data.to_bytes(4, "little"))
        return self.buffer

    def insert(self, number: int, data: int = 0) -> tuple[int | None, bool]:
        return cast(
            "tuple[int | None, bool]", self("RtlInsertElementGenericTable", self.put(number, data), 8)
        )

    def close(self) -> None:
        while (found := cast("int | None", self("RtlEnumerateGenericTable", True))) is not None:
            assert self("RtlDeleteElementGenericTable", found)
        assert not self.elements
        wdm.ExFreePool(cast("int", self.buffer))


def never(*_: object) -> int:
    raise AssertionError("the table calls nothing")


def key(address: int) -> int:
    return int.from_bytes(memory.read(address, 4), "little")


@pytest.fixture(params=sorted(KINDS))
def table(request: pytest.FixtureRequest) -> Iterator[Table]:
    made = Table(request.param)
    yield made
    made.close()


def keys(table: Table) -> list[int]:
    found = []
    data = table("RtlEnumerateGenericTable", True)
    while data is not None:
        found.append(key(cast("int", data)))
        data = table("RtlEnumerateGenericTable", False)
    return found


def test_TBL_01_an_element_is_a_copy_behind_a_head(table: Table) -> None:
    data, is_new = table.insert(7, 70)
    assert is_new
    assert table.sizes == [8 + table.head]
    (element,) = table.elements
    assert data == element + table.head
    assert memory.read(data, 8) == bytes.fromhex("0700000046000000")
    assert table.insert(7, 71) == (data, False)
    assert memory.read(data, 8) == bytes.fromhex("0700000046000000")
    assert table.table.table_context == "context"


def test_TBL_01_without_memory_nothing_is_inserted(table: Table) -> None:
    table.insert(1)
    table.memory_is_short = True
    assert table.insert(2) == (None, False)
    assert table("RtlNumberGenericTableElements") == 1


def test_TBL_01_random_elements_against_a_set(table: Table) -> None:
    chance = random.Random(4)
    known: dict[int, int] = {}
    for _ in range(400):
        number = chance.randrange(60)
        if chance.random() < 0.4:
            assert table("RtlDeleteElementGenericTable", table.put(number)) == (number in known)
            known.pop(number, None)
        else:
            data, is_new = table.insert(number)
            assert is_new == (number not in known)
            assert known.setdefault(number, cast("int", data)) == data
        looked = chance.randrange(60)
        assert table("RtlLookupElementGenericTable", table.put(looked)) == known.get(looked)
    assert keys(table) == sorted(known)
    assert table("RtlNumberGenericTableElements") == len(known)
    assert table("RtlIsGenericTableEmpty") is False
    order = list(known) if not table.suffix else sorted(known)
    for place, number in enumerate(order):
        assert table("RtlGetElementGenericTable", place) == known[number]
    assert table("RtlGetElementGenericTable", len(order)) is None


def test_TBL_01_a_key_of_the_driver_enumerates_beside(table: Table) -> None:
    for number in (3, 1, 2):
        table.insert(number)
    found, restart = [], None
    while True:
        data, restart = cast(
            "tuple[int | None, int | None]",
            table("RtlEnumerateGenericTableWithoutSplaying", restart),
        )
        if data is None:
            break
        found.append(key(data))
        table("RtlLookupElementGenericTable", table.put(1))
    assert found == [1, 2, 3]
    with pytest.raises(TypeError, match="RestartKey must be NULL or the key of the call before"):
        table("RtlEnumerateGenericTableWithoutSplaying", 8)


def test_TBL_01_a_lookup_moves_the_enumeration_of_a_splay_tree_alone(table: Table) -> None:
    for number in range(5):
        table.insert(number)
    table("RtlEnumerateGenericTable", True)
    table("RtlLookupElementGenericTable", table.put(3))
    following = table("RtlEnumerateGenericTable", False)
    assert key(cast("int", following)) == (1 if table.suffix else 4)


def test_TBL_01_the_element_that_an_enumeration_has_given_may_be_deleted(table: Table) -> None:
    for number in range(5):
        table.insert(number)
    table("RtlEnumerateGenericTable", True)
    second = table("RtlEnumerateGenericTable", False)
    assert table("RtlDeleteElementGenericTable", second)
    assert key(cast("int", table("RtlEnumerateGenericTable", False))) == 2


def test_TBL_01_the_first_of_several_that_match() -> None:
    table = Table("avl")
    for number in (10, 11, 12, 20):
        table.insert(number)

    def by_tens(_table: object, first: int, second: int) -> int:
        difference = key(first) // 10 - key(second) // 10
        return wdm.GenericEqual if not difference else int(difference > 0)

    table.order = by_tens
    assert isinstance(table.table, wdm.RTL_AVL_TABLE)
    data, restart = wdm.RtlLookupFirstMatchingElementGenericTableAvl(table.table, table.put(19))
    assert key(cast("int", data)) == 10
    following, _ = wdm.RtlEnumerateGenericTableWithoutSplayingAvl(table.table, restart)
    assert key(cast("int", following)) == 11
    assert wdm.RtlLookupFirstMatchingElementGenericTableAvl(table.table, table.put(30)) == (None, None)
    table.order = None
    table.close()


def test_TBL_01_wrong_uses_are_told() -> None:
    with pytest.raises(RuntimeError, match="RtlLookupElementGenericTable: Table must be initialized"):
        wdm.RtlLookupElementGenericTable(wdm.RTL_GENERIC_TABLE(), 8)
    wrong = cast("Callable[..., object]", 3)
    with pytest.raises(TypeError, match="FreeRoutine must be a routine; it was 3"):
        wdm.RtlInitializeGenericTable(wdm.RTL_GENERIC_TABLE(), never, never, wrong, None)
    table = Table("splay")
    table.insert(1)
    table.order = lambda *_: 7
    with pytest.raises(
        ValueError,
        match="CompareRoutine must return GenericLessThan, GenericGreaterThan or GenericEqual; it was 7",
    ):
        table.insert(2)
    table.order = None
    table.close()


def test_the_full_forms_find_the_place_and_put_an_element_there(table: Table) -> None:
    """WDK, ntifs.h: RtlLookupElementGenericTableFull tells where RtlInsertElementGenericTableFull puts an element."""
    numbers = [5, 2, 9, 7, 1, 5]
    results: list[int] = []
    for number in numbers:
        found, node, result = cast(
            "tuple[int | None, int | None, int]", table("RtlLookupElementGenericTableFull", table.put(number))
        )
        assert (found is not None) == (result == wdm.TableFoundNode) == (number in numbers[: len(results)])
        results.append(result)
        data, is_new = cast(
            "tuple[int, bool]", table("RtlInsertElementGenericTableFull", table.put(number), 8, node, result)
        )
        assert key(data) == number
        assert is_new == (found is None)
    assert results[:3] == [wdm.TableEmptyTree, wdm.TableInsertAsLeft, wdm.TableInsertAsRight]
    assert keys(table) == sorted(set(numbers))
    for node, result in ((None, wdm.TableFoundNode), (1, wdm.TableInsertAsLeft), (None, wdm.TableEmptyTree)):
        with pytest.raises(TypeError, match="NodeOrParent and SearchResult"):
            table("RtlInsertElementGenericTableFull", table.put(3), 8, node, result)
