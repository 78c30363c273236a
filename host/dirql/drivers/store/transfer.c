/* SPDX-FileCopyrightText: dirql contributors
 * SPDX-License-Identifier: Apache-2.0
 *
 * StartIo: gives the device to a request, and starts the device for the request. */
#include "store.h"

#define DESCRIPTOR_DWORDS (STORE_DESCRIPTOR_BYTES / sizeof(ULONG))

static DRIVER_LIST_CONTROL StoreStartDma;

/* Length and byte offset of a read or a write; both have the same members. */
static VOID RequestRange(PIO_STACK_LOCATION Stack, PSTORE_TRANSFER Transfer)
{
    Transfer->Length = Stack->Parameters.Read.Length;
    Transfer->Offset = (ULONG)Stack->Parameters.Read.ByteOffset.QuadPart;
}

static PSTORE_TRANSFER NewTransfer(PSTORE_EXTENSION Extension, PIRP Irp, ULONGLONG Deadline)
{
    PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(Irp);
    PSTORE_TRANSFER transfer = StoreTakeTransfer(Extension);

    if (transfer == NULL) {
        return NULL;
    }
    transfer->Number = Extension->Requests;
    transfer->Irp = Irp;
    transfer->Deadline = Deadline;
    if (stack->MajorFunction == IRP_MJ_DEVICE_CONTROL) {
        transfer->Mode = ModeInterrupt;
        transfer->Operation = STORE_OPERATION_RAISE;
        return transfer;
    }
    RequestRange(stack, transfer);
    transfer->Mode = Extension->Mode;
    transfer->Writing = stack->MajorFunction == IRP_MJ_WRITE;
    if (transfer->Mode == ModeDma) {
        transfer->Operation = transfer->Writing ? STORE_OPERATION_DMA_WRITE : STORE_OPERATION_DMA_READ;
        transfer->AwaitsList = TRUE;
    } else {
        transfer->Operation = transfer->Writing ? STORE_OPERATION_FIFO_WRITE : STORE_OPERATION_FIFO_READ;
    }
    return transfer;
}

/* Tell the device the place of the request in the device's memory, and the length. */
static VOID Place(PSTORE_EXTENSION Extension, PSTORE_TRANSFER Transfer)
{
    WriteRegister(Extension, STORE_BUFFER_ADDRESS, Transfer->Offset);
    WriteRegister(Extension, STORE_LENGTH, Transfer->Length);
}

/* Start programmed I/O, by interrupts or by polling. */
static STORE_OUTCOME StartFifo(PSTORE_EXTENSION Extension, PSTORE_TRANSFER Transfer)
{
    PMDL mdl = Transfer->Irp->MdlAddress;
    LARGE_INTEGER due;

    Transfer->Buffer = mdl != NULL ? MmGetSystemAddressForMdlSafe(mdl, NormalPagePriority) : NULL;
    if (Transfer->Buffer == NULL) {
        return StoreEnded(STATUS_INSUFFICIENT_RESOURCES, 0);
    }
    Place(Extension, Transfer);
    StartCommand(Extension, Transfer, Transfer->Mode == ModeInterrupt ? CAUSES : 0);
    if (Transfer->Mode == ModePolled) {
        KeInsertQueueDpc(&Extension->PollDpc, NULL, NULL);
    } else if (Transfer->Mode == ModeTimerPolled) {
        due.QuadPart = -POLL_PERIOD_100NS;
        KeSetTimer(&Extension->PollTimer, due, &Extension->PollDpc);
    }
    return StoreGoesOn;
}

/* Start a request that does not use DMA: IOCTL_STORE_RAISE, or programmed I/O. */
static STORE_OUTCOME StartDevice(PSTORE_EXTENSION Extension, PSTORE_TRANSFER Transfer)
{
    if (IsCancelled(Transfer)) {
        return StoreEnded(STATUS_CANCELLED, 0);
    }
    if (Transfer->Operation == STORE_OPERATION_RAISE) {
        StartCommand(Extension, Transfer, CAUSES);
        return StoreGoesOn;
    }
    return StartFifo(Extension, Transfer);
}

/* DMA. */

/* Ask for the scatter/gather list; StoreStartDma gets it now, or later when map registers are free. */
static VOID GetScatterGatherList(PDEVICE_OBJECT Device, PSTORE_TRANSFER Transfer)
{
    PSTORE_EXTENSION extension = Device->DeviceExtension;
    PDMA_ADAPTER adapter = extension->Dma.Adapter;
    PMDL mdl = Transfer->Irp->MdlAddress;
    NTSTATUS status = adapter->DmaOperations->GetScatterGatherList(
        adapter, Device, mdl, MmGetMdlVirtualAddress(mdl), Transfer->Length, StoreStartDma, Transfer,
        Transfer->Writing);

    if (!NT_SUCCESS(status) && StoreOwnsDevice(extension, Transfer)) {
        StoreReleaseDevice(Device, Transfer, StoreEnded(status, 0));
    }
}

static STORE_OUTCOME StartDma(PSTORE_EXTENSION Extension, PSTORE_TRANSFER Transfer, PSCATTER_GATHER_LIST ScatterGather)
{
    PULONG descriptor = Extension->Dma.Descriptors;
    ULONG each;

    if (IsCancelled(Transfer)) {
        return StoreEnded(STATUS_CANCELLED, 0);
    }
    for (each = 0; each < ScatterGather->NumberOfElements; each++, descriptor += DESCRIPTOR_DWORDS) {
        PSCATTER_GATHER_ELEMENT element = &ScatterGather->Elements[each];

        descriptor[STORE_DESCRIPTOR_ADDRESS_DWORD] = element->Address.LowPart;
        descriptor[STORE_DESCRIPTOR_HIGH_ADDRESS_DWORD] = (ULONG)element->Address.HighPart;
        descriptor[STORE_DESCRIPTOR_LENGTH_DWORD] = element->Length;
        descriptor[STORE_DESCRIPTOR_LAST_DWORD] =
            each + 1 == ScatterGather->NumberOfElements ? STORE_DESCRIPTOR_LAST : 0;
    }
    WriteRegister(Extension, STORE_DESCRIPTOR_BASE, Extension->Dma.DescriptorsLogical.LowPart);
    Place(Extension, Transfer);
    StartCommand(Extension, Transfer, CAUSES);
    return StoreGoesOn;
}

/* AdapterListControl: write the device's descriptor list and start the device.
 *
 * The request may have been completed while it waited for map registers; the list is then given back. Irp is the
 * device's current request, which need not be the one that asked. */
static VOID StoreStartDma(PDEVICE_OBJECT Device, PIRP Irp, PSCATTER_GATHER_LIST ScatterGather, PVOID Context)
{
    PSTORE_EXTENSION extension = Device->DeviceExtension;
    PSTORE_TRANSFER transfer = Context;
    BOOLEAN writing = transfer->Writing;
    PDMA_ADAPTER adapter = extension->Dma.Adapter;

    UNREFERENCED_PARAMETER(Irp);
    if (StoreOwnsDevice(extension, transfer)) {
        transfer->ScatterGather = ScatterGather;
        StoreReleaseDevice(Device, transfer, StartDma(extension, transfer, ScatterGather));
    } else {
        adapter->DmaOperations->PutScatterGatherList(adapter, ScatterGather, writing);
    }
}

/* Give the device to Irp, at DISPATCH_LEVEL. */
VOID StoreStartIo(PDEVICE_OBJECT Device, PIRP Irp)
{
    PSTORE_EXTENSION extension = Device->DeviceExtension;
    LONGLONG timeout = 10ll * extension->Timing.TimeoutMicroseconds;
    PSTORE_TRANSFER transfer;
    LARGE_INTEGER due;
    BOOLEAN isDma;
    KIRQL oldIrql;

    IoAcquireCancelSpinLock(&oldIrql);
    if (Irp->Cancel || (!extension->HasHardware && !extension->Stopping)) {
        IoSetCancelRoutine(Irp, NULL);
        IoReleaseCancelSpinLock(oldIrql);
        StoreCompleteRequest(Device, Irp, Irp->Cancel ? STATUS_CANCELLED : STATUS_DEVICE_REMOVED, 0);
        IoStartNextPacket(Device, TRUE);
        return;
    }
    IoSetCancelRoutine(Irp, StoreCancelCurrent);
    IoReleaseCancelSpinLock(oldIrql);

    KeAcquireSpinLockAtDpcLevel(&extension->RequestLock);
    if ((extension->Stopping || !extension->Powered) && !Irp->Cancel) {
        extension->HeldIrp = Irp;
        KeReleaseSpinLockFromDpcLevel(&extension->RequestLock);
        return;
    }
    if (!extension->HasHardware) {
        KeReleaseSpinLockFromDpcLevel(&extension->RequestLock);
        StoreEndHeld(Device, Irp, STATUS_DEVICE_REMOVED);
        return;
    }
    transfer = NewTransfer(extension, Irp, KeQueryInterruptTime() + timeout);
    if (transfer == NULL) {
        KeReleaseSpinLockFromDpcLevel(&extension->RequestLock);
        StoreEndHeld(Device, Irp, STATUS_INSUFFICIENT_RESOURCES);
        return;
    }
    isDma = transfer->Mode == ModeDma;
    extension->Transfer = transfer;
    extension->Requests++;
    KeReleaseSpinLockFromDpcLevel(&extension->RequestLock);
    due.QuadPart = -timeout;
    KeSetTimer(&extension->Watchdog, due, &extension->WatchdogDpc);

    if (isDma) {
        GetScatterGatherList(Device, transfer);
    } else if (StoreAcquireDevice(extension, Irp) != NULL) {
        StoreReleaseDevice(Device, transfer, StartDevice(extension, transfer));
    }
}
