/* SPDX-FileCopyrightText: dirql contributors
 * SPDX-License-Identifier: Apache-2.0 */

/* A function driver for the store device, which moves data by DMA: it is started by Plug and Play, connects its
 * interrupt, and lets the I/O manager queue its requests. The tests load it in the place of dirql.drivers.store. With
 * OTHER_WAYS it allocates the channel of its adapter and maps each part of a transfer itself, and connects its interrupt
 * by IoConnectInterruptEx, messages if it has some. */

#include <wdm.h>

#define STORE_TAG 'rotS'
#define IOCTL_CAPABILITIES CTL_CODE(FILE_DEVICE_UNKNOWN, 0x901, METHOD_BUFFERED, FILE_ANY_ACCESS)
#define IOCTL_STORE_RAISE CTL_CODE(FILE_DEVICE_UNKNOWN, 0x803, METHOD_BUFFERED, FILE_ANY_ACCESS)

/* Registers, see hdl/functions/store. */
#define ID 0x000
#define ID_VALUE 0x53544F52
#define CONTROL 0x008
#define CONTROL_SOFT_RESET 1
#define STATUS 0x00C
#define STATUS_BUSY 1
#define COMMAND 0x010
#define BUFFER_ADDRESS 0x014
#define LENGTH 0x018
#define DESCRIPTOR_BASE 0x01C
#define TRANSFERRED 0x020
#define INTERRUPT_CAUSE 0x024
#define INTERRUPT_MASK_SET 0x028
#define INTERRUPT_MASK_CLEAR 0x02C
#define INTERRUPT_CONTROL 0x030
#define CAUSE_DONE 0x01
#define CAUSE_ERROR 0x04
#define CAUSE_ABORTED 0x08
#define CAUSE_RAISED 0x10
#define CAUSES (CAUSE_DONE | CAUSE_ERROR | CAUSE_ABORTED | CAUSE_RAISED)
#define OPERATION_DMA_WRITE 3
#define OPERATION_DMA_READ 4
#define OPERATION_RAISE 5

typedef struct {
    ULONG Address;
    ULONG HighAddress;
    ULONG Length;
    ULONG Last;
} STORE_DESCRIPTOR, *PSTORE_DESCRIPTOR;

typedef struct {
    PDEVICE_OBJECT PhysicalDeviceObject;
    PDEVICE_OBJECT LowerDeviceObject;
    PUCHAR Registers;
    ULONG RegistersLength;
    PKINTERRUPT Interrupt;
    PDMA_ADAPTER Adapter;
    PSTORE_DESCRIPTOR Descriptors;
    PHYSICAL_ADDRESS DescriptorsLogical;
    PSCATTER_GATHER_LIST List;
    PIO_INTERRUPT_MESSAGE_INFO Messages;
    PVOID MapRegisterBase;
    BOOLEAN Writing;
    ULONG Cause;
    ULONG Interrupts;
    DEVICE_CAPABILITIES Capabilities;
    IO_REMOVE_LOCK RemoveLock;
} STORE_EXTENSION, *PSTORE_EXTENSION;

DRIVER_INITIALIZE DriverEntry;
static DRIVER_ADD_DEVICE StoreAddDevice;
static DRIVER_UNLOAD StoreUnload;
static DRIVER_STARTIO StoreStartIo;
static DRIVER_DISPATCH StoreCreateClose, StoreReadWrite, StoreDeviceControl, StorePnp, StorePassDown;
static KSERVICE_ROUTINE StoreInterruptService;
static IO_DPC_ROUTINE StoreDpcForIsr;
#ifdef OTHER_WAYS
static DRIVER_CONTROL StoreMapDma;
static KMESSAGE_SERVICE_ROUTINE StoreMessageService;
#else
static DRIVER_LIST_CONTROL StoreStartDma;
#endif
static IO_COMPLETION_ROUTINE StoreStarted;

static ULONG StoreRead(PSTORE_EXTENSION Extension, ULONG Offset)
{
    return READ_REGISTER_ULONG((PULONG)(Extension->Registers + Offset));
}

static VOID StoreWrite(PSTORE_EXTENSION Extension, ULONG Offset, ULONG Value)
{
    WRITE_REGISTER_ULONG((PULONG)(Extension->Registers + Offset), Value);
}

static NTSTATUS StoreComplete(PDEVICE_OBJECT Device, PIRP Irp, NTSTATUS Status, ULONG_PTR Information)
{
    PSTORE_EXTENSION extension = Device->DeviceExtension;

    Irp->IoStatus.Status = Status;
    Irp->IoStatus.Information = Information;
    IoReleaseRemoveLock(&extension->RemoveLock, Irp);
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return Status;
}

/* Requests. */

static NTSTATUS StoreCreateClose(PDEVICE_OBJECT Device, PIRP Irp)
{
    UNREFERENCED_PARAMETER(Device);
    Irp->IoStatus.Status = STATUS_SUCCESS;
    Irp->IoStatus.Information = 0;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return STATUS_SUCCESS;
}

static NTSTATUS StoreQueue(PDEVICE_OBJECT Device, PIRP Irp)
{
    PSTORE_EXTENSION extension = Device->DeviceExtension;
    NTSTATUS status = IoAcquireRemoveLock(&extension->RemoveLock, Irp);

    if (!NT_SUCCESS(status)) {
        Irp->IoStatus.Status = status;
        IoCompleteRequest(Irp, IO_NO_INCREMENT);
        return status;
    }
    IoMarkIrpPending(Irp);
    IoStartPacket(Device, Irp, NULL, NULL);
    return STATUS_PENDING;
}

static NTSTATUS StoreReadWrite(PDEVICE_OBJECT Device, PIRP Irp)
{
    if (IoGetCurrentIrpStackLocation(Irp)->Parameters.Read.Length == 0) {
        Irp->IoStatus.Status = STATUS_SUCCESS;
        Irp->IoStatus.Information = 0;
        IoCompleteRequest(Irp, IO_NO_INCREMENT);
        return STATUS_SUCCESS;
    }
    return StoreQueue(Device, Irp);
}

static NTSTATUS StoreDeviceControl(PDEVICE_OBJECT Device, PIRP Irp)
{
    PSTORE_EXTENSION extension = Device->DeviceExtension;
    ULONG code = IoGetCurrentIrpStackLocation(Irp)->Parameters.DeviceIoControl.IoControlCode;

    if (code == IOCTL_CAPABILITIES) {
        RtlCopyMemory(Irp->AssociatedIrp.SystemBuffer, &extension->Capabilities, sizeof(DEVICE_CAPABILITIES));
        Irp->IoStatus.Status = STATUS_SUCCESS;
        Irp->IoStatus.Information = sizeof(DEVICE_CAPABILITIES);
        IoCompleteRequest(Irp, IO_NO_INCREMENT);
        return STATUS_SUCCESS;
    }
    if (code != IOCTL_STORE_RAISE) {
        Irp->IoStatus.Status = STATUS_INVALID_DEVICE_REQUEST;
        Irp->IoStatus.Information = 0;
        IoCompleteRequest(Irp, IO_NO_INCREMENT);
        return STATUS_INVALID_DEVICE_REQUEST;
    }
    return StoreQueue(Device, Irp);
}

static VOID StoreStartIo(PDEVICE_OBJECT Device, PIRP Irp)
{
    PSTORE_EXTENSION extension = Device->DeviceExtension;
    PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(Irp);
    NTSTATUS status;

    StoreWrite(extension, INTERRUPT_MASK_SET, CAUSES);
    if (stack->MajorFunction == IRP_MJ_DEVICE_CONTROL) {
        StoreWrite(extension, COMMAND, OPERATION_RAISE);
        return;
    }
    extension->Writing = stack->MajorFunction == IRP_MJ_WRITE;
#ifdef OTHER_WAYS
    KeFlushIoBuffers(Irp->MdlAddress, !extension->Writing, TRUE);
    status = extension->Adapter->DmaOperations->AllocateAdapterChannel(
        extension->Adapter, Device,
        ADDRESS_AND_SIZE_TO_SPAN_PAGES(MmGetMdlVirtualAddress(Irp->MdlAddress), stack->Parameters.Read.Length),
        StoreMapDma, NULL);
#else
    status = extension->Adapter->DmaOperations->GetScatterGatherList(
        extension->Adapter, Device, Irp->MdlAddress, MmGetMdlVirtualAddress(Irp->MdlAddress),
        stack->Parameters.Read.Length, StoreStartDma, NULL, extension->Writing);
#endif
    if (!NT_SUCCESS(status)) {
        IoStartNextPacket(Device, FALSE);
        StoreComplete(Device, Irp, status, 0);
    }
}

static VOID StoreBegin(PSTORE_EXTENSION Extension, PIO_STACK_LOCATION Stack)
{
    StoreWrite(Extension, DESCRIPTOR_BASE, Extension->DescriptorsLogical.LowPart);
    StoreWrite(Extension, BUFFER_ADDRESS, (ULONG)Stack->Parameters.Read.ByteOffset.QuadPart);
    StoreWrite(Extension, LENGTH, Stack->Parameters.Read.Length);
    StoreWrite(Extension, COMMAND, Extension->Writing ? OPERATION_DMA_WRITE : OPERATION_DMA_READ);
}

#ifdef OTHER_WAYS

static IO_ALLOCATION_ACTION StoreMapDma(PDEVICE_OBJECT Device, PIRP Irp, PVOID MapRegisterBase, PVOID Context)
{
    PSTORE_EXTENSION extension = Device->DeviceExtension;
    PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(Device->CurrentIrp);
    PUCHAR place = MmGetMdlVirtualAddress(Device->CurrentIrp->MdlAddress);
    ULONG left = stack->Parameters.Read.Length;
    ULONG index;

    UNREFERENCED_PARAMETER(Irp);
    UNREFERENCED_PARAMETER(Context);
    extension->MapRegisterBase = MapRegisterBase;
    for (index = 0; left != 0; index++) {
        ULONG length = left;
        PHYSICAL_ADDRESS address = extension->Adapter->DmaOperations->MapTransfer(
            extension->Adapter, Device->CurrentIrp->MdlAddress, MapRegisterBase, place, &length, extension->Writing);

        extension->Descriptors[index].Address = address.LowPart;
        extension->Descriptors[index].HighAddress = 0;
        extension->Descriptors[index].Length = length;
        left -= length;
        place += length;
        extension->Descriptors[index].Last = left == 0;
    }
    StoreBegin(extension, stack);
    return DeallocateObjectKeepRegisters;
}

static VOID StoreEndDma(PSTORE_EXTENSION Extension, PIRP Irp)
{
    PDMA_OPERATIONS operations = Extension->Adapter->DmaOperations;
    ULONG length = IoGetCurrentIrpStackLocation(Irp)->Parameters.Read.Length;
    PVOID place = MmGetMdlVirtualAddress(Irp->MdlAddress);

    operations->FlushAdapterBuffers(Extension->Adapter, Irp->MdlAddress, Extension->MapRegisterBase, place, length,
                                    Extension->Writing);
    operations->FreeMapRegisters(Extension->Adapter, Extension->MapRegisterBase,
                                 ADDRESS_AND_SIZE_TO_SPAN_PAGES(place, length));
    Extension->MapRegisterBase = NULL;
}

#else

static VOID StoreStartDma(PDEVICE_OBJECT Device, PIRP Irp, PSCATTER_GATHER_LIST List, PVOID Context)
{
    PSTORE_EXTENSION extension = Device->DeviceExtension;
    PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(Irp);
    ULONG index;

    UNREFERENCED_PARAMETER(Context);
    extension->List = List;
    for (index = 0; index < List->NumberOfElements; index++) {
        extension->Descriptors[index].Address = List->Elements[index].Address.LowPart;
        extension->Descriptors[index].HighAddress = 0;
        extension->Descriptors[index].Length = List->Elements[index].Length;
        extension->Descriptors[index].Last = index + 1 == List->NumberOfElements;
    }
    StoreBegin(extension, stack);
}

static VOID StoreEndDma(PSTORE_EXTENSION Extension, PIRP Irp)
{
    UNREFERENCED_PARAMETER(Irp);
    Extension->Adapter->DmaOperations->PutScatterGatherList(Extension->Adapter, Extension->List, Extension->Writing);
    Extension->List = NULL;
}

#endif

static BOOLEAN StoreInterruptService(PKINTERRUPT Interrupt, PVOID Context)
{
    PDEVICE_OBJECT device = Context;
    PSTORE_EXTENSION extension = device->DeviceExtension;
    ULONG cause = StoreRead(extension, INTERRUPT_CAUSE);

    UNREFERENCED_PARAMETER(Interrupt);
    if (cause == 0xFFFFFFFF || (cause & CAUSES) == 0) {
        return FALSE;
    }
    StoreWrite(extension, INTERRUPT_CAUSE, cause);
    extension->Cause |= cause;
    extension->Interrupts++;
    IoRequestDpc(device, device->CurrentIrp, NULL);
    return TRUE;
}

#ifdef OTHER_WAYS
static BOOLEAN StoreMessageService(PKINTERRUPT Interrupt, PVOID Context, ULONG MessageId)
{
    return MessageId == 0 && StoreInterruptService(Interrupt, Context);
}
#endif

static VOID StoreDpcForIsr(PKDPC Dpc, PDEVICE_OBJECT Device, PIRP Irp, PVOID Context)
{
    PSTORE_EXTENSION extension = Device->DeviceExtension;
    ULONG cause = InterlockedExchange((PLONG)&extension->Cause, 0);
    ULONG_PTR moved = 0;

    UNREFERENCED_PARAMETER(Dpc);
    UNREFERENCED_PARAMETER(Context);
    if (Irp == NULL || cause == 0) {
        return;
    }
    if (extension->List != NULL || extension->MapRegisterBase != NULL) {
        moved = StoreRead(extension, TRANSFERRED);
        StoreEndDma(extension, Irp);
    }
    IoStartNextPacket(Device, FALSE);
    StoreComplete(Device, Irp, cause & CAUSE_ERROR ? STATUS_ADAPTER_HARDWARE_ERROR : STATUS_SUCCESS, moved);
}

/* Plug and Play. */

static NTSTATUS StoreStarted(PDEVICE_OBJECT Device, PIRP Irp, PVOID Context)
{
    UNREFERENCED_PARAMETER(Device);
    UNREFERENCED_PARAMETER(Irp);
    KeSetEvent(Context, IO_NO_INCREMENT, FALSE);
    return STATUS_MORE_PROCESSING_REQUIRED;
}

static NTSTATUS StoreForward(PSTORE_EXTENSION Extension, PIRP Irp)
{
    KEVENT event;
    NTSTATUS status;

    KeInitializeEvent(&event, NotificationEvent, FALSE);
    IoCopyCurrentIrpStackLocationToNext(Irp);
    IoSetCompletionRoutine(Irp, StoreStarted, &event, TRUE, TRUE, TRUE);
    status = IoCallDriver(Extension->LowerDeviceObject, Irp);
    if (status == STATUS_PENDING) {
        KeWaitForSingleObject(&event, Executive, KernelMode, FALSE, NULL);
        status = Irp->IoStatus.Status;
    }
    return status;
}

/* Asks the drivers below what the device can do. */
static NTSTATUS StoreQueryCapabilities(PSTORE_EXTENSION Extension)
{
    KEVENT event;
    IO_STATUS_BLOCK block;
    PIRP irp;
    PIO_STACK_LOCATION stack;
    NTSTATUS status;

    RtlZeroMemory(&Extension->Capabilities, sizeof(DEVICE_CAPABILITIES));
    Extension->Capabilities.Size = sizeof(DEVICE_CAPABILITIES);
    Extension->Capabilities.Version = 1;
    Extension->Capabilities.Address = Extension->Capabilities.UINumber = (ULONG)-1;
    KeInitializeEvent(&event, NotificationEvent, FALSE);
    irp = IoBuildSynchronousFsdRequest(IRP_MJ_PNP, Extension->LowerDeviceObject, NULL, 0, NULL, &event, &block);
    if (irp == NULL) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    irp->IoStatus.Status = STATUS_NOT_SUPPORTED;
    stack = IoGetNextIrpStackLocation(irp);
    stack->MajorFunction = IRP_MJ_PNP;
    stack->MinorFunction = IRP_MN_QUERY_CAPABILITIES;
    stack->Parameters.DeviceCapabilities.Capabilities = &Extension->Capabilities;
    status = IoCallDriver(Extension->LowerDeviceObject, irp);
    if (status == STATUS_PENDING) {
        KeWaitForSingleObject(&event, Executive, KernelMode, FALSE, NULL);
        status = block.Status;
    }
    return status;
}

#ifdef OTHER_WAYS
static NTSTATUS StoreConnect(PDEVICE_OBJECT Device, PSTORE_EXTENSION Extension)
{
    IO_CONNECT_INTERRUPT_PARAMETERS parameters = {CONNECT_MESSAGE_BASED};
    NTSTATUS status;

    parameters.MessageBased.PhysicalDeviceObject = Extension->PhysicalDeviceObject;
    parameters.MessageBased.ConnectionContext.InterruptMessageTable = &Extension->Messages;
    parameters.MessageBased.MessageServiceRoutine = StoreMessageService;
    parameters.MessageBased.ServiceContext = Device;
    parameters.MessageBased.FallBackServiceRoutine = StoreInterruptService;
    status = IoConnectInterruptEx(&parameters);
    if (NT_SUCCESS(status) && parameters.Version == CONNECT_LINE_BASED) {
        Extension->Interrupt = (PKINTERRUPT)Extension->Messages;
        Extension->Messages = NULL;
    } else if (NT_SUCCESS(status)) {
        DbgPrint("%lu messages at level %u, the first with vector %lx\n", Extension->Messages->MessageCount,
                 Extension->Messages->UnifiedIrql, Extension->Messages->MessageInfo[0].Vector);
        Extension->Interrupt = Extension->Messages->MessageInfo[0].InterruptObject;
    }
    return status;
}

static VOID StoreDisconnect(PSTORE_EXTENSION Extension)
{
    IO_DISCONNECT_INTERRUPT_PARAMETERS parameters = {CONNECT_LINE_BASED};

    parameters.ConnectionContext.InterruptObject = Extension->Interrupt;
    if (Extension->Messages != NULL) {
        parameters.Version = CONNECT_MESSAGE_BASED;
        parameters.ConnectionContext.InterruptMessageTable = Extension->Messages;
    }
    IoDisconnectInterruptEx(&parameters);
}
#endif

static NTSTATUS StoreAcquireHardware(PDEVICE_OBJECT Device, PCM_RESOURCE_LIST Resources)
{
    PSTORE_EXTENSION extension = Device->DeviceExtension;
    PCM_PARTIAL_RESOURCE_LIST list = &Resources->List[0].PartialResourceList;
    PCM_PARTIAL_RESOURCE_DESCRIPTOR interrupt = NULL;
    DEVICE_DESCRIPTION description = {0};
    ULONG index, registers;
    BOOLEAN latched;

    for (index = 0; index < list->Count; index++) {
        PCM_PARTIAL_RESOURCE_DESCRIPTOR each = &list->PartialDescriptors[index];

        if (each->Type == CmResourceTypeMemory && extension->Registers == NULL) {
            extension->RegistersLength = each->u.Memory.Length;
            extension->Registers = MmMapIoSpace(each->u.Memory.Start, each->u.Memory.Length, MmNonCached);
        } else if (each->Type == CmResourceTypeInterrupt && interrupt == NULL) {
            interrupt = each;
        }
    }
    if (extension->Registers == NULL || interrupt == NULL || StoreRead(extension, ID) != ID_VALUE) {
        return STATUS_DEVICE_CONFIGURATION_ERROR;
    }
    description.Version = DEVICE_DESCRIPTION_VERSION;
    description.Master = TRUE;
    description.ScatterGather = TRUE;
    description.Dma32BitAddresses = TRUE;
    description.InterfaceType = PCIBus;
    description.MaximumLength = 1 << 20;
    extension->Adapter = IoGetDmaAdapter(extension->PhysicalDeviceObject, &description, &registers);
    if (extension->Adapter == NULL) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    extension->Descriptors = extension->Adapter->DmaOperations->AllocateCommonBuffer(
        extension->Adapter, PAGE_SIZE, &extension->DescriptorsLogical, TRUE);
    if (extension->Descriptors == NULL) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    latched = (interrupt->Flags & CM_RESOURCE_INTERRUPT_LATCHED) != 0;
    StoreWrite(extension, CONTROL, CONTROL_SOFT_RESET);
    while (StoreRead(extension, STATUS) & STATUS_BUSY) {
        KeStallExecutionProcessor(1);
    }
    StoreWrite(extension, INTERRUPT_CONTROL, latched ? 1 : 0);
#ifdef OTHER_WAYS
    return StoreConnect(Device, extension);
#else
    return IoConnectInterrupt(&extension->Interrupt, StoreInterruptService, Device, NULL, interrupt->u.Interrupt.Vector,
                              (KIRQL)interrupt->u.Interrupt.Level, (KIRQL)interrupt->u.Interrupt.Level,
                              latched ? Latched : LevelSensitive,
                              interrupt->ShareDisposition == CmResourceShareShared, interrupt->u.Interrupt.Affinity,
                              FALSE);
#endif
}

static VOID StoreReleaseHardware(PSTORE_EXTENSION Extension)
{
    if (Extension->Interrupt != NULL) {
        StoreWrite(Extension, INTERRUPT_MASK_CLEAR, CAUSES);
#ifdef OTHER_WAYS
        StoreDisconnect(Extension);
#else
        IoDisconnectInterrupt(Extension->Interrupt);
#endif
        Extension->Interrupt = NULL;
    }
    if (Extension->Descriptors != NULL) {
        Extension->Adapter->DmaOperations->FreeCommonBuffer(Extension->Adapter, PAGE_SIZE,
                                                            Extension->DescriptorsLogical, Extension->Descriptors, TRUE);
        Extension->Descriptors = NULL;
    }
    if (Extension->Adapter != NULL) {
        Extension->Adapter->DmaOperations->PutDmaAdapter(Extension->Adapter);
        Extension->Adapter = NULL;
    }
    if (Extension->Registers != NULL) {
        MmUnmapIoSpace(Extension->Registers, Extension->RegistersLength);
        Extension->Registers = NULL;
    }
}

static NTSTATUS StorePassDown(PDEVICE_OBJECT Device, PIRP Irp)
{
    PSTORE_EXTENSION extension = Device->DeviceExtension;

    IoSkipCurrentIrpStackLocation(Irp);
    return IoCallDriver(extension->LowerDeviceObject, Irp);
}

static NTSTATUS StorePnp(PDEVICE_OBJECT Device, PIRP Irp)
{
    PSTORE_EXTENSION extension = Device->DeviceExtension;
    PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(Irp);
    NTSTATUS status;

    switch (stack->MinorFunction) {
    case IRP_MN_START_DEVICE:
        status = StoreForward(extension, Irp);
        if (NT_SUCCESS(status)) {
            status = StoreQueryCapabilities(extension);
        }
        if (NT_SUCCESS(status)) {
            status = StoreAcquireHardware(Device, stack->Parameters.StartDevice.AllocatedResourcesTranslated);
            if (!NT_SUCCESS(status)) {
                StoreReleaseHardware(extension);
            }
        }
        Irp->IoStatus.Status = status;
        IoCompleteRequest(Irp, IO_NO_INCREMENT);
        return status;
    case IRP_MN_STOP_DEVICE:
        StoreReleaseHardware(extension);
        break;
    case IRP_MN_REMOVE_DEVICE:
        status = IoAcquireRemoveLock(&extension->RemoveLock, Irp);
        if (NT_SUCCESS(status)) {
            IoReleaseRemoveLockAndWait(&extension->RemoveLock, Irp);
        }
        StoreReleaseHardware(extension);
        Irp->IoStatus.Status = STATUS_SUCCESS;
        status = StorePassDown(Device, Irp);
        IoDetachDevice(extension->LowerDeviceObject);
        IoDeleteDevice(Device);
        return status;
    case IRP_MN_QUERY_STOP_DEVICE:
    case IRP_MN_CANCEL_STOP_DEVICE:
    case IRP_MN_QUERY_REMOVE_DEVICE:
    case IRP_MN_CANCEL_REMOVE_DEVICE:
    case IRP_MN_SURPRISE_REMOVAL:
        break;
    default:
        return StorePassDown(Device, Irp);
    }
    Irp->IoStatus.Status = STATUS_SUCCESS;
    return StorePassDown(Device, Irp);
}

static NTSTATUS StoreAddDevice(PDRIVER_OBJECT DriverObject, PDEVICE_OBJECT PhysicalDeviceObject)
{
    UNICODE_STRING name;
    PDEVICE_OBJECT device;
    PSTORE_EXTENSION extension;
    NTSTATUS status;

    RtlInitUnicodeString(&name, L"\\Device\\StoreInC");
    status = IoCreateDevice(DriverObject, sizeof(STORE_EXTENSION), &name, FILE_DEVICE_UNKNOWN, 0, FALSE, &device);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    extension = device->DeviceExtension;
    extension->PhysicalDeviceObject = PhysicalDeviceObject;
    IoInitializeRemoveLock(&extension->RemoveLock, STORE_TAG, 0, 0);
    IoInitializeDpcRequest(device, StoreDpcForIsr);
    extension->LowerDeviceObject = IoAttachDeviceToDeviceStack(device, PhysicalDeviceObject);
    if (extension->LowerDeviceObject == NULL) {
        IoDeleteDevice(device);
        return STATUS_NO_SUCH_DEVICE;
    }
    device->Flags |= DO_DIRECT_IO;
    device->Flags &= ~DO_DEVICE_INITIALIZING;
    return STATUS_SUCCESS;
}

static VOID StoreUnload(PDRIVER_OBJECT DriverObject)
{
    UNREFERENCED_PARAMETER(DriverObject);
}

NTSTATUS DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    UNREFERENCED_PARAMETER(RegistryPath);
    DriverObject->DriverExtension->AddDevice = StoreAddDevice;
    DriverObject->DriverUnload = StoreUnload;
    DriverObject->DriverStartIo = StoreStartIo;
    DriverObject->MajorFunction[IRP_MJ_CREATE] = StoreCreateClose;
    DriverObject->MajorFunction[IRP_MJ_CLOSE] = StoreCreateClose;
    DriverObject->MajorFunction[IRP_MJ_READ] = StoreReadWrite;
    DriverObject->MajorFunction[IRP_MJ_WRITE] = StoreReadWrite;
    DriverObject->MajorFunction[IRP_MJ_DEVICE_CONTROL] = StoreDeviceControl;
    DriverObject->MajorFunction[IRP_MJ_PNP] = StorePnp;
    DriverObject->MajorFunction[IRP_MJ_POWER] = StorePassDown;
    DriverObject->MajorFunction[IRP_MJ_SYSTEM_CONTROL] = StorePassDown;
    return STATUS_SUCCESS;
}
