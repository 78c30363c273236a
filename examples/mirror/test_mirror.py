# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The tests of the mirror: both halves past the driver, a half that fails, and its way back."""

import random
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from dirql.drivers import store
from dirql.drivers.store.interface import (
    IOCTL_STORE_SET_MODE,
    IOCTL_STORE_SET_TIMING,
    Timing,
    TransferMode,
    program_name,
)
from dirql.io.errors import IoError
from dirql.io.handle import Handle, Overlapped
from dirql.machine import LoadError, Machine
from dirql.registers.pci_configuration import COMMAND

MIRROR = Path(__file__).with_name("mirror.py")
NAME = r"\\.\Mirror"
GET_STATE, RESYNC = 0x222000, 0x22A004
GOOD, FAILED = 0, 1
BOTH = (GOOD, GOOD)
DEVICE_BYTES = 1 << 16

pytestmark = pytest.mark.machine("shared")


@pytest.fixture
def handle(machine: Machine) -> Iterator[Handle]:
    """The mirror above two stores that move data by DMA."""
    machine.load_driver(store)
    for number in range(2):
        set_delay(machine, number, 0)
    machine.load_driver(MIRROR)
    with machine.open(NAME) as opened:
        yield opened


def set_delay(machine: Machine, number: int, clocks: int) -> None:
    with machine.open(program_name(number)) as device:
        device.ioctl(IOCTL_STORE_SET_MODE, struct.pack("<I", TransferMode.DMA))
        device.ioctl(IOCTL_STORE_SET_TIMING, Timing(clocks, 1_000_000).pack())


def break_half(machine: Machine, number: int, *, is_broken: bool = True) -> None:
    """Take the right to be bus master from a device, or give it back."""
    place = machine.target.description.functions_named("store")[number].place
    address = place.configuration_address + COMMAND.offset
    before = machine.target.read_configuration(address) & 0xFFFF
    wanted = before & ~COMMAND.BUS_MASTER if is_broken else before | COMMAND.BUS_MASTER
    machine.target.write_configuration(address, wanted)


def on_half(machine: Machine, number: int, offset: int = 0, length: int = DEVICE_BYTES) -> bytes:
    return machine.device_window("store", number, bar=1).read(offset, length)


def state(handle: Handle) -> tuple[int, ...]:
    return struct.unpack("<II", handle.ioctl(GET_STATE, output_length=8))


def status_of(request: Overlapped) -> str:
    with pytest.raises(IoError) as failed:
        request.result()
    return str(failed.value)


def test_a_write_goes_to_both_halves(handle: Handle, machine: Machine) -> None:
    data = random.Random(5).randbytes(9000)
    assert handle.write(data, offset=77) == 9000
    is_same = on_half(machine, 0, 77, 9000) == on_half(machine, 1, 77, 9000) == data
    assert is_same
    assert state(handle) == BOTH


def test_reads_take_turns(handle: Handle, machine: Machine) -> None:
    for number in range(2):
        machine.device_window("store", number, bar=1).write(0, bytes([number]) * 4)
    found = [handle.read(1) for _ in range(4)]
    assert sorted(found[:2]) == [b"\0", b"\1"]
    assert found[2:] == found[:2]


def test_both_halves_work_at_the_same_time(handle: Handle, machine: Machine) -> None:
    for number in range(2):
        set_delay(machine, number, 10_000)
    begin = machine.target.now()
    handle.write(b"together")
    assert 10_000 <= machine.target.now() - begin < 15_000


@pytest.mark.parametrize("broken", [0, 1])
def test_the_mirror_goes_on_with_one_half_and_becomes_whole_again(
    handle: Handle, machine: Machine, broken: int
) -> None:
    handle.write(b"before" * 1000)
    break_half(machine, broken)
    assert handle.write(b"during" * 1000, offset=3000) == 6000
    assert state(handle) == ((FAILED, GOOD) if broken == 0 else (GOOD, FAILED))
    assert on_half(machine, broken, 3000, 6) == b"before"
    assert [handle.read(6, offset=3000) for _ in range(4)] == [b"during"] * 4
    assert "STATUS_ADAPTER_HARDWARE_ERROR" in status_of(handle.ioctl_overlapped(RESYNC))
    assert state(handle) != BOTH
    break_half(machine, broken, is_broken=False)
    handle.write(b"after." * 1000, offset=50_000)
    handle.ioctl(RESYNC)
    assert state(handle) == BOTH
    is_same = on_half(machine, 0) == on_half(machine, 1)
    assert is_same
    assert on_half(machine, broken, 50_000, 6) == b"after."


def test_a_read_that_fails_is_done_by_the_other_half(handle: Handle, machine: Machine) -> None:
    handle.write(b"precious")
    break_half(machine, 1)
    assert [handle.read(8) for _ in range(4)] == [b"precious"] * 4
    assert state(handle) == (GOOD, FAILED)
    break_half(machine, 0)
    assert "STATUS_ADAPTER_HARDWARE_ERROR" in status_of(handle.read_overlapped(8))
    break_half(machine, 0, is_broken=False)
    assert handle.read(8) == b"precious"  # the last half is never given up


def test_a_write_that_fails_on_both_halves_fails(handle: Handle, machine: Machine) -> None:
    break_half(machine, 0)
    break_half(machine, 1)
    assert "STATUS_ADAPTER_HARDWARE_ERROR" in status_of(handle.write_overlapped(b"lost"))
    assert state(handle) == BOTH


@pytest.mark.parametrize("seed", [0, 1, 2, 3])
def test_writes_go_on_while_a_half_is_copied(handle: Handle, machine: Machine, seed: int) -> None:
    numbers = random.Random(seed)
    break_half(machine, 1)
    handle.write(numbers.randbytes(DEVICE_BYTES))
    break_half(machine, 1, is_broken=False)
    set_delay(machine, 0, 500)
    set_delay(machine, 1, 900)
    early = [handle.write_overlapped(b"e" * 100, offset=numbers.randrange(60_000)) for _ in range(4)]
    resync = handle.ioctl_overlapped(RESYNC)
    writes = []
    for number in range(30):
        writes.append(handle.write_overlapped(bytes([number]) * 3000, offset=numbers.randrange(62_000)))
        machine.sleep(0.0001)
    for request in (*early, *writes, resync):
        request.result()
    assert state(handle) == BOTH
    is_same = on_half(machine, 0) == on_half(machine, 1)
    assert is_same


def test_a_write_that_meets_the_last_copy_on_its_way_is_on_both_halves(
    handle: Handle, machine: Machine
) -> None:
    break_half(machine, 1)
    handle.write(b"o" * DEVICE_BYTES)
    break_half(machine, 1, is_broken=False)
    set_delay(machine, 0, 10_000)
    mirror = machine.io.drivers["mirror"].device_object
    assert mirror is not None
    resync = handle.ioctl_overlapped(RESYNC)
    while mirror.device_extension.copied_to < DEVICE_BYTES:
        machine.sleep(0.0001)
    # The last copy waits for the slow source. The write is on the target before the copy, and on the source after it.
    write = handle.write_overlapped(b"new", offset=DEVICE_BYTES - 3)
    resync.result()
    write.result()
    assert on_half(machine, 0, DEVICE_BYTES - 3, 3) == on_half(machine, 1, DEVICE_BYTES - 3, 3) == b"new"


def test_a_half_that_is_taken_away_is_left_out(handle: Handle, machine: Machine) -> None:
    set_delay(machine, 1, 50_000)
    request = handle.write_overlapped(b"alone")
    (node,) = [node for node in machine.devices if node.name.endswith("\\02")]
    machine.pnp.surprise_remove(node)
    request.result()
    assert state(handle) == (GOOD, FAILED)
    assert handle.read(5) == b"alone"


def test_a_read_is_cancelled_and_no_half_is_blamed(handle: Handle, machine: Machine) -> None:
    for number in range(2):
        set_delay(machine, number, 100_000)
    request = handle.read_overlapped(64)
    assert request.cancel()
    assert "STATUS_CANCELLED" in status_of(request)
    assert state(handle) == BOTH


def test_what_cannot_be_done_is_refused(handle: Handle) -> None:
    assert "STATUS_INVALID_PARAMETER" in status_of(handle.write_overlapped(b"xx", offset=DEVICE_BYTES - 1))
    assert "STATUS_INVALID_PARAMETER" in status_of(handle.read_overlapped(1, offset=(1 << 63) - 1))
    assert "STATUS_INVALID_DEVICE_STATE" in status_of(handle.ioctl_overlapped(RESYNC))
    assert handle.write(b"") == 0
    assert state(handle) == BOTH


@pytest.mark.machine("default")
def test_a_mirror_needs_two_devices_and_leaves_nothing_behind(machine: Machine) -> None:
    machine.load_driver(store)
    with pytest.raises(LoadError, match="STATUS_OBJECT_NAME_NOT_FOUND"):
        machine.load_driver(MIRROR)
