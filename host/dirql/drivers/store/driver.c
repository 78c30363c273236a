/* SPDX-FileCopyrightText: dirql contributors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Entry points of the store driver: load, add a device, open and close it, queue requests. The twin of the driver in
 * Python: each file and each routine has its counterpart there, which has the same bus transactions in the same
 * clocks. */
#include <initguid.h>

#include "store.h"
#include <ntstrsafe.h>

DRIVER_INITIALIZE DriverEntry;
static DRIVER_UNLOAD StoreUnload;
static DRIVER_ADD_DEVICE StoreAddDevice;
static DRIVER_DISPATCH StoreCreateClose;
static DRIVER_DISPATCH StoreCleanup;
static DRIVER_DISPATCH StoreReadWrite;
static DRIVER_DISPATCH StoreDeviceControl;
static DRIVER_DISPATCH StorePassDown;

static const DEVICE_POWER_STATE DefaultStates[PowerSystemMaximum] = {
    PowerDeviceUnspecified, PowerDeviceD0, PowerDeviceD3, PowerDeviceD3, PowerDeviceD3, PowerDeviceD3, PowerDeviceD3,
};

/* Tell the I/O manager which routine serves which request. */
NTSTATUS DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    UNREFERENCED_PARAMETER(RegistryPath);
    DriverObject->DriverExtension->AddDevice = StoreAddDevice;
    DriverObject->DriverUnload = StoreUnload;
    DriverObject->DriverStartIo = StoreStartIo;
    DriverObject->MajorFunction[IRP_MJ_CREATE] = StoreCreateClose;
    DriverObject->MajorFunction[IRP_MJ_CLOSE] = StoreCreateClose;
    DriverObject->MajorFunction[IRP_MJ_CLEANUP] = StoreCleanup;
    DriverObject->MajorFunction[IRP_MJ_READ] = StoreReadWrite;
    DriverObject->MajorFunction[IRP_MJ_WRITE] = StoreReadWrite;
    DriverObject->MajorFunction[IRP_MJ_DEVICE_CONTROL] = StoreDeviceControl;
    DriverObject->MajorFunction[IRP_MJ_PNP] = StorePnp;
    DriverObject->MajorFunction[IRP_MJ_POWER] = StorePower;
    DriverObject->MajorFunction[IRP_MJ_SYSTEM_CONTROL] = StorePassDown;
    return STATUS_SUCCESS;
}

/* Nothing is left to do: IRP_MN_REMOVE_DEVICE has deleted each device. */
static VOID StoreUnload(PDRIVER_OBJECT DriverObject)
{
    UNREFERENCED_PARAMETER(DriverObject);
}

/* Write the name of the device with a number into a buffer of NAME_CHARACTERS. */
VOID StoreName(PUNICODE_STRING Name, PCWSTR Beginning, ULONG Number)
{
    RtlUnicodeStringPrintf(Name, L"%ws%lu", Beginning, Number);
}

/* Create a device object with the first number that no other device has. */
static NTSTATUS CreateNumberedDevice(PDRIVER_OBJECT DriverObject, PDEVICE_OBJECT *Device, PULONG Number)
{
    WCHAR characters[NAME_CHARACTERS];
    UNICODE_STRING name = {0, sizeof(characters), characters};
    NTSTATUS status;

    for (*Number = 0;; ++*Number) {
        StoreName(&name, DEVICE_NAME, *Number);
        status = IoCreateDevice(DriverObject, sizeof(STORE_EXTENSION), &name, FILE_DEVICE_UNKNOWN, 0, FALSE, Device);
        if (status != STATUS_OBJECT_NAME_COLLISION) {
            return status;
        }
    }
}

/* The values that a device extension begins with, where they are not 0. */
static VOID InitializeExtension(PDEVICE_OBJECT Device, PDEVICE_OBJECT PhysicalDeviceObject, ULONG Number)
{
    PSTORE_EXTENSION extension = Device->DeviceExtension;

    extension->Number = Number;
    extension->Owner.PhysicalDeviceObject = PhysicalDeviceObject;
    RtlCopyMemory(extension->Owner.DeviceStates, DefaultStates, sizeof(DefaultStates));
    extension->DeviceIsQuiet = TRUE;
    extension->Powered = TRUE;
    extension->Timing.AccessClocks = DEFAULT_ACCESS_CLOCKS;
    extension->Timing.TimeoutMicroseconds = DEFAULT_TIMEOUT_MICROSECONDS;
    PushEntryList(&extension->FreeTransfers, &extension->FirstTransfer.Free);
    IoInitializeRemoveLock(&extension->Owner.RemoveLock, STORE_TAG, 0, 0);
    KeInitializeSpinLock(&extension->RequestLock);
    KeInitializeTimer(&extension->Watchdog);
    KeInitializeDpc(&extension->WatchdogDpc, StoreTimeout, Device);
    KeInitializeTimer(&extension->PollTimer);
    KeInitializeDpc(&extension->PollDpc, StorePollDpc, Device);
    KeInitializeDpc(&extension->PowerDpc, StoreGoDownDpc, Device);
    KeInitializeEvent(&extension->Quiet, NotificationEvent, FALSE);
    IoInitializeDpcRequest(Device, StoreDpcForIsr);
}

/* Put a device object on the stack of a device that Plug and Play found. */
static NTSTATUS StoreAddDevice(PDRIVER_OBJECT DriverObject, PDEVICE_OBJECT PhysicalDeviceObject)
{
    WCHAR deviceCharacters[NAME_CHARACTERS], linkCharacters[NAME_CHARACTERS];
    UNICODE_STRING name = {0, sizeof(deviceCharacters), deviceCharacters};
    UNICODE_STRING link = {0, sizeof(linkCharacters), linkCharacters};
    PDEVICE_OBJECT device, lower;
    PSTORE_EXTENSION extension;
    NTSTATUS status;
    ULONG number;

    status = CreateNumberedDevice(DriverObject, &device, &number);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    StoreName(&name, DEVICE_NAME, number);
    StoreName(&link, DOS_DEVICE_NAME, number);
    status = IoCreateSymbolicLink(&link, &name);
    if (!NT_SUCCESS(status)) {
        IoDeleteDevice(device);
        return status;
    }
    InitializeExtension(device, PhysicalDeviceObject, number);
    extension = device->DeviceExtension;

    lower = IoAttachDeviceToDeviceStack(device, PhysicalDeviceObject);
    if (lower == NULL) {
        StoreDeleteDevice(device);
        return STATUS_NO_SUCH_DEVICE;
    }
    extension->Owner.LowerDeviceObject = lower;
    status = IoRegisterDeviceInterface(PhysicalDeviceObject, &GUID_DEVINTERFACE_STORE, NULL, &extension->InterfaceName);
    if (!NT_SUCCESS(status)) {
        IoDetachDevice(lower);
        StoreDeleteDevice(device);
        return status;
    }
    device->Flags |= DO_DIRECT_IO | (lower->Flags & (DO_POWER_PAGABLE | DO_POWER_INRUSH));
    device->Flags &= ~DO_DEVICE_INITIALIZING;
    return STATUS_SUCCESS;
}

/* Complete a request that was never queued; returns the status for the dispatch routine to return. */
static NTSTATUS Complete(PIRP Irp, NTSTATUS Status, ULONG_PTR Information)
{
    Irp->IoStatus.Status = Status;
    Irp->IoStatus.Information = Information;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return Status;
}

/* Hand a request that this driver does not handle to the driver below, which stays until it has returned. */
static NTSTATUS StorePassDown(PDEVICE_OBJECT Device, PIRP Irp)
{
    PSTORE_EXTENSION extension = Device->DeviceExtension;
    NTSTATUS status = IoAcquireRemoveLock(&extension->Owner.RemoveLock, Irp);

    if (!NT_SUCCESS(status)) {
        return Complete(Irp, status, 0);
    }
    IoSkipCurrentIrpStackLocation(Irp);
    status = IoCallDriver(extension->Owner.LowerDeviceObject, Irp);
    IoReleaseRemoveLock(&extension->Owner.RemoveLock, Irp);
    return status;
}

/* Let every program open the device, any number of times. */
static NTSTATUS StoreCreateClose(PDEVICE_OBJECT Device, PIRP Irp)
{
    UNREFERENCED_PARAMETER(Device);
    return Complete(Irp, STATUS_SUCCESS, 0);
}

/* The status of a request that needs the device, when the driver does not have it. */
static NTSTATUS WithoutHardware(PSTORE_EXTENSION Extension)
{
    return Extension->Gone ? STATUS_DEVICE_DOES_NOT_EXIST : STATUS_DEVICE_NOT_READY;
}

/* Hand a request to StartIo, now or after the requests that wait already. */
NTSTATUS StoreQueue(PDEVICE_OBJECT Device, PIRP Irp)
{
    IoMarkIrpPending(Irp);
    IoStartPacket(Device, Irp, NULL, StoreCancelQueued);
    return STATUS_PENDING;
}

/* Check a read or a write and queue it; both have the same members. */
static NTSTATUS StoreReadWrite(PDEVICE_OBJECT Device, PIRP Irp)
{
    PSTORE_EXTENSION extension = Device->DeviceExtension;
    PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(Irp);
    NTSTATUS status = IoAcquireRemoveLock(&extension->Owner.RemoveLock, Irp);
    ULONG length = stack->Parameters.Read.Length;
    LONGLONG offset = stack->Parameters.Read.ByteOffset.QuadPart;

    if (!NT_SUCCESS(status)) {
        return Complete(Irp, status, 0);
    }
    if (!extension->HasHardware && !extension->Stopping) {
        status = WithoutHardware(extension);
    } else if (offset < 0 || offset > extension->DeviceBytes || length > extension->DeviceBytes - offset) {
        status = STATUS_INVALID_PARAMETER;
    }
    if (!NT_SUCCESS(status) || length == 0) {
        IoReleaseRemoveLock(&extension->Owner.RemoveLock, Irp);
        return Complete(Irp, status, 0);
    }
    return StoreQueue(Device, Irp);
}

static STORE_STATISTICS Statistics(PSTORE_EXTENSION Extension)
{
    STORE_CLOCKS clocks = StoreReadClocks(Extension);
    STORE_STATISTICS statistics = {
        .DeviceBytes = Extension->DeviceBytes,
        .Requests = Extension->Requests,
        .Interrupts = Extension->Interrupts,
        .DataClocks = clocks.Data,
        .BusyClocks = clocks.Busy,
        .Timeouts = Extension->Timeouts,
        .Errors = Extension->Errors,
    };

    return statistics;
}

static NTSTATUS SetMode(PSTORE_EXTENSION Extension, const ULONG *Mode, ULONG Length)
{
    if (Length != sizeof(ULONG) || *Mode >= ModeMaximum) {
        return STATUS_INVALID_PARAMETER;
    }
    if (*Mode == ModeDma && Extension->HasHardware && Extension->Dma.Adapter == NULL) {
        return STATUS_NOT_SUPPORTED;
    }
    Extension->Mode = (TRANSFER_MODE)*Mode;
    return STATUS_SUCCESS;
}

static NTSTATUS SetTiming(PSTORE_EXTENSION Extension, const STORE_TIMING *Timing, ULONG Length)
{
    if (Length != sizeof(STORE_TIMING)) {
        return STATUS_INVALID_PARAMETER;
    }
    Extension->Timing = *Timing;
    return STATUS_SUCCESS;
}

static NTSTATUS GetStatistics(PSTORE_EXTENSION Extension, PSTORE_STATISTICS Buffer, ULONG Length,
                              PULONG_PTR Information)
{
    STORE_STATISTICS answer = Statistics(Extension);

    if (Length < sizeof(answer)) {
        return STATUS_BUFFER_TOO_SMALL;
    }
    *Buffer = answer;
    *Information = sizeof(answer);
    return STATUS_SUCCESS;
}

/* Answer a control code at once. */
static NTSTATUS Control(PSTORE_EXTENSION Extension, PIRP Irp, ULONG Code, PULONG_PTR Information)
{
    PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(Irp);
    ULONG input = stack->Parameters.DeviceIoControl.InputBufferLength;
    ULONG output = stack->Parameters.DeviceIoControl.OutputBufferLength;
    PVOID buffer = Irp->AssociatedIrp.SystemBuffer;

    switch (Code) {
    case IOCTL_STORE_SET_MODE:
        return SetMode(Extension, buffer, input);
    case IOCTL_STORE_SET_TIMING:
        return SetTiming(Extension, buffer, input);
    case IOCTL_STORE_GET_STATISTICS:
        return GetStatistics(Extension, buffer, output, Information);
    case IOCTL_STORE_RAISE:
        return WithoutHardware(Extension);
    default:
        return STATUS_INVALID_DEVICE_REQUEST;
    }
}

/* Answer a control code of interface.h at once, or queue IOCTL_STORE_RAISE. */
static NTSTATUS StoreDeviceControl(PDEVICE_OBJECT Device, PIRP Irp)
{
    PSTORE_EXTENSION extension = Device->DeviceExtension;
    NTSTATUS status = IoAcquireRemoveLock(&extension->Owner.RemoveLock, Irp);
    ULONG_PTR information = 0;
    ULONG code;

    if (!NT_SUCCESS(status)) {
        return Complete(Irp, status, 0);
    }
    code = IoGetCurrentIrpStackLocation(Irp)->Parameters.DeviceIoControl.IoControlCode;
    if (code == IOCTL_STORE_RAISE && (extension->HasHardware || extension->Stopping)) {
        return StoreQueue(Device, Irp);
    }
    status = Control(extension, Irp, code, &information);
    IoReleaseRemoveLock(&extension->Owner.RemoveLock, Irp);
    return Complete(Irp, status, information);
}

/* The last handle of a file object was closed: cancel the requests of the file object. */
static NTSTATUS StoreCleanup(PDEVICE_OBJECT Device, PIRP Irp)
{
    StoreCancelFile(Device, IoGetCurrentIrpStackLocation(Irp)->FileObject);
    return Complete(Irp, STATUS_SUCCESS, 0);
}
