# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Objects that are used before the routine was called that initializes them."""

from __future__ import annotations

from typing import Final, NoReturn

from dirql.ke.bugcheck import refuse_list

__all__ = ["BLANK", "refuse_blank"]

BLANK: Final = -1
"""The type in the header of an object that was not initialized; NT's numbers for the kinds begin with 0."""


def refuse_blank(found: object, routine: str, initializer: str) -> NoReturn:
    """Stop with bug check 0x139/3: on NT the list head in such an object holds zeros, which is a corrupt list."""
    reason = (
        f"{routine}: the object must be initialized by {initializer} before its use; {found!r} was not: call"
        f" {initializer} where the driver makes it"
    )
    refuse_list(reason)
