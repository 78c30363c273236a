# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The Plug and Play part of one machine: the state that its routines share."""

from __future__ import annotations

from functools import partial
from typing import Final

from dirql.hal.interrupts import InterruptController
from dirql.hardware.description import MachineDescription
from dirql.io.worker import SystemWorker
from dirql.ke.running import Running
from dirql.nt.guid import Guid
from dirql.pnp.claims import ClaimTable
from dirql.pnp.driver_table import DriverTable
from dirql.pnp.interfaces import InterfaceTable
from dirql.pnp.node import DeviceNode
from dirql.pnp.notification import NotificationTable
from dirql.pnp.resources import ResourceAssigner
from dirql.pnp.root import make_root
from dirql.pnp.tree_lock import TreeLock

__all__ = ["DeviceTree", "running"]


class DeviceTree:
    """All devices, and what the manager knows beside them."""

    def __init__(self, machine: MachineDescription, controller: InterruptController, processors: int) -> None:
        """`controller` routes the lines of `machine`; an interrupt may go to each of `processors` processors."""
        self.root = make_root(machine.buses[0])
        self.claims = ClaimTable(self.root)
        self.resources = ResourceAssigner(machine, controller, processors, self.claims)
        self.drivers = DriverTable()
        self.notifications = NotificationTable()
        self.interfaces = InterfaceTable(self._interface_changed)
        self.lock = TreeLock()
        """Is held by whoever changes the tree or sends a request that belongs to a change."""
        self.worker = SystemWorker()
        """Does what drivers ask for at any IRQL, at PASSIVE_LEVEL and later."""
        self.awaiting: list[DeviceNode] = []
        """The devices that got IRP_MN_SURPRISE_REMOVAL and have open files, children before their parents."""

    def _interface_changed(self, event: Guid, interface_class: Guid, name: str) -> None:
        tell = partial(self.notifications.interface_changed, event, interface_class, name)
        self.worker.queue(tell)


running: Final = Running[DeviceTree]("Plug and Play routines")
