# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""A bus driver with devices of its own, and function drivers for them, that record the power IRPs that they get."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dirql.drivers.pci.identity import pool_strings
from dirql.io.objects import DriverEntry
from dirql.registers.functions import Store
from dirql.wdm import (
    DEVICE_OBJECT,
    DEVICE_RELATIONS,
    DO_BUS_ENUMERATED_DEVICE,
    DO_DEVICE_INITIALIZING,
    DO_POWER_PAGABLE,
    DRIVER_OBJECT,
    FILE_DEVICE_UNKNOWN,
    IO_NO_INCREMENT,
    IO_STATUS_BLOCK,
    IRP,
    IRP_MJ_PNP,
    IRP_MJ_POWER,
    IRP_MN_QUERY_DEVICE_RELATIONS,
    IRP_MN_QUERY_ID,
    IRP_MN_QUERY_POWER,
    IRP_MN_REMOVE_DEVICE,
    IRP_MN_SET_POWER,
    IRP_MN_START_DEVICE,
    IRP_MN_WAIT_WAKE,
    NT_SUCCESS,
    POWER_STATE,
    STATUS_CANCELLED,
    STATUS_CONTINUE_COMPLETION,
    STATUS_DEVICE_BUSY,
    STATUS_MORE_PROCESSING_REQUIRED,
    STATUS_PENDING,
    STATUS_SUCCESS,
    BusQueryHardwareIDs,
    BusQueryInstanceID,
    BusRelations,
    DevicePowerState,
    IoAttachDeviceToDeviceStack,
    IoCallDriver,
    IoCompleteRequest,
    IoCopyCurrentIrpStackLocationToNext,
    IoCreateDevice,
    IoDeleteDevice,
    IoDetachDevice,
    IoForwardIrpSynchronously,
    IoGetCurrentIrpStackLocation,
    IoMarkIrpPending,
    IoReleaseCancelSpinLock,
    IoSetCancelRoutine,
    IoSetCompletionRoutine,
    IoSkipCurrentIrpStackLocation,
    KeGetCurrentIrql,
    ObReferenceObject,
    PoRequestPowerIrp,
    PoSetPowerState,
    PowerDeviceD0,
    PowerDeviceD3,
    PowerSystemWorking,
)

Event = tuple[str, str]
_MINORS = {IRP_MN_SET_POWER: "set", IRP_MN_QUERY_POWER: "query", IRP_MN_WAIT_WAKE: "wake"}


def named(irp: IRP) -> str:
    """A power IRP in a few letters, such as "set S3"."""
    stack = IoGetCurrentIrpStackLocation(irp)
    minor = _MINORS[stack.minor_function]
    if minor == "wake":
        return f"wake S{stack.parameters.wait_wake.power_state - 1}"
    power = stack.parameters.power
    letter = "D" if power.type == DevicePowerState else "S"
    return f"{minor} {letter}{power.state.system_state - 1}"


def complete(irp: IRP, status: int) -> int:
    irp.io_status.status = status
    IoCompleteRequest(irp, IO_NO_INCREMENT)
    return status


class Lower:
    lower: DEVICE_OBJECT
    physical: DEVICE_OBJECT


@dataclass
class Child:
    """A device on the bus."""

    name: str
    flags: int = DO_POWER_PAGABLE
    device: DEVICE_OBJECT | None = None
    armed: IRP | None = None
    """The IRP_MN_WAIT_WAKE that is pending."""

    def signal(self) -> None:
        """Do as a device does that wakes the system."""
        irp, self.armed = self.armed, None
        assert irp is not None
        IoSetCancelRoutine(irp, None)
        complete(irp, STATUS_SUCCESS)


class Passing:
    """A driver that hands all requests of its device down."""

    name = ""

    def __init__(self, log: list[Event], flags: int = DO_POWER_PAGABLE) -> None:
        self.DriverEntry: DriverEntry = self.enter
        self.log = log
        self.flags = flags
        self.levels: list[int] = []
        self.irps: list[IRP] = []
        self.device: DEVICE_OBJECT | None = None

    def enter(self, driver: DRIVER_OBJECT, registry_path: str) -> int:
        driver.driver_extension.add_device = self.add_device
        driver.driver_unload = lambda _: None
        driver.major_function[IRP_MJ_PNP] = self.pnp
        driver.major_function[IRP_MJ_POWER] = self.power
        return STATUS_SUCCESS

    def add_device(self, driver: DRIVER_OBJECT, physical: DEVICE_OBJECT) -> int:
        _, device = IoCreateDevice(driver, Lower, None, FILE_DEVICE_UNKNOWN, 0, False)
        assert device is not None
        lower = IoAttachDeviceToDeviceStack(device, physical)
        assert lower is not None
        device.device_extension.lower = lower
        device.device_extension.physical = physical
        device.flags |= self.flags
        device.flags &= ~DO_DEVICE_INITIALIZING
        self.device = device
        return STATUS_SUCCESS

    def pnp(self, device: DEVICE_OBJECT, irp: IRP) -> int:
        minor = IoGetCurrentIrpStackLocation(irp).minor_function
        lower = device.device_extension.lower
        if minor == IRP_MN_START_DEVICE:
            IoForwardIrpSynchronously(lower, irp)
            return complete(irp, irp.io_status.status)
        status = self.pass_down(device, irp)
        if minor == IRP_MN_REMOVE_DEVICE:
            IoDetachDevice(lower)
            IoDeleteDevice(device)
        return status

    def pass_down(self, device: DEVICE_OBJECT, irp: IRP) -> int:
        IoSkipCurrentIrpStackLocation(irp)
        return IoCallDriver(device.device_extension.lower, irp)

    def power(self, device: DEVICE_OBJECT, irp: IRP) -> int:
        self.note(self.name, irp)
        return self.pass_down(device, irp)

    def note(self, name: str, irp: IRP) -> None:
        self.log.append((name, named(irp)))
        self.levels.append(KeGetCurrentIrql())
        self.irps.append(irp)


class Bus(Passing):
    """The driver of a PCI function that is a bus with these devices."""

    HARDWARE_IDS = (Store.HARDWARE_ID,)
    name = "bus"

    def __init__(self, log: list[Event], *children: Child, flags: int = DO_POWER_PAGABLE) -> None:
        super().__init__(log, flags)
        self.children = children
        self.answers: dict[str, Callable[[Child, IRP], int]] = {}
        """By a power IRP in letters, what a device's driver does with it instead of succeeding."""

    def child_of(self, device: DEVICE_OBJECT) -> Child | None:
        return next((child for child in self.children if child.device is device), None)

    def pnp(self, device: DEVICE_OBJECT, irp: IRP) -> int:
        stack = IoGetCurrentIrpStackLocation(irp)
        child = self.child_of(device)
        if child is not None:
            return self.answer(child, irp)
        relations = stack.parameters.query_device_relations
        if stack.minor_function == IRP_MN_QUERY_DEVICE_RELATIONS and relations.type == BusRelations:
            irp.io_status.information_object = DEVICE_RELATIONS(tuple(map(self.report, self.children)))
            irp.io_status.status = STATUS_SUCCESS
        if stack.minor_function == IRP_MN_REMOVE_DEVICE:
            for each in self.children:
                assert each.device is not None
                IoDeleteDevice(each.device)
        return super().pnp(device, irp)

    def report(self, child: Child) -> DEVICE_OBJECT:
        assert self.device is not None
        if child.device is None:
            _, child.device = IoCreateDevice(
                self.device.driver_object, None, None, FILE_DEVICE_UNKNOWN, 0, False
            )
            assert child.device is not None
            child.device.flags |= DO_BUS_ENUMERATED_DEVICE | child.flags
            child.device.flags &= ~DO_DEVICE_INITIALIZING
        ObReferenceObject(child.device)
        return child.device

    def answer(self, child: Child, irp: IRP) -> int:
        """A Plug and Play request for a device of the bus."""
        stack = IoGetCurrentIrpStackLocation(irp)
        if stack.minor_function == IRP_MN_QUERY_ID:
            kind = stack.parameters.query_id.id_type
            if kind in (BusQueryHardwareIDs, BusQueryInstanceID):
                text = rf"FAKE\{child.name}" if kind == BusQueryHardwareIDs else "0"
                address = pool_strings([text], multiple=kind == BusQueryHardwareIDs)
                assert address is not None
                irp.io_status.information = address
                return complete(irp, STATUS_SUCCESS)
            return complete(irp, irp.io_status.status)
        is_query = stack.minor_function == IRP_MN_QUERY_DEVICE_RELATIONS
        return complete(irp, irp.io_status.status if is_query else STATUS_SUCCESS)

    def power(self, device: DEVICE_OBJECT, irp: IRP) -> int:
        child = self.child_of(device)
        if child is None:
            return super().power(device, irp)
        self.note(f"pdo {child.name}", irp)
        if named(irp) in self.answers:
            return self.answers[named(irp)](child, irp)
        stack = IoGetCurrentIrpStackLocation(irp)
        if stack.minor_function == IRP_MN_WAIT_WAKE:
            return self.arm(child, irp)
        power = stack.parameters.power
        if stack.minor_function == IRP_MN_SET_POWER and power.type == DevicePowerState:
            PoSetPowerState(device, DevicePowerState, power.state)
        return complete(irp, STATUS_SUCCESS)

    def arm(self, child: Child, irp: IRP) -> int:
        if child.armed is not None:
            return complete(irp, STATUS_DEVICE_BUSY)
        child.armed = irp
        IoMarkIrpPending(irp)
        IoSetCancelRoutine(irp, self.cancel)
        return STATUS_PENDING

    def cancel(self, device: DEVICE_OBJECT, irp: IRP) -> None:
        IoReleaseCancelSpinLock(irp.cancel_irql)
        child = self.child_of(device)
        assert child is not None
        child.armed = None
        complete(irp, STATUS_CANCELLED)


@dataclass
class Held:
    """A device's IRP that a driver keeps."""

    device: DEVICE_OBJECT
    irp: IRP


class Owner(Passing):
    """A function driver that owns the power policy of its device."""

    def __init__(self, log: list[Event], name: str, *others: str, flags: int = DO_POWER_PAGABLE) -> None:
        super().__init__(log, flags)
        self.name = name
        self.HARDWARE_IDS: Sequence[str] = [rf"FAKE\{each}" for each in (name, *others)]
        self.answers: dict[str, Callable[[DEVICE_OBJECT, IRP], int]] = {}
        """By a power IRP in letters, what the driver does with it instead."""
        self.held: list[Held] = []

    def power(self, device: DEVICE_OBJECT, irp: IRP) -> int:
        self.note(self.name, irp)
        stack = IoGetCurrentIrpStackLocation(irp)
        if named(irp) in self.answers:
            return self.answers[named(irp)](device, irp)
        power = stack.parameters.power
        if stack.minor_function != IRP_MN_SET_POWER or power.type == DevicePowerState:
            return self.pass_down(device, irp)
        IoMarkIrpPending(irp)
        IoCopyCurrentIrpStackLocationToNext(irp)
        IoSetCompletionRoutine(irp, self.system_done, None, True, True, True)
        IoCallDriver(device.device_extension.lower, irp)
        return STATUS_PENDING

    def hold(self, device: DEVICE_OBJECT, irp: IRP) -> int:
        """Keep an IRP until `go_on`; an answer for `answers`."""
        IoMarkIrpPending(irp)
        self.held.append(Held(device, irp))
        return STATUS_PENDING

    def go_on(self) -> None:
        """Pass the oldest IRP on that is held."""
        held = self.held.pop(0)
        IoCopyCurrentIrpStackLocationToNext(held.irp)
        IoCallDriver(held.device.device_extension.lower, held.irp)

    def system_done(self, device: DEVICE_OBJECT | None, irp: IRP, context: object) -> int:
        assert device is not None
        if not NT_SUCCESS(irp.io_status.status):
            return STATUS_CONTINUE_COMPLETION
        power = IoGetCurrentIrpStackLocation(irp).parameters.power
        works = power.state.system_state == PowerSystemWorking
        state = POWER_STATE(device_state=PowerDeviceD0 if works else PowerDeviceD3)
        PoRequestPowerIrp(device.device_extension.physical, IRP_MN_SET_POWER, state, self.device_done, irp)
        return STATUS_MORE_PROCESSING_REQUIRED

    def device_done(
        self, device: DEVICE_OBJECT, minor: int, state: POWER_STATE, context: object, result: IO_STATUS_BLOCK
    ) -> None:
        assert isinstance(context, IRP)
        complete(context, result.status)
