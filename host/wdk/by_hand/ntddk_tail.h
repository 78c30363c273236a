/* SPDX-FileCopyrightText: dirql contributors
 * SPDX-License-Identifier: Apache-2.0 */

/* Configuration space, the speaker, and versions. */

FORCEINLINE ULONG HalGetBusData(_In_ BUS_DATA_TYPE BusDataType, _In_ ULONG BusNumber, _In_ ULONG SlotNumber,
                                _Out_ PVOID Buffer, _In_ ULONG Length)
{
    return HalGetBusDataByOffset(BusDataType, BusNumber, SlotNumber, Buffer, 0, Length);
}

FORCEINLINE ULONG HalSetBusData(_In_ BUS_DATA_TYPE BusDataType, _In_ ULONG BusNumber, _In_ ULONG SlotNumber,
                                _In_ PVOID Buffer, _In_ ULONG Length)
{
    return HalSetBusDataByOffset(BusDataType, BusNumber, SlotNumber, Buffer, 0, Length);
}

/* The machine has no speaker. */
FORCEINLINE BOOLEAN HalMakeBeep(_In_ ULONG Frequency)
{
    UNREFERENCED_PARAMETER(Frequency);
    return FALSE;
}

/* Returns TRUE for a checked build of Windows, which dirql never is. */
FORCEINLINE BOOLEAN PsGetVersion(_Out_opt_ PULONG MajorVersion, _Out_opt_ PULONG MinorVersion,
                                 _Out_opt_ PULONG BuildNumber, _Out_opt_ PUNICODE_STRING CSDVersion)
{
    RTL_OSVERSIONINFOW version = {0};

    version.dwOSVersionInfoSize = sizeof version;
    RtlGetVersion(&version);
    if (MajorVersion != NULL) {
        *MajorVersion = version.dwMajorVersion;
    }
    if (MinorVersion != NULL) {
        *MinorVersion = version.dwMinorVersion;
    }
    if (BuildNumber != NULL) {
        *BuildNumber = version.dwBuildNumber;
    }
    if (CSDVersion != NULL) {
        RtlInitEmptyUnicodeString(CSDVersion, NULL, 0);
    }
    return FALSE;
}

typedef struct _OSVERSIONINFOW OSVERSIONINFOW, *POSVERSIONINFOW;
typedef struct _OSVERSIONINFOEXW OSVERSIONINFOEXW, *POSVERSIONINFOEXW;
typedef enum _NT_PRODUCT_TYPE {
    NtProductWinNt = 1,
    NtProductLanManNt,
    NtProductServer
} NT_PRODUCT_TYPE, *PNT_PRODUCT_TYPE;

/* Links of splay trees; a root is its own parent. The routines are in the image (c/runtime/splay_trees.c). */

FORCEINLINE VOID RtlInitializeSplayLinks(_Out_ PRTL_SPLAY_LINKS Links)
{
    Links->Parent = Links;
    Links->LeftChild = NULL;
    Links->RightChild = NULL;
}

FORCEINLINE VOID RtlInsertAsLeftChild(_Inout_ PRTL_SPLAY_LINKS ParentLinks, _Inout_ PRTL_SPLAY_LINKS ChildLinks)
{
    ParentLinks->LeftChild = ChildLinks;
    ChildLinks->Parent = ParentLinks;
}

FORCEINLINE VOID RtlInsertAsRightChild(_Inout_ PRTL_SPLAY_LINKS ParentLinks, _Inout_ PRTL_SPLAY_LINKS ChildLinks)
{
    ParentLinks->RightChild = ChildLinks;
    ChildLinks->Parent = ParentLinks;
}

#define RtlParent(Links) ((Links)->Parent)
#define RtlLeftChild(Links) ((Links)->LeftChild)
#define RtlRightChild(Links) ((Links)->RightChild)
#define RtlIsRoot(Links) ((Links)->Parent == (Links))
#define RtlIsLeftChild(Links) ((Links)->Parent->LeftChild == (Links))
#define RtlIsRightChild(Links) ((Links)->Parent->RightChild == (Links))

/* Names of disks for the loader of the system, which are symbolic links. */

#define IoAssignArcName(ArcName, DeviceName) ((VOID)IoCreateSymbolicLink((ArcName), (DeviceName)))
#define IoDeassignArcName(ArcName) ((VOID)IoDeleteSymbolicLink(ArcName))

/* The Nt names of services; each caller counts as the kernel, as with the Zw names. */

#define NtAllocateVirtualMemory ZwAllocateVirtualMemory
#define NtCancelIoFile ZwCancelIoFile
#define NtCancelTimer ZwCancelTimer
#define NtClearEvent ZwClearEvent
#define NtClose ZwClose
#define NtCreateDirectoryObject ZwCreateDirectoryObject
#define NtCreateEvent ZwCreateEvent
#define NtCreateFile ZwCreateFile
#define NtCreateKey ZwCreateKey
#define NtCreateSection ZwCreateSection
#define NtCreateSymbolicLinkObject ZwCreateSymbolicLinkObject
#define NtCreateTimer ZwCreateTimer
#define NtDeleteKey ZwDeleteKey
#define NtDeleteValueKey ZwDeleteValueKey
#define NtDeviceIoControlFile ZwDeviceIoControlFile
#define NtDuplicateObject ZwDuplicateObject
#define NtEnumerateKey ZwEnumerateKey
#define NtEnumerateValueKey ZwEnumerateValueKey
#define NtFlushBuffersFile ZwFlushBuffersFile
#define NtFlushKey ZwFlushKey
#define NtFreeVirtualMemory ZwFreeVirtualMemory
#define NtFsControlFile ZwFsControlFile
#define NtMakeTemporaryObject ZwMakeTemporaryObject
#define NtMapViewOfSection ZwMapViewOfSection
#define NtNotifyChangeKey ZwNotifyChangeKey
#define NtOpenDirectoryObject ZwOpenDirectoryObject
#define NtOpenEvent ZwOpenEvent
#define NtOpenFile ZwOpenFile
#define NtOpenKey ZwOpenKey
#define NtOpenProcess ZwOpenProcess
#define NtOpenSection ZwOpenSection
#define NtOpenSymbolicLinkObject ZwOpenSymbolicLinkObject
#define NtOpenThread ZwOpenThread
#define NtOpenTimer ZwOpenTimer
#define NtQueryInformationFile ZwQueryInformationFile
#define NtQueryInformationProcess ZwQueryInformationProcess
#define NtQueryKey ZwQueryKey
#define NtQueryObject ZwQueryObject
#define NtQuerySymbolicLinkObject ZwQuerySymbolicLinkObject
#define NtQueryValueKey ZwQueryValueKey
#define NtQueryVolumeInformationFile ZwQueryVolumeInformationFile
#define NtReadFile ZwReadFile
#define NtResetEvent ZwResetEvent
#define NtSetEvent ZwSetEvent
#define NtSetInformationFile ZwSetInformationFile
#define NtSetTimer ZwSetTimer
#define NtSetValueKey ZwSetValueKey
#define NtUnmapViewOfSection ZwUnmapViewOfSection
#define NtWaitForMultipleObjects ZwWaitForMultipleObjects
#define NtWaitForSingleObject ZwWaitForSingleObject
#define NtWriteFile ZwWriteFile

/* Names that Windows NT 4 had, and the exported names of routines that headers spell otherwise. */

#define ExInitializeResource ExInitializeResourceLite
#define ExDeleteResource ExDeleteResourceLite
#define ExAcquireResourceExclusive ExAcquireResourceExclusiveLite
#define ExAcquireResourceShared ExAcquireResourceSharedLite
#define ExConvertExclusiveToShared ExConvertExclusiveToSharedLite
#define ExIsResourceAcquiredExclusive ExIsResourceAcquiredExclusiveLite
#define ExIsResourceAcquiredShared ExIsResourceAcquiredSharedLite
#define ExReleaseResourceForThread ExReleaseResourceForThreadLite
#define ExfInterlockedInsertHeadList ExInterlockedInsertHeadList
#define ExfInterlockedInsertTailList ExInterlockedInsertTailList
#define ExfInterlockedRemoveHeadList ExInterlockedRemoveHeadList
#define ExfInterlockedPushEntryList ExInterlockedPushEntryList
#define ExfInterlockedPopEntryList ExInterlockedPopEntryList
#define ExiAcquireFastMutex ExAcquireFastMutex
#define ExiReleaseFastMutex ExReleaseFastMutex
#define ExiTryToAcquireFastMutex ExTryToAcquireFastMutex
#define KeGetPreviousMode ExGetPreviousMode

typedef enum _INTERLOCKED_RESULT {
    ResultZero,
    ResultNegative,
    ResultPositive
} INTERLOCKED_RESULT;

FORCEINLINE INTERLOCKED_RESULT ExInterlockedIncrementLong(_Inout_ LONG *Addend, _In_opt_ PKSPIN_LOCK Lock)
{
    LONG value = InterlockedIncrement(Addend);

    UNREFERENCED_PARAMETER(Lock);
    return value == 0 ? ResultZero : value < 0 ? ResultNegative : ResultPositive;
}

FORCEINLINE INTERLOCKED_RESULT ExInterlockedDecrementLong(_Inout_ LONG *Addend, _In_opt_ PKSPIN_LOCK Lock)
{
    LONG value = InterlockedDecrement(Addend);

    UNREFERENCED_PARAMETER(Lock);
    return value == 0 ? ResultZero : value < 0 ? ResultNegative : ResultPositive;
}

/* Opens files for drivers and file systems; here always by their names, as ZwCreateFile. */

FORCEINLINE NTSTATUS IoCreateFile(_Out_ PHANDLE FileHandle, _In_ ACCESS_MASK DesiredAccess,
                                  _In_ POBJECT_ATTRIBUTES ObjectAttributes, _Out_ PIO_STATUS_BLOCK IoStatusBlock,
                                  _In_opt_ PLARGE_INTEGER AllocationSize, _In_ ULONG FileAttributes,
                                  _In_ ULONG ShareAccess, _In_ ULONG Disposition, _In_ ULONG CreateOptions,
                                  _In_opt_ PVOID EaBuffer, _In_ ULONG EaLength, _In_ CREATE_FILE_TYPE CreateFileType,
                                  _In_opt_ PVOID ExtraCreateParameters, _In_ ULONG Options)
{
    UNREFERENCED_PARAMETER(ExtraCreateParameters);
    UNREFERENCED_PARAMETER(Options);
    if (CreateFileType != CreateFileTypeNone) {
        return STATUS_INVALID_PARAMETER;
    }
    return ZwCreateFile(FileHandle, DesiredAccess, ObjectAttributes, IoStatusBlock, AllocationSize, FileAttributes,
                        ShareAccess, Disposition, CreateOptions, EaBuffer, EaLength);
}
