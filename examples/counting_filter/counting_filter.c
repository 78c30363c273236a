/* SPDX-FileCopyrightText: dirql contributors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The filter of counting_filter.py in C, routine by routine.
 */
#include <wdm.h>

#define IOCTL_COUNTER_READ CTL_CODE(FILE_DEVICE_UNKNOWN, 0x900, METHOD_BUFFERED, FILE_READ_ACCESS)
#define FUNCTIONS (IRP_MJ_MAXIMUM_FUNCTION + 1)
#define BUCKETS 32

typedef struct _ANSWER {
    ULONG Counts[FUNCTIONS];
    ULONG Longest;
    ULONG Histogram[BUCKETS];
} ANSWER, *PANSWER;

typedef struct _EXTENSION {
    PDEVICE_OBJECT LowerDevice;
    IO_REMOVE_LOCK RemoveLock;
    KSPIN_LOCK Lock; /* guards the answer: requests come, and are completed, on all processors at once */
    ANSWER Answer;
} EXTENSION, *PEXTENSION;

DRIVER_INITIALIZE DriverEntry;
static DRIVER_UNLOAD Unload;
static DRIVER_ADD_DEVICE AddDevice;
static DRIVER_DISPATCH CountAndPassDown;
static DRIVER_DISPATCH Control;
static DRIVER_DISPATCH Pnp;
static IO_COMPLETION_ROUTINE Completed;

NTSTATUS DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    ULONG major;

    UNREFERENCED_PARAMETER(RegistryPath);
    for (major = 0; major < FUNCTIONS; major++) { /* a filter must pass on even what it does not know */
        DriverObject->MajorFunction[major] = CountAndPassDown;
    }
    DriverObject->MajorFunction[IRP_MJ_DEVICE_CONTROL] = Control;
    DriverObject->MajorFunction[IRP_MJ_PNP] = Pnp;
    DriverObject->DriverExtension->AddDevice = AddDevice;
    DriverObject->DriverUnload = Unload;
    return STATUS_SUCCESS;
}

static VOID Unload(PDRIVER_OBJECT DriverObject)
{
    UNREFERENCED_PARAMETER(DriverObject); /* the device objects were deleted when the devices were removed */
}

static NTSTATUS AddDevice(PDRIVER_OBJECT DriverObject, PDEVICE_OBJECT PhysicalDeviceObject)
{
    PDEVICE_OBJECT top = IoGetAttachedDeviceReference(PhysicalDeviceObject);
    PEXTENSION extension;
    PDEVICE_OBJECT device;
    NTSTATUS status;

    status = IoCreateDevice(DriverObject, sizeof(EXTENSION), NULL, top->DeviceType, top->Characteristics, FALSE, &device);
    ObDereferenceObject(top);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    extension = device->DeviceExtension;
    IoInitializeRemoveLock(&extension->RemoveLock, 'rtnC', 0, 0);
    KeInitializeSpinLock(&extension->Lock);
    extension->LowerDevice = IoAttachDeviceToDeviceStack(device, PhysicalDeviceObject);
    if (extension->LowerDevice == NULL) {
        IoDeleteDevice(device);
        return STATUS_NO_SUCH_DEVICE;
    }
    /* The I/O manager looks at the top device to decide how buffers are handed over. */
    device->Flags |= extension->LowerDevice->Flags & (DO_BUFFERED_IO | DO_DIRECT_IO | DO_POWER_PAGABLE);
    device->Flags &= ~DO_DEVICE_INITIALIZING;
    return STATUS_SUCCESS;
}

static NTSTATUS Complete(PIRP Irp, NTSTATUS Status, ULONG_PTR Information)
{
    Irp->IoStatus.Status = Status;
    Irp->IoStatus.Information = Information;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return Status;
}

static NTSTATUS CountAndPassDown(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PEXTENSION extension = DeviceObject->DeviceExtension;
    NTSTATUS status = IoAcquireRemoveLock(&extension->RemoveLock, Irp);
    KIRQL irql;

    if (!NT_SUCCESS(status)) {
        return Complete(Irp, status, 0);
    }
    KeAcquireSpinLock(&extension->Lock, &irql);
    extension->Answer.Counts[IoGetCurrentIrpStackLocation(Irp)->MajorFunction]++;
    KeReleaseSpinLock(&extension->Lock, irql);
    IoCopyCurrentIrpStackLocationToNext(Irp);
    /* The context is the time itself: it needs no memory that somebody would have to free. */
    IoSetCompletionRoutine(Irp, Completed, (PVOID)KeQueryPerformanceCounter(NULL).QuadPart, TRUE, TRUE, TRUE);
    return IoCallDriver(extension->LowerDevice, Irp);
}

/* Runs when the drivers below have completed the request, at any level up to DISPATCH_LEVEL. */
static NTSTATUS Completed(PDEVICE_OBJECT DeviceObject, PIRP Irp, PVOID Context)
{
    PEXTENSION extension = DeviceObject->DeviceExtension;
    ULONGLONG time = (ULONGLONG)(KeQueryPerformanceCounter(NULL).QuadPart - (LONGLONG)Context);
    ULONG bits = 0;
    KIRQL irql;

    while (bits < BUCKETS - 1 && time >> bits != 0) {
        bits++;
    }
    KeAcquireSpinLock(&extension->Lock, &irql);
    if (time > extension->Answer.Longest) {
        extension->Answer.Longest = time > MAXULONG ? MAXULONG : (ULONG)time;
    }
    extension->Answer.Histogram[bits]++;
    KeReleaseSpinLock(&extension->Lock, irql);
    if (Irp->PendingReturned) { /* the dispatch routine has returned STATUS_PENDING */
        IoMarkIrpPending(Irp);
    }
    IoReleaseRemoveLock(&extension->RemoveLock, Irp);
    return STATUS_CONTINUE_COMPLETION;
}

static NTSTATUS Control(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PEXTENSION extension = DeviceObject->DeviceExtension;
    PIO_STACK_LOCATION location = IoGetCurrentIrpStackLocation(Irp);
    KIRQL irql;

    if (location->Parameters.DeviceIoControl.IoControlCode != IOCTL_COUNTER_READ) {
        return CountAndPassDown(DeviceObject, Irp);
    }
    if (location->Parameters.DeviceIoControl.OutputBufferLength < sizeof(ANSWER)) {
        return Complete(Irp, STATUS_BUFFER_TOO_SMALL, 0);
    }
    KeAcquireSpinLock(&extension->Lock, &irql);
    RtlCopyMemory(Irp->AssociatedIrp.SystemBuffer, &extension->Answer, sizeof(ANSWER));
    KeReleaseSpinLock(&extension->Lock, irql);
    return Complete(Irp, STATUS_SUCCESS, sizeof(ANSWER));
}

/* When the device is removed, the filter goes with it; everything else is counted like other requests. */
static NTSTATUS Pnp(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PEXTENSION extension = DeviceObject->DeviceExtension;
    NTSTATUS status;

    if (IoGetCurrentIrpStackLocation(Irp)->MinorFunction != IRP_MN_REMOVE_DEVICE) {
        return CountAndPassDown(DeviceObject, Irp);
    }
    IoAcquireRemoveLock(&extension->RemoveLock, Irp);
    IoSkipCurrentIrpStackLocation(Irp);
    status = IoCallDriver(extension->LowerDevice, Irp);
    IoReleaseRemoveLockAndWait(&extension->RemoveLock, Irp);
    IoDetachDevice(extension->LowerDevice);
    IoDeleteDevice(DeviceObject);
    return status;
}
