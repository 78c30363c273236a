# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Members of structures refuse a value that they cannot have, where it is set.

In C the compiler does this. Here a wrong value would come to light later, in a routine of the kernel that uses it.
"""

from __future__ import annotations

from typing import Final, NoReturn

from dirql.mm.mdl import Mdl
from dirql.nt.constants import IRP_MJ_MAXIMUM_FUNCTION

__all__ = [
    "LARGEST_STACK",
    "check_integer",
    "check_major_function",
    "check_mdl",
    "check_number",
    "check_stack_size",
    "check_table",
]

LARGEST_STACK: Final = 127
"""The most stack locations of an IRP; StackCount is a signed byte."""


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


def check_pointer(owner: object, name: str, value: object, kind: type, what: str) -> None:
    """Refuse what is neither an object of the class `kind`, which `what` names, nor None."""
    if value is not None and not isinstance(value, kind):
        _refuse(name, owner, f"{what}, or None", value, "None stands for NULL")


def check_number(device: object, name: str, value: object) -> None:
    """Refuse what is no ULONG for a member of a device object."""
    if not isinstance(value, int) or not 0 <= value < 1 << 32:
        step = f"set and clear bits with device.{name} |= …, and device.{name} &= ~…"
        _refuse(name, device, "a number of 32 bits (ULONG)", value, step)


def check_stack_size(device: object, value: object) -> None:
    """Refuse a `stack_size` with which no packet can be made."""
    if not isinstance(value, int) or not 1 <= value <= LARGEST_STACK:
        what = f"the number of stack locations for an IRP, 1 to {LARGEST_STACK}"
        step = "IoAttachDeviceToDeviceStack sets it, to one more than that of the device below"
        _refuse("stack_size", device, what, value, step)


def check_table(driver: object, value: object) -> None:
    """Refuse a `major_function` that is no list with a dispatch routine for each major function."""
    count = IRP_MJ_MAXIMUM_FUNCTION + 1
    if not isinstance(value, list) or len(value) != count:
        what = f"the list of {count} dispatch routines that it was"
        step = "write driver_object.major_function[IRP_MJ_READ] = Read"
        _refuse("major_function", driver, what, value, step)
