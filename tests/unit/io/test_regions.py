# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Dispatch routines and the regions that they enter."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from dirql import wdm
from dirql.ke.bugcheck import BugCheck
from dirql.machine import Machine
from unit.io.making import NAME, OPEN_AND_CLOSE, complete, make_device, make_driver


@pytest.mark.parametrize(
    ("enter", "leave", "rule"),
    [
        (wdm.KeEnterCriticalRegion, wdm.KeLeaveCriticalRegion, 0x40003),
        (wdm.KeEnterGuardedRegion, wdm.KeLeaveGuardedRegion, 0x4000E),
    ],
    ids=["critical", "guarded"],
)
@pytest.mark.parametrize("mistake", ["returns inside", "leaves twice"])
def test_VER_06_a_dispatch_routine_leaves_each_region_that_it_enters(
    machine: Machine, enter: Callable[[], None], leave: Callable[[], None], rule: int, mistake: str
) -> None:
    def right(device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> int:
        enter()
        leave()
        return complete(irp)

    def wrong(device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> int:
        (enter if mistake == "returns inside" else leave)()
        return complete(irp)

    routines = {**OPEN_AND_CLOSE, wdm.IRP_MJ_READ: right, wdm.IRP_MJ_WRITE: wrong}
    make_device(make_driver(routines), NAME, wdm.DO_BUFFERED_IO)
    handle = machine.open(NAME)
    handle.read(0)
    with pytest.raises(BugCheck, match="must leave each region") as stopped:
        handle.write(b"")
    assert stopped.value.code == wdm.DRIVER_VERIFIER_DETECTED_VIOLATION
    assert stopped.value.parameters[0] == rule


def test_VER_06_a_driver_may_send_a_request_inside_a_region(machine: Machine) -> None:
    lower = make_device(make_driver({wdm.IRP_MJ_READ: lambda _, irp: complete(irp)}, "lower"))

    def read(device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> int:
        wdm.IoSkipCurrentIrpStackLocation(irp)
        wdm.KeEnterCriticalRegion()
        status = wdm.IoCallDriver(lower, irp)
        wdm.KeLeaveCriticalRegion()
        return status

    upper = make_device(make_driver({**OPEN_AND_CLOSE, wdm.IRP_MJ_READ: read}), NAME, wdm.DO_BUFFERED_IO)
    upper.stack_size = 2
    with machine.open(NAME) as handle:
        assert handle.read(0) == b""
