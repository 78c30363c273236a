/* SPDX-FileCopyrightText: dirql contributors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Finds the handler of an exception, as the dispatcher of NT does: first every filter from the innermost block outwards
 * is asked, on top of the code that raised; then the blocks inside the one that takes the exception are unwound, and
 * their __finally handlers run; then the handler goes on in its function. The macros are in dirql_seh.h.
 */
#include <dirql_seh.h>

enum { FILTER = 1, UNWIND = 2, TAKEN = 3 };

struct dirql_seh_chain *dirql_seh_current;

/* What is to be done when a handler drops the frames below a stack pointer; NULL for nothing. */
void (*dirql_seh_dropped)(void *stack_pointer);

/* Sets the registers' places in `struct dirql_seh_registers` and comes back from `dirql_seh_save` with `value`. */
void dirql_seh_restore(const struct dirql_seh_registers *registers, int value) __attribute__((noreturn));
/* Saves the registers of its caller; returns 0, and again what `dirql_seh_restore` is given. */
int dirql_seh_save(struct dirql_seh_registers *registers) __attribute__((returns_twice));
/* Comes back from `dirql_seh_enter` with `value`, but on the stack below the caller of this function. */
void dirql_seh_call(const struct dirql_seh_registers *registers, int value) __attribute__((noreturn));

__asm__(".text\n"
        ".globl dirql_seh_enter, dirql_seh_save, dirql_seh_restore, dirql_seh_call\n"
        ".type dirql_seh_enter, @function\n.type dirql_seh_save, @function\n"
        ".type dirql_seh_restore, @function\n.type dirql_seh_call, @function\n"
        /* The frame begins with the registers. */
        "dirql_seh_enter:\n"
        "    movq dirql_seh_current@GOTPCREL(%rip), %rax\n"
        "    movq (%rax), %rax\n"
        "    movq (%rax), %rdx\n"
        "    movq %rdx, 64(%rdi)\n" /* previous */
        "    movq 8(%rax), %rdx\n"
        "    movq %rdx, 72(%rdi)\n" /* pending */
        "    movq %rdi, (%rax)\n"
        "dirql_seh_save:\n"
        "    movq %rbx, 0(%rdi)\n"
        "    movq %rbp, 8(%rdi)\n"
        "    leaq 8(%rsp), %rax\n"
        "    movq %rax, 16(%rdi)\n"
        "    movq %r12, 24(%rdi)\n"
        "    movq %r13, 32(%rdi)\n"
        "    movq %r14, 40(%rdi)\n"
        "    movq %r15, 48(%rdi)\n"
        "    movq (%rsp), %rax\n"
        "    movq %rax, 56(%rdi)\n"
        "    xorl %eax, %eax\n"
        "    ret\n"
        "dirql_seh_restore:\n"
        "    movq 16(%rdi), %rsp\n"
        "    jmp 1f\n"
        "dirql_seh_call:\n"
        "    andq $-16, %rsp\n"
        "1:  movq 0(%rdi), %rbx\n"
        "    movq 8(%rdi), %rbp\n"
        "    movq 24(%rdi), %r12\n"
        "    movq 32(%rdi), %r13\n"
        "    movq 40(%rdi), %r14\n"
        "    movq 48(%rdi), %r15\n"
        "    movl %esi, %eax\n"
        "    jmp *56(%rdi)\n"
        ".size dirql_seh_call, . - dirql_seh_enter\n");

/* Run the filter or the handler of a block; returns the filter's answer. */
static int run(const struct dirql_seh_frame *frame, int step, int is_abnormal)
{
    struct dirql_seh_chain *chain = dirql_seh_current;
    struct dirql_seh_registers registers = frame->registers; /* a handler's locals may lie where the frame was */
    struct dirql_seh_pending pending = {.previous = chain->pending, .is_abnormal = is_abnormal};

    chain->pending = &pending;
    if (dirql_seh_save(&pending.registers) == 0) {
        dirql_seh_call(&registers, step);
    }
    dirql_seh_current->pending = pending.previous;
    return pending.answer;
}

/* Unwind the blocks inside `target`, and go on in its handler. */
static void take(struct dirql_seh_frame *target, unsigned int code) __attribute__((noreturn));
static void take(struct dirql_seh_frame *target, unsigned int code)
{
    struct dirql_seh_chain *chain = dirql_seh_current;

    while (chain->frames != target) {
        struct dirql_seh_frame *frame = chain->frames;

        chain->frames = frame->previous;
        run(frame, UNWIND, 1);
    }
    chain->frames = target->previous;
    chain->pending = target->pending;
    chain->code = code;
    chain->is_taken = 1;
    if (dirql_seh_dropped != 0) {
        dirql_seh_dropped(target->registers.rsp);
    }
    dirql_seh_restore(&target->registers, TAKEN);
}

int dirql_seh_dispatch(struct _EXCEPTION_RECORD *record, struct _CONTEXT *context)
{
    struct dirql_seh_chain *chain = dirql_seh_current;
    struct dirql_seh_pointers pointers = {record, context};
    struct dirql_seh_pointers *outer = chain->pointers;
    unsigned int outer_code = chain->code;
    unsigned int code = *(unsigned int *)record; /* ExceptionCode is the first member */

    for (struct dirql_seh_frame *frame = chain->frames; frame != 0; frame = frame->previous) {
        int answer;

        chain->pointers = &pointers;
        chain->code = code;
        answer = run(frame, FILTER, 0);
        chain->pointers = outer;
        chain->code = outer_code;
        if (answer > 0) {
            take(frame, code);
        }
        if (answer < 0) {
            return 1;
        }
    }
    return 0;
}

/* The block is left. If its frame is still linked, a `return`, `goto`, `break` or `continue` does it. */
void dirql_seh_leave(struct dirql_seh_frame **guard)
{
    struct dirql_seh_frame *frame = *guard;

    if (dirql_seh_current->frames == frame) {
        dirql_seh_current->frames = frame->previous;
        run(frame, UNWIND, 1);
    }
}

void dirql_seh_end(struct dirql_seh_frame *frame)
{
    dirql_seh_current->frames = frame->previous;
}

void dirql_seh_finally(struct dirql_seh_frame *frame)
{
    dirql_seh_current->frames = frame->previous;
    run(frame, UNWIND, 0);
}

void dirql_seh_filtered(int answer)
{
    dirql_seh_current->pending->answer = answer;
    dirql_seh_resume();
}

void dirql_seh_resume(void)
{
    dirql_seh_restore(&dirql_seh_current->pending->registers, 1);
}

void dirql_seh_run(void)
{
    dirql_seh_current->is_running = 1;
}

int dirql_seh_is_running(void)
{
    int is_running = dirql_seh_current->is_running;

    dirql_seh_current->is_running = 0;
    return is_running;
}

int dirql_seh_is_taken(void)
{
    int is_taken = dirql_seh_current->is_taken;

    dirql_seh_current->is_taken = 0;
    return is_taken;
}

unsigned int dirql_seh_code(void)
{
    return dirql_seh_current->code;
}

void *dirql_seh_information(void)
{
    return dirql_seh_current->pointers;
}

unsigned char dirql_seh_is_abnormal(void)
{
    struct dirql_seh_pending *pending = dirql_seh_current->pending;

    return pending != 0 && pending->is_abnormal;
}
