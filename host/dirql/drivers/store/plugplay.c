/* SPDX-FileCopyrightText: dirql contributors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Plug and Play for the store driver: start with the given resources, and remove. */
#include "store.h"

static NTSTATUS PassDown(PDEVICE_OBJECT Device, PIRP Irp)
{
    PSTORE_EXTENSION extension = Device->DeviceExtension;
    NTSTATUS status;

    IoSkipCurrentIrpStackLocation(Irp);
    status = IoCallDriver(extension->Owner.LowerDeviceObject, Irp);
    IoReleaseRemoveLock(&extension->Owner.RemoveLock, Irp);
    return status;
}

/* Agree, and ask the drivers below. */
static NTSTATUS Succeed(PDEVICE_OBJECT Device, PIRP Irp)
{
    Irp->IoStatus.Status = STATUS_SUCCESS;
    return PassDown(Device, Irp);
}

/* Let the drivers below handle a request first; returns its status then. Complete ends it. */
static NTSTATUS Forward(PDEVICE_OBJECT Device, PIRP Irp)
{
    PSTORE_EXTENSION extension = Device->DeviceExtension;

    IoForwardIrpSynchronously(extension->Owner.LowerDeviceObject, Irp);
    return Irp->IoStatus.Status;
}

static NTSTATUS Complete(PDEVICE_OBJECT Device, PIRP Irp, NTSTATUS Status)
{
    PSTORE_EXTENSION extension = Device->DeviceExtension;

    Irp->IoStatus.Status = Status;
    IoReleaseRemoveLock(&extension->Owner.RemoveLock, Irp);
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return Status;
}

/* The hardware. */

static BOOLEAN MapRegisters(PSTORE_EXTENSION Extension, PCM_PARTIAL_RESOURCE_DESCRIPTOR Resource)
{
    Extension->Registers.Length = Resource->u.Memory.Length;
    Extension->Registers.Address = MmMapIoSpace(Resource->u.Memory.Start, Resource->u.Memory.Length, MmNonCached);
    return Extension->Registers.Address != NULL;
}

static BOOLEAN GetFifo(PSTORE_EXTENSION Extension, PCM_PARTIAL_RESOURCE_DESCRIPTOR Resource, ULONG Dwords)
{
    Extension->Fifo.Port = (PULONG)(ULONG_PTR)Resource->u.Port.Start.QuadPart;
    Extension->Fifo.Dwords = Dwords;
    Extension->Fifo.Tail = ExAllocatePool2(POOL_FLAG_NON_PAGED, sizeof(ULONG), STORE_TAG);
    return Extension->Fifo.Tail != NULL;
}

static BOOLEAN GetDma(PSTORE_EXTENSION Extension)
{
    DEVICE_DESCRIPTION description = {
        .Version = DEVICE_DESCRIPTION_VERSION,
        .Master = TRUE,
        .ScatterGather = TRUE,
        .Dma32BitAddresses = TRUE,
        .InterfaceType = PCIBus,
        .MaximumLength = Extension->DeviceBytes,
    };
    PSTORE_DMA dma = &Extension->Dma;
    ULONG mapRegisters;

    dma->Adapter = IoGetDmaAdapter(Extension->Owner.PhysicalDeviceObject, &description, &mapRegisters);
    if (dma->Adapter == NULL) {
        return FALSE;
    }
    dma->Descriptors =
        dma->Adapter->DmaOperations->AllocateCommonBuffer(dma->Adapter, PAGE_SIZE, &dma->DescriptorsLogical, TRUE);
    if (dma->Descriptors == NULL) {
        dma->Adapter->DmaOperations->PutDmaAdapter(dma->Adapter);
        dma->Adapter = NULL;
        return FALSE;
    }
    return TRUE;
}

/* Connect the ISR as the resource says: lines may be shared, a message is the device's own. */
static NTSTATUS ConnectInterrupt(PDEVICE_OBJECT Device, PCM_PARTIAL_RESOURCE_DESCRIPTOR Resource, BOOLEAN Latch)
{
    PSTORE_EXTENSION extension = Device->DeviceExtension;
    KIRQL irql = (KIRQL)Resource->u.Interrupt.Level;

    return IoConnectInterrupt(&extension->Interrupt, StoreInterruptService, Device, NULL, Resource->u.Interrupt.Vector,
                              irql, irql, Latch ? Latched : LevelSensitive,
                              Resource->ShareDisposition == CmResourceShareShared, Resource->u.Interrupt.Affinity,
                              FALSE);
}

/* Get all resources of the device. After a failure the caller gives back those that the extension has. */
static NTSTATUS StoreAcquireHardware(PDEVICE_OBJECT Device, PCM_RESOURCE_LIST Resources)
{
    PSTORE_EXTENSION extension = Device->DeviceExtension;
    PCM_PARTIAL_RESOURCE_DESCRIPTOR memory = NULL, port = NULL, interrupt = NULL;
    POWER_STATE on = {.DeviceState = PowerDeviceD0};
    ULONG each, features;
    BOOLEAN latched;
    NTSTATUS status;

    for (each = 0; Resources != NULL && each < Resources->List[0].PartialResourceList.Count; each++) {
        PCM_PARTIAL_RESOURCE_DESCRIPTOR entry = &Resources->List[0].PartialResourceList.PartialDescriptors[each];

        memory = memory == NULL && entry->Type == CmResourceTypeMemory ? entry : memory;
        port = port == NULL && entry->Type == CmResourceTypePort ? entry : port;
        interrupt = interrupt == NULL && entry->Type == CmResourceTypeInterrupt ? entry : interrupt;
    }
    if (memory == NULL || port == NULL || interrupt == NULL) {
        return STATUS_DEVICE_CONFIGURATION_ERROR;
    }
    if (!MapRegisters(extension, memory)) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    if (ReadRegister(extension, STORE_ID) != STORE_ID_RESET) {
        return STATUS_DEVICE_CONFIGURATION_ERROR;
    }
    features = ReadRegister(extension, STORE_FEATURES);
    extension->DeviceBytes = 1u << ((features & STORE_FEATURES_BUFFER_LOG2) >> STORE_FEATURES_BUFFER_LOG2_SHIFT);
    if (!GetFifo(extension, port, 1u << ((features & STORE_FEATURES_FIFO_LOG2) >> STORE_FEATURES_FIFO_LOG2_SHIFT))) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    if ((features & STORE_FEATURES_PIO_ONLY) != 0) {
        extension->Mode = extension->Mode == ModeDma ? ModePolled : extension->Mode;
    } else if (!GetDma(extension)) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    latched = (interrupt->Flags & CM_RESOURCE_INTERRUPT_LATCHED) != 0;
    extension->InterruptControl = latched ? STORE_INTERRUPT_CONTROL_LATCHED : 0;
    ResetDevice(extension);
    status = ConnectInterrupt(Device, interrupt, latched);
    if (NT_SUCCESS(status)) {
        extension->HasHardware = TRUE;
        extension->Powered = TRUE;
        PoSetPowerState(Device, DevicePowerState, on);
    }
    return status;
}

/* Give back the resources that the extension has. A device that is gone is not touched. */
static VOID StoreReleaseHardware(PSTORE_EXTENSION Extension)
{
    PDMA_ADAPTER adapter = Extension->Dma.Adapter;
    PKINTERRUPT interrupt;
    PUCHAR registers;
    KIRQL oldIrql;

    KeAcquireSpinLock(&Extension->RequestLock, &oldIrql);
    Extension->HasHardware = FALSE; /* under the lock, so that no power IRP uses the device any more */
    interrupt = Extension->Interrupt;
    if (interrupt != NULL && Extension->Powered && !Extension->Gone && Extension->Registers.Address != NULL &&
        Extension->Fifo.Tail != NULL) {
        ResetDevice(Extension);
    }
    Extension->Interrupt = NULL;
    KeReleaseSpinLock(&Extension->RequestLock, oldIrql);
    if (interrupt != NULL) {
        IoDisconnectInterrupt(interrupt);
    }
    if (adapter != NULL) {
        adapter->DmaOperations->FreeCommonBuffer(adapter, PAGE_SIZE, Extension->Dma.DescriptorsLogical,
                                                 Extension->Dma.Descriptors, TRUE);
        adapter->DmaOperations->PutDmaAdapter(adapter);
        Extension->Dma.Adapter = NULL;
    }
    if (Extension->Fifo.Tail != NULL) {
        ExFreePoolWithTag(Extension->Fifo.Tail, STORE_TAG);
        Extension->Fifo.Tail = NULL;
    }
    KeAcquireSpinLock(&Extension->RequestLock, &oldIrql);
    registers = Extension->Registers.Address;
    Extension->Registers.Address = NULL;
    KeReleaseSpinLock(&Extension->RequestLock, oldIrql);
    if (registers != NULL) {
        MmUnmapIoSpace(registers, Extension->Registers.Length);
    }
}

/* Stop, for other resources. */

/* IRP_MN_QUERY_STOP_DEVICE: hold requests, unless a paging file or the like is on the device. */
static NTSTATUS StoreQueryStop(PDEVICE_OBJECT Device, PIRP Irp)
{
    PSTORE_EXTENSION extension = Device->DeviceExtension;

    if (extension->SpecialFiles) {
        return Complete(Device, Irp, STATUS_UNSUCCESSFUL);
    }
    StoreHoldRequests(Device);
    return Succeed(Device, Irp);
}

/* IRP_MN_CANCEL_STOP_DEVICE: go on when the drivers below do. It also comes when the query has not come here. */
static NTSTATUS StoreCancelStop(PDEVICE_OBJECT Device, PIRP Irp)
{
    NTSTATUS status;

    Irp->IoStatus.Status = STATUS_SUCCESS;
    status = Forward(Device, Irp);
    StoreGoOn(Device);
    return Complete(Device, Irp, status);
}

/* IRP_MN_STOP_DEVICE: give the hardware back; requests are held still. */
static NTSTATUS StoreStop(PDEVICE_OBJECT Device, PIRP Irp)
{
    PSTORE_EXTENSION extension = Device->DeviceExtension;

    extension->KeptClocks = StoreReadClocks(extension);
    KeFlushQueuedDpcs();
    StoreReleaseHardware(extension);
    return Succeed(Device, Irp);
}

/* IRP_MN_DEVICE_USAGE_NOTIFICATION: count the special files, and have the manager ask for the state again. */
static NTSTATUS StoreUsage(PDEVICE_OBJECT Device, PIRP Irp)
{
    PSTORE_EXTENSION extension = Device->DeviceExtension;
    NTSTATUS status = Forward(Device, Irp);

    if (NT_SUCCESS(status)) {
        BOOLEAN comes = IoGetCurrentIrpStackLocation(Irp)->Parameters.UsageNotification.InPath;

        extension->SpecialFiles += comes ? 1 : -1;
        IoInvalidateDeviceState(extension->Owner.PhysicalDeviceObject);
    }
    return Complete(Device, Irp, status);
}

/* IRP_MN_QUERY_PNP_DEVICE_STATE: a device with a special file must not be disabled. */
static NTSTATUS StoreQueryState(PDEVICE_OBJECT Device, PIRP Irp)
{
    PSTORE_EXTENSION extension = Device->DeviceExtension;

    if (!extension->SpecialFiles) {
        return PassDown(Device, Irp);
    }
    Irp->IoStatus.Information |= PNP_DEVICE_NOT_DISABLEABLE;
    return Succeed(Device, Irp);
}

/* IRP_MN_QUERY_REMOVE_DEVICE: agree, unless a special file is on the device. */
static NTSTATUS StoreQueryRemove(PDEVICE_OBJECT Device, PIRP Irp)
{
    PSTORE_EXTENSION extension = Device->DeviceExtension;

    if (extension->SpecialFiles) {
        return Complete(Device, Irp, STATUS_UNSUCCESSFUL);
    }
    return Succeed(Device, Irp);
}

/* IRP_MN_SURPRISE_REMOVAL: end all requests; no program finds the device by its interface any more.
 *
 * The interrupt is given back now, since other devices of a shared line would have the ISR called for a device that
 * is gone. The rest stays until the removal. */
static NTSTATUS StoreSurpriseRemoval(PDEVICE_OBJECT Device, PIRP Irp)
{
    PSTORE_EXTENSION extension = Device->DeviceExtension;
    PKINTERRUPT interrupt;

    StoreDeviceGone(Device);
    IoSetDeviceInterfaceState(&extension->InterfaceName, FALSE);
    interrupt = extension->Interrupt;
    if (interrupt != NULL) {
        KeFlushQueuedDpcs();
        IoDisconnectInterrupt(interrupt);
        extension->Interrupt = NULL;
    }
    return Succeed(Device, Irp);
}

/* IRP_MN_START_DEVICE: let the bus driver start the device, then get the resources and connect the interrupt.
 *
 * After a stop the requests that were held go on. */
static NTSTATUS StoreStart(PDEVICE_OBJECT Device, PIRP Irp)
{
    PSTORE_EXTENSION extension = Device->DeviceExtension;
    NTSTATUS status = Forward(Device, Irp);

    if (NT_SUCCESS(status)) {
        status = StoreAcquireHardware(
            Device, IoGetCurrentIrpStackLocation(Irp)->Parameters.StartDevice.AllocatedResourcesTranslated);
        if (NT_SUCCESS(status)) {
            IoSetDeviceInterfaceState(&extension->InterfaceName, TRUE);
            if (extension->Stopping) {
                StoreGoOn(Device);
            }
        } else {
            StoreReleaseHardware(extension);
        }
    }
    return Complete(Device, Irp, status);
}

/* IRP_MN_QUERY_CAPABILITIES: learn which states of the device go with those of the system. */
static NTSTATUS StoreQueryCapabilities(PDEVICE_OBJECT Device, PIRP Irp)
{
    PSTORE_EXTENSION extension = Device->DeviceExtension;
    NTSTATUS status = Forward(Device, Irp);
    PDEVICE_CAPABILITIES capabilities =
        IoGetCurrentIrpStackLocation(Irp)->Parameters.DeviceCapabilities.Capabilities;

    if (NT_SUCCESS(status) && capabilities != NULL) {
        RtlCopyMemory(extension->Owner.DeviceStates, capabilities->DeviceState, sizeof(extension->Owner.DeviceStates));
    }
    return Complete(Device, Irp, status);
}

/* IRP_MN_REMOVE_DEVICE: wait for outstanding requests, give the hardware back, pass down, delete the device. */
static NTSTATUS StoreRemove(PDEVICE_OBJECT Device, PIRP Irp)
{
    PSTORE_EXTENSION extension = Device->DeviceExtension;
    NTSTATUS status;

    IoSetDeviceInterfaceState(&extension->InterfaceName, FALSE);
    if (!extension->Powered) {
        StoreDeviceGone(Device);
    }
    IoReleaseRemoveLockAndWait(&extension->Owner.RemoveLock, Irp);
    KeCancelTimer(&extension->Watchdog);
    KeCancelTimer(&extension->PollTimer);
    KeFlushQueuedDpcs();
    StoreReleaseHardware(extension);
    Irp->IoStatus.Status = STATUS_SUCCESS;
    IoSkipCurrentIrpStackLocation(Irp);
    status = IoCallDriver(extension->Owner.LowerDeviceObject, Irp);
    IoDetachDevice(extension->Owner.LowerDeviceObject);
    StoreDeleteDevice(Device);
    return status;
}

/* Delete the names, the memory of transfers, and the device object. */
VOID StoreDeleteDevice(PDEVICE_OBJECT Device)
{
    PSTORE_EXTENSION extension = Device->DeviceExtension;
    WCHAR characters[NAME_CHARACTERS];
    UNICODE_STRING name = {0, sizeof(characters), characters};
    PSINGLE_LIST_ENTRY entry;

    RtlFreeUnicodeString(&extension->InterfaceName);
    StoreName(&name, DOS_DEVICE_NAME, extension->Number);
    IoDeleteSymbolicLink(&name);
    while ((entry = PopEntryList(&extension->FreeTransfers)) != NULL) {
        PSTORE_TRANSFER transfer = CONTAINING_RECORD(entry, STORE_TRANSFER, Free);

        if (transfer != &extension->FirstTransfer) {
            ExFreePoolWithTag(transfer, STORE_TAG);
        }
    }
    IoDeleteDevice(Device);
}

/* IRP_MJ_PNP: a request is handled before or after the drivers below, as its kind wants it.
 *
 * Each routine releases the remove lock. A request that has none is passed down as it is. */
NTSTATUS StorePnp(PDEVICE_OBJECT Device, PIRP Irp)
{
    PSTORE_EXTENSION extension = Device->DeviceExtension;
    NTSTATUS status = IoAcquireRemoveLock(&extension->Owner.RemoveLock, Irp);

    if (!NT_SUCCESS(status)) {
        Irp->IoStatus.Status = status;
        IoCompleteRequest(Irp, IO_NO_INCREMENT);
        return status;
    }
    switch (IoGetCurrentIrpStackLocation(Irp)->MinorFunction) {
    case IRP_MN_START_DEVICE:
        return StoreStart(Device, Irp);
    case IRP_MN_QUERY_STOP_DEVICE:
        return StoreQueryStop(Device, Irp);
    case IRP_MN_CANCEL_STOP_DEVICE:
        return StoreCancelStop(Device, Irp);
    case IRP_MN_STOP_DEVICE:
        return StoreStop(Device, Irp);
    case IRP_MN_QUERY_REMOVE_DEVICE:
        return StoreQueryRemove(Device, Irp);
    case IRP_MN_CANCEL_REMOVE_DEVICE:
        return Succeed(Device, Irp);
    case IRP_MN_SURPRISE_REMOVAL:
        return StoreSurpriseRemoval(Device, Irp);
    case IRP_MN_REMOVE_DEVICE:
        return StoreRemove(Device, Irp);
    case IRP_MN_QUERY_CAPABILITIES:
        return StoreQueryCapabilities(Device, Irp);
    case IRP_MN_QUERY_PNP_DEVICE_STATE:
        return StoreQueryState(Device, Irp);
    case IRP_MN_DEVICE_USAGE_NOTIFICATION:
        return StoreUsage(Device, Irp);
    default:
        return PassDown(Device, Irp);
    }
}
