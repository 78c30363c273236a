/* SPDX-FileCopyrightText: dirql contributors
 * SPDX-License-Identifier: Apache-2.0 */

/* Doubly linked lists. The head of an empty list points at itself. */

FORCEINLINE VOID InitializeListHead(_Out_ PLIST_ENTRY ListHead)
{
    ListHead->Flink = ListHead->Blink = ListHead;
}

FORCEINLINE BOOLEAN IsListEmpty(_In_ const LIST_ENTRY *ListHead)
{
    return ListHead->Flink == ListHead;
}

/* Returns TRUE if the list is empty afterwards. */
FORCEINLINE BOOLEAN RemoveEntryList(_In_ PLIST_ENTRY Entry)
{
    PLIST_ENTRY next = Entry->Flink;
    PLIST_ENTRY previous = Entry->Blink;

    previous->Flink = next;
    next->Blink = previous;
    return next == previous;
}

FORCEINLINE PLIST_ENTRY RemoveHeadList(_Inout_ PLIST_ENTRY ListHead)
{
    PLIST_ENTRY entry = ListHead->Flink;

    RemoveEntryList(entry);
    return entry;
}

FORCEINLINE PLIST_ENTRY RemoveTailList(_Inout_ PLIST_ENTRY ListHead)
{
    PLIST_ENTRY entry = ListHead->Blink;

    RemoveEntryList(entry);
    return entry;
}

FORCEINLINE VOID InsertHeadList(_Inout_ PLIST_ENTRY ListHead, _Out_ PLIST_ENTRY Entry)
{
    Entry->Flink = ListHead->Flink;
    Entry->Blink = ListHead;
    ListHead->Flink->Blink = Entry;
    ListHead->Flink = Entry;
}

FORCEINLINE VOID InsertTailList(_Inout_ PLIST_ENTRY ListHead, _Out_ PLIST_ENTRY Entry)
{
    Entry->Flink = ListHead;
    Entry->Blink = ListHead->Blink;
    ListHead->Blink->Flink = Entry;
    ListHead->Blink = Entry;
}

/* Puts a list without a head of its own, which begins at ListToAppend, at the end of another list. */
FORCEINLINE VOID AppendTailList(_Inout_ PLIST_ENTRY ListHead, _Inout_ PLIST_ENTRY ListToAppend)
{
    PLIST_ENTRY end = ListHead->Blink;

    ListHead->Blink->Flink = ListToAppend;
    ListHead->Blink = ListToAppend->Blink;
    ListToAppend->Blink->Flink = ListHead;
    ListToAppend->Blink = end;
}

/* Singly linked lists. */

FORCEINLINE VOID PushEntryList(_Inout_ PSINGLE_LIST_ENTRY ListHead, _Inout_ PSINGLE_LIST_ENTRY Entry)
{
    Entry->Next = ListHead->Next;
    ListHead->Next = Entry;
}

FORCEINLINE PSINGLE_LIST_ENTRY PopEntryList(_Inout_ PSINGLE_LIST_ENTRY ListHead)
{
    PSINGLE_LIST_ENTRY first = ListHead->Next;

    if (first != NULL) {
        ListHead->Next = first->Next;
    }
    return first;
}

/* Messages and assertions, which a free build leaves out. */

#ifndef DBG
#define DBG 0
#endif

#if DBG
#define KdPrint(arguments) DbgPrint arguments
#define KdPrintEx(arguments) DbgPrintEx arguments
#define KdBreakPoint() DbgBreakPoint()
#define ASSERT(expression) ((expression) ? (void)0 : RtlAssert(#expression, __FILE__, __LINE__, NULL))
#define ASSERTMSG(message, expression) ((expression) ? (void)0 : RtlAssert(#expression, __FILE__, __LINE__, (message)))
#define RTL_SOFT_ASSERT(expression)                                                                                  \
    ((expression) ? (void)0 : (void)DbgPrint("%s(%d): %s\n", __FILE__, __LINE__, #expression))
#define NT_ASSERT(expression) ((expression) ? TRUE : (DbgRaiseAssertionFailure(), FALSE))
#define NT_ASSERTMSG(message, expression) ((expression) ? TRUE : (DbgPrint("%s\n", (message)), DbgRaiseAssertionFailure(), FALSE))
#else
#define KdPrint(arguments) ((void)0)
#define KdPrintEx(arguments) ((void)0)
#define KdBreakPoint() ((void)0)
#define ASSERT(expression) ((void)0)
#define ASSERTMSG(message, expression) ((void)0)
#define RTL_SOFT_ASSERT(expression) ((void)0)
#define NT_ASSERT(expression) ((void)0)
#define NT_ASSERTMSG(message, expression) ((void)0)
#endif

/* The stack locations of a request. */

FORCEINLINE PIO_STACK_LOCATION IoGetCurrentIrpStackLocation(_In_ PIRP Irp)
{
    return Irp->Tail.Overlay.CurrentStackLocation;
}

FORCEINLINE PIO_STACK_LOCATION IoGetNextIrpStackLocation(_In_ PIRP Irp)
{
    return Irp->Tail.Overlay.CurrentStackLocation - 1;
}

FORCEINLINE VOID IoSetNextIrpStackLocation(_Inout_ PIRP Irp)
{
    Irp->CurrentLocation--;
    Irp->Tail.Overlay.CurrentStackLocation--;
}

/* The next lower driver gets the location of this one. */
FORCEINLINE VOID IoSkipCurrentIrpStackLocation(_Inout_ PIRP Irp)
{
    Irp->CurrentLocation++;
    Irp->Tail.Overlay.CurrentStackLocation++;
}

/* All but the completion routine and its context, which stay the caller's own. */
FORCEINLINE VOID IoCopyCurrentIrpStackLocationToNext(_Inout_ PIRP Irp)
{
    PIO_STACK_LOCATION next = IoGetNextIrpStackLocation(Irp);

    memcpy(next, IoGetCurrentIrpStackLocation(Irp), FIELD_OFFSET(IO_STACK_LOCATION, CompletionRoutine));
    next->Control = 0;
}

FORCEINLINE VOID IoSetCompletionRoutine(_In_ PIRP Irp, _In_opt_ PIO_COMPLETION_ROUTINE CompletionRoutine,
                                        _In_opt_ PVOID Context, _In_ BOOLEAN InvokeOnSuccess,
                                        _In_ BOOLEAN InvokeOnError, _In_ BOOLEAN InvokeOnCancel)
{
    PIO_STACK_LOCATION next = IoGetNextIrpStackLocation(Irp);

    next->CompletionRoutine = CompletionRoutine;
    next->Context = Context;
    next->Control = (UCHAR)((InvokeOnSuccess ? SL_INVOKE_ON_SUCCESS : 0) | (InvokeOnError ? SL_INVOKE_ON_ERROR : 0) |
                            (InvokeOnCancel ? SL_INVOKE_ON_CANCEL : 0));
}

FORCEINLINE VOID IoMarkIrpPending(_Inout_ PIRP Irp)
{
    IoGetCurrentIrpStackLocation(Irp)->Control |= SL_PENDING_RETURNED;
}

FORCEINLINE PDRIVER_CANCEL IoSetCancelRoutine(_In_ PIRP Irp, _In_opt_ PDRIVER_CANCEL CancelRoutine)
{
    return __atomic_exchange_n(&Irp->CancelRoutine, CancelRoutine, __ATOMIC_SEQ_CST);
}

FORCEINLINE VOID IoInitializeDpcRequest(_In_ PDEVICE_OBJECT DeviceObject, _In_ PIO_DPC_ROUTINE DpcRoutine)
{
    KeInitializeDpc(&DeviceObject->Dpc, (PKDEFERRED_ROUTINE)(PVOID)DpcRoutine, DeviceObject);
}

#define IoGetFunctionCodeFromCtlCode(ControlCode) (((ULONG)(ControlCode) >> 2) & 0xfff)
#define IoSizeOfIrp(StackSize) ((USHORT)(sizeof(IRP) + (StackSize) * sizeof(IO_STACK_LOCATION)))
#define PoSetDeviceBusy(IdlePointer) ((void)(*(IdlePointer) = 0))

/* Memory descriptor lists. */

#define MmGetMdlByteCount(Mdl) ((Mdl)->ByteCount)
#define MmGetMdlByteOffset(Mdl) ((Mdl)->ByteOffset)
#define MmGetMdlBaseVa(Mdl) ((Mdl)->StartVa)
#define MmGetMdlVirtualAddress(Mdl) ((PVOID)((PUCHAR)(Mdl)->StartVa + (Mdl)->ByteOffset))
#define MmGetMdlPfnArray(Mdl) ((PPFN_NUMBER)((Mdl) + 1))

FORCEINLINE VOID MmInitializeMdl(_Out_ PMDL MemoryDescriptorList, _In_ PVOID BaseVa, _In_ SIZE_T Length)
{
    MemoryDescriptorList->Next = NULL;
    MemoryDescriptorList->Size =
        (CSHORT)(sizeof(MDL) + sizeof(PFN_NUMBER) * ADDRESS_AND_SIZE_TO_SPAN_PAGES(BaseVa, Length));
    MemoryDescriptorList->MdlFlags = 0;
    MemoryDescriptorList->StartVa = PAGE_ALIGN(BaseVa);
    MemoryDescriptorList->ByteOffset = BYTE_OFFSET(BaseVa);
    MemoryDescriptorList->ByteCount = (ULONG)Length;
}

/* Work items and strings. */

FORCEINLINE VOID ExInitializeWorkItem(_Out_ PWORK_QUEUE_ITEM Item, _In_ PWORKER_THREAD_ROUTINE Routine,
                                      _In_opt_ PVOID Context)
{
    Item->WorkerRoutine = Routine;
    Item->Parameter = Context;
    Item->List.Flink = NULL;
}

FORCEINLINE VOID RtlInitEmptyUnicodeString(_Out_ PUNICODE_STRING DestinationString, _In_opt_ PWCHAR Buffer,
                                           _In_ USHORT BufferSize)
{
    DestinationString->Length = 0;
    DestinationString->MaximumLength = BufferSize;
    DestinationString->Buffer = Buffer;
}

FORCEINLINE VOID RtlInitEmptyAnsiString(_Out_ PANSI_STRING DestinationString, _In_opt_ PCHAR Buffer,
                                        _In_ USHORT BufferSize)
{
    DestinationString->Length = 0;
    DestinationString->MaximumLength = BufferSize;
    DestinationString->Buffer = Buffer;
}

/* Characteristics and rights of files that dirql only hands on. */

#define FILE_FLOPPY_DISKETTE 0x4
#define FILE_WRITE_ONCE_MEDIA 0x8
#define FILE_REMOTE_DEVICE 0x10
#define FILE_DEVICE_IS_MOUNTED 0x20
#define FILE_VIRTUAL_VOLUME 0x40
#define FILE_CHARACTERISTIC_PNP_DEVICE 0x800
#define FILE_WRITE_ATTRIBUTES 0x100
#define FILE_ATTRIBUTE_NORMAL 0x80
#define FILE_DIRECTORY_FILE 0x1
#define FILE_NON_DIRECTORY_FILE 0x40

#define STATUS_SERIAL_MORE_WRITES ((NTSTATUS)0x40000008)
#define STATUS_SERIAL_COUNTER_TIMEOUT ((NTSTATUS)0x4000000c)
#define PCI_COMMON_HDR_LENGTH 0x40
#define PCI_ENABLE_IO_SPACE 1
#define PCI_ENABLE_MEMORY_SPACE 2
#define PCI_ENABLE_BUS_MASTER 4
#define PAGED_CODE_LOCKED() ((void)0)
#define RTL_PAGED_CODE PAGED_CODE

/* Variables of the kernel. An object type is reached through a pointer to the pointer to it, as in *PsThreadType. */

extern NTKERNELAPI POBJECT_TYPE *CmKeyObjectType;
extern NTKERNELAPI POBJECT_TYPE *ExEventObjectType;
extern NTKERNELAPI POBJECT_TYPE *ExSemaphoreObjectType;
extern NTKERNELAPI POBJECT_TYPE *IoDeviceObjectType;
extern NTKERNELAPI POBJECT_TYPE *IoDriverObjectType;
extern NTKERNELAPI POBJECT_TYPE *IoFileObjectType;
extern NTKERNELAPI POBJECT_TYPE *PsProcessType;
extern NTKERNELAPI POBJECT_TYPE *PsThreadType;
extern NTKERNELAPI BOOLEAN KdDebuggerEnabled;
extern NTKERNELAPI BOOLEAN KdDebuggerNotPresent;
extern NTKERNELAPI PVOID MmHighestUserAddress;
extern NTKERNELAPI PVOID MmSystemRangeStart;
extern NTKERNELAPI ULONG64 MmUserProbeAddress;
#define MM_HIGHEST_USER_ADDRESS MmHighestUserAddress
#define MM_SYSTEM_RANGE_START MmSystemRangeStart
#define MM_USER_PROBE_ADDRESS MmUserProbeAddress
#define KD_DEBUGGER_ENABLED KdDebuggerEnabled
#define KD_DEBUGGER_NOT_PRESENT KdDebuggerNotPresent

/* Other names of routines: the exported names of macros, and routines that add a tag, a place or a quota. */

#define IofCallDriver IoCallDriver
#define IofCompleteRequest IoCompleteRequest
#define IoAllocateIrpEx(DeviceObject, StackSize, ChargeQuota) IoAllocateIrp(StackSize, ChargeQuota)
#define IoInitializeRemoveLockEx(Lock, AllocateTag, MaxLockedMinutes, HighWatermark, Size)                           \
    IoInitializeRemoveLock(Lock, AllocateTag, MaxLockedMinutes, HighWatermark)
#define IoAcquireRemoveLockEx(Lock, Tag, File, Line, Size) IoAcquireRemoveLock(Lock, Tag)
#define IoReleaseRemoveLockEx(Lock, Tag, Size) IoReleaseRemoveLock(Lock, Tag)
#define IoReleaseRemoveLockAndWaitEx(Lock, Tag, Size) IoReleaseRemoveLockAndWait(Lock, Tag)
#define IoForwardAndCatchIrp IoForwardIrpSynchronously
#define KfLowerIrql KeLowerIrql
#define KfReleaseSpinLock KeReleaseSpinLock
#define KefAcquireSpinLockAtDpcLevel KeAcquireSpinLockAtDpcLevel
#define KefReleaseSpinLockFromDpcLevel KeReleaseSpinLockFromDpcLevel
#define KeGetCurrentProcessorIndex KeGetCurrentProcessorNumber
#define KeQuerySystemTimePrecise KeQuerySystemTime
#define ExfAcquirePushLockExclusive ExAcquirePushLockExclusive
#define ExfAcquirePushLockShared ExAcquirePushLockShared
#define ExfReleasePushLockExclusive ExReleasePushLockExclusive
#define ExfReleasePushLockShared ExReleasePushLockShared
#define ExpInterlockedPushEntrySList InterlockedPushEntrySList
#define ExpInterlockedPopEntrySList InterlockedPopEntrySList
#define ExpInterlockedFlushSList InterlockedFlushSList
#define ExTryToAcquireResourceExclusiveLite(Resource) ExAcquireResourceExclusiveLite(Resource, FALSE)
#define ExInterlockedCompareExchange64(Destination, Exchange, Comperand, Lock)                                       \
    InterlockedCompareExchange64(Destination, *(Exchange), *(Comperand))
#define ExInterlockedExchangeUlong(Target, Value, Lock) ((ULONG)InterlockedExchange((LONG *)(Target), (LONG)(Value)))
#define ObReferenceObjectWithTag(Object, Tag) ObReferenceObject(Object)
#define ObDereferenceObjectWithTag(Object, Tag) ObDereferenceObject(Object)
#define ObDereferenceObjectDeferDeleteWithTag(Object, Tag) ObDereferenceObjectDeferDelete(Object)
#define ObReferenceObjectByHandleWithTag(Handle, Access, Type, Mode, Tag, Object, Information)                       \
    ObReferenceObjectByHandle(Handle, Access, Type, Mode, Object, Information)
#define ObReferenceObjectByPointerWithTag(Object, Access, Type, Mode, Tag)                                           \
    ObReferenceObjectByPointer(Object, Access, Type, Mode)
#define NtCurrentProcess() ((HANDLE)(LONG_PTR)-1)
#define ZwCurrentProcess() NtCurrentProcess()
#define NtCurrentThread() ((HANDLE)(LONG_PTR)-2)
#define ZwCurrentThread() NtCurrentThread()
#define RtlCopyMemoryNonTemporal RtlCopyMemory
#define RtlCopyBytes RtlCopyMemory
#define RtlZeroBytes RtlZeroMemory
#define RtlFillBytes RtlFillMemory
#define RtlCopyDeviceMemory RtlCopyMemory
#define RtlCopyVolatileMemory(Destination, Source, Length) memcpy((PVOID)(Destination), (const VOID *)(Source), Length)
#define RtlPrefetchMemoryNonTemporal(Source, Length) ((void)(Source))
#define RtlStoreUlongPtr(Address, Value) RtlStoreUlonglong((PULONG64)(Address), Value)
#define RtlRetrieveUlongPtr(Destination, Address)                                                                    \
    memcpy((Destination), (const VOID *)(Address), sizeof(ULONG_PTR))
#define COMPUTE_PAGES_SPANNED(Address, Size) ADDRESS_AND_SIZE_TO_SPAN_PAGES(Address, Size)
#define KdBreakPointWithStatus(Status) KdBreakPoint()
#define DbgUserBreakPoint DbgBreakPoint
#define NT_VERIFY(expression) NT_ASSERT(expression)
#define NT_VERIFYMSG(message, expression) NT_ASSERTMSG(message, expression)
#define NT_FRE_ASSERT(expression) ((expression) ? TRUE : (DbgRaiseAssertionFailure(), FALSE))
#define RTL_VERIFY(expression) ((expression) ? (void)0 : RtlAssert(#expression, __FILE__, __LINE__, NULL))
#define RTL_SOFT_VERIFY RTL_VERIFY
#define RTL_ASSERT ASSERT
#define VER_SET_CONDITION(mask, type, condition) ((mask) = VerSetConditionMask((mask), (type), (condition)))
#define IO_STACK_LOCATION_SIZE sizeof(IO_STACK_LOCATION)
#define ExInitializeDriverRuntime(RuntimeFlags) ((void)(RuntimeFlags))
#define DrvRtPoolNxOptIn 1
#define POOL_NX_OPTIN 1
#define CmResourceTypeMaximum 8
#define MAXIMUM_VOLUME_LABEL_LENGTH (32 * sizeof(WCHAR))

FORCEINLINE KIRQL KfRaiseIrql(_In_ KIRQL NewIrql)
{
    KIRQL old;

    KeRaiseIrql(NewIrql, &old);
    return old;
}

FORCEINLINE KIRQL KeAcquireSpinLockRaiseToDpc(_Inout_ PKSPIN_LOCK SpinLock)
{
    KIRQL old;

    KeAcquireSpinLock(SpinLock, &old);
    return old;
}

#define KfAcquireSpinLock KeAcquireSpinLockRaiseToDpc

FORCEINLINE ULONGLONG KeQueryInterruptTimePrecise(_Out_ PULONG64 QpcTimeStamp)
{
    *QpcTimeStamp = (ULONG64)KeQueryPerformanceCounter(NULL).QuadPart;
    return KeQueryInterruptTime();
}

#define KeQueryUnbiasedInterruptTimePrecise KeQueryInterruptTimePrecise
#define KeQueryUnbiasedInterruptTime KeQueryInterruptTime

/* A bus of 32 bits reads and writes 64 bits as two halves, the lower one first. */

FORCEINLINE ULONG64 READ_REGISTER_ULONG64(_In_ volatile ULONG64 *Register)
{
    ULONG64 low = READ_REGISTER_ULONG((PULONG)(ULONG_PTR)Register);

    return (ULONG64)READ_REGISTER_ULONG((PULONG)(ULONG_PTR)Register + 1) << 32 | low;
}

FORCEINLINE VOID WRITE_REGISTER_ULONG64(_In_ volatile ULONG64 *Register, _In_ ULONG64 Value)
{
    WRITE_REGISTER_ULONG((PULONG)(ULONG_PTR)Register, (ULONG)Value);
    WRITE_REGISTER_ULONG((PULONG)(ULONG_PTR)Register + 1, (ULONG)(Value >> 32));
}

FORCEINLINE PVOID MmMapIoSpaceEx(_In_ PHYSICAL_ADDRESS PhysicalAddress, _In_ SIZE_T NumberOfBytes, _In_ ULONG Protect)
{
    return MmMapIoSpace(PhysicalAddress, NumberOfBytes,
                        (Protect & PAGE_NOCACHE) ? MmNonCached : (Protect & PAGE_WRITECOMBINE) ? MmWriteCombined : MmCached);
}

/* The kernel stack of the calling thread. */

VOID dirql_stack_limits(PULONG_PTR low, PULONG_PTR high);

#define IoGetStackLimits(LowLimit, HighLimit) dirql_stack_limits((LowLimit), (HighLimit))

FORCEINLINE ULONG_PTR IoGetRemainingStackSize(VOID)
{
    ULONG_PTR low, high;

    dirql_stack_limits(&low, &high);
    return (ULONG_PTR)&low - low;
}

FORCEINLINE PVOID IoGetInitialStack(VOID)
{
    ULONG_PTR low, high;

    dirql_stack_limits(&low, &high);
    return (PVOID)high;
}

/* Every access is granted: there are no users. */

#define IoValidateDeviceIoControlAccess(Irp, RequiredAccess) ((void)(Irp), STATUS_SUCCESS)

/* What a driver may ask ZwQuerySystemInformation and its kin, and older structures of the processor. */

#define PCI_CONFIGURATION_TYPE(header) ((header)->HeaderType & ~PCI_MULTIFUNCTION)
#define PCI_MULTIFUNCTION_DEVICE(header) (((header)->HeaderType & PCI_MULTIFUNCTION) != 0)

#define POOL_NX_ALLOCATION 512
#define LOOKASIDE_MINIMUM_BLOCK_SIZE 32
#define STATUS_HANDLE_NOT_WAITABLE STATUS_OBJECT_TYPE_MISMATCH
#define EXCEPTION_ACCESS_VIOLATION STATUS_ACCESS_VIOLATION
#define EXCEPTION_BREAKPOINT STATUS_BREAKPOINT
#define EXCEPTION_INT_DIVIDE_BY_ZERO STATUS_INTEGER_DIVIDE_BY_ZERO
/* The name that wdm.h has for the type is a macro, so that a driver may name an enumeration of its own so. */
#define DEVICE_TYPE ULONG
#define DEFINE_DEVPROPKEY(name, ...) extern const DEVPROPKEY name

/* A key of a device's property. */

typedef ULONG DEVPROPTYPE, *PDEVPROPTYPE;
typedef GUID DEVPROPGUID, *PDEVPROPGUID;
typedef ULONG DEVPROPID, *PDEVPROPID;
typedef struct _DEVPROPKEY {
    DEVPROPGUID fmtid;
    DEVPROPID pid;
} DEVPROPKEY, *PDEVPROPKEY;

/* A routine of the kernel by its name, of those that are no macros and no inline routines here. */

PVOID MmGetSystemRoutineAddress(_In_ PUNICODE_STRING SystemRoutineName);

/* What a registry callback is told of a key to be made or opened, as far as Windows Vista tells it. */

typedef struct _REG_CREATE_KEY_INFORMATION {
    PUNICODE_STRING CompleteName;
    PVOID RootObject;
    PVOID ObjectType;
    ULONG CreateOptions;
    PUNICODE_STRING Class;
    PVOID SecurityDescriptor;
    PVOID SecurityQualityOfService;
    ACCESS_MASK DesiredAccess;
    ACCESS_MASK GrantedAccess;
    PULONG Disposition;
    PVOID *ResultObject;
    PVOID CallContext;
    PVOID RootObjectContext;
    PVOID Transaction;
    PVOID Reserved;
} REG_CREATE_KEY_INFORMATION, *PREG_CREATE_KEY_INFORMATION, REG_OPEN_KEY_INFORMATION, *PREG_OPEN_KEY_INFORMATION;

C_ASSERT(offsetof(REG_CREATE_KEY_INFORMATION, Reserved) == offsetof(REG_CREATE_KEY_INFORMATION_V1, Version));

/* Who has a file open for what: an object of the driver that it guards itself. The routines are in the image
 * (c/runtime/share_access.c). */

VOID IoSetShareAccess(_In_ ACCESS_MASK DesiredAccess, _In_ ULONG DesiredShareAccess, _Inout_ PFILE_OBJECT FileObject,
                      _Out_ PSHARE_ACCESS ShareAccess);
NTSTATUS IoCheckShareAccess(_In_ ACCESS_MASK DesiredAccess, _In_ ULONG DesiredShareAccess,
                            _Inout_ PFILE_OBJECT FileObject, _Inout_ PSHARE_ACCESS ShareAccess, _In_ BOOLEAN Update);
VOID IoUpdateShareAccess(_In_ PFILE_OBJECT FileObject, _Inout_ PSHARE_ACCESS ShareAccess);
VOID IoRemoveShareAccess(_In_ PFILE_OBJECT FileObject, _Inout_ PSHARE_ACCESS ShareAccess);

/* Variables of the kernel. */

extern NTKERNELAPI volatile CCHAR KeNumberProcessors;
extern NTKERNELAPI ULONG NtBuildNumber;
extern NTKERNELAPI ULONG NtGlobalFlag;
extern NTKERNELAPI PULONG InitSafeBootMode;
extern NTKERNELAPI PUCHAR *KdComPortInUse;
extern NTKERNELAPI PEPROCESS PsInitialSystemProcess;

/* Routines that the WDK has as macros, for sources that ask for them with #ifdef and define what is not there. */

#define ExFreePool ExFreePool
#define ExInitializeFastMutex ExInitializeFastMutex
#define ExInitializeSListHead ExInitializeSListHead
#define ExInitializeWorkItem ExInitializeWorkItem
#define InterlockedCompareExchange InterlockedCompareExchange
#define InterlockedDecrement InterlockedDecrement
#define InterlockedExchange InterlockedExchange
#define InterlockedExchangeAdd InterlockedExchangeAdd
#define InterlockedIncrement InterlockedIncrement
#define IoAcquireRemoveLock IoAcquireRemoveLock
#define IoCallDriver IoCallDriver
#define IoCompleteRequest IoCompleteRequest
#define IoCopyCurrentIrpStackLocationToNext IoCopyCurrentIrpStackLocationToNext
#define IoGetCurrentIrpStackLocation IoGetCurrentIrpStackLocation
#define IoGetNextIrpStackLocation IoGetNextIrpStackLocation
#define IoInitializeDpcRequest IoInitializeDpcRequest
#define IoInitializeRemoveLock IoInitializeRemoveLock
#define IoMarkIrpPending IoMarkIrpPending
#define IoReleaseRemoveLock IoReleaseRemoveLock
#define IoReleaseRemoveLockAndWait IoReleaseRemoveLockAndWait
#define IoRequestDpc IoRequestDpc
#define IoSetCancelRoutine IoSetCancelRoutine
#define IoSetCompletionRoutine IoSetCompletionRoutine
#define IoSetNextIrpStackLocation IoSetNextIrpStackLocation
#define IoSkipCurrentIrpStackLocation IoSkipCurrentIrpStackLocation
#define KeAcquireSpinLock KeAcquireSpinLock
#define KeLowerIrql KeLowerIrql
#define KeRaiseIrql KeRaiseIrql
#define KeReleaseSpinLock KeReleaseSpinLock
#define MmGetSystemAddressForMdl MmGetSystemAddressForMdl
#define MmGetSystemAddressForMdlSafe MmGetSystemAddressForMdlSafe
#define MmInitializeMdl MmInitializeMdl
#define MmPrepareMdlForReuse MmPrepareMdlForReuse
#define PAGED_CODE PAGED_CODE
#define PsGetCurrentProcess PsGetCurrentProcess
#define PsGetCurrentThread PsGetCurrentThread
