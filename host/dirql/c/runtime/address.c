/* SPDX-FileCopyrightText: dirql contributors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The checks that gcc's address sanitizer calls, in images that are compiled with it. Each 8 bytes of memory have a byte
 * of shadow: 0 if all may be used, 1 to 7 if only so many of the first, else the kind of memory that may not. The core
 * maps the shadow before the image is loaded, and marks blocks of pool in it; gcc's code marks its own variables.
 */
#include <wdm.h>

#define SHADOW_OF(address) ((UCHAR *)(DIRQL_SHADOW + ((ULONG_PTR)(address) >> 3)))
#define HIGHEST (1ull << 47)
#define LONGEST (1ull << 30) /* bytes that one access is checked for */
#define WRITTEN 0x100u
#define STACK_FIRST 0xF1
#define STACK_LAST 0xF4
#define SCOPE 0xF8
#define GLOBAL 0xF9
#define FRAME_MARK 0x41B58AB3
#define FRAME_LIMIT 0x6000
#define MOST_TABLES 256

/* A variable of the image, as gcc describes it. */
struct global {
    ULONG_PTR begin, size, size_with_zone;
    const char *name, *file;
    ULONG_PTR is_dynamic, place, indicator;
};

/* Stops the system; `kind` is the byte of shadow, and WRITTEN if it is so. */
VOID dirql_address_error(ULONG_PTR where, ULONG_PTR access, SIZE_T size, ULONG kind, const char *text, ULONG_PTR place);

static struct {
    const struct global *globals;
    SIZE_T count;
} tables[MOST_TABLES];
static ULONG table_count;

static const char *name_of_global(ULONG_PTR where, ULONG_PTR *place)
{
    for (ULONG table = 0; table < table_count; table++) {
        for (SIZE_T each = 0; each < tables[table].count; each++) {
            const struct global *global = &tables[table].globals[each];

            if (where >= global->begin && where < global->begin + global->size_with_zone) {
                *place = where - global->begin;
                return global->name;
            }
        }
    }
    return NULL;
}

/* gcc's list of the variables in the frame that holds an address. */
static const char *frame_of(ULONG_PTR where, ULONG_PTR *place)
{
    ULONG_PTR frame = where & ~7ull;

    for (ULONG_PTR left = FRAME_LIMIT; left > 0 && *SHADOW_OF(frame) != STACK_FIRST; left -= 8) {
        frame -= 8;
    }
    while (*SHADOW_OF(frame - 8) == STACK_FIRST) {
        frame -= 8;
    }
    if (*SHADOW_OF(frame) != STACK_FIRST || *(ULONG_PTR *)frame != FRAME_MARK) {
        return NULL;
    }
    *place = where - frame;
    return ((const char **)frame)[1];
}

static VOID refuse(ULONG_PTR where, ULONG_PTR access, SIZE_T size, ULONG written)
{
    const UCHAR *shadow = SHADOW_OF(where);
    ULONG kind = *shadow < 8 && shadow[1] >= 0x80 ? shadow[1] : *shadow; /* what lies behind a part of 8 bytes */
    ULONG_PTR place = 0;
    const char *text = NULL;

    if (kind == GLOBAL) {
        text = name_of_global(where, &place);
    } else if ((kind >= STACK_FIRST && kind <= STACK_LAST) || kind == SCOPE) {
        text = frame_of(where, &place);
    }
    dirql_address_error(where, access, size, kind | written, text, place);
}

static inline VOID check(ULONG_PTR address, SIZE_T size, ULONG written)
{
    ULONG_PTR end = address + (size < LONGEST ? size : LONGEST);

    if (size == 0 || end > HIGHEST) {
        return; /* the access itself is a fault */
    }
    for (ULONG_PTR each = address & ~7ull; each < end; each += 8) {
        UCHAR shadow = *SHADOW_OF(each);

        if (shadow != 0 && (shadow >= 8 || each + shadow < end)) {
            ULONG_PTR first = shadow < 8 ? each + shadow : each;

            refuse(first > address ? first : address, address, size, written);
            return;
        }
    }
}

#define CHECKS(size)                                                                                                 \
    VOID __asan_load##size##_noabort(ULONG_PTR address);                                                             \
    VOID __asan_store##size##_noabort(ULONG_PTR address);                                                            \
    VOID __asan_load##size##_noabort(ULONG_PTR address)                                                              \
    {                                                                                                                \
        check(address, size, 0);                                                                                     \
    }                                                                                                                \
    VOID __asan_store##size##_noabort(ULONG_PTR address)                                                             \
    {                                                                                                                \
        check(address, size, WRITTEN);                                                                               \
    }
CHECKS(1)
CHECKS(2)
CHECKS(4)
CHECKS(8)
CHECKS(16)

VOID __asan_loadN_noabort(ULONG_PTR address, SIZE_T size);
VOID __asan_storeN_noabort(ULONG_PTR address, SIZE_T size);
VOID __asan_poison_stack_memory(ULONG_PTR address, SIZE_T size);
VOID __asan_unpoison_stack_memory(ULONG_PTR address, SIZE_T size);
VOID __asan_register_globals(const struct global *globals, SIZE_T count);
VOID __asan_unregister_globals(const struct global *globals, SIZE_T count);
VOID __asan_handle_no_return(VOID);

VOID __asan_loadN_noabort(ULONG_PTR address, SIZE_T size)
{
    check(address, size, 0);
}

VOID __asan_storeN_noabort(ULONG_PTR address, SIZE_T size)
{
    check(address, size, WRITTEN);
}

/* Marks memory that begins a group of 8 bytes. */
static VOID mark(ULONG_PTR address, SIZE_T size, UCHAR kind)
{
    for (; size >= 8; address += 8, size -= 8) {
        *SHADOW_OF(address) = kind;
    }
    if (size > 0) {
        *SHADOW_OF(address) = kind == 0 ? (UCHAR)size : kind;
    }
}

VOID __asan_poison_stack_memory(ULONG_PTR address, SIZE_T size)
{
    mark(address, size, SCOPE);
}

VOID __asan_unpoison_stack_memory(ULONG_PTR address, SIZE_T size)
{
    mark(address, size, 0);
}

VOID __asan_register_globals(const struct global *globals, SIZE_T count)
{
    if (table_count < MOST_TABLES) {
        tables[table_count].globals = globals;
        tables[table_count++].count = count;
    }
    for (SIZE_T each = 0; each < count; each++) {
        mark(globals[each].begin, globals[each].size_with_zone, GLOBAL);
        mark(globals[each].begin, globals[each].size, 0);
    }
}

VOID __asan_unregister_globals(const struct global *globals, SIZE_T count)
{
    for (SIZE_T each = 0; each < count; each++) {
        mark(globals[each].begin, globals[each].size_with_zone, 0);
    }
}

/* The core clears the shadow of frames that are dropped. */
VOID __asan_handle_no_return(VOID)
{
}
