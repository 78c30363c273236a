/* SPDX-FileCopyrightText: dirql contributors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Memory routines of the image itself. Nothing here may be made into a call of itself, so loops that copy are
 * instructions.
 */
#include <ctype.h>
#include <errno.h>
#include <ntdef.h>
#include <string.h>

/* Gives a routine that calls no other a frame, by which a report of a fault in it finds the routine that has called it. */
#define WITH_FRAME() __asm__ volatile("" : : "r"(__builtin_frame_address(0)))

/* Instructions that copy are checked by hand, since the address sanitizer sees none in them. */
#ifdef __SANITIZE_ADDRESS__
VOID __asan_loadN_noabort(ULONG_PTR address, SIZE_T size);
VOID __asan_storeN_noabort(ULONG_PTR address, SIZE_T size);
#define CHECK_READ(address, length) __asan_loadN_noabort((ULONG_PTR)(address), (length))
#define CHECK_WRITE(address, length) __asan_storeN_noabort((ULONG_PTR)(address), (length))
#else
#define CHECK_READ(address, length)
#define CHECK_WRITE(address, length)
#endif

size_t dirql_equal_bytes(const void *first, const void *second, size_t length);
VOID RtlCopyMemory(VOID *Destination, const VOID *Source, SIZE_T Length);
VOID RtlMoveMemory(VOID *Destination, const VOID *Source, SIZE_T Length);
VOID RtlFillMemory(VOID *Destination, SIZE_T Length, UCHAR Fill);
VOID RtlZeroMemory(VOID *Destination, SIZE_T Length);
SIZE_T RtlCompareMemory(const VOID *Source1, const VOID *Source2, SIZE_T Length);
VOID RtlInitUnicodeString(PUNICODE_STRING DestinationString, PCWSTR SourceString);
VOID RtlInitAnsiString(PANSI_STRING DestinationString, PCSZ SourceString);
VOID RtlInitString(PSTRING DestinationString, PCSZ SourceString);

void *memcpy(void *destination, const void *source, size_t length)
{
    void *to = destination;

    WITH_FRAME();
    CHECK_READ(source, length);
    CHECK_WRITE(destination, length);
    __asm__ volatile("rep movsb" : "+D"(to), "+S"(source), "+c"(length) : : "memory");
    return destination;
}

void *memmove(void *destination, const void *source, size_t length)
{
    const char *from = source;
    char *to = destination;

    WITH_FRAME();
    if (to <= from || to >= from + length) {
        return memcpy(destination, source, length);
    }
    CHECK_READ(source, length);
    CHECK_WRITE(destination, length);
    from += length - 1;
    to += length - 1;
    __asm__ volatile("std; rep movsb; cld" : "+D"(to), "+S"(from), "+c"(length) : : "memory");
    return destination;
}

void *memset(void *destination, int fill, size_t length)
{
    void *to = destination;

    WITH_FRAME();
    CHECK_WRITE(destination, length);
    __asm__ volatile("rep stosb" : "+D"(to), "+c"(length) : "a"(fill) : "memory");
    return destination;
}

size_t dirql_equal_bytes(const void *first, const void *second, size_t length)
{
    size_t each = 0;

    WITH_FRAME();
    while (each < length && ((const UCHAR *)first)[each] == ((const UCHAR *)second)[each]) {
        each++;
    }
    return each;
}

int memcmp(const void *first, const void *second, size_t length)
{
    size_t equal = dirql_equal_bytes(first, second, length);

    return equal == length ? 0 : ((const UCHAR *)first)[equal] - ((const UCHAR *)second)[equal];
}

void *memchr(const void *memory, int character, size_t length)
{
    WITH_FRAME();
    for (const UCHAR *each = memory; length > 0; each++, length--) {
        if (*each == (UCHAR)character) {
            return (void *)each;
        }
    }
    return NULL;
}

void *_memccpy(void *destination, const void *source, int character, size_t length)
{
    const UCHAR *found = memchr(source, character, length);

    length = found == NULL ? length : (size_t)(found + 1 - (const UCHAR *)source);
    memcpy(destination, source, length);
    return found == NULL ? NULL : (UCHAR *)destination + length;
}

int _memicmp(const void *first, const void *second, size_t length)
{
    const UCHAR *one = first, *other = second;

    for (; length > 0; one++, other++, length--) {
        if (tolower(*one) != tolower(*other)) {
            return tolower(*one) - tolower(*other);
        }
    }
    return 0;
}

int memmove_s(void *destination, size_t size, const void *source, size_t length)
{
    if (length == 0) {
        return 0;
    }
    if (destination == NULL || source == NULL) {
        return EINVAL;
    }
    if (length > size) {
        return ERANGE;
    }
    memmove(destination, source, length);
    return 0;
}

/* In contrast to memmove_s, an error leaves zeros. */
int memcpy_s(void *destination, size_t size, const void *source, size_t length)
{
    int error = memmove_s(destination, size, source, length);

    if (error != 0 && destination != NULL) {
        memset(destination, 0, size);
    }
    return error;
}

VOID RtlMoveMemory(VOID *Destination, const VOID *Source, SIZE_T Length)
{
    memmove(Destination, Source, Length);
}

VOID RtlCopyMemory(VOID *Destination, const VOID *Source, SIZE_T Length)
{
    memcpy(Destination, Source, Length);
}

VOID RtlFillMemory(VOID *Destination, SIZE_T Length, UCHAR Fill)
{
    memset(Destination, Fill, Length);
}

VOID RtlZeroMemory(VOID *Destination, SIZE_T Length)
{
    memset(Destination, 0, Length);
}

SIZE_T RtlCompareMemory(const VOID *Source1, const VOID *Source2, SIZE_T Length)
{
    return dirql_equal_bytes(Source1, Source2, Length);
}

VOID RtlInitUnicodeString(PUNICODE_STRING DestinationString, PCWSTR SourceString)
{
    SIZE_T size = SourceString == NULL ? 0 : wcslen(SourceString) * sizeof(WCHAR);

    if (size > 0xfffc) {
        size = 0xfffc;
    }
    DestinationString->Length = (USHORT)size;
    DestinationString->MaximumLength = SourceString == NULL ? 0 : (USHORT)(size + sizeof(WCHAR));
    DestinationString->Buffer = (PWSTR)SourceString;
}

VOID RtlInitAnsiString(PANSI_STRING DestinationString, PCSZ SourceString)
{
    SIZE_T size = SourceString == NULL ? 0 : strlen(SourceString);

    if (size > 0xfffe) {
        size = 0xfffe;
    }
    DestinationString->Length = (USHORT)size;
    DestinationString->MaximumLength = SourceString == NULL ? 0 : (USHORT)(size + 1);
    DestinationString->Buffer = (PCHAR)SourceString;
}

VOID RtlInitString(PSTRING DestinationString, PCSZ SourceString)
{
    RtlInitAnsiString(DestinationString, SourceString);
}
