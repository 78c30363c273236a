# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The Plug and Play manager: gives drivers to devices, starts the devices and removes them.

A device has one function driver, and a bus is enumerated once, when it has started (row PNP-01).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

from dirql.hal.interrupts import InterruptController
from dirql.hardware.description import Function, MachineDescription
from dirql.hardware.place import Place
from dirql.io.objects import DriverObject, IoStackLocation
from dirql.ke.guard import ADD_DEVICE, call_driver
from dirql.ke.processors.interrupt import interrupt_table
from dirql.nt.constants import (
    IRP_MN_QUERY_CAPABILITIES,
    IRP_MN_QUERY_PNP_DEVICE_STATE,
    IRP_MN_QUERY_REMOVE_DEVICE,
    IRP_MN_REMOVE_DEVICE,
    IRP_MN_START_DEVICE,
    IRP_MN_SURPRISE_REMOVAL,
)
from dirql.nt.ntstatus import nt_success, status_name
from dirql.nt.plug_and_play import DeviceCapabilities
from dirql.nt.resources import (
    CmFullResourceDescriptor,
    CmPartialResourceDescriptor,
    CmPartialResourceList,
    CmResourceList,
    IoResourceRequirementsList,
)
from dirql.nt.status import STATUS_SUCCESS
from dirql.pnp.enumeration import enumerate_children
from dirql.pnp.interrupt_arbiter import InterruptArbiter, InterruptKind
from dirql.pnp.node import DeviceError, DeviceNode
from dirql.pnp.range_arbiter import ResourceConflict
from dirql.pnp.root import make_root
from dirql.pnp.states import NodeEvent, NodeState

__all__ = ["PnpManager"]


class PnpManager:
    """The device tree of one machine. All buses share one interrupt controller, and so one arbiter of interrupts."""

    def __init__(self, machine: MachineDescription, controller: InterruptController, processors: int) -> None:
        """`controller` routes the lines of `machine`; an interrupt may go to each of `processors` processors."""
        self._machine = machine
        self.root = make_root(machine.buses[0])
        self._interrupts = InterruptArbiter(controller, processors)
        interrupt_table.value.assigned = self._assigned_vectors

    @property
    def devices(self) -> list[DeviceNode]:
        """The devices that bus drivers found; those that belong to the machine itself are not among them."""
        return [node for bus in self.root.children for node in bus.descendants()]

    def started_levels(self) -> list[list[DeviceNode]]:
        """The started devices by their depth in the tree, without the root: those nearest to the root first."""
        levels: list[list[DeviceNode]] = []
        level = self.root.children
        while level:
            levels.append([node for node in level if node.state is NodeState.STARTED])
            level = [child for node in level for child in node.children]
        return levels

    def _assigned_vectors(self) -> list[tuple[int, bool]]:
        """The vectors of all devices, and whether each is latched."""
        return [
            (each.vector, each.latched)
            for node in self.root.descendants()
            for each in node.physical_device_object.device_object_extension.interrupts
        ]

    # Starting.

    def add_driver(
        self, driver: DriverObject, ids: Sequence[str], interrupt: InterruptKind | None
    ) -> list[DeviceNode]:
        """Give the driver all devices that match one of `ids` and have no driver; start and return these devices.

        `interrupt` is the kind of interrupt of all these devices; None leaves each with the kind in the machine's
        description. Raises `DeviceError` or `ResourceConflict` at the first device that cannot be started; that device
        has then no driver again.
        """
        matching = [
            node
            for node in self.root.descendants()
            if node.is_present and node.driver is None and any(node.matches(wanted) for wanted in ids)
        ]
        for node in matching:
            node.interrupt = interrupt
            self._add(node, driver)
            self._start(node)
        return matching

    def _add(self, node: DeviceNode, driver: DriverObject) -> None:
        status = _call_add_device(driver, node)
        if not nt_success(status):
            _fail(node, DeviceError(node.name, f"AddDevice of {driver!r}", status))
        node.driver = driver
        node.advance(NodeEvent.ADD_DRIVER)

    def _start(self, node: DeviceNode) -> None:
        """Send IRP_MN_START_DEVICE, then the requests that each started device gets (row PNP-01)."""
        try:
            raw, translated = self._resource_lists(node)
        except ResourceConflict as conflict:
            self._take_back(node, conflict)
        node.advance(NodeEvent.ASSIGN_RESOURCES)

        def fill(stack: IoStackLocation) -> None:
            stack.parameters.start_device.allocated_resources = raw
            stack.parameters.start_device.allocated_resources_translated = translated

        request = node.send(IRP_MN_START_DEVICE, fill)
        if not nt_success(request.status):
            self._take_back(node, DeviceError(node.name, "IRP_MN_START_DEVICE", request.status))
        node.advance(NodeEvent.START)

        def fill_capabilities(stack: IoStackLocation) -> None:
            stack.parameters.device_capabilities.capabilities = DeviceCapabilities()

        node.send(IRP_MN_QUERY_CAPABILITIES, fill_capabilities)
        node.send(IRP_MN_QUERY_PNP_DEVICE_STATE)
        try:
            enumerate_children(node)
        except ResourceConflict:
            self._remove(node)
            raise

    def _resource_lists(self, node: DeviceNode) -> tuple[CmResourceList | None, CmResourceList | None]:
        """The raw and the translated resources of a device; None for both when it needs none."""
        wanted = node.requirements
        if wanted is None:
            return node.boot_resources, node.boot_resources
        interrupt = self._interrupts.assign(node.wanted_resources, node.interrupt, self._function(wanted))
        if interrupt is None:
            ranges = _resource_list(wanted, node.ranges)
            return ranges, ranges
        node.physical_device_object.device_object_extension.interrupts = (interrupt.resource,)
        raw = _resource_list(wanted, (*node.ranges, interrupt.raw))
        return raw, _resource_list(wanted, (*node.ranges, interrupt.translated))

    def _function(self, wanted: IoResourceRequirementsList) -> Function | None:
        """The machine's description of the device that asks; None for a device that the description does not have."""
        slot = wanted.slot_number  # a PCI_SLOT_NUMBER
        return self._machine.function_at(Place(wanted.bus_number, slot & 0x1F, slot >> 5 & 7))

    def _take_back(self, node: DeviceNode, error: Exception) -> NoReturn:
        """Take a device that cannot be started from the driver, and raise `error`."""
        node.send(IRP_MN_REMOVE_DEVICE)
        self._release(node)
        _fail(node, error)

    def _release(self, node: DeviceNode) -> None:
        """Take back all that a device loses when it loses the driver."""
        extension = node.physical_device_object.device_object_extension
        self._interrupts.release(extension.interrupts)
        extension.interrupts = ()
        node.bus_ranges = None
        node.driver = None

    # Removing.

    def remove_devices(self, driver: DriverObject | None = None) -> list[str]:
        """Take all devices, or the devices of `driver`, away from their drivers.

        Children come before their parents, and of siblings the last found first. Returns one sentence for each thing
        that went wrong.
        """
        doomed = [
            node
            for node in reversed(list(self.root.descendants()))
            if driver is None or node.driver is driver
        ]
        return [problem for node in doomed for problem in self._remove(node)]

    def surprise_remove_devices(self) -> None:
        """Tell the drivers of all devices on the buses that their devices are gone.

        The devices are removed when their drivers are unloaded or the machine is closed.
        """
        for node in reversed(self.devices):
            if node.state is NodeState.STARTED:
                node.send(IRP_MN_SURPRISE_REMOVAL)
                node.advance(NodeEvent.SURPRISE_REMOVE)

    def _remove(self, node: DeviceNode) -> list[str]:
        if node.state not in (NodeState.STARTED, NodeState.AWAITING_QUEUED_REMOVAL):
            return []
        problems = [problem for child in reversed(node.children) for problem in self._remove(child)]
        if node.state is NodeState.STARTED:
            problems += _query_removal(node)
        request = node.send(IRP_MN_REMOVE_DEVICE)
        if not nt_success(request.status):
            problems.append(f"{node.name}: IRP_MN_REMOVE_DEVICE ended with {status_name(request.status)}")
        upper = node.physical_device_object.attached_device
        if upper is not None:
            problems.append(f"{node.name}: {upper!r} is still attached after IRP_MN_REMOVE_DEVICE")
        self._release(node)
        node.advance(NodeEvent.REMOVE)
        return problems


def _query_removal(node: DeviceNode) -> list[str]:
    """Ask the drivers of a device whether it may be removed; it will be removed also if they refuse, which is told."""
    request = node.send(IRP_MN_QUERY_REMOVE_DEVICE)
    if nt_success(request.status):
        node.advance(NodeEvent.QUERY_REMOVE)
        return []
    node.send(IRP_MN_SURPRISE_REMOVAL)
    node.advance(NodeEvent.SURPRISE_REMOVE)
    return [f"{node.name}: IRP_MN_QUERY_REMOVE_DEVICE was refused with {status_name(request.status)}"]


def _call_add_device(driver: DriverObject, node: DeviceNode) -> int:
    """The status of the driver's AddDevice; a driver without one has nothing to add to the stack."""
    add_device = driver.driver_extension.add_device
    if add_device is None:
        return STATUS_SUCCESS
    return call_driver(ADD_DEVICE, driver, add_device, driver, node.physical_device_object)


def _fail(node: DeviceNode, error: Exception) -> NoReturn:
    node.problem = error
    node.advance(NodeEvent.FAIL)
    raise error


def _resource_list(
    wanted: IoResourceRequirementsList, descriptors: tuple[CmPartialResourceDescriptor, ...]
) -> CmResourceList:
    """The list of a device's resources, with the interface type and the bus number that the requirements name."""
    resources = CmPartialResourceList(descriptors)
    return CmResourceList((CmFullResourceDescriptor(wanted.interface_type, wanted.bus_number, resources),))
