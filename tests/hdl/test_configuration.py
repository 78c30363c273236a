# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The configuration header of the store function and of the host bridge, over the bus."""

from __future__ import annotations

import pytest

from dirql.hardware.place import Place
from dirql.registers import interrupt_controller, pci_configuration as pci, store, store_io, timestamp
from dirql.target.contract import MasterAbort
from fakes.default_machine import MACHINE, STORE, TIMESTAMP
from hdl.machine_bench import BUFFER, CONTROLLER, FUNCTION, PORTS, REGISTERS, Bench

# The bits that software may change in each dword. Every other bit of the 256 bytes is read-only.
WRITABLE = {
    0x04: 0x0547,
    0x0C: 0x0000_F8FF,
    0x10: 0xFFFF_F000,
    0x14: 0xFFFF_0000,
    0x18: 0xFFFF_FFF0,
    0x3C: 0x0000_00FF,
    0x40: 0x0071_0000,
    0x44: 0xFFFF_FFFC,
    0x48: 0xFFFF_FFFF,
    0x4C: 0x0000_FFFF,
    0x50: 0x0000_0001,
}
STATUS_OF_BRIDGE = MACHINE.host_bridge.configuration_address | 0x04
IDENTITY = STORE.type.identity.device << 16 | STORE.type.identity.vendor
RECEIVED_MASTER_ABORT = pci.STATUS.RECEIVED_MASTER_ABORT << 16


def test_C01_present_functions_have_a_vendor_and_absent_ones_abort(fresh: Bench) -> None:
    assert fresh.target.read_configuration(FUNCTION) == IDENTITY
    assert fresh.target.read_configuration(0) & 0xFFFF != 0xFFFF
    last = max(function.place.device for function in MACHINE.functions)
    for device in (last + 1, 15, 16, 31):
        with pytest.raises(MasterAbort):
            fresh.target.read_configuration(Place(0, device, 0).configuration_address)
    assert fresh.target.read_configuration(STATUS_OF_BRIDGE) & RECEIVED_MASTER_ABORT == 0


def test_C01_T16_other_functions_and_buses_abort(fresh: Bench) -> None:
    for address in (FUNCTION | 1 << 8, FUNCTION | 7 << 8, FUNCTION | 1 << 16):
        with pytest.raises(MasterAbort):
            fresh.target.read_configuration(address)


def test_C02_read_only_bits_survive_writes_of_ones_and_zeros(fresh: Bench) -> None:
    before = [fresh.target.read_configuration(FUNCTION | offset) for offset in range(0, 256, 4)]
    for offset in range(0, 256, 4):
        for value in (0xFFFF_FFFF, 0):
            fresh.target.write_configuration(FUNCTION | offset, value)
            writable = WRITABLE.get(offset, 0)
            expected = (before[offset // 4] & ~writable) | (value & writable)
            assert fresh.target.read_configuration(FUNCTION | offset) == expected, hex(offset)


def test_C03_values_after_reset(fresh: Bench) -> None:
    assert fresh.read_header(pci.COMMAND) & 0xFFFF == 0
    assert fresh.read_header(pci.STATUS) & 0xFFFF == pci.STATUS.CAPABILITY_LIST | 1 << 9
    assert fresh.read_header(pci.CLASS_REVISION) == 0xFF00_0001
    assert fresh.target.read_configuration(FUNCTION | 0x2C) == IDENTITY
    assert fresh.target.read_configuration(0x08) >> 8 == 0x06_0000


def test_C04_bars_give_their_size_and_decode_where_placed(bench: Bench) -> None:
    for index, (mask, base) in enumerate(
        ((0xFFFF_F000, REGISTERS), (0xFFFF_0008, BUFFER | 8), (0xFFFF_FFF1, PORTS | 1))
    ):
        bar = FUNCTION | (0x10 + 4 * index)
        bench.target.write_configuration(bar, 0xFFFF_FFFF)
        assert bench.target.read_configuration(bar) == mask
        bench.target.write_configuration(bar, base)
        assert bench.target.read_configuration(bar) == base
    assert bench.read(store.ID) == 0x53544F52
    bench.target.write_configuration(FUNCTION | 0x10, 0x9000_0000)
    assert bench.target.read_memory(0x9000_0000) == 0x53544F52
    with pytest.raises(MasterAbort):
        bench.read(store.ID)


def test_C05_T02_command_gates_each_space(bench: Bench) -> None:
    for enables, memory, io in ((0, False, False), (1, False, True), (2, True, False), (3, True, True)):
        bench.write_header(pci.COMMAND, enables, 2)
        for read, address, expected in (
            (bench.target.read_memory, REGISTERS, memory),
            (bench.target.read_memory, BUFFER, memory),
            (bench.target.read_io, PORTS + 4, io),
        ):
            if expected:
                read(address)
            else:
                with pytest.raises(MasterAbort):
                    read(address)


def test_C06_M17_status_bits_clear_one_by_one(bench: Bench) -> None:
    with pytest.raises(MasterAbort):
        bench.target.read_memory(0xA000_0000)
    assert bench.target.read_configuration(STATUS_OF_BRIDGE) & RECEIVED_MASTER_ABORT
    for other in (0x1000_0000, 0, 0xDFFF_0000):
        bench.target.write_configuration(STATUS_OF_BRIDGE, other, 0xC)
        assert bench.target.read_configuration(STATUS_OF_BRIDGE) & RECEIVED_MASTER_ABORT
    bench.target.write_configuration(STATUS_OF_BRIDGE, RECEIVED_MASTER_ABORT, 0x3)
    assert bench.target.read_configuration(STATUS_OF_BRIDGE) & RECEIVED_MASTER_ABORT
    bench.target.write_configuration(STATUS_OF_BRIDGE, RECEIVED_MASTER_ABORT, 0xC)
    assert bench.target.read_configuration(STATUS_OF_BRIDGE) & RECEIVED_MASTER_ABORT == 0


def test_C09_line_is_scratch_and_pin_is_fixed(fresh: Bench) -> None:
    fresh.write_header(pci.INTERRUPT_LINE, 0xA5, 1)
    assert fresh.read_header(pci.INTERRUPT_LINE) & 0xFFFF == 0x01A5
    fresh.write_header(pci.INTERRUPT_PIN, 0x03, 1)
    assert fresh.read_header(pci.INTERRUPT_LINE) & 0xFFFF == 0x01A5


def test_C10_capability_list_ends(fresh: Bench) -> None:
    assert fresh.read_header(pci.STATUS) & pci.STATUS.CAPABILITY_LIST
    seen: dict[int, int] = {}
    pointer = fresh.read_header(pci.CAPABILITIES_POINTER) & 0xFF
    while pointer:
        assert 0x40 <= pointer <= 0xFC
        assert pointer % 4 == 0
        assert pointer not in seen
        head = fresh.target.read_configuration(FUNCTION | pointer)
        seen[pointer] = head & 0xFF
        pointer = head >> 8 & 0xFF
    assert sorted(seen.values()) == [0x05, 0x09]
    assert fresh.read_header(pci.VENDOR_TIMESTAMP) == TIMESTAMP


def test_C11_what_is_not_there_reads_zero_and_takes_writes(bench: Bench) -> None:
    for offset in (0x1C, 0x20, 0x24, 0x28, 0x30, 0x38, 0x6C, 0x80, 0xFC):
        bench.target.write_configuration(FUNCTION | offset, 0xFFFF_FFFF)
        assert bench.target.read_configuration(FUNCTION | offset) == 0
    for address in (REGISTERS + 0x05C, REGISTERS + 0x200, REGISTERS + 0xFFC):
        bench.target.write_memory(address, 0xFFFF_FFFF)
        assert bench.target.read_memory(address) == 0
    assert bench.target.read_io(PORTS + 8) == 0
    assert bench.target.read_io(PORTS + 12) == 0


def test_C12_byte_writes_change_only_their_bytes(bench: Bench) -> None:
    places = [
        (bench.target.read_configuration, bench.target.write_configuration, FUNCTION | 0x48),
        (bench.target.read_memory, bench.target.write_memory, REGISTERS + store.LENGTH.offset),
        (bench.target.read_memory, bench.target.write_memory, BUFFER + 0x40),
    ]
    for read, write, address in places:
        write(address, 0x1122_3344, 0xF)
        expected = 0x1122_3344
        for enables in (0x1, 0x2, 0x4, 0x8, 0x3, 0xC, 0x6, 0x5, 0xA, 0x0):
            value = 0x8899_AABB ^ enables * 0x0101_0101
            write(address, value, enables)
            mask = sum(0xFF << 8 * lane for lane in range(4) if enables >> lane & 1)
            expected = (expected & ~mask) | (value & mask)
            assert read(address) == expected


def test_M13_io_bytes_move_by_address(bench: Bench) -> None:
    bench.target.write_io(PORTS + 1, 0x5A00, 0x2)
    assert bench.target.read_io(PORTS) & 0xFF00 == 0x5A00


def test_M13_two_high_bytes_move_at_the_third_address(bench: Bench) -> None:
    bench.target.write_io(PORTS, 0x1234_5678)
    assert bench.target.read_io(PORTS + 2, 0xC) >> 16 == 0x1234


def test_T02_a_function_that_was_never_placed_answers_nowhere(fresh: Bench) -> None:
    enables = pci.COMMAND.pack(io_enable=1, memory_enable=1)
    fresh.write_header(pci.COMMAND, enables, 2)
    for access in (fresh.target.read_memory, fresh.target.read_io):
        with pytest.raises(MasterAbort):
            access(0)


def test_registers_answer_at_their_own_addresses_only(bench: Bench) -> None:
    """A block of registers fills the beginning of its range; behind it there is nothing that reads or takes writes."""
    target = bench.target
    bench.write(store.LENGTH, 0x1234)
    bench.write_controller(interrupt_controller.ENABLE, 0x0F0F)
    for address, distances in (
        (REGISTERS + store.LENGTH.offset, (0x200, 0x400, 0x800)),
        (CONTROLLER + interrupt_controller.ENABLE.offset, (0x80, 0x100, 0x200, 0x400, 0x800)),
        (PORTS + store_io.FIFO_DATA.offset, (8,)),
        (TIMESTAMP + timestamp.CONTROL.offset, (0x40, 0x80, 0x100, 0x200, 0x400, 0x800)),
    ):
        read, write = (
            (target.read_io, target.write_io)
            if address < REGISTERS
            else (target.read_memory, target.write_memory)
        )
        for distance in distances:
            write(address + distance, 1)
            assert read(address + distance) == 0
    assert bench.read(store.LENGTH) == 0x1234
    assert bench.read_controller(interrupt_controller.ENABLE) == 0x0F0F
    assert target.read_io(PORTS + store_io.FIFO_STATUS.offset) & store_io.FIFO_STATUS.EMPTY
    assert target.read_memory(TIMESTAMP + timestamp.TRANSACTIONS.offset) > 40
