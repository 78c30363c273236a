# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The two forms of a descriptor in memory: with pointers to its parts, and with places behind its beginning."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from dirql.rtl.memory import read
from dirql.se.acl import acl_bytes, acl_entries
from dirql.se.acl_routines import read_acl
from dirql.se.descriptor import Descriptor
from dirql.se.sid_routines import read_sid

__all__ = [
    "ABSOLUTE",
    "DACL_DEFAULTED",
    "DACL_PRESENT",
    "GROUP_DEFAULTED",
    "OWNER_DEFAULTED",
    "RELATIVE",
    "SACL_DEFAULTED",
    "SACL_PRESENT",
    "SELF_RELATIVE",
    "Layout",
    "descriptor_bytes",
    "descriptor_of",
    "read_layout",
    "relative_bytes",
]

OWNER_DEFAULTED: Final = 0x1
GROUP_DEFAULTED: Final = 0x2
DACL_PRESENT: Final = 0x4
DACL_DEFAULTED: Final = 0x8
SACL_PRESENT: Final = 0x10
SACL_DEFAULTED: Final = 0x20
SELF_RELATIVE: Final = 0x8000
"""The bits of SECURITY_DESCRIPTOR_CONTROL."""
ABSOLUTE: Final = struct.Struct("<BBH4xQQQQ")
"""SECURITY_DESCRIPTOR: revision, a zero, bits, and the addresses of owner, group, SACL and DACL."""
RELATIVE: Final = struct.Struct("<BBHIIII")
"""SECURITY_DESCRIPTOR_RELATIVE: the same with places."""


@dataclass(frozen=True, slots=True)
class Layout:
    """A descriptor in memory: its bits, and the addresses of its parts, None for one that is not there."""

    revision: int
    control: int
    owner: int | None
    group: int | None
    sacl: int | None
    dacl: int | None

    @property
    def is_relative(self) -> bool:
        """Whether the descriptor holds its own parts."""
        return bool(self.control & SELF_RELATIVE)


def read_layout(address: int) -> Layout:
    """The descriptor at an address, of either form."""
    revision, control = read(address, 1)[0], int.from_bytes(read(address + 2, 2), "little")
    form, base = (RELATIVE, address) if control & SELF_RELATIVE else (ABSOLUTE, 0)
    _, _, _, *places = form.unpack(read(address, form.size))
    owner, group, sacl, dacl = [place + base if place else None for place in places]
    return Layout(
        revision,
        control,
        owner,
        group,
        sacl if control & SACL_PRESENT else None,
        dacl if control & DACL_PRESENT else None,
    )


def descriptor_of(address: int) -> Descriptor:
    """The descriptor at an address as a value."""
    layout = read_layout(address)
    return Descriptor(
        None if layout.owner is None else read_sid(layout.owner),
        None if layout.group is None else read_sid(layout.group),
        None if layout.dacl is None else tuple(acl_entries(read_acl(layout.dacl))),
    )


def relative_bytes(
    control: int, owner: bytes | None, group: bytes | None, sacl: bytes | None, dacl: bytes | None
) -> bytes:
    """A descriptor that holds these parts, behind its head in the order SACL, DACL, owner, group."""
    places: list[int] = []
    contents = b""
    for part in (sacl, dacl, owner, group):
        places.append(RELATIVE.size + len(contents) if part else 0)
        contents += (part or b"") + bytes(-len(part or b"") % 4)
    in_sacl, in_dacl, in_owner, in_group = places
    return RELATIVE.pack(1, 0, control | SELF_RELATIVE, in_owner, in_group, in_sacl, in_dacl) + contents


def descriptor_bytes(descriptor: Descriptor) -> bytes:
    """The self-relative form of a value."""
    dacl = None if descriptor.dacl is None else acl_bytes(descriptor.dacl)
    return relative_bytes(DACL_PRESENT, descriptor.owner, descriptor.group, None, dacl)
