# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Splay trees: a driver links nodes by itself, a root is its own parent, and the node that was used last is the root.

See Sleator and Tarjan, Self-Adjusting Binary Search Trees, 1985.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import mypyc_attr

from dirql.ke.processors.contract import contract

__all__ = [
    "SplayLinks",
    "delete",
    "delete_no_splay",
    "initialize_splay_links",
    "insert_as_left_child",
    "insert_as_right_child",
    "is_left_child",
    "is_right_child",
    "is_root",
    "left_child",
    "parent",
    "real_predecessor",
    "real_successor",
    "right_child",
    "splay",
    "subtree_predecessor",
    "subtree_successor",
]

_INITIALIZE: Final = contract("RtlInitializeSplayLinks")
_PARENT: Final = contract("RtlParent")
_LEFT: Final = contract("RtlLeftChild")
_RIGHT: Final = contract("RtlRightChild")
_IS_ROOT: Final = contract("RtlIsRoot")
_IS_LEFT: Final = contract("RtlIsLeftChild")
_IS_RIGHT: Final = contract("RtlIsRightChild")
_INSERT_LEFT: Final = contract("RtlInsertAsLeftChild")
_INSERT_RIGHT: Final = contract("RtlInsertAsRightChild")
_SPLAY: Final = contract("RtlSplay")
_DELETE: Final = contract("RtlDelete")
_DELETE_NO_SPLAY: Final = contract("RtlDeleteNoSplay")
_SUBTREE_SUCCESSOR: Final = contract("RtlSubtreeSuccessor")
_SUBTREE_PREDECESSOR: Final = contract("RtlSubtreePredecessor")
_REAL_SUCCESSOR: Final = contract("RtlRealSuccessor")
_REAL_PREDECESSOR: Final = contract("RtlRealPredecessor")


@mypyc_attr(allow_interpreted_subclasses=True)
class SplayLinks:
    """One node of a splay tree (RTL_SPLAY_LINKS). `record` is the object that has the node as a member."""

    __slots__ = ("left_child", "parent", "record", "right_child")

    def __init__(self, record: object = None) -> None:
        """Make a node that is in no tree."""
        self.parent: SplayLinks | None = None
        self.left_child: SplayLinks | None = None
        self.right_child: SplayLinks | None = None
        self.record = record

    def __repr__(self) -> str:
        owner = "" if self.record is None else f" of {self.record!r}"
        return f"<RTL_SPLAY_LINKS {id(self):#x}{owner}>"


# Macros.


def initialize_splay_links(links: SplayLinks) -> None:
    """Make a node a tree of its own; follows RtlInitializeSplayLinks."""
    _INITIALIZE.check_arguments(links)
    links.parent = links
    links.left_child = None
    links.right_child = None


def insert_as_left_child(parent_links: SplayLinks, child_links: SplayLinks) -> None:
    """Let a node be the left child of another; follows RtlInsertAsLeftChild."""
    _INSERT_LEFT.check_arguments(parent_links, child_links)
    parent_links.left_child = child_links
    child_links.parent = parent_links


def insert_as_right_child(parent_links: SplayLinks, child_links: SplayLinks) -> None:
    """Let a node be the right child of another; follows RtlInsertAsRightChild."""
    _INSERT_RIGHT.check_arguments(parent_links, child_links)
    parent_links.right_child = child_links
    child_links.parent = parent_links


def parent(links: SplayLinks) -> SplayLinks | None:
    """The parent of a node, for a root itself; follows RtlParent."""
    _PARENT.check_arguments(links)
    return links.parent


def left_child(links: SplayLinks) -> SplayLinks | None:
    """The left child, None if there is none; follows RtlLeftChild."""
    _LEFT.check_arguments(links)
    return links.left_child


def right_child(links: SplayLinks) -> SplayLinks | None:
    """The right child, None if there is none; follows RtlRightChild."""
    _RIGHT.check_arguments(links)
    return links.right_child


def is_root(links: SplayLinks) -> bool:
    """Whether the node is its own parent; follows RtlIsRoot."""
    _IS_ROOT.check_arguments(links)
    return _is_root(links)


def is_left_child(links: SplayLinks) -> bool:
    """Whether the node is the left child of its parent; follows RtlIsLeftChild."""
    _IS_LEFT.check_arguments(links)
    return _parent(links).left_child is links


def is_right_child(links: SplayLinks) -> bool:
    """Whether the node is the right child of its parent; follows RtlIsRightChild."""
    _IS_RIGHT.check_arguments(links)
    return _parent(links).right_child is links


# Functions.


def splay(links: SplayLinks) -> SplayLinks:
    """Make a node the root of its tree, in the same order, and return it; follows RtlSplay."""
    _SPLAY.check(links)
    return _splay(links)


def delete(links: SplayLinks) -> SplayLinks | None:
    """Take a node out of its tree and return the new root, None for the last node; follows RtlDelete."""
    _DELETE.check(links)
    above = _take_out(links)
    return None if above is None else _splay(above)


def delete_no_splay(links: SplayLinks, root: SplayLinks) -> SplayLinks | None:
    """Take a node out without a splay and return the root of the tree after that; follows RtlDeleteNoSplay."""
    _DELETE_NO_SPLAY.check(links)
    if not isinstance(root, SplayLinks):
        _DELETE_NO_SPLAY.refuse_argument("Root", "the root of the tree", root)
    above = _take_out(links)
    while above is not None and not _is_root(above):
        above = _parent(above)
    return above


def subtree_successor(links: SplayLinks) -> SplayLinks | None:
    """The leftmost node of the right subtree, None without one; follows RtlSubtreeSuccessor."""
    _SUBTREE_SUCCESSOR.check(links)
    return _outermost(links, _RIGHT_SIDE, _LEFT_SIDE)


def subtree_predecessor(links: SplayLinks) -> SplayLinks | None:
    """The rightmost node of the left subtree, None without one; follows RtlSubtreePredecessor."""
    _SUBTREE_PREDECESSOR.check(links)
    return _outermost(links, _LEFT_SIDE, _RIGHT_SIDE)


def real_successor(links: SplayLinks) -> SplayLinks | None:
    """The next node of the whole tree, None behind the last; follows RtlRealSuccessor."""
    _REAL_SUCCESSOR.check(links)
    return _outermost(links, _RIGHT_SIDE, _LEFT_SIDE) or _turn(links, _RIGHT_SIDE)


def real_predecessor(links: SplayLinks) -> SplayLinks | None:
    """The node before in the whole tree, None before the first; follows RtlRealPredecessor."""
    _REAL_PREDECESSOR.check(links)
    return _outermost(links, _LEFT_SIDE, _RIGHT_SIDE) or _turn(links, _LEFT_SIDE)


# The parts.


_LEFT_SIDE: Final = "left_child"
_RIGHT_SIDE: Final = "right_child"


def _get(node: SplayLinks, side: str) -> SplayLinks | None:
    return node.left_child if side == _LEFT_SIDE else node.right_child


def _set(node: SplayLinks, side: str, child: SplayLinks | None) -> None:
    if side == _LEFT_SIDE:
        node.left_child = child
    else:
        node.right_child = child


def _parent(node: SplayLinks) -> SplayLinks:
    found = node.parent
    if found is None:
        raise ValueError(
            f"RtlSplay, RtlDelete, Rtl…Successor, Rtl…Predecessor, RtlIs…Child: Links must be in a tree; the parent of"
            f" {node!r} was NULL: call RtlInitializeSplayLinks for each new node, before it becomes a child"
        )
    return found


def _is_root(node: SplayLinks) -> bool:
    return node.parent is node


def _outermost(node: SplayLinks, first: str, then: str) -> SplayLinks | None:
    """The last node on the way that goes once to `first` and on to `then`."""
    found = _get(node, first)
    while found is not None and (further := _get(found, then)) is not None:
        found = further
    return found


def _turn(node: SplayLinks, side: str) -> SplayLinks | None:
    """The first node above that has this one on the other side than `side`."""
    while not _is_root(node):
        above = _parent(node)
        if _get(above, side) is not node:
            return above
        node = above
    return None


def _replace(node: SplayLinks, child: SplayLinks | None) -> None:
    """Put `child` where `node` hangs."""
    above = _parent(node)
    if above is node:
        new = child
    else:
        _set(above, _LEFT_SIDE if above.left_child is node else _RIGHT_SIDE, child)
        new = above
    if child is not None:
        child.parent = new


def _rotate(node: SplayLinks) -> None:
    """Exchange a node with its parent, and keep the order."""
    above = _parent(node)
    near, far = _LEFT_SIDE, _RIGHT_SIDE
    if _get(above, near) is not node:
        near, far = far, near
    moved = _get(node, far)
    _replace(above, node)
    _set(above, near, moved)
    _set(node, far, above)
    if moved is not None:
        moved.parent = above
    above.parent = node


def _splay(node: SplayLinks) -> SplayLinks:
    while not _is_root(node):
        above = _parent(node)
        if not _is_root(above):
            is_left = above.left_child is node
            straight = is_left == (_parent(above).left_child is above)
            _rotate(above if straight else node)
        _rotate(node)
    return node


def _take_out(node: SplayLinks) -> SplayLinks | None:
    """Take out a node; the node above its place, None if it was the last."""
    if node.left_child is not None and node.right_child is not None:
        _exchange_with_predecessor(node)
    child = node.left_child or node.right_child
    above = child if _is_root(node) else _parent(node)
    _replace(node, child)
    return above


def _exchange_with_predecessor(node: SplayLinks) -> None:
    """Give the place of a node to its predecessor in the subtree, so that the node has one child at most."""
    other = _outermost(node, _LEFT_SIDE, _RIGHT_SIDE)
    assert other is not None
    below, above = other.left_child, _parent(other)
    _replace(node, other)
    _adopt(other, _RIGHT_SIDE, node.right_child)
    if above is node:
        _adopt(other, _LEFT_SIDE, node)
    else:
        _adopt(other, _LEFT_SIDE, node.left_child)
        _adopt(above, _RIGHT_SIDE, node)
    node.right_child = None
    _adopt(node, _LEFT_SIDE, below)


def _adopt(node: SplayLinks, side: str, child: SplayLinks | None) -> None:
    _set(node, side, child)
    if child is not None:
        child.parent = node
