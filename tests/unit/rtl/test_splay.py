# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Links of splay trees, against a sorted list."""

from __future__ import annotations

from bisect import bisect, insort
from collections.abc import Iterator
from itertools import pairwise
from random import Random

import pytest

from dirql import wdm
from unit.rtl.conftest import Memory


def make() -> wdm.RTL_SPLAY_LINKS:
    """A node that is a tree of its own."""
    links = wdm.RTL_SPLAY_LINKS()
    wdm.RtlInitializeSplayLinks(links)
    return links


class Tree:
    """A tree of numbers that the test keeps by itself, as a driver does."""

    def __init__(self) -> None:
        self.root: wdm.RTL_SPLAY_LINKS | None = None
        self.numbers: dict[wdm.RTL_SPLAY_LINKS, int] = {}
        self.order: list[int] = []

    def insert(self, number: int) -> None:
        node = make()
        self.numbers[node] = number
        insort(self.order, number)
        above = self.root
        while above is not None:
            is_left = number < self.numbers[above]
            below = wdm.RtlLeftChild(above) if is_left else wdm.RtlRightChild(above)
            if below is None:
                (wdm.RtlInsertAsLeftChild if is_left else wdm.RtlInsertAsRightChild)(above, node)
                break
            above = below
        self.root = wdm.RtlSplay(node)
        assert self.root == node

    def walk(
        self, node: wdm.RTL_SPLAY_LINKS | None, above: wdm.RTL_SPLAY_LINKS | None = None
    ) -> Iterator[int]:
        """The numbers below a node in their order, each link checked."""
        if node is None:
            return
        left, right = wdm.RtlLeftChild(node), wdm.RtlRightChild(node)
        assert wdm.RtlParent(node) == (node if above is None else above)
        assert wdm.RtlIsRoot(node) == (above is None)
        assert wdm.RtlIsLeftChild(node) == (above is not None and wdm.RtlLeftChild(above) == node)
        assert wdm.RtlIsRightChild(node) == (above is not None and wdm.RtlRightChild(above) == node)
        yield from self.walk(left, node)
        yield self.numbers[node]
        yield from self.walk(right, node)

    def check(self) -> None:
        assert list(self.walk(self.root)) == self.order
        for node, number in self.numbers.items():
            place = bisect(self.order, number) - 1
            after, before = wdm.RtlRealSuccessor(node), wdm.RtlRealPredecessor(node)
            assert [self.numbers[each] for each in (after,) if each] == self.order[place + 1 : place + 2]
            assert [self.numbers[each] for each in (before,) if each] == self.order[:place][-1:]


@pytest.mark.parametrize("splays", [True, False], ids=["RtlDelete", "RtlDeleteNoSplay"])
@pytest.mark.parametrize("seed", range(4))
def test_trees_keep_the_order_of_their_nodes(memory: Memory, seed: int, splays: bool) -> None:
    random, tree = Random(seed), Tree()
    for number in random.sample(range(100), 24):
        tree.insert(number)
        tree.check()
    for node in random.sample(sorted(tree.numbers, key=tree.numbers.__getitem__), 24):
        assert tree.root is not None
        tree.root = wdm.RtlDelete(node) if splays else wdm.RtlDeleteNoSplay(node, tree.root)
        tree.order.remove(tree.numbers.pop(node))
        tree.check()
    assert tree.root is None


def test_a_splay_brings_the_node_to_the_root_by_double_rotations(memory: Memory) -> None:
    """Of a list that goes to the left a splay of its end makes a tree of half the height, unlike single rotations."""
    nodes = [make() for _ in range(5)]
    for above, below in pairwise(nodes):
        wdm.RtlInsertAsLeftChild(above, below)
    assert wdm.RtlSplay(nodes[4]) == nodes[4]
    assert wdm.RtlRightChild(nodes[4]) == nodes[1]
    assert [wdm.RtlLeftChild(nodes[1]), wdm.RtlRightChild(nodes[1])] == [nodes[3], nodes[0]]
    assert wdm.RtlRightChild(nodes[3]) == nodes[2]


def test_the_successor_in_the_subtree_is_none_without_a_right_child(memory: Memory) -> None:
    root, left, right, below = (make() for _ in range(4))
    wdm.RtlInsertAsLeftChild(root, left)
    wdm.RtlInsertAsRightChild(root, right)
    wdm.RtlInsertAsLeftChild(right, below)
    assert wdm.RtlSubtreeSuccessor(root) == below
    assert wdm.RtlSubtreePredecessor(root) == left
    assert [wdm.RtlSubtreeSuccessor(left), wdm.RtlSubtreePredecessor(left)] == [None, None]
    assert wdm.RtlRealSuccessor(left) == root


def test_a_node_that_was_not_initialized_is_told(memory: Memory) -> None:
    with pytest.raises(ValueError, match="call RtlInitializeSplayLinks"):
        wdm.RtlSplay(wdm.RTL_SPLAY_LINKS())
