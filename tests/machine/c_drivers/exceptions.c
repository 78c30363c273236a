/* SPDX-FileCopyrightText: dirql contributors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The constructs of structured exceptions in a driver. DriverEntry runs each case and prints its value and the steps that it
 * has taken; test_c_windows.py says what they must be, for the image for Windows and for the one for Linux. */

#include <ntddk.h>
#include <stdio.h>
#include <string.h>

static char steps[256];
static int *volatile bad_pointer = (int *)16;

static void step(const char *text)
{
    strcat(steps, text);
}

static void raise_status(unsigned int code)
{
    ExRaiseStatus((NTSTATUS)code);
}

static int filter(const char *name, int answer)
{
    step(name);
    return answer;
}

static int normal(void)
{
    int value = 1;

    __try {
        value = 2;
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        step("handler ");
    }
    return value;
}

static int caught(void)
{
    volatile int before = 1;
    int value = before;

    __try {
        value += 10;
        raise_status(0xC000000D);
        value += 100;
    } __except (GetExceptionCode() == 0xC000000D ? EXCEPTION_EXECUTE_HANDLER : EXCEPTION_CONTINUE_SEARCH) {
        step("handler ");
        value += GetExceptionCode() == 0xC000000D ? 1000 : 5000;
    }
    return value;
}

static int refused(void)
{
    int value = 0;

    __try {
        __try {
            raise_status(0xC0000001);
        } __except (filter("inner ", EXCEPTION_CONTINUE_SEARCH)) {
            step("wrong ");
        }
        step("wrong ");
    } __except (filter("outer ", EXCEPTION_EXECUTE_HANDLER)) {
        value = 7;
    }
    return value;
}

/* Filters run before the handlers of the blocks that are unwound. */
static int order(void)
{
    __try {
        __try {
            raise_status(0xC0000001);
        } __finally {
            step(AbnormalTermination() ? "abnormal " : "normal ");
        }
    } __except (filter("filter ", EXCEPTION_EXECUTE_HANDLER)) {
        step("handler ");
    }
    return 0;
}

static int finally_normal(void)
{
    int value = 1;

    __try {
        value = 2;
    } __finally {
        step(AbnormalTermination() ? "abnormal " : "normal ");
        value += 40;
    }
    return value;
}

static int finally_return(void)
{
    int value = 1;

    __try {
        step("block ");
        return value + 4;
    } __finally {
        step(AbnormalTermination() ? "abnormal " : "normal ");
        value = 99;
    }
    step("wrong ");
    return value;
}

static int finally_goto(void)
{
    int value = 1;

    __try {
        value = 2;
        goto out;
    } __finally {
        step("finally ");
        value *= 10;
    }
    step("wrong ");
out:
    return value;
}

static int leave_loop(void)
{
    int each = 0;

    __try {
        for (each = 0; each < 10; each++) {
            if (each == 4) {
                __leave;
            }
        }
        step("wrong ");
    } __finally {
        step(AbnormalTermination() ? "abnormal " : "normal ");
    }
    return each;
}

static int loops(void)
{
    int count = 0;

    for (int each = 0; each < 6; each++) {
        __try {
            if (each == 1) {
                continue;
            }
            if (each == 4) {
                break;
            }
            count++;
        } __except (EXCEPTION_EXECUTE_HANDLER) {
            step("wrong ");
        }
    }
    __try {
        raise_status(1);
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        step("caught ");
    }
    return count;
}

static int handler_breaks(void)
{
    int each;

    for (each = 0; each < 6; each++) {
        __try {
            if (each == 3) {
                raise_status(1);
            }
        } __except (EXCEPTION_EXECUTE_HANDLER) {
            break;
        }
    }
    return each;
}

static int handler_returns(void)
{
    __try {
        raise_status(1);
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        return 12;
    }
    return 0;
}

static int rethrown(void)
{
    int value = 0;

    __try {
        __try {
            raise_status(0xC0000011);
        } __except (EXCEPTION_EXECUTE_HANDLER) {
            value = 1;
            raise_status(0xC0000022);
        }
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        value += GetExceptionCode() == 0xC0000022 ? 10 : 100;
    }
    return value;
}

static int hardware(void)
{
    int value = 5;

    __try {
        value = 6;
        *bad_pointer = 1;
        value = 7;
    } __except (GetExceptionInformation()->ExceptionRecord->ExceptionInformation[1] == (ULONG_PTR)bad_pointer ? EXCEPTION_EXECUTE_HANDLER
                                                                          : EXCEPTION_CONTINUE_SEARCH) {
        value += GetExceptionCode() == 0xC0000005 ? 60 : 600;
    }
    return value;
}

static int copied(void)
{
    int value = 5;

    __try {
        RtlCopyMemory(bad_pointer, &value, sizeof value);
        value = 7;
    } __except (GetExceptionCode() == STATUS_ACCESS_VIOLATION ? EXCEPTION_EXECUTE_HANDLER : EXCEPTION_CONTINUE_SEARCH) {
        value += 60;
    }
    return value;
}

static int printed(void)
{
    char text[32];
    int value = 5;

    __try {
        sprintf(text, "%d %s", value, (const char *)bad_pointer);
        value = 7;
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        value += 70;
    }
    return value;
}

static int probed(void)
{
    int value = 5;

    __try {
        ProbeForRead((PVOID)(ULONG_PTR)0x7fff00000001, 4, 4);
        value = 7;
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        value = GetExceptionCode() == STATUS_DATATYPE_MISALIGNMENT ? 80 : 90;
    }
    return value;
}

static int deep(int depth)
{
    int value = 0;

    __try {
        if (depth == 0) {
            raise_status(0xC0000003);
        }
        value = deep(depth - 1);
    } __finally {
        step("f");
        value += depth;
    }
    return value;
}

static int through_functions(void)
{
    __try {
        deep(5);
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        step(" handler ");
    }
    return 0;
}

/* A handler of __finally that raises is itself left, for the block around. */
static int finally_raises(void)
{
    int value = 0;

    __try {
        __try {
            raise_status(0xC0000001);
        } __finally {
            raise_status(0xC0000002);
            step("wrong ");
        }
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        value = (int)(GetExceptionCode() & 0xff);
    }
    return value;
}

static int try_in_finally(void)
{
    int value = 1;

    __try {
        __try {
            return 50;
        } __finally {
            int before = value;

            __try {
                value = 2;
                raise_status(1);
            } __except (EXCEPTION_EXECUTE_HANDLER) {
                step("inner ");
                value += before;
            }
            step(value == 3 ? "three " : "wrong ");
        }
    } __finally {
        step("outer ");
    }
    return value;
}

static void check(const char *name, int (*routine)(void))
{
    int value;

    steps[0] = 0;
    value = routine();
    DbgPrint("%s %d %s\n", name, value, steps);
}

/* Arguments beyond the registers, of the C library and of the kernel. */
static void many(void)
{
    char text[64];
    LARGE_INTEGER now;

    KeQuerySystemTime(&now);
    sprintf(text, "%d %d %d %I64d %ws %c", 1, 2, 3, 1I64 << 40, L"wide", 'x');
    DbgPrint("%s %d\n", text, now.QuadPart != 0);
}

static VOID Unload(PDRIVER_OBJECT DriverObject)
{
    UNREFERENCED_PARAMETER(DriverObject);
}

NTSTATUS DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    UNREFERENCED_PARAMETER(RegistryPath);
    DriverObject->DriverUnload = Unload;
    many();
    check("normal", normal);
    check("caught", caught);
    check("refused", refused);
    check("order", order);
    check("finally_normal", finally_normal);
    check("finally_return", finally_return);
    check("finally_goto", finally_goto);
    check("leave_loop", leave_loop);
    check("loops", loops);
    check("handler_breaks", handler_breaks);
    check("handler_returns", handler_returns);
    check("rethrown", rethrown);
    check("hardware", hardware);
    check("copied", copied);
    check("printed", printed);
    check("probed", probed);
    check("through_functions", through_functions);
    check("finally_raises", finally_raises);
    check("try_in_finally", try_in_finally);
    return STATUS_SUCCESS;
}
