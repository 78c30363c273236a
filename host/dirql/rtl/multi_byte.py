# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Characters in memory that become those of another code page, counted in bytes: no string has a NUL or a descriptor.

Characters for which the destination has no room are left out; RtlUnicodeToOemN and RtlUpcaseUnicodeToOemN tell that by
a status.
"""

from __future__ import annotations

from typing import Final

from dirql.ke.processors.contract import KeptContract, contract
from dirql.nt.status import STATUS_BUFFER_OVERFLOW, STATUS_SUCCESS
from dirql.rtl.case import upcase_units
from dirql.rtl.code_page import ANSI, OEM, CodePage
from dirql.rtl.memory import read, write

__all__ = [
    "multi_byte_to_unicode_n",
    "multi_byte_to_unicode_size",
    "oem_to_unicode_n",
    "unicode_to_multi_byte_n",
    "unicode_to_multi_byte_size",
    "unicode_to_oem_n",
    "upcase_unicode_to_multi_byte_n",
    "upcase_unicode_to_oem_n",
]

_FROM_ANSI: Final = contract("RtlMultiByteToUnicodeN")
_FROM_ANSI_SIZE: Final = contract("RtlMultiByteToUnicodeSize")
_FROM_OEM: Final = contract("RtlOemToUnicodeN")
_TO_ANSI: Final = contract("RtlUnicodeToMultiByteN")
_TO_ANSI_SIZE: Final = contract("RtlUnicodeToMultiByteSize")
_TO_OEM: Final = contract("RtlUnicodeToOemN")
_UPCASE_TO_ANSI: Final = contract("RtlUpcaseUnicodeToMultiByteN")
_UPCASE_TO_OEM: Final = contract("RtlUpcaseUnicodeToOemN")


def multi_byte_to_unicode_n(
    unicode_string: int,
    max_bytes_in_unicode_string: int,
    multi_byte_string: int,
    bytes_in_multi_byte_string: int,
) -> tuple[int, int]:
    """Write ANSI characters as UTF-16 units: (STATUS_SUCCESS, bytes written); follows RtlMultiByteToUnicodeN."""
    _FROM_ANSI.check_level(unicode_string)
    arguments = (
        unicode_string,
        max_bytes_in_unicode_string,
        multi_byte_string,
        bytes_in_multi_byte_string,
    )
    return _to_unicode(_FROM_ANSI, ANSI, "MultiByteString", arguments)


def oem_to_unicode_n(
    unicode_string: int, max_bytes_in_unicode_string: int, oem_string: int, bytes_in_oem_string: int
) -> tuple[int, int]:
    """Write OEM characters as UTF-16 units: (STATUS_SUCCESS, bytes written); follows RtlOemToUnicodeN."""
    _FROM_OEM.check_level(unicode_string)
    arguments = (unicode_string, max_bytes_in_unicode_string, oem_string, bytes_in_oem_string)
    return _to_unicode(_FROM_OEM, OEM, "OemString", arguments)


def unicode_to_multi_byte_n(
    multi_byte_string: int,
    max_bytes_in_multi_byte_string: int,
    unicode_string: int,
    bytes_in_unicode_string: int,
) -> tuple[int, int]:
    """Write UTF-16 units as ANSI characters: (STATUS_SUCCESS, bytes written); follows RtlUnicodeToMultiByteN."""
    _TO_ANSI.check_level(multi_byte_string)
    arguments = (
        multi_byte_string,
        max_bytes_in_multi_byte_string,
        unicode_string,
        bytes_in_unicode_string,
    )
    _, written = _from_unicode(_TO_ANSI, ANSI, "MultiByteString", arguments, upcase=False)
    return STATUS_SUCCESS, written


def upcase_unicode_to_multi_byte_n(
    multi_byte_string: int,
    max_bytes_in_multi_byte_string: int,
    unicode_string: int,
    bytes_in_unicode_string: int,
) -> tuple[int, int]:
    """Do as `unicode_to_multi_byte_n` in upper case; follows RtlUpcaseUnicodeToMultiByteN."""
    _UPCASE_TO_ANSI.check_level(multi_byte_string)
    arguments = (
        multi_byte_string,
        max_bytes_in_multi_byte_string,
        unicode_string,
        bytes_in_unicode_string,
    )
    _, written = _from_unicode(_UPCASE_TO_ANSI, ANSI, "MultiByteString", arguments, upcase=True)
    return STATUS_SUCCESS, written


def unicode_to_oem_n(
    oem_string: int, max_bytes_in_oem_string: int, unicode_string: int, bytes_in_unicode_string: int
) -> tuple[int, int]:
    """Write UTF-16 units as OEM characters: (status, bytes written); follows RtlUnicodeToOemN.

    The status is STATUS_BUFFER_OVERFLOW where not all of them fit.
    """
    _TO_OEM.check_level(oem_string)
    arguments = (oem_string, max_bytes_in_oem_string, unicode_string, bytes_in_unicode_string)
    return _from_unicode(_TO_OEM, OEM, "OemString", arguments, upcase=False)


def upcase_unicode_to_oem_n(
    oem_string: int, max_bytes_in_oem_string: int, unicode_string: int, bytes_in_unicode_string: int
) -> tuple[int, int]:
    """Do as `unicode_to_oem_n` in upper case; follows RtlUpcaseUnicodeToOemN."""
    _UPCASE_TO_OEM.check_level(oem_string)
    arguments = (oem_string, max_bytes_in_oem_string, unicode_string, bytes_in_unicode_string)
    return _from_unicode(_UPCASE_TO_OEM, OEM, "OemString", arguments, upcase=True)


def multi_byte_to_unicode_size(multi_byte_string: int, bytes_in_multi_byte_string: int) -> tuple[int, int]:
    """The bytes that ANSI characters need as UTF-16 units, without a NUL; follows RtlMultiByteToUnicodeSize."""
    _FROM_ANSI_SIZE.check_level(multi_byte_string)
    _FROM_ANSI_SIZE.check_arguments(multi_byte_string, bytes_in_multi_byte_string)
    _check_address(_FROM_ANSI_SIZE, "MultiByteString", multi_byte_string)
    return STATUS_SUCCESS, 2 * bytes_in_multi_byte_string


def unicode_to_multi_byte_size(unicode_string: int, bytes_in_unicode_string: int) -> tuple[int, int]:
    """The bytes that UTF-16 units need as ANSI characters, without a NUL; follows RtlUnicodeToMultiByteSize."""
    _TO_ANSI_SIZE.check_level(unicode_string)
    _TO_ANSI_SIZE.check_arguments(unicode_string, bytes_in_unicode_string)
    _check_address(_TO_ANSI_SIZE, "UnicodeString", unicode_string)
    return STATUS_SUCCESS, bytes_in_unicode_string // 2


def _check_address(kept: KeptContract, name: str, address: object) -> None:
    if not isinstance(address, int):
        kept.refuse_argument(name, "an address, which is an integer", address)


def _to_unicode(
    kept: KeptContract, page: CodePage, source_name: str, arguments: tuple[int, int, int, int]
) -> tuple[int, int]:
    kept.check_arguments(*arguments)
    destination, room, source, length = arguments
    _check_address(kept, "UnicodeString", destination)
    _check_address(kept, source_name, source)
    text = page.to_unicode(read(source, min(length, room // 2)))
    write(destination, text)
    return STATUS_SUCCESS, len(text)


def _from_unicode(
    kept: KeptContract, page: CodePage, name: str, arguments: tuple[int, int, int, int], *, upcase: bool
) -> tuple[int, int]:
    kept.check_arguments(*arguments)
    destination, room, source, length = arguments
    _check_address(kept, name, destination)
    _check_address(kept, "UnicodeString", source)
    units = read(source, length & ~1)
    text = page.from_unicode(upcase_units(units) if upcase else units)
    write(destination, text[:room])
    return (STATUS_BUFFER_OVERFLOW if len(text) > room else STATUS_SUCCESS), min(room, len(text))
