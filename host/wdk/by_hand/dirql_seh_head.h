/* SPDX-FileCopyrightText: dirql contributors
 * SPDX-License-Identifier: Apache-2.0 */

/* Structured exceptions (__try, __except, __finally, __leave) as macros of plain C.
 *
 * A __try block has a frame on the stack, linked into the chain of the present call of the driver. Filters and handlers
 * run where they stand in the function, with its locals, as small routines that runtime/seh.c calls with the function's
 * frame pointer: so filters run before any handler, and a `return`, `goto` or `break` out of a block runs its __finally.
 * Code is therefore compiled with -O0, which keeps locals in memory and addresses them by the frame pointer. */

#define EXCEPTION_EXECUTE_HANDLER 1
#define EXCEPTION_CONTINUE_SEARCH 0
#define EXCEPTION_CONTINUE_EXECUTION (-1)

/* Compilers for Windows have __try themselves. */
#ifndef _WIN32

struct _EXCEPTION_RECORD;
struct _CONTEXT;

struct dirql_seh_registers {
    void *rbx, *rbp, *rsp, *r12, *r13, *r14, *r15, *rip;
};

/* A __try block that is being run. */
struct dirql_seh_frame {
    struct dirql_seh_registers registers;
    struct dirql_seh_frame *previous;
    struct dirql_seh_pending *pending;
};

/* A filter or handler that is being run. */
struct dirql_seh_pending {
    struct dirql_seh_registers registers;
    struct dirql_seh_pending *previous;
    int is_abnormal;
    int answer;
};

struct dirql_seh_pointers {
    struct _EXCEPTION_RECORD *record;
    struct _CONTEXT *context;
};

/* The blocks, filters and handlers of one call of the driver, zero at its beginning. */
struct dirql_seh_chain {
    struct dirql_seh_frame *frames;
    struct dirql_seh_pending *pending;
    struct dirql_seh_pointers *pointers;
    unsigned int code;
    unsigned char is_taken;
    unsigned char is_running;
};

/* The chain of the call that is being run; whoever calls a driver sets it. */
extern struct dirql_seh_chain *dirql_seh_current;

/* Find the handler of an exception, and go there. Returns 0 if no block takes it, 1 if the code is to go on. */
int dirql_seh_dispatch(struct _EXCEPTION_RECORD *record, struct _CONTEXT *context);

/* The steps of the macros. `dirql_seh_enter` returns again, with 1 to 3, for the filter, the unwinding, the handler. */
int dirql_seh_enter(struct dirql_seh_frame *frame) __attribute__((returns_twice));
void dirql_seh_leave(struct dirql_seh_frame **guard);
void dirql_seh_end(struct dirql_seh_frame *frame);
void dirql_seh_finally(struct dirql_seh_frame *frame);
void dirql_seh_filtered(int answer) __attribute__((noreturn));
void dirql_seh_resume(void) __attribute__((noreturn));
void dirql_seh_run(void);
int dirql_seh_is_running(void);
int dirql_seh_is_taken(void);
unsigned int dirql_seh_code(void);
void *dirql_seh_information(void);
unsigned char dirql_seh_is_abnormal(void);

#define GetExceptionCode() dirql_seh_code()
#define GetExceptionInformation() ((struct _EXCEPTION_POINTERS *)dirql_seh_information())
#define AbnormalTermination() dirql_seh_is_abnormal()
#define _exception_code GetExceptionCode
#define _exception_info GetExceptionInformation
#define _abnormal_termination AbnormalTermination
#define exception_code GetExceptionCode
#define exception_info GetExceptionInformation
#define abnormal_termination AbnormalTermination

#ifdef __OPTIMIZE__
#define __try _Static_assert(0, "a file with __try must be compiled with -O0");
#else
#define __try                                                                                                        \
    {                                                                                                                \
        __label__ dirql_leave, dirql_filter, dirql_unwind, dirql_taken, dirql_out;                                   \
        struct dirql_seh_frame dirql_frame;                                                                          \
        switch (dirql_seh_enter(&dirql_frame)) {                                                                     \
        case 1:                                                                                                      \
            goto dirql_filter;                                                                                       \
        case 2:                                                                                                      \
            goto dirql_unwind;                                                                                       \
        case 3:                                                                                                      \
            goto dirql_taken;                                                                                        \
        }                                                                                                            \
        {                                                                                                            \
            struct dirql_seh_frame *dirql_guard __attribute__((cleanup(dirql_seh_leave))) = &dirql_frame;
#endif

/* The `else` keeps an `else` of the driver from belonging to this `if`: a __try in an `if` needs braces. */
#define __except(filter)                                                                                             \
    dirql_leave:                                                                                                     \
            __attribute__((unused));                                                                                 \
            dirql_seh_end(dirql_guard);                                                                              \
        }                                                                                                            \
        goto dirql_out;                                                                                              \
    dirql_filter:                                                                                                    \
        dirql_seh_filtered(filter);                                                                                  \
    dirql_unwind:                                                                                                    \
        dirql_seh_resume();                                                                                          \
    dirql_taken:                                                                                                     \
    dirql_out:;                                                                                                      \
    }                                                                                                                \
    if (!dirql_seh_is_taken()) {                                                                                     \
    } else

#define __finally                                                                                                    \
    dirql_leave:                                                                                                     \
            __attribute__((unused));                                                                                 \
            dirql_seh_finally(dirql_guard);                                                                          \
        }                                                                                                            \
        goto dirql_out;                                                                                              \
    dirql_filter:                                                                                                    \
        dirql_seh_filtered(EXCEPTION_CONTINUE_SEARCH);                                                               \
    dirql_taken:                                                                                                     \
        dirql_seh_resume();                                                                                          \
    dirql_unwind:                                                                                                    \
        dirql_seh_run();                                                                                             \
    dirql_out:;                                                                                                      \
    }                                                                                                                \
    for (; dirql_seh_is_running(); dirql_seh_resume())

#define __leave goto dirql_leave
#define _try __try
#define _except __except
#define _finally __finally
#define _leave __leave
#define try __try
#define except __except
#define finally __finally

#else
#define GetExceptionCode() _exception_code()
#define GetExceptionInformation() ((struct _EXCEPTION_POINTERS *)_exception_info())
#define AbnormalTermination() _abnormal_termination()
#endif
