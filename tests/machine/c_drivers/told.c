/* SPDX-FileCopyrightText: dirql contributors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What the system tells drivers by callbacks, and gives them to hand back: Plug and Play events, operations on the
 * registry, callback objects, power settings, timers of the executive and the routines for a bug check. */
#include <ntddk.h>
#include <initguid.h>
#include <wdmguid.h>

#include <string.h>

#define IOCTL_SEEN CTL_CODE(FILE_DEVICE_UNKNOWN, 0x800, METHOD_BUFFERED, FILE_ANY_ACCESS)
#define IOCTL_STOP CTL_CODE(FILE_DEVICE_UNKNOWN, 0x801, METHOD_BUFFERED, FILE_ANY_ACCESS)
#define CHECK(condition) ((condition) ? (void)0 : (void)DbgPrint("line %d: %s\n", __LINE__, #condition))

DEFINE_GUID(GUID_TOLD, 0x2c7b3a01, 0x1111, 0x2222, 1, 2, 3, 4, 5, 6, 7, 8);

DRIVER_INITIALIZE DriverEntry;

static PDRIVER_OBJECT driver;
static PVOID notification, setting;
static PEX_TIMER timer;
static KBUGCHECK_CALLBACK_RECORD record;
static UCHAR left[16];
static LARGE_INTEGER cookie;
static LONG seen[8];

static NTSTATUS InterfaceChanged(PVOID NotificationStructure, PVOID Context)
{
    PDEVICE_INTERFACE_CHANGE_NOTIFICATION notice = NotificationStructure;

    CHECK(Context == &notification && notice->Version == 1 && notice->Size == sizeof *notice);
    CHECK(IsEqualGUID(&notice->InterfaceClassGuid, &GUID_TOLD));
    CHECK(IsEqualGUID(&notice->Event, &GUID_DEVICE_INTERFACE_ARRIVAL) ||
          IsEqualGUID(&notice->Event, &GUID_DEVICE_INTERFACE_REMOVAL));
    CHECK(notice->SymbolicLinkName->Length > 8 && notice->SymbolicLinkName->Buffer[0] == L'\\');
    seen[0]++;
    return STATUS_SUCCESS;
}

static NTSTATUS RegistryChanges(PVOID Context, PVOID Argument1, PVOID Argument2)
{
    static const UNICODE_STRING name = RTL_CONSTANT_STRING(L"Told");
    REG_NOTIFY_CLASS class = (REG_NOTIFY_CLASS)(ULONG_PTR)Argument1;

    CHECK(Context == &cookie);
    if (class == RegNtPreCreateKeyEx) {
        CHECK(((PREG_CREATE_KEY_INFORMATION)Argument2)->CompleteName->Length != 0);
        seen[1]++;
    } else if (class == RegNtPreSetValueKey) {
        PREG_SET_VALUE_KEY_INFORMATION set = Argument2;

        CHECK(RtlEqualUnicodeString(set->ValueName, &name, FALSE) && set->Type == REG_DWORD);
        CHECK(set->DataSize == sizeof(ULONG) && *(PULONG)set->Data == 77 && set->Object != NULL);
        seen[1]++;
    } else if (class == RegNtPreDeleteValueKey) {
        seen[1]++;
        return STATUS_ACCESS_DENIED;
    }
    return STATUS_SUCCESS;
}

static VOID Called(PVOID CallbackContext, PVOID Argument1, PVOID Argument2)
{
    CHECK(CallbackContext == seen && Argument1 == &driver && Argument2 == NULL);
    seen[2]++;
}

static NTSTATUS SettingChanged(LPCGUID SettingGuid, PVOID Value, ULONG ValueLength, PVOID Context)
{
    CHECK(IsEqualGUID(SettingGuid, &GUID_TOLD) && ValueLength == 4 && *(PULONG)Value == 5 && Context == &setting);
    seen[3]++;
    return STATUS_SUCCESS;
}

static VOID Expired(PEX_TIMER Timer, PVOID Context)
{
    CHECK(Timer == timer && Context == &timer);
    seen[4]++;
}

static VOID Stopped(PVOID Buffer, ULONG Length)
{
    memset(Buffer, 0x5A, Length);
    DbgPrint("the last words of told, %lu bytes\n", Length);
}

/* A device that the driver has found, with an interface that comes and goes. */
static VOID UseInterface(VOID)
{
    PDEVICE_OBJECT device = NULL;
    UNICODE_STRING link;
    LARGE_INTEGER time;

    CHECK(IoReportDetectedDevice(driver, InterfaceTypeUndefined, (ULONG)-1, (ULONG)-1, NULL, NULL, FALSE, &device) ==
          STATUS_SUCCESS);
    CHECK(device != NULL && device->DriverObject != driver);
    CHECK(IoRegisterDeviceInterface(device, &GUID_TOLD, NULL, &link) == STATUS_SUCCESS);
    CHECK(IoSetDeviceInterfaceState(&link, TRUE) == STATUS_SUCCESS);
    CHECK(IoSetDeviceInterfaceState(&link, FALSE) == STATUS_SUCCESS);
    RtlFreeUnicodeString(&link);
    time.QuadPart = -50000;
    KeDelayExecutionThread(KernelMode, FALSE, &time);
}

static VOID UseRegistry(VOID)
{
    UNICODE_STRING key = RTL_CONSTANT_STRING(L"\\Registry\\Machine\\Software\\Told");
    UNICODE_STRING name = RTL_CONSTANT_STRING(L"Told");
    UNICODE_STRING altitude = RTL_CONSTANT_STRING(L"360000");
    OBJECT_ATTRIBUTES attributes;
    HANDLE handle;
    ULONG value = 77;

    CHECK(CmRegisterCallbackEx(RegistryChanges, &altitude, driver, &cookie, &cookie, NULL) == STATUS_SUCCESS);
    InitializeObjectAttributes(&attributes, &key, OBJ_KERNEL_HANDLE, NULL, NULL);
    CHECK(ZwCreateKey(&handle, KEY_ALL_ACCESS, &attributes, 0, NULL, REG_OPTION_VOLATILE, NULL) == STATUS_SUCCESS);
    CHECK(ZwSetValueKey(handle, &name, 0, REG_DWORD, &value, sizeof value) == STATUS_SUCCESS);
    CHECK(ZwDeleteValueKey(handle, &name) == STATUS_ACCESS_DENIED);
    ZwClose(handle);
    CHECK(CmUnRegisterCallback(cookie) == STATUS_SUCCESS);
}

static VOID UseCallbackObject(VOID)
{
    UNICODE_STRING name = RTL_CONSTANT_STRING(L"\\Callback\\Told");
    OBJECT_ATTRIBUTES attributes;
    PCALLBACK_OBJECT object;
    PVOID registration;

    InitializeObjectAttributes(&attributes, &name, OBJ_CASE_INSENSITIVE, NULL, NULL);
    CHECK(ExCreateCallback(&object, &attributes, TRUE, TRUE) == STATUS_SUCCESS);
    registration = ExRegisterCallback(object, Called, seen);
    CHECK(registration != NULL);
    ExNotifyCallback(object, &driver, NULL);
    ExUnregisterCallback(registration);
    ExNotifyCallback(object, &driver, NULL);
    ObDereferenceObject(object);
}

static VOID UseTimer(VOID)
{
    LARGE_INTEGER time;

    timer = ExAllocateTimer(Expired, &timer, EX_TIMER_HIGH_RESOLUTION);
    CHECK(timer != NULL && !ExSetTimer(timer, -10000, 0, NULL));
    time.QuadPart = -50000;
    KeDelayExecutionThread(KernelMode, FALSE, &time);
    CHECK(!ExSetTimer(timer, -100000, 0, NULL) && ExCancelTimer(timer, NULL));
    CHECK(!ExDeleteTimer(timer, TRUE, TRUE, NULL));
}

static VOID UseRecord(VOID)
{
    KeInitializeCallbackRecord(&record);
    CHECK(KeRegisterBugCheckCallback(&record, Stopped, left, sizeof left, (PUCHAR)"told"));
    CHECK(!KeRegisterBugCheckCallback(&record, Stopped, left, sizeof left, (PUCHAR)"told"));
    CHECK(KeDeregisterBugCheckCallback(&record) && !KeDeregisterBugCheckCallback(&record));
    CHECK(KeRegisterBugCheckCallback(&record, Stopped, left, sizeof left, (PUCHAR)"told"));
}

static NTSTATUS Dispatch(PDEVICE_OBJECT Device, PIRP Irp)
{
    PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(Irp);

    UNREFERENCED_PARAMETER(Device);
    Irp->IoStatus.Status = STATUS_SUCCESS;
    Irp->IoStatus.Information = 0;
    if (stack->MajorFunction == IRP_MJ_DEVICE_CONTROL) {
        if (stack->Parameters.DeviceIoControl.IoControlCode == IOCTL_STOP) {
            KeBugCheckEx(0xDEAD, 1, 2, 3, 4);
        }
        RtlCopyMemory(Irp->AssociatedIrp.SystemBuffer, seen, sizeof seen);
        Irp->IoStatus.Information = sizeof seen;
    }
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return STATUS_SUCCESS;
}

static VOID Unload(PDRIVER_OBJECT DriverObject)
{
    CHECK(IoUnregisterPlugPlayNotification(notification) == STATUS_SUCCESS);
    CHECK(PoUnregisterPowerSettingCallback(setting) == STATUS_SUCCESS);
    CHECK(KeDeregisterBugCheckCallback(&record));
    IoDeleteDevice(DriverObject->DeviceObject);
}

NTSTATUS DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    UNICODE_STRING name = RTL_CONSTANT_STRING(L"\\Device\\Told");
    PDEVICE_OBJECT device;

    UNREFERENCED_PARAMETER(RegistryPath);
    driver = DriverObject;
    DriverObject->DriverUnload = Unload;
    DriverObject->MajorFunction[IRP_MJ_CREATE] = DriverObject->MajorFunction[IRP_MJ_CLOSE] = Dispatch;
    DriverObject->MajorFunction[IRP_MJ_DEVICE_CONTROL] = Dispatch;
    CHECK(IoRegisterPlugPlayNotification(EventCategoryDeviceInterfaceChange,
                                         PNPNOTIFY_DEVICE_INTERFACE_INCLUDE_EXISTING_INTERFACES, (PVOID)&GUID_TOLD,
                                         DriverObject, InterfaceChanged, &notification,
                                         &notification) == STATUS_SUCCESS);
    CHECK(PoRegisterPowerSettingCallback(NULL, &GUID_TOLD, SettingChanged, &setting, &setting) == STATUS_SUCCESS);
    UseInterface();
    UseRegistry();
    UseCallbackObject();
    UseTimer();
    UseRecord();
    return IoCreateDevice(DriverObject, 0, &name, FILE_DEVICE_UNKNOWN, 0, FALSE, &device);
}
