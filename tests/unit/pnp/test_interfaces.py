# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Device interfaces, by which programs find devices, and properties of devices."""

from __future__ import annotations

import struct

import pytest

from dirql.io.errors import IoError
from dirql.ke.bugcheck import BugCheck
from dirql.machine import Machine
from dirql.wdm import (
    DEVICE_INTERFACE_INCLUDE_NONACTIVE,
    GUID,
    GUID_BUS_TYPE_PCI,
    PAGE_SIZE,
    POOL_FLAG_PAGED,
    STATUS_BUFFER_TOO_SMALL,
    STATUS_INVALID_DEVICE_REQUEST,
    STATUS_INVALID_PARAMETER_2,
    STATUS_OBJECT_NAME_EXISTS,
    STATUS_OBJECT_NAME_NOT_FOUND,
    STATUS_SUCCESS,
    UNICODE_STRING,
    DevicePropertyAddress,
    DevicePropertyAllocatedResources,
    DevicePropertyBootConfiguration,
    DevicePropertyBusNumber,
    DevicePropertyBusTypeGuid,
    DevicePropertyClassGuid,
    DevicePropertyCompatibleIDs,
    DevicePropertyDeviceDescription,
    DevicePropertyEnumeratorName,
    DevicePropertyFriendlyName,
    DevicePropertyHardwareID,
    DevicePropertyInstallState,
    DevicePropertyLegacyBusType,
    DevicePropertyLocationInformation,
    DevicePropertyPhysicalDeviceObjectName,
    DevicePropertyRemovalPolicy,
    DevicePropertyResourceRequirements,
    DevicePropertyUINumber,
    ExAllocatePool2,
    ExFreePool,
    InstallStateInstalled,
    IoGetDeviceInterfaceAlias,
    IoGetDeviceInterfaces,
    IoGetDeviceProperty,
    IoRegisterDeviceInterface,
    IoSetDeviceInterfaceState,
    PCIBus,
    RemovalPolicyExpectNoRemoval,
    RtlFreeUnicodeString,
    RtlReadMemory,
)
from fakes.pci_function import FakeFunction
from unit.pnp.conftest import Opener
from unit.pnp.recorder import Recorder

CLASS = GUID(0x86E0D1E0, 0x8089, 0x11D0, bytes.fromhex("9CE408003E301F73"))
OTHER = GUID(0x4D36E978, 0xE325, 0x11CE, bytes.fromhex("BFC108002BE10318"))


def started(open_bus: Opener) -> tuple[Machine, Recorder]:
    machine = open_bus(FakeFunction(bars=((0x0, 4096),)))
    recorder = Recorder()
    machine.load_driver(recorder)
    return machine, recorder


def register(recorder: Recorder, guid: GUID = CLASS, reference: str | None = None) -> str:
    """Register an interface; the name."""
    assert recorder.physical is not None
    name = UNICODE_STRING()
    assert IoRegisterDeviceInterface(recorder.physical, guid, reference, name) == STATUS_SUCCESS
    text = str(name)
    RtlFreeUnicodeString(name)
    return text


def listed(guid: GUID, flags: int = 0) -> list[str]:
    status, address = IoGetDeviceInterfaces(guid, None, flags)
    assert status == STATUS_SUCCESS
    assert address is not None
    text = RtlReadMemory(address, 2).decode("utf-16-le")
    at = address
    while not text.endswith("\0\0") and text != "\0":
        at += 2
        text += RtlReadMemory(at, 2).decode("utf-16-le")
    ExFreePool(address)
    return [each for each in text.split("\0") if each]


@pytest.mark.row("PNP-20")
def test_PNP_20_the_name_of_an_interface(open_bus: Opener) -> None:
    machine, recorder = started(open_bus)
    path = machine.devices[0].instance_path
    assert path.startswith("PCI\\VEN_1234&DEV_D101&SUBSYS_")
    assert path.endswith("&0&01")
    name = register(recorder)
    assert name == rf"\??\{path.replace(chr(92), '#')}#{{86e0d1e0-8089-11d0-9ce4-08003e301f73}}"
    assert register(recorder) == name
    assert register(recorder, reference="port") == name + r"\port"


@pytest.mark.row("PNP-20")
def test_PNP_20_an_interface_is_opened_while_it_is_enabled(open_bus: Opener) -> None:
    machine, recorder = started(open_bus)
    name = register(recorder)
    with pytest.raises(IoError):
        machine.open(name)
    assert IoSetDeviceInterfaceState(name, False) == STATUS_OBJECT_NAME_NOT_FOUND
    assert IoSetDeviceInterfaceState(name, True) == STATUS_SUCCESS
    assert IoSetDeviceInterfaceState(name, True) == STATUS_OBJECT_NAME_EXISTS
    for form in (name, "\\\\?\\" + name[4:], name.upper()):
        with machine.open(form):
            assert machine.devices[0].open_files == 1
    assert IoSetDeviceInterfaceState(name, False) == STATUS_SUCCESS
    with pytest.raises(IoError):
        machine.open(name)
    assert IoSetDeviceInterfaceState(name + "x", True) == STATUS_OBJECT_NAME_NOT_FOUND


@pytest.mark.row("PNP-20")
def test_PNP_20_the_reference_string_comes_to_the_driver(open_bus: Opener) -> None:
    machine, recorder = started(open_bus)
    for reference in ("one", "two"):
        IoSetDeviceInterfaceState(register(recorder, reference=reference), True)
    with machine.open(register(recorder, reference="one")):
        (file,) = machine.io.open_files
        assert file.file_name == r"\one"
    IoSetDeviceInterfaceState(register(recorder, reference="one"), False)
    machine.open(register(recorder, reference="two")).close()


@pytest.mark.row("PNP-20")
def test_PNP_20_interfaces_go_with_the_device_and_are_registered_still(open_bus: Opener) -> None:
    machine, recorder = started(open_bus)
    name = register(recorder)
    IoSetDeviceInterfaceState(name, True)
    machine.pnp.surprise_remove(machine.devices[0])
    assert listed(CLASS) == []
    assert listed(CLASS, DEVICE_INTERFACE_INCLUDE_NONACTIVE) == [name]
    machine.pnp.enable(machine.devices[0])
    assert IoSetDeviceInterfaceState(name, True) == STATUS_SUCCESS


def test_the_interfaces_of_a_class(open_bus: Opener) -> None:
    _, recorder = started(open_bus)
    assert listed(CLASS) == []
    names = [register(recorder), register(recorder, reference="port")]
    for name in names:
        IoSetDeviceInterfaceState(name, True)
    register(recorder, OTHER)
    assert listed(CLASS) == names
    assert listed(OTHER) == []
    assert len(listed(OTHER, DEVICE_INTERFACE_INCLUDE_NONACTIVE)) == 1


def test_an_alias_has_the_same_device_and_reference(open_bus: Opener) -> None:
    _, recorder = started(open_bus)
    names = {
        (guid, reference): register(recorder, guid, reference)
        for guid in (CLASS, OTHER)
        for reference in (None, "port")
    }
    for reference in (None, "port"):
        alias = UNICODE_STRING()
        assert IoGetDeviceInterfaceAlias(names[CLASS, reference], OTHER, alias) == STATUS_SUCCESS
        assert str(alias) == names[OTHER, reference]
        RtlFreeUnicodeString(alias)
    unknown = GUID(1, 2, 3, bytes(8))
    alias = UNICODE_STRING()
    assert IoGetDeviceInterfaceAlias(names[CLASS, None], unknown, alias) == STATUS_OBJECT_NAME_NOT_FOUND


def test_an_interface_of_a_device_object_that_is_no_physical_one(open_bus: Opener) -> None:
    _, recorder = started(open_bus)
    assert recorder.device is not None
    assert recorder.physical is not None
    refused = STATUS_INVALID_DEVICE_REQUEST
    assert IoRegisterDeviceInterface(recorder.device, CLASS, None, UNICODE_STRING()) == refused
    for wrong in ("a\\b", "a/b"):
        assert IoRegisterDeviceInterface(recorder.physical, CLASS, wrong, UNICODE_STRING()) == refused


# Properties.


def read(recorder: Recorder, number: int) -> bytes:
    assert recorder.physical is not None
    address = ExAllocatePool2(POOL_FLAG_PAGED, PAGE_SIZE, 1)
    assert address is not None
    status, length = IoGetDeviceProperty(recorder.physical, number, PAGE_SIZE, address)
    assert status == STATUS_SUCCESS, hex(status)
    data = RtlReadMemory(address, length)
    ExFreePool(address)
    return data


def text(data: bytes) -> str:
    return data.decode("utf-16-le")


def test_properties_that_are_strings(open_bus: Opener) -> None:
    machine, recorder = started(open_bus)
    node = machine.devices[0]
    assert text(read(recorder, DevicePropertyHardwareID)).split("\0") == [*node.hardware_ids, "", ""]
    assert text(read(recorder, DevicePropertyCompatibleIDs)).split("\0") == [*node.compatible_ids, "", ""]
    assert text(read(recorder, DevicePropertyEnumeratorName)) == "PCI\0"
    assert text(read(recorder, DevicePropertyPhysicalDeviceObjectName)).startswith("\\Device\\0000")
    assert text(read(recorder, DevicePropertyDeviceDescription)).endswith("\0")
    assert text(read(recorder, DevicePropertyLocationInformation)) == "PCI bus 0, device 1, function 0\0"


def test_properties_that_are_numbers(open_bus: Opener) -> None:
    _, recorder = started(open_bus)
    numbers = {
        DevicePropertyAddress: 1 << 16,
        DevicePropertyBusNumber: 0,
        DevicePropertyLegacyBusType: PCIBus,
        DevicePropertyInstallState: InstallStateInstalled,
        DevicePropertyRemovalPolicy: RemovalPolicyExpectNoRemoval,
    }
    for number, value in numbers.items():
        assert struct.unpack("<I", read(recorder, number)) == (value,)
    first = struct.unpack("<IHH", read(recorder, DevicePropertyBusTypeGuid)[:8])
    assert first == (GUID_BUS_TYPE_PCI.data1, GUID_BUS_TYPE_PCI.data2, GUID_BUS_TYPE_PCI.data3)


def test_properties_that_are_resource_lists(open_bus: Opener) -> None:
    machine, recorder = started(open_bus)
    given = read(recorder, DevicePropertyAllocatedResources)
    assert struct.unpack_from("<IiIHHI", given) == (1, PCIBus, 0, 1, 1, 2)
    assert len(given) == 20 + 2 * 20
    start = machine.devices[0].ranges[0].u.memory.start
    assert struct.unpack_from("<BBHQI", given, 20) == (3, 1, 0, start, 4096)
    wanted = read(recorder, DevicePropertyResourceRequirements)
    assert struct.unpack_from("<IiII", wanted) == (len(wanted), PCIBus, 0, 1)
    assert struct.unpack_from("<IHHI", wanted, 28) == (1, 1, 1, 2)
    assert len(wanted) == 40 + 2 * 32
    assert struct.unpack_from("<BBBBHHIIQQ", wanted, 40)[6:] == (4096, 4096, 0, 0xFFFF_FFFF)


def test_properties_that_are_not_known_and_buffers_that_are_too_small(open_bus: Opener) -> None:
    machine, recorder = started(open_bus)
    assert recorder.physical is not None
    for number in (
        DevicePropertyFriendlyName,
        DevicePropertyClassGuid,
        DevicePropertyUINumber,
        DevicePropertyBootConfiguration,
    ):
        assert IoGetDeviceProperty(recorder.physical, number, 0, None) == (STATUS_OBJECT_NAME_NOT_FOUND, 0)
    status, length = IoGetDeviceProperty(recorder.physical, DevicePropertyBusNumber, 3, None)
    assert (status, length) == (STATUS_BUFFER_TOO_SMALL, 4)
    assert IoGetDeviceProperty(recorder.physical, 99, 0, None) == (STATUS_INVALID_PARAMETER_2, 0)
    assert recorder.device is not None
    with pytest.raises(BugCheck, match="physical device object that the Plug and Play manager") as stopped:
        IoGetDeviceProperty(recorder.device, DevicePropertyBusNumber, 4, None)
    assert (stopped.value.code, stopped.value.parameters[:2]) == (0xCA, (2, recorder.device))
    assert machine.kernel.stopped is stopped.value
