# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""A device of the machine that reaches memory which is not mapped for it, because its driver is wrong."""

from __future__ import annotations

import struct

import pytest

from dirql.drivers.store import transfer
from dirql.drivers.store.extension import Hardware, StoreExtension, Transfer
from dirql.drivers.store.interface import IOCTL_STORE_SET_MODE, TransferMode
from dirql.io.handle import Handle
from dirql.ke.bugcheck import BugCheck
from dirql.machine import Machine
from dirql.nt.addresses import LogicalAddress
from dirql.wdm import IRP, SCATTER_GATHER_ELEMENT, SCATTER_GATHER_LIST

pytestmark = pytest.mark.driver("dirql.drivers.store")


def use_dma(handle: Handle) -> None:
    handle.ioctl(IOCTL_STORE_SET_MODE, struct.pack("<I", TransferMode.DMA))


def stray(handle: Handle, *, write: bool) -> BugCheck:
    use_dma(handle)
    with pytest.raises(BugCheck) as stopped:
        handle.write(bytes(8192)) if write else handle.read(8192)
    assert stopped.value.code == 0xE6
    assert stopped.value.parameters[0] == 0x26
    return stopped.value


@pytest.mark.parametrize("write", [False, True])
def test_DMA_14_a_list_that_is_put_back_while_the_device_uses_it(
    handle: Handle, monkeypatch: pytest.MonkeyPatch, write: bool
) -> None:
    start = transfer._start_dma

    def hasty(extension: StoreExtension, wanted: Transfer, found: SCATTER_GATHER_LIST) -> object:
        outcome = start(extension, wanted, found)
        assert wanted.hardware.dma is not None
        adapter = wanted.hardware.dma.adapter
        adapter.dma_operations.put_scatter_gather_list(adapter, found, wanted.writing)
        return outcome

    monkeypatch.setattr(transfer, "_start_dma", hasty)
    reason = stray(handle, write=write).reason
    for words in (
        "IRP_MJ_WRITE" if write else "IRP_MJ_READ",
        "hasty (",
        "test_stray_access.py:",
        "transfer.py:",
    ):
        assert words in reason


@pytest.mark.parametrize("write", [False, True])
def test_DMA_14_a_device_that_goes_beyond_its_list(
    handle: Handle, monkeypatch: pytest.MonkeyPatch, write: bool
) -> None:
    descriptors = transfer._descriptors

    def shifted(found: SCATTER_GATHER_LIST) -> bytes:
        found.elements[-1] = SCATTER_GATHER_ELEMENT(
            LogicalAddress(found.elements[-1].address + 256), found.elements[-1].length
        )
        return descriptors(found)

    monkeypatch.setattr(transfer, "_descriptors", shifted)
    assert "no transfer ever covered it" in stray(handle, write=write).reason


@pytest.mark.parametrize("write", [False, True])
def test_DMA_14_a_device_that_moves_in_the_wrong_direction(
    machine: Machine, handle: Handle, monkeypatch: pytest.MonkeyPatch, write: bool
) -> None:
    new = transfer._new_transfer

    def turned(extension: StoreExtension, irp: IRP, hardware: Hardware, deadline: int) -> Transfer:
        made = new(extension, irp, hardware, deadline)
        made.writing = not made.writing
        return made

    monkeypatch.setattr(transfer, "_new_transfer", turned)
    assert "WriteToDevice" in stray(handle, write=write).reason
    # The memory of a write is locked for reading, and the list for the wrong direction lets the device write to it.
    assert [row for row, _ in machine.defects] == (["MDL-17"] if write else [])
    machine.defects.clear()


def test_DMA_14_transfers_that_are_right(machine: Machine, handle: Handle) -> None:
    use_dma(handle)
    data = bytes(range(256)) * 40
    for length in (1, 5, 4096, len(data)):
        handle.write(data[:length], 4)
        assert handle.read(length, 4) == data[:length]
    machine.hal.grants.check()
