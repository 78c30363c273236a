// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0
// A status exception, as the code of a driver sees it: compiled with the headers of drivers, for their layouts.
#include <ntifs.h>

#include "dirql_seh.h"

// Looks on the driver's stack for a __try that takes the exception, and goes there; returns 0 if there is none, and 1 if
// the code is to go on. `frame` has the caller's rbp, the address behind its call, and the caller's stack.
int dirql_seh_raise_status(unsigned int code, unsigned long long rbp, unsigned long long rip, unsigned long long rsp,
                           unsigned long long address, int is_write)
{
    EXCEPTION_RECORD record = {0};
    CONTEXT context = {0};

    record.ExceptionCode = (NTSTATUS)code;
    record.ExceptionAddress = (PVOID)rip;
    if (address != 0) {
        record.NumberParameters = 2;
        record.ExceptionInformation[0] = (ULONG_PTR)is_write;
        record.ExceptionInformation[1] = address;
    }
    context.Rbp = rbp;
    context.Rip = rip;
    context.Rsp = rsp;
    return dirql_seh_dispatch(&record, &context);
}
