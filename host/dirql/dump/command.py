# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""`dirql check-bus`: checks the dump, and makes the text."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from dirql.dump.checker import rule_sentences
from dirql.dump.checking import Options, Report, check_dump
from dirql.dump.transactions import Transaction
from dirql.dump.values import DumpError

__all__ = ["check", "lines"]

_NANOSECOND = 10**6
"""The femtoseconds of a nanosecond."""
_SHOWN = 4
"""The data of a transaction that a line shows."""


def check(arguments: argparse.Namespace) -> Report:
    """Check the dump that the arguments name. Raises as `check_dump` does."""
    known = {name for label in rule_sentences() for name in (label, label.partition("_")[0])}
    for rule in arguments.ignore:
        if rule not in known:
            raise DumpError(
                f"--ignore must name a rule that the checker has, as M05 or M20_idle; it was {rule}"
            )
    options = Options(
        scope=arguments.scope,
        chosen=dict(arguments.signal),
        high_true=arguments.high_true,
        ignored=frozenset(arguments.ignore),
    )
    return check_dump(arguments.file, options)


def lines(report: Report, *, transactions: bool) -> Iterator[str]:
    """The lines that `dirql check-bus` prints."""
    if transactions:
        yield from (_transaction_line(report, each) for each in report.transactions)
        yield ""
    for breach in report.breaches:
        where = f", in {breach.transaction}" if breach.transaction else ""
        yield f"{_time(report, breach.time)}, clock {breach.clock:,}{where}"
        yield f"    {breach.label}: {breach.sentence}"
    if report.breaches:
        yield ""
    yield from report.errors
    for what, why in report.unchecked.items():
        yield f"Not checked: {what}, since {why}."
    if report.hint:
        yield report.hint
    yield (
        f"{len(report.transactions):,} transactions in {report.clocks:,} clocks of {report.pins.names['clk']}, on the"
        f" pins of {report.pins.scope or 'the top'}."
    )
    if report.pins.others:
        yield f"The dump has other buses too, which --scope names: {', '.join(report.pins.others)}."
    count = len(report.breaches)
    rules = len({breach.label for breach in report.breaches})
    if count:
        times = "once" if count == 1 else f"{count:,} times"
        yield f"{rules:,} {'rules were' if rules > 1 else 'rule was'} broken, {times}."
    else:
        yield "No rule was broken."


def _transaction_line(report: Report, transaction: Transaction) -> str:
    data = transaction.data
    shown = " ".join(f"{datum:08x}" for datum in data[:_SHOWN]) + (" …" if len(data) > _SHOWN else "")
    moved = f"{len(data)} {'datum' if len(data) == 1 else 'data'}{': ' if data else ''}{shown}"
    place = f"{_time(report, transaction.time)}, clock {transaction.clock:,}"
    return f"{place}: {transaction.title}, {transaction.end}, {moved}"


def _time(report: Report, time: int) -> str:
    whole, rest = divmod(time * report.femtoseconds, _NANOSECOND)
    fraction = f".{rest:06d}".rstrip("0") if rest else ""
    return f"{whole:,}{fraction} ns"
