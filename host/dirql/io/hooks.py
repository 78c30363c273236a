# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The hooks of the I/O manager, to which tools subscribe. There is one attribute for each step.

It is None without subscribers.

`dirql.ke.hooks.chain` joins two subscribers of one hook.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from dirql.io.objects import DeviceObject, FileObject, Irp
from dirql.io.status_block import IoStatusBlock

__all__ = ["FastControl", "Hooks"]

FastControl = tuple[int | None, int, int | None, int, int]
"""Input and output buffer with the length behind each, and the control code."""


class Hooks:
    """The I/O manager's hooks. A subscriber runs inside the routine that it watches and must not call the kernel."""

    __slots__ = (
        "code_left",
        "device_closed",
        "dispatch_entered",
        "dispatch_left",
        "driver_gone",
        "fast_control",
        "irp_completed",
        "irp_delivered",
        "irp_started",
        "things_left",
    )

    def __init__(self) -> None:
        """Make hooks without subscribers."""
        self.irp_started: Callable[[Irp], None] | None = None
        """A request is about to reach the first driver on its way down."""
        self.irp_completed: Callable[[Irp], None] | None = None
        """A driver called IoCompleteRequest; the status is set and no completion routine has run yet.

        When a completion routine stopped the completion, the hook is called again by the call that continues it.
        """
        self.irp_delivered: Callable[[Irp], None] | None = None
        """The result of a request is in its owner's buffer; the status block and the event follow."""
        self.dispatch_entered: Callable[[DeviceObject, Irp], None] | None = None
        """A driver's dispatch routine is about to be called."""
        self.dispatch_left: Callable[[DeviceObject, Irp, int], None] | None = None
        """A dispatch routine returned this status; the request may already belong to another driver."""
        self.device_closed: Callable[[DeviceObject], None] | None = None
        """The last open file of a device was closed."""
        self.code_left: Callable[[object], Iterable[tuple[object, object, str]]] | None = None
        """Finds code of a driver that the HAL would call: the object, the routine, and the state with the remedy."""
        self.driver_gone: Callable[[object], None] | None = None
        """A driver was unloaded while the machine runs on, or did not load; its routines run no more."""
        self.fast_control: Callable[[DeviceObject, FileObject, IoStatusBlock, FastControl], bool] | None = (
            None
        )
        """A program sends a control code: true if the driver's FastIoDeviceControl has done it and set the status."""
        self.things_left: Callable[[object], Iterable[str]] | None = None
        """Finds the things of the HAL that a driver has not given back, and makes a sentence on each."""
