# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The MDLs of a request: those that drivers chain to it, and what the end of a request does with them."""

from __future__ import annotations

import pytest

from dirql import wdm
from dirql.io.loader import load_driver
from dirql.io.unload import unload_driver
from dirql.ke.bugcheck import BugCheck
from dirql.ke.costs import Costs
from dirql.machine import LeakReport, Machine, open_machine
from dirql.nt.ntstatus import StatusException
from fakes.scripted_target import ScriptedTarget
from unit.io.making import OPEN_AND_CLOSE, complete, make_device, make_driver
from unit.io.program import Program

TAG = wdm.POOL_TAG("Chai")
CODE = wdm.CTL_CODE(wdm.FILE_DEVICE_UNKNOWN, 0x802, wdm.METHOD_OUT_DIRECT, wdm.FILE_ANY_ACCESS)
PAGE = wdm.PAGE_SIZE


def pool(size: int) -> int:
    address = wdm.ExAllocatePool2(wdm.POOL_FLAG_NON_PAGED, size, TAG)
    assert address is not None
    return address


@pytest.mark.row("MDL-22")
def test_MDL_22_the_end_of_a_request_frees_the_chain_of_its_mdls(machine: Machine) -> None:
    blocks: list[int] = []

    def dispatch(device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> int:
        first = irp.mdl_address
        assert first is not None
        built = wdm.IoAllocateMdl(pool(PAGE), PAGE, True, False, irp)
        locked = wdm.IoAllocateMdl(pool(PAGE), PAGE, True, False, irp)
        part = wdm.IoAllocateMdl(wdm.MmGetMdlVirtualAddress(first), 8, True, False, irp)
        assert built is not None
        assert locked is not None
        assert part is not None
        assert (first.next, built.next, locked.next, part.next) == (built, locked, part, None)
        wdm.MmBuildMdlForNonPagedPool(built)
        wdm.MmProbeAndLockPages(locked, wdm.KernelMode, wdm.IoModifyAccess)
        wdm.IoBuildPartialMdl(first, part, wdm.MmGetMdlVirtualAddress(first), 8)
        for mdl in (first, locked, part):
            assert wdm.MmGetSystemAddressForMdlSafe(mdl, wdm.NormalPagePriority) is not None
        blocks.extend(wdm.MmGetMdlVirtualAddress(mdl) for mdl in (built, locked))
        return complete(irp)

    program = Program(machine, dispatch)
    assert program.control(CODE, b"", program.buffer(64, b""), 64) == wdm.STATUS_SUCCESS
    held = machine.memory_manager.statistics()
    assert (held.mdls, held.locked_mdls, held.mapped_mdls) == (0, 0, 0)
    assert held.nonpaged_pool.blocks == len(blocks)
    for block in blocks:
        wdm.ExFreePoolWithTag(block, TAG)


@pytest.mark.row("MDL-22")
def test_MDL_22_the_mdls_of_a_driver_s_own_packet_stay_with_the_driver(machine: Machine) -> None:
    irp = wdm.IoAllocateIrp(1, False)
    assert irp is not None
    mdl = wdm.IoAllocateMdl(pool(16), 16, False, False, irp)
    assert mdl is not None
    wdm.MmBuildMdlForNonPagedPool(mdl)

    def keep(_device: wdm.DEVICE_OBJECT | None, _irp: wdm.IRP, _context: object) -> int:
        return wdm.STATUS_MORE_PROCESSING_REQUIRED

    def dispatch(_device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> int:
        return complete(irp)

    device = make_device(make_driver({**OPEN_AND_CLOSE, wdm.IRP_MJ_INTERNAL_DEVICE_CONTROL: dispatch}))
    wdm.IoGetNextIrpStackLocation(irp).major_function = wdm.IRP_MJ_INTERNAL_DEVICE_CONTROL
    wdm.IoSetCompletionRoutine(irp, keep, None, True, True, True)
    assert wdm.IoCallDriver(device, irp) == wdm.STATUS_SUCCESS
    assert irp.mdl_address is mdl
    wdm.IoFreeIrp(irp)
    assert machine.memory_manager.statistics().mdls == 1
    wdm.IoFreeMdl(mdl)


@pytest.mark.row("MDL-14")
def test_MDL_14_a_system_thread_locks_a_buffer_of_the_program(machine: Machine) -> None:
    buffer = machine.memory_manager.process.allocate(64)
    buffer.write(b"of the program")
    program = wdm.PsGetCurrentProcess()
    seen: list[object] = []

    def run(_context: object) -> None:
        mdl = wdm.IoAllocateMdl(buffer.address, 64, False, False, None)
        assert mdl is not None
        for process in (wdm.PsGetCurrentProcess(), program):
            try:
                wdm.MmProbeAndLockProcessPages(mdl, process, wdm.UserMode, wdm.IoWriteAccess)
            except StatusException as error:
                seen.append(error.status)
        assert mdl.mdl_flags == wdm.MDL_PAGES_LOCKED | wdm.MDL_WRITE_OPERATION
        address = wdm.MmGetSystemAddressForMdlSafe(mdl, wdm.NormalPagePriority)
        assert address is not None
        seen.append(wdm.RtlReadMemory(address, 14))
        wdm.MmUnlockPages(mdl)
        wdm.IoFreeMdl(mdl)

    status, handle, _ = wdm.PsCreateSystemThread(0, None, None, run, None)
    assert status == wdm.STATUS_SUCCESS
    assert handle is not None
    wdm.KeDelayExecutionThread(wdm.KernelMode, False, -10_000)
    wdm.ZwClose(handle)
    assert seen == [wdm.STATUS_ACCESS_VIOLATION, b"of the program"]


@pytest.mark.row("MDL-04")
def test_MDL_04_the_pages_of_a_process_are_locked_once(machine: Machine) -> None:
    mdl = wdm.IoAllocateMdl(machine.memory_manager.process.allocate(64).address, 64, False, False, None)
    assert mdl is not None
    lock = (mdl, wdm.PsGetCurrentProcess(), wdm.UserMode, wdm.IoReadAccess)
    wdm.MmProbeAndLockProcessPages(*lock)
    with pytest.raises(BugCheck) as caught:
        wdm.MmProbeAndLockProcessPages(*lock)
    assert caught.value.code == 0xC4
    assert caught.value.parameters == (0xB1, mdl, mdl.mdl_flags, wdm.MDL_PAGES_LOCKED)


def leave_all(_driver: wdm.DRIVER_OBJECT) -> None:
    """Take one thing of each kind."""
    highest = wdm.PHYSICAL_ADDRESS((1 << 64) - 1)
    zero = wdm.PHYSICAL_ADDRESS(0)
    wdm.MmAllocateContiguousMemory(PAGE, highest)
    wdm.MmAllocateNonCachedMemory(PAGE)
    wdm.MmAllocateMappingAddress(PAGE, TAG)
    wdm.MmLockPagableCodeSection(leave_all)
    mdl = wdm.MmAllocatePagesForMdl(zero, highest, zero, PAGE)
    assert mdl is not None
    wdm.MmMapLockedPages(mdl, wdm.UserMode)


def forget(_driver: wdm.DRIVER_OBJECT) -> None:
    """An Unload routine that takes nothing down."""


LEFT = (
    "4096 bytes of contiguous memory",
    "4096 bytes of noncached memory",
    "a range of 1 reserved pages of addresses",
    "the lock of <pageable section of ",
    "an MDL with 1 pages of MmAllocatePagesForMdl",
    "a view of <Mdl 4096 bytes",
)


@pytest.mark.row("DRV-11")
def test_DRV_11_memory_that_a_driver_leaves_is_told_with_its_place() -> None:
    machine = open_machine(ScriptedTarget(), costs=Costs.free())

    def entry(driver: wdm.DRIVER_OBJECT, _path: str) -> int:
        leave_all(driver)
        driver.driver_unload = forget
        return wdm.STATUS_SUCCESS

    status, driver = load_driver(entry, "careless", verifier_flags=0)
    assert status == wdm.STATUS_SUCCESS
    assert driver is not None
    unload_driver(driver)
    defects = [sentence for row, sentence in machine.defects if row == "DRV-11"]
    with pytest.raises(LeakReport) as report:
        machine.close()
    for sentences in (defects, report.value.leaks):
        found = [sentence for sentence in sentences if "was not given back" in sentence]
        assert len(found) == len(LEFT)
        assert all("in leave_all (" in sentence and "test_chained_mdls.py:" in sentence for sentence in found)
        for what in LEFT:
            assert sum(what in sentence for sentence in found) == 1
