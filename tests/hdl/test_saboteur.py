# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The saboteur function: each of its faults, by the registers, for the host and for a store as bus master."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from dirql.hardware.reading import load_machine
from dirql.registers import pci_configuration as pci, saboteur as regs, store
from dirql.target.contract import (
    BusError,
    EventBits,
    MasterAbort,
    ParityError,
    TargetAbort,
    TransactionTimeout,
)
from dirql.target.simulation.exchange_channel import MachineStopped
from dirql.target.simulation.verilated import VerilatedTarget
from hdl.machine_bench import Bench, Outcome, Register

MACHINE = load_machine(Path(__file__).parent / "machines" / "sabotaged.toml")
(STORE,) = MACHINE.functions_named("store")
(SABOTEUR,) = MACHINE.functions_named("saboteur")
BASE = MACHINE.buses[0].memory.start + 0x800_0000
WINDOW = BASE + 0x1_0000
MEMORY = 0x10_0000
DATA = bytes((7 * number + 3) & 0xFF for number in range(64))
LENGTH = len(DATA) // 4
ALWAYS = 0xFFFF
BOUND = 10_000
"""Clocks in which each access ends, whatever the saboteur does; the host's limit of retries takes most."""
READ, WRITE = 0x6, 0x7
DONE = regs.INTERRUPT_CAUSE.DONE


class Saboteur:
    """A saboteur and a store, placed and enabled."""

    def __init__(self, target: VerilatedTarget) -> None:
        self.target = target
        header = SABOTEUR.place.configuration_address
        for number, address in enumerate((BASE, WINDOW)):
            target.write_configuration(header | (pci.BAR.offset + pci.BAR.stride * number), address)
        command = pci.COMMAND.pack(memory_enable=1, bus_master=1, parity_response=1, serr_enable=1)
        target.write_configuration(header | pci.COMMAND.offset, command, 0b11)
        self.store = Bench(target, STORE.place.configuration_address)
        self.store.enumerate()
        self.store.write_header(pci.COMMAND, command | pci.COMMAND.IO_ENABLE, 2)

    def read(self, register: Register) -> int:
        return self.target.read_memory(BASE + register.offset)

    def write(self, register: Register, value: int) -> None:
        self.target.write_memory(BASE + register.offset, value)

    def arm(self, kind: int, datum: int, count: int) -> None:
        self.write(regs.FAULT, regs.FAULT.pack(kind=kind, datum=datum))
        self.write(regs.FAULTS_DONE, 0)
        self.write(regs.COUNT, count)

    def access(self, *, write: bool) -> BusError | None:
        """Move `DATA` into the window, or out of it and look at it; the error with which that ended."""
        began = self.target.now()
        found = bytearray(DATA if write else len(DATA))
        move = self.target.write_memory_burst if write else self.target.read_memory_burst
        try:
            move(WINDOW, memoryview(found))
        except BusError as error:
            return error
        finally:
            assert self.target.now() - began < BOUND
        if not write:
            assert found == DATA
        return None

    def held(self) -> bytes:
        """The data that the window holds, read without a fault."""
        self.write(regs.COUNT, 0)
        found = bytearray(len(DATA))
        self.target.read_memory_burst(WINDOW, memoryview(found))
        return bytes(found)

    def request(
        self, command: int, address: int, *, length: int = 1, datum: int = 0, lanes: int = 0xF
    ) -> tuple[int, bool]:
        """Make a transaction as bus master; its result, and whether its parity was bad."""
        self.write(regs.MASTER_ADDRESS, address)
        self.write(regs.MASTER_DATA, datum)
        self.write(regs.MASTER_START, regs.MASTER_START.pack(bus_command=command, lanes=lanes, length=length))
        self.target.spend(BOUND)
        result = regs.MASTER_RESULT.unpack(self.read(regs.MASTER_RESULT))
        assert not regs.MASTER_START.unpack(self.read(regs.MASTER_START)).busy
        assert self.read(regs.INTERRUPT_CAUSE) == DONE
        self.write(regs.INTERRUPT_CAUSE, DONE)
        return result.result, bool(result.parity)


@contextmanager
def opened(*, checked: bool) -> Iterator[Saboteur]:
    target = VerilatedTarget(MACHINE, checked=checked)
    try:
        yield Saboteur(target)
    finally:
        target.close()


@pytest.fixture
def bench() -> Iterator[Saboteur]:
    """With the checker of the bus: what is done here breaks no rule."""
    with opened(checked=True) as made:
        yield made


@pytest.fixture
def plain() -> Iterator[Saboteur]:
    """Without the checker, for faults that break rules."""
    with opened(checked=False) as made:
        yield made


@pytest.mark.parametrize("decode", [0, 1, 2])
@pytest.mark.parametrize(("first", "later"), [(0, 0), (1, 1), (10, 7)])
def test_T03_data_are_right_at_each_speed_of_decode_and_with_all_wait_states(
    bench: Saboteur, decode: int, first: int, later: int
) -> None:
    def clocks(length: int) -> int:
        began = bench.target.now()
        bench.target.write_memory_burst(WINDOW, memoryview(DATA)[: 4 * length])
        return bench.target.now() - began

    fast = clocks(8)
    bench.write(regs.PACE, regs.PACE.pack(decode=decode, first=first, later=later))
    assert clocks(8) - fast == decode + first + 7 * later
    assert bench.access(write=True) is None
    bench.target.write_memory(WINDOW, 0xAABB_CCDD, 0b0101)
    assert bench.target.read_memory(WINDOW) == int.from_bytes(DATA[:4], "little") & 0xFF00_FF00 | 0x00BB_00DD
    bench.target.write_memory(WINDOW, int.from_bytes(DATA[:4], "little"))
    assert bench.access(write=False) is None
    outcome = bench.store.dma(store.Operation.DMA_WRITE, 0x40, len(DATA), [(WINDOW, len(DATA))])
    assert outcome == Outcome(store.INTERRUPT_CAUSE.DONE, 0, len(DATA))
    assert bench.store.read_buffer(0x40, len(DATA)) == DATA


class Model(NamedTuple):
    """The data of an access of `LENGTH` data that have moved at its end, and the faults done."""

    moved: int
    faults: int


def model(kind: int, datum: int, count: int) -> Model:
    """The access as a loop over its transactions."""
    moved = faults = 0
    while moved < LENGTH:
        if faults == count or (datum >= LENGTH - moved and kind != regs.Fault.ABSENT):
            return Model(LENGTH, faults)
        faults += 1
        match kind:
            case regs.Fault.STOP:
                moved += datum
            case regs.Fault.LAST:
                moved += datum + 1
            case regs.Fault.ABORT:
                return Model(moved + datum, faults)
            case _:
                return Model(moved, faults)
    return Model(moved, faults)


ERRORS = {regs.Fault.ABORT: TargetAbort, regs.Fault.ABSENT: MasterAbort}


@pytest.mark.parametrize("write", [False, True], ids=["read", "write"])
@pytest.mark.parametrize("datum", [0, 1, 5, LENGTH - 1, LENGTH])
@pytest.mark.parametrize("count", [1, 3, ALWAYS])
@pytest.mark.parametrize("kind", ["STOP", "LAST", "ABORT", "ABSENT"])
def test_T13_T14_M23_each_end_of_a_transaction_is_a_defined_end_of_the_access(
    bench: Saboteur, kind: str, count: int, datum: int, write: bool
) -> None:
    if not write:
        bench.access(write=True)
    fault = regs.Fault[kind]
    bench.arm(fault, datum, count)
    error = bench.access(write=write)
    if (fault, datum, count) == (regs.Fault.STOP, 0, ALWAYS):
        assert isinstance(error, TransactionTimeout)
        assert error.completed == 0
        return
    wanted = model(fault, datum, count)
    assert bench.read(regs.FAULTS_DONE) == wanted.faults
    assert bench.read(regs.COUNT) == (ALWAYS if count == ALWAYS else count - wanted.faults)
    if wanted.moved == LENGTH:
        assert error is None
    else:
        assert type(error) is ERRORS[fault]
        assert error.completed == 0  # the host does not know how far a burst came
    assert bench.held()[: 4 * wanted.moved] == DATA[: 4 * wanted.moved]
    assert bench.access(write=True) is None


@pytest.mark.parametrize("write", [False, True], ids=["read", "write"])
@pytest.mark.parametrize("datum", [0, 5, LENGTH - 1])
def test_T22_bad_parity_of_a_datum_is_told_to_the_host(plain: Saboteur, datum: int, write: bool) -> None:
    plain.access(write=True)
    plain.arm(regs.Fault.PARITY, datum, 1)
    assert isinstance(plain.access(write=write), ParityError)
    assert plain.read(regs.FAULTS_DONE) == 1
    assert plain.access(write=False) is None


ERROR_BITS = {
    "STOP": 0,
    "LAST": 0,
    "ABORT": store.ERROR.TARGET_ABORT,
    "ABSENT": store.ERROR.MASTER_ABORT,
    "PARITY": store.ERROR.PARITY,
}


@pytest.mark.parametrize("operation", [store.Operation.DMA_WRITE, store.Operation.DMA_READ])
@pytest.mark.parametrize("kind", ERROR_BITS)
def test_a_device_that_is_bus_master_tells_how_its_transfer_ended(
    plain: Saboteur, kind: str, operation: int
) -> None:
    """The store moves data to the window, or from it, without the host: from device to device."""
    plain.access(write=True)
    plain.store.fill_buffer(0x40, DATA)
    plain.arm(regs.Fault[kind], 2, 1)
    outcome = plain.store.dma(operation, 0x40, len(DATA), [(WINDOW, len(DATA))])
    assert plain.read(regs.FAULTS_DONE) == 1
    bits = ERROR_BITS[kind]
    assert outcome.error == bits
    assert outcome.cause == (store.INTERRUPT_CAUSE.ERROR if bits else store.INTERRUPT_CAUSE.DONE)
    assert (outcome.transferred == len(DATA)) is not bool(bits)
    again = plain.store.dma(operation, 0x40, len(DATA), [(WINDOW, len(DATA))])
    assert again == Outcome(store.INTERRUPT_CAUSE.DONE, 0, len(DATA))
    assert plain.held() == DATA


def test_a_device_gives_up_on_a_window_that_always_retries(bench: Saboteur) -> None:
    bench.arm(regs.Fault.STOP, 0, ALWAYS)
    bench.store.place_list([(WINDOW, len(DATA))])
    bench.store.start(store.Operation.DMA_WRITE, 0x40, len(DATA))
    bench.target.spend(1000)
    assert bench.read(regs.FAULTS_DONE) > 10
    bench.write(regs.COUNT, 0)
    assert bench.store.finish().cause == store.INTERRUPT_CAUSE.DONE


BROKEN = {
    "T03": ("PACE", regs.PACE.pack(decode=3)),
    "T09": ("PACE", regs.PACE.pack(first=200)),
    "T10": ("PACE", regs.PACE.pack(later=100)),
    "T22": ("FAULT", regs.FAULT.pack(kind=regs.Fault.PARITY, datum=0)),
}


@pytest.mark.parametrize("rule", BROKEN)
def test_the_checker_names_the_rule_that_a_fault_breaks(rule: str, capfd: pytest.CaptureFixture[str]) -> None:
    with opened(checked=True) as bench:
        bench.write(regs.COUNT, ALWAYS)
        name, value = BROKEN[rule]
        bench.write(getattr(regs, name), value)
        with pytest.raises(MachineStopped):
            bench.access(write=False)
    assert f".{rule}:" in capfd.readouterr().out


@pytest.mark.parametrize("rule", ["T09", "T10"])
def test_a_window_that_is_too_slow_ends_the_access_all_the_same(plain: Saboteur, rule: str) -> None:
    plain.access(write=True)
    plain.write(regs.PACE, BROKEN[rule][1])
    assert plain.access(write=False) is None


def test_a_window_that_is_too_late_is_not_there(plain: Saboteur) -> None:
    plain.write(regs.PACE, regs.PACE.pack(decode=3))
    assert isinstance(plain.access(write=False), MasterAbort)
    plain.write(regs.PACE, 0)
    assert plain.access(write=True) is None
    assert plain.access(write=False) is None


def test_the_master_writes_and_reads_memory(bench: Saboteur) -> None:
    bench.target.memory[MEMORY : MEMORY + 16] = bytes(16)
    assert bench.request(WRITE, MEMORY + 4, length=2, datum=0x1122_3344, lanes=0b0110) == (0, False)
    assert bench.target.memory[MEMORY : MEMORY + 16].hex() == "00000000" + "00332200" * 2 + "00000000"
    assert bench.request(READ, MEMORY + 8) == (0, False)
    assert bench.read(regs.MASTER_DATA) == 0x0022_3300


@pytest.mark.parametrize(
    ("command", "address", "result"),
    [
        (READ, 0xB000_0000, regs.Result.MASTER_ABORT),
        (WRITE, WINDOW, regs.Result.TARGET_ABORT),
        (READ, WINDOW, regs.Result.TARGET_ABORT),
    ],
)
def test_the_master_tells_how_its_request_ended(
    bench: Saboteur, command: int, address: int, result: int
) -> None:
    """The saboteur's own window is a target like any other."""
    bench.arm(regs.Fault.ABORT, 0, ALWAYS)
    assert bench.request(command, address) == (result, False)


END = 1 << 32
"""The address behind the last one."""


@pytest.mark.parametrize("command", [READ, WRITE])
@pytest.mark.parametrize("left", [1, 2, 3, 7])
def test_M31_a_request_ends_with_the_last_address(bench: Saboteur, command: int, left: int) -> None:
    """The window takes the last page of the addresses, so that a request can run past them."""
    last_page = END - 0x1000
    bench.target.write_configuration(
        SABOTEUR.place.configuration_address | (pci.BAR.offset + pci.BAR.stride), last_page
    )
    bench.target.write_memory(last_page, 0x1122_3344)
    address = END - 4 * left
    if command == READ:
        bench.target.write_memory(END - 4, 0x55AA_1234)
    assert bench.request(command, address, length=left, datum=0xCAFE) == (regs.Result.OK, False)
    assert bench.request(command, address, length=left + 1, datum=0xBEEF) == (regs.Result.ADDRESS_END, False)
    if command == READ:
        assert bench.read(regs.MASTER_DATA) == 0x55AA_1234
    else:
        found = bytearray(4 * left)
        bench.target.read_memory_burst(address, memoryview(found))
        assert found == 0xBEEF.to_bytes(4, "little") * left
    assert bench.target.read_memory(last_page) == 0x1122_3344
    assert bench.target.memory[:4] == bytes(4)


def test_a_master_whose_data_are_bad_is_told_and_changes_nothing(plain: Saboteur) -> None:
    plain.store.fill_buffer(0, DATA)
    plain.write(regs.MASTER_FAULTS, regs.MASTER_FAULTS.BAD_DATA)
    assert plain.request(WRITE, plain.store.buffer, datum=0x55) == (0, True)
    assert plain.store.read_buffer(0, 4) == DATA[:4]
    status = plain.store.read_header(pci.STATUS)
    assert status & pci.STATUS.DETECTED_PARITY
    plain.write(regs.MASTER_FAULTS, 0)
    assert plain.request(WRITE, plain.store.buffer, datum=0x55) == (0, False)
    assert plain.store.read_buffer(0, 4) == bytes([0x55, 0, 0, 0])


def test_nobody_answers_a_bad_address_and_it_is_a_system_error(plain: Saboteur) -> None:
    plain.store.fill_buffer(0, DATA)
    plain.write(regs.MASTER_FAULTS, regs.MASTER_FAULTS.BAD_ADDRESS)
    result, _ = plain.request(WRITE, plain.store.buffer, datum=0x55)
    assert result == regs.Result.MASTER_ABORT
    assert plain.store.read_header(pci.STATUS) & pci.STATUS.SIGNALED_SYSTEM_ERROR
    plain.write(regs.MASTER_FAULTS, 0)
    assert plain.store.read_buffer(0, len(DATA)) == DATA


@pytest.mark.parametrize("checked", [False, True])
def test_A05_a_stuck_request_holds_up_no_other_master(checked: bool) -> None:
    def transfer(bench: Saboteur) -> int:
        began = bench.target.now()
        outcome = bench.store.dma(store.Operation.DMA_READ, 0, 4096, [(MEMORY, 4096)])
        assert outcome == Outcome(store.INTERRUPT_CAUSE.DONE, 0, 4096)
        return bench.target.now() - began

    with opened(checked=checked) as bench:
        alone = transfer(bench)
        bench.write(regs.MASTER_FAULTS, regs.MASTER_FAULTS.STUCK_REQUEST)
        assert alone <= transfer(bench) < 3 * alone


def test_M32_a_transaction_without_a_grant_is_found(capfd: pytest.CaptureFixture[str]) -> None:
    with opened(checked=True) as bench:
        bench.write(regs.MASTER_FAULTS, regs.MASTER_FAULTS.NO_GRANT)
        with pytest.raises(MachineStopped):
            bench.request(WRITE, MEMORY)
    assert ".M32_ad:" in capfd.readouterr().out


def pin(bench: Saboteur) -> list[tuple[int, int]]:
    """The bits and the clocks of the events of the interrupt pin."""
    edges = EventBits.ASSERT | EventBits.DEASSERT
    return [
        (each.bits & edges, each.clock)
        for each in bench.store.events()
        if each.function == SABOTEUR.index and each.bits & edges
    ]


@pytest.mark.parametrize("clocks", [1, 3, 255])
def test_a_glitch_has_its_length_and_no_cause(bench: Saboteur, clocks: int) -> None:
    bench.write(regs.GLITCH, clocks)
    bench.target.spend(300)
    (on, began), (off, ended) = pin(bench)
    assert (on, off) == (EventBits.ASSERT, EventBits.DEASSERT)
    assert ended - began == clocks
    assert bench.read(regs.INTERRUPT_CAUSE) == 0


def test_a_stuck_pin_stays_on_until_the_fault_goes(bench: Saboteur) -> None:
    bench.write(regs.PIN, regs.PIN.STUCK)
    assert [bits for bits, _ in pin(bench)] == [EventBits.ASSERT]
    bench.target.spend(1000)
    bench.write(regs.PIN, 0)
    assert [bits for bits, _ in pin(bench)] == [EventBits.DEASSERT]


def test_the_end_of_a_request_interrupts(bench: Saboteur) -> None:
    bench.write(regs.INTERRUPT_MASK_SET, DONE)
    bench.request(WRITE, MEMORY)
    assert [bits for bits, _ in pin(bench)] == [EventBits.ASSERT, EventBits.DEASSERT]
