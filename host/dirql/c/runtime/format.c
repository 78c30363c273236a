/* SPDX-FileCopyrightText: dirql contributors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Formats as Microsoft's C library for x64 has them: an `int` and a `long` have 32 bits, `%I64` and `%ll` stand for 64,
 * `%S` has the other width of characters, `%Z` and `%wZ` are counted strings. As in the kernel, there is no floating
 * point: such a field stays as it is. dirql/rtl/formatting.py has the same rules for drivers in Python.
 */
#include "text.h"

enum size { NUMBER, CHARACTER, SHORT_NUMBER, LONG_NUMBER, LONGEST_NUMBER, WIDE };

struct field {
    BOOLEAN is_left, has_sign, has_space, has_zeros, has_prefix;
    int width;
    int precision; /* -1 if there is none */
    enum size size;
    WCHAR kind;
    SIZE_T end; /* the place in the format behind the field */
};

/* A number or a string that is to be padded. */
struct piece {
    char sign[3];
    const void *characters;
    BOOLEAN is_wide;
    int length;
    int zeros; /* in front of the characters */
};

static const WCHAR code_page_1252[32] = {
    0x20ac, 0x0081, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160, 0x2039, 0x0152, 0x008d, 0x017d, 0x008f,
    0x0090, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0x009d, 0x017e, 0x0178,
};

WCHAR dirql_from_ansi(UCHAR character)
{
    return character >= 0x80 && character < 0xa0 ? code_page_1252[character - 0x80] : character;
}

UCHAR dirql_to_ansi(WCHAR unit)
{
    if (unit < 0x80 || (unit >= 0xa0 && unit < 0x100)) {
        return (UCHAR)unit;
    }
    for (int each = 0; each < 32; each++) {
        if (code_page_1252[each] == unit) {
            return (UCHAR)(0x80 + each);
        }
    }
    return '?';
}

static void put_byte(struct dirql_text *text, UCHAR byte)
{
    if (text->length < text->capacity) {
        ((UCHAR *)text->buffer)[text->length] = byte;
    }
    text->length++;
}

void dirql_put(struct dirql_text *text, WCHAR unit)
{
    if (text->encoding == DIRQL_UTF16) {
        if (text->length < text->capacity) {
            ((WCHAR *)text->buffer)[text->length] = unit;
        }
        text->length++;
    } else if (text->encoding == DIRQL_ANSI) {
        put_byte(text, dirql_to_ansi(unit));
    } else if (unit < 0x80) {
        put_byte(text, (UCHAR)unit);
    } else if (unit < 0x800) {
        put_byte(text, (UCHAR)(0xc0 | unit >> 6));
        put_byte(text, (UCHAR)(0x80 | (unit & 0x3f)));
    } else {
        put_byte(text, (UCHAR)(0xe0 | unit >> 12));
        put_byte(text, (UCHAR)(0x80 | (unit >> 6 & 0x3f)));
        put_byte(text, (UCHAR)(0x80 | (unit & 0x3f)));
    }
}

static WCHAR unit_at(const void *characters, BOOLEAN is_wide, SIZE_T place)
{
    return is_wide ? ((const WCHAR *)characters)[place] : dirql_from_ansi(((const UCHAR *)characters)[place]);
}

static void put_many(struct dirql_text *text, WCHAR unit, int count)
{
    while (count-- > 0) {
        dirql_put(text, unit);
    }
}

static void put_piece(struct dirql_text *text, const struct field *field, const struct piece *piece, BOOLEAN is_string)
{
    int signs = piece->sign[0] == 0 ? 0 : piece->sign[1] == 0 ? 1 : 2;
    int padding = field->width - signs - piece->zeros - piece->length;

    if (!field->is_left) {
        put_many(text, is_string && field->has_zeros ? '0' : ' ', padding);
    }
    for (int each = 0; each < signs; each++) {
        dirql_put(text, (WCHAR)piece->sign[each]);
    }
    put_many(text, '0', piece->zeros);
    for (int each = 0; each < piece->length; each++) {
        dirql_put(text, unit_at(piece->characters, piece->is_wide, (SIZE_T)each));
    }
    if (field->is_left) {
        put_many(text, ' ', padding);
    }
}

/* Read "*" or a number. */
static int read_number(const void *format, BOOLEAN is_wide, struct field *field, va_list *arguments)
{
    int number = 0;
    WCHAR unit = unit_at(format, is_wide, field->end);

    if (unit == '*') {
        field->end++;
        return va_arg(*arguments, int);
    }
    while (unit >= '0' && unit <= '9') {
        if (number < 100000) {
            number = number * 10 + (unit - '0');
        }
        unit = unit_at(format, is_wide, ++field->end);
    }
    return number;
}

static void read_flags(const void *format, BOOLEAN is_wide, struct field *field)
{
    for (;; field->end++) {
        switch (unit_at(format, is_wide, field->end)) {
        case '-':
            field->is_left = TRUE;
            break;
        case '+':
            field->has_sign = TRUE;
            break;
        case ' ':
            field->has_space = TRUE;
            break;
        case '#':
            field->has_prefix = TRUE;
            break;
        case '0':
            field->has_zeros = TRUE;
            break;
        default:
            return;
        }
    }
}

/* The prefix that says how large the argument is; returns its length. */
static int read_size(WCHAR first, WCHAR second, WCHAR third, enum size *size)
{
    int twice = first == second ? 2 : 1;

    switch (first) {
    case 'I':
        *size = second == '3' && third == '2' ? NUMBER : LONGEST_NUMBER;
        return (second == '6' && third == '4') || (second == '3' && third == '2') ? 3 : 1;
    case 'h':
        *size = twice == 2 ? CHARACTER : SHORT_NUMBER;
        return twice;
    case 'l':
        *size = twice == 2 ? LONGEST_NUMBER : LONG_NUMBER;
        return twice;
    case 'w':
        *size = WIDE;
        return 1;
    case 'z':
    case 't':
    case 'j':
        *size = LONGEST_NUMBER;
        return 1;
    default:
        *size = NUMBER;
        return 0;
    }
}

/* Read the field whose "%" is before `place`. */
static struct field read_field(const void *format, BOOLEAN is_wide, SIZE_T place, va_list *arguments)
{
    struct field field = {.precision = -1, .end = place};
    WCHAR first, second;

    read_flags(format, is_wide, &field);
    field.width = read_number(format, is_wide, &field, arguments);
    if (field.width < 0) {
        field.is_left = TRUE;
        field.width = -field.width;
    }
    if (unit_at(format, is_wide, field.end) == '.') {
        field.end++;
        field.precision = read_number(format, is_wide, &field, arguments);
        if (field.precision < 0) {
            field.precision = -1;
        }
    }
    first = unit_at(format, is_wide, field.end);
    second = first == 0 ? 0 : unit_at(format, is_wide, field.end + 1);
    field.end += (SIZE_T)read_size(first, second, second == 0 ? 0 : unit_at(format, is_wide, field.end + 2), &field.size);
    field.kind = unit_at(format, is_wide, field.end);
    if (field.kind != 0) {
        field.end++;
    }
    return field;
}

/* The argument as a number of its size; `*is_negative` says that its sign was taken away. */
static ULONGLONG take_number(const struct field *field, va_list *arguments, BOOLEAN *is_negative)
{
    BOOLEAN is_signed = field->kind == 'd' || field->kind == 'i';
    LONGLONG value;

    if (field->size == LONGEST_NUMBER || field->kind == 'p') {
        value = va_arg(*arguments, LONGLONG);
    } else {
        int given = va_arg(*arguments, int);
        int narrow = field->size == CHARACTER ? (signed char)given : field->size == SHORT_NUMBER ? (short)given : given;
        int bits = field->size == CHARACTER ? 0xff : field->size == SHORT_NUMBER ? 0xffff : -1;

        value = is_signed ? narrow : (LONGLONG)(unsigned int)(given & bits);
    }
    *is_negative = is_signed && value < 0;
    return *is_negative ? 0 - (ULONGLONG)value : (ULONGLONG)value;
}

static void put_number(struct dirql_text *text, const struct field *field, va_list *arguments)
{
    const char *letters = field->kind == 'x' ? "0123456789abcdef" : "0123456789ABCDEF";
    unsigned int base = field->kind == 'x' || field->kind == 'X' || field->kind == 'p' ? 16 : field->kind == 'o' ? 8 : 10;
    struct piece piece = {.length = 0};
    char digits[24];
    char *first = digits + sizeof digits;
    BOOLEAN is_negative;
    ULONGLONG value = take_number(field, arguments, &is_negative);
    int least = field->kind == 'p' ? 16 : field->precision;

    if (field->kind == 'd' || field->kind == 'i') {
        piece.sign[0] = is_negative ? '-' : field->has_sign ? '+' : field->has_space ? ' ' : 0;
    } else if (field->has_prefix && (field->kind == 'p' || (base == 16 && value != 0))) {
        piece.sign[0] = '0';
        piece.sign[1] = field->kind == 'x' ? 'x' : 'X';
    }
    for (ULONGLONG rest = value; rest != 0 || first == digits + sizeof digits; rest /= base) {
        *--first = letters[rest % base];
    }
    if (value == 0 && field->precision == 0 && field->kind != 'p') {
        first++;
    }
    piece.characters = first;
    piece.length = (int)(digits + sizeof digits - first);
    if (least < 0 && field->has_zeros && !field->is_left) {
        least = field->width - (piece.sign[0] == 0 ? 0 : piece.sign[1] == 0 ? 1 : 2);
    }
    piece.zeros = least > piece.length ? least - piece.length : 0;
    if (field->has_prefix && base == 8 && piece.zeros == 0 && (piece.length == 0 || *first != '0')) {
        piece.zeros = 1;
    }
    put_piece(text, field, &piece, FALSE);
}

static BOOLEAN has_wide_argument(const struct field *field, BOOLEAN is_wide)
{
    switch (field->size) {
    case WIDE:
    case LONG_NUMBER:
    case LONGEST_NUMBER:
        return TRUE;
    case SHORT_NUMBER:
    case CHARACTER:
        return FALSE;
    default:
        return field->kind == 'Z' ? FALSE : field->kind == 'c' || field->kind == 's' ? is_wide : !is_wide;
    }
}

static void put_string(struct dirql_text *text, const struct field *field, BOOLEAN is_wide, va_list *arguments)
{
    struct piece piece = {.is_wide = has_wide_argument(field, is_wide)};
    const STRING *counted = NULL;
    WCHAR character;
    int limit = field->precision < 0 ? 0x7fffffff : field->precision;

    if (field->kind == 'c' || field->kind == 'C') {
        character = (WCHAR)va_arg(*arguments, int);
        piece.characters = &character;
        piece.length = 1;
        put_piece(text, field, &piece, TRUE);
        return;
    }
    piece.characters = va_arg(*arguments, const void *);
    if (field->kind == 'Z' && piece.characters != NULL) {
        counted = piece.characters;
        piece.characters = counted->Buffer;
    }
    if (piece.characters == NULL) {
        piece.characters = "(null)";
        piece.is_wide = FALSE;
        counted = NULL;
    }
    if (counted != NULL) {
        int length = piece.is_wide ? counted->Length / 2 : counted->Length;

        piece.length = length < limit ? length : limit;
    } else {
        while (piece.length < limit && unit_at(piece.characters, piece.is_wide, (SIZE_T)piece.length) != 0) {
            piece.length++;
        }
    }
    put_piece(text, field, &piece, TRUE);
}

static void put_as_it_is(struct dirql_text *text, const void *format, BOOLEAN is_wide, SIZE_T place, SIZE_T end)
{
    for (; place < end; place++) {
        dirql_put(text, unit_at(format, is_wide, place));
    }
}

void dirql_format(struct dirql_text *text, BOOLEAN is_wide, const void *format, va_list arguments)
{
    SIZE_T place = 0;
    va_list left;

    va_copy(left, arguments);
    for (WCHAR unit; (unit = unit_at(format, is_wide, place)) != 0;) {
        struct field field;

        if (unit != '%') {
            dirql_put(text, unit);
            place++;
            continue;
        }
        field = read_field(format, is_wide, place + 1, &left);
        switch (field.kind) {
        case 'd': case 'i': case 'o': case 'u': case 'x': case 'X': case 'p':
            put_number(text, &field, &left);
            break;
        case 'c': case 'C': case 's': case 'S': case 'Z':
            put_string(text, &field, is_wide, &left);
            break;
        case 'a': case 'A': case 'e': case 'E': case 'f': case 'F': case 'g': case 'G':
            (void)va_arg(left, double);
            put_as_it_is(text, format, is_wide, place, field.end);
            break;
        case 'n':
            (void)va_arg(left, void *);
            put_as_it_is(text, format, is_wide, place, field.end);
            break;
        case 0:
            break;
        default:
            dirql_put(text, field.kind);
        }
        place = field.end;
    }
    va_end(left);
}
