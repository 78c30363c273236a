# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""KeExpandKernelStackAndCallout and its later form."""

from __future__ import annotations

from dirql import wdm
from dirql.ke.kernel import Kernel


def test_a_routine_is_called_with_its_parameter(kernel: Kernel) -> None:
    calls: list[object] = []
    assert wdm.KeExpandKernelStackAndCallout(calls.append, 1, 4096) == wdm.STATUS_SUCCESS
    assert wdm.KeExpandKernelStackAndCalloutEx(calls.append, 2, 4096, False, None) == wdm.STATUS_SUCCESS
    assert calls == [1, 2]


def test_a_routine_that_wants_more_than_a_stack_has_is_not_called(kernel: Kernel) -> None:
    calls: list[object] = []
    most = wdm.MAXIMUM_EXPANSION_SIZE
    assert wdm.KeExpandKernelStackAndCallout(calls.append, 1, most) == wdm.STATUS_SUCCESS
    assert wdm.KeExpandKernelStackAndCallout(calls.append, 2, most + 1) == wdm.STATUS_INVALID_PARAMETER_3
    assert (
        wdm.KeExpandKernelStackAndCalloutEx(calls.append, 3, most + 1, True) == wdm.STATUS_INVALID_PARAMETER_3
    )
    assert calls == [1]
