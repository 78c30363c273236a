# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""examples/own_driver is what docs/first-hour.md builds. tests/machine/test_pages.py follows the page."""

from __future__ import annotations

from pathlib import Path

import pytest

from source_tree import name
from walkthrough import EXAMPLE, Source, blocks, final_files


def test_the_example_is_what_the_page_builds() -> None:
    files = final_files()
    assert set(files) == set(EXAMPLE.glob("*.py"))
    stale = [name(file) for file, text in files.items() if file.read_text(encoding="utf-8") != text]
    assert stale == [], "examples/own_driver must be what docs/first-hour.md builds; `make docs` writes it"


def test_code_goes_where_its_reader_puts_it() -> None:
    source = Source()
    source.add(
        '"""Doc."""\n\nimport a\n\nfrom b import c\n\nX = 1\nY = 2\n\n\ndef f():\n    pass\n\n\ndef g():\n    pass\n'
    )
    source.add("import d\n\nZ = 3\n\n\ndef f():\n    return 1\n\n\nclass H:\n    x = 1\n")
    assert source.text() == (
        '"""Doc."""\n\nimport a\n\nfrom b import c\nimport d\n\nX = 1\nY = 2\nZ = 3\n\n\n'
        "def f():\n    return 1\n\n\ndef g():\n    pass\n\n\nclass H:\n    x = 1\n"
    )


@pytest.mark.parametrize("block", ["```python\nx\n```", "<!-- prints -->\n```text\nx\n```", "```c\nx\n```"])
def test_a_block_without_a_mark_is_an_error(tmp_path: Path, block: str) -> None:
    (tmp_path / "page.md").write_text(f"Text.\n\n{block}\n", encoding="utf-8")
    with pytest.raises(ValueError, match="a block must have a mark"):
        blocks(tmp_path / "page.md")
