# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""IoConnectInterruptEx and IoDisconnectInterruptEx of drivers in C, whose parameters are structures with unions."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Final, cast

from dirql.c.core.native_module import Native
from dirql.c.core.objects import Objects
from dirql.io.interrupt import (
    ConnectParameters,
    DisconnectParameters,
    FullySpecified,
    InterruptMessageInfo,
    LineBased,
    MessageBased,
    MessageServiceRoutine,
    ServiceRoutine,
    connect_interrupt_ex,
    disconnect_interrupt_ex,
)
from dirql.io.objects import DeviceObject
from dirql.ke.processors.interrupt import Interrupt
from dirql.ke.processors.spin_lock import SpinLock
from dirql.nt.constants import CONNECT_FULLY_SPECIFIED, CONNECT_LINE_BASED, CONNECT_MESSAGE_BASED

__all__ = ["connection_routines"]

_RECORD: Final = 8
"""The offset of the union in the parameters."""
_COMMON: Final = struct.Struct("<QQQQQBB")
_SPECIFIED: Final = struct.Struct("<QQQQQBBB1xIB3xIQ")
_MESSAGES: Final = struct.Struct("<QQQQQBB6xQ")
_POINTER: Final = struct.Struct("<Q")
_ULONG: Final = struct.Struct("<I")


def connection_routines(native: Native, objects: Objects) -> dict[str, Callable[..., object]]:
    """The routines, by their names in C."""
    connections = _Connections(native, objects)
    return {
        "IoConnectInterruptEx": connections.connect,
        "IoDisconnectInterruptEx": connections.disconnect,
    }


class _Connections:
    """Reads the parameters, and writes what they ask for."""

    def __init__(self, native: Native, objects: Objects) -> None:
        self._native = native
        self._objects = objects
        self._service = objects.routine("KSERVICE_ROUTINE")
        self._message_service = objects.routine("KMESSAGE_SERVICE_ROUTINE")
        self._lock = objects.drivers_object("KSPIN_LOCK")

    def connect(self, address: int) -> int:
        """Connect an interrupt; follows IoConnectInterruptEx."""
        (version,) = _ULONG.unpack(self._objects.read(address, _ULONG.size))
        parameters = ConnectParameters(version)
        out = 0
        if version == CONNECT_FULLY_SPECIFIED:
            parameters.fully_specified, out = self._specified(address + _RECORD)
        elif version == CONNECT_LINE_BASED:
            parameters.line_based, out = self._line_based(address + _RECORD)
        elif version == CONNECT_MESSAGE_BASED:
            parameters.message_based, out = self._message_based(address + _RECORD)
        status, made = connect_interrupt_ex(parameters)
        if made is not None:
            self._objects.write(out, _POINTER.pack(self._objects.pointer_to(made)))
            self._objects.write(address, _ULONG.pack(parameters.version))
        return status

    def disconnect(self, address: int) -> None:
        """Disconnect an interrupt; follows IoDisconnectInterruptEx."""
        (version,) = _ULONG.unpack(self._objects.read(address, _ULONG.size))
        (place,) = _POINTER.unpack(self._objects.read(address + _RECORD, _POINTER.size))
        connected = cast(Interrupt | InterruptMessageInfo, self._native.objects.get(place))
        disconnect_interrupt_ex(DisconnectParameters(version, connected))

    def _specified(self, address: int) -> tuple[FullySpecified, int]:
        device, out, routine, context, lock, synchronize, floating, shared, vector, irql, mode, mask = (
            _SPECIFIED.unpack(self._objects.read(address, _SPECIFIED.size))
        )
        return FullySpecified(
            self._device(device),
            cast(ServiceRoutine, self._routine(routine, self._service)),
            self._thing(context),
            vector,
            irql,
            synchronize,
            mode,
            mask,
            bool(shared),
            bool(floating),
            self._spin_lock(lock),
        ), out

    def _line_based(self, address: int) -> tuple[LineBased, int]:
        device, out, routine, context, lock, synchronize, floating = _COMMON.unpack(
            self._objects.read(address, _COMMON.size)
        )
        return LineBased(
            self._device(device),
            cast(ServiceRoutine, self._routine(routine, self._service)),
            self._thing(context),
            synchronize,
            bool(floating),
            self._spin_lock(lock),
        ), out

    def _message_based(self, address: int) -> tuple[MessageBased, int]:
        device, out, routine, context, lock, synchronize, floating, fall_back = _MESSAGES.unpack(
            self._objects.read(address, _MESSAGES.size)
        )
        return MessageBased(
            self._device(device),
            cast(MessageServiceRoutine, self._routine(routine, self._message_service)),
            self._thing(context),
            synchronize,
            bool(floating),
            self._spin_lock(lock),
            cast(ServiceRoutine | None, self._routine(fall_back, self._service)),
        ), out

    def _device(self, address: int) -> DeviceObject:
        found = self._native.objects.get(address)
        return cast(DeviceObject, found or self._objects.system_object("DEVICE_OBJECT")(address))

    def _thing(self, address: int) -> object:
        return self._native.objects.get(address, address or None)

    def _routine(self, address: int, find: Callable[[int], object]) -> object:
        return None if address == 0 else self._native.objects.get(address) or find(address)

    def _spin_lock(self, address: int) -> SpinLock | None:
        if address == 0:
            return None
        return cast(SpinLock, self._native.objects.get(address) or self._lock(address))
