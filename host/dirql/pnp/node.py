# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Device nodes: the tree of all devices. A node holds all that the manager knows of one device.

The root node stands for the machine. The children of a node are the devices on the bus that its driver drives.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NoReturn
from zlib import crc32

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
from dirql.nt.plug_and_play import DeviceCapabilities, PnpBusInformation
from dirql.nt.resources import (
    CmPartialResourceDescriptor,
    CmResourceList,
    IoResourceDescriptor,
    IoResourceRequirementsList,
)
from dirql.pnp.interrupt_arbiter import InterruptKind
from dirql.pnp.range_arbiter import BusRanges
from dirql.pnp.request import FillParameters, send_pnp_with
from dirql.pnp.states import NodeEvent, NodeState, next_state

__all__ = ["DeviceError", "DeviceNode", "node_of"]

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
        physical_device_object.device_object_extension.device_node = self
        self.parent = parent
        self.children: list[DeviceNode] = []
        self.state = NodeState.UNINITIALIZED
        self.problem: Exception | None = None
        """The error because of which the device is not in use."""
        self.is_disabled = False
        """Whether the user has disabled the device, so that it gets no driver."""
        self.is_missing = False
        """Whether the bus driver no longer reports the device."""

        # Identity, as the bus driver gives it.
        self.device_id = ""
        self.hardware_ids: Sequence[str] = ()
        self.compatible_ids: Sequence[str] = ()
        self.instance_id = ""
        self.description = ""
        self.location = ""
        self.bus_information: PnpBusInformation | None = None
        self.capabilities = DeviceCapabilities()
        """The latest answer to IRP_MN_QUERY_CAPABILITIES."""

        # Resources.
        self.boot_resources: CmResourceList | None = None
        """The fixed resources of a device of the machine itself, or those that the bus driver found in use."""
        self.requirements: IoResourceRequirementsList | None = None
        """The resources that the bus driver asks for."""
        self.filtered: IoResourceRequirementsList | None = None
        """The same after IRP_MN_FILTER_RESOURCE_REQUIREMENTS."""
        self.ranges: tuple[CmPartialResourceDescriptor, ...] = ()
        """The memory and the ports that the bus gave to this device, in the order of its requirements."""
        self.bus_ranges: BusRanges | None = None
        """The memory and the ports that this device, a bus, gives to its children."""
        self.raw: CmResourceList | None = None
        self.translated: CmResourceList | None = None
        """The resources with which the device was started last, as the bus and as the processor sees them."""

        # Drivers.
        self.driver: DriverObject | None = None
        """The function driver; None while the device has none."""
        self.drivers: list[DriverObject] = []
        """All drivers whose AddDevice was called, from the bottom of the stack to the top."""
        self.class_guid = ""
        """The GUID of the setup class, which on Windows the INF file of the function driver names."""
        self.interrupt: InterruptKind | None = None
        """The kind of interrupt that the driver was loaded with; None for the kind in the machine's description."""

        # Use.
        self.pnp_state = 0
        """The latest answer to IRP_MN_QUERY_PNP_DEVICE_STATE, bits PNP_DEVICE_…."""
        self.usages: dict[int, int] = {}
        """The number of special files on the device, by DEVICE_USAGE_NOTIFICATION_TYPE."""

        self.switched_by: int | None = None
        """The minor function of the last request that switches the device on or off; None before the first."""
        self.is_switching = False
        """Whether that request is under way."""

    def __repr__(self) -> str:
        return f"<device {self.name}, {self.state.value}>"

    @property
    def name(self) -> str:
        """The name for messages: the shortest hardware ID with the instance ID."""
        ids = self.hardware_ids or ((self.device_id,) if self.device_id else ())
        return rf"{min(ids, key=len)}\{self.instance_id}" if ids else "a device without ID"

    @property
    def instance_path(self) -> str:
        r"""The device instance path: the device ID and an instance ID, as in `PCI\VEN_…&DEV_…&…\1&2a3b4c5d&0&08`.

        The instance ID of a device that is not unique in the machine (DEVICE_CAPABILITIES.UniqueID) gets a prefix that
        stands for the parent.
        """
        if self.parent is None:
            return r"HTREE\ROOT\0"
        device_id = self.device_id or (self.hardware_ids[0] if self.hardware_ids else "ROOT")
        return rf"{device_id}\{self._unique_instance()}"

    def _unique_instance(self) -> str:
        parent = self.parent
        if self.capabilities.unique_id or parent is None:
            return self.instance_id
        depth = sum(1 for _ in parent.ancestors())
        return f"{depth}&{crc32(parent.instance_path.upper().encode()):x}&0&{self.instance_id}"

    @property
    def wanted(self) -> IoResourceRequirementsList | None:
        """The requirements that count now."""
        return self.requirements if self.filtered is None else self.filtered

    @property
    def wanted_resources(self) -> list[IoResourceDescriptor]:
        """The resources that the device asks for: the first alternative in the list of requirements."""
        wanted = self.wanted
        return wanted.list[0].descriptors if wanted is not None and wanted.list else []

    @property
    def is_present(self) -> bool:
        """Whether the bus of the device is in use; the device objects of a bus go when the bus is removed."""
        return self.parent is not None and self.parent.state is NodeState.STARTED

    @property
    def is_used_by_system(self) -> bool:
        """Whether a special file, such as a paging file, is on the device or on one below it."""
        return any(self.usages.values())

    @property
    def open_files(self) -> int:
        """The number of files that are open on the device objects of the stack."""
        return sum(each.reference_count for each in self.stack())

    def stack(self) -> Iterator[DeviceObject]:
        """The device objects of the stack, from the physical device object to the top."""
        device: DeviceObject | None = self.physical_device_object
        while device is not None:
            yield device
            device = device.attached_device

    def ancestors(self) -> Iterator[DeviceNode]:
        """The nodes above this one, the nearest first."""
        node = self.parent
        while node is not None:
            yield node
            node = node.parent

    def descendants(self) -> Iterator[DeviceNode]:
        """All nodes below this one, each before its own children."""
        for child in self.children:
            yield child
            yield from child.descendants()

    def rank(self, wanted: Sequence[str]) -> int | None:
        """The place of the first hardware or compatible ID of the device that is one of `wanted`; None if none is.

        IDs compare without case.
        """
        folded = {each.casefold() for each in wanted}
        known = (*self.hardware_ids, *self.compatible_ids)
        return next((place for place, each in enumerate(known) if each.casefold() in folded), None)

    def matches(self, wanted: str) -> bool:
        """Whether `wanted` is a hardware or compatible ID of the device; IDs compare without case."""
        return self.rank((wanted,)) is not None

    def advance(self, event: NodeEvent) -> None:
        """Go to the state to which `event` leads; raises `IllegalNodeEvent` if the state does not allow the event."""
        self.state = next_state(self.state, event)

    def send(
        self, minor: int, fill: FillParameters | None = None, information_object: object = None
    ) -> IoStatusBlock:
        """Send a Plug and Play request to the top of the device's stack and wait for it."""
        top = self.physical_device_object.top_of_stack()
        if minor not in _SWITCHES:
            return send_pnp_with(top, minor, fill, information_object)
        self.switched_by, self.is_switching = minor, True
        try:
            return send_pnp_with(top, minor, fill, information_object)
        finally:
            self.is_switching = False

    def fail(self, error: Exception) -> NoReturn:
        """Note why the device cannot be used, and raise the error."""
        self.problem = error
        self.advance(NodeEvent.FAIL)
        raise error


def node_of(device: DeviceObject) -> DeviceNode | None:
    """The node of a physical device object; None for another device object."""
    node = device.device_object_extension.device_node
    return node if isinstance(node, DeviceNode) else None
