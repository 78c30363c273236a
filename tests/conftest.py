# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Settings for all tests: Hypothesis draws the same examples in every run, and Ctrl-C is what it is in a terminal."""

from __future__ import annotations

import re
import signal

import pytest
from hypothesis import HealthCheck, settings

from compiled import COMPILED, REASONS

ADDRESS = re.compile(r" at 0x[0-9a-f]{10}")
"""The address of an object of Python in its representation."""

# Hypothesis has no deadline and does not judge slow examples, because a busy computer is no failure. The seed is fixed,
# so that a run can be repeated.
settings.register_profile(
    "dirql", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("dirql")

# A shell without a terminal lets commands in its background ignore SIGINT, and so would all that tests start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the short tests last, and leave out what only a plain kernel can show.

    The files of tests are shared among processes (`make test`). A file that takes minutes and begins last would leave
    all other processes without work; the files of tests/unit take a second or two.
    """
    # Two processes that have other names for the same tests share nothing.
    unstable = [item.nodeid for item in items if ADDRESS.search(item.nodeid)]
    if unstable:
        raise pytest.UsageError(
            f"the name of a test must not have an address of memory; it was {unstable[0]}"
        )
    # A stable sort: among the long files, and among the short ones, the order stays the shuffled one.
    items.sort(key=lambda item: item.nodeid.startswith("tests/unit/"))
    for item in items:
        mark = item.get_closest_marker("interpreted")
        if mark is not None:
            reason = REASONS[mark.args[0]]
            if COMPILED:
                item.add_marker(pytest.mark.skip(reason=reason))
