# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The pulser driver on the machine `at`, and what goes wrong on interrupt lines: loss, noise, storms, missed ends."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from dirql.drivers import gpio, pulser, store
from dirql.drivers.gpio.interface import (
    IOCTL_GPIO_CONFIGURE,
    IOCTL_GPIO_WAIT,
    IOCTL_GPIO_WRITE,
    Configuration as Pins,
    Levels,
    pack_pins,
    program_name as gpio_name,
)
from dirql.drivers.pulser.interface import (
    IOCTL_PULSER_CONFIGURE,
    IOCTL_PULSER_READ,
    IOCTL_PULSER_START,
    Configuration,
    Counts,
    pack_count,
    program_name,
)
from dirql.drivers.store.interface import program_name as store_name
from dirql.hal.pic import PicPair
from dirql.io.errors import IoError
from dirql.io.handle import Handle
from dirql.ke.bugcheck import BugCheck
from dirql.ke.processors.interrupt import Vector
from dirql.machine import Machine, open_machine
from dirql.nt import status as nt
from dirql.nt.bugcodes import HARDWARE_INTERRUPT_STORM
from dirql.pnp.hang_report import DeviceWitness
from dirql.registers import pci_configuration as pci, pulser as regs
from dirql.registers.pulser import CONTROL
from hdl.pic_bench import SETTLED

HELD = CONTROL.HELD
GATED = Path(__file__).parents[1] / "hdl" / "machines" / "gated.toml"


@pytest.fixture
def machine() -> Iterator[Machine]:
    with open_machine("verilated", machine="at") as opened:
        yield opened


def load(machine: Machine, interrupt: str) -> list[Handle]:
    machine.load_driver(pulser, interrupt=interrupt)
    return [machine.open(program_name(number)) for number in range(2)]


def configure(handle: Handle, **form: int) -> None:
    handle.ioctl(IOCTL_PULSER_CONFIGURE, Configuration(**form).pack())


def start(handle: Handle, pulses: int) -> None:
    handle.ioctl(IOCTL_PULSER_START, pack_count(pulses))


def counts(handle: Handle) -> Counts:
    return Counts.unpack(handle.ioctl(IOCTL_PULSER_READ, b"", 20))


def place_of(machine: Machine, number: int) -> int:
    return machine.target.description.functions_named("pulser")[number].place.configuration_address


def vector_of(machine: Machine) -> int:
    controller = machine.target.description.controller
    return controller.vector(controller.lines["D"])


@pytest.mark.parametrize(("kind", "control"), [("latched", 0), ("latched", HELD), ("level", HELD)])
def test_each_pulse_is_served_while_there_is_time(machine: Machine, kind: str, control: int) -> None:
    first, second = load(machine, kind)
    configure(first, period=4000, jitter=0xFF, control=control)
    start(first, 10)
    machine.sleep(0.003)
    assert counts(first)[2:] == (10, 10, 0)
    assert counts(first).pulses == 10
    assert counts(second).claimed == 0


@pytest.mark.parametrize(
    ("code", "data", "status"),
    [
        (IOCTL_PULSER_START, b"\1", nt.STATUS_INVALID_PARAMETER),
        (IOCTL_PULSER_CONFIGURE, b"", nt.STATUS_INVALID_PARAMETER),
        (IOCTL_PULSER_READ, b"", nt.STATUS_BUFFER_TOO_SMALL),
        (IOCTL_GPIO_WAIT, b"", nt.STATUS_INVALID_DEVICE_REQUEST),
    ],
)
def test_wrong_input_is_refused(machine: Machine, code: int, data: bytes, status: int) -> None:
    handle = load(machine, "latched")[0]
    with pytest.raises(IoError) as caught:
        handle.ioctl(code, data)
    assert caught.value.status == status


def overlap(machine: Machine, handles: list[Handle]) -> list[Counts]:
    """Let both devices pulse at distances that bring them together at times; their counts."""
    for handle, period in zip(handles, (1511, 1777), strict=True):
        configure(handle, period=period, control=HELD)
    for handle in handles:
        start(handle, 60)
    machine.sleep(0.006)
    return [counts(handle) for handle in handles]


def test_full_passes_lose_no_interrupt_on_a_shared_latched_line(machine: Machine) -> None:
    """Two devices that hold one latched line, as COM1 and COM3: no edge comes while either holds it."""
    for found in overlap(machine, load(machine, "latched")):
        assert found.pulses == 60
        assert found.claimed >= 50  # a pulse that comes before the last one is served shares its cause
    for handle in [machine.open(program_name(number)) for number in range(2)]:
        before = counts(handle).claimed
        start(handle, 1)
        machine.sleep(0.001)
        assert counts(handle).claimed == before + 1


def test_to_stop_at_the_first_true_starves_both_devices(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The loss that full passes cure: a host that treats the latched line like a level-sensitive one."""
    monkeypatch.setattr(Vector, "latched", property(lambda _: False))
    found = overlap(machine, load(machine, "latched"))
    assert [each.pulses for each in found] == [60, 60]
    assert min(each.claimed for each in found) < 30
    number = machine.target.description.controller.lines["D"]
    assert machine.hal.interrupts.state().asserted >> number & 1  # the line is on for ever


def test_pulses_that_share_a_request_are_counted_as_lost(machine: Machine) -> None:
    first, second = load(machine, "latched")
    configure(first, period=100)
    configure(second, period=150)
    number = machine.target.description.controller.lines["D"]
    machine.target.hold_interrupt(2000)
    start(first, 3)
    machine.sleep(0.001)
    assert machine.hal.interrupts.lost(number) == 2
    assert (counts(first).pulses, counts(first).claimed, counts(second).claimed) == (3, 1, 0)


def test_noise_calls_all_isrs_in_vain_and_harms_no_other_device(machine: Machine) -> None:
    first, second = load(machine, "latched")
    configure(first, period=3000, control=CONTROL.NOISE)
    configure(second, period=7000)
    start(first, 20)
    start(second, 8)
    machine.sleep(0.003)
    noisy, quiet = counts(first), counts(second)
    assert (noisy.pulses, noisy.claimed, noisy.dpcs) == (20, 0, 0)
    assert (quiet.pulses, quiet.claimed, quiet.dpcs) == (8, 8, 8)
    assert noisy.calls >= 20
    assert machine.kernel.interrupts.spurious_interrupts == 0  # the edges are sticky here


def test_a_pulse_on_a_level_sensitive_line_is_spurious(machine: Machine) -> None:
    """The wrong mode: the line is off again before the vector is fetched."""
    first, _ = load(machine, "level")
    configure(first, width=3, period=3000)
    start(first, 10)
    machine.sleep(0.003)
    found = counts(first)
    spurious = machine.kernel.interrupts.spurious_interrupts
    assert found.pulses == 10
    assert found.claimed < 10
    assert machine.hal.interrupts.spurious() == spurious


def storm(machine: Machine, handle: Handle, fault: int) -> None:
    """Let a device interrupt without an end; a stuck line does so at once, a deaf device from its first pulse on."""
    configure(handle, period=500, control=fault)
    start(handle, 1)
    machine.sleep(0.01)


@pytest.mark.parametrize("fault", [CONTROL.DEAF | HELD, CONTROL.STUCK])
def test_a_storm_is_detected_and_its_culprit_found_and_taken_off_the_line(
    machine: Machine, fault: int
) -> None:
    """A device that does not hear its clear, and one whose line is stuck: Interrupt Status tells which one it is."""
    first, second = load(machine, "level")
    configure(first, period=500, control=HELD)
    number = machine.target.description.controller.lines["D"]
    with pytest.raises(BugCheck) as caught:
        storm(machine, second, fault)
    assert caught.value.code == HARDWARE_INTERRUPT_STORM
    target = machine.target
    culprits = []
    for place in (place_of(machine, each) for each in range(2)):
        status = target.read_configuration(place | pci.COMMAND.offset) >> 16
        if status & pci.STATUS.INTERRUPT_STATUS:
            culprits.append(place)
            target.write_configuration(place | pci.COMMAND.offset, 0x0402, 0b0011)
    assert culprits == [place_of(machine, 1)]
    target.spend(SETTLED)
    target.now()
    assert not machine.hal.interrupts.state().asserted >> number & 1


def test_a_missed_end_holds_back_what_is_not_above_it_until_it_comes(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended: list[int] = []
    first, _ = load(machine, "latched")
    machine.load_driver(store, interrupt="level")  # at the slave, so above the pulsers
    configure(first, period=2000)
    with monkeypatch.context() as patch:
        patch.setattr(PicPair, "end", lambda _, vector: ended.append(vector))
        start(first, 1)
        machine.sleep(0.0005)
    assert ended == [vector_of(machine)]
    start(first, 3)
    machine.sleep(0.0005)
    assert (counts(first).pulses, counts(first).claimed) == (4, 1)
    [(_, causes)] = DeviceWitness(machine.hal, machine.pnp).sections()
    assert [cause.partition(": ")[2] for cause in causes] == ["PULSED is set, and enabled in the device"]
    with machine.open(store_name(0)) as higher:
        higher.write(b"above", 0)
        assert higher.read(5, 0) == b"above"
    machine.hal.interrupts.end(vector_of(machine))
    machine.sleep(0.0005)
    assert counts(first).claimed == 2  # the three pulses share one request


def test_an_early_end_brings_no_more_than_one_extra_vector(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The end is written before the ISR has cleared the cause of a level-sensitive line."""
    end, acknowledge = PicPair.end, PicPair.acknowledge

    def acknowledge_and_end(pic: PicPair) -> int:
        vector = acknowledge(pic)
        if vector == vector_of(machine):
            end(pic, vector)
        return vector

    first, _ = load(machine, "level")
    configure(first, period=3000, control=HELD)
    monkeypatch.setattr(PicPair, "acknowledge", acknowledge_and_end)
    monkeypatch.setattr(
        PicPair, "end", lambda pic, vector: None if vector == vector_of(machine) else end(pic, vector)
    )
    start(first, 10)
    machine.sleep(0.002)
    found = counts(first)
    extra = found.calls - 10 + machine.kernel.interrupts.spurious_interrupts
    assert (found.pulses, found.claimed) == (10, 10)
    assert 0 <= extra <= 10


def test_the_other_drivers_work_beside_noise(machine: Machine) -> None:
    """Stores and gpio keep their interrupts while a pulser makes noise on its line."""
    first, _ = load(machine, "latched")
    machine.load_driver(gpio)
    machine.load_driver(store)
    configure(first, width=40, period=900, jitter=0x1FF, control=CONTROL.NOISE | CONTROL.ENDLESS)
    start(first, 1)
    with machine.open(gpio_name(0)) as pins:
        pins.ioctl(IOCTL_GPIO_CONFIGURE, Pins(loopback=1, rising=1).pack())
        wait = pins.ioctl_overlapped(IOCTL_GPIO_WAIT, pack_pins(1), 2)
        pins.ioctl(IOCTL_GPIO_WRITE, Levels(1, 1).pack())
        assert wait.wait(1)
    for number in range(3):
        with machine.open(store_name(number)) as data:
            data.write(bytes(range(256)) * 8, 0)
            assert data.read(2048, 0) == bytes(range(256)) * 8
    assert counts(first).pulses > 0


def test_an_interrupt_at_any_place_of_a_pass_is_served(machine: Machine) -> None:
    """The second device of a latched line interrupts at each step of the passes over the ISRs for the first."""
    first, second = load(machine, "latched")
    for handle in (first, second):
        configure(handle, period=3000, control=HELD)
    places = range(0, 420, 6)
    for served, distance in enumerate(places):
        start(second, 1)
        configure(first, period=1100 + distance, control=HELD)
        start(first, 1)
        machine.sleep(0.0002)
        assert counts(first)[:1] + counts(first)[2:3] == (1, 1)
        assert counts(second).claimed == served + 1


def test_with_moderation_many_pulses_share_an_interrupt_and_the_last_one_is_served(machine: Machine) -> None:
    first, _ = load(machine, "level")
    configure(first, period=500, control=HELD, moderation=5000)
    start(first, 101)
    machine.sleep(0.004)
    found = counts(first)
    assert found.pulses == 101
    assert found.claimed in (11, 12)  # one at once, then one in each 5000 clocks of 50500
    start(first, 1)
    machine.sleep(0.001)
    assert counts(first).claimed == found.claimed + 1


FORM = (regs.CONTROL, regs.WIDTH, regs.PERIOD, regs.JITTER, regs.MODERATION, regs.INTERRUPT_MASK_SET)


def registers_of(machine: Machine) -> list[int]:
    """The form of the pulses in the first device, past the driver."""
    window = machine.device_window("pulser", bar=0)
    return [int.from_bytes(window.read(register.offset, 4), "little") for register in FORM]


def lose_registers(machine: Machine) -> bool:
    """Do as a device whose power is cut; return whether it was off the bus, as in D3."""
    target, command = machine.target, place_of(machine, 0) | pci.COMMAND.offset
    before = target.read_configuration(command) & 0xFFFF
    target.write_configuration(command, before | pci.COMMAND.MEMORY_ENABLE)
    window = machine.device_window("pulser", bar=0)
    for register in (regs.COUNT, regs.EVENTS, *FORM[:-1]):
        window.write(register.offset, bytes(4))
    target.write_configuration(command, before)
    return not before & pci.COMMAND.MEMORY_ENABLE


def test_pulses_stop_while_the_system_sleeps_and_go_on_with_the_same_form(machine: Machine) -> None:
    first, second = load(machine, "level")
    configure(first, width=40, period=3000, jitter=0x0F, control=HELD, moderation=50)
    start(first, 20)
    machine.sleep(0.0003)
    before, form = counts(first), registers_of(machine)
    assert 0 < before.claimed < 20
    seen: list[object] = []

    def use() -> None:
        machine.sleep(0.004)  # time enough for all pulses
        seen.append(lose_registers(machine))
        asked = counts(first)  # waits until the device is on again
        seen.append((asked.pulses < 20, asked.left > 0, machine.kernel.clock.now() >= woken))

    woken = machine.kernel.clock.now() + machine.kernel.clock.frequency * 6 // 1000
    using = machine.create_thread(use)
    machine.suspend("S3", seconds=0.006)
    using.join()
    assert seen == [True, (True, True, True)]
    assert registers_of(machine) == form
    machine.sleep(0.003)
    after = counts(first)
    assert (after.pulses, after.claimed, after.dpcs, after.left) == (20, 20, 20, 0)
    assert counts(second).claimed == 0
    assert machine.defects == []


@pytest.mark.parametrize("is_gone", [False, True])
def test_a_control_code_that_waits_for_a_device_in_its_sleep_ends_with_the_device(
    machine: Machine, is_gone: bool
) -> None:
    handle = load(machine, "level")[0]
    node = next(node for node in machine.devices if node.driver is machine.io.drivers["pulser"])
    found: list[int] = []

    def remove() -> None:
        machine.sleep(0.002)
        if is_gone:
            machine.pnp.surprise_remove(node)

    def use() -> None:
        machine.sleep(0.001)
        with contextlib.suppress(IoError):
            counts(handle)
            found.append(0)

    removing = machine.create_thread(remove)
    using = machine.create_thread(use)
    machine.suspend("S3", seconds=0.003)
    using.join()
    removing.join()
    assert found == ([] if is_gone else [0])
    assert machine.defects == []


# Gated edges, which are gone with their line.


@pytest.fixture
def gated() -> Iterator[Machine]:
    with open_machine("verilated", machine=GATED) as opened:
        yield opened


def test_a_held_line_is_served_with_gated_edges(gated: Machine) -> None:
    for found in overlap(gated, load(gated, "latched")):
        assert found.pulses == 60
        assert found.claimed >= 50
    assert gated.kernel.interrupts.spurious_interrupts == 0


@pytest.mark.parametrize("width", [1, 3])
def test_noise_that_is_shorter_than_the_way_to_the_fetch_is_spurious(gated: Machine, width: int) -> None:
    first, second = load(gated, "latched")
    configure(first, width=width, period=3000, control=CONTROL.NOISE)
    configure(second, period=7000, control=HELD)
    start(first, 20)
    start(second, 8)
    gated.sleep(0.003)
    spurious = gated.kernel.interrupts.spurious_interrupts
    noisy, quiet = counts(first), counts(second)
    assert (noisy.pulses, noisy.claimed) == (20, 0)
    assert (quiet.pulses, quiet.claimed) == (8, 8)
    assert spurious >= 15  # some come while the other device is served
    assert gated.hal.interrupts.spurious() == spurious
    assert gated.hal.interrupts.state().in_service == 0


@pytest.mark.parametrize("width", [4, 400])
def test_noise_that_is_long_enough_is_a_vector_that_nobody_claims(gated: Machine, width: int) -> None:
    first, second = load(gated, "latched")
    configure(first, width=width, period=3000, control=CONTROL.NOISE)
    configure(second)
    start(first, 20)
    gated.sleep(0.003)
    assert gated.kernel.interrupts.spurious_interrupts == 0
    assert (counts(first).calls, counts(first).claimed) == (20, 0)
    assert (counts(second).calls, counts(second).claimed) == (20, 0)
