# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Plain English: docstrings, comments and messages are sentences that a reader understands without the code.

The rules find patterns that leave a noun out; the first test lists examples. They cannot tell whether a sentence is
good.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from source_tree import name, parse, source_files

PYTHON = list(source_files(".py"))
RTL = list(source_files(".sv", ".svh"))

OPENS_WITHOUT_NOUN = re.compile(r"(What|Whatever|Who|Whoever|Whose|Which|How|Where|Its|Their|Theirs|Those)\b")
SENTENCE_WITHOUT_NOUN = re.compile(r"\. (What|Whose|Theirs|Those (of|that|who|which))\b")
ENDS_WITHOUT_NOUN = re.compile(r"\b([Ii]ts|[Tt]heirs|of what|with what)[.,;:)]|\bso many\b")
AN_FOR_PER = re.compile(
    r"\b(one|bits?|bytes?|clocks?|dwords?|file|line|module|step) an? (?!time\b|second\b)\w+"
)
REFERENCE = re.compile(r"See `\w+(\.\w+)*`[.;]")

COMMENT = re.compile(r"\s*///? (?P<text>.*)")

MESSAGE_OUT_OF_FORM = re.compile(r"\bmust\b.*(,| and) (is|are|was|were) \{\}", re.DOTALL)


def docstrings(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Each string that stands as a statement, on one line, with the number of its first line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            text = node.value.value
            if isinstance(text, str):
                yield node.lineno, " ".join(text.split())


def comments(file: Path) -> Iterator[tuple[int, str]]:
    """Each comment of an RTL file that has a line to itself and follows no other comment."""
    earlier = ""
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
        found = COMMENT.match(line)
        if found and not COMMENT.match(earlier):
            yield number, found["text"]
        earlier = line


def messages(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Each formatted string with `{}` for the values in it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            parts = (str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
            yield node.lineno, "".join(parts)


def complaint(text: str) -> str | None:
    """The rule that a docstring breaks; None if it breaks none."""
    if REFERENCE.match(text):
        return None
    if OPENS_WITHOUT_NOUN.match(text) or SENTENCE_WITHOUT_NOUN.search(text):
        return "a sentence must begin with the thing that it is about"
    if ENDS_WITHOUT_NOUN.search(text):
        return "its, theirs, what and so many must be followed by their noun"
    if AN_FOR_PER.search(text):
        return "a rate must be written with 'for each' or 'per'"
    if len(text.split()) <= 3:
        return "a docstring must have more than three words"
    return None


@pytest.mark.parametrize(
    "text",
    [
        "What the kernel has too, at hand for what runs most often.",
        "How many interrupt objects are.",
        "Counts the clocks. Those of before are nobody's.",
        "The first of the heap is queued, and the deadline is its.",
        "Connect ISRs that claim the interrupt so many times each.",
        "Enabled inputs, one bit an input, as the controller has them.",
        "Its number.",
        "The number.",
    ],
)
def test_a_sentence_without_its_noun_is_seen(text: str) -> None:
    assert complaint(text)


@pytest.mark.parametrize(
    "text",
    [
        "Whether the thread waits.",
        "See `Target`; a burst that is longer than the channel's capacity becomes several.",
        "The number of bytes, one of 1, 2 and 4.",
        "The device reads one dword at a time.",
    ],
)
def test_a_plain_sentence_passes(text: str) -> None:
    assert complaint(text) is None


def test_docstrings_are_plain_sentences() -> None:
    found = [
        f"{name(file)}:{line}: {broken}; it was {text!r}"
        for file in PYTHON
        for line, text in docstrings(parse(file))
        if (broken := complaint(text)) is not None
    ]
    assert found == []


def test_comments_of_the_rtl_begin_with_their_subject() -> None:
    found = [
        f"{name(file)}:{line}: {text}"
        for file in RTL
        for line, text in comments(file)
        if OPENS_WITHOUT_NOUN.match(text) or AN_FOR_PER.search(text)
    ]
    assert found == []


@pytest.mark.parametrize("message", ["it must be 1 and is {}", "the size must be even, was {}"])
def test_a_message_out_of_form_is_seen(message: str) -> None:
    assert MESSAGE_OUT_OF_FORM.search(message)


def test_messages_say_what_must_be_and_then_what_was() -> None:
    """The form is "A must be B; it was C: do D"."""
    found = [
        f"{name(file)}:{line}: {text}"
        for file in PYTHON
        for line, text in messages(parse(file))
        if MESSAGE_OUT_OF_FORM.search(text)
    ]
    assert found == []
