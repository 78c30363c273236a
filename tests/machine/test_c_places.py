# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Drivers in C are called back with structures in memory, and have objects in memory of their own."""

from __future__ import annotations

import struct

import pytest

from dirql.ke.bugcheck import BugCheck
from dirql.machine import Machine, open_machine
from dirql.mm.manager import running as memory_manager
from dirql.nt.constants import FILE_ANY_ACCESS, FILE_DEVICE_UNKNOWN, METHOD_BUFFERED
from dirql.nt.control_code import ctl_code
from dirql.nt.guid import Guid
from dirql.po.settings import set_power_setting
from dirql.wdm import (
    KEY_READ,
    OBJ_CASE_INSENSITIVE,
    OBJECT_ATTRIBUTES,
    STATUS_SUCCESS,
    InitializeObjectAttributes,
    ZwClose,
    ZwOpenKey,
)
from machine.c_builder import CDriver

pytestmark = pytest.mark.interpreted("c drivers")

TOLD = Guid(0x2C7B3A01, 0x1111, 0x2222, bytes(range(1, 9)))
SEEN, STOP = (ctl_code(FILE_DEVICE_UNKNOWN, 0x800 + n, METHOD_BUFFERED, FILE_ANY_ACCESS) for n in (0, 1))


def test_callbacks_of_the_system_have_their_structures_in_memory() -> None:
    """Plug and Play events, the registry, callback objects, power settings and timers."""
    with open_machine() as machine:
        driver = machine.load_driver(CDriver("told"))
        set_power_setting(machine.power, TOLD, struct.pack("<I", 5))
        with machine.open(r"\Device\Told") as handle:
            assert struct.unpack("<8i", handle.ioctl(SEEN, b"", 32)) == (2, 3, 1, 1, 1, 0, 0, 0)
        machine.unload_driver(driver)
        assert machine.debug_output == ""


def test_what_a_registry_callback_is_told_leaves_memory_with_the_operation(machine: Machine) -> None:
    driver = machine.load_driver(CDriver("registry"))
    attributes = OBJECT_ATTRIBUTES()
    name = r"\Registry\Machine\System"
    InitializeObjectAttributes(attributes, name, OBJ_CASE_INSENSITIVE, None, None)

    def held_after(opens: int) -> int:
        for _ in range(opens):
            status, key = ZwOpenKey(KEY_READ, attributes)
            assert status == STATUS_SUCCESS
            assert key is not None
            ZwClose(key)
        return memory_manager.value.frames.statistics().held["drivers in C"]

    before = held_after(50)
    assert held_after(400) == before
    machine.unload_driver(driver)
    assert machine.debug_output == ""


def test_a_routine_for_a_bug_check_runs_in_c() -> None:
    with open_machine() as machine:
        machine.load_driver(CDriver("told"))
        with machine.open(r"\Device\Told") as handle, pytest.raises(BugCheck, match="0xDEAD"):
            handle.ioctl(STOP)
        assert machine.debug_output == "the last words of told, 16 bytes\n"


def test_objects_of_the_executive_are_in_memory_for_drivers_in_c(machine: Machine) -> None:
    """Work items, APCs, entries of the error log, counts of devices, waits for handles, and strings of bytes."""
    driver = machine.load_driver(CDriver("executive"))
    (logged,) = machine.error_log
    assert (logged.packet.error_code, logged.packet.dump_data) == (0x40040001, [1, 2])
    assert logged.packet.strings == ["abcd", "e"]
    machine.unload_driver(driver)
    assert machine.debug_output == ""


def test_packets_queues_and_dpcs_in_memory_of_a_driver_have_their_members(machine: Machine) -> None:
    """Packets by IoInitializeIrp, device queues, DPCs, shares of files, and names of Windows NT 4."""
    driver = machine.load_driver(CDriver("places"))
    machine.unload_driver(driver)
    assert machine.debug_output == ""
