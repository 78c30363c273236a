# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The bus clocks that the kernel's own work takes on a simulated machine."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Costs"]


@dataclass(frozen=True, slots=True)
class Costs:
    """Bus clocks for each kind of work; the defaults suit a processor on a 33 MHz bus.

    All processors share one clock. The clocks that one of them spends pass for the others too.
    """

    interrupt_entry: int = 16
    """From the vector fetch to the first ISR."""
    interrupt_exit: int = 8
    """From the end of interrupt to the code that was interrupted."""
    dpc_dispatch: int = 6
    """Taking one DPC from the queue."""
    context_switch: int = 12
    """Switching from one thread to another."""
    kernel_call: int = 1
    """Each call of a kernel routine."""

    @classmethod
    def free(cls) -> Costs:
        """Costs of zero: only the hardware takes time."""
        return cls(0, 0, 0, 0, 0)
