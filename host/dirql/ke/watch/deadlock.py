# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The error for a machine in which nothing goes on any more."""

from __future__ import annotations

__all__ = ["Deadlock"]


class Deadlock(BaseException):
    """Nothing goes on: threads wait for what does not come, or a driver waits for it in a loop.

    The first line of the message is the reason; the hang report follows. It is no `Exception`, because no driver may
    catch it.
    """
