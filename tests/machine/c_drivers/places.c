/* SPDX-FileCopyrightText: dirql contributors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Objects whose memory is the driver's: packets, device queues and DPCs, with the members that C reads. Who has a file
 * open for what, and old names of routines. */
#include <ntifs.h>

#define CHECK(condition) ((condition) ? (void)0 : (void)DbgPrint("line %d: %s\n", __LINE__, #condition))

DRIVER_INITIALIZE DriverEntry;

static SHARE_ACCESS shared;
static BOOLEAN is_open;
static LONG queued;

static NTSTATUS Completed(PDEVICE_OBJECT Device, PIRP Irp, PVOID Context)
{
    UNREFERENCED_PARAMETER(Device);
    UNREFERENCED_PARAMETER(Irp);
    KeSetEvent(Context, IO_NO_INCREMENT, FALSE);
    return STATUS_MORE_PROCESSING_REQUIRED;
}

/* A packet in pool, sent twice to the driver itself. */
static VOID UsePacket(PDEVICE_OBJECT Device)
{
    USHORT size = IoSizeOfIrp(Device->StackSize);
    PIRP irp = ExAllocatePoolWithTag(NonPagedPool, size, 'calP');
    KEVENT event;
    ULONG turn;

    KeInitializeEvent(&event, SynchronizationEvent, FALSE);
    for (turn = 0; turn < 2; turn++) {
        RtlFillMemory(irp, size, 0x55);
        IoInitializeIrp(irp, size, Device->StackSize);
        CHECK(irp->Type == IO_TYPE_IRP && irp->Size == size && irp->StackCount == Device->StackSize);
        CHECK(irp->CurrentLocation == irp->StackCount + 1 && IsListEmpty(&irp->ThreadListEntry));
        CHECK(irp->Tail.Overlay.CurrentStackLocation == (PIO_STACK_LOCATION)(irp + 1) + irp->StackCount);
        IoGetNextIrpStackLocation(irp)->MajorFunction = IRP_MJ_FLUSH_BUFFERS;
        IoSetCompletionRoutine(irp, Completed, &event, TRUE, TRUE, TRUE);
        CHECK(IoCallDriver(Device, irp) == STATUS_SUCCESS);
        KeWaitForSingleObject(&event, Executive, KernelMode, FALSE, NULL);
        CHECK(irp->IoStatus.Status == STATUS_SUCCESS && irp->IoStatus.Information == 42);
    }
    ExFreePoolWithTag(irp, 'calP');
    irp = IoAllocateIrp(1, FALSE);
    CHECK(irp->Size >= IoSizeOfIrp(1) && IsListEmpty(&irp->ThreadListEntry));
    IoFreeIrp(irp);
}

/* An MDL with pages of its own is freed like a block of pool. */
static VOID UsePages(VOID)
{
    PHYSICAL_ADDRESS low = {{0, 0}}, high = {{0xFFFFFFFF, -1}}, skip = {{0, 0}};
    ULONG turn;

    for (turn = 0; turn < 2; turn++) {
        PMDL mdl = MmAllocatePagesForMdl(low, high, skip, 3 * PAGE_SIZE);
        PUCHAR place = MmMapLockedPagesSpecifyCache(mdl, KernelMode, MmCached, NULL, FALSE, NormalPagePriority);

        place[2 * PAGE_SIZE] = 1;
        CHECK(mdl->MappedSystemVa == place && mdl->MdlFlags & MDL_MAPPED_TO_SYSTEM_VA && MmGetMdlPfnArray(mdl)[2] != 0);
        MmUnmapLockedPages(place, mdl);
        MmFreePagesFromMdl(mdl);
        if (turn == 0) {
            ExFreePool(mdl);
        } else {
            ExFreePoolWithTag(mdl, 0);
        }
    }
}

static VOID UseQueue(VOID)
{
    KDEVICE_QUEUE queue;
    KDEVICE_QUEUE_ENTRY first, second;
    KIRQL irql;

    RtlFillMemory(&queue, sizeof queue, 0x55);
    KeInitializeDeviceQueue(&queue);
    CHECK(queue.Type == DeviceQueueObject && queue.Size == sizeof queue && queue.Lock == 0 && !queue.Busy);
    first.Inserted = second.Inserted = TRUE;
    KeRaiseIrql(DISPATCH_LEVEL, &irql);
    CHECK(!KeInsertByKeyDeviceQueue(&queue, &first, 1) && !first.Inserted && queue.Busy);
    CHECK(KeInsertDeviceQueue(&queue, &second) && second.Inserted);
    CHECK(KeRemoveDeviceQueue(&queue) == &second && !second.Inserted);
    CHECK(KeRemoveDeviceQueue(&queue) == NULL && !queue.Busy);
    CHECK(!KeInsertDeviceQueue(&queue, &second) && !second.Inserted);
    KeLowerIrql(irql);
}

static VOID Deferred(PKDPC Dpc, PVOID Context, PVOID SystemArgument1, PVOID SystemArgument2)
{
    CHECK(Context == Dpc && SystemArgument1 == (PVOID)1 && SystemArgument2 == (PVOID)2);
    CHECK(Dpc->DpcData == NULL);
    queued++;
}

static VOID UseDpc(VOID)
{
    KDPC dpc;
    KIRQL irql;

    RtlFillMemory(&dpc, sizeof dpc, 0x55);
    KeInitializeDpc(&dpc, Deferred, &dpc);
    CHECK(dpc.Type == DpcObject && dpc.Importance == MediumImportance && dpc.Number == 0 && dpc.DpcData == NULL);
    KeRaiseIrql(DISPATCH_LEVEL, &irql);
    CHECK(KeInsertQueueDpc(&dpc, (PVOID)1, (PVOID)2) && dpc.DpcData != NULL);
    CHECK(KeRemoveQueueDpc(&dpc) && dpc.DpcData == NULL);
    CHECK(KeInsertQueueDpc(&dpc, (PVOID)1, (PVOID)2));
    KeLowerIrql(irql);
    CHECK(queued == 1);
}

static VOID UseQueuedLock(VOID)
{
    KLOCK_QUEUE_HANDLE handle;
    KSPIN_LOCK lock;
    KIRQL irql;

    KeInitializeSpinLock(&lock);
    handle.OldIrql = HIGH_LEVEL;
    KeAcquireInStackQueuedSpinLock(&lock, &handle);
    CHECK(handle.OldIrql == PASSIVE_LEVEL && KeGetCurrentIrql() == DISPATCH_LEVEL);
    KeReleaseInStackQueuedSpinLock(&handle);
    KeRaiseIrql(APC_LEVEL, &irql);
    KeAcquireInStackQueuedSpinLock(&lock, &handle);
    CHECK(handle.OldIrql == APC_LEVEL);
    KeReleaseInStackQueuedSpinLock(&handle);
    KeLowerIrql(irql);
}

static NTSTATUS Open(POBJECT_ATTRIBUTES Attributes, ACCESS_MASK Access, ULONG Share, PHANDLE Handle)
{
    IO_STATUS_BLOCK block;

    return IoCreateFile(Handle, Access, Attributes, &block, NULL, 0, Share, FILE_OPEN, 0, NULL, 0, CreateFileTypeNone,
                        NULL, 0);
}

/* The strings may lie where the objects of routines that have returned were. */
static VOID UseNames(VOID)
{
    UNICODE_STRING arc = RTL_CONSTANT_STRING(L"\\ArcName\\multi(0)disk(0)");
    UNICODE_STRING name = RTL_CONSTANT_STRING(L"\\Device\\Places");
    OBJECT_ATTRIBUTES attributes;
    HANDLE handle, second;
    KSPIN_LOCK lock;
    LONG value = -1;

    KeInitializeSpinLock(&lock);
    CHECK(ExInterlockedIncrementLong(&value, &lock) == ResultZero);
    CHECK(ExInterlockedIncrementLong(&value, &lock) == ResultPositive);
    CHECK(KeGetPreviousMode() == ExGetPreviousMode() && CLOCK2_LEVEL == CLOCK_LEVEL);
    IoAssignArcName(&arc, &name);
    InitializeObjectAttributes(&attributes, &arc, OBJ_KERNEL_HANDLE | OBJ_CASE_INSENSITIVE, NULL, NULL);
    CHECK(NtOpenSymbolicLinkObject(&handle, GENERIC_READ, &attributes) == STATUS_SUCCESS);
    NtClose(handle);
    IoDeassignArcName(&arc);
    InitializeObjectAttributes(&attributes, &name, OBJ_KERNEL_HANDLE | OBJ_CASE_INSENSITIVE, NULL, NULL);
    CHECK(Open(&attributes, GENERIC_READ, FILE_SHARE_READ, &handle) == STATUS_SUCCESS);
    CHECK(Open(&attributes, GENERIC_READ, FILE_SHARE_READ, &second) == STATUS_SUCCESS);
    NtClose(second);
    CHECK(Open(&attributes, GENERIC_WRITE, FILE_SHARE_READ, &second) == STATUS_SHARING_VIOLATION);
    CHECK(Open(&attributes, GENERIC_READ, FILE_SHARE_WRITE, &second) == STATUS_SHARING_VIOLATION);
    NtClose(handle);
    CHECK(Open(&attributes, GENERIC_WRITE, 0, &handle) == STATUS_SUCCESS);
    CHECK(Open(&attributes, GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_WRITE, &second) == STATUS_SHARING_VIOLATION);
    NtClose(handle);
}

/* Opens go by the rules of shares. */
static NTSTATUS Share(PIO_STACK_LOCATION Stack)
{
    NTSTATUS status = STATUS_SUCCESS;
    ACCESS_MASK access;

    if (Stack->MajorFunction == IRP_MJ_CLEANUP) {
        IoRemoveShareAccess(Stack->FileObject, &shared);
        is_open = shared.OpenCount != 0;
        return status;
    }
    access = Stack->Parameters.Create.SecurityContext->DesiredAccess;
    if (is_open) {
        status = IoCheckShareAccess(access, Stack->Parameters.Create.ShareAccess, Stack->FileObject, &shared, TRUE);
    } else {
        IoSetShareAccess(access, Stack->Parameters.Create.ShareAccess, Stack->FileObject, &shared);
        is_open = TRUE;
    }
    return status;
}

static NTSTATUS Dispatch(PDEVICE_OBJECT Device, PIRP Irp)
{
    PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(Irp);
    NTSTATUS status = STATUS_SUCCESS;

    UNREFERENCED_PARAMETER(Device);
    if (stack->MajorFunction == IRP_MJ_CREATE || stack->MajorFunction == IRP_MJ_CLEANUP) {
        status = Share(stack);
    }
    Irp->IoStatus.Status = status;
    Irp->IoStatus.Information = stack->MajorFunction == IRP_MJ_FLUSH_BUFFERS ? 42 : 0;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return status;
}

static VOID Unload(PDRIVER_OBJECT DriverObject)
{
    IoDeleteDevice(DriverObject->DeviceObject);
}

NTSTATUS DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    UNICODE_STRING name = RTL_CONSTANT_STRING(L"\\Device\\Places");
    PDEVICE_OBJECT device;
    ULONG index;
    NTSTATUS status;

    UNREFERENCED_PARAMETER(RegistryPath);
    DriverObject->DriverUnload = Unload;
    for (index = 0; index <= IRP_MJ_FLUSH_BUFFERS; index++) {
        DriverObject->MajorFunction[index] = Dispatch;
    }
    DriverObject->MajorFunction[IRP_MJ_CLEANUP] = Dispatch;
    status = IoCreateDevice(DriverObject, 0, &name, FILE_DEVICE_UNKNOWN, 0, FALSE, &device);
    if (NT_SUCCESS(status)) {
        device->Flags &= ~DO_DEVICE_INITIALIZING;
        UsePacket(device);
        UsePages();
        UseQueue();
        UseDpc();
        UseQueuedLock();
        UseNames();
    }
    return status;
}
