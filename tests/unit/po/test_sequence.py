# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""A driver asks the PCI driver how often its device has been in each low state."""

from __future__ import annotations

from dirql.machine import Machine
from dirql.wdm import (
    DEVICE_OBJECT,
    IRP,
    IRP_MJ_POWER,
    IRP_MN_POWER_SEQUENCE,
    IRP_MN_SET_POWER,
    POWER_SEQUENCE,
    STATUS_INVALID_PARAMETER,
    STATUS_MORE_PROCESSING_REQUIRED,
    STATUS_NOT_SUPPORTED,
    STATUS_SUCCESS,
    IoAllocateIrp,
    IoCallDriver,
    IoFreeIrp,
    IoGetNextIrpStackLocation,
    IoSetCompletionRoutine,
    PoRequestPowerIrp,
    PowerDeviceD0,
    PowerDeviceD1,
    PowerDeviceD2,
    PowerDeviceD3,
)
from unit.po.stacks import Bus


class Asking(Bus):
    """A bus driver that asks the driver below for the sequence of each state when it gets IRP_MN_SET_POWER to D0."""

    answers_got: list[tuple[int, int, int, int]]
    wanted: POWER_SEQUENCE | None

    def power(self, device: DEVICE_OBJECT, irp: IRP) -> int:
        status = self.pass_down(device, irp)
        own = IoAllocateIrp(4, False)
        assert own is not None
        own.io_status.status = STATUS_NOT_SUPPORTED
        stack = IoGetNextIrpStackLocation(own)
        stack.major_function, stack.minor_function = IRP_MJ_POWER, IRP_MN_POWER_SEQUENCE
        answer = stack.parameters.power_sequence.power_sequence = self.wanted
        IoSetCompletionRoutine(own, lambda *_: STATUS_MORE_PROCESSING_REQUIRED, None, True, True, True)
        result = IoCallDriver(device.device_extension.lower, own)
        IoFreeIrp(own)
        counts = answer or POWER_SEQUENCE()
        self.answers_got.append((result, counts.sequence_d1, counts.sequence_d2, counts.sequence_d3))
        return status


def test_PWR_12_the_bus_driver_counts_the_low_states(machine: Machine) -> None:
    driver = Asking([])
    driver.answers_got, driver.wanted = [], POWER_SEQUENCE()
    machine.load_driver(driver)
    assert driver.device is not None
    for state in (PowerDeviceD3, PowerDeviceD1, PowerDeviceD1, PowerDeviceD0, PowerDeviceD3, PowerDeviceD2):
        PoRequestPowerIrp(driver.device, IRP_MN_SET_POWER, state, None, None)
    assert [got[1:] for got in driver.answers_got] == [
        (0, 0, 1),
        (1, 0, 1),
        (1, 0, 1),
        (1, 0, 1),
        (1, 0, 2),
        (1, 1, 2),
    ]
    assert {got[0] for got in driver.answers_got} == {STATUS_SUCCESS}
    driver.wanted = None
    PoRequestPowerIrp(driver.device, IRP_MN_SET_POWER, PowerDeviceD0, None, None)
    assert driver.answers_got[-1][0] == STATUS_INVALID_PARAMETER
    assert machine.defects == []
