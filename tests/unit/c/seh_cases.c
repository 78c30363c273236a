/* SPDX-FileCopyrightText: dirql contributors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What each construct of structured exceptions does: every case writes the steps that it takes, and the steps that it
 * must take stand beside it. The core's part (raising, faults) is played by `raise` and by a signal handler.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>
#include <dirql_seh.h>

struct _EXCEPTION_RECORD {
    unsigned int code;
    void *address;
};

struct _EXCEPTION_POINTERS {
    struct _EXCEPTION_RECORD *record;
    void *context;
};

static char steps[256];
static int failures;
static int *volatile bad_pointer = (int *)16;

static void step(const char *text)
{
    strncat(steps, text, sizeof steps - strlen(steps) - 1);
}

static void raise_status(unsigned int code)
{
    struct _EXCEPTION_RECORD record = {code, 0};

    if (dirql_seh_dispatch(&record, 0) == 0) {
        step("unhandled ");
    }
}

static void fault(int signal, siginfo_t *information, void *context)
{
    struct _EXCEPTION_RECORD record = {0xC0000005, information->si_addr};

    (void)signal;
    if (dirql_seh_dispatch(&record, context) == 0) {
        printf("unhandled fault\n");
        _Exit(2);
    }
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
    } __except (GetExceptionInformation()->record->address == bad_pointer ? EXCEPTION_EXECUTE_HANDLER
                                                                          : EXCEPTION_CONTINUE_SEARCH) {
        value += GetExceptionCode() == 0xC0000005 ? 60 : 600;
    }
    return value;
}

static int skip_instruction(void *context)
{
    ((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP] += *(unsigned char *)((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP] == 0xc7 ? 6 : 2;
    return EXCEPTION_CONTINUE_EXECUTION;
}

static int goes_on(void)
{
    int value = 1;

    __try {
        *bad_pointer = 1;
        value = 3;
    } __except (skip_instruction(GetExceptionInformation()->context)) {
        step("wrong ");
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

static int nobody(void)
{
    raise_status(0xC0000001);
    return 4;
}

static int registers_kept(void)
{
    /* A caller's registers are what they were, although the call that raised had changed them. */
    register long kept __asm__("rbx") = 0x1234;

    __asm__ volatile("" : "+r"(kept));
    through_functions();
    __asm__ volatile("" : "+r"(kept));
    return (int)kept;
}

static void check(const char *name, int (*routine)(void), int value, const char *expected)
{
    struct dirql_seh_chain chain = {0};
    int result;

    steps[0] = 0;
    dirql_seh_current = &chain;
    result = routine();
    if (result != value || strcmp(steps, expected) != 0) {
        printf("%s: %d \"%s\", must be %d \"%s\"\n", name, result, steps, value, expected);
        failures++;
    }
    if (chain.frames != 0 || chain.pending != 0 || chain.is_taken || chain.is_running) {
        printf("%s: something is left in the chain\n", name);
        failures++;
    }
}

int main(void)
{
    struct sigaction action = {.sa_sigaction = fault, .sa_flags = SA_SIGINFO | SA_NODEFER};

    sigaction(SIGSEGV, &action, 0);
    check("normal", normal, 2, "");
    check("caught", caught, 1011, "handler ");
    check("refused", refused, 7, "inner outer ");
    check("order", order, 0, "filter abnormal handler ");
    check("finally_normal", finally_normal, 42, "normal ");
    check("finally_return", finally_return, 5, "block abnormal ");
    check("finally_goto", finally_goto, 20, "finally ");
    check("leave_loop", leave_loop, 4, "normal ");
    check("loops", loops, 3, "caught ");
    check("handler_breaks", handler_breaks, 3, "");
    check("handler_returns", handler_returns, 12, "");
    check("rethrown", rethrown, 11, "");
    check("hardware", hardware, 66, "");
    check("goes_on", goes_on, 3, "");
    check("through_functions", through_functions, 0, "ffffff handler ");
    check("finally_raises", finally_raises, 2, "");
    check("try_in_finally", try_in_finally, 50, "inner three outer ");
    check("nobody", nobody, 4, "unhandled ");
    check("registers_kept", registers_kept, 0x1234, "ffffff handler ");
    printf("%d failures\n", failures);
    return failures != 0;
}
