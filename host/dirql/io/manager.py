# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The I/O manager of one machine: what its routines share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dirql.io.hooks import Hooks
from dirql.io.irp import Irp
from dirql.ke.processors.spin_lock import SpinLock
from dirql.nt.constants import IRP_ALLOCATED_FIXED_SIZE
from dirql.ob.manager import ObjectManager

if TYPE_CHECKING:
    from dirql.io.driver import DriverEntry, DriverObject
    from dirql.io.file import FileObject
    from dirql.io.handle import Handle

__all__ = ["IoManager"]

_LARGEST_STACK = 127  # StackCount is a signed byte
_LOOKASIDE_STACK = 8  # larger ones come from pool each time
_LOOKASIDE_DEPTH = 256


class IoManager:
    """Requests, drivers, files and interrupts that are alive, so that a machine can say what is left at its end."""

    def __init__(self, objects: ObjectManager) -> None:
        self.objects = objects
        self.hooks = Hooks()
        self.cancel_lock = SpinLock()
        self.drivers: dict[str, DriverObject] = {}
        """Loaded drivers by service name, in order of loading."""
        self.services: dict[str, DriverEntry] = {}
        """What could be loaded, by service name: the keys below Services, with the images that they name."""
        self.live_irps: dict[Irp, None] = {}
        """Allocated requests, oldest first."""
        self.open_files: dict[FileObject, None] = {}
        """Files whose CREATE succeeded and whose CLOSE has not been sent."""
        self.handles: dict[Handle, None] = {}
        """Programs' open handles, oldest first."""
        self._lookaside: dict[int, list[Irp]] = {}
        self._irp_number = 0

    def take_irp(self, stack_size: int) -> Irp | None:
        """A zeroed request, one that was freed before if there is one of that size."""
        spare = self._lookaside.get(stack_size)
        if spare:
            irp = spare.pop()
            irp.zero()
        elif 1 <= stack_size <= _LARGEST_STACK:
            irp = Irp(stack_size)
            if stack_size <= _LOOKASIDE_STACK:
                irp.allocation_flags = IRP_ALLOCATED_FIXED_SIZE
        else:
            return None
        self._irp_number += 1
        irp.number = self._irp_number
        self.live_irps[irp] = None
        return irp

    def release_irp(self, irp: Irp) -> None:
        """Take a request back; whoever still uses it is stopped by the checks of its methods."""
        del self.live_irps[irp]
        irp.retire()
        if irp.stack_count <= _LOOKASIDE_STACK:
            spare = self._lookaside.setdefault(irp.stack_count, [])
            if len(spare) < _LOOKASIDE_DEPTH:
                spare.append(irp)
