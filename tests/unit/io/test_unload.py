# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The end of a driver: whom its Unload routine waits for, and all that it must take down."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from dirql.io.loader import load_driver
from dirql.io.unload import unload_driver
from dirql.ke import guard
from dirql.ke.bugcheck import BugCheck
from dirql.ke.costs import Costs
from dirql.ke.objects.event import Event
from dirql.ke.watch.deadlock import Deadlock
from dirql.machine import LeakReport, Machine, open_machine
from dirql.nt.bugcodes import VERIFIER_POOL_TRACKING
from dirql.wdm import (
    DEVICE_DESCRIPTION,
    DEVICE_DESCRIPTION_VERSION,
    DEVICE_OBJECT,
    DISPATCH_LEVEL,
    DMA_ADAPTER,
    DRIVER_OBJECT,
    IRP,
    IRP_MJ_READ,
    KDPC,
    KTIMER,
    NT_SUCCESS,
    PAGE_SIZE,
    PHYSICAL_ADDRESS,
    POOL_FLAG_NON_PAGED,
    POOL_TAG,
    STATUS_NO_SUCH_DEVICE,
    STATUS_PENDING,
    STATUS_SUCCESS,
    DeallocateObjectKeepRegisters,
    ExAllocatePool2,
    IoAllocateMdl,
    IoAttachDeviceToDeviceStack,
    IoCallDriver,
    IoCreateSymbolicLink,
    IoDeleteDevice,
    IoDetachDevice,
    IoGetDeviceObjectPointer,
    IoGetDmaAdapter,
    IoGetNextIrpStackLocation,
    IoMarkIrpPending,
    IoSetCompletionRoutine,
    KeDelayExecutionThread,
    KeInitializeDpc,
    KeInitializeTimer,
    KeLowerIrql,
    KeRaiseIrql,
    KernelMode,
    KeSetTimer,
    KeWaitForSingleObject,
    MmMapIoSpace,
    MmNonCached,
    MmUnmapIoSpace,
    ObDereferenceObject,
    ObReferenceObject,
    ObReferenceObjectByHandle,
    PCIBus,
    PsCreateSystemThread,
    ZwClose,
)
from fakes.scripted_target import ScriptedTarget
from unit.io.making import NAME, OPEN_AND_CLOSE, create_file, make_device, make_driver, make_irp

unloaded: list[str] = []


def unload(driver: DRIVER_OBJECT) -> None:
    unloaded.append(driver.driver_extension.service_key_name)
    for device in driver.devices():
        IoDeleteDevice(device)


@pytest.mark.row("DRV-05")
def test_DRV_05_unload_waits_for_open_files(machine: Machine) -> None:
    unloaded.clear()
    driver = make_driver(OPEN_AND_CLOSE, driver_unload=unload)
    make_device(driver, NAME)
    _, handle = create_file(NAME)
    assert handle is not None
    assert unload_driver(driver) == STATUS_SUCCESS
    assert unloaded == []
    assert create_file(NAME)[0] == STATUS_NO_SUCH_DEVICE
    assert machine.io.drivers["made"] is driver
    ZwClose(handle)
    machine.io.worker.flush()
    assert unloaded == ["made"]
    assert "made" not in machine.io.drivers


@pytest.mark.row("DRV-05")
def test_DRV_05_unload_waits_for_attached_devices(machine: Machine) -> None:
    unloaded.clear()
    lower = make_driver(OPEN_AND_CLOSE, "lower", driver_unload=unload)
    upper = make_driver(OPEN_AND_CLOSE, "upper", driver_unload=unload)
    below = make_device(lower)
    above = make_device(upper)
    IoAttachDeviceToDeviceStack(above, below)
    unload_driver(lower)
    assert unloaded == []
    IoDetachDevice(below)
    machine.io.worker.flush()
    assert unloaded == ["lower"]


def forget(driver: DRIVER_OBJECT) -> None:
    """An Unload routine that takes nothing down."""


def tick(dpc: object, context: object, argument1: object, argument2: object) -> None:
    raise AssertionError


def leave_timer(driver: DRIVER_OBJECT) -> None:
    timer, dpc = KTIMER(), KDPC()
    KeInitializeTimer(timer)
    KeInitializeDpc(dpc, tick, None)
    KeSetTimer(timer, -10_000_000, dpc)


def leave_timer_without_dpc(driver: DRIVER_OBJECT) -> None:
    timer = KTIMER()
    KeInitializeTimer(timer)
    KeSetTimer(timer, -10_000_000, None)


def leave_thread(driver: DRIVER_OBJECT) -> None:
    timer = KTIMER()
    KeInitializeTimer(timer)
    PsCreateSystemThread(0, None, None, lambda _: KeWaitForSingleObject(timer), None)


def leave_device(driver: DRIVER_OBJECT) -> None:
    make_device(driver)


def leave_link(driver: DRIVER_OBJECT) -> None:
    IoCreateSymbolicLink(r"\DosDevices\Left", NAME)


@pytest.mark.parametrize(
    ("leave", "words"),
    [
        (leave_timer, "KeCancelTimer"),
        (leave_timer_without_dpc, "KeCancelTimer"),
        (leave_thread, "wait for the thread object"),
        (leave_device, "IoDeleteDevice"),
        (leave_link, "IoDeleteSymbolicLink"),
    ],
)
def test_a_driver_leaves_nothing_behind(
    machine: Machine, leave: Callable[[DRIVER_OBJECT], None], words: str
) -> None:
    def entry(driver: DRIVER_OBJECT, registry_path: str) -> int:
        leave(driver)
        driver.driver_unload = forget
        return STATUS_SUCCESS

    status, driver = load_driver(entry, "careless")
    assert NT_SUCCESS(status)
    assert driver is not None
    with pytest.raises(BugCheck) as stopped:
        unload_driver(driver)
    error = stopped.value
    assert error.code == 0xCE
    assert words in error.reason
    assert "<driver careless>" in error.reason
    if leave is leave_timer:
        assert "in tick (" in str(error)


def unload_of(leave: Callable[[DRIVER_OBJECT], object], **options: int) -> DRIVER_OBJECT:
    """Load a driver that leaves something behind in DriverEntry, and whose Unload routine takes nothing down."""

    def entry(driver: DRIVER_OBJECT, registry_path: str) -> int:
        leave(driver)
        driver.driver_unload = forget
        return STATUS_SUCCESS

    status, driver = load_driver(entry, "careless", **options)
    assert NT_SUCCESS(status)
    assert driver is not None
    unload_driver(driver)
    return driver


def open_twice(driver: DRIVER_OBJECT) -> None:
    create_file(NAME)
    _, handle = create_file(NAME)
    assert handle is not None
    ZwClose(handle)


def keep_thread_handle(driver: DRIVER_OBJECT) -> None:
    PsCreateSystemThread(0, None, None, lambda _: None, None)
    KeDelayExecutionThread(KernelMode, False, -10_000)


def keep_device(driver: DRIVER_OBJECT) -> None:
    IoGetDeviceObjectPointer(NAME, 0)


def keep_object(driver: DRIVER_OBJECT) -> None:
    _, handle = create_file(NAME)
    assert handle is not None
    ObReferenceObjectByHandle(handle, 0, None, KernelMode)
    ZwClose(handle)


def keep_and_give_back(driver: DRIVER_OBJECT) -> None:
    _, file, device = IoGetDeviceObjectPointer(NAME, 0)
    assert file is not None
    assert device is not None
    for _ in range(2):
        ObReferenceObject(device)
    for body in (device, device, file):
        ObDereferenceObject(body)


def take_adapter(registers: int = 4) -> DMA_ADAPTER:
    """An adapter with this number of map registers, for a device without scatter/gather."""
    description = DEVICE_DESCRIPTION(
        version=DEVICE_DESCRIPTION_VERSION,
        master=True,
        scatter_gather=False,
        dma32_bit_addresses=True,
        interface_type=PCIBus,
        maximum_length=(registers - 1) * PAGE_SIZE,
    )
    adapter, given = IoGetDmaAdapter(make_device(make_driver(OPEN_AND_CLOSE, "other")), description)
    assert adapter is not None
    assert given == registers
    return adapter


def keep_adapter(driver: DRIVER_OBJECT) -> None:
    take_adapter()


def keep_buffer(driver: DRIVER_OBJECT) -> None:
    adapter = take_adapter()
    adapter.dma_operations.allocate_common_buffer(adapter, 100, True)
    adapter.dma_operations.put_dma_adapter(adapter)


def keep_mapping(driver: DRIVER_OBJECT) -> None:
    MmMapIoSpace(PHYSICAL_ADDRESS(0x8000_0010), 100, MmNonCached)


def give_all_back(driver: DRIVER_OBJECT) -> None:
    adapter = take_adapter()
    address, logical = adapter.dma_operations.allocate_common_buffer(adapter, 100, True)
    assert address is not None
    adapter.dma_operations.free_common_buffer(adapter, 100, logical, address, True)
    adapter.dma_operations.put_dma_adapter(adapter)
    mapped = MmMapIoSpace(PHYSICAL_ADDRESS(0x8000_0010), 100, MmNonCached)
    assert mapped is not None
    MmUnmapIoSpace(mapped, 100)


def keep_registers(device: object, irp: object, base: object, context: object) -> int:
    return DeallocateObjectKeepRegisters


def leave_channel_request(driver: DRIVER_OBJECT) -> None:
    """The first request takes all map registers, so that the second one waits."""
    adapter = take_adapter()
    device = make_device(driver)
    old = KeRaiseIrql(DISPATCH_LEVEL)
    for routine in (keep_registers, take_channel):
        adapter.dma_operations.allocate_adapter_channel(adapter, device, 4, routine, None)
    KeLowerIrql(old)
    IoDeleteDevice(device)


def take_channel(device: object, irp: object, base: object, context: object) -> int:
    raise AssertionError


@pytest.mark.row("DRV-11")
@pytest.mark.parametrize(
    ("leave", "words"),
    [
        (keep_adapter, ["a DMA adapter was not put back", "PutDmaAdapter"]),
        (keep_buffer, ["a DMA adapter was put back before", "a common buffer of 100 bytes was not freed"]),
        (keep_mapping, ["100 bytes of device memory at 0x80000010 are still mapped", "MmUnmapIoSpace"]),
        (give_all_back, []),
    ],
)
def test_DRV_11_the_ways_to_hardware_that_a_driver_leaves_are_defects_and_leaks(
    leave: Callable[[DRIVER_OBJECT], None], words: list[str]
) -> None:
    machine = open_machine(ScriptedTarget(), costs=Costs.free())
    unload_of(leave, verifier_flags=0)
    defects = [sentence for row, sentence in machine.defects if row == "DRV-11"]
    leaks: tuple[str, ...] = ()
    try:
        machine.close()
    except LeakReport as report:
        leaks = tuple(leak for leak in report.leaks if "<driver other>" not in leak.partition(",")[0])
    for found in ("\n".join(defects), "\n".join(leaks)):
        assert bool(found) is bool(words)
        assert all(word in found for word in words)
        assert all(
            "<driver careless> in " in line and "test_unload.py:" in line for line in found.splitlines()
        )


@pytest.mark.row("DRV-07")
def test_DRV_07_a_request_for_a_channel_that_waits_at_unload_is_stopped(machine: Machine) -> None:
    with pytest.raises(BugCheck) as stopped:
        unload_of(leave_channel_request)
    error = stopped.value
    assert error.code == 0xCE
    assert "request for the channel and 4 map registers" in error.reason
    assert "still waiting" in error.reason
    assert "in take_channel (" in str(error)


@pytest.mark.row("DRV-11")
@pytest.mark.parametrize(
    ("leave", "words"),
    [
        (open_twice, "must close its handles before its Unload routine returns"),
        (keep_thread_handle, "must close its handles before its Unload routine returns"),
        (keep_device, "must give its references back before its Unload routine returns"),
        (keep_object, "must give its references back before its Unload routine returns"),
        (keep_and_give_back, ""),
    ],
)
def test_DRV_11_handles_and_references_that_a_driver_leaves_are_defects(
    machine: Machine, leave: Callable[[DRIVER_OBJECT], None], words: str
) -> None:
    make_device(make_driver(OPEN_AND_CLOSE), NAME)
    unload_of(leave)
    defects = [str(defect) for defect in machine.defects]
    assert len(defects) == (1 if words else 0)
    assert all(words in defect and "<driver careless>" in defect for defect in defects)
    assert all("test_unload.py:" in defect or "making.py:" in defect for defect in defects)


@pytest.mark.row("DRV-11")
def test_DRV_11_a_driver_that_has_its_own_device_open_is_told_that_it_stays(machine: Machine) -> None:
    def leave(driver: DRIVER_OBJECT) -> None:
        for major, routine in OPEN_AND_CLOSE.items():
            driver.major_function[major] = routine
        make_device(driver, NAME)
        create_file(NAME)

    driver = unload_of(leave)
    assert machine.io.drivers["careless"] is driver
    (defect,) = map(str, machine.defects)
    assert "must close the handles of its own devices" in defect


@pytest.mark.row("DRV-11")
def test_DRV_11_the_leak_report_names_the_driver_of_a_handle() -> None:
    machine = open_machine(ScriptedTarget(), costs=Costs.free())
    make_device(make_driver(OPEN_AND_CLOSE, driver_unload=unload), NAME)
    make_driver({}, "careless", driver_unload=forget)
    guard.call_driver(guard.CALLBACK, machine.io.drivers["careless"], create_file, NAME)
    with pytest.raises(LeakReport, match=r"was not closed; <driver careless> opened it in .*making.py:"):
        machine.close()


def keep_pool(driver: DRIVER_OBJECT) -> None:
    ExAllocatePool2(POOL_FLAG_NON_PAGED, 100, POOL_TAG("Left"))


def keep_mdl(driver: DRIVER_OBJECT) -> None:
    IoAllocateMdl(0x1000, 10, False, False, None)


def keep_irp(driver: DRIVER_OBJECT) -> None:
    make_irp(1)


@pytest.mark.row("DRV-08")
@pytest.mark.parametrize("leave", [keep_pool, keep_mdl, keep_irp])
def test_DRV_08_pool_that_a_driver_leaves(machine: Machine, leave: Callable[[DRIVER_OBJECT], None]) -> None:
    with pytest.raises(BugCheck, match="must free all its pool, MDLs and IRPs") as stopped:
        unload_of(leave, verifier_flags=VERIFIER_POOL_TRACKING)
    assert (stopped.value.code, stopped.value.parameters) == (0xC4, (0x62, "careless", 0, 1))


def test_a_driver_that_unloads_while_it_has_a_request_is_stopped(machine: Machine) -> None:
    def leave(driver: DRIVER_OBJECT) -> None:
        driver.major_function[IRP_MJ_READ] = take
        irp = make_irp(1)
        IoGetNextIrpStackLocation(irp).major_function = IRP_MJ_READ
        device = make_device(driver)
        IoCallDriver(device, irp)
        IoDeleteDevice(device)

    def take(device: DEVICE_OBJECT, irp: IRP) -> int:
        IoMarkIrpPending(irp)
        return STATUS_PENDING

    with pytest.raises(BugCheck, match="was still with it: complete each request") as stopped:
        unload_of(leave)
    assert stopped.value.code == 0xCE


def test_a_driver_that_unloads_before_its_completion_routine_is_called_is_stopped(machine: Machine) -> None:
    def take(device: DEVICE_OBJECT, irp: IRP) -> int:
        IoMarkIrpPending(irp)
        return STATUS_PENDING

    def done(device: object, irp: IRP, context: object) -> int:
        raise AssertionError

    lower = make_device(make_driver({IRP_MJ_READ: take}))

    def leave(driver: DRIVER_OBJECT) -> None:
        irp = make_irp(1)
        IoGetNextIrpStackLocation(irp).major_function = IRP_MJ_READ
        IoSetCompletionRoutine(irp, done, None, True, True, True)
        IoCallDriver(lower, irp)

    with pytest.raises(BugCheck, match="with its completion routine: wait for the request") as stopped:
        unload_of(leave)
    assert stopped.value.code == 0xCE
    assert "done (" in str(stopped.value)


def test_a_driver_whose_unload_waits_for_ever_is_named_first(machine: Machine) -> None:
    """No request is there that could be named."""
    driver = make_driver(driver_unload=lambda _: KeWaitForSingleObject(Event.make_notification()))
    with pytest.raises(
        Deadlock, match=r"nothing can wake a thread: <driver \w+> waits in .*test_unload.py"
    ) as caught:
        unload_driver(driver)
    assert "for <notification event" in str(caught.value).partition("\n")[0]
