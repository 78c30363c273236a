# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""From a member to the structure that it is in."""

from __future__ import annotations

from typing import Final, TypeVar, overload

from dirql.io.objects import IrpDeviceQueueEntry
from dirql.ke.objects.device_queue import DeviceQueueEntry
from dirql.ke.processors.contract import contract
from dirql.rtl.links import ListEntry, SingleListEntry

__all__ = ["containing_record"]

_CONTAINING_RECORD: Final = contract("CONTAINING_RECORD")
_T = TypeVar("_T")


@overload
def containing_record(
    address: DeviceQueueEntry | ListEntry | SingleListEntry, record: type[_T], field: str
) -> _T: ...


@overload
def containing_record(address: int, record: object, field: int) -> int: ...


def containing_record(address: object, record: object, field: object) -> object:
    """The object of class `record` whose attribute `field` the entry of a list is; follows CONTAINING_RECORD.

    A list entry names its object when it is made, as in `self.list_entry = LIST_ENTRY(self)`; requests have a list
    entry and a device queue entry, "tail.overlay.list_entry" and "tail.overlay.device_queue_entry". For a structure in
    memory `address` is an integer, and `field` the offset of the member in bytes. Raises `TypeError` for an entry that
    belongs to no object of that class.
    """
    if isinstance(address, int):
        if not isinstance(field, int):
            what = "the offset of the member in bytes, because Address is an address"
            _CONTAINING_RECORD.refuse_argument("Field", what, field)
        return address - field
    if not isinstance(record, type):
        _CONTAINING_RECORD.refuse_argument("Type", "a class, such as IRP", record)
    found = _record_of(address)
    if found is None or not isinstance(found, record):
        what = f"an entry that is the Field {field} of an object of the Type {record.__name__}"
        _CONTAINING_RECORD.refuse_argument("Address", what, address)
    return found


def _record_of(entry: object) -> object:
    """The object that has the entry as a member; None if it has not told."""
    if isinstance(entry, IrpDeviceQueueEntry):
        return entry.irp
    return entry.record if isinstance(entry, ListEntry | SingleListEntry) else None
