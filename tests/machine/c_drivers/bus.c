/* SPDX-FileCopyrightText: dirql contributors
 * SPDX-License-Identifier: Apache-2.0 */

/* A bus driver that reports one device, and answers its requests; drivers in Python stand above it. */

#include <ntddk.h>
#include <initguid.h>
#include <wdmguid.h>

DRIVER_INITIALIZE DriverEntry;

typedef struct _EXTENSION {
    PDEVICE_OBJECT Lower; /* NULL for the device on the bus */
    PDEVICE_OBJECT Child;
    UCHAR Registers[16];
    LONG References;
} EXTENSION, *PEXTENSION;

static DRIVER_ADD_DEVICE AddDevice;
static DRIVER_DISPATCH Pass, Power, Pnp;

static NTSTATUS Complete(PIRP Irp, NTSTATUS Status, PVOID Information)
{
    Irp->IoStatus.Status = Status;
    Irp->IoStatus.Information = (ULONG_PTR)Information;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return Status;
}

static PVOID Copy(const VOID *Contents, SIZE_T Size)
{
    PVOID copy = ExAllocatePoolWithTag(PagedPool, Size, 'lihC');

    if (copy != NULL) {
        RtlCopyMemory(copy, Contents, Size);
    }
    return copy;
}

static PVOID Relations(PDEVICE_OBJECT Device)
{
    DEVICE_RELATIONS relations = {1, {Device}};

    ObReferenceObject(Device);
    return Copy(&relations, sizeof relations);
}

static VOID Refer(PVOID Context)
{
    InterlockedIncrement(&((PEXTENSION)Context)->References);
}

static VOID Release(PVOID Context)
{
    InterlockedDecrement(&((PEXTENSION)Context)->References);
}

static ULONG GetData(PVOID Context, ULONG DataType, PVOID Buffer, ULONG Offset, ULONG Length)
{
    UNREFERENCED_PARAMETER(DataType);
    RtlCopyMemory(Buffer, ((PEXTENSION)Context)->Registers + Offset, Length);
    return Length;
}

static ULONG SetData(PVOID Context, ULONG DataType, PVOID Buffer, ULONG Offset, ULONG Length)
{
    UNREFERENCED_PARAMETER(DataType);
    RtlCopyMemory(((PEXTENSION)Context)->Registers + Offset, Buffer, Length);
    return Length;
}

static NTSTATUS GiveInterface(PEXTENSION Extension, PIO_STACK_LOCATION Stack)
{
    PBUS_INTERFACE_STANDARD given = (PBUS_INTERFACE_STANDARD)Stack->Parameters.QueryInterface.Interface;

    if (!IsEqualGUID(Stack->Parameters.QueryInterface.InterfaceType, &GUID_BUS_INTERFACE_STANDARD) ||
        Stack->Parameters.QueryInterface.Size < sizeof *given) {
        return STATUS_NOT_SUPPORTED;
    }
    given->Size = sizeof *given;
    given->Version = 1;
    given->Context = Extension;
    given->InterfaceReference = Refer;
    given->InterfaceDereference = Release;
    given->GetBusData = GetData;
    given->SetBusData = SetData;
    given->InterfaceReference(given->Context);
    return STATUS_SUCCESS;
}

static NTSTATUS Identify(PIRP Irp, BUS_QUERY_ID_TYPE Type)
{
    static const WCHAR device[] = L"TEST\\Child";
    static const WCHAR hardware[] = L"TEST\\Child\0TEST\\Any\0";
    static const WCHAR instance[] = L"0042";

    switch (Type) {
    case BusQueryDeviceID:
        return Complete(Irp, STATUS_SUCCESS, Copy(device, sizeof device));
    case BusQueryHardwareIDs:
        return Complete(Irp, STATUS_SUCCESS, Copy(hardware, sizeof hardware));
    case BusQueryInstanceID:
        return Complete(Irp, STATUS_SUCCESS, Copy(instance, sizeof instance));
    default:
        return Complete(Irp, Irp->IoStatus.Status, NULL);
    }
}

static NTSTATUS AnswerChild(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(Irp);
    PNP_BUS_INFORMATION bus = {.LegacyBusType = Internal, .BusNumber = 7};
    NTSTATUS status = Irp->IoStatus.Status;
    PDEVICE_CAPABILITIES capabilities;

    switch (stack->MinorFunction) {
    case IRP_MN_QUERY_ID:
        return Identify(Irp, stack->Parameters.QueryId.IdType);
    case IRP_MN_QUERY_BUS_INFORMATION:
        bus.BusTypeGuid = GUID_BUS_TYPE_INTERNAL;
        return Complete(Irp, STATUS_SUCCESS, Copy(&bus, sizeof bus));
    case IRP_MN_QUERY_DEVICE_RELATIONS:
        return stack->Parameters.QueryDeviceRelations.Type == TargetDeviceRelation
                   ? Complete(Irp, STATUS_SUCCESS, Relations(DeviceObject))
                   : Complete(Irp, status, NULL);
    case IRP_MN_QUERY_CAPABILITIES:
        capabilities = stack->Parameters.DeviceCapabilities.Capabilities;
        capabilities->UniqueID = TRUE;
        capabilities->UINumber = 3;
        return Complete(Irp, STATUS_SUCCESS, NULL);
    case IRP_MN_QUERY_INTERFACE:
        return Complete(Irp, GiveInterface(DeviceObject->DeviceExtension, stack), NULL);
    case IRP_MN_QUERY_DEVICE_TEXT:
    case IRP_MN_QUERY_RESOURCES:
    case IRP_MN_QUERY_RESOURCE_REQUIREMENTS:
    case IRP_MN_QUERY_PNP_DEVICE_STATE:
    case IRP_MN_FILTER_RESOURCE_REQUIREMENTS:
        return Complete(Irp, status, (PVOID)Irp->IoStatus.Information);
    default:
        return Complete(Irp, STATUS_SUCCESS, NULL);
    }
}

static NTSTATUS Report(PEXTENSION Extension, PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    NTSTATUS status = STATUS_SUCCESS;

    if (Extension->Child == NULL) {
        status = IoCreateDevice(DeviceObject->DriverObject, sizeof(EXTENSION), NULL, FILE_DEVICE_UNKNOWN,
                                FILE_AUTOGENERATED_DEVICE_NAME, FALSE, &Extension->Child);
        if (NT_SUCCESS(status)) {
            Extension->Child->Flags |= DO_POWER_PAGABLE;
            Extension->Child->Flags &= ~DO_DEVICE_INITIALIZING;
        }
    }
    Irp->IoStatus.Status = status;
    Irp->IoStatus.Information = NT_SUCCESS(status) ? (ULONG_PTR)Relations(Extension->Child) : 0;
    return status;
}

static NTSTATUS Pass(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    if (((PEXTENSION)DeviceObject->DeviceExtension)->Lower == NULL) {
        return Complete(Irp, Irp->IoStatus.Status, NULL);
    }
    IoSkipCurrentIrpStackLocation(Irp);
    return IoCallDriver(((PEXTENSION)DeviceObject->DeviceExtension)->Lower, Irp);
}

static NTSTATUS Power(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PoStartNextPowerIrp(Irp);
    if (((PEXTENSION)DeviceObject->DeviceExtension)->Lower == NULL) {
        return Complete(Irp, STATUS_SUCCESS, NULL);
    }
    IoSkipCurrentIrpStackLocation(Irp);
    return PoCallDriver(((PEXTENSION)DeviceObject->DeviceExtension)->Lower, Irp);
}

static NTSTATUS Pnp(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PEXTENSION extension = DeviceObject->DeviceExtension;
    PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(Irp);
    NTSTATUS status;

    if (extension->Lower == NULL) {
        return AnswerChild(DeviceObject, Irp);
    }
    switch (stack->MinorFunction) {
    case IRP_MN_QUERY_DEVICE_RELATIONS:
        if (stack->Parameters.QueryDeviceRelations.Type != BusRelations) {
            return Pass(DeviceObject, Irp);
        }
        status = Report(extension, DeviceObject, Irp);
        return NT_SUCCESS(status) ? Pass(DeviceObject, Irp) : Complete(Irp, status, NULL);
    case IRP_MN_START_DEVICE:
        if (!IoForwardIrpSynchronously(extension->Lower, Irp)) {
            return STATUS_UNSUCCESSFUL;
        }
        status = Irp->IoStatus.Status;
        IoCompleteRequest(Irp, IO_NO_INCREMENT);
        return status;
    case IRP_MN_REMOVE_DEVICE:
        Irp->IoStatus.Status = STATUS_SUCCESS;
        status = Pass(DeviceObject, Irp);
        if (extension->Child != NULL) {
            IoDeleteDevice(extension->Child);
        }
        IoDetachDevice(extension->Lower);
        IoDeleteDevice(DeviceObject);
        return status;
    case IRP_MN_SURPRISE_REMOVAL:
    case IRP_MN_QUERY_REMOVE_DEVICE:
    case IRP_MN_CANCEL_REMOVE_DEVICE:
    case IRP_MN_QUERY_STOP_DEVICE:
    case IRP_MN_CANCEL_STOP_DEVICE:
    case IRP_MN_STOP_DEVICE:
        Irp->IoStatus.Status = STATUS_SUCCESS;
        return Pass(DeviceObject, Irp);
    default:
        return Pass(DeviceObject, Irp);
    }
}

static NTSTATUS AddDevice(PDRIVER_OBJECT DriverObject, PDEVICE_OBJECT PhysicalDeviceObject)
{
    PDEVICE_OBJECT device;
    PEXTENSION extension;
    NTSTATUS status;

    status = IoCreateDevice(DriverObject, sizeof(EXTENSION), NULL, FILE_DEVICE_BUS_EXTENDER, 0, FALSE, &device);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    extension = device->DeviceExtension;
    extension->Lower = IoAttachDeviceToDeviceStack(device, PhysicalDeviceObject);
    device->Flags |= DO_POWER_PAGABLE;
    device->Flags &= ~DO_DEVICE_INITIALIZING;
    return STATUS_SUCCESS;
}

static VOID Unload(PDRIVER_OBJECT DriverObject)
{
    UNREFERENCED_PARAMETER(DriverObject);
}

NTSTATUS DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    UNREFERENCED_PARAMETER(RegistryPath);
    DriverObject->MajorFunction[IRP_MJ_PNP] = Pnp;
    DriverObject->MajorFunction[IRP_MJ_POWER] = Power;
    DriverObject->MajorFunction[IRP_MJ_SYSTEM_CONTROL] = Pass;
    DriverObject->DriverExtension->AddDevice = AddDevice;
    DriverObject->DriverUnload = Unload;
    return STATUS_SUCCESS;
}
