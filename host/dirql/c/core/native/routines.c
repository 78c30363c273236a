// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0
// The routines of drivers, as objects that Python calls.
#include "core.h"

#include <stddef.h>
#include <structmember.h>

struct routine {
    PyObject_HEAD
    vectorcallfunc call;
    uint64_t address;
    struct value result;
    Py_ssize_t count;
    struct value values[MOST_PARAMETERS];
    uint32_t outs; // bit n is set if parameter n is a pointer to a value that the routine fills in
    PyObject *image;
    PyObject *kind;
    PyObject *weak;
};

// The result with the values that the routine has filled in behind it; a single value stands alone.
static PyObject *give_filled(const struct routine *self, uint64_t result, const uint64_t *filled)
{
    PyObject *all = PyList_New(0);
    PyObject *value = self->result.form == FORM_VOID ? NULL : to_python(&self->result, result);
    if (all == NULL || (value != NULL && PyList_Append(all, value) < 0) || PyErr_Occurred()) {
        Py_XDECREF(value);
        Py_XDECREF(all);
        return NULL;
    }
    Py_XDECREF(value);
    for (int each = 0; each < self->count; each++) {
        if (self->outs >> each & 1) {
            value = to_python(&self->values[each], filled[each]);
            if (value == NULL || PyList_Append(all, value) < 0) {
                Py_XDECREF(value);
                Py_DECREF(all);
                return NULL;
            }
            Py_DECREF(value);
        }
    }
    PyObject *given = PyList_GET_SIZE(all) == 1 ? Py_NewRef(PyList_GET_ITEM(all, 0)) : PyList_AsTuple(all);
    Py_DECREF(all);
    return given;
}

static PyObject *routine_call(PyObject *object, PyObject *const *given, size_t flags, PyObject *names)
{
    struct routine *self = (struct routine *)object;
    Py_ssize_t count = PyVectorcall_NARGS(flags) + __builtin_popcount(self->outs);
    uint64_t arguments[MOST_PARAMETERS] = {0}, filled[MOST_PARAMETERS] = {0}, result;
    if (names != NULL || count != self->count) {
        PyErr_Format(PyExc_TypeError, "a %U has %zd arguments; it was called with %zd", self->kind, self->count, count);
        return NULL;
    }
    for (Py_ssize_t each = 0; each < count; each++) {
        if (self->outs >> each & 1) {
            arguments[each] = (uint64_t)&filled[each];
        } else if (from_python(&self->values[each], *given++, &arguments[each]) < 0) {
            return NULL;
        }
    }
    if (Py_EnterRecursiveCall(" in a driver in C")) {
        return NULL;
    }
    int failed = enter(self->address, arguments, (uint64_t)count, &result);
    Py_LeaveRecursiveCall();
    if (failed || self->outs == 0) {
        return failed ? NULL : to_python(&self->result, result);
    }
    return give_filled(self, result, filled);
}

static PyObject *routine_new(PyTypeObject *type, PyObject *arguments, PyObject *keywords)
{
    (void)keywords;
    unsigned long long address;
    PyObject *result, *values, *image, *kind;
    unsigned int outs;
    if (!PyArg_ParseTuple(arguments, "KOO!IOU", &address, &result, &PyTuple_Type, &values, &outs, &image, &kind)) {
        return NULL;
    }
    if (PyTuple_GET_SIZE(values) > MOST_PARAMETERS) {
        PyErr_SetString(PyExc_ValueError, "a routine has too many parameters");
        return NULL;
    }
    struct routine *self = (struct routine *)type->tp_alloc(type, 0);
    if (self == NULL) {
        return NULL;
    }
    self->call = routine_call;
    self->outs = outs;
    self->address = address;
    self->image = Py_NewRef(image);
    self->kind = Py_NewRef(kind);
    self->count = PyTuple_GET_SIZE(values);
    int wrong = parse_value(result, &self->result);
    for (Py_ssize_t each = 0; each < self->count; each++) {
        wrong |= parse_value(PyTuple_GET_ITEM(values, each), &self->values[each]);
    }
    if (wrong) {
        Py_DECREF(self);
        return NULL;
    }
    return (PyObject *)self;
}

static int routine_traverse(struct routine *self, visitproc visit, void *arg)
{
    Py_VISIT(self->result.convert);
    for (Py_ssize_t each = 0; each < self->count; each++) {
        Py_VISIT(self->values[each].convert);
    }
    Py_VISIT(self->image);
    return 0;
}

static void routine_free(struct routine *self)
{
    PyObject_GC_UnTrack(self);
    if (self->weak != NULL) {
        PyObject_ClearWeakRefs((PyObject *)self);
    }
    forget_value(&self->result);
    for (Py_ssize_t each = 0; each < self->count; each++) {
        forget_value(&self->values[each]);
    }
    Py_XDECREF(self->image);
    Py_XDECREF(self->kind);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

static PyObject *routine_compare(PyObject *one, PyObject *other, int operation)
{
    if (Py_TYPE(one) != Py_TYPE(other) || (operation != Py_EQ && operation != Py_NE)) {
        Py_RETURN_NOTIMPLEMENTED;
    }
    bool equal = ((struct routine *)one)->address == ((struct routine *)other)->address;
    return PyBool_FromLong(equal == (operation == Py_EQ));
}

static Py_hash_t routine_hash(struct routine *self)
{
    return (Py_hash_t)(self->address >> 4);
}

static PyObject *routine_repr(struct routine *self)
{
    PyObject *place = PyObject_CallMethod(self->image, "describe", "K", (unsigned long long)self->address);
    if (place == NULL) {
        PyErr_Clear();
        return PyUnicode_FromFormat("<%U at %p>", self->kind, (void *)self->address);
    }
    PyObject *text = PyUnicode_FromFormat("%U", place);
    Py_DECREF(place);
    return text;
}

static PyMemberDef routine_members[] = {
    {"address", T_ULONGLONG, offsetof(struct routine, address), READONLY, "The address of the routine."},
    {"image", T_OBJECT_EX, offsetof(struct routine, image), READONLY, "The image that holds it."},
    {"kind", T_OBJECT_EX, offsetof(struct routine, kind), READONLY, "The name of its type."},
    {NULL, 0, 0, 0, NULL},
};

static PyObject *routine_origin(struct routine *self, void *unused)
{
    (void)unused;
    return PyObject_CallMethod(self->image, "origin", "K", (unsigned long long)self->address);
}

static PyGetSetDef routine_getters[] = {
    {"origin", (getter)routine_origin, NULL, "The place of the routine in its source.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyTypeObject routine_type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "dirql.c.core.CRoutine",
    .tp_doc = "CRoutine(address, result, values, outs, image, kind): a routine of a driver in C.",
    .tp_basicsize = sizeof(struct routine),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_HAVE_GC,
    .tp_vectorcall_offset = offsetof(struct routine, call),
    .tp_weaklistoffset = offsetof(struct routine, weak),
    .tp_call = PyVectorcall_Call,
    .tp_new = routine_new,
    .tp_dealloc = (destructor)routine_free,
    .tp_traverse = (traverseproc)routine_traverse,
    .tp_richcompare = routine_compare,
    .tp_hash = (hashfunc)routine_hash,
    .tp_repr = (reprfunc)routine_repr,
    .tp_members = routine_members,
    .tp_getset = routine_getters,
};

bool routine_address(PyObject *object, uint64_t *address)
{
    if (Py_TYPE(object) != &routine_type) {
        return false;
    }
    *address = ((struct routine *)object)->address;
    return true;
}

int routines_ready(PyObject *module)
{
    return PyModule_AddType(module, &routine_type);
}
