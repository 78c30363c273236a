/* SPDX-FileCopyrightText: dirql contributors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Stops for a change of resources: requests wait from the query on, and go on after the start or the cancellation.
 *
 * The request that is in the device ends first. The next one stays the current request of the device queue without
 * being started (HeldIrp), and all others wait in the queue behind it, as while the device sleeps. */
#include "store.h"

/* Start no request any more, and wait for the end of the one that is in the device. */
VOID StoreHoldRequests(PDEVICE_OBJECT Device)
{
    PSTORE_EXTENSION extension = Device->DeviceExtension;
    BOOLEAN isIdle;
    KIRQL oldIrql;

    KeClearEvent(&extension->Quiet);
    KeAcquireSpinLock(&extension->RequestLock, &oldIrql);
    extension->Stopping = TRUE;
    isIdle = extension->Transfer == NULL;
    KeReleaseSpinLock(&extension->RequestLock, oldIrql);
    if (!isIdle) {
        KeWaitForSingleObject(&extension->Quiet, Executive, KernelMode, FALSE, NULL);
    }
}

/* Let requests use the device again, beginning with the one that was held. */
VOID StoreGoOn(PDEVICE_OBJECT Device)
{
    PSTORE_EXTENSION extension = Device->DeviceExtension;
    PIRP held = NULL;
    KIRQL oldIrql;

    KeAcquireSpinLock(&extension->RequestLock, &oldIrql);
    extension->Stopping = FALSE;
    if (extension->Powered) {
        held = extension->HeldIrp;
        extension->HeldIrp = NULL;
    }
    KeReleaseSpinLock(&extension->RequestLock, oldIrql);
    if (held != NULL) {
        oldIrql = KeRaiseIrqlToDpcLevel();
        StoreStartIo(Device, held);
        KeLowerIrql(oldIrql);
    }
}
