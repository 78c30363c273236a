# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Routines of drivers that would run in vain, or end the program, and tables that are none."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest

from dirql.ke.bugcheck import BugCheck
from dirql.machine import LeakReport, Machine, open_machine
from dirql.wdm import (
    DEVICE_OBJECT,
    DRIVER_OBJECT,
    FILE_DEVICE_UNKNOWN,
    IRP,
    IRP_MJ_READ,
    KDPC,
    KMODE_EXCEPTION_NOT_HANDLED,
    STATUS_SUCCESS,
    DelayedWorkQueue,
    IoAllocateWorkItem,
    IoCreateDevice,
    IoQueueWorkItem,
    IoSetNextIrpStackLocation,
    KeInitializeDpc,
    KeInsertQueueDpc,
)
from fakes.scripted_target import ScriptedTarget
from unit.io.making import make_device, make_driver
from unit.io.program import Program


def controlled(machine: Machine, act: Callable[[IRP], object]) -> str:
    """The message with which the system stops when a driver does something in its dispatch routine."""

    def dispatch(device: DEVICE_OBJECT, irp: IRP) -> int:
        del device
        act(irp)
        return STATUS_SUCCESS

    program = Program(machine, dispatch)
    with pytest.raises(BugCheck) as stopped:
        program.control()
    return str(stopped.value)


@pytest.mark.parametrize("code", [0, 3, None])
def test_a_driver_does_not_end_the_program(machine: Machine, code: int | None) -> None:
    told = controlled(machine, lambda _: sys.exit(code))
    assert told.startswith("KMODE_EXCEPTION_NOT_HANDLED (0x1E")
    assert "must handle its exceptions, and let SystemExit escape" in told


def test_a_dpc_does_not_end_the_program(machine: Machine) -> None:
    del machine
    make_driver()
    dpc = KDPC()
    KeInitializeDpc(dpc, lambda *_: sys.exit(), None)
    with pytest.raises(BugCheck, match=r"the DPC routine .* let SystemExit escape"):
        KeInsertQueueDpc(dpc, None, None)


async def coroutine(*arguments: Any) -> None:
    del arguments


def generator(*arguments: Any) -> Any:
    yield arguments


class Bound:
    def generator(self, *arguments: Any) -> Any:
        yield arguments


@pytest.mark.parametrize("routine", [coroutine, generator, Bound().generator])
def test_a_routine_that_a_call_does_not_run_is_refused(machine: Machine, routine: Any) -> None:
    del machine
    refused = r"Routine must be a routine .*: take `async` or `yield` out of it"
    with pytest.raises(TypeError, match=refused):
        KeInitializeDpc(KDPC(), routine, None)
    item = IoAllocateWorkItem(make_device(make_driver(), None))
    assert item is not None
    with pytest.raises(TypeError, match=refused):
        IoQueueWorkItem(item, routine, DelayedWorkQueue, None)


def refusal(**fields: Any) -> str:
    """The message with which the system stops when DriverEntry sets these fields of the driver object."""
    with pytest.raises(BugCheck) as stopped:
        make_driver(**fields)
    assert stopped.value.code == KMODE_EXCEPTION_NOT_HANDLED
    return str(stopped.value)


@pytest.mark.parametrize("field", ["driver_unload", "driver_start_io"])
def test_a_driver_object_has_no_routine_that_a_call_does_not_run(machine: Machine, field: str) -> None:
    del machine
    assert f"{field} of <driver made> must be a routine; it was <function generator" in refusal(
        **{field: generator}
    )


def test_a_dispatch_routine_that_a_call_does_not_run(machine: Machine) -> None:
    del machine
    told = refusal(routines={IRP_MJ_READ: generator})
    assert "major_function[0x3] of <driver made> must be a routine" in told


@pytest.mark.interpreted("types")
@pytest.mark.parametrize("table", [[], None, {}])
def test_the_table_of_dispatch_routines_stays(machine: Machine, table: object) -> None:
    del machine
    told = refusal(major_function=table)
    assert "major_function of <driver made> must be the list of 28 dispatch routines that it was" in told


@pytest.mark.interpreted("types")
@pytest.mark.parametrize(
    ("member", "value", "words"),
    [
        ("stack_size", 0, "must be the number of stack locations for an IRP, 1 to 127; it was 0"),
        ("stack_size", 128, "must be the number of stack locations for an IRP, 1 to 127; it was 128"),
        ("stack_size", "2", "must be the number of stack locations for an IRP, 1 to 127; it was '2'"),
        (
            "flags",
            None,
            r"must be a number of 32 bits \(ULONG\); it was None: set and clear bits with device.flags",
        ),
        ("characteristics", -1, "must be a number of 32 bits"),
        ("device_type", "disk", "must be a number of 32 bits"),
        ("alignment_requirement", 1.5, "must be a number of 32 bits"),
    ],
)
def test_a_member_of_a_device_object_that_cannot_be(
    machine: Machine, member: str, value: object, words: str
) -> None:
    class Driver:
        @staticmethod
        def DriverEntry(driver: DRIVER_OBJECT, path: str) -> int:
            del path
            driver.driver_unload = lambda _: None
            status, device = IoCreateDevice(driver, 0, None, FILE_DEVICE_UNKNOWN, 0, False)
            setattr(device, member, value)
            return status

    with pytest.raises(
        BugCheck, match=rf"{member} of <device without a name of <driver Driver>> {words}"
    ) as told:
        machine.load_driver(Driver)
    assert ".DriverEntry (" in str(told.value)


def test_a_next_location_that_there_is_not(machine: Machine) -> None:
    told = controlled(machine, lambda irp: [IoSetNextIrpStackLocation(irp) for _ in range(2)])
    assert "has the stack locations 1 … 1, location 0 was asked for" in told


class Leaving:
    """A driver that makes a device without a name."""

    @staticmethod
    def DriverEntry(driver: DRIVER_OBJECT, path: str) -> int:
        del path
        driver.driver_unload = lambda _: None
        return IoCreateDevice(driver, 0, None, FILE_DEVICE_UNKNOWN, 0, False)[0]


def test_a_device_without_a_name_that_is_not_deleted_is_a_leak() -> None:
    machine = open_machine(ScriptedTarget())
    machine.load_driver(Leaving())
    with pytest.raises(
        LeakReport, match="<device without a name of <driver Leaving>> was not deleted: call IoDelete"
    ):
        machine.close()
