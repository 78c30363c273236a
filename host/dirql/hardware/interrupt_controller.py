# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The interrupt controller of a machine: the two kinds that there are, and the keys that describe them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from dirql.hardware.table import Table

__all__ = [
    "INPUTS",
    "LAST_INPUT",
    "LINES",
    "PAGE",
    "PIC_8259A",
    "PIC_PORTS",
    "SIMPLE",
    "Controller",
    "page_address",
    "read_controller",
]

INPUTS: Final = 16
LINES: Final = ("A", "B", "C", "D")
"""The lines INTA to INTD."""
PAGE: Final = 0x1000
"""The bytes of each block of registers outside the functions."""

SIMPLE: Final = "simple"
"""Sixteen inputs, priority by number, claim and end of interrupt by number."""
PIC_8259A: Final = "8259a"
"""A pair of 8259A chips with ELCR, as in the IBM PC/AT."""
PIC_PORTS: Final = {"master": 0x20, "slave": 0xA0, "ELCR": 0x4D0}
"""The ports of the pair: two of each chip, and two that say which inputs are level-sensitive."""
LAST_INPUT: Final = 7
"""The input of a chip whose vector it returns when nothing is requested any more."""

_KINDS: Final = (SIMPLE, PIC_8259A)
_KEYS_OF_KIND: Final = {SIMPLE: ("vector_step",), PIC_8259A: ("slave_vector_base", "edges", "lines")}
"""The keys that one kind has and the other one lacks."""
_EDGES: Final = ("gated", "sticky")
_VECTORS: Final = (0x30, 0xCF)
"""The vectors that interrupts may have: the upper digit is the IRQL, and devices have 3 to 12."""
_RESET_INPUTS: Final = {"A": 4, "B": 6, "C": 8, "D": 10}
"""The inputs of the lines after reset, in hdl/regs/interrupt_controller.rdl."""
_CHIP_INPUTS: Final = 8
_SYSTEM_INPUTS: Final = frozenset({0, 1, 2, 8, 13})
"""Inputs of the pair that are latched for ever: timer, keyboard, the slave, clock, coprocessor. No device has them."""


@dataclass(frozen=True)
class Controller:
    """The interrupt controller: its addresses and the vectors of its inputs."""

    address: int
    doorbell: int
    """The address to which messages are written."""
    inputs: int
    vector_base: int
    vector_step: int
    kind: str = SIMPLE
    """The personality, `SIMPLE` or `PIC_8259A`."""
    slave_vector_base: int = 0
    """The vector of input 8 of a pair of 8259A chips; `vector_base` is that of input 0."""
    gated: bool = True
    """An edge on an input of a pair counts only while its line is on."""
    lines: Mapping[str, int] = field(default_factory=lambda: dict(_RESET_INPUTS))
    """The input of each line, A to D: after reset, or as the HAL routes them to a pair."""

    @cached_property
    def vectors(self) -> tuple[int, ...]:
        """The vector of each input."""
        if self.kind == SIMPLE:
            return tuple(self.vector_base + self.vector_step * number for number in range(self.inputs))
        bases = (self.vector_base, self.slave_vector_base)
        return tuple(base + number for base in bases for number in range(_CHIP_INPUTS))

    @cached_property
    def device_inputs(self) -> tuple[int, ...]:
        """The inputs that lines and messages of devices may have."""
        system = frozenset[int]() if self.kind == SIMPLE else _SYSTEM_INPUTS
        return tuple(number for number in range(self.inputs) if number not in system)

    @cached_property
    def ambiguous_vectors(self) -> Mapping[int, int]:
        """The vectors of a pair that a fetch may return without an interrupt, each with the command port of its chip.

        The vector of `LAST_INPUT` of a chip is spurious if the bit of that input is not set in what is in service.
        """
        if self.kind == SIMPLE:
            return {}
        return {
            self.vectors[LAST_INPUT]: PIC_PORTS["master"],
            self.vectors[_CHIP_INPUTS + LAST_INPUT]: PIC_PORTS["slave"],
        }

    def vector(self, number: int) -> int:
        """The vector of an input; raises `ValueError` for a number that is no input."""
        if not 0 <= number < self.inputs:
            raise ValueError(
                f"an input of the interrupt controller must be 0 to {self.inputs - 1}; it was {number}"
            )
        return self.vectors[number]

    @cached_property
    def _input_of_vector(self) -> dict[int, int]:
        return {vector: number for number, vector in enumerate(self.vectors)}

    def input_of_vector(self, vector: int) -> int:
        """The input that has a vector; raises `ValueError` for any other number."""
        number = self._input_of_vector.get(vector)
        if number is None:
            raise ValueError(
                f"a vector must be {self._vectors_in_words()}; it was {vector:#x}: take the translated resource of the"
                " start request"
            )
        return number

    def _vectors_in_words(self) -> str:
        first, last = self.vectors[0], self.vectors[-1]
        if self.kind == SIMPLE:
            return f"{first:#x} to {last:#x} in steps of {self.vector_step}"
        return f"{first:#x} to {first + _CHIP_INPUTS - 1:#x} or {self.slave_vector_base:#x} to {last:#x}"

    def facts(self) -> dict[str, object]:
        """The facts that host code can see; a simple controller has no more than its addresses and vectors."""
        facts: dict[str, object] = {
            "address": self.address,
            "doorbell": self.doorbell,
            "inputs": self.inputs,
            "vector_base": self.vector_base,
            "vector_step": self.vector_step,
        }
        if self.kind != SIMPLE:
            facts |= {"kind": self.kind, "slave_vector_base": self.slave_vector_base}
            facts |= {"gated": self.gated, "lines": dict(self.lines)}
        return facts


def read_controller(table: Table) -> Controller:
    """The controller that the table `interrupt_controller` of a machine file describes."""
    kind = table.choice("controller", _KINDS, SIMPLE)
    for other in _KINDS:
        _refuse_keys(table, kind, other)
    address, doorbell = page_address(table, "address"), page_address(table, "doorbell")
    controller = (_read_simple if kind == SIMPLE else _read_pair)(table, address, doorbell)
    table.finish()
    return controller


def _refuse_keys(table: Table, kind: str, other: str) -> None:
    """Refuse the keys that only another kind of controller has."""
    for key in _KEYS_OF_KIND[other] if other != kind else ():
        if table.has(key):
            table.refuse(
                key,
                f'the controller must be "{other}" to have this key; it was "{kind}": leave out {key}, or write'
                f' controller = "{other}"',
            )


def _read_simple(table: Table, address: int, doorbell: int) -> Controller:
    controller = Controller(
        address,
        doorbell,
        INPUTS,
        vector_base=table.integer("vector_base", *_VECTORS),
        vector_step=table.integer("vector_step", 1, 16),
    )
    if controller.vectors[-1] > _VECTORS[1]:
        table.refuse(
            "vector_step",
            f"the vectors of all {INPUTS} inputs must be at most {_VECTORS[1]:#x}, so that their IRQLs are those of"
            f" devices; the last was {controller.vectors[-1]:#x}",
        )
    return controller


def _read_pair(table: Table, address: int, doorbell: int) -> Controller:
    master, slave = _chip_vectors(table, "vector_base"), _chip_vectors(table, "slave_vector_base")
    if slave <= master:
        table.refuse(
            "slave_vector_base",
            "the slave's vectors must be above the master's, since its inputs come before inputs 3 to 7 and must not"
            f" have a lower IRQL; it was {slave:#x}, and vector_base is {master:#x}",
        )
    return Controller(
        address,
        doorbell,
        INPUTS,
        vector_base=master,
        vector_step=1,
        kind=PIC_8259A,
        slave_vector_base=slave,
        gated=table.choice("edges", _EDGES, _EDGES[0]) == _EDGES[0],
        lines=_read_lines(table.table("lines")),
    )


def _chip_vectors(table: Table, key: str) -> int:
    base = table.integer(key, _VECTORS[0], _VECTORS[1] - _CHIP_INPUTS + 1)
    if base % _CHIP_INPUTS:
        table.refuse(
            key,
            f"it must be a multiple of {_CHIP_INPUTS}, because a chip replaces its low bits; it was {base:#x}",
        )
    return base


def _read_lines(table: Table) -> dict[str, int]:
    lines: dict[str, int] = {}
    for line in LINES:
        number = table.integer(line, 0, INPUTS - 1)
        if number in _SYSTEM_INPUTS:
            system = ", ".join(map(str, sorted(_SYSTEM_INPUTS)))
            table.refuse(line, f"a line must have an input of devices, none of {system}; it was {number}")
        for other, taken in lines.items():
            if taken == number:
                table.refuse(line, f"a line must have an input of its own; {number} is that of line {other}")
        lines[line] = number
    table.finish()
    return lines


def page_address(table: Table, key: str) -> int:
    """The bus address of a block of registers."""
    address = table.integer(key, 0, 0x1_0000_0000 - PAGE)
    if address % PAGE:
        table.refuse(key, f"it must be a multiple of {PAGE:#x}; it was {address:#x}")
    return address
