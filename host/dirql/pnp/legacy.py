# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
r"""The routines with which drivers claim resources of devices that no bus has reported, as those of NT 4 do.

Claims stand in the registry too, in \Registry\Machine\Hardware\ResourceMap.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from dirql.cm.registry import MACHINE, running as registry
from dirql.io.objects import DeviceObject, DriverObject
from dirql.ke.processors.contract import KeptContract, contract
from dirql.ke.refusals import note_refusal
from dirql.nt.addresses import PhysicalAddress
from dirql.nt.constants import (
    IO_RESOURCE_ALTERNATIVE,
    REG_RESOURCE_LIST,
    CmResourceTypeDma,
    CmResourceTypeInterrupt,
    CmResourceTypeMemory,
    CmResourceTypePort,
    PCIBus,
)
from dirql.nt.ntstatus import nt_success
from dirql.nt.resources import (
    CmFullResourceDescriptor,
    CmPartialResourceDescriptor,
    CmPartialResourceList,
    CmResourceData,
    CmResourceDma,
    CmResourceInterrupt,
    CmResourceList,
    CmResourceRange,
    IoResourceDescriptor,
    IoResourceRange,
    IoResourceRequirementsList,
)
from dirql.nt.status import (
    STATUS_CONFLICTING_ADDRESSES,
    STATUS_INVALID_PARAMETER,
    STATUS_NO_SUCH_DEVICE,
    STATUS_SUCCESS,
)
from dirql.pnp.claims import ClaimTable, Conflict, descriptors_of, extent
from dirql.pnp.device_keys import note_devices
from dirql.pnp.node import DeviceNode
from dirql.pnp.range_arbiter import ResourceConflict
from dirql.pnp.removal import release
from dirql.pnp.resource_bytes import resource_list_bytes
from dirql.pnp.states import NodeEvent, NodeState
from dirql.pnp.stopping import send_start
from dirql.pnp.tree import running
from dirql.rtl.strings import UnicodeText, unicode_text

__all__ = [
    "assign_resources",
    "assign_slot_resources",
    "claim_for_detected",
    "report_resource_for_detection",
    "report_resource_usage",
]

_USAGE: Final = contract("IoReportResourceUsage")
_DETECTION: Final = contract("IoReportResourceForDetection")
_ASSIGN: Final = contract("IoAssignResources")
_ASSIGN_SLOT: Final = contract("HalAssignSlotResources")

_RESOURCE_MAP: Final = MACHINE + r"\HARDWARE\RESOURCEMAP"
_OTHER_DRIVERS: Final = "OtherDrivers"
_ANY_PROCESSOR: Final = (1 << 64) - 1


def report_resource_usage(
    driver_class_name: UnicodeText | None,
    driver_object: DriverObject,
    driver_list: CmResourceList | None,
    driver_list_size: int,
    device_object: DeviceObject | None,
    device_list: CmResourceList | None,
    device_list_size: int,
    override_conflict: int,
) -> tuple[int, bool]:
    """Claim resources for a driver or for a device: (status, ConflictDetected); follows IoReportResourceUsage.

    A list takes the place of the one before, and one without elements takes the claim back. A resource that others use
    already, and that is not shared, is a conflict: STATUS_CONFLICTING_ADDRESSES, and nothing is claimed, unless
    `override_conflict`.
    """
    _USAGE.check_with(driver_class_name, driver_object, driver_list, device_object, device_list)
    _USAGE.check_arguments(
        driver_class_name,
        driver_object,
        driver_list,
        driver_list_size,
        device_object,
        device_list,
        device_list_size,
        override_conflict,
    )
    name = _OTHER_DRIVERS if driver_class_name is None else unicode_text(driver_class_name)
    return _report(
        _USAGE, name, driver_object, driver_list, device_object, device_list, override=bool(override_conflict)
    )


def report_resource_for_detection(
    driver_object: DriverObject,
    driver_list: CmResourceList | None,
    driver_list_size: int,
    device_object: DeviceObject | None,
    device_list: CmResourceList | None,
    device_list_size: int,
) -> tuple[int, bool]:
    """Claim resources before a driver looks for a device: (status, ConflictDetected).

    Follows IoReportResourceForDetection: as `report_resource_usage` without an override.
    """
    _DETECTION.check_with(driver_object, driver_list, device_object, device_list)
    _DETECTION.check_arguments(
        driver_object, driver_list, driver_list_size, device_object, device_list, device_list_size
    )
    return _report(
        _DETECTION, "PnpManager", driver_object, driver_list, device_object, device_list, override=False
    )


def _report(
    kept: KeptContract,
    class_name: str,
    driver: DriverObject,
    driver_list: CmResourceList | None,
    device: DeviceObject | None,
    device_list: CmResourceList | None,
    *,
    override: bool,
) -> tuple[int, bool]:
    owner: object = driver if device_list is None else device
    resources = driver_list if device_list is None else device_list
    if resources is None or owner is None:
        what = "a DriverList, or a DeviceObject with a DeviceList"
        note_refusal(STATUS_INVALID_PARAMETER, f"{kept.stated.routine} needs {what}")
        return STATUS_INVALID_PARAMETER, False
    tree = running.value
    with tree.lock:
        found = tree.claims.conflict(owner, driver, descriptors_of(resources))
        if found is not None:
            note_refusal(STATUS_CONFLICTING_ADDRESSES, str(found))
            if not override:
                return STATUS_CONFLICTING_ADDRESSES, True
        _claim(tree.claims, class_name, owner, driver, resources if resources.list else None)
    return STATUS_SUCCESS, found is not None


def _claim(
    claims: ClaimTable, class_name: str, owner: object, driver: DriverObject, resources: CmResourceList | None
) -> None:
    """Claim resources, and write them into the registry."""
    claims.claim(owner, driver, resources)
    keys = registry.value
    key = keys.ensure(rf"{_RESOURCE_MAP}\{class_name}\{driver.driver_extension.service_key_name}")
    name = owner.name if isinstance(owner, DeviceObject) else ""
    for kind in ("Raw", "Translated"):
        if resources is None:
            keys.delete_value(key, f"{name}.{kind}")
        else:
            keys.set_value(key, f"{name}.{kind}", REG_RESOURCE_LIST, resource_list_bytes(resources))


def claim_for_detected(node: DeviceNode, driver: DriverObject, resources: CmResourceList) -> Conflict | None:
    """Why a device that a driver has detected cannot have its resources; None if it can."""
    claims = running.value.claims
    return claims.conflict(node.physical_device_object, driver, _not_claimed(claims, driver, resources))


def _not_claimed(
    claims: ClaimTable, driver: DriverObject, resources: CmResourceList
) -> list[CmPartialResourceDescriptor]:
    """The resources without those that the driver has claimed already, for all of its devices."""
    own = descriptors_of(claims.of(driver))
    return [each for each in descriptors_of(resources) if each not in own]


# Assignment.


def assign_resources(
    registry_path: UnicodeText,
    driver_class_name: UnicodeText | None,
    driver_object: DriverObject,
    device_object: DeviceObject | None,
    requested_resources: IoResourceRequirementsList | None,
) -> tuple[int, CmResourceList | None]:
    """Choose and claim resources for a driver or for its device: (status, list); follows IoAssignResources.

    The first of the alternative lists that fits is taken; of a range the lowest place, of lines and channels the lowest
    number. Without requirements the claim is taken back. STATUS_CONFLICTING_ADDRESSES if no list fits.
    """
    _ASSIGN.check_with(registry_path, driver_object, device_object, requested_resources)
    _ASSIGN.check_arguments(
        registry_path, driver_class_name, driver_object, device_object, requested_resources
    )
    tree = running.value
    name = _OTHER_DRIVERS if driver_class_name is None else unicode_text(driver_class_name)
    owner: object = driver_object if device_object is None else device_object
    with tree.lock:
        if requested_resources is None:
            _claim(tree.claims, name, owner, driver_object, None)
            return STATUS_SUCCESS, None
        for each in requested_resources.list:
            found = _assign(tree.claims, owner, driver_object, each.descriptors)
            if found is not None:
                partial = CmPartialResourceList(tuple(found))
                bus = requested_resources.interface_type, requested_resources.bus_number
                resources = CmResourceList((CmFullResourceDescriptor(*bus, partial),))
                _claim(tree.claims, name, owner, driver_object, resources)
                return STATUS_SUCCESS, resources
    note_refusal(STATUS_CONFLICTING_ADDRESSES, "no list of the requirements is free of conflicts")
    return STATUS_CONFLICTING_ADDRESSES, None


def _assign(
    claims: ClaimTable, owner: object, driver: DriverObject, wanted: Sequence[IoResourceDescriptor]
) -> list[CmPartialResourceDescriptor] | None:
    """A resource for each requirement, None if one cannot be had."""
    groups: list[list[IoResourceDescriptor]] = []
    for requirement in wanted:
        if requirement.option & IO_RESOURCE_ALTERNATIVE and groups:
            groups[-1].append(requirement)
        else:
            groups.append([requirement])
    found: list[CmPartialResourceDescriptor] = []
    for group in groups:
        each = next(_free(claims, owner, driver, group, found), None)
        if each is None:
            return None
        found.append(each)
    return found


def _free(
    claims: ClaimTable,
    owner: object,
    driver: DriverObject,
    group: Iterable[IoResourceDescriptor],
    beside: Sequence[CmPartialResourceDescriptor],
) -> Iterator[CmPartialResourceDescriptor]:
    """The resources that would do for a requirement or for one of its alternatives, the first ones first."""
    for requirement in group:
        skip: tuple[int, int] | None = (0, 0)
        while skip is not None:
            candidate = _place(requirement, skip[1])
            if candidate is None:
                break
            start, end = extent(candidate)
            own = (extent(each) for each in beside if each.type == candidate.type)
            skip = next(((first, last) for first, last in own if start < last and first < end), None)
            if skip is None:
                conflict = claims.conflict(owner, driver, (candidate,))
                if conflict is None:
                    yield candidate
                    return
                skip = extent(conflict.held)


def _place(wanted: IoResourceDescriptor, above: int) -> CmPartialResourceDescriptor | None:
    """The lowest resource that a requirement allows, at or above a number."""
    where = wanted.u
    data: CmResourceData | None = None
    if wanted.type in (CmResourceTypeMemory, CmResourceTypePort):
        limits = where.memory if wanted.type == CmResourceTypeMemory else where.port
        found = _range(limits, above)
        if found is not None:
            is_memory = wanted.type == CmResourceTypeMemory
            data = CmResourceData(memory=found) if is_memory else CmResourceData(port=found)
    elif wanted.type == CmResourceTypeInterrupt:
        vector = max(above, where.interrupt.minimum_vector)
        if vector <= where.interrupt.maximum_vector:
            data = CmResourceData(interrupt=CmResourceInterrupt(vector, vector, _ANY_PROCESSOR))
    elif wanted.type == CmResourceTypeDma:
        channel = max(above, where.dma.minimum_channel)
        if channel <= where.dma.maximum_channel:
            data = CmResourceData(dma=CmResourceDma(channel))
    if data is None:
        return None
    return CmPartialResourceDescriptor(wanted.type, wanted.share_disposition, wanted.flags, data)


def _range(limits: IoResourceRange, above: int) -> CmResourceRange | None:
    alignment = max(limits.alignment, 1)
    start = -(-max(above, limits.minimum_address) // alignment) * alignment
    if start + limits.length > limits.maximum_address + 1:
        return None
    return CmResourceRange(PhysicalAddress(start), limits.length)


def assign_slot_resources(
    registry_path: UnicodeText,
    driver_class_name: UnicodeText | None,
    driver_object: DriverObject,
    device_object: DeviceObject | None,
    bus_type: int,
    bus_number: int,
    slot_number: int,
) -> tuple[int, CmResourceList | None]:
    """Give the device in a slot of a PCI bus its resources, and switch it on: (status, its resources).

    Follows HalAssignSlotResources. The device must have no driver, and has this one from then on.
    STATUS_NO_SUCH_DEVICE if the slot is empty, STATUS_CONFLICTING_ADDRESSES if the device is in use or no resources are
    left.
    """
    _ASSIGN_SLOT.check_with(registry_path, driver_object, device_object)
    _ASSIGN_SLOT.check_arguments(
        registry_path, driver_class_name, driver_object, device_object, bus_type, bus_number, slot_number
    )
    tree = running.value
    with tree.lock:
        node = _in_slot(tree.root, bus_number, slot_number) if bus_type == PCIBus else None
        if node is None:
            return STATUS_NO_SUCH_DEVICE, None
        if node.state is NodeState.STARTED and node.driver is driver_object:
            return STATUS_SUCCESS, node.raw
        if node.driver is not None or node.state not in (NodeState.INITIALIZED, NodeState.REMOVED):
            note_refusal(STATUS_CONFLICTING_ADDRESSES, f"{node.name} is in use by {node.driver!r}")
            return STATUS_CONFLICTING_ADDRESSES, None
        try:
            tree.resources.assign(node)
        except ResourceConflict as conflict:
            note_refusal(STATUS_CONFLICTING_ADDRESSES, str(conflict))
            return STATUS_CONFLICTING_ADDRESSES, None
        node.driver, node.drivers = driver_object, [driver_object]
        node.advance(NodeEvent.ADD_DRIVER)
        node.advance(NodeEvent.ASSIGN_RESOURCES)
        status = send_start(node)
        if not nt_success(status):
            release(node)
            node.advance(NodeEvent.FAIL)
            return status, None
        node.advance(NodeEvent.START)
        note_devices(driver_object)
        return STATUS_SUCCESS, node.raw


def _in_slot(root: DeviceNode, bus_number: int, slot_number: int) -> DeviceNode | None:
    """The device of a PCI bus at a PCI_SLOT_NUMBER."""
    for node in root.descendants():
        wanted = node.requirements
        if wanted is not None and (wanted.bus_number, wanted.slot_number) == (bus_number, slot_number):
            return node
    return None
