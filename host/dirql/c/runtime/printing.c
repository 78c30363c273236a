/* SPDX-FileCopyrightText: dirql contributors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The routines that make a text of a format and its arguments: messages to the debugger, and the C library's.
 */
#include <wdm.h>
#include <errno.h>
#include <stdio.h>
#include <wchar.h>

#include "text.h"

#define MOST_BYTES 512

/* Takes a message in UTF-8; the core has it. */
ULONG dirql_debug_print(ULONG component, ULONG level, const char *text, ULONG length);

static ULONG print(PCSTR prefix, ULONG component, ULONG level, PCSTR format, va_list arguments)
{
    char buffer[MOST_BYTES];
    struct dirql_text text = {DIRQL_UTF8, buffer, sizeof buffer, 0};

    while (*prefix != 0) {
        dirql_put(&text, dirql_from_ansi((UCHAR)*prefix++));
    }
    dirql_format(&text, FALSE, format, arguments);
    return dirql_debug_print(component, level, buffer, (ULONG)(text.length < sizeof buffer ? text.length : sizeof buffer));
}

ULONG DbgPrint(PCSTR Format, ...)
{
    va_list arguments;
    ULONG status;

    va_start(arguments, Format);
    status = print("", DPFLTR_DEFAULT_ID, DPFLTR_INFO_LEVEL, Format, arguments);
    va_end(arguments);
    return status;
}

ULONG DbgPrintEx(ULONG ComponentId, ULONG Level, PCSTR Format, ...)
{
    va_list arguments;
    ULONG status;

    va_start(arguments, Format);
    status = print("", ComponentId, Level, Format, arguments);
    va_end(arguments);
    return status;
}

ULONG vDbgPrintEx(ULONG ComponentId, ULONG Level, PCSTR Format, va_list arglist)
{
    return print("", ComponentId, Level, Format, arglist);
}

ULONG vDbgPrintExWithPrefix(PCSTR Prefix, ULONG ComponentId, ULONG Level, PCSTR Format, va_list arglist)
{
    return print(Prefix, ComponentId, Level, Format, arglist);
}

/* A text that does not fit is cut, and -1 returned; without room for its NUL it ends without one. */
static int put_counted(struct dirql_text *text, BOOLEAN is_wide, const void *format, va_list arguments)
{
    dirql_format(text, is_wide, format, arguments);
    if (text->length < text->capacity) {
        dirql_put(text, 0);
        return (int)text->length - 1;
    }
    return text->length == text->capacity ? (int)text->length : -1;
}

int _vsnprintf(char *buffer, size_t count, const char *format, va_list arguments)
{
    struct dirql_text text = {DIRQL_ANSI, buffer, count, 0};

    return put_counted(&text, FALSE, format, arguments);
}

int _vsnwprintf(wchar_t *buffer, size_t count, const wchar_t *format, va_list arguments)
{
    struct dirql_text text = {DIRQL_UTF16, buffer, count, 0};

    return put_counted(&text, TRUE, format, arguments);
}

int vsprintf(char *buffer, const char *format, va_list arguments)
{
    return _vsnprintf(buffer, MAXLONG, format, arguments);
}

int vswprintf(wchar_t *buffer, const wchar_t *format, va_list arguments)
{
    return _vsnwprintf(buffer, MAXLONG, format, arguments);
}

int _snprintf(char *buffer, size_t count, const char *format, ...)
{
    va_list arguments;
    int length;

    va_start(arguments, format);
    length = _vsnprintf(buffer, count, format, arguments);
    va_end(arguments);
    return length;
}

int _snwprintf(wchar_t *buffer, size_t count, const wchar_t *format, ...)
{
    va_list arguments;
    int length;

    va_start(arguments, format);
    length = _vsnwprintf(buffer, count, format, arguments);
    va_end(arguments);
    return length;
}

int sprintf(char *buffer, const char *format, ...)
{
    va_list arguments;
    int length;

    va_start(arguments, format);
    length = vsprintf(buffer, format, arguments);
    va_end(arguments);
    return length;
}

int swprintf(wchar_t *buffer, const wchar_t *format, ...)
{
    va_list arguments;
    int length;

    va_start(arguments, format);
    length = vswprintf(buffer, format, arguments);
    va_end(arguments);
    return length;
}

/* The routines that know the size of the buffer: a text that does not fit leaves an empty one, and -1. */

int _vsnprintf_s(char *buffer, size_t size, size_t count, const char *format, va_list arguments)
{
    struct dirql_text text = {DIRQL_ANSI, buffer, count < size ? count : size, 0};

    if (buffer == NULL || size == 0 || format == NULL) {
        return -1;
    }
    dirql_format(&text, FALSE, format, arguments);
    if (text.length < size && text.length <= count) {
        buffer[text.length] = 0;
        return (int)text.length;
    }
    buffer[count < size ? count : count == _TRUNCATE ? size - 1 : 0] = 0;
    return -1;
}

int _vsnwprintf_s(wchar_t *buffer, size_t size, size_t count, const wchar_t *format, va_list arguments)
{
    struct dirql_text text = {DIRQL_UTF16, buffer, count < size ? count : size, 0};

    if (buffer == NULL || size == 0 || format == NULL) {
        return -1;
    }
    dirql_format(&text, TRUE, format, arguments);
    if (text.length < size && text.length <= count) {
        buffer[text.length] = 0;
        return (int)text.length;
    }
    buffer[count < size ? count : count == _TRUNCATE ? size - 1 : 0] = 0;
    return -1;
}

int vsprintf_s(char *buffer, size_t size, const char *format, va_list arguments)
{
    return _vsnprintf_s(buffer, size, size, format, arguments);
}

int vswprintf_s(wchar_t *buffer, size_t size, const wchar_t *format, va_list arguments)
{
    return _vsnwprintf_s(buffer, size, size, format, arguments);
}

int _vscprintf(const char *format, va_list arguments)
{
    struct dirql_text text = {DIRQL_ANSI, NULL, 0, 0};

    dirql_format(&text, FALSE, format, arguments);
    return (int)text.length;
}

int _vscwprintf(const wchar_t *format, va_list arguments)
{
    struct dirql_text text = {DIRQL_UTF16, NULL, 0, 0};

    dirql_format(&text, TRUE, format, arguments);
    return (int)text.length;
}

#define WITH_LIST(call)                                                                                              \
    {                                                                                                                \
        va_list arguments;                                                                                           \
        int length;                                                                                                  \
                                                                                                                     \
        va_start(arguments, format);                                                                                 \
        length = call;                                                                                               \
        va_end(arguments);                                                                                           \
        return length;                                                                                               \
    }

int sprintf_s(char *buffer, size_t size, const char *format, ...)
WITH_LIST(vsprintf_s(buffer, size, format, arguments))

int swprintf_s(wchar_t *buffer, size_t size, const wchar_t *format, ...)
WITH_LIST(vswprintf_s(buffer, size, format, arguments))

int _snprintf_s(char *buffer, size_t size, size_t count, const char *format, ...)
WITH_LIST(_vsnprintf_s(buffer, size, count, format, arguments))

int _snwprintf_s(wchar_t *buffer, size_t size, size_t count, const wchar_t *format, ...)
WITH_LIST(_vsnwprintf_s(buffer, size, count, format, arguments))

int _scprintf(const char *format, ...)
WITH_LIST(_vscprintf(format, arguments))

int _scwprintf(const wchar_t *format, ...)
WITH_LIST(_vscwprintf(format, arguments))
