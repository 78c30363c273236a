# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""What all tests share: examples that Hypothesis draws are the same in every run."""

from __future__ import annotations

from hypothesis import settings

# No deadline: two busy cores are no failure. Examples from a fixed seed: a run can be repeated.
settings.register_profile("dirql", deadline=None, derandomize=True)
settings.load_profile("dirql")
