# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The Plug and Play manager: finds devices, gives them resources and drivers, starts them and takes them away.

A simple one: bus 0, one walk when the machine is opened, one function driver a device (row PNP-01).
"""

from __future__ import annotations

from collections.abc import Sequence

from dirql.hal.interrupts import InterruptController, irql_of_vector, vector_of_input
from dirql.io.device import DeviceObject
from dirql.io.driver import DriverObject
from dirql.io.interrupt import InterruptResource
from dirql.io.irp import IoStackLocation, describe
from dirql.io.loader import load_driver, unload_driver
from dirql.ke.bugcheck import unhandled
from dirql.nt.bugcodes import KMODE_EXCEPTION_NOT_HANDLED
from dirql.nt.constants import (
    IRP_MN_QUERY_CAPABILITIES,
    IRP_MN_QUERY_DEVICE_RELATIONS,
    IRP_MN_QUERY_ID,
    IRP_MN_QUERY_PNP_DEVICE_STATE,
    IRP_MN_QUERY_REMOVE_DEVICE,
    IRP_MN_QUERY_RESOURCE_REQUIREMENTS,
    IRP_MN_REMOVE_DEVICE,
    IRP_MN_START_DEVICE,
    IRP_MN_SURPRISE_REMOVAL,
    BusQueryCompatibleIDs,
    BusQueryHardwareIDs,
    BusQueryInstanceID,
    BusRelations,
)
from dirql.nt.status import nt_success, status_name
from dirql.pnp.assign import Resources
from dirql.pnp.identity import take_strings
from dirql.pnp.node import DeviceError, DeviceNode, InterruptKind, NodeState, send_pnp
from dirql.pnp.pci import driver_entry
from dirql.pnp.resources import (
    CmPartialResourceDescriptor,
    CmResourceInterrupt,
    CmResourceList,
    ResourceRequirements,
    interrupt_descriptor,
    window_descriptor,
)
from dirql.pnp.structures import DeviceCapabilities, DeviceRelations

__all__ = ["PnpManager"]

_PINS = range(1, 5)


class PnpManager:
    """Devices of one machine, in the order in which the bus driver reported them."""

    def __init__(self, controller: InterruptController, processors: int) -> None:
        """`controller` routes the lines; interrupts may go to any of so many processors."""
        self.nodes: list[DeviceNode] = []
        self._controller = controller
        self._affinity = (1 << processors) - 1
        self._resources = Resources()
        self._bus_driver: DriverObject | None = None
        self._bus: DeviceObject | None = None

    # Finding.

    def open(self) -> None:
        """Load the bus driver, ask it for its devices and find room for them."""
        status, driver = load_driver(driver_entry, "pci")
        if driver is None or driver.device_object is None:
            raise DeviceError("PCI bus 0", "DriverEntry of its bus driver", status)
        self._bus_driver, self._bus = driver, driver.device_object
        bus = DeviceNode(self._bus)
        bus.hardware_ids, bus.instance_id = ["PCI bus"], "0"
        bus.demand("IRP_MN_START_DEVICE", bus.send(IRP_MN_START_DEVICE))
        self.nodes = [self._identify(device) for device in self._children(bus)]
        placed = self._resources.assign([node.requirements.windows for node in self.nodes])
        for each in sorted(placed, key=lambda each: (each.owner, each.position)):
            window = window_descriptor(
                memory=each.window.memory,
                start=each.start,
                length=each.window.size,
                prefetchable=each.window.prefetchable,
            )
            self.nodes[each.owner].windows.append(window)

    def _children(self, bus: DeviceNode) -> tuple[DeviceObject, ...]:
        """What the bus driver reports; the references that it took are given back (row PNP-13)."""

        def fill(stack: IoStackLocation) -> None:
            stack.parameters.query_device_relations.type = BusRelations

        request = bus.demand("IRP_MN_QUERY_DEVICE_RELATIONS", bus.send(IRP_MN_QUERY_DEVICE_RELATIONS, fill))
        relations = request.pointer
        devices = relations.objects if isinstance(relations, DeviceRelations) else ()
        for device in devices:
            device.dereference()
        return devices

    def _identify(self, device: DeviceObject) -> DeviceNode:
        node = DeviceNode(device)
        node.hardware_ids = self._ask_id(node, BusQueryHardwareIDs, multiple=True)
        node.compatible_ids = self._ask_id(node, BusQueryCompatibleIDs, multiple=True)
        node.instance_id = "".join(self._ask_id(node, BusQueryInstanceID, multiple=False))
        request = node.send(IRP_MN_QUERY_RESOURCE_REQUIREMENTS)
        if isinstance(request.pointer, ResourceRequirements):
            node.requirements = request.pointer
        return node

    def _ask_id(self, node: DeviceNode, kind: int, *, multiple: bool) -> list[str]:
        def fill(stack: IoStackLocation) -> None:
            stack.parameters.query_id.id_type = kind

        request = node.send(IRP_MN_QUERY_ID, fill)
        if not nt_success(request.status) or not request.information:
            return []
        return take_strings(request.information, multiple=multiple, device=node)

    # Starting.

    def add_driver(
        self, driver: DriverObject, ids: Sequence[str], interrupt: InterruptKind
    ) -> list[DeviceNode]:
        """Give the driver all devices that match one of `ids` and have none, and start them; returns these.

        Raises `DeviceError` at the first that fails; it has then been taken away from its driver again.
        """
        mine = [n for n in self.nodes if n.driver is None and any(n.matches(wanted) for wanted in ids)]
        for node in mine:
            node.interrupt = interrupt
            self._add(node, driver)
            self._start(node)
        return mine

    def _add(self, node: DeviceNode, driver: DriverObject) -> None:
        add_device = driver.driver_extension.add_device
        if add_device is None:
            return
        try:
            status = add_device(driver, node.physical_device_object)
        except BaseException as error:
            if failure := unhandled(KMODE_EXCEPTION_NOT_HANDLED, error, f"AddDevice {describe(add_device)}"):
                raise failure from error
            raise
        if not nt_success(status):
            self._fail(node, DeviceError(node.name, f"AddDevice of {driver!r}", status))
        node.driver = driver
        node.state = NodeState.ADDED

    def _start(self, node: DeviceNode) -> None:
        """START_DEVICE, then what the manager asks a device that has just started (row PNP-01)."""
        interrupts = self._interrupts(node)
        raw = CmResourceList.of((*node.windows, *(raw for raw, _ in interrupts)))
        translated = CmResourceList.of((*node.windows, *(translated for _, translated in interrupts)))

        def fill(stack: IoStackLocation) -> None:
            stack.parameters.start_device.allocated_resources = raw
            stack.parameters.start_device.allocated_resources_translated = translated

        request = node.send(IRP_MN_START_DEVICE, fill)
        if not nt_success(request.status):
            node.send(IRP_MN_REMOVE_DEVICE)
            self._release_messages(node)
            node.driver = None
            self._fail(node, DeviceError(node.name, "IRP_MN_START_DEVICE", request.status))
        node.state = NodeState.STARTED

        def fill_capabilities(stack: IoStackLocation) -> None:
            stack.parameters.device_capabilities.capabilities = DeviceCapabilities()

        node.send(IRP_MN_QUERY_CAPABILITIES, fill_capabilities)
        node.send(IRP_MN_QUERY_PNP_DEVICE_STATE)

        def fill_relations(stack: IoStackLocation) -> None:
            stack.parameters.query_device_relations.type = BusRelations

        node.send(IRP_MN_QUERY_DEVICE_RELATIONS, fill_relations)

    def _fail(self, node: DeviceNode, error: DeviceError) -> None:
        node.state = NodeState.FAILED
        node.problem = error
        raise error

    def _interrupts(
        self, node: DeviceNode
    ) -> list[tuple[CmPartialResourceDescriptor, CmPartialResourceDescriptor]]:
        """Raw and translated descriptor of the interrupt that the device shall use; none if it has none."""
        message = node.interrupt is InterruptKind.MESSAGE and node.requirements.messages > 0
        pin = node.requirements.interrupt_pin
        if message:
            lines = {self._controller.line_input(each) for each in _PINS}
            number = self._resources.take_message_input(lines)
            address, data = self._controller.message(number)
        elif pin:
            number = self._controller.line_input(pin)
            address = data = 0
        else:
            return []
        latched = message or node.interrupt is InterruptKind.LATCHED
        vector = vector_of_input(number)
        irql = irql_of_vector(vector)
        raw = CmResourceInterrupt(number, number, self._affinity, address, data)
        translated = CmResourceInterrupt(irql, vector, self._affinity)
        resource = InterruptResource(vector, irql, self._affinity, latched, message, address, data)
        node.physical_device_object.device_object_extension.interrupts = (resource,)
        return [
            (
                interrupt_descriptor(raw, latched=latched, message=message),
                interrupt_descriptor(translated, latched=latched, message=message),
            )
        ]

    def _release_messages(self, node: DeviceNode) -> None:
        """The inputs of its messages are free for others."""
        extension = node.physical_device_object.device_object_extension
        self._resources.inputs -= {each.message_data for each in extension.interrupts if each.message}
        extension.interrupts = ()

    # Removing.

    def remove_devices(self, driver: DriverObject | None = None) -> list[str]:
        """Take all devices, or those of `driver`, away from their drivers, the last found first.

        Returns what went wrong, a sentence each.
        """
        doomed = [node for node in reversed(self.nodes) if driver is None or node.driver is driver]
        return [problem for node in doomed for problem in self._remove(node)]

    def _remove(self, node: DeviceNode) -> list[str]:
        if node.state not in (NodeState.ADDED, NodeState.STARTED):
            return []
        problems = []
        request = node.send(IRP_MN_QUERY_REMOVE_DEVICE)
        if not nt_success(request.status):
            problems.append(
                f"{node.name}: IRP_MN_QUERY_REMOVE_DEVICE was refused with {status_name(request.status)}"
            )
            node.send(IRP_MN_SURPRISE_REMOVAL)
        request = node.send(IRP_MN_REMOVE_DEVICE)
        if not nt_success(request.status):
            problems.append(f"{node.name}: IRP_MN_REMOVE_DEVICE ended with {status_name(request.status)}")
        self._release_messages(node)
        upper = node.physical_device_object.attached_device
        if upper is not None:
            problems.append(f"{node.name}: {upper!r} is still attached after IRP_MN_REMOVE_DEVICE")
        node.driver = None
        node.state = NodeState.REMOVED
        return problems

    def close(self) -> None:
        """The bus goes, after its devices."""
        if self._bus is not None and self._bus_driver is not None:
            send_pnp(self._bus, IRP_MN_REMOVE_DEVICE)
            unload_driver(self._bus_driver)
            self._bus = self._bus_driver = None
