// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0
// The core for drivers in C: a driver's code runs on a stack of its own, and Python never does.
//
// A driver's stack is used by one greenlet at a time, from the call of a driver's routine out of Python (an entry) until
// it returns. A kernel routine that the driver calls (an upcall) goes back to Python's stack, where greenlet may slice
// it; more routines of drivers that are called meanwhile go on below on the same driver's stack.
#ifndef DIRQL_CORE_H
#define DIRQL_CORE_H

// The offsets of members of `struct driver_stack`, for switch.S.
#define STACK_PYTHON_SP 0
#define STACK_DRIVER_SP 8
#define STACK_ACTION 16
#define STACK_RIP 24
#define STACK_RBP 32
#define STACK_TOP 40
#define STACK_BORROWED 48
#define STACK_IS_WINDOWS 56

// What an upcall asks of the code that returns to the driver's stack.
#define ACTION_NONE 0
#define ACTION_RAISE 1

// Of images for Windows: the routines of the runtime at most, and the arguments on the stack that they get at most.
#define WINDOWS_ROUTINES 1024
#define WINDOWS_ARGUMENTS 24

#ifndef __ASSEMBLER__
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdbool.h>
#include <stdint.h>

// One call of a driver's routine by Python.
struct entry {
    struct entry *outer;
    void *python_frame; // the frame of Python that made the call
    uint64_t rip, rbp;  // those of the entry around it
};

struct driver_stack {
    uint64_t python_sp; // Python's stack pointer in the innermost entry
    uint64_t driver_sp; // the driver's stack pointer in the last upcall, or the top
    uint64_t action;
    uint64_t rip, rbp;  // where the driver's code called, or was interrupted, last
    uint64_t top;
    uint64_t borrowed; // the frame of the routine of the runtime that an image for Windows runs (windows.S), or 0
    uint64_t is_windows; // whether the innermost entry is of an image for Windows
    void *running;     // the innermost handler of an exception in an image for Windows (unwind.c)
    uint64_t base; // the lowest address; below it lies a guard page
    void *greenlet; // the one that uses the stack; NULL if it is free
    long depth;     // the entries that have not returned
    struct entry *entries;
    bool dropped;   // whether the last entry ended by an exception
    uint32_t code;  // of the status exception to raise on the driver's stack
    PyObject *error[3];
    struct driver_stack *next;
};

// Registers of the interrupted code, in the order in which switch.S restores them.
struct registers {
    uint64_t rax, rbx, rcx, rdx, rsi, rdi, rbp, r8, r9, r10, r11, r12, r13, r14, r15, rflags, rip, rsp;
};

// How a value crosses between C and Python.
enum form {
    FORM_VOID,
    FORM_U1,
    FORM_U2,
    FORM_U4,
    FORM_U8,
    FORM_I1,
    FORM_I2,
    FORM_I4,
    FORM_I8,
    FORM_BOOL,
    FORM_STATUS,
    FORM_POINTER, // an address; NULL is None
    FORM_OBJECT,  // the object that is known at the address, else what `convert` makes of the address
    FORM_CONVERT, // whatever `convert` makes of the address
    FORM_LOCATION, // CurrentLocation of an IRP, which moves CurrentStackLocation
};

struct value {
    enum form form;
    PyObject *convert; // a callable; NULL if there is none
    PyObject *kind;    // of FORM_OBJECT: the class that the object must have; NULL if any will do
};

#define MOST_PARAMETERS 16
#define KEPT 0x24F000000000u // in memory where Python keeps an object that C cannot use

extern struct driver_stack *dirql_current;
extern uint64_t dirql_crossings;
extern uint64_t dirql_session; // the number of the machine with drivers in C that is open, or opens next

// values.c
extern PyObject *dirql_objects;  // the objects that C sees, by their addresses
extern PyObject *dirql_statuses; // the NTSTATUS of each number that was seen
int values_ready(PyObject *module);
PyObject *to_python(const struct value *value, uint64_t raw);
int from_python(const struct value *value, PyObject *object, uint64_t *raw);
// The address by which C knows an object; returns 0 if it has none, and -1 for an error.
int known_address(PyObject *object, uint64_t *raw);
int parse_value(PyObject *pair, struct value *value);
void forget_value(struct value *value);
void store(enum form form, uint64_t address, uint64_t raw);
uint64_t load(enum form form, uint64_t address);
PyObject *core_hooks(PyObject *self, PyObject *arguments);

// The object that is known at an address, else what `otherwise` makes of it, or the address.
PyObject *known(PyObject *table, uint64_t raw, PyObject *otherwise, bool keep);

// fields.c
int fields_ready(PyObject *module);

// calls.c
int calls_ready(PyObject *module);
// Calls a routine of a driver; returns -1 with an exception set if it ended by one.
int enter(uint64_t routine, const uint64_t *arguments, uint64_t count, uint64_t *result);

// routines.c
int routines_ready(PyObject *module);
bool routine_address(PyObject *object, uint64_t *address);
PyObject *core_bind(PyObject *self, PyObject *arguments);
PyObject *core_stub_address(PyObject *self, PyObject *index);

// shadow.c
// Lets all bytes of a range be used that the address sanitizer has marked.
void clear_shadow(uint64_t address, uint64_t end);
PyObject *core_begin_shadow(PyObject *self, PyObject *arguments);
PyObject *core_end_shadow(PyObject *self, PyObject *none);
PyObject *core_mark_block(PyObject *self, PyObject *arguments);

// pages.c
PyObject *core_reserve(PyObject *self, PyObject *arguments);
PyObject *core_release(PyObject *self, PyObject *arguments);
PyObject *core_map(PyObject *self, PyObject *arguments);
PyObject *core_unmap(PyObject *self, PyObject *arguments);
PyObject *core_open_image(PyObject *self, PyObject *arguments);
PyObject *core_close_image(PyObject *self, PyObject *arguments);
PyObject *core_symbol(PyObject *self, PyObject *arguments);
PyObject *core_read(PyObject *self, PyObject *arguments);
PyObject *core_write(PyObject *self, PyObject *arguments);

// faults.c
#define FAULT_TICK 7 // the kind of a fault that is none: a second without a call of the kernel has passed
extern long dirql_demand; // the pages that are mapped only until the IRQL or the process changes
PyObject *core_watch(PyObject *self, PyObject *arguments);
PyObject *core_set_demand(PyObject *self, PyObject *number);
int recheck_demand(void);

// windows.c
uint64_t dirql_call_windows(uint64_t routine, const uint64_t *arguments, uint64_t count);
PyObject *core_open_windows(PyObject *self, PyObject *arguments);
PyObject *core_close_windows(PyObject *self, PyObject *base);
PyObject *core_protect(PyObject *self, PyObject *arguments);
PyObject *core_windows_runtime(PyObject *self, PyObject *arguments);

// switch.S
uint64_t dirql_enter(struct driver_stack *stack, uint64_t routine, const uint64_t *arguments, uint64_t count);
_Noreturn void dirql_drop(struct driver_stack *stack);
void dirql_fault_thunk(void);
void dirql_overflow_thunk(void);
#endif
#endif
