# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""A device gets its drivers, is started with its resources, and is asked for the devices on its bus (row PNP-01)."""

from __future__ import annotations

from copy import deepcopy
from typing import NoReturn

from dirql.io.driver_fields import check_members
from dirql.io.objects import DeviceObject, DriverObject
from dirql.ke.defects import report_defect
from dirql.ke.guard import ADD_DEVICE, call_driver
from dirql.ke.origin import origin_of_routine
from dirql.ke.threads.kernel_call import KernelCall
from dirql.nt.constants import (
    DO_BUFFERED_IO,
    DO_DEVICE_INITIALIZING,
    DO_DIRECT_IO,
    IRP_MN_QUERY_PNP_DEVICE_STATE,
    IRP_MN_REMOVE_DEVICE,
    PNP_DEVICE_DISABLED,
    PNP_DEVICE_FAILED,
    PNP_DEVICE_REMOVED,
)
from dirql.nt.ntstatus import nt_success
from dirql.nt.status import STATUS_SUCCESS, STATUS_UNSUCCESSFUL
from dirql.pnp.device_keys import note_devices
from dirql.pnp.driver_table import FunctionDriver
from dirql.pnp.enumeration import enumerate_children, filter_requirements, query_capabilities
from dirql.pnp.node import DeviceError, DeviceNode
from dirql.pnp.range_arbiter import ResourceConflict
from dirql.pnp.registry_filters import filters_of
from dirql.pnp.removal import force_removal, release, removed_with, surprise_remove, take_away
from dirql.pnp.states import NodeEvent, NodeState
from dirql.pnp.stopping import make_room, send_start
from dirql.pnp.tree import running

__all__ = [
    "UNUSABLE",
    "add_drivers",
    "enumerate_bus",
    "query_state",
    "start_alone",
    "start_device",
    "state_problem",
]

_TWO_WAYS = DO_BUFFERED_IO | DO_DIRECT_IO
UNUSABLE = PNP_DEVICE_FAILED | PNP_DEVICE_REMOVED | PNP_DEVICE_DISABLED
"""The bits of PNP_DEVICE_STATE with which a device is taken from its drivers."""


def add_drivers(node: DeviceNode, function: FunctionDriver | None) -> None:
    """Call AddDevice of the drivers of the device, from the bottom of its stack to the top.

    Without a function driver the device gets its filters, and is used as it is (DEVICE_CAPABILITIES.RawDeviceOK).
    Raises `DeviceError` when one fails; the device has then no driver.
    """
    driver = None if function is None else function.driver
    node.interrupt = None if function is None else function.interrupt
    node.class_guid = "" if function is None else function.class_guid
    try:
        named = filters_of(node)
    except DeviceError as error:
        _take_back(node, error)
    for each in running.value.drivers.stack(node, driver, named):
        status = _call_add_device(each, node)
        if not nt_success(status):
            _take_back(node, DeviceError(node.name, f"AddDevice of {each!r}", status))
        node.drivers.append(each)
    node.driver = driver
    if driver is not None:
        note_devices(driver)
    node.problem = None
    node.advance(NodeEvent.ADD_DRIVER)


def start_device(node: DeviceNode) -> None:
    """Start a device whose drivers are added, and the devices on its bus that have drivers.

    Raises `DeviceError` or `ResourceConflict`; the device has then no driver.
    """
    tree = running.value
    try:
        before = deepcopy(node.wanted_resources)
        filter_requirements(node)
        if node.wanted_resources != before:
            tree.resources.replace(node)
        tree.resources.assign(node)
    except ResourceConflict as conflict:
        _take_back(node, conflict)
    node.advance(NodeEvent.ASSIGN_RESOURCES)
    status = send_start(node)
    if not nt_success(status):
        _take_back(node, DeviceError(node.name, "IRP_MN_START_DEVICE", status))
    node.advance(NodeEvent.START)
    query_capabilities(node)
    state = query_state(node)
    if state & UNUSABLE:
        node.problem = problem = state_problem(node, state)
        surprise_remove(removed_with(node))
        raise problem
    try:
        enumerate_bus(node, is_first=True)
    except ResourceConflict:
        force_removal(node)
        raise


def state_problem(node: DeviceNode, state: int) -> DeviceError:
    """The error of a device whose drivers report that it cannot be used."""
    names = {
        PNP_DEVICE_FAILED: "PNP_DEVICE_FAILED",
        PNP_DEVICE_REMOVED: "PNP_DEVICE_REMOVED",
        PNP_DEVICE_DISABLED: "PNP_DEVICE_DISABLED",
    }
    told = " and ".join(name for bit, name in names.items() if state & bit)
    return DeviceError(
        node.name, f"IRP_MN_QUERY_PNP_DEVICE_STATE reported {told}, and the start", STATUS_UNSUCCESSFUL
    )


def query_state(node: DeviceNode) -> int:
    """Ask for the state of a device, bits PNP_DEVICE_…."""
    request = node.send(IRP_MN_QUERY_PNP_DEVICE_STATE)
    node.pnp_state = request.information if nt_success(request.status) else 0
    return node.pnp_state


def enumerate_bus(node: DeviceNode, *, is_first: bool = False) -> None:
    """Ask a started device for the devices on its bus, take away those that are gone, and start those that are new.

    Devices are moved if that makes room for new ones. If it does not, the new ones get the conflict as their problem.
    When the bus is asked for the first time, the conflict is raised.
    """
    changes = enumerate_children(node)
    for gone in changes.gone:
        take_away(gone)
    resources = running.value.resources
    try:
        resources.place(node, changes.new)
    except ResourceConflict as conflict:
        if is_first:
            raise
        if not make_room(node, changes.new):
            for each in changes.new:
                each.problem = conflict
                each.advance(NodeEvent.FAIL)
            return
    for each in changes.new:
        start_alone(each)


def start_alone(node: DeviceNode) -> None:
    """Give a new device the best of the loaded drivers, if one is for it; an error is noted as its problem."""
    if node.is_disabled or node.state not in (NodeState.INITIALIZED, NodeState.REMOVED, NodeState.FAILED):
        return
    function = running.value.drivers.choose(node)
    if function is None and not node.capabilities.raw_device_ok:
        return
    try:
        add_drivers(node, function)
        start_device(node)
    except (DeviceError, ResourceConflict) as error:
        node.problem = error


def _take_back(node: DeviceNode, error: Exception) -> NoReturn:
    """Take a device that cannot be started from its drivers, and raise `error`."""
    node.send(IRP_MN_REMOVE_DEVICE)
    running.value.interfaces.disable_all(node)
    release(node)
    node.fail(error)


def _call_add_device(driver: DriverObject, node: DeviceNode) -> int:
    """The status of the driver's AddDevice; a driver without one has nothing to add to the stack."""
    add_device = driver.driver_extension.add_device
    if add_device is None:
        return STATUS_SUCCESS
    with KernelCall():
        status = call_driver(ADD_DEVICE, driver, add_device, driver, node.physical_device_object)
    check_members(driver, add_device)
    device = node.physical_device_object
    while device.attached_device is not None:
        device = device.attached_device
    if nt_success(status) and device.driver_object is driver:
        _check_flags(device, origin_of_routine(add_device))
    return status


def _check_flags(device: DeviceObject, add_device: object) -> None:
    """Report a device object that nobody can open, or that asks for two ways to get the buffers of programs."""
    where = f"{device!r}, made in {add_device or 'AddDevice'}"
    if device.flags & DO_DEVICE_INITIALIZING:
        report_defect(
            "DEV-02",
            f"AddDevice must clear DO_DEVICE_INITIALIZING of its device object at the end; it was still set for"
            f" {where}: write device.flags &= ~DO_DEVICE_INITIALIZING, since nobody can open the device before",
        )
    if device.flags & _TWO_WAYS == _TWO_WAYS:
        report_defect(
            "DEV-12",
            f"a device object must have DO_BUFFERED_IO or DO_DIRECT_IO in its flags, or neither; both were set for"
            f" {where}: set the one that the driver is written for, since reads and writes are buffered with both",
        )
