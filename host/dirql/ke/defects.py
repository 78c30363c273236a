# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Mistakes of drivers that NT lets pass, so that no bug check may stop the kernel for them."""

from __future__ import annotations

from dirql.ke.current import current
from dirql.ke.origin import Origin, origin

__all__ = ["report_defect"]


def report_defect(row: str, sentence: str, place: Origin | None = None) -> None:
    """Tell the subscriber of `Hooks.defect_found`, if there is one, of a mistake.

    `row` is the rule in docs/rules that was broken. `sentence` says what must be, what was, and what to do; the place
    in the driver is added to it, which is `place`, or where the driver has called the kernel.
    """
    hook = current.kernel.hooks.defect_found
    if hook is None:
        return
    where = origin() if place is None else place
    driver = current.processor.driver
    owner = "" if driver is None else f" of {driver!r}"
    hook(row, sentence if where is None else f"{sentence}; in {where}{owner}")
