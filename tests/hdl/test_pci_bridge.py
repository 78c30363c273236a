# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The PCI-to-PCI bridges of `bridged`, with the protocol checker on each of its three buses."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dirql.hardware.place import Place
from dirql.hardware.reading import load_machine
from dirql.registers import interrupt_controller, pci_bridge, pci_configuration, store, timestamp
from dirql.target.contract import MasterAbort, TargetAbort
from dirql.target.simulation.verilated import VerilatedTarget
from hdl.bridge_bench import BridgeBench, Header, StoreBench

MACHINE = load_machine("bridged")
NEAR, FAR = 0, 4
"""The indices of a store behind one bridge, and of one behind both."""
MESSAGES = 3
MEGABYTE = 0x10_0000
ALL_ONES = 0xFFFF_FFFF
DATA = 0x8000
pytestmark = pytest.mark.slow


@pytest.fixture
def fresh() -> Iterator[BridgeBench]:
    """The machine just out of reset."""
    target = VerilatedTarget(MACHINE, checked=True)
    yield BridgeBench(target, MACHINE)
    target.close()


@pytest.fixture
def bench(fresh: BridgeBench) -> BridgeBench:
    """The machine with its buses numbered, its windows open and its functions placed."""
    fresh.enumerate()
    return fresh


def pattern(seed: int, length: int = 1024) -> bytes:
    return bytes((seed + 7 * n) & 0xFF for n in range(length))


def status(header: Header) -> int:
    return header.read(pci_bridge.STATUS) & pci_bridge.STATUS.RECEIVED_MASTER_ABORT


def secondary_status(header: Header) -> int:
    return header.read(pci_bridge.SECONDARY_STATUS) & pci_bridge.SECONDARY_STATUS.RECEIVED_MASTER_ABORT


def test_B04_B05_configuration_accesses_go_to_the_bus_that_they_name(fresh: BridgeBench) -> None:
    behind = [function.place.configuration_address for function in MACHINE.functions]
    for address in behind:
        with pytest.raises(MasterAbort):
            fresh.target.read_configuration(address)
    fresh.enumerate()
    for function, address in zip(MACHINE.functions, behind, strict=True):
        identity = function.type.identity
        assert fresh.target.read_configuration(address) == identity.device << 16 | identity.vendor
    # Nobody is there: the bridge gives all ones, and says it in the status of its secondary bus alone.
    assert secondary_status(fresh.bridges[1]) == 0
    assert fresh.target.read_configuration(Place(1, 31, 0).configuration_address) == ALL_ONES
    assert secondary_status(fresh.bridges[1]) != 0
    # Behind the last bus nobody answers.
    with pytest.raises(MasterAbort):
        fresh.target.read_configuration(Place(3, 1, 0).configuration_address)


def test_B14_the_secondary_status_records_the_secondary_bus(bench: BridgeBench) -> None:
    assert bench.target.read_configuration(Place(2, 20, 0).configuration_address) == ALL_ONES
    assert (status(bench.bridges[1]), secondary_status(bench.bridges[1])) == (0, 0)
    assert status(bench.bridges[2]) == 0
    assert secondary_status(bench.bridges[2]) != 0
    bench.bridges[2].write(pci_bridge.SECONDARY_STATUS, pci_bridge.SECONDARY_STATUS.RECEIVED_MASTER_ABORT, 2)
    assert secondary_status(bench.bridges[2]) == 0


@pytest.mark.parametrize("last", [0, MEGABYTE - 4])
def test_B01_B02_what_is_inside_a_window_goes_down_and_nothing_else(bench: BridgeBench, last: int) -> None:
    read = bench.target.read_memory
    # Inside, where no device is, the answer is all ones; outside nobody claims.
    assert read(bench.memory(2) + last) == ALL_ONES
    assert read(bench.prefetchable(2) + MEGABYTE + last) == ALL_ONES
    outside = [bench.memory(1) - 4, bench.memory(3), bench.prefetchable(1) - 4, bench.prefetchable(3)]
    for address in outside:
        with pytest.raises(MasterAbort):
            read(address)
    bench.bridges[2].write(pci_bridge.MEMORY_BASE, bench.memory(3) >> 16, 2)
    assert read(bench.memory(2) + last) == ALL_ONES
    assert secondary_status(bench.bridges[1]) != 0
    bench.bridges[1].write(pci_bridge.MEMORY_LIMIT, bench.memory(1) - MEGABYTE >> 16, 2)
    with pytest.raises(MasterAbort):
        read(bench.memory(1) + last)


def test_B01_ports_go_down_in_steps_of_4_KiB(bench: BridgeBench) -> None:
    assert bench.target.read_io(bench.ports(2) + 0xFFC) == ALL_ONES
    for port in (bench.ports(1) - 4, bench.ports(3)):
        with pytest.raises(MasterAbort):
            bench.target.read_io(port)
    bench.bridges[1].write(pci_bridge.BRIDGE_CONTROL, pci_bridge.BRIDGE_CONTROL.ISA, 2)
    with pytest.raises(MasterAbort):
        bench.target.read_io(bench.ports(2) + 0x100)


def test_the_master_abort_mode_makes_a_target_abort_of_a_read_that_finds_nobody(bench: BridgeBench) -> None:
    bench.bridges[1].write(pci_bridge.BRIDGE_CONTROL, pci_bridge.BRIDGE_CONTROL.MASTER_ABORT, 2)
    with pytest.raises(TargetAbort):
        bench.target.read_memory(bench.memory(1))
    assert bench.bridges[1].read(pci_bridge.STATUS) & pci_bridge.STATUS.SIGNALED_TARGET_ABORT
    # A posted write is lost, and SERR says so.
    bench.bridges[1].write(pci_bridge.COMMAND, bench.bridges[1].read(pci_bridge.COMMAND) & 7 | 0x100, 2)
    bench.target.write_memory(bench.memory(1), 1)
    bench.target.wait(50)
    assert bench.bridges[1].read(pci_bridge.STATUS) & pci_bridge.STATUS.SIGNALED_SYSTEM_ERROR


@pytest.mark.parametrize("index", [NEAR, FAR])
def test_data_go_both_ways_in_bursts(bench: BridgeBench, index: int) -> None:
    unit = bench.store(index)
    unit.fill_buffer(0, pattern(1))
    assert unit.read_buffer(0, 1024) == pattern(1)
    assert unit.dma(store.Operation.DMA_READ, 0, 1024, [(DATA, 1024)])[:2] == (store.INTERRUPT_CAUSE.DONE, 0)
    assert bytes(unit.memory[DATA : DATA + 1024]) == pattern(1)
    unit.memory[DATA : DATA + 1024] = pattern(2)
    assert unit.dma(store.Operation.DMA_WRITE, 0, 1021, [(DATA + 3, 1021)])[:2] == (
        store.INTERRUPT_CAUSE.DONE,
        0,
    )
    assert unit.read_buffer(0, 1024)[:1021] == pattern(2)[3:]


def test_B03_without_bus_master_nothing_goes_up(bench: BridgeBench) -> None:
    bench.bridges[1].write(pci_bridge.COMMAND, 3, 2)
    unit = bench.store(NEAR)
    outcome = unit.dma(store.Operation.DMA_WRITE, 0, 64, [(DATA, 64)])
    assert outcome.error
    assert unit.read_header(pci_configuration.STATUS) & pci_configuration.STATUS.RECEIVED_MASTER_ABORT


def test_B16_the_primary_bus_sees_nothing_of_transfers_on_the_secondary_one(bench: BridgeBench) -> None:
    unit, other = bench.store(NEAR), bench.store(MESSAGES)
    counter = MACHINE.timestamp_unit.address + timestamp.TRANSACTIONS.offset
    unit.fill_buffer(0, pattern(3, 4096))
    unit.place_list([(other.buffer, 4096)])
    unit.start(store.Operation.DMA_READ, 0, 4096)
    bench.target.wait(250)  # the list, which is in the host's memory, has been fetched
    assert unit.read(store.TRANSFERRED) < 4096
    before = bench.target.read_memory(counter)
    bench.target.wait(4000)
    assert bench.target.read_memory(counter) == before + 1
    assert other.read_buffer(0, 4096) == pattern(3, 4096)


def test_stores_behind_both_bridges_write_to_each_other_and_to_the_host_at_once(bench: BridgeBench) -> None:
    near, far = bench.store(NEAR), bench.store(FAR)
    near.descriptors, far.descriptors = 0x1000, 0x2000
    near.fill_buffer(0, pattern(4, 4096))
    far.fill_buffer(0, pattern(5, 4096))
    near.place_list([(far.buffer + 0x2000, 4096)])
    far.place_list([(near.buffer + 0x2000, 4096)])
    near.start(store.Operation.DMA_READ, 0, 4096)
    far.start(store.Operation.DMA_READ, 0, 4096)
    assert near.finish().transferred == far.finish().transferred == 4096
    assert far.read_buffer(0x2000, 4096) == pattern(4, 4096)
    assert near.read_buffer(0x2000, 4096) == pattern(5, 4096)


def write_and_interrupt(unit: StoreBench, bench: BridgeBench, seed: int) -> None:
    """Let the store write to host memory, with posted writes that wait in the bridge, until its interrupt comes."""
    bench.bridges[1].write(pci_bridge.UPSTREAM_HOLD, 3000, 2)
    unit.memory[DATA : DATA + 64] = bytes(64)
    unit.fill_buffer(0, pattern(seed, 64))
    unit.place_list([(DATA, 64)])
    unit.write(store.INTERRUPT_MASK_SET, store.INTERRUPT_CAUSE.DONE)
    unit.start(store.Operation.DMA_READ, 0, 64)


def test_B09_an_interrupt_overtakes_posted_data_until_the_device_is_read(bench: BridgeBench) -> None:
    unit = bench.store(NEAR)
    line = "ABCD".index(MACHINE.functions[NEAR].line)
    number = 4 + 2 * line
    unit.write_controller(interrupt_controller.ENABLE, 1 << number)
    write_and_interrupt(unit, bench, 6)
    bench.target.wait(1500)
    assert bench.target.interrupt_acknowledge() == MACHINE.controller.vector(number)
    assert bytes(unit.memory[DATA : DATA + 64]) == bytes(64)
    assert unit.read(store.INTERRUPT_CAUSE) & store.INTERRUPT_CAUSE.DONE
    assert bytes(unit.memory[DATA : DATA + 64]) == pattern(6, 64)


def test_a_broken_bridge_answers_reads_before_the_data_have_left(bench: BridgeBench) -> None:
    unit = bench.store(NEAR)
    bench.bridges[1].write(pci_bridge.FAULTS, pci_bridge.FAULTS.READS_PASS_WRITES, 4)
    write_and_interrupt(unit, bench, 7)
    bench.target.wait(1500)
    assert unit.read(store.INTERRUPT_CAUSE) & store.INTERRUPT_CAUSE.DONE
    assert bytes(unit.memory[DATA : DATA + 64]) == bytes(64)
    bench.target.wait(3000)
    assert bytes(unit.memory[DATA : DATA + 64]) == pattern(7, 64)


def test_a_message_stays_behind_the_data(bench: BridgeBench) -> None:
    unit = bench.store(MESSAGES)
    number = 12
    unit.write_controller(interrupt_controller.ENABLE, 1 << number)
    header = Header(bench.target, unit.function)
    header.write(pci_configuration.MSI_ADDRESS, MACHINE.controller.doorbell, 4)
    header.write(pci_configuration.MSI_DATA, number, 2)
    header.write(pci_configuration.MSI_CONTROL, pci_configuration.MSI_CONTROL.ENABLE, 2)
    write_and_interrupt(unit, bench, 8)
    bench.target.wait(1500)
    assert bench.target.interrupt_acknowledge() == 0xFF
    bench.target.wait(4000)
    assert bench.target.interrupt_acknowledge() == MACHINE.controller.vector(number)
    assert bytes(unit.memory[DATA : DATA + 64]) == pattern(8, 64)


def test_B10_the_secondary_reset_empties_the_bridge_and_resets_all_behind_it(bench: BridgeBench) -> None:
    unit, bridge = bench.store(NEAR), bench.bridges[1]
    write_and_interrupt(unit, bench, 9)
    bench.target.wait(500)
    bridge.write(pci_bridge.BRIDGE_CONTROL, pci_bridge.BRIDGE_CONTROL.SECONDARY_RESET, 2)
    with pytest.raises(MasterAbort):
        bench.target.read_memory(unit.registers)
    bridge.write(pci_bridge.BRIDGE_CONTROL, 0, 2)
    bench.target.wait(4000)
    assert bytes(unit.memory[DATA : DATA + 64]) == bytes(64)
    assert bridge.read(pci_bridge.SECONDARY_BUS) & 0xFFFF == 0x0201
    assert bridge.read(pci_bridge.MEMORY_BASE) & 0xFFFF == bench.memory(1) >> 16
    for header in (Header(bench.target, unit.function), bench.bridges[2]):
        assert header.read(pci_configuration.COMMAND) & 7 == 0
    bridge.write(pci_bridge.UPSTREAM_HOLD, 0, 2)
    bench.enumerate()
    unit.memory[DATA : DATA + 64] = pattern(10, 64)
    assert unit.dma(store.Operation.DMA_WRITE, 0, 64, [(DATA, 64)]).error == 0
    assert unit.read_buffer(0, 64) == pattern(10, 64)


def test_B15_the_discard_timer_drops_what_a_master_has_forgotten(bench: BridgeBench) -> None:
    unit, bridge = bench.store(NEAR), bench.bridges[1]
    bridge.write(pci_bridge.BRIDGE_CONTROL, pci_bridge.BRIDGE_CONTROL.SECONDARY_DISCARD_TIMER, 2)
    unit.place_list([(DATA, 0x4000)])
    unit.start(store.Operation.DMA_WRITE, 0, 0x4000)
    for _ in range(20):
        unit.write_header(pci_configuration.COMMAND, 3, 2)
        bench.target.wait(1500)
        if bridge.read(pci_bridge.BRIDGE_CONTROL) & pci_bridge.BRIDGE_CONTROL.DISCARD_STATUS:
            break
        unit.write_header(pci_configuration.COMMAND, 7, 2)
        bench.target.wait(13)
    else:
        pytest.fail("no delayed read was discarded")
    bridge.write(pci_bridge.BRIDGE_CONTROL, pci_bridge.BRIDGE_CONTROL.DISCARD_STATUS, 2)
    assert not bridge.read(pci_bridge.BRIDGE_CONTROL) & pci_bridge.BRIDGE_CONTROL.DISCARD_STATUS


def test_B13_each_interrupt_pin_arrives_at_the_line_of_its_place(bench: BridgeBench) -> None:
    for index in (NEAR, FAR, MESSAGES):
        unit, number = bench.store(index), 4 + 2 * "ABCD".index(MACHINE.functions[index].line)
        unit.write_controller(interrupt_controller.ENABLE, 0xFFFF)
        unit.write(store.INTERRUPT_MASK_SET, store.INTERRUPT_CAUSE.RAISED)
        unit.raise_interrupt()
        bench.target.wait(50)
        assert bench.target.interrupt_acknowledge() == MACHINE.controller.vector(number)
        unit.write(store.INTERRUPT_CAUSE, ALL_ONES)
        unit.write(store.INTERRUPT_MASK_CLEAR, store.INTERRUPT_CAUSE.RAISED)
        bench.target.wait(50)
        unit.end(number)


@pytest.mark.parametrize(("index", "read", "write"), [(NEAR, 16, 6), (FAR, 28, 6)])
def test_clocks_of_register_accesses_behind_bridges(
    bench: BridgeBench, index: int, read: int, write: int
) -> None:
    """A read is retried until its answer is there; a write is posted at the first bridge."""
    unit, target = bench.store(index), bench.target
    unit.read(store.STATUS)
    start = target.now()
    unit.read(store.STATUS)
    middle = target.now()
    unit.write(store.DELAY, 5)
    assert (middle - start, target.now() - middle) == (read, write)
    assert unit.read(store.DELAY) == 5
