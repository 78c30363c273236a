# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Drivers report that something is new about a device (IoInvalidateDeviceRelations and so on).

The manager acts on it later, in a thread of its own at PASSIVE_LEVEL.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from dirql.io.objects import DeviceObject, DriverObject
from dirql.ke.guard import CALLBACK, call_driver, current_driver
from dirql.ke.processors.contract import KeptContract, contract
from dirql.ke.refusals import note_refusal
from dirql.nt.constants import BusRelations, EjectionRelations, Internal, PowerRelations, SingleBusRelations
from dirql.nt.plug_and_play import (
    GUID_TARGET_DEVICE_QUERY_REMOVE,
    GUID_TARGET_DEVICE_REMOVE_CANCELLED,
    GUID_TARGET_DEVICE_REMOVE_COMPLETE,
)
from dirql.nt.resources import CmResourceList, IoResourceRequirementsList
from dirql.nt.status import (
    STATUS_CONFLICTING_ADDRESSES,
    STATUS_INVALID_DEVICE_REQUEST,
    STATUS_INVALID_PARAMETER,
    STATUS_PENDING,
    STATUS_SUCCESS,
)
from dirql.pnp.actions import check_state, eject_device, queue_action, rescan_bus
from dirql.pnp.device_keys import note_devices
from dirql.pnp.legacy import claim_for_detected
from dirql.pnp.node import DeviceNode, node_of
from dirql.pnp.notices import TargetDeviceCustomNotification
from dirql.pnp.physical_device import require_node
from dirql.pnp.root import forget_detected_device, make_detected_device
from dirql.pnp.states import NodeEvent
from dirql.pnp.tree import running

__all__ = [
    "invalidate_device_relations",
    "invalidate_device_state",
    "report_detected_device",
    "report_target_device_change",
    "report_target_device_change_asynchronous",
    "request_device_eject",
]

_RELATIONS: Final = contract("IoInvalidateDeviceRelations")
_STATE: Final = contract("IoInvalidateDeviceState")
_EJECT: Final = contract("IoRequestDeviceEject")
_CHANGE: Final = contract("IoReportTargetDeviceChange")
_CHANGE_LATER: Final = contract("IoReportTargetDeviceChangeAsynchronous")
_DETECTED: Final = contract("IoReportDetectedDevice")

_OF_THE_SYSTEM: Final = (
    GUID_TARGET_DEVICE_QUERY_REMOVE,
    GUID_TARGET_DEVICE_REMOVE_CANCELLED,
    GUID_TARGET_DEVICE_REMOVE_COMPLETE,
)


def invalidate_device_relations(device_object: DeviceObject, type: int) -> None:
    """Have a bus asked for its devices again; follows IoInvalidateDeviceRelations.

    Other relations than BusRelations are asked for when they are needed, so that a change of them needs no action.
    """
    _RELATIONS.check(device_object)
    _RELATIONS.check_arguments(device_object, type)
    node = require_node("IoInvalidateDeviceRelations", device_object)
    if type in (BusRelations, SingleBusRelations):
        queue_action(rescan_bus, node)
    elif type not in (EjectionRelations, PowerRelations):
        what = "BusRelations, SingleBusRelations, EjectionRelations or PowerRelations"
        _RELATIONS.refuse_argument("Type", what, type)


def invalidate_device_state(physical_device_object: DeviceObject) -> None:
    """Have the drivers of a started device asked for its state; follows IoInvalidateDeviceState."""
    _STATE.check(physical_device_object)
    queue_action(check_state, require_node("IoInvalidateDeviceState", physical_device_object))


def request_device_eject(physical_device_object: DeviceObject) -> None:
    """Have a device removed and ejected, because its button was pressed; follows IoRequestDeviceEject."""
    _EJECT.check(physical_device_object)
    queue_action(eject_device, require_node("IoRequestDeviceEject", physical_device_object))


def report_target_device_change(physical_device_object: DeviceObject, notification_structure: object) -> int:
    """Tell of an event that the driver has defined, and return when all know it; follows IoReportTargetDeviceChange.

    STATUS_INVALID_DEVICE_REQUEST for an event of the system.
    """
    _CHANGE.check(physical_device_object)
    require_node("IoReportTargetDeviceChange", physical_device_object)
    notice = _custom_notice(_CHANGE, notification_structure)
    if notice.event in _OF_THE_SYSTEM:
        return STATUS_INVALID_DEVICE_REQUEST
    running.value.notifications.report(physical_device_object, notice)
    return STATUS_SUCCESS


def report_target_device_change_asynchronous(
    physical_device_object: DeviceObject,
    notification_structure: object,
    callback: Callable[[object], object] | None,
    context: object,
) -> int:
    """Do as `report_target_device_change`, later: STATUS_PENDING; follows IoReportTargetDeviceChangeAsynchronous.

    `callback(context)` is called when all know it.
    """
    _CHANGE_LATER.check(physical_device_object)
    _CHANGE_LATER.check_arguments(physical_device_object, notification_structure, callback, context)
    require_node("IoReportTargetDeviceChangeAsynchronous", physical_device_object)
    if callback is not None and not callable(callback):
        _CHANGE_LATER.refuse_argument("Callback", "a routine", callback)
    notice = _custom_notice(_CHANGE_LATER, notification_structure)
    if notice.event in _OF_THE_SYSTEM:
        return STATUS_INVALID_DEVICE_REQUEST
    driver = current_driver()
    tree = running.value

    def tell() -> None:
        tree.notifications.report(physical_device_object, notice)
        if callback is not None:
            call_driver(CALLBACK, driver, callback, context)

    tree.worker.queue(tell)
    return STATUS_PENDING


def _custom_notice(kept: KeptContract, notice: object) -> TargetDeviceCustomNotification:
    if not isinstance(notice, TargetDeviceCustomNotification):
        kept.refuse_argument("NotificationStructure", "a TARGET_DEVICE_CUSTOM_NOTIFICATION", notice)
    return notice


def report_detected_device(
    driver_object: DriverObject,
    legacy_bus_type: int,
    bus_number: int,
    slot_number: int,
    resource_list: CmResourceList | None,
    resource_requirements: IoResourceRequirementsList | None,
    resource_assigned: int,
    device_object: DeviceObject | None = None,
) -> tuple[int, DeviceObject | None]:
    """Add a device that the driver has found without a bus: (status, physical device object).

    Follows IoReportDetectedDevice. The manager makes the physical device object, unless the driver brings one along.
    The device is in use at once: the driver attaches its own device object to it, and gets neither AddDevice nor
    IRP_MN_START_DEVICE. Unless `resource_assigned`, the resources are claimed: STATUS_CONFLICTING_ADDRESSES if another
    device or driver has them. STATUS_INVALID_PARAMETER for a device object that is a physical one already.
    """
    _DETECTED.check_with(driver_object, resource_list, resource_requirements)
    _DETECTED.check_arguments(
        driver_object,
        legacy_bus_type,
        bus_number,
        slot_number,
        resource_list,
        resource_requirements,
        resource_assigned,
        None,
    )
    if device_object is not None and not isinstance(device_object, DeviceObject):
        _DETECTED.refuse_argument("DeviceObject", "a DEVICE_OBJECT or NULL", device_object)
    if device_object is not None and node_of(device_object) is not None:
        note_refusal(STATUS_INVALID_PARAMETER, f"{device_object!r} is a physical device object already")
        return STATUS_INVALID_PARAMETER, None
    tree = running.value
    with tree.lock:
        bus_type = _interface_type(resource_list, resource_requirements)
        node = make_detected_device(tree.root, driver_object, bus_type, device_object)
        if resource_list is not None and not resource_assigned:
            conflict = claim_for_detected(node, driver_object, resource_list)
            if conflict is not None:
                note_refusal(STATUS_CONFLICTING_ADDRESSES, str(conflict))
                forget_detected_device(node, made=device_object is None)
                return STATUS_CONFLICTING_ADDRESSES, None
        node.boot_resources, node.requirements = resource_list, resource_requirements
        node.raw = node.translated = resource_list
        _take_into_use(node, driver_object)
        tree.root.children.append(node)
        note_devices(driver_object)
    return STATUS_SUCCESS, node.physical_device_object


def _interface_type(resources: CmResourceList | None, requirements: IoResourceRequirementsList | None) -> int:
    """The bus of a detected device: the first one of its resources, Internal without any."""
    if resources is not None and resources.list:
        return resources.list[0].interface_type
    return Internal if requirements is None else requirements.interface_type


def _take_into_use(node: DeviceNode, driver: DriverObject) -> None:
    node.driver = driver
    node.drivers = [driver]
    for event in (NodeEvent.IDENTIFY, NodeEvent.ADD_DRIVER, NodeEvent.ASSIGN_RESOURCES, NodeEvent.START):
        node.advance(event)
