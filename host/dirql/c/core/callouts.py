# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""KeExpandKernelStackAndCallout for drivers in C: a larger stack follows one with too little room."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from dirql.c.core.arena import Arena
from dirql.c.core.native_module import Native
from dirql.ke.threads.callout import (
    ExpandStackCallout,
    expand_kernel_stack_and_callout,
    expand_kernel_stack_and_callout_ex,
)

__all__ = ["callout_routines"]

_LARGE_STACK: Final = 0x12000
"""The size of a large kernel stack on x64, in bytes."""


def callout_routines(native: Native, arena: Arena) -> dict[str, Callable[..., object]]:
    """The routines, by their names in C."""

    def with_room(callout: ExpandStackCallout, size: int) -> ExpandStackCallout:
        def call(parameter: object) -> None:
            base, top, pointer = native.change_stack()
            if pointer - base >= size:
                callout(parameter)
                return
            stack = arena.allocate(_LARGE_STACK)
            native.change_stack(stack, stack + _LARGE_STACK, stack + _LARGE_STACK)
            try:
                callout(parameter)
            finally:
                native.change_stack(base, top, pointer)
                arena.free(stack, _LARGE_STACK)

        return call

    def expand(callout: ExpandStackCallout, parameter: object, size: int) -> int:
        return expand_kernel_stack_and_callout(with_room(callout, size), parameter, size)

    def expand_ex(
        callout: ExpandStackCallout, parameter: object, size: int, wait: bool, context: object
    ) -> int:
        return expand_kernel_stack_and_callout_ex(with_room(callout, size), parameter, size, wait, context)

    return {"KeExpandKernelStackAndCallout": expand, "KeExpandKernelStackAndCalloutEx": expand_ex}
