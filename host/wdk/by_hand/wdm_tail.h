/* SPDX-FileCopyrightText: dirql contributors
 * SPDX-License-Identifier: Apache-2.0 */

/* Doubly linked lists. The head of an empty list points at itself. */

FORCEINLINE VOID InitializeListHead(_Out_ PLIST_ENTRY ListHead)
{
    ListHead->Flink = ListHead->Blink = ListHead;
}

FORCEINLINE BOOLEAN IsListEmpty(_In_ const LIST_ENTRY *ListHead)
{
    return ListHead->Flink == ListHead;
}

/* Returns TRUE if the list is empty afterwards. */
FORCEINLINE BOOLEAN RemoveEntryList(_In_ PLIST_ENTRY Entry)
{
    PLIST_ENTRY next = Entry->Flink;
    PLIST_ENTRY previous = Entry->Blink;

    previous->Flink = next;
    next->Blink = previous;
    return next == previous;
}

FORCEINLINE PLIST_ENTRY RemoveHeadList(_Inout_ PLIST_ENTRY ListHead)
{
    PLIST_ENTRY entry = ListHead->Flink;

    RemoveEntryList(entry);
    return entry;
}

FORCEINLINE PLIST_ENTRY RemoveTailList(_Inout_ PLIST_ENTRY ListHead)
{
    PLIST_ENTRY entry = ListHead->Blink;

    RemoveEntryList(entry);
    return entry;
}

FORCEINLINE VOID InsertHeadList(_Inout_ PLIST_ENTRY ListHead, _Out_ PLIST_ENTRY Entry)
{
    Entry->Flink = ListHead->Flink;
    Entry->Blink = ListHead;
    ListHead->Flink->Blink = Entry;
    ListHead->Flink = Entry;
}

FORCEINLINE VOID InsertTailList(_Inout_ PLIST_ENTRY ListHead, _Out_ PLIST_ENTRY Entry)
{
    Entry->Flink = ListHead;
    Entry->Blink = ListHead->Blink;
    ListHead->Blink->Flink = Entry;
    ListHead->Blink = Entry;
}

/* Puts a list without a head of its own, which begins at ListToAppend, at the end of another list. */
FORCEINLINE VOID AppendTailList(_Inout_ PLIST_ENTRY ListHead, _Inout_ PLIST_ENTRY ListToAppend)
{
    PLIST_ENTRY end = ListHead->Blink;

    ListHead->Blink->Flink = ListToAppend;
    ListHead->Blink = ListToAppend->Blink;
    ListToAppend->Blink->Flink = ListHead;
    ListToAppend->Blink = end;
}

/* Singly linked lists. */

FORCEINLINE VOID PushEntryList(_Inout_ PSINGLE_LIST_ENTRY ListHead, _Inout_ PSINGLE_LIST_ENTRY Entry)
{
    Entry->Next = ListHead->Next;
    ListHead->Next = Entry;
}

FORCEINLINE PSINGLE_LIST_ENTRY PopEntryList(_Inout_ PSINGLE_LIST_ENTRY ListHead)
{
    PSINGLE_LIST_ENTRY first = ListHead->Next;

    if (first != NULL) {
        ListHead->Next = first->Next;
    }
    return first;
}

/* Messages and assertions, which a free build leaves out. */

#ifndef DBG
#define DBG 0
#endif

#if DBG
#define KdPrint(arguments) DbgPrint arguments
#define KdPrintEx(arguments) DbgPrintEx arguments
#define KdBreakPoint() DbgBreakPoint()
#define ASSERT(expression) ((expression) ? (void)0 : RtlAssert(#expression, __FILE__, __LINE__, NULL))
#define ASSERTMSG(message, expression) ((expression) ? (void)0 : RtlAssert(#expression, __FILE__, __LINE__, (message)))
#define RTL_SOFT_ASSERT(expression)                                                                                  \
    ((expression) ? (void)0 : (void)DbgPrint("%s(%d): %s\n", __FILE__, __LINE__, #expression))
#define NT_ASSERT(expression) ((expression) ? TRUE : (DbgRaiseAssertionFailure(), FALSE))
#define NT_ASSERTMSG(message, expression) ((expression) ? TRUE : (DbgPrint("%s\n", (message)), DbgRaiseAssertionFailure(), FALSE))
#else
#define KdPrint(arguments) ((void)0)
#define KdPrintEx(arguments) ((void)0)
#define KdBreakPoint() ((void)0)
#define ASSERT(expression) ((void)0)
#define ASSERTMSG(message, expression) ((void)0)
#define RTL_SOFT_ASSERT(expression) ((void)0)
#define NT_ASSERT(expression) ((void)0)
#define NT_ASSERTMSG(message, expression) ((void)0)
#endif
