# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Where tools look in on the I/O manager: one attribute an event, None until somebody subscribes.

Two subscribers of one hook join with `dirql.ke.hooks.chain`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dirql.io.device import DeviceObject
    from dirql.io.irp import Irp

__all__ = ["Hooks"]


class Hooks:
    """The I/O manager's hooks. They run inside what they watch and must not call the kernel."""

    __slots__ = ("defect_found", "dispatch_entered", "dispatch_left", "irp_completed", "irp_started")

    def __init__(self) -> None:
        """Nobody looks."""
        self.irp_started: Callable[[Irp], None] | None = None
        """A request is about to reach the first driver of its way down."""
        self.irp_completed: Callable[[Irp], None] | None = None
        """A driver calls IoCompleteRequest, its status is set and no completion routine has run yet.

        It comes again for a request whose completion a routine stopped, when its driver goes on with it.
        """
        self.dispatch_entered: Callable[[DeviceObject, Irp], None] | None = None
        """A driver's dispatch routine is about to be called."""
        self.dispatch_left: Callable[[DeviceObject, Irp, int], None] | None = None
        """A dispatch routine returned this status; the request may already belong to somebody else."""
        self.defect_found: Callable[[str, str], None] | None = None
        """A driver did something wrong that NT lets pass: the row of the rule, and a sentence."""
