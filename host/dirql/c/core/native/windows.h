// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0
// Images for Windows: what windows.c knows of them, and unwind.c's exceptions. Neither Python's headers nor those of
// drivers are needed here.
#ifndef DIRQL_WINDOWS_H
#define DIRQL_WINDOWS_H

struct windows_image {
    struct windows_image *next;
    unsigned long long base, size;
    unsigned functions, function_count; // the place of the table of functions (.pdata) in the image, and their number
};

struct _EXCEPTION_RECORD;
struct _CONTEXT;

// windows.c
const struct windows_image *dirql_windows_image(unsigned long long address);
// The innermost handler that runs in the present entry of the driver.
void **dirql_windows_running(void);
// The frames of this stack below an address are forgotten.
void dirql_windows_leave(unsigned long long sp);

// windows.S
void dirql_windows_resume(const struct _CONTEXT *context) __attribute__((noreturn));

// unwind.c
int dirql_windows_raise_behind(const unsigned long long *frame, unsigned int code, unsigned long long address, int is_write);
int dirql_windows_raise_at(unsigned long long *registers, unsigned char *vectors, unsigned int code,
                           unsigned long long address, int is_write, int is_access);
#endif
