/* SPDX-FileCopyrightText: dirql contributors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Generic tables over splay trees (RTL_GENERIC_TABLE): the elements lie behind their links, in memory that the driver's
 * routines allocate, and are in a list by the order in which they came besides.
 */
#include <ntddk.h>

#include <string.h>

/* What lies in front of an element. */
struct header {
    RTL_SPLAY_LINKS links;
    LIST_ENTRY by_age;
    LONGLONG data[];
};

#define DATA(node) ((PVOID)((struct header *)(node))->data)

VOID RtlInitializeGenericTable(PRTL_GENERIC_TABLE Table, PRTL_GENERIC_COMPARE_ROUTINE CompareRoutine,
                               PRTL_GENERIC_ALLOCATE_ROUTINE AllocateRoutine, PRTL_GENERIC_FREE_ROUTINE FreeRoutine,
                               PVOID TableContext)
{
    memset(Table, 0, sizeof *Table);
    InitializeListHead(&Table->InsertOrderList);
    Table->OrderedPointer = &Table->InsertOrderList;
    Table->CompareRoutine = CompareRoutine;
    Table->AllocateRoutine = AllocateRoutine;
    Table->FreeRoutine = FreeRoutine;
    Table->TableContext = TableContext;
}

/* The node at which a search ends, which is NULL in an empty table, and how the element compares with it. */
static PRTL_SPLAY_LINKS search(PRTL_GENERIC_TABLE table, PVOID element, RTL_GENERIC_COMPARE_RESULTS *result)
{
    PRTL_SPLAY_LINKS node = table->TableRoot;

    *result = GenericLessThan;
    for (PRTL_SPLAY_LINKS next = node; next != NULL;) {
        node = next;
        *result = table->CompareRoutine(table, element, DATA(node));
        if (*result == GenericEqual) {
            break;
        }
        next = *result == GenericLessThan ? node->LeftChild : node->RightChild;
    }
    return node;
}

PVOID RtlInsertElementGenericTable(PRTL_GENERIC_TABLE Table, PVOID Buffer, CLONG BufferSize, PBOOLEAN NewElement)
{
    RTL_GENERIC_COMPARE_RESULTS result;
    PRTL_SPLAY_LINKS place = search(Table, Buffer, &result);
    struct header *made = (struct header *)place;
    BOOLEAN is_new = place == NULL || result != GenericEqual;

    if (is_new) {
        made = Table->AllocateRoutine(Table, (CLONG)sizeof *made + BufferSize);
        if (made == NULL) {
            if (NewElement != NULL) {
                *NewElement = FALSE;
            }
            return NULL;
        }
        RtlInitializeSplayLinks(&made->links);
        InsertTailList(&Table->InsertOrderList, &made->by_age);
        Table->NumberGenericTableElements++;
        memcpy(made->data, Buffer, BufferSize);
        if (place != NULL && result == GenericLessThan) {
            RtlInsertAsLeftChild(place, &made->links);
        } else if (place != NULL) {
            RtlInsertAsRightChild(place, &made->links);
        }
    }
    Table->TableRoot = RtlSplay(&made->links);
    if (NewElement != NULL) {
        *NewElement = is_new;
    }
    return made->data;
}

BOOLEAN RtlDeleteElementGenericTable(PRTL_GENERIC_TABLE Table, PVOID Buffer)
{
    RTL_GENERIC_COMPARE_RESULTS result;
    PRTL_SPLAY_LINKS node = search(Table, Buffer, &result);

    if (node == NULL || result != GenericEqual) {
        return FALSE;
    }
    Table->TableRoot = RtlDelete(node);
    RemoveEntryList(&((struct header *)node)->by_age);
    Table->NumberGenericTableElements--;
    Table->WhichOrderedElement = 0;
    Table->OrderedPointer = &Table->InsertOrderList;
    Table->FreeRoutine(Table, node);
    return TRUE;
}

PVOID RtlLookupElementGenericTable(PRTL_GENERIC_TABLE Table, PVOID Buffer)
{
    RTL_GENERIC_COMPARE_RESULTS result;
    PRTL_SPLAY_LINKS node = search(Table, Buffer, &result);

    if (node != NULL) {
        Table->TableRoot = RtlSplay(node);
    }
    return node != NULL && result == GenericEqual ? DATA(node) : NULL;
}

static PRTL_SPLAY_LINKS smallest(PRTL_GENERIC_TABLE table)
{
    PRTL_SPLAY_LINKS node = table->TableRoot;

    while (node != NULL && node->LeftChild != NULL) {
        node = node->LeftChild;
    }
    return node;
}

PVOID RtlEnumerateGenericTable(PRTL_GENERIC_TABLE Table, BOOLEAN Restart)
{
    PRTL_SPLAY_LINKS node;

    if (Table->TableRoot == NULL) {
        return NULL;
    }
    node = Restart ? smallest(Table) : RtlRealSuccessor(Table->TableRoot);
    if (node == NULL) {
        return NULL;
    }
    Table->TableRoot = RtlSplay(node);
    return DATA(node);
}

PVOID RtlEnumerateGenericTableWithoutSplaying(PRTL_GENERIC_TABLE Table, PVOID *RestartKey)
{
    PRTL_SPLAY_LINKS node = *RestartKey == NULL ? smallest(Table) : RtlRealSuccessor(*RestartKey);

    if (node == NULL) {
        return NULL;
    }
    *RestartKey = node;
    return DATA(node);
}

PVOID RtlGetElementGenericTable(PRTL_GENERIC_TABLE Table, ULONG I)
{
    PLIST_ENTRY entry = Table->InsertOrderList.Flink;

    if (I >= Table->NumberGenericTableElements) {
        return NULL;
    }
    for (; I > 0; I--) {
        entry = entry->Flink;
    }
    return CONTAINING_RECORD(entry, struct header, by_age)->data;
}

ULONG RtlNumberGenericTableElements(PRTL_GENERIC_TABLE Table)
{
    return Table->NumberGenericTableElements;
}

BOOLEAN RtlIsGenericTableEmpty(PRTL_GENERIC_TABLE Table)
{
    return Table->TableRoot == NULL;
}
