/* SPDX-FileCopyrightText: dirql contributors
 * SPDX-License-Identifier: Apache-2.0 */

/* Answers each control code with the kernel's variables, and with what becomes of handles whose type is asked for. */

#include <ntddk.h>

static VOID Stop(PVOID Context)
{
    UNREFERENCED_PARAMETER(Context);
    PsTerminateSystemThread(STATUS_SUCCESS);
}

/* The statuses of a reference to the object of a handle as the right type, as another, and as any. */
static VOID Refer(HANDLE Handle, POBJECT_TYPE Right, POBJECT_TYPE Wrong, PULONG64 Answers)
{
    POBJECT_TYPE types[3] = {Right, Wrong, NULL};
    ULONG index;

    for (index = 0; index < 3; index++) {
        PVOID object = NULL;
        NTSTATUS status = ObReferenceObjectByHandle(Handle, 0, types[index], KernelMode, &object, NULL);

        Answers[index] = (ULONG)status;
        if (NT_SUCCESS(status)) {
            ObDereferenceObject(object);
        }
    }
}

static NTSTATUS Answer(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(Irp);
    PULONG64 answers = Irp->AssociatedIrp.SystemBuffer;
    HANDLE thread;
    PVOID object;
    NTSTATUS status = STATUS_SUCCESS;

    UNREFERENCED_PARAMETER(DeviceObject);
    Irp->IoStatus.Information = 0;
    if (stack->MajorFunction == IRP_MJ_DEVICE_CONTROL) {
        answers[0] = MmUserProbeAddress;
        answers[1] = (ULONG64)MmHighestUserAddress;
        answers[2] = (ULONG64)MmSystemRangeStart;
        answers[3] = KdDebuggerEnabled;
        answers[4] = KdDebuggerNotPresent;
        status = PsCreateSystemThread(&thread, THREAD_ALL_ACCESS, NULL, NULL, NULL, Stop, NULL);
        if (NT_SUCCESS(status)) {
            Refer(thread, *PsThreadType, *IoFileObjectType, answers + 5);
            status = ObReferenceObjectByHandle(thread, SYNCHRONIZE, *PsThreadType, KernelMode, &object, NULL);
            ZwClose(thread);
        }
        if (NT_SUCCESS(status)) {
            KeWaitForSingleObject(object, Executive, KernelMode, FALSE, NULL);
            ObDereferenceObject(object);
        }
        Irp->IoStatus.Information = 8 * sizeof(ULONG64);
    }
    Irp->IoStatus.Status = status;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return status;
}

static VOID Unload(PDRIVER_OBJECT DriverObject)
{
    IoDeleteDevice(DriverObject->DeviceObject);
}

NTSTATUS DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    UNICODE_STRING name;
    PDEVICE_OBJECT device;

    UNREFERENCED_PARAMETER(RegistryPath);
    RtlInitUnicodeString(&name, L"\\Device\\Variables");
    DriverObject->MajorFunction[IRP_MJ_CREATE] = Answer;
    DriverObject->MajorFunction[IRP_MJ_CLOSE] = Answer;
    DriverObject->MajorFunction[IRP_MJ_DEVICE_CONTROL] = Answer;
    DriverObject->DriverUnload = Unload;
    return IoCreateDevice(DriverObject, 0, &name, FILE_DEVICE_UNKNOWN, 0, FALSE, &device);
}
