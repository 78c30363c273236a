# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Calls in words, with the names of registers.

The names come from the machine's description and the register maps. The addresses of functions come from the writes to
their base address registers, which a recording has.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from functools import cache
from types import ModuleType
from typing import NamedTuple

from dirql import registers
from dirql.hardware.description import Function, MachineDescription
from dirql.hardware.function_type import BarSpace
from dirql.hardware.place import Place
from dirql.registers import interrupt_controller, pci_configuration, timestamp
from dirql.target.contract import Wake
from dirql.target.recording.entries import NONE, WRITES, Call, Entry, Outcome, Request

__all__ = ["Register", "Words"]

_BAR_OF_MAP = re.compile(r"\(BAR(\d)\b")
_IO = frozenset({Call.READ_IO, Call.WRITE_IO, Call.READ_IO_STRING, Call.WRITE_IO_STRING})
_MEMORY = frozenset({Call.READ_MEMORY, Call.WRITE_MEMORY, Call.READ_MEMORY_BURST, Call.WRITE_MEMORY_BURST})
_CONFIGURATION = frozenset({Call.READ_CONFIGURATION, Call.WRITE_CONFIGURATION})
_TIMESTAMPS = "the timestamp unit"
_PAGE = 0x1000
_ALL_LANES = 0xF
_SHOWN = 16
"""The most bytes of data that a message shows."""


class Register(NamedTuple):
    """A register that an access goes to."""

    owner: str
    """The function, or the unit of the machine."""
    name: str
    """The name in the register map; the base address register and the offset for a place without a name."""
    can_repeat: bool
    """Whether it has a name of its own in the map, and a read of it changes nothing."""
    masks: tuple[int, ...] = ()
    """The masks of its fields."""

    @property
    def counts_clocks(self) -> bool:
        """Whether its value is a matter of clocks: all of the timestamp unit, and names with CLOCK."""
        return self.owner == _TIMESTAMPS or "CLOCK" in self.name

    def __str__(self) -> str:
        return f"{self.name} of {self.owner}"


class _Span(NamedTuple):
    """The place at which a base address register puts a part of a function."""

    function: Function
    bar: int
    space: BarSpace
    start: int
    size: int


class Words:
    """Describes calls of one machine; `follow` must see all of them in their order."""

    def __init__(self, machine: MachineDescription) -> None:
        self._machine = machine
        self._bars: dict[tuple[int, int], _Span] = {}

    def follow(self, request: Request) -> None:
        """Note the addresses that a call gives to functions."""
        if request.call is Call.RESET:
            self._bars.clear()
        if request.call is not Call.WRITE_CONFIGURATION:
            return
        address, value = request.numbers[:2]
        function = self._machine.function_at(_place(address))
        number, rest = divmod((address & 0xFF) - pci_configuration.BAR.offset, pci_configuration.BAR.stride)
        if function is None or rest or not 0 <= number < pci_configuration.BAR.count:
            return
        for bar in function.type.bars:
            if bar.number == number:
                size = bar.size(function.parameters)
                start = value & ~(size - 1) & 0xFFFF_FFFF
                self._bars[function.index, number] = _Span(function, number, bar.space, start, size)

    def register(self, request: Request) -> Register | None:
        """The register that a call goes to; None for another call, and for an address that belongs to nothing."""
        if not request.numbers:
            return None
        address = request.numbers[0]
        if request.call in _CONFIGURATION:
            function = self._machine.function_at(_place(address))
            bridge = self._machine.host_bridge == _place(address)
            owner = str(function) if function else "the host bridge" if bridge else f"{_place(address)}"
            return _named(owner, _names(pci_configuration), address & 0xFC, "configuration")
        if request.call in _MEMORY:
            return self._unit(address) or self._of_function(address, BarSpace.MEMORY)
        return self._of_function(address, BarSpace.IO) if request.call in _IO else None

    def _unit(self, address: int) -> Register | None:
        controller, unit = self._machine.controller.address, self._machine.timestamp_unit.address
        if controller <= address < controller + _PAGE:
            names = _names(interrupt_controller)
            return _named("the interrupt controller", names, address - controller, "offset")
        if unit <= address < unit + _PAGE:
            return _named(_TIMESTAMPS, _names(timestamp), address - unit, "offset")
        return None

    def _of_function(self, address: int, space: BarSpace) -> Register | None:
        for span in self._bars.values():
            if span.space is space and span.start <= address < span.start + span.size:
                names: tuple[_Name, ...] = _maps(tuple(path.stem for path in span.function.type.maps)).get(
                    span.bar, ()
                )
                offset = address - span.start
                if span.space is BarSpace.IO:
                    offset &= ~3
                return _named(str(span.function), names, offset, f"BAR{span.bar}")
        return None

    # Words.

    def call(self, request: Request) -> str:
        """A call with its arguments."""
        register = self.register(request)
        name = request.call.value.replace("_", " ")
        if register is None:
            return f"{name}{self._arguments(request)}"
        value = ""
        if request.call in WRITES:
            value = f" {_shown(request.data)} to" if request.data else f" {request.numbers[1]:#x} to"
        elif len(request.numbers) > 1 and request.call.value.endswith(("burst", "string")):
            value = f" of {request.numbers[1]} bytes from"
        lanes = request.numbers[-1] if len(request.numbers) == (3 if value else 2) else _ALL_LANES
        enabled = (
            "" if request.data or lanes == _ALL_LANES or " of " in value else f", byte enables {lanes:#x}"
        )
        return f"{name}{value} {register} ({request.numbers[0]:#010x}{enabled})"

    @staticmethod
    def _arguments(request: Request) -> str:
        if request.call in (Call.WAIT, Call.SET_DEADLINE) and request.numbers == (NONE,):
            return " without a limit" if request.call is Call.WAIT else " to none"
        if request.call is Call.GRANT:
            reads, writes, *bounds = request.numbers
            rights = " and ".join(word for word, on in (("read", reads), ("write", writes)) if on)
            pairs = zip(bounds[::2], bounds[1::2], strict=True)
            return f" to {rights} {', '.join(f'{low:#x} to {high:#x}' for low, high in pairs)}"
        numbers = " ".join(f"{number:#x}" for number in request.numbers)
        return f"{' ' if numbers else ''}{numbers}{' ' if request.data else ''}{_shown(request.data)}"

    def answer(self, request: Request, outcome: Outcome) -> str:
        """The answer of a call in words."""
        if outcome.failure is not None:
            return f"the error: {outcome.failure.exception()}"
        if outcome.data:
            return _shown(outcome.data)
        if request.call is Call.WAIT:
            reason = None if outcome.value is None else Wake(outcome.value).name.lower()
            return "nothing until its limit" if reason is None else f"the end by {reason}"
        if outcome.text is not None:
            return outcome.text
        if outcome.numbers:
            return " ".join(f"{number:#x}" for number in outcome.numbers)
        return "nothing" if outcome.value is None else f"{outcome.value:#x}"

    def entry(self, number: int, entry: Entry) -> str:
        """A recorded call in one line."""
        by = f", by {entry.place}" if entry.place else ""
        answer = self.answer(entry.request, entry.outcome)
        said = "" if answer == "nothing" else f": {answer}"
        return f"call {number:,} at clock {entry.outcome.clock:,}: {self.call(entry.request)}{said}{by}"


def _place(address: int) -> Place:
    return Place(address >> 16 & 0xFF, address >> 11 & 0x1F, address >> 8 & 7)


def _shown(data: bytes) -> str:
    if len(data) <= _SHOWN:
        return data.hex(" ", 4)
    return f"{data[:_SHOWN].hex(' ', 4)} … ({len(data)} bytes)"


class _Name(NamedTuple):
    name: str
    start: int
    end: int
    stride: int
    """The distance of the elements of an array; 0 for a register that is none."""
    is_register: bool
    read_acts: bool
    masks: tuple[int, ...]


def _named(owner: str, names: tuple[_Name, ...], offset: int, otherwise: str) -> Register:
    for name in names:
        if name.start <= offset < name.end:
            index = f"[{(offset - name.start) // name.stride}]" if name.stride else ""
            window = "" if name.is_register else f" + {offset - name.start:#x}"
            can_repeat = name.is_register and not name.read_acts
            return Register(owner, f"{name.name}{index}{window}", can_repeat, name.masks)
    return Register(owner, f"{otherwise} + {offset:#x}", False)


@cache
def _names(module: ModuleType) -> tuple[_Name, ...]:
    """The registers and windows of a map, registers first."""
    found = []
    for name in dict.fromkeys(module.__all__):
        item = getattr(module, name)
        offset = _number(item, "offset")
        if offset is not None:
            width, stride = _number(item, "bytes"), _number(item, "stride") or 0
            length = stride * (_number(item, "count") or 1) or width or _number(item, "size") or 0
            read_acts = getattr(item, "read_acts", False) is True
            end = offset + length
            found.append(_Name(name, offset, end, stride, width is not None, read_acts, _masks(item)))
    return tuple(sorted(found, key=lambda one: (not one.is_register, one.start)))


def _masks(item: object) -> tuple[int, ...]:
    """The masks of the fields, in capital letters, each of which has a constant with its shift beside it."""
    names = [name for name in vars(item) if hasattr(item, f"{name}_SHIFT")]
    return tuple(mask for name in names if (mask := _number(item, name)) is not None)


def _number(item: object, name: str) -> int | None:
    value = getattr(item, name, None)
    return value if isinstance(value, int) else None


@cache
def _maps(stems: tuple[str, ...]) -> dict[int, tuple[_Name, ...]]:
    """The names by base address register, for the maps of a function, whose first line tells the register."""
    known = {module.name for module in pkgutil.iter_modules(registers.__path__)}
    found = {}
    for stem in stems:
        if stem in known:
            module = importlib.import_module(f"{registers.__name__}.{stem}")
            bar = _BAR_OF_MAP.search(module.__doc__ or "")
            if bar is not None:
                found[int(bar[1])] = _names(module)
    return found
