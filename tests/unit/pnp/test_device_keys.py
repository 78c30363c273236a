# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The registry keys of devices and of their interfaces."""

from __future__ import annotations

import pytest

from dirql import wdm
from dirql.ke.bugcheck import BugCheck
from dirql.machine import Machine
from fakes.pci_function import FakeFunction
from unit.cm.registry import as_driver, create_key, open_key, set_value, value_names, value_of, wide
from unit.pnp.conftest import Opener
from unit.pnp.recorder import Recorder
from unit.pnp.test_interfaces import CLASS, OTHER, register
from unit.po.stacks import Passing

SET = r"\REGISTRY\MACHINE\SYSTEM\ControlSet001"
DEVICE, DRIVER = wdm.PLUGPLAY_REGKEY_DEVICE, wdm.PLUGPLAY_REGKEY_DRIVER
PROFILE = wdm.PLUGPLAY_REGKEY_CURRENT_HWPROFILE
SETUP_CLASS = "{4d36e978-e325-11ce-bfc1-08002be10318}"


class ClassRecorder(Recorder):
    CLASS_GUID = SETUP_CLASS


def started(open_bus: Opener, recorder: Recorder | None = None) -> tuple[Machine, wdm.DEVICE_OBJECT]:
    machine = open_bus(FakeFunction(bars=((0x0, 4096),)))
    own = recorder or Recorder()
    machine.load_driver(own)
    assert own.physical is not None
    return machine, own.physical


def opened(status_and_handle: tuple[int, int | None]) -> int:
    status, handle = status_and_handle
    assert handle is not None, hex(status)
    return handle


def path_of(machine: Machine, handle: int) -> str:
    entry = machine.objects.handles.entry(handle)
    assert entry is not None
    return repr(entry.object.body).removeprefix("<key ").removesuffix(">")


def test_REG_16_the_hardware_key_is_below_enum(open_bus: Opener) -> None:
    machine, physical = started(open_bus)
    key = opened(wdm.IoOpenDeviceRegistryKey(physical, DEVICE, wdm.KEY_ALL_ACCESS))
    instance = machine.devices[0].instance_path
    assert path_of(machine, key) == rf"{SET}\Enum\{instance}\Device Parameters"
    set_value(key, "Depth", wdm.REG_DWORD, b"\1\0\0\0")
    again = opened(wdm.IoOpenDeviceRegistryKey(physical, DEVICE, wdm.KEY_READ))
    assert value_of(again, "Depth") == (wdm.REG_DWORD, b"\1\0\0\0")
    assert wdm.ZwSetValueKey(again, "x", 0, 0, None, 0) == wdm.STATUS_ACCESS_DENIED
    create_key("Kept", key)  # which a volatile key would not have


def test_REG_16_the_software_key_is_below_the_class(open_bus: Opener) -> None:
    machine, physical = started(open_bus, ClassRecorder())
    create_key(rf"{SET}\Control\Class\{SETUP_CLASS}")
    create_key(rf"{SET}\Control\Class\{SETUP_CLASS}\0000")
    handles = [opened(wdm.IoOpenDeviceRegistryKey(physical, DRIVER, wdm.KEY_READ)) for _ in range(2)]
    paths = {path_of(machine, each).upper() for each in handles}
    assert paths == {rf"{SET}\Control\Class\{SETUP_CLASS}\0001".upper()}
    hardware = open_key(rf"{SET}\Enum\{machine.devices[0].instance_path}")
    assert value_of(hardware, "Driver") == (wdm.REG_SZ, wide(rf"{SETUP_CLASS}\0001"))
    assert value_names(hardware) == ["Driver", "ClassGUID"]


def test_REG_16_a_device_without_a_class_has_no_software_key(open_bus: Opener) -> None:
    _, physical = started(open_bus)
    missing = (wdm.STATUS_OBJECT_NAME_NOT_FOUND, None)
    assert wdm.IoOpenDeviceRegistryKey(physical, DRIVER, wdm.KEY_READ) == missing


@pytest.mark.parametrize("kind", [DEVICE, DRIVER])
def test_REG_16_the_hardware_profile_has_keys_of_its_own(open_bus: Opener, kind: int) -> None:
    machine, physical = started(open_bus, ClassRecorder())
    plain = opened(wdm.IoOpenDeviceRegistryKey(physical, kind, wdm.KEY_READ))
    own = opened(wdm.IoOpenDeviceRegistryKey(physical, kind | PROFILE, wdm.KEY_READ))
    below = path_of(machine, plain).removeprefix(SET)
    assert path_of(machine, own) == rf"{SET}\Hardware Profiles\Current\System\CurrentControlSet{below}"


def test_REG_16_a_wrong_device_or_kind_is_refused(open_bus: Opener) -> None:
    recorder = Recorder()
    _, physical = started(open_bus, recorder)
    for kind in (0, PROFILE, DEVICE | DRIVER, 8):
        wrong = (wdm.STATUS_INVALID_PARAMETER, None)
        assert wdm.IoOpenDeviceRegistryKey(physical, kind, wdm.KEY_READ) == wrong
    assert recorder.device is not None
    refused = (wdm.STATUS_INVALID_DEVICE_REQUEST, None)
    assert wdm.IoOpenDeviceRegistryKey(recorder.device, DEVICE, wdm.KEY_READ) == refused


@pytest.mark.parametrize("reference", [None, "port"])
def test_REG_16_an_interface_has_a_key(open_bus: Opener, reference: str | None) -> None:
    recorder = Recorder()
    machine, _ = started(open_bus, recorder)
    name = register(recorder, CLASS, reference)
    key = opened(wdm.IoOpenDeviceInterfaceRegistryKey(name, wdm.KEY_ALL_ACCESS))
    guid = str(CLASS).lower()
    link = "##?#" + machine.devices[0].instance_path.replace("\\", "#") + f"#{guid}"
    own = rf"#{reference or ''}\Device Parameters"
    assert path_of(machine, key) == rf"{SET}\Control\DeviceClasses\{guid}\{link}\{own}"
    set_value(key, "x", wdm.REG_DWORD, b"\1\0\0\0")
    other = opened(wdm.IoOpenDeviceInterfaceRegistryKey(register(recorder, OTHER), wdm.KEY_READ))
    assert value_names(other) == []
    missing = (wdm.STATUS_OBJECT_NAME_NOT_FOUND, None)
    assert wdm.IoOpenDeviceInterfaceRegistryKey(name + "x", wdm.KEY_READ) == missing


def test_REG_16_the_handles_of_a_driver_are_the_kernels(open_bus: Opener) -> None:
    recorder = Recorder()
    _, physical = started(open_bus, recorder)
    name = register(recorder)
    handles: list[int] = []

    def open_both() -> None:
        handles.append(opened(wdm.IoOpenDeviceRegistryKey(physical, DEVICE, wdm.KEY_READ)))
        handles.append(opened(wdm.IoOpenDeviceInterfaceRegistryKey(name, wdm.KEY_READ)))
        assert [value_names(handle) for handle in handles] == [[], []]

    as_driver(open_both)
    buffer = wdm.ExAllocatePool2(wdm.POOL_FLAG_PAGED, 64, wdm.POOL_TAG("Test"))
    for handle in handles:
        status, _ = wdm.ZwQueryKey(handle, wdm.KeyBasicInformation, buffer, 64)
        assert status == wdm.STATUS_INVALID_HANDLE


def test_REG_16_the_level_is_checked(open_bus: Opener) -> None:
    _, physical = started(open_bus)

    def raised() -> None:
        wdm.KeRaiseIrql(wdm.APC_LEVEL)
        wdm.IoOpenDeviceRegistryKey(physical, DEVICE, wdm.KEY_READ)

    with pytest.raises(BugCheck, match="IoOpenDeviceRegistryKey must be called at PASSIVE_LEVEL") as stopped:
        as_driver(raised)
    assert stopped.value.parameters[0] == 0x20023


@pytest.mark.parametrize(
    ("property_number", "name"),
    [
        (wdm.DevicePropertyFriendlyName, "FriendlyName"),
        (wdm.DevicePropertyManufacturer, "Mfg"),
        (wdm.DevicePropertyClassName, "Class"),
        (wdm.DevicePropertyDriverKeyName, "Driver"),
        (wdm.DevicePropertyContainerID, "ContainerID"),
    ],
)
def test_a_property_stands_in_the_hardware_key(open_bus: Opener, property_number: int, name: str) -> None:
    machine, physical = started(open_bus)
    buffer = wdm.ExAllocatePool2(wdm.POOL_FLAG_PAGED, 64, wdm.POOL_TAG("Test"))
    assert buffer is not None
    missing = (wdm.STATUS_OBJECT_NAME_NOT_FOUND, 0)
    assert wdm.IoGetDeviceProperty(physical, property_number, 64, buffer) == missing
    machine.registry.ensure(rf"{SET}\Enum\{machine.devices[0].instance_path}")
    set_value(open_key(rf"{SET}\Enum\{machine.devices[0].instance_path}"), name, wdm.REG_SZ, wide("text"))
    assert wdm.IoGetDeviceProperty(physical, property_number, 64, buffer) == (wdm.STATUS_SUCCESS, 10)
    assert wdm.RtlReadMemory(buffer, 10) == wide("text")


class Plain(Passing):
    """A driver that may have several devices."""

    HARDWARE_IDS = Recorder.HARDWARE_IDS


def listed(machine: Machine) -> list[str]:
    """The devices in the key Enum of the plain driver's service, whose Count must be their number."""
    enum = machine.registry.find(rf"{SET}\Services\Plain\Enum")
    assert enum is not None
    values = {value.name: value.data for value in enum.values()}
    count = int.from_bytes(values.pop("Count"), "little")
    assert int.from_bytes(values.pop("NextInstance"), "little") == count
    assert sorted(values) == [str(number) for number in range(count)]
    return [values[str(number)].decode("utf-16-le").rstrip("\0") for number in range(count)]


def test_REG_12_the_list_of_a_services_devices_follows_them(open_bus: Opener) -> None:
    first, second = (FakeFunction(device=place, bars=((0x0, 4096),)) for place in (1, 2))
    machine = open_bus(first, second)
    machine.load_driver(Plain([]))
    nodes = machine.devices
    paths = [node.instance_path for node in nodes]
    assert listed(machine) == paths
    assert machine.pnp.disable(nodes[0]) is None
    assert listed(machine) == paths[1:]
    machine.pnp.enable(nodes[0])
    assert listed(machine) == paths
    machine.pnp.surprise_remove(nodes[1])
    assert listed(machine) == paths[:1]
    machine.unload_driver(machine.io.drivers["Plain"])
    assert listed(machine) == []
