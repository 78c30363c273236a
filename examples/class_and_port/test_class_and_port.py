# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The tests of the pair: data past both drivers, the pieces that the device gets, repeats, and every way to end."""

import random
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from dirql.io.errors import IoError
from dirql.io.handle import Handle, Overlapped
from dirql.io.objects import DeviceObject, DriverObject
from dirql.machine import LoadError, Machine
from dirql.registers import store as regs
from dirql.registers.pci_configuration import BAR, COMMAND
from dirql.target.contract import BusFault, BusStatus

PORT = Path(__file__).with_name("port_driver.py")
CLASS = Path(__file__).with_name("class_driver.py")
NAME = r"\\.\Block0"


@pytest.fixture
def driver(machine: Machine) -> DriverObject:
    """The class driver, above the port driver."""
    machine.load_driver(PORT)
    return machine.load_driver(CLASS)


@pytest.fixture
def device(driver: DriverObject) -> DeviceObject:
    assert driver.device_object is not None
    return driver.device_object


@pytest.fixture
def handle(machine: Machine, device: DeviceObject) -> Iterator[Handle]:
    with machine.open(NAME) as opened:
        yield opened


def status_of(request: Overlapped) -> str:
    with pytest.raises(IoError) as failed:
        request.result()
    return str(failed.value)


def header(machine: Machine) -> int:
    """The address of the configuration registers of the first store."""
    return machine.target.description.functions_named("store")[0].place.configuration_address


def lose_commands(machine: Machine, count: int) -> None:
    """Let the next writes of the register COMMAND be lost on their way to the device."""
    registers = machine.target.read_configuration(header(machine) + BAR.offset) & ~0xF
    address = registers + regs.COMMAND.offset
    machine.target.inject_bus_fault(BusFault(address, BusStatus.MASTER_ABORT, count))


def test_a_transfer_of_any_length_and_place_is_moved_in_pieces(handle: Handle, machine: Machine) -> None:
    window, numbers = machine.device_window("store", bar=1), random.Random(4)
    for length in (1, 4095, 4096, 4097, 20_000):
        offset, data = numbers.randrange(1000), numbers.randbytes(length)
        assert handle.write(data, offset) == length
        assert window.read(offset, length) == data
        changed = numbers.randbytes(length)
        window.write(offset, changed)
        is_same = handle.read(length, offset) == changed
        assert is_same


def test_the_port_gets_no_more_than_it_can_do(handle: Handle, machine: Machine) -> None:
    requests: list[str] = []

    def note(device: DeviceObject, irp: object) -> None:
        requests.append(device.name)

    machine.io.hooks.dispatch_entered = note
    handle.write(bytes(10_000))
    assert requests == [r"\Device\Block0"] + [r"\Device\StorePort0"] * 3


@pytest.mark.needs("FAULT_INJECTION")
def test_a_device_that_does_not_answer_is_asked_again(
    handle: Handle, device: DeviceObject, machine: Machine
) -> None:
    lose_commands(machine, 2)
    assert handle.write(b"in the end", offset=5) == 10
    assert machine.device_window("store", bar=1).read(5, 10) == b"in the end"
    assert device.device_extension.retries == 2


@pytest.mark.needs("FAULT_INJECTION")
def test_after_three_repeats_the_program_is_told(
    handle: Handle, device: DeviceObject, machine: Machine
) -> None:
    lose_commands(machine, 4)
    assert "STATUS_IO_TIMEOUT" in status_of(handle.write_overlapped(b"lost"))
    assert device.device_extension.retries == 3
    assert handle.write(b"next") == 4


def test_a_fault_that_a_repeat_cannot_mend_is_told_at_once(
    handle: Handle, device: DeviceObject, machine: Machine
) -> None:
    address = header(machine) + COMMAND.offset
    before = machine.target.read_configuration(address)
    machine.target.write_configuration(address, before & ~COMMAND.BUS_MASTER)
    assert "STATUS_IO_DEVICE_ERROR" in status_of(handle.write_overlapped(b"lost"))
    assert device.device_extension.retries == 0
    machine.target.write_configuration(address, before)
    assert handle.write(b"next") == 4


def test_a_cancelled_transfer_ends_with_the_piece_that_the_port_has(handle: Handle, machine: Machine) -> None:
    window = machine.device_window("store", bar=1)
    window.write(4096, b".")
    request = handle.write_overlapped(b"x" * 40_000)
    request.cancel()
    assert "STATUS_CANCELLED" in status_of(request)
    assert window.read(0, 4097) == b"x" * 4096 + b"."


@pytest.mark.parametrize(("length", "offset"), [(2, (1 << 16) - 1), (1, 1 << 16), (1, (1 << 63) - 1)])
def test_a_place_beyond_the_end_is_refused(handle: Handle, length: int, offset: int) -> None:
    assert "STATUS_INVALID_PARAMETER" in status_of(handle.read_overlapped(length, offset))


def test_a_port_has_one_class_driver(driver: DriverObject, machine: Machine) -> None:
    with pytest.raises(LoadError, match="STATUS_NO_SUCH_DEVICE"):
        machine.load_driver(CLASS, "second_class")


def test_a_class_driver_without_a_port_is_not_loaded(machine: Machine) -> None:
    with pytest.raises(LoadError, match="STATUS_NO_SUCH_DEVICE"):
        machine.load_driver(CLASS)


def test_the_port_can_be_claimed_again_after_its_class_driver_has_gone(
    driver: DriverObject, machine: Machine
) -> None:
    machine.unload_driver(driver)
    machine.load_driver(CLASS)
    with machine.open(NAME) as handle:
        assert handle.write(b"again") == 5


def test_requests_end_when_the_device_is_taken_away(handle: Handle, machine: Machine) -> None:
    requests = [handle.write_overlapped(bytes(20_000)) for _ in range(3)]
    machine.pnp.surprise_remove_devices()
    assert ["STATUS_DEVICE_REMOVED" in status_of(request) for request in requests] == [True] * 3


@pytest.mark.machine(processors=3, seed=6)
def test_transfers_of_several_processors_do_not_mix(handle: Handle, machine: Machine) -> None:
    def write(number: int) -> None:
        for _ in range(3):
            handle.write(bytes([number]) * 5000, offset=5000 * number)

    threads = [machine.create_thread(partial(write, number)) for number in range(4)]
    for thread in threads:
        thread.join()
    expected = b"".join(bytes([number]) * 5000 for number in range(4))
    is_same = machine.device_window("store", bar=1).read(0, 20_000) == expected
    assert is_same


@pytest.mark.machine("shared")
def test_each_port_gets_a_class_device_of_its_own(driver: DriverObject, machine: Machine) -> None:
    names = [rf"\\.\Block{number}" for number in range(4)]
    handles = [machine.open(name) for name in names]
    for number, opened in enumerate(handles):
        opened.write(bytes([number]) * 5000)
    for number, opened in enumerate(handles):
        assert machine.device_window("store", number, bar=1).read(4990, 11) == bytes([number]) * 10 + b"\0"
        opened.close()
