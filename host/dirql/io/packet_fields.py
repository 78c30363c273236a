# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The fields of a whole packet that only the driver which has the packet may use (row IRP-21).

Drivers use the properties, which look who has the packet. The I/O manager itself uses what is stored.
"""

from __future__ import annotations

from types import CodeType
from typing import Final

from dirql.io.associated import AssociatedIrp
from dirql.io.field_values import check_integer, check_mdl, check_pointer
from dirql.io.packet import History
from dirql.io.status_block import IoStatusBlock
from dirql.ke.current import current
from dirql.ke.guard import Mortal
from dirql.ke.objects.event import Event
from dirql.mm.mdl import Mdl

__all__ = ["NOBODY", "PacketFields"]

NOBODY: Final = object()
"""The holder of a packet that has ended. It is no driver, so that each use of the packet by one is looked at."""


class PacketFields(Mortal):
    """The base class of `Irp`, which gives the fields their values.

    A method `__init__` here would take 0.2 µs for each packet ("a request through 1 drivers" of bench/io_paths.py).
    """

    __slots__ = (
        "_associated_irp",
        "allocation_flags",
        "cancel_irql",
        "current_location",
        "ended_at",
        "ended_by",
        "ended_code",
        "history",
        "holder",
        "maker",
        "number",
        "requestor_mode",
        "stack_count",
        "stored_cancel",
        "stored_event",
        "stored_flags",
        "stored_iosb",
        "stored_mdl",
        "stored_pending",
        "stored_user_buffer",
        "type",
    )

    _associated_irp: AssociatedIrp | None
    number: int
    maker: object
    """The driver that allocated the packet; None for the I/O manager itself."""
    holder: object
    """The driver that has the packet now, as far as nobody has completed it."""
    type: int
    """0 after the end of the packet."""
    stack_count: int
    current_location: int
    stored_flags: int
    stored_mdl: Mdl | None
    stored_user_buffer: int | None
    allocation_flags: int
    requestor_mode: int
    stored_cancel: bool
    cancel_irql: int
    stored_pending: bool
    stored_event: Event | None
    stored_iosb: IoStatusBlock | None
    history: History | None
    """Rare events, if there were any."""
    ended_by: str
    ended_code: CodeType
    ended_at: int

    def check_use(self, name: str) -> None:
        """Tell a driver that uses the field `name` while another driver has the packet, or after its end."""
        raise NotImplementedError

    # This part and `tail` are made when they are named for the first time, and then stay. Many requests need neither;
    # making both with each packet would take 0.5 µs (bench/io_paths.py, "a request through 1 drivers").

    @property
    def associated_irp(self) -> AssociatedIrp:
        """The system buffer, or the bookkeeping of associated IRPs."""
        if self.holder is not current.processor.driver:
            self.check_use("associated_irp")
        part = self._associated_irp
        if part is None:
            part = self._associated_irp = AssociatedIrp()
        return part

    @property
    def cancel(self) -> bool:
        """Whether somebody wants the request to end soon."""
        if self.holder is not current.processor.driver:
            self.check_use("cancel")
        return self.stored_cancel

    @cancel.setter
    def cancel(self, value: bool) -> None:
        if self.holder is not current.processor.driver:
            self.check_use("cancel")
        check_integer(self, "cancel", value, "BOOLEAN", 8)
        self.stored_cancel = value

    @property
    def pending_returned(self) -> bool:
        """Whether the driver below has marked the request pending, for a completion routine."""
        if self.holder is not current.processor.driver:
            self.check_use("pending_returned")
        return self.stored_pending

    @pending_returned.setter
    def pending_returned(self, value: bool) -> None:
        if self.holder is not current.processor.driver:
            self.check_use("pending_returned")
        check_integer(self, "pending_returned", value, "BOOLEAN", 8)
        self.stored_pending = value

    @property
    def flags(self) -> int:
        """The IRP_ flags of the request."""
        if self.holder is not current.processor.driver:
            self.check_use("flags")
        return self.stored_flags

    @flags.setter
    def flags(self, value: int) -> None:
        if self.holder is not current.processor.driver:
            self.check_use("flags")
        if type(value) is not int or value >> 32:
            check_integer(self, "flags", value, "ULONG", 32)
        self.stored_flags = value

    @property
    def mdl_address(self) -> Mdl | None:
        """The MDL of the caller's buffer."""
        if self.holder is not current.processor.driver:
            self.check_use("mdl_address")
        return self.stored_mdl

    @mdl_address.setter
    def mdl_address(self, value: Mdl | None) -> None:
        if self.holder is not current.processor.driver:
            self.check_use("mdl_address")
        check_mdl(self, value)
        self.stored_mdl = value

    @property
    def user_buffer(self) -> int | None:
        """The address of the caller's buffer."""
        if self.holder is not current.processor.driver:
            self.check_use("user_buffer")
        return self.stored_user_buffer

    @user_buffer.setter
    def user_buffer(self, value: int | None) -> None:
        if self.holder is not current.processor.driver:
            self.check_use("user_buffer")
        if value is not None:
            check_integer(self, "user_buffer", value, "PVOID", 64)
        self.stored_user_buffer = value

    @property
    def user_iosb(self) -> IoStatusBlock | None:
        """The status block that gets the result."""
        return self.stored_iosb

    @user_iosb.setter
    def user_iosb(self, value: IoStatusBlock | None) -> None:
        check_pointer(self, "user_iosb", value, IoStatusBlock, "an IO_STATUS_BLOCK")
        self.stored_iosb = value

    @property
    def user_event(self) -> Event | None:
        """The event that is set when the result is there."""
        return self.stored_event

    @user_event.setter
    def user_event(self, value: Event | None) -> None:
        check_pointer(self, "user_event", value, Event, "a KEVENT")
        self.stored_event = value
