/* SPDX-FileCopyrightText: dirql contributors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The twin of power_policy.py in C. */
#pragma once

#include <wdm.h>

/* The members of a device extension that are used here; they are the first of it. */
typedef struct _POLICY_OWNER {
    PDEVICE_OBJECT PhysicalDeviceObject;
    PDEVICE_OBJECT LowerDeviceObject;
    IO_REMOVE_LOCK RemoveLock;
    /* By SYSTEM_POWER_STATE, the state of the device that goes with it, from the capabilities of the device. */
    DEVICE_POWER_STATE DeviceStates[PowerSystemMaximum];
} POLICY_OWNER, *PPOLICY_OWNER;

NTSTATUS PolicyDispatchPower(PDEVICE_OBJECT Device, PIRP Irp, PDRIVER_DISPATCH SetDevicePower);
NTSTATUS PolicyPassDown(PDEVICE_OBJECT Device, PIRP Irp);
NTSTATUS PolicyForward(PDEVICE_OBJECT Device, PIRP Irp, PIO_COMPLETION_ROUTINE Routine);
