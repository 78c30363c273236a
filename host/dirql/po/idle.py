# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Idle detection: a device that its driver does not use for some seconds is sent to a low state (row PWR-14).

Each device has an idle counter in memory, which counts seconds of the machine. Its driver sets the counter to zero each
time the device is used: PoSetDeviceBusy is that write, as in C.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from dirql.io.objects import DeviceObject
from dirql.ke import guard
from dirql.ke.objects.timer import Timer
from dirql.ke.processors.contract import contract
from dirql.ke.processors.dpc import Dpc
from dirql.mm import memory
from dirql.mm.allocation import allocate_pool2, free_pool_with_tag, pool_tag
from dirql.nt.constants import (
    FILE_DEVICE_DISK,
    FILE_DEVICE_MASS_STORAGE,
    IRP_MN_SET_POWER,
    POOL_FLAG_NON_PAGED,
    PowerDeviceMaximum,
    PowerSystemWorking,
)
from dirql.nt.ntstatus import raise_status
from dirql.nt.status import STATUS_ACCESS_VIOLATION
from dirql.po.manager import PowerManager, PowerNode, running as power_manager
from dirql.po.request import Kind, lowest_of

__all__ = [
    "IdleDevices",
    "end_device_busy",
    "make_power_manager",
    "register_device_for_idle_detection",
    "set_device_busy",
    "set_device_busy_ex",
    "start_device_busy",
]

_REGISTER: Final = contract("PoRegisterDeviceForIdleDetection")
_SET_BUSY: Final = contract("PoSetDeviceBusy")
_SET_BUSY_EX: Final = contract("PoSetDeviceBusyEx")
_START_BUSY: Final = contract("PoStartDeviceBusy")
_END_BUSY: Final = contract("PoEndDeviceBusy")

_SECOND: Final = 10_000_000
_TAG: Final = pool_tag("Dope")
_STANDARD: Final = 0xFFFF_FFFF
_STANDARD_CONSERVATION: Final = 600
_STANDARD_PERFORMANCE: Final = 1200
"""The seconds that stand for -1: the time after which Windows turns a disk off on battery, and on mains."""
_ZERO: Final = bytes(4)


class _IdleDevice:
    """A device whose use is watched."""

    __slots__ = ("busy", "conservation", "counter", "device", "performance", "state")

    def __init__(self, device: DeviceObject, counter: int) -> None:
        self.device = device
        self.counter = counter
        """The address of the idle counter."""
        self.conservation = self.performance = self.state = 0
        self.busy = 0
        """The calls of PoStartDeviceBusy without one of PoEndDeviceBusy."""


class IdleDevices:
    """The devices of one machine whose use is watched, with the one timer that serves them all."""

    def __init__(self, manager: PowerManager) -> None:
        self._manager = manager
        self.devices: dict[DeviceObject, _IdleDevice] = {}
        self._timer = Timer()
        self._dpc = Dpc()

    def find(self, counter: int) -> _IdleDevice | None:
        """The device with the idle counter at an address."""
        return next((idle for idle in self.devices.values() if idle.counter == counter), None)

    def watch(self, device: DeviceObject, conservation: int, performance: int, state: int) -> int | None:
        """Watch a device, with other times if that was done before; the address of its counter, None without memory."""
        idle = self.devices.get(device)
        if idle is None:
            counter = guard.call_driver(guard.CALLBACK, None, allocate_pool2, POOL_FLAG_NON_PAGED, 4, _TAG)
            if counter is None:
                return None
            idle = self.devices[device] = _IdleDevice(device, counter)
            if len(self.devices) == 1:
                guard.call_driver(guard.CALLBACK, None, self._begin)
        idle.conservation, idle.performance, idle.state = conservation, performance, state
        memory.write(idle.counter, _ZERO)
        return idle.counter

    def forget(self, device: DeviceObject) -> None:
        """Watch a device no more, if it was watched."""
        idle = self.devices.pop(device, None)
        if idle is None:
            return
        guard.call_driver(guard.CALLBACK, None, free_pool_with_tag, idle.counter, _TAG)
        if not self.devices:
            self._timer.cancel()

    def _begin(self) -> None:
        self._dpc.initialize(self._tick, None)
        self._timer.initialize()
        self._timer.start(-_SECOND, _SECOND, self._dpc)

    def _tick(self, dpc: Dpc, context: object, argument1: object, argument2: object) -> None:
        """Count a second for each device, and send those to a low state that were not used for long."""
        del dpc, context, argument1, argument2
        for idle in list(self.devices.values()):
            if not idle.busy:
                self._count(idle)

    def _count(self, idle: _IdleDevice) -> None:
        seconds = int.from_bytes(memory.read(idle.counter, 4), "little") + 1
        memory.write(idle.counter, (seconds & _STANDARD).to_bytes(4, "little"))
        limit = idle.conservation if self._manager.is_conserving else idle.performance
        if not limit or seconds < limit or self._manager.system_state != PowerSystemWorking:
            return
        lowest = lowest_of(idle.device)
        told = max(each.device_object_extension.device_power_state for each in (idle.device, lowest))
        if told >= idle.state or (lowest, Kind.DEVICE) in self._manager.queues:
            return
        request = self._manager.request(idle.device, IRP_MN_SET_POWER, Kind.DEVICE, idle.state, None)
        if request is not None:
            self._manager.submit(request)


def make_power_manager(levels: Callable[[], Sequence[Sequence[PowerNode]]]) -> PowerManager:
    """A power manager that watches devices; `levels` is that of `PowerManager`."""
    manager = PowerManager(levels)
    manager.idle = IdleDevices(manager)
    return manager


def register_device_for_idle_detection(
    device_object: DeviceObject, conservation_idle_time: int, performance_idle_time: int, state: int
) -> int | None:
    """Send the device to `state` when it was not used for some seconds; follows PoRegisterDeviceForIdleDetection.

    One of the times holds, as the policy of the system is (`PowerManager.is_conserving`); 0 turns the detection off
    while that policy holds, and for both policies ends it. -1 stands for the time for disks, which devices of the types
    FILE_DEVICE_DISK and FILE_DEVICE_MASS_STORAGE have. Returns the address of the idle counter, None without one.
    """
    _REGISTER.check(device_object)
    _REGISTER.check_arguments(device_object, conservation_idle_time, performance_idle_time, state)
    idle = power_manager.value.idle
    assert isinstance(idle, IdleDevices)
    is_standard = _STANDARD in (conservation_idle_time, performance_idle_time)
    is_disk = device_object.device_type in (FILE_DEVICE_DISK, FILE_DEVICE_MASS_STORAGE)
    if not 0 < state < PowerDeviceMaximum or (is_standard and not is_disk):
        return None
    if not conservation_idle_time and not performance_idle_time:
        idle.forget(device_object)
        return None
    conservation = _STANDARD_CONSERVATION if conservation_idle_time == _STANDARD else conservation_idle_time
    performance = _STANDARD_PERFORMANCE if performance_idle_time == _STANDARD else performance_idle_time
    return idle.watch(device_object, conservation, performance, state)


def set_device_busy(idle_pointer: int) -> None:
    """Set the idle counter to zero; follows PoSetDeviceBusy, which is a macro that writes to memory."""
    _SET_BUSY.check_arguments(idle_pointer)
    memory.write(idle_pointer, _ZERO)


def set_device_busy_ex(idle_pointer: int) -> None:
    """Set the idle counter to zero; follows PoSetDeviceBusyEx."""
    _SET_BUSY_EX.check_level(idle_pointer)
    _SET_BUSY_EX.check_arguments(idle_pointer)
    _find(idle_pointer)
    memory.write(idle_pointer, _ZERO)


def start_device_busy(idle_pointer: int) -> None:
    """Let the device count as used until PoEndDeviceBusy; follows PoStartDeviceBusy."""
    _START_BUSY.check_level(idle_pointer)
    _START_BUSY.check_arguments(idle_pointer)
    _find(idle_pointer).busy += 1


def end_device_busy(idle_pointer: int) -> None:
    """End what PoStartDeviceBusy began; follows PoEndDeviceBusy. The idle time begins anew after the last end."""
    _END_BUSY.check_level(idle_pointer)
    _END_BUSY.check_arguments(idle_pointer)
    idle = _find(idle_pointer)
    idle.busy = max(0, idle.busy - 1)
    memory.write(idle_pointer, _ZERO)


def _find(counter: int) -> _IdleDevice:
    """The device of an idle counter; NT would use other memory."""
    idle = power_manager.value.idle
    assert isinstance(idle, IdleDevices)
    found = idle.find(counter)
    if found is None:
        raise_status(STATUS_ACCESS_VIOLATION)
    return found
