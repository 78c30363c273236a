# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""PAGED_CODE, with which a driver says that the routine that calls it is pageable."""

from __future__ import annotations

from dirql.ke.bugcheck import bug_check
from dirql.ke.current import current
from dirql.ke.defects import report_defect
from dirql.ke.guard import verifies
from dirql.ke.origin import origin
from dirql.ke.processors.irql import irql_name
from dirql.nt.bugcodes import DRIVER_IRQL_NOT_LESS_OR_EQUAL, VERIFIER_FORCE_IRQL_CHECKING
from dirql.nt.constants import APC_LEVEL

__all__ = ["paged_code"]

_EXECUTE = 8


def paged_code() -> None:
    """State that the caller's code is pageable; follows PAGED_CODE.

    Above APC_LEVEL it is bug check 0xD1 with VERIFIER_FORCE_IRQL_CHECKING, which pages such code out. Without it, and
    while the driver has locked the section, NT does not stop if the code is in memory just then: it is a defect.
    """
    irql = current.processor.irql
    if irql <= APC_LEVEL:
        return
    place = origin()
    reason = (
        f"PAGED_CODE: pageable code must be called at or below APC_LEVEL; it was called at {irql_name(irql)}"
    )
    is_locked = place is not None and place.file in current.kernel.locked_code
    if not is_locked and verifies(VERIFIER_FORCE_IRQL_CHECKING):
        bug_check(DRIVER_IRQL_NOT_LESS_OR_EQUAL, place, irql, _EXECUTE, place, reason=reason)
    report_defect("IRQL-12", reason)
