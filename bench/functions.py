# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The cost of functions on the bus, in nanoseconds of CPU time a clock; the best of some rounds.

    python bench/functions.py [rounds] [clocks]

Each machine is clocked with all functions asleep, and with one store awake, whose DELAY counts. The last lines compare
the functions that `crowd` has beyond those of `default` with one function that is awake.
"""

from __future__ import annotations

import sys
from time import process_time

from dirql.hardware.reading import load_machine, machine_names
from dirql.registers import pci_configuration as pci, store
from dirql.target.simulation.verilated import VerilatedTarget

LONG = 0xFFFF_FFFF


class Clocked:
    """A machine with all functions asleep."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.target = VerilatedTarget(load_machine(name))
        self.target.wait(1000)

    def wake_one(self) -> None:
        """Let the first store count down from a large number."""
        target, function = self.target, self.target.description.functions_named("store")[0]
        header, base = function.place.configuration_address, target.description.buses[0].memory.start
        target.write_configuration(header + pci.BAR.offset, base)
        target.write_configuration(header + pci.COMMAND.offset, pci.COMMAND.MEMORY_ENABLE)
        target.write_memory(base + store.DELAY.offset, LONG)
        target.write_memory(base + store.COMMAND.offset, store.Operation.RAISE)

    def clock(self, clocks: int) -> float:
        """Measure the nanoseconds of CPU time that a clock takes."""
        start = process_time()
        self.target.clock_bare(clocks)
        return 1e9 * (process_time() - start) / clocks


def measure(machines: list[Clocked], rounds: int, clocks: int) -> list[float]:
    """The best of the rounds for each machine; the machines take turns."""
    times = [[machine.clock(clocks) for machine in machines] for _ in range(rounds)]
    return [min(column) for column in zip(*times, strict=True)]


def main(arguments: list[str]) -> None:
    rounds, clocks = (int(argument) for argument in (arguments + ["7", "300000"][len(arguments) :]))
    machines = [Clocked(name) for name in machine_names()]
    asleep = measure(machines, rounds, clocks)
    for machine in machines:
        machine.wake_one()
    awake = measure(machines, rounds, clocks)
    print(f"{'machine':12s}{'functions':>10s}{'asleep':>10s}{'one awake':>12s}   ns a clock")
    for machine, least, most in zip(machines, asleep, awake, strict=True):
        count = len(machine.target.description.functions)
        print(
            f"{machine.name:12s}{count:10d}{least:10.0f}{most:12.0f}   awake {machine.target.functions_awake()}"
        )
    by_name = {machine.name: place for place, machine in enumerate(machines)}
    small, large = by_name["default"], by_name["crowd"]
    one, more = awake[small] - asleep[small], asleep[large] - asleep[small]
    functions = [len(machines[place].target.description.functions) for place in (small, large)]
    print(f"one awake function                       {one:5.0f} ns a clock")
    print(f"the {functions[1] - functions[0]} further functions of crowd, asleep {more:5.0f} ns a clock")
    print(
        f"each of them, of one awake               {100 * more / one / (functions[1] - functions[0]):5.1f} %"
    )


if __name__ == "__main__":
    main(sys.argv[1:])
