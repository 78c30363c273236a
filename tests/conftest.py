# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Settings for all tests: Hypothesis draws the same examples in every run."""

from __future__ import annotations

import pytest
from hypothesis import settings

from compiled import COMPILED, REASONS

# There is no deadline, because a busy computer is no failure. The seed is fixed, so that a run can be repeated.
settings.register_profile("dirql", deadline=None, derandomize=True)
settings.load_profile("dirql")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out what only a plain kernel can show."""
    for item in items:
        mark = item.get_closest_marker("interpreted")
        if mark is not None:
            reason = REASONS[mark.args[0]]
            if COMPILED:
                item.add_marker(pytest.mark.skip(reason=reason))
