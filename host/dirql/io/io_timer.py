# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""IoTimer: a routine of each device that wants one, called at DISPATCH_LEVEL once a second.

One timer of the system serves all devices, as on NT. It runs while a device's timer is started.
"""

from __future__ import annotations

from typing import Final

from dirql.io.device_timer import IoTimer, IoTimerRoutine
from dirql.io.manager import running as io_manager
from dirql.io.objects import DeviceObject
from dirql.ke import guard
from dirql.ke.bugcheck import bug_check
from dirql.ke.guard import is_verified
from dirql.ke.objects.timer import Timer
from dirql.ke.processors.contract import contract
from dirql.ke.processors.dpc import Dpc
from dirql.nt.bugcodes import DRIVER_VERIFIER_IOMANAGER_VIOLATION, VF_IOMANAGER_SECOND_TIMER
from dirql.nt.ntstatus import raise_status
from dirql.nt.status import STATUS_ACCESS_VIOLATION, STATUS_SUCCESS

__all__ = ["end_timer", "initialize_timer", "start_timer", "stop_timer"]

_INITIALIZE: Final = contract("IoInitializeTimer")
_START: Final = contract("IoStartTimer")
_STOP: Final = contract("IoStopTimer")

_PERIOD: Final = 1000
_SECOND: Final = 10_000_000


def initialize_timer(device_object: DeviceObject, timer_routine: IoTimerRoutine, context: object) -> int:
    """Give the device a timer that calls `timer_routine(device, context)`; follows IoInitializeTimer.

    Returns STATUS_SUCCESS. Bug check 0xC9/0xA if a verified driver does that a second time.
    """
    _INITIALIZE.check(device_object)
    _INITIALIZE.check_arguments(device_object, timer_routine, context)
    timers = io_manager.value.device_timers
    if device_object in timers and is_verified():
        reason = (
            f"IoInitializeTimer must be called once for a device; {device_object!r} has a timer: call it where the"
            " device is made"
        )
        violation = VF_IOMANAGER_SECOND_TIMER
        bug_check(DRIVER_VERIFIER_IOMANAGER_VIOLATION, violation, device_object, 0, 0, reason=reason)
    timers[device_object] = IoTimer(device_object, timer_routine, context)
    return STATUS_SUCCESS


def start_timer(device_object: DeviceObject) -> None:
    """Begin to call the routine once a second; follows IoStartTimer. The first call comes within a second."""
    _START.check(device_object)
    timer = _timer_of(device_object)
    if not timer.is_started:
        timer.is_started = True
        clock = _clock()
        if not clock.is_set():
            clock.set_ex(-_SECOND, _PERIOD, io_manager.value.timer_dpc)


def stop_timer(device_object: DeviceObject) -> None:
    """Call the routine no more until IoStartTimer; follows IoStopTimer."""
    _STOP.check(device_object)
    _timer_of(device_object).is_started = False
    _rest()


def end_timer(device: DeviceObject) -> None:
    """Let a device that is deleted have no timer any more."""
    timer = io_manager.value.device_timers.pop(device, None)
    if timer is not None:
        timer.is_started = False
        _rest()


def _rest() -> None:
    """Stop the timer of the system if no device needs it."""
    manager = io_manager.value
    if manager.timer is not None and not any(timer.is_started for timer in manager.device_timers.values()):
        manager.timer.cancel()


def _timer_of(device: DeviceObject) -> IoTimer:
    """The timer of a device; NT finds none at address 0 if IoInitializeTimer was not called."""
    timer = io_manager.value.device_timers.get(device)
    if timer is None:
        raise_status(STATUS_ACCESS_VIOLATION)
    return timer


def _clock() -> Timer:
    """The timer of the system that serves all devices."""
    manager = io_manager.value
    if manager.timer is None:
        manager.timer = Timer()
        manager.timer.initialize()
        manager.timer.driver = None
        manager.timer_dpc = Dpc()
        manager.timer_dpc.initialize(_tick, None)
        manager.timer_dpc.driver = None
    return manager.timer


def _tick(dpc: Dpc, context: object, argument1: object, argument2: object) -> None:
    """Call the routine of each device whose timer is started."""
    del dpc, context, argument1, argument2
    for timer in list(io_manager.value.device_timers.values()):
        if timer.is_started:
            device = timer.device_object
            guard.call_driver(
                guard.IO_TIMER, device.driver_object, timer.timer_routine, device, timer.context
            )
