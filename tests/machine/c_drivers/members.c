// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0
// Reads and writes members of objects of the kernel that lie in its own memory.
#include <ntddk.h>

#define TELL(object)                                                                                                 \
    DbgPrint("%d/%d/%d/%d ", (object)->Header.Type, (object)->Header.Size, (object)->Header.SignalState,             \
             IsListEmpty(&(object)->Header.WaitListHead))

static KEVENT *event;
static int context = 7;

static VOID Deferred(PKDPC Dpc, PVOID Context, PVOID Argument1, PVOID Argument2)
{
    DbgPrint("dpc %d %d %d ", *(int *)Context, Dpc->SystemArgument1 == Argument1, Dpc->SystemArgument2 == Argument2);
}

static VOID Events(VOID)
{
    LARGE_INTEGER none = {.QuadPart = 0};

    KeInitializeEvent(event, NotificationEvent, FALSE);
    TELL(event);
    KeSetEvent(event, IO_NO_INCREMENT, FALSE);
    TELL(event);
    event->Header.SignalState = 0;
    DbgPrint("%d %x ", KeReadStateEvent(event), KeWaitForSingleObject(event, Executive, KernelMode, FALSE, &none));
    event->Header.SignalState = 1;
    DbgPrint("%x ", KeWaitForSingleObject(event, Executive, KernelMode, FALSE, &none));
    __try {
        InitializeSListHead((PSLIST_HEADER)((ULONG_PTR)event + 8));
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        DbgPrint("%x\n", GetExceptionCode());
    }
}

static VOID Counts(VOID)
{
    KSEMAPHORE semaphore;
    KMUTEX mutex;
    FAST_MUTEX fast;

    KeInitializeSemaphore(&semaphore, 3, 5);
    KeReleaseSemaphore(&semaphore, IO_NO_INCREMENT, 1, FALSE);
    TELL(&semaphore);
    KeInitializeMutex(&mutex, 0);
    KeWaitForSingleObject(&mutex, Executive, KernelMode, FALSE, NULL);
    TELL(&mutex);
    DbgPrint("%d %d %d ", semaphore.Limit, mutex.OwnerThread == KeGetCurrentThread(), mutex.ApcDisable);
    KeReleaseMutex(&mutex, FALSE);
    DbgPrint("%p ", mutex.OwnerThread);
    ExInitializeFastMutex(&fast);
    ExAcquireFastMutex(&fast);
    DbgPrint("%d %d ", fast.Count, fast.Owner == (PVOID)KeGetCurrentThread());
    ExReleaseFastMutex(&fast);
    DbgPrint("%d %p\n", fast.Count, fast.Owner);
}

static VOID Times(VOID)
{
    LARGE_INTEGER now = {.QuadPart = -1};
    KTIMER timer;
    KDPC dpc;

    KeInitializeDpc(&dpc, Deferred, NULL);
    KeSetImportanceDpc(&dpc, HighImportance);
    DbgPrint("%d %d %d ", dpc.Type, dpc.Importance, dpc.DeferredRoutine == Deferred);
    dpc.DeferredContext = &context;
    KeInsertQueueDpc(&dpc, &timer, event);
    KeInitializeTimerEx(&timer, SynchronizationTimer);
    KeSetTimerEx(&timer, now, 20, &dpc);
    DbgPrint("%d %d ", timer.Period, timer.Dpc == &dpc);
    KeCancelTimer(&timer);
    KeFlushQueuedDpcs();
    TELL(&timer);
}

static VOID Unload(PDRIVER_OBJECT DriverObject)
{
    UNREFERENCED_PARAMETER(DriverObject);
}

NTSTATUS DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    UNREFERENCED_PARAMETER(RegistryPath);
    DriverObject->DriverUnload = Unload;
    event = ExAllocatePoolWithTag(NonPagedPool, sizeof *event, 'bmeM');
    Events();
    Counts();
    Times();
    ExFreePool(event);
    return STATUS_SUCCESS;
}
