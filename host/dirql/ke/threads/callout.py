# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Routines that are called with a given amount of stack; follows KeExpandKernelStackAndCallout."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from dirql.ke.processors.contract import contract
from dirql.nt.constants import MAXIMUM_EXPANSION_SIZE
from dirql.nt.status import STATUS_INVALID_PARAMETER_3, STATUS_SUCCESS

__all__ = [
    "ExpandStackCallout",
    "expand_kernel_stack_and_callout",
    "expand_kernel_stack_and_callout_ex",
]

_EXPAND: Final = contract("KeExpandKernelStackAndCallout")
_EXPAND_EX: Final = contract("KeExpandKernelStackAndCalloutEx")

ExpandStackCallout = Callable[[object], None]


def expand_kernel_stack_and_callout(callout: ExpandStackCallout, parameter: object, size: int) -> int:
    """Call a routine that needs `size` bytes of stack; follows KeExpandKernelStackAndCallout.

    Returns STATUS_SUCCESS, or STATUS_INVALID_PARAMETER_3 for more than a stack can have.
    """
    _EXPAND.check_level(callout)
    _EXPAND.check_arguments(callout, parameter, size)
    if size > MAXIMUM_EXPANSION_SIZE:
        return STATUS_INVALID_PARAMETER_3
    callout(parameter)
    return STATUS_SUCCESS


def expand_kernel_stack_and_callout_ex(
    callout: ExpandStackCallout, parameter: object, size: int, wait: bool, context: object = None
) -> int:
    """Do the same; `context` must be None. Follows KeExpandKernelStackAndCalloutEx."""
    _EXPAND_EX.check_level(callout)
    _EXPAND_EX.check_arguments(callout, parameter, size, wait, context)
    if size > MAXIMUM_EXPANSION_SIZE:
        return STATUS_INVALID_PARAMETER_3
    callout(parameter)
    return STATUS_SUCCESS
