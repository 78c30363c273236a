# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Security descriptors in the memory of a driver: an owner, a group and two lists ([MS-DTYP], section 2.4.6)."""

from __future__ import annotations

from typing import Final

from dirql.ke.processors.contract import contract
from dirql.nt.status import (
    STATUS_INVALID_SECURITY_DESCR,
    STATUS_SUCCESS,
    STATUS_UNKNOWN_REVISION,
)
from dirql.rtl.memory import read, write
from dirql.se.acl_routines import is_valid_acl, read_acl
from dirql.se.layout import (
    ABSOLUTE,
    DACL_DEFAULTED,
    DACL_PRESENT,
    GROUP_DEFAULTED,
    OWNER_DEFAULTED,
    RELATIVE,
    SACL_DEFAULTED,
    SACL_PRESENT,
    SELF_RELATIVE,
    Layout,
    read_layout,
)
from dirql.se.sid_routines import is_valid, read_sid

__all__ = [
    "create_security_descriptor",
    "get_dacl_security_descriptor",
    "get_group_security_descriptor",
    "get_owner_security_descriptor",
    "get_sacl_security_descriptor",
    "length_security_descriptor",
    "se_valid_security_descriptor",
    "set_dacl_security_descriptor",
    "set_group_security_descriptor",
    "set_owner_security_descriptor",
    "set_sacl_security_descriptor",
    "valid_relative_security_descriptor",
    "valid_security_descriptor",
]

_CREATE: Final = contract("RtlCreateSecurityDescriptor")
_VALID: Final = contract("RtlValidSecurityDescriptor")
_VALID_RELATIVE: Final = contract("RtlValidRelativeSecurityDescriptor")
_SE_VALID: Final = contract("SeValidSecurityDescriptor")
_LENGTH: Final = contract("RtlLengthSecurityDescriptor")
_SET_DACL: Final = contract("RtlSetDaclSecurityDescriptor")
_GET_DACL: Final = contract("RtlGetDaclSecurityDescriptor")
_SET_SACL: Final = contract("RtlSetSaclSecurityDescriptor")
_GET_SACL: Final = contract("RtlGetSaclSecurityDescriptor")
_SET_OWNER: Final = contract("RtlSetOwnerSecurityDescriptor")
_GET_OWNER: Final = contract("RtlGetOwnerSecurityDescriptor")
_SET_GROUP: Final = contract("RtlSetGroupSecurityDescriptor")
_GET_GROUP: Final = contract("RtlGetGroupSecurityDescriptor")

_REVISION: Final = 1
_OWNER_INFORMATION: Final = 1
_GROUP_INFORMATION: Final = 2
_DACL_INFORMATION: Final = 4
_SACL_INFORMATION: Final = 8


def create_security_descriptor(security_descriptor: int, revision: int) -> int:
    """Make an absolute descriptor without parts; follows RtlCreateSecurityDescriptor.

    STATUS_UNKNOWN_REVISION for another revision than 1.
    """
    _CREATE.check_level(security_descriptor)
    _CREATE.check_arguments(security_descriptor, revision)
    if revision != _REVISION:
        return STATUS_UNKNOWN_REVISION
    write(security_descriptor, ABSOLUTE.pack(_REVISION, 0, 0, 0, 0, 0, 0))
    return STATUS_SUCCESS


def valid_security_descriptor(security_descriptor: int | None) -> bool:
    """Whether the revision and all parts are valid; follows RtlValidSecurityDescriptor."""
    _VALID.check_level(security_descriptor)
    _VALID.check_arguments(security_descriptor)
    return bool(security_descriptor) and _is_valid(read_layout(security_descriptor or 0))


def valid_relative_security_descriptor(
    security_descriptor_input: int, security_descriptor_length: int, required_information: int
) -> bool:
    """Whether a buffer holds a whole descriptor with the required parts; follows RtlValidRelativeSecurityDescriptor."""
    _VALID_RELATIVE.check_level(security_descriptor_input)
    _VALID_RELATIVE.check_arguments(
        security_descriptor_input, security_descriptor_length, required_information
    )
    return _is_valid_relative(security_descriptor_input, security_descriptor_length, required_information)


def se_valid_security_descriptor(length: int, security_descriptor: int) -> bool:
    """Whether a buffer holds a whole descriptor with an owner; follows SeValidSecurityDescriptor."""
    _SE_VALID.check_level(length)
    _SE_VALID.check_arguments(length, security_descriptor)
    return _is_valid_relative(security_descriptor, length, _OWNER_INFORMATION)


def length_security_descriptor(security_descriptor: int) -> int:
    """The size of a descriptor and all its parts; follows RtlLengthSecurityDescriptor."""
    _LENGTH.check_level(security_descriptor)
    _LENGTH.check_arguments(security_descriptor)
    layout = read_layout(security_descriptor)
    head = RELATIVE.size if layout.is_relative else ABSOLUTE.size
    sizes = [len(read_sid(part)) for part in (layout.owner, layout.group) if part]
    sizes += [len(read_acl(part)) for part in (layout.sacl, layout.dacl) if part]
    return head + sum(size + 3 & ~3 for size in sizes)


def set_dacl_security_descriptor(
    security_descriptor: int, dacl_present: int, dacl: int | None, dacl_defaulted: int
) -> int:
    """Give a descriptor the list of who has access, or none; follows RtlSetDaclSecurityDescriptor.

    With NULL for a list that is present everybody has every access. STATUS_UNKNOWN_REVISION, and
    STATUS_INVALID_SECURITY_DESCR for a self-relative descriptor.
    """
    _SET_DACL.check_level(security_descriptor)
    _SET_DACL.check_arguments(security_descriptor, dacl_present, dacl, dacl_defaulted)
    return _set_list(security_descriptor, "dacl", dacl_present, dacl, dacl_defaulted)


def get_dacl_security_descriptor(security_descriptor: int) -> tuple[int, bool, int | None, bool]:
    """(status, whether there is a list, its address, whether it is a default); follows RtlGetDaclSecurityDescriptor."""
    _GET_DACL.check_level(security_descriptor)
    _GET_DACL.check_arguments(security_descriptor)
    layout = read_layout(security_descriptor)
    return _list(layout, layout.dacl, DACL_PRESENT, DACL_DEFAULTED)


def set_sacl_security_descriptor(
    security_descriptor: int, sacl_present: int, sacl: int | None, sacl_defaulted: int
) -> int:
    """Give a descriptor the list of what is audited, or none; follows RtlSetSaclSecurityDescriptor."""
    _SET_SACL.check_level(security_descriptor)
    _SET_SACL.check_arguments(security_descriptor, sacl_present, sacl, sacl_defaulted)
    return _set_list(security_descriptor, "sacl", sacl_present, sacl, sacl_defaulted)


def get_sacl_security_descriptor(security_descriptor: int) -> tuple[int, bool, int | None, bool]:
    """(status, whether there is a list, its address, whether it is a default); follows RtlGetSaclSecurityDescriptor."""
    _GET_SACL.check_level(security_descriptor)
    _GET_SACL.check_arguments(security_descriptor)
    layout = read_layout(security_descriptor)
    return _list(layout, layout.sacl, SACL_PRESENT, SACL_DEFAULTED)


def set_owner_security_descriptor(security_descriptor: int, owner: int | None, owner_defaulted: int) -> int:
    """Give a descriptor its owner; follows RtlSetOwnerSecurityDescriptor. Statuses as of the list."""
    _SET_OWNER.check_level(security_descriptor)
    _SET_OWNER.check_arguments(security_descriptor, owner, owner_defaulted)
    return _change(
        security_descriptor, "owner", owner, OWNER_DEFAULTED, OWNER_DEFAULTED * bool(owner_defaulted)
    )


def get_owner_security_descriptor(security_descriptor: int) -> tuple[int, int | None, bool]:
    """(status, the address of the owner, whether it is a default); follows RtlGetOwnerSecurityDescriptor."""
    _GET_OWNER.check_level(security_descriptor)
    _GET_OWNER.check_arguments(security_descriptor)
    layout = read_layout(security_descriptor)
    return _sid(layout, layout.owner, OWNER_DEFAULTED)


def set_group_security_descriptor(security_descriptor: int, group: int | None, group_defaulted: int) -> int:
    """Give a descriptor its group; follows RtlSetGroupSecurityDescriptor. Statuses as of the list."""
    _SET_GROUP.check_level(security_descriptor)
    _SET_GROUP.check_arguments(security_descriptor, group, group_defaulted)
    return _change(
        security_descriptor, "group", group, GROUP_DEFAULTED, GROUP_DEFAULTED * bool(group_defaulted)
    )


def get_group_security_descriptor(security_descriptor: int) -> tuple[int, int | None, bool]:
    """(status, the address of the group, whether it is a default); follows RtlGetGroupSecurityDescriptor."""
    _GET_GROUP.check_level(security_descriptor)
    _GET_GROUP.check_arguments(security_descriptor)
    layout = read_layout(security_descriptor)
    return _sid(layout, layout.group, GROUP_DEFAULTED)


def _set_list(address: int, name: str, present: int, contents: int | None, defaulted: int) -> int:
    present_bit, default_bit = {
        "dacl": (DACL_PRESENT, DACL_DEFAULTED),
        "sacl": (SACL_PRESENT, SACL_DEFAULTED),
    }[name]
    bits = present_bit | default_bit * bool(defaulted) if present else 0
    return _change(address, name, contents if present else None, present_bit | default_bit, bits)


def _change(address: int, name: str, part: int | None, cleared: int, control: int) -> int:
    """Put a part into an absolute descriptor, and bits in the place of others."""
    layout = read_layout(address)
    if layout.revision != _REVISION:
        return STATUS_UNKNOWN_REVISION
    if layout.is_relative:
        return STATUS_INVALID_SECURITY_DESCR
    parts = {"owner": layout.owner, "group": layout.group, "sacl": layout.sacl, "dacl": layout.dacl}
    parts[name] = part
    bits = layout.control & ~cleared | control
    write(address, ABSOLUTE.pack(_REVISION, 0, bits, *(each or 0 for each in parts.values())))
    return STATUS_SUCCESS


def _sid(layout: Layout, sid: int | None, default_bit: int) -> tuple[int, int | None, bool]:
    if layout.revision != _REVISION:
        return STATUS_UNKNOWN_REVISION, None, False
    return STATUS_SUCCESS, sid, bool(layout.control & default_bit)


def _list(
    layout: Layout, contents: int | None, present_bit: int, default_bit: int
) -> tuple[int, bool, int | None, bool]:
    if layout.revision != _REVISION:
        return STATUS_UNKNOWN_REVISION, False, None, False
    if not layout.control & present_bit:
        return STATUS_SUCCESS, False, None, False
    return STATUS_SUCCESS, True, contents, bool(layout.control & default_bit)


def _is_valid(layout: Layout) -> bool:
    return (
        layout.revision == _REVISION
        and all(is_valid(part) for part in (layout.owner, layout.group) if part)
        and all(is_valid_acl(part) for part in (layout.sacl, layout.dacl) if part)
    )


def _is_valid_relative(address: int, length: int, required: int) -> bool:
    """Whether a self-relative descriptor with the required parts fills no more than `length` bytes."""
    # The other form is longer: it may end behind the buffer, and is not looked at.
    if length < RELATIVE.size or not int.from_bytes(read(address + 2, 2), "little") & SELF_RELATIVE:
        return False
    layout = read_layout(address)
    has = (
        (_OWNER_INFORMATION, layout.owner),
        (_GROUP_INFORMATION, layout.group),
        (_DACL_INFORMATION, layout.control & DACL_PRESENT),
        (_SACL_INFORMATION, layout.control & SACL_PRESENT),
    )
    if any(required & bit and not part for bit, part in has):
        return False
    sids = [(part, 8, read_sid) for part in (layout.owner, layout.group) if part]
    lists = [(part, 8, read_acl) for part in (layout.sacl, layout.dacl) if part]
    end = address + length
    for part, head, contents in [*sids, *lists]:
        if part + head > end or part % 4 or part + len(contents(part)) > end:
            return False
    return _is_valid(layout)
