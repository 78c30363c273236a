# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The power manager of one machine: the power IRPs that are not complete, and which of them goes when.

In a stack one IRP about the system's state and one about the device's is under way at a time (row PWR-02), and in the
whole machine one that turns on a device with an inrush of current (row PWR-04). Since Windows Vista, and so here, the
next one goes when the one before is complete, whether or not drivers have called PoStartNextPowerIrp.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Final, Protocol

from dirql.io.device import delete_if_unused
from dirql.io.dispatch import call_driver, call_taken, take_for_later
from dirql.io.manager import running as io_manager
from dirql.io.objects import DeviceObject, IoStackLocation, Irp
from dirql.ke import guard
from dirql.ke.current import current
from dirql.ke.objects.event import Event
from dirql.ke.objects.timer import Timer
from dirql.ke.processors.dpc import Dpc
from dirql.ke.processors.irql import lower_irql, raise_irql_to_dpc_level
from dirql.ke.running import Running
from dirql.ke.threads.system_thread import start_thread
from dirql.nt.constants import (
    DISPATCH_LEVEL,
    DO_POWER_INRUSH,
    DO_POWER_PAGABLE,
    IRP_MN_QUERY_POWER,
    IRP_MN_SET_POWER,
    PowerSystemWorking,
)
from dirql.nt.guid import Guid
from dirql.nt.ntstatus import NTSTATUS, nt_success
from dirql.nt.status import STATUS_MORE_PROCESSING_REQUIRED
from dirql.po import rules
from dirql.po.request import Kind, PowerRequest, make_request

__all__ = ["Demand", "PowerManager", "PowerNode", "running"]

_PRIORITY: Final = 15
_UNITS_PER_SECOND: Final = 10_000_000


class PowerNode(Protocol):
    """A device in the device tree."""

    @property
    def name(self) -> str:
        """The name of the device, for messages."""

    @property
    def physical_device_object(self) -> DeviceObject:
        """The bottom of the device's stack."""


class Demand:
    """A demand of a driver on the state of the system."""

    driver: object = None

    @property
    def flags(self) -> int:
        """The ES_ bits that hold."""
        return 0


class IdleWatch(Protocol):
    """The devices whose use is watched."""

    def forget(self, device: DeviceObject) -> None:
        """Watch a device no more, if it was watched."""


class PowerManager:
    """The power IRPs of one machine, and the state of its system."""

    def __init__(self, levels: Callable[[], Sequence[Sequence[PowerNode]]]) -> None:
        """`levels` gives the started devices, by their depth in the device tree, those nearest to the root first."""
        self.levels = levels
        self.system_state: int = PowerSystemWorking
        self.outstanding: dict[Irp, PowerRequest] = {}
        """The power IRPs that are not complete, oldest first."""
        self.queues: dict[tuple[DeviceObject, Kind], deque[PowerRequest]] = {}
        """By the bottom of a stack and the kind, the IRP that is under way and those that wait for its end."""
        self.inrush = deque[PowerRequest]()
        """The IRP that turns on a device with an inrush of current, and those that wait for its end."""
        self.demands: dict[Demand, None] = {}
        """The demands of drivers on the state of the system, the oldest first."""
        self.settings: dict[Guid, bytes] = {}
        """The values of the power settings that have one."""
        self.last_use = 0
        """The ES_ bits of the last PoSetSystemState."""
        self.is_conserving = False
        """Whether the policy is to save energy, as on a battery, and not to be fast; a program may change it."""
        self.idle: IdleWatch | None = None
        """The devices whose use is watched."""
        self.woken = Event.make_notification()
        """Set while the system is to wake, or is awake."""
        self.woken_by = ""
        """The name of the device that has woken the system last; "" if a program, or the time, did."""

    @property
    def required(self) -> int:
        """The ES_ bits that drivers demand now."""
        flags = 0
        for demand in self.demands:
            flags |= demand.flags
        return flags

    def leaks(self) -> Iterator[str]:
        """A sentence for each thing that drivers have not given back."""
        for demand in self.demands:
            yield f"{demand!r} of {demand.driver!r} was not taken back"

    # Sending.

    def request(
        self, device: DeviceObject, minor: int, kind: Kind, state: int, function: object
    ) -> PowerRequest | None:
        """Make a power IRP that is not sent yet; None when memory is short."""
        made = make_request(device, minor, kind, state, _complete, function)
        if made is not None:
            self.outstanding[made.irp] = made
        return made

    def submit(self, request: PowerRequest) -> None:
        """Send a request, now or when those before it are complete."""
        if request.kind is Kind.WAKE:
            self._send(request)
            return
        queue = self.queues.setdefault((request.lowest, request.kind), deque())
        queue.append(request)
        request.waits_for = f"{queue[0]!r} in the same stack"
        if len(queue) == 1:
            self._start(request)

    def _start(self, request: PowerRequest) -> None:
        """Send a request that is the next one in its stack, unless another device has its inrush of current now."""
        if request.is_power_up and request.kind is Kind.DEVICE and _has_inrush(request):
            self.inrush.append(request)
            if len(self.inrush) > 1:
                request.waits_for = f"{self.inrush[0]!r}, which turns on a device with DO_POWER_INRUSH"
                return
        self._send(request)

    def _send(self, request: PowerRequest) -> None:
        """Call the top driver, as the kernel, and at DISPATCH_LEVEL where NT may do so (row PWR-03)."""
        request.waits_for = ""
        request.since = current.kernel.clock.now()
        if request.kind is not Kind.WAKE:
            self._watch(request)
        guard.call_driver(guard.CALLBACK, None, _dispatch, request)

    def is_kept(self, device: DeviceObject, irp: Irp, stack: IoStackLocation) -> bool:
        """See `PowerRules`: hold drivers to their rules, and call those at PASSIVE_LEVEL that expect it."""
        request = self.outstanding.get(irp)
        rules.check_sent(device, irp, request)
        if request is not None:
            request.last_device = device
            request.received_status = irp.io_status.nt_status
        if current.processor.irql < DISPATCH_LEVEL:
            return False
        if stack.minor_function not in (IRP_MN_SET_POWER, IRP_MN_QUERY_POWER):
            return False
        is_power_up = request is not None and request.is_power_up
        if is_power_up and not device.flags & DO_POWER_PAGABLE:
            return False
        take_for_later(device, irp, stack)
        start_thread(lambda _: call_taken(device, irp, stack), None, _PRIORITY, is_system=True)
        return True

    # Completion.

    def finish(self, request: PowerRequest) -> None:
        """End a request that is complete: tell its maker, free the packet, and send those that waited for it."""
        del self.outstanding[request.irp]
        self._end_watch(request)
        rules.check_finished(request)
        status = request.irp.io_status.nt_status
        if request.kind is Kind.WAKE and nt_success(status):
            self._wake(request)
        request.call_function()
        io_manager.value.release_irp(request.irp)
        self._go_on(request)
        if request.finished is not None:
            request.finished(request, status)
        for device in request.deleted:
            delete_if_unused(device)

    def _go_on(self, request: PowerRequest) -> None:
        if request.kind is Kind.WAKE:
            return
        if self.inrush and self.inrush[0] is request:
            self.inrush.popleft()
            if self.inrush:
                self._send(self.inrush[0])
        key = request.lowest, request.kind
        queue = self.queues[key]
        queue.popleft()
        if queue:
            self._start(queue[0])
        else:
            del self.queues[key]

    def _wake(self, request: PowerRequest) -> None:
        """A device has signalled: wake the system if it sleeps."""
        if self.system_state != PowerSystemWorking and not self.woken.read_state():
            self.woken_by = self.name_of(request.lowest)
            self.woken.set_for_system()

    def name_of(self, lowest: DeviceObject) -> str:
        """The name of the device whose physical device object this is."""
        nodes = (node for level in self.levels() for node in level)
        return next((node.name for node in nodes if node.physical_device_object is lowest), repr(lowest))

    def is_needed(self, device: DeviceObject) -> bool:
        """See `PowerRules`."""
        for request in self.outstanding.values():
            if request.is_at(device):
                rules.check_freed(device, request)
                request.deleted.append(device)
                return True
        if self.idle is not None:
            self.idle.forget(device)
        return False

    # The watch over one request (row PWR-11).

    def _watch(self, request: PowerRequest) -> None:
        kernel = current.kernel
        limit = kernel.limits.power
        if limit is None:
            return
        dpc = Dpc()
        dpc.initialize(self._expire, request)
        request.watchdog = Timer()
        request.watchdog.initialize()
        request.watchdog.start(-max(1, limit * _UNITS_PER_SECOND // kernel.clock.frequency), 0, dpc)

    def _end_watch(self, request: PowerRequest) -> None:
        if request.watchdog is not None:
            request.watchdog.stop()
            request.watchdog = None

    def _expire(self, dpc: Dpc, context: object, argument1: object, argument2: object) -> None:
        """The DPC of a request's timer."""
        del dpc, argument1, argument2
        assert isinstance(context, PowerRequest)
        if context.irp not in self.outstanding:
            return
        blocked = context
        if context.kind is Kind.SYSTEM:
            # The driver that has the system's IRP waits for the device's IRP, if there is one.
            blocked = next(iter(self.queues.get((context.lowest, Kind.DEVICE), ())), context)
        rules.refuse_blocked(blocked)


def _dispatch(request: PowerRequest) -> None:
    top, irp = request.top, request.irp
    if not request.is_power_up or request.kind is not Kind.SYSTEM or top.flags & DO_POWER_PAGABLE:
        call_driver(top, irp)
        return
    irql = raise_irql_to_dpc_level()
    call_driver(top, irp)
    lower_irql(irql)


def _complete(device: DeviceObject | None, irp: Irp, context: object) -> int:
    """The completion routine of all power IRPs."""
    del device, context
    manager = running.value
    manager.finish(manager.outstanding[irp])
    return NTSTATUS(STATUS_MORE_PROCESSING_REQUIRED)


def _has_inrush(request: PowerRequest) -> bool:
    """Whether a driver of the stack has told that its device draws much current when it is turned on."""
    device: DeviceObject | None = request.top
    while device is not None:
        if device.flags & DO_POWER_INRUSH:
            return True
        device = device.device_object_extension.attached_to
    return False


running: Final = Running[PowerManager]("power routines")
