/* SPDX-FileCopyrightText: dirql contributors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Objects of the executive and the I/O manager that drivers fill in or read themselves: work items, APCs, entries of the
 * error log, the counts of devices, handles and strings of bytes. */
#include <ntifs.h>

#include <string.h>

#define CHECK(condition) ((condition) ? (void)0 : (void)DbgPrint("line %d: %s\n", __LINE__, #condition))

DRIVER_INITIALIZE DriverEntry;

static KEVENT done;
static LONG calls;

static VOID Worked(PVOID Parameter)
{
    CHECK(Parameter == &calls);
    calls++;
    KeSetEvent(&done, IO_NO_INCREMENT, FALSE);
}

static VOID WorkedForDevice(PDEVICE_OBJECT Device, PVOID Context)
{
    CHECK(Device->DeviceType == FILE_DEVICE_UNKNOWN && Context == &calls);
    calls++;
    KeSetEvent(&done, IO_NO_INCREMENT, FALSE);
}

static VOID WaitForWork(LONG Count)
{
    KeWaitForSingleObject(&done, Executive, KernelMode, FALSE, NULL);
    CHECK(calls == Count);
}

static VOID UseWorkItems(PDEVICE_OBJECT Device)
{
    static WORK_QUEUE_ITEM item;
    PIO_WORKITEM allocated = IoAllocateWorkItem(Device);
    PIO_WORKITEM own = ExAllocatePoolWithTag(NonPagedPool, IoSizeofWorkItem(), 'cexE');

    KeInitializeEvent(&done, SynchronizationEvent, FALSE);
    ExInitializeWorkItem(&item, Worked, &calls);
    ExQueueWorkItem(&item, DelayedWorkQueue);
    WaitForWork(1);
    ExQueueWorkItem(&item, CriticalWorkQueue);
    WaitForWork(2);
    IoQueueWorkItem(allocated, WorkedForDevice, DelayedWorkQueue, &calls);
    WaitForWork(3);
    IoFreeWorkItem(allocated);
    IoInitializeWorkItem(Device, own);
    IoQueueWorkItem(own, WorkedForDevice, DelayedWorkQueue, &calls);
    WaitForWork(4);
    IoUninitializeWorkItem(own);
    ExFreePoolWithTag(own, 'cexE');
}

static VOID OtherNormal(PVOID NormalContext, PVOID SystemArgument1, PVOID SystemArgument2)
{
    CHECK(NormalContext == &done && SystemArgument1 == (PVOID)3 && SystemArgument2 == (PVOID)2);
    calls = 100;
}

static VOID Normal(PVOID NormalContext, PVOID SystemArgument1, PVOID SystemArgument2)
{
    UNREFERENCED_PARAMETER(NormalContext);
    UNREFERENCED_PARAMETER(SystemArgument1);
    UNREFERENCED_PARAMETER(SystemArgument2);
    DbgPrint("the normal routine that was replaced\n");
}

/* Changes what the normal routine is and gets. */
static VOID Kernel(PKAPC Apc, PKNORMAL_ROUTINE *NormalRoutine, PVOID *NormalContext, PVOID *SystemArgument1,
                   PVOID *SystemArgument2)
{
    CHECK(*NormalRoutine == Normal && *NormalContext == &calls && KeGetCurrentIrql() == APC_LEVEL);
    CHECK(*SystemArgument1 == (PVOID)1 && *SystemArgument2 == (PVOID)2 && Apc != NULL);
    *NormalRoutine = OtherNormal;
    *NormalContext = &done;
    *SystemArgument1 = (PVOID)3;
}

static VOID UseApc(VOID)
{
    static KAPC apc;

    KeInitializeApc(&apc, KeGetCurrentThread(), OriginalApcEnvironment, Kernel, NULL, Normal, KernelMode, &calls);
    CHECK(KeInsertQueueApc(&apc, (PVOID)1, (PVOID)2, IO_NO_INCREMENT));
    CHECK(calls == 100);
}

static VOID UseErrorLog(PDEVICE_OBJECT Device)
{
    static const WCHAR text[] = L"abcd\0e";
    UCHAR size = sizeof(IO_ERROR_LOG_PACKET) + sizeof(ULONG) + sizeof text;
    PIO_ERROR_LOG_PACKET entry = IoAllocateErrorLogEntry(Device, size);

    CHECK(entry->DumpDataSize == 0 && entry->ErrorCode == 0);
    entry->ErrorCode = 0x40040001;
    entry->DumpDataSize = 2 * sizeof(ULONG);
    entry->DumpData[0] = 1;
    entry->DumpData[1] = 2;
    entry->NumberOfStrings = 2;
    entry->StringOffset = FIELD_OFFSET(IO_ERROR_LOG_PACKET, DumpData) + entry->DumpDataSize;
    RtlCopyMemory((PUCHAR)entry + entry->StringOffset, text, sizeof text);
    IoWriteErrorLogEntry(entry);
    entry = IoAllocateErrorLogEntry(Device, sizeof *entry);
    IoFreeErrorLogEntry(entry);
}

static VOID UseCounts(VOID)
{
    PCONFIGURATION_INFORMATION counts = IoGetConfigurationInformation();
    ULONG before = counts->SerialCount++;

    CHECK(IoGetConfigurationInformation()->SerialCount == before + 1);
    counts->SerialCount--;
}

static VOID UseHandles(VOID)
{
    OBJECT_HANDLE_INFORMATION information = {0};
    HANDLE handles[2];
    PKEVENT event;
    KMUTEX mutex;

    CHECK(ZwCreateEvent(&handles[0], EVENT_ALL_ACCESS, NULL, NotificationEvent, TRUE) == STATUS_SUCCESS);
    CHECK(ZwCreateEvent(&handles[1], EVENT_ALL_ACCESS, NULL, NotificationEvent, FALSE) == STATUS_SUCCESS);
    CHECK(ZwWaitForMultipleObjects(2, handles, WaitAny, FALSE, NULL) == STATUS_WAIT_0);
    CHECK(ZwSetEvent(handles[1], NULL) == STATUS_SUCCESS);
    CHECK(ZwWaitForMultipleObjects(2, handles, WaitAll, FALSE, NULL) == STATUS_SUCCESS);
    CHECK(ObReferenceObjectByHandle(handles[0], EVENT_MODIFY_STATE, *ExEventObjectType, KernelMode, (PVOID *)&event,
                                    &information) == STATUS_SUCCESS);
    CHECK(information.GrantedAccess == EVENT_ALL_ACCESS);
    ObDereferenceObject(event);
    ZwClose(handles[0]);
    ZwClose(handles[1]);
    KeInitializeMutex(&mutex, 0);
    CHECK(KeWaitForMutexObject(&mutex, Executive, KernelMode, FALSE, NULL) == STATUS_SUCCESS);
    CHECK(KeReleaseMutex(&mutex, FALSE) == 0);
}

static VOID UseStrings(VOID)
{
    ANSI_STRING bytes, back;
    UNICODE_STRING wide;

    RtlInitAnsiString(&bytes, "Hello");
    CHECK(RtlAnsiStringToUnicodeString(&wide, &bytes, TRUE) == STATUS_SUCCESS && wide.Length == 10);
    CHECK(RtlUnicodeStringToAnsiString(&back, &wide, TRUE) == STATUS_SUCCESS && RtlEqualString(&bytes, &back, FALSE));
    RtlFreeAnsiString(&back);
    RtlFreeUnicodeString(&wide);
}

static VOID UsePowerRequest(PDEVICE_OBJECT Device)
{
    COUNTED_REASON_CONTEXT reason = {DIAGNOSTIC_REASON_VERSION, DIAGNOSTIC_REASON_SIMPLE_STRING};
    PVOID request;

    RtlInitUnicodeString(&reason.SimpleString, L"a test");
    CHECK(PoCreatePowerRequest(&request, Device, &reason) == STATUS_SUCCESS);
    CHECK(PoSetPowerRequest(request, PowerRequestSystemRequired) == STATUS_SUCCESS);
    CHECK(PoClearPowerRequest(request, PowerRequestSystemRequired) == STATUS_SUCCESS);
    PoDeletePowerRequest(request);
}

static VOID Unload(PDRIVER_OBJECT DriverObject)
{
    IoDeleteDevice(DriverObject->DeviceObject);
}

NTSTATUS DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    PDEVICE_OBJECT device;
    NTSTATUS status = IoCreateDevice(DriverObject, 0, NULL, FILE_DEVICE_UNKNOWN, 0, FALSE, &device);

    UNREFERENCED_PARAMETER(RegistryPath);
    DriverObject->DriverUnload = Unload;
    if (NT_SUCCESS(status)) {
        UseWorkItems(device);
        UseApc();
        UseErrorLog(device);
        UseCounts();
        UseHandles();
        UseStrings();
        UsePowerRequest(device);
    }
    return status;
}
