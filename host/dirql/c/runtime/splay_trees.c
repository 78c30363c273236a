/* SPDX-FileCopyrightText: dirql contributors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Splay trees: the links are in a driver's memory, a root is its own parent, and the node that was used last is the root
 * (Sleator and Tarjan, Self-Adjusting Binary Search Trees, 1985).
 */
#include <ntddk.h>

static BOOLEAN is_root(PRTL_SPLAY_LINKS node)
{
    return node->Parent == node;
}

/* Puts `child` where `node` hangs. */
static VOID replace(PRTL_SPLAY_LINKS node, PRTL_SPLAY_LINKS child)
{
    PRTL_SPLAY_LINKS parent = node->Parent;

    if (is_root(node)) {
        parent = child;
    } else if (parent->LeftChild == node) {
        parent->LeftChild = child;
    } else {
        parent->RightChild = child;
    }
    if (child != NULL) {
        child->Parent = parent;
    }
}

/* Exchanges a node with its parent, and keeps the order. */
static VOID rotate(PRTL_SPLAY_LINKS node)
{
    PRTL_SPLAY_LINKS parent = node->Parent;
    BOOLEAN is_left = parent->LeftChild == node;
    PRTL_SPLAY_LINKS moved = is_left ? node->RightChild : node->LeftChild;

    replace(parent, node);
    if (is_left) {
        parent->LeftChild = moved;
        node->RightChild = parent;
    } else {
        parent->RightChild = moved;
        node->LeftChild = parent;
    }
    if (moved != NULL) {
        moved->Parent = parent;
    }
    parent->Parent = node;
}

PRTL_SPLAY_LINKS RtlSplay(PRTL_SPLAY_LINKS Links)
{
    while (!is_root(Links)) {
        PRTL_SPLAY_LINKS parent = Links->Parent;

        if (!is_root(parent)) {
            rotate((parent->LeftChild == Links) == (parent->Parent->LeftChild == parent) ? parent : Links);
        }
        rotate(Links);
    }
    return Links;
}

PRTL_SPLAY_LINKS RtlSubtreeSuccessor(PRTL_SPLAY_LINKS Links)
{
    PRTL_SPLAY_LINKS node = Links->RightChild;

    while (node != NULL && node->LeftChild != NULL) {
        node = node->LeftChild;
    }
    return node;
}

PRTL_SPLAY_LINKS RtlSubtreePredecessor(PRTL_SPLAY_LINKS Links)
{
    PRTL_SPLAY_LINKS node = Links->LeftChild;

    while (node != NULL && node->RightChild != NULL) {
        node = node->RightChild;
    }
    return node;
}

PRTL_SPLAY_LINKS RtlRealSuccessor(PRTL_SPLAY_LINKS Links)
{
    if (Links->RightChild != NULL) {
        return RtlSubtreeSuccessor(Links);
    }
    while (!is_root(Links) && Links->Parent->RightChild == Links) {
        Links = Links->Parent;
    }
    return is_root(Links) ? NULL : Links->Parent;
}

PRTL_SPLAY_LINKS RtlRealPredecessor(PRTL_SPLAY_LINKS Links)
{
    if (Links->LeftChild != NULL) {
        return RtlSubtreePredecessor(Links);
    }
    while (!is_root(Links) && Links->Parent->LeftChild == Links) {
        Links = Links->Parent;
    }
    return is_root(Links) ? NULL : Links->Parent;
}

/* Gives the place of a node to its predecessor, so that the node has one child at most. */
static VOID exchange_with_predecessor(PRTL_SPLAY_LINKS node)
{
    PRTL_SPLAY_LINKS other = RtlSubtreePredecessor(node);
    PRTL_SPLAY_LINKS left = other->LeftChild;
    BOOLEAN is_child = other->Parent == node;
    PRTL_SPLAY_LINKS parent = other->Parent;

    replace(node, other);
    other->RightChild = node->RightChild;
    other->RightChild->Parent = other;
    if (is_child) {
        other->LeftChild = node;
        node->Parent = other;
    } else {
        other->LeftChild = node->LeftChild;
        other->LeftChild->Parent = other;
        parent->RightChild = node;
        node->Parent = parent;
    }
    node->RightChild = NULL;
    node->LeftChild = left;
    if (left != NULL) {
        left->Parent = node;
    }
}

static PRTL_SPLAY_LINKS take_out(PRTL_SPLAY_LINKS node)
{
    PRTL_SPLAY_LINKS child, parent;

    if (node->LeftChild != NULL && node->RightChild != NULL) {
        exchange_with_predecessor(node);
    }
    child = node->LeftChild != NULL ? node->LeftChild : node->RightChild;
    parent = is_root(node) ? child : node->Parent;
    replace(node, child);
    return parent;
}

PRTL_SPLAY_LINKS RtlDelete(PRTL_SPLAY_LINKS Links)
{
    PRTL_SPLAY_LINKS parent = take_out(Links);

    return parent == NULL ? NULL : RtlSplay(parent);
}

VOID RtlDeleteNoSplay(PRTL_SPLAY_LINKS Links, PRTL_SPLAY_LINKS *Root)
{
    PRTL_SPLAY_LINKS node = take_out(Links);

    while (node != NULL && !is_root(node)) {
        node = node->Parent;
    }
    *Root = node;
}
