# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""System DMA: slave devices on the channels of the two controllers, with models of devices that drive DREQ."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from dirql import wdm
from dirql.hal.dma.controller import DmaChannel, DmaMode
from dirql.hal.dma.map_registers import MapRegisters
from dirql.io.objects import DeviceObject
from dirql.ke.bugcheck import BugCheck
from dirql.nt.bugcodes import VERIFIER_DMA_VERIFICATION
from unit.hal.conftest import Machine
from unit.hal.dma import a_device, at_dispatch, locked, release

PAGE = wdm.PAGE_SIZE
BIG = 18 << 20
"""More memory than the channels reach."""


@pytest.fixture(autouse=True)
def defects(machine: Machine) -> list[str]:
    found: list[str] = []
    machine.kernel.hooks.defect_found = lambda row, sentence: found.append(f"{row}: {sentence}")
    return found


def slave(channel: int = 2, longest: int = 4 * PAGE, **members: int) -> wdm.DEVICE_DESCRIPTION:
    wanted = wdm.DEVICE_DESCRIPTION(
        version=wdm.DEVICE_DESCRIPTION_VERSION1,
        interface_type=wdm.Isa,
        dma_channel=channel,
        dma_width=wdm.Width8Bits if channel < 4 else wdm.Width16Bits,
        dma_speed=wdm.Compatible,
        maximum_length=longest,
    )
    for name, value in members.items():
        setattr(wanted, name, value)
    return wanted


def adapter_of(wanted: wdm.DEVICE_DESCRIPTION) -> wdm.DMA_ADAPTER:
    adapter, registers = wdm.IoGetDmaAdapter(None, wanted)
    assert adapter is not None
    assert registers == adapter.number_of_map_registers
    return adapter


class Transfer:
    """A driver's transfer: it holds the channel from its making to `end`."""

    def __init__(
        self, adapter: wdm.DMA_ADAPTER, mdl: wdm.MDL, length: int, *, write: bool, registers: int = 0
    ) -> None:
        self.adapter, self.mdl, self.write = adapter, mdl, write
        self.address = wdm.MmGetMdlVirtualAddress(mdl)
        self.base: MapRegisters | None = None
        count = registers or wdm.ADDRESS_AND_SIZE_TO_SPAN_PAGES(self.address, length)
        self.length = length
        with at_dispatch():
            wdm.IoAllocateAdapterChannel(adapter, a_device(), count, self.control, None)

    def control(self, _device: DeviceObject, _irp: object, base: MapRegisters, _context: object) -> int:
        self.base = base
        self.map()
        return wdm.KeepObject

    def map(self) -> None:
        assert self.base is not None
        self.logical, self.length = wdm.IoMapTransfer(
            self.adapter, self.mdl, self.base, self.address, self.length, self.write
        )

    def flush(self) -> None:
        assert self.base is not None
        assert wdm.IoFlushAdapterBuffers(
            self.adapter, self.mdl, self.base, self.address, self.length, self.write
        )

    def end(self) -> None:
        self.flush()
        with at_dispatch():
            wdm.IoFreeAdapterChannel(self.adapter)


def stop(call: Callable[[], object]) -> tuple[object, ...]:
    with pytest.raises(BugCheck) as caught:
        call()
    return (caught.value.code, *caught.value.parameters)


# The adapter.


@pytest.mark.parametrize(
    "wrong",
    [
        {"dma_channel": 4},
        {"dma_channel": 8},
        {"dma_width": wdm.Width16Bits},
        {"dma_speed": wdm.MaximumDmaSpeed},
        {"interface_type": wdm.PCIBus},
        {"bus_number": 1},
        {"version": 4},
    ],
)
def test_DMA_15_a_device_that_fits_no_channel_gets_no_adapter(
    machine: Machine, wrong: dict[str, int]
) -> None:
    assert wdm.IoGetDmaAdapter(None, slave(**wrong)) == (None, 0)
    assert machine.hal.adapters == []


@pytest.mark.parametrize(
    ("channel", "longest", "registers"),
    [(0, 0, 1), (3, PAGE, 2), (1, 1 << 16, 16), (1, 1 << 20, 16), (5, 1 << 16, 17), (7, 1 << 20, 32)],
)
def test_DMA_15_the_number_of_map_registers(
    machine: Machine, channel: int, longest: int, registers: int
) -> None:
    assert adapter_of(slave(channel, longest)).number_of_map_registers == registers


def test_DMA_15_map_registers_are_where_the_channel_reaches(machine: Machine) -> None:
    machine.close()
    big = Machine(BIG)
    try:
        frames = big.memory_manager.frames
        assert frames.allocate_contiguous(4, "test") == 1
        adapter = adapter_of(slave(2, 1 << 16))
        assert adapter.number_of_map_registers == 16
        assert frames.allocate_contiguous(1, "test", lowest=33 * PAGE) == 33
        mdl = wdm.MmAllocatePagesForMdl(
            wdm.PHYSICAL_ADDRESS(17 << 20), wdm.PHYSICAL_ADDRESS(BIG), wdm.PHYSICAL_ADDRESS(0), PAGE
        )
        assert mdl is not None
        transfer = Transfer(adapter, mdl, PAGE, write=False)
        channel = big.hal.dma_channel(2)
        assert transfer.logical == 16 * PAGE
        assert channel.address == transfer.logical
        assert channel.write(bytes(range(256)) * 16) == PAGE
        transfer.end()
        address = wdm.MmGetSystemAddressForMdlSafe(mdl, wdm.NormalPagePriority)
        assert address is not None
        assert wdm.RtlReadMemory(address, PAGE) == bytes(range(256)) * 16
        buffer, _ = wdm.HalAllocateCommonBuffer(adapter, 1 << 16, False)
        assert buffer is not None
        assert wdm.MmGetPhysicalAddress(buffer) == 48 * PAGE
        eisa = adapter_of(slave(3, PAGE, interface_type=wdm.Eisa, dma32_bit_addresses=True))
        transfer = Transfer(eisa, mdl, PAGE, write=True)
        assert transfer.logical >= 17 << 20
    finally:
        big.close()


# Transfers.


@pytest.mark.parametrize("channel", [0, 1, 2, 3, 5, 6, 7])
@pytest.mark.parametrize("offset", [0, 0x800])
@pytest.mark.parametrize("write", [True, False])
def test_DMA_15_a_transfer(machine: Machine, channel: int, offset: int, write: bool) -> None:
    data = bytes(index * 7 & 0xFF for index in range(2 * PAGE))
    buffer, mdl = locked(machine, len(data), offset)
    if write:
        buffer.write(data)
    adapter = adapter_of(slave(channel))
    device = machine.hal.dma_channel(channel)
    transfer = Transfer(adapter, mdl, len(data), write=write)
    assert transfer.length == len(data)
    assert wdm.HalReadDmaCounter(adapter) == len(data)
    if write:
        assert device.read(100) == data[:100]
        assert wdm.HalReadDmaCounter(adapter) == len(data) - 100
        assert device.read(len(data)) == data[100:]
    else:
        assert device.write(data[:100]) == 100
        assert device.write(data[100:] + bytes(10)) == len(data) - 100
    assert device.terminal_count
    assert wdm.HalReadDmaCounter(adapter) == 0
    transfer.end()
    assert buffer.read() == data
    release(buffer, mdl)
    adapter.dma_operations.put_dma_adapter(adapter)
    assert machine.hal.adapters == []


def test_DMA_15_memory_that_crosses_64_KiB_goes_through_map_registers(machine: Machine) -> None:
    adapter = adapter_of(slave(3, 2 * PAGE))
    low, high = wdm.PHYSICAL_ADDRESS(31 * PAGE), wdm.PHYSICAL_ADDRESS(33 * PAGE - 1)
    mdl = wdm.MmAllocatePagesForMdl(low, high, wdm.PHYSICAL_ADDRESS(0), 2 * PAGE)
    assert mdl is not None
    assert mdl.frames == [31, 32]
    transfer = Transfer(adapter, mdl, 2 * PAGE, write=False)
    assert transfer.logical != 31 * PAGE
    transfer.end()
    transfer = Transfer(adapter, mdl, PAGE, write=False)
    assert transfer.logical == 31 * PAGE
    transfer.end()


def test_DMA_08_data_of_a_device_is_in_the_buffer_after_the_flush(machine: Machine) -> None:
    buffer, mdl = locked(machine, 2 * PAGE, 0x800)
    buffer.write(b"old" * 100)
    adapter = adapter_of(slave())
    transfer = Transfer(adapter, mdl, 2 * PAGE, write=False)
    assert transfer.base is not None
    assert transfer.base.is_bounced
    machine.hal.dma_channel(2).write(b"new" * 100)
    assert buffer.read(300) == b"old" * 100
    transfer.end()
    assert buffer.read(300) == b"new" * 100


def test_DMA_15_bytes_that_did_not_come_leave_the_buffer_alone(machine: Machine) -> None:
    buffer, mdl = locked(machine, 2 * PAGE, 0x800)
    buffer.write(b"o" * 2 * PAGE)
    transfer = Transfer(adapter_of(slave()), mdl, 2 * PAGE, write=False)
    machine.hal.dma_channel(2).write(b"n" * (PAGE + 1))
    transfer.end()
    assert buffer.read() == b"n" * (PAGE + 1) + b"o" * (PAGE - 1)


def test_DMA_15_with_IgnoreCount_the_whole_buffer_is_copied(machine: Machine) -> None:
    buffer, mdl = locked(machine, 2 * PAGE, 0x800)
    buffer.write(b"o" * 2 * PAGE)
    transfer = Transfer(adapter_of(slave(ignore_count=True)), mdl, 2 * PAGE, write=False)
    machine.hal.dma_channel(2).write(b"n" * 4)
    transfer.end()
    assert buffer.read(4) == b"nnnn"
    assert b"oooooooo" not in buffer.read()


def test_DMA_15_IgnoreCount_is_a_member_since_version_1(machine: Machine) -> None:
    buffer, mdl = locked(machine, 2 * PAGE, 0x800)
    buffer.write(b"o" * 2 * PAGE)
    transfer = Transfer(adapter_of(slave(ignore_count=True, version=0)), mdl, 2 * PAGE, write=False)
    machine.hal.dma_channel(2).write(b"n" * 4)
    transfer.end()
    assert buffer.read() == b"nnnn" + b"o" * (2 * PAGE - 4)


def test_DMA_08_a_flush_that_is_forgotten_loses_the_data_and_is_told(
    machine: Machine, defects: list[str]
) -> None:
    buffer, mdl = locked(machine, 2 * PAGE, 0x800)
    buffer.write(b"old")
    adapter = adapter_of(slave())
    Transfer(adapter, mdl, 2 * PAGE, write=False)
    machine.hal.dma_channel(2).write(b"new")
    with at_dispatch():
        wdm.IoFreeAdapterChannel(adapter)
    assert buffer.read(3) == b"old"
    assert [defect.partition(":")[0] for defect in defects] == ["DMA-08"]
    assert machine.hal.dma_channel(2).write(b"late") == 0


@pytest.mark.parametrize(("demand", "requests"), [(True, 2), (False, 100)])
def test_DMA_15_DemandMode_takes_the_bus_once_for_a_request(
    machine: Machine, demand: bool, requests: int
) -> None:
    _, mdl = locked(machine, PAGE)
    transfer = Transfer(adapter_of(slave(demand_mode=demand)), mdl, 100, write=False)
    device = machine.hal.dma_channel(2)
    assert device.mode is (DmaMode.DEMAND if demand else DmaMode.SINGLE)
    assert device.write(bytes(60)) + device.write(bytes(40)) == 100
    assert device.bus_requests == requests
    transfer.end()


def test_DMA_15_AutoInitialize_begins_again(machine: Machine) -> None:
    adapter = adapter_of(slave(1, PAGE, auto_initialize=True))
    address, _ = wdm.HalAllocateCommonBuffer(adapter, 64, False)
    assert address is not None
    mdl = wdm.IoAllocateMdl(address, 64, False, False, None)
    assert mdl is not None
    wdm.MmBuildMdlForNonPagedPool(mdl)
    transfer = Transfer(adapter, mdl, 64, write=False)
    device = machine.hal.dma_channel(1)
    assert device.write(bytes(range(100))) == 100
    assert device.terminal_count
    assert wdm.HalReadDmaCounter(adapter) == 28
    assert wdm.RtlReadMemory(address, 64) == bytes([*range(64, 100), *range(36, 64)])
    transfer.end()
    assert device.write(b"x") == 0


def test_DMA_15_a_second_transfer_comes_after_the_flush_of_the_first(machine: Machine) -> None:
    buffer, mdl = locked(machine, PAGE)
    buffer.write(bytes(range(200)))
    transfer = Transfer(adapter_of(slave()), mdl, 100, write=True)
    device = machine.hal.dma_channel(2)
    assert device.read(1000) == bytes(range(100))
    transfer.flush()
    transfer.address += 100
    transfer.map()
    assert device.read(1000) == bytes(range(100, 200))
    assert stop(transfer.map)[:2] == (0xE6, 0x1D)


def test_DMA_15_a_transfer_is_at_most_as_long_as_the_channel_counts(machine: Machine) -> None:
    adapter = adapter_of(slave(2, 1 << 20))
    low, high = wdm.PHYSICAL_ADDRESS(32 * PAGE), wdm.PHYSICAL_ADDRESS(49 * PAGE - 1)
    mdl = wdm.MmAllocatePagesForMdl(low, high, wdm.PHYSICAL_ADDRESS(0), 17 * PAGE)
    assert mdl is not None
    transfer = Transfer(adapter, mdl, 17 * PAGE, write=False, registers=16)
    assert transfer.length == 1 << 16
    assert machine.hal.dma_channel(2).remaining == 1 << 16
    transfer.end()
    with at_dispatch():
        status = wdm.IoAllocateAdapterChannel(adapter, a_device(), 17, lambda *_: wdm.KeepObject, None)
    assert status == wdm.STATUS_INSUFFICIENT_RESOURCES


def test_DMA_15_words_begin_at_even_addresses(machine: Machine, defects: list[str]) -> None:
    _, mdl = locked(machine, PAGE, 1)
    transfer = Transfer(adapter_of(slave(5)), mdl, 99, write=False)
    assert [defect.partition(":")[0] for defect in defects] == ["DMA-15"]
    assert machine.hal.dma_channel(5).remaining == 98
    transfer.end()


# Sharing of a channel.


def test_DMA_04_a_channel_serves_its_adapters_in_order(machine: Machine) -> None:
    _, mdl = locked(machine, PAGE)
    adapters = [adapter_of(slave(3)) for _ in range(3)]
    other = adapter_of(slave(2))
    transfers = [Transfer(adapter, mdl, 10, write=True) for adapter in adapters]
    assert [transfer.base is not None for transfer in transfers] == [True, False, False]
    assert Transfer(other, mdl, 10, write=True).base is not None
    assert [adapter.statistics().waiting for adapter in adapters] == [0, 1, 1]
    transfers[0].end()
    assert [transfer.base is not None for transfer in transfers] == [True, True, False]
    assert machine.hal.dma_channel(3).read(10)
    transfers[1].end()
    transfers[2].end()


def test_DMA_17_an_adapter_is_not_put_back_while_a_request_waits(machine: Machine) -> None:
    machine.kernel.verifier.default = VERIFIER_DMA_VERIFICATION
    _, mdl = locked(machine, PAGE)
    first, second = adapter_of(slave(3)), adapter_of(slave(3))
    Transfer(first, mdl, 10, write=True)
    Transfer(second, mdl, 10, write=True)
    assert stop(lambda: second.dma_operations.put_dma_adapter(second))[:4] == (0xE6, 0x11, 1, second)


Given = list[wdm.SCATTER_GATHER_LIST]


def ask_for_list(adapter: wdm.DMA_ADAPTER, mdl: wdm.MDL, length: int, *, write: bool) -> tuple[int, Given]:
    """Call GetScatterGatherList: the status, and a list that gets the scatter/gather list when it is given."""
    given: Given = []

    def take(_device: DeviceObject, _irp: object, found: wdm.SCATTER_GATHER_LIST, _context: object) -> None:
        assert wdm.KeGetCurrentIrql() == wdm.DISPATCH_LEVEL
        given.append(found)

    address = wdm.MmGetMdlVirtualAddress(mdl)
    with at_dispatch():
        get = adapter.dma_operations.get_scatter_gather_list
        status = get(adapter, a_device(), mdl, address, length, take, None, write)
    return status, given


def put(adapter: wdm.DMA_ADAPTER, found: wdm.SCATTER_GATHER_LIST, *, write: bool) -> None:
    with at_dispatch():
        adapter.dma_operations.put_scatter_gather_list(adapter, found, write)


@pytest.mark.parametrize("offset", [0, 0x800])
@pytest.mark.parametrize("write", [True, False])
def test_DMA_15_a_list_of_a_slave_has_one_element_and_the_channel(
    machine: Machine, offset: int, write: bool
) -> None:
    data = bytes(index * 7 & 0xFF for index in range(2 * PAGE))
    buffer, mdl = locked(machine, len(data), offset)
    buffer.write(data if write else bytes(len(data)))
    adapter = adapter_of(slave(scatter_gather=True))
    device = machine.hal.dma_channel(2)
    status, (found,) = ask_for_list(adapter, mdl, len(data), write=write)
    assert (status, found.number_of_elements, found.elements[0].length) == (0, 1, len(data))
    waiting = ask_for_list(adapter_of(slave()), mdl, 16, write=True)
    assert waiting == (wdm.STATUS_SUCCESS, [])
    if write:
        assert device.read(len(data)) == data
    else:
        device.write(data[:100])
        assert wdm.HalReadDmaCounter(adapter) == len(data) - 100
    put(adapter, found, write=write)
    assert buffer.read(100) == data[:100]
    assert buffer.read()[100:] == (data[100:] if write else bytes(len(data) - 100))
    assert len(waiting[1]) == 1
    assert device.read(99) == buffer.read(16)
    adapter.dma_operations.put_dma_adapter(adapter)


def test_DMA_15_a_list_of_a_slave_may_not_be_longer_than_its_channel_moves(machine: Machine) -> None:
    _, mdl = locked(machine, PAGE)
    assert ask_for_list(adapter_of(slave(longest=PAGE)), mdl, PAGE + 0, write=True)[0] == wdm.STATUS_SUCCESS
    _, long = locked(machine, 17 * PAGE)
    adapter = adapter_of(slave(3, longest=17 * PAGE))
    status, given = ask_for_list(adapter, long, 16 * PAGE + 1, write=True)
    assert (status, given) == (wdm.STATUS_INSUFFICIENT_RESOURCES, [])
    assert machine.hal.dma_channel(3).read(1) == b""


def test_DMA_16_a_list_of_a_slave_in_memory_of_the_driver(machine: Machine) -> None:
    _, mdl = locked(machine, PAGE)
    adapter = adapter_of(slave())
    operations = adapter.dma_operations
    address = wdm.MmGetMdlVirtualAddress(mdl)
    status, size, registers = operations.calculate_scatter_gather_list(adapter, mdl, address, PAGE)
    assert (status, registers) == (wdm.STATUS_SUCCESS, 1)
    memory = wdm.ExAllocatePoolWithTag(wdm.NonPagedPool, size, 1)
    assert memory is not None
    given: Given = []
    arguments = (adapter, a_device(), mdl, address, PAGE, lambda *some: given.append(some[2]), None, True)
    with at_dispatch():
        build = operations.build_scatter_gather_list
        assert build(*arguments, memory, size - 1) == wdm.STATUS_BUFFER_TOO_SMALL
        assert build(*arguments, memory, size) == wdm.STATUS_SUCCESS
    ((start, end),) = machine.memory_manager.runs(memory + 16, 8, write=False)
    assert bytes(machine.memory_manager.ram[start:end]) == int(given[0].elements[0].address).to_bytes(
        8, "little"
    )
    put(adapter, given[0], write=True)
    wdm.ExFreePool(memory)


# Cascade, and the controllers themselves.


def test_DMA_15_a_master_on_the_ISA_bus_takes_the_bus_by_its_channel(machine: Machine) -> None:
    device = machine.hal.dma_channel(6)
    assert not device.take_bus()
    adapter = adapter_of(slave(6, master=True))
    assert device.mode is DmaMode.CASCADE
    assert device.take_bus()
    with pytest.raises(ValueError, match="must drive the bus itself"):
        device.write(b"ab")
    adapter.dma_operations.put_dma_adapter(adapter)
    assert not device.take_bus()
    assert machine.hal.adapters == []


@pytest.fixture
def channel() -> DmaChannel:
    return DmaChannel(1, memoryview(bytearray(1 << 18)))


def test_DMA_15_a_channel_without_a_transfer_serves_nobody(channel: DmaChannel) -> None:
    assert channel.write(b"data") == 0
    assert channel.read(4) == b""


def test_DMA_15_a_block_is_moved_in_one_request(channel: DmaChannel) -> None:
    channel.program(DmaMode.BLOCK, 0x100, 16, to_memory=True)
    with pytest.raises(ValueError, match="the whole block in one request; it moved 8 bytes"):
        channel.write(bytes(8))
    assert channel.write(bytes(20)) == 16
    assert channel.bus_requests == 1
    assert channel.is_masked


def test_DMA_15_a_device_moves_data_as_the_channel_is_programmed(channel: DmaChannel) -> None:
    channel.program(DmaMode.DEMAND, 0x100, 16, to_memory=True)
    with pytest.raises(
        ValueError, match="must move data to memory, as the driver has programmed with WriteToDevice"
    ):
        channel.read(8)


@pytest.mark.parametrize(("address", "length"), [(0xFFFF, 2), (0, 0), (0, 0x1_0001)])
def test_DMA_15_a_channel_stays_within_64_KiB(channel: DmaChannel, address: int, length: int) -> None:
    with pytest.raises(ValueError, match="must be 1 or more units of 1 bytes within 0x10000 bytes"):
        channel.program(DmaMode.DEMAND, address, length, to_memory=True)


def test_DMA_15_words_come_in_pairs_of_bytes() -> None:
    words = DmaChannel(5, memoryview(bytearray(1 << 18)))
    words.program(DmaMode.DEMAND, 0x1_0000, 0x1_0000, to_memory=False)
    with pytest.raises(ValueError, match="must move words of 2 bytes; it moved 3 bytes"):
        words.read(3)
    with pytest.raises(ValueError, match="units of 2 bytes"):
        words.program(DmaMode.DEMAND, 1, 2, to_memory=False)


@pytest.mark.parametrize("number", [-1, 4, 8])
def test_DMA_15_channels_that_no_device_can_use(machine: Machine, number: int) -> None:
    with pytest.raises(ValueError, match="must be 0 to 3, or 5 to 7"):
        machine.hal.dma_channel(number)


# Old names and versions.


def test_DMA_17_HalGetAdapter(machine: Machine) -> None:
    adapter, registers = wdm.HalGetAdapter(slave())
    assert adapter is not None
    assert registers == 5
    adapter.dma_operations.put_dma_adapter(adapter)
    machine.kernel.verifier.default = VERIFIER_DMA_VERIFICATION
    assert stop(lambda: wdm.HalGetAdapter(slave()))[:2] == (0xE6, 0x1E)


def test_DMA_17_an_unknown_version(machine: Machine) -> None:
    machine.kernel.verifier.default = VERIFIER_DMA_VERIFICATION
    assert stop(lambda: wdm.IoGetDmaAdapter(None, slave(version=4)))[:2] == (0xE6, 0x25)


def test_DMA_17_a_flush_without_a_transfer(machine: Machine) -> None:
    machine.kernel.verifier.default = VERIFIER_DMA_VERIFICATION
    _, mdl = locked(machine, PAGE)
    transfer = Transfer(adapter_of(slave()), mdl, 10, write=True)
    transfer.flush()
    assert stop(transfer.flush)[:3] == (0xE6, 0x20, transfer.base)


def test_the_addresses_of_buses_are_those_of_the_processors() -> None:
    address = wdm.PHYSICAL_ADDRESS(0x8000_0000)
    assert wdm.HalTranslateBusAddress(wdm.PCIBus, 0, address, 0) == (True, 0, address)
    assert wdm.HalTranslateBusAddress(wdm.Isa, 0, wdm.PHYSICAL_ADDRESS(0x3F8), 1) == (True, 1, 0x3F8)
    none = (False, 1, 0)
    assert wdm.HalTranslateBusAddress(wdm.Isa, 1, wdm.PHYSICAL_ADDRESS(0x3F8), 1) == none
    assert wdm.HalTranslateBusAddress(wdm.Isa, 0, wdm.PHYSICAL_ADDRESS(0x1_0000), 1) == none
    assert wdm.HalTranslateBusAddress(wdm.MicroChannel, 0, wdm.PHYSICAL_ADDRESS(1), 1) == none
    assert wdm.HalTranslateBusAddress(wdm.Isa, 0, wdm.PHYSICAL_ADDRESS(1), 2) == (False, 2, 0)


def test_the_vector_of_an_interrupt_of_a_bus(machine: Machine) -> None:
    vectors = machine.hal.interrupts.description.vectors
    vector, irql, affinity = wdm.HalGetInterruptVector(wdm.Isa, 0, 0, 0)
    assert (vector, irql, affinity) == (vectors[0], vectors[0] // 16, 1)
    assert wdm.HalGetInterruptVector(wdm.Isa, 0, len(vectors), 0) == (0, 0, 0)
    assert wdm.HalGetInterruptVector(wdm.Isa, 1, 0, 0) == (0, 0, 0)
