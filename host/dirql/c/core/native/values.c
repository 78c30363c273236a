// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0
// Values on their way between C and Python.
#include "core.h"

PyObject *dirql_objects, *dirql_statuses;
static PyObject *make_status; // makes the NTSTATUS of a number
static PyObject *address_of;  // the address of an object that has none yet, or of a routine in Python
static PyObject *find_known;  // the same, but None for an object that C cannot use
static PyObject *view_slots;  // for each class of objects that are in memory, the offset of the slot with the address

// Of the IRP, whose stack locations lie behind it.
enum { IRP_CURRENT_LOCATION = 67, IRP_STACK_POINTER = 184, IRP_SIZE = 208, LOCATION_SIZE = 72 };

int values_ready(PyObject *module)
{
    dirql_objects = PyDict_New();
    dirql_statuses = PyDict_New();
    view_slots = PyDict_New();
    if (dirql_objects == NULL || dirql_statuses == NULL || view_slots == NULL) {
        return -1;
    }
    return PyModule_AddObjectRef(module, "objects", dirql_objects) |
           PyModule_AddObjectRef(module, "view_slots", view_slots);
}

PyObject *core_hooks(PyObject *self, PyObject *arguments)
{
    (void)self;
    PyObject *status, *address, *find;
    if (!PyArg_ParseTuple(arguments, "OOO", &status, &address, &find)) {
        return NULL;
    }
    Py_XSETREF(find_known, find == Py_None ? NULL : Py_NewRef(find));
    Py_XSETREF(make_status, status == Py_None ? NULL : Py_NewRef(status));
    Py_XSETREF(address_of, address == Py_None ? NULL : Py_NewRef(address));
    PyDict_Clear(dirql_statuses);
    Py_RETURN_NONE;
}

int parse_value(PyObject *pair, struct value *value)
{
    int form;
    PyObject *convert;
    if (!PyArg_ParseTuple(pair, "iO", &form, &convert)) {
        return -1;
    }
    value->form = (enum form)form;
    value->convert = convert == Py_None ? NULL : Py_NewRef(convert);
    value->kind = convert == Py_None ? NULL : PyObject_GetAttrString(convert, "kind");
    if (value->kind == NULL) {
        PyErr_Clear();
    }
    return 0;
}

void forget_value(struct value *value)
{
    Py_CLEAR(value->convert);
    Py_CLEAR(value->kind);
}

uint64_t load(enum form form, uint64_t address)
{
    switch (form) {
    case FORM_U1:
    case FORM_BOOL:
        return *(uint8_t *)address;
    case FORM_I1:
    case FORM_LOCATION:
        return (uint64_t)(int64_t) * (int8_t *)address;
    case FORM_U2:
        return *(uint16_t *)address;
    case FORM_I2:
        return (uint64_t)(int64_t) * (int16_t *)address;
    case FORM_U4:
    case FORM_STATUS:
        return *(uint32_t *)address;
    case FORM_I4:
        return (uint64_t)(int64_t) * (int32_t *)address;
    default:
        return *(uint64_t *)address;
    }
}

void store(enum form form, uint64_t address, uint64_t raw)
{
    switch (form) {
    case FORM_VOID:
        break;
    case FORM_U1:
    case FORM_I1:
    case FORM_BOOL:
        *(uint8_t *)address = (uint8_t)raw;
        break;
    case FORM_U2:
    case FORM_I2:
        *(uint16_t *)address = (uint16_t)raw;
        break;
    case FORM_U4:
    case FORM_I4:
    case FORM_STATUS:
        *(uint32_t *)address = (uint32_t)raw;
        break;
    case FORM_LOCATION: {
        uint64_t irp = address - IRP_CURRENT_LOCATION;
        *(int8_t *)address = (int8_t)raw;
        *(uint64_t *)(irp + IRP_STACK_POINTER) = irp + IRP_SIZE + (uint64_t)((int64_t)raw - 1) * LOCATION_SIZE;
        break;
    }
    default:
        *(uint64_t *)address = raw;
    }
}

PyObject *known(PyObject *table, uint64_t raw, PyObject *otherwise, bool keep)
{
    PyObject *key = PyLong_FromUnsignedLongLong(raw);
    if (key == NULL) {
        return NULL;
    }
    PyObject *found = Py_XNewRef(PyDict_GetItemWithError(table, key));
    if (found == NULL && !PyErr_Occurred()) {
        if (otherwise == NULL) {
            return key;
        }
        found = PyObject_CallOneArg(otherwise, key);
        if (found != NULL && keep && PyDict_SetItem(table, key, found) < 0) {
            Py_CLEAR(found);
        }
    }
    Py_DECREF(key);
    return found;
}

// The object at an address. One of another class lay there in a frame of the stack that has ended.
static PyObject *known_of_kind(const struct value *value, uint64_t raw)
{
    PyObject *found = known(dirql_objects, raw, value->convert, false);
    if (found == NULL || value->kind == NULL || found == Py_None || PyObject_TypeCheck(found, (PyTypeObject *)value->kind)) {
        return found;
    }
    PyObject *number = PyLong_FromUnsignedLongLong(raw);
    PyObject *made = number == NULL ? NULL : PyObject_CallOneArg(value->convert, number);
    Py_XDECREF(number);
    Py_DECREF(found);
    return made;
}

PyObject *to_python(const struct value *value, uint64_t raw)
{
    switch (value->form) {
    case FORM_VOID:
        Py_RETURN_NONE;
    case FORM_U1:
        return PyLong_FromLong((uint8_t)raw);
    case FORM_U2:
        return PyLong_FromLong((uint16_t)raw);
    case FORM_U4:
        return PyLong_FromLong((long)(uint32_t)raw);
    case FORM_U8:
        return PyLong_FromUnsignedLongLong(raw);
    case FORM_I1:
    case FORM_LOCATION:
        return PyLong_FromLong((int8_t)raw);
    case FORM_I2:
        return PyLong_FromLong((int16_t)raw);
    case FORM_I4:
        return PyLong_FromLong((int32_t)raw);
    case FORM_I8:
        return PyLong_FromLongLong((int64_t)raw);
    case FORM_BOOL:
        return PyBool_FromLong((uint8_t)raw);
    case FORM_STATUS:
        return known(dirql_statuses, (uint32_t)raw, make_status, true);
    case FORM_POINTER:
        if (raw == 0) {
            Py_RETURN_NONE;
        }
        return PyLong_FromUnsignedLongLong(raw);
    case FORM_OBJECT:
        if (raw == 0) {
            Py_RETURN_NONE;
        }
        return known_of_kind(value, raw);
    case FORM_CONVERT: {
        PyObject *number = PyLong_FromUnsignedLongLong(raw);
        PyObject *made = number == NULL ? NULL : PyObject_CallOneArg(value->convert, number);
        Py_XDECREF(number);
        return made;
    }
    }
    Py_UNREACHABLE();
}

// The address of a view or of a routine in C: 1 if it is one, 0 if not, -1 for an error.
static int own_address(PyObject *object, uint64_t *raw)
{
    if (routine_address(object, raw)) {
        return 1;
    }
    PyObject *slot = PyDict_GetItemWithError(view_slots, (PyObject *)Py_TYPE(object));
    if (slot == NULL) {
        return PyErr_Occurred() ? -1 : 0;
    }
    PyObject *address = *(PyObject **)((char *)object + PyLong_AsSsize_t(slot));
    *raw = address == NULL ? 0 : PyLong_AsUnsignedLongLongMask(address);
    return *raw == (uint64_t)-1 && PyErr_Occurred() ? -1 : 1;
}

static int ask_address(PyObject *hook, PyObject *object, uint64_t *raw)
{
    if (hook == NULL) {
        PyErr_SetString(PyExc_RuntimeError, "no machine with drivers in C is open");
        return -1;
    }
    PyObject *address = PyObject_CallOneArg(hook, object);
    if (address == NULL) {
        return -1;
    }
    int found = address != Py_None;
    *raw = found ? PyLong_AsUnsignedLongLongMask(address) : 0;
    Py_DECREF(address);
    return *raw == (uint64_t)-1 && PyErr_Occurred() ? -1 : found;
}

int known_address(PyObject *object, uint64_t *raw)
{
    if (object == Py_None) {
        *raw = 0;
        return 1;
    }
    if (PyLong_Check(object)) {
        *raw = PyLong_AsUnsignedLongLongMask(object);
        return *raw == (uint64_t)-1 && PyErr_Occurred() ? -1 : 1;
    }
    int found = own_address(object, raw);
    return found ? found : ask_address(find_known, object, raw);
}

// The address of an object, which gets one if it has none.
static int find_address(PyObject *object, uint64_t *raw)
{
    int found = own_address(object, raw);
    return (found ? found : ask_address(address_of, object, raw)) < 0 ? -1 : 0;
}

int from_python(const struct value *value, PyObject *object, uint64_t *raw)
{
    if (value->form == FORM_VOID) {
        *raw = 0;
        return 0;
    }
    if (value->form == FORM_BOOL) {
        int truth = PyObject_IsTrue(object);
        *raw = truth > 0;
        return truth < 0 ? -1 : 0;
    }
    if (object == Py_None) {
        *raw = 0;
        return 0;
    }
    if (PyLong_Check(object)) {
        *raw = PyLong_AsUnsignedLongLongMask(object);
        return *raw == (uint64_t)-1 && PyErr_Occurred() ? -1 : 0;
    }
    return find_address(object, raw);
}
