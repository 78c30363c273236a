# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The Plug and Play manager: gives drivers to devices, starts, stops and removes the devices.

`PnpManager` is for the machine and for tests, which play the user and the hardware. Drivers call the routines in
`reports`, `properties`, `interface_routines` and `notification_routines`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from dirql.hal.interrupts import InterruptController
from dirql.hardware.description import MachineDescription
from dirql.io.manager import running as io_manager
from dirql.io.objects import DeviceObject, DriverObject, IoStackLocation
from dirql.ke.processors.interrupt import interrupt_table
from dirql.nt.constants import (
    IRP_MN_DEVICE_USAGE_NOTIFICATION,
    IRP_MN_SET_LOCK,
    PNP_DEVICE_NOT_DISABLEABLE,
    DeviceUsageTypeGuestAssigned,
    DeviceUsageTypePaging,
)
from dirql.nt.ntstatus import nt_success
from dirql.ob.manager import running as object_manager
from dirql.pnp.actions import eject_device, remove_device, rescan_bus
from dirql.pnp.driver_table import FilterPlace, FunctionDriver
from dirql.pnp.interrupt_arbiter import InterruptKind
from dirql.pnp.node import DeviceNode
from dirql.pnp.removal import finish_removals, force_removal, removed_with, surprise_remove
from dirql.pnp.resources import assigned_vectors
from dirql.pnp.starting import add_drivers, start_alone, start_device
from dirql.pnp.states import NodeState
from dirql.pnp.stopping import move_device
from dirql.pnp.tree import DeviceTree, running
from dirql.pnp.veto import Veto

__all__ = ["PnpManager"]

_USAGES: Final = range(DeviceUsageTypePaging, DeviceUsageTypeGuestAssigned + 1)
"""The kinds of special files and uses."""


class PnpManager:
    """The device tree of one machine, and what happens to its devices."""

    def __init__(self, machine: MachineDescription, controller: InterruptController, processors: int) -> None:
        """`controller` routes the lines of `machine`; an interrupt may go to each of `processors` processors."""
        self.tree = DeviceTree(machine, controller, processors)
        running.install(self.tree)
        interrupt_table.value.assigned = lambda: list(assigned_vectors(self.root.descendants()))
        io_manager.value.hooks.device_closed = self._device_closed

    @property
    def root(self) -> DeviceNode:
        """The root of the tree, which stands for the machine."""
        return self.tree.root

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

    # Drivers.

    def add_driver(
        self,
        driver: DriverObject,
        ids: Sequence[str],
        interrupt: InterruptKind | None,
        class_guid: str = "",
    ) -> list[DeviceNode]:
        """Give the driver all devices that match one of `ids` and have no driver; start and return these devices.

        Devices that come later get the driver, too. `interrupt` is the kind of interrupt of all these devices; None
        leaves each with the kind in the machine's description. Raises `DeviceError` or `ResourceConflict` at the first
        device that cannot be started; that device has then no driver again, and later ones do not get this one.
        """
        function = FunctionDriver(driver, tuple(ids), class_guid, interrupt)
        with self.tree.lock:
            matching = [
                node
                for node in self.root.descendants()
                if node.is_present
                and node.driver is None
                and node.rank(ids) is not None
                and not node.is_disabled
            ]
            self.tree.drivers.add(function)
            try:
                for node in matching:
                    if node.driver is None:
                        add_drivers(node, function)
                        start_device(node)
            except BaseException:
                self.tree.drivers.remove(driver)
                raise
        return matching

    def add_filter(
        self, driver: DriverObject, place: FilterPlace, ids: Sequence[str], class_guid: str = ""
    ) -> None:
        """Put the driver into the stacks of devices that get their drivers from now on.

        `ids` are the devices of a filter of devices, `class_guid` is the setup class of a filter of a class.
        """
        self.tree.drivers.add_filter(driver, place, tuple(ids), class_guid)

    def remove_devices(self, driver: DriverObject | None = None) -> list[str]:
        """Take all devices, or the devices of `driver`, away from their drivers, whatever these say.

        Children come before their parents, and of siblings the last found first. Returns one sentence for each thing
        that went wrong. `driver` gets no devices any more.
        """
        self.tree.worker.flush()
        with self.tree.lock:
            if driver is not None:
                self.tree.drivers.remove(driver)
            doomed = [
                node
                for node in reversed(list(self.root.descendants()))
                if driver is None or node.driver is driver or driver in node.drivers
            ]
            problems = [problem for node in doomed for problem in force_removal(node)]
            if driver is not None:
                self.tree.claims.drop(driver)
            if driver is None:  # the machine closes
                for node in (self.root, *self.root.children):
                    object_manager.value.namespace.remove(node.physical_device_object)
        self.tree.worker.flush()
        return problems

    def registered_callbacks(self, driver: object) -> Iterator[tuple[object, object, str]]:
        """The notifications for which a driver is registered: the registration, the routine, and what to do."""
        for entry in self.tree.notifications.of_driver(driver):
            yield entry, entry.routine, "registered: call IoUnregisterPlugPlayNotification"

    # What the user does.

    def remove(self, node: DeviceNode) -> Veto | None:
        """Remove a device and all that goes with it, if all agree; None when that was done, else who is against it."""
        self._check("remove", node)
        with self.tree.lock:
            return remove_device(node)

    def disable(self, node: DeviceNode) -> Veto | None:
        """Remove a device as `remove` does, and give it no driver until `enable`."""
        self._check("disable", node)
        for each in (*node.descendants(), node):
            if each.pnp_state & PNP_DEVICE_NOT_DISABLEABLE:
                return Veto(each, "a driver has reported PNP_DEVICE_NOT_DISABLEABLE")
        veto = self.remove(node)
        node.is_disabled = node.is_disabled or veto is None
        return veto

    def enable(self, node: DeviceNode) -> None:
        """Give a device that was removed or disabled the best of the loaded drivers, and start it.

        An error is noted as `node.problem`.
        """
        self._check("enable", node)
        with self.tree.lock:
            node.is_disabled = False
            start_alone(node)

    def eject(self, node: DeviceNode) -> Veto | None:
        """Remove a device and all that leaves with it, and let the bus driver eject it (IRP_MN_EJECT)."""
        self._check("eject", node)
        with self.tree.lock:
            return eject_device(node)

    def rebalance(self, node: DeviceNode) -> Veto | None:
        """Stop a started device and start it with other resources; None when that was done (row PNP-06)."""
        self._check("rebalance", node)
        with self.tree.lock:
            if node.state is not NodeState.STARTED:
                return Veto(node, f"the device must be started; it was {node.state.value}")
            return move_device(node)

    def lock_device(self, node: DeviceNode, *, lock: bool) -> int:
        """Lock a device in its slot, or unlock it (IRP_MN_SET_LOCK); returns the status."""
        self._check("lock_device", node)

        def fill(stack: IoStackLocation) -> None:
            stack.parameters.set_lock.lock = lock

        with self.tree.lock:
            return node.send(IRP_MN_SET_LOCK, fill).status

    def notify_usage(self, node: DeviceNode, kind: int, *, in_path: bool) -> int:
        """Put a special file on a device, or take it away (IRP_MN_DEVICE_USAGE_NOTIFICATION); returns the status.

        `kind` is a DEVICE_USAGE_NOTIFICATION_TYPE. A device with such a file, and those above it in the tree, can be
        neither stopped nor removed.
        """
        self._check("notify_usage", node)
        if kind not in _USAGES:
            raise ValueError(
                "machine.pnp.notify_usage: the kind must be a constant of DEVICE_USAGE_NOTIFICATION_TYPE, such as"
                f" DeviceUsageTypePaging; it was {kind!r}"
            )

        def fill(stack: IoStackLocation) -> None:
            stack.parameters.usage_notification.in_path = in_path
            stack.parameters.usage_notification.type = kind

        with self.tree.lock:
            status = node.send(IRP_MN_DEVICE_USAGE_NOTIFICATION, fill).status
            if nt_success(status):
                for each in (node, *node.ancestors()):
                    count = each.usages.get(kind, 0) + (1 if in_path else -1)
                    each.usages[kind] = max(count, 0)
            return status

    def change_hardware_profile(self) -> str | None:
        """Ask the drivers that have registered for it, and tell them; the reason if one is against it."""
        with self.tree.lock:
            return self.tree.notifications.change_hardware_profile()

    # What the hardware does.

    def surprise_remove(self, node: DeviceNode) -> None:
        """Tell the drivers that a device and those below it are gone (row PNP-08)."""
        self._check("surprise_remove", node)
        with self.tree.lock:
            surprise_remove(removed_with(node))

    def surprise_remove_devices(self) -> None:
        """Tell the drivers of all devices on the buses that their devices are gone."""
        with self.tree.lock:
            surprise_remove(list(reversed(self.devices)))

    def queue_surprise_removal(self) -> None:
        """Do as `surprise_remove_devices`, later. IRQL <= DISPATCH_LEVEL."""
        self.tree.worker.queue(self.surprise_remove_devices)

    def rescan(self, bus: DeviceNode) -> None:
        """Ask a bus for its devices again, as after IoInvalidateDeviceRelations."""
        self._check("rescan", bus)
        with self.tree.lock:
            rescan_bus(bus)

    def _check(self, routine: str, node: object) -> None:
        """Raise `TypeError` for what is no device, and `ValueError` for a device of another machine."""
        if not isinstance(node, DeviceNode):
            raise TypeError(
                f"machine.pnp.{routine}: the device must be a DeviceNode, one of machine.devices; it was {node!r}"
            )
        if node is not self.root and self.root not in node.ancestors():
            raise ValueError(
                f"machine.pnp.{routine}: the device must be one of this machine; {node!r} is of another one, which is"
                " closed: take it from machine.devices"
            )

    def wait_until_idle(self) -> None:
        """Wait until all that drivers have asked for is done."""
        self.tree.worker.flush()

    def _device_closed(self, device: DeviceObject) -> None:
        """The last file of a device was closed, for which its removal may have waited."""
        del device
        if self.tree.awaiting:
            self.tree.worker.queue(self._locked(finish_removals))

    def _locked(self, action: Callable[[], None]) -> Callable[[], None]:
        def run() -> None:
            with self.tree.lock:
                action()

        return run
