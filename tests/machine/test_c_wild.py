# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Constructs that public WDM drivers use: words of old and new headers, the C library, and what crosses to Python."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import pytest

from dirql.c import driver as driver_in_c
from dirql.drivers.store import HARDWARE_IDS
from dirql.ke.bugcheck import BugCheck
from dirql.machine import Machine, open_machine
from dirql.nt.bugcodes import DRIVER_IRQL_NOT_LESS_OR_EQUAL
from dirql.nt.constants import FILE_ANY_ACCESS, FILE_DEVICE_UNKNOWN, METHOD_BUFFERED, Internal
from dirql.nt.control_code import ctl_code
from dirql.nt.plug_and_play import GUID_BUS_TYPE_INTERNAL, PnpBusInformation
from dirql.nt.status import (
    STATUS_INVALID_DEVICE_REQUEST,
    STATUS_INVALID_PARAMETER,
    STATUS_OBJECT_NAME_COLLISION,
    STATUS_OBJECT_NAME_NOT_FOUND,
    STATUS_SUCCESS,
)
from dirql.pnp.node import DeviceNode
from machine import child_driver
from machine.c_builder import SOURCES, CDriver

pytestmark = pytest.mark.interpreted("c drivers")


def nodes(node: DeviceNode) -> Iterator[DeviceNode]:
    yield node
    for each in node.children:
        yield from nodes(each)


STATUS_WMI_GUID_NOT_FOUND = 0xC0000295
TELL = ctl_code(FILE_DEVICE_UNKNOWN, 0x800, METHOD_BUFFERED, FILE_ANY_ACCESS)


def test_declspec_puts_a_routine_into_a_section() -> None:
    assert CDriver("library").build().sections["PAGE"].size >= 1


@pytest.mark.parametrize("processors", [1, 4])
def test_the_c_library_intrinsics_and_old_names_do_what_they_do_on_windows(processors: int) -> None:
    with open_machine(processors=processors) as machine:
        machine.load_driver(CDriver("library"))
        with machine.open(r"\Device\Library") as handle:
            assert struct.unpack("<4I", handle.ioctl(TELL, b"", 16)) == (0, 0, 0, 0)


def test_strings_in_the_data_of_a_driver_name_objects_and_extensions_are_memory() -> None:
    """OBJECT_ATTRIBUTES with strings that no routine has seen; extensions of a driver object and of a controller."""
    with open_machine() as machine:
        driver = machine.load_driver(CDriver("names"))
        with machine.open(r"\\?\GLOBALROOT\Device\Names") as handle:
            answers = struct.unpack("<11I", handle.ioctl(TELL, b"", 44))
            again = struct.unpack("<11I", handle.ioctl(TELL, b"", 44))
        machine.unload_driver(driver)
    assert answers[:5] == (STATUS_SUCCESS,) * 5
    assert answers[5:7] == (STATUS_OBJECT_NAME_NOT_FOUND, STATUS_OBJECT_NAME_COLLISION)
    assert answers[7:] == (77, 1, 0x12345678, 1)
    assert again == (*answers[:8], 2, *answers[9:])


def test_a_bus_driver_in_python_answers_by_the_structures_of_c() -> None:
    """BUS_INTERFACE_STANDARD, relations, bus information, identification, configuration space and resources."""
    with open_machine() as machine:
        machine.load_driver(CDriver("asks", HARDWARE_IDS))
        with machine.open(r"\Device\Asks") as handle:
            answers = struct.unpack("<11I", handle.ioctl(TELL, b"", 44))
    header, identity, written, line, *rest = answers
    assert (header, written, line) == (0x40, 1, 0x5A)
    assert rest == [1, 1, 1, 1, identity, 1, 1]


def test_a_bus_driver_in_c_reports_a_device_to_drivers_in_python() -> None:
    """Relations, identification, bus information, capabilities and an interface go from C to Python."""
    with open_machine() as machine:
        machine.load_driver(CDriver("bus", HARDWARE_IDS))
        machine.load_driver(child_driver)
        (child,) = (node for node in nodes(machine.pnp.root) if node.device_id == r"TEST\Child")
        assert (child.device_id, child.instance_id) == (r"TEST\Child", "0042")
        assert list(child.hardware_ids) == [r"TEST\Child", r"TEST\Any"]
        assert child.bus_information == PnpBusInformation(GUID_BUS_TYPE_INTERNAL, Internal, 7)
        assert (child.capabilities.unique_id, child.capabilities.ui_number) == (True, 3)
    read = b"\0\0\0\0dirql\0\0\0"
    assert child_driver.answers == {"status": STATUS_SUCCESS, "written": 5, "read": read}


def test_values_are_read_by_a_table() -> None:
    """RtlQueryRegistryValues fills in variables and strings of C, calls its routines, and takes its defaults."""
    with open_machine() as machine:
        machine.load_driver(CDriver("values"))
        with machine.open(r"\Device\Values") as handle:
            assert struct.unpack("<4I", handle.ioctl(TELL, b"", 16)) == (42, 7, 2, 1)


def test_the_library_of_wmi_calls_the_routines_of_a_provider() -> None:
    """WmiSystemControl finds the block of a request and sends on what is for another provider."""
    with open_machine() as machine:
        machine.load_driver(CDriver("wmi"))
        with machine.open(r"\Device\Wmi") as handle:
            answers = struct.unpack("<8I", handle.ioctl(TELL, b"", 32))
    unknown, no_routine, wrong = (
        STATUS_WMI_GUID_NOT_FOUND,
        STATUS_INVALID_DEVICE_REQUEST,
        STATUS_INVALID_PARAMETER,
    )
    assert answers == (0, 5, 0, 9, unknown, 1, no_routine, wrong)


def test_members_of_objects_to_wait_for_are_in_memory(machine: Machine) -> None:
    """Type/Size/SignalState/empty list of headers, and what else drivers read and write in objects of their own.

    An SLIST_HEADER that is not aligned raises a status.
    """
    machine.unload_driver(machine.load_driver(driver_in_c.CDriver(SOURCES / "members.c")))
    assert machine.debug_output.splitlines() == [
        "0/6/0/1 0/6/1/1 0 102 0 80000002",
        "5/8/4/1 2/14/0/1 5 1 1 0000000000000000 0 1 1 0000000000000000",
        "19 2 1 dpc 7 1 1 20 1 9/16/0/1 ",
    ]


def test_associated_packets_count_off_their_master(machine: Machine) -> None:
    """AssociatedIrp in memory is one place for the master's count and the pointer to the master."""
    machine.load_driver(driver_in_c.CDriver(SOURCES / "split.c"))
    with machine.open(r"\\?\GLOBALROOT\Device\Split") as handle:
        assert handle.read(8) == b"abc"
    assert machine.debug_output == "11 left 2 11 left 1 "


def test_a_table_for_fast_io_answers_before_a_request_is_made(machine: Machine) -> None:
    machine.load_driver(driver_in_c.CDriver(SOURCES / "fast.c"))
    with machine.open(r"\\?\GLOBALROOT\Device\Fast") as handle:
        assert handle.ioctl(TELL, b"abc", 4) == b"abc"
        with pytest.raises(OSError, match="STATUS_BUFFER_TOO_SMALL"):
            handle.ioctl(TELL, b"abc", 2)
        assert handle.ioctl(TELL + 4, b"abc", 4) == b""
    assert machine.debug_output == "11 11 slow "


PAGING = SOURCES / "paging.c"


def test_a_locked_section_of_pageable_code_runs_at_dispatch_level(machine: Machine) -> None:
    """The file names sections by `#pragma code_seg`, and an enumeration as a type of ntddk.h."""
    driver = driver_in_c.CDriver(PAGING)
    assert {"PAGE", "PAGEOTHR"} <= set(driver.build().sections)
    machine.unload_driver(machine.load_driver(driver))
    assert machine.debug_output == "3 13 1"


@pytest.mark.parametrize("define", ["UNLOCKED", "OTHER"])
def test_a_section_that_is_not_locked_does_not(machine: Machine, define: str) -> None:
    with pytest.raises(
        BugCheck, match=r"IRQL 2 must be mapped and nonpaged; .* was pageable \(.*paging\.c"
    ) as told:
        machine.load_driver(driver_in_c.CDriver(PAGING, define={define: "1"}))
    assert told.value.code == DRIVER_IRQL_NOT_LESS_OR_EQUAL
