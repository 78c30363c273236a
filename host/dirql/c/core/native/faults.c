// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0
// Signals in the code of a driver become page faults and other traps of the machine; all other signals go to the
// handler that was there before.
#define _GNU_SOURCE
#include "core.h"

#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

enum { READ_FAULT, WRITE_FAULT, PROTECTION_FAULT, STACK_OVERFLOW, WATCHDOG, BAD_INSTRUCTION, ARITHMETIC, TICK = FAULT_TICK };

#define WRITE_BIT 2          // of the error code of a page fault
#define PAGE 4096
#define BELOW (16 * PAGE)    // how far below its end a stack pointer may be for a fault to be an overflow
#define RED_ZONE 128
#define FLOATING 512
#define TICK_SECONDS 1

uint64_t dirql_fault_address;
int dirql_fault_kind;
long dirql_demand;

static PyObject *demand_hook;
static struct sigaction before[65];
static jmp_buf probe_jump;
static volatile sig_atomic_t probing;
static timer_t timer;
static bool has_timer;
static uint64_t crossings_at_tick;
static int idle_ticks, patience;
static volatile sig_atomic_t interrupted; // from the keyboard

static bool on_driver_stack(const struct driver_stack *stack, uint64_t sp)
{
    return stack != NULL && sp > stack->base - BELOW && sp <= stack->top;
}

// Lets the interrupted code go on in a thunk, which calls Python.
static void redirect(struct driver_stack *stack, ucontext_t *context, int kind, uint64_t address)
{
    greg_t *now = context->uc_mcontext.gregs;
    uint64_t sp = (uint64_t)now[REG_RSP];
    uint64_t frame = (sp - RED_ZONE - FLOATING - sizeof(struct registers) - 64) & ~63ull;
    dirql_fault_kind = kind;
    dirql_fault_address = address;
    if (kind == STACK_OVERFLOW || frame < stack->base + 64) {
        dirql_fault_kind = STACK_OVERFLOW;
        stack->rip = (uint64_t)now[REG_RIP] + 1;
        stack->rbp = (uint64_t)now[REG_RBP];
        now[REG_RDI] = (greg_t)stack;
        now[REG_RSP] = (greg_t)stack->python_sp;
        now[REG_RIP] = (greg_t)dirql_overflow_thunk;
        return;
    }
    struct registers *saved = (struct registers *)(frame + FLOATING);
    *saved = (struct registers){
        .rax = (uint64_t)now[REG_RAX], .rbx = (uint64_t)now[REG_RBX], .rcx = (uint64_t)now[REG_RCX],
        .rdx = (uint64_t)now[REG_RDX], .rsi = (uint64_t)now[REG_RSI], .rdi = (uint64_t)now[REG_RDI],
        .rbp = (uint64_t)now[REG_RBP], .r8 = (uint64_t)now[REG_R8],   .r9 = (uint64_t)now[REG_R9],
        .r10 = (uint64_t)now[REG_R10], .r11 = (uint64_t)now[REG_R11], .r12 = (uint64_t)now[REG_R12],
        .r13 = (uint64_t)now[REG_R13], .r14 = (uint64_t)now[REG_R14], .r15 = (uint64_t)now[REG_R15],
        .rflags = (uint64_t)now[REG_EFL], .rip = (uint64_t)now[REG_RIP], .rsp = sp,
    };
    now[REG_RSP] = (greg_t)frame;
    now[REG_RIP] = (greg_t)dirql_fault_thunk;
}

static void pass_on(int number, siginfo_t *information, void *context)
{
    const struct sigaction *old = &before[number];
    if (old->sa_flags & SA_SIGINFO) {
        old->sa_sigaction(number, information, context);
    } else if (old->sa_handler != SIG_DFL && old->sa_handler != SIG_IGN) {
        old->sa_handler(number);
    } else {
        sigaction(number, old, NULL); // the instruction is repeated, and ends the process
    }
}

static void land(void)
{
    _longjmp(probe_jump, 1);
}

static void on_fault(int number, siginfo_t *information, void *raw)
{
    ucontext_t *context = raw;
    greg_t *now = context->uc_mcontext.gregs;
    struct driver_stack *stack = dirql_current;
    uint64_t address = (uint64_t)information->si_addr;
    int kind = now[REG_ERR] & WRITE_BIT ? WRITE_FAULT : READ_FAULT;
    if (number == SIGILL || number == SIGTRAP) {
        kind = BAD_INSTRUCTION;
    } else if (number == SIGFPE) {
        kind = ARITHMETIC;
    } else if (information->si_code == SI_KERNEL) {
        kind = PROTECTION_FAULT; // an address that is not canonical is not told
    }
    if (information->si_code <= 0) { // somebody has sent the signal
        pass_on(number, information, raw);
        return;
    }
    if (probing) {
        probing = 0;
        dirql_fault_kind = kind;
        dirql_fault_address = address;
        now[REG_RSP] = (greg_t)((((uint64_t)now[REG_RSP] - 256) & ~15ull) - 8);
        now[REG_RIP] = (greg_t)land;
        return;
    }
    if (!on_driver_stack(stack, (uint64_t)now[REG_RSP])) {
        pass_on(number, information, raw);
        return;
    }
    if (kind <= WRITE_FAULT && address < stack->base && address >= stack->base - BELOW) {
        kind = STACK_OVERFLOW;
    }
    redirect(stack, context, kind, address);
}

static void on_interrupt(int number, siginfo_t *information, void *raw)
{
    interrupted = 1;
    pass_on(number, information, raw);
}

// A driver that runs for some seconds of the processor's time without a call of the kernel is stopped. After an
// interrupt from the keyboard Python gets its turn earlier.
static void on_tick(int number, siginfo_t *information, void *raw)
{
    (void)number;
    (void)information;
    ucontext_t *context = raw;
    uint64_t sp = (uint64_t)context->uc_mcontext.gregs[REG_RSP];
    if (dirql_crossings != crossings_at_tick || !on_driver_stack(dirql_current, sp)) {
        crossings_at_tick = dirql_crossings;
        idle_ticks = 0;
        return;
    }
    if (interrupted) {
        interrupted = 0;
        redirect(dirql_current, context, TICK, 0);
    } else if (++idle_ticks >= patience) {
        idle_ticks = 0;
        redirect(dirql_current, context, WATCHDOG, 0);
    }
}

static const int faults[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP};

// Notes interrupts from the keyboard, which Python's own handler handles.
static void watch_interrupts(bool on)
{
    struct sigaction action = {.sa_sigaction = on_interrupt, .sa_flags = SA_SIGINFO | SA_ONSTACK}, now;
    if (sigaction(SIGINT, NULL, &now) != 0 || (now.sa_sigaction == on_interrupt) == on) {
        return;
    }
    if (!on) {
        sigaction(SIGINT, &before[SIGINT], NULL);
    } else if ((now.sa_flags & SA_SIGINFO) || (now.sa_handler != SIG_DFL && now.sa_handler != SIG_IGN)) {
        before[SIGINT] = now;
        sigaction(SIGINT, &action, NULL);
    }
    interrupted = 0;
}

static int ensure_alternate_stack(void)
{
    stack_t now;
    if (sigaltstack(NULL, &now) == 0 && !(now.ss_flags & SS_DISABLE) && now.ss_size >= 16384) {
        return 0;
    }
    static char memory[65536];
    stack_t stack = {.ss_sp = memory, .ss_size = sizeof memory};
    return sigaltstack(&stack, NULL);
}

static void start_timer(void)
{
    struct sigaction action = {.sa_sigaction = on_tick, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART};
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGRTMIN + 7};
    event._sigev_un._tid = (pid_t)syscall(SYS_gettid);
    struct itimerspec every = {{TICK_SECONDS, 0}, {TICK_SECONDS, 0}};
    sigaction(SIGRTMIN + 7, &action, NULL);
    has_timer = timer_create(CLOCK_THREAD_CPUTIME_ID, &event, &timer) == 0;
    if (has_timer) {
        timer_settime(timer, 0, &every, NULL);
    }
}

// watch(demand_hook, seconds): handle faults of drivers from now on, or with None no more.
PyObject *core_watch(PyObject *self, PyObject *arguments)
{
    (void)self;
    PyObject *hook;
    int seconds;
    if (!PyArg_ParseTuple(arguments, "Oi", &hook, &seconds)) {
        return NULL;
    }
    Py_XSETREF(demand_hook, hook == Py_None ? NULL : Py_NewRef(hook));
    if (has_timer) {
        timer_delete(timer);
        has_timer = false;
    }
    dirql_demand = 0;
    watch_interrupts(hook != Py_None);
    if (hook == Py_None) {
        for (size_t each = 0; each < sizeof faults / sizeof *faults; each++) {
            struct sigaction now;
            if (sigaction(faults[each], NULL, &now) == 0 && now.sa_sigaction == on_fault) {
                sigaction(faults[each], &before[faults[each]], NULL);
            }
        }
        Py_RETURN_NONE;
    }
    if (ensure_alternate_stack() < 0) {
        return PyErr_SetFromErrno(PyExc_OSError);
    }
    for (size_t each = 0; each < sizeof faults / sizeof *faults; each++) {
        struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK}, old;
        if (sigaction(faults[each], &action, &old) == 0 && old.sa_sigaction != on_fault) {
            before[faults[each]] = old;
        }
    }
    patience = seconds;
    idle_ticks = 0;
    if (seconds > 0) {
        start_timer();
    }
    Py_RETURN_NONE;
}

PyObject *core_set_demand(PyObject *self, PyObject *number)
{
    (void)self;
    dirql_demand = PyLong_AsLong(number);
    return dirql_demand == -1 && PyErr_Occurred() ? NULL : Py_NewRef(Py_None);
}

int recheck_demand(void)
{
    PyObject *done = demand_hook == NULL ? Py_NewRef(Py_None) : PyObject_CallNoArgs(demand_hook);
    if (done == NULL) {
        return -1;
    }
    Py_DECREF(done);
    return 0;
}

// probe(address, size, write): 0 if the memory can be used, else the kind of the fault plus 1, and where it was.
PyObject *core_probe(PyObject *self, PyObject *arguments)
{
    (void)self;
    unsigned long long address, size;
    int write;
    if (!PyArg_ParseTuple(arguments, "KKp", &address, &size, &write)) {
        return NULL;
    }
    if (_setjmp(probe_jump)) {
        return Py_BuildValue("iK", dirql_fault_kind + 1, (unsigned long long)dirql_fault_address);
    }
    probing = 1;
    for (unsigned long long place = address; place < address + size; place = (place & ~(PAGE - 1ull)) + PAGE) {
        volatile uint8_t *byte = (volatile uint8_t *)place;
        uint8_t value = *byte;
        if (write) {
            *byte = value;
        }
    }
    probing = 0;
    return Py_BuildValue("iK", 0, 0ull);
}
