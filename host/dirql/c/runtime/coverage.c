// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0
//
// The counts of gcov of an image whose driver is compiled for coverage. The machine's close asks for them (core/images.py).
// gcc lists the counts of each source in the section dirql_counts, and its library writes them in gcov's format.

#include <stddef.h>

struct gcov_info;

extern void __gcov_info_to_gcda(const struct gcov_info *counts, void (*name)(const char *, void *),
                                void (*write)(const void *, unsigned, void *), void *(*allocate)(unsigned, void *),
                                void *context);

extern const struct gcov_info *const __start_dirql_counts[] __attribute__((visibility("hidden")));
extern const struct gcov_info *const __stop_dirql_counts[] __attribute__((visibility("hidden")));

// What gcc's library takes from elsewhere, and does not use: the counts of drivers are added up outside, and are none of
// values.
void __gcov_merge_add(long long *counts, unsigned number)
{
    (void)counts, (void)number;
}

void abort(void)
{
    __builtin_trap();
}

void *mmap(void *address, size_t length, int protection, int flags, int file, long long offset)
{
    (void)address, (void)length, (void)protection, (void)flags, (void)file, (void)offset;
    return (void *)-1;
}

static void *allocate_nothing(unsigned length, void *context)
{
    (void)length, (void)context;
    return NULL;
}

// Calls `name` with the file of each source, and `write` with the parts of its contents.
__attribute__((visibility("default"))) void dirql_write_counts(void (*name)(const char *, void *),
                                                               void (*write)(const void *, unsigned, void *))
{
    for (const struct gcov_info *const *each = __start_dirql_counts; each != __stop_dirql_counts; each++)
        __gcov_info_to_gcda(*each, name, write, allocate_nothing, NULL);
}
