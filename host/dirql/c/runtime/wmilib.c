/* SPDX-FileCopyrightText: dirql contributors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The library that answers requests of WMI for a driver (wmilib.lib on Windows). Requests for another provider go on to the
 * next lower driver; a driver answers those for single instances, and for events, by the routines of its context.
 */
#include <wmilib.h>

/* The GUID of a request among those of the driver, in `*index`. */
static BOOLEAN find(PWMILIB_CONTEXT context, const GUID *guid, PULONG index)
{
    for (*index = 0; *index < context->GuidCount; (*index)++) {
        if (IsEqualGUID(context->GuidList[*index].Guid, guid)) {
            return TRUE;
        }
    }
    return FALSE;
}

NTSTATUS WmiCompleteRequest(PDEVICE_OBJECT DeviceObject, PIRP Irp, NTSTATUS Status, ULONG BufferUsed, CCHAR PriorityBoost)
{
    PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(Irp);
    PWNODE_SINGLE_INSTANCE node = stack->Parameters.WMI.Buffer;
    ULONG used = 0;

    UNREFERENCED_PARAMETER(DeviceObject);
    if (stack->MinorFunction == IRP_MN_QUERY_SINGLE_INSTANCE) {
        used = node->DataBlockOffset + BufferUsed;
        if (Status == STATUS_BUFFER_TOO_SMALL && stack->Parameters.WMI.BufferSize >= sizeof(WNODE_TOO_SMALL)) {
            ((PWNODE_TOO_SMALL)node)->SizeNeeded = used;
            node->WnodeHeader.Flags |= WNODE_FLAG_TOO_SMALL;
            used = sizeof(WNODE_TOO_SMALL);
            Status = STATUS_SUCCESS;
        } else if (NT_SUCCESS(Status)) {
            node->SizeDataBlock = BufferUsed;
        }
        node->WnodeHeader.BufferSize = used;
    }
    Irp->IoStatus.Status = Status;
    Irp->IoStatus.Information = NT_SUCCESS(Status) ? used : 0;
    IoCompleteRequest(Irp, PriorityBoost);
    return Status;
}

/* A request for one instance; STATUS_INVALID_DEVICE_REQUEST if the driver has no routine for it. */
static NTSTATUS answer(PWMILIB_CONTEXT context, PDEVICE_OBJECT device, PIRP irp, ULONG guid)
{
    PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(irp);
    PWNODE_SINGLE_INSTANCE node = stack->Parameters.WMI.Buffer;
    PWNODE_SINGLE_ITEM item = stack->Parameters.WMI.Buffer;
    ULONG index = node->InstanceIndex, length = 0;

    switch (stack->MinorFunction) {
    case IRP_MN_QUERY_SINGLE_INSTANCE:
        if (context->QueryWmiDataBlock != NULL) {
            return context->QueryWmiDataBlock(device, irp, guid, index, 1, &length,
                                              stack->Parameters.WMI.BufferSize - node->DataBlockOffset,
                                              (PUCHAR)node + node->DataBlockOffset);
        }
        break;
    case IRP_MN_CHANGE_SINGLE_INSTANCE:
        if (context->SetWmiDataBlock != NULL) {
            return context->SetWmiDataBlock(device, irp, guid, index, node->SizeDataBlock,
                                            (PUCHAR)node + node->DataBlockOffset);
        }
        break;
    case IRP_MN_CHANGE_SINGLE_ITEM:
        if (context->SetWmiDataItem != NULL) {
            return context->SetWmiDataItem(device, irp, guid, index, item->ItemId, item->SizeDataItem,
                                           (PUCHAR)item + item->DataBlockOffset);
        }
        break;
    }
    return WmiCompleteRequest(device, irp, STATUS_INVALID_DEVICE_REQUEST, 0, IO_NO_INCREMENT);
}

NTSTATUS WmiSystemControl(PWMILIB_CONTEXT WmiLibInfo, PDEVICE_OBJECT DeviceObject, PIRP Irp,
                          PSYSCTL_IRP_DISPOSITION IrpDisposition)
{
    PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(Irp);
    UCHAR minor = stack->MinorFunction;
    BOOLEAN enables = minor == IRP_MN_ENABLE_EVENTS || minor == IRP_MN_ENABLE_COLLECTION;
    ULONG guid;
    NTSTATUS status;

    if (minor > IRP_MN_REGINFO_EX) {
        *IrpDisposition = IrpNotWmi;
        return STATUS_SUCCESS;
    }
    if (stack->Parameters.WMI.ProviderId != (ULONG_PTR)DeviceObject) {
        *IrpDisposition = IrpForward;
        return STATUS_SUCCESS;
    }
    *IrpDisposition = IrpNotCompleted;
    if (!find(WmiLibInfo, stack->Parameters.WMI.DataPath, &guid)) {
        Irp->IoStatus.Status = STATUS_WMI_GUID_NOT_FOUND;
        Irp->IoStatus.Information = 0;
        return STATUS_WMI_GUID_NOT_FOUND;
    }
    *IrpDisposition = IrpProcessed;
    if (minor < IRP_MN_ENABLE_EVENTS || minor > IRP_MN_DISABLE_COLLECTION) {
        return answer(WmiLibInfo, DeviceObject, Irp, guid);
    }
    if (WmiLibInfo->WmiFunctionControl == NULL) {
        return WmiCompleteRequest(DeviceObject, Irp, STATUS_SUCCESS, 0, IO_NO_INCREMENT);
    }
    status = WmiLibInfo->WmiFunctionControl(
        DeviceObject, Irp, guid, minor <= IRP_MN_DISABLE_EVENTS ? WmiEventControl : WmiDataBlockControl, enables);
    return status;
}

/* Nobody waits for events, and the data belong to the system now. */
NTSTATUS WmiFireEvent(PDEVICE_OBJECT DeviceObject, LPCGUID Guid, ULONG InstanceIndex, ULONG EventDataSize, PVOID EventData)
{
    UNREFERENCED_PARAMETER(DeviceObject);
    UNREFERENCED_PARAMETER(Guid);
    UNREFERENCED_PARAMETER(InstanceIndex);
    UNREFERENCED_PARAMETER(EventDataSize);
    if (EventData != NULL) {
        ExFreePool(EventData);
    }
    return STATUS_SUCCESS;
}
