# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Makes mutants of a module: changes of one operator, constant, condition or assignment each.

All mutants of a module are put into one text, in which the register `mutant_chosen` chooses the one that is at work; 0
is the module as it was. So a proof or a simulation is built once for all of them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from verilog_reader import Expression, Module, read_module

__all__ = ["Mutant", "mutants_of", "schema"]

OPERATORS = {
    "&&": "||",
    "||": "&&",
    "==": "!=",
    "!=": "==",
    "<": "<=",
    "<=": "<",
    ">": ">=",
    ">=": ">",
    "+": "-",
    "-": "+",
    "&": "|",
    "|": "&",
    "^": "|",
    "<<": ">>",
    ">>": "<<",
}
COMPARISONS = ("==", "!=", "<", "<=", ">", ">=", "!")
ENUMS = re.compile(r"\b\w+_e\s+(\w+(?:\s*,\s*\w+)*)\s*;")
NUMBER = re.compile(r"(\d+)'([bdh])([0-9a-fA-F_]+)")
BASES = {"b": (2, "b"), "d": (10, "d"), "h": (16, "X")}

CHOICE = """
`ifdef YOSYS
  logic [15:0] mutant_chosen;
  always_ff @(posedge clk_i) mutant_chosen <= mutant_chosen;
`else
  logic [15:0] mutant_chosen;
  initial mutant_chosen = 16'($c32("std::atoi(std::getenv(\\"DIRQL_MUTANT\\") ?: \\"0\\")"));
`endif
"""
"""The choice within a module. In a proof it never changes, and its value is assumed; a simulation takes it from the
environment."""


@dataclass(frozen=True)
class Mutant:
    """A change of a file. `line` is the text of its line, `occurrence` counts equal changes of equal lines from 1."""

    file: str
    line: str
    number: int
    change: str
    occurrence: int
    start: int
    end: int
    text: str
    """The text in the place of that from `start` to `end`; if it is empty the statement there is left out."""

    @property
    def key(self) -> tuple[str, str, str, int]:
        """The name of the mutant, wherever its line stands."""
        return self.file, self.line, self.change, self.occurrence


@dataclass(frozen=True)
class Change:
    """A change before it has a name."""

    start: int
    end: int
    text: str
    words: str


def short(text: str) -> str:
    """A text on one line."""
    return " ".join(text.split())


def neighbours(number: str) -> Iterator[str]:
    """Other values for a number: those beside it."""
    if number in {"'0", "'1"}:
        yield "'1" if number == "'0" else "'0"
    if sized := NUMBER.fullmatch(number):
        width, (base, letter) = int(sized[1]), BASES[sized[2]]
        value = int(sized[3].replace("_", ""), base)
        for other in dict.fromkeys(((value + 1) % (1 << width), (value - 1) % (1 << width))):
            yield f"{width}'{sized[2]}{other:{letter}}"


def changes_within(text: str, expression: Expression, constants: list[str]) -> Iterator[Change]:
    """The changes of an expression and of its parts."""
    whole = text[expression.start : expression.end]
    if expression.kind == "binary" and expression.operator in OPERATORS:
        new = OPERATORS[expression.operator]
        left, right = (text[part.start : part.end] for part in expression.parts)
        changed = f"({left}) {new} ({right})"
        yield Change(
            expression.start, expression.end, changed, f"{expression.operator} becomes {new} in {whole}"
        )
    elif expression.kind == "unary" and expression.operator in {"!", "~"}:
        yield Change(expression.start, expression.end, whole[1:], f"{expression.operator} goes from {whole}")
    elif expression.kind == "unary" and expression.operator == "^":
        yield Change(expression.start, expression.end, "~" + whole, f"~ comes before {whole}")
    elif expression.kind == "choice":
        yield from negation(text, expression.parts[0])
    elif expression.kind == "number":
        for new in neighbours(whole):
            yield Change(expression.start, expression.end, new, f"{whole} becomes {new}")
    elif expression.kind == "name" and whole in constants:
        for new in (f"({whole} + 1'b1)", f"({whole} - 1'b1)"):
            yield Change(expression.start, expression.end, new, f"{whole} becomes {new}")
    for part in expression.parts:
        yield from changes_within(text, part, constants)


def negation(text: str, condition: Expression) -> Iterator[Change]:
    """The contrary of a condition, unless a change of its operator is that already."""
    if condition.kind not in {"binary", "unary"} or condition.operator not in COMPARISONS:
        whole = text[condition.start : condition.end]
        yield Change(condition.start, condition.end, f"!({whole})", f"{whole} becomes its contrary")


def changes_of(text: str, module: Module) -> Iterator[Change]:
    """All changes of a module."""
    enums = {name.strip() for names in ENUMS.findall(text) for name in names.split(",")}
    for value in (*module.values, *module.conditions):
        yield from changes_within(text, value, module.constants)
    for condition in module.conditions:
        yield from negation(text, condition)
    for assignment in module.assignments:
        right = assignment.value
        given = text[right.start : right.end]
        if assignment.kind == "continuous":
            if given != "'0" and not given.startswith("'{") and given not in enums:
                yield Change(right.start, right.end, "'0", f"{assignment.target} is always 0")
        elif assignment.has_default:
            yield Change(assignment.start, assignment.end, "", f"{assignment.target} is not assigned {given}")


def mutants_of(file: str, text: str) -> list[Mutant]:
    """The mutants of a file, in the order of their places. Raises ValueError if it cannot be read."""
    try:
        module = read_module(text)
    except ValueError as error:
        raise ValueError(f"{file}, {error}") from None
    seen: Counter[tuple[str, str]] = Counter()
    found = []
    for change in sorted(changes_of(text, module), key=lambda each: (each.start, -each.end, each.words)):
        number = text.count("\n", 0, change.start) + 1
        line = text.splitlines()[number - 1].strip()
        words = short(change.words)
        seen[line, words] += 1
        found.append(
            Mutant(file, line, number, words, seen[line, words], change.start, change.end, change.text)
        )
    return found


def schema(text: str, mutants: dict[int, Mutant]) -> str:
    """The file with all `mutants` in it, each at work when `mutant_chosen` is its number."""
    before: dict[int, list[tuple[int, str]]] = {}
    after: dict[int, list[tuple[int, str]]] = {}
    for number, mutant in mutants.items():
        size = mutant.end - mutant.start
        if mutant.text:
            head, tail = f"(mutant_chosen == 16'd{number} ? ({mutant.text}) : (", "))"
        else:
            head, tail = f"begin if (mutant_chosen != 16'd{number}) ", " end"
        before.setdefault(mutant.start, []).append((-size, head))
        after.setdefault(mutant.end, []).append((size, tail))
    body = read_module(text).body
    pieces, last = [], 0
    for place in sorted({*before, *after, body}):
        pieces.append(text[last:place])
        pieces += [piece for _, piece in sorted(after.get(place, ()), key=lambda each: each[0])]
        if place == body:
            pieces.append(CHOICE)
        pieces += [piece for _, piece in sorted(before.get(place, ()), key=lambda each: each[0])]
        last = place
    return "".join((*pieces, text[last:]))
