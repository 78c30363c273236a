# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Each machine that comes with dirql, compiled from its file: the hardware is as the file says, and stores work."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import partial

import pytest

from dirql.drivers import store
from dirql.drivers.store.interface import IOCTL_STORE_SET_MODE, TransferMode, program_name
from dirql.hardware.description import Function, MachineDescription
from dirql.hardware.function_type import BarSpace
from dirql.hardware.place import Place
from dirql.hardware.reading import load_machine
from dirql.io.handle import Handle
from dirql.machine import Machine, open_machine
from dirql.registers import pci_configuration as pci, timestamp
from dirql.target import open_target
from dirql.target.channel.bridges import number_buses
from dirql.target.contract import (
    BusFault,
    BusStatus,
    Capability,
    EventBits,
    EventRecord,
    MasterAbort,
    NotSupported,
    Target,
    TargetAbort,
)
from tested_machines import MACHINES, MASTERED, WITH_STORES


def kinds_of_stores(name: str) -> tuple[str, ...]:
    """The kinds of interrupt that each store of a machine has."""
    stores = load_machine(name).functions_named("store")
    return tuple(kind for kind in stores[0].interrupts if all(kind in each.interrupts for each in stores))


STORES_AND_KINDS = [(name, kind) for name in WITH_STORES for kind in kinds_of_stores(name)]
"""Each machine with stores, with each kind of interrupt that its stores have."""


@pytest.fixture(params=MACHINES)
def described(request: pytest.FixtureRequest) -> MachineDescription:
    """The description of each machine in turn."""
    return load_machine(request.param)


@pytest.fixture
def target(described: MachineDescription) -> Iterator[Target]:
    """The machine just out of reset, its buses numbered, with the assertions of the RTL on."""
    opened = open_target("verilated", machine=described, checked=True)
    number_buses(opened)
    yield opened
    opened.close()


def read(target: Target, place: Place, offset: int) -> int:
    return target.read_configuration(place.configuration_address | offset & ~3) >> 8 * (offset & 3)


def bar_sizes(target: Target, function: Function) -> list[int]:
    """The bytes that each base address register asks for, 0 for one that is not there."""
    sizes = []
    for number in range(6):
        address = function.place.configuration_address | pci.BAR.offset + 4 * number
        target.write_configuration(address, 0xFFFF_FFFF)
        answer = target.read_configuration(address)
        mask = answer & (~3 if answer & 1 else ~0xF)
        if answer & 1 and not answer >> 16:
            mask |= 0xFFFF_0000  # the upper half of a range of ports may be without bits (PCI 3.0, 6.2.5.1)
        sizes.append(-mask & 0xFFFF_FFFF if answer else 0)
    return sizes


def list_of_capabilities(target: Target, function: Function) -> set[int]:
    """The offset of each capability in the list of the configuration header."""
    found: set[int] = set()
    at = read(target, function.place, pci.CAPABILITIES_POINTER.offset) & 0xFC
    while at and at not in found:
        found.add(at)
        at = read(target, function.place, at + 1) & 0xFC
    return found


@pytest.mark.slow
def test_C01_C04_the_hardware_is_as_the_file_says(target: Target, described: MachineDescription) -> None:
    for function in described.functions:
        place, identity = function.place, function.type.identity
        assert read(target, place, 0) == identity.device << 16 | identity.vendor
        assert read(target, place, pci.CLASS_REVISION.offset) == identity.class_code << 8 | identity.revision
        assert read(target, place, pci.INTERRUPT_PIN.offset) & 0xFF == "ABCD".index(function.pin) + 1
        assert bar_sizes(target, function) == [function.bar_size(number) for number in range(6)]
        header_type = read(target, place, pci.HEADER_TYPE.offset) & 0xFF
        assert bool(header_type & 0x80) == described.is_multi_function(place)
        for bar in function.type.bars:
            kind = read(target, place, pci.BAR.offset + 4 * bar.number) & 1
            assert kind == (bar.space is BarSpace.IO)
    present = {function.place for function in described.functions} | {described.host_bridge}
    present |= {bridge.place for bridge in described.bridges}
    for device in range(32):
        for number in range(8):
            place = Place(0, device, number)
            if place not in present:
                with pytest.raises(MasterAbort):
                    read(target, place, 0)


@pytest.mark.slow
def test_the_machine_has_what_its_savings_leave(target: Target, described: MachineDescription) -> None:
    savings = described.savings
    assert (Capability.FAULT_INJECTION in target.capabilities) == savings.faults
    for function in described.functions:
        features = list_of_capabilities(target, function)
        assert (pci.MSI_CAPABILITY_ID.offset in features) == ("message" in function.interrupts)
        vendor = read(target, function.place, pci.VENDOR_FEATURES.offset)
        assert bool(vendor & pci.VENDOR_FEATURES.FAULT_INJECTION) == savings.faults
    counter = described.timestamp_unit.address + timestamp.TRANSACTIONS.offset
    assert bool(target.read_memory(counter)) == savings.bus_counters
    fault = BusFault(counter, BusStatus.TARGET_ABORT, 1)
    if savings.faults:
        target.inject_bus_fault(fault)
        with pytest.raises(TargetAbort):
            target.read_memory(counter)
        target.hold_interrupt(10)
        return
    for inject in (partial(target.inject_bus_fault, fault), partial(target.hold_interrupt, 10)):
        with pytest.raises(
            NotSupported, match=f"FAULT_INJECTION; machine {described.name} lacks it, as savings"
        ):
            inject()


@pytest.mark.slow
def test_every_byte_of_the_host_memory_is_there(target: Target, described: MachineDescription) -> None:
    assert target.memory.nbytes == described.host_memory.size
    assert target.frequency == described.frequency


def in_every_way(handle: Handle, mode: TransferMode, seed: int) -> None:
    """Write data of a store's own to several places, and read all of it back at the end."""
    handle.ioctl(IOCTL_STORE_SET_MODE, struct.pack("<I", mode))
    pieces = {offset: bytes((offset + seed + n) & 0xFF for n in range(96)) for offset in range(0, 1024, 128)}
    for offset, data in pieces.items():
        assert handle.write(data, offset) == len(data)
    for offset, data in pieces.items():
        assert handle.read(len(data), offset) == data


def all_at_once(machine: Machine, mode: TransferMode) -> None:
    """Let a thread of the program work with each store."""
    count = len(machine.target.description.functions_named("store"))
    handles = [machine.open(program_name(number)) for number in range(count)]
    threads = [
        machine.create_thread(partial(in_every_way, handle, mode, 37 * number))
        for number, handle in enumerate(handles)
    ]
    for thread in threads:
        thread.join()
    for handle in handles:
        handle.close()


@pytest.mark.slow
@pytest.mark.parametrize(("name", "kind"), [*((name, None) for name in WITH_STORES), *STORES_AND_KINDS])
def test_all_stores_work_at_once_with_each_kind_of_interrupt(name: str, kind: str | None) -> None:
    with open_machine("verilated", machine=name) as machine:
        machine.load_driver(store, interrupt=kind)
        all_at_once(machine, TransferMode.INTERRUPT)
        if name in MASTERED:
            all_at_once(machine, TransferMode.DMA)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 6))
def test_all_stores_of_a_shared_line_work_with_several_processors(seed: int) -> None:
    with open_machine("verilated", machine="shared", processors=3, seed=seed) as machine:
        machine.load_driver(store)
        all_at_once(machine, TransferMode.DMA)


def history(name: str, mode: TransferMode, *, checked: bool) -> tuple[int, list[EventRecord], bytes]:
    """The clock, the event records and the host's memory after work with all stores of a machine."""
    with open_machine("verilated", machine=name, checked=checked, seed=3) as machine:
        machine.load_driver(store)
        all_at_once(machine, mode)
        machine.target.wait(100_000)
        return machine.target.now(), list(machine.target.take_event_records()), bytes(machine.target.memory)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "mode"),
    [
        (name, mode)
        for name in WITH_STORES
        for mode in (TransferMode.TIMER_POLLED, TransferMode.INTERRUPT, TransferMode.DMA)
        if mode is not TransferMode.DMA or name in MASTERED
    ],
)
def test_skipped_clocks_change_nothing(name: str, mode: TransferMode) -> None:
    """The library with assertions evaluates each clock of the whole RTL; the other one skips and takes short cuts."""
    clock, records, memory = history(name, mode, checked=False)
    other_clock, other_records, other_memory = history(name, mode, checked=True)
    assert clock == other_clock
    assert records == other_records
    assert memory == other_memory


@pytest.mark.slow
def test_each_function_has_its_index_in_the_event_records() -> None:
    with open_machine("verilated", machine="shared") as machine:
        machine.load_driver(store)
        machine.target.take_event_records()
        for number, function in enumerate(machine.target.description.functions):
            with machine.open(program_name(number)) as handle:
                handle.ioctl(IOCTL_STORE_SET_MODE, struct.pack("<I", TransferMode.DMA))
                machine.target.take_event_records()
                handle.write(bytes(64))
            causes = [each for each in machine.target.take_event_records() if each.bits & EventBits.CAUSE]
            assert {each.function for each in causes} == {function.index}


def test_the_kind_of_interrupt_in_the_file_is_what_a_driver_gets() -> None:
    with open_machine("verilated", machine="shared") as machine:
        machine.load_driver(store)
        resources = [
            interrupt
            for node in machine.devices
            for interrupt in node.physical_device_object.device_object_extension.interrupts
        ]
        assert [each.latched for each in resources] == [False, False, True, True]
        vectors = [each.vector for each in resources]
        assert vectors[0] == vectors[1] != vectors[2] == vectors[3]
