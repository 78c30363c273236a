# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The reasons of routines that have returned a status of failure.

A driver passes such a status on, often to the end of its start. There it is only a number. The kernel therefore notes
the reason for the last failure with each status, and an error that ends with that status names it.
"""

from __future__ import annotations

from dirql.ke.current import current
from dirql.ke.origin import origin

__all__ = ["explain_status", "note_refusal"]


def note_refusal(status: int, sentence: str) -> None:
    """Note why a routine that a driver calls is about to return `status`."""
    if not current.is_running():
        return
    where = origin()
    driver = current.processor.driver
    owner = "" if driver is None else f" of {driver!r}"
    current.kernel.refused[status] = sentence if where is None else f"{sentence}; in {where}{owner}"


def explain_status(status: int) -> str:
    """The reason that was noted last for a status, behind a colon; "" if there was none."""
    reason = current.kernel.refused.get(status, "") if current.is_running() else ""
    return f": {reason}" if reason else ""
