# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Security descriptors as values: an owner, a group and the list of those who are granted or denied access."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["AccessEntry", "Descriptor", "GenericMapping"]


@dataclass(slots=True)
class GenericMapping:
    """The rights that each generic right stands for (GENERIC_MAPPING)."""

    generic_read: int = 0
    generic_write: int = 0
    generic_execute: int = 0
    generic_all: int = 0


@dataclass(frozen=True, slots=True)
class AccessEntry:
    """An entry that grants, or denies, the rights of `mask` to who has the identifier (ACE)."""

    sid: bytes
    mask: int
    denies: bool = False
    only_inherited: bool = False
    """Whether the entry is for objects inside this one alone, so that a check passes over it."""


@dataclass(frozen=True, slots=True)
class Descriptor:
    """A security descriptor. With `dacl` None there is no list, so that everybody has every access."""

    owner: bytes | None = None
    group: bytes | None = None
    dacl: tuple[AccessEntry, ...] | None = None
