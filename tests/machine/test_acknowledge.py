# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Acknowledges that wait in a bridge, and messages that merge: drivers that mind them, and ones that do not."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dirql import wdm
from dirql.ke.watch.deadlock import Deadlock
from dirql.machine import Machine, open_machine
from dirql.registers import pci_bridge, store
from dirql.target import inside_simulator
from dirql.trace.latency import Analysis
from dirql.trace.recorder import Recorder
from machine.silent_driver import NAME, Silent, complete, extension_of, put

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(inside_simulator(), reason="opens machines of its own"),
]
RAISED, ERROR = store.INTERRUPT_CAUSE.RAISED, store.INTERRUPT_CAUSE.ERROR


class Acknowledging(Silent):
    """A driver for the first store of the machine, whose ISR reads causes back after it has cleared them, or not."""

    def __init__(self, *, reads_back: bool, all_causes: bool = True) -> None:
        """Without `all_causes` the ISR serves one cause for each interrupt."""
        super().__init__("")
        self.reads_back, self.all_causes = reads_back, all_causes
        self.awaited = self.served = 0

    def add_device(self, driver: wdm.DRIVER_OBJECT, pdo: wdm.DEVICE_OBJECT) -> int:
        status = super().add_device(driver, pdo)
        return wdm.STATUS_SUCCESS if status == wdm.STATUS_OBJECT_NAME_COLLISION else status

    def isr(self, interrupt: wdm.KINTERRUPT, device: wdm.DEVICE_OBJECT) -> bool:
        cause = extension_of(device).registers + store.INTERRUPT_CAUSE.offset
        found = wdm.READ_REGISTER_ULONG(cause) & self.awaited
        if not found:
            return False
        taken = found if self.all_causes else found & -found
        wdm.WRITE_REGISTER_ULONG(cause, taken)
        if self.reads_back:
            wdm.READ_REGISTER_ULONG(cause)
        self.served |= taken
        return wdm.IoRequestDpc(device, None, None)

    def dpc(self, dpc: wdm.KDPC, device: wdm.DEVICE_OBJECT, irp: wdm.IRP | None, context: object) -> None:
        if self.served == self.awaited:
            complete(extension_of(device).pending.pop(), wdm.STATUS_SUCCESS)

    def read(self, device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> int:
        """A read of 4 bytes waits for one cause, a longer one for two that come while interrupts are held back."""
        self.served = 0
        self.awaited = RAISED
        if wdm.IoGetCurrentIrpStackLocation(irp).parameters.read.length == 4:
            return super().read(device, irp)
        self.awaited |= ERROR
        put(extension_of(device), store.INTERRUPT_MASK_SET.offset, self.awaited)
        old = wdm.KeRaiseIrql(wdm.CLOCK_LEVEL - 1)
        status = super().read(device, irp)
        wdm.KeStallExecutionProcessor(10)
        wdm.READ_REGISTER_ULONG(extension_of(device).registers + store.FIFO_WINDOW.offset)  # empty: ERROR
        wdm.KeStallExecutionProcessor(10)
        wdm.KeLowerIrql(old)
        return status


@pytest.fixture
def machine() -> Iterator[Machine]:
    with open_machine("verilated", machine="bridged") as opened:
        yield opened


def run(machine: Machine, driver: Silent, hold: int) -> Analysis:
    """One interrupt on a level line, while the first bridge holds writes to its secondary bus for some clocks."""
    machine.load_driver(driver, interrupt="level")
    bridge = machine.target.description.bridges[0].place.configuration_address
    place = bridge | pci_bridge.DOWNSTREAM_HOLD.offset & ~3
    with machine.open(NAME) as handle:
        machine.target.write_configuration(place, hold << 16, 0b1100)
        with Recorder(machine.target, machine.kernel, machine.io.hooks) as recorder:
            handle.read(4)
            machine.sleep(0.0002)
        machine.target.write_configuration(place, 0, 0b1100)
    return recorder.analysis()


@pytest.mark.parametrize(("hold", "unclaimed", "spurious"), [(5, 0, 1), (2000, 1, 0)])
def test_I23_an_acknowledge_that_waits_in_a_bridge_interrupts_again(
    machine: Machine, hold: int, unclaimed: int, spurious: int
) -> None:
    """The line is still on at the end of interrupt: it goes off before the next fetch, or the ISR finds no cause."""
    counts = run(machine, Acknowledging(reads_back=False), hold).counts
    assert (counts.causes, counts.unclaimed, counts.spurious) == (1, unclaimed, spurious)
    assert counts.interrupts == 1 + unclaimed


@pytest.mark.parametrize("hold", [0, 5, 2000])
def test_I23_a_read_before_the_end_of_interrupt_delivers_the_acknowledge(machine: Machine, hold: int) -> None:
    counts = run(machine, Acknowledging(reads_back=True), hold).counts
    assert (counts.causes, counts.interrupts, counts.unclaimed, counts.spurious) == (1, 1, 0, 0)


@pytest.mark.row("I04")
def test_I24_a_driver_that_serves_all_causes_for_each_message_loses_none(machine: Machine) -> None:
    machine.load_driver(Acknowledging(reads_back=True), interrupt="message")
    recorder = Recorder(machine.target, machine.kernel, machine.io.hooks)
    with machine.open(NAME) as handle, recorder:
        handle.read(8)
    counts = recorder.analysis().counts
    assert (counts.causes, counts.interrupts, counts.merged, counts.pending) == (2, 1, 1, 0)


def test_I24_the_cause_that_is_lost_with_a_merged_message_is_named(machine: Machine) -> None:
    driver = Acknowledging(reads_back=True, all_causes=False)
    machine.load_driver(driver, interrupt="message")
    machine.kernel.idle_limit = 20_000
    with pytest.raises(Deadlock) as caught, machine.open(NAME) as handle:
        handle.read(8)
    text = str(caught.value)
    assert driver.served == ERROR
    assert "RAISED is set, and enabled in the device" in text
    assert "which <driver Acknowledging> has: marked pending" in text
    assert "DEV_D102" not in text, "registers that nobody answers for, behind a closed bridge, have no causes"
