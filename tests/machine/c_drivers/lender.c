/* SPDX-FileCopyrightText: dirql contributors
 * SPDX-License-Identifier: Apache-2.0 */

/* A driver that lends the addresses of its code and of its data to others, and uses what others have lent it. The
 * comment `here` marks the line that a report must name. */

#include <ntddk.h>

#define DEVICE_NAME(service) L"\\Device\\" L## #service
#define NAME_OF(service) DEVICE_NAME(service)

typedef ULONG (*ROUTINE)(ULONG Value);

typedef struct _LOAN {
    ROUTINE Routine;
    volatile ULONG *Variable;
    PKEVENT Event;
} LOAN;

static volatile ULONG Variable = 7;
static KEVENT Event;

static ULONG Routine(ULONG Value)
{ /* here: lent */
    return Value + Variable;
}

static ULONG Use(ULONG Which, const LOAN *Loan)
{
    switch (Which) {
    case 1:
        return Loan->Routine(35) + 1; /* here: called */
    case 2:
        return *Loan->Variable; /* here: read */
    case 3:
        *Loan->Variable = 9; /* here: written */
        return 9;
    default:
        return KeSetEvent(Loan->Event, IO_NO_INCREMENT, FALSE) + 1; /* here: event */
    }
}

static NTSTATUS Dispatch(PDEVICE_OBJECT Device, PIRP Irp)
{
    PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(Irp);
    ULONG which = 0;

    UNREFERENCED_PARAMETER(Device);
    Irp->IoStatus.Information = 0;
    if (stack->MajorFunction == IRP_MJ_DEVICE_CONTROL) {
        which = stack->Parameters.DeviceIoControl.IoControlCode >> 2 & 7;
        if (which == 0) {
            LOAN loan = {Routine, &Variable, &Event};
            RtlCopyMemory(Irp->AssociatedIrp.SystemBuffer, &loan, sizeof loan);
            Irp->IoStatus.Information = sizeof loan;
        } else {
            *(PULONG)Irp->AssociatedIrp.SystemBuffer = Use(which, Irp->AssociatedIrp.SystemBuffer);
            Irp->IoStatus.Information = sizeof(ULONG);
        }
    }
    Irp->IoStatus.Status = STATUS_SUCCESS;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return STATUS_SUCCESS;
}

static VOID Unload(PDRIVER_OBJECT DriverObject)
{
    IoDeleteDevice(DriverObject->DeviceObject);
}

NTSTATUS DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    UNICODE_STRING name = RTL_CONSTANT_STRING(NAME_OF(SERVICE));
    PDEVICE_OBJECT device;

    UNREFERENCED_PARAMETER(RegistryPath);
#ifdef FAILS
    DbgPrint("%p", Routine);
    return STATUS_UNSUCCESSFUL;
#endif
    KeInitializeEvent(&Event, NotificationEvent, FALSE);
    DriverObject->MajorFunction[IRP_MJ_CREATE] = Dispatch;
    DriverObject->MajorFunction[IRP_MJ_CLOSE] = Dispatch;
    DriverObject->MajorFunction[IRP_MJ_CLEANUP] = Dispatch;
    DriverObject->MajorFunction[IRP_MJ_DEVICE_CONTROL] = Dispatch;
    DriverObject->DriverUnload = Unload;
    return IoCreateDevice(DriverObject, 0, &name, FILE_DEVICE_UNKNOWN, 0, FALSE, &device);
}
