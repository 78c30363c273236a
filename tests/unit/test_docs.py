# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The documents: the target of every link and every named make target exist."""

from __future__ import annotations

import re

import pytest

from source_tree import ROOT, name, source_files

DOCUMENTS = list(source_files(".md"))
LINK = re.compile(r"\]\((?!https?:|#)([^)#\s]+)")


def test_links_within_the_project_lead_somewhere() -> None:
    broken = [
        (name(document), link)
        for document in DOCUMENTS
        for link in LINK.findall(document.read_text(encoding="utf-8"))
        if not (document.parent / link).exists()
    ]
    assert broken == []


NAMED = re.compile(r"`([\w./-]+)`")
FILE = re.compile(r"[\w./-]*\w\.(?:py|sv|h|cpp|md|toml|rdl|f|vlt)|[\w.-]+(?:/[\w.-]+)+")
FOLDERS = ("", "docs", "host/dirql")
# What the reader of a page makes: a folder beside the checkout, files in it, the environment of Python.
MADE = re.compile(r"\.\./my_driver.*|\.venv/.*|watch\.py|test_more\.py|hdl/functions/NAME")


def named(document: str, *, files: bool) -> set[str]:
    """The names between backticks in the text of a page of docs: those of files, or the others."""
    text = re.sub(
        r"^```.*?^```$",
        "",
        (ROOT / "docs" / document).read_text(encoding="utf-8"),
        flags=re.MULTILINE | re.DOTALL,
    )
    names = (name for name in NAMED.findall(text) if not MADE.fullmatch(name))
    return {name for name in names if bool(FILE.fullmatch(name)) is files}


@pytest.mark.parametrize("document", ["tour.md", "adding.md", "testing.md", "first-hour.md"])
def test_files_that_a_page_names_exist(document: str) -> None:
    everywhere = {file.name for file in source_files()}
    missing = [
        file
        for file in named(document, files=True)
        if not any((ROOT / folder / file).exists() for folder in FOLDERS)
        and ("/" in file.strip("/") or file not in everywhere)
    ]
    assert missing == []


@pytest.mark.parametrize("document", ["tour.md", "adding.md", "testing.md", "first-hour.md"])
def test_what_a_page_names_is_in_the_source(document: str) -> None:
    source = "\n".join(
        file.read_text(encoding="utf-8") for file in source_files(".py", ".sv", ".h", ".toml", "Makefile")
    )
    words = {name.rstrip("/").rsplit(".", 1)[-1] for name in named(document, files=False)}
    assert [word for word in sorted(words) if not re.search(rf"(?<!\w){re.escape(word)}", source)] == []


def test_named_make_targets_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = {
        target
        for document in DOCUMENTS
        for target in re.findall(
            r"(?:`|^ {4})make ([a-z-]+)", document.read_text(encoding="utf-8"), re.MULTILINE
        )
    }
    assert named <= targets


def test_every_make_target_has_its_sentence() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    public = [
        line
        for line in re.findall(r"^[a-z][a-z-]*:.*", makefile, re.MULTILINE)
        if not line.startswith("lint-")
    ]
    assert [line for line in public if "## " not in line] == []
