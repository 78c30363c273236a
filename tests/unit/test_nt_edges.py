# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Calls at their edges: twice, in the wrong order, on a deleted object, with a bad buffer.

`STOPS` is a table of such calls and their bug checks, with all four parameters as the page of the WDK has them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, cast

import pytest

from dirql import wdm
from dirql.io.loader import load_driver
from dirql.ke import guard
from dirql.ke.bugcheck import BugCheck
from dirql.ke.costs import Costs
from dirql.ke.threads.system_thread import create_thread
from dirql.ke.threads.wait import wait_for_single_object
from dirql.machine import Machine, open_machine
from dirql.nt.bugcodes import VERIFIER_DMA_VERIFICATION
from dirql.nt.ntstatus import StatusException
from fakes.scripted_target import ScriptedTarget
from unit.edge_calls import World, map_devices
from unit.io.making import NAME, OPEN_AND_CLOSE, complete, create_file, make_device, make_driver

ANY = object()
"""Stands for a parameter that is a place in the test."""


@pytest.fixture
def machine() -> Iterator[Machine]:
    target = ScriptedTarget()
    map_devices(target)
    opened = open_machine(target, costs=Costs.free())
    yield opened
    opened.kernel.stop(RuntimeError("the test is over"))
    opened.close()


def delete_twice(w: World) -> None:
    wdm.IoDeleteDevice(w.upper)
    expect(w, 0x18, wdm.DEVICE_OBJECT, w.upper, 0, 0)
    wdm.IoDeleteDevice(w.upper)


def call_a_deleted_device(w: World) -> None:
    wdm.IoDeleteDevice(w.upper)
    irp = wdm.IoAllocateIrp(1, False)
    assert irp is not None
    expect(w, 0xC9, 4, w.upper, 0, 0)
    wdm.IoCallDriver(w.upper, irp)


def call_null(w: World) -> None:
    expect(w, 0xC9, 0x204, ANY, w.irp, 0)
    wdm.IoCallDriver(none(), w.irp)


def delete_while_attached(w: World) -> None:
    wdm.IoAttachDeviceToDeviceStack(w.upper, w.device)
    expect(w, 0xC9, 0x201, ANY, 0, w.upper)
    wdm.IoDeleteDevice(w.upper)


def detach_nothing(w: World) -> None:
    expect(w, 0xC9, 0x202, ANY, 0, w.device)
    wdm.IoDetachDevice(w.device)


def attach_to_itself(w: World) -> None:
    expect(w, 0x139, 3, ANY, 0, 0)
    wdm.IoAttachDeviceToDeviceStack(w.upper, w.upper)


def attach_in_a_ring(w: World) -> None:
    wdm.IoAttachDeviceToDeviceStack(w.upper, w.device)
    expect(w, 0x139, 3, ANY, 0, 0)
    wdm.IoAttachDeviceToDeviceStack(w.device, w.upper)


def wait_for_too_many(w: World) -> None:
    expect(w, 0xC, 0, 0, 0, 0)
    wdm.KeWaitForMultipleObjects(4, [w.event] * 4, wdm.WaitAny, 0, 0, False, 0, None)


def target_a_missing_processor(w: World) -> None:
    expect(w, 0xC7, 3, w.dpc, 7, 1)
    wdm.KeSetTargetProcessorDpc(w.dpc, 7)


def insert_an_entry_twice(w: World) -> None:
    queue = w.queue
    wdm.KeRaiseIrqlToDpcLevel()
    expect(w, 0x139, 3, ANY, 0, 0)
    wdm.KeInsertDeviceQueue(queue, w.queued_entry)


def insert_below_dispatch(w: World) -> None:
    expect(w, 0xC4, 0x20003, ANY, 0, 0)
    wdm.KeInsertDeviceQueue(w.queue, wdm.KDEVICE_QUEUE_ENTRY())


def start_next_below_dispatch(w: World) -> None:
    expect(w, 0xC4, 0x20003, ANY, 0, 0)
    wdm.IoStartNextPacket(w.device, False)


def channel_below_dispatch(w: World) -> None:
    expect(w, 0xE6, 0x14, 1, wdm.DISPATCH_LEVEL, wdm.PASSIVE_LEVEL)
    w.adapter.dma_operations.free_adapter_channel(w.adapter)


def null_adapter(w: World) -> None:
    expect(w, 0xE6, 0x19, 0, 0, 0)
    w.adapter.dma_operations.get_dma_alignment(none())


def dereference_too_often(w: World) -> None:
    device = w.upper
    wdm.ObDereferenceObject(device)
    expect(w, 0x18, wdm.DEVICE_OBJECT, device, 0, 0)
    wdm.ObDereferenceObject(device)


def end_with_a_mutex(w: World) -> None:
    mutex = wdm.KMUTEX()
    wdm.KeInitializeMutex(mutex, 0)
    thread = create_thread(lambda _: wait_for_single_object(mutex), None)
    expect(w, 0x4000_008A, thread, mutex, 0, 0)
    wait_for_single_object(thread)


def paged_code_at_dispatch(w: World) -> None:
    wdm.KeRaiseIrqlToDpcLevel()
    expect(w, 0xD1, ANY, 2, 8, ANY)
    wdm.PAGED_CODE()


def ask_for_too_many_registers(w: World) -> None:
    adapter = w.adapter
    w.machine.kernel.verifier.verify(None, VERIFIER_DMA_VERIFICATION)
    wdm.KeRaiseIrqlToDpcLevel()
    most = adapter.number_of_map_registers
    expect(w, 0xE6, 0xC, most + 1, most, 0)
    adapter.dma_operations.allocate_adapter_channel(adapter, w.device, most + 1, lambda *_: 0, None)


def transfer_outside_its_mdl(w: World) -> None:
    adapter, mdl = w.adapter, w.mdl
    wdm.KeRaiseIrqlToDpcLevel()
    expect(w, 0xE6, 0x1B, w.block - 1, mdl, 0)
    adapter.dma_operations.get_scatter_gather_list(
        adapter, w.device, mdl, w.block - 1, 16, lambda *_: None, None, True
    )


def map_io_space_at_high_level(w: World) -> None:
    address = wdm.PHYSICAL_ADDRESS(0x1000)
    wdm.KeRaiseIrql(wdm.HIGH_LEVEL)
    expect(w, 0xC4, 0x73, wdm.HIGH_LEVEL, address, 64)
    wdm.MmMapIoSpace(address, 64, wdm.MmNonCached)


def unmap_io_space_at_high_level(w: World) -> None:
    wdm.KeRaiseIrql(wdm.HIGH_LEVEL)
    expect(w, 0xC4, 0x7B, wdm.HIGH_LEVEL, 0x5000, 64)
    wdm.MmUnmapIoSpace(0x5000, 64)


def lock_pages_at_high_level(w: World) -> None:
    mdl = w.mdl
    wdm.KeRaiseIrql(wdm.HIGH_LEVEL)
    expect(w, 0xC4, 0x70, wdm.HIGH_LEVEL, mdl, wdm.UserMode)
    wdm.MmProbeAndLockPages(mdl, wdm.UserMode, wdm.IoReadAccess)


def unmap_pages_at_high_level(w: World) -> None:
    mdl = w.mdl
    wdm.KeRaiseIrql(wdm.HIGH_LEVEL)
    expect(w, 0xC4, 0x79, wdm.HIGH_LEVEL, 0x5000, mdl)
    wdm.MmUnmapLockedPages(0x5000, mdl)


def unlock_pages_at_high_level(w: World) -> None:
    mdl = w.mdl
    wdm.KeRaiseIrql(wdm.HIGH_LEVEL)
    expect(w, 0xC4, 0x78, wdm.HIGH_LEVEL, mdl, 0)
    wdm.MmUnlockPages(mdl)


def lock_pages_of_pool(w: World) -> None:
    flags = w.mdl.mdl_flags
    expect(w, 0xC4, 0xB0, w.mdl, flags, flags & wdm.MDL_SOURCE_IS_NONPAGED_POOL)
    wdm.MmProbeAndLockPages(w.mdl, wdm.KernelMode, wdm.IoReadAccess)


def unlock_pages_of_a_part(w: World) -> None:
    target = w.target_mdl
    wdm.IoBuildPartialMdl(w.mdl, target, w.block, 16)
    expect(w, 0xC4, 0xB4, target, target.mdl_flags, wdm.MDL_PARTIAL)
    wdm.MmUnlockPages(target)


def free_a_common_buffer_twice(w: World) -> None:
    operations = w.adapter.dma_operations
    address, logical = operations.allocate_common_buffer(w.adapter, 64, False)
    assert address is not None
    assert logical is not None
    operations.free_common_buffer(w.adapter, 64, logical, address, False)
    expect(w, 0xE6, 3, 1, 0, 0)
    operations.free_common_buffer(w.adapter, 64, logical, address, False)


def put_an_adapter_with_a_buffer(w: World) -> None:
    operations = w.adapter.dma_operations
    w.machine.kernel.verifier.verify(None, VERIFIER_DMA_VERIFICATION)
    operations.allocate_common_buffer(w.adapter, 64, False)
    expect(w, 0xE6, 7, w.adapter, 1, 0)
    operations.put_dma_adapter(w.adapter)


def free_a_channel_that_is_free(w: World) -> None:
    adapter = w.adapter
    wdm.KeRaiseIrqlToDpcLevel()
    expect(w, 0xE6, 4, 1, 0, 0)
    adapter.dma_operations.free_adapter_channel(adapter)


def use_an_adapter_that_is_gone(w: World) -> None:
    operations = w.adapter.dma_operations
    operations.put_dma_adapter(w.adapter)
    expect(w, 0xE6, 0x18, w.adapter, 0, 0)
    operations.put_dma_adapter(w.adapter)


def build_a_request_that_is_none(w: World) -> None:
    expect(w, 0xC9, 8, w.device, wdm.IRP_MJ_CLEANUP, wdm.STATUS_INVALID_PARAMETER)
    wdm.IoBuildAsynchronousFsdRequest(wdm.IRP_MJ_CLEANUP, w.device, None, 0, None, None)


def lower_the_level_in_a_dpc(w: World) -> None:
    dpc = wdm.KDPC()
    wdm.KeInitializeDpc(dpc, lambda *_: wdm.KeLowerIrql(wdm.APC_LEVEL), None)
    expect(w, 0xC4, 0x31, wdm.DISPATCH_LEVEL, wdm.APC_LEVEL, 1)
    wdm.KeInsertQueueDpc(dpc, None, None)


def release_a_lock_to_passive_in_a_dpc(w: World) -> None:
    lock, dpc = wdm.KSPIN_LOCK(), wdm.KDPC()
    wdm.KeInitializeSpinLock(lock)

    def routine(*_: object) -> None:
        wdm.KeAcquireSpinLock(lock)
        wdm.KeReleaseSpinLock(lock, wdm.PASSIVE_LEVEL)

    wdm.KeInitializeDpc(dpc, routine, None)
    expect(w, 0xC4, 0x31, wdm.DISPATCH_LEVEL, wdm.PASSIVE_LEVEL, 1)
    wdm.KeInsertQueueDpc(dpc, None, None)


def within(w: World, routine: Callable[[], object]) -> None:
    """Run code as a driver's own."""
    guard.call_driver(guard.CALLBACK, w.driver, routine)


def close_a_handle_twice(w: World) -> None:
    handle = w.handle
    wdm.ZwClose(handle)
    expect(w, 0x93, handle, 1, 0, 0)
    within(w, lambda: wdm.ZwClose(handle))


def reference_a_closed_handle(w: World) -> None:
    handle = w.handle
    wdm.ZwClose(handle)
    expect(w, 0xC4, 0x3C, handle, wdm.FILE_OBJECT, 0)
    within(w, lambda: wdm.ObReferenceObjectByHandle(handle, 0, wdm.FILE_OBJECT, wdm.KernelMode))


def reference_a_null_handle(w: World) -> None:
    expect(w, 0xC4, 0xF5, 0, 0, 0)
    within(w, lambda: wdm.ObReferenceObjectByHandle(0, 0, None, wdm.KernelMode))


def reference_what_is_gone(w: World) -> None:
    device = w.upper
    wdm.ObDereferenceObject(device)
    expect(w, 0xC4, 0x3F, device, 1, 0)
    wdm.ObReferenceObject(device)


STOPS: tuple[Callable[[World], object], ...] = (
    close_a_handle_twice,
    lower_the_level_in_a_dpc,
    reference_a_closed_handle,
    reference_a_null_handle,
    reference_what_is_gone,
    release_a_lock_to_passive_in_a_dpc,
    build_a_request_that_is_none,
    free_a_channel_that_is_free,
    free_a_common_buffer_twice,
    lock_pages_at_high_level,
    lock_pages_of_pool,
    map_io_space_at_high_level,
    put_an_adapter_with_a_buffer,
    unlock_pages_at_high_level,
    unlock_pages_of_a_part,
    unmap_io_space_at_high_level,
    unmap_pages_at_high_level,
    use_an_adapter_that_is_gone,
    ask_for_too_many_registers,
    attach_in_a_ring,
    attach_to_itself,
    call_a_deleted_device,
    call_null,
    channel_below_dispatch,
    delete_twice,
    delete_while_attached,
    dereference_too_often,
    detach_nothing,
    end_with_a_mutex,
    insert_an_entry_twice,
    insert_below_dispatch,
    null_adapter,
    paged_code_at_dispatch,
    start_next_below_dispatch,
    target_a_missing_processor,
    transfer_outside_its_mdl,
    wait_for_too_many,
)
EXPECTED: dict[World, tuple[object, ...]] = {}


def expect(world: World, *check: object) -> None:
    """Note the code and the four parameters of the bug check that the next call must be."""
    EXPECTED[world] = check


def none() -> Any:
    """A NULL that the type checker lets pass."""
    return None


WITH_NULL = (build_a_request_that_is_none, call_null, null_adapter)


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(
            wrong, id=wrong.__name__, marks=[pytest.mark.interpreted("null")] if wrong in WITH_NULL else []
        )
        for wrong in STOPS
    ],
)
def test_the_bug_check_has_its_parameters(machine: Machine, wrong: Callable[[World], object]) -> None:
    world = World(machine)
    with pytest.raises(BugCheck) as caught:
        wrong(world)
    code, *parameters = EXPECTED.pop(world)
    given = [
        wanted if wanted is ANY else got
        for got, wanted in zip(caught.value.parameters, parameters, strict=True)
    ]
    assert (caught.value.code, given) == (code, parameters)


# Without Driver Verifier.


def test_an_unverified_driver_may_delete_an_attached_device(machine: Machine) -> None:
    machine.kernel.verifier.verify(None, None)
    world = World(machine)
    wdm.IoAttachDeviceToDeviceStack(world.upper, world.device)
    wdm.IoDeleteDevice(world.upper)
    assert any("must be detached first" in defect for defect in map(str, machine.defects))


def test_an_unverified_driver_that_detaches_nothing_raises(machine: Machine) -> None:
    machine.kernel.verifier.verify(None, None)
    with pytest.raises(StatusException) as caught:
        wdm.IoDetachDevice(World(machine).device)
    assert caught.value.status == wdm.STATUS_ACCESS_VIOLATION


# A safe attachment, and DPCs.


def test_a_safe_attachment_returns_a_status(machine: Machine) -> None:
    world = World(machine)
    lower = world.device
    assert wdm.IoAttachDeviceToDeviceStackSafe(world.upper, lower) == (wdm.STATUS_SUCCESS, lower)


def test_nothing_is_attached_to_a_device_that_goes(machine: Machine) -> None:
    world = World(machine)
    assert world.handle
    wdm.IoDeleteDevice(world.device)
    status, lower = wdm.IoAttachDeviceToDeviceStackSafe(world.upper, world.device)
    assert (status, lower) == (wdm.STATUS_NO_SUCH_DEVICE, None)


@pytest.mark.parametrize(("second", "count"), [(1, 0), (2, 1)])
def test_DPC_04_a_context_that_a_queued_dpc_swallows_is_a_defect(
    machine: Machine, second: int, count: int
) -> None:
    device = World(machine).device
    old_irql = wdm.KeRaiseIrqlToDpcLevel()
    assert wdm.IoRequestDpc(device, None, 1)
    assert not wdm.IoRequestDpc(device, None, second)
    wdm.KeLowerIrql(old_irql)
    assert len(machine.defects) == count


# Buffers and modes.

SEEN: list[tuple[str, int, int]] = []


def opened(machine: Machine, flags: int) -> int:
    """A handle of a device that notes its requests."""

    def note(device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> int:
        stack = wdm.IoGetCurrentIrpStackLocation(irp)
        disposition = (
            stack.parameters.create.options >> 24 if stack.major_function == wdm.IRP_MJ_CREATE else 0
        )
        SEEN.append((str(stack.major_function), irp.requestor_mode, disposition))
        return complete(irp, information=0)

    SEEN.clear()
    majors = (wdm.IRP_MJ_CREATE, wdm.IRP_MJ_READ, wdm.IRP_MJ_WRITE, wdm.IRP_MJ_DEVICE_CONTROL)
    make_device(make_driver({**OPEN_AND_CLOSE, **dict.fromkeys(majors, note)}), NAME, flags)
    _, handle = create_file(NAME, wdm.FILE_READ_DATA | wdm.FILE_WRITE_DATA)
    assert handle is not None
    return handle


def test_a_create_of_a_program_has_user_mode_and_its_disposition(machine: Machine) -> None:
    opened(machine, wdm.DO_BUFFERED_IO)
    assert [("0", wdm.UserMode, wdm.FILE_OPEN)] == SEEN


@pytest.mark.parametrize(
    "flags", [wdm.DO_BUFFERED_IO, wdm.DO_DIRECT_IO, 0], ids=["buffered", "direct", "neither"]
)
@pytest.mark.parametrize("service", [wdm.ZwReadFile, wdm.ZwWriteFile], ids=["read", "write"])
@pytest.mark.parametrize("place", ["null", "system", "beyond"])
def test_a_bad_buffer_of_a_program_does_not_reach_the_driver(
    machine: Machine, flags: int, service: Callable[..., int], place: str
) -> None:
    handle = opened(machine, flags)
    SEEN.clear()
    address = {"null": None, "system": World(machine).block, "beyond": 1 << 62}[place]
    block, event = wdm.IO_STATUS_BLOCK(0x1234), wdm.KEVENT()
    wdm.KeInitializeEvent(event, wdm.NotificationEvent, False)
    status = service(handle, event, None, None, block, address, 16, 0, None)
    may_fail_later = place == "null" and service is wdm.ZwWriteFile and flags == 0
    assert status == wdm.STATUS_ACCESS_VIOLATION or may_fail_later
    assert (SEEN, block.status, wdm.KeReadStateEvent(event)) == ([], 0x1234, 0) or may_fail_later


def test_a_driver_may_read_into_pool(machine: Machine) -> None:
    handle = opened(machine, wdm.DO_DIRECT_IO)
    address = World(machine).block
    status = []

    def entry(driver: wdm.DRIVER_OBJECT, path: str) -> int:
        block = wdm.IO_STATUS_BLOCK()
        status.append(wdm.ZwReadFile(handle, None, None, None, block, address, 16, 0, None))
        return wdm.STATUS_UNSUCCESSFUL

    load_driver(entry, "reader")
    assert (status, SEEN[-1]) == ([wdm.STATUS_SUCCESS], ("3", wdm.KernelMode, 0))


def test_DPC_04_another_request_in_hand_is_no_defect(machine: Machine) -> None:
    world = World(machine)
    device, irp = world.device, world.irp
    old_irql = wdm.KeRaiseIrqlToDpcLevel()
    assert wdm.IoRequestDpc(device, None, 1)
    assert not wdm.IoRequestDpc(device, irp, 1)
    assert wdm.KeInsertQueueDpc(world.dpc, None, None)
    assert not wdm.KeInsertQueueDpc(world.dpc, 1, None)
    wdm.KeLowerIrql(old_irql)
    assert len(machine.defects) == 1


# Memory that is asked for in bytes keeps its size.


def make_extension(kind: str, world: World) -> Any:
    if kind == "device":
        _, device = wdm.IoCreateDevice(world.driver, 16, None, wdm.FILE_DEVICE_UNKNOWN, 0, False)
        assert device is not None
        return device.device_extension
    if kind == "driver":
        return wdm.IoAllocateDriverObjectExtension(world.driver, "key", 16)[1]
    controller = wdm.IoCreateController(16)
    assert controller is not None
    return controller.controller_extension


@pytest.mark.parametrize("kind", ["device", "driver", "controller"])
def test_an_extension_of_bytes_keeps_its_size(machine: Machine, kind: str) -> None:
    world = World(machine)
    extension = make_extension(kind, world)
    extension[4:8] = b"data"
    extension[0] = 1
    assert extension == b"\1\0\0\0data" + bytes(8)

    def grow() -> None:
        extension.extend(b"more")

    for act in (grow, extension.clear, lambda: extension.__setitem__(slice(0, 4), b"12345")):
        with pytest.raises(BufferError):
            act()
    with pytest.raises(
        BugCheck, match="an extension must keep the size in bytes that was asked for"
    ) as caught:
        guard.call_driver(guard.SYNCHRONIZE, world.driver, grow)
    assert caught.value.code == 0x1E


@pytest.mark.parametrize("mode", [2, -1, 7])
def test_the_mode_of_an_alertable_wait_is_one_of_two(machine: Machine, mode: int) -> None:
    with pytest.raises(ValueError, match="WaitMode must be a member of KPROCESSOR_MODE"):
        wdm.KeDelayExecutionThread(mode, True, -10)
    with pytest.raises(ValueError, match="AlertMode must be"):
        wdm.KeAlertThread(wdm.KeGetCurrentThread(), mode)
    with pytest.raises(ValueError, match="AlertMode must be"):
        wdm.KeTestAlertThread(mode)


def test_an_extension_is_found_by_what_does_not_change(machine: Machine) -> None:
    driver = World(machine).driver
    with pytest.raises(TypeError, match="ClientIdentificationAddress must be"):
        wdm.IoAllocateDriverObjectExtension(driver, {}, 16)
    with pytest.raises(TypeError, match="ClientIdentificationAddress must be"):
        wdm.IoGetDriverObjectExtension(driver, [])


@pytest.mark.interpreted("types")
def test_a_remove_lock_may_be_its_own_tag(machine: Machine) -> None:
    lock = wdm.IO_REMOVE_LOCK()
    wdm.IoInitializeRemoveLock(lock, cast("str", lock), 0, 0)
    assert "with an object for a tag" in repr(lock)
