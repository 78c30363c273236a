# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Device nodes: what the Plug and Play manager knows of each device it found, and the requests it sends to it."""

from __future__ import annotations

import enum
from collections.abc import Callable

from dirql.io import current
from dirql.io.device import DeviceObject
from dirql.io.driver import DriverObject
from dirql.io.irp import IoStackLocation
from dirql.io.request import KernelRequest, send_and_wait
from dirql.nt.constants import IRP_MJ_PNP
from dirql.nt.status import STATUS_NOT_SUPPORTED, nt_success, status_name
from dirql.pnp.resources import CmPartialResourceDescriptor, ResourceRequirements

__all__ = ["DeviceError", "DeviceNode", "InterruptKind", "NodeState", "send_pnp"]


class InterruptKind(enum.StrEnum):
    """How a device shall interrupt; what a driver's INF file says on Windows (LogConfig, MSISupported)."""

    LEVEL = "level"
    """By its line, level-sensitive: what PCI devices do unless told otherwise."""
    LATCHED = "latched"
    """By its line, which is latched on its rising edge."""
    MESSAGE = "message"
    """By messages, if the device can send any, else by its line."""


class NodeState(enum.Enum):
    """How far a device has come."""

    FOUND = "found, no driver"
    ADDED = "driver added"
    STARTED = "started"
    FAILED = "failed"
    REMOVED = "removed"


class DeviceError(Exception):
    """A device could not be brought into use: `device`, `step` and `status` say which, where and why."""

    def __init__(self, device: str, step: str, status: int) -> None:
        self.device = device
        self.step = step
        self.status = status
        super().__init__(f"{device}: {step} ended with {status_name(status)}")


class DeviceNode:
    """A device that a bus driver reported."""

    __slots__ = (
        "compatible_ids",
        "driver",
        "hardware_ids",
        "instance_id",
        "interrupt",
        "physical_device_object",
        "problem",
        "requirements",
        "state",
        "windows",
    )

    def __init__(self, physical_device_object: DeviceObject) -> None:
        self.physical_device_object = physical_device_object
        self.hardware_ids: list[str] = []
        self.compatible_ids: list[str] = []
        self.instance_id = ""
        self.requirements = ResourceRequirements((), 0, 0)
        self.windows: list[CmPartialResourceDescriptor] = []
        """Where its ranges were put, in the order in which it asked for them."""
        self.driver: DriverObject | None = None
        self.interrupt = InterruptKind.LEVEL
        self.state = NodeState.FOUND
        self.problem: DeviceError | None = None

    def __repr__(self) -> str:
        return f"<device {self.name}, {self.state.value}>"

    @property
    def name(self) -> str:
        """Its shortest hardware ID with its instance."""
        return rf"{self.hardware_ids[-1]}\{self.instance_id}" if self.hardware_ids else "a device without ID"

    def matches(self, wanted: str) -> bool:
        """Whether a driver that names this ID is meant; IDs compare without case."""
        folded = wanted.casefold()
        return any(folded == known.casefold() for known in (*self.hardware_ids, *self.compatible_ids))

    def send(self, minor: int, fill: Callable[[IoStackLocation], None] | None = None) -> KernelRequest:
        """Send a Plug and Play request to the top of the device's stack and wait for its end."""
        return send_pnp(self.physical_device_object.top_of_stack(), minor, fill)

    def demand(self, step: str, request: KernelRequest) -> KernelRequest:
        """The same request, if it succeeded; raises `DeviceError` otherwise."""
        if not nt_success(request.status):
            raise DeviceError(self.name, step, request.status)
        return request


def send_pnp(
    device: DeviceObject, minor: int, fill: Callable[[IoStackLocation], None] | None = None
) -> KernelRequest:
    """Send IRP_MJ_PNP to the top device of a stack; it starts with STATUS_NOT_SUPPORTED (row PNP-02)."""
    irp = current.manager.take_irp(device.stack_size)
    assert irp is not None, f"{device!r} must have a stack size of 1 … 127, was {device.stack_size}"
    irp.io_status.status = STATUS_NOT_SUPPORTED
    stack = irp.get_next_stack_location()
    stack.major_function = IRP_MJ_PNP
    stack.minor_function = minor
    if fill is not None:
        fill(stack)
    return send_and_wait(device, irp)
