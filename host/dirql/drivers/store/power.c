/* SPDX-FileCopyrightText: dirql contributors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Power IRPs: this driver owns the power policy of its device, and holds requests while the device is not in D0.
 *
 * power_policy.c has what every such driver does with IRPs about the system. This driver prepares its device for a
 * low state before it passes the device's IRP down, and sets it up after the bus driver has turned it on. Both happen
 * under the request lock, under which a removal takes the device away. */
#include "store.h"

static DRIVER_DISPATCH SetDevicePower;
static IO_COMPLETION_ROUTINE StorePoweredUp;

/* IRP_MJ_POWER: the remove lock is held until this driver is done with the IRP. */
NTSTATUS StorePower(PDEVICE_OBJECT Device, PIRP Irp)
{
    return PolicyDispatchPower(Device, Irp, SetDevicePower);
}

/* Keep what the device would lose, let it not interrupt, tell its new state, and let the bus driver turn it off. */
static VOID PassDownLow(PDEVICE_OBJECT Device, PIRP Irp)
{
    PSTORE_EXTENSION extension = Device->DeviceExtension;
    KIRQL oldIrql;

    KeAcquireSpinLock(&extension->RequestLock, &oldIrql);
    if (extension->HasHardware) {
        extension->KeptClocks.Data = ReadRegister(extension, STORE_DATA_CLOCKS);
        extension->KeptClocks.Busy = ReadRegister(extension, STORE_BUSY_CLOCKS);
        MaskCauses(extension);
    }
    KeReleaseSpinLock(&extension->RequestLock, oldIrql);
    PoSetPowerState(Device, DevicePowerState, IoGetCurrentIrpStackLocation(Irp)->Parameters.Power.State);
    IoCopyCurrentIrpStackLocationToNext(Irp); /* not skipped, since it is marked pending */
    IoCallDriver(extension->Owner.LowerDeviceObject, Irp);
    IoReleaseRemoveLock(&extension->Owner.RemoveLock, Irp);
}

/* Start no request any more; the device goes down now, or when the request that has it ends. */
static NTSTATUS GoDown(PDEVICE_OBJECT Device, PIRP Irp)
{
    PSTORE_EXTENSION extension = Device->DeviceExtension;
    BOOLEAN isIdle;
    KIRQL oldIrql;

    IoMarkIrpPending(Irp);
    KeAcquireSpinLock(&extension->RequestLock, &oldIrql);
    extension->Powered = FALSE;
    isIdle = extension->Transfer == NULL;
    extension->PowerIrp = isIdle ? NULL : Irp;
    KeReleaseSpinLock(&extension->RequestLock, oldIrql);
    if (isIdle) {
        PassDownLow(Device, Irp);
    }
    return STATUS_PENDING;
}

static NTSTATUS SetDevicePower(PDEVICE_OBJECT Device, PIRP Irp)
{
    PSTORE_EXTENSION extension = Device->DeviceExtension;
    BOOLEAN wantsOn = IoGetCurrentIrpStackLocation(Irp)->Parameters.Power.State.DeviceState == PowerDeviceD0;

    if (wantsOn == extension->Powered) {
        return PolicyPassDown(Device, Irp);
    }
    return wantsOn ? PolicyForward(Device, Irp, StorePoweredUp) : GoDown(Device, Irp);
}

/* The request that had the device has ended. */
VOID StoreGoDownDpc(PKDPC Dpc, PVOID Context, PVOID Argument1, PVOID Argument2)
{
    UNREFERENCED_PARAMETER(Dpc);
    UNREFERENCED_PARAMETER(Argument2);
    PassDownLow(Context, Argument1);
}

/* Set the device up, unless it was taken away, and let requests use it again; returns the one that was held. */
static PIRP SetUp(PSTORE_EXTENSION Extension)
{
    PIRP held = NULL;

    KeAcquireSpinLockAtDpcLevel(&Extension->RequestLock);
    if (Extension->HasHardware) {
        ResetDevice(Extension);
    }
    Extension->Powered = TRUE;
    if (!Extension->Stopping) {
        held = Extension->HeldIrp;
        Extension->HeldIrp = NULL;
    }
    KeReleaseSpinLockFromDpcLevel(&Extension->RequestLock);
    return held;
}

/* The bus driver has turned the device on: set it up, tell its state, and start the request that was held. */
static NTSTATUS StorePoweredUp(PDEVICE_OBJECT Device, PIRP Irp, PVOID Context)
{
    PSTORE_EXTENSION extension = Device->DeviceExtension;
    POWER_STATE on = {.DeviceState = PowerDeviceD0};
    KIRQL oldIrql;
    PIRP held;

    UNREFERENCED_PARAMETER(Context);
    if (NT_SUCCESS(Irp->IoStatus.Status)) {
        oldIrql = KeRaiseIrqlToDpcLevel();
        held = SetUp(extension);
        PoSetPowerState(Device, DevicePowerState, on);
        if (held != NULL) {
            StoreStartIo(Device, held);
        }
        KeLowerIrql(oldIrql);
    }
    IoReleaseRemoveLock(&extension->Owner.RemoveLock, Irp);
    return STATUS_CONTINUE_COMPLETION;
}
