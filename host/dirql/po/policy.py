# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Demands of drivers on the state of the system: it shall work, or the display shall stay on (row PWR-15).

`PowerManager.required` has the demands that hold. A program that calls `Machine.suspend` is a person who presses the
button: the system sleeps all the same, as on NT.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from dirql.io.objects import DeviceObject
from dirql.ke.defects import report_defect
from dirql.ke.guard import current_driver
from dirql.ke.processors.contract import KeptContract, contract
from dirql.nt.constants import (
    ES_AWAYMODE_REQUIRED,
    ES_CONTINUOUS,
    ES_DISPLAY_REQUIRED,
    ES_SYSTEM_REQUIRED,
    ES_USER_PRESENT,
    PowerRequestAwayModeRequired,
    PowerRequestDisplayRequired,
    PowerRequestSystemRequired,
)
from dirql.nt.ntstatus import raise_status
from dirql.nt.status import (
    STATUS_ACCESS_VIOLATION,
    STATUS_INVALID_PARAMETER,
    STATUS_NOT_SUPPORTED,
    STATUS_SUCCESS,
    STATUS_UNSUCCESSFUL,
)
from dirql.po.manager import Demand, running as power_manager
from dirql.rtl.strings import UnicodeString

__all__ = [
    "CountedReasonContext",
    "clear_power_request",
    "create_power_request",
    "delete_power_request",
    "register_system_state",
    "set_power_request",
    "set_system_state",
    "unregister_system_state",
]

_REGISTER: Final = contract("PoRegisterSystemState")
_UNREGISTER: Final = contract("PoUnregisterSystemState")
_SET_STATE: Final = contract("PoSetSystemState")
_CREATE: Final = contract("PoCreatePowerRequest")
_SET: Final = contract("PoSetPowerRequest")
_CLEAR: Final = contract("PoClearPowerRequest")
_DELETE: Final = contract("PoDeletePowerRequest")

_STATES: Final = ES_SYSTEM_REQUIRED | ES_DISPLAY_REQUIRED | ES_USER_PRESENT
_FLAGS: Final = {
    PowerRequestDisplayRequired: ES_DISPLAY_REQUIRED,
    PowerRequestSystemRequired: ES_SYSTEM_REQUIRED,
    PowerRequestAwayModeRequired: ES_AWAYMODE_REQUIRED,
}


class _SystemState(Demand):
    """A registration of PoRegisterSystemState."""

    def __init__(self) -> None:
        self.driver = current_driver()
        self._flags = 0

    def __repr__(self) -> str:
        return f"<registration of the system's state {self._flags:#x}>"

    @property
    def flags(self) -> int:
        """The ES_ bits that hold."""
        return self._flags

    def change(self, flags: int) -> None:
        """Make other bits hold."""
        self._flags = flags & ~ES_CONTINUOUS


def register_system_state(state_handle: object, flags: int) -> object:
    """Demand a state of the system until that is taken back; follows PoRegisterSystemState.

    `state_handle` is None for a new demand, or what a call before has returned, whose flags then change. Returns the
    handle for PoUnregisterSystemState.
    """
    _REGISTER.check_level(state_handle)
    _REGISTER.check_arguments(state_handle, flags)
    demands = power_manager.value.demands
    if state_handle is None:
        state_handle = _SystemState()
        demands[state_handle] = None
    state = _registered(_REGISTER, "StateHandle", state_handle)
    state.change(flags)
    return state


def unregister_system_state(state_handle: object) -> None:
    """Take a demand back; follows PoUnregisterSystemState."""
    _UNREGISTER.check_level(state_handle)
    del power_manager.value.demands[_registered(_UNREGISTER, "StateHandle", state_handle)]


def _registered(stated: KeptContract, name: str, handle: object) -> _SystemState:
    if not isinstance(handle, _SystemState):
        stated.refuse_argument(name, "the handle that PoRegisterSystemState has returned", handle)
    if handle not in power_manager.value.demands:
        raise_status(STATUS_ACCESS_VIOLATION)
    return handle


def set_system_state(flags: int) -> None:
    """Say that the system is in use just now; follows PoSetSystemState.

    ES_CONTINUOUS is a defect, because nothing would end the state.
    """
    _SET_STATE.check_level(flags)
    _SET_STATE.check_arguments(flags)
    if flags & ~_STATES:
        what = (
            "PoSetSystemState must be called with ES_SYSTEM_REQUIRED, ES_DISPLAY_REQUIRED and ES_USER_PRESENT only; it"
            f" was called with {flags:#x}: call PoRegisterSystemState for a state that lasts"
        )
        report_defect("PWR-15", what)
    power_manager.value.last_use = flags & _STATES


# Power requests.


@dataclass
class CountedReasonContext:
    """The reason of a power request (COUNTED_REASON_CONTEXT)."""

    version: int = 0
    flags: int = 0
    resource_file_name: UnicodeString | None = None
    resource_reason_id: int = 0
    string_count: int = 0
    reason_strings: list[UnicodeString] = field(default_factory=list)
    simple_string: UnicodeString | None = None


class _PowerRequestObject(Demand):
    """An object of PoCreatePowerRequest."""

    def __init__(self, device: DeviceObject, context: CountedReasonContext | None) -> None:
        self.driver = current_driver()
        self.device = device
        self.reason = context
        self.counts = dict.fromkeys(_FLAGS, 0)
        """The number of demands of each type that are in force."""

    def __repr__(self) -> str:
        return f"<power request of {self.device!r}>"

    @property
    def flags(self) -> int:
        """The ES_ bits that hold."""
        flags = 0
        for kind, count in self.counts.items():
            flags |= _FLAGS[kind] if count else 0
        return flags


def create_power_request(
    device_object: DeviceObject | None, context: CountedReasonContext | None
) -> tuple[int, object]:
    """Make an object for demands: (status, object); follows PoCreatePowerRequest.

    STATUS_INVALID_PARAMETER without a device.
    """
    _CREATE.check_two(device_object, context)
    _CREATE.check_arguments(device_object, context)
    if device_object is None:
        return STATUS_INVALID_PARAMETER, None
    made = _PowerRequestObject(device_object, context)
    power_manager.value.demands[made] = None
    return STATUS_SUCCESS, made


def set_power_request(power_request: object, type: int) -> int:
    """Put one more demand in force; follows PoSetPowerRequest. STATUS_NOT_SUPPORTED for another type."""
    _SET.check_level(power_request)
    _SET.check_arguments(power_request, type)
    made = _made(_SET, power_request)
    if type not in made.counts:
        return STATUS_NOT_SUPPORTED
    made.counts[type] += 1
    return STATUS_SUCCESS


def clear_power_request(power_request: object, type: int) -> int:
    """Take one demand back; follows PoClearPowerRequest.

    STATUS_NOT_SUPPORTED for another type, STATUS_UNSUCCESSFUL and a defect if none is in force.
    """
    _CLEAR.check_level(power_request)
    _CLEAR.check_arguments(power_request, type)
    made = _made(_CLEAR, power_request)
    if type not in made.counts:
        return STATUS_NOT_SUPPORTED
    if not made.counts[type]:
        what = f"PoClearPowerRequest must be called once for each PoSetPowerRequest; {made!r} has no demand in force"
        report_defect("PWR-15", f"{what}: count your calls")
        return STATUS_UNSUCCESSFUL
    made.counts[type] -= 1
    return STATUS_SUCCESS


def delete_power_request(power_request: object) -> None:
    """Delete the object, and with it its demands; follows PoDeletePowerRequest."""
    _DELETE.check_level(power_request)
    del power_manager.value.demands[_made(_DELETE, power_request)]


def _made(stated: KeptContract, power_request: object) -> _PowerRequestObject:
    if not isinstance(power_request, _PowerRequestObject):
        stated.refuse_argument(
            "PowerRequest", "the object that PoCreatePowerRequest has returned", power_request
        )
    if power_request not in power_manager.value.demands:
        raise_status(STATUS_ACCESS_VIOLATION)
    return power_request
