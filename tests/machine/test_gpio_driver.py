# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The gpio driver against the RTL: levels, edges, every kind of interrupt, and every way for a wait to end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from dirql.drivers import gpio, store
from dirql.drivers.gpio.interface import (
    IOCTL_GPIO_CONFIGURE,
    IOCTL_GPIO_READ,
    IOCTL_GPIO_WAIT,
    IOCTL_GPIO_WRITE,
    Configuration,
    Levels,
    pack_pins,
    program_name,
    unpack_pins,
)
from dirql.drivers.store.interface import program_name as store_name
from dirql.io.errors import IoError
from dirql.io.handle import Handle, Overlapped
from dirql.machine import Machine, open_machine
from dirql.nt import status as nt
from dirql.target import MemoryDelays, inside_simulator

SEVERAL = Path(__file__).parents[1] / "hdl" / "machines" / "several.toml"
KINDS = ("level", "latched")


class Chosen(NamedTuple):
    """A machine with a gpio function among others, and the memory that its bus masters find."""

    machine: str | Path
    memory_delays: MemoryDelays | None


MACHINES = {
    "several": Chosen(SEVERAL, None),
    "several, slow memory": Chosen(SEVERAL, MemoryDelays(1)),
    "at": Chosen("at", None),
    "crowd, slow memory": Chosen("crowd", MemoryDelays(1)),
}
IN_SIMULATOR = ["cocotb, slow memory"]


@pytest.fixture(params=IN_SIMULATOR if inside_simulator() else MACHINES)
def machine(request: pytest.FixtureRequest) -> Iterator[Machine]:
    """Each machine in turn; a simulator has the machine that the session names."""
    chosen = MACHINES.get(request.param, Chosen(request.config.getoption("dirql_machine"), MemoryDelays(1)))
    target = "cocotb" if inside_simulator() else "verilated"
    with open_machine(target, machine=chosen.machine, memory_delays=chosen.memory_delays) as opened:
        yield opened


@pytest.fixture(params=KINDS)
def pins(machine: Machine, request: pytest.FixtureRequest) -> Iterator[Handle]:
    """The opened gpio device, with each kind of interrupt."""
    machine.load_driver(gpio, interrupt=request.param)
    with machine.open(program_name(0)) as handle:
        yield handle


def configure(handle: Handle, configuration: Configuration) -> None:
    handle.ioctl(IOCTL_GPIO_CONFIGURE, configuration.pack())


def write(handle: Handle, pins: int, high: int) -> None:
    handle.ioctl(IOCTL_GPIO_WRITE, Levels(pins, high).pack())


def read(handle: Handle) -> int:
    return unpack_pins(handle.ioctl(IOCTL_GPIO_READ, b"", 2))


def wait_for(handle: Handle, pins: int) -> Overlapped:
    return handle.ioctl_overlapped(IOCTL_GPIO_WAIT, pack_pins(pins), 2)


def ended(request: Overlapped) -> int:
    """The pins for which a wait has ended."""
    assert request.wait(1), f"{request} does not end"
    return unpack_pins(request.result())


def test_outputs_and_inputs_in_loopback_show_what_was_written_and_other_inputs_are_low(pins: Handle) -> None:
    configure(pins, Configuration(outputs=0x000F, loopback=0x00F0))
    write(pins, 0xFFFF, 0x5A5A)
    assert read(pins) == 0x005A
    write(pins, 0x0003, 0x0001)
    assert read(pins) == 0x0059


def test_each_edge_ends_the_waits_for_it_and_no_other(pins: Handle) -> None:
    configure(pins, Configuration(loopback=0b111, rising=0b101, falling=0b110))
    waits = [wait_for(pins, 1 << pin) for pin in range(3)]
    write(pins, 0b111, 0b111)
    assert ended(waits[0]) == 0b001
    assert ended(waits[2]) == 0b100
    assert not waits[1].has_completed
    waits[2] = wait_for(pins, 0b100)
    write(pins, 0b111, 0b000)
    assert ended(waits[1]) == 0b010
    assert ended(waits[2]) == 0b100


def drive(machine: Machine, levels: int) -> None:
    """Set the levels outside of the pads of the first gpio function."""
    machine.target.drive_pads(machine.target.description.functions_named("gpio")[0], levels)


def test_an_edge_from_outside_ends_the_waits_for_it(machine: Machine, pins: Handle) -> None:
    configure(pins, Configuration(outputs=0b1000, rising=0b1001, falling=0b0010))
    drive(machine, 0b0010)
    first, second, output = (wait_for(pins, 1 << pin) for pin in (0, 1, 3))
    drive(machine, 0b1011)
    assert ended(first) == 0b0001
    assert read(pins) == 0b0011
    assert not second.has_completed
    drive(machine, 0b0000)
    assert ended(second) == 0b0010
    assert not output.has_completed, "the level outside does not matter for an output"


def test_an_output_is_seen_outside(machine: Machine, pins: Handle) -> None:
    configure(pins, Configuration(outputs=0x00F0))
    write(pins, 0xFFFF, 0x3CC3)
    (function, *_) = machine.target.description.functions_named("gpio")
    levels, driven = machine.target.read_pads(function)
    assert driven == 0x00F0
    assert levels & driven == 0x00C0


def test_an_edge_before_the_wait_ends_it_at_once(pins: Handle) -> None:
    configure(pins, Configuration(loopback=0x8000, rising=0x8000))
    write(pins, 0x8000, 0x8000)
    assert ended(wait_for(pins, 0xFFFF)) == 0x8000


def test_a_level_ends_each_wait_as_long_as_it_holds(pins: Handle) -> None:
    configure(pins, Configuration(loopback=0b11, level=0b11, rising=0b01, falling=0b10))
    assert ended(wait_for(pins, 0b11)) == 0b10
    assert ended(wait_for(pins, 0b10)) == 0b10
    write(pins, 0b11, 0b11)
    assert ended(wait_for(pins, 0b11)) == 0b01
    request = wait_for(pins, 0b10)
    assert not request.wait(0.001)
    write(pins, 0b10, 0b00)
    assert ended(request) == 0b10


def test_a_wait_can_be_cancelled_and_ends_when_its_file_is_closed(machine: Machine, pins: Handle) -> None:
    configure(pins, Configuration(loopback=1, rising=1))
    first, second = wait_for(pins, 1), wait_for(pins, 1)
    first.cancel()
    assert first.wait(1)
    assert first.status == nt.STATUS_CANCELLED
    with machine.open(program_name(0)) as other:
        third = wait_for(other, 1)
    assert third.status == nt.STATUS_CANCELLED
    write(pins, 1, 1)
    assert ended(second) == 1


@pytest.mark.parametrize(
    ("code", "data", "room", "status"),
    [
        (IOCTL_GPIO_WAIT, b"\1", 2, nt.STATUS_INVALID_PARAMETER),
        (IOCTL_GPIO_WAIT, b"\1\0", 1, nt.STATUS_BUFFER_TOO_SMALL),
        (IOCTL_GPIO_WRITE, b"\1\0", 0, nt.STATUS_INVALID_PARAMETER),
        (IOCTL_GPIO_CONFIGURE, b"", 0, nt.STATUS_INVALID_PARAMETER),
        (IOCTL_GPIO_READ + 0x100, b"", 0, nt.STATUS_INVALID_DEVICE_REQUEST),
    ],
)
def test_wrong_input_is_refused(pins: Handle, code: int, data: bytes, room: int, status: int) -> None:
    with pytest.raises(IoError) as refused:
        pins.ioctl(code, data, room)
    assert refused.value.status == status


def test_stores_in_the_same_device_work_beside_it(machine: Machine) -> None:
    machine.load_driver(store)
    machine.load_driver(gpio)
    with machine.open(program_name(0)) as pins, machine.open(store_name(1)) as memory:
        configure(pins, Configuration(loopback=1, rising=1))
        request = wait_for(pins, 1)
        assert memory.write(b"beside", 5) == 6
        assert not request.has_completed
        write(pins, 1, 1)
        assert ended(request) == 1
        assert memory.read(6, 5) == b"beside"


def test_PNP_09_a_device_that_was_taken_away_is_not_touched_again(machine: Machine, pins: Handle) -> None:
    configure(pins, Configuration(loopback=1, rising=1))
    wait = wait_for(pins, 1)
    machine.pnp.surprise_remove_devices()
    assert wait.wait(1)
    assert wait.status == nt.STATUS_DEVICE_REMOVED
    pins.close()
    machine.close()
    assert machine.defects == []
