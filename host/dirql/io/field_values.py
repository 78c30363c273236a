# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Members of packets and of stack locations refuse a value that they cannot have, where it is set.

In C the compiler does this. Here a wrong value would come to light later, in a routine of the kernel that uses it.
"""

from __future__ import annotations

from typing import NoReturn

from dirql.mm.mdl import Mdl
from dirql.nt.constants import IRP_MJ_MAXIMUM_FUNCTION

__all__ = ["check_integer", "check_major_function", "check_mdl"]


def _refuse(name: str, owner: object, what: str, value: object, step: str) -> NoReturn:
    text = f"{name} of {owner!r} must be {what}; it was {value!r}: {step}"
    kind = ValueError if isinstance(value, int) else TypeError
    raise kind(text)


def check_integer(owner: object, name: str, value: object, kind: str, bits: int) -> None:
    """Refuse what is no integer of the type `kind`, signed or not, with the given number of bits."""
    if not isinstance(value, int) or not -1 << (bits - 1) <= value < 1 << bits:
        step = "len(…) gives the number of bytes" if isinstance(value, bytes) else "set an integer"
        _refuse(name, owner, f"an integer of {bits} bits ({kind})", value, step)


def check_mdl(owner: object, value: object) -> None:
    """Refuse an `mdl_address` that is neither an MDL nor None."""
    if value is not None and not isinstance(value, Mdl):
        _refuse("mdl_address", owner, "an MDL, or None", value, "IoAllocateMdl makes one of an address")


def check_major_function(device: object, major: object) -> None:
    """Refuse a request for `device` whose major function has no place in the table of a driver."""
    if not isinstance(major, int) or not 0 <= major <= IRP_MJ_MAXIMUM_FUNCTION:
        what = f"0 … {IRP_MJ_MAXIMUM_FUNCTION:#x} (UCHAR)"
        step = "set it in the location of IoGetNextIrpStackLocation, with a constant such as IRP_MJ_READ"
        _refuse("major_function of the IO_STACK_LOCATION for IoCallDriver", device, what, major, step)
