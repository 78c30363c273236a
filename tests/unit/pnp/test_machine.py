# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The beginning and the end of a machine: one at a time, always released, with a report of leaks."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import cast

import pytest

from dirql.io.manager import running as io_manager
from dirql.io.objects import DriverEntry
from dirql.ke.bugcheck import BugCheck
from dirql.ke.costs import Costs
from dirql.ke.current import current as ke_current
from dirql.machine import DriverModule, LeakReport, LoadError, Machine, open_machine
from dirql.target.contract import LinkLost, TargetClosed
from dirql.wdm import (
    APC_LEVEL,
    DEVICE_OBJECT,
    DISPATCH_LEVEL,
    DRIVER_OBJECT,
    FILE_DEVICE_UNKNOWN,
    IO_NO_INCREMENT,
    IRP,
    IRP_MJ_CLEANUP,
    IRP_MJ_CLOSE,
    IRP_MJ_CREATE,
    IRP_MJ_READ,
    KDPC,
    KTIMER,
    PASSIVE_LEVEL,
    PHYSICAL_ADDRESS,
    POOL_FLAG_NON_PAGED,
    POOL_FLAG_PAGED,
    POOL_TAG,
    STATUS_CANCELLED,
    STATUS_PENDING,
    STATUS_SUCCESS,
    STATUS_UNSUCCESSFUL,
    ExAllocatePool2,
    Executive,
    IoAllocateIrp,
    IoAllocateMdl,
    IoCompleteRequest,
    IoConnectInterrupt,
    IoCreateDevice,
    IoCreateSymbolicLink,
    IoDeleteDevice,
    IoGetAttachedDeviceReference,
    IoMarkIrpPending,
    IoReleaseCancelSpinLock,
    IoSetCancelRoutine,
    KeGetCurrentIrql,
    KeInitializeDpc,
    KeInitializeTimer,
    KeLowerIrql,
    KeRaiseIrql,
    KernelMode,
    KeSetTimer,
    KeWaitForSingleObject,
    LevelSensitive,
    MmMapIoSpace,
    MmNonCached,
    PsCreateSystemThread,
    RtlWriteMemory,
)
from fakes.scripted_target import ScriptedTarget
from unit.io.making import create_file

NAME = r"\Device\Left"


def open_scripted() -> Machine:
    return open_machine(ScriptedTarget(), costs=Costs.free())


class Careless:
    """A driver that makes a device, and leaves the things behind that the test names."""

    def __init__(
        self, what: Callable[[], object], *, tidy: bool = True, read: Callable[..., int] | None = None
    ) -> None:
        self.DriverEntry: DriverEntry = self.enter
        self.what = what
        self.tidy = tidy
        self.read = read

    def enter(self, driver: DRIVER_OBJECT, registry_path: str) -> int:
        for major in (IRP_MJ_CREATE, IRP_MJ_CLEANUP, IRP_MJ_CLOSE):
            driver.major_function[major] = self.succeed
        if self.read is not None:
            driver.major_function[IRP_MJ_READ] = self.read
        driver.driver_unload = self.unload
        IoCreateDevice(driver, None, NAME, FILE_DEVICE_UNKNOWN, 0, False)
        self.what()
        return STATUS_SUCCESS

    def succeed(self, device: DEVICE_OBJECT, irp: IRP) -> int:
        irp.io_status.status = STATUS_SUCCESS
        IoCompleteRequest(irp, IO_NO_INCREMENT)
        return STATUS_SUCCESS

    def unload(self, driver: DRIVER_OBJECT) -> None:
        if self.tidy and driver.device_object is not None:
            IoDeleteDevice(driver.device_object)


def nothing() -> None:
    pass


def own_device() -> DEVICE_OBJECT:
    """The device of the driver that is being loaded."""
    device = io_manager.value.drivers["careless"].device_object
    assert device is not None
    return device


def leak_timer() -> None:
    timer, dpc = KTIMER(), KDPC()
    KeInitializeTimer(timer)
    KeInitializeDpc(dpc, never, None)
    KeSetTimer(timer, -10_000_000_000, dpc)


def never(dpc: KDPC, context: object, argument1: object, argument2: object) -> None:
    raise AssertionError


def serve(interrupt: object, context: object) -> bool:
    return True


def leak_thread() -> None:
    event_that_never_comes = KTIMER()
    KeInitializeTimer(event_that_never_comes)

    def wait(context: object) -> None:
        KeWaitForSingleObject(event_that_never_comes, Executive, KernelMode, False, None)

    PsCreateSystemThread(0, None, None, wait, None)


LEAKS: list[tuple[Callable[[], object], str]] = [
    (
        lambda: ExAllocatePool2(POOL_FLAG_NON_PAGED, 10, POOL_TAG("Left")),
        "1 blocks of nonpaged pool with tag 'Left'",
    ),
    (
        lambda: ExAllocatePool2(POOL_FLAG_PAGED, 10, POOL_TAG("Left")),
        "1 blocks of paged pool with tag 'Left'",
    ),
    (lambda: IoAllocateMdl(0x1000, 10, False, False, None), "1 MDLs were not freed"),
    (
        lambda: IoGetAttachedDeviceReference(own_device()),
        "of <driver careless>> was not given back; <driver careless> took it in",
    ),
    (lambda: IoAllocateIrp(1, False), "was neither completed nor freed"),
    (
        lambda: MmMapIoSpace(PHYSICAL_ADDRESS(0x8000_0000), 4096, MmNonCached),
        "4096 bytes of device memory at 0x80000000 are still mapped, by <driver careless> in",
    ),
    (
        lambda: IoConnectInterrupt(serve, None, None, 0x50, 5, 5, LevelSensitive, True, 1, False),
        "serve, vector 0x50> was not disconnected",
    ),
    (lambda: IoCreateSymbolicLink(r"\DosDevices\Left0", NAME), r"the name \??\Left0 was not deleted"),
    (leak_timer, "is still set"),
    (leak_thread, "has not ended"),
]


@pytest.mark.parametrize(("what", "report"), LEAKS)
def test_what_drivers_leave_is_reported(what: Callable[[], object], report: str) -> None:
    machine = open_scripted()
    machine.load_driver(Careless(what), "careless")
    with pytest.raises(LeakReport) as leaked:
        machine.close()
    (leak,) = [each for each in leaked.value.leaks if report in each]
    assert leak in str(leaked.value)
    assert not ke_current.is_running()


def test_a_tidy_driver() -> None:
    with open_scripted() as machine:
        machine.load_driver(Careless(nothing), "careless")
    assert machine.closed


def test_a_device_that_stays() -> None:
    machine = open_scripted()
    machine.load_driver(Careless(nothing, tidy=False), "careless")
    with pytest.raises(LeakReport, match=r"the name \\Device\\Left was not deleted"):
        machine.close()


def test_a_handle_of_a_driver() -> None:
    machine = open_scripted()
    machine.load_driver(Careless(nothing), "careless")
    create_file(NAME, 0, 0)
    with pytest.raises(LeakReport, match=r"handle 0x4 of .* was not closed"):
        machine.close()


def test_programs_may_leave_handles_and_requests() -> None:
    ended: list[int] = []

    def cancel(device: DEVICE_OBJECT, irp: IRP) -> None:
        IoReleaseCancelSpinLock(irp.cancel_irql)
        irp.io_status.status = STATUS_CANCELLED
        ended.append(STATUS_CANCELLED)
        IoCompleteRequest(irp, IO_NO_INCREMENT)

    def read(device: DEVICE_OBJECT, irp: IRP) -> int:
        IoMarkIrpPending(irp)
        IoSetCancelRoutine(irp, cancel)
        return STATUS_PENDING

    with open_scripted() as machine:
        machine.load_driver(Careless(nothing, read=read), "careless")
        request = machine.open(NAME).read_overlapped(10)
    assert ended == [STATUS_CANCELLED]
    assert request.status == STATUS_CANCELLED


def test_a_request_that_never_ends_is_reported() -> None:
    def read(device: DEVICE_OBJECT, irp: IRP) -> int:
        IoMarkIrpPending(irp)
        return STATUS_PENDING

    machine = open_scripted()
    machine.load_driver(Careless(nothing, read=read), "careless")
    machine.open(NAME).read_overlapped(10)
    with pytest.raises(LeakReport, match=r"neither completed nor freed: IRP .*IRP_MJ_READ.*driver careless"):
        machine.close()


def test_one_machine_at_a_time() -> None:
    with open_scripted(), pytest.raises(RuntimeError, match="one machine may be open at a time in a process"):
        open_scripted()
    with open_scripted():
        pass


def test_after_a_bug_check_everything_is_released() -> None:
    def read(device: DEVICE_OBJECT, irp: IRP) -> int:
        raise ZeroDivisionError

    target = ScriptedTarget()
    with pytest.raises(BugCheck, match="ZeroDivisionError"):
        load_and_read(target, read)
    assert_released(target)


def load_and_read(target: ScriptedTarget, read: Callable[..., int]) -> None:
    with open_machine(target) as machine:
        machine.load_driver(Careless(nothing, read=read), "careless")
        machine.open(NAME).read(1)


def assert_released(target: ScriptedTarget) -> None:
    assert not ke_current.is_running()
    with pytest.raises(TargetClosed):
        target.now()
    with pytest.raises(RuntimeError, match="I/O routines need an open machine"):
        io_manager.value.drivers.clear()
    open_scripted().close()


@pytest.mark.parametrize("error", [KeyboardInterrupt, LinkLost])
def test_what_interrupts_a_driver_goes_up_and_everything_is_released(error: type[BaseException]) -> None:
    def read(device: DEVICE_OBJECT, irp: IRP) -> int:
        raise error

    target = ScriptedTarget()
    with pytest.raises(error):
        load_and_read(target, read)
    assert_released(target)


def test_an_error_of_the_program_hides_no_leak_and_is_not_hidden() -> None:
    def fail() -> None:
        with open_scripted() as machine:
            machine.load_driver(Careless(leak_timer), "careless")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError) as failed:
        fail()
    assert "is still set" in failed.value.__notes__[0]
    assert not ke_current.is_running()


def test_drivers_named_at_the_opening() -> None:
    with open_machine(ScriptedTarget(), drivers=[Careless(nothing)]) as machine:
        assert list(machine.io.drivers) == ["pci", "Careless"]
    broken = Careless(nothing)
    broken.DriverEntry = refuse
    with pytest.raises(LoadError, match="the driver Careless: DriverEntry ended with STATUS_UNSUCCESSFUL"):
        open_machine(ScriptedTarget(), drivers=[broken])
    assert not ke_current.is_running()


def test_a_driver_may_be_named_by_its_file_or_its_module(tmp_path: Path) -> None:
    file = tmp_path / "named.py"
    file.write_text(
        "def DriverEntry(driver, path):\n    driver.driver_unload = print\n    return 0\n", encoding="utf-8"
    )
    with open_machine(ScriptedTarget(), drivers=str(file), limits="request=off") as machine:
        machine.load_driver(file, "again")
        assert list(machine.io.drivers) == ["pci", "named", "again"]
        with pytest.raises(ValueError, match=r"no_driver\.py': it is not there"):
            machine.load_driver("no_driver.py")
        with pytest.raises(ValueError, match=r'interrupt must be one of "level", .*; it was \'edge\''):
            machine.load_driver(file, "third", interrupt="edge")


@pytest.mark.parametrize("checks", [True, False])
def test_the_checks_of_pool_are_switched_with_the_machine(checks: bool) -> None:
    with open_machine(ScriptedTarget(), pool_checks=checks) as machine:
        manager = machine.memory_manager
        assert (manager.nonpaged_pool.checked, manager.paged_pool.checked) == (checks, checks)
    with open_machine(ScriptedTarget()) as machine:
        assert machine.memory_manager.nonpaged_pool.checked, "on by default"


@pytest.mark.parametrize("checks", [True, False])
def test_the_checks_of_buffers_are_switched_with_the_machine(checks: bool) -> None:
    with open_machine(ScriptedTarget(), buffer_checks=checks) as machine:
        process = machine.memory_manager.process
        first = process.allocate(64)
        first.write(bytes(64))
        first.free()
        second = process.allocate(64)
        assert second.base == first.base
        assert (second.read() != bytes(64)) == process.is_poisoned == checks
        second.free()
    with open_machine(ScriptedTarget()) as machine:
        assert machine.memory_manager.process.is_poisoned, "on by default"


@pytest.mark.parametrize("driver", [5, object()])
def test_something_that_is_no_driver(driver: object) -> None:
    with open_scripted() as machine:
        with pytest.raises(
            TypeError, match=r"with a routine DriverEntry\(driver_object, registry_path\)"
        ) as failed:
            machine.load_driver(cast("DriverModule", driver))
        assert repr(driver) in str(failed.value)
        assert list(machine.io.drivers) == ["pci"]


def test_a_driver_by_its_file_and_by_its_name(tmp_path: Path) -> None:
    file = tmp_path / "quiet.py"
    file.write_text(
        "def DriverEntry(driver, path):\n    driver.driver_unload = print\n    return 0\n", encoding="utf-8"
    )
    with open_scripted() as machine:
        for driver in (file, str(file)):
            loaded = machine.load_driver(driver, name=f"service{len(machine.io.drivers)}")
            assert loaded.driver_extension.service_key_name in machine.io.drivers
        assert machine.load_driver("dirql.drivers.gpio").driver_unload is not None


def test_a_driver_that_is_not_verified() -> None:
    """The rule that a dispatch routine returns at the IRQL at which it was called is Driver Verifier's."""

    def read(device: DEVICE_OBJECT, irp: IRP) -> int:
        irp.io_status.status = STATUS_SUCCESS
        IoCompleteRequest(irp, IO_NO_INCREMENT)
        KeRaiseIrql(APC_LEVEL)
        return STATUS_SUCCESS

    with open_scripted() as machine:
        driver = machine.load_driver(Careless(nothing, read=read), "careless", verifier=None)
        assert machine.kernel.verifier.flags_of(driver) is None
        machine.open(NAME).read(1)
        assert KeGetCurrentIrql() == APC_LEVEL
        KeLowerIrql(PASSIVE_LEVEL)
    with pytest.raises(BugCheck, match="must return at PASSIVE_LEVEL"):
        load_and_read(ScriptedTarget(), read)


def refuse(driver: DRIVER_OBJECT, registry_path: str) -> int:
    return STATUS_UNSUCCESSFUL


@pytest.mark.parametrize("processors", [0, 65])
def test_processors(processors: int) -> None:
    target = ScriptedTarget()
    with pytest.raises(ValueError, match=r"a machine must have 1 … 64 processors"):
        open_machine(target, processors=processors)
    assert_released(target)


def test_unknown_targets() -> None:
    with pytest.raises(ValueError, match="did you mean verilated"):
        open_machine("verilatd")
    assert not ke_current.is_running()


def test_program_threads() -> None:
    with open_scripted() as machine:
        assert machine.create_thread(lambda: 5).join() == 5

        def fail() -> None:
            raise KeyError("mine")

        thread = machine.create_thread(fail)
        with pytest.raises(KeyError, match="mine"):
            thread.join()


def test_a_seed_makes_the_schedule_random_and_the_same_again() -> None:
    def run(seed: int) -> list[int]:
        order: list[int] = []
        with open_machine(ScriptedTarget(), seed=seed) as machine:
            threads = [machine.create_thread(partial(order.append, n)) for n in range(12)]
            for thread in threads:
                thread.join()
        return order

    assert run(0) == list(range(12))
    assert run(7) == run(7)
    assert sorted(run(7)) == list(range(12))
    assert any(run(seed) != run(0) for seed in range(1, 8))


def test_an_interrupt_from_the_keyboard_at_a_raised_level_comes_up_unchanged() -> None:
    def interrupted() -> None:
        with open_machine(ScriptedTarget()):
            KeRaiseIrql(DISPATCH_LEVEL)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    with open_machine(ScriptedTarget()):
        assert KeGetCurrentIrql() == PASSIVE_LEVEL


@pytest.mark.row("IRQL-12")
def test_pageable_memory_at_dispatch_level_is_a_bug_check_in_every_machine() -> None:
    with open_machine(ScriptedTarget()):
        address = ExAllocatePool2(POOL_FLAG_PAGED, 16, POOL_TAG("Page"))
        assert address is not None
        RtlWriteMemory(address, bytes(16))
        KeRaiseIrql(DISPATCH_LEVEL)
        with pytest.raises(BugCheck, match="IRQL_NOT_LESS_OR_EQUAL"):
            RtlWriteMemory(address, bytes(16))
