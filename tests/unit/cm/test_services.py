# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Services: their keys, loading by key, the start of the system, and the last known good control set."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from dirql import wdm
from dirql.ke.bugcheck import BugCheck
from dirql.ke.costs import Costs
from dirql.machine import LoadError, Machine, Service, open_machine
from fakes.pci_function import FakeFunction
from fakes.scripted_target import ScriptedTarget, Space
from unit.cm.registry import attributes, open_key, value_of, wide

SERVICES = r"\Registry\Machine\SYSTEM\CurrentControlSet\Services"
HEADER = "Windows Registry Editor Version 5.00\n"
BOOT, SYSTEM, AUTO = wdm.SERVICE_BOOT_START, wdm.SERVICE_SYSTEM_START, wdm.SERVICE_AUTO_START
SEVERE, CRITICAL = wdm.SERVICE_ERROR_SEVERE, wdm.SERVICE_ERROR_CRITICAL


class Driver:
    """A driver that notes when it is loaded, and fails on request."""

    def __init__(self, status: int = wdm.STATUS_SUCCESS) -> None:
        self.status = status
        self.paths: list[str] = []
        self.DriverEntry = self.enter

    def enter(self, driver: wdm.DRIVER_OBJECT, registry_path: str) -> int:
        self.paths.append(registry_path)
        driver.driver_unload = lambda _: None
        return self.status


def opened(drivers: Sequence[Driver | Service] = (), **options: Any) -> Machine:
    machine: Machine = open_machine(ScriptedTarget(), costs=Costs.free(), drivers=list(drivers), **options)
    return machine


def let_go(machine: Machine) -> None:
    machine.kernel.stop(RuntimeError("the test is over"))
    machine.close()


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder with drivers in files, which note that they were loaded in a file, one name in each line."""
    body = (
        "import sys\nfrom pathlib import Path\nfrom dirql.wdm import STATUS_SUCCESS, STATUS_UNSUCCESSFUL\n"
        "def DriverEntry(driver, path):\n"
        f"    with Path({str(tmp_path / 'loaded')!r}).open('a') as log:\n"
        "        log.write(path.rpartition('\\\\')[2] + '\\n')\n"
        "    driver.driver_unload = lambda _: None\n"
        "    return "
    )
    (tmp_path / "good.py").write_text(body + "STATUS_SUCCESS\n")
    (tmp_path / "bad.py").write_text(body + "STATUS_UNSUCCESSFUL\n")
    return tmp_path


def loaded(files: Path) -> list[str]:
    log = files / "loaded"
    return log.read_text().splitlines() if log.exists() else []


def service(name: str, control_set: str = "CurrentControlSet", **values: object) -> str:
    """A service's key in a registry file."""
    lines = [f"[HKLM\\SYSTEM\\{control_set}\\Services\\{name}]", '"Type"=dword:1']
    for value, given in values.items():
        text = f'"{given}"'
        if isinstance(given, int):
            text = f"dword:{given:x}"
        if isinstance(given, list):
            data = "".join(f"{each}\0" for each in given) + "\0"
            text = "hex(7):" + ",".join(f"{byte:02x}" for byte in data.encode("utf-16-le"))
        lines.append(f'"{value}"={text}')
    return "\n".join(lines) + "\n"


def write(files: Path, *keys: str) -> Path:
    file = files / "machine.reg"
    file.write_text(HEADER + "\n".join(keys))
    return file


def number(key: int, name: str) -> int:
    type, data = value_of(key, name)
    assert type == wdm.REG_DWORD
    return int.from_bytes(data, "little")


def test_REG_12_a_driver_that_is_loaded_has_a_key(machine: Machine) -> None:
    driver = Driver()
    machine.load_driver(driver, "Own")
    assert driver.paths == [r"\REGISTRY\MACHINE\SYSTEM\ControlSet001\Services\Own"]
    key = open_key(driver.paths[0])
    assert (number(key, "Type"), number(key, "Start"), number(key, "ErrorControl")) == (
        wdm.SERVICE_KERNEL_DRIVER,
        wdm.SERVICE_DEMAND_START,
        wdm.SERVICE_ERROR_NORMAL,
    )
    assert value_of(key, "ImagePath") == (wdm.REG_EXPAND_SZ, wide("Driver"))


def test_REG_12_the_values_of_a_service(machine: Machine) -> None:
    machine.create_service(
        Service(
            driver=Driver(),
            name="Own",
            start=wdm.SERVICE_DISABLED,
            type=wdm.SERVICE_FILE_SYSTEM_DRIVER,
            error_control=wdm.SERVICE_ERROR_IGNORE,
            display_name="My own",
            group="Filters",
            tag=7,
            depend_on_service=("a", "b"),
            depend_on_group=["Base"],
            parameters={"Depth": 16, "Name": "text", "Table": b"\1\2", "List": ["x", "y"]},
        )
    )
    key = open_key(SERVICES + r"\Own")
    numbers = [number(key, name) for name in ("Type", "Start", "ErrorControl", "Tag")]
    assert numbers == [wdm.SERVICE_FILE_SYSTEM_DRIVER, wdm.SERVICE_DISABLED, 0, 7]
    assert value_of(key, "DisplayName") == (wdm.REG_SZ, wide("My own"))
    assert value_of(key, "Group") == (wdm.REG_SZ, wide("Filters"))
    assert value_of(key, "DependOnService") == (wdm.REG_MULTI_SZ, wide("a") + wide("b") + wide(""))
    assert value_of(key, "DependOnGroup") == (wdm.REG_MULTI_SZ, wide("Base") + wide(""))
    parameters = open_key("Parameters", root=key)
    assert [value_of(parameters, name) for name in ("Depth", "Name", "Table", "List")] == [
        (wdm.REG_DWORD, b"\x10\0\0\0"),
        (wdm.REG_SZ, wide("text")),
        (wdm.REG_BINARY, b"\1\2"),
        (wdm.REG_MULTI_SZ, wide("x") + wide("y") + wide("")),
    ]
    with pytest.raises(ValueError, match="a number of parameters must have 32 bits; 'Big' was 0x100000000"):
        machine.create_service(Service(driver=Driver(), name="Own", parameters={"Big": 1 << 32}))


def test_REG_12_a_driver_is_loaded_and_unloaded_by_its_key(machine: Machine) -> None:
    driver = Driver()
    path = SERVICES + r"\OWN"
    assert wdm.ZwLoadDriver(path) == wdm.STATUS_OBJECT_NAME_NOT_FOUND
    machine.create_service(Service(driver=driver, name="Own"))
    assert driver.paths == []
    assert wdm.ZwLoadDriver("Own") == wdm.STATUS_OBJECT_NAME_NOT_FOUND
    assert wdm.ZwLoadDriver(path) == wdm.STATUS_SUCCESS
    assert wdm.ZwLoadDriver(path) == wdm.STATUS_IMAGE_ALREADY_LOADED
    assert wdm.ZwUnloadDriver(path) == wdm.STATUS_SUCCESS
    assert wdm.ZwUnloadDriver(path) == wdm.STATUS_OBJECT_NAME_NOT_FOUND
    assert wdm.ZwUnloadDriver(SERVICES + r"\Gone") == wdm.STATUS_OBJECT_NAME_NOT_FOUND
    driver.status = wdm.STATUS_UNSUCCESSFUL
    assert wdm.ZwLoadDriver(path) == wdm.STATUS_UNSUCCESSFUL


def test_REG_12_the_image_is_a_file_or_a_module(files: Path) -> None:
    keys = [
        service("one", ImagePath="good.py", Start=3),
        service("two", ImagePath="gone.py", Start=3),
        service("three", Start=3),
        service("four", ImagePath="dirql.drivers.gpio", Start=3),
        service("five", ImagePath="System32\\\\drivers\\\\five.sys", Start=3),
    ]
    machine = opened(registry=write(files, *keys))
    missing = wdm.STATUS_OBJECT_NAME_NOT_FOUND
    results = [wdm.ZwLoadDriver(f"{SERVICES}\\{name}") for name in ("one", "two", "three", "four", "five")]
    assert results == [wdm.STATUS_SUCCESS, missing, missing, wdm.STATUS_SUCCESS, missing]
    assert loaded(files) == ["one"]
    let_go(machine)


def test_REG_12_the_devices_of_a_service_are_in_its_key_enum(machine: Machine) -> None:
    path = r"\REGISTRY\MACHINE\SYSTEM\ControlSet001\Services\pci"
    key = open_key(path + r"\Enum")
    assert (number(key, "Count"), number(key, "NextInstance")) == (1, 1)
    type, data = value_of(key, "0")
    assert (type, b"PNP0A03" in data.replace(b"\0", b"")) == (wdm.REG_SZ, True)
    assert number(open_key(path), "Start") == BOOT


CONTROL = "[HKLM\\SYSTEM\\CurrentControlSet\\Control"
USER = '[HKLM\\SYSTEM\\CurrentControlSet\\Services\\user]\n"Type"=dword:10\n"Start"=dword:2\n'
GROUPS = (
    CONTROL
    + '\\ServiceGroupOrder]\n"List"=hex(7):45,00,61,00,72,00,6c,00,79,00,00,00,4c,00,61,00,74,00,65,00,00,00,00,00\n'
)
TAGS = (
    CONTROL + '\\GroupOrderList]\n"Early"=hex:03,00,00,00,03,00,00,00,01,00,00,00,02,00,00,00,09,00,00,00\n'
)
ORDER = [
    service("a", Start=2, ImagePath="good.py"),
    service("b", Start=0, ImagePath="good.py", Group="Late"),
    service("c", Start=0, ImagePath="good.py", Group="Early", Tag=2),
    service("d", Start=0, ImagePath="good.py", Group="Early", Tag=1),
    service("e", Start=0, ImagePath="good.py"),
    service("f", Start=0, ImagePath="good.py", Group="early"),
    service("g", Start=1, ImagePath="good.py", DependOnService=["H", "i"]),
    service("h", Start=1, ImagePath="good.py", DependOnGroup=["Last"]),
    service("i", Start=1, ImagePath="good.py"),
    service("j", Start=1, ImagePath="good.py", Group="Last"),
    service("k", Start=3, ImagePath="good.py"),
    service("l", Start=4, ImagePath="good.py"),
    service("m", Start=0, ImagePath="good.py", Group="Early", Tag=9),
    service("n", Start=0, ImagePath="good.py", Group="Early", Tag=3),
    '[HKLM\\SYSTEM\\CurrentControlSet\\Services\\user]\n"Type"=dword:10\n"Start"=dword:2\n',
    USER,
    GROUPS,
    TAGS,
]


def test_REG_13_drivers_are_loaded_in_the_order_of_phases_groups_tags_and_dependencies(files: Path) -> None:
    machine = opened([Driver()], registry=write(files, *ORDER))
    assert loaded(files) == ["n", "d", "c", "f", "m", "b", "e", "j", "h", "i", "g", "a"]
    assert list(machine.loaded_services) == ["pci", *loaded(files), "Driver"]
    assert machine.service_failures == []
    let_go(machine)


def test_REG_13_a_circle_of_dependencies_ends(files: Path) -> None:
    keys = [
        service("a", Start=1, ImagePath="good.py", DependOnService=["b"]),
        service("b", Start=1, ImagePath="good.py", DependOnService=["a"]),
    ]
    machine = opened(registry=write(files, *keys))
    assert loaded(files) == []
    assert [failure.name for failure in machine.service_failures] == ["b", "a"]
    let_go(machine)


@pytest.mark.parametrize(
    ("values", "what"),
    [
        ({"DependOnService": ["gone"]}, "the service gone, on which it depends,"),
        ({"DependOnGroup": ["Nobody"]}, "the group Nobody, on which it depends,"),
        ({"DependOnService": ["late"]}, "the service late, on which it depends,"),
    ],
)
def test_REG_13_a_service_fails_without_its_dependencies(
    files: Path, values: dict[str, Any], what: str
) -> None:
    keys = [
        service("own", Start=1, ImagePath="good.py", **values),
        service("late", Start=2, ImagePath="good.py"),
    ]
    machine = opened(registry=write(files, *keys))
    assert loaded(files) == ["late"]
    [failure] = machine.service_failures
    assert str(failure.error).startswith(f"the driver own: {what} ended with STATUS_OBJECT_NAME_NOT_FOUND")
    let_go(machine)


@pytest.mark.parametrize(
    ("start", "driver", "is_loaded"), [(3, "good.py", True), (4, "good.py", False), (1, "bad.py", True)]
)
def test_REG_13_the_service_of_a_device_is_loaded_for_it_once(
    files: Path, start: int, driver: str, is_loaded: bool
) -> None:
    with bus_with_function() as machine:
        path = machine.devices[0].instance_path
    keys = [
        service("dev", Start=start, ErrorControl=0, ImagePath=driver),
        service("other", Start=3, ImagePath="good.py"),
        f'[HKLM\\SYSTEM\\CurrentControlSet\\Enum\\{path}]\n"Service"="Dev"\n',
    ]
    machine = bus_with_function(registry=write(files, *keys))
    assert loaded(files) == (["dev"] if is_loaded else [])
    let_go(machine)


def bus_with_function(**options: Any) -> Machine:
    """A machine with one function on its bus."""
    target, function = ScriptedTarget(), FakeFunction(bars=((0x0, 4096),))
    target.map(Space.CONFIGURATION, function.address, 256, function)
    return open_machine(target, costs=Costs.free(), **options)


@pytest.mark.parametrize(
    ("error_control", "is_told"), [(0, False), (1, True), (SEVERE, True)], ids=["ignore", "normal", "severe"]
)
def test_REG_14_a_failure_that_is_not_critical_lets_the_start_go_on(
    error_control: int, is_told: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    bad, good = Driver(wdm.STATUS_UNSUCCESSFUL), Driver()
    machine = opened(
        [
            Service(driver=bad, name="bad", start=BOOT, error_control=error_control),
            Service(driver=good, name="good", start=SYSTEM),
            Service(driver=bad, name="never"),
        ]
    )
    assert (len(bad.paths), len(good.paths)) == (1, 1)
    [(name, severity, error)] = machine.service_failures
    assert (name, severity, isinstance(error, LoadError)) == ("bad", error_control, True)
    message = (
        "dirql: the service bad did not start: the driver bad: DriverEntry ended with STATUS_UNSUCCESSFUL"
    )
    assert (message in capsys.readouterr().err) == is_told
    let_go(machine)


def test_REG_14_a_critical_failure_without_another_control_set_is_a_bug_check() -> None:
    bad = Driver(wdm.STATUS_UNSUCCESSFUL)
    with pytest.raises(BugCheck, match="the service bad must start, because its ErrorControl is") as stopped:
        opened([Service(driver=bad, name="bad", start=AUTO, error_control=CRITICAL)])
    assert stopped.value.code == 0x5A
    assert stopped.value.parameters[:2] == ("bad", wdm.STATUS_UNSUCCESSFUL)
    with opened():  # and the next machine opens
        pass


def test_REG_15_a_good_start_is_kept_and_a_bad_one_falls_back_to_it(files: Path) -> None:
    file = write(files, service("own", Start=1, ErrorControl=SEVERE, ImagePath="good.py"))
    opened(registry=file, save_registry=True).close()
    text = file.read_text()
    assert "ControlSet002\\Services\\own]" in text
    assert select(file) == {"Current": 1, "Default": 1, "Failed": 0, "LastKnownGood": 2}
    # The next change is a mistake, of the first control set only.
    first, rest = text.split("\n\n[HKEY_LOCAL_MACHINE\\SYSTEM\\ControlSet002", 1)
    spoiled = "\n".join(
        line if "good" not in line and not line.startswith(("  ", '"ImagePath"')) else ""
        for line in first.splitlines()
    )
    spoiled = spoiled.replace("Services\\own]", 'Services\\own]\n"ImagePath"="bad.py"')
    file.write_text(f"{spoiled}\n\n[HKEY_LOCAL_MACHINE\\SYSTEM\\ControlSet002{rest}")
    machine = opened(registry=file, save_registry=True)
    assert loaded(files) == ["own"] * 3
    key = open_key(SERVICES + r"\own")
    assert b"good.py" in value_of(key, "ImagePath")[1].replace(b"\0", b"")
    wdm.ZwClose(key)
    assert machine.service_failures == []
    machine.close()
    assert select(file) == {"Current": 2, "Default": 2, "Failed": 1, "LastKnownGood": 3}


def test_REG_15_a_start_with_a_severe_failure_is_not_kept_as_good(files: Path) -> None:
    file = write(files, service("own", Start=1, ErrorControl=SEVERE, ImagePath="bad.py"))
    opened(registry=file, save_registry=True).close()
    assert loaded(files) == ["own"]
    assert "ControlSet002" not in file.read_text()


def test_REG_15_drivers_from_a_generator_are_loaded_at_the_second_start_too(files: Path) -> None:
    keys = [key.replace('"ErrorControl"=dword:3', '"ErrorControl"=dword:2') for key in TWO_SETS]
    own = Driver()
    machine = open_machine(
        ScriptedTarget(), registry=write(files, *keys), drivers=(each for each in [own]), costs=Costs.free()
    )
    assert len(own.paths) == 1
    let_go(machine)


def select(file: Path) -> dict[str, int]:
    lines = file.read_text().split("\\Select]\n")[1].split("\n\n")[0].splitlines()
    return {line.split('"')[1]: int(line.partition("dword:")[2], 16) for line in lines}


TWO_SETS = (
    service("own", "ControlSet001", Start=1, ErrorControl=CRITICAL, ImagePath="bad.py"),
    service("own", "ControlSet002", Start=1, ErrorControl=CRITICAL, ImagePath="bad.py"),
    '[HKLM\\SYSTEM\\Select]\n"Current"=dword:1\n"Default"=dword:1\n"LastKnownGood"=dword:2\n',
)


def test_REG_15_a_critical_failure_with_the_last_known_good_set_ends_the_start(files: Path) -> None:
    with pytest.raises(BugCheck) as stopped:
        opened(registry=write(files, *TWO_SETS))
    assert stopped.value.code == 0x5A
    assert loaded(files) == ["own", "own"]


class CountedTarget(ScriptedTarget):
    """A target that counts its resets."""

    resets = 0

    def reset(self) -> None:
        self.resets += 1
        super().reset()


def test_REG_15_a_severe_failure_with_the_last_known_good_set_goes_on(files: Path) -> None:
    keys = [key.replace('"ErrorControl"=dword:3', '"ErrorControl"=dword:2') for key in TWO_SETS]
    target = CountedTarget()
    machine = open_machine(target, registry=write(files, *keys))
    assert target.resets == 1
    assert loaded(files) == ["own", "own"]
    assert [failure.name for failure in machine.service_failures] == ["own"]
    let_go(machine)


def test_REG_15_the_last_known_good_set_can_be_asked_for(files: Path) -> None:
    keys = [*TWO_SETS[1:], service("own", "ControlSet001", Start=1, ImagePath="good.py")]
    file = write(files, *keys)
    with pytest.raises(BugCheck):
        opened(registry=file, last_known_good=True)
    machine = opened(registry=file)
    assert loaded(files) == ["own", "own"]
    link = attributes(r"\Registry\Machine\SYSTEM\CurrentControlSet", flags=wdm.OBJ_OPENLINK)
    status, handle = wdm.ZwOpenKey(wdm.KEY_READ, link)
    assert handle is not None, hex(status)
    assert value_of(handle, "SymbolicLinkValue")[1].decode("utf-16-le").endswith("ControlSet001")
    let_go(machine)


def test_a_driver_of_another_kind_is_refused() -> None:
    wrong: Any = object()
    with pytest.raises(TypeError, match="a driver must be a module or an object with a routine DriverEntry"):
        opened([Service(driver=wrong, name="none", start=BOOT)])
