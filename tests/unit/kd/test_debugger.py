# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Messages to the debugger, assertions, breakpoints, and bug checks that drivers ask for."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from dirql import wdm
from dirql.ke.bugcheck import BugCheck
from dirql.machine import Machine, open_machine
from dirql.nt.ntstatus import StatusException
from fakes.scripted_target import ScriptedTarget


@pytest.fixture
def machine() -> Iterator[Machine]:
    opened = open_machine(ScriptedTarget())
    yield opened
    opened.kernel.stop(RuntimeError("the test is over"))
    opened.close()


@pytest.fixture
def checked(machine: Machine) -> Machine:
    machine.debugger.checked_build = True
    return machine


# Messages.


def test_DBG_01_a_message_is_kept_and_shown_at_once(
    machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    assert wdm.DbgPrint("%d of %wZ\n", 3, "name") == wdm.STATUS_SUCCESS
    wdm.DbgPrint("no line end")
    assert machine.debug_output == "3 of name\nno line end"
    assert capsys.readouterr().err == "3 of name\nno line end"
    message = machine.debugger.messages[0]
    assert (message.component, message.level, message.driver) == (
        wdm.DPFLTR_DEFAULT_ID,
        wdm.DPFLTR_INFO_LEVEL,
        None,
    )


@pytest.mark.parametrize("length", [511, 512, 513, 2000])
def test_DBG_01_a_message_has_at_most_512_bytes(machine: Machine, length: int) -> None:
    wdm.DbgPrint("%s", "x" * length)
    assert len(machine.debug_output) == min(length, 512)


def test_DBG_01_unicode_needs_passive_level(machine: Machine) -> None:
    wdm.DbgPrint("%wZ %S %ws %C", "a", "b", "c", 65)
    assert machine.defects == []
    wdm.KeRaiseIrql(wdm.DISPATCH_LEVEL)
    wdm.DbgPrint("%s %d %p %Z", "a", 1, 2, b"z")
    assert machine.defects == []
    wdm.DbgPrint("%d %wZ\n", 1, "a")
    [(row, sentence)] = machine.defects
    assert (row, "%wZ" in sentence) == ("DBG-01", True)
    assert machine.debug_output.endswith("1 a\n")


def test_DBG_01_floating_point_is_told(machine: Machine) -> None:
    wdm.DbgPrint("%f", 1.5)
    assert [row for row, _ in machine.defects] == ["DBG-01"]


def test_a_message_without_its_arguments_names_the_routine(machine: Machine) -> None:
    with pytest.raises(ValueError, match="DbgPrint: Format must have a field for each argument"):
        wdm.DbgPrint("%d")
    assert machine.debug_output == ""


@pytest.mark.parametrize(
    ("level", "is_shown"),
    [
        (wdm.DPFLTR_ERROR_LEVEL, True),
        (wdm.DPFLTR_WARNING_LEVEL, False),
        (wdm.DPFLTR_INFO_LEVEL, False),
        (31, False),
        (wdm.DPFLTR_MASK | 1, True),
        (wdm.DPFLTR_MASK | 2, False),
    ],
)
def test_DBG_02_errors_of_each_component_are_shown(machine: Machine, level: int, is_shown: bool) -> None:
    component = wdm.DPFLTR_IHVDRIVER_ID
    assert wdm.DbgPrintEx(component, level, "%d", 5) == wdm.STATUS_SUCCESS
    assert machine.debug_output == "5" * is_shown
    assert wdm.DbgQueryDebugFilterState(component, level) == is_shown


def test_DBG_02_the_filter_can_be_set(machine: Machine) -> None:
    component = wdm.DPFLTR_IHVBUS_ID
    wdm.DbgSetDebugFilterState(component, wdm.DPFLTR_TRACE_LEVEL, True)
    wdm.DbgPrintEx(component, wdm.DPFLTR_TRACE_LEVEL, "trace ")
    wdm.DbgPrintEx(component, wdm.DPFLTR_WARNING_LEVEL, "warning ")
    wdm.DbgPrintEx(component, wdm.DPFLTR_MASK | 4, "mask ")
    wdm.DbgPrintEx(wdm.DPFLTR_IHVVIDEO_ID, wdm.DPFLTR_TRACE_LEVEL, "other ")
    wdm.DbgSetDebugFilterState(component, wdm.DPFLTR_TRACE_LEVEL, False)
    wdm.DbgPrintEx(component, wdm.DPFLTR_TRACE_LEVEL, "hidden ")
    assert machine.debug_output == "trace mask "


def test_a_hidden_message_is_not_formatted(machine: Machine) -> None:
    wdm.DbgPrintEx(wdm.DPFLTR_IHVDRIVER_ID, wdm.DPFLTR_INFO_LEVEL, "%d")
    assert machine.debug_output == ""


def test_arguments_in_a_list(machine: Machine) -> None:
    wdm.vDbgPrintEx(wdm.DPFLTR_DEFAULT_ID, 0, "%d %d ", (1, 2))
    wdm.vDbgPrintExWithPrefix("prefix: ", wdm.DPFLTR_DEFAULT_ID, 0, "%s", ("text",))
    assert machine.debug_output == "1 2 prefix: text"


def test_DBG_03_kd_print_is_empty_in_a_free_build(machine: Machine) -> None:
    wdm.KdPrint(("%d", 1))
    wdm.KdPrintEx((wdm.DPFLTR_DEFAULT_ID, 0, "%d", 1))
    wdm.KdBreakPoint()
    wdm.ASSERT(False)
    wdm.ASSERTMSG("message", False)
    wdm.RTL_SOFT_ASSERT(False)
    assert wdm.NT_ASSERT(False)
    assert wdm.NT_ASSERTMSG("message", False)
    assert machine.debug_output == ""


def test_DBG_03_kd_print_of_a_checked_build(checked: Machine) -> None:
    wdm.KdPrint(("%d ", 1))
    wdm.KdPrint("text ")
    wdm.KdPrintEx((wdm.DPFLTR_IHVDRIVER_ID, wdm.DPFLTR_ERROR_LEVEL, "%d", 2))
    wdm.KdPrintEx((wdm.DPFLTR_IHVDRIVER_ID, wdm.DPFLTR_INFO_LEVEL, "hidden"))
    assert checked.debug_output == "1 text 2"


def test_a_machine_is_opened_for_a_checked_build() -> None:
    with open_machine(ScriptedTarget(), checked_build=True) as machine:
        wdm.KdPrint("checked")
        assert machine.debug_output == "checked"


# Assertions and breakpoints.


@pytest.mark.parametrize(
    ("statement", "status"),
    [
        ("wdm.ASSERT(1 == 2)", wdm.STATUS_BREAKPOINT),
        ("wdm.ASSERTMSG('said', 1 == 2)", wdm.STATUS_BREAKPOINT),
        ("wdm.NT_ASSERT(1 == 2)", wdm.STATUS_ASSERTION_FAILURE),
        ("wdm.NT_ASSERTMSG('said', 1 == 2)", wdm.STATUS_ASSERTION_FAILURE),
        ("wdm.RtlAssert('1 == 2', 'driver.c', 7, 'said')", wdm.STATUS_BREAKPOINT),
        ("wdm.DbgBreakPoint()", wdm.STATUS_BREAKPOINT),
        ("wdm.DbgBreakPointWithStatus(5)", wdm.STATUS_BREAKPOINT),
        ("wdm.KdBreakPoint()", wdm.STATUS_BREAKPOINT),
        ("wdm.DbgRaiseAssertionFailure()", wdm.STATUS_ASSERTION_FAILURE),
    ],
)
def test_DBG_04_a_failed_assertion_breaks(checked: Machine, statement: str, status: int) -> None:
    with pytest.raises(StatusException) as raised:
        eval(statement)
    assert raised.value.status == status
    output = checked.debug_output
    assert ("Assertion failed" in output) is ("Break" not in statement and "Raise" not in statement)
    assert (": said: " in output) is ("said" in statement)
    stops: list[int] = []
    checked.debugger.stopped = lambda: stops.append(1)
    assert not wdm.KdRefreshDebuggerNotPresent()
    eval(statement)
    assert stops == [1]


def test_DBG_04_an_assertion_that_holds_says_nothing(checked: Machine) -> None:
    wdm.ASSERT(True)
    wdm.ASSERTMSG("message", 1)
    wdm.RTL_SOFT_ASSERT(True)
    assert wdm.NT_ASSERT(True)
    assert wdm.NT_ASSERTMSG("message", True)
    assert (checked.debug_output, wdm.KdRefreshDebuggerNotPresent()) == ("", True)


def test_DBG_04_the_message_has_the_line_of_the_driver(checked: Machine) -> None:
    wdm.RTL_SOFT_ASSERT(not checked)
    assert "*** Assertion failed: wdm.RTL_SOFT_ASSERT(not checked)\n" in checked.debug_output
    assert f"***   Source File: {__file__}, line " in checked.debug_output


# Bug checks.


def test_a_driver_stops_the_system(machine: Machine) -> None:
    thing = object()
    with pytest.raises(BugCheck) as stopped:
        wdm.KeBugCheckEx(wdm.MANUALLY_INITIATED_CRASH, 1, 2, -3, thing)
    assert (stopped.value.code, stopped.value.parameters) == (0xE2, (1, 2, -3, thing))
    with pytest.raises(BugCheck) as again:
        wdm.KeBugCheck(0x1)
    assert again.value is stopped.value


def test_a_bug_check_without_parameters(machine: Machine) -> None:
    wdm.KeRaiseIrql(wdm.HIGH_LEVEL)
    with pytest.raises(BugCheck) as stopped:
        wdm.KeBugCheck(0xDEAD)
    assert (stopped.value.code, stopped.value.parameters) == (0xDEAD, (0, 0, 0, 0))


def register(routine: Callable[[object, int], object], length: int = 0) -> wdm.KBUGCHECK_CALLBACK_RECORD:
    record = wdm.KBUGCHECK_CALLBACK_RECORD()
    wdm.KeInitializeCallbackRecord(record)
    assert wdm.KeRegisterBugCheckCallback(record, routine, 0x5000, length, "Test")
    return record


def test_BGC_01_the_routines_of_drivers_run_once_at_high_level(machine: Machine) -> None:
    calls: list[tuple[object, ...]] = []

    def note(buffer: object, length: int) -> None:
        calls.append((buffer, length, wdm.KeGetCurrentIrql()))

    register(note, 1)
    register(note, 2)
    gone = register(note, 3)
    assert wdm.KeDeregisterBugCheckCallback(gone)
    assert not wdm.KeDeregisterBugCheckCallback(gone)
    with pytest.raises(BugCheck):
        wdm.KeBugCheck(1)
    with pytest.raises(BugCheck):
        wdm.KeBugCheck(2)
    assert calls == [(0x5000, 2, wdm.HIGH_LEVEL), (0x5000, 1, wdm.HIGH_LEVEL)]


def test_BGC_01_an_error_in_such_a_routine_changes_nothing(machine: Machine) -> None:
    calls: list[int] = []

    def fail(buffer: object, length: int) -> None:
        calls.append(length)
        if length == 1:
            wdm.KeBugCheck(2)
        raise RuntimeError("broken")

    register(fail, 1)
    register(fail, 2)
    with pytest.raises(BugCheck) as stopped:
        wdm.KeBugCheck(1)
    assert (stopped.value.code, calls) == (1, [2, 1])


def test_BGC_01_a_record_is_registered_once_and_initialized_before(machine: Machine) -> None:
    record = register(lambda *_: None)
    assert not wdm.KeRegisterBugCheckCallback(record, lambda *_: None, None, 0, "Test")
    blank = wdm.KBUGCHECK_CALLBACK_RECORD()
    assert not wdm.KeRegisterBugCheckCallback(blank, lambda *_: None, None, 0, "Test")
