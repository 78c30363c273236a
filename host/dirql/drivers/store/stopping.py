# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Stops for a change of resources: requests wait from the query on, and go on after the start or the cancellation.

The request that is in the device ends first. The next one stays the current request of the device queue without being
started (`held_irp`), and all others wait in the queue behind it, as while the device sleeps.
"""

from __future__ import annotations

from dirql.drivers.store.extension import StoreExtension
from dirql.drivers.store.transfer import StoreStartIo
from dirql.wdm import (
    DEVICE_OBJECT,
    Executive,
    KeAcquireSpinLock,
    KeClearEvent,
    KeLowerIrql,
    KeRaiseIrqlToDpcLevel,
    KeReleaseSpinLock,
    KernelMode,
    KeWaitForSingleObject,
)

__all__ = ["StoreGoOn", "StoreHoldRequests"]


def StoreHoldRequests(device: DEVICE_OBJECT) -> None:
    """Start no request any more, and wait for the end of the one that is in the device."""
    extension: StoreExtension = device.device_extension
    KeClearEvent(extension.quiet)
    old_irql = KeAcquireSpinLock(extension.request_lock)
    extension.stopping = True
    is_idle = extension.transfer is None
    KeReleaseSpinLock(extension.request_lock, old_irql)
    if not is_idle:
        KeWaitForSingleObject(extension.quiet, Executive, KernelMode, False, None)


def StoreGoOn(device: DEVICE_OBJECT) -> None:
    """Let requests use the device again, beginning with the one that was held."""
    extension: StoreExtension = device.device_extension
    old_irql = KeAcquireSpinLock(extension.request_lock)
    extension.stopping = False
    held = None
    if extension.powered:
        held, extension.held_irp = extension.held_irp, None
    KeReleaseSpinLock(extension.request_lock, old_irql)
    if held is not None:
        old_irql = KeRaiseIrqlToDpcLevel()
        StoreStartIo(device, held)
        KeLowerIrql(old_irql)
