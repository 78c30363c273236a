// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0
// Exceptions in images for Windows, by the tables that their compiler has written (.pdata and .xdata): the unwinding of
// frames, the search for a handler, and the unwinding to it. Follows "x64 exception handling" of Microsoft's C++
// documentation. Compiled with the headers of drivers, for their layouts.
#include <ntifs.h>

#include "windows.h"

#define MS __attribute__((ms_abi))

enum { HANDLES_EXCEPTIONS = 1, HANDLES_UNWINDING = 2, IS_CHAINED = 4 };
enum { CONTINUE_EXECUTION = 0, CONTINUE_SEARCH = 1 }; // what a language handler answers
enum { UNWINDING = 2, TARGET_UNWIND = 0x20 };         // ExceptionFlags

struct function {
    ULONG begin, end, unwind; // addresses relative to the image
};

struct unwind_information {
    UCHAR version_and_flags, prologue, count, frame;
    USHORT codes[];
};

struct scope_table {
    ULONG count;
    struct {
        ULONG begin, end, handler, target;
    } scopes[];
};

struct dispatcher_context {
    ULONG64 pc, base;
    const struct function *function;
    ULONG64 establisher, target;
    CONTEXT *context;
    ULONG64 handler;
    const void *data;
    void *history;
    ULONG scope, unused;
};

typedef int MS handler_routine(EXCEPTION_RECORD *, ULONG64, CONTEXT *, struct dispatcher_context *);

// A handler that runs: an exception in it goes on in the frame that it is for, behind the scope that it is for.
struct running {
    struct running *outer;
    const struct dispatcher_context *dispatcher;
    CONTEXT *frame; // the registers of the frame that it is for
};

static ULONG64 *integer_register(CONTEXT *context, unsigned number)
{
    return &context->Rax + number;
}

static UCHAR *vector_register(CONTEXT *context, unsigned number)
{
    return (UCHAR *)context + 0x1a0 + 16 * number;
}

static const struct function *find_function(const struct windows_image *image, ULONG64 pc)
{
    const struct function *functions = (const struct function *)(image->base + image->functions);
    ULONG place = (ULONG)(pc - image->base), low = 0, high = image->function_count;
    while (low < high) {
        ULONG middle = (low + high) / 2;
        if (place < functions[middle].begin) {
            high = middle;
        } else if (place >= functions[middle].end) {
            low = middle + 1;
        } else {
            return &functions[middle];
        }
    }
    return 0;
}

// The numbers of 16 bits that an unwind code takes.
static unsigned slots_of(USHORT code)
{
    switch (code >> 8 & 15) {
    case 1:
        return code >> 12 ? 3 : 2;
    case 4:
    case 8:
        return 2;
    case 5:
    case 9:
        return 3;
    default: // 6 says where an epilogue begins, which the unwinding does not need
        return 1;
    }
}

static void undo(CONTEXT *context, const struct unwind_information *unwind, unsigned at, ULONG64 frame)
{
    const USHORT *code = &unwind->codes[at];
    unsigned operation = *code >> 8 & 15, information = *code >> 12;
    ULONG wide = operation == 5 || operation == 9 || (operation == 1 && information)
                     ? code[1] | (ULONG)code[2] << 16
                     : 0;
    switch (operation) {
    case 0:
        *integer_register(context, information) = *(const ULONG64 *)context->Rsp;
        context->Rsp += 8;
        break;
    case 1:
        context->Rsp += information ? wide : code[1] * 8u;
        break;
    case 2:
        context->Rsp += information * 8 + 8;
        break;
    case 3:
        context->Rsp = *integer_register(context, unwind->frame & 15) - (unwind->frame >> 4) * 16;
        break;
    case 4:
        *integer_register(context, information) = *(const ULONG64 *)(frame + code[1] * 8u);
        break;
    case 5:
        *integer_register(context, information) = *(const ULONG64 *)(frame + wide);
        break;
    case 8:
        __builtin_memcpy(vector_register(context, information), (const void *)(frame + code[1] * 16u), 16);
        break;
    case 9:
        __builtin_memcpy(vector_register(context, information), (const void *)(frame + wide), 16);
        break;
    default:
        break;
    }
}

// Takes the frame of a function away from a context; fills in the handler of the function, if it has one of a kind.
static void unwind_frame(const struct windows_image *image, const struct function *function, CONTEXT *context, int kind,
                         struct dispatcher_context *dispatcher)
{
    unsigned in_function = (unsigned)(context->Rip - image->base) - function->begin;
    const struct unwind_information *unwind = (const void *)(image->base + (function->unwind & ~1u));
    unsigned is_outermost = 1, in_prologue = in_function < unwind->prologue;
    ULONG64 frame = context->Rsp;

    dispatcher->handler = 0;
    for (;;) {
        unsigned executed = !is_outermost || !in_prologue;
        for (unsigned at = 0; at < unwind->count && (unwind->frame & 15); at += slots_of(unwind->codes[at])) {
            if ((unwind->codes[at] >> 8 & 15) == 3 && (executed || (unwind->codes[at] & 0xff) <= in_function)) {
                frame = *integer_register(context, unwind->frame & 15) - (unwind->frame >> 4) * 16;
            }
        }
        for (unsigned at = 0; at < unwind->count; at += slots_of(unwind->codes[at])) {
            if (executed || (unwind->codes[at] & 0xff) <= in_function) {
                undo(context, unwind, at, frame);
            }
        }
        const USHORT *behind = &unwind->codes[(unwind->count + 1) & ~1];
        if (!(unwind->version_and_flags >> 3 & IS_CHAINED)) {
            if ((unwind->version_and_flags >> 3 & kind) && !in_prologue) {
                dispatcher->handler = image->base + *(const ULONG *)behind;
                dispatcher->data = behind + 2;
            }
            break;
        }
        unwind = (const void *)(image->base + (((const struct function *)behind)->unwind & ~1u));
        is_outermost = 0;
    }
    dispatcher->establisher = frame;
    context->Rip = *(const ULONG64 *)context->Rsp;
    context->Rsp += 8;
}

// One step outwards. Returns 0 where no frame of an image for Windows is left; `behind` gets the registers of the caller.
static int step(struct running **running, CONTEXT *context, CONTEXT *behind, int kind, struct dispatcher_context *dispatcher)
{
    const struct windows_image *image = dirql_windows_image(context->Rip);
    dispatcher->scope = 0;
    while (image == 0) { // a handler began here: go on in the frame that it is for; or this is the begin of the entry
        while (*running != 0 && (ULONG64)*running < context->Rsp) {
            *running = (*running)->outer;
        }
        if (*running == 0) {
            return 0;
        }
        *context = *(*running)->frame;
        dispatcher->scope = (*running)->dispatcher->scope;
        *running = (*running)->outer;
        image = dirql_windows_image(context->Rip);
    }
    *behind = *context;
    dispatcher->handler = 0;
    dispatcher->pc = context->Rip;
    dispatcher->base = image->base;
    dispatcher->context = context;
    dispatcher->function = find_function(image, context->Rip);
    if (dispatcher->function == 0) { // a function without a frame
        behind->Rip = *(const ULONG64 *)context->Rsp;
        behind->Rsp += 8;
    } else {
        unwind_frame(image, dispatcher->function, behind, kind, dispatcher);
    }
    return 1;
}

static int ask(struct dispatcher_context *dispatcher, EXCEPTION_RECORD *record, CONTEXT *raised, CONTEXT *frame)
{
    struct running **running = (struct running **)dirql_windows_running();
    struct running now = {*running, dispatcher, frame};
    *running = &now;
    int answer = ((handler_routine *)dispatcher->handler)(record, dispatcher->establisher, raised, dispatcher);
    *running = now.outer;
    return answer;
}

// Looks for a frame that takes an exception, and goes on there. Returns 1 if the code that raised it shall go on, and 0
// if no frame takes it. `raised` has the registers where it was raised.
int dirql_windows_dispatch(EXCEPTION_RECORD *record, CONTEXT *raised)
{
    struct running *running = *(struct running **)dirql_windows_running();
    struct dispatcher_context dispatcher = {0};
    CONTEXT context = *raised, behind;

    while (step(&running, &context, &behind, HANDLES_EXCEPTIONS, &dispatcher)) {
        if (dispatcher.handler && ask(&dispatcher, record, raised, &context) == CONTINUE_EXECUTION) {
            return 1;
        }
        context = behind;
    }
    return 0;
}

// Runs the __finally handlers of the frames inside the target's and of its scopes, and goes on at the target.
__attribute__((noreturn)) static void unwind_to(ULONG64 frame, ULONG64 target, EXCEPTION_RECORD *record, CONTEXT *raised,
                                                ULONG64 value)
{
    struct running *running = *(struct running **)dirql_windows_running();
    struct dispatcher_context dispatcher = {.target = target};
    CONTEXT context = *raised, behind;

    record->ExceptionFlags |= UNWINDING;
    while (step(&running, &context, &behind, HANDLES_UNWINDING, &dispatcher)) {
        int is_target = dispatcher.establisher == frame;
        if (is_target) {
            record->ExceptionFlags |= TARGET_UNWIND;
        }
        if (dispatcher.handler) {
            ask(&dispatcher, record, raised, &context);
        }
        if (is_target) {
            break;
        }
        context = behind;
    }
    context.Rip = target;
    context.Rax = value;
    dirql_windows_leave(context.Rsp);
    dirql_windows_resume(&context);
}

// The handler of C code with __try: its table has the scopes of a function, the inner ones first.
__attribute__((visibility("default"))) MS int dirql_specific_handler(EXCEPTION_RECORD *record, ULONG64 frame, CONTEXT *raised, struct dispatcher_context *dispatcher)
{
    const struct scope_table *table = dispatcher->data;
    ULONG64 base = dispatcher->base, pc = dispatcher->pc - base, target = dispatcher->target - base;

    for (ULONG each = dispatcher->scope; each < table->count; each++) {
        ULONG handler = table->scopes[each].handler, go_on = table->scopes[each].target;
        if (pc < table->scopes[each].begin || pc >= table->scopes[each].end) {
            continue;
        }
        if (!(record->ExceptionFlags & UNWINDING)) {
            EXCEPTION_POINTERS pointers = {record, raised};
            int answer = 1;
            if (go_on == 0) {
                continue;
            }
            dispatcher->scope = each + 1;
            if (handler != 1) {
                answer = ((MS int (*)(EXCEPTION_POINTERS *, ULONG64))(base + handler))(&pointers, frame);
            }
            if (answer < 0) {
                return CONTINUE_EXECUTION;
            }
            if (answer > 0) {
                unwind_to(frame, base + go_on, record, raised, (ULONG)record->ExceptionCode);
            }
            continue;
        }
        if (record->ExceptionFlags & TARGET_UNWIND) {
            if (go_on ? go_on == target : target >= table->scopes[each].begin && target < table->scopes[each].end) {
                return CONTINUE_SEARCH;
            }
        }
        if (go_on == 0) {
            dispatcher->scope = each + 1;
            ((MS void (*)(UCHAR, ULONG64))(base + handler))(1, frame);
        }
    }
    return CONTINUE_SEARCH;
}

// The registers of the driver behind the call of an entry point; `frame` is the rbp of windows.S.
static void context_of(const ULONG64 *frame, CONTEXT *context)
{
    __builtin_memset(context, 0, sizeof *context);
    context->ContextFlags = 0x10000b; // control, integer, floating point
    context->Rbp = frame[0];
    context->Rip = frame[1];
    context->Rsp = (ULONG64)(frame + 2);
    context->Rbx = frame[-1];
    context->Rsi = frame[-2];
    context->Rdi = frame[-3];
    context->R12 = frame[-4];
    context->R13 = frame[-5];
    context->R14 = frame[-6];
    context->R15 = frame[-7];
    __builtin_memcpy(vector_register(context, 6), frame - 34, 160);
}

// An exception with a status in the call of an entry point, or in code that it has borrowed. `is_access` says whether
// `address` was read (0) or written (1) in vain. Returns as dirql_windows_dispatch does.
int dirql_windows_raise_behind(const unsigned long long *frame, unsigned int code, unsigned long long address, int is_write)
{
    CONTEXT context;
    EXCEPTION_RECORD record = {0};

    context_of(frame, &context);
    record.ExceptionCode = (NTSTATUS)code;
    record.ExceptionAddress = (PVOID)context.Rip;
    if (address != 0) {
        record.NumberParameters = 2;
        record.ExceptionInformation[0] = (ULONG_PTR)is_write;
        record.ExceptionInformation[1] = address;
    }
    return dirql_windows_dispatch(&record, &context);
}

// The same at an instruction of the driver. A filter may change the registers with which it goes on. `registers` are those
// of rax, rbx, rcx, rdx, rsi, rdi, rbp, r8 to r15, rflags, rip and rsp, and `vectors` what fxsave has stored.
int dirql_windows_raise_at(unsigned long long *registers, unsigned char *vectors, unsigned int code, unsigned long long address,
                           int is_write, int is_access)
{
    static const unsigned char order[] = {0, 3, 1, 2, 6, 7, 5, 8, 9, 10, 11, 12, 13, 14, 15};
    CONTEXT context;
    EXCEPTION_RECORD record = {0};

    __builtin_memset(&context, 0, sizeof context);
    context.ContextFlags = 0x10000b;
    for (unsigned each = 0; each < sizeof order; each++) {
        *integer_register(&context, order[each]) = registers[each];
    }
    context.EFlags = (ULONG)registers[15];
    context.Rip = registers[16];
    context.Rsp = registers[17];
    __builtin_memcpy((UCHAR *)&context + 0x100, vectors, 512);
    record.ExceptionCode = (NTSTATUS)code;
    record.ExceptionAddress = (PVOID)context.Rip;
    if (is_access) {
        record.NumberParameters = 2;
        record.ExceptionInformation[0] = (ULONG_PTR)is_write;
        record.ExceptionInformation[1] = address;
    }
    if (!dirql_windows_dispatch(&record, &context)) {
        return 0;
    }
    for (unsigned each = 0; each < sizeof order; each++) {
        registers[each] = *integer_register(&context, order[each]);
    }
    registers[16] = context.Rip;
    registers[17] = context.Rsp;
    __builtin_memcpy(vectors, (UCHAR *)&context + 0x100, 512);
    return 1;
}

_Static_assert(sizeof(CONTEXT) == 0x4d0 && __builtin_offsetof(CONTEXT, Rip) == 0xf8, "the layout that windows.S expects");
