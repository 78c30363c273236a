# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Copies of descriptors from one form into the other."""

from __future__ import annotations

from typing import Final

from dirql.ke.processors.contract import contract
from dirql.nt.status import STATUS_BAD_DESCRIPTOR_FORMAT, STATUS_BUFFER_TOO_SMALL, STATUS_SUCCESS
from dirql.rtl.memory import read, write
from dirql.se.acl_routines import read_acl
from dirql.se.layout import ABSOLUTE, SELF_RELATIVE, Layout, read_layout, relative_bytes
from dirql.se.sid_routines import read_sid

__all__ = ["absolute_to_self_relative_sd", "self_relative_to_absolute_sd"]

_TO_RELATIVE: Final = contract("RtlAbsoluteToSelfRelativeSD")
_TO_ABSOLUTE: Final = contract("RtlSelfRelativeToAbsoluteSD")


def absolute_to_self_relative_sd(
    absolute_security_descriptor: int, self_relative_security_descriptor: int | None, buffer_length: int
) -> int:
    """Copy a descriptor and all its parts into one buffer; follows RtlAbsoluteToSelfRelativeSD.

    `buffer_length` is the address of the size of the buffer. STATUS_BUFFER_TOO_SMALL if it is too small, and the size
    that is needed is there; STATUS_BAD_DESCRIPTOR_FORMAT for a descriptor that is self-relative already.
    """
    _TO_RELATIVE.check_level(absolute_security_descriptor)
    _TO_RELATIVE.check_arguments(
        absolute_security_descriptor, self_relative_security_descriptor, buffer_length
    )
    layout = read_layout(absolute_security_descriptor)
    if layout.is_relative:
        return STATUS_BAD_DESCRIPTOR_FORMAT
    owner, group, sacl, dacl = _parts(layout)
    contents = relative_bytes(layout.control, owner, group, sacl, dacl)
    if _read_size(buffer_length) < len(contents) or self_relative_security_descriptor is None:
        _write_size(buffer_length, len(contents))
        return STATUS_BUFFER_TOO_SMALL
    write(self_relative_security_descriptor, contents)
    return STATUS_SUCCESS


def self_relative_to_absolute_sd(
    self_relative_security_descriptor: int,
    absolute_security_descriptor: int | None,
    absolute_security_descriptor_size: int,
    dacl: int | None,
    dacl_size: int,
    sacl: int | None,
    sacl_size: int,
    owner: int | None,
    owner_size: int,
    primary_group: int | None,
    primary_group_size: int,
) -> int:
    """Copy a descriptor and its parts into a buffer each; follows RtlSelfRelativeToAbsoluteSD.

    The sizes are addresses of ULONGs. STATUS_BUFFER_TOO_SMALL if one is too small, and then all have what is needed;
    STATUS_BAD_DESCRIPTOR_FORMAT for a descriptor that is not self-relative.
    """
    _TO_ABSOLUTE.check_level(self_relative_security_descriptor)
    _TO_ABSOLUTE.check_arguments(
        self_relative_security_descriptor,
        absolute_security_descriptor,
        absolute_security_descriptor_size,
        dacl,
        dacl_size,
        sacl,
        sacl_size,
        owner,
        owner_size,
        primary_group,
        primary_group_size,
    )
    layout = read_layout(self_relative_security_descriptor)
    if not layout.is_relative:
        return STATUS_BAD_DESCRIPTOR_FORMAT
    places = (owner, primary_group, sacl, dacl)
    parts = _parts(layout)
    addresses = [place if part else 0 for place, part in zip(places, parts, strict=True)]
    head = ABSOLUTE.pack(1, 0, layout.control & ~SELF_RELATIVE, *(each or 0 for each in addresses))
    targets = [
        (absolute_security_descriptor, absolute_security_descriptor_size, head),
        *zip(
            places,
            (owner_size, primary_group_size, sacl_size, dacl_size),
            (p or b"" for p in parts),
            strict=True,
        ),
    ]
    if any(_read_size(size) < len(contents) for _, size, contents in targets):
        for _, size, contents in targets:
            _write_size(size, len(contents))
        return STATUS_BUFFER_TOO_SMALL
    for place, _, contents in targets:
        if contents:
            write(place, contents)
    return STATUS_SUCCESS


def _parts(layout: Layout) -> tuple[bytes | None, bytes | None, bytes | None, bytes | None]:
    """The contents of owner, group, SACL and DACL."""
    return (
        None if layout.owner is None else read_sid(layout.owner),
        None if layout.group is None else read_sid(layout.group),
        None if layout.sacl is None else read_acl(layout.sacl),
        None if layout.dacl is None else read_acl(layout.dacl),
    )


def _read_size(address: int) -> int:
    return int.from_bytes(read(address, 4), "little")


def _write_size(address: int, size: int) -> None:
    write(address, size.to_bytes(4, "little"))
