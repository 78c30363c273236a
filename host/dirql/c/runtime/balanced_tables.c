/* SPDX-FileCopyrightText: dirql contributors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Generic tables over balanced trees (RTL_AVL_TABLE): the tree hangs at the right of BalancedRoot, the elements lie behind
 * their links, and Balance is the height of the right subtree less that of the left one.
 */
#include <ntddk.h>

#include <string.h>

struct header {
    RTL_BALANCED_LINKS links;
    LONGLONG data[];
};

#define DATA(node) ((PVOID)((struct header *)(node))->data)

VOID RtlInitializeGenericTableAvl(PRTL_AVL_TABLE Table, PRTL_AVL_COMPARE_ROUTINE CompareRoutine,
                                  PRTL_AVL_ALLOCATE_ROUTINE AllocateRoutine, PRTL_AVL_FREE_ROUTINE FreeRoutine,
                                  PVOID TableContext)
{
    memset(Table, 0, sizeof *Table);
    Table->BalancedRoot.Parent = &Table->BalancedRoot;
    Table->CompareRoutine = CompareRoutine;
    Table->AllocateRoutine = AllocateRoutine;
    Table->FreeRoutine = FreeRoutine;
    Table->TableContext = TableContext;
}

static PRTL_BALANCED_LINKS search(PRTL_AVL_TABLE table, PVOID element, RTL_GENERIC_COMPARE_RESULTS *result)
{
    PRTL_BALANCED_LINKS node = NULL;

    *result = GenericGreaterThan; /* an empty tree gets its first node at the right of BalancedRoot */
    for (PRTL_BALANCED_LINKS next = table->BalancedRoot.RightChild; next != NULL;) {
        node = next;
        *result = table->CompareRoutine(table, element, DATA(node));
        if (*result == GenericEqual) {
            break;
        }
        next = *result == GenericLessThan ? node->LeftChild : node->RightChild;
    }
    return node;
}

static VOID put_child(PRTL_BALANCED_LINKS parent, BOOLEAN is_left, PRTL_BALANCED_LINKS child)
{
    *(is_left ? &parent->LeftChild : &parent->RightChild) = child;
    if (child != NULL) {
        child->Parent = parent;
    }
}

/* Lifts the child on one side above its parent. */
static PRTL_BALANCED_LINKS lift(PRTL_BALANCED_LINKS parent, BOOLEAN is_left)
{
    PRTL_BALANCED_LINKS child = is_left ? parent->LeftChild : parent->RightChild;
    PRTL_BALANCED_LINKS above = parent->Parent;

    put_child(above, above->LeftChild == parent, child);
    put_child(parent, is_left, is_left ? child->RightChild : child->LeftChild);
    put_child(child, !is_left, parent);
    return child;
}

/* Balances a node one of whose sides is higher by two; returns the root of the subtree. */
static PRTL_BALANCED_LINKS balance(PRTL_BALANCED_LINKS node)
{
    BOOLEAN is_left = node->Balance < 0;
    CHAR side = is_left ? -1 : 1;
    PRTL_BALANCED_LINKS child = is_left ? node->LeftChild : node->RightChild;
    PRTL_BALANCED_LINKS inner;

    if (child->Balance != -side) {
        lift(node, is_left);
        node->Balance = (CHAR)(side - child->Balance);
        child->Balance = (CHAR)(child->Balance - side);
        return child;
    }
    inner = is_left ? child->RightChild : child->LeftChild;
    lift(child, !is_left);
    lift(node, is_left);
    node->Balance = (CHAR)(inner->Balance == side ? -side : 0);
    child->Balance = (CHAR)(inner->Balance == -side ? side : 0);
    inner->Balance = 0;
    return inner;
}

PVOID RtlInsertElementGenericTableAvl(PRTL_AVL_TABLE Table, PVOID Buffer, CLONG BufferSize, PBOOLEAN NewElement)
{
    RTL_GENERIC_COMPARE_RESULTS result;
    PRTL_BALANCED_LINKS place = search(Table, Buffer, &result);
    struct header *made = (struct header *)place;
    BOOLEAN is_new = result != GenericEqual;

    if (NewElement != NULL) {
        *NewElement = is_new;
    }
    if (!is_new) {
        return made->data;
    }
    made = Table->AllocateRoutine(Table, (CLONG)sizeof *made + BufferSize);
    if (made == NULL) {
        if (NewElement != NULL) {
            *NewElement = FALSE;
        }
        return NULL;
    }
    memset(&made->links, 0, sizeof made->links);
    memcpy(made->data, Buffer, BufferSize);
    Table->NumberGenericTableElements++;
    put_child(place == NULL ? &Table->BalancedRoot : place, result == GenericLessThan, &made->links);
    for (PRTL_BALANCED_LINKS node = &made->links, above = node->Parent; above != &Table->BalancedRoot;
         node = above, above = above->Parent) {
        above->Balance = (CHAR)(above->Balance + (above->LeftChild == node ? -1 : 1));
        if (above->Balance == 0) {
            return made->data;
        }
        if (above->Balance < -1 || above->Balance > 1) {
            balance(above);
            return made->data;
        }
    }
    Table->DepthOfTree++;
    return made->data;
}

static PRTL_BALANCED_LINKS successor(PRTL_AVL_TABLE table, PRTL_BALANCED_LINKS node)
{
    if (node->RightChild != NULL) {
        for (node = node->RightChild; node->LeftChild != NULL; node = node->LeftChild) {
        }
        return node;
    }
    while (node->Parent != &table->BalancedRoot && node->Parent->RightChild == node) {
        node = node->Parent;
    }
    return node->Parent == &table->BalancedRoot ? NULL : node->Parent;
}

/* Tells the nodes above that one of their sides has become lower. */
static VOID shrunk(PRTL_AVL_TABLE table, PRTL_BALANCED_LINKS above, BOOLEAN is_left)
{
    while (above != &table->BalancedRoot) {
        above->Balance = (CHAR)(above->Balance + (is_left ? 1 : -1));
        if (above->Balance == 1 || above->Balance == -1) {
            return;
        }
        if (above->Balance != 0) {
            above = balance(above);
            if (above->Balance != 0) {
                return;
            }
        }
        is_left = above->Parent->LeftChild == above;
        above = above->Parent;
    }
    table->DepthOfTree--;
}

/* Gives the place of a node with two children to its successor, so that the node has one child at most. */
static VOID exchange_with_successor(PRTL_AVL_TABLE table, PRTL_BALANCED_LINKS node)
{
    PRTL_BALANCED_LINKS other = successor(table, node), right = other->RightChild, parent = other->Parent;
    PRTL_BALANCED_LINKS above = node->Parent;
    CHAR kept = node->Balance;

    node->Balance = other->Balance;
    other->Balance = kept;
    put_child(above, above->LeftChild == node, other);
    put_child(other, TRUE, node->LeftChild);
    if (parent == node) {
        put_child(other, FALSE, node);
    } else {
        put_child(other, FALSE, node->RightChild);
        put_child(parent, TRUE, node);
    }
    node->LeftChild = NULL;
    put_child(node, FALSE, right);
}

BOOLEAN RtlDeleteElementGenericTableAvl(PRTL_AVL_TABLE Table, PVOID Buffer)
{
    RTL_GENERIC_COMPARE_RESULTS result;
    PRTL_BALANCED_LINKS node = search(Table, Buffer, &result);
    PRTL_BALANCED_LINKS above;
    BOOLEAN is_left;

    if (result != GenericEqual) {
        return FALSE;
    }
    if (Table->RestartKey == node) {
        Table->RestartKey = NULL;
    }
    if (node->LeftChild != NULL && node->RightChild != NULL) {
        exchange_with_successor(Table, node);
    }
    above = node->Parent;
    is_left = above->LeftChild == node;
    put_child(above, is_left, node->LeftChild != NULL ? node->LeftChild : node->RightChild);
    shrunk(Table, above, is_left);
    Table->DeleteCount++;
    Table->NumberGenericTableElements--;
    Table->FreeRoutine(Table, node);
    return TRUE;
}

PVOID RtlLookupElementGenericTableAvl(PRTL_AVL_TABLE Table, PVOID Buffer)
{
    RTL_GENERIC_COMPARE_RESULTS result;
    PRTL_BALANCED_LINKS node = search(Table, Buffer, &result);

    return result == GenericEqual ? DATA(node) : NULL;
}

/* Among equal elements, the first one of the order. */
PVOID RtlLookupFirstMatchingElementGenericTableAvl(PRTL_AVL_TABLE Table, PVOID Buffer, PVOID *RestartKey)
{
    PRTL_BALANCED_LINKS found = NULL;

    for (PRTL_BALANCED_LINKS node = Table->BalancedRoot.RightChild; node != NULL;) {
        RTL_GENERIC_COMPARE_RESULTS result = Table->CompareRoutine(Table, Buffer, DATA(node));

        found = result == GenericEqual ? node : found;
        node = result == GenericGreaterThan ? node->RightChild : node->LeftChild;
    }
    *RestartKey = found;
    return found == NULL ? NULL : DATA(found);
}

static PRTL_BALANCED_LINKS smallest(PRTL_AVL_TABLE table)
{
    PRTL_BALANCED_LINKS node = table->BalancedRoot.RightChild;

    while (node != NULL && node->LeftChild != NULL) {
        node = node->LeftChild;
    }
    return node;
}

PVOID RtlEnumerateGenericTableWithoutSplayingAvl(PRTL_AVL_TABLE Table, PVOID *RestartKey)
{
    PRTL_BALANCED_LINKS node = *RestartKey == NULL ? smallest(Table) : successor(Table, *RestartKey);

    if (node == NULL) {
        return NULL;
    }
    *RestartKey = node;
    return DATA(node);
}

PVOID RtlEnumerateGenericTableAvl(PRTL_AVL_TABLE Table, BOOLEAN Restart)
{
    PVOID key = Restart ? NULL : Table->RestartKey;
    PVOID data = RtlEnumerateGenericTableWithoutSplayingAvl(Table, &key);

    Table->RestartKey = data == NULL ? NULL : key;
    return data;
}

PVOID RtlGetElementGenericTableAvl(PRTL_AVL_TABLE Table, ULONG I)
{
    PRTL_BALANCED_LINKS node = smallest(Table);

    for (; node != NULL && I > 0; I--) {
        node = successor(Table, node);
    }
    return node == NULL ? NULL : DATA(node);
}

ULONG RtlNumberGenericTableElementsAvl(PRTL_AVL_TABLE Table)
{
    return Table->NumberGenericTableElements;
}

BOOLEAN RtlIsGenericTableEmptyAvl(PRTL_AVL_TABLE Table)
{
    return Table->NumberGenericTableElements == 0;
}
