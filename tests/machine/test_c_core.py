# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Drivers in C in the machine: requests, waits on their own stacks, interrupts and DMA against the RTL, and faults."""

from __future__ import annotations

import gc
import os
import random
import signal
import struct
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable

import pytest

from dirql.drivers import store
from dirql.drivers.store.interface import IOCTL_STORE_RAISE
from dirql.io.errors import IoError
from dirql.io.handle import Handle
from dirql.ke.bugcheck import BugCheck
from dirql.ke.threads.wait import delay_execution_thread
from dirql.machine import Machine, open_machine
from dirql.mm.layout import HIGHEST_USER_ADDRESS, SYSTEM_RANGE_START, USER_PROBE_ADDRESS
from dirql.nt import bugcodes
from dirql.nt.constants import (
    FILE_ANY_ACCESS,
    FILE_DEVICE_UNKNOWN,
    FILE_READ_DATA,
    FILE_WRITE_DATA,
    IO_TYPE_DEVICE,
    IO_TYPE_IRP,
    IRP_MJ_DEVICE_CONTROL,
    METHOD_BUFFERED,
    METHOD_NEITHER,
    METHOD_OUT_DIRECT,
    KernelMode,
    PowerDeviceD0,
    PowerSystemWorking,
    UserMode,
)
from dirql.nt.control_code import ctl_code
from dirql.nt.status import (
    STATUS_ACCESS_VIOLATION,
    STATUS_DATA_ERROR,
    STATUS_OBJECT_TYPE_MISMATCH,
    STATUS_SUCCESS,
)
from machine.c_builder import SOURCES, CDriver

pytestmark = pytest.mark.interpreted("c drivers")

METHODS = r"\\.\Methods"
BAD = r"\Device\Bad"
STORE = r"\Device\StoreInC"


def code(function: int, method: int = METHOD_BUFFERED) -> int:
    return ctl_code(FILE_DEVICE_UNKNOWN, function, method, FILE_ANY_ACCESS)


TELL, WAIT, RELEASE, NEST, RAISE_STATUS, FACTS = (code(0x804 + place) for place in range(6))


def number(handle: Handle, control: int, value: int = 0) -> int:
    answer: int = struct.unpack("<I", handle.ioctl(control, struct.pack("<I", value), 4))[0]
    return answer


def send(driver: str, name: str, control: int, data: bytes = b"") -> None:
    """Send one request to a driver in a machine of its own."""
    with open_machine() as machine:
        machine.load_driver(CDriver(driver))
        with machine.open(name) as handle:
            handle.ioctl(control, data)


def test_variables_of_the_kernel_hold_its_addresses_and_object_types() -> None:
    with open_machine() as machine:
        machine.load_driver(CDriver("variables"))
        with machine.open(r"\Device\Variables") as handle:
            answers = struct.unpack("<8Q", handle.ioctl(TELL, b"", 64))
    addresses = USER_PROBE_ADDRESS, HIGHEST_USER_ADDRESS, SYSTEM_RANGE_START
    assert answers[:5] == (*addresses, False, True)
    assert answers[5:] == (STATUS_SUCCESS, STATUS_OBJECT_TYPE_MISMATCH & 0xFFFF_FFFF, STATUS_SUCCESS)


@pytest.mark.parametrize("length", [1, 7, 4096, 10_001])
def test_a_driver_in_c_serves_each_method(length: int) -> None:
    data = random.Random(length).randbytes(length)
    inverted = bytes(255 - byte for byte in data)
    with open_machine() as machine:
        machine.load_driver(CDriver("methods"))
        with machine.open(METHODS) as handle:
            assert handle.ioctl(code(0x800), data, length) == inverted
            assert handle.ioctl(code(0x802, METHOD_OUT_DIRECT), data, length) == inverted
            assert handle.ioctl(code(0x803, METHOD_NEITHER), data, length) == inverted
            assert number(handle, TELL) == 4


def test_c_sees_the_fields_that_the_kernel_has() -> None:
    with open_machine() as machine:
        driver = machine.load_driver(CDriver("methods"))
        with machine.open(METHODS) as handle:
            facts = struct.unpack("<13q", handle.ioctl(FACTS, b"", 104))
        assert facts == (
            *(IO_TYPE_IRP, 1, 1, UserMode, IRP_MJ_DEVICE_CONTROL),
            *(1, 1, 1, 1, IO_TYPE_DEVICE, 2 * len(driver.driver_name), 1),
            FILE_READ_DATA | FILE_WRITE_DATA,
        )
        assert driver.device_object is not None
        assert driver.device_object.driver_object is driver


def test_each_load_has_variables_of_its_own_and_leaves_nothing_behind() -> None:
    for _ in range(3):
        with open_machine() as machine:
            for calls in (1, 1):
                driver = machine.load_driver(CDriver("methods"))
                with machine.open(METHODS) as handle:
                    assert number(handle, TELL) == calls
                machine.unload_driver(driver)


def test_a_machine_goes_with_its_memory_when_it_has_closed() -> None:
    """No routine, view or contract keeps it."""

    def run() -> weakref.ref[Machine]:
        with open_machine() as machine:
            machine.load_driver(CDriver("methods"))
            with machine.open(METHODS) as handle:
                assert number(handle, TELL) == 1
        return weakref.ref(machine)

    machines = [run() for _ in range(3)]
    gc.collect()
    assert [each() for each in machines] == [None] * 3


def test_what_a_driver_in_c_sees_cannot_be_read_when_the_machine_has_closed() -> None:
    with open_machine() as machine:
        driver = machine.load_driver(CDriver("methods"))
        device, table = driver.device_object, driver.major_function
        assert device is not None
        assert device.flags
    with pytest.raises(
        RuntimeError, match="in the memory of its machine, which has closed: read them before"
    ):
        assert device.flags
    with pytest.raises(RuntimeError, match="which has closed"):
        device.flags = 0
    with pytest.raises(RuntimeError, match="which has closed"):
        table[IRP_MJ_DEVICE_CONTROL]
    with open_machine() as machine:
        machine.load_driver(CDriver("methods"))
        with pytest.raises(RuntimeError, match="which has closed"):
            assert device.flags


@pytest.mark.parametrize(
    ("count", "processors", "seed"), [(100, 1, 0), (15, 1, 3), (15, 4, 0), (15, 4, 1), (15, 4, 2)]
)
def test_threads_wait_on_events_on_their_own_stacks(count: int, processors: int, seed: int) -> None:
    answers: dict[int, int] = {}

    def wait(handle: Handle, mine: int) -> Callable[[], None]:
        def run() -> None:
            answers[mine] = number(handle, WAIT, mine)

        return run

    with open_machine(processors=processors, seed=seed) as machine:
        machine.load_driver(CDriver("methods"))
        with machine.open(METHODS) as handle:
            handles = [machine.open(METHODS) for _ in range(count)]
            threads = [machine.create_thread(wait(each, mine)) for mine, each in enumerate(handles)]
            while len(answers) < count:
                delay_execution_thread(KernelMode, False, -10)
                handle.ioctl(RELEASE)
            for thread in threads:
                thread.join()
            for each in handles:
                each.close()
    assert answers == {mine: mine + 1000 for mine in range(count)}


def test_requests_inside_requests_share_one_stack() -> None:
    with open_machine() as machine:
        machine.load_driver(CDriver("methods"))
        with machine.open(METHODS) as handle:
            assert number(handle, NEST, 12) == 12


def test_a_status_that_no_driver_takes_is_a_bug_check_with_the_place_in_c() -> None:
    with pytest.raises(BugCheck, match=r"methods\.c:\d+") as caught:
        send("methods", METHODS, RAISE_STATUS)
    assert caught.value.parameters[0] == STATUS_DATA_ERROR


def test_a_driver_takes_exceptions_with_try_and_except() -> None:
    wanted = [STATUS_DATA_ERROR, *[STATUS_ACCESS_VIOLATION] * 5]
    with open_machine() as machine:
        machine.load_driver(CDriver("methods"))
        with machine.open(METHODS) as handle:
            for kind, status in enumerate(wanted):
                with pytest.raises(IoError) as caught:
                    handle.ioctl(code(0x80A, METHOD_NEITHER), b"hello", kind)
                assert caught.value.status == status
            assert handle.ioctl(code(0x80A, METHOD_NEITHER), b"hello", 6) == b""


# The RTL.


@pytest.mark.parametrize("interrupt", ["level", "latched", "message"])
def test_a_driver_in_c_moves_data_by_dma(interrupt: str) -> None:
    data = random.Random(interrupt).randbytes(20_000)
    with open_machine() as machine:
        machine.load_driver(CDriver("store_dma", store.HARDWARE_IDS), interrupt=interrupt)
        with machine.open(STORE) as handle:
            handle.ioctl(IOCTL_STORE_RAISE)
            for offset, length in ((0, 1), (5, 4096), (100, 20_000)):
                assert handle.write(data[:length], offset) == length
                assert handle.read(length, offset) == data[:length]
            with pytest.raises(IoError, match="INVALID_DEVICE_REQUEST"):
                handle.ioctl(code(0x900))


def test_a_driver_in_c_asks_the_bus_driver_in_python_for_capabilities() -> None:
    with open_machine() as machine:
        machine.load_driver(CDriver("store_dma", store.HARDWARE_IDS))
        device = machine.target.description.functions_named("store")[0].place.device
        with machine.open(STORE) as handle:
            told = handle.ioctl(code(0x901), b"", 64)
    size, version, bits, address, _, *states = struct.unpack_from("<HHIII9i", told)
    assert (size, version, address) == (64, 1, device << 16)
    assert bits >> 6 & 1 == 0  # UniqueID
    assert states[PowerSystemWorking] == PowerDeviceD0


@pytest.mark.parametrize("interrupt", ["level", "message"])
def test_a_driver_in_c_maps_transfers_itself_and_connects_lines_and_messages(interrupt: str) -> None:
    data = random.Random(interrupt).randbytes(20_000)
    with open_machine() as machine:
        driver = CDriver("store_dma", store.HARDWARE_IDS, {"OTHER_WAYS": "1"})
        loaded = machine.load_driver(driver, interrupt=interrupt)
        assert ("1 messages at level" in machine.debug_output) is (interrupt == "message")
        with machine.open(STORE) as handle:
            for offset, length in ((0, 1), (5, 4096), (100, 20_000)):
                assert handle.write(data[:length], offset) == length
                assert handle.read(length, offset) == data[:length]
        machine.unload_driver(loaded)


def test_queued_requests_of_a_driver_in_c_come_in_their_order() -> None:
    with open_machine() as machine:
        machine.load_driver(CDriver("store_dma", store.HARDWARE_IDS))
        with machine.open(STORE) as handle:
            writes = [handle.write_overlapped(bytes([value]) * 600, 600 * value) for value in range(20)]
            for write in writes:
                assert write.result() is not None
            expected = b"".join(bytes([value]) * 600 for value in range(20))
            assert handle.read(12_000) == expected


def test_a_device_of_a_driver_in_c_is_stopped_and_removed() -> None:
    with open_machine() as machine:
        driver = machine.load_driver(CDriver("store_dma", store.HARDWARE_IDS))
        with machine.open(STORE) as handle:
            handle.ioctl(IOCTL_STORE_RAISE)
        machine.unload_driver(driver)
        machine.load_driver(store)
        with machine.open(r"\\.\Store0") as handle:
            handle.ioctl(IOCTL_STORE_RAISE)


# Mistakes.


def test_an_interrupt_from_the_keyboard_ends_an_endless_loop_in_c() -> None:
    place = mistakes().index("endless loop")
    timer = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            send("bad", BAD, code(0x800 + place, METHOD_NEITHER), b"hello")
    finally:
        timer.cancel()


@pytest.mark.parametrize(
    ("mistake", "bug_check", "first"),
    [
        ("null pointer", bugcodes.KMODE_EXCEPTION_NOT_HANDLED, 0xC0000005),
        ("address that is not canonical", bugcodes.KMODE_EXCEPTION_NOT_HANDLED, 0xC0000005),
        ("paged pool at a raised IRQL", bugcodes.DRIVER_IRQL_NOT_LESS_OR_EQUAL, None),
        ("freed pool", bugcodes.PAGE_FAULT_IN_NONPAGED_AREA, None),
        ("stack overflow", bugcodes.UNEXPECTED_KERNEL_MODE_TRAP, 8),
        ("return at a raised IRQL", bugcodes.DRIVER_VERIFIER_IOMANAGER_VIOLATION, None),
        ("double completion", bugcodes.MULTIPLE_IRP_COMPLETE_REQUESTS, None),
        ("division by zero", bugcodes.KMODE_EXCEPTION_NOT_HANDLED, 0xC0000094),
        ("call to nowhere", bugcodes.KMODE_EXCEPTION_NOT_HANDLED, 0xC0000005),
        ("paged pool in a DPC", bugcodes.DRIVER_IRQL_NOT_LESS_OR_EQUAL, None),
        ("wait in a DPC", bugcodes.ATTEMPTED_SWITCH_FROM_DPC, None),
        ("user pointer in a DPC", bugcodes.DRIVER_IRQL_NOT_LESS_OR_EQUAL, None),
        ("write behind a block", bugcodes.BAD_POOL_HEADER, None),
        ("event without initialization", bugcodes.KERNEL_SECURITY_CHECK_FAILURE, None),
        ("paged code at a raised IRQL", bugcodes.DRIVER_IRQL_NOT_LESS_OR_EQUAL, None),
        ("INIT code after DriverEntry", bugcodes.PAGE_FAULT_IN_NONPAGED_AREA, None),
        ("endless loop", bugcodes.DPC_WATCHDOG_VIOLATION, None),
        ("freed pool in a routine of the runtime", bugcodes.PAGE_FAULT_IN_NONPAGED_AREA, None),
    ],
)
def test_a_mistake_in_c_is_a_bug_check_with_its_line(mistake: str, bug_check: int, first: int | None) -> None:
    place = mistakes().index(mistake)
    with pytest.raises(BugCheck) as caught:
        send("bad", BAD, code(0x800 + place, METHOD_NEITHER), b"hello")
    assert caught.value.code == bug_check
    if first is not None:
        assert caught.value.parameters[0] == first
    first_line = line_of(mistake)
    lines = range(
        first_line, first_line + (5 if mistake == "stack overflow" else 1)
    )  # any line of that routine
    assert any(f"bad.c:{line}" in str(caught.value) for line in lines)
    if mistake == "double completion":
        assert "completed by IoCompleteRequest in Mistake" in str(caught.value)
    if mistake == "null pointer":
        assert "was not mapped, since it is NULL with an offset" in str(caught.value)
    with open_machine() as machine:  # the next machine runs in the same process
        machine.load_driver(CDriver("methods"))


def mistakes() -> list[str]:
    """The mistakes of bad.c, in the order of their numbers."""
    lines = (SOURCES / "bad.c").read_text(encoding="utf-8").splitlines()
    return [line.split("case ")[1].split(": /* ")[1].split(" */")[0] for line in lines if ": /* " in line]


def line_of(mistake: str) -> int:
    """The line of bad.c in which a mistake is made."""
    lines = (SOURCES / "bad.c").read_text(encoding="utf-8").splitlines()
    return next(place for place, line in enumerate(lines, 1) if line.endswith(f"/* here: {mistake} */"))


def test_a_machine_without_drivers_in_c_does_not_import_the_core() -> None:
    script = (
        "import sys; from dirql.machine import open_machine; from dirql.drivers import store\n"
        "with open_machine() as machine: machine.load_driver(store)\n"
        "print([name for name in sys.modules if name == 'dirql.c' or name.startswith('dirql.c.')])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
