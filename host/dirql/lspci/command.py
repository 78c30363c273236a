# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""`dirql lspci`: opens the machine, reads its configuration space, and makes the text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from dirql.hardware.description import MachineDescription
from dirql.lspci.function import Function
from dirql.lspci.layout import Bridge
from dirql.lspci.names import Names, Numbers
from dirql.lspci.selection import Selection
from dirql.lspci.text import dump_lines, header_lines, short_line
from dirql.lspci.tree import tree_lines
from dirql.lspci.walk import find_functions
from dirql.target import open_target
from dirql.target.channel.bridges import number_buses
from dirql.target.contract import Target

__all__ = ["Options", "listing", "run"]

_DUMP_SIZES = (0, 64, 64, 256)
"""The bytes of a dump, by the number of times that -x was given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The options of `dirql lspci`, by their names on the command line."""

    verbose: int = 0
    dump: int = 0
    """The number of times that -x was given."""
    tree: bool = False
    numbers: Numbers = Numbers.NAMES
    selection: Selection = field(default_factory=Selection)


def run(target: str, machine: MachineDescription, options: Options) -> str:
    """The text for a machine that is opened for it, just out of reset. Its buses get numbers, as from firmware."""
    opened = open_target(target, machine=machine)
    try:
        number_buses(opened)
        return "".join(f"{line}\n" for line in listing(opened, options))
    finally:
        opened.close()


def listing(target: Target, options: Options) -> Iterator[str]:
    """The lines for the machine behind an open target; the machine is afterwards as it was, but for its clock."""
    names = Names(target.description, options.numbers)
    functions = find_functions(target, sizes=options.verbose > 0 and not options.tree)
    selected = [function for function in functions if options.selection.has(function.place)]
    if options.tree:
        return tree_lines(_with_bridges(functions, selected), names, verbose=options.verbose)
    return _lists(selected, names, options)


def _lists(functions: Sequence[Function], names: Names, options: Options) -> Iterator[str]:
    size = _DUMP_SIZES[min(options.dump, len(_DUMP_SIZES) - 1)]
    for function in functions:
        if options.verbose:
            yield from header_lines(function, names, verbose=options.verbose)
        else:
            yield short_line(function, names)
        yield from dump_lines(function, size)
        if options.verbose or size:
            yield ""


def _with_bridges(functions: Sequence[Function], selected: Sequence[Function]) -> list[Function]:
    """The selected functions, and the bridges on the way to them."""
    buses = {function.place.bus for function in selected}
    return [
        function for function in functions if function in selected or buses.intersection(_below(function))
    ]


def _below(function: Function) -> range:
    """The numbers of the buses below a bridge; none for any other function."""
    if not function.is_bridge:
        return range(0)
    return range(function.byte(Bridge.SECONDARY), function.byte(Bridge.SUBORDINATE) + 1)
