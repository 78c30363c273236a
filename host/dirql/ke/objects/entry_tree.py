# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""A long list in the order of a queue, in which a key is found, and an entry taken out, without a walk through it.

The list is cut into leaves of a few entries. The leaves hang in nodes, and these in further nodes, up to one root. A
node knows the highest key below it, and an entry knows its leaf. The keys need not be sorted: a device queue in which
some entries were inserted by key and others at the tail is no exception. With n entries each operation takes time in
proportion to log n.
"""

from __future__ import annotations

from collections.abc import Iterator
from operator import attrgetter
from typing import Final

from mypy_extensions import mypyc_attr

__all__ = ["Entry", "EntryTree"]

# A node with more items is cut in two. With 64 the operations by key take a third longer with 100,000 entries, and 16
# gain nothing that can be measured (bench/growth.py).
_LIMIT: Final = 32

_key_of = attrgetter("sort_key")


@mypyc_attr(allow_interpreted_subclasses=True)
class Entry:
    """An entry of the list. Nobody may change `sort_key` while the entry is in a list."""

    __slots__ = ("node", "sort_key")

    def __init__(self) -> None:
        """Make an entry that is in no list."""
        self.sort_key = 0
        self.node: _Node | None = None
        """The leaf in which the entry is; only `EntryTree` uses it."""


class _Node(Entry):
    """A part of the list, itself an entry of the node above it; `sort_key` is the highest key in the part."""

    __slots__ = ("is_leaf", "items")

    def __init__(self, items: list[Entry], is_leaf: bool) -> None:
        super().__init__()
        self.items = items
        self.is_leaf = is_leaf
        for item in items:
            item.node = self
        if items:
            self.sort_key = max(map(_key_of, items))


@mypyc_attr(allow_interpreted_subclasses=True)
class EntryTree:
    """The list, whose entries are taken out and found by key in a time that hardly grows with its length."""

    __slots__ = ("_last_leaf", "_root")

    def __init__(self) -> None:
        """Make an empty list."""
        self._root = self._last_leaf = _Node([], is_leaf=True)

    def __iter__(self) -> Iterator[Entry]:
        return _entries_of(self._root)

    def __contains__(self, entry: Entry) -> bool:
        node = entry.node
        while node is not None and node is not self._root:
            node = node.node
        return node is not None

    def first(self) -> Entry | None:
        """The entry at the head; None if the list is empty."""
        node = self._root
        while not node.is_leaf:
            node = _node(node.items[0])
        return node.items[0] if node.items else None

    def first_from(self, sort_key: int) -> Entry | None:
        """The first entry whose key is `sort_key` or above; None if there is none."""
        node = self._root
        while True:
            for item in node.items:
                if item.sort_key >= sort_key:
                    break
            else:
                return None
            if node.is_leaf:
                return item
            node = _node(item)

    def append(self, entry: Entry) -> None:
        """Add an entry at the tail."""
        leaf = self._last_leaf
        self._insert(leaf, len(leaf.items), entry)

    def insert_before(self, following: Entry, entry: Entry) -> None:
        """Add an entry before one that is in the list."""
        leaf = following.node
        assert leaf is not None
        self._insert(leaf, leaf.items.index(following), entry)

    def remove(self, entry: Entry) -> None:
        """Take an entry out of the list in which it is."""
        node = entry.node
        assert node is not None
        entry.node = None
        node.items.remove(entry)
        if not node.items and node is not self._root:
            node = self._prune(node)
        self._lower(node, entry.sort_key)

    def clear(self) -> None:
        """Take all entries out."""
        for entry in self:
            entry.node = None
        self._root = self._last_leaf = _Node([], is_leaf=True)

    def _insert(self, leaf: _Node, place: int, entry: Entry) -> None:
        key = entry.sort_key
        entry.node = leaf
        leaf.items.insert(place, entry)
        node: _Node | None = leaf
        while node is not None and node.sort_key < key:
            node.sort_key = key
            node = node.node
        if len(leaf.items) > _LIMIT:
            self._split(leaf)

    def _split(self, node: _Node) -> None:
        """Cut a node that has too many items in two, and the nodes above it if they then have too many.

        An item that is too many at the tail of the list gets a node of its own, so that a list that grows there has
        full nodes.
        """
        at_tail = node is self._last_leaf
        while len(node.items) > _LIMIT:
            cut = _LIMIT if at_tail else _LIMIT // 2
            right = _Node(node.items[cut:], node.is_leaf)
            del node.items[cut:]
            node.sort_key = max(map(_key_of, node.items))
            if node is self._last_leaf:
                self._last_leaf = right
            above = node.node
            if above is None:
                self._root = _Node([node, right], is_leaf=False)
                return
            place = above.items.index(node) + 1
            at_tail = at_tail and place == len(above.items)
            above.items.insert(place, right)
            right.node = above
            node = above

    def _prune(self, leaf: _Node) -> _Node:
        """Take out an empty leaf and the nodes that are empty then; return the lowest node that is left above it."""
        node = leaf
        while not node.items and node.node is not None:
            above = node.node
            above.items.remove(node)
            node = above
        while not self._root.is_leaf and len(self._root.items) == 1:
            self._root = _node(self._root.items[0])
            self._root.node = None
        if leaf is self._last_leaf:
            self._last_leaf = _last_leaf(self._root)
        return node

    def _lower(self, lowest: _Node, key: int) -> None:
        """Correct the highest keys from `lowest` up to the root, because an entry with `key` has gone from below."""
        node: _Node | None = lowest
        while node is not None and node.items and node.sort_key == key:
            if node.items[-1].sort_key == key:  # the usual case in a queue without keys, or with sorted ones
                return
            node.sort_key = max(map(_key_of, node.items))
            node = node.node


def _node(item: Entry) -> _Node:
    """An item of a node that is no leaf, which is a node."""
    assert isinstance(item, _Node)
    return item


def _last_leaf(root: _Node) -> _Node:
    node = root
    while not node.is_leaf:
        node = _node(node.items[-1])
    return node


def _entries_of(node: _Node) -> Iterator[Entry]:
    if node.is_leaf:
        yield from tuple(node.items)
    else:
        for item in tuple(node.items):
            yield from _entries_of(_node(item))
