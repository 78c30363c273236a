/* SPDX-FileCopyrightText: dirql contributors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The part of a power policy owner that is the same for every device: IRPs about the system, and the ways down. The
 * twin of power_policy.py, which has more comments. */
#include "power_policy.h"

static IO_COMPLETION_ROUTINE PolicySystemPowerDone;
static REQUEST_POWER_COMPLETE PolicyDevicePowerDone;

/* IRP_MJ_POWER: SetDevicePower gets each IRP_MN_SET_POWER of the device, and releases the remove lock. */
NTSTATUS PolicyDispatchPower(PDEVICE_OBJECT Device, PIRP Irp, PDRIVER_DISPATCH SetDevicePower)
{
    PPOLICY_OWNER extension = Device->DeviceExtension;
    PIO_STACK_LOCATION stack;
    NTSTATUS status;

    PoStartNextPowerIrp(Irp);
    status = IoAcquireRemoveLock(&extension->RemoveLock, Irp);
    if (!NT_SUCCESS(status)) {
        Irp->IoStatus.Status = status;
        IoCompleteRequest(Irp, IO_NO_INCREMENT);
        return status;
    }
    stack = IoGetCurrentIrpStackLocation(Irp);
    if (stack->MinorFunction != IRP_MN_SET_POWER && stack->MinorFunction != IRP_MN_QUERY_POWER) {
        return PolicyPassDown(Device, Irp);
    }
    if (stack->Parameters.Power.Type != DevicePowerState) {
        return PolicyForward(Device, Irp, PolicySystemPowerDone);
    }
    if (stack->MinorFunction == IRP_MN_QUERY_POWER) {
        return PolicyPassDown(Device, Irp);
    }
    return SetDevicePower(Device, Irp);
}

/* Hand the IRP to the driver below as it is; the device below stays until that has returned. */
NTSTATUS PolicyPassDown(PDEVICE_OBJECT Device, PIRP Irp)
{
    PPOLICY_OWNER extension = Device->DeviceExtension;
    NTSTATUS status;

    IoSkipCurrentIrpStackLocation(Irp);
    status = IoCallDriver(extension->LowerDeviceObject, Irp);
    IoReleaseRemoveLock(&extension->RemoveLock, Irp);
    return status;
}

/* Hand the IRP to the driver below, and go on in a completion routine, which releases the remove lock. */
NTSTATUS PolicyForward(PDEVICE_OBJECT Device, PIRP Irp, PIO_COMPLETION_ROUTINE Routine)
{
    PPOLICY_OWNER extension = Device->DeviceExtension;

    IoMarkIrpPending(Irp);
    IoCopyCurrentIrpStackLocationToNext(Irp);
    IoSetCompletionRoutine(Irp, Routine, NULL, TRUE, TRUE, TRUE);
    IoCallDriver(extension->LowerDeviceObject, Irp);
    return STATUS_PENDING;
}

static VOID Complete(PDEVICE_OBJECT Device, PIRP Irp, NTSTATUS Status)
{
    PPOLICY_OWNER extension = Device->DeviceExtension;

    Irp->IoStatus.Status = Status;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    IoReleaseRemoveLock(&extension->RemoveLock, Irp);
}

/* The drivers below have agreed: ask for the state of the device that goes with the state of the system. */
static NTSTATUS PolicySystemPowerDone(PDEVICE_OBJECT Device, PIRP Irp, PVOID Context)
{
    PPOLICY_OWNER extension = Device->DeviceExtension;
    PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(Irp);
    POWER_STATE wanted;
    NTSTATUS status;

    UNREFERENCED_PARAMETER(Context);
    if (!NT_SUCCESS(Irp->IoStatus.Status)) {
        IoReleaseRemoveLock(&extension->RemoveLock, Irp);
        return STATUS_CONTINUE_COMPLETION;
    }
    wanted.DeviceState = extension->DeviceStates[stack->Parameters.Power.State.SystemState];
    status = PoRequestPowerIrp(extension->PhysicalDeviceObject, stack->MinorFunction, wanted, PolicyDevicePowerDone,
                               Irp, NULL);
    if (status != STATUS_PENDING) {
        Complete(Device, Irp, status);
    }
    return STATUS_MORE_PROCESSING_REQUIRED;
}

/* PowerCompletion: the device's IRP has ended, and with it the system's, which is the context. */
static VOID PolicyDevicePowerDone(PDEVICE_OBJECT Physical, UCHAR Minor, POWER_STATE State, PVOID Context,
                                  PIO_STATUS_BLOCK Result)
{
    PIRP irp = Context;

    UNREFERENCED_PARAMETER(Physical);
    UNREFERENCED_PARAMETER(Minor);
    UNREFERENCED_PARAMETER(State);
    Complete(IoGetCurrentIrpStackLocation(irp)->DeviceObject, irp, Result->Status);
}
