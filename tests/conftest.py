# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Settings for all tests: Hypothesis draws the same examples in every run."""

from __future__ import annotations

from hypothesis import settings

# There is no deadline, because a busy computer is no failure. The seed is fixed, so that a run can be repeated.
settings.register_profile("dirql", deadline=None, derandomize=True)
settings.load_profile("dirql")
