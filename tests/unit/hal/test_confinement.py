# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Devices reach only the memory that is mapped for them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from dirql.hal.dma.map_registers import MapRegisters
from dirql.hal.dma.scatter_gather import ScatterGatherList
from dirql.io.objects import DeviceObject
from dirql.ke.bugcheck import BugCheck
from dirql.mm.mdl import Mdl
from dirql.nt.constants import PAGE_SIZE, DeallocateObjectKeepRegisters
from dirql.nt.status import STATUS_SUCCESS
from unit.hal.conftest import Machine
from unit.hal.dma import a_device, adapter_for, at_dispatch, description, locked

LENGTH = 3 * PAGE_SIZE


class Driver:
    """A driver with one buffer, which it maps for its device in one of the ways that there are."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.adapter = adapter_for(description())
        self.device = a_device()
        self.buffer, self.mdl = locked(machine, LENGTH)
        self.mdl.purpose = "IRP_MJ_READ"
        self.found: list[ScatterGatherList] = []
        self.registers: list[MapRegisters] = []

    def list_arrives(self, _device: DeviceObject, _irp: object, found: ScatterGatherList, _c: object) -> None:
        self.found.append(found)

    def channel_arrives(self, _device: DeviceObject, _irp: object, base: MapRegisters, _c: object) -> int:
        self.registers.append(base)
        return DeallocateObjectKeepRegisters

    def get_list(self, *, write: bool = False, mdl: Mdl | None = None) -> int:
        """Map the buffer; returns the address at which the device finds its first byte."""
        mdl = mdl or self.mdl
        with at_dispatch():
            status = self.adapter.get_scatter_gather_list(
                self.device, mdl, mdl.get_virtual_address(), mdl.byte_count, self.list_arrives, None, write
            )
        assert status == STATUS_SUCCESS
        return self.found[-1].elements[0].address

    def put_list(self, *, write: bool = False) -> None:
        with at_dispatch():
            self.adapter.put_scatter_gather_list(self.found[-1], write)

    def map_transfer(self, *, write: bool = False) -> int:
        with at_dispatch():
            self.adapter.allocate_adapter_channel(self.device, 4, self.channel_arrives, None)
        address, _ = self.adapter.map_transfer(
            self.mdl, self.registers[0], self.mdl.get_virtual_address(), LENGTH, write
        )
        return address

    def flush(self, *, write: bool = False) -> None:
        self.adapter.flush_adapter_buffers(
            self.mdl, self.registers[0], self.mdl.get_virtual_address(), LENGTH, write
        )


@pytest.fixture
def driver(machine: Machine) -> Driver:
    return Driver(machine)


def caught(driver: Driver, access: Callable[[], object]) -> BugCheck:
    """The bug check for an access of the device, which nobody notices before the next point of preemption."""
    access()
    with pytest.raises(BugCheck) as stopped:
        driver.machine.hal.preempt()
    assert stopped.value.code == 0xE6
    assert stopped.value.parameters[0] == 0x26
    return stopped.value


def test_DMA_14_a_write_to_a_list_that_was_put_back(driver: Driver) -> None:
    target = driver.machine.target
    address = driver.get_list()
    target.write_as_master(address, b"in time.")
    driver.put_list()
    stopped = caught(driver, lambda: target.write_as_master(address + 4, b"late"))
    assert driver.buffer.read(8) == b"in time.", "the data of a stray write must not be in memory"
    assert stopped.parameters[1:] == (driver.device, address + 4, 1)
    for words in (
        "written to by a device",
        "IRP_MJ_READ",
        "get_list (",
        "put_list (",
        "test_confinement.py:",
    ):
        assert words in stopped.reason


def test_DMA_14_a_read_of_a_list_that_was_put_back(driver: Driver) -> None:
    address = driver.get_list(write=True)
    driver.put_list(write=True)
    seen: list[bytes] = []
    stopped = caught(driver, lambda: seen.append(driver.machine.target.read_as_master(address, 4)))
    assert seen == [b"\xff" * 4]
    assert stopped.parameters[3] == 0


@pytest.mark.parametrize("write", [False, True])
def test_DMA_14_the_wrong_direction(driver: Driver, write: bool) -> None:
    target = driver.machine.target
    address = driver.get_list(write=write)
    access = (
        (lambda: target.write_as_master(address, b"x"))
        if write
        else (lambda: target.read_as_master(address, 1))
    )
    stopped = caught(driver, access)
    assert f"may only be {'read' if write else 'written to'}" in stopped.reason
    assert "WriteToDevice" in stopped.reason


def test_DMA_14_bytes_behind_a_list(driver: Driver) -> None:
    _, short = locked(driver.machine, 100)
    address = driver.get_list(mdl=short)
    stopped = caught(driver, lambda: driver.machine.target.write_as_master(address + 100, b"1"))
    assert "0 bytes before it ends a piece of a scatter/gather list" in stopped.reason


def test_DMA_14_memory_that_was_never_mapped(driver: Driver) -> None:
    stopped = caught(driver, lambda: driver.machine.target.write_as_master(0x5000, b"1"))
    assert "no transfer ever covered it" in stopped.reason
    assert stopped.parameters[1:3] == (0, 0x5000)


@pytest.mark.parametrize("write", [False, True])
def test_DMA_14_a_transfer_that_was_flushed(driver: Driver, write: bool) -> None:
    target = driver.machine.target
    address = driver.map_transfer(write=write)
    access = (
        (lambda: target.read_as_master(address, 4))
        if write
        else (lambda: target.write_as_master(address, b"data"))
    )
    access()
    driver.machine.hal.preempt()
    driver.flush(write=write)
    assert "flush (" in caught(driver, access).reason


def test_DMA_14_map_registers_that_were_freed(driver: Driver) -> None:
    address = driver.map_transfer(write=True)
    with at_dispatch():
        driver.adapter.free_map_registers(driver.registers[0], 4)
    caught(driver, lambda: driver.machine.target.read_as_master(address, 4))


def test_DMA_14_a_common_buffer_that_was_freed(driver: Driver) -> None:
    target = driver.machine.target
    address, logical = driver.adapter.allocate_common_buffer(200, True)
    assert address is not None
    target.write_as_master(logical, target.read_as_master(logical + 100, 100))
    driver.machine.hal.preempt()
    driver.adapter.free_common_buffer(200, logical, address, True)
    assert "a common buffer" in caught(driver, lambda: target.write_as_master(logical, b"x")).reason


def test_DMA_14_lists_may_share_memory(driver: Driver) -> None:
    address = driver.get_list()
    driver.get_list()
    driver.put_list()
    driver.machine.target.write_as_master(address, b"data")
    driver.machine.hal.preempt()
    assert driver.buffer.read(4) == b"data"


@pytest.mark.parametrize("call", [Mdl.unlock_pages, Mdl.free])
def test_MDL_13_the_memory_of_a_list_stays_locked(driver: Driver, call: Callable[[Mdl], None]) -> None:
    driver.get_list()
    with pytest.raises(BugCheck, match="call PutScatterGatherList") as stopped:
        call(driver.mdl)
    assert (stopped.value.code, stopped.value.parameters[:2]) == (0xE6, (0xE, driver.mdl))


def test_MDL_13_after_the_list_the_memory_may_go(driver: Driver) -> None:
    driver.get_list()
    driver.put_list()
    driver.map_transfer()
    driver.flush()
    driver.mdl.unlock_pages()
    driver.mdl.free()
