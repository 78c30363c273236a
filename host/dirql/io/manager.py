# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The I/O manager of one machine: the state that its routines share."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final, Protocol

from dirql.io.device_timer import IoTimer
from dirql.io.field_values import LARGEST_STACK
from dirql.io.hooks import Hooks
from dirql.io.objects import (
    CancelRoutine,
    DeviceObject,
    DriverEntry,
    DriverObject,
    FileObject,
    IoStackLocation,
    Irp,
)
from dirql.io.worker import SystemWorker
from dirql.ke.current import current
from dirql.ke.objects.timer import Timer
from dirql.ke.origin import Mark
from dirql.ke.processors.dpc import Dpc
from dirql.ke.processors.spin_lock import free_spin_lock
from dirql.ke.running import Running
from dirql.ke.threads.nesting import Nesting
from dirql.nt.constants import IRP_ALLOCATED_FIXED_SIZE

__all__ = [
    "AllocatedItem",
    "ConfigurationInformation",
    "IoManager",
    "PowerRules",
    "ProgramHandle",
    "running",
]

_FIXED_SIZE_STACK: Final = 8  # NT takes packets up to this size from a list of equal blocks


class ProgramHandle(Protocol):
    """An open handle of a program, which is closed when the machine closes."""

    def close(self) -> None:
        """Close the handle, as the program would."""


class AllocatedItem(Protocol):
    """A work item of a driver that has to be freed."""

    driver: object
    """The driver that allocated the item."""
    place: Mark | None
    """The place in the driver where it did so."""


class PowerRules(Protocol):
    """The power manager, as far as requests and devices of the I/O manager concern it."""

    def is_kept(self, device: DeviceObject, irp: Irp, stack: IoStackLocation) -> bool:
        """Look at a power IRP that is sent to `device`, with the location `stack`.

        True if the power manager has taken the request, and will call the driver later.
        """

    def is_needed(self, device: DeviceObject) -> bool:
        """Whether a power IRP is on its way to or from a device object that is to be freed.

        If so, the power manager calls `delete_if_unused` later; if not, it forgets the device.
        """


class ConfigurationInformation:
    """The numbers of devices that drivers have claimed so far (CONFIGURATION_INFORMATION)."""

    __slots__ = (
        "at_disk_primary_address_claimed",
        "at_disk_secondary_address_claimed",
        "cd_rom_count",
        "disk_count",
        "floppy_count",
        "medium_changer_count",
        "parallel_count",
        "scsi_port_count",
        "serial_count",
        "tape_count",
        "version",
    )

    def __init__(self) -> None:
        self.disk_count = self.floppy_count = self.cd_rom_count = self.tape_count = 0
        self.scsi_port_count = self.serial_count = self.parallel_count = self.medium_changer_count = 0
        self.at_disk_primary_address_claimed = self.at_disk_secondary_address_claimed = False
        self.version = 2
        """The version of the structure."""


class Registered:
    """Devices and routines that drivers have registered to be called at the start and at the end of the system."""

    def __init__(self) -> None:
        self.at_shutdown: list[DeviceObject] = []
        self.at_last_chance: list[DeviceObject] = []
        """The devices that get IRP_MJ_SHUTDOWN, before and after file systems are flushed, in that order."""
        self.reinitializations: deque[
            tuple[DriverObject, Callable[[DriverObject, object, int], object], object]
        ] = deque()
        """The reinitialization routines that are registered, with their contexts."""
        self.reinitialized: dict[DriverObject, int] = {}
        """The number of calls of each driver's reinitialization routines."""


class Errors:
    """The errors of which drivers have told."""

    def __init__(self) -> None:
        self.shown: list[object] = []
        """The errors that were shown to the user, oldest first."""
        self.log: list[object] = []
        """The entries of the error log, oldest first."""
        self.unwritten: dict[AllocatedItem, None] = {}
        """The entries that drivers have allocated, and neither written nor freed."""


class IoManager:
    """The requests, drivers, files and handles that exist. At its end a machine reports those that are left."""

    def __init__(self) -> None:
        self.hooks = Hooks()
        self.configuration = ConfigurationInformation()
        self.cancel_lock = free_spin_lock()
        self.drivers: dict[str, DriverObject] = {}
        """The loaded drivers by service name, in the order in which they were loaded."""
        self.find_image: Callable[[str], DriverEntry | None] | None = None
        """Finds the DriverEntry of a service by the name of its key; None for a service without an image."""
        self.live_irps: dict[Irp, None] = {}
        """The requests that are allocated, oldest first."""
        self.open_files: dict[FileObject, None] = {}
        self.undeleted: list[DeviceObject] = []
        """The devices that drivers have left there when they were unloaded because the machine closes."""
        """The files whose IRP_MJ_CREATE succeeded and whose IRP_MJ_CLOSE has not been sent."""
        self.handles: dict[ProgramHandle, None] = {}
        """The handles that programs have open, oldest first."""
        self.worker = SystemWorker()
        self.work_items: dict[AllocatedItem, None] = {}
        """The work items of IoAllocateWorkItem that are not freed."""
        self.queued_work: dict[DriverObject, int] = {}
        """The number of queued work items of each driver's devices, for which its Unload routine waits."""
        self.device_timers: dict[DeviceObject, IoTimer] = {}
        """The timers of devices, started or not."""
        self.timer: Timer | None = None
        self.timer_dpc: Dpc | None = None
        """The timer, and its DPC, that serves all of these."""
        self.driver_extensions: dict[DriverObject, dict[object, object]] = {}
        """The extensions of each driver, by the objects that the driver finds them by."""
        self.registered = Registered()
        self.errors = Errors()
        self.unwritten: dict[DeviceObject, int] = {}
        """The bytes of poison at the ends of each device's latest requests, too few of each to be sure."""
        self.wmi_providers: set[DeviceObject] = set()
        """The devices that are registered with WMI."""
        self.irp_number = 0
        """The number of the requests that were made so far."""
        self.later_starts: dict[Nesting, deque[tuple[DeviceObject, Irp]]] = {}
        self.later_cancels: dict[Nesting, deque[tuple[CancelRoutine, DeviceObject, Irp]]] = {}
        """The calls that would have been nested too deeply on a stack, and follow on the deepest of those there."""
        self.later: dict[Nesting, deque[Irp]] = {}
        """By stack, requests that were completed inside too many others, and whose completion routines run after
        those."""
        self.power: PowerRules | None = None
        """The power manager; None in a machine without one."""

    def take_irp(self, stack_size: int) -> Irp | None:
        """A new request with `stack_size` locations; None when that is not 1 … 127."""
        if not 1 <= stack_size <= LARGEST_STACK:
            return None
        self.irp_number += 1
        irp = Irp(stack_size, self.irp_number, current.processor.driver)
        if stack_size <= _FIXED_SIZE_STACK:
            irp.allocation_flags = IRP_ALLOCATED_FIXED_SIZE
        self.live_irps[irp] = None
        return irp

    def release_irp(self, irp: Irp) -> None:
        """Free the packet of a request."""
        del self.live_irps[irp]
        irp.retire()


running: Final = Running[IoManager]("I/O routines")
