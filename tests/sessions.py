# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The command that starts a session of pytest inside a test."""

from __future__ import annotations

import sys

__all__ = ["SESSION"]

SESSION = (sys.executable, "-m", "pytest", "-q", "-p", "no:hypothesispytest")
"""The first words of the command.

The tests in such a session do not use Hypothesis, whose plugin takes half of the time of a short one.
"""
