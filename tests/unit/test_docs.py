# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The documents: every link leads somewhere, every make target that is named exists."""

from __future__ import annotations

import re

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
