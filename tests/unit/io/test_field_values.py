# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Members of packets and of stack locations refuse values that they cannot have, where they are set."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import cast

import pytest

from compiled import COMPILED
from dirql import wdm
from dirql.ke.bugcheck import BugCheck
from dirql.machine import Machine
from unit.io.making import complete, make_device, make_driver, make_irp
from unit.io.program import Program

pytestmark = pytest.mark.skipif(
    COMPILED, reason="compiled code refuses a value of another type in its own words"
)

WRONG: tuple[object, ...] = (None, "x", 1.5, b"x", [], object(), 1 << 80)


def named(value: object) -> str:
    """The name of a wrong value in a test's name, which must be the same in each process."""
    return "object" if type(value) is object else repr(value)


def set_in_dispatch(machine: Machine, act: Callable[[wdm.IRP], object]) -> None:
    def control(device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> int:
        act(irp)
        return complete(irp)

    Program(machine, control).control()


def setting(path: str, value: object) -> Callable[[wdm.IRP], object]:
    *parts, last = path.split(".")

    def act(irp: wdm.IRP) -> None:
        owner: object = irp
        for part in parts:
            owner = getattr(owner, part)
        setattr(owner, last, value)

    return act


NULL_IS_RIGHT = {"mdl_address", "user_buffer", "user_iosb", "user_event", "associated_irp.system_buffer"}


@pytest.mark.parametrize("value", [*WRONG[1:], None], ids=named)
@pytest.mark.parametrize("path", ["flags", "cancel", "pending_returned", *sorted(NULL_IS_RIGHT)])
def test_a_member_of_a_packet(machine: Machine, path: str, value: object) -> None:
    if value is None and path in NULL_IS_RIGHT:
        set_in_dispatch(machine, setting(path, value))
        return
    name = path.rpartition(".")[2]
    with pytest.raises(
        BugCheck, match=rf"{name} of .* must be an? .*; it was .*the dispatch routine .*control"
    ):
        set_in_dispatch(machine, setting(path, value))


@pytest.mark.parametrize("name", ["minor_function", "flags"])
@pytest.mark.parametrize("value", [None, "x", 1.5, 256], ids=repr)
def test_a_member_of_a_stack_location(machine: Machine, name: str, value: object) -> None:
    location = wdm.IoGetNextIrpStackLocation(make_irp(1))
    wanted = f"{name} of an IO_STACK_LOCATION must be an integer of 8 bits (UCHAR); it was {value!r}: set an integer"
    with pytest.raises((TypeError, ValueError), match=re.escape(wanted)):
        setattr(location, name, value)


@pytest.mark.parametrize("value", [None, "x", 1.5, -1, 28, 300], ids=repr)
def test_a_major_function_that_no_table_has(machine: Machine, value: object) -> None:
    device = make_device(make_driver())
    irp = make_irp(1)
    wdm.IoGetNextIrpStackLocation(irp).major_function = cast("int", value)
    wanted = rf"major_function .* IoCallDriver of <device .*> must be 0 … 0x1b .*; it was {value!r}: set it"
    with pytest.raises((TypeError, ValueError), match=wanted):
        wdm.IoCallDriver(device, irp)


@pytest.mark.parametrize("value", ["x", 5, b"x", object()], ids=named)
def test_a_file_object_of_a_stack_location(machine: Machine, value: object) -> None:
    location = wdm.IoGetNextIrpStackLocation(make_irp(1))
    with pytest.raises(
        (TypeError, ValueError), match=r"file_object of .* must be a FILE_OBJECT, or None; it was"
    ):
        location.file_object = cast("wdm.FILE_OBJECT", value)
