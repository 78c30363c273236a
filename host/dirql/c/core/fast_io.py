# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""FastIoDeviceControl of drivers in C, which the I/O manager calls for a control code before it makes a request."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Final, cast

from dirql.c.core.arena import Arena
from dirql.c.core.interface import STRUCTURES
from dirql.c.core.native_module import Native
from dirql.c.core.objects import Objects
from dirql.io.hooks import FastControl
from dirql.io.objects import DeviceObject, DriverObject, FileObject
from dirql.io.status_block import IoStatusBlock
from dirql.ke import guard
from dirql.nt.ntstatus import NTSTATUS

__all__ = ["FastIo"]

_DISPATCH: Final = STRUCTURES["DRIVER_OBJECT"][2]["FastIoDispatch"][0]
_CONTROL: Final = STRUCTURES["FAST_IO_DISPATCH"][2]["FastIoDeviceControl"][0]
_POINTER: Final = struct.Struct("<Q")
_SIZE: Final = struct.Struct("<I")
_STATUS: Final = struct.Struct("<I4xQ")


class FastIo:
    """Calls the routines in the tables of drivers in C."""

    def __init__(self, native: Native, objects: Objects, arena: Arena) -> None:
        self._native = native
        self._objects = objects
        self._block = arena.allocate(_STATUS.size)
        self._routine = objects.routine("FAST_IO_DEVICE_CONTROL")

    def control(
        self, device: DeviceObject, file: FileObject, status: IoStatusBlock, arguments: FastControl
    ) -> bool:
        """Whether the driver's routine has done all; `status` has the result then."""
        driver = device.driver_object
        address = self._control_of(driver)
        if not address:
            return False
        source, source_length, target, target_length, code = arguments
        routine = cast(Callable[..., bool], self._routine(address))
        self._native.write_bytes(self._block, bytes(_STATUS.size))
        rest = (source or 0, source_length, target or 0, target_length, code, self._block, device)
        is_done = guard.call_driver(guard.CALLBACK, driver, routine, file, True, *rest)
        if is_done:
            number, information = _STATUS.unpack(self._native.read_bytes(self._block, _STATUS.size))
            status.status, status.information = NTSTATUS(number), information
        return is_done

    def _control_of(self, driver: DriverObject) -> int:
        """The address of the driver's FastIoDeviceControl; 0 without one."""
        if type(driver) not in self._native.view_slots:
            return 0
        place = self._objects.pointer_to(driver) + _DISPATCH
        (table,) = _POINTER.unpack(self._native.read_bytes(place, _POINTER.size))
        if not table or _SIZE.unpack(self._objects.read(table, _SIZE.size))[0] <= _CONTROL:
            return 0
        return cast(int, _POINTER.unpack(self._objects.read(table + _CONTROL, _POINTER.size))[0])
