# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The sentences for errors that Python finds in a driver, and for routines that cannot be called."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import cast

import pytest

from dirql import wdm
from dirql.ke.bugcheck import BugCheck
from dirql.ke.current import current
from dirql.ke.guard import DISPATCH, DPC, DRIVER_ENTRY, ISR, RoutineKind, call_driver
from dirql.ke.kernel import Kernel
from dirql.ke.mistakes import explain_error, missing_parameters
from dirql.ke.origin import origin_of_routine
from dirql.ke.processors.dpc import Dpc
from dirql.ke.processors.interrupt import Interrupt
from dirql.ke.refusals import explain_status
from dirql.nt.status import STATUS_INVALID_PARAMETER
from fakes.clock_and_controller import vector_of
from unit.ke.making import a_timer, bug_check


class Extension:
    """A device extension, as a driver writes it."""

    def __init__(self) -> None:
        self.registers = 0


def sentence_for(call: Callable[[], object]) -> str:
    """The sentence for the error of a call."""
    with pytest.raises((AttributeError, NameError, TypeError)) as caught:
        call()
    return str(explain_error(caught.value))


@pytest.mark.parametrize(
    ("owner", "name", "sentence"),
    [
        (wdm.IO_STATUS_BLOCK, "Status", "of IO_STATUS_BLOCK .* it was Status, as in C: write status"),
        (wdm.KDPC, "DeferredContext", "of KDPC .* it was DeferredContext, as in C: write deferred_context"),
        (wdm.KDPC, "defered_context", "KDPC has no member defered_context: did you mean deferred_context"),
        (wdm.IO_CSQ, "csq_acquire_lock", "IO_CSQ must be initialized before its first use"),
        (Extension, "register", "Extension has no member register: did you mean registers"),
        (Extension, "zyzzyva", "Extension has no member zyzzyva: set it before its first use"),
    ],
)
def test_a_wrong_member_gets_its_right_name(owner: Callable[[], object], name: str, sentence: str) -> None:
    assert re.search(sentence, sentence_for(lambda: getattr(owner(), name)))


@pytest.mark.parametrize(
    ("name", "right"), [("Status", "write status"), ("informaton", "did you mean information")]
)
def test_a_wrong_member_that_is_set_gets_its_right_name(name: str, right: str) -> None:
    assert right in sentence_for(lambda: setattr(wdm.IO_STATUS_BLOCK(), name, 0))


def test_a_name_that_was_not_imported_says_how() -> None:
    assert "write wdm.IoCallDriver, or" in sentence_for(lambda: eval("IoCallDriver", {}))
    assert "the name Zyzzyva is not defined" in sentence_for(lambda: eval("Zyzzyva", {}))


@pytest.mark.interpreted("calls")
@pytest.mark.parametrize(
    ("routine", "number", "sentence"),
    [
        (
            wdm.IoCallDriver,
            1,
            "IoCallDriver takes 2 arguments; 1 was missing: a call is IoCallDriver(DeviceObject, Irp)",
        ),
        (wdm.KeInsertQueueDpc, 0, "KeInsertQueueDpc takes 3 arguments; 3 were missing"),
        (
            wdm.KeSetEvent,
            4,
            "KeSetEvent takes 3 arguments; it got 4: a call is KeSetEvent(Event, Increment, Wait)",
        ),
    ],
)
def test_a_wrong_number_of_arguments_names_them(
    routine: Callable[..., object], number: int, sentence: str
) -> None:
    assert sentence in sentence_for(lambda: routine(*range(number)))


def test_other_errors_speak_for_themselves() -> None:
    assert explain_error(TypeError("unsupported operand")) is None
    assert explain_error(KeyError("x")) is None


def test_parameters_of_routines_are_compared() -> None:
    wanted = ("Interrupt", "ServiceContext")
    assert missing_parameters(lambda _interrupt, _context: True, wanted) is None
    assert missing_parameters(lambda *_: True, wanted) is None
    assert missing_parameters(None, wanted) is None
    sentence = "must have the 2 parameters Interrupt, ServiceContext; it has context: define it with these"
    assert missing_parameters(lambda context: context, wanted) == sentence
    assert "it has none" in str(missing_parameters(lambda: None, wanted))


@pytest.mark.parametrize(("kind", "number"), [(ISR, 2), (DISPATCH, 2), (DPC, 4)], ids=str)
def test_a_routine_with_other_parameters_is_named(kernel: Kernel, kind: RoutineKind, number: int) -> None:
    def routine() -> None:
        pass

    with bug_check(0x1E, match=f"routine must have the {number} parameters") as caught:
        call_driver(kind, "own", cast("Callable[..., object]", routine), *range(number))
    assert str(caught.value.origin) == str(origin_of_routine(routine))


def test_a_routine_that_is_none_is_named(kernel: Kernel) -> None:
    with bug_check(0x1E, match="the dispatch routine must be a routine; it was None: set it in DriverEntry"):
        call_driver(DISPATCH, "own", cast("Callable[..., object]", None), 1, 2)


def test_a_wrong_result_names_the_routine_its_driver_and_the_next_step(kernel: Kernel) -> None:
    def entry(_driver: object, _path: object) -> None:
        pass

    with bug_check(
        0x1E, 0xC0000144, match="must return an NTSTATUS; it returned None: return STATUS_SUC"
    ) as caught:
        call_driver(DRIVER_ENTRY, "own", entry, "driver", "path")
    assert caught.value.driver == "own"
    assert str(caught.value.origin) == str(origin_of_routine(entry))
    assert str(caught.value).endswith(f"in {origin_of_routine(entry)} of 'own'")


@pytest.mark.parametrize("queue", [lambda dpc: dpc.insert_queue(1, 2), lambda dpc: a_timer().set(-10, dpc)])
def test_a_dpc_without_a_routine_is_refused_where_it_is_queued(
    kernel: Kernel, queue: Callable[[Dpc], object]
) -> None:
    with bug_check(0xD1, 0, 2, 8, match="a KDPC must be initialized with a routine .* KeInitializeDpc"):
        queue(Dpc())


def connect(kernel: Kernel, **changed: int) -> str:
    """Connect an ISR with other arguments than the resource has; the reason for the refusal."""
    vector = vector_of(4)
    right = {
        "spin_lock": None,
        "vector": vector,
        "irql": vector >> 4,
        "synchronize_irql": 9,
        "mode": 0,
        "share_vector": True,
        "processor_enable_mask": 1,
    }
    connect = cast("Callable[..., tuple[int, object]]", Interrupt.connect)
    status, _ = connect(lambda *_: False, None, *(right | changed).values())
    assert status == STATUS_INVALID_PARAMETER
    return explain_status(status)


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        (
            "vector",
            4,
            "Vector must be u.Interrupt.Vector of the translated resource; it was 0x4: take it from",
        ),
        ("vector", 0xFF, "Vector must be .* it was 0xff"),
        ("irql", 2, "Irql must be u.Interrupt.Level of the translated resource, .* it was 2: take it from"),
        ("synchronize_irql", 3, "SynchronizeIrql must be from Irql, .* it was 3: give the highest"),
        ("processor_enable_mask", 2, "ProcessorEnableMask must have a processor .* it had none"),
    ],
)
def test_INT_16_a_wrong_argument_of_a_connection_is_explained(
    kernel: Kernel, name: str, value: int, sentence: str
) -> None:
    assert re.match(f": IoConnectInterrupt: {sentence}.*; in connect", connect(kernel, **{name: value}))


@pytest.mark.parametrize(
    ("assigned", "sentence"),
    [
        (
            [(0x38, False)],
            "Vector must be one that Plug and Play has assigned to a device, 0x38; it was 0x50",
        ),
        (
            [(0x50, True), (0x38, False)],
            "InterruptMode must be Latched, as the resource .* it was LevelSensitive",
        ),
        ([(0x50, False)], None),
    ],
)
def test_INT_16_a_vector_of_nobody_is_a_defect(
    kernel: Kernel, assigned: list[tuple[int, bool]], sentence: str | None
) -> None:
    found: list[tuple[str, str]] = []
    kernel.hooks.defect_found = lambda row, what: found.append((row, what))
    kernel.interrupts.assigned = lambda: assigned
    status, interrupt = Interrupt.connect(lambda *_: False, None, None, 0x50, 5, 5, 0, True, 1)
    assert (status, interrupt is not None) == (0, True)
    assert [(row, bool(re.search(str(sentence), what))) for row, what in found] == (
        [("INT-16", True)] if sentence else []
    )


def test_the_message_of_a_bug_check_is_short_before_the_reason(kernel: Kernel) -> None:
    def routine() -> None:
        pass

    error = BugCheck(0x1E, (0xC0000144, KeyError("x" * 100), routine, "the reason"), "the reason")
    name = routine.__qualname__
    assert str(error).startswith(
        f"KMODE_EXCEPTION_NOT_HANDLED (0x1E: 0xc0000144, KeyError, {name}, the rule): the reason"
    )
    assert current.kernel is kernel
