# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
r"""Device interfaces: names by which programs find the devices of a class (row PNP-20).

The name of an interface is `\??\` with the device instance path, a number sign for each of its backslashes, and the
GUID of the class, as in `\??\PCI#VEN_…&DEV_…&SUBSYS_…&REV_07#1&2a3b4c5d&0&08#{86e0d1e0-…}`. A reference
string follows behind a backslash. An interface that is enabled is a symbolic link to the physical device object.
"""

from __future__ import annotations

from collections.abc import Callable

from dirql.nt.guid import Guid
from dirql.nt.plug_and_play import GUID_DEVICE_INTERFACE_ARRIVAL, GUID_DEVICE_INTERFACE_REMOVAL
from dirql.nt.status import (
    STATUS_INVALID_DEVICE_REQUEST,
    STATUS_OBJECT_NAME_EXISTS,
    STATUS_OBJECT_NAME_NOT_FOUND,
    STATUS_SUCCESS,
)
from dirql.ob.manager import running as object_manager
from dirql.ob.namespace import SymbolicLink
from dirql.pnp.node import DeviceNode

__all__ = ["DeviceInterface", "InterfaceTable"]

_PREFIX = "\\??\\"

InterfaceChange = Callable[[Guid, Guid, str], None]
"""Gets the event, the class and the name."""


class DeviceInterface:
    """One interface of one device."""

    def __init__(self, node: DeviceNode, interface_class: Guid, reference: str) -> None:
        self.node = node
        self.interface_class = interface_class
        self.reference = reference
        self.is_enabled = False
        path = node.instance_path.replace("\\", "#")
        self.link_name = f"{_PREFIX}{path}#{str(interface_class).lower()}"
        """The name without the reference string, which the symbolic link has."""

    def __repr__(self) -> str:
        return f"<interface {self.name}, {'enabled' if self.is_enabled else 'disabled'}>"

    @property
    def name(self) -> str:
        """The name with the reference string, if there is one."""
        return f"{self.link_name}\\{self.reference}" if self.reference else self.link_name


class InterfaceTable:
    """The interfaces of one machine, oldest first."""

    def __init__(self, changed: InterfaceChange) -> None:
        """`changed` is called when an interface was enabled or disabled."""
        self._interfaces: dict[str, DeviceInterface] = {}
        self._changed = changed

    def register(self, node: DeviceNode, interface_class: Guid, reference: str) -> DeviceInterface:
        """Make an interface, or find it if it was registered before."""
        made = DeviceInterface(node, interface_class, reference)
        return self._interfaces.setdefault(made.name.casefold(), made)

    def find(self, name: str) -> DeviceInterface | None:
        r"""The interface with a name, which may begin with `\\?\` as programs write it."""
        return self._interfaces.get(_kernel_form(name).casefold())

    def enabled(self, interface_class: Guid) -> list[DeviceInterface]:
        """The enabled interfaces of a class."""
        return [each for each in self.of_class(interface_class) if each.is_enabled]

    def of_class(self, interface_class: Guid) -> list[DeviceInterface]:
        """The interfaces of a class."""
        return [each for each in self._interfaces.values() if each.interface_class == interface_class]

    def alias(self, name: str, interface_class: Guid) -> DeviceInterface | None:
        """The interface of another class that has the same device and the same reference string."""
        known = self.find(name)
        if known is None:
            return None
        for each in self.of_class(interface_class):
            same = each.reference.casefold() == known.reference.casefold()
            if each.node is known.node and same:
                return each
        return None

    def set_state(self, name: str, *, enable: bool) -> int:
        """Enable or disable an interface; returns a status."""
        interface = self.find(name)
        if interface is None:
            return STATUS_OBJECT_NAME_NOT_FOUND
        if interface.is_enabled == enable:
            return STATUS_OBJECT_NAME_EXISTS if enable else STATUS_OBJECT_NAME_NOT_FOUND
        if enable:
            return self._enable(interface)
        self._disable(interface)
        return STATUS_SUCCESS

    def disable_all(self, node: DeviceNode) -> None:
        """Disable the interfaces of a device that is removed."""
        for interface in self._interfaces.values():
            if interface.node is node and interface.is_enabled:
                self._disable(interface)

    def forget(self, node: DeviceNode) -> None:
        """Forget the interfaces of a device that is gone."""
        self._interfaces = {key: each for key, each in self._interfaces.items() if each.node is not node}

    def _enable(self, interface: DeviceInterface) -> int:
        target = interface.node.physical_device_object.name
        if not target:
            return STATUS_INVALID_DEVICE_REQUEST
        namespace = object_manager.value.namespace
        if namespace.find_link(interface.link_name) is None:
            status = namespace.insert(interface.link_name, SymbolicLink(target))
            if status != STATUS_SUCCESS:
                return status
        interface.is_enabled = True
        self._changed(GUID_DEVICE_INTERFACE_ARRIVAL, interface.interface_class, interface.name)
        return STATUS_SUCCESS

    def _disable(self, interface: DeviceInterface) -> None:
        interface.is_enabled = False
        link = interface.link_name
        if not any(each.is_enabled and each.link_name == link for each in self._interfaces.values()):
            object_manager.value.namespace.remove_link(link)
        self._changed(GUID_DEVICE_INTERFACE_REMOVAL, interface.interface_class, interface.name)


def _kernel_form(name: str) -> str:
    return _PREFIX + name[4:] if name.startswith("\\\\?\\") else name
