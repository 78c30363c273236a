# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The tests of the RAM disk: its data is compared with what the memory of the machine has."""

import random
import struct
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from dirql import wdm
from dirql.driver_files import driver_module
from dirql.io.errors import IoError
from dirql.io.handle import Handle
from dirql.io.objects import DeviceObject
from dirql.machine import LoadError, Machine
from dirql.nt.constants import FILE_READ_DATA, FILE_WRITE_DATA

DRIVER = Path(__file__).with_name("ram_disk.py")
NAME = r"\\.\RamDisk"
SECTOR = 512
DISK = 256 * SECTOR
GET_DRIVE_GEOMETRY, GET_LENGTH_INFO, IS_WRITABLE, PROTECT = 0x70000, 0x7405C, 0x70024, 0x7A000

pytestmark = pytest.mark.driver(DRIVER, name=NAME)


def in_memory(machine: Machine, device: DeviceObject, offset: int, length: int) -> bytes:
    """The bytes of the disk as they stand in the machine's RAM."""
    address = device.device_extension.sectors + offset
    pieces = machine.memory_manager.runs(address, length, write=False)
    return b"".join(bytes(machine.target.memory[start:end]) for start, end in pieces)


def test_sectors_are_where_they_were_written_and_zero_elsewhere(
    handle: Handle, device: DeviceObject, machine: Machine
) -> None:
    expected = bytearray(DISK)
    numbers = random.Random(3)
    for _ in range(20):
        begin, count = numbers.randrange(250), numbers.randrange(1, 7)
        data = numbers.randbytes(count * SECTOR)
        assert handle.write(data, offset=begin * SECTOR) == len(data)
        expected[begin * SECTOR : begin * SECTOR + len(data)] = data
    is_same = (
        in_memory(machine, device, 0, DISK) == expected
    )  # pytest would take minutes to show how they differ
    assert is_same
    is_same = handle.read(DISK) == expected
    assert is_same


@pytest.mark.parametrize(
    ("length", "offset"),
    [
        (SECTOR - 1, 0),
        (SECTOR, 1),
        (SECTOR, SECTOR - 1),
        (SECTOR, DISK),
        (2 * SECTOR, DISK - SECTOR),
        (DISK + SECTOR, 0),
        (SECTOR, (1 << 63) - SECTOR),
    ],
)
def test_a_part_of_a_sector_and_a_sector_beyond_the_end_are_refused(
    handle: Handle, device: DeviceObject, machine: Machine, length: int, offset: int
) -> None:
    for begin in (handle.read_overlapped(length, offset), handle.write_overlapped(b"x" * length, offset)):
        with pytest.raises(IoError, match="STATUS_INVALID_PARAMETER"):
            begin.result()
    assert not any(in_memory(machine, device, 0, DISK))


def test_the_last_sector_and_no_sector_at_all_can_be_moved(handle: Handle) -> None:
    assert handle.write(b"z" * SECTOR, offset=DISK - SECTOR) == SECTOR
    assert handle.read(SECTOR, offset=DISK - SECTOR) == b"z" * SECTOR
    assert handle.write(b"", offset=DISK) == 0
    assert handle.read(0) == b""


def test_geometry_and_length_agree(handle: Handle) -> None:
    geometry = struct.unpack("<qIIII", handle.ioctl(GET_DRIVE_GEOMETRY, output_length=24))
    cylinders, media, tracks, sectors, size = geometry
    assert (media, size) == (12, SECTOR)
    (length,) = struct.unpack("<q", handle.ioctl(GET_LENGTH_INFO, output_length=8))
    assert length == cylinders * tracks * sectors * size == DISK


@pytest.mark.parametrize(("code", "size"), [(GET_DRIVE_GEOMETRY, 24), (GET_LENGTH_INFO, 8)])
def test_a_buffer_that_is_too_small_is_refused(handle: Handle, code: int, size: int) -> None:
    with pytest.raises(IoError, match="STATUS_BUFFER_TOO_SMALL"):
        handle.ioctl(code, output_length=size - 1)


def test_a_protected_disk_says_so_and_keeps_its_data(
    handle: Handle, device: DeviceObject, machine: Machine
) -> None:
    handle.write(b"a" * SECTOR)
    handle.ioctl(IS_WRITABLE)
    handle.ioctl(PROTECT, b"\1")
    with pytest.raises(IoError, match="STATUS_MEDIA_WRITE_PROTECTED"):
        handle.ioctl(IS_WRITABLE)
    with pytest.raises(IoError, match="STATUS_MEDIA_WRITE_PROTECTED"):
        handle.write(b"b" * SECTOR)
    assert in_memory(machine, device, 0, SECTOR) == handle.read(SECTOR) == b"a" * SECTOR
    handle.ioctl(PROTECT, b"\0")
    handle.write(b"b" * SECTOR)


@pytest.mark.usefixtures("device")
def test_the_access_of_the_handle_is_that_of_the_control_code(machine: Machine) -> None:
    with Handle(NAME, FILE_READ_DATA) as reader, Handle(NAME, FILE_WRITE_DATA) as writer:
        reader.ioctl(IS_WRITABLE)
        with pytest.raises(IoError, match="STATUS_ACCESS_DENIED"):
            reader.ioctl(PROTECT, b"\1")
        with pytest.raises(IoError, match="STATUS_ACCESS_DENIED"):
            writer.ioctl(GET_LENGTH_INFO, output_length=8)


def test_an_unknown_control_code_is_refused(handle: Handle) -> None:
    with pytest.raises(IoError, match="STATUS_INVALID_DEVICE_REQUEST"):
        handle.ioctl(0x70004)


def test_the_driver_is_unloaded_when_the_last_handle_is_closed(machine: Machine) -> None:
    driver = machine.load_driver(DRIVER)
    handle = machine.open(NAME)
    machine.unload_driver(driver)
    assert handle.read(SECTOR) == bytes(SECTOR)
    with pytest.raises(IoError):
        machine.open(NAME)
    handle.close()
    machine.sleep(0.001)
    machine.load_driver(DRIVER)
    with machine.open(NAME) as again:
        again.write(bytes(SECTOR))


def take_the_name(driver: wdm.DRIVER_OBJECT, registry_path: str) -> int:
    """The DriverEntry of a driver that has the name of the disk for itself."""
    driver.driver_unload = give_the_name_back
    return wdm.IoCreateSymbolicLink(r"\DosDevices\RamDisk", r"\Device\Squatter")


def give_the_name_back(driver: wdm.DRIVER_OBJECT) -> None:
    wdm.IoDeleteSymbolicLink(r"\DosDevices\RamDisk")


def test_a_disk_whose_name_is_taken_leaves_nothing_behind(machine: Machine) -> None:
    squatter = machine.load_driver(SimpleNamespace(DriverEntry=take_the_name), "squatter")
    with pytest.raises(LoadError, match="STATUS_OBJECT_NAME_COLLISION"):
        machine.load_driver(DRIVER)
    machine.unload_driver(squatter)
    machine.load_driver(DRIVER)


def test_the_transfers_that_dirql_run_measures_work(device: DeviceObject, machine: Machine) -> None:
    scenario = driver_module(Path(__file__).with_name("ram_disk.py")).scenario
    with contextmanager(scenario)(machine) as transfer:
        assert [transfer(number) for number in range(3)] == [1024] * 3
