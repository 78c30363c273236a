# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Costs of drivers in C, in nanoseconds of CPU time; the best of some rounds.

    python bench/c_core.py [rounds]

An upcall is a call of the kernel by a driver in C (KeGetCurrentIrql), a downcall a call of a driver's routine by Python
with two arguments. A field is a member of a device object that is in memory. A request is an I/O control request
without data, which the driver completes at once; the same in Python stands beside it.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Callable
from time import process_time

from targets.crossings import InPython, in_c

from dirql.machine import open_machine
from dirql.wdm import CTL_CODE, FILE_ANY_ACCESS, FILE_DEVICE_UNKNOWN, METHOD_BUFFERED

CALLS = 100_000
REQUESTS = 1000
CODE = CTL_CODE(FILE_DEVICE_UNKNOWN, 0x800, METHOD_BUFFERED, FILE_ANY_ACCESS)


def best(rounds: int, count: int, run: Callable[[], object]) -> float:
    """Nanoseconds of one of `count` steps that `run` makes."""
    times = []
    for _ in range(rounds):
        start = process_time()
        run()
        times.append(process_time() - start)
    return min(times) / count * 1e9


def main(rounds: int) -> None:
    with open_machine(host_limit=None) as machine:
        driver = machine.load_driver(in_c())
        machine.load_driver(InPython())
        device, routine = driver.device_object, driver.driver_start_io
        assert device is not None
        assert routine is not None

        def downcalls() -> None:
            for _ in range(CALLS):
                routine(device, None)

        def empty() -> None:
            for _ in range(CALLS):
                pass

        def gets() -> None:
            for _ in range(CALLS):
                _ = device.flags

        def sets() -> None:
            flags = device.flags
            for _ in range(CALLS):
                device.flags = flags

        loop = best(rounds, CALLS, empty)
        show("downcall", best(rounds, CALLS, downcalls) - loop)
        show("field, get", best(rounds, CALLS, gets) - loop)
        show("field, set", best(rounds, CALLS, sets) - loop)
        with machine.open(r"\Device\Crossings") as c, machine.open(r"\Device\Twin") as python:
            calls = struct.pack("<I", CALLS)
            show("upcall", best(rounds, CALLS, lambda: c.ioctl(CODE, calls)))
            for name, handle in (("request in C", c), ("request in Python", python)):
                show(
                    name,
                    best(
                        rounds, REQUESTS, lambda handle=handle: [handle.ioctl(CODE) for _ in range(REQUESTS)]
                    ),
                )


def show(name: str, nanoseconds: float) -> None:
    print(f"{name:20}{nanoseconds:10.0f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else 5)
