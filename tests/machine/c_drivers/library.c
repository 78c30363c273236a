/* SPDX-FileCopyrightText: dirql contributors
 * SPDX-License-Identifier: Apache-2.0 */

/* Uses what drivers have of Microsoft's compiler, of its C library and of old and new headers; each check that fails is a
 * bit of the answer. */

#include <ntifs.h>
#include <wdmsec.h>
#include <intrin.h>
#include <ntintsafe.h>

C_ASSERT(ULONG_MAX == 0xFFFFFFFFUL && SIZE_T_MAX == MAXULONG_PTR && LONG_PTR_MIN == MINLONG_PTR);
#include <stdio.h>
#include <stdlib.h>
#include <tchar.h>

DRIVER_INITIALIZE DriverEntry;
static __drv_dispatchType(IRP_MJ_DEVICE_CONTROL) DRIVER_DISPATCH Answer;
static DRIVER_UNLOAD Unload;

DECLARE_GLOBAL_CONST_UNICODE_STRING(DeviceName, L"\\Device\\Library");

static __declspec(code_seg("PAGE")) DECLSPEC_NOINLINE ULONG Strings(VOID)
{
    CHAR text[16] = "one,two;";
    WCHAR wide[8];
    PCHAR next;
    ULONG wrong = 0;

    wrong |= strcmp(strtok_s(text, ",;", &next), "one") || strcmp(strtok_s(NULL, ",;", &next), "two");
    wrong |= (strtok_s(NULL, ",;", &next) != NULL) << 1;
    wrong |= (strcpy_s(text, 4, "four") != ERANGE || *text != 0 || strcat_s(text, 16, "ab") || strcmp(text, "ab")) << 2;
    wrong |= (strncpy_s(text, 3, "abcd", _TRUNCATE) != STRUNCATE || strcmp(text, "ab")) << 3;
    wrong |= (wcscpy_s(wide, ARRAYSIZE(wide), L"wide") || wcscmp(_wcsrev(wide), L"ediw")) << 4;
    wrong |= (sprintf_s(text, sizeof text, "%03x", 0x2a) != 3 || strcmp(text, "02a")) << 5;
    wrong |= (_snprintf_s(text, 4, _TRUNCATE, "%s", "longer") != -1 || strcmp(text, "lon")) << 6;
    wrong |= (strspn("aab", "a") != 2 || strcspn("xya", "a") != 2 || *strpbrk("xya", "a") != 'a') << 7;
    wrong |= (mbstowcs(wide, "abc", 8) != 3 || wcscmp(wide, L"abc") || _swprintf(wide, L"%d", 7) != 1) << 8;
    wrong |= (memmove_s(text, 2, "abc", 3) != ERANGE || _memicmp("AbC", "aBc", 3) || _scprintf("%d", 1234) != 4) << 9;
    return wrong;
}

static int Order(const void *first, const void *second)
{
    return *(const int *)first - *(const int *)second;
}

static ULONG Numbers(VOID)
{
    static const int sorted[] = {1, 3, 5, 9};
    WCHAR wide[24];
    CHAR text[24];
    PWCHAR end;
    int key = 5;
    ULONG sum, index, wrong = 0;
    ULONG64 high;

    wrong |= (wcstoul(L"0x10 rest", &end, 0) != 16 || *end != L' ');
    wrong |= (_strtoui64("18446744073709551615", NULL, 10) != MAXULONGLONG || strtol("-99999999999", NULL, 10) != MINLONG) << 1;
    wrong |= strcmp(_i64toa(-1234567890123, text, 10), "-1234567890123") << 2 & 4;
    wrong |= (wcscmp(_ultow(4000000000U, wide, 16), L"ee6b2800") != 0) << 3;
    wrong |= (bsearch(&key, sorted, 4, sizeof(int), Order) != &sorted[2]) << 4;
    wrong |= (RtlULongAdd(MAXULONG, 1, &sum) != STATUS_INTEGER_OVERFLOW || RtlULongMult(7, 6, &sum) || sum != 42) << 5;
    wrong |= (!_BitScanReverse(&index, 0x50) || index != 6 || _umul128(MAXULONGLONG, 2, &high) != MAXULONGLONG - 1 || high != 1) << 6;
    wrong |= (_rotl(0x80000001U, 4) != 0x18 || __popcnt(0xff0) != 8 || (USHORT)InterlockedIncrement16(&(SHORT){-1}) != 0) << 7;
    wrong |= (HandleToUlong(UlongToHandle(5)) != 5 || PtrToUlong(ULongToPtr(MAXULONG)) != MAXULONG) << 8;
    return wrong;
}

/* The machine's processors have no model-specific registers. */
static NTSTATUS ReadRegister(VOID)
{
    __try {
        return __readmsr(0x10) != 0 ? STATUS_SUCCESS : STATUS_UNSUCCESSFUL;
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        return GetExceptionCode();
    }
}

static ULONG System(VOID)
{
    LONG64 value[2] DECLSPEC_ALIGN(16) = {1, 2};
    LONG64 comparand[2] = {1, 2};
    ULONG_PTR low, high;
    ULONG build, wrong = 0;
    KIRQL irql;
    KSPIN_LOCK lock;

    IoGetStackLimits(&low, &high);
    wrong |= ((ULONG_PTR)&low < low || (ULONG_PTR)&low >= high || IoGetRemainingStackSize() > high - low);
    wrong |= (KeNumberProcessors != (CCHAR)KeQueryActiveProcessorCount(NULL) || *InitSafeBootMode != 0) << 1;
    wrong |= (PsGetVersion(NULL, NULL, &build, NULL) || build != (NtBuildNumber & 0xffff)) << 2;
    wrong |= (PsInitialSystemProcess == NULL || ZwCurrentProcess() == NULL) << 3;
    KeInitializeSpinLock(&lock);
    irql = KeAcquireSpinLockRaiseToDpc(&lock);
    wrong |= (irql != PASSIVE_LEVEL || __readcr8() != DISPATCH_LEVEL) << 4;
    KfReleaseSpinLock(&lock, irql);
    wrong |= (!InterlockedCompareExchange128(value, 4, 3, comparand) || value[0] != 3 || value[1] != 4) << 5;
    wrong |= (ReadRegister() != STATUS_ACCESS_VIOLATION) << 6;
    wrong |= (!SeSinglePrivilegeCheck(RtlConvertUlongToLuid(SE_DEBUG_PRIVILEGE), UserMode) || HalMakeBeep(440)) << 7;
    return wrong;
}

/* What a list in this stack's memory grants the program: everybody reads, administrators do not delete. */
static ULONG Security(VOID)
{
    static const SID everybody = {SID_REVISION, 1, SECURITY_WORLD_SID_AUTHORITY, {SECURITY_WORLD_RID}};
    SID_IDENTIFIER_AUTHORITY authority = SECURITY_NT_AUTHORITY;
    GENERIC_MAPPING mapping = {FILE_GENERIC_READ, FILE_GENERIC_WRITE, FILE_GENERIC_EXECUTE, FILE_ALL_ACCESS};
    UCHAR administrators[SECURITY_MAX_SID_SIZE], list[128], copy[256];
    ACCESS_MASK granted, wanted = GENERIC_READ;
    PACL dacl = (PACL)list, found;
    SECURITY_DESCRIPTOR descriptor;
    SECURITY_SUBJECT_CONTEXT subject;
    PACCESS_DENIED_ACE entry;
    BOOLEAN present, isDefault;
    NTSTATUS status;
    ULONG size = sizeof copy, wrong = 0;

    wrong |= (RtlInitializeSid(administrators, &authority, 2) || RtlLengthSid(administrators) != 16);
    *RtlSubAuthoritySid(administrators, 0) = SECURITY_BUILTIN_DOMAIN_RID;
    *RtlSubAuthoritySid(administrators, 1) = DOMAIN_ALIAS_RID_ADMINS;
    wrong |= (RtlEqualSid(administrators, (PSID)&everybody) || !RtlValidSid((PSID)&everybody)) << 1;
    wrong |= (RtlCreateAcl(dacl, sizeof list, ACL_REVISION) ||
              RtlAddAccessDeniedAce(dacl, ACL_REVISION, DELETE, administrators) ||
              RtlAddAccessAllowedAce(dacl, ACL_REVISION, FILE_GENERIC_READ | DELETE, (PSID)&everybody)) << 2;
    wrong |= (RtlGetAce(dacl, 0, (PVOID *)&entry) || entry->Mask != DELETE || dacl->AceCount != 2) << 3;
    wrong |= (RtlCreateSecurityDescriptor(&descriptor, SECURITY_DESCRIPTOR_REVISION) ||
              RtlSetDaclSecurityDescriptor(&descriptor, TRUE, dacl, FALSE) || descriptor.Dacl != dacl ||
              RtlGetDaclSecurityDescriptor(&descriptor, &present, &found, &isDefault) || !present || found != dacl) << 4;
    RtlMapGenericMask(&wanted, &mapping);
    SeCaptureSubjectContext(&subject);
    wrong |= (!SeAccessCheck(&descriptor, &subject, FALSE, wanted, 0, NULL, &mapping, UserMode, &granted, &status) ||
              granted != FILE_GENERIC_READ || status != STATUS_SUCCESS) << 5;
    wrong |= (SeAccessCheck(&descriptor, &subject, FALSE, DELETE, 0, NULL, &mapping, UserMode, &granted, &status) ||
              status != STATUS_ACCESS_DENIED) << 6;
    SeReleaseSubjectContext(&subject);
    wrong |= (RtlAbsoluteToSelfRelativeSD(&descriptor, copy, &size) || !RtlValidRelativeSecurityDescriptor(copy, size, 0)) << 7;
    return wrong;
}

static _Use_decl_annotations_ NTSTATUS Answer(__in PDEVICE_OBJECT DeviceObject, __inout PIRP Irp)
{
    PULONG answers = Irp->AssociatedIrp.SystemBuffer;

    UNREFERENCED_PARAMETER(DeviceObject);
    Irp->IoStatus.Information = 0;
    if (IoGetCurrentIrpStackLocation(Irp)->MajorFunction == IRP_MJ_DEVICE_CONTROL) {
        answers[0] = Strings();
        answers[1] = Numbers();
        answers[2] = System();
        answers[3] = Security();
        Irp->IoStatus.Information = 4 * sizeof(ULONG);
    }
    Irp->IoStatus.Status = STATUS_SUCCESS;
    IofCompleteRequest(Irp, IO_NO_INCREMENT);
    return STATUS_SUCCESS;
}

static VOID Unload(PDRIVER_OBJECT DriverObject)
{
    IoDeleteDevice(DriverObject->DeviceObject);
}

NTSTATUS DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    PDEVICE_OBJECT device;

    UNREFERENCED_PARAMETER(RegistryPath);
    ExInitializeDriverRuntime(DrvRtPoolNxOptIn);
    DriverObject->MajorFunction[IRP_MJ_CREATE] = DriverObject->MajorFunction[IRP_MJ_CLOSE] = Answer;
    DriverObject->MajorFunction[IRP_MJ_DEVICE_CONTROL] = Answer;
    DriverObject->DriverUnload = Unload;
    return IoCreateDeviceSecure(DriverObject, 0, (PUNICODE_STRING)&DeviceName, FILE_DEVICE_UNKNOWN,
                                FILE_DEVICE_SECURE_OPEN, FALSE, &SDDL_DEVOBJ_SYS_ALL_ADM_ALL, NULL, &device);
}
