// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0
// Images for Windows, which have Microsoft's calling convention: their places, the calls of their routines, and the routines
// that they take from outside the kernel.
#define _GNU_SOURCE
#include "core.h"
#include "windows.h"

#include <string.h>
#include <sys/mman.h>

__attribute__((visibility("hidden"))) uint64_t dirql_windows_routines[WINDOWS_ROUTINES]; // of the runtime
extern const uint8_t dirql_windows_runtime_table[];

static struct windows_image *images;

__attribute__((visibility("hidden"))) const struct windows_image *dirql_windows_image(unsigned long long address)
{
    for (const struct windows_image *each = images; each != NULL; each = each->next) {
        if (address - each->base < each->size) {
            return each;
        }
    }
    return NULL;
}

__attribute__((visibility("hidden"))) void **dirql_windows_running(void)
{
    return &dirql_current->running;
}

__attribute__((visibility("hidden"))) void dirql_windows_leave(unsigned long long sp)
{
    struct driver_stack *stack = dirql_current;
    while (stack->running != NULL && (uint64_t)stack->running < sp) {
        stack->running = *(void **)stack->running;
    }
    while (stack->borrowed != 0 && stack->borrowed < sp) {
        stack->borrowed = *(uint64_t *)(stack->borrowed - 288);
    }
}

typedef uint64_t __attribute__((ms_abi)) routine_of_4(uint64_t, uint64_t, uint64_t, uint64_t);
typedef uint64_t __attribute__((ms_abi))
routine_of_16(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t,
              uint64_t, uint64_t, uint64_t, uint64_t, uint64_t);

// On the driver's stack: calls a routine of an image for Windows.
uint64_t dirql_call_windows(uint64_t routine, const uint64_t *a, uint64_t count)
{
    if (count <= 4) {
        return ((routine_of_4 *)routine)(a[0], a[1], a[2], a[3]);
    }
    return ((routine_of_16 *)routine)(a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], a[8], a[9], a[10], a[11], a[12],
                                      a[13], a[14], a[15]);
}

// open_windows_image(size, functions, count): the base of new memory for an image, whose table of functions is known.
PyObject *core_open_windows(PyObject *self, PyObject *arguments)
{
    (void)self;
    unsigned long long size;
    unsigned int functions, count;
    if (!PyArg_ParseTuple(arguments, "KII", &size, &functions, &count)) {
        return NULL;
    }
    struct windows_image *image = PyMem_Calloc(1, sizeof *image);
    if (image == NULL) {
        return PyErr_NoMemory();
    }
    void *base = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base == MAP_FAILED) {
        PyMem_Free(image);
        return PyErr_SetFromErrno(PyExc_OSError);
    }
    *image = (struct windows_image){images, (uint64_t)base, size, functions, count};
    images = image;
    return PyLong_FromUnsignedLongLong((uint64_t)base);
}

// close_windows_image(base)
PyObject *core_close_windows(PyObject *self, PyObject *base)
{
    (void)self;
    uint64_t wanted = PyLong_AsUnsignedLongLong(base);
    for (struct windows_image **each = &images; *each != NULL; each = &(*each)->next) {
        if ((*each)->base == wanted) {
            struct windows_image *image = *each;
            *each = image->next;
            munmap((void *)image->base, image->size);
            PyMem_Free(image);
            break;
        }
    }
    return PyErr_Occurred() ? NULL : Py_NewRef(Py_None);
}

// protect_pages(address, size, protection)
PyObject *core_protect(PyObject *self, PyObject *arguments)
{
    (void)self;
    unsigned long long address, size;
    int protection;
    if (!PyArg_ParseTuple(arguments, "KKi", &address, &size, &protection)) {
        return NULL;
    }
    return mprotect((void *)address, size, protection) == 0 ? Py_NewRef(Py_None) : PyErr_SetFromErrno(PyExc_OSError);
}

// windows_runtime_address(index, routine): the entry point of a routine of the runtime.
PyObject *core_windows_runtime(PyObject *self, PyObject *arguments)
{
    (void)self;
    unsigned int index;
    unsigned long long routine;
    if (!PyArg_ParseTuple(arguments, "IK", &index, &routine)) {
        return NULL;
    }
    if (index >= WINDOWS_ROUTINES) {
        PyErr_SetString(PyExc_ValueError, "the runtime has too many routines");
        return NULL;
    }
    dirql_windows_routines[index] = routine;
    return PyLong_FromUnsignedLongLong((uint64_t)(dirql_windows_runtime_table + 16 * index));
}
