// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0
// The memory of the process at the addresses of the machine, and the images of drivers.
#define _GNU_SOURCE
#include "core.h"

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <sys/mman.h>

// reserve(address, size): keep other mappings of the process out of a range.
PyObject *core_reserve(PyObject *self, PyObject *arguments)
{
    (void)self;
    unsigned long long address, size;
    if (!PyArg_ParseTuple(arguments, "KK", &address, &size)) {
        return NULL;
    }
    void *got = mmap((void *)address, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE,
                     -1, 0);
    if (got == MAP_FAILED) {
        return PyErr_SetFromErrno(PyExc_OSError);
    }
    if (got != (void *)address) { // an old kernel that does not know MAP_FIXED_NOREPLACE
        munmap(got, size);
        errno = EEXIST;
        return PyErr_SetFromErrno(PyExc_OSError);
    }
    Py_RETURN_NONE;
}

// release(address, size): let the process have a range again that was reserved.
PyObject *core_release(PyObject *self, PyObject *arguments)
{
    (void)self;
    unsigned long long address, size;
    if (!PyArg_ParseTuple(arguments, "KK", &address, &size)) {
        return NULL;
    }
    return munmap((void *)address, size) == 0 ? Py_NewRef(Py_None) : PyErr_SetFromErrno(PyExc_OSError);
}

// map_pages(address, fd, offset, size, protection): bytes of a file in the place of what is there.
PyObject *core_map(PyObject *self, PyObject *arguments)
{
    (void)self;
    unsigned long long address, offset, size;
    int file, protection;
    if (!PyArg_ParseTuple(arguments, "KiKKi", &address, &file, &offset, &size, &protection)) {
        return NULL;
    }
    if (mmap((void *)address, size, protection, MAP_SHARED | MAP_FIXED, file, (off_t)offset) == MAP_FAILED) {
        return PyErr_SetFromErrno(PyExc_OSError);
    }
    Py_RETURN_NONE;
}

// unmap_pages(address, size): nothing can be read or written there any more; the range stays reserved.
PyObject *core_unmap(PyObject *self, PyObject *arguments)
{
    (void)self;
    unsigned long long address, size;
    if (!PyArg_ParseTuple(arguments, "KK", &address, &size)) {
        return NULL;
    }
    if (mmap((void *)address, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) ==
        MAP_FAILED) {
        return PyErr_SetFromErrno(PyExc_OSError);
    }
    Py_RETURN_NONE;
}

// open_image(path): (handle, base address).
PyObject *core_open_image(PyObject *self, PyObject *arguments)
{
    (void)self;
    const char *path;
    if (!PyArg_ParseTuple(arguments, "s", &path)) {
        return NULL;
    }
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    struct link_map *map = NULL;
    if (handle == NULL || dlinfo(handle, RTLD_DI_LINKMAP, &map) != 0) {
        PyErr_SetString(PyExc_OSError, dlerror());
        return NULL;
    }
    return Py_BuildValue("KK", (unsigned long long)handle, (unsigned long long)map->l_addr);
}

PyObject *core_close_image(PyObject *self, PyObject *arguments)
{
    (void)self;
    unsigned long long handle;
    if (!PyArg_ParseTuple(arguments, "K", &handle)) {
        return NULL;
    }
    dlclose((void *)handle);
    Py_RETURN_NONE;
}

// symbol(handle, name): the address, 0 if the image has no such symbol; handle 0 is the core itself.
PyObject *core_symbol(PyObject *self, PyObject *arguments)
{
    (void)self;
    unsigned long long handle;
    const char *name;
    if (!PyArg_ParseTuple(arguments, "Ks", &handle, &name)) {
        return NULL;
    }
    return PyLong_FromUnsignedLongLong((unsigned long long)dlsym((void *)handle, name));
}

// read_bytes(address, size) and write_bytes(address, data): memory that is known to be there.
PyObject *core_read(PyObject *self, PyObject *arguments)
{
    (void)self;
    unsigned long long address;
    Py_ssize_t size;
    if (!PyArg_ParseTuple(arguments, "Kn", &address, &size)) {
        return NULL;
    }
    return PyBytes_FromStringAndSize((const char *)address, size);
}

PyObject *core_write(PyObject *self, PyObject *arguments)
{
    (void)self;
    unsigned long long address;
    Py_buffer data;
    if (!PyArg_ParseTuple(arguments, "Ky*", &address, &data)) {
        return NULL;
    }
    memcpy((void *)address, data.buf, (size_t)data.len);
    PyBuffer_Release(&data);
    Py_RETURN_NONE;
}
