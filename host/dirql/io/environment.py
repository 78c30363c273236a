# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Facts about the system and about the program that has made a request."""

from __future__ import annotations

from typing import Final

from dirql.io.objects import Irp
from dirql.ke.processors.contract import contract

__all__ = ["is_32bit_process", "is_wdm_version_available"]

_IS_32BIT: Final = contract("IoIs32bitProcess")
_IS_VERSION: Final = contract("IoIsWdmVersionAvailable")

_WDM_VERSION: Final = (6, 0)
"""The version of the driver model since Windows Vista."""


def is_32bit_process(irp: Irp | None) -> bool:
    """Whether the program behind a request has 32-bit pointers; follows IoIs32bitProcess.

    All programs here have pointers of 64 bits.
    """
    _IS_32BIT.check(irp)
    return False


def is_wdm_version_available(major_version: int, minor_version: int) -> bool:
    """Whether the system has a version of the driver model; it is 6.0; follows IoIsWdmVersionAvailable."""
    _IS_VERSION.check_level(major_version)
    _IS_VERSION.check_arguments(major_version, minor_version)
    return (major_version, minor_version) <= _WDM_VERSION
