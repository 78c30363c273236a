/* SPDX-FileCopyrightText: dirql contributors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Texts that are made of a format and its arguments, shared by the files of the runtime.
 */
#ifndef DIRQL_RUNTIME_TEXT_H
#define DIRQL_RUNTIME_TEXT_H

#include <ntdef.h>

enum dirql_encoding { DIRQL_ANSI, DIRQL_UTF16, DIRQL_UTF8 };

/* A buffer that is filled from its beginning. */
struct dirql_text {
    enum dirql_encoding encoding;
    void *buffer;
    SIZE_T capacity; /* in characters of the encoding */
    SIZE_T length;   /* what the whole text would take; more than `capacity` if it was cut */
};

/* Append a character of UTF-16. */
void dirql_put(struct dirql_text *text, WCHAR unit);

/* Append a formatted text. With `is_wide` the format consists of UTF-16 characters, else of ANSI characters. */
void dirql_format(struct dirql_text *text, BOOLEAN is_wide, const void *format, va_list arguments);

/* A character of the ANSI code page (1252) in UTF-16, and back; "?" where there is none. */
WCHAR dirql_from_ansi(UCHAR character);
UCHAR dirql_to_ansi(WCHAR unit);

#endif
