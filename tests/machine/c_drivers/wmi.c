/* SPDX-FileCopyrightText: dirql contributors
 * SPDX-License-Identifier: Apache-2.0 */

/* A provider of WMI with one block of data. Nobody asks for it in dirql, so the driver sends the requests to itself. */

#include <wdm.h>
#include <wmilib.h>

DRIVER_INITIALIZE DriverEntry;

static const GUID Block = {0x11223344, 0x5566, 0x7788, {1, 2, 3, 4, 5, 6, 7, 8}};
static const GUID Other = {0x11223344, 0x5566, 0x7788, {8, 7, 6, 5, 4, 3, 2, 1}};
static WMIGUIDREGINFO Guids[] = {{&Block, 1, 0}};
static ULONG Value = 5;
static ULONG Disposition;

static NTSTATUS Query(PDEVICE_OBJECT DeviceObject, PIRP Irp, ULONG GuidIndex, ULONG InstanceIndex, ULONG InstanceCount,
                      PULONG InstanceLengthArray, ULONG BufferAvail, PUCHAR Buffer)
{
    NTSTATUS status = STATUS_BUFFER_TOO_SMALL;

    UNREFERENCED_PARAMETER(InstanceIndex);
    if (GuidIndex == 0 && InstanceCount == 1 && BufferAvail >= sizeof(ULONG)) {
        *(PULONG)Buffer = Value;
        *InstanceLengthArray = sizeof(ULONG);
        status = STATUS_SUCCESS;
    }
    return WmiCompleteRequest(DeviceObject, Irp, status, sizeof(ULONG), IO_NO_INCREMENT);
}

static NTSTATUS Set(PDEVICE_OBJECT DeviceObject, PIRP Irp, ULONG GuidIndex, ULONG InstanceIndex, ULONG BufferSize,
                    PUCHAR Buffer)
{
    UNREFERENCED_PARAMETER(GuidIndex);
    UNREFERENCED_PARAMETER(InstanceIndex);
    Value = BufferSize == sizeof(ULONG) ? *(PULONG)Buffer : 0;
    return WmiCompleteRequest(DeviceObject, Irp, STATUS_SUCCESS, 0, IO_NO_INCREMENT);
}

static WMILIB_CONTEXT Context = {1, Guids, NULL, Query, Set, NULL, NULL, NULL};

static NTSTATUS SystemControl(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    SYSCTL_IRP_DISPOSITION disposition;
    NTSTATUS status = WmiSystemControl(&Context, DeviceObject, Irp, &disposition);

    Disposition = disposition;
    if (disposition == IrpNotCompleted) {
        status = Irp->IoStatus.Status;
        IoCompleteRequest(Irp, IO_NO_INCREMENT);
    } else if (disposition != IrpProcessed) {
        status = Irp->IoStatus.Status;
        IoCompleteRequest(Irp, IO_NO_INCREMENT);
    }
    return status;
}

static NTSTATUS Send(PDEVICE_OBJECT DeviceObject, UCHAR Minor, const GUID *Guid, ULONG_PTR Provider, PVOID Buffer,
                     ULONG Size)
{
    IO_STATUS_BLOCK block;
    PIO_STACK_LOCATION stack;
    KEVENT event;
    PIRP irp;

    KeInitializeEvent(&event, NotificationEvent, FALSE);
    irp = IoBuildSynchronousFsdRequest(IRP_MJ_PNP, DeviceObject, NULL, 0, NULL, &event, &block);
    if (irp == NULL) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    irp->IoStatus.Status = STATUS_NOT_SUPPORTED;
    stack = IoGetNextIrpStackLocation(irp);
    stack->MajorFunction = IRP_MJ_SYSTEM_CONTROL;
    stack->MinorFunction = Minor;
    stack->Parameters.WMI.ProviderId = Provider;
    stack->Parameters.WMI.DataPath = (PVOID)Guid;
    stack->Parameters.WMI.Buffer = Buffer;
    stack->Parameters.WMI.BufferSize = Size;
    return IoCallDriver(DeviceObject, irp);
}

static NTSTATUS Answer(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    struct {
        WNODE_SINGLE_INSTANCE node;
        ULONG data;
    } request = {0};
    PULONG answers = Irp->AssociatedIrp.SystemBuffer;
    ULONG_PTR self = (ULONG_PTR)DeviceObject;

    Irp->IoStatus.Information = 0;
    if (IoGetCurrentIrpStackLocation(Irp)->MajorFunction == IRP_MJ_DEVICE_CONTROL) {
        request.node.DataBlockOffset = FIELD_OFFSET(WNODE_SINGLE_INSTANCE, VariableData);
        answers[0] = Send(DeviceObject, IRP_MN_QUERY_SINGLE_INSTANCE, &Block, self, &request, sizeof request);
        answers[1] = request.data;
        request.data = 9;
        request.node.SizeDataBlock = sizeof(ULONG);
        answers[2] = Send(DeviceObject, IRP_MN_CHANGE_SINGLE_INSTANCE, &Block, self, &request, sizeof request);
        answers[3] = Value;
        answers[4] = Send(DeviceObject, IRP_MN_QUERY_SINGLE_INSTANCE, &Other, self, &request, sizeof request);
        Send(DeviceObject, IRP_MN_QUERY_SINGLE_INSTANCE, &Block, self + 1, &request, sizeof request);
        answers[5] = Disposition == IrpForward;
        answers[6] = Send(DeviceObject, IRP_MN_CHANGE_SINGLE_ITEM, &Block, self, &request, sizeof request);
        answers[7] = IoWMIRegistrationControl(DeviceObject, 77);
        Irp->IoStatus.Information = 8 * sizeof(ULONG);
    }
    Irp->IoStatus.Status = STATUS_SUCCESS;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return STATUS_SUCCESS;
}

static VOID Unload(PDRIVER_OBJECT DriverObject)
{
    IoWMIRegistrationControl(DriverObject->DeviceObject, WMIREG_ACTION_DEREGISTER);
    IoDeleteDevice(DriverObject->DeviceObject);
}

NTSTATUS DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    UNICODE_STRING name = RTL_CONSTANT_STRING(L"\\Device\\Wmi");
    PDEVICE_OBJECT device;
    NTSTATUS status;

    UNREFERENCED_PARAMETER(RegistryPath);
    DriverObject->MajorFunction[IRP_MJ_CREATE] = DriverObject->MajorFunction[IRP_MJ_CLOSE] = Answer;
    DriverObject->MajorFunction[IRP_MJ_DEVICE_CONTROL] = Answer;
    DriverObject->MajorFunction[IRP_MJ_SYSTEM_CONTROL] = SystemControl;
    DriverObject->DriverUnload = Unload;
    status = IoCreateDevice(DriverObject, 0, &name, FILE_DEVICE_UNKNOWN, 0, FALSE, &device);
    return NT_SUCCESS(status) ? IoWMIRegistrationControl(device, WMIREG_ACTION_REGISTER) : status;
}
