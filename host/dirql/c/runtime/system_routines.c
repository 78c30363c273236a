/* SPDX-FileCopyrightText: dirql contributors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Routines of the kernel by their names.
 */
#include <wdm.h>

/* The address of what the kernel has by a name, or NULL; the core knows it. */
PVOID dirql_system_routine(PCWSTR name, ULONG length);

PVOID MmGetSystemRoutineAddress(PUNICODE_STRING SystemRoutineName)
{
    PAGED_CODE();
    return dirql_system_routine(SystemRoutineName->Buffer, SystemRoutineName->Length);
}
