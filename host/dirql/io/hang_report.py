# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The I/O manager as a witness of the watch over hangs: requests, and the objects that threads wait for."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Final

from dirql.io.manager import IoManager
from dirql.io.remove_lock import RemoveLock
from dirql.io.whereabouts import (
    describe_request,
    dispatched,
    is_in_flight,
    is_parked,
    name_request,
    parts_of_extensions,
)
from dirql.ke.watch.witness import Section, Witness

__all__ = ["IoWitness"]


_OLDEST: Final = 1000
"""The packets among which the watch looks for the oldest request, each time it looks."""


_STEP: Final = "each way through the driver must end in IoCompleteRequest; see below for what it waits"


class IoWitness(Witness):
    """Tells of the requests and the remove locks of one machine."""

    __slots__ = ("_manager",)

    def __init__(self, manager: IoManager) -> None:
        """Tell of this manager's requests."""
        self._manager = manager

    def progress(self) -> tuple[int, ...]:
        """Each request that is made or ends changes one of these."""
        return self._manager.irp_number, len(self._manager.live_irps)

    def oldest(self) -> object:
        """The oldest request that a driver has, that cannot be cancelled and that waits in no device queue."""
        for irp in islice(self._manager.live_irps, _OLDEST):
            if is_in_flight(irp) and not is_parked(irp):
                return irp
        return None

    def accuse(self) -> str:
        """See `Witness`."""
        sent = [irp for irp in self._manager.live_irps if is_in_flight(irp)]
        if sent:
            first = next((irp for irp in sent if not is_parked(irp)), sent[0])
            return f"the oldest request is {name_request(first)}{dispatched(first)}: {_STEP}"
        held = next(iter(self._locks()), "")
        return held and f"there is no request, but {held}"

    def name_of(self, thing: object) -> str:
        """See `Witness`."""
        for irp in self._manager.live_irps:
            if irp.stored_event is thing:
                return (
                    f"the end of {name_request(irp)}" if is_in_flight(irp) else f"the end of IRP {irp.number}"
                )
        for file in self._manager.open_files:
            if file.event is thing:
                return f"the event of {file!r}"
        for name, part in parts_of_extensions():
            if part is thing:
                return name
            if isinstance(part, RemoveLock) and part.common.remove_event is thing:
                return f"IoReleaseRemoveLockAndWait for {name}: {_users(part)}"
        return ""

    def sections(self) -> Iterator[Section]:
        """See `Witness`."""
        yield "requests, the oldest first", [describe_request(irp) for irp in self._manager.live_irps]
        yield "remove locks held", list(self._locks())

    def _locks(self) -> Iterator[str]:
        for name, part in parts_of_extensions():
            if isinstance(part, RemoveLock) and part.dbg.lock_list:
                yield f"the remove lock {name} is held {_users(part)}"


def _users(lock: RemoveLock) -> str:
    tags = ", ".join(repr(tag) for tag in lock.dbg.lock_list)
    return f"by the acquires with the tags {tags}" if tags else "by no acquire"
