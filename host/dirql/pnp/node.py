# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Device nodes: the tree of all devices. A node holds all that the manager knows of one device.

The root node stands for the machine. The children of a node are the devices on the bus that its driver drives.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dirql.io.objects import DeviceObject, DriverObject
from dirql.io.status_block import IoStatusBlock
from dirql.ke.refusals import explain_status
from dirql.nt.constants import (
    IRP_MN_REMOVE_DEVICE,
    IRP_MN_START_DEVICE,
    IRP_MN_STOP_DEVICE,
    IRP_MN_SURPRISE_REMOVAL,
)
from dirql.nt.ntstatus import status_name
from dirql.nt.resources import (
    CmPartialResourceDescriptor,
    CmResourceList,
    IoResourceDescriptor,
    IoResourceRequirementsList,
)
from dirql.pnp.interrupt_arbiter import InterruptKind
from dirql.pnp.range_arbiter import BusRanges
from dirql.pnp.request import FillParameters, send_pnp
from dirql.pnp.states import NodeEvent, NodeState, next_state

__all__ = ["DeviceError", "DeviceNode"]

_SWITCHES = (IRP_MN_START_DEVICE, IRP_MN_STOP_DEVICE, IRP_MN_SURPRISE_REMOVAL, IRP_MN_REMOVE_DEVICE)
"""The requests for which the bus driver switches a device on or off."""


class DeviceError(Exception):
    """A device could not be brought into use: `device`, `step` and `status` say which one, at which step and why."""

    def __init__(self, device: str, step: str, status: int) -> None:
        self.device = device
        self.step = step
        self.status = status
        self.why = explain_status(status)
        """Why a routine of the kernel has failed with that status, behind a colon; "" if none has."""
        super().__init__(f"{device}: {step} ended with {status_name(status)}{self.why}")


class DeviceNode:
    """A device that a bus driver reported, or that belongs to the machine itself."""

    def __init__(self, physical_device_object: DeviceObject, parent: DeviceNode | None) -> None:
        """`parent` is the node of the bus, None for the root."""
        self.physical_device_object = physical_device_object
        self.parent = parent
        self.children: list[DeviceNode] = []
        self.state = NodeState.UNINITIALIZED
        self.problem: Exception | None = None
        """The error that led to the state FAILED."""

        # Identity, as the bus driver gives it.
        self.hardware_ids: Sequence[str] = ()
        self.compatible_ids: Sequence[str] = ()
        self.instance_id = ""

        # Resources.
        self.boot_resources: CmResourceList | None = None
        """The fixed resources of a device of the machine itself."""
        self.requirements: IoResourceRequirementsList | None = None
        self.ranges: tuple[CmPartialResourceDescriptor, ...] = ()
        """The memory and the ports that the bus gave to this device, in the order of its requirements."""
        self.bus_ranges: BusRanges | None = None
        """The memory and the ports that this device, a bus, gives to its children."""

        self.driver: DriverObject | None = None
        """The function driver; None while the device has none."""
        self.interrupt: InterruptKind | None = None
        """The kind of interrupt that the driver was loaded with; None for the kind in the machine's description."""

        self.switched_by: int | None = None
        """The minor function of the last request that switches the device on or off; None before the first."""
        self.is_switching = False
        """Whether that request is under way."""

    def __repr__(self) -> str:
        return f"<device {self.name}, {self.state.value}>"

    @property
    def name(self) -> str:
        """The name for messages: the shortest hardware ID with the instance ID."""
        return rf"{self.hardware_ids[-1]}\{self.instance_id}" if self.hardware_ids else "a device without ID"

    @property
    def wanted_resources(self) -> list[IoResourceDescriptor]:
        """The resources that the device asks for: the first alternative in the list of requirements."""
        return self.requirements.list[0].descriptors if self.requirements is not None else []

    @property
    def is_present(self) -> bool:
        """Whether the bus of the device is in use; the device objects of a bus go when the bus is removed."""
        return self.parent is not None and self.parent.state is NodeState.STARTED

    def descendants(self) -> Iterator[DeviceNode]:
        """All nodes below this one, each before its own children."""
        for child in self.children:
            yield child
            yield from child.descendants()

    def matches(self, wanted: str) -> bool:
        """Whether `wanted` is a hardware or compatible ID of the device; IDs compare without case."""
        folded = wanted.casefold()
        return any(folded == known.casefold() for known in (*self.hardware_ids, *self.compatible_ids))

    def advance(self, event: NodeEvent) -> None:
        """Go to the state to which `event` leads; raises `IllegalNodeEvent` if the state does not allow the event."""
        self.state = next_state(self.state, event)

    def send(self, minor: int, fill: FillParameters | None = None) -> IoStatusBlock:
        """Send a Plug and Play request to the top of the device's stack and wait for it."""
        top = self.physical_device_object.top_of_stack()
        if minor not in _SWITCHES:
            return send_pnp(top, minor, fill)
        self.switched_by, self.is_switching = minor, True
        try:
            return send_pnp(top, minor, fill)
        finally:
            self.is_switching = False
