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

int _wtoi(const wchar_t *text)
{
    char narrow[32];
    size_t each;

    while (*text == ' ' || *text == '\t') {
        text++;
    }
    for (each = 0; each < sizeof narrow - 1 && text[each] != 0 && text[each] < 0x80; each++) {
        narrow[each] = (char)text[each];
    }
    narrow[each] = 0;
    return atoi(narrow);
}

unsigned int strtoul(const char *text, char **end, int radix)
{
    const char *last;
    BOOLEAN is_negative;
    ULONGLONG number = read(text, &last, radix, &is_negative);

    if (end != NULL) {
        *end = (char *)last;
    }
    if (number > MAXULONG) {
        return MAXULONG;
    }
    return is_negative ? 0 - (unsigned int)number : (unsigned int)number;
}

int strtol(const char *text, char **end, int radix)
{
    const char *last;
    BOOLEAN is_negative;
    ULONGLONG number = read(text, &last, radix, &is_negative);

    if (end != NULL) {
        *end = (char *)last;
    }
    if (number > (ULONGLONG)MAXLONG + is_negative) {
        return is_negative ? MINLONG : MAXLONG;
    }
    return (int)(is_negative ? 0 - number : number);
}

char *_itoa(int number, char *buffer, int radix)
{
    char digits[40];
    char *first = digits + sizeof digits;
    BOOLEAN is_negative = radix == 10 && number < 0;
    unsigned int rest = is_negative ? 0 - (unsigned int)number : (unsigned int)number;

    *--first = 0;
    do {
        *--first = "0123456789abcdefghijklmnopqrstuvwxyz"[rest % (unsigned int)radix];
        rest /= (unsigned int)radix;
    } while (rest != 0);
    if (is_negative) {
        *--first = '-';
    }
    return strcpy(buffer, first);
}

wchar_t *_itow(int number, wchar_t *buffer, int radix)
{
    char narrow[40];
    size_t length = strlen(_itoa(number, narrow, radix));

    for (size_t each = 0; each <= length; each++) {
        buffer[each] = (wchar_t)narrow[each];
    }
    return buffer;
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
