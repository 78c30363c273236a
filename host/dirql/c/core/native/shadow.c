// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0
// The shadow of the address sanitizer: a byte for each 8 of the process, which runtime/address.c explains.
#define _GNU_SOURCE
#include "core.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#define SHADOW_SIZE (1ull << 44)

static uint8_t *shadow; // NULL until a driver needs it
static bool used;
extern void (*dirql_seh_dropped)(void *stack_pointer);

static uint8_t *shadow_of(uint64_t address)
{
    return shadow + (address >> 3);
}

void clear_shadow(uint64_t address, uint64_t end)
{
    if (used && end > address) {
        memset(shadow_of(address), 0, ((end + 7) >> 3) - (address >> 3));
    }
}

static void forget_frames(void *stack_pointer)
{
    if (dirql_current != NULL) {
        clear_shadow(dirql_current->base, (uint64_t)stack_pointer);
    }
}

// begin_shadow(address): map the shadow there; all of it lets everything be used.
PyObject *core_begin_shadow(PyObject *self, PyObject *arguments)
{
    (void)self;
    unsigned long long address;
    if (!PyArg_ParseTuple(arguments, "K", &address)) {
        return NULL;
    }
    if (shadow == NULL) {
        void *got = mmap((void *)address, SHADOW_SIZE, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
        if (got == MAP_FAILED || got != (void *)address) {
            if (got != MAP_FAILED) { // an old kernel that does not know MAP_FIXED_NOREPLACE
                munmap(got, SHADOW_SIZE);
                errno = EEXIST;
            }
            return PyErr_SetFromErrno(PyExc_OSError);
        }
        madvise(got, SHADOW_SIZE, MADV_DONTDUMP);
        shadow = got;
    }
    used = true;
    dirql_seh_dropped = forget_frames;
    Py_RETURN_NONE;
}

// end_shadow(): the machine has closed, and its marks mean nothing.
PyObject *core_end_shadow(PyObject *self, PyObject *none)
{
    (void)self;
    (void)none;
    if (used) {
        madvise(shadow, SHADOW_SIZE, MADV_DONTNEED);
    }
    used = false;
    dirql_seh_dropped = NULL;
    Py_RETURN_NONE;
}

// mark_block(start, address, size, end, kind): of the memory from start to end, only `size` bytes at `address` may be used.
PyObject *core_mark_block(PyObject *self, PyObject *arguments)
{
    (void)self;
    unsigned long long start, address, size, end;
    int kind;
    if (!PyArg_ParseTuple(arguments, "KKKKi", &start, &address, &size, &end, &kind)) {
        return NULL;
    }
    if (used) {
        memset(shadow_of(start), kind, (end >> 3) - (start >> 3));
        memset(shadow_of(address), 0, size >> 3);
        if (size & 7) {
            *shadow_of(address + size) = size & 7;
        }
    }
    Py_RETURN_NONE;
}
