/* SPDX-FileCopyrightText: dirql contributors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Reads wait in a cancel-safe queue until a write brings their data: each write serves the oldest read. Reads can be
 * cancelled at any time, and go when their handle is closed.
 */
#include <ntddk.h>

typedef struct _EXTENSION {
    IO_CSQ Queue;
    LIST_ENTRY Waiting;
    KSPIN_LOCK Lock;
} EXTENSION, *PEXTENSION;

DRIVER_INITIALIZE DriverEntry;
static DRIVER_UNLOAD Unload;
static DRIVER_DISPATCH Succeed;
static DRIVER_DISPATCH Cleanup;
static DRIVER_DISPATCH Read;
static DRIVER_DISPATCH Write;
static IO_CSQ_INSERT_IRP InsertIrp;
static IO_CSQ_REMOVE_IRP RemoveIrp;
static IO_CSQ_PEEK_NEXT_IRP PeekNextIrp;
static IO_CSQ_ACQUIRE_LOCK AcquireLock;
static IO_CSQ_RELEASE_LOCK ReleaseLock;
static IO_CSQ_COMPLETE_CANCELED_IRP CompleteCanceledIrp;

static PEXTENSION ExtensionOf(PIO_CSQ Csq)
{
    return CONTAINING_RECORD(Csq, EXTENSION, Queue);
}

static VOID InsertIrp(PIO_CSQ Csq, PIRP Irp)
{
    InsertTailList(&ExtensionOf(Csq)->Waiting, &Irp->Tail.Overlay.ListEntry);
}

static VOID RemoveIrp(PIO_CSQ Csq, PIRP Irp)
{
    UNREFERENCED_PARAMETER(Csq);
    RemoveEntryList(&Irp->Tail.Overlay.ListEntry);
}

/* The next request behind Irp; of one file, if there is a context. */
static PIRP PeekNextIrp(PIO_CSQ Csq, PIRP Irp, PVOID PeekContext)
{
    PLIST_ENTRY head = &ExtensionOf(Csq)->Waiting;
    PLIST_ENTRY entry = Irp == NULL ? head->Flink : Irp->Tail.Overlay.ListEntry.Flink;

    for (; entry != head; entry = entry->Flink) {
        PIRP next = CONTAINING_RECORD(entry, IRP, Tail.Overlay.ListEntry);

        if (PeekContext == NULL || IoGetCurrentIrpStackLocation(next)->FileObject == PeekContext) {
            return next;
        }
    }
    return NULL;
}

static VOID AcquireLock(PIO_CSQ Csq, PKIRQL Irql)
{
    KeAcquireSpinLock(&ExtensionOf(Csq)->Lock, Irql);
}

static VOID ReleaseLock(PIO_CSQ Csq, KIRQL Irql)
{
    KeReleaseSpinLock(&ExtensionOf(Csq)->Lock, Irql);
}

static NTSTATUS Complete(PIRP Irp, NTSTATUS Status, ULONG_PTR Information)
{
    Irp->IoStatus.Status = Status;
    Irp->IoStatus.Information = Information;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return Status;
}

static VOID CompleteCanceledIrp(PIO_CSQ Csq, PIRP Irp)
{
    UNREFERENCED_PARAMETER(Csq);
    Complete(Irp, STATUS_CANCELLED, 0);
}

static NTSTATUS Succeed(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    UNREFERENCED_PARAMETER(DeviceObject);
    return Complete(Irp, STATUS_SUCCESS, 0);
}

static NTSTATUS Cleanup(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PEXTENSION extension = DeviceObject->DeviceExtension;
    PIRP waiting;

    while ((waiting = IoCsqRemoveNextIrp(&extension->Queue, IoGetCurrentIrpStackLocation(Irp)->FileObject)) != NULL) {
        Complete(waiting, STATUS_CANCELLED, 0);
    }
    return Complete(Irp, STATUS_SUCCESS, 0);
}

static NTSTATUS Read(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PEXTENSION extension = DeviceObject->DeviceExtension;

    IoCsqInsertIrp(&extension->Queue, Irp, NULL); /* it marks the request pending */
    return STATUS_PENDING;
}

static NTSTATUS Write(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PEXTENSION extension = DeviceObject->DeviceExtension;
    ULONG length = IoGetCurrentIrpStackLocation(Irp)->Parameters.Write.Length;
    PIRP waiting = IoCsqRemoveNextIrp(&extension->Queue, NULL);
    ULONG room;

    if (waiting == NULL) {
        return Complete(Irp, STATUS_NO_SUCH_DEVICE, 0);
    }
    room = IoGetCurrentIrpStackLocation(waiting)->Parameters.Read.Length;
    length = length < room ? length : room;
    RtlCopyMemory(waiting->AssociatedIrp.SystemBuffer, Irp->AssociatedIrp.SystemBuffer, length);
    Complete(waiting, STATUS_SUCCESS, length);
    return Complete(Irp, STATUS_SUCCESS, length);
}

static VOID Unload(PDRIVER_OBJECT DriverObject)
{
    UNICODE_STRING link = RTL_CONSTANT_STRING(L"\\DosDevices\\Waiting");

    IoDeleteSymbolicLink(&link);
    IoDeleteDevice(DriverObject->DeviceObject);
}

NTSTATUS DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    UNICODE_STRING name = RTL_CONSTANT_STRING(L"\\Device\\Waiting");
    UNICODE_STRING link = RTL_CONSTANT_STRING(L"\\DosDevices\\Waiting");
    PDEVICE_OBJECT device;
    PEXTENSION extension;
    NTSTATUS status;

    UNREFERENCED_PARAMETER(RegistryPath);
    status = IoCreateDevice(DriverObject, sizeof(EXTENSION), &name, FILE_DEVICE_UNKNOWN, 0, FALSE, &device);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    extension = device->DeviceExtension;
    InitializeListHead(&extension->Waiting);
    KeInitializeSpinLock(&extension->Lock);
    status = IoCsqInitialize(&extension->Queue, InsertIrp, RemoveIrp, PeekNextIrp, AcquireLock, ReleaseLock,
                             CompleteCanceledIrp);
    if (NT_SUCCESS(status)) {
        status = IoCreateSymbolicLink(&link, &name);
    }
    if (!NT_SUCCESS(status)) {
        IoDeleteDevice(device);
        return status;
    }
    device->Flags |= DO_BUFFERED_IO;
    DriverObject->MajorFunction[IRP_MJ_CREATE] = Succeed;
    DriverObject->MajorFunction[IRP_MJ_CLEANUP] = Cleanup;
    DriverObject->MajorFunction[IRP_MJ_CLOSE] = Succeed;
    DriverObject->MajorFunction[IRP_MJ_READ] = Read;
    DriverObject->MajorFunction[IRP_MJ_WRITE] = Write;
    DriverObject->DriverUnload = Unload;
    return STATUS_SUCCESS;
}
