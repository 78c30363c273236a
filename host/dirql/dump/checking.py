# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Checks a wave dump against the rules of the bus, clock by clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dirql.dump.checker import Checker, rule_sentences
from dirql.dump.pins import Pins, find_pins
from dirql.dump.reading import DumpReader
from dirql.dump.sampling import Sample, samples
from dirql.dump.transactions import Follower, Transaction
from dirql.dump.values import DumpError

__all__ = ["Breach", "Options", "Report", "check_dump"]

UNKNOWN = "unknown"
"""The label of a handshake that is unknown."""
_AGENTS = ("M15_none", "M32_ad", "M32_control", "T01", "A05")
"""Rules for which one must know what each agent drives, and the master that the arbiter parks on.

IDSEL may be a line of AD, and be on at any time outside configuration transactions.
"""
_GRANTED = ("A01", "A02", "A03", "M20_idle", "M20_second", "M30")
"""Rules for which one must know REQ# and GNT#."""
_OPTIONAL = {
    "par": ("M27", "T22", "M28_perr", "T23_perr", "M28_hold", "T23_hold"),
    "perr": ("M28_perr", "T23_perr", "M28_hold", "T23_hold", "T12_perr"),
    "idsel": ("M15_one", "T16"),
}
"""Rules for which one must know a pin that a dump may lack."""
_FLOATING = {
    "T12_perr": ("perr",),
    "M33": ("frame", "irdy"),
    "T12_release": ("devsel", "trdy", "stop"),
    "M32_turnaround": ("ad",),
}
"""Rules for which one must see pins float, and these pins."""
_LONG_AGO = -(10**6)
_SOON = range(2, 17)
"""Clocks from an address phase with wrong parity to the SERR that tells of it."""
_MANY = 2
"""Breaches of a transaction from which they may come from a wrong level of all handshakes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The place of the bus in a dump, as `find_pins` takes it, and the rules that are left out."""

    scope: str = ""
    chosen: Mapping[str, str] = field(default_factory=dict)
    high_true: bool = False
    ignored: frozenset[str] = frozenset()
    """Rules that are not looked at, by label or by row: "M20" is "M20_idle" and "M20_second"."""


@dataclass(frozen=True, slots=True)
class Breach:
    """A rule that did not hold, from the first clock on."""

    time: int
    """In the units of the dump."""
    clock: int
    label: str
    sentence: str
    transaction: str


@dataclass(slots=True)
class Report:
    """The transactions and the breaches that a dump shows."""

    pins: Pins
    femtoseconds: int
    """The femtoseconds of a unit of the dump's time."""
    is_high_true: bool = False
    """Whether handshakes were taken to be on while they are 1."""
    clocks: int = 0
    transactions: list[Transaction] = field(default_factory=list)
    breaches: list[Breach] = field(default_factory=list)
    unchecked: dict[str, str] = field(default_factory=dict)
    """The rules that could not be checked, each with the reason."""
    errors: list[str] = field(default_factory=list)
    """A sentence for each time at which SERR came on."""
    hint: str = ""
    """A remark on the options, which may be wrong where most transactions break several rules; else ""."""


class _Check:
    """The check of one dump."""

    def __init__(self, report: Report, checker: Checker, ignored: frozenset[str]) -> None:
        self._report = report
        self._checker = checker
        self._sentences = rule_sentences()
        self._follower = Follower()
        self._is_running = False
        self._lasting: set[str] = set()
        self._left_out = {*_AGENTS, *ignored}
        if "gnt" not in report.pins.bits or "req" not in report.pins.bits:
            self._left_out.update(_GRANTED)
        for pin, rules in _OPTIONAL.items():
            if pin not in report.pins.bits:
                self._left_out.update(rules)
        self._floating: set[str] = set()
        self._system_error = self._started = False
        self._bad_address = _LONG_AGO
        self._in_reset = 0

    def take(self, sample: Sample) -> None:
        """Go on by a clock."""
        self._report.clocks += 1
        self._in_reset += sample.is_reset
        is_cut = sample.is_reset or sample.is_first
        if self._is_running and not is_cut:
            self._go_on(sample)
        if is_cut or not sample.unknown.isdisjoint(("frame", "irdy")):
            self._follower.forget()
            self._is_running = False
        if not self._is_running:
            is_known = sample.unknown.isdisjoint(("frame", "irdy"))
            self._is_running = is_known and not (sample.frame or sample.irdy or sample.is_reset)
            self._checker.check(sample, running=False)
            self._lasting = set()

    def finish(self) -> None:
        """The dump is at its end. Raises `DumpError` for one of which nothing can be said."""
        report = self._report
        if self._follower.current is not None:
            report.transactions.append(self._follower.current)
        self._refuse_what_says_nothing()
        why = report.unchecked
        why.setdefault(", ".join(_AGENTS), "a dump shows the bus, and not what each agent drives")
        if not {"req", "gnt"} <= report.pins.bits.keys():
            why[", ".join(_GRANTED)] = "no REQ# and GNT# of the same masters were found"
        for pin, rules in _OPTIONAL.items():
            if pin not in report.pins.bits:
                why[", ".join(rules)] = f"no {pin.upper()} was found"
        if report.pins.is_wide:
            why["AD63 to AD32, C/BE7 to C/BE4 and PAR64"] = "the bus is checked as one of 32 bits"
        for label, pins in _FLOATING.items():
            if self._floating.isdisjoint(pins):
                why[label] = f"no clock shows {' or '.join(pin.upper() for pin in pins)} floating"
        report.breaches[:] = [breach for breach in report.breaches if breach.label not in why]
        if len(report.breaches) > _MANY * len(report.transactions):
            other = "0, leave out --high-true" if report.is_high_true else "1, say --high-true"
            report.hint = (
                f"So many breaches may come from a wrong level: if handshakes are on while they are {other}."
            )

    def _refuse_what_says_nothing(self) -> None:
        report, names = self._report, self._report.pins.names
        if not report.clocks:
            raise DumpError(
                f"the clock of the bus must go from 0 to 1 again and again; {names['clk']} never did: name another"
                " variable with --signal clk=NAME"
            )
        if self._in_reset == report.clocks:
            raise DumpError(
                f"RST# must be off at some edge of the clock; {names['rst']} was 0, which is on, at all"
                f" {report.clocks:,}: leave it out with --signal rst=none if it is on while it is 1"
            )
        if not report.transactions:
            raise DumpError(
                f"a dump must have a transaction to check; at {report.clocks:,} edges of {names['clk']}"
                f" {names['frame']} began none"
            )

    def _go_on(self, sample: Sample) -> None:
        report, sentences = self._report, {}
        self._floating |= sample.floating
        self._started = self._follower.starts
        ended = self._follower.follow(sample, report.clocks)
        if ended is not None:
            report.transactions.append(ended)
        current = self._follower.current or ended
        for label in self._checker.check(sample, running=True):
            sentences[label] = self._sentences[label]
        for pin in sample.unknown - {"ad", "cbe", "par", "idsel", "rst", "clk"}:
            sentences[f"{UNKNOWN} {pin}"] = f"{report.pins.names[pin]} is 0 or 1 on each clock outside reset."
        if self._follower.starts and not sample.unknown.isdisjoint(("ad", "cbe")):
            sentences[f"{UNKNOWN} address"] = "AD and C/BE are driven, and known, in an address phase."
        if current is not None and current.is_dual:
            report.unchecked["transactions with 64-bit addresses"] = "the checker knows one address phase"
            sentences = {}
        title = current.title if current is not None else ""
        self._note_system_error(sample, title, address_is_wrong="M27" in sentences and self._started)
        for label in sorted(sentences.keys() - self._lasting):
            if not self._is_left_out(label):
                report.breaches.append(Breach(sample.time, report.clocks, label, sentences[label], title))
        self._lasting = set(sentences)

    def _note_system_error(self, sample: Sample, title: str, *, address_is_wrong: bool) -> None:
        """Tell of SERR when it comes on. A device may turn it on for many reasons, so it breaks no rule."""
        clock = self._report.clocks
        if address_is_wrong:
            self._bad_address = clock - 1
        if sample.serr and not self._system_error:
            after = clock - self._bad_address
            reason = (
                f"{after} clocks after an address phase with wrong parity"
                if after in _SOON
                else "for another reason than the parity of an address"
            )
            where = f", in {title}" if title else ""
            self._report.errors.append(f"SERR# came on at clock {clock:,}{where}, {reason}.")
        self._system_error = sample.serr

    def _is_left_out(self, label: str) -> bool:
        return label in self._left_out or label.partition("_")[0] in self._left_out


def check_dump(path: Path, options: Options) -> Report:
    """Check a dump. Raises `DumpError` for one that cannot be read or checked, `SetupError`, and `BuildError`."""
    reader = DumpReader(path)
    try:
        pins = find_pins(
            reader.variables, scope=options.scope, chosen=options.chosen, high_true=options.high_true
        )
        report = Report(pins, reader.femtoseconds, options.high_true)
        found = pins.bits.keys()
        checker = Checker(has_grants={"req", "gnt"} <= found, has_idsel="idsel" in found)
        try:
            check = _Check(report, checker, options.ignored)
            codes = {each.code for wiring in pins.bits.values() for each in wiring}
            for sample in samples(reader.changes(codes), pins):
                check.take(sample)
        finally:
            checker.close()
        check.finish()
        return report
    finally:
        reader.close()
