# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The WDK's macros that read a field of an MDL, and MmUnmapLockedPages, which has the MDL as its second argument."""

from __future__ import annotations

from dirql.mm.mdl import Mdl

__all__ = [
    "get_mdl_byte_count",
    "get_mdl_byte_offset",
    "get_mdl_pfn_array",
    "get_mdl_virtual_address",
    "unmap_locked_pages",
]


def get_mdl_virtual_address(mdl: Mdl) -> int:
    """The address of the buffer, valid in its own context only; follows MmGetMdlVirtualAddress (row MDL-12)."""
    return mdl.virtual_address


def get_mdl_byte_count(mdl: Mdl) -> int:
    """The buffer's length in bytes; follows MmGetMdlByteCount."""
    return mdl.byte_count


def get_mdl_byte_offset(mdl: Mdl) -> int:
    """Where in its first page the buffer begins; follows MmGetMdlByteOffset."""
    return mdl.byte_offset


def get_mdl_pfn_array(mdl: Mdl) -> list[int]:
    """The numbers of the buffer's page frames; follows MmGetMdlPfnArray."""
    return mdl.frames


def unmap_locked_pages(base_address: int, mdl: Mdl) -> None:
    """Undo the mapping of an MDL at `base_address`; follows MmUnmapLockedPages."""
    mdl.unmap_locked_pages(base_address)
