# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Right arguments for the routines of the run-time library and the executive, for `unit/edge_calls.py`."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

from dirql import wdm

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
    "PCHAR": lambda w: w.block,
    "PWCHAR": lambda w: w.block,
    "REFGUID": lambda _: wdm.GUID(1, 2, 3, bytes(8)),
}
LIBRARY_BY_NAME: dict[str, Callable[[LibraryWorld], object]] = {}
LIBRARY_SPECIAL: dict[str, Callable[[LibraryWorld], tuple[object, ...]]] = {
    "RtlFreeUnicodeString": lambda w: (w.allocated_string,),
    "RtlFreeAnsiString": lambda w: (w.allocated_ansi_string,),
    "RtlFreeOemString": lambda w: (w.allocated_ansi_string,),
}
