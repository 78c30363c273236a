# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Writes the page of the rules from what runs of the drivers that break them have said."""

from __future__ import annotations

import re
from pathlib import Path

from wdm_rules.book import Ending, Rule, ending_of, rules

__all__ = ["PAGE", "page"]

PAGE = Path(__file__).resolve().parents[2] / "docs" / "driver-verifier.md"

_HEAD = """<!-- Written by `make rules-of-wdm` from the files in tests/wdm_rules; do not edit. -->

# The rules of Static Driver Verifier

Static Driver Verifier has rules for WDM drivers, many of which Driver Verifier checks too, as DDI compliance. dirql
checks them while a driver runs. For each rule there is a driver that breaks it, in `tests/wdm_rules`: a right function
driver of which some routines are replaced. The table has how a program with that driver ends, and the beginning of what
it is told; a message goes on with the request, the driver, the line and the next step. A bug check has its first
parameter behind the stroke. A row such as IRP-22 is a defect, which `machine.defects` has, and which fails a test or
`dirql run` at its end ([rules/nt.md](rules/nt.md)). [checks.md](checks.md) has all that dirql checks.

A rule that differs from another one in the kind of request only is broken by the driver of that other one.
"""

_REPORTS = {
    "Deadlock": "the report names the request, and the driver that has it, or the remove lock that is held",
    "LeakReport": "the report names what is left, and where it came from",
}


def page() -> str:
    """Return the text of the page."""
    sections = [_HEAD]
    for name in dict.fromkeys(rule.set for rule in rules()):
        members = [rule for rule in rules() if rule.set == name]
        rows = "\n".join(_row(rule) for rule in members)
        sections.append(f"## {name}\n\n| rule | ends with | message |\n|---|---|---|\n{rows}\n")
    unchecked = sum(not rule.says and not rule.like for rule in rules())
    sections.append(f"Of {len(rules())} rules, {len(rules()) - unchecked} are checked.\n")
    return "\n".join(sections)


def _row(rule: Rule) -> str:
    if rule.like:
        return f"| {rule.name} | as {rule.like} | |"
    if not rule.driver:
        return f"| {rule.name} | not checked | {rule.note} |"
    return f"| {rule.name} | {_ending(rule.says)} | {_said(ending_of(rule))} |"


def _ending(says: str) -> str:
    return (
        f"bug check {says.replace('0x', '0X').upper().replace('0X', '0x')}" if says.startswith("0x") else says
    )


def _said(ending: Ending) -> str:
    """Return the rule in a message, without the objects of the run and their place."""
    if ending.says in _REPORTS:
        return _REPORTS[ending.says]
    message = ending.message.splitlines()[0].partition(";")[0].replace("rule_driver.", "")
    message = re.sub(r"<[^<>]*(<[^<>]*(<[^<>]*>[^<>]*)*>[^<>]*)*>", "…", message)
    message = re.sub(r" in \S+ \(\S*:\d+\)", "", message)
    return re.sub(r"0x[0-9a-f]{5,}", "…", message).replace("|", "\\|")
