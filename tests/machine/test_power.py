# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The system sleeps and wakes while the shipped drivers have requests, against the RTL."""

from __future__ import annotations

import random
import struct

import pytest

from dirql.drivers import gpio
from dirql.drivers.gpio.interface import (
    IOCTL_GPIO_CONFIGURE,
    IOCTL_GPIO_READ,
    IOCTL_GPIO_WAIT,
    IOCTL_GPIO_WRITE,
    Configuration,
    Levels,
    pack_pins,
    program_name,
)
from dirql.drivers.store.interface import (
    IOCTL_STORE_GET_STATISTICS,
    IOCTL_STORE_SET_MODE,
    Statistics,
    TransferMode,
)
from dirql.io.errors import IoError
from dirql.io.handle import Handle, Overlapped
from dirql.machine import Machine, open_machine
from dirql.nt import status as nt
from dirql.pnp.node import DeviceNode
from dirql.registers.pci_configuration import COMMAND
from dirql.registers.store import ID
from dirql.wdm import (
    READ_REGISTER_ULONG,
    MmMapIoSpace,
    MmNonCached,
    MmUnmapIoSpace,
    PowerDeviceD0,
    PowerDeviceD3,
)
from machine.store_twins import chosen, each_driver, store_in

MODES = (TransferMode.TIMER_POLLED, TransferMode.INTERRUPT, TransferMode.DMA)
LENGTH = 8192


def set_mode(handle: Handle, mode: TransferMode) -> None:
    handle.ioctl(IOCTL_STORE_SET_MODE, struct.pack("<I", mode), 0)


def node_of(machine: Machine) -> DeviceNode:
    return next(node for node in machine.devices if node.driver is machine.io.drivers["store"])


def state_of(machine: Machine) -> int:
    return node_of(machine).physical_device_object.device_object_extension.device_power_state


def decoders(machine: Machine) -> int:
    place = machine.target.description.functions_named("store")[0].place.configuration_address
    command = machine.target.read_configuration(place + COMMAND.offset)
    return command & (COMMAND.MEMORY_ENABLE | COMMAND.BUS_MASTER)


@each_driver
@pytest.mark.parametrize("mode", MODES, ids=[mode.name.lower() for mode in MODES])
@pytest.mark.parametrize("processors", [1, 2])
def test_PWR_16_requests_are_finished_or_held_while_the_system_sleeps(
    request: pytest.FixtureRequest, mode: TransferMode, processors: int
) -> None:
    data = random.Random(5).randbytes(LENGTH)
    target = request.config.getoption("dirql_target")
    with open_machine(
        target, drivers=[store_in(chosen.language)], processors=processors, seed=processors - 1
    ) as machine:
        with machine.open(r"\\.\Store0") as handle:
            set_mode(handle, mode)
            before = [
                handle.write_overlapped(data[at : at + 2048], offset=at) for at in range(0, LENGTH, 2048)
            ]
            asleep: list[tuple[int, int, bool, Overlapped, int]] = []

            def use() -> None:
                machine.sleep(0.02)
                later = handle.write_overlapped(b"later", offset=0)
                machine.sleep(0.001)
                answer = handle.ioctl(IOCTL_STORE_GET_STATISTICS, b"", 64)
                counted = Statistics.unpack(answer).busy_clocks
                asleep.append((state_of(machine), decoders(machine), later.has_completed, later, counted))

            user = machine.create_thread(use)
            machine.suspend("S3", seconds=0.05)
            user.join()
            ((state, enabled, was_complete, later, busy),) = asleep
            assert (state, enabled, was_complete) == (PowerDeviceD3, 0, False)
            assert busy > 0
            assert all(each.wait(1) and each.status == nt.STATUS_SUCCESS for each in before)
            assert later.wait(1)
            assert handle.read(LENGTH) == b"later" + data[5:]
            assert (state_of(machine), decoders(machine) != 0) == (PowerDeviceD0, True)
        assert machine.defects == []


@each_driver
def test_PWR_16_a_request_that_is_held_can_be_cancelled(machine: Machine) -> None:
    chosen.load(machine)
    with machine.open(r"\\.\Store0") as handle:
        found: list[object] = []

        def use() -> None:
            machine.sleep(0.01)
            first, second = handle.read_overlapped(16), handle.read_overlapped(16)
            second.cancel()
            found.append(second.status)
            first.cancel()
            found.append(first.status)
            third = handle.read_overlapped(16)
            found.append(third.has_completed)
            found.append(third.wait(1))

        user = machine.create_thread(use)
        machine.suspend("S3", seconds=0.02)
        user.join()
        assert found == [nt.STATUS_CANCELLED, nt.STATUS_CANCELLED, False, True]


@each_driver
def test_PWR_16_a_file_that_is_closed_while_its_device_sleeps_takes_its_requests_with_it(
    machine: Machine,
) -> None:
    chosen.load(machine)
    found: list[object] = []

    def use() -> None:
        machine.sleep(0.01)
        handle = machine.open(r"\\.\Store0")
        held = handle.read_overlapped(16)
        handle.close()
        found.append(held.status)

    user = machine.create_thread(use)
    machine.suspend("S3", seconds=0.02)
    user.join()
    assert found == [nt.STATUS_CANCELLED]


@each_driver
def test_PWR_07_a_machine_that_was_switched_off_can_be_closed(request: pytest.FixtureRequest) -> None:
    with open_machine(
        request.config.getoption("dirql_target"), drivers=[store_in(chosen.language)]
    ) as machine:
        handle = machine.open(r"\\.\Store0")
        machine.power_off()
        held = handle.read_overlapped(16)
        assert not held.has_completed
        assert (state_of(machine), decoders(machine)) == (PowerDeviceD3, 0)
        machine.pnp.remove_devices(machine.io.drivers["store"])
        with pytest.raises(IoError) as failed:
            held.result()
        assert failed.value.status == nt.STATUS_DEVICE_REMOVED
        handle.close()


@each_driver
def test_PWR_16_an_access_to_a_device_that_sleeps_is_told(machine: Machine) -> None:
    """The test itself has mapped the registers, as a driver does that does not wait for D0."""
    chosen.load(machine)
    memory = node_of(machine).ranges[0].u.memory
    address = MmMapIoSpace(memory.start, memory.length, MmNonCached)
    assert address is not None
    assert READ_REGISTER_ULONG(address + ID.offset) == ID.reset
    machine.power_off()
    assert READ_REGISTER_ULONG(address + ID.offset) == 0xFFFF_FFFF
    row, sentence = machine.defects.pop()
    MmUnmapIoSpace(address, memory.length)
    assert row == "PWR-16"
    assert "must not access its device while the device is not in D0" in sentence


@pytest.mark.machine("crowd")
def test_PWR_16_the_gpio_driver_holds_requests_and_its_waits_go_on(machine: Machine) -> None:
    machine.load_driver(gpio)
    with machine.open(program_name(0)) as pins:
        use = Configuration(outputs=0x00FF, loopback=0x00FF, rising=0x0003)
        pins.ioctl(IOCTL_GPIO_CONFIGURE, use.pack(), 0)
        pins.ioctl(IOCTL_GPIO_WRITE, Levels(0x00FF, 0x0040).pack(), 0)
        waits = [pins.ioctl_overlapped(IOCTL_GPIO_WAIT, pack_pins(1), 2)]
        asleep: list[Overlapped] = []

        def work() -> None:
            machine.sleep(0.01)
            waits.append(pins.ioctl_overlapped(IOCTL_GPIO_WAIT, pack_pins(2), 2))
            asleep.append(pins.ioctl_overlapped(IOCTL_GPIO_READ, b"", 2))
            asleep.append(pins.ioctl_overlapped(IOCTL_GPIO_WRITE, Levels(0x0003, 0x0003).pack(), 0))
            assert not any(each.has_completed for each in (*waits, *asleep))

        worker = machine.create_thread(work)
        machine.suspend("S3", seconds=0.02)
        worker.join()
        assert all(each.wait(1) for each in (*waits, *asleep))
        assert asleep[0].result()[:2] == pack_pins(0x0040)
        assert [each.result() for each in waits] == [pack_pins(1), pack_pins(2)]
        assert pins.ioctl(IOCTL_GPIO_READ, b"", 2) == pack_pins(0x0043)
