# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The pins of a wave dump at each rising edge of the bus's clock, as a register on the bus gets them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from dirql.dump.pins import Bits, Pins
from dirql.dump.values import GAP, UNKNOWN, Change, Value

__all__ = ["Sample", "samples"]

_CARRIERS = frozenset({"ad", "cbe", "par"})
"""The pins that carry values. The others are pulled to their off level where nobody drives them."""


class Sample(NamedTuple):
    """The bus just before a rising edge. Handshakes are True while they are on; the others are as on the wire."""

    time: int
    """In the units of the dump."""
    is_reset: bool
    frame: bool
    irdy: bool
    devsel: bool
    trdy: bool
    stop: bool
    perr: bool
    serr: bool
    ad: int
    cbe: int
    par: int
    idsel: int
    req: int
    gnt: int
    unknown: frozenset[str]
    """The pins of which a bit is unknown; of AD, C/BE and PAR also those of which one floats."""
    floating: frozenset[str]
    """The pins that nobody drives; AD only if no bit of it is driven."""
    is_first: bool
    """Whether nothing is known of the clocks before: at the start, and where dumping had been off."""


class _Pin:
    """A pin, put together from its variables."""

    __slots__ = ("_values", "_wiring", "mask", "value")

    def __init__(self, wiring: tuple[Bits, ...]) -> None:
        self._wiring = wiring
        self._values = dict.fromkeys((bits.code for bits in wiring), UNKNOWN)
        self.mask = sum((1 << bits.length) - 1 << bits.place for bits in wiring)
        self.value = self._together(self._values)

    def forget(self) -> None:
        """Nothing is known of the pin any more."""
        self._values = dict.fromkeys(self._values, UNKNOWN)
        self.value = self._together(self._values)

    def change(self, code: str, value: Value) -> None:
        """A variable of the pin has a new value."""
        self._values[code] = value
        self.value = self._together(self._values)

    def after(self, code: str, value: Value) -> Value:
        """The value that the pin would have if a variable had this one."""
        return self._together({**self._values, code: value})

    def _together(self, values: Mapping[str, Value]) -> Value:
        ones = unknown = floating = 0
        for code, source, place, count in self._wiring:
            value, mask = values[code], (1 << count) - 1
            ones |= (value.ones >> source & mask) << place
            unknown |= (value.unknown >> source & mask) << place
            floating |= (value.floating >> source & mask) << place
        return Value(ones, unknown, floating)


def samples(changes: Iterable[Change], pins: Pins) -> Iterator[Sample]:
    """The bus at each rising edge of its clock.

    Changes at the time of an edge come after it, as those of registers in a simulation without delays do.
    """
    bus = _Bus(pins)
    now, waiting = 0, list[Change]()
    for change in changes:
        if change.code == GAP:
            waiting.clear()
            bus.forget()
        if change.code not in bus.pins_of:
            continue
        if change.time != now:
            if bus.rises(waiting):
                yield bus.sample(now)
            bus.take(waiting)
            now, waiting = change.time, []
        waiting.append(change)
    if bus.rises(waiting):
        yield bus.sample(now)


class _Bus:
    """All pins of the bus."""

    def __init__(self, pins: Pins) -> None:
        self._pins = {pin: _Pin(wiring) for pin, wiring in pins.bits.items()}
        self._low_true = pins.low_true
        self._clock = self._pins["clk"]
        self._is_first = True
        self.pins_of: dict[str, list[_Pin]] = {}
        """The pins that each variable of the dump is part of."""
        for pin, wiring in pins.bits.items():
            for code in dict.fromkeys(bits.code for bits in wiring):
                self.pins_of.setdefault(code, []).append(self._pins[pin])

    def rises(self, changes: Iterable[Change]) -> bool:
        """Whether the clock goes from 0 to 1 with these changes."""
        before = self._clock.value
        if before.ones or before.unknown or before.floating:
            return False
        after = [change for change in changes if self._clock in self.pins_of[change.code]]
        return bool(after) and self._clock.after(after[-1].code, after[-1].value).ones != 0

    def forget(self) -> None:
        """Nothing is known of the bus any more."""
        self._is_first = True
        for pin in self._pins.values():
            pin.forget()

    def take(self, changes: Iterable[Change]) -> None:
        """Give the variables their new values."""
        for change in changes:
            for pin in self.pins_of[change.code]:
                pin.change(change.code, change.value)

    def sample(self, time: int) -> Sample:
        """The bus as it is, at a rising edge."""
        values = {name: pin.value for name, pin in self._pins.items()}
        is_first, self._is_first = self._is_first, False
        return Sample(
            time=time,
            is_reset=self._on("rst") != 0,
            frame=self._on("frame") != 0,
            irdy=self._on("irdy") != 0,
            devsel=self._on("devsel") != 0,
            trdy=self._on("trdy") != 0,
            stop=self._on("stop") != 0,
            perr=self._on("perr") != 0,
            serr=self._on("serr") != 0,
            ad=values["ad"].ones,
            cbe=values["cbe"].ones,
            par=values["par"].ones if "par" in values else 0,
            idsel=self._on("idsel"),
            req=self._on("req"),
            gnt=self._on("gnt"),
            unknown=frozenset(
                pin for pin, value in values.items() if value.unknown or (pin in _CARRIERS and value.floating)
            ),
            floating=frozenset(
                pin for pin, value in values.items() if value.floating == self._pins[pin].mask
            ),
            is_first=is_first,
        )

    def _on(self, name: str) -> int:
        """The bits of a handshake that are on. A bit that floats or is unknown is off."""
        if name not in self._pins:
            return 0
        pin = self._pins[name]
        ones, unknown, floating = pin.value
        return pin.mask & ~(unknown | floating) & (~ones if name in self._low_true else ones)
