/* SPDX-FileCopyrightText: dirql contributors
 * SPDX-License-Identifier: Apache-2.0 */

/* A driver with mistakes: a control code makes one of them. The comment `here` marks the line that a report must name. */

#include <wdm.h>

#define TAG 'dabB'

enum { IN_DPC_READ = 1, IN_DPC_WAIT };

static volatile ULONG Sink;
static KDPC Dpc;
static KEVENT Event;

NTSTATUS Paged(ULONG value);
NTSTATUS Initial(ULONG value);

#ifdef ALLOC_PRAGMA
#pragma alloc_text(PAGE, Paged)
#pragma alloc_text(INIT, Initial)
#endif

NTSTATUS Paged(ULONG value)
{
    Sink += value;
    return STATUS_SUCCESS;
}

NTSTATUS Initial(ULONG value)
{
    Sink += value;
    return STATUS_SUCCESS;
}

static ULONG Recurse(ULONG depth)
{ /* here: stack overflow */
    volatile UCHAR room[512];

    room[0] = (UCHAR)depth;
    return Recurse(depth + 1) + room[0];
}

static VOID DpcRoutine(PKDPC Unused, PVOID Context, PVOID Argument1, PVOID Argument2)
{
    PUCHAR memory = Argument1;
    BOOLEAN is_user = (ULONG_PTR)Argument1 < 0x200000000000ULL;

    UNREFERENCED_PARAMETER(Unused);
    UNREFERENCED_PARAMETER(Argument2);
    if ((ULONG_PTR)Context == IN_DPC_WAIT) {
        KeInitializeEvent(&Event, NotificationEvent, FALSE);
        KeWaitForSingleObject(&Event, Executive, KernelMode, FALSE, NULL); /* here: wait in a DPC */
    } else if (is_user) {
        Sink = *memory; /* here: user pointer in a DPC */
    } else {
        Sink = *memory; /* here: paged pool in a DPC */
    }
}

static VOID QueueDpc(ULONG_PTR what, PVOID memory)
{
    KeInitializeDpc(&Dpc, DpcRoutine, (PVOID)what);
    KeInsertQueueDpc(&Dpc, memory, NULL);
}

static VOID Mistake(ULONG number, PIRP Irp, PIO_STACK_LOCATION stack)
{
    volatile int zero = 0;
    PUCHAR block;
    KIRQL old;
    KEVENT event;

    switch (number) {
    case 0: /* null pointer */
        *(volatile ULONG *)NULL = 1; /* here: null pointer */
        break;
    case 1: /* address that is not canonical */
        Sink = *(volatile ULONG *)0x8000123412341234ULL; /* here: address that is not canonical */
        break;
    case 2: /* paged pool at a raised IRQL */
        block = ExAllocatePoolWithTag(PagedPool, 100, TAG);
        block[0] = 1;
        KeRaiseIrql(DISPATCH_LEVEL, &old);
        Sink = block[0]; /* here: paged pool at a raised IRQL */
        break;
    case 3: /* freed pool */
        block = ExAllocatePoolWithTag(NonPagedPool, 8192, TAG);
        ExFreePoolWithTag(block, TAG);
        block[5] = 1; /* here: freed pool */
        break;
    case 4: /* stack overflow */
        Recurse(0);
        break;
    case 5: /* return at a raised IRQL */
        KeRaiseIrql(DISPATCH_LEVEL, &old);
        break;
    case 6: /* double completion */
        Irp->IoStatus.Status = STATUS_SUCCESS;
        Irp->IoStatus.Information = 0;
        IoCompleteRequest(Irp, IO_NO_INCREMENT);
        IoCompleteRequest(Irp, IO_NO_INCREMENT); /* here: double completion */
        break;
    case 7: /* division by zero */
        Sink = (ULONG)(5 / zero); /* here: division by zero */
        break;
    case 8: /* call to nowhere */
        ((void (*)(void))0x1234)(); /* here: call to nowhere */
        break;
    case 9: /* paged pool in a DPC */
        block = ExAllocatePoolWithTag(PagedPool, 100, TAG);
        block[0] = 1;
        QueueDpc(IN_DPC_READ, block);
        break;
    case 10: /* wait in a DPC */
        QueueDpc(IN_DPC_WAIT, NULL);
        break;
    case 11: /* user pointer in a DPC */
        block = stack->Parameters.DeviceIoControl.Type3InputBuffer;
        Sink = block[0];
        QueueDpc(IN_DPC_READ, block);
        break;
    case 12: /* write behind a block */
        block = ExAllocatePoolWithTag(NonPagedPool, 100, TAG);
        block[100] = 1;
        ExFreePoolWithTag(block, TAG); /* here: write behind a block */
        break;
    case 13: /* event without initialization */
        KeSetEvent(&event, IO_NO_INCREMENT, FALSE); /* here: event without initialization */
        break;
    case 14: /* paged code at a raised IRQL */
        KeRaiseIrql(DISPATCH_LEVEL, &old);
        Paged(1); /* here: paged code at a raised IRQL */
        KeLowerIrql(old);
        break;
    case 15: /* INIT code after DriverEntry */
        Initial(1); /* here: INIT code after DriverEntry */
        break;
    case 16: /* endless loop */
        for (;;) Sink++; /* here: endless loop */
        break;
    case 17: /* freed pool in a routine of the runtime */
        block = ExAllocatePoolWithTag(NonPagedPool, 8192, TAG);
        ExFreePoolWithTag(block, TAG);
        RtlZeroMemory(block, 100 + zero); /* here: freed pool in a routine of the runtime */
        break;
    }
}

static NTSTATUS Dispatch(PDEVICE_OBJECT Device, PIRP Irp)
{ /* here: return at a raised IRQL */
    PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(Irp);

    UNREFERENCED_PARAMETER(Device);
    if (stack->MajorFunction == IRP_MJ_DEVICE_CONTROL) {
        Mistake((stack->Parameters.DeviceIoControl.IoControlCode >> 2) & 0xff, Irp, stack);
    }
    Irp->IoStatus.Status = STATUS_SUCCESS;
    Irp->IoStatus.Information = 0;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return STATUS_SUCCESS;
}

static VOID Unload(PDRIVER_OBJECT DriverObject)
{
    IoDeleteDevice(DriverObject->DeviceObject);
}

NTSTATUS DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    UNICODE_STRING name;
    PDEVICE_OBJECT device;
    ULONG index;

    UNREFERENCED_PARAMETER(RegistryPath);
    Initial(1);
    Paged(1);
    RtlInitUnicodeString(&name, L"\\Device\\Bad");
    for (index = 0; index <= IRP_MJ_MAXIMUM_FUNCTION; index++) {
        DriverObject->MajorFunction[index] = Dispatch;
    }
    DriverObject->DriverUnload = Unload;
    return IoCreateDevice(DriverObject, 0, &name, FILE_DEVICE_UNKNOWN, 0, FALSE, &device);
}
