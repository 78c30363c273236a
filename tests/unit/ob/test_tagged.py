# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""References with a tag count as those without one."""

from __future__ import annotations

from dirql import wdm
from dirql.machine import Machine

TAG = wdm.POOL_TAG("Test")


def test_a_tag_changes_no_count(machine: Machine) -> None:
    event, handle = wdm.IoCreateNotificationEvent(None)
    assert event is not None
    assert handle is not None
    first = wdm.ObReferenceObject(event)
    assert wdm.ObReferenceObjectWithTag(event, TAG) == first + 1
    assert wdm.ObfReferenceObjectWithTag(event, TAG) == first + 2
    status, found, information = wdm.ObReferenceObjectByHandleWithTag(
        handle, wdm.EVENT_MODIFY_STATE, wdm.KEVENT, wdm.KernelMode, TAG
    )
    assert (status, found is event, information is not None) == (wdm.STATUS_SUCCESS, True, True)
    by_pointer = wdm.ObReferenceObjectByPointerWithTag
    assert by_pointer(event, 0, wdm.KEVENT, wdm.UserMode, TAG) == wdm.STATUS_SUCCESS
    assert by_pointer(event, 0, wdm.KTIMER, wdm.UserMode, TAG) == wdm.STATUS_OBJECT_TYPE_MISMATCH
    assert wdm.ObDereferenceObjectWithTag(event, TAG) == first + 3
    wdm.ObDereferenceObjectDeferDeleteWithTag(event, TAG)
    assert [wdm.ObfDereferenceObjectWithTag(event, TAG), wdm.ObDereferenceObject(event)] == [first + 1, first]
    wdm.ObDereferenceObject(event)
    wdm.ZwClose(handle)


def test_a_handle_of_another_type_gives_no_object(machine: Machine) -> None:
    _, handle = wdm.IoCreateNotificationEvent(None)
    assert handle is not None
    refused = wdm.ObReferenceObjectByHandleWithTag(handle, 0, wdm.FILE_OBJECT, wdm.KernelMode, TAG)
    assert refused == (wdm.STATUS_OBJECT_TYPE_MISMATCH, None, None)
