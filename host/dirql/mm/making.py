# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""MDLs in memory of the driver's own: MmSizeOfMdl, MmInitializeMdl and MmCreateMdl, the older ways to get one."""

from __future__ import annotations

from typing import Final

from dirql.ke.origin import mark
from dirql.ke.processors.contract import contract
from dirql.mm.mdl import LONGEST, Mdl, size_of_mdl as size_in_bytes
from dirql.nt.constants import MDL_MAPPED_TO_SYSTEM_VA, MDL_PAGES_LOCKED

__all__ = ["create_mdl", "get_mdl_base_va", "initialize_mdl", "size_of_mdl"]

_SIZE_OF_MDL: Final = contract("MmSizeOfMdl")
_INITIALIZE_MDL: Final = contract("MmInitializeMdl")
_CREATE_MDL: Final = contract("MmCreateMdl")
_GET_MDL_BASE_VA: Final = contract("MmGetMdlBaseVa")


def size_of_mdl(base: int | None, length: int) -> int:
    """The number of bytes that an MDL for a buffer takes, with its frame numbers; follows MmSizeOfMdl."""
    _SIZE_OF_MDL.check_arguments(base, length)
    return size_in_bytes(base or 0, length)


def initialize_mdl(mdl: Mdl, base_va: int, length: int) -> None:
    """Let an MDL that is in no use describe a buffer, without frames yet; follows MmInitializeMdl.

    In C the caller's memory must have MmSizeOfMdl bytes. In Python it is `MDL(base_va, length)`, which grows.
    """
    _INITIALIZE_MDL.check_arguments(mdl, base_va, length)
    _initialize("MmInitializeMdl", mdl, base_va, length)


def create_mdl(mdl: Mdl | None, base: int, length: int) -> Mdl | None:
    """Initialize an MDL, or without one allocate it, to be freed with IoFreeMdl; follows MmCreateMdl.

    Returns None for more than 4 GiB less a page.
    """
    _CREATE_MDL.check(mdl)
    _CREATE_MDL.check_arguments(mdl, base, length)
    if mdl is None:
        return Mdl.make(base, length, mark())
    _initialize("MmCreateMdl", mdl, base, length)
    return mdl


def get_mdl_base_va(mdl: Mdl) -> int:
    """The address of the page in which the buffer begins; follows MmGetMdlBaseVa."""
    _GET_MDL_BASE_VA.check_arguments(mdl)
    return mdl.start_va


def _initialize(routine: str, mdl: Mdl, address: int, length: int) -> None:
    if mdl.is_free or mdl.lists or mdl.mdl_flags & (MDL_PAGES_LOCKED | MDL_MAPPED_TO_SYSTEM_VA):
        raise ValueError(
            f"{routine}: MemoryDescriptorList must be in no use; it was {mdl!r}: unlock and unmap it before"
        )
    if length > LONGEST:
        raise ValueError(f"{routine}: Length must be at most {LONGEST:#x}; it was {length:#x}")
    mdl.size = size_in_bytes(address, length)
    mdl.next = None
    mdl.describe(address, length)
