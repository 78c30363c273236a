# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The system goes to sleep, wakes, and is switched off: the power IRPs that all device stacks get, and their order.

Each stack is asked first (IRP_MN_QUERY_POWER); if the drivers of one refuse, those that were asked are told that the
system works on. On the way down devices come before those that their bus depends on, and devices that are handled at
PASSIVE_LEVEL (DO_POWER_PAGABLE) before all others; on the way up it is the other way round (rows PWR-05, PWR-06).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from dirql.io.handle import time_out
from dirql.ke.bugcheck import bug_check
from dirql.ke.objects.event import Event
from dirql.ke.refusals import explain_status
from dirql.ke.threads.wait import wait_for_single_object
from dirql.nt.bugcodes import INTERNAL_POWER_ERROR, POWER_ERROR_IRP
from dirql.nt.constants import (
    DO_POWER_PAGABLE,
    IRP_MN_QUERY_POWER,
    IRP_MN_SET_POWER,
    PO_CB_SYSTEM_STATE_LOCK,
    Executive,
    KernelMode,
    PowerActionHibernate,
    PowerActionShutdownOff,
    PowerActionSleep,
    PowerSystemHibernate,
    PowerSystemShutdown,
    PowerSystemSleeping1,
    PowerSystemSleeping2,
    PowerSystemSleeping3,
    PowerSystemWorking,
)
from dirql.nt.ntstatus import nt_success, status_name
from dirql.nt.power import SystemPowerStateContext
from dirql.ob.callback import Callback, notify_callback
from dirql.ob.manager import running as object_manager
from dirql.po.manager import PowerManager, PowerNode
from dirql.po.request import Kind, PowerRequest

__all__ = ["SuspendRefused", "Suspended", "power_off", "suspend"]

_SLEEPS: Final = {
    "S1": PowerSystemSleeping1,
    "S2": PowerSystemSleeping2,
    "S3": PowerSystemSleeping3,
    "S4": PowerSystemHibernate,
}
_CALLBACK: Final = r"\Callback\PowerState"
_COULD_NOT_ALLOCATE: Final = 6


class SuspendRefused(Exception):
    """The drivers of a device have refused that the system sleeps; `device` and `status` say which, and how."""

    def __init__(self, device: str, state: str, status: int) -> None:
        self.device = device
        self.status = status
        super().__init__(
            f"{device} refused that the system goes to {state}: IRP_MN_QUERY_POWER ended with"
            f" {status_name(status)}{explain_status(status)}"
        )


@dataclass(frozen=True, slots=True)
class Suspended:
    """A sleep of the system that is over."""

    state: str
    woken_by: str
    """The name of the device that has woken the system; "" if the time, or the program, did."""


def suspend(manager: PowerManager, state: str, seconds: float | None) -> Suspended:
    """Let the system sleep in `state`, "S1" … "S4", and wake it; PASSIVE_LEVEL.

    It sleeps until a device signals, `manager.woken` is set, or `seconds` of the machine have passed. Raises
    `SuspendRefused` if drivers refuse, and `ValueError` for another state or a time below 0.
    """
    if state not in _SLEEPS:
        raise ValueError(f"the state of a sleep must be one of {', '.join(_SLEEPS)}; it was {state!r}")
    if manager.system_state == PowerSystemShutdown:
        raise RuntimeError(
            "a system that is to sleep must work; it was switched off, and nothing wakes it: open a machine anew"
        )
    if manager.system_state != PowerSystemWorking:
        raise RuntimeError("a system that is to sleep must work; it was asleep: wait until it has woken")
    longest = time_out(seconds)
    target = _SLEEPS[state]
    action = PowerActionHibernate if state == "S4" else PowerActionSleep
    manager.woken.clear_for_system()
    manager.woken_by = ""
    _tell(False)
    manager.system_state = target
    refusal = _query(manager, target, action)
    if refusal is not None:
        manager.system_state = PowerSystemWorking
        _tell(True)
        raise SuspendRefused(refusal[0].name, state, refusal[1])
    _set(manager, _down(manager), target, PowerSystemWorking, action)
    wait_for_single_object(manager.woken, Executive, KernelMode, False, longest)
    manager.system_state = PowerSystemWorking
    _set(manager, _up(_down(manager)), PowerSystemWorking, target, action)
    _tell(True)
    return Suspended(state, manager.woken_by)


def power_off(manager: PowerManager) -> None:
    """Tell all devices that the system is switched off; nobody is asked. PASSIVE_LEVEL (row PWR-07)."""
    if manager.system_state == PowerSystemShutdown:
        return
    _tell(False)
    before, manager.system_state = manager.system_state, PowerSystemShutdown
    _set(manager, _down(manager), PowerSystemShutdown, before, PowerActionShutdownOff)


# The order.

_Group = Sequence[PowerNode]


def _down(manager: PowerManager) -> list[_Group]:
    """The devices in the order of the way down; those of a group are told at the same time."""
    levels = [list(level) for level in reversed(manager.levels())]
    pageable = [[node for node in level if _is_pageable(node)] for level in levels]
    others = [[node for node in level if not _is_pageable(node)] for level in levels]
    return [group for group in (*pageable, *others) if group]


def _up(down: Sequence[_Group]) -> list[_Group]:
    return [list(reversed(group)) for group in reversed(down)]


def _is_pageable(node: PowerNode) -> bool:
    return bool(node.physical_device_object.top_of_stack().flags & DO_POWER_PAGABLE)


# The requests.


def _query(manager: PowerManager, target: int, action: int) -> tuple[PowerNode, int] | None:
    """Ask all devices; after a refusal tell those that were asked that the system works on, and return the refusal."""
    asked: list[_Group] = []
    for group in _down(manager):
        asked.append(group)
        answers = _send(manager, group, IRP_MN_QUERY_POWER, target, PowerSystemWorking, action)
        for node, status in zip(group, answers, strict=True):
            if not nt_success(status):
                _set(manager, _up(asked), PowerSystemWorking, PowerSystemWorking, action)
                return node, status
    return None


def _set(manager: PowerManager, groups: Sequence[_Group], target: int, before: int, action: int) -> None:
    for group in groups:
        _send(manager, group, IRP_MN_SET_POWER, target, before, action)


def _send(
    manager: PowerManager, group: _Group, minor: int, target: int, before: int, action: int
) -> list[int]:
    """Send a power IRP to each stack of a group, and wait for all; returns their statuses."""
    wave = _Wave(len(group))
    context = SystemPowerStateContext()
    context.target_system_state = context.effective_system_state = target
    context.current_system_state = before
    for number, node in enumerate(group):
        device = node.physical_device_object
        request = manager.request(device, minor, Kind.SYSTEM, target, None)
        if request is None:
            reason = f"the power manager must be able to make a power IRP for {device!r}; memory was short"
            bug_check(INTERNAL_POWER_ERROR, POWER_ERROR_IRP, _COULD_NOT_ALLOCATE, device, 0, reason=reason)
        power = request.irp.locations[request.irp.stack_count - 3].parameters.power
        power.system_context = context.context_as_ulong
        power.shutdown_type = action
        request.finished = wave.ended
        wave.numbers[request] = number
        manager.submit(request)
    wait_for_single_object(wave.event, Executive, KernelMode, False, None)
    return wave.statuses


class _Wave:
    """Power IRPs that are sent to several stacks at the same time."""

    def __init__(self, count: int) -> None:
        self.event = Event.make_notification()
        self.left = count
        self.statuses = [0] * count
        self.numbers: dict[PowerRequest, int] = {}

    def ended(self, request: PowerRequest, status: int) -> None:
        """Note the end of one of them."""
        self.statuses[self.numbers[request]] = status
        self.left -= 1
        if not self.left:
            self.event.set_for_system()


def _tell(works: bool) -> None:
    r"""Tell the drivers that have registered with \Callback\PowerState."""
    _, found, _ = object_manager.value.namespace.lookup(_CALLBACK)
    if isinstance(found, Callback):
        notify_callback(found, PO_CB_SYSTEM_STATE_LOCK, int(works))
