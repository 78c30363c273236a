/* SPDX-FileCopyrightText: dirql contributors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Numbers from texts and to texts, random numbers and sorting, as the C library has them.
 */
#include <ctype.h>
#include <ntdef.h>
#include <stdlib.h>
#include <string.h>

static unsigned int random_state = 1;

int abs(int number)
{
    return number < 0 ? -number : number;
}

static int digit(int character, int radix)
{
    int value = isdigit(character) ? character - '0' : isalpha(character) ? tolower(character) - 'a' + 10 : 99;

    return value < radix ? value : -1;
}

/* The number at the beginning of a text, as far as it goes; `*is_negative` says that a minus was there. */
static ULONGLONG read(const char *text, const char **end, int radix, BOOLEAN *is_negative)
{
    const char *place = text;
    ULONGLONG number = 0;

    *end = text;
    while (isspace(*place)) {
        place++;
    }
    *is_negative = *place == '-';
    if (*place == '-' || *place == '+') {
        place++;
    }
    if ((radix == 0 || radix == 16) && place[0] == '0' && tolower(place[1]) == 'x' && digit(place[2], 16) >= 0) {
        radix = 16;
        place += 2;
    } else if (radix == 0) {
        radix = *place == '0' ? 8 : 10;
    }
    for (; digit(*place, radix) >= 0; place++) {
        ULONGLONG next = number * (ULONGLONG)radix + (ULONGLONG)digit(*place, radix);

        number = number >> 59 != 0 && next < number ? (ULONGLONG)-1 : next;
        *end = place + 1;
    }
    return number;
}

long long _atoi64(const char *text)
{
    const char *end;
    BOOLEAN is_negative;
    ULONGLONG number = read(text, &end, 10, &is_negative);

    return (long long)(is_negative ? 0 - number : number);
}

int atoi(const char *text)
{
    return (int)_atoi64(text);
}

/* The characters of a number in UTF-16 as ANSI, for the routines that read one. */
static const char *narrowed(const wchar_t *text, char *buffer, size_t size)
{
    size_t each;

    for (each = 0; each < size - 1 && text[each] != 0 && text[each] < 0x80; each++) {
        buffer[each] = (char)text[each];
    }
    buffer[each] = 0;
    return buffer;
}

static void widen(wchar_t *buffer, const char *text)
{
    while ((*buffer++ = (UCHAR)*text++) != 0) {
    }
}

static unsigned int limited(ULONGLONG number, BOOLEAN is_negative)
{
    return number > MAXULONG ? MAXULONG : is_negative ? 0 - (unsigned int)number : (unsigned int)number;
}

static int limited_signed(ULONGLONG number, BOOLEAN is_negative)
{
    if (number > (ULONGLONG)MAXLONG + is_negative) {
        return is_negative ? MINLONG : MAXLONG;
    }
    return (int)(is_negative ? 0 - number : number);
}

static long long limited_long(ULONGLONG number, BOOLEAN is_negative)
{
    if (number > (ULONGLONG)MAXLONGLONG + is_negative) {
        return is_negative ? -MAXLONGLONG - 1 : MAXLONGLONG;
    }
    return (long long)(is_negative ? 0 - number : number);
}

static unsigned long long unlimited(ULONGLONG number, BOOLEAN is_negative)
{
    return is_negative ? 0 - number : number;
}

#define READERS(result, name, wide_name, convert)                                                                    \
    result name(const char *text, char **end, int radix)                                                             \
    {                                                                                                                \
        const char *last;                                                                                            \
        BOOLEAN is_negative;                                                                                         \
        ULONGLONG number = read(text, &last, radix, &is_negative);                                                   \
                                                                                                                     \
        if (end != NULL) {                                                                                           \
            *end = (char *)last;                                                                                     \
        }                                                                                                            \
        return convert(number, is_negative);                                                                         \
    }                                                                                                                \
                                                                                                                     \
    result wide_name(const wchar_t *text, wchar_t **end, int radix)                                                  \
    {                                                                                                                \
        char buffer[96];                                                                                             \
        char *last;                                                                                                  \
        result number = name(narrowed(text, buffer, sizeof buffer), &last, radix);                                   \
                                                                                                                     \
        if (end != NULL) {                                                                                           \
            *end = (wchar_t *)text + (last - buffer);                                                                \
        }                                                                                                            \
        return number;                                                                                               \
    }

READERS(unsigned int, strtoul, wcstoul, limited)
READERS(int, strtol, wcstol, limited_signed)
READERS(unsigned long long, _strtoui64, _wcstoui64, unlimited)
READERS(long long, _strtoi64, _wcstoi64, limited_long)

int _wtoi(const wchar_t *text)
{
    return (int)_wtoi64(text);
}

long long _wtoi64(const wchar_t *text)
{
    char buffer[96];

    return _atoi64(narrowed(text, buffer, sizeof buffer));
}

/* A number of the given magnitude, with a minus if it is negative. */
static char *written(ULONGLONG number, BOOLEAN is_negative, char *buffer, int radix)
{
    char digits[72];
    char *first = digits + sizeof digits;

    *--first = 0;
    do {
        *--first = "0123456789abcdefghijklmnopqrstuvwxyz"[number % (unsigned int)radix];
        number /= (unsigned int)radix;
    } while (number != 0);
    if (is_negative) {
        *--first = '-';
    }
    return strcpy(buffer, first);
}

char *_itoa(int number, char *buffer, int radix)
{
    BOOLEAN is_negative = radix == 10 && number < 0;

    return written(is_negative ? 0 - (unsigned int)number : (unsigned int)number, is_negative, buffer, radix);
}

char *_ultoa(unsigned int number, char *buffer, int radix)
{
    return written(number, FALSE, buffer, radix);
}

char *_i64toa(long long number, char *buffer, int radix)
{
    BOOLEAN is_negative = radix == 10 && number < 0;

    return written(is_negative ? 0 - (ULONGLONG)number : (ULONGLONG)number, is_negative, buffer, radix);
}

char *_ui64toa(unsigned long long number, char *buffer, int radix)
{
    return written(number, FALSE, buffer, radix);
}

#define WIDE_WRITER(name, type, narrow_name)                                                                         \
    wchar_t *name(type number, wchar_t *buffer, int radix)                                                           \
    {                                                                                                                \
        char narrow[72];                                                                                             \
                                                                                                                     \
        widen(buffer, narrow_name(number, narrow, radix));                                                           \
        return buffer;                                                                                               \
    }

WIDE_WRITER(_itow, int, _itoa)
WIDE_WRITER(_ultow, unsigned int, _ultoa)
WIDE_WRITER(_i64tow, long long, _i64toa)
WIDE_WRITER(_ui64tow, unsigned long long, _ui64toa)

int _itoa_s(int number, char *buffer, size_t size, int radix)
{
    char whole[72];

    return strcpy_s(buffer, size, _itoa(number, whole, radix));
}

int _itow_s(int number, wchar_t *buffer, size_t size, int radix)
{
    wchar_t whole[72];

    return wcscpy_s(buffer, size, _itow(number, whole, radix));
}

void srand(unsigned int seed)
{
    random_state = seed;
}

/* The generator of Microsoft's C library. */
int rand(void)
{
    random_state = random_state * 214013 + 2531011;
    return (int)(random_state >> 16 & 0x7fff);
}

/* A heap sort: it needs no memory and has no worst case. */
static void sift(char *base, size_t from, size_t count, size_t width, int (*compare)(const void *, const void *))
{
    for (size_t child; (child = 2 * from + 1) < count; from = child) {
        if (child + 1 < count && compare(base + child * width, base + (child + 1) * width) < 0) {
            child++;
        }
        if (compare(base + from * width, base + child * width) >= 0) {
            return;
        }
        for (size_t each = 0; each < width; each++) {
            char kept = base[from * width + each];

            base[from * width + each] = base[child * width + each];
            base[child * width + each] = kept;
        }
    }
}

void qsort(void *base, size_t count, size_t width, int (*compare)(const void *, const void *))
{
    for (size_t each = count / 2; each-- > 0;) {
        sift(base, each, count, width, compare);
    }
    for (size_t last = count; last-- > 1;) {
        char *first = base;

        for (size_t each = 0; each < width; each++) {
            char kept = first[each];

            first[each] = first[last * width + each];
            first[last * width + each] = kept;
        }
        sift(base, 0, last, width, compare);
    }
}

void *bsearch(const void *key, const void *base, size_t count, size_t width, int (*compare)(const void *, const void *))
{
    const char *first = base;

    while (count > 0) {
        const char *middle = first + count / 2 * width;
        int order = compare(key, middle);

        if (order == 0) {
            return (void *)middle;
        }
        if (order > 0) {
            first = middle + width;
            count--;
        }
        count /= 2;
    }
    return NULL;
}
