# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""IoConnectInterruptEx: a device's line or messages are connected as Plug and Play assigned them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from dirql.io.interrupt_resource import InterruptResource
from dirql.io.objects import DeviceObject
from dirql.ke.processors.contract import contract
from dirql.ke.processors.interrupt import Interrupt
from dirql.ke.processors.spin_lock import SpinLock, free_spin_lock
from dirql.ke.refusals import note_refusal
from dirql.nt.constants import (
    CONNECT_FULLY_SPECIFIED,
    CONNECT_LINE_BASED,
    CONNECT_MESSAGE_BASED,
    Latched,
    LevelSensitive,
)
from dirql.nt.status import STATUS_INVALID_PARAMETER, STATUS_NOT_FOUND, STATUS_SUCCESS

__all__ = [
    "ConnectParameters",
    "DisconnectParameters",
    "FullySpecified",
    "InterruptMessage",
    "InterruptMessageInfo",
    "LineBased",
    "MessageBased",
    "connect_interrupt_ex",
    "disconnect_interrupt_ex",
]

_CONNECT_INTERRUPT_EX: Final = contract("IoConnectInterruptEx")
_DISCONNECT_INTERRUPT_EX: Final = contract("IoDisconnectInterruptEx")

_NO_LINE: Final = (
    "PhysicalDeviceObject must have an interrupt line for CONNECT_LINE_BASED; it had none: give the device object that"
    " AddDevice got, or use CONNECT_MESSAGE_BASED for a device with messages"
)
_NO_MESSAGES: Final = (
    "PhysicalDeviceObject must have messages for CONNECT_MESSAGE_BASED, or a line if there is a"
    " FallBackServiceRoutine; it had none: give the device object that AddDevice got, and a routine for lines"
)

ServiceRoutine = Callable[[Interrupt, object], object]
MessageServiceRoutine = Callable[[Interrupt, object, int], object]


@dataclass(eq=False, slots=True)
class FullySpecified:
    """The driver gives all values itself, as for IoConnectInterrupt."""

    physical_device_object: DeviceObject
    service_routine: ServiceRoutine
    service_context: object
    vector: int
    irql: int
    synchronize_irql: int
    interrupt_mode: int
    processor_enable_mask: int
    share_vector: bool = False
    floating_save: bool = False
    spin_lock: SpinLock | None = None


@dataclass(eq=False, slots=True)
class LineBased:
    """The interrupt line of the device, with the vector that Plug and Play assigned."""

    physical_device_object: DeviceObject
    service_routine: ServiceRoutine
    service_context: object
    synchronize_irql: int = 0
    floating_save: bool = False
    spin_lock: SpinLock | None = None


@dataclass(eq=False, slots=True)
class MessageBased:
    """All messages of the device; `fall_back_service_routine` serves its line when it has no messages.

    `message_service_routine(interrupt, context, message_id)` serves each message.
    """

    physical_device_object: DeviceObject
    message_service_routine: MessageServiceRoutine
    service_context: object
    synchronize_irql: int = 0
    floating_save: bool = False
    spin_lock: SpinLock | None = None
    fall_back_service_routine: ServiceRoutine | None = None


@dataclass(eq=False, slots=True)
class ConnectParameters:
    """The argument of `connect_interrupt_ex` (IO_CONNECT_INTERRUPT_PARAMETERS); `version` says which part is used.

    `connect_interrupt_ex` sets it to CONNECT_LINE_BASED when it connects the line of a device without messages.
    """

    version: int
    fully_specified: FullySpecified | None = None
    line_based: LineBased | None = None
    message_based: MessageBased | None = None


@dataclass(eq=False, slots=True)
class InterruptMessage:
    """One connected message (IO_INTERRUPT_MESSAGE_INFO_ENTRY)."""

    message_address: int
    message_data: int
    vector: int
    irql: int
    mode: int
    interrupt_object: Interrupt


@dataclass(eq=False, slots=True)
class InterruptMessageInfo:
    """All connected messages of a device (IO_INTERRUPT_MESSAGE_INFO)."""

    unified_irql: int
    message_info: list[InterruptMessage] = field(default_factory=list)

    @property
    def message_count(self) -> int:
        """The number of connected messages."""
        return len(self.message_info)


@dataclass(eq=False, slots=True)
class DisconnectParameters:
    """The argument of `disconnect_interrupt_ex`: the version that was connected, and the object that was returned."""

    version: int
    connection_context: Interrupt | InterruptMessageInfo


class _Message:
    """Calls the service routine of a message with the number of the message."""

    __slots__ = ("number", "routine")

    def __init__(self, routine: MessageServiceRoutine, number: int) -> None:
        self.routine = routine
        self.number = number

    def serve(self, interrupt: Interrupt, context: object) -> object:
        """The interrupt service routine of the message."""
        return self.routine(interrupt, context, self.number)


def connect_interrupt_ex(
    parameters: ConnectParameters,
) -> tuple[int, Interrupt | InterruptMessageInfo | None]:
    """Connect as `parameters.version` says: (status, interrupt object or table of messages). PASSIVE_LEVEL.

    Follows IoConnectInterruptEx for its versions FULLY_SPECIFIED, LINE_BASED and MESSAGE_BASED.
    """
    _CONNECT_INTERRUPT_EX.check(parameters)
    if parameters.version == CONNECT_FULLY_SPECIFIED and parameters.fully_specified is not None:
        return _connect_specified(parameters.fully_specified)
    if parameters.version == CONNECT_LINE_BASED and parameters.line_based is not None:
        return _connect_line(parameters.line_based)
    if parameters.version == CONNECT_MESSAGE_BASED and parameters.message_based is not None:
        return _connect_messages(parameters, parameters.message_based)
    note_refusal(
        STATUS_INVALID_PARAMETER,
        "IoConnectInterruptEx: Version must be CONNECT_FULLY_SPECIFIED, CONNECT_LINE_BASED or CONNECT_MESSAGE_BASED,"
        f" with the structure of that name filled in; it was {parameters.version}",
    )
    return STATUS_INVALID_PARAMETER, None


def disconnect_interrupt_ex(parameters: DisconnectParameters) -> None:
    """Disconnect the interrupt object or all messages; follows IoDisconnectInterruptEx. PASSIVE_LEVEL."""
    _DISCONNECT_INTERRUPT_EX.check(parameters)
    connected = parameters.connection_context
    if isinstance(connected, Interrupt):
        connected.disconnect()
        return
    for message in connected.message_info:
        message.interrupt_object.disconnect()


def _connect_specified(wanted: FullySpecified) -> tuple[int, Interrupt | None]:
    return Interrupt.connect(
        wanted.service_routine,
        wanted.service_context,
        wanted.spin_lock,
        wanted.vector,
        wanted.irql,
        wanted.synchronize_irql,
        wanted.interrupt_mode,
        wanted.share_vector,
        wanted.processor_enable_mask,
        wanted.floating_save,
    )


def _connect_line(wanted: LineBased) -> tuple[int, Interrupt | None]:
    lines = [r for r in _assigned(wanted.physical_device_object) if not r.message]
    if not lines:
        note_refusal(STATUS_NOT_FOUND, f"IoConnectInterruptEx: {_NO_LINE}")
        return STATUS_NOT_FOUND, None
    return _connect(wanted.service_routine, wanted, lines[0], wanted.synchronize_irql)


def _connect_messages(
    parameters: ConnectParameters, wanted: MessageBased
) -> tuple[int, Interrupt | InterruptMessageInfo | None]:
    messages = [r for r in _assigned(wanted.physical_device_object) if r.message]
    if not messages:
        fallback = wanted.fall_back_service_routine
        lines = _assigned(wanted.physical_device_object)
        if fallback is None or not lines:
            note_refusal(STATUS_NOT_FOUND, f"IoConnectInterruptEx: {_NO_MESSAGES}")
            return STATUS_NOT_FOUND, None
        parameters.version = CONNECT_LINE_BASED
        return _connect(fallback, wanted, lines[0], wanted.synchronize_irql)
    # One lock for all messages of a device, at the highest of their levels (row INT-03).
    lock = wanted.spin_lock or free_spin_lock()
    unified = max(wanted.synchronize_irql, *(r.level for r in messages), 0)
    table = InterruptMessageInfo(unified)
    for number, resource in enumerate(messages):
        routine = _Message(wanted.message_service_routine, number).serve
        status, interrupt = _connect(routine, wanted, resource, unified, lock)
        if interrupt is None:
            disconnect_interrupt_ex(DisconnectParameters(CONNECT_MESSAGE_BASED, table))
            return status, None
        address, data = resource.message_address, resource.message_data
        table.message_info.append(
            InterruptMessage(address, data, resource.vector, resource.level, Latched, interrupt)
        )
    return STATUS_SUCCESS, table


def _connect(
    routine: ServiceRoutine,
    wanted: LineBased | MessageBased,
    resource: InterruptResource,
    synchronize_irql: int,
    lock: SpinLock | None = None,
) -> tuple[int, Interrupt | None]:
    return Interrupt.connect(
        routine,
        wanted.service_context,
        lock or wanted.spin_lock,
        resource.vector,
        resource.level,
        max(synchronize_irql, resource.level),
        Latched if resource.latched else LevelSensitive,
        not resource.message,
        resource.affinity,
        wanted.floating_save,
    )


def _assigned(device: DeviceObject) -> tuple[InterruptResource, ...]:
    return device.device_object_extension.interrupts
