# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Runs the commands of a build, none of which outlives this process, in whatever way this process ends.

A small shell, the *watcher*, waits until the pipe to this process is closed, which the system does even after kill -9.
It then ends its process group, in which all commands run, and removes what the build has left in the cache. It also
holds the build's lock until it has done so.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Commands", "Stage", "watched"]

Stage = Sequence[Sequence[str]]
"""Commands that run side by side."""

_WATCH = 'trap "" HUP INT TERM; read -r _; kill -TERM 0; rm -rf "$@" || rm -rf "$@"'


@dataclass(frozen=True, slots=True)
class Commands:
    """Starts commands in `folder`, in the watcher's process group."""

    group: int
    folder: Path
    environment: Mapping[str, str]

    def run(self, stage: Stage, output: int) -> tuple[Sequence[str], int] | None:
        """Run a stage, whose output goes to the open file `output`; returns a command that failed, and its status."""
        running = [
            subprocess.Popen(
                command,
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                process_group=self.group,
            )
            for command in stage
        ]
        try:
            failed = [number for number, process in enumerate(running) if process.wait() != 0]
        except BaseException:
            for process in running:
                process.kill()
                process.wait()
            raise
        return (stage[failed[0]], running[failed[0]].returncode) if failed else None


@contextmanager
def watched(
    folder: Path, environment: Mapping[str, str], lock: int, leftovers: Sequence[Path]
) -> Iterator[Commands]:
    """Watch the commands of a build, which run in `folder`. At the end of the block they end, and `leftovers` go.

    `lock` is the open file of the build's lock.
    """
    watcher = subprocess.Popen(
        ["/bin/sh", "-c", _WATCH, "sh", *map(str, leftovers)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        pass_fds=(lock,),
        process_group=0,
    )
    try:
        yield Commands(watcher.pid, folder, environment)
    finally:
        watcher.communicate()
