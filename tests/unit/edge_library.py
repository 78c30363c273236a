# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Right arguments for the routines of the run-time library and the executive, for `unit/edge_calls.py`."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TypeVar

from dirql import wdm

T = TypeVar("T")

__all__ = ["BLOCK", "LIBRARY_BY_NAME", "LIBRARY_BY_TYPE", "LIBRARY_SPECIAL", "LibraryWorld"]

BLOCK = 256


class LibraryWorld:
    """Strings, lists and other objects of the library, made when a call needs them."""

    @cached_property
    def block(self) -> int:
        """A block of nonpaged pool, all zeros."""
        address = wdm.ExAllocatePool2(wdm.POOL_FLAG_NON_PAGED, BLOCK, wdm.POOL_TAG("Edge"))
        assert address is not None
        return address

    @cached_property
    def other_block(self) -> int:
        address = wdm.ExAllocatePool2(wdm.POOL_FLAG_NON_PAGED, BLOCK, wdm.POOL_TAG("Edge"))
        assert address is not None
        return address

    @cached_property
    def string(self) -> wdm.UNICODE_STRING:
        """An empty string with room."""
        return wdm.UNICODE_STRING(0, BLOCK, self.block)

    @cached_property
    def allocated_string(self) -> wdm.UNICODE_STRING:
        string = wdm.UNICODE_STRING()
        wdm.RtlUpcaseUnicodeString(string, "Edge", True)
        return string

    @cached_property
    def ansi_string(self) -> wdm.ANSI_STRING:
        """An empty string with room."""
        return wdm.ANSI_STRING(0, BLOCK, self.block)

    @cached_property
    def allocated_ansi_string(self) -> wdm.ANSI_STRING:
        string = wdm.ANSI_STRING()
        wdm.RtlUnicodeStringToAnsiString(string, "Edge", True)
        return string

    @cached_property
    def listed(self) -> wdm.LIST_ENTRY:
        """A list of one entry."""
        head = wdm.LIST_ENTRY()
        wdm.InitializeListHead(head)
        wdm.InsertHeadList(head, wdm.LIST_ENTRY())
        return head

    @cached_property
    def other_list(self) -> wdm.LIST_ENTRY:
        """A list of two links without a head."""
        first = wdm.LIST_ENTRY()
        wdm.InitializeListHead(first)
        wdm.InsertHeadList(first, wdm.LIST_ENTRY())
        return first

    @cached_property
    def sequenced_list(self) -> wdm.SLIST_HEADER:
        """A sequenced list of one entry."""
        head = wdm.SLIST_HEADER()
        wdm.ExInitializeSListHead(head)
        wdm.InterlockedPushEntrySList(head, wdm.SLIST_ENTRY())
        return head

    @cached_property
    def npaged_lookaside(self) -> wdm.NPAGED_LOOKASIDE_LIST:
        lookaside = wdm.NPAGED_LOOKASIDE_LIST()
        wdm.ExInitializeNPagedLookasideList(lookaside, None, None, 0, 32, wdm.POOL_TAG("Edge"), 0)
        return lookaside

    @cached_property
    def paged_lookaside(self) -> wdm.PAGED_LOOKASIDE_LIST:
        lookaside = wdm.PAGED_LOOKASIDE_LIST()
        wdm.ExInitializePagedLookasideList(lookaside, None, None, 0, 32, wdm.POOL_TAG("Edge"), 0)
        return lookaside

    @cached_property
    def lookaside(self) -> wdm.LOOKASIDE_LIST_EX:
        lookaside = wdm.LOOKASIDE_LIST_EX()
        wdm.ExInitializeLookasideListEx(
            lookaside, None, None, wdm.NonPagedPoolNx, 0, 32, wdm.POOL_TAG("Edge"), 0
        )
        return lookaside

    @cached_property
    def bitmap(self) -> wdm.RTL_BITMAP:
        """A bitmap with the bits of the block."""
        bitmap = wdm.RTL_BITMAP()
        wdm.RtlInitializeBitMap(bitmap, self.block, 8 * BLOCK)
        return bitmap

    @cached_property
    def callback_record(self) -> wdm.KBUGCHECK_CALLBACK_RECORD:
        record = wdm.KBUGCHECK_CALLBACK_RECORD()
        wdm.KeInitializeCallbackRecord(record)
        return record


def tree() -> wdm.RTL_SPLAY_LINKS:
    """The root of a splay tree, with a left child."""
    root, child = wdm.RTL_SPLAY_LINKS(), wdm.RTL_SPLAY_LINKS()
    for links in (root, child):
        wdm.RtlInitializeSplayLinks(links)
    wdm.RtlInsertAsLeftChild(root, child)
    return root


def generic_table(kind: Callable[[], T], initialize: Callable[..., None]) -> T:
    """A table without elements."""
    made = kind()
    initialize(made, *_TABLE_ROUTINES, None)
    return made


LIBRARY_BY_TYPE: dict[str, Callable[[LibraryWorld], object]] = {
    "PCUNICODE_STRING": lambda _: "Edge",
    "PSTRING": lambda w: w.ansi_string,
    "PANSI_STRING": lambda w: w.ansi_string,
    "POEM_STRING": lambda w: w.ansi_string,
    "PCSTRING": lambda _: b"Edge",
    "PCANSI_STRING": lambda _: b"Edge",
    "PCOEM_STRING": lambda _: b"Edge",
    "PCWSTR": lambda _: "Edge",
    "PCSZ": lambda _: "Edge",
    "PSTR": lambda w: w.block,
    "PWSTR": lambda w: w.block,
    "PCHAR": lambda w: w.block,
    "PWCHAR": lambda w: w.block,
    "PLIST_ENTRY": lambda w: w.listed,
    "PSINGLE_LIST_ENTRY": lambda _: wdm.SINGLE_LIST_ENTRY(),
    "PSLIST_ENTRY": lambda _: wdm.SLIST_ENTRY(),
    "PSLIST_HEADER": lambda w: w.sequenced_list,
    "volatile LONG *": lambda w: w.block,
    "volatile LONG64 *": lambda w: w.block,
    "volatile PVOID *": lambda w: w.block,
    "volatile LARGE_INTEGER *": lambda w: w.block,
    "PKBUGCHECK_CALLBACK_RECORD": lambda w: w.callback_record,
    "PKBUGCHECK_CALLBACK_ROUTINE": lambda _: lambda *_: None,
    "PNPAGED_LOOKASIDE_LIST": lambda w: w.npaged_lookaside,
    "PPAGED_LOOKASIDE_LIST": lambda w: w.paged_lookaside,
    "PLOOKASIDE_LIST_EX": lambda w: w.lookaside,
    "PALLOCATE_FUNCTION": lambda _: None,
    "PALLOCATE_FUNCTION_EX": lambda _: None,
    "PFREE_FUNCTION": lambda _: None,
    "PFREE_FUNCTION_EX": lambda _: None,
    "PRTL_BITMAP": lambda w: w.bitmap,
    "PRTL_GENERIC_TABLE": lambda _: generic_table(wdm.RTL_GENERIC_TABLE, wdm.RtlInitializeGenericTable),
    "PRTL_AVL_TABLE": lambda _: generic_table(wdm.RTL_AVL_TABLE, wdm.RtlInitializeGenericTableAvl),
    "PRTL_SPLAY_LINKS": lambda _: tree(),
    "PRTL_SPLAY_LINKS *": lambda _: tree(),
    "PKIPI_BROADCAST_WORKER": lambda _: lambda _: 0,
    "PTIME_FIELDS": lambda _: wdm.TIME_FIELDS(2026, 1, 1),
    "PRTL_OSVERSIONINFOW": lambda _: wdm.RTL_OSVERSIONINFOW(),
    "PRTL_OSVERSIONINFOEXW": lambda _: wdm.RTL_OSVERSIONINFOEXW(),
    "PULONGLONG": lambda w: w.block,
    "PACCESS_MASK": lambda w: w.block,
    "PACL": lambda w: w.block,
    "PRTL_RUN_ONCE": lambda w: w.block,
    "PSECURITY_DESCRIPTOR": lambda w: w.block,
    "PSID": lambda w: w.block,
    "PSID_IDENTIFIER_AUTHORITY": lambda w: w.block,
    "PGENERIC_MAPPING": lambda _: wdm.GENERIC_MAPPING(),
    "PSECURITY_SUBJECT_CONTEXT": lambda _: wdm.SECURITY_SUBJECT_CONTEXT(),
    "va_list": lambda _: (),
    "REFGUID": lambda _: wdm.GUID(1, 2, 3, bytes(8)),
    "LPCGUID": lambda _: wdm.GUID(1, 2, 3, bytes(8)),
}
_TABLE_ROUTINES = (
    lambda *_: wdm.GenericEqual,
    lambda _, size: wdm.ExAllocatePoolWithTag(wdm.NonPagedPool, size, 1),
    lambda _, element: wdm.ExFreePool(element),
)
LIBRARY_BY_NAME: dict[str, Callable[[LibraryWorld], object]] = {
    "Expression": lambda _: True,
    "ListEntry": lambda _: wdm.LIST_ENTRY(),
}
_POOL = (wdm.NonPagedPoolNx, 16, wdm.POOL_TAG("Edge"))
LIBRARY_SPECIAL: dict[str, Callable[[LibraryWorld], tuple[object, ...]]] = {
    "RtlEnlargedUnsignedDivide": lambda _: (1, 1),
    "RtlExtendedLargeIntegerDivide": lambda _: (1, 1),
    "RtlLargeIntegerDivide": lambda _: (1, 1),
    "ExAllocatePoolWithQuotaTag": lambda _: _POOL,
    "ExAllocatePoolWithTagPriority": lambda _: (*_POOL, wdm.NormalPoolPriority),
    "ExAllocatePoolZero": lambda _: _POOL,
    "ExAllocatePoolUninitialized": lambda _: _POOL,
    "ExAllocatePoolQuotaZero": lambda _: _POOL,
    "ExAllocatePoolQuotaUninitialized": lambda _: _POOL,
    "ExAllocatePoolPriorityZero": lambda _: (*_POOL, wdm.NormalPoolPriority),
    "ExAllocatePoolPriorityUninitialized": lambda _: (*_POOL, wdm.NormalPoolPriority),
    "ExFreePool2": lambda w: (w.block, 0, None, 0),
    "ExInitializeNPagedLookasideList": lambda _: (wdm.NPAGED_LOOKASIDE_LIST(), None, None, 0, 32, 1, 0),
    "ExInitializePagedLookasideList": lambda _: (wdm.PAGED_LOOKASIDE_LIST(), None, None, 0, 32, 1, 0),
    "ExInitializeLookasideListEx": lambda _: (wdm.LOOKASIDE_LIST_EX(), None, None, 0, 0, 32, 1, 0),
    "ExFreeToNPagedLookasideList": lambda w: (
        w.npaged_lookaside,
        wdm.ExAllocateFromNPagedLookasideList(w.npaged_lookaside),
    ),
    "ExFreeToPagedLookasideList": lambda w: (
        w.paged_lookaside,
        wdm.ExAllocateFromPagedLookasideList(w.paged_lookaside),
    ),
    "ExFreeToLookasideListEx": lambda w: (w.lookaside, wdm.ExAllocateFromLookasideListEx(w.lookaside)),
    "KdPrint": lambda _: (("Edge",),),
    "KdPrintEx": lambda _: ((wdm.DPFLTR_IHVDRIVER_ID, 0, "Edge"),),
    "KeBugCheck": lambda _: (wdm.MANUALLY_INITIATED_CRASH,),
    "ExInterlockedAddUlong": lambda w: (w.block, 1, wdm.KSPIN_LOCK()),
    "RtlInitializeGenericTable": lambda _: (wdm.RTL_GENERIC_TABLE(), *_TABLE_ROUTINES, None),
    "RtlInitializeGenericTableAvl": lambda _: (wdm.RTL_AVL_TABLE(), *_TABLE_ROUTINES, None),
    "RtlEnumerateGenericTableWithoutSplaying": lambda _: (
        generic_table(wdm.RTL_GENERIC_TABLE, wdm.RtlInitializeGenericTable),
        None,
    ),
    "RtlEnumerateGenericTableWithoutSplayingAvl": lambda _: (
        generic_table(wdm.RTL_AVL_TABLE, wdm.RtlInitializeGenericTableAvl),
        None,
    ),
    "RtlConvertSidToUnicodeString": lambda w: (w.string, w.other_block, False),
    "InitializeObjectAttributes": lambda _: (wdm.OBJECT_ATTRIBUTES(), "Edge", 0, None, None),
    "RtlFreeSid": lambda w: (w.block,),
    "PushEntryList": lambda _: (wdm.SINGLE_LIST_ENTRY(), wdm.SINGLE_LIST_ENTRY()),
    "RemoveEntryList": lambda w: (w.listed.flink,),
    "InsertHeadList": lambda w: (w.listed, wdm.LIST_ENTRY()),
    "InsertTailList": lambda w: (w.listed, wdm.LIST_ENTRY()),
    "AppendTailList": lambda w: (w.listed, w.other_list),
    "ExInterlockedPushEntrySList": lambda w: (w.sequenced_list, wdm.SLIST_ENTRY(), None),
    "InterlockedPushEntrySList": lambda w: (w.sequenced_list, wdm.SLIST_ENTRY()),
    "ExInterlockedPushEntryList": lambda _: (
        wdm.SINGLE_LIST_ENTRY(),
        wdm.SINGLE_LIST_ENTRY(),
        wdm.KSPIN_LOCK(),
    ),
    "RtlFreeUnicodeString": lambda w: (w.allocated_string,),
    "RtlFreeAnsiString": lambda w: (w.allocated_ansi_string,),
    "RtlFreeOemString": lambda w: (w.allocated_ansi_string,),
}
