/* SPDX-FileCopyrightText: dirql contributors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The safe string routines of ntstrsafe.h. A text that does not fit is cut, ends with a NUL, and gives
 * STATUS_BUFFER_OVERFLOW; a buffer without room for a NUL gives STATUS_INVALID_PARAMETER.
 */
#include <ntstrsafe.h>
#include <string.h>

#include "text.h"

#define HANDLED_FLAGS (STRSAFE_NO_TRUNCATION | STRSAFE_FILL_ON_FAILURE | STRSAFE_NULL_ON_FAILURE)
#define VALID_FLAGS (0xffU | STRSAFE_FILL_BEHIND_NULL | STRSAFE_IGNORE_NULLS | HANDLED_FLAGS)

/* A text of at most `most` characters, or a format and its arguments. */
struct source {
    const void *text;
    SIZE_T most;
    BOOLEAN is_format;
    va_list *arguments;
};

/* Where the extended routines put the end of the text, and what is left there, in units of `size`. */
struct result {
    void **end;
    SIZE_T *left;
    SIZE_T size;
};

static void give(const struct result *result, void *end, SIZE_T left)
{
    if (result->end != NULL) {
        *result->end = end;
    }
    if (result->left != NULL) {
        *result->left = left * result->size;
    }
}

#define JOIN(kind, name, letter) RtlString##kind##name##letter
#define JOINED(kind, name, letter) JOIN(kind, name, letter)

#define CHARACTER char
#define ENCODING DIRQL_ANSI
#define IS_WIDE FALSE
#define LENGTH(text, most) strnlen((text), (most))
#define OF(name) name##_a
#define NAME(kind, name) JOINED(kind, name, A)
#include "safe_strings.inc"
#undef CHARACTER
#undef ENCODING
#undef IS_WIDE
#undef LENGTH
#undef OF
#undef NAME

#define CHARACTER wchar_t
#define ENCODING DIRQL_UTF16
#define IS_WIDE TRUE
#define LENGTH(text, most) wcsnlen((text), (most))
#define OF(name) name##_w
#define NAME(kind, name) JOINED(kind, name, W)
#include "safe_strings.inc"

NTSTATUS RtlUnicodeStringVPrintf(PUNICODE_STRING DestinationString, PCWSTR pszFormat, va_list argList)
{
    struct dirql_text text = {DIRQL_UTF16, NULL, 0, 0};

    if (DestinationString == NULL || DestinationString->Buffer == NULL) {
        return STATUS_INVALID_PARAMETER;
    }
    text.buffer = DestinationString->Buffer;
    text.capacity = DestinationString->MaximumLength / sizeof(WCHAR);
    dirql_format(&text, TRUE, pszFormat, argList);
    DestinationString->Length =
        (USHORT)((text.length < text.capacity ? text.length : text.capacity) * sizeof(WCHAR));
    return text.length <= text.capacity ? STATUS_SUCCESS : STATUS_BUFFER_OVERFLOW;
}

NTSTATUS RtlUnicodeStringPrintf(PUNICODE_STRING DestinationString, PCWSTR pszFormat, ...)
{
    va_list arguments;
    NTSTATUS status;

    va_start(arguments, pszFormat);
    status = RtlUnicodeStringVPrintf(DestinationString, pszFormat, arguments);
    va_end(arguments);
    return status;
}
