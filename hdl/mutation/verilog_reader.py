# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""A reader of what a SystemVerilog module does: its assignments, its conditions, and the extent of each expression.

It knows the part of the language that the hardware is written in, and nothing of types. Declarations, ports,
instances, generate conditions and blocks of assertions are passed over. Positions are offsets into the text. Text
that it does not know is refused with ValueError, with the line.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

__all__ = ["Assignment", "Expression", "Module", "read_module"]

TOKEN = re.compile(
    r"""(?P<space>\s+|//[^\n]*|/\*.*?\*/|\(\*.*?\*\))
    |(?P<number>\d*'s?[bdhoBDHO][0-9a-fA-F_xXzZ]+|'[01](?![\w'])|\d[\d_]*)
    |(?P<word>[`$]?[A-Za-z_][\w$]*)
    |(?P<string>"(?:[^"\\]|\\.)*")
    |(?P<sign><<<|>>>|===|!==|<<|>>|<=|>=|==|!=|&&|\|\||\+:|-:|::|\+\+|--|\+=|~&|~\||~\^|\*\*|'\{|'\(|.)""",
    re.VERBOSE | re.DOTALL,
)
BINARY = (
    ("||",),
    ("&&",),
    ("|",),
    ("^",),
    ("&",),
    ("==", "!=", "===", "!=="),
    ("<", "<=", ">", ">="),
    ("<<", ">>", "<<<", ">>>"),
    ("+", "-"),
    ("*", "/", "%"),
)
"""Operators with two operands, those that bind least first."""
UNARY = ("!", "~", "&", "|", "^", "-", "+", "~&", "~|", "~^")
CLOSING = {"(": ")", "[": "]", "{": "}", "'{": "}", "'(": ")"}
DECLARATIONS = ("logic", "localparam", "typedef", "bit", "int", "automatic", "genvar", "string", "import")


@dataclass(frozen=True)
class Token:
    """A piece of the text: its kind, itself, and its place."""

    kind: str
    text: str
    start: int
    end: int


@dataclass(frozen=True)
class Expression:
    """An expression and its parts. `kind` is binary, unary, choice (its condition first), number, name or other."""

    kind: str
    start: int
    end: int
    operator: str = ""
    parts: tuple[Expression, ...] = ()


@dataclass(frozen=True)
class Assignment:
    """An assignment: the target's text, the value, and whether the target has a value without it.

    `kind` is "continuous", "register" or "combinational".
    """

    kind: str
    target: str
    value: Expression
    start: int
    end: int
    has_default: bool


@dataclass
class Module:
    """The parts of a module: the end of its header, constants with a number, assignments, conditions and values."""

    body: int = 0
    constants: list[str] = field(default_factory=list)
    assignments: list[Assignment] = field(default_factory=list)
    conditions: list[Expression] = field(default_factory=list)
    values: list[Expression] = field(default_factory=list)


class Reader:
    """A walk over the tokens of one module."""

    def __init__(self, text: str) -> None:
        self.text = text
        found = (
            Token(str(match.lastgroup), match[0], match.start(), match.end())
            for match in TOKEN.finditer(text)
        )
        self.tokens = [token for token in found if token.kind != "space"]
        self.at = 0
        self.module = Module()
        self.kind = ""
        self.given: set[str] = set()

    # Tokens.

    def peek(self, ahead: int = 0) -> str:
        """The text of a coming token; empty after the last."""
        place = self.at + ahead
        return self.tokens[place].text if place < len(self.tokens) else ""

    def take(self, wanted: str = "") -> Token:
        """The next token, which must be `wanted` if that is given."""
        if self.at >= len(self.tokens) or (wanted and self.peek() != wanted):
            raise ValueError(f"line {self.line()}: {wanted or 'a token'} must follow; it was {self.peek()!r}")
        self.at += 1
        return self.tokens[self.at - 1]

    def line(self) -> int:
        """The line of the next token."""
        place = self.tokens[min(self.at, len(self.tokens) - 1)].start
        return self.text.count("\n", 0, place) + 1

    def skip_group(self) -> None:
        """Pass over a bracket with all that is in it."""
        closing = CLOSING[self.take().text]
        while self.peek() != closing:
            if self.peek() in CLOSING:
                self.skip_group()
            else:
                self.take()
        self.take()

    def skip_to(self, *ends: str) -> None:
        """Pass over everything before one of `ends` outside brackets."""
        while self.peek() not in ends:
            if self.peek() in CLOSING:
                self.skip_group()
            else:
                self.take()

    def skip_label(self) -> None:
        """Pass over `: name`."""
        if self.peek() == ":":
            self.take()
            self.take()

    # Modules.

    def read(self) -> Module:
        """Read to the end of the module."""
        self.skip_to("module")
        self.skip_to(";")
        self.module.body = self.take().end
        items: dict[str, Callable[[], None]] = {
            "assign": self.continuous,
            "always_ff": self.clocked,
            "always_comb": self.combinational,
            "function": self.function,
            "localparam": self.constant,
            "if": self.generated,
            "for": self.generated,
            "begin": self.opened,
            "end": self.opened,
            "else": self.opened,
        }
        while self.peek() != "endmodule":
            items.get(self.peek(), self.item)()
        return self.module

    def item(self) -> None:
        """Pass over a declaration, an instance or a macro."""
        if self.peek().startswith("`"):
            self.macro()
            return
        self.skip_to(";")
        self.take()

    def macro(self) -> None:
        """Pass over a directive, which ends with its line, or over a macro with arguments."""
        token = self.take()
        if self.peek() == "(":
            self.skip_group()
            return
        end = self.text.find("\n", token.end)
        while self.at < len(self.tokens) and self.tokens[self.at].start < end:
            self.take()

    def generated(self) -> None:
        """Pass over the head of a generate block."""
        self.take()
        self.skip_group()

    def opened(self) -> None:
        """Pass over `begin`, `end` or `else` of a generate block, with its label."""
        self.take()
        self.skip_label()

    def constant(self) -> None:
        """A localparam; its name is kept if its value is one number."""
        self.take()
        self.skip_to("=", ";")
        if self.peek() == "=":
            name = self.tokens[self.at - 1].text
            if self.tokens[self.at + 1].kind == "number" and self.peek(2) == ";":
                self.module.constants.append(name)
        self.skip_to(";")
        self.take()

    def continuous(self) -> None:
        """`assign target = value;`."""
        self.take()
        self.kind = "continuous"
        self.assignment()

    def clocked(self) -> None:
        """Read a process with registers, `always_ff @(...) statement`."""
        self.take()
        self.take("@")
        self.skip_group()
        self.process("register")

    def combinational(self) -> None:
        """Read a process without registers, `always_comb statement`."""
        self.take()
        self.process("combinational")

    def process(self, kind: str) -> None:
        """The statement of a process; those that only assert are passed over."""
        known = Module(constants=self.module.constants)
        labelled = self.peek() == "begin" and self.peek(1) == ":" and self.peek(2).startswith("p_assert")
        kept, self.module = self.module, known if labelled else self.module
        self.kind, self.given = kind, set()
        self.statement(0)
        self.module = kept

    def function(self) -> None:
        """The statements of a function."""
        self.skip_to(";")
        self.take()
        self.kind, self.given = "combinational", set()
        while self.peek() != "endfunction":
            self.statement(1)
        self.take()

    # Statements.

    def statement(self, depth: int) -> None:
        """One statement, `depth` conditions below its process."""
        match self.peek():
            case "begin":
                self.take()
                self.skip_label()
                while self.peek() != "end":
                    self.statement(depth)
                self.take()
                self.skip_label()
            case "if":
                self.take()
                self.take("(")
                self.module.conditions.append(self.expression())
                self.take(")")
                self.statement(depth + 1)
                if self.peek() == "else":
                    self.take()
                    self.statement(depth + 1)
            case "for":
                self.take()
                self.skip_group()
                self.statement(depth)
            case "unique" | "priority" | "case":
                self.cases(depth)
            case text if text in DECLARATIONS or text.startswith(("$", "`")) or self.is_check():
                self.skip_to(";")
                self.take()
            case ";":
                self.take()
            case _:
                self.assignment(depth)

    def is_check(self) -> bool:
        """Whether a labelled assertion follows."""
        return self.peek(1) == ":" and self.peek(2) in {"assert", "assume", "cover"}

    def cases(self, depth: int) -> None:
        """A case statement; its labels are passed over."""
        self.skip_to("(")
        self.take("(")
        self.module.values.append(self.expression())
        self.take(")")
        while self.peek() != "endcase":
            self.skip_to(":")
            self.take()
            self.statement(depth + 1)
        self.take()

    def assignment(self, depth: int = 0) -> None:
        """`target = value;` or `target <= value;`."""
        start = self.tokens[self.at].start
        self.skip_to("=", "<=")
        target = self.text[start : self.tokens[self.at - 1].end]
        self.take()
        value = self.expression()
        end = self.take(";").end
        root = re.split(r"[\[.]", target)[0]
        has_default = self.kind == "register" or root in self.given
        self.module.assignments.append(Assignment(self.kind, target, value, start, end, has_default))
        self.module.values.append(value)
        if depth == 0:
            self.given |= set(re.findall(r"\w+", target)) if target.startswith("{") else {root}

    # Expressions.

    def expression(self) -> Expression:
        """An expression: the condition of a choice, or operators."""
        first = self.operators(0)
        if self.peek() != "?":
            return first
        self.take()
        yes = self.expression()
        self.take(":")
        no = self.expression()
        return Expression("choice", first.start, no.end, "?", (first, yes, no))

    def operators(self, level: int) -> Expression:
        """Operators that bind at least as much as those of `level`."""
        if level == len(BINARY):
            return self.unary()
        left = self.operators(level + 1)
        while self.peek() in BINARY[level]:
            sign = self.take()
            right = self.operators(level + 1)
            left = Expression("binary", left.start, right.end, sign.text, (left, right))
        return left

    def unary(self) -> Expression:
        """An operator with one operand, or a primary."""
        if self.peek() in UNARY:
            sign = self.take()
            part = self.unary()
            return Expression("unary", sign.start, part.end, sign.text, (part,))
        return self.primary()

    def primary(self) -> Expression:
        """A number, a name with its selections, a call, a cast, or a bracket."""
        token = self.tokens[self.at]
        parts: list[Expression] = []
        if token.text == "(":
            parts.append(self.inside())
        elif token.text == "'{" or token.kind == "string":
            self.skip_group() if token.text == "'{" else self.take()
        elif token.text == "{":
            parts.extend(self.concatenation())
        elif token.kind in {"number", "word"}:
            self.take()
        else:
            raise ValueError(f"line {self.line()}: an expression must follow; it was {token.text!r}")
        simple = token.kind
        while self.peek() in {".", "::", "[", "(", "'("}:
            if self.peek() in {".", "::"}:
                self.take()
                self.take()
                continue
            simple = "other"
            if self.peek() == "'(":
                parts.clear()  # the width of a cast is a constant
            parts.extend(self.index() if self.peek() == "[" else self.arguments())
        kind = {"number": "number", "word": "name"}.get(simple, "other")
        return Expression(kind, token.start, self.tokens[self.at - 1].end, token.text, tuple(parts))

    def inside(self) -> Expression:
        """An expression in parentheses."""
        self.take("(")
        found = self.expression()
        self.take(")")
        return found

    def arguments(self) -> list[Expression]:
        """The arguments of a call, or what a cast converts."""
        self.take()
        found = []
        while self.peek() != ")":
            found.append(self.expression())
            if self.peek() == ",":
                self.take()
        self.take()
        return found

    def index(self) -> list[Expression]:
        """A selection; a range, a single number or name is passed over."""
        begun = self.at
        if self.peek(2) != "]":
            self.take("[")
            found = self.expression()
            if self.peek() == "]":
                self.take()
                return [found]
            self.at = begun
        self.skip_group()
        return []

    def concatenation(self) -> list[Expression]:
        """`{a, b}`; the count of a replication is passed over."""
        self.take("{")
        found = [self.expression()]
        if self.peek() == "{":
            found = self.concatenation()
        while self.peek() == ",":
            self.take()
            found.append(self.expression())
        self.take("}")
        return found


def read_module(text: str) -> Module:
    """Read the first module of a file. Raises ValueError for what is not known, with the line."""
    return Reader(text).read()
