/* SPDX-FileCopyrightText: dirql contributors
 * SPDX-License-Identifier: Apache-2.0 */

/* A function driver that asks the bus driver below, which is in Python, for all that Plug and Play tells by pointers. */

#include <wdm.h>
#include <initguid.h>
#include <wdmguid.h>

DRIVER_INITIALIZE DriverEntry;

typedef struct _EXTENSION {
    PDEVICE_OBJECT Pdo;
    PDEVICE_OBJECT Lower;
} EXTENSION, *PEXTENSION;

static DRIVER_ADD_DEVICE AddDevice;
static DRIVER_DISPATCH Pass, Power, Pnp, Answer;

static NTSTATUS Ask(PEXTENSION Extension, UCHAR Minor, const VOID *Parameters, SIZE_T Size, PULONG_PTR Information)
{
    IO_STATUS_BLOCK block;
    KEVENT event;
    PIO_STACK_LOCATION stack;
    NTSTATUS status;
    PIRP irp;

    KeInitializeEvent(&event, NotificationEvent, FALSE);
    irp = IoBuildSynchronousFsdRequest(IRP_MJ_PNP, Extension->Lower, NULL, 0, NULL, &event, &block);
    if (irp == NULL) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    irp->IoStatus.Status = STATUS_NOT_SUPPORTED;
    stack = IoGetNextIrpStackLocation(irp);
    stack->MinorFunction = Minor;
    RtlCopyMemory(&stack->Parameters, Parameters, Size);
    status = IoCallDriver(Extension->Lower, irp);
    if (status == STATUS_PENDING) {
        KeWaitForSingleObject(&event, Executive, KernelMode, FALSE, NULL);
        status = block.Status;
    }
    *Information = block.Information;
    return status;
}

static NTSTATUS AskInterface(PEXTENSION Extension, PULONG Answers)
{
    IO_STACK_LOCATION stack = {0};
    BUS_INTERFACE_STANDARD interface = {0};
    PCI_COMMON_CONFIG header = {0};
    UCHAR line = 0x5a;
    ULONG_PTR information;
    ULONG space = 0;
    PHYSICAL_ADDRESS bus = {.QuadPart = 0x1000}, translated;
    NTSTATUS status;

    stack.Parameters.QueryInterface.InterfaceType = &GUID_BUS_INTERFACE_STANDARD;
    stack.Parameters.QueryInterface.Size = sizeof interface;
    stack.Parameters.QueryInterface.Version = 1;
    stack.Parameters.QueryInterface.Interface = (PINTERFACE)&interface;
    status = Ask(Extension, IRP_MN_QUERY_INTERFACE, &stack.Parameters, sizeof stack.Parameters, &information);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    Answers[0] = interface.GetBusData(interface.Context, PCI_WHICHSPACE_CONFIG, &header, 0, PCI_COMMON_HDR_LENGTH);
    Answers[1] = header.VendorID | (ULONG)header.DeviceID << 16;
    Answers[2] = interface.SetBusData(interface.Context, PCI_WHICHSPACE_CONFIG, &line,
                                      FIELD_OFFSET(PCI_COMMON_CONFIG, u.type0.InterruptLine), 1);
    interface.GetBusData(interface.Context, PCI_WHICHSPACE_CONFIG, &header, 0, PCI_COMMON_HDR_LENGTH);
    Answers[3] = header.u.type0.InterruptLine;
    Answers[4] = interface.TranslateBusAddress(interface.Context, bus, 4, &space, &translated) &&
                 translated.QuadPart == bus.QuadPart && space == 0;
    interface.InterfaceReference(interface.Context);
    interface.InterfaceDereference(interface.Context);
    interface.InterfaceDereference(interface.Context);
    return status;
}

static NTSTATUS AskRest(PEXTENSION Extension, PULONG Answers)
{
    IO_STACK_LOCATION stack = {0};
    PDEVICE_RELATIONS relations;
    PPNP_BUS_INFORMATION bus;
    PIO_RESOURCE_REQUIREMENTS_LIST wanted;
    PCM_RESOURCE_LIST resources;
    ULONG_PTR information;
    ULONG identity = 0;
    NTSTATUS status;

    stack.Parameters.QueryDeviceRelations.Type = TargetDeviceRelation;
    status = Ask(Extension, IRP_MN_QUERY_DEVICE_RELATIONS, &stack.Parameters, sizeof stack.Parameters, &information);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    relations = (PDEVICE_RELATIONS)information;
    Answers[5] = relations->Count == 1 && relations->Objects[0] == Extension->Pdo;
    ObDereferenceObject(relations->Objects[0]);
    ExFreePool(relations);
    status = Ask(Extension, IRP_MN_QUERY_BUS_INFORMATION, &stack.Parameters, 0, &information);
    bus = (PPNP_BUS_INFORMATION)information;
    Answers[6] = NT_SUCCESS(status) && IsEqualGUID(&bus->BusTypeGuid, &GUID_BUS_TYPE_PCI) && bus->LegacyBusType == PCIBus;
    ExFreePool(bus);
    stack.Parameters.QueryId.IdType = BusQueryDeviceID;
    status = Ask(Extension, IRP_MN_QUERY_ID, &stack.Parameters, sizeof stack.Parameters, &information);
    Answers[7] = NT_SUCCESS(status) && wcsncmp((PWSTR)information, L"PCI\\VEN_", 8) == 0;
    ExFreePool((PVOID)information);
    stack.Parameters.ReadWriteConfig.WhichSpace = PCI_WHICHSPACE_CONFIG;
    stack.Parameters.ReadWriteConfig.Buffer = &identity;
    stack.Parameters.ReadWriteConfig.Offset = 0;
    stack.Parameters.ReadWriteConfig.Length = sizeof identity;
    status = Ask(Extension, IRP_MN_READ_CONFIG, &stack.Parameters, sizeof stack.Parameters, &information);
    Answers[8] = NT_SUCCESS(status) ? identity : 0;
    status = Ask(Extension, IRP_MN_QUERY_RESOURCE_REQUIREMENTS, &stack.Parameters, 0, &information);
    wanted = (PIO_RESOURCE_REQUIREMENTS_LIST)information;
    Answers[9] = NT_SUCCESS(status) && wanted->InterfaceType == PCIBus && wanted->AlternativeLists == 1;
    ExFreePool(wanted);
    status = Ask(Extension, IRP_MN_QUERY_RESOURCES, &stack.Parameters, 0, &information);
    resources = (PCM_RESOURCE_LIST)information;
    Answers[10] = NT_SUCCESS(status) && resources->Count == 1 && resources->List[0].PartialResourceList.Count > 0;
    ExFreePool(resources);
    return STATUS_SUCCESS;
}

static NTSTATUS Answer(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PEXTENSION extension = DeviceObject->DeviceExtension;
    PULONG answers = Irp->AssociatedIrp.SystemBuffer;
    NTSTATUS status = STATUS_SUCCESS;

    Irp->IoStatus.Information = 0;
    if (IoGetCurrentIrpStackLocation(Irp)->MajorFunction == IRP_MJ_DEVICE_CONTROL) {
        status = AskInterface(extension, answers);
        if (NT_SUCCESS(status)) {
            status = AskRest(extension, answers);
        }
        Irp->IoStatus.Information = 11 * sizeof(ULONG);
    }
    Irp->IoStatus.Status = status;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return status;
}

static NTSTATUS Pass(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    IoSkipCurrentIrpStackLocation(Irp);
    return IoCallDriver(((PEXTENSION)DeviceObject->DeviceExtension)->Lower, Irp);
}

static NTSTATUS Power(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PoStartNextPowerIrp(Irp);
    IoSkipCurrentIrpStackLocation(Irp);
    return PoCallDriver(((PEXTENSION)DeviceObject->DeviceExtension)->Lower, Irp);
}

static NTSTATUS Pnp(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PEXTENSION extension = DeviceObject->DeviceExtension;
    NTSTATUS status;

    switch (IoGetCurrentIrpStackLocation(Irp)->MinorFunction) {
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
    UNICODE_STRING name = RTL_CONSTANT_STRING(L"\\Device\\Asks");
    PDEVICE_OBJECT device;
    PEXTENSION extension;
    NTSTATUS status;

    status = IoCreateDevice(DriverObject, sizeof(EXTENSION), &name, FILE_DEVICE_UNKNOWN, 0, FALSE, &device);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    extension = device->DeviceExtension;
    extension->Pdo = PhysicalDeviceObject;
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
    DriverObject->MajorFunction[IRP_MJ_CREATE] = DriverObject->MajorFunction[IRP_MJ_CLOSE] = Answer;
    DriverObject->MajorFunction[IRP_MJ_DEVICE_CONTROL] = Answer;
    DriverObject->MajorFunction[IRP_MJ_PNP] = Pnp;
    DriverObject->MajorFunction[IRP_MJ_POWER] = Power;
    DriverObject->MajorFunction[IRP_MJ_SYSTEM_CONTROL] = Pass;
    DriverObject->DriverExtension->AddDevice = AddDevice;
    DriverObject->DriverUnload = Unload;
    return STATUS_SUCCESS;
}
