# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The properties of a machine that its target does not fix, and the kernel that has them."""

from __future__ import annotations

from dataclasses import dataclass

from dirql.cm.reg_file import RegistryFile
from dirql.hal.hal import Hal
from dirql.ke.costs import Costs
from dirql.ke.kernel import Kernel
from dirql.ke.limits import Limits
from dirql.ke.threads.schedule import RandomSchedule, RoundRobin, Schedule
from dirql.target.contract import TargetError

__all__ = ["HOST_LIMIT", "MachineOptions", "make_kernel"]

HOST_LIMIT = 10.0
"""The seconds of the host for which a driver's routine, or a program, may compute while the machine stands still."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineOptions:
    """Properties of a machine that its target does not fix; `open_machine` explains them."""

    processors: int = 1
    seed: int = 0
    costs: Costs | None = None
    schedule: Schedule | None = None
    idle_limit: int | None = None
    limits: Limits | None = None
    host_limit: float | None = HOST_LIMIT
    pool_checks: bool = True
    buffer_checks: bool = True
    race_checks: bool = True
    checked_build: bool = False
    registry: RegistryFile | None = None
    last_known_good: bool = False


def make_kernel(hal: Hal, options: MachineOptions) -> Kernel:
    """A kernel with these properties, on the machine of a HAL."""
    schedule = options.schedule
    if schedule is None:
        schedule = RandomSchedule(options.seed) if options.seed else RoundRobin()
    return Kernel(
        hal.clock,
        hal.interrupts,
        processors=options.processors,
        costs=options.costs,
        schedule=schedule,
        idle_limit=options.idle_limit,
        limits=options.limits,
        transparent=(TargetError,),
    )
