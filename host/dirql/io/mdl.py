# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""MDLs as the I/O manager and drivers handle them: hung on requests, and asked for their parts."""

from __future__ import annotations

from dirql.io.irp import Irp
from dirql.mm.mdl import Mdl

__all__ = [
    "allocate_mdl",
    "get_mdl_byte_count",
    "get_mdl_byte_offset",
    "get_mdl_pfn_array",
    "get_mdl_virtual_address",
    "unmap_locked_pages",
]


def allocate_mdl(
    virtual_address: int, length: int, secondary_buffer: bool, charge_quota: bool, irp: Irp | None
) -> Mdl | None:
    """An MDL for a buffer, hung on `irp` if there is one; follows IoAllocateMdl (rows MDL-01, MDL-02).

    With `secondary_buffer` it goes to the end of the chain, else it becomes `irp.mdl_address`. `charge_quota` is
    accepted and not used.
    """
    del charge_quota
    mdl = Mdl.allocate(virtual_address, length)
    if mdl is None or irp is None:
        return mdl
    last = irp.mdl_address
    if not secondary_buffer or last is None:
        irp.mdl_address = mdl
        return mdl
    while last.next is not None:
        last = last.next
    last.next = mdl
    return mdl


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
