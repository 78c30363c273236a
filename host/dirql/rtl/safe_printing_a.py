# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The safe string routines for characters of one byte: formatting.

The names with Cb count bytes, those with Cch characters. The names with Ex also return the address of the end of the
text and what is left there, and take STRSAFE_ flags.
"""

from __future__ import annotations

from typing import Final

from dirql.ke.processors.contract import contract
from dirql.rtl.safe_strings import (
    copy,
    copy_ex,
    formatted,
)
from dirql.rtl.strings import Characters

__all__ = [
    "cb_printf",
    "cb_printf_ex",
    "cb_vprintf",
    "cb_vprintf_ex",
    "cch_printf",
    "cch_printf_ex",
    "cch_vprintf",
    "cch_vprintf_ex",
]

_CB_PRINTF: Final = contract("RtlStringCbPrintfA")
_CB_PRINTF_EX: Final = contract("RtlStringCbPrintfExA")
_CB_VPRINTF: Final = contract("RtlStringCbVPrintfA")
_CB_VPRINTF_EX: Final = contract("RtlStringCbVPrintfExA")
_CCH_PRINTF: Final = contract("RtlStringCchPrintfA")
_CCH_PRINTF_EX: Final = contract("RtlStringCchPrintfExA")
_CCH_VPRINTF: Final = contract("RtlStringCchVPrintfA")
_CCH_VPRINTF_EX: Final = contract("RtlStringCchVPrintfExA")

_WIDTH: Final = 1


def cb_printf(psz_dest: int | None, cb_dest: int, psz_format: Characters, *arguments: object) -> int:
    """Put a formatted text into a buffer, and return a status; follows RtlStringCbPrintfA."""
    _CB_PRINTF.check_arguments(psz_dest, cb_dest, psz_format)
    return copy(psz_dest, cb_dest, formatted(_CB_PRINTF, psz_format, arguments, _WIDTH), _WIDTH)


def cb_printf_ex(
    psz_dest: int | None, cb_dest: int, dw_flags: int, psz_format: Characters, *arguments: object
) -> tuple[int, int | None, int | None]:
    """Put a formatted text into a buffer: (status, end, bytes left); follows RtlStringCbPrintfExA."""
    _CB_PRINTF_EX.check_arguments(psz_dest, cb_dest, dw_flags, psz_format)
    found = copy_ex(
        psz_dest, cb_dest, formatted(_CB_PRINTF_EX, psz_format, arguments, _WIDTH), _WIDTH, dw_flags
    )
    return found.status, found.end, found.left


def cb_vprintf(
    psz_dest: int | None, cb_dest: int, psz_format: Characters, arg_list: tuple[object, ...]
) -> int:
    """Put a formatted text into a buffer, and return a status; follows RtlStringCbVPrintfA."""
    _CB_VPRINTF.check_arguments(psz_dest, cb_dest, psz_format, arg_list)
    return copy(psz_dest, cb_dest, formatted(_CB_VPRINTF, psz_format, arg_list, _WIDTH), _WIDTH)


def cb_vprintf_ex(
    psz_dest: int | None, cb_dest: int, dw_flags: int, psz_format: Characters, arg_list: tuple[object, ...]
) -> tuple[int, int | None, int | None]:
    """Put a formatted text into a buffer: (status, end, bytes left); follows RtlStringCbVPrintfExA."""
    _CB_VPRINTF_EX.check_arguments(psz_dest, cb_dest, dw_flags, psz_format, arg_list)
    found = copy_ex(
        psz_dest, cb_dest, formatted(_CB_VPRINTF_EX, psz_format, arg_list, _WIDTH), _WIDTH, dw_flags
    )
    return found.status, found.end, found.left


def cch_printf(psz_dest: int | None, cch_dest: int, psz_format: Characters, *arguments: object) -> int:
    """Put a formatted text into a buffer, and return a status; follows RtlStringCchPrintfA."""
    _CCH_PRINTF.check_arguments(psz_dest, cch_dest, psz_format)
    return copy(psz_dest, cch_dest, formatted(_CCH_PRINTF, psz_format, arguments, _WIDTH), _WIDTH)


def cch_printf_ex(
    psz_dest: int | None, cch_dest: int, dw_flags: int, psz_format: Characters, *arguments: object
) -> tuple[int, int | None, int | None]:
    """Put a formatted text into a buffer: (status, end, characters left); follows RtlStringCchPrintfExA."""
    _CCH_PRINTF_EX.check_arguments(psz_dest, cch_dest, dw_flags, psz_format)
    found = copy_ex(
        psz_dest, cch_dest, formatted(_CCH_PRINTF_EX, psz_format, arguments, _WIDTH), _WIDTH, dw_flags
    )
    return found.status, found.end, found.left


def cch_vprintf(
    psz_dest: int | None, cch_dest: int, psz_format: Characters, arg_list: tuple[object, ...]
) -> int:
    """Put a formatted text into a buffer, and return a status; follows RtlStringCchVPrintfA."""
    _CCH_VPRINTF.check_arguments(psz_dest, cch_dest, psz_format, arg_list)
    return copy(psz_dest, cch_dest, formatted(_CCH_VPRINTF, psz_format, arg_list, _WIDTH), _WIDTH)


def cch_vprintf_ex(
    psz_dest: int | None, cch_dest: int, dw_flags: int, psz_format: Characters, arg_list: tuple[object, ...]
) -> tuple[int, int | None, int | None]:
    """Put a formatted text into a buffer: (status, end, characters left); follows RtlStringCchVPrintfExA."""
    _CCH_VPRINTF_EX.check_arguments(psz_dest, cch_dest, dw_flags, psz_format, arg_list)
    found = copy_ex(
        psz_dest, cch_dest, formatted(_CCH_VPRINTF_EX, psz_format, arg_list, _WIDTH), _WIDTH, dw_flags
    )
    return found.status, found.end, found.left
