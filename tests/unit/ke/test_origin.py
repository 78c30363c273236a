# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Bug checks and defects name the line of the driver or of the program."""

from __future__ import annotations

import inspect
from collections.abc import Callable

import pytest

from dirql.ke import guard
from dirql.ke.bugcheck import BugCheck
from dirql.ke.defects import report_defect
from dirql.ke.kernel import Kernel
from dirql.wdm import DISPATCH_LEVEL, KeLowerIrql, KeRaiseIrql


class Driver:
    """A driver, as messages name it."""

    def __repr__(self) -> str:
        return "<driver toy>"


def line_after() -> int:
    """The number of the line below the caller's."""
    frame = inspect.currentframe()
    assert frame is not None
    assert frame.f_back is not None
    return frame.f_back.f_lineno + 1


def stopped_by(routine: Callable[[object, object], object]) -> BugCheck:
    with pytest.raises(BugCheck) as caught:
        guard.call_driver(guard.DPC, Driver(), routine, None, None)
    return caught.value


@pytest.mark.usefixtures("kernel")
def test_a_bug_check_names_driver_routine_file_and_line() -> None:
    lines: list[int] = []

    def lowers(*_: object) -> None:
        KeRaiseIrql(DISPATCH_LEVEL)
        lines.append(line_after())
        KeRaiseIrql(DISPATCH_LEVEL - 1)

    error = stopped_by(lowers)
    assert error.origin is not None
    assert (error.origin.file, error.origin.line) == (__file__, lines[0])
    assert error.origin.routine == lowers.__qualname__
    first, second = str(error).split("\n")
    assert error.reason in first
    assert second == f"  in {lowers.__qualname__} ({__file__}:{lines[0]}) of <driver toy>"


@pytest.mark.usefixtures("kernel")
def test_an_escaped_exception_names_the_line_that_raised_it() -> None:
    lines: list[int] = []

    def helper() -> None:
        lines.append(line_after())
        raise KeyError("table")

    error = stopped_by(lambda *_: helper())
    assert error.origin is not None
    assert (error.origin.routine, error.origin.line) == (helper.__qualname__, lines[0])


def test_a_program_is_named_without_a_driver(kernel: Kernel) -> None:
    del kernel
    old = KeRaiseIrql(DISPATCH_LEVEL)
    with pytest.raises(BugCheck) as caught:
        KeRaiseIrql(DISPATCH_LEVEL - 1)
    del old
    assert str(caught.value).endswith(f" ({__file__}:{caught.tb.tb_lineno})")


def test_a_defect_names_the_line(kernel: Kernel) -> None:
    found: list[tuple[str, str]] = []
    report_defect("BUF-08", "nobody listens")
    kernel.hooks.defect_found = lambda row, what: found.append((row, what))
    line = line_after()
    report_defect("BUF-08", "the rest was dropped")
    here = f"{test_a_defect_names_the_line.__qualname__} ({__file__}:{line})"
    assert found == [("BUF-08", f"the rest was dropped; in {here}")]
    KeLowerIrql(0)
