// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0
// The extension module.
#include "core.h"

PyObject *core_probe(PyObject *self, PyObject *arguments);

static PyMethodDef functions[] = {
    {"hooks", core_hooks, METH_VARARGS, "hooks(make_status, address_of, find_known)"},
    {"begin_shadow", core_begin_shadow, METH_VARARGS, "begin_shadow(address)"},
    {"end_shadow", core_end_shadow, METH_NOARGS, "end_shadow()"},
    {"mark_block", core_mark_block, METH_VARARGS, "mark_block(start, address, size, end, kind)"},
    {"reserve", core_reserve, METH_VARARGS, "reserve(address, size)"},
    {"release", core_release, METH_VARARGS, "release(address, size)"},
    {"map_pages", core_map, METH_VARARGS, "map_pages(address, file, offset, size, protection)"},
    {"unmap_pages", core_unmap, METH_VARARGS, "unmap_pages(address, size)"},
    {"open_image", core_open_image, METH_VARARGS, "open_image(path)"},
    {"close_image", core_close_image, METH_VARARGS, "close_image(handle)"},
    {"symbol", core_symbol, METH_VARARGS, "symbol(handle, name)"},
    {"read_bytes", core_read, METH_VARARGS, "read_bytes(address, size)"},
    {"write_bytes", core_write, METH_VARARGS, "write_bytes(address, data)"},
    {"watch", core_watch, METH_VARARGS, "watch(demand_hook, seconds)"},
    {"set_demand", core_set_demand, METH_O, "set_demand(number)"},
    {"open_windows_image", core_open_windows, METH_VARARGS, "open_windows_image(size, functions, count)"},
    {"close_windows_image", core_close_windows, METH_O, "close_windows_image(base)"},
    {"protect_pages", core_protect, METH_VARARGS, "protect_pages(address, size, protection)"},
    {"windows_runtime_address", core_windows_runtime, METH_VARARGS, "windows_runtime_address(index, routine)"},
    {"probe", core_probe, METH_VARARGS, "probe(address, size, write)"},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "dirql_c_core", "The core for drivers in C.", -1, functions, NULL, NULL, NULL, NULL};

__attribute__((visibility("default"))) PyMODINIT_FUNC PyInit_dirql_c_core(void)
{
    PyObject *module = PyModule_Create(&definition);
    if (module == NULL || values_ready(module) < 0 || fields_ready(module) < 0 || calls_ready(module) < 0 ||
        routines_ready(module) < 0) {
        Py_XDECREF(module);
        return NULL;
    }
    return module;
}
