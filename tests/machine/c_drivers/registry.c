/* SPDX-FileCopyrightText: dirql contributors
 * SPDX-License-Identifier: Apache-2.0
 *
 * A registry callback that stays, and looks at what it was told before an operation once more after it. */
#include <ntddk.h>

#define CHECK(condition) ((condition) ? (void)0 : (void)DbgPrint("line %d: %s\n", __LINE__, #condition))

DRIVER_INITIALIZE DriverEntry;

static LARGE_INTEGER cookie;

static NTSTATUS Changes(PVOID Context, PVOID Argument1, PVOID Argument2)
{
    UNREFERENCED_PARAMETER(Context);
    if ((REG_NOTIFY_CLASS)(ULONG_PTR)Argument1 == RegNtPostOpenKeyEx) {
        PREG_POST_OPERATION_INFORMATION after = Argument2;
        PREG_OPEN_KEY_INFORMATION before = after->PreInformation;

        CHECK(NT_SUCCESS(after->Status) && before->CompleteName->Length != 0 && before->DesiredAccess == KEY_READ);
    }
    return STATUS_SUCCESS;
}

static VOID Unload(PDRIVER_OBJECT DriverObject)
{
    UNREFERENCED_PARAMETER(DriverObject);
    CHECK(CmUnRegisterCallback(cookie) == STATUS_SUCCESS);
}

NTSTATUS DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    UNICODE_STRING altitude = RTL_CONSTANT_STRING(L"370000");

    UNREFERENCED_PARAMETER(RegistryPath);
    DriverObject->DriverUnload = Unload;
    return CmRegisterCallbackEx(Changes, &altitude, DriverObject, NULL, &cookie, NULL);
}
