# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Hangs of drivers of the store, told in seconds and with their causes: `silent_driver.py` has the mistakes."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from time import process_time
from types import FrameType
from typing import Protocol

import pytest

from dirql.ke.bugcheck import BugCheck
from dirql.ke.limits import Limits
from dirql.ke.watch.deadlock import Deadlock
from dirql.machine import LeakReport, Machine, open_machine
from machine.silent_driver import NAME, Silent


class TraceFunction(Protocol):
    """A function for sys.settrace."""

    def __call__(self, frame: FrameType, event: str, argument: object, /) -> TraceFunction: ...


SHORT = Limits(routine=400_000, raised=400_000, poll=400_000, looks=10_000, loop=1_000_000, request=2_000_000)


def hang(
    driver: Silent, kind: type[BaseException], *, host_limit: float | None = None, idle_limit: int = 200_000
) -> str:
    """The text of the error with which a read of the driver's device ends."""
    machine = open_machine(limits=SHORT, idle_limit=idle_limit, host_limit=host_limit)
    with pytest.raises(kind) as caught:
        read(machine, driver)
    return str(caught.value)


def read(machine: Machine, driver: Silent) -> None:
    with machine:
        machine.load_driver(driver, "silent", interrupt="level")
        machine.open(NAME).read(4)


def leave_a_request(driver: Silent) -> None:
    """Close a machine whose driver has a request."""
    with open_machine() as machine:
        machine.load_driver(driver, "silent", interrupt="level")
        machine.open(NAME).read_overlapped(4)


def wait_in_a_loop(host_limit: float | None, ends: Callable[[], bool]) -> str:
    """The text of the error that ends a program which waits for a driver in a loop of Python's own; "" without one."""
    with open_machine(limits=replace(SHORT, host=host_limit)) as machine:
        machine.load_driver(Silent("lost"), "silent", interrupt="level")
        machine.open(NAME).read_overlapped(4)
        try:
            while not ends():
                pass
        except Deadlock as error:
            return str(error)
        machine.kernel.stop(RuntimeError("the test is over"))
    return ""


def computed(seconds: float) -> Callable[[], bool]:
    """Tells when the process has computed for this number of seconds from now on."""
    end = process_time() + seconds
    return lambda: process_time() > end


def test_an_endless_loop_of_a_program_is_told_with_its_line() -> None:
    first, _, call, *report = wait_in_a_loop(0.2, lambda: False).splitlines()
    assert "a program has run in" in first
    assert "for 0.2 seconds of the host's time, in which no clock of the machine passed" in first
    assert "test_silence.py" in call
    assert not any("_pytest" in line for line in report)
    assert any("IRP_MJ_READ" in line for line in report)


@pytest.mark.parametrize("limit", [30.0, None])
def test_a_program_that_computes_for_less_than_the_limit_is_left_alone(limit: float | None) -> None:
    assert wait_in_a_loop(limit, computed(0.5)) == ""


def test_a_program_that_a_debugger_looks_at_is_left_alone() -> None:
    before = sys.gettrace()

    def trace(frame: FrameType, event: str, argument: object) -> TraceFunction:
        del frame, event, argument
        return trace

    sys.settrace(trace)  # as pdb does, so that each frame that is made from now on has a trace function
    try:
        assert wait_in_a_loop(0.2, computed(1.0)) == ""
    finally:
        sys.settrace(before)


def test_a_program_that_waits_for_something_else_is_left_alone() -> None:
    with open_machine(host_limit=0.1):
        threading.Event().wait(0.5)


def test_a_lost_request_is_named_in_the_first_line() -> None:
    first, *report = hang(Silent("lost"), Deadlock).splitlines()
    assert "no interrupt came for 200000 clocks" in first
    assert r"IRP_MJ_READ) on \Device\Silent, which <driver silent> has" in first
    text = "\n".join(report)
    assert "marked pending; in pending in the extension" in text
    assert "holds the remove lock lock in the extension" in text
    assert "without a cancel routine" in text
    assert "test_silence.py" in text, "the line of the program that waits"


def test_a_lost_request_is_told_although_a_timer_ticks() -> None:
    text = hang(Silent("lost", ticks=True), Deadlock)
    assert "no request was made or ended" in text
    assert "IRP_MJ_READ" in text
    assert "timers set" in text


def test_a_lost_request_is_told_although_a_timer_is_set_for_the_next_year() -> None:
    text = hang(Silent("lost", far=True), Deadlock)
    assert "no request was made or ended for 2" in text
    assert "IRP_MJ_READ" in text


@pytest.mark.parametrize("far", [False, True])
def test_WDG_01_a_poll_that_begins_after_a_long_sleep(far: bool) -> None:
    text = hang(Silent("poll in a DPC", far=far, delay=1_500_000), BugCheck, idle_limit=5_000_000)
    assert text.startswith("DPC_WATCHDOG_VIOLATION (0x133: 0x0")


def test_a_request_whose_interrupt_is_masked_in_the_device() -> None:
    assert "RAISED is set, and masked in the device" in hang(Silent("masked"), Deadlock)


def test_a_request_whose_interrupt_has_the_wrong_vector() -> None:
    text = hang(Silent("vector"), Deadlock)
    assert "RAISED is set, and enabled in the device" in text
    assert "asserted, pending, masked; no ISR connected" in text


@pytest.mark.parametrize("ticks", [False, True])
def test_a_remove_lock_that_is_not_released(ticks: bool) -> None:
    text = hang(Silent("kept lock", ticks=ticks), Deadlock)
    assert "IRP_MN_REMOVE_DEVICE" in text.splitlines()[0]
    assert "IoReleaseRemoveLockAndWait for lock in the extension" in text


@pytest.mark.parametrize("kind", ["register", "port", "stalling"])
def test_a_poll_that_never_ends(kind: str) -> None:
    first = hang(Silent(f"poll {kind}"), Deadlock).splitlines()[0]
    assert f"only read the {'port' if kind == 'port' else 'register'} at bus address" in first
    assert "silent_driver.py" in first


def test_WDG_01_a_poll_that_never_ends_in_a_dpc() -> None:
    text = hang(Silent("poll in a DPC"), BugCheck)
    assert text.startswith("DPC_WATCHDOG_VIOLATION (0x133: 0x0")
    assert "silent_driver.py" in text
    assert "IRP_MJ_READ" in text


def test_an_endless_loop_in_a_dispatch_routine() -> None:
    text = hang(Silent("loop"), Deadlock, host_limit=0.2)
    assert "no clock of the machine passed" in text.splitlines()[0]
    assert "in Silent.compute (" in text.splitlines()[0]


def test_an_endless_loop_of_kernel_calls() -> None:
    text = hang(Silent("calls"), Deadlock, host_limit=0.2)
    assert "in Silent.call (" in text


def test_an_endless_loop_of_configuration_reads() -> None:
    text = hang(Silent("configuration"), Deadlock, host_limit=0.2)
    assert "in Silent.ask_the_bus (" in text
    assert "0.2 seconds of the host's time" in text


def test_an_endless_loop_of_the_drivers_own_requests() -> None:
    text = hang(Silent("own requests"), Deadlock, host_limit=0.2)
    assert "in Silent.send (" in text.splitlines()[0]


def test_a_timer_whose_dpc_sets_it_again_for_ever() -> None:
    machine = open_machine(limits=replace(SHORT, dpcs=1000))
    with pytest.raises(Deadlock) as caught:
        read(machine, Silent("timer"))
    text = str(caught.value)
    assert "DPCs ran while no request was made or ended" in text.splitlines()[0]
    assert "IRP_MJ_READ" in text.splitlines()[0]


@pytest.mark.parametrize("where", ["a DPC", "an ISR"])
def test_WDG_01_an_endless_loop(where: str) -> None:
    text = hang(Silent(f"loop in {where}"), BugCheck, host_limit=0.2)
    assert text.startswith("DPC_WATCHDOG_VIOLATION (0x133: 0x0")
    assert f"{where} must return; <driver silent>" in text
    assert "in Silent.compute (" in text


def test_a_request_that_is_left_at_close_is_named() -> None:
    wanted = r"IRP_MJ_READ\).*driver silent.* has: marked pending; .*cancelled"
    with pytest.raises(LeakReport, match=wanted):
        leave_a_request(Silent("forgotten"))
