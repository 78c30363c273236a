# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The saboteur as drivers see it: one that reads its window, and the store driver on the same bus and line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dirql.drivers import store
from dirql.drivers.store.interface import TransferMode, program_name
from dirql.hal.window import DeviceWindow
from dirql.io.errors import IoError
from dirql.ke.bugcheck import BugCheck
from dirql.machine import Machine, open_machine
from dirql.nt import status as nt
from dirql.nt.bugcodes import HARDWARE_INTERRUPT_STORM
from dirql.registers import saboteur as regs
from hdl.machine_bench import Register
from machine.test_machines import in_every_way
from machine.window_driver import NAME, WindowDriver

MACHINE = Path(__file__).parents[1] / "hdl" / "machines" / "sabotaged.toml"
DATA = bytes(range(1, 65))
ALWAYS = 0xFFFF
BOUND = 20_000
"""Clocks in which a request ends, whatever the saboteur does."""


class Sabotage:
    """A machine with both drivers, and the saboteur's registers, which the test writes past its driver."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        machine.load_driver(store, interrupt="level")
        machine.load_driver(WindowDriver(), "window", interrupt="level")
        self.window = machine.open(NAME)
        self._registers: DeviceWindow = machine.device_window("saboteur", bar=0)

    def set(self, register: Register, value: int) -> None:
        self._registers.write(register.offset, value.to_bytes(4, "little"))

    def get(self, register: Register) -> int:
        return int.from_bytes(self._registers.read(register.offset, 4), "little")


@pytest.fixture
def sabotage() -> Iterator[Sabotage]:
    with open_machine("verilated", machine=MACHINE) as machine:
        yield Sabotage(machine)


def read(sabotage: Sabotage) -> int:
    """The status of a read of the window, whose data must be right if it succeeds."""
    began = sabotage.machine.target.now()
    try:
        assert sabotage.window.read(len(DATA), 0) == DATA
    except IoError as error:
        return error.status
    finally:
        assert sabotage.machine.target.now() - began < BOUND
    return nt.STATUS_SUCCESS


@pytest.mark.parametrize(
    ("kind", "datum", "count", "status", "errors"),
    [
        (regs.Fault.STOP, 0, 5, nt.STATUS_SUCCESS, 0),
        (regs.Fault.STOP, 0, ALWAYS, nt.STATUS_IO_DEVICE_ERROR, 1),
        (regs.Fault.STOP, 3, ALWAYS, nt.STATUS_SUCCESS, 0),
        (regs.Fault.LAST, 3, ALWAYS, nt.STATUS_SUCCESS, 0),
        (regs.Fault.ABORT, 3, 1, nt.STATUS_IO_DEVICE_ERROR, 1),
        (regs.Fault.ABSENT, 0, 1, nt.STATUS_IO_DEVICE_ERROR, 1),
        (regs.Fault.PARITY, 3, 1, nt.STATUS_IO_DEVICE_ERROR, 1),
    ],
)
def test_a_driver_sees_each_fault_as_a_defined_status_in_bounded_time(
    sabotage: Sabotage, kind: int, datum: int, count: int, status: int, errors: int
) -> None:
    sabotage.window.write(DATA, 0)
    sabotage.set(regs.FAULT, regs.FAULT.pack(kind=kind, datum=datum))
    sabotage.set(regs.COUNT, count)
    assert read(sabotage) == status
    assert sabotage.get(regs.FAULTS_DONE) > 0
    assert sabotage.machine.hal.bus_errors == errors
    sabotage.set(regs.COUNT, 0)
    assert read(sabotage) == nt.STATUS_SUCCESS


@pytest.mark.parametrize("mode", list(TransferMode))
def test_a_stuck_request_holds_up_no_transfer_of_another_device(
    sabotage: Sabotage, mode: TransferMode
) -> None:
    sabotage.set(regs.MASTER_FAULTS, regs.MASTER_FAULTS.STUCK_REQUEST)
    in_every_way(sabotage.machine.open(program_name(0)), mode, seed=1)


def test_glitches_on_a_shared_line_cost_time_only(sabotage: Sabotage) -> None:
    """Each glitch is an interrupt for which no ISR is to blame; the store's own are served all the same."""
    handle = sabotage.machine.open(program_name(0))
    claims: list[bool] = []
    sabotage.machine.kernel.hooks.isr_exited = lambda _, claimed: claims.append(claimed)
    for clocks in (1, 5, 60, 255):
        sabotage.set(regs.GLITCH, clocks)
        in_every_way(handle, TransferMode.INTERRUPT, seed=clocks)
        sabotage.set(regs.GLITCH, clocks)
        in_every_way(handle, TransferMode.DMA, seed=clocks)
    assert claims.count(False) > 0
    assert claims.count(True) > 0


def test_a_stuck_pin_is_a_storm() -> None:
    """No device on the line claims its interrupts."""
    with open_machine("verilated", machine=MACHINE) as machine:
        Sabotage(machine).set(regs.PIN, regs.PIN.STUCK)
        with pytest.raises(BugCheck) as caught:
            machine.sleep(0.01)
    assert caught.value.code == HARDWARE_INTERRUPT_STORM
