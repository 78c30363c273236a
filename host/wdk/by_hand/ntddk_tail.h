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
