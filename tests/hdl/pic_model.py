# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""A naive 8259A pair, written from the data sheet (Intel 231468-003): no clocks, one state after each event.

It is the oracle of hdl/interrupt/rtl/interrupt_pic.sv, and shares nothing with it: priorities are a list, command words
are taken apart by hand.
"""

from __future__ import annotations

__all__ = ["Chip", "Frozen", "Pair"]

NOBODY = 0xFF
"""The data bus when no chip drives it."""
CASCADE = 2
EDGE_ONLY = frozenset({0, 1, 2, 8, 13})


class Chip:
    """One 8259A chip, a master or a slave."""

    def __init__(self, *, gated: bool, slave: bool) -> None:
        self.gated = gated
        self.is_slave = slave
        self.level_inputs: set[int] = set()
        self.lines = [False] * 8
        self.edges: set[int] = set()
        self.messages: set[int] = set()
        self.lost = [0] * 8
        self.ends: list[int] = []
        self.base = 0
        self.expected: list[str] | None = None
        """The initialization words that must come; None before the first ICW1."""
        self.slaves: set[int] = set()
        self.identity = 7
        self._forget()

    def _forget(self) -> None:
        """Forget all that ICW1 and a reset clear."""
        self.edges.clear()
        self.messages.clear()
        self.serving: set[int] = set()
        self.masked: set[int] = set()
        self.order = list(range(8))
        self.shows_service = self.polling = self.special_mask = False
        self.auto_eoi = self.fully_nested_slaves = self.rotates = self.all_level = False
        self.slaves.clear()
        self.identity = 7

    # Inputs.

    def is_level(self, number: int) -> bool:
        return self.all_level or number in self.level_inputs

    def set_line(self, number: int, on: bool) -> None:
        if on and not self.lines[number] and not self.is_level(number):
            self._note(number)
            self.edges.add(number)
        if not on and self.gated:
            self.edges.discard(number)
        self.lines[number] = on

    def message(self, number: int) -> None:
        self._note(number)
        self.messages.add(number)

    def _note(self, number: int) -> None:
        if number in self.edges | self.messages:
            self.lost[number] += 1

    def requested(self) -> set[int]:
        level = {number for number in range(8) if self.lines[number] and self.is_level(number)}
        return level | self.edges | self.messages

    def request(self) -> int | None:
        """The input that the chip would put into service at an acknowledge."""
        if self.expected != []:
            return None
        blocking = self.serving - self.masked if self.special_mask else self.serving
        for number in self.order:
            free = number not in blocking or (self.fully_nested_slaves and number in self.slaves)
            if number in self.requested() - self.masked and free:
                return number
            if number in blocking:
                return None
        return None

    def acknowledge(self, number: int | None) -> None:
        if number is None:
            return
        self.edges.discard(number)
        self.messages.discard(number)
        if not self.auto_eoi:
            self.serving.add(number)
        elif self.rotates:
            self._make_lowest(number)

    def _make_lowest(self, number: int) -> None:
        while self.order[-1] != number:
            self.order.append(self.order.pop(0))

    # Ports.

    def read(self, port: int, request: int | None) -> int:
        """The byte that the chip puts onto the bus; it would acknowledge `request`."""
        if self.polling:
            return 0 if request is None else 0x80 | request
        state = self.serving if self.shows_service else self.requested()
        shown = self.masked if port == 1 else state
        return sum(1 << number for number in shown)

    def write(self, port: int, value: int) -> None:
        bits = {number for number in range(8) if value >> number & 1}
        if port == 0 and value & 0x10:
            self._begin(value)
        elif port == 1 and self.expected:
            self._initialize(self.expected.pop(0), value, bits)
        elif port == 1:
            self.masked = bits
        elif value & 0x08:
            self._set_modes(value)
        else:
            self._operate(value >> 5, value & 7)

    def _begin(self, value: int) -> None:
        self._forget()
        self.all_level = bool(value & 8)
        self.expected = ["vector"]
        if not value & 2:
            self.expected.append("cascade")
        if value & 1:
            self.expected.append("mode")

    def _initialize(self, word: str, value: int, bits: set[int]) -> None:
        if word == "vector":
            self.base = value & 0xF8
        elif word == "cascade":
            self.slaves = set() if self.is_slave else bits
            self.identity = value & 7
        else:
            self.auto_eoi, self.fully_nested_slaves = bool(value & 2), bool(value & 0x10)

    def _set_modes(self, value: int) -> None:
        if value & 0x40:
            self.special_mask = bool(value & 0x20)
        if value & 4:
            self.polling = True
        if value & 2:
            self.shows_service = bool(value & 1)

    def _operate(self, operation: int, named: int) -> None:
        if operation in (0, 4):
            self.rotates = operation == 4
        elif operation == 6:
            self._make_lowest(named)
        elif operation in (1, 5):
            found = [
                n for n in self.order if n in self.serving and not (self.special_mask and n in self.masked)
            ]
            if found:
                self._end(found[0], rotate=operation == 5)
        elif operation in (3, 7):
            self._end(named, rotate=operation == 7)

    def _end(self, number: int, *, rotate: bool) -> None:
        self.serving.discard(number)
        if number not in self.slaves:
            self.ends.append(number)
        if rotate:
            self._make_lowest(number)


class Frozen:
    """The requests of both chips when a fetch or a read began."""

    def __init__(self, pair: Pair) -> None:
        self.master, self.slave = pair.master.request(), pair.slave.request()
        self.cascaded = self.master is not None and self.master in pair.master.slaves
        self.answered = self.cascaded and pair.slave.identity == self.master


class Pair:
    """A master, and a slave whose INT is input 2 of the master."""

    def __init__(self, *, gated: bool) -> None:
        self.master, self.slave = Chip(gated=gated, slave=False), Chip(gated=gated, slave=True)

    @property
    def chips(self) -> tuple[Chip, Chip]:
        return self.master, self.slave

    def settle(self) -> None:
        """Let the slave's INT reach the master."""
        self.master.set_line(CASCADE, self.slave.request() is not None)

    def set_lines(self, lines: int) -> None:
        for number in range(16):
            if number != CASCADE:
                self.chips[number // 8].set_line(number % 8, bool(lines >> number & 1))
        self.settle()

    def message(self, number: int) -> None:
        if number != CASCADE:
            self.chips[number // 8].message(number % 8)
        self.settle()

    def write_levels(self, chip: int, value: int) -> None:
        self.chips[chip].level_inputs = {
            n for n in range(8) if value >> n & 1 and n + 8 * chip not in EDGE_ONLY
        }
        self.settle()

    def write(self, chip: int, port: int, value: int) -> None:
        self.chips[chip].write(port, value)
        self.settle()

    def begin(self) -> Frozen:
        return Frozen(self)

    def end_read(self, chip: int, frozen: Frozen) -> None:
        """The datum of a read has moved, which ends a poll."""
        if self.chips[chip].polling:
            self.chips[chip].polling = False
            self._acknowledge(chip, frozen.slave if chip else frozen.master)
        self.settle()

    def vector(self, frozen: Frozen) -> tuple[int, bool]:
        """The vector of a fetch, and whether it belongs to a request."""
        if frozen.answered:
            number = 7 if frozen.slave is None else frozen.slave
            return self.slave.base | number, frozen.slave is not None
        if frozen.cascaded:
            return NOBODY, False
        number = 7 if frozen.master is None else frozen.master
        return self.master.base | number, frozen.master is not None

    def end_fetch(self, frozen: Frozen) -> None:
        self._acknowledge(0, frozen.master)
        if frozen.answered:
            self._acknowledge(1, frozen.slave)
        self.settle()

    def _acknowledge(self, chip: int, number: int | None) -> None:
        self.chips[chip].acknowledge(number)
        if chip == 1 and number is not None:
            self.master.set_line(CASCADE, False)  # INT goes off at an acknowledge, and comes again

    def presented(self) -> int | None:
        """The input whose vector a fetch would return."""
        frozen = self.begin()
        if frozen.master is None:
            return None
        if frozen.cascaded:
            return 8 + (7 if frozen.slave is None else frozen.slave)
        return frozen.master

    def mask(self, name: str) -> int:
        """A set of inputs of both chips as a mask: "requested", "serving" or "masked"."""
        found = 0
        for chip, each in enumerate(self.chips):
            inputs = each.requested() if name == "requested" else getattr(each, name)
            found |= sum(1 << number for number in inputs) << 8 * chip
        return found
