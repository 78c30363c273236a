# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The routines for drivers that handle power IRPs: PoRequestPowerIrp, PoCallDriver, PoStartNextPowerIrp and so on."""

from __future__ import annotations

from typing import Final, NoReturn

from dirql.io.dispatch import call_driver
from dirql.io.objects import DeviceObject, Irp
from dirql.io.packet import holder_elsewhere, refuse_use
from dirql.ke.current import current
from dirql.ke.defects import report_defect
from dirql.ke.guard import is_verified
from dirql.ke.processors.contract import contract
from dirql.nt.constants import (
    IRP_MJ_POWER,
    IRP_MN_QUERY_POWER,
    IRP_MN_SET_POWER,
    IRP_MN_WAIT_WAKE,
    DevicePowerState,
    PowerDeviceMaximum,
    PowerSystemMaximum,
)
from dirql.nt.power import PowerState
from dirql.nt.status import STATUS_INSUFFICIENT_RESOURCES, STATUS_INVALID_PARAMETER_2, STATUS_PENDING
from dirql.po.manager import running as power_manager
from dirql.po.request import Kind, PowerCompletion

__all__ = ["call_power_driver", "request_power_irp", "set_power_state", "start_next_power_irp"]

_CALL_DRIVER: Final = contract("PoCallDriver")
_REQUEST_POWER_IRP: Final = contract("PoRequestPowerIrp")
_SET_POWER_STATE: Final = contract("PoSetPowerState")
_START_NEXT_POWER_IRP: Final = contract("PoStartNextPowerIrp")

_REQUESTED: Final = (IRP_MN_SET_POWER, IRP_MN_QUERY_POWER, IRP_MN_WAIT_WAKE)


def call_power_driver(device_object: DeviceObject, irp: Irp) -> int:
    """Pass a power IRP to the next lower driver; follows PoCallDriver.

    Since Windows Vista it does what IoCallDriver does. A location that is not one of IRP_MJ_POWER is a defect (row
    PWR-02).
    """
    _CALL_DRIVER.check_two(device_object, irp)
    location = irp.current_location - 1
    if 1 <= location <= irp.stack_count and irp.locations[location - 1].major_function != IRP_MJ_POWER:
        what = (
            f"PoCallDriver must be called with a power IRP; the next location of {irp!r} is not one of IRP_MJ_POWER:"
            " call IoCallDriver"
        )
        report_defect("PWR-02", what)
    return call_driver(device_object, irp)


def start_next_power_irp(irp: Irp) -> None:
    """Do nothing; follows PoStartNextPowerIrp, which drivers need before Windows Vista only (row PWR-02).

    A call for an IRP that the driver has passed on already, or that is no power IRP, is a defect: it would be one on
    the systems that need the call.
    """
    _START_NEXT_POWER_IRP.check(irp)
    if not irp.type:
        refuse_use(irp, "it was given to PoStartNextPowerIrp")
    if not is_verified():
        return
    elsewhere = holder_elsewhere(irp, current.processor.driver)
    location = irp.current_location
    if elsewhere is not None:
        step = "call it before IoSkipCurrentIrpStackLocation, PoCallDriver and IoCompleteRequest"
        report_defect(
            "PWR-02",
            f"PoStartNextPowerIrp must be called while the driver has the IRP; {irp!r} was {elsewhere[1]}: {step}",
        )
    elif location > irp.stack_count or irp.locations[location - 1].major_function not in (0, IRP_MJ_POWER):
        report_defect(
            "PWR-02",
            f"PoStartNextPowerIrp must be called for a power IRP of the driver; it was called for {irp!r}: call it"
            " before IoSkipCurrentIrpStackLocation, and for power IRPs only",
        )


def request_power_irp(
    device_object: DeviceObject,
    minor_function: int,
    power_state: PowerState | int,
    completion_function: PowerCompletion | None,
    context: object,
) -> tuple[int, Irp | None]:
    """Send a power IRP to the stack of a device: (STATUS_PENDING, IRP); follows PoRequestPowerIrp (row PWR-01).

    The IRP is of use for IRP_MN_WAIT_WAKE only, which can be cancelled. STATUS_INVALID_PARAMETER_2 for another minor
    function than IRP_MN_SET_POWER, IRP_MN_QUERY_POWER and IRP_MN_WAIT_WAKE.
    """
    _REQUEST_POWER_IRP.check(device_object)
    _REQUEST_POWER_IRP.check_arguments(
        device_object, minor_function, power_state, completion_function, context
    )
    if minor_function not in _REQUESTED:
        return STATUS_INVALID_PARAMETER_2, None
    is_wake = minor_function == IRP_MN_WAIT_WAKE
    state = _state(power_state, PowerSystemMaximum if is_wake else PowerDeviceMaximum)
    if state is None:
        _refuse_state(_REQUEST_POWER_IRP.stated.routine, power_state, is_wake)
    manager = power_manager.value
    kind = Kind.WAKE if is_wake else Kind.DEVICE
    request = manager.request(device_object, minor_function, kind, state, completion_function)
    if request is None:
        return STATUS_INSUFFICIENT_RESOURCES, None
    irp = request.irp
    request.function, request.context = completion_function, context
    request.driver = current.processor.driver
    own = irp.locations[irp.stack_count - 2].parameters.others
    own.argument4 = context
    manager.submit(request)
    return STATUS_PENDING, irp


def set_power_state(device_object: DeviceObject, type: int, state: PowerState | int) -> PowerState:
    """Tell the power state that a device has, and return the one told before; follows PoSetPowerState (row PWR-13).

    Before the first call the state is 0, unspecified. A driver tells a lower state before it passes
    IRP_MN_SET_POWER down, and D0 when the device is on.
    """
    _SET_POWER_STATE.check(device_object)
    _SET_POWER_STATE.check_arguments(device_object, type, state)
    is_device = type == DevicePowerState
    number = _state(state, PowerDeviceMaximum if is_device else PowerSystemMaximum)
    if number is None:
        _refuse_state(_SET_POWER_STATE.stated.routine, state, not is_device)
    extension = device_object.device_object_extension
    if is_device:
        before, extension.device_power_state = extension.device_power_state, number
    else:
        before, extension.system_power_state = extension.system_power_state, number
    return PowerState(before)


def _state(state: object, end: int) -> int | None:
    """The number of a state; None for what is no state, or is `end` or above."""
    if not isinstance(state, PowerState | int):
        return None
    number = int(state)
    return number if 0 < number < end else None


def _refuse_state(routine: str, state: object, is_system: bool) -> NoReturn:
    example = "SYSTEM_POWER_STATE, such as PowerSystemSleeping3"
    kind = example if is_system else "DEVICE_POWER_STATE, such as PowerDeviceD3"
    name = "PowerState" if routine == "PoRequestPowerIrp" else "State"
    what = f"{routine}: {name} must be a POWER_STATE with a {kind}, or its number; it was {state!r}"
    raise ValueError(what) if isinstance(state, PowerState | int) else TypeError(what)
