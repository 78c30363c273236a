# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Rules that every file of the checkout keeps: size, header, no check silenced in line, no foreign names."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

from source_tree import is_generated, name, parse, source_files

FUNCTION_LINES = 60
FILE_LINES = 600

# Tables may be as long as what they list. Each is here with its reason.
LONG_FILES: dict[str, str] = {
    "host/wdk/lacking.toml": "some thousand names of the WDK",
    "host/dirql/c/include/ddk/scsi.h": "commands, data and sense codes of SCSI devices",
    "host/dirql/c/include/ddk/usbspec.h": "descriptors of the USB specification",
    "host/wdk/numbers.toml": "some thousand constants of the WDK",
}

PYTHON = [file for file in source_files(".py") if not is_generated(file)]
SOURCE_SUFFIXES = (
    ".py",
    ".sv",
    ".svh",
    ".v",
    ".c",
    ".cpp",
    ".h",
    ".hpp",
    ".rdl",
    ".sh",
    ".toml",
    "Makefile",
    "/run",
)
SOURCE = [file for file in source_files() if file.as_posix().endswith(SOURCE_SUFFIXES)]
TEXT_SUFFIXES = (*SOURCE_SUFFIXES, ".md", ".j2", ".f", ".vlt", ".json")

NOT_CODE = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENDMARKER,
}


def docstring_lines(tree: ast.Module) -> set[int]:
    """The lines of strings that stand as statements."""
    strings = (
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )
    return {line for node in strings for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)}


def code_lines(file: Path) -> set[int]:
    """The lines that hold code: not blank, not comment, not docstring."""
    text = file.read_text(encoding="utf-8")
    tokens = (
        token for token in tokenize.generate_tokens(io.StringIO(text).readline) if token.type not in NOT_CODE
    )
    lines = {line for token in tokens for line in range(token.start[0], token.end[0] + 1)}
    return lines - docstring_lines(parse(file))


def function_sizes(file: Path) -> Iterator[tuple[str, int]]:
    """Each function as path:name, with its number of code lines."""
    code = code_lines(file)
    for node in ast.walk(parse(file)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = range(node.lineno, (node.end_lineno or node.lineno) + 1)
            yield f"{name(file)}:{node.name}", len(code.intersection(lines))


def test_functions_fit_on_a_screen() -> None:
    sizes = {function: size for file in PYTHON for function, size in function_sizes(file)}
    assert {f: size for f, size in sizes.items() if size > FUNCTION_LINES} == {}


def always_blocks(file: Path) -> Iterator[tuple[str, int]]:
    """Each `always` block of a SystemVerilog file as path:line, with its number of lines; indentation tells its end."""
    lines = file.read_text(encoding="utf-8").splitlines()
    for start, line in enumerate(lines):
        opening = re.match(r"(\s*)always_\w+ .*begin\b", line)
        if opening:
            closing = re.compile(rf"{opening.group(1)}end\b")
            size = next(n for n, later in enumerate(lines[start:], 1) if closing.match(later))
            yield f"{name(file)}:{start + 1}", size


def test_always_blocks_fit_on_a_screen() -> None:
    sizes = {
        block: size
        for file in source_files(".sv")
        if not is_generated(file)
        for block, size in always_blocks(file)
    }
    assert {block: size for block, size in sizes.items() if size > FUNCTION_LINES} == {}


def test_files_are_a_few_screens() -> None:
    sizes = {
        name(file): file.read_text(encoding="utf-8").count("\n") for file in SOURCE if not is_generated(file)
    }
    assert {file for file, size in sizes.items() if size > FILE_LINES} == set(LONG_FILES)


def test_every_source_file_has_the_two_line_header() -> None:
    wanted = ("SPDX-FileCopyrightText: dirql contributors", "SPDX-License-Identifier: Apache-2.0")
    heads = {name(file): "\n".join(file.read_text(encoding="utf-8").splitlines()[:3]) for file in SOURCE}
    assert [file for file, head in heads.items() if not all(line in head for line in wanted)] == []


def comments(file: Path) -> Iterator[tuple[int, str]]:
    """The comments of a Python file; every line of any other."""
    text = file.read_text(encoding="utf-8")
    if file.suffix == ".py":
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.COMMENT:
                yield token.start[0], token.string
    else:
        yield from enumerate(text.splitlines(), 1)


SUPPRESSION = re.compile(
    r"#\s*(noqa|type:\s*ignore|pragma:|pylint:|mypy:|ruff:|nosec|fmt:\s*(off|skip))"
    r"|verilator\s+lint_off|#\s*pragma\s+GCC",
    re.IGNORECASE,
)


@pytest.mark.parametrize(
    "comment", ["# no" + "qa: E501", "# type: " + "ignore[misc]", "// verilator " + "lint_off WIDTH"]
)
def test_a_silenced_check_is_seen(comment: str) -> None:
    assert SUPPRESSION.search(comment)


def test_no_check_is_silenced_in_line() -> None:
    found = [
        f"{name(f)}:{line}: {text}" for f in SOURCE for line, text in comments(f) if SUPPRESSION.search(text)
    ]
    assert found == [], "exceptions live in the tool's configuration, with a reason"


# Written in pieces, so that this file does not find itself.
HOSTS = ("pypi" + ".org", "python" + "hosted", "deb." + "debian.org", "registry." + "npmjs")
FOREIGN = re.compile(r"(?<![\w.$}])/(" + "work|root|home|Users" + r")/\w|" + "|".join(map(re.escape, HOSTS)))


@pytest.mark.parametrize("text", ["in /" + "home/me/dirql", "see https://" + HOSTS[0] + "/project/x"])
def test_a_foreign_word_is_seen(text: str) -> None:
    assert FOREIGN.search(text)


def test_nothing_of_one_machine_or_registry_is_written_down() -> None:
    texts = {
        name(f): f.read_text(encoding="utf-8") for f in source_files() if f.as_posix().endswith(TEXT_SUFFIXES)
    }
    assert [
        (file, line) for file, text in texts.items() for line in text.splitlines() if FOREIGN.search(line)
    ] == []
