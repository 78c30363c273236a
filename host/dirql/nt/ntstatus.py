# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""NTSTATUS: the type of a status, the names of statuses, and tests of their severity.

A status has 32 bits. The two highest are its severity: success, informational, warning, error. C sees the number as
signed and Python sees it as unsigned; `NTSTATUS` makes one value of both, so that neither passes for a success.
"""

from __future__ import annotations

from typing import ClassVar, NoReturn, Self

__all__ = [
    "NTSTATUS",
    "StatusException",
    "nt_error",
    "nt_information",
    "nt_success",
    "nt_warning",
    "raise_status",
    "status_name",
]

_LOWEST_SIGNED = -0x8000_0000
_MASK = 0xFFFF_FFFF


class NTSTATUS(int):
    """A status as an unsigned number of 32 bits; `repr` gives the WDK name of the value."""

    __slots__ = ()

    _names: ClassVar[dict[int, str]] = {}

    def __new__(cls, value: int) -> Self:
        """Make a status of an unsigned number of 32 bits, or of the negative number that C has for it.

        Raises `TypeError` for anything but an integer, and `ValueError` for an integer that needs more than 32 bits.
        """
        if not isinstance(value, int):
            raise TypeError(
                f"an NTSTATUS must be an integer such as STATUS_SUCCESS; it was {value!r}: return or set a status"
            )
        if not _LOWEST_SIGNED <= value <= _MASK:
            raise ValueError(f"an NTSTATUS must fit into 32 bits; it was {value:#x}: use a STATUS_ constant")
        return super().__new__(cls, value & _MASK)

    @classmethod
    def named(cls, value: int, name: str) -> NTSTATUS:
        """Make a status and give its value a name; the first name that a value gets is the one that is shown."""
        cls._names.setdefault(value, name)
        return cls(value)

    @property
    def name(self) -> str:
        """The WDK's name, or the value in hexadecimal for a status that the description lacks."""
        return self._names.get(int(self)) or f"{int(self):#010x}"

    def __repr__(self) -> str:
        return self.name


class StatusException(Exception):
    """The exception that `ExRaiseStatus` raises: it carries a status up to the routine that turns it into a result."""

    def __init__(self, status: int) -> None:
        """`status` is the status that the caller of that routine sees."""
        self.status = NTSTATUS(status)
        super().__init__(self.status.name)


def raise_status(status: int) -> NoReturn:
    """Raise `status` as an exception; follows ExRaiseStatus."""
    raise StatusException(_checked("ExRaiseStatus", status))


def status_name(status: int) -> str:
    """The WDK's name of a status, or its value in hexadecimal if it has none here."""
    return _checked("RtlStatusName", status).name


def nt_success(status: int) -> bool:
    """Whether the severity is success or informational; follows NT_SUCCESS.

    False for an integer that is no status. Raises `TypeError` for anything else, such as a pair of status and value.
    """
    try:
        return 0 <= status < 0x8000_0000
    except TypeError:
        return nt_success(_checked("NT_SUCCESS", status))


def nt_information(status: int) -> bool:
    """Whether the severity is informational; follows NT_INFORMATION."""
    return _checked("NT_INFORMATION", status) >> 30 == 1


def nt_warning(status: int) -> bool:
    """Whether the severity is warning; follows NT_WARNING."""
    return _checked("NT_WARNING", status) >> 30 == 2


def nt_error(status: int) -> bool:
    """Whether the severity is error; follows NT_ERROR."""
    # Every request asks this. A status that is an NTSTATUS already saves making one: 0.4 µs each (bench/io_paths.py, "a
    # read" asks twice).
    return (status if type(status) is NTSTATUS else _checked("NT_ERROR", status)) >> 30 == 3


def _checked(routine: str, status: int) -> NTSTATUS:
    """The argument of a routine as an NTSTATUS; the error for one that is none names the routine."""
    try:
        return NTSTATUS(status)
    except (TypeError, ValueError) as error:
        raise type(error)(f"{routine}: Status: {error}") from None
