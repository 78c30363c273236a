// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0
// Attributes of Python objects that are members of a structure in memory.
#include "core.h"

#include <stddef.h>
#include <structmember.h>

struct field {
    PyObject_HEAD
    struct value value;
    Py_ssize_t slot; // where the objects keep the address of the structure
    Py_ssize_t own;  // the slot that the member takes the place of
    bool keeps;      // whether an object without an address stays in that slot
    uint64_t offset;
    uint64_t session;
};

// Whether the machine whose memory is meant is open still; sets an exception if it is not.
static bool is_open(uint64_t session)
{
    if (session != dirql_session) {
        PyErr_SetString(PyExc_RuntimeError, "members of a structure of a driver in C are in the memory of its machine,"
                                            " which has closed: read them before");
    }
    return session == dirql_session;
}

// check_open(session): raises RuntimeError if the machine of that number has closed; 0 asks for the number of the open one.
static PyObject *check_open(PyObject *self, PyObject *number)
{
    (void)self;
    unsigned long long session = PyLong_AsUnsignedLongLong(number);
    if ((session == (unsigned long long)-1 && PyErr_Occurred()) || (session != 0 && !is_open(session - 1))) {
        return NULL;
    }
    return PyLong_FromUnsignedLongLong(dirql_session + 1);
}

static inline int field_address(struct field *self, PyObject *object, uint64_t *address)
{
    PyObject *base = *(PyObject **)((char *)object + self->slot);
    if (base == NULL || !PyLong_Check(base)) {
        PyErr_Format(PyExc_AttributeError, "%s has no memory", Py_TYPE(object)->tp_name);
        return -1;
    }
    if (self->session != dirql_session && !is_open(self->session)) {
        return -1;
    }
#if PY_VERSION_HEX < 0x030c0000 && PYLONG_BITS_IN_DIGIT == 30
    if (Py_SIZE(base) == 2) { // as the addresses of the machine's memory are
        const digit *digits = ((PyLongObject *)base)->ob_digit;
        *address = ((uint64_t)digits[1] << 30 | digits[0]) + self->offset;
        return 0;
    }
#endif
    *address = PyLong_AsUnsignedLongLong(base) + self->offset;
    return 0;
}

static PyObject *field_get(struct field *self, PyObject *object, PyObject *type)
{
    (void)type;
    if (object == NULL) {
        return Py_NewRef((PyObject *)self);
    }
    uint64_t address;
    if (field_address(self, object, &address) < 0) {
        return NULL;
    }
    uint64_t raw = load(self->value.form, address);
    if (raw == KEPT && self->keeps) {
        PyObject *kept = *(PyObject **)((char *)object + self->own);
        return Py_NewRef(kept == NULL ? Py_None : kept);
    }
    return to_python(&self->value, raw);
}

static int field_set(struct field *self, PyObject *object, PyObject *value)
{
    uint64_t address, raw = 0;
    if (field_address(self, object, &address) < 0) {
        return -1;
    }
    if (value != NULL && self->keeps) {
        int found = known_address(value, &raw);
        if (found < 0) {
            return -1;
        }
        if (found == 0) {
            raw = KEPT;
            Py_INCREF(value);
            Py_XSETREF(*(PyObject **)((char *)object + self->own), value);
        }
    } else if (value != NULL && from_python(&self->value, value, &raw) < 0) {
        return -1;
    }
    store(self->value.form, address, raw);
    return 0;
}

static PyObject *field_new(PyTypeObject *type, PyObject *arguments, PyObject *keywords)
{
    (void)keywords;
    PyObject *pair, *member, *own;
    unsigned long long offset;
    int keeps;
    if (!PyArg_ParseTuple(arguments, "KOOOp", &offset, &pair, &member, &own, &keeps)) {
        return NULL;
    }
    if (Py_TYPE(member) != &PyMemberDescr_Type || Py_TYPE(own) != &PyMemberDescr_Type) {
        PyErr_SetString(PyExc_TypeError, "the address must be in a slot of the class");
        return NULL;
    }
    struct field *self = (struct field *)type->tp_alloc(type, 0);
    if (self == NULL) {
        return NULL;
    }
    self->offset = offset;
    self->session = dirql_session;
    self->slot = ((PyMemberDescrObject *)member)->d_member->offset;
    self->own = ((PyMemberDescrObject *)own)->d_member->offset;
    self->keeps = keeps;
    if (parse_value(pair, &self->value) < 0) {
        Py_DECREF(self);
        return NULL;
    }
    return (PyObject *)self;
}

static int field_traverse(struct field *self, visitproc visit, void *arg)
{
    Py_VISIT(self->value.convert);
    return 0;
}

static void field_free(struct field *self)
{
    PyObject_GC_UnTrack(self);
    forget_value(&self->value);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

static PyTypeObject field_type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "dirql.c.core.Field",
    .tp_doc = "Field(offset, (form, convert), member, own, keeps): an attribute that is a member of a structure in memory.",
    .tp_basicsize = sizeof(struct field),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_new = field_new,
    .tp_dealloc = (destructor)field_free,
    .tp_traverse = (traverseproc)field_traverse,
    .tp_descr_get = (descrgetfunc)field_get,
    .tp_descr_set = (descrsetfunc)field_set,
};

// A sequence of members of one kind, such as the table of dispatch routines.

struct array {
    PyObject_HEAD
    struct value value;
    uint64_t address;
    uint64_t session;
    Py_ssize_t count, size;
};

static Py_ssize_t array_length(struct array *self)
{
    return self->count;
}

static PyObject *array_get(struct array *self, Py_ssize_t index)
{
    if (index < 0 || index >= self->count) {
        PyErr_SetString(PyExc_IndexError, "there is no such member");
        return NULL;
    }
    if (!is_open(self->session)) {
        return NULL;
    }
    return to_python(&self->value, load(self->value.form, self->address + (uint64_t)(index * self->size)));
}

static int array_set(struct array *self, Py_ssize_t index, PyObject *value)
{
    uint64_t raw;
    if (index < 0 || index >= self->count || value == NULL) {
        PyErr_SetString(PyExc_IndexError, "there is no such member");
        return -1;
    }
    if (!is_open(self->session) || from_python(&self->value, value, &raw) < 0) {
        return -1;
    }
    store(self->value.form, self->address + (uint64_t)(index * self->size), raw);
    return 0;
}

static int array_assign(struct array *self, PyObject *key, PyObject *value)
{
    if (!PySlice_Check(key)) {
        Py_ssize_t index = PyNumber_AsSsize_t(key, PyExc_IndexError);
        return index == -1 && PyErr_Occurred() ? -1 : array_set(self, index < 0 ? index + self->count : index, value);
    }
    Py_ssize_t start, stop, step;
    if (value == NULL || PySlice_Unpack(key, &start, &stop, &step) < 0) {
        return -1;
    }
    Py_ssize_t count = PySlice_AdjustIndices(self->count, &start, &stop, step);
    PyObject *given = PySequence_Fast(value, "a sequence is needed");
    if (given == NULL || PySequence_Fast_GET_SIZE(given) != count) {
        Py_XDECREF(given);
        PyErr_SetString(PyExc_ValueError, "the number of members cannot change");
        return -1;
    }
    int failed = 0;
    for (Py_ssize_t each = 0; each < count && !failed; each++) {
        failed = array_set(self, start + each * step, PySequence_Fast_GET_ITEM(given, each));
    }
    Py_DECREF(given);
    return failed;
}

static PyObject *array_subscript(struct array *self, PyObject *key)
{
    if (PySlice_Check(key)) {
        PyObject *all = PySequence_List((PyObject *)self);
        PyObject *part = all == NULL ? NULL : PyObject_GetItem(all, key);
        Py_XDECREF(all);
        return part;
    }
    Py_ssize_t index = PyNumber_AsSsize_t(key, PyExc_IndexError);
    return index == -1 && PyErr_Occurred() ? NULL : array_get(self, index < 0 ? index + self->count : index);
}

static PyObject *array_new(PyTypeObject *type, PyObject *arguments, PyObject *keywords)
{
    (void)keywords;
    unsigned long long address;
    Py_ssize_t count, size;
    PyObject *pair;
    if (!PyArg_ParseTuple(arguments, "KnnO", &address, &count, &size, &pair)) {
        return NULL;
    }
    struct array *self = (struct array *)type->tp_alloc(type, 0);
    if (self == NULL) {
        return NULL;
    }
    self->address = address;
    self->session = dirql_session;
    self->count = count;
    self->size = size;
    if (parse_value(pair, &self->value) < 0) {
        Py_DECREF(self);
        return NULL;
    }
    return (PyObject *)self;
}

static int array_traverse(struct array *self, visitproc visit, void *arg)
{
    Py_VISIT(self->value.convert);
    return 0;
}

static void array_free(struct array *self)
{
    PyObject_GC_UnTrack(self);
    forget_value(&self->value);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

static PySequenceMethods array_sequence = {
    .sq_length = (lenfunc)array_length,
    .sq_item = (ssizeargfunc)array_get,
    .sq_ass_item = (ssizeobjargproc)array_set,
};

static PyMappingMethods array_mapping = {
    .mp_length = (lenfunc)array_length,
    .mp_subscript = (binaryfunc)array_subscript,
    .mp_ass_subscript = (objobjargproc)array_assign,
};

static PyTypeObject array_type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "dirql.c.core.Array",
    .tp_doc = "Array(address, count, size, (form, convert)): members of one kind, one behind the other.",
    .tp_basicsize = sizeof(struct array),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_SEQUENCE | Py_TPFLAGS_HAVE_GC,
    .tp_as_sequence = &array_sequence,
    .tp_as_mapping = &array_mapping,
    .tp_new = array_new,
    .tp_dealloc = (destructor)array_free,
    .tp_traverse = (traverseproc)array_traverse,
};

static PyObject *slot_offset(PyObject *self, PyObject *member)
{
    (void)self;
    if (Py_TYPE(member) != &PyMemberDescr_Type) {
        PyErr_SetString(PyExc_TypeError, "a slot of a class is needed");
        return NULL;
    }
    return PyLong_FromSsize_t(((PyMemberDescrObject *)member)->d_member->offset);
}

#define MOST_FIELDS 32

static PyObject *class_name;

static bool are_fields(PyObject *fields)
{
    for (Py_ssize_t each = 0; each < PyTuple_GET_SIZE(fields); each++) {
        if (Py_TYPE(PyTuple_GET_ITEM(fields, each)) != &field_type) {
            PyErr_SetString(PyExc_TypeError, "fields are needed");
            return false;
        }
    }
    return PyTuple_GET_SIZE(fields) <= MOST_FIELDS;
}

// Gives an object another class. Between a class and the one below it, which adds nothing, no check is needed.
static int set_class(PyObject *object, PyObject *class)
{
    PyTypeObject *old = Py_TYPE(object), *new = (PyTypeObject *)class;
    bool is_pair = PyType_Check(class) && (new->tp_base == old || old->tp_base == new);
    if (!is_pair || new->tp_basicsize != old->tp_basicsize || new->tp_dictoffset != 0 || old->tp_dictoffset != 0 ||
        !(old->tp_flags & new->tp_flags & Py_TPFLAGS_HEAPTYPE)) {
        return PyObject_SetAttr(object, class_name, class);
    }
    Py_INCREF(new);
    Py_SET_TYPE(object, new);
    Py_DECREF(old);
    return 0;
}

static bool check_view(PyObject *const *arguments, Py_ssize_t given, Py_ssize_t count)
{
    if (given != count || !PyTuple_Check(arguments[count - 1])) {
        PyErr_Format(PyExc_TypeError, "%zd arguments are needed, of which the last has the fields", count);
        return false;
    }
    return are_fields(arguments[count - 1]);
}

// promote(object, class, address, fields): let an object be a view, with the values that it has.
static PyObject *promote(PyObject *self, PyObject *const *arguments, Py_ssize_t given)
{
    (void)self;
    PyObject *values[MOST_FIELDS];
    if (!check_view(arguments, given, 4)) {
        return NULL;
    }
    PyObject *object = arguments[0], *class = arguments[1], *address = arguments[2], *fields = arguments[3];
    Py_ssize_t count = PyTuple_GET_SIZE(fields);
    struct field *first = (struct field *)PyTuple_GET_ITEM(fields, 0);
    for (Py_ssize_t each = 0; each < count; each++) {
        struct field *field = (struct field *)PyTuple_GET_ITEM(fields, each);
        values[each] = Py_XNewRef(*(PyObject **)((char *)object + field->own));
    }
    bool failed = set_class(object, class) < 0;
    if (!failed) {
        Py_INCREF(address);
        Py_XSETREF(*(PyObject **)((char *)object + first->slot), address);
        failed = PyDict_SetItem(dirql_objects, address, object) < 0;
    }
    for (Py_ssize_t each = 0; each < count; each++) {
        if (!failed && values[each] != NULL) {
            failed = field_set((struct field *)PyTuple_GET_ITEM(fields, each), object, values[each]) < 0;
        }
        Py_XDECREF(values[each]);
    }
    return failed ? NULL : Py_NewRef(Py_None);
}

// demote(object, class, fields): let a view be a plain object again, with the values that are in memory.
static PyObject *demote(PyObject *self, PyObject *const *arguments, Py_ssize_t given)
{
    (void)self;
    PyObject *values[MOST_FIELDS] = {NULL};
    if (!check_view(arguments, given, 3)) {
        return NULL;
    }
    PyObject *object = arguments[0], *class = arguments[1], *fields = arguments[2];
    Py_ssize_t count = PyTuple_GET_SIZE(fields);
    bool failed = false;
    for (Py_ssize_t each = 0; each < count && !failed; each++) {
        values[each] = field_get((struct field *)PyTuple_GET_ITEM(fields, each), object, NULL);
        failed = values[each] == NULL;
    }
    struct field *first = (struct field *)PyTuple_GET_ITEM(fields, 0);
    PyObject *address = *(PyObject **)((char *)object + first->slot);
    failed = failed || (PyDict_DelItem(dirql_objects, address) < 0 && !PyErr_ExceptionMatches(PyExc_KeyError));
    if (!failed) {
        PyErr_Clear(); // another object may be known at the address by now
    }
    failed = failed || set_class(object, class) < 0;
    for (Py_ssize_t each = 0; each < count; each++) {
        if (failed) {
            Py_XDECREF(values[each]);
        } else {
            struct field *field = (struct field *)PyTuple_GET_ITEM(fields, each);
            Py_XSETREF(*(PyObject **)((char *)object + field->own), values[each]);
        }
    }
    return failed ? NULL : Py_NewRef(Py_None);
}

static PyMethodDef functions[] = {
    {"check_open", check_open, METH_O, "check_open(session): the number of the open machine; raises for a closed one"},
    {"promote", (PyCFunction)(void *)promote, METH_FASTCALL, "promote(object, class, address, fields)"},
    {"demote", (PyCFunction)(void *)demote, METH_FASTCALL, "demote(object, class, fields)"},
    {"slot_offset", slot_offset, METH_O, "The place of a slot in the objects of its class."},
    {NULL, NULL, 0, NULL},
};

int fields_ready(PyObject *module)
{
    class_name = PyUnicode_InternFromString("__class__");
    if (class_name == NULL) {
        return -1;
    }
    if (PyModule_AddFunctions(module, functions) < 0 || PyModule_AddType(module, &array_type) < 0) {
        return -1;
    }
    return PyModule_AddType(module, &field_type);
}
