# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The version of the system: 10.0, build 19041, the first one with ExAllocatePool2."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mypy_extensions import mypyc_attr

from dirql.ke.processors.contract import contract
from dirql.nt.constants import (
    VER_AND,
    VER_BUILDNUMBER,
    VER_EQUAL,
    VER_GREATER,
    VER_GREATER_EQUAL,
    VER_LESS,
    VER_LESS_EQUAL,
    VER_MAJORVERSION,
    VER_MINORVERSION,
    VER_NT_WORKSTATION,
    VER_OR,
    VER_PLATFORM_WIN32_NT,
    VER_PLATFORMID,
    VER_PRODUCT_TYPE,
    VER_SERVICEPACKMAJOR,
    VER_SERVICEPACKMINOR,
    VER_SUITENAME,
)
from dirql.nt.status import STATUS_INVALID_PARAMETER, STATUS_REVISION_MISMATCH, STATUS_SUCCESS

__all__ = [
    "BUILD_NUMBER",
    "OsVersionInfo",
    "OsVersionInfoEx",
    "get_version",
    "is_nt_ddi_version_available",
    "is_service_pack_version_installed",
    "set_condition_mask",
    "verify_version_info",
]

_GET_VERSION: Final = contract("RtlGetVersion")
_VERIFY: Final = contract("RtlVerifyVersionInfo")
_SET_MASK: Final = contract("VerSetConditionMask")

_DDI_AVAILABLE: Final = contract("RtlIsNtDdiVersionAvailable")
_PACK_INSTALLED: Final = contract("RtlIsServicePackVersionInstalled")

_MAJOR: Final = 10
_MINOR: Final = 0
BUILD_NUMBER: Final = 19_041
_OWN_DDI: Final = _MAJOR << 24 | _MINOR << 16
_PACK_BITS: Final = 0xFFFF
_SIZE: Final = 0x114
_SIZE_EX: Final = 0x11C
_BITS: Final = 3
"""The bits of a condition mask for each kind of number."""
_SINGLE: Final = (VER_PRODUCT_TYPE, VER_PLATFORMID, VER_BUILDNUMBER)
_ORDERED: Final = (VER_MAJORVERSION, VER_MINORVERSION, VER_SERVICEPACKMAJOR, VER_SERVICEPACKMINOR)
"""The kinds of numbers of which a later one counts only if those before it are equal."""


@mypyc_attr(allow_interpreted_subclasses=True)
class OsVersionInfo:
    """The version of a system (RTL_OSVERSIONINFOW)."""

    __slots__ = (
        "dw_build_number",
        "dw_major_version",
        "dw_minor_version",
        "dw_os_version_info_size",
        "dw_platform_id",
        "sz_csd_version",
    )

    def __init__(self) -> None:
        """Make a version of zeros with the size of the structure."""
        self.dw_os_version_info_size = _SIZE
        self.dw_major_version = self.dw_minor_version = self.dw_build_number = self.dw_platform_id = 0
        self.sz_csd_version = ""


@mypyc_attr(allow_interpreted_subclasses=True)
class OsVersionInfoEx(OsVersionInfo):
    """A version with service pack, suites and product type (RTL_OSVERSIONINFOEXW)."""

    __slots__ = (
        "w_product_type",
        "w_reserved",
        "w_service_pack_major",
        "w_service_pack_minor",
        "w_suite_mask",
    )

    def __init__(self) -> None:
        """Make a version of zeros with the size of the structure."""
        super().__init__()
        self.dw_os_version_info_size = _SIZE_EX
        self.w_service_pack_major = self.w_service_pack_minor = self.w_suite_mask = 0
        self.w_product_type = self.w_reserved = 0


def get_version(version_information: OsVersionInfo) -> int:
    """Fill in the version of the system; follows RtlGetVersion. Returns STATUS_SUCCESS."""
    _GET_VERSION.check(version_information)
    version_information.dw_major_version = _MAJOR
    version_information.dw_minor_version = _MINOR
    version_information.dw_build_number = BUILD_NUMBER
    version_information.dw_platform_id = VER_PLATFORM_WIN32_NT
    version_information.sz_csd_version = ""
    if isinstance(version_information, OsVersionInfoEx):
        version_information.w_service_pack_major = version_information.w_service_pack_minor = 0
        version_information.w_suite_mask = version_information.w_reserved = 0
        version_information.w_product_type = VER_NT_WORKSTATION
    return STATUS_SUCCESS


def is_nt_ddi_version_available(version: int) -> bool:
    """Whether the system is of an NTDDI version or later; follows RtlIsNtDdiVersionAvailable.

    A version that names a service pack, in its lower half, is not available.
    """
    _DDI_AVAILABLE.check_level(version)
    _DDI_AVAILABLE.check_arguments(version)
    return not version & _PACK_BITS and version <= _OWN_DDI


def is_service_pack_version_installed(version: int) -> bool:
    """Whether the system is of an NTDDI version and has its service pack; follows RtlIsServicePackVersionInstalled.

    There are no service packs.
    """
    _PACK_INSTALLED.check_level(version)
    _PACK_INSTALLED.check_arguments(version)
    return version == _OWN_DDI


def verify_version_info(version_info: OsVersionInfoEx, type_mask: int, condition_mask: int) -> int:
    """Say whether the system's version meets conditions; follows RtlVerifyVersionInfo.

    Returns STATUS_SUCCESS, STATUS_REVISION_MISMATCH, or STATUS_INVALID_PARAMETER for a number without a condition.
    """
    _VERIFY.check(version_info)
    _VERIFY.check_arguments(version_info, type_mask, condition_mask)
    if not type_mask:
        return STATUS_INVALID_PARAMETER
    ours = OsVersionInfoEx()
    get_version(ours)
    results = list(_results(ours, version_info, type_mask, condition_mask))
    if None in results:
        return STATUS_INVALID_PARAMETER
    return STATUS_SUCCESS if all(results) else STATUS_REVISION_MISMATCH


def set_condition_mask(condition_mask: int, type_mask: int, condition: int) -> int:
    """The mask with a condition for each number of `type_mask` besides; follows VerSetConditionMask."""
    _SET_MASK.check_level(condition_mask)
    _SET_MASK.check_arguments(condition_mask, type_mask, condition)
    for number in range(VER_PRODUCT_TYPE.bit_length()):
        if type_mask >> number & 1:
            condition_mask |= (condition & 7) << _BITS * number
    return condition_mask


def _condition(kind: int, condition_mask: int) -> int:
    return condition_mask >> _BITS * (kind.bit_length() - 1) & 7


def _results(
    ours: OsVersionInfoEx, theirs: OsVersionInfoEx, types: int, conditions: int
) -> Iterator[bool | None]:
    """Whether each condition is met; None for one that is none."""
    for kind in _SINGLE:
        if types & kind:
            yield _compare(_number(ours, kind), _number(theirs, kind), _condition(kind, conditions))
    if types & VER_SUITENAME:
        wanted, condition = theirs.w_suite_mask, _condition(VER_SUITENAME, conditions)
        if condition == VER_AND:
            yield ours.w_suite_mask & wanted == wanted
        else:
            yield None if condition != VER_OR else bool(ours.w_suite_mask & wanted) or not wanted
    ordered = [kind for kind in _ORDERED if types & kind]
    for kind in ordered:
        one, other = _number(ours, kind), _number(theirs, kind)
        condition = _condition(kind, conditions)
        if one != other or kind == ordered[-1] or condition not in _KNOWN:
            yield _compare(one, other, condition)
            return


_KNOWN: Final = (VER_EQUAL, VER_GREATER, VER_GREATER_EQUAL, VER_LESS, VER_LESS_EQUAL)


def _compare(one: int, other: int, condition: int) -> bool | None:
    if condition == VER_EQUAL:
        return one == other
    if condition in (VER_GREATER, VER_GREATER_EQUAL):
        return one > other or (condition == VER_GREATER_EQUAL and one == other)
    if condition in (VER_LESS, VER_LESS_EQUAL):
        return one < other or (condition == VER_LESS_EQUAL and one == other)
    return None


def _number(version: OsVersionInfoEx, kind: int) -> int:
    return {
        VER_MAJORVERSION: version.dw_major_version,
        VER_MINORVERSION: version.dw_minor_version,
        VER_BUILDNUMBER: version.dw_build_number,
        VER_PLATFORMID: version.dw_platform_id,
        VER_SERVICEPACKMAJOR: version.w_service_pack_major,
        VER_SERVICEPACKMINOR: version.w_service_pack_minor,
        VER_PRODUCT_TYPE: version.w_product_type,
    }[kind]
