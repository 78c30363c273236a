# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The watch in the host's time ends code that computes for ever while the machine stands still.

The watch over hangs (ke/watch) counts the machine's time, which stands still while plain Python runs. So a thread of
the host looks from time to time whether the machine's time goes on. If it stood still at several looks in a row, and
code of a driver was running at each, the thread raises an error in the routine. A program, such as a test that waits
for a driver in a loop of its own, is ended too, when its thread has computed most of that time: one that sleeps, or
waits for input, is left alone. No signal is used, so that handlers of pytest and of programs stay as they are. Nothing
is ended while a debugger has stopped the program, or in a session in which somebody types commands.
"""

from __future__ import annotations

import ctypes
import os
import re
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from time import clock_gettime, process_time, pthread_getcpuclockid
from types import FrameType
from typing import Final

from dirql.ke.bugcheck import BugCheck, stop
from dirql.ke.current import current
from dirql.ke.kernel import Kernel
from dirql.ke.origin import Origin, is_kernel_frame
from dirql.ke.processors.processor import Processor
from dirql.ke.watch.deadlock import Deadlock
from dirql.ke.watch.report import report
from dirql.ke.watch.watch import TICKS_PER_SECOND
from dirql.nt.bugcodes import DPC_WATCHDOG_VIOLATION, WATCHDOG_SINGLE
from dirql.nt.constants import CLOCK_LEVEL

__all__ = ["EndlessDpc", "EndlessRoutine", "HostWatch"]

_LOOKS: Final = 4
"""The looks in a row that must find the same; a process that was suspended in between counts as one look."""
_BUSY: Final = 0.8
"""The part of the limit that the process must have computed, if clocks pass: the host may be slow."""
_DEBUGGERS: Final = ("bdb.py", "pdb.py", "pydevd.py", "pydevd_frame.py")
_WAITING: Final = re.compile(r"[/\\]cocotb([/\\]|\.py$)")
_IN_TARGET: Final = re.compile(r"[/\\]dirql[/\\]target[/\\]")
_OF_TOOLS: Final = re.compile(r"[/\\](dirql[/\\](trace|report|hardware)|_pytest[/\\]assertion)[/\\]")
"""Files of tools that work for a program while the machine stands still: they end by themselves."""
_PACKAGE: Final = f"{Path(__file__).parent}{os.sep}"
_DRIVERS: Final = f"{_PACKAGE}drivers{os.sep}"
_RUNNERS: Final = re.compile(r"[/\\](_pytest|pluggy)[/\\]")
_DEEPEST: Final = 10


class EndlessRoutine(Deadlock):
    """A routine of a driver, or a program, computes for ever."""

    def __init__(self) -> None:
        """Stop the kernel; Python makes the error without arguments, and `_ending` has the rest."""
        clock = current.kernel.clock.now()
        where = f" in {_ending.calls[0]}" if _ending.calls else ""
        rule = (
            "a program must wait in a call of dirql, as that of Overlapped.wait, and a long calculation needs a"
            " longer limit"
            if current.processor.driver is None
            else "a routine must return, or wait"
        )
        super().__init__(
            f"deadlock at clock {clock}: {_who()} has run{where} for {_ending.time}; {rule} (host_limit of"
            f" open_machine, the limit host){_ending.details()}"
        )
        current.kernel.stop(self)


class EndlessDpc(BugCheck):
    """A DPC or an ISR computes for ever: bug check 0x133. See `EndlessRoutine`."""

    def __init__(self) -> None:
        kind = "an ISR" if current.processor.isrs else "a DPC"
        reason = f"{kind} must return; {_who()} has run for {_ending.time}: end the loop (host_limit of open_machine)"
        ticks = round(_ending.seconds * TICKS_PER_SECOND)
        parameters = (WATCHDOG_SINGLE, ticks + 1, ticks, 0)
        place = _ending.calls[0] if _ending.calls else None
        super().__init__(DPC_WATCHDOG_VIOLATION, parameters, reason, place, _ending.details())
        stop(self)


class _Repeated:
    """Counts how often in a row the same was seen."""

    def __init__(self, clock: Callable[[], float] = process_time) -> None:
        """`clock` gives the seconds that were computed so far."""
        self._clock = clock
        self._before: object = None
        self._times = 0
        self._computed = 0.0

    def look(self, seen: object) -> int:
        """Note what was seen now, None for nothing; returns how often it was seen before."""
        if seen is not None and seen == self._before:
            self._times += 1
        else:
            self._times = 0
            if seen is not None:  # otherwise the watched thread may have ended, and has no clock any more
                self._computed = self._clock()
        self._before = seen
        return self._times

    def computed(self) -> float:
        """The seconds that were computed since this was seen for the first time."""
        return self._clock() - self._computed


class HostWatch:
    """Looks after one kernel from a thread of the host, between `start` and `close`."""

    def __init__(self, kernel: Kernel, seconds: float) -> None:
        """End a routine of a driver, or a program in the calling thread, that computes for `seconds`."""
        self._kernel = kernel
        self._seconds = seconds
        self._closed = threading.Event()
        self._watched = threading.get_ident()
        self._thread = threading.Thread(target=self._run, name="dirql: watch in the host's time", daemon=True)

    def start(self) -> None:
        """Look from now on."""
        self._thread.start()

    def close(self) -> None:
        """Look no longer, and end the thread."""
        self._closed.set()
        if self._thread.is_alive():  # a machine that could not be opened did not start it
            self._thread.join()

    def _run(self) -> None:
        still, fruitless, single = _Repeated(), _Repeated(), _Repeated()
        program = _Repeated(self._computed)
        while not self._closed.wait(self._seconds / (_LOOKS + 1)):
            found = self._computing()
            processor = found if found is not None and found.driver is not None else None
            if still.look(processor and self._time(processor)) >= _LOOKS:
                self._end_routine("in which no clock of the machine passed")
            elif self._is_long(fruitless, processor and self._work(processor)):
                self._end_routine("in which no request was made or ended")
            elif self._is_long(single, processor and self._call()):
                self._end_routine("in one call of the program")
            elif self._is_long(program, self._idling(found)):
                self._end_routine("in which no clock of the machine passed")
            else:
                continue
            still, fruitless, single = _Repeated(), _Repeated(), _Repeated()
            program = _Repeated(self._computed)

    def _computed(self) -> float:
        """The seconds that the watched thread has computed so far."""
        return clock_gettime(pthread_getcpuclockid(self._watched))

    def _is_long(self, repeated: _Repeated, seen: object) -> bool:
        """Whether the same is seen for so long that it counts as an endless loop, although clocks pass."""
        return repeated.look(seen) >= _LOOKS and repeated.computed() > _BUSY * self._seconds

    def _computing(self) -> Processor | None:
        """The processor that runs code of a driver, or of a program, now; None if none does."""
        # The processor is read first: when the kernel closes, it goes after the kernel.
        processor = current.processor
        if current.kernel is not self._kernel:
            return None
        frame = sys._current_frames().get(self._watched)
        return processor if frame is not None and _is_computing(frame) else None

    def _time(self, processor: Processor) -> object:
        """The clocks that have passed in the machine, where the watch over hangs can look, with the code that runs.

        Clocks that kernel calls have spent may pass later, and no clock interrupt comes at or above CLOCK_LEVEL. None
        while the machine itself runs, whose clocks are known when it has stopped.
        """
        frame = sys._current_frames().get(self._watched)
        if frame is not None and _IN_TARGET.search(frame.f_code.co_filename):
            return None
        clock = self._kernel.clock
        passed = clock.now() - clock.spent if processor.irql < CLOCK_LEVEL else 0
        return passed, processor.number, processor.driver, processor.dpcs.count, processor.current_thread

    def _idling(self, processor: Processor | None) -> object:
        """The clocks that have passed in the machine while a program computes; None if it does not."""
        if processor is None or processor.driver is not None or hasattr(sys, "ps1"):
            return None
        frame = sys._current_frames().get(self._watched)
        while frame is not None and not frame.f_code.co_filename.startswith(_PACKAGE):
            if _OF_TOOLS.search(frame.f_code.co_filename):
                return None
            frame = frame.f_back
        if frame is not None and _OF_TOOLS.search(frame.f_code.co_filename):
            return None
        return self._time(processor)

    def _work(self, processor: Processor) -> object:
        """The requests that were made and ended, with the thread that runs."""
        progress = tuple(witness.progress() for witness in self._kernel.witnesses)
        return progress, processor.current_thread

    def _call(self) -> FrameType | None:
        """The program's call of the kernel in which the driver runs; None if a thread of the system runs it.

        A driver may make and end requests of its own in a loop, so that there is always progress.
        """
        frame = sys._current_frames().get(self._watched)
        call = None
        while frame is not None and frame.f_back is not None:
            if is_kernel_frame(frame) and not is_kernel_frame(frame.f_back):
                call = frame
            frame = frame.f_back
        return call

    def _end_routine(self, why: str) -> None:
        seconds = self._seconds
        processor = current.processor
        error = EndlessDpc if processor.isrs or processor.dpcs.running is not None else EndlessRoutine
        _ending.seconds = seconds
        _ending.time = f"{seconds:g} seconds of the host's time, {why}"
        _ending.calls = _calls(sys._current_frames().get(self._watched))
        if self._closed.is_set():
            return
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(self._watched), ctypes.py_object(error))


class _Ending:
    """The facts that the error needs that is about to be made."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.time = ""
        """The time for which the routine has run, in words."""
        self.calls: list[Origin] = []
        """The places in the routine and in what it has called, the innermost first."""

    def details(self) -> str:
        """The calls and the hang report, as lines of text."""
        calls = "".join(f"\n    {call}" for call in self.calls)
        return f"\n  calls, the innermost first:{calls}{report(current.kernel.witnesses)}"


_ending: Final = _Ending()


def _who() -> str:
    driver = current.processor.driver
    return "a program" if driver is None else repr(driver)


def _is_computing(innermost: FrameType) -> bool:
    """Whether the code that runs neither waits for a simulator nor is watched by a debugger."""
    if _WAITING.search(innermost.f_code.co_filename):
        return False
    frame: FrameType | None = innermost
    while frame is not None:
        if frame.f_trace is not None or Path(frame.f_code.co_filename).name in _DEBUGGERS:
            return False
        frame = frame.f_back
    return True


def _calls(innermost: FrameType | None) -> list[Origin]:
    """The places of a routine's calls, up to the kernel that called the routine, or to what runs a program."""
    calls: list[Origin] = []
    frame = innermost
    while frame is not None and is_kernel_frame(frame):
        frame = frame.f_back
    while frame is not None and not _is_runner(frame) and len(calls) < _DEEPEST:
        code = frame.f_code
        calls.append(Origin(code.co_qualname, code.co_filename, frame.f_lineno))
        frame = frame.f_back
    return calls


def _is_runner(frame: FrameType) -> bool:
    """Whether a frame is of dirql, but of none of its drivers, or of pytest."""
    name = frame.f_code.co_filename
    own = name.startswith(_PACKAGE) and not name.startswith(_DRIVERS)
    return own or is_kernel_frame(frame) or _RUNNERS.search(name) is not None
