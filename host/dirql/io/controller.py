# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Controller objects: a physical controller that several devices share, one at a time (CONTROLLER_OBJECT)."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final, NoReturn

from dirql.io.fixed_bytes import FixedBytes
from dirql.io.objects import DeviceObject, Irp
from dirql.ke import guard
from dirql.ke.bugcheck import refuse_list
from dirql.ke.processors.contract import contract
from dirql.nt.constants import IO_TYPE_CONTROLLER, KeepObject

__all__ = ["ControllerControl", "ControllerObject", "create_controller"]

_CREATE: Final = contract("IoCreateController")
_DELETE: Final = contract("IoDeleteController")
_ALLOCATE: Final = contract("IoAllocateController")
_FREE: Final = contract("IoFreeController")

_LARGEST: Final = 1 << 24

ControllerControl = Callable[[DeviceObject, Irp | None, object, object], int]
"""A ControllerControl routine is called as `routine(device, irp, map register base, context)`."""


class ControllerObject:
    """A controller that one device at a time has for an operation."""

    __slots__ = ("controller_extension", "owner", "size", "type", "waiting")

    def __init__(self, extension: object) -> None:
        """Drivers call `create_controller` instead."""
        self.type = IO_TYPE_CONTROLLER
        self.size = 0x48
        self.controller_extension = extension
        self.owner: DeviceObject | None = None
        """The device that has the controller."""
        self.waiting = deque[tuple[DeviceObject, ControllerControl, object]]()
        """The allocations that wait, the next one first."""

    def __repr__(self) -> str:
        owner = "free" if self.owner is None else f"of {self.owner!r}"
        return f"<controller {id(self):#x}, {owner}, {len(self.waiting)} waiting>"

    def allocate(
        self, device_object: DeviceObject, execution_routine: ControllerControl, context: object
    ) -> None:
        """Call `execution_routine(device, current irp, None, context)` once the controller is free.

        Follows IoAllocateController. The routine returns KeepObject if the device has the controller until
        IoFreeController, else DeallocateObject.
        """
        _ALLOCATE.check_two(self, device_object)
        _ALLOCATE.check_arguments(self, device_object, execution_routine, context)
        self._check_live("IoAllocateController")
        if self.owner is None:
            self._run(device_object, execution_routine, context)
        else:
            self.waiting.append((device_object, execution_routine, context))

    def free(self) -> None:
        """Let the next device have the controller; follows IoFreeController."""
        _FREE.check(self)
        self._check_live("IoFreeController")
        self.owner = None
        self._run_next()

    def delete(self) -> None:
        """End the controller; follows IoDeleteController."""
        _DELETE.check(self)
        self._check_live("IoDeleteController")
        self.type = 0

    def _run(self, device: DeviceObject, routine: ControllerControl, context: object) -> None:
        self.owner = device
        kept = guard.call_driver(
            guard.CONTROLLER_CONTROL, device.driver_object, routine, device, device.current_irp, None, context
        )
        if kept != KeepObject:
            self.owner = None
            self._run_next()

    def _run_next(self) -> None:
        if self.waiting and self.owner is None:
            self._run(*self.waiting.popleft())

    def _check_live(self, routine: str) -> None:
        if not self.type:
            self._refuse(routine)

    def _refuse(self, routine: str) -> NoReturn:
        reason = (
            f"{routine} must be called before IoDeleteController; {self!r} was deleted: forget the pointer"
        )
        refuse_list(reason)


def create_controller(size: type | int) -> ControllerObject | None:
    """Make a controller; follows IoCreateController. `size` is a class for the extension, or its bytes.

    None if there is no memory for an extension of that size.
    """
    _CREATE.check_level(size)
    if isinstance(size, type):
        return ControllerObject(size())
    if not isinstance(size, int):
        _CREATE.refuse_argument("Size", "a class, or a size in bytes (ULONG)", size)
    return ControllerObject(FixedBytes(size)) if 0 <= size <= _LARGEST else None
