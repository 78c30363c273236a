# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Targets: the machines that the host side can run on, all behind `dirql.target.contract`, chosen by name."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import NamedTuple

from dirql.boards.reading import board_names, check_twin, load_board
from dirql.hardware.description import MachineDescription
from dirql.hardware.reading import DEFAULT_MACHINE, describe
from dirql.target.contract import Target
from dirql.target.recording.file import RecordingReader
from dirql.target.recording.recorder import RecordingTarget
from dirql.target.recording.replay import ReplayTarget
from dirql.target.simulation.build import Announce, announce_on_stderr
from dirql.target.simulation.memory_delays import MemoryDelays
from dirql.target.simulation.simulator import inside_simulator, run_in_simulator
from dirql.target.simulation.toolchain import SetupError, pip_install

__all__ = [
    "TARGETS",
    "MemoryDelays",
    "check_target",
    "inside_simulator",
    "machine_of",
    "open_target",
    "run_in_simulator",
]

TARGETS = ("verilated", "cocotb", "serial", "tcp", "usb", "usbip", "twin", "replay")
"""The names that `open_target` knows. That of a board may be followed by its address: `tcp://127.0.0.1:5555`, or
`twin:tiny`; that of a replay is followed by the file of a recording: `replay:run.dirql`."""

_REPLAY = "replay:"


def check_target(name: str) -> str:
    """Return the name of a target; raises `ValueError` for one that `open_target` does not know."""
    # Imported here, because the room `link` needs the contract, which is in this room.
    from dirql.target.board.address import BoardAddress, is_board

    if is_board(name):
        address = BoardAddress.parse(name)
        if address.kind == "twin" and address.place:
            check_twin(address.place)
    elif name.startswith(_REPLAY) or f"{name}:" == _REPLAY:
        recording = name.partition(":")[2]
        if not Path(recording).is_file():
            was = f"there is no file {recording!r}" if recording else f"it was {name!r}"
            raise ValueError(
                f"a replay must have the file of a recording, as replay:FILE; {was}:"
                " `dirql run --record FILE` writes one"
            )
    elif name not in TARGETS:
        near = difflib.get_close_matches(name.partition(":")[0], TARGETS, 1)
        hint = f": did you mean {near[0]}?" if near else ""
        raise ValueError(f"a target must be one of {', '.join(TARGETS)}; it was {name!r}{hint}")
    return name


def machine_of(name: str) -> str:
    """The machine of a target for which nobody names one: that of a twin or a recording, or else the default machine.

    Raises `RecordingError` for a file that is no recording.
    """
    if name.startswith(_REPLAY):
        return RecordingReader(Path(name.removeprefix(_REPLAY))).header.machine
    from dirql.target.board.address import BoardAddress, is_board

    address = BoardAddress.parse(name) if is_board(name) else None
    if address is None or address.kind != "twin" or not address.place:
        return DEFAULT_MACHINE
    name = address.place
    return load_board(name).machine.name if name in board_names() else name


def open_target(
    name: str,
    *,
    machine: str | Path | MachineDescription | None = None,
    waves: str | Path | None = None,
    checked: bool = False,
    memory_delays: MemoryDelays | None = None,
    record: str | Path | None = None,
    announce: Announce = announce_on_stderr,
) -> Target:
    """Open a machine on the target of that name, just out of reset.

    `machine` is the name of a machine that comes with dirql, the path of a machine file, or a description; without one
    it is that of the twin which `name` names, and otherwise the default one. `waves`
    names a file for all signals (capability WAVES); `checked` lets the RTL's assertions stop the machine;
    `memory_delays` makes the host's RAM answer bus masters late; `record` names a file for everything that goes between
    host and machine, as `dirql.target.recording` reads it; `announce` is called before a build, which takes
    long. The machine of a board must be `machine`; it is reset. Raises `NoLink` for a board that cannot be reached,
    `RecordingError` for a recording that cannot be replayed or written,
    `ValueError` for an unknown name, for an option that the target does not have and for a machine that
    cannot be (`DescriptionError`), `SetupError` and `BuildError` when the machine cannot be built.
    """
    check_target(name)
    described = describe(machine_of(name) if machine is None else machine)
    if record is not None and name.startswith(_REPLAY) and _is_same(name.removeprefix(_REPLAY), record):
        raise ValueError(
            f"the file of a new recording must be another one than that which is replayed; it was {record}"
        )
    simulation = _Simulation(waves, checked, memory_delays, announce)
    opened = _open(name, described, simulation)
    return opened if record is None else RecordingTarget(opened, Path(record))


def _is_same(file: str, other: str | Path) -> bool:
    """Whether two paths are those of one file."""
    return Path(other).exists() and Path(file).samefile(other)


class _Simulation(NamedTuple):
    """The options of `open_target` that only simulated targets have."""

    waves: str | Path | None
    checked: bool
    memory_delays: MemoryDelays | None
    announce: Announce

    def refuse(self, target: str) -> None:
        """Raise `ValueError` for an option that was given for another target."""
        if self.waves is not None or self.checked or self.memory_delays is not None:
            raise ValueError(
                f"waves, checked and memory_delays must be asked of a simulated target; the target was {target}"
            )


def _open(name: str, machine: MachineDescription, simulation: _Simulation) -> Target:
    from dirql.target.board.address import BoardAddress, is_board

    if is_board(name):
        simulation.refuse(name)
        address = BoardAddress.parse(name)
        if address.kind == "twin":
            from dirql.target.twins import open_twin

            return open_twin(address, machine, simulation.announce)
        from dirql.target.board.opening import open_board

        return open_board(address, machine)
    if name.startswith(_REPLAY):
        simulation.refuse(name)
        return ReplayTarget(Path(name.removeprefix(_REPLAY)), machine)
    if name == "verilated":
        from dirql.target.simulation.verilated import VerilatedTarget

        return VerilatedTarget(
            machine,
            waves=simulation.waves,
            checked=simulation.checked,
            memory_delays=simulation.memory_delays,
            announce=simulation.announce,
        )
    if simulation.waves is not None or simulation.checked:
        raise ValueError(f"the target must be verilated for waves or checked; it was {name}")
    return _open_cocotb(machine, simulation)


def _open_cocotb(machine: MachineDescription, simulation: _Simulation) -> Target:
    try:
        from dirql.target.simulation.cocotb import CocotbTarget
    except ModuleNotFoundError as error:
        if error.name != "cocotb":
            raise
        raise SetupError(
            "the package cocotb, which the cocotb target needs, is not installed",
            pip_install("cocotb>=2.1"),
        ) from error
    return CocotbTarget(machine, memory_delays=simulation.memory_delays)
