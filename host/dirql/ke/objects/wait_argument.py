# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The parameter Wait of routines that signal an object: TRUE says that a wait follows, which the level must allow."""

from __future__ import annotations

from dirql.ke.bugcheck import bug_check
from dirql.ke.current import current
from dirql.ke.guard import is_verified
from dirql.ke.processors.irql import irql_name
from dirql.nt.bugcodes import (
    DDI_IRQL_KE_DISPATCH_LTE,
    DDI_IRQL_KE_SET_EVENT,
    DRIVER_VERIFIER_DETECTED_VIOLATION,
)
from dirql.nt.constants import APC_LEVEL

__all__ = ["check_wait"]


def check_wait(routine: str) -> None:
    """Stop a verified driver that calls `routine` with Wait set to TRUE above APC_LEVEL (row EVT-09)."""
    irql = current.processor.irql
    if irql <= APC_LEVEL or not is_verified():
        return
    rule = DDI_IRQL_KE_SET_EVENT if routine.endswith("Event") else DDI_IRQL_KE_DISPATCH_LTE
    reason = (
        f"{routine} must be called at or below APC_LEVEL if Wait is TRUE; it was called at {irql_name(irql)}: pass"
        " FALSE, unless KeWaitForSingleObject or a like routine is the next call"
    )
    bug_check(DRIVER_VERIFIER_DETECTED_VIOLATION, rule, reason, 0, 0, reason=reason)
