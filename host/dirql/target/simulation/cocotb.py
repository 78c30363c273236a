# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The machine under cocotb, from inside the simulator: the other side of `dirql.target.simulation.simulator`.

Host code runs in greenlets. One that asks the machine for something switches to the hub, which is cocotb's own
coroutine; the hub waits until the machine gives the turn back, and switches to the one that asked. No thread, and
nothing of cocotb, is between them.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import json
import mmap
import os
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import cast

import cocotb
from cocotb.handle import HierarchyObject, LogicObject
from greenlet import getcurrent, greenlet

from dirql.target.contract import Capability, TargetError
from dirql.target.simulation.build import machine_root
from dirql.target.simulation.exchange import Constants, SharedMemory, exchange_ffi
from dirql.target.simulation.port import PortTarget

__all__ = ["CocotbTarget", "Simulation", "current_simulation", "host"]

_INTERRUPTED = 130
"""Exit status of what Ctrl-C ended, as a shell has it."""


class Simulation:
    """The running simulation: one machine, which one target after another may hold."""

    def __init__(self, exchange: Path, host_turn: LogicObject) -> None:
        """Take the hub to be the current greenlet."""
        self.ffi = exchange_ffi(machine_root())
        self.constants = cast(Constants, self.ffi.dlopen(None))
        self.holder: CocotbTarget | None = None
        self._path = exchange
        self._file = os.open(exchange, os.O_RDWR)
        self._size = SharedMemory.size(self.ffi)
        os.ftruncate(self._file, self._size)
        self.shared = SharedMemory.over(self.ffi, mmap.mmap(self._file, self._size))
        self._turn = host_turn
        self._hub = getcurrent()
        self._waiting = self._hub
        self._interrupted = False

    def clear(self) -> None:
        """Zero the exchange, the host's memory included, without touching its pages."""
        os.ftruncate(self._file, 0)
        os.ftruncate(self._file, self._size)

    def run(self) -> None:
        """Let the machine carry out the request in the exchange."""
        self._waiting = getcurrent()
        self._hub.switch()
        if self._interrupted:
            self._interrupted = False
            raise KeyboardInterrupt

    def interrupt(self, _signal: int, _frame: FrameType | None) -> None:
        """Handle Ctrl-C: it is the host code's, never cocotb's."""
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
        """Remove the exchange's name: by now both sides have mapped it, and nothing is left behind if we are killed."""
        self._path.unlink(missing_ok=True)


class CocotbTarget(PortTarget):
    """The simulation's machine. One at a time: opening resets it, closing leaves it to the next."""

    __slots__ = ("_simulation",)

    name = "cocotb"
    capabilities = frozenset(Capability) - {Capability.WAVES}

    def __init__(self) -> None:
        """Open the machine, just out of reset and with its host memory zero."""
        simulation = current_simulation()
        if simulation is None:
            raise TargetError(
                "a cocotb target must be opened inside a simulator; start one with"
                " dirql.target.simulation.simulator.run_in_simulator, as `dirql run --target cocotb` does"
            )
        if simulation.holder is not None:
            raise TargetError("a simulator has one machine, which is open already; close that target first")
        self._simulation = simulation
        super().__init__(simulation.shared, simulation.constants)
        simulation.clear()
        simulation.holder = self
        self.reset()
        simulation.forget_file()

    def _run(self) -> None:
        self._simulation.run()

    def close(self) -> None:
        """See `Target`."""
        if self._simulation.holder is self:
            self._simulation.holder = None
        self._close()


_current: Simulation | None = None


def current_simulation() -> Simulation | None:
    """The simulation that this process is, once its function is being called."""
    return _current


@cocotb.test()
async def host(dut: HierarchyObject) -> None:
    """What cocotb runs: the function that `run_in_simulator` was asked for."""
    global _current
    folder = Path(os.environ["DIRQL_SIMULATOR_ORDER"])
    order = json.loads((folder / "order.json").read_text(encoding="utf-8"))
    os.chdir(order["folder"])
    _die_with_parent()
    simulation = _current = Simulation(Path(os.environ["DIRQL_EXCHANGE"]), cast(LogicObject, dut.host_turn))
    signal.signal(signal.SIGINT, simulation.interrupt)

    def work() -> None:
        status = _call(order["entry"], order["arguments"])
        sys.stdout.flush()
        sys.stderr.flush()
        (folder / "status.json").write_text(json.dumps(status), encoding="utf-8")

    await simulation.serve(work)


def _call(entry: str, arguments: Sequence[str]) -> int:
    """The exit status of the function; nothing that it raises leaves here."""
    try:
        module, _, name = entry.partition(":")
        return int(getattr(importlib.import_module(module), name)(arguments) or 0)
    except SystemExit as error:
        if error.code is None or isinstance(error.code, int):
            return error.code or 0
        print(error.code, file=sys.stderr)
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BaseException:
        traceback.print_exc()
    return 1


def _die_with_parent() -> None:
    """Have Linux end this process when the launcher is killed, so that no simulator is left running."""
    set_parent_death_signal = 1
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGTERM)
