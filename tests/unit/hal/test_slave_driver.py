# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""A whole driver of a slave device: each request has the DMA channel from StartIo to its end.

The test plays the device. It has no interrupt line, so that the driver polls the counter of the channel with a timer.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dirql import wdm
from dirql.hal.dma.controller import DmaChannel
from dirql.hal.dma.map_registers import MapRegisters
from dirql.io.loader import load_driver
from dirql.ke.costs import Costs
from dirql.machine import Machine, open_machine
from fakes.scripted_target import ScriptedTarget

CHANNEL = 1
PERIOD = -10_000
NAME = r"\Device\Slave"
LINK = r"\DosDevices\Slave"


class Extension:
    """The data of the driver for its device."""

    adapter: wdm.DMA_ADAPTER
    registers: MapRegisters

    def __init__(self) -> None:
        self.timer = wdm.KTIMER()
        self.dpc = wdm.KDPC()
        self.left = 0
        """The bytes of the request that follow the transfer under way, of `length` bytes at `address`."""
        self.address = self.length = 0


def is_write(irp: wdm.IRP) -> bool:
    return wdm.IoGetCurrentIrpStackLocation(irp).major_function == wdm.IRP_MJ_WRITE


def driver_entry(driver: wdm.DRIVER_OBJECT, _path: str) -> int:
    for major in (wdm.IRP_MJ_CREATE, wdm.IRP_MJ_CLEANUP, wdm.IRP_MJ_CLOSE):
        driver.major_function[major] = open_close
    driver.major_function[wdm.IRP_MJ_READ] = driver.major_function[wdm.IRP_MJ_WRITE] = read_write
    driver.driver_start_io = start_io
    driver.driver_unload = unload
    status, device = wdm.IoCreateDevice(driver, Extension, NAME, wdm.FILE_DEVICE_UNKNOWN, 0, False)
    assert device is not None
    wdm.IoCreateSymbolicLink(LINK, NAME)
    extension = device.device_extension
    wdm.KeInitializeTimer(extension.timer)
    wdm.KeInitializeDpc(extension.dpc, poll, device)
    description = wdm.DEVICE_DESCRIPTION(
        version=wdm.DEVICE_DESCRIPTION_VERSION1,
        demand_mode=True,
        interface_type=wdm.Isa,
        dma_channel=CHANNEL,
        dma_width=wdm.Width8Bits,
        maximum_length=2 * wdm.PAGE_SIZE,
    )
    extension.adapter, _ = wdm.IoGetDmaAdapter(None, description)
    device.flags |= wdm.DO_DIRECT_IO
    device.flags &= ~wdm.DO_DEVICE_INITIALIZING
    return status


def unload(driver: wdm.DRIVER_OBJECT) -> None:
    device = driver.device_object
    assert device is not None
    adapter = device.device_extension.adapter
    adapter.dma_operations.put_dma_adapter(adapter)
    wdm.IoDeleteSymbolicLink(LINK)
    wdm.IoDeleteDevice(device)


def open_close(_device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> int:
    irp.io_status.status = wdm.STATUS_SUCCESS
    wdm.IoCompleteRequest(irp, wdm.IO_NO_INCREMENT)
    return wdm.STATUS_SUCCESS


def read_write(device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> int:
    wdm.IoMarkIrpPending(irp)
    wdm.IoStartPacket(device, irp, None, None)
    return wdm.STATUS_PENDING


def start_io(device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> None:
    extension: Extension = device.device_extension
    mdl = irp.mdl_address
    assert mdl is not None
    extension.address = wdm.MmGetMdlVirtualAddress(mdl)
    extension.left = wdm.MmGetMdlByteCount(mdl)
    ask(device)


def ask(device: wdm.DEVICE_OBJECT) -> None:
    """Ask for the channel for the next part of the request, of at most two pages."""
    extension: Extension = device.device_extension
    room = 2 * wdm.PAGE_SIZE - wdm.BYTE_OFFSET(extension.address)
    extension.length = min(extension.left, room)
    count = wdm.ADDRESS_AND_SIZE_TO_SPAN_PAGES(extension.address, extension.length)
    status = wdm.IoAllocateAdapterChannel(extension.adapter, device, count, adapter_control, None)
    assert status == wdm.STATUS_SUCCESS


def adapter_control(
    device: wdm.DEVICE_OBJECT, irp: wdm.IRP, registers: MapRegisters, _context: object
) -> int:
    extension: Extension = device.device_extension
    extension.registers = registers
    assert irp.mdl_address is not None
    _, extension.length = wdm.IoMapTransfer(
        extension.adapter, irp.mdl_address, registers, extension.address, extension.length, is_write(irp)
    )
    wdm.KeSetTimer(extension.timer, PERIOD, extension.dpc)
    return wdm.KeepObject


def poll(_dpc: wdm.KDPC, device: wdm.DEVICE_OBJECT, _argument1: object, _argument2: object) -> None:
    extension: Extension = device.device_extension
    if wdm.HalReadDmaCounter(extension.adapter):
        wdm.KeSetTimer(extension.timer, PERIOD, extension.dpc)
        return
    irp = device.current_irp
    assert irp is not None
    assert irp.mdl_address is not None
    wdm.IoFlushAdapterBuffers(
        extension.adapter,
        irp.mdl_address,
        extension.registers,
        extension.address,
        extension.length,
        is_write(irp),
    )
    wdm.IoFreeAdapterChannel(extension.adapter)
    extension.address += extension.length
    extension.left -= extension.length
    if extension.left:
        ask(device)
        return
    irp.io_status.status = wdm.STATUS_SUCCESS
    irp.io_status.information = wdm.MmGetMdlByteCount(irp.mdl_address)
    wdm.IoCompleteRequest(irp, wdm.IO_NO_INCREMENT)
    wdm.IoStartNextPacket(device, False)


@pytest.fixture
def machine() -> Iterator[Machine]:
    """A machine with the driver; its end fails if the driver leaves something behind."""
    with open_machine(ScriptedTarget(), costs=Costs.free()) as opened:
        status, _ = load_driver(driver_entry, "slave")
        assert status == wdm.STATUS_SUCCESS
        yield opened
        assert opened.defects == []


def when_asked(machine: Machine, channel: DmaChannel) -> DmaChannel:
    """The channel, after the driver has programmed it."""
    for _ in range(100):
        if not channel.is_masked:
            return channel
        machine.sleep(0.001)
    raise AssertionError


DATA = bytes(index * 13 & 0xFF for index in range(5 * wdm.PAGE_SIZE + 100))


@pytest.mark.row("DMA-15")
def test_DMA_15_a_driver_writes_to_and_reads_from_its_device(machine: Machine) -> None:
    channel = machine.hal.dma_channel(CHANNEL)
    with machine.open(r"\\.\Slave") as handle:
        write = handle.write_overlapped(DATA)
        read = handle.read_overlapped(len(DATA))
        (adapter,) = machine.list_objects("DMA_ADAPTER")
        assert adapter.state["number_of_map_registers"] == 3
        (active,) = [each for each in machine.list_objects("DMA channel") if not each.state["is_masked"]]
        assert (active.body, active.state["remaining"]) == (channel, 2 * wdm.PAGE_SIZE)
        moved = b""
        while len(moved) < len(DATA):
            moved += when_asked(machine, channel).read(1000)
            assert not write.has_completed
        assert moved == DATA
        assert write.wait(1)
        left = DATA[::-1]
        while left:
            assert not read.has_completed
            left = left[when_asked(machine, channel).write(left[:1000]) :]
        assert read.wait(1)
        assert read.result() == DATA[::-1]
