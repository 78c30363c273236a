# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""A power IRP: how it is made, and the call of the routine that its maker gave for its end.

The packet has two locations above that of the top driver. The upper one is free; the lower one keeps the arguments of
PoRequestPowerIrp, with which the PowerCompletion routine is called (row PWR-01).
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Final

from dirql.io.manager import running as io_manager
from dirql.io.objects import CompletionRoutine, DeviceObject, Irp
from dirql.io.status_block import IoStatusBlock
from dirql.ke.current import current
from dirql.ke.guard import RoutineKind, call_driver
from dirql.ke.objects.timer import Timer
from dirql.nt.bugcodes import IRQL_UNEXPECTED_VALUE
from dirql.nt.constants import (
    IRP_MJ_POWER,
    IRP_MN_QUERY_POWER,
    IRP_MN_SET_POWER,
    IRP_MN_WAIT_WAKE,
    DevicePowerState,
    PowerDeviceD0,
    PowerSystemWorking,
    SystemPowerState,
)
from dirql.nt.functions import minor_name
from dirql.nt.ntstatus import NTSTATUS
from dirql.nt.power import PowerState
from dirql.nt.status import STATUS_NOT_SUPPORTED

__all__ = ["Finished", "Kind", "PowerCompletion", "PowerRequest", "lowest_of", "make_request"]

PowerCompletion = Callable[[DeviceObject, int, PowerState, object, IoStatusBlock], object]
"""A PowerCompletion routine (REQUEST_POWER_COMPLETE)."""
Finished = Callable[["PowerRequest", int], None]
"""A routine of the power manager itself, with the final status."""

_COMPLETION: Final = RoutineKind(
    "the PowerCompletion routine",
    level=IRQL_UNEXPECTED_VALUE,
    parameters=("DeviceObject", "MinorFunction", "PowerState", "Context", "IoStatus"),
)
_OWN_LOCATIONS: Final = 2
_SYSTEM_STATES: Final = ("S?", "S0", "S1", "S2", "S3", "S4", "S5")


class Kind(enum.Enum):
    """The subject of a power IRP. Of the first two, one of each kind is in a stack at a time."""

    SYSTEM = "system"
    DEVICE = "device"
    WAKE = "wake"


class PowerRequest:
    """A power IRP that is not complete."""

    __slots__ = (
        "context",
        "deleted",
        "device",
        "driver",
        "finished",
        "function",
        "irp",
        "kind",
        "last_device",
        "lowest",
        "minor",
        "received_status",
        "since",
        "state",
        "top",
        "waits_for",
        "watchdog",
    )

    def __init__(self, irp: Irp, device: DeviceObject, minor: int, kind: Kind, state: int) -> None:
        self.irp = irp
        self.device = device
        """The device for which the request was made."""
        self.top = device.top_of_stack()
        self.lowest = lowest_of(device)
        self.minor = minor
        self.kind = kind
        self.state = state
        self.function: PowerCompletion | None = None
        self.context: object = None
        self.driver: object = None
        """The driver that made the request; None for the power manager itself."""
        self.finished: Finished | None = None
        self.waits_for = ""
        """Why the request is not sent yet, a clause; "" if it is."""
        self.last_device: DeviceObject | None = None
        """The lowest device of those to which the request was sent."""
        self.received_status = STATUS_NOT_SUPPORTED
        """The status with which that device's driver got the request."""
        self.since = 0
        """The bus clock at which the request was sent."""
        self.watchdog: Timer | None = None
        self.deleted: list[DeviceObject] = []
        """The devices that were deleted while the request was with their drivers; they stay until it is complete."""

    def __repr__(self) -> str:
        return f"<power IRP {self.irp.number}, {self.what}>"

    @property
    def what(self) -> str:
        """The request in words, such as "IRP_MN_SET_POWER to D3"."""
        if self.kind is Kind.DEVICE:
            state = f"D{self.state - PowerDeviceD0}"
        else:
            state = _SYSTEM_STATES[self.state] if 0 <= self.state < len(_SYSTEM_STATES) else str(self.state)
        word = "from" if self.kind is Kind.WAKE else "to"
        return f"{minor_name(IRP_MJ_POWER, self.minor)} {word} {state}"

    @property
    def is_power_up(self) -> bool:
        """Whether the request turns the system or the device on."""
        on = PowerDeviceD0 if self.kind is Kind.DEVICE else PowerSystemWorking
        return self.minor == IRP_MN_SET_POWER and self.kind is not Kind.WAKE and self.state == on

    @property
    def holder(self) -> DeviceObject | None:
        """The device whose driver has the request; None if the power manager has it."""
        location = self.irp.current_location
        if self.waits_for or not 1 <= location <= self.irp.stack_count - _OWN_LOCATIONS:
            return None
        return self.irp.locations[location - 1].device_object

    def is_at(self, device: DeviceObject) -> bool:
        """Whether the request is with the driver of this device, or goes there next."""
        holder = self.holder
        return holder is device or (holder is None and self.top is device)

    def call_function(self) -> None:
        """Call the PowerCompletion routine of the driver that made the request."""
        if self.function is not None:
            self.irp.holder = self.driver
            state = PowerState(self.state)
            block = self.irp.io_status
            arguments = self.device, self.minor, state, self.context, block
            call_driver(_COMPLETION, self.driver, self.function, *arguments)


def lowest_of(device: DeviceObject) -> DeviceObject:
    """The device at the bottom of a stack."""
    lowest = device
    while lowest.device_object_extension.attached_to is not None:
        lowest = lowest.device_object_extension.attached_to
    return lowest


def make_request(
    device: DeviceObject, minor: int, kind: Kind, state: int, routine: CompletionRoutine, function: object
) -> PowerRequest | None:
    """Make a power IRP for the stack of `device`; None when memory is short.

    `routine` is the power manager's own completion routine. The location of the top driver shows `function` as its
    context.
    """
    request = _make_packet(device, minor, kind, state)
    if request is None:
        return None
    irp = request.irp
    own = irp.locations[irp.stack_count - _OWN_LOCATIONS]
    others = own.parameters.others
    others.argument1, others.argument2, others.argument3 = device, minor, state
    irp.current_location = irp.stack_count - 1
    irp.set_completion_routine(routine, function, True, True, True)
    return request


def _make_packet(device: DeviceObject, minor: int, kind: Kind, state: int) -> PowerRequest | None:
    irp = io_manager.value.take_irp(device.top_of_stack().stack_size + _OWN_LOCATIONS)
    if irp is None:
        return None
    irp.maker = irp.holder = None
    irp.io_status.nt_status = NTSTATUS(STATUS_NOT_SUPPORTED)
    stack = irp.locations[irp.stack_count - _OWN_LOCATIONS - 1]
    stack.major_function, stack.minor_function = IRP_MJ_POWER, minor
    if minor == IRP_MN_WAIT_WAKE:
        stack.parameters.wait_wake.power_state = state
    elif minor in (IRP_MN_SET_POWER, IRP_MN_QUERY_POWER):
        power = stack.parameters.power
        power.type = DevicePowerState if kind is Kind.DEVICE else SystemPowerState
        power.state = PowerState(state)
    request = PowerRequest(irp, device, minor, kind, state)
    request.driver = current.processor.driver
    return request
