# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The cocotb target, for code inside the simulator that `dirql.target.simulation.simulator` starts.

Host code runs in greenlets. A greenlet that asks the machine for something switches to the hub, the greenlet of
cocotb's own coroutine. The hub waits until the machine gives the turn back, and switches to the greenlet that asked.
There is no thread, and no cocotb trigger but the hub's.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import json
import os
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from types import FrameType
from typing import cast

import cocotb
from cocotb.handle import HierarchyObject, LogicObject
from greenlet import getcurrent, greenlet

from dirql.hardware.description import MachineDescription
from dirql.hardware.reading import load_machine
from dirql.hardware.root import machine_root
from dirql.target.contract import Capability, TargetError
from dirql.target.simulation.exchange import Constants, SharedMemory, exchange_ffi
from dirql.target.simulation.exchange_channel import ExchangeChannel
from dirql.target.simulation.memory_delays import MemoryDelays
from dirql.target.simulation.simulated_target import SimulatedTarget
from dirql.target.simulation.simulator import INTERRUPTED

__all__ = ["CocotbTarget", "Simulation", "current_simulation", "host"]

_INTERRUPTED_STATUS = 130
"""The exit status that a shell gives a program which Ctrl-C ended."""


class Simulation:
    """The running simulation: one machine, which one target after another may hold."""

    def __init__(self, machine: MachineDescription, exchange: Path, host_turn: LogicObject) -> None:
        """Take the current greenlet as the hub."""
        ffi = exchange_ffi(machine_root(), machine)
        self.machine = machine
        self.constants = cast(Constants, ffi.dlopen(None))
        self.is_held = False
        self._path = exchange
        self._file = os.open(exchange, os.O_RDWR)
        self.shared = SharedMemory.over(ffi, self._file)
        self._turn = host_turn
        self._hub = getcurrent()
        self._waiting = self._hub
        self._interrupted = False

    def clear(self) -> None:
        """Zero the exchange and the host's RAM in it. The file is cut to nothing, which costs no time for each page."""
        size = os.fstat(self._file).st_size
        os.ftruncate(self._file, 0)
        os.ftruncate(self._file, size)

    def run(self) -> None:
        """Let the machine carry out the request in the exchange."""
        self._waiting = getcurrent()
        self._hub.switch()
        if self._interrupted:
            self._interrupted = False
            raise KeyboardInterrupt

    def take_interrupts(self, note: Path) -> None:
        """Handle Ctrl-C from now on. The signal was held back; one that came meanwhile, or left a `note`, counts."""
        signal.signal(signal.SIGINT, self.interrupt)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        if note.exists():
            raise KeyboardInterrupt

    def interrupt(self, _signal: int, _frame: FrameType | None) -> None:
        """Handle Ctrl-C: raise `KeyboardInterrupt` in the host code, never in cocotb's."""
        if getcurrent() is not self._hub:
            raise KeyboardInterrupt
        self._interrupted = True

    async def serve(self, work: Callable[[], None]) -> None:
        """Run `work` in a greenlet until it has ended."""
        worker = greenlet(work)
        worker.switch()
        exchange = self.shared.struct
        while not worker.dead:
            _ = await self._turn.value_change
            if not exchange.pending:
                self._waiting.switch()

    def forget_file(self) -> None:
        """Remove the name of the exchange's file: both sides have mapped it, and nothing is left if they are killed."""
        self._path.unlink(missing_ok=True)


class _SimulationChannel(ExchangeChannel):
    """The simulation's machine, as long as one target holds it."""

    def __init__(self, simulation: Simulation, memory_delays: MemoryDelays | None) -> None:
        """Take the machine, with the memory zero."""
        super().__init__(simulation.shared, simulation.constants)
        self._simulation = simulation
        simulation.clear()
        self._delay_memory(memory_delays)
        simulation.is_held = True

    def _run(self) -> None:
        self._simulation.run()

    def command(
        self, operation: int, spent: int, address: int, byte_enables: int, length: int, datum: int, /
    ) -> int:
        """See `Channel`."""
        self._fill(operation, address, byte_enables, length, datum)
        return self._request(self._constants.DIRQL_TRANSFER, spent)

    def wait(self, spent: int, limit: int, /) -> int:
        """See `Channel`."""
        self._exchange.limit = limit
        return self._request(self._constants.DIRQL_WAIT, spent)

    def close(self) -> None:
        """See `Channel`."""
        self._simulation.is_held = False


class CocotbTarget(SimulatedTarget):
    """The simulation's machine. One target at a time: opening resets the machine, closing leaves it to the next."""

    __slots__ = ()

    name = "cocotb"
    abilities = frozenset(Capability) - {Capability.WAVES}

    def __init__(self, machine: MachineDescription, *, memory_delays: MemoryDelays | None = None) -> None:
        """Open the machine, just out of reset and with the memory zero; `machine` must be the simulator's machine.

        `memory_delays` makes the host's RAM slow.
        """
        simulation = current_simulation()
        if simulation is None:
            raise TargetError(
                "a cocotb target must be opened inside a simulator; it was opened outside: start one with"
                " dirql.target.simulation.simulator.run_in_simulator, as `dirql run --target cocotb` does"
            )
        if simulation.is_held:
            raise TargetError(
                "the machine of a simulator must be open once at a time; it was open already: close that target first"
            )
        if machine != simulation.machine:
            raise TargetError(
                f"the machine must be {simulation.machine.name}, for which the simulator was started; it was"
                f" {machine.name}: start another simulator"
            )
        super().__init__(_SimulationChannel(simulation, memory_delays), machine)
        simulation.forget_file()


_current: Simulation | None = None


def current_simulation() -> Simulation | None:
    """The simulation of this process, once the function in it is called; None outside a simulator."""
    return _current


@cocotb.test()
async def host(dut: HierarchyObject) -> None:
    """The test that cocotb runs: it calls the function that `run_in_simulator` was given."""
    global _current
    folder = Path(os.environ["DIRQL_SIMULATOR_ORDER"])
    order = json.loads((folder / "order.json").read_text(encoding="utf-8"))
    os.chdir(order["folder"])
    _die_with_parent()
    machine = load_machine(Path(order["machine"]))
    turn = cast(LogicObject, dut.host_turn)
    simulation = _current = Simulation(machine, Path(os.environ["DIRQL_EXCHANGE"]), turn)

    def work() -> None:
        note = folder / INTERRUPTED
        status = _call(partial(simulation.take_interrupts, note), order["entry"], order["arguments"])
        sys.stdout.flush()
        sys.stderr.flush()
        (folder / "status.json").write_text(json.dumps(status), encoding="utf-8")

    await simulation.serve(work)


def _call(prepare: Callable[[], None], entry: str, arguments: Sequence[str]) -> int:
    """Call the function; returns its exit status. No exception leaves this routine."""
    try:
        prepare()
        module, _, name = entry.partition(":")
        return int(getattr(importlib.import_module(module), name)(arguments) or 0)
    except SystemExit as error:
        if error.code is None or isinstance(error.code, int):
            return error.code or 0
        print(error.code, file=sys.stderr)
    except KeyboardInterrupt:
        return _INTERRUPTED_STATUS
    except BaseException:
        traceback.print_exc()
    return 1


def _die_with_parent() -> None:
    """Have Linux end this process when the launcher is killed, so that no simulator is left running."""
    set_parent_death_signal = 1
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGTERM)
