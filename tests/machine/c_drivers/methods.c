/* SPDX-FileCopyrightText: dirql contributors
 * SPDX-License-Identifier: Apache-2.0 */

/* Control codes with the four methods: each inverts the bits of the caller's bytes. Other codes tell what C sees of
 * objects, or wait. */

#include <wdm.h>

#define CODE(function, method) CTL_CODE(FILE_DEVICE_UNKNOWN, function, method, FILE_ANY_ACCESS)
#define BUFFERED CODE(0x800, METHOD_BUFFERED)
#define IN_DIRECT CODE(0x801, METHOD_IN_DIRECT)
#define OUT_DIRECT CODE(0x802, METHOD_OUT_DIRECT)
#define NEITHER CODE(0x803, METHOD_NEITHER)
#define TELL CODE(0x804, METHOD_BUFFERED)
#define WAIT CODE(0x805, METHOD_BUFFERED)
#define RELEASE CODE(0x806, METHOD_BUFFERED)
#define NEST CODE(0x807, METHOD_BUFFERED)
#define RAISE_STATUS CODE(0x808, METHOD_BUFFERED)
#define FACTS CODE(0x809, METHOD_BUFFERED)
#define CATCH CODE(0x80A, METHOD_NEITHER)

typedef struct {
    LIST_ENTRY Link;
    KEVENT Event;
    ULONG Number;
} WAITER;

typedef struct {
    KSPIN_LOCK Lock;
    LIST_ENTRY Waiters;
    KDPC Dpc;
    ULONG Calls;
    ULONG Waiting;
    ULONG Access;
} EXTENSION;

static PDEVICE_OBJECT Device;

static NTSTATUS Complete(PIRP Irp, NTSTATUS Status, ULONG_PTR Information)
{
    Irp->IoStatus.Status = Status;
    Irp->IoStatus.Information = Information;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return Status;
}

static NTSTATUS CreateClose(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(Irp);
    EXTENSION *extension = DeviceObject->DeviceExtension;

    if (stack->MajorFunction == IRP_MJ_CREATE) {
        extension->Access = stack->Parameters.Create.SecurityContext->DesiredAccess;
    }
    return Complete(Irp, STATUS_SUCCESS, 0);
}

static VOID Invert(PUCHAR To, PUCHAR From, ULONG Length)
{
    ULONG index;

    for (index = 0; index < Length; index++) {
        To[index] = (UCHAR)~From[index];
    }
}

/* Waits on an event on this stack, until the DPC sets it. */
static ULONG Wait(EXTENSION *Extension, ULONG Number, ULONG Depth)
{
    WAITER waiter;
    KIRQL irql;
    volatile UCHAR room[200];

    room[0] = room[199] = (UCHAR)Number;
    if (Depth) {
        return Wait(Extension, Number, Depth - 1) + (room[0] != room[199]);
    }
    KeInitializeEvent(&waiter.Event, SynchronizationEvent, FALSE);
    waiter.Number = Number;
    KeAcquireSpinLock(&Extension->Lock, &irql);
    InsertTailList(&Extension->Waiters, &waiter.Link);
    Extension->Waiting++;
    KeReleaseSpinLock(&Extension->Lock, irql);
    KeWaitForSingleObject(&waiter.Event, Executive, KernelMode, FALSE, NULL);
    return waiter.Number;
}

static VOID ReleaseDpc(PKDPC Dpc, PVOID Context, PVOID Argument1, PVOID Argument2)
{
    EXTENSION *extension = Context;

    UNREFERENCED_PARAMETER(Dpc);
    UNREFERENCED_PARAMETER(Argument1);
    UNREFERENCED_PARAMETER(Argument2);
    KeAcquireSpinLockAtDpcLevel(&extension->Lock);
    while (!IsListEmpty(&extension->Waiters)) {
        WAITER *waiter = CONTAINING_RECORD(RemoveHeadList(&extension->Waiters), WAITER, Link);

        waiter->Number += 1000;
        extension->Waiting--;
        KeSetEvent(&waiter->Event, IO_NO_INCREMENT, FALSE);
    }
    KeReleaseSpinLockFromDpcLevel(&extension->Lock);
}

/* Sends the same device a request with one level less, from inside of this one. */
static NTSTATUS Nest(PDEVICE_OBJECT DeviceObject, ULONG Depth, PULONG Deepest)
{
    KEVENT event;
    IO_STATUS_BLOCK block;
    PIRP irp;
    NTSTATUS status;
    ULONG output = 0;

    if (Depth == 0) {
        *Deepest = 0;
        return STATUS_SUCCESS;
    }
    Depth--;
    KeInitializeEvent(&event, NotificationEvent, FALSE);
    irp = IoBuildDeviceIoControlRequest(NEST, DeviceObject, &Depth, sizeof(Depth), &output, sizeof(output), FALSE, &event,
                                        &block);
    if (irp == NULL) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    status = IoCallDriver(DeviceObject, irp);
    if (status == STATUS_PENDING) {
        KeWaitForSingleObject(&event, Executive, KernelMode, FALSE, NULL);
        status = block.Status;
    }
    *Deepest = output + 1;
    return status;
}

/* Takes each kind of exception: the answer is its status. */
static NTSTATUS Catch(ULONG Kind, PVOID User)
{
    volatile ULONG sink = 0, finished = 0;
    NTSTATUS status = STATUS_SUCCESS;

    __try {
        __try {
            switch (Kind) {
            case 0:
                ExRaiseStatus(STATUS_DATA_ERROR);
                break;
            case 1:
                *(volatile ULONG *)NULL = 1;
                break;
            case 2:
                sink = *(volatile ULONG *)0x8000123412341234ULL;
                break;
            case 3:
                ProbeForRead((PVOID)0x300000000000ULL, 4, 1);
                break;
            case 4:
                ProbeForWrite(NULL, 4, 1);
                break;
            case 5:
                sink = *((volatile UCHAR *)User + 0x10000000);
                break;
            default:
                sink = *(volatile UCHAR *)User;
            }
        } __finally {
            finished = 1;
        }
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        status = GetExceptionCode();
    }
    return finished ? status : STATUS_UNSUCCESSFUL;
}

static NTSTATUS Control(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(Irp);
    EXTENSION *extension = DeviceObject->DeviceExtension;
    PVOID buffer = Irp->AssociatedIrp.SystemBuffer;
    ULONG in = stack->Parameters.DeviceIoControl.InputBufferLength;
    ULONG out = stack->Parameters.DeviceIoControl.OutputBufferLength;
    PUCHAR mapped;
    NTSTATUS status;
    ULONG_PTR *facts;

    extension->Calls++;
    switch (stack->Parameters.DeviceIoControl.IoControlCode) {
    case BUFFERED:
        Invert(buffer, buffer, in < out ? in : out);
        return Complete(Irp, STATUS_SUCCESS, in < out ? in : out);
    case IN_DIRECT: /* what the caller's second buffer holds, goes back in the number */
        mapped = MmGetSystemAddressForMdlSafe(Irp->MdlAddress, NormalPagePriority);
        return Complete(Irp, STATUS_SUCCESS, mapped[0] + (in ? *(PUCHAR)buffer : 0));
    case OUT_DIRECT:
        mapped = MmGetSystemAddressForMdlSafe(Irp->MdlAddress, NormalPagePriority);
        Invert(mapped, buffer, in);
        return Complete(Irp, STATUS_SUCCESS, in);
    case NEITHER:
        Invert(Irp->UserBuffer, stack->Parameters.DeviceIoControl.Type3InputBuffer, in);
        return Complete(Irp, STATUS_SUCCESS, in);
    case TELL:
        *(PULONG)buffer = extension->Calls;
        return Complete(Irp, STATUS_SUCCESS, sizeof(ULONG));
    case WAIT:
        *(PULONG)buffer = Wait(extension, *(PULONG)buffer, *(PULONG)buffer % 8);
        return Complete(Irp, STATUS_SUCCESS, sizeof(ULONG));
    case RELEASE:
        KeInsertQueueDpc(&extension->Dpc, NULL, NULL);
        return Complete(Irp, STATUS_SUCCESS, 0);
    case NEST:
        status = Nest(DeviceObject, *(PULONG)buffer, buffer);
        return Complete(Irp, status, sizeof(ULONG));
    case RAISE_STATUS:
        ExRaiseStatus(STATUS_DATA_ERROR);
        return Complete(Irp, STATUS_SUCCESS, 0);
    case CATCH:
        return Complete(Irp, Catch(out, stack->Parameters.DeviceIoControl.Type3InputBuffer), 0);
    case FACTS:
        facts = buffer;
        facts[0] = Irp->Type;
        facts[1] = (ULONG_PTR)Irp->StackCount;
        facts[2] = (ULONG_PTR)Irp->CurrentLocation;
        facts[3] = (ULONG_PTR)Irp->RequestorMode;
        facts[4] = stack->MajorFunction;
        facts[5] = stack->DeviceObject == DeviceObject;
        facts[6] = stack->FileObject->DeviceObject == DeviceObject;
        facts[7] = DeviceObject->DriverObject->DeviceObject == DeviceObject;
        facts[8] = (ULONG_PTR)DeviceObject->StackSize;
        facts[9] = DeviceObject->Type;
        facts[10] = DeviceObject->DriverObject->DriverName.Length;
        facts[11] = IoGetCurrentIrpStackLocation(Irp) == (PIO_STACK_LOCATION)(Irp + 1);
        facts[12] = extension->Access;
        return Complete(Irp, STATUS_SUCCESS, 13 * sizeof(ULONG_PTR));
    default:
        return Complete(Irp, STATUS_INVALID_DEVICE_REQUEST, 0);
    }
}

static VOID Unload(PDRIVER_OBJECT DriverObject)
{
    UNICODE_STRING link;

    RtlInitUnicodeString(&link, L"\\DosDevices\\Methods");
    IoDeleteSymbolicLink(&link);
    IoDeleteDevice(DriverObject->DeviceObject);
}

NTSTATUS DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    UNICODE_STRING name, link;
    EXTENSION *extension;
    NTSTATUS status;

    if (RegistryPath->Length == 0 || RegistryPath->Buffer[0] != L'\\') {
        return STATUS_INVALID_PARAMETER;
    }
    RtlInitUnicodeString(&name, L"\\Device\\Methods");
    RtlInitUnicodeString(&link, L"\\DosDevices\\Methods");
    status = IoCreateDevice(DriverObject, sizeof(EXTENSION), &name, FILE_DEVICE_UNKNOWN, 0, FALSE, &Device);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    status = IoCreateSymbolicLink(&link, &name);
    if (!NT_SUCCESS(status)) {
        IoDeleteDevice(Device);
        return status;
    }
    extension = Device->DeviceExtension;
    InitializeListHead(&extension->Waiters);
    KeInitializeSpinLock(&extension->Lock);
    KeInitializeDpc(&extension->Dpc, ReleaseDpc, extension);
    DriverObject->MajorFunction[IRP_MJ_CREATE] = CreateClose;
    DriverObject->MajorFunction[IRP_MJ_CLOSE] = CreateClose;
    DriverObject->MajorFunction[IRP_MJ_DEVICE_CONTROL] = Control;
    DriverObject->DriverUnload = Unload;
    return STATUS_SUCCESS;
}
