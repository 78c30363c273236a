# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The Win32 codes of statuses."""

from __future__ import annotations

from typing import Final

from dirql.ke.processors.contract import contract
from dirql.nt.constants import ERROR_GEN_FAILURE, ERROR_SUCCESS
from dirql.nt.ntstatus import nt_success
from dirql.nt.win32 import WIN32_ERRORS

__all__ = ["dos_error", "nt_status_to_dos_error", "nt_status_to_dos_error_no_teb"]

_TO_DOS: Final = contract("RtlNtStatusToDosError")
_TO_DOS_NO_TEB: Final = contract("RtlNtStatusToDosErrorNoTeb")

_ULONG: Final = 0xFFFF_FFFF


def dos_error(status: int) -> int:
    """The Win32 code of an NTSTATUS.

    A success that has no code of its own is ERROR_SUCCESS. Any other status without one is ERROR_GEN_FAILURE here, and
    ERROR_MR_MID_NOT_FOUND on Windows.
    """
    return WIN32_ERRORS.get(status, ERROR_SUCCESS if nt_success(status) else ERROR_GEN_FAILURE)


def nt_status_to_dos_error(status: int) -> int:
    """The Win32 code that a program gets for a status; follows RtlNtStatusToDosError."""
    _TO_DOS.check_level(status)
    _TO_DOS.check_arguments(status)
    return dos_error(status & _ULONG)


def nt_status_to_dos_error_no_teb(status: int) -> int:
    """Do as `nt_status_to_dos_error`; follows RtlNtStatusToDosErrorNoTeb."""
    _TO_DOS_NO_TEB.check_level(status)
    _TO_DOS_NO_TEB.check_arguments(status)
    return dos_error(status & _ULONG)
