# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""A board as its folder describes it. `dirql.boards.reading` reads and checks it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dirql.hardware.description import MachineDescription

__all__ = ["Board", "Loader", "Part", "Pins", "SerialLink", "UsbId", "UsbLink"]


@dataclass(frozen=True, slots=True, order=True)
class UsbId:
    """The vendor and the product of a USB device."""

    vendor: int
    product: int

    @classmethod
    def parse(cls, text: str) -> UsbId:
        """Read "0403:6010"; raises `ValueError`."""
        vendor, colon, product = text.partition(":")
        digits = set("0123456789abcdefABCDEF")
        if not (colon and len(vendor) == len(product) == 4 and digits >= {*vendor, *product}):
            raise ValueError(f"it must be vendor and product of a USB device, as 0403:6010; it was {text!r}")
        return cls(int(vendor, 16), int(product, 16))

    def __str__(self) -> str:
        return f"{self.vendor:04x}:{self.product:04x}"


@dataclass(frozen=True, slots=True)
class Part:
    """The FPGA: its family, its name, the options by which nextpnr knows it, and its mark in a bitstream."""

    family: str
    name: str
    options: tuple[str, ...]
    identity: str


@dataclass(frozen=True, slots=True)
class SerialLink:
    """The serial port of the board. `usb` is None for a port that is no part of the board."""

    baud: int
    usb: UsbId | None

    def clocks_per_bit(self, frequency: int) -> int:
        """The clocks of one bit, at this frequency in Hz."""
        return round(frequency / self.baud)


@dataclass(frozen=True, slots=True)
class UsbLink:
    """The USB core in the FPGA: the vendor and the product as which it answers."""

    usb: UsbId


@dataclass(frozen=True, slots=True)
class Loader:
    """The programs that can write the bitstream, the best first, the board's name for them, and the cable."""

    programs: tuple[str, ...]
    board: str
    usb: UsbId


@dataclass(frozen=True, slots=True)
class Pins:
    """Pins of the part as the board's schematic has them: of the clock, and of the serial port as the part sees it."""

    clock: str
    rx: str
    tx: str


@dataclass(frozen=True, slots=True)
class Board:
    """Everything that the folder of a board says."""

    name: str
    folder: Path
    description: str
    machine: MachineDescription
    """The machine, with the clock of this board."""
    part: Part
    link: SerialLink | UsbLink
    constraints: str
    """The file with the pins, in the folder."""
    fill: int
    """The most per cent of the part's cells that may be used."""
    seed: int
    """The seed of placing."""
    loader: Loader
    pins: Pins | None
    """None for a board whose bitstream is not simulated."""

    @property
    def parameters(self) -> dict[str, int]:
        """The parameters of the module `top` beside the number of the build."""
        if isinstance(self.link, UsbLink):
            return {}
        return {"ClocksPerBit": self.link.clocks_per_bit(self.machine.frequency)}
