# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The pins of the bus among the variables of a wave dump, found by their names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from dirql.dump.values import DumpError, Variable

__all__ = ["GRANTS", "NEEDED", "PINS", "Bits", "Pins", "find_pins"]

GRANTS = 16
"""The most pairs of REQ# and GNT# that the checker looks at: `Masters` of sim/dump/dump_bus.sv."""
NEEDED = ("clk", "frame", "irdy", "trdy", "devsel", "stop", "ad", "cbe")
"""The pins without which a bus cannot be checked."""
PINS = {
    **dict.fromkeys(("clk", "rst", "frame", "irdy", "trdy", "devsel", "stop", "par", "perr", "serr"), 1),
    "ad": 32,
    "cbe": 4,
    "idsel": 32,
    "req": GRANTS,
    "gnt": GRANTS,
}
"""The pins, and how many bits each may have."""
_HANDSHAKES = frozenset({"rst", "frame", "irdy", "trdy", "devsel", "stop", "perr", "serr", "req", "gnt"})
"""The pins that have a level at which they are on."""
_NAMES = {
    **{pin: pin for pin in PINS},
    **dict.fromkeys(
        ("clock", "pclk", "pciclk", "sysclk", "clkin", "clk33", "clk66", "pciclk33", "pciclk66"), "clk"
    ),
    **dict.fromkeys(("clk_33", "clk_66", "clk33mhz", "clk66mhz", "clk_33mhz", "clk_66mhz"), "clk"),
    **dict.fromkeys(("reset", "prst", "pcirst"), "rst"),
    **dict.fromkeys(("c/be", "c_be", "cxbe", "c_xbe", "cmd_be", "cmdbe"), "cbe"),
}
"""Names of pins, in lower case, without what `_reading` takes away."""
_PREFIX = re.compile(r"^(?:pci|p|bus)_")
_LOW_TRUE = re.compile(r"(?:_?n|_l|_?b|#|\*|_neg|_?bar|_z|_)$")
_LOW_TRUE_FIRST = re.compile(r"^(?:[nx]_?|/|~)")
_NUMBER = re.compile(r"[_<]?(\d+)[_>]?$")
_SEPARATOR = re.compile(r"[_.:/]+")
_DIRECTION = re.compile(r"_(io|pad|in|i)$")
_PLACES = {"": 0, "io": 1, "pad": 1, "in": 2, "i": 2}
"""The order in which endings of names are taken. An output of one agent, `frame_o`, is no pin of the bus."""
_LOW_INPUT = re.compile(r"_n(i|io)$")
_SELECTION = re.compile(r"^(?P<name>.+?)(?:\[(?P<high>\d+)(?::(?P<low>\d+))?\])?$")
_NONE = "none"
_SHOWN = 20
"""The scopes that a message shows."""
_OWN_NAMES = ("bus", "bus_i")
_OWN_PINS = ("frame", "irdy", "devsel", "trdy", "stop", "ad", "cbe", "par", "perr", "serr")
_OWN_BITS = 45
"""`bus_pkg::bus_t`, in which these pins follow each other below the bit `start`."""


class Bits(NamedTuple):
    """Bits of a pin that one variable has: `length` of them, from `source` in the variable to `place` in the pin."""

    code: str
    source: int
    place: int
    length: int


@dataclass(frozen=True, slots=True)
class Pins:
    """The pins that a dump shows."""

    scope: str
    bits: Mapping[str, tuple[Bits, ...]]
    """Of each pin of `PINS` that is there."""
    names: Mapping[str, str]
    """The name of each pin in the dump."""
    low_true: frozenset[str]
    """The handshakes that are on while they are 0."""
    is_wide: bool = False
    """Whether the bus has the pins of the extension to 64 bits."""
    others: tuple[str, ...] = ()
    """The places of the other buses of the dump, as `find_pins` takes them for a scope."""


class _Candidate(NamedTuple):
    """A variable that may be a pin, or one bit of it."""

    order: int
    """Of the names of one pin, those with the lowest order are taken."""
    variable: Variable
    number: int | None
    """The number in its name, as in `req2`."""
    says_low: bool


class _Place(NamedTuple):
    """The place of a bus: a scope, and in it the beginning that the names of its pins have before those of `_NAMES`."""

    scope: tuple[str, ...]
    prefix: str = ""

    def __str__(self) -> str:
        return ".".join((*self.scope, self.prefix) if self.prefix else self.scope)


_Scopes = Mapping[_Place, Mapping[str, Sequence[_Candidate]]]


def find_pins(
    variables: Sequence[Variable],
    *,
    scope: str = "",
    chosen: Mapping[str, str] | None = None,
    high_true: bool = False,
) -> Pins:
    """Find the pins. Raises `DumpError` where one is missing.

    scope:     the scope that has them, as `top.bus`, or with the beginning of their names, as `top.bus.s_`; "" looks
               for the one that has most
    chosen:    variables by pin, with or without their scope, with or without a range of bits; "none" leaves a pin out
    high_true: handshakes whose names say nothing are on while they are 1; by PCI's rule they are on while they are 0
    """
    if not scope and not chosen and (own := _own_bus(variables)):
        scope, chosen, high_true = own[0], own[1], True
    chosen = chosen or {}
    scopes = _candidates(variables)
    place = _best_scope(variables, scopes, scope, chosen)
    bits: dict[str, tuple[Bits, ...]] = {}
    names: dict[str, str] = {}
    low_true = set[str]()
    for pin, width in PINS.items():
        says_low = False
        if pin in chosen:
            if chosen[pin] == _NONE:
                continue
            names[pin], bits[pin] = _named(variables, place.scope, pin, chosen[pin])
            says_low = any(each.says_low for each in _readings(variables, names[pin]))
        elif found := _visible(scopes, place, pin):
            names[pin], bits[pin] = found[0].variable.path, tuple(_bits(found, width))
            says_low = found[0].says_low
        if pin in names and pin in _HANDSHAKES and (says_low or not high_true or pin == "rst"):
            low_true.add(pin)
    lacking = [pin for pin in NEEDED if pin not in bits]
    if lacking:
        raise DumpError(
            f"the scope {str(place) or 'at the top'} must have all pins of the bus; it has no"
            f" {', '.join(lacking)}: name a scope with --scope, or variables with --signal {lacking[0]}=NAME"
        )
    _check_whole(bits, names)
    if _places(bits.get("req", ())) != _places(bits.get("gnt", ())):
        bits = {pin: wiring for pin, wiring in bits.items() if pin not in ("req", "gnt")}
    is_wide = "ad" not in chosen and any(map(_is_wide, _visible(scopes, place, "ad")))
    others = () if scope or chosen else tuple(_other_buses(scopes, place))
    return Pins(str(place), bits, names, frozenset(low_true), is_wide, others)


def _other_buses(scopes: _Scopes, taken: _Place) -> Iterator[str]:
    """The other places that have all pins of a bus, of which FRAME# and IRDY# are not those of one before."""

    def codes(place: _Place) -> frozenset[str]:
        return frozenset(
            each.variable.code for pin in ("frame", "irdy") for each in _visible(scopes, place, pin)
        )

    seen = set(codes(taken))
    for place in sorted(scopes, key=_simplest):
        found = codes(place)
        if found.isdisjoint(seen) and all(_visible(scopes, place, pin) for pin in NEEDED):
            seen |= found
            yield str(place)


def _simplest(place: _Place) -> tuple[bool, int, int]:
    """The order of places with as many pins: plain names come first, then scopes higher up, then short beginnings."""
    return bool(place.prefix), len(place.scope), len(place.prefix)


def _is_wide(candidate: _Candidate) -> bool:
    """Whether a variable that may be AD has one of the bits from 32 on."""
    number = candidate.variable.bits[0] if candidate.number is None else candidate.number
    return max(number, len(candidate.variable.bits) - 1) >= PINS["ad"]


def _check_whole(bits: Mapping[str, Sequence[Bits]], names: Mapping[str, str]) -> None:
    """Refuse a part of AD or of C/BE, whose parity nobody could know."""
    for pin in ("ad", "cbe"):
        if _places(bits[pin]) != set(range(PINS[pin])):
            raise DumpError(
                f"{names[pin]} must have the {PINS[pin]} bits of the bus; it has {len(_places(bits[pin]))}: name all of"
                f" them with --signal {pin}=NAME[{PINS[pin] - 1}:0]"
            )


def _places(wiring: Iterable[Bits]) -> set[int]:
    """The bits of a pin that are there. A master with one of REQ# and GNT# alone would break rules that it keeps."""
    return {place + index for _, _, place, length in wiring for index in range(length)}


def _own_bus(variables: Sequence[Variable]) -> tuple[str, Mapping[str, str]] | None:
    """The scope and the pins of dirql's own bus, which is one structure, if the dump is of one of its machines."""
    for variable in variables:
        if variable.name in _OWN_NAMES and len(variable.bits) == _OWN_BITS:
            chosen, high = {}, _OWN_BITS - 2
            for pin in _OWN_PINS:
                chosen[pin] = f"{variable.path}[{high}:{high - PINS[pin] + 1}]"
                high -= PINS[pin]
            return ".".join(variable.scope), {**chosen, **_own_arbiter(variables)}
    return None


def _own_arbiter(variables: Iterable[Variable]) -> Mapping[str, str]:
    """The requests and grants of an arbiter of dirql."""
    ports = {(each.scope, each.name): len(each.bits) for each in variables if each.name in ("req_i", "gnt_o")}
    for (scope, name), width in ports.items():
        if name == "req_i" and ports.get((scope, "gnt_o")) == width:
            path = ".".join(scope)
            return {"req": f"{path}.req_i[{width - 1}:0]", "gnt": f"{path}.gnt_o[{width - 1}:0]"}
    return {}


def _candidates(variables: Iterable[Variable]) -> _Scopes:
    scopes: dict[_Place, dict[str, list[_Candidate]]] = {}
    for variable in variables:
        for prefix, name in _beginnings(variable.name.lower()):
            read = _reading(variable, name)
            if read is not None:
                pin, candidate = read
                scopes.setdefault(_Place(variable.scope, prefix), {}).setdefault(pin, []).append(candidate)
    return scopes


def _beginnings(name: str) -> Iterator[tuple[str, str]]:
    """The ways to split a name, in lower case, into what the names of a bus begin with and the name of a pin."""
    yield "", name
    yield name[:1], name[1:]
    for match in _SEPARATOR.finditer(name):
        if match.end() > 1:
            yield name[: match.end()], name[match.end() :]


def _reading(variable: Variable, name: str) -> tuple[str, _Candidate] | None:
    """The pin that a name in lower case stands for, with what else it says; None for a name that is not a pin's."""
    name = _PREFIX.sub("", _LOW_INPUT.sub(r"_n_\1", name))
    is_low, number, ending = False, None, ""
    while name not in _NAMES:
        if match := _DIRECTION.search(name):
            ending = match[1]
        elif match := _NUMBER.search(name):
            number = int(match[1])
        elif (match := _LOW_TRUE.search(name)) or (match := _LOW_TRUE_FIRST.search(name)):
            is_low = True
        else:
            return None
        name = name[: match.start()] + name[match.end() :]
    pin = _NAMES[name]
    if (number is not None and PINS[pin] == 1) or (is_low and pin == "clk") or (pin, number) == ("req", 64):
        return None
    return pin, _Candidate(_PLACES[ending], variable, number, is_low)


def _readings(variables: Iterable[Variable], path: str) -> list[_Candidate]:
    """The candidates that the variables of this name are, if it is a pin's name."""
    found = (
        _reading(variable, name)
        for variable in variables
        if variable.path == path
        for _, name in _beginnings(variable.name.lower())
    )
    return [read[1] for read in found if read is not None]


def _best_scope(
    variables: Sequence[Variable], scopes: _Scopes, wanted: str, chosen: Mapping[str, str]
) -> _Place:
    """The scope with most of the pins; of several the simplest."""
    places: Iterable[_Place] = scopes
    if wanted:
        scope = tuple(wanted.split("."))
        if any(variable.scope[: len(scope)] == scope for variable in variables):
            places = [_Place(scope), *(place for place in scopes if place.scope == scope)]
        else:
            places = [place for place in scopes if place.prefix and str(place).lower() == wanted.lower()]
        if not places:
            scopes_of = {each.scope[:depth] for each in variables for depth in range(1, len(each.scope) + 1)}
            known = ", ".join(sorted(map(".".join, scopes_of))[:_SHOWN])
            raise DumpError(f"--scope must be a scope of the dump, as {known}; it was {wanted}")

    def worse(place: _Place) -> tuple[int, bool, int, int]:
        lacks = sum(pin not in chosen and not _visible(scopes, place, pin) for pin in NEEDED)
        return lacks, *_simplest(place)

    return min(places, key=worse, default=_Place(()))


def _visible(scopes: _Scopes, place: _Place, pin: str) -> list[_Candidate]:
    """The candidates of a place for a pin, those to be taken; clock and reset may be those around it."""
    while True:
        found = scopes.get(place, {}).get(pin, ())
        if found or pin not in ("clk", "rst") or place == _Place(()):
            order = min((candidate.order for candidate in found), default=0)
            return [candidate for candidate in found if candidate.order == order]
        place = _Place(place.scope if place.prefix else place.scope[:-1])


def _bits(found: Sequence[_Candidate], width: int) -> Iterable[Bits]:
    """The bits of a pin: of one vector, or of variables that are a bit each."""
    whole = [candidate for candidate in found if len(candidate.variable.bits) > 1]
    if whole or width == 1:
        variable = (whole or found)[0].variable
        yield Bits(variable.code, 0, 0, min(len(variable.bits), width))
        return
    for candidate in found:
        variable = candidate.variable
        place = candidate.number if candidate.number is not None else variable.bits[0]
        if place < width:
            yield Bits(variable.code, 0, place, 1)


def _named(
    variables: Sequence[Variable], scope: tuple[str, ...], pin: str, text: str
) -> tuple[str, tuple[Bits, ...]]:
    """The variable that a user names for a pin, and its bits."""
    match = _SELECTION.match(text)
    name = match["name"] if match else text
    paths = (name, ".".join((*scope, name)))
    found = [variable for variable in variables if variable.path in paths]
    found = found or [variable for variable in variables if variable.name == name]
    if not found:
        close = sorted({each.path for each in variables if name.lower() in each.path.lower()})[:5]
        hint = f": did you mean {' or '.join(close)}?" if close else ""
        raise DumpError(f"--signal {pin} must name a variable of the dump; {text!r} is none{hint}")
    width = PINS[pin]
    if match and match["high"] is not None:
        high, low = int(match["high"]), int(match["low"] or match["high"])
        for variable in found:
            if high in variable.bits and low in variable.bits and high >= low:
                source = variable.bits[::-1].index(low)
                return found[0].path, (Bits(variable.code, source, 0, min(high - low + 1, width)),)
        raise DumpError(f"--signal {pin} must name bits that {found[0].path} has; it was {text!r}")
    return found[0].path, tuple(_bits([_Candidate(0, each, None, says_low=False) for each in found], width))
