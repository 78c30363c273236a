# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The safe string routines for UTF-16: copying and appending.

The names with Cb count bytes, those with Cch characters. The names with Ex also return the address of the end of the
text and what is left there, and take STRSAFE_ flags.
"""

from __future__ import annotations

from typing import Final

from dirql.ke.processors.contract import contract
from dirql.nt.status import STATUS_INVALID_PARAMETER
from dirql.rtl.safe_strings import (
    MOST,
    cat,
    cat_ex,
    characters,
    copy,
    copy_ex,
    length,
)
from dirql.rtl.strings import Characters

__all__ = [
    "cb_cat",
    "cb_cat_ex",
    "cb_cat_n",
    "cb_cat_n_ex",
    "cb_copy",
    "cb_copy_ex",
    "cb_copy_n",
    "cb_copy_n_ex",
    "cb_length",
    "cch_cat",
    "cch_cat_ex",
    "cch_cat_n",
    "cch_cat_n_ex",
    "cch_copy",
    "cch_copy_ex",
    "cch_copy_n",
    "cch_copy_n_ex",
    "cch_length",
]

_CB_COPY: Final = contract("RtlStringCbCopyW")
_CB_COPY_EX: Final = contract("RtlStringCbCopyExW")
_CB_CAT: Final = contract("RtlStringCbCatW")
_CB_CAT_EX: Final = contract("RtlStringCbCatExW")
_CB_COPY_N: Final = contract("RtlStringCbCopyNW")
_CB_COPY_N_EX: Final = contract("RtlStringCbCopyNExW")
_CB_CAT_N: Final = contract("RtlStringCbCatNW")
_CB_CAT_N_EX: Final = contract("RtlStringCbCatNExW")
_CB_LENGTH: Final = contract("RtlStringCbLengthW")
_CCH_COPY: Final = contract("RtlStringCchCopyW")
_CCH_COPY_EX: Final = contract("RtlStringCchCopyExW")
_CCH_CAT: Final = contract("RtlStringCchCatW")
_CCH_CAT_EX: Final = contract("RtlStringCchCatExW")
_CCH_COPY_N: Final = contract("RtlStringCchCopyNW")
_CCH_COPY_N_EX: Final = contract("RtlStringCchCopyNExW")
_CCH_CAT_N: Final = contract("RtlStringCchCatNW")
_CCH_CAT_N_EX: Final = contract("RtlStringCchCatNExW")
_CCH_LENGTH: Final = contract("RtlStringCchLengthW")

_WIDTH: Final = 2


def cb_copy(psz_dest: int | None, cb_dest: int, psz_src: Characters) -> int:
    """Put a text into a buffer, and return a status; follows RtlStringCbCopyW."""
    _CB_COPY.check_arguments(psz_dest, cb_dest, psz_src)
    return copy(psz_dest, cb_dest // 2, characters(psz_src, _WIDTH), _WIDTH)


def cb_copy_ex(
    psz_dest: int | None, cb_dest: int, psz_src: Characters, dw_flags: int
) -> tuple[int, int | None, int | None]:
    """Put a text into a buffer: (status, end, bytes left); follows RtlStringCbCopyExW."""
    _CB_COPY_EX.check_arguments(psz_dest, cb_dest, psz_src, dw_flags)
    found = copy_ex(psz_dest, cb_dest // 2, characters(psz_src, _WIDTH), _WIDTH, dw_flags)
    return found.status, found.end, found.left if found.left is None else found.left * _WIDTH


def cb_cat(psz_dest: int | None, cb_dest: int, psz_src: Characters) -> int:
    """Append a text to that in a buffer, and return a status; follows RtlStringCbCatW."""
    _CB_CAT.check_arguments(psz_dest, cb_dest, psz_src)
    return cat(psz_dest, cb_dest // 2, characters(psz_src, _WIDTH), _WIDTH)


def cb_cat_ex(
    psz_dest: int | None, cb_dest: int, psz_src: Characters, dw_flags: int
) -> tuple[int, int | None, int | None]:
    """Append a text to that in a buffer: (status, end, bytes left); follows RtlStringCbCatExW."""
    _CB_CAT_EX.check_arguments(psz_dest, cb_dest, psz_src, dw_flags)
    found = cat_ex(psz_dest, cb_dest // 2, characters(psz_src, _WIDTH), _WIDTH, dw_flags)
    return found.status, found.end, found.left if found.left is None else found.left * _WIDTH


def cb_copy_n(psz_dest: int | None, cb_dest: int, psz_src: Characters, cb_to_copy: int) -> int:
    """Put the first part of a text into a buffer, and return a status; follows RtlStringCbCopyNW."""
    _CB_COPY_N.check_arguments(psz_dest, cb_dest, psz_src, cb_to_copy)
    if cb_to_copy // 2 > MOST:
        return STATUS_INVALID_PARAMETER
    return copy(psz_dest, cb_dest // 2, characters(psz_src, _WIDTH, cb_to_copy // 2), _WIDTH)


def cb_copy_n_ex(
    psz_dest: int | None, cb_dest: int, psz_src: Characters, cb_to_copy: int, dw_flags: int
) -> tuple[int, int | None, int | None]:
    """Put the first part of a text into a buffer: (status, end, bytes left); follows RtlStringCbCopyNExW."""
    _CB_COPY_N_EX.check_arguments(psz_dest, cb_dest, psz_src, cb_to_copy, dw_flags)
    if cb_to_copy // 2 > MOST:
        return STATUS_INVALID_PARAMETER, None, None
    found = copy_ex(psz_dest, cb_dest // 2, characters(psz_src, _WIDTH, cb_to_copy // 2), _WIDTH, dw_flags)
    return found.status, found.end, found.left if found.left is None else found.left * _WIDTH


def cb_cat_n(psz_dest: int | None, cb_dest: int, psz_src: Characters, cb_to_append: int) -> int:
    """Append the first part of a text to that in a buffer, and return a status; follows RtlStringCbCatNW."""
    _CB_CAT_N.check_arguments(psz_dest, cb_dest, psz_src, cb_to_append)
    if cb_to_append // 2 > MOST:
        return STATUS_INVALID_PARAMETER
    return cat(psz_dest, cb_dest // 2, characters(psz_src, _WIDTH, cb_to_append // 2), _WIDTH)


def cb_cat_n_ex(
    psz_dest: int | None, cb_dest: int, psz_src: Characters, cb_to_append: int, dw_flags: int
) -> tuple[int, int | None, int | None]:
    """Append the first part of a text to that in a buffer: (status, end, bytes left); follows RtlStringCbCatNExW."""
    _CB_CAT_N_EX.check_arguments(psz_dest, cb_dest, psz_src, cb_to_append, dw_flags)
    if cb_to_append // 2 > MOST:
        return STATUS_INVALID_PARAMETER, None, None
    found = cat_ex(psz_dest, cb_dest // 2, characters(psz_src, _WIDTH, cb_to_append // 2), _WIDTH, dw_flags)
    return found.status, found.end, found.left if found.left is None else found.left * _WIDTH


def cb_length(psz: int | None, cb_max: int) -> tuple[int, int | None]:
    """The bytes of a text before its NUL: (status, number); follows RtlStringCbLengthW."""
    _CB_LENGTH.check_arguments(psz, cb_max)
    status, size = length(psz, cb_max // 2, _WIDTH)
    return status, size if size is None else size * _WIDTH


def cch_copy(psz_dest: int | None, cch_dest: int, psz_src: Characters) -> int:
    """Put a text into a buffer, and return a status; follows RtlStringCchCopyW."""
    _CCH_COPY.check_arguments(psz_dest, cch_dest, psz_src)
    return copy(psz_dest, cch_dest, characters(psz_src, _WIDTH), _WIDTH)


def cch_copy_ex(
    psz_dest: int | None, cch_dest: int, psz_src: Characters, dw_flags: int
) -> tuple[int, int | None, int | None]:
    """Put a text into a buffer: (status, end, characters left); follows RtlStringCchCopyExW."""
    _CCH_COPY_EX.check_arguments(psz_dest, cch_dest, psz_src, dw_flags)
    found = copy_ex(psz_dest, cch_dest, characters(psz_src, _WIDTH), _WIDTH, dw_flags)
    return found.status, found.end, found.left


def cch_cat(psz_dest: int | None, cch_dest: int, psz_src: Characters) -> int:
    """Append a text to that in a buffer, and return a status; follows RtlStringCchCatW."""
    _CCH_CAT.check_arguments(psz_dest, cch_dest, psz_src)
    return cat(psz_dest, cch_dest, characters(psz_src, _WIDTH), _WIDTH)


def cch_cat_ex(
    psz_dest: int | None, cch_dest: int, psz_src: Characters, dw_flags: int
) -> tuple[int, int | None, int | None]:
    """Append a text to that in a buffer: (status, end, characters left); follows RtlStringCchCatExW."""
    _CCH_CAT_EX.check_arguments(psz_dest, cch_dest, psz_src, dw_flags)
    found = cat_ex(psz_dest, cch_dest, characters(psz_src, _WIDTH), _WIDTH, dw_flags)
    return found.status, found.end, found.left


def cch_copy_n(psz_dest: int | None, cch_dest: int, psz_src: Characters, cch_to_copy: int) -> int:
    """Put the first part of a text into a buffer, and return a status; follows RtlStringCchCopyNW."""
    _CCH_COPY_N.check_arguments(psz_dest, cch_dest, psz_src, cch_to_copy)
    if cch_to_copy > MOST:
        return STATUS_INVALID_PARAMETER
    return copy(psz_dest, cch_dest, characters(psz_src, _WIDTH, cch_to_copy), _WIDTH)


def cch_copy_n_ex(
    psz_dest: int | None, cch_dest: int, psz_src: Characters, cch_to_copy: int, dw_flags: int
) -> tuple[int, int | None, int | None]:
    """Put the first part of a text into a buffer: (status, end, characters left); follows RtlStringCchCopyNExW."""
    _CCH_COPY_N_EX.check_arguments(psz_dest, cch_dest, psz_src, cch_to_copy, dw_flags)
    if cch_to_copy > MOST:
        return STATUS_INVALID_PARAMETER, None, None
    found = copy_ex(psz_dest, cch_dest, characters(psz_src, _WIDTH, cch_to_copy), _WIDTH, dw_flags)
    return found.status, found.end, found.left


def cch_cat_n(psz_dest: int | None, cch_dest: int, psz_src: Characters, cch_to_append: int) -> int:
    """Append the first part of a text to that in a buffer, and return a status; follows RtlStringCchCatNW."""
    _CCH_CAT_N.check_arguments(psz_dest, cch_dest, psz_src, cch_to_append)
    if cch_to_append > MOST:
        return STATUS_INVALID_PARAMETER
    return cat(psz_dest, cch_dest, characters(psz_src, _WIDTH, cch_to_append), _WIDTH)


def cch_cat_n_ex(
    psz_dest: int | None, cch_dest: int, psz_src: Characters, cch_to_append: int, dw_flags: int
) -> tuple[int, int | None, int | None]:
    """Append the first part of a text: (status, end, characters left); follows RtlStringCchCatNExW."""
    _CCH_CAT_N_EX.check_arguments(psz_dest, cch_dest, psz_src, cch_to_append, dw_flags)
    if cch_to_append > MOST:
        return STATUS_INVALID_PARAMETER, None, None
    found = cat_ex(psz_dest, cch_dest, characters(psz_src, _WIDTH, cch_to_append), _WIDTH, dw_flags)
    return found.status, found.end, found.left


def cch_length(psz: int | None, cch_max: int) -> tuple[int, int | None]:
    """The characters of a text before its NUL: (status, number); follows RtlStringCchLengthW."""
    _CCH_LENGTH.check_arguments(psz, cch_max)
    status, size = length(psz, cch_max, _WIDTH)
    return status, size
