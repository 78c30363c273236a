# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""`dirql shadow`: carries out the recording of a board on the RTL in this process, and shows the first difference.

A test that `save` has written calls `shadow`.
"""

from __future__ import annotations

import re
from pathlib import Path

from dirql.hardware.description import MachineDescription
from dirql.target import open_target
from dirql.target.recording.file import RecordingReader, RecordingWriter
from dirql.target.recording.replay import recorded_machine
from dirql.target.recording.shadow import Report, Shadow

__all__ = ["describe", "save", "shadow"]

_TEST = '''# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The RTL must do what a machine did in a recording; `dirql shadow` found a difference and has written this test."""

from pathlib import Path

from dirql.shadow import shadow


def test_the_rtl_does_as_{name}_was_recorded() -> None:
    report = shadow(Path(__file__).with_name("{file}"))
    assert not report.difference, report.difference
'''


def shadow(path: Path, machine: str | Path | MachineDescription | None = None) -> Report:
    """Carry out a recording on the RTL of its machine; `machine` is that machine, if dirql does not know it by name.

    Raises `RecordingError` for a file that cannot be used, `SetupError` and `BuildError` as `open_target` does.
    """
    reader = RecordingReader(path)
    target = open_target("verilated", machine=recorded_machine(path, reader.header, machine))
    try:
        return Shadow(reader, target).run()
    finally:
        target.close()


def save(path: Path, report: Report, folder: Path) -> Path:
    """Write the recording as far as the difference, and a test that fails until it is mended; returns the test."""
    reader = RecordingReader(path)
    name = re.sub(r"\W", "_", path.name.partition(".")[0])
    copy = folder / f"{name}_until_{report.calls}.dirql"
    writer = RecordingWriter(copy, reader.header)
    for number, entry in enumerate(reader.entries(), 1):
        if number > report.calls:
            break
        writer.add(entry, entry.place)
    writer.close()
    if writer.failure:
        raise OSError(f"{copy} could not be written: {writer.failure}")
    test = folder / f"test_{copy.stem}.py"
    test.write_text(_TEST.format(name=copy.stem, file=copy.name), encoding="utf-8")
    return test


def describe(report: Report) -> str:
    """The lines for a report."""
    counts = "".join(f"\n  {count:,} {kind}" for kind, count in report.compared.items())
    if report.difference:
        return report.difference
    head = f"no difference in {report.calls:,} calls; compared were{counts or ' none'}"
    return f"{head}\nnot all was followed: {report.ended}" if report.ended else head
