// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0
// Calls of a driver's routines by Python (entries), and of kernel routines by a driver (upcalls).
#include "core.h"
#include "windows.h"

#include <greenlet.h>
#include <stddef.h>
#include <string.h>

struct binding {
    PyObject *callable;
    struct value result;
    int count; // parameters that Python gets
    int outs;  // values that Python returns behind the result
    uint8_t place[MOST_PARAMETERS]; // in C, of each parameter that Python gets
    struct value values[MOST_PARAMETERS];
    uint8_t out_place[MOST_PARAMETERS];
    struct value out_values[MOST_PARAMETERS];
};

struct driver_stack *dirql_current;
uint64_t dirql_crossings;
uint64_t dirql_session;

static struct binding *bindings;
static uint32_t binding_count;
static struct driver_stack *stacks;
static PyObject *make_stack;   // returns base and top of a new stack
static PyObject *status_error; // StatusException
static PyObject *note_error;   // is given each exception that a driver meets

extern const uint64_t dirql_stub_table[];
extern const uint32_t dirql_stub_count;

// struct dirql_seh_chain of the runtime; the chain of an entry begins empty.
struct chain {
    uint64_t words[8];
};
extern void *dirql_seh_current;
extern int dirql_seh_raise_status(uint32_t code, uint64_t rbp, uint64_t rip, uint64_t rsp, uint64_t address,
                                  int is_write);

static struct driver_stack *stack_of(void *greenlet)
{
    if (dirql_current != NULL && dirql_current->greenlet == greenlet) {
        return dirql_current;
    }
    struct driver_stack *spare = NULL;
    for (struct driver_stack *each = stacks; each != NULL; each = each->next) {
        if (each->greenlet == greenlet) {
            return each;
        }
        if (each->greenlet == NULL) {
            spare = each;
        }
    }
    if (spare != NULL) {
        return spare;
    }
    PyObject *made = make_stack == NULL ? NULL : PyObject_CallNoArgs(make_stack);
    if (made == NULL) {
        if (!PyErr_Occurred()) {
            PyErr_SetString(PyExc_RuntimeError, "no machine with drivers in C is open");
        }
        return NULL;
    }
    unsigned long long base, top;
    struct driver_stack *stack = NULL;
    if (PyArg_ParseTuple(made, "KK", &base, &top)) {
        stack = PyMem_Calloc(1, sizeof *stack);
        if (stack == NULL) {
            PyErr_NoMemory();
        } else {
            stack->base = base;
            stack->top = stack->driver_sp = top;
            stack->next = stacks;
            stacks = stack;
        }
    }
    Py_DECREF(made);
    return stack;
}

// Lets the driver's code that the current greenlet calls next run on another stack, if one is given. Returns base, top
// and stack pointer of the stack before.
static PyObject *change_stack(PyObject *self, PyObject *arguments)
{
    unsigned long long base = 0, top = 0, pointer = 0;
    PyGreenlet *greenlet = PyGreenlet_GetCurrent();

    (void)self;
    Py_XDECREF(greenlet); // it runs, so it stays
    struct driver_stack *stack = greenlet == NULL ? NULL : stack_of(greenlet);
    if (stack == NULL || !PyArg_ParseTuple(arguments, "|KKK", &base, &top, &pointer)) {
        return NULL;
    }
    PyObject *before = Py_BuildValue("KKK", (unsigned long long)stack->base, (unsigned long long)stack->top,
                                     (unsigned long long)stack->driver_sp);
    if (before != NULL && base != 0) {
        stack->base = base;
        stack->top = top;
        stack->driver_sp = pointer;
    }
    return before;
}

static void keep_error(struct driver_stack *stack)
{
    for (int each = 0; each < 3; each++) {
        Py_CLEAR(stack->error[each]); // of an exception that a __try has taken
    }
    PyErr_Fetch(&stack->error[0], &stack->error[1], &stack->error[2]);
}

static void *python_frame(void)
{
    PyThreadState *state = PyThreadState_Get();
#if PY_VERSION_HEX >= 0x030d0000
    return state->current_frame;
#else
    return state->cframe->current_frame;
#endif
}

// Calls a routine of a driver; returns -1 with an exception set if it ended by one.
int enter(uint64_t routine, const uint64_t *arguments, uint64_t count, uint64_t *result)
{
    PyGreenlet *greenlet = PyGreenlet_GetCurrent();
    if (greenlet == NULL) {
        return -1;
    }
    struct driver_stack *stack = stack_of(greenlet);
    Py_DECREF(greenlet); // it runs, so it stays
    if (stack == NULL || (dirql_demand && recheck_demand() < 0)) {
        return -1;
    }
    uint64_t python_sp = stack->python_sp, driver_sp = stack->driver_sp, borrowed = stack->borrowed;
    void *running = stack->running;
    uint64_t is_windows = stack->is_windows;
    stack->borrowed = 0;
    stack->running = NULL;
    stack->is_windows = dirql_windows_image(routine) != NULL;
    struct chain chain;
    memset(&chain, 0, sizeof chain);
    void *outer_chain = dirql_seh_current;
    dirql_seh_current = &chain;
    if (stack->depth++ == 0) {
        stack->greenlet = greenlet;
        stack->driver_sp = stack->top;
    }
    struct entry entry = {stack->entries, python_frame(), stack->rip, stack->rbp};
    stack->entries = &entry;
    struct driver_stack *outer = dirql_current;
    dirql_current = stack;
    dirql_crossings++;
    stack->dropped = false;
    clear_shadow(stack->base, stack->driver_sp);
    uint64_t for_windows[6] = {routine, (uint64_t)arguments, count};
    *result = stack->is_windows ? dirql_enter(stack, (uint64_t)dirql_call_windows, for_windows, 3)
                                : dirql_enter(stack, routine, arguments, count);
    dirql_crossings++;
    dirql_current = outer;
    bool dropped = stack->dropped;
    stack->dropped = false;
    stack->python_sp = python_sp;
    stack->driver_sp = driver_sp;
    stack->borrowed = borrowed;
    stack->running = running;
    stack->is_windows = is_windows;
    stack->entries = entry.outer;
    stack->rip = entry.rip;
    stack->rbp = entry.rbp;
    if (--stack->depth == 0) {
        stack->greenlet = NULL;
        stack->driver_sp = stack->top;
    }
    dirql_seh_current = outer_chain;
    if (dropped) {
        PyErr_Restore(stack->error[0], stack->error[1], stack->error[2]);
        memset(stack->error, 0, sizeof stack->error);
        return -1;
    }
    return 0;
}

static _Noreturn void drop(struct driver_stack *stack)
{
    stack->dropped = true;
    stack->action = ACTION_NONE;
    dirql_drop(stack);
}

// Ends an upcall that has raised: a status goes to a __try of the driver if there is one, all else ends the entry.
static void raised(struct driver_stack *stack)
{
    keep_error(stack);
    if (note_error != NULL) {
        PyErr_NormalizeException(&stack->error[0], &stack->error[1], &stack->error[2]);
        if (stack->error[2] != NULL) {
            PyException_SetTraceback(stack->error[1], stack->error[2]);
        }
        PyObject *done = PyObject_CallOneArg(note_error, stack->error[1]);
        if (done == NULL) {
            PyErr_Clear();
        }
        Py_XDECREF(done);
    }
    if (status_error != NULL && PyErr_GivenExceptionMatches(stack->error[0], status_error) &&
        (stack->is_windows || *(void **)dirql_seh_current != NULL)) {
        PyErr_NormalizeException(&stack->error[0], &stack->error[1], &stack->error[2]);
        PyObject *status = PyObject_GetAttrString(stack->error[1], "status");
        if (status != NULL) {
            stack->code = (uint32_t)PyLong_AsUnsignedLongMask(status);
            stack->action = ACTION_RAISE;
            Py_DECREF(status);
            return;
        }
        PyErr_Clear();
    }
    drop(stack);
}

// On the driver's stack: returns only if the exception goes on behind the call.
__attribute__((visibility("hidden"))) void dirql_raise(struct driver_stack *stack, uint64_t *frame)
{
    stack->action = ACTION_NONE;
    if (!dirql_seh_raise_status(stack->code, frame[0], frame[1], (uint64_t)(frame + 2), 0, 0)) {
        drop(stack);
    }
}

// The same for the caller of an entry point of windows.S with this frame.
__attribute__((visibility("hidden"))) void dirql_raise_windows(struct driver_stack *stack, uint64_t *frame)
{
    stack->action = ACTION_NONE;
    if (dirql_windows_image(frame[1]) == NULL && stack->borrowed != 0) {
        frame = (uint64_t *)stack->borrowed; // a routine of the runtime has called
    }
    if (!dirql_windows_raise_behind((const unsigned long long *)frame, stack->code, 0, 0)) {
        drop(stack);
    }
}

static int give_outs(const struct binding *binding, PyObject *result, PyObject **first, const uint64_t *registers,
                     const uint64_t *memory)
{
    bool alone = binding->result.form == FORM_VOID && binding->outs == 1;
    Py_ssize_t count = binding->outs + (binding->result.form != FORM_VOID);
    if (!alone && (!PyTuple_Check(result) || PyTuple_GET_SIZE(result) != count)) {
        PyErr_Format(PyExc_TypeError, "%zd values must be returned; it was %R", count, result);
        return -1;
    }
    *first = alone || binding->result.form == FORM_VOID ? Py_None : PyTuple_GET_ITEM(result, 0);
    for (int each = 0; each < binding->outs; each++) {
        int place = binding->out_place[each];
        uint64_t raw, address = place < 6 ? registers[place] : memory[place - 6];
        PyObject *value = alone ? result : PyTuple_GET_ITEM(result, each + (binding->result.form != FORM_VOID));
        if (address == 0) {
            continue;
        }
        const struct value *out = &binding->out_values[each];
        if (out->form == FORM_CONVERT) { // the converter stores the value
            PyObject *done = PyObject_CallFunction(out->convert, "KO", (unsigned long long)address, value);
            if (done == NULL) {
                return -1;
            }
            Py_DECREF(done);
            continue;
        }
        if (from_python(out, value, &raw) < 0) {
            return -1;
        }
        store(out->form, address, raw);
    }
    return 0;
}

__attribute__((visibility("hidden"))) uint64_t dirql_upcall(uint32_t index, const uint64_t *registers,
                                                            const uint64_t *memory, struct driver_stack *stack)
{
    const struct binding *binding = &bindings[index];
    PyObject *arguments[MOST_PARAMETERS + 1];
    uint64_t raw = 0;
    int given = 0;
    PyObject *result = NULL;
    void *chain = dirql_seh_current;
    dirql_crossings++;
    if (binding->callable == NULL) {
        PyErr_Format(PyExc_RuntimeError, "routine %u is not bound", index);
        raised(stack);
        return 0;
    }
    for (; given < binding->count; given++) {
        int place = binding->place[given];
        PyObject *made = to_python(&binding->values[given], place < 6 ? registers[place] : memory[place - 6]);
        if (made == NULL) {
            break;
        }
        arguments[given + 1] = made;
    }
    if (given == binding->count) {
        result = PyObject_Vectorcall(binding->callable, arguments + 1,
                                     (size_t)given | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL);
    }
    while (given) {
        Py_DECREF(arguments[given--]);
    }
    if (result != NULL) {
        PyObject *first = result;
        if ((binding->outs && give_outs(binding, result, &first, registers, memory) < 0) ||
            from_python(&binding->result, first, &raw) < 0) {
            Py_CLEAR(result);
        }
    }
    if (result != NULL && dirql_demand && recheck_demand() < 0) {
        Py_CLEAR(result);
    }
    dirql_current = stack;
    dirql_seh_current = chain;
    dirql_crossings++;
    if (result == NULL) {
        raised(stack);
        return 0;
    }
    Py_DECREF(result);
    return raw;
}

// Faults, which faults.c finds, are upcalls too. The hook returns None when the instruction may go on.

extern uint64_t dirql_fault_address;
extern int dirql_fault_kind;
static PyObject *fault_hook;

static void call_fault_hook(struct driver_stack *stack, const struct registers *registers)
{
    void *chain = dirql_seh_current;
    PyObject *result =
        fault_hook == NULL
            ? NULL
            : PyObject_CallFunction(fault_hook, "iKKK", dirql_fault_kind, (unsigned long long)dirql_fault_address,
                                    (unsigned long long)(registers == NULL ? 0 : registers->rip),
                                    (unsigned long long)(registers == NULL ? 0 : registers->rbp));
    dirql_current = stack;
    dirql_seh_current = chain;
    dirql_crossings++;
    if (result == NULL) {
        raised(stack);
        return;
    }
    Py_DECREF(result);
}

__attribute__((visibility("hidden"))) void dirql_fault(struct registers *registers, struct driver_stack *stack)
{
    uint64_t before = dirql_crossings++;
    bool is_tick = dirql_fault_kind == FAULT_TICK;
    // As if behind a call; a jump to nowhere has its caller at the top of the stack.
    bool is_jump = dirql_fault_address == registers->rip && dirql_fault_kind == 0;
    stack->rip = is_jump ? *(const uint64_t *)registers->rsp : registers->rip + 1;
    stack->rbp = registers->rbp;
    call_fault_hook(stack, registers);
    if (is_tick) {
        dirql_crossings = before; // the driver has called nothing, and is watched on
    }
}

__attribute__((visibility("hidden"))) _Noreturn void dirql_overflow(struct driver_stack *stack)
{
    call_fault_hook(stack, NULL);
    drop(stack); // not reached: the hook raises
}

__attribute__((visibility("hidden"))) void dirql_raise_fault(struct driver_stack *stack, struct registers *registers)
{
    bool is_access = dirql_fault_kind <= 1;
    int goes_on;
    stack->action = ACTION_NONE;
    if (stack->is_windows && is_access && dirql_fault_address == registers->rip) {
        registers->rip = stack->rip; // a call to nowhere is the caller's fault
        registers->rsp += 8;
    }
    if (dirql_windows_image(registers->rip) != NULL) {
        goes_on = dirql_windows_raise_at((unsigned long long *)registers, (unsigned char *)registers - 512, stack->code,
                                         dirql_fault_address, dirql_fault_kind == 1, is_access);
    } else if (stack->borrowed != 0) {
        goes_on = dirql_windows_raise_behind((const unsigned long long *)stack->borrowed, stack->code,
                                             is_access ? dirql_fault_address : 0, dirql_fault_kind == 1);
    } else {
        goes_on = dirql_seh_raise_status(stack->code, registers->rbp, registers->rip, registers->rsp,
                                         dirql_fault_address, dirql_fault_kind == 1);
    }
    if (!goes_on) {
        drop(stack);
    }
}

// Lets a stub have no routine; what it held of a machine goes.
static void unbind(struct binding *binding)
{
    Py_CLEAR(binding->callable);
    forget_value(&binding->result);
    for (int each = 0; each < MOST_PARAMETERS; each++) {
        forget_value(&binding->values[each]);
        forget_value(&binding->out_values[each]);
    }
}

PyObject *core_bind(PyObject *self, PyObject *arguments)
{
    (void)self;
    unsigned int index;
    PyObject *callable, *result, *values, *outs;
    if (!PyArg_ParseTuple(arguments, "IOOO!O!", &index, &callable, &result, &PyTuple_Type, &values, &PyTuple_Type,
                          &outs)) {
        return NULL;
    }
    if (index >= binding_count || PyTuple_GET_SIZE(values) > MOST_PARAMETERS ||
        PyTuple_GET_SIZE(outs) > MOST_PARAMETERS) {
        PyErr_SetString(PyExc_ValueError, "there is no such stub, or it has too many parameters");
        return NULL;
    }
    struct binding *binding = &bindings[index];
    unbind(binding);
    if (parse_value(result, &binding->result) < 0) {
        return NULL;
    }
    binding->count = (int)PyTuple_GET_SIZE(values);
    binding->outs = (int)PyTuple_GET_SIZE(outs);
    for (int each = 0; each < binding->count; each++) {
        PyObject *pair;
        if (!PyArg_ParseTuple(PyTuple_GET_ITEM(values, each), "bO", &binding->place[each], &pair) ||
            parse_value(pair, &binding->values[each]) < 0) {
            return NULL;
        }
    }
    for (int each = 0; each < binding->outs; each++) {
        PyObject *pair;
        if (!PyArg_ParseTuple(PyTuple_GET_ITEM(outs, each), "bO", &binding->out_place[each], &pair) ||
            parse_value(pair, &binding->out_values[each]) < 0) {
            return NULL;
        }
    }
    binding->callable = Py_NewRef(callable);
    Py_RETURN_NONE;
}

static PyObject *call_hooks(PyObject *self, PyObject *arguments)
{
    (void)self;
    PyObject *stack, *fault, *error, *note;
    if (!PyArg_ParseTuple(arguments, "OOOO", &stack, &fault, &error, &note)) {
        return NULL;
    }
    Py_XSETREF(note_error, note == Py_None ? NULL : Py_NewRef(note));
    Py_XSETREF(make_stack, stack == Py_None ? NULL : Py_NewRef(stack));
    Py_XSETREF(fault_hook, fault == Py_None ? NULL : Py_NewRef(fault));
    Py_XSETREF(status_error, error == Py_None ? NULL : Py_NewRef(error));
    Py_RETURN_NONE;
}

// Forgets the stacks of a machine, whose memory goes with it, and the routines of its kernel.
static PyObject *forget_machine(PyObject *self, PyObject *unused)
{
    (void)self;
    (void)unused;
    while (stacks != NULL) {
        struct driver_stack *next = stacks->next;
        if (stacks->depth == 0) {
            for (int each = 0; each < 3; each++) {
                Py_CLEAR(stacks->error[each]);
            }
            PyMem_Free(stacks);
        }
        stacks = next;
    }
    dirql_current = NULL;
    dirql_session++;
    for (uint32_t each = 0; each < binding_count; each++) {
        unbind(&bindings[each]);
    }
    Py_RETURN_NONE;
}

PyObject *core_stub_address(PyObject *self, PyObject *index)
{
    (void)self;
    unsigned long number = PyLong_AsUnsignedLong(index);
    if (number >= dirql_stub_count) {
        PyErr_SetString(PyExc_ValueError, "there is no such stub");
        return NULL;
    }
    return PyLong_FromUnsignedLongLong(dirql_stub_table[number]);
}

// driver_place(frame): where code in C that this frame of Python has called is now, and the bounds of its stack.
static PyObject *driver_place(PyObject *self, PyObject *frame)
{
    (void)self;
    PyGreenlet *greenlet = PyGreenlet_GetCurrent();
    Py_XDECREF(greenlet);
    struct driver_stack *stack = stacks;
    while (stack != NULL && (stack->greenlet != greenlet || greenlet == NULL)) {
        stack = stack->next;
    }
    if (stack == NULL || !PyFrame_Check(frame)) {
        Py_RETURN_NONE;
    }
    void *wanted = ((void **)frame)[3]; // f_frame
    uint64_t rip = stack->rip, rbp = stack->rbp;
    for (struct entry *entry = stack->entries; entry != NULL; entry = entry->outer) {
        if (entry->python_frame == wanted) {
            return Py_BuildValue("KKKK", (unsigned long long)rip, (unsigned long long)rbp,
                                 (unsigned long long)stack->base, (unsigned long long)stack->top);
        }
        rip = entry->rip;
        rbp = entry->rbp;
    }
    Py_RETURN_NONE;
}

// The bounds of the kernel stack on which the caller runs; it is called by drivers, on their stack.
void dirql_stack_limits(uint64_t *low, uint64_t *high);
void dirql_stack_limits(uint64_t *low, uint64_t *high)
{
    *low = dirql_current->base;
    *high = dirql_current->top;
}

static PyMethodDef functions[] = {
    {"driver_place", driver_place, METH_O, "driver_place(frame): (rip, rbp, base, top), or None"},
    {"bind", core_bind, METH_VARARGS, "bind(index, callable, result, values, outs): give a stub its routine."},
    {"change_stack", change_stack, METH_VARARGS, "change_stack(base, top, stack_pointer) -> those before"},
    {"call_hooks", call_hooks, METH_VARARGS, "call_hooks(make_stack, fault, status_exception, note)"},
    {"forget_machine", forget_machine, METH_NOARGS, "Forget the stacks of drivers, the routines of the kernel, and views."},
    {"stub_address", core_stub_address, METH_O, "The address of a stub."},
    {NULL, NULL, 0, NULL},
};

int calls_ready(PyObject *module)
{
    PyGreenlet_Import();
    if (_PyGreenlet_API == NULL) {
        return -1;
    }
    binding_count = dirql_stub_count;
    bindings = PyMem_Calloc(binding_count, sizeof *bindings);
    if (bindings == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    return PyModule_AddFunctions(module, functions);
}
