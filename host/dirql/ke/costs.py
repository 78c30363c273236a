# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""What the kernel's own work costs on the machine's clock."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Costs"]


@dataclass(frozen=True, slots=True)
class Costs:
    """Bus clocks that host code takes on a simulated machine; the defaults suit a processor on a 33 MHz bus.

    Processors share the clock: what one of them spends passes for all, so their costs add up.
    """

    interrupt_entry: int = 16
    """From the vector fetch to the first ISR."""
    interrupt_exit: int = 8
    """From the end of interrupt to the interrupted code."""
    dpc_dispatch: int = 6
    """Taking one DPC from its queue."""
    context_switch: int = 12
    """From one thread to another."""
    kernel_call: int = 1
    """Each call of a kernel routine."""

    @classmethod
    def free(cls) -> Costs:
        """A host that takes no time: every clock is the hardware's."""
        return cls(0, 0, 0, 0, 0)
