# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Walking the bus and looking at functions."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from dirql.drivers.pci.function import PciFunction
from dirql.machine import Machine
from dirql.pnp.interrupt_arbiter import InterruptArbiter
from dirql.pnp.range_arbiter import BusRanges, ResourceConflict
from dirql.wdm import (
    CM_RESOURCE_MEMORY_PREFETCHABLE,
    IO_RESOURCE_DESCRIPTOR,
    PHYSICAL_ADDRESS,
    CmResourceShareDeviceExclusive,
    CmResourceTypeMemory,
    CmResourceTypePort,
)
from fakes.pci_function import FakeFunction
from unit.pnp.conftest import Opener

MEMORY, PREFETCHABLE, WIDE, PORT = 0x0, 0x8, 0x4, 0x1


@pytest.fixture
def empty_machine(open_bus: Opener) -> Machine:
    """A machine without a device on the bus."""
    return open_bus()


def look(open_bus: Opener, fake: FakeFunction) -> PciFunction:
    machine = open_bus(fake)
    (node,) = machine.devices
    function = node.physical_device_object.device_extension.function
    assert isinstance(function, PciFunction)
    return function


@pytest.mark.row("C04")
def test_sizes_and_kinds_of_ranges(open_bus: Opener) -> None:
    bars = ((MEMORY, 4096), (PREFETCHABLE | WIDE, 1 << 20), (PORT, 16), (MEMORY, 0), (MEMORY, 16))
    function = look(open_bus, FakeFunction(bars=bars))
    assert [(b.offset, b.memory, b.size, b.prefetchable, b.is_64_bit) for b in function.bars] == [
        (0x10, True, 4096, False, False),
        (0x14, True, 1 << 20, True, True),
        (0x1C, False, 16, False, False),
        (0x24, True, 16, False, False),
    ]


@pytest.mark.row("C04")
def test_a_port_range_that_decodes_16_bits(open_bus: Opener) -> None:
    fake = FakeFunction(bars=((PORT, 64),))
    fake.writable[0x10] = 0x0000_FFC0
    assert [bar.size for bar in look(open_bus, fake).bars] == [64]


@pytest.mark.row("C04")
def test_a_range_beyond_4_gib(open_bus: Opener) -> None:
    with pytest.raises(ResourceConflict, match="needs 0x200000000 bytes of memory"):
        open_bus(FakeFunction(bars=((PREFETCHABLE | WIDE, 1 << 33),)))


@pytest.mark.row("C06")
def test_C06_sizing_touches_nothing_that_lasts(open_bus: Opener) -> None:
    fake = FakeFunction(bars=((MEMORY, 4096), (PORT, 16)))
    fake.dwords[1] |= 0x3
    fake.dwords[4] |= 0x9000_0000
    status = fake.dwords[1] >> 16
    look(open_bus, fake)
    assert fake.command == 0x3
    assert fake.dwords[4] == 0x9000_0000
    assert fake.dwords[1] >> 16 == status  # writing one would have cleared it
    commands = [(value & 0xFFFF, enables) for offset, value, enables in fake.log if offset == 4]
    assert commands[0] == (0, 0x3)  # the decoders are off before any other register is written
    assert all(enables == 0x3 for _, enables in commands)
    assert fake.log[0][0] == 4
    assert fake.log[-1][0] == 4


def test_bridges_are_left_alone(open_bus: Opener) -> None:
    fake = FakeFunction(class_code=0x060000, bars=((MEMORY, 4096),))
    assert look(open_bus, fake).bars == ()
    assert fake.log == []


@pytest.mark.row("C10")
def test_C10_a_capability_list_with_a_loop(open_bus: Opener) -> None:
    fake = FakeFunction(message=True)
    fake.dwords[0x50 // 4] = 0x09 | 0x50 << 8
    assert look(open_bus, fake).message_capability == 0


def test_the_message_capability(open_bus: Opener) -> None:
    assert look(open_bus, FakeFunction(message=True)).message_capability == 0x60


@pytest.mark.parametrize(("wide", "mask"), [(0, 0x6C), (0x80, 0x70)])
@pytest.mark.parametrize("maskable", [0, 0x100])
def test_C19_a_message_that_is_programmed_is_not_masked(
    open_bus: Opener, wide: int, mask: int, maskable: int
) -> None:
    fake = FakeFunction(message=True)
    fake.dwords[0x60 // 4] = 0x05 | (wide | maskable) << 16
    fake.dwords[mask // 4], fake.writable[mask] = 0xFFFF_FFFF, 0xFFFF_FFFF
    look(open_bus, fake).program_message(0xFEE0_0000, 0x21)
    assert fake.dwords[mask // 4] == (0 if maskable else 0xFFFF_FFFF)
    assert fake.dwords[0x60 // 4] >> 16 == wide | maskable | 1


def test_identities(open_bus: Opener) -> None:
    machine = open_bus(FakeFunction())
    (node,) = machine.devices
    assert node.hardware_ids == [
        r"PCI\VEN_1234&DEV_D101&SUBSYS_BEEF5678&REV_07",
        r"PCI\VEN_1234&DEV_D101&SUBSYS_BEEF5678",
        r"PCI\VEN_1234&DEV_D101&REV_07",
        r"PCI\VEN_1234&DEV_D101",
        r"PCI\VEN_1234&DEV_D101&CC_FF0000",
        r"PCI\VEN_1234&DEV_D101&CC_FF00",
    ]
    assert node.compatible_ids == [
        r"PCI\VEN_1234&DEV_D101&REV_07",
        r"PCI\VEN_1234&DEV_D101",
        r"PCI\VEN_1234&CC_FF0000",
        r"PCI\VEN_1234&CC_FF00",
        r"PCI\VEN_1234",
        r"PCI\CC_FF0000",
        r"PCI\CC_FF00",
    ]
    assert node.instance_id == "01"
    assert node.matches(r"pci\ven_1234&dev_d101")
    assert node.rank((r"PCI\CC_FF00", r"PCI\VEN_1234&DEV_D101")) == 3
    assert not node.matches(r"PCI\VEN_12")
    assert (node.description, node.location) == ("PCI Device", "PCI bus 0, device 1, function 0")


def test_functions_of_one_device(open_bus: Opener) -> None:
    multi = open_bus(
        FakeFunction(device=3, header_type=0x80),
        FakeFunction(device=3, function=2, id=2),
        FakeFunction(device=3, function=7, id=7),
        FakeFunction(device=9, id=9),
    )
    assert [node.instance_id for node in multi.devices] == ["03", "43", "E3", "09"]


def test_without_the_multi_function_bit_there_is_one(open_bus: Opener) -> None:
    single = open_bus(FakeFunction(device=3), FakeFunction(device=3, function=2))
    assert [node.instance_id for node in single.devices] == ["03"]


# Arbiters.


def wanted_range(
    size: int, *, memory: bool = True, prefetchable: bool = False, last: int = 0xFFFF_FFFF
) -> IO_RESOURCE_DESCRIPTOR:
    descriptor = IO_RESOURCE_DESCRIPTOR(
        CmResourceTypeMemory if memory else CmResourceTypePort,
        CmResourceShareDeviceExclusive,
        CM_RESOURCE_MEMORY_PREFETCHABLE if prefetchable else 0,
    )
    where = descriptor.u.memory if memory else descriptor.u.port
    where.length = where.alignment = size
    where.maximum_address = PHYSICAL_ADDRESS(last)
    return descriptor


def pci_ranges(machine: Machine) -> BusRanges:
    """Arbiters of the ranges that the PCI bus of a machine has."""
    (bus,) = machine.pnp.root.children
    assert bus.boot_resources is not None
    return BusRanges.of(bus.boot_resources.list[0].partial_resource_list.partial_descriptors)


memory_ranges = st.builds(
    wanted_range, st.sampled_from([16, 64, 256, 4096, 1 << 16]), prefetchable=st.booleans()
)
port_ranges = st.builds(wanted_range, st.sampled_from([16, 64, 256]), memory=st.just(False))


@given(wanted=st.lists(st.lists(memory_ranges | port_ranges, max_size=6), max_size=8))
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_ranges_are_aligned_apart_and_inside(
    wanted: list[list[IO_RESOURCE_DESCRIPTOR]], empty_machine: Machine
) -> None:
    placed = pci_ranges(empty_machine).place(wanted)
    assert [[d.type for d in each] for each in placed] == [[d.type for d in each] for each in wanted]
    asked = [descriptor for each in wanted for descriptor in each]
    given_out = [descriptor for each in placed for descriptor in each]
    for kind, low, high in (
        (CmResourceTypeMemory, 0x8000_0000, 0xC000_0000),
        (CmResourceTypePort, 0x1000, 0x1_0000),
    ):
        pairs = [(a.u, g.u) for a, g in zip(asked, given_out, strict=True) if g.type == kind]
        ranges = [
            (a.memory, g.memory) if kind == CmResourceTypeMemory else (a.port, g.port) for a, g in pairs
        ]
        assert all(a.length == g.length and g.start % g.length == 0 for a, g in ranges)
        taken = sorted((g.start, g.start + g.length) for _, g in ranges)
        assert all(low <= start < end <= high for start, end in taken)
        assert all(one[1] <= other[0] for one, other in itertools.pairwise(taken))


def test_no_room_is_lost_between_ranges(empty_machine: Machine) -> None:
    sizes = [16, 4096, 64, 1 << 16]
    (placed,) = pci_ranges(empty_machine).place([[wanted_range(size) for size in sizes]])
    assert sum(sizes) == max(p.u.memory.start + p.u.memory.length for p in placed) - 0x8000_0000


def test_a_range_that_does_not_fit(empty_machine: Machine) -> None:
    with pytest.raises(ResourceConflict, match="a device needs 0x80000000 bytes of memory"):
        pci_ranges(empty_machine).place([[wanted_range(1 << 31)]])


def test_a_range_stays_below_the_last_address_allowed(empty_machine: Machine) -> None:
    ranges = pci_ranges(empty_machine)
    ((placed,),) = ranges.place([[wanted_range(16, last=0x8000_000F)]])
    assert placed.u.memory.start == 0x8000_0000
    with pytest.raises(ResourceConflict, match="that end at or below 0x8000000f"):
        ranges.place([[wanted_range(16, last=0x8000_000F)]])


def test_a_bus_without_ranges_has_none_to_give() -> None:
    with pytest.raises(ResourceConflict, match="its bus has 0x0 bytes left"):
        BusRanges.of([]).place([[wanted_range(16)]])


def test_messages_have_inputs_of_their_own(empty_machine: Machine) -> None:
    arbiter = InterruptArbiter(empty_machine.hal.interrupts, processors=1)
    taken = [arbiter.take_message_input() for _ in range(12)]
    assert len(set(taken)) == 12
    assert not {4, 6, 8, 10} & set(taken)
    with pytest.raises(ResourceConflict, match="all 16 inputs are in use"):
        arbiter.take_message_input()


@pytest.mark.parametrize("kind", [MEMORY, PREFETCHABLE, WIDE, PORT])
@pytest.mark.row("C04")
def test_C04_every_size(open_bus: Opener, kind: int) -> None:
    sizes = [1 << log2 for log2 in (range(4, 9) if kind == PORT else range(4, 24, 3))]
    fakes = [FakeFunction(device=n, bars=((kind, size),)) for n, size in enumerate(sizes, 1)]
    nodes = open_bus(*fakes).devices
    assert [node.physical_device_object.device_extension.function.bars[0].size for node in nodes] == sizes
