# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The files that a test of a driver leaves behind: all signals, a trace, the latencies, and a recording."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dirql.files import FileNotWritten
from dirql.machine import Machine
from dirql.report import run_json
from dirql.target.contract import TargetError
from dirql.trace import perfetto
from dirql.trace.recorder import Recorder

__all__ = ["VCD_BYTES_PER_CLOCK", "Folders", "Outputs", "waves_growth"]

VCD_BYTES_PER_CLOCK = 2_300
"""Measured with the machine `default`."""

_TRACED = 100_000
"""The most event records that the trace of one test has."""
_LONGEST = 200
"""The most bytes that the name of a file has before its suffix; file systems take 255 with it."""


@dataclass(frozen=True, slots=True)
class Folders:
    """The folders for the files of tests; None for a kind of file that is not wanted."""

    waves: Path | None = None
    trace: Path | None = None
    json: Path | None = None
    record: Path | None = None
    only_failed: bool = False
    """Whether the files of tests that pass are left out."""

    def make(self) -> None:
        """Make the folders; raises `OSError` for one that cannot be written to."""
        for folder in self._wanted():
            folder.mkdir(parents=True, exist_ok=True)
            probe = folder / ".dirql-can-write"
            probe.touch()
            probe.unlink()

    def _wanted(self) -> Iterator[Path]:
        yield from (
            folder for folder in (self.waves, self.trace, self.json, self.record) if folder is not None
        )


def _file_name(test: str) -> str:
    """The name of a test as that of a file; a long name is cut, and ends in a digest of the whole."""
    name = re.sub(r"[^\w.-]+", "_", test).strip("_")
    if len(name.encode()) <= _LONGEST:
        return name
    digest = hashlib.sha256(test.encode()).hexdigest()[:12]
    return f"{name.encode()[: _LONGEST - 13].decode(errors='ignore')}-{digest}"


class Outputs:
    """The files of one test, whose names are that of the test."""

    def __init__(self, folders: Folders, test: str) -> None:
        self._folders = folders
        self._test = test
        self._name = _file_name(test)
        self._recorder: Recorder | None = None

    @property
    def waves(self) -> Path | None:
        """The file for all signals; the target may choose another suffix."""
        folder = self._folders.waves
        return None if folder is None else folder / f"{self._name}.fst"

    @property
    def recording(self) -> Path | None:
        """The file for a recording."""
        folder = self._folders.record
        return None if folder is None else folder / f"{self._name}.dirql"

    def begin(self, machine: Machine) -> None:
        """Record the machine from now on, if a file needs it."""
        if self._folders.trace is not None or self._folders.json is not None:
            self._recorder = Recorder(
                machine.target, machine.kernel, machine.io.hooks, self._test, keep=_TRACED
            )
            self._recorder.__enter__()

    def end(self) -> None:
        """Stop recording; the machine must still be open. A machine that no longer answers leaves no recording."""
        if self._recorder is not None:
            try:
                self._recorder.finish()
            except TargetError:
                self._recorder = None

    def write(self, *, failed: bool) -> Iterator[str]:
        """Write the files, after the machine has been closed; yields a sentence for each that cannot be written."""
        if self._folders.only_failed and not failed:
            self._remove()
            return
        if self._recorder is None:
            return
        run, analysis = self._recorder.finish(), self._recorder.analysis()
        if self._folders.trace is not None:
            try:
                perfetto.write(self._folders.trace / f"{self._name}.pftrace", [run])
            except FileNotWritten as error:
                yield str(error)
        if self._folders.json is not None:
            try:
                path = self._folders.json / f"{self._name}.json"
                run_json.write_test(path, self._test, run, analysis, failed=failed)
            except FileNotWritten as error:
                yield str(error)

    def _remove(self) -> None:
        if self.recording is not None:
            self.recording.unlink(missing_ok=True)
        if self.waves is not None:
            for suffix in (".fst", ".vcd"):
                self.waves.with_suffix(suffix).unlink(missing_ok=True)


def waves_growth() -> str:
    """A sentence that says how much waves grow."""
    gigabytes = VCD_BYTES_PER_CLOCK * 1e6 / 1e9
    return f"waves grow by about {gigabytes:.1f} GB with each million clocks as VCD, and less as FST"
