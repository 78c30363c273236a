# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The messages for typical mistakes of driver authors: driver, routine, file, line, rule and next step."""

from __future__ import annotations

import re

import pytest

from mistakes.book import DRIVER, Mistake, mistakes, outcome
from mistakes.page import PAGE, page


@pytest.mark.parametrize("mistake", mistakes(), ids=lambda mistake: mistake.title)
def test_a_mistake_is_told_with_its_place_its_rule_and_the_next_step(mistake: Mistake) -> None:
    message = outcome(mistake).message
    assert "<driver own_driver>" in message
    if mistake.routine:
        assert re.search(rf"\b{mistake.routine}[.<>\w]* \({re.escape(DRIVER.name)}:\d+\)", message), message
    assert mistake.rule in message
    assert mistake.step in message
    assert message.index(mistake.rule) < message.index(mistake.step)


def test_the_page_has_the_messages_of_today() -> None:
    assert PAGE.read_text(encoding="utf-8") == page()
