/* SPDX-FileCopyrightText: dirql contributors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The string routines of the C library, for characters of one byte and of UTF-16. Case is that of ASCII, as in the
 * kernel's C library.
 */
#include <ctype.h>
#include <errno.h>
#include <ntdef.h>
#include <string.h>

#include "text.h"

#define CHARACTER char
#define UNSIGNED unsigned char
#define INTEGER int
#define STR(name) str##name
#define OWN(name) _str##name
#define LOWER tolower
#define UPPER toupper
#include "strings.inc"
#undef CHARACTER
#undef UNSIGNED
#undef INTEGER
#undef STR
#undef OWN

#define CHARACTER wchar_t
#define UNSIGNED wchar_t
#define INTEGER wchar_t
#define STR(name) wcs##name
#define OWN(name) _wcs##name
#include "strings.inc"

int isupper(int character) { return character >= 'A' && character <= 'Z'; }
int islower(int character) { return character >= 'a' && character <= 'z'; }
int isalpha(int character) { return isupper(character) || islower(character); }
int isdigit(int character) { return character >= '0' && character <= '9'; }
int isalnum(int character) { return isalpha(character) || isdigit(character); }
int isgraph(int character) { return character > ' ' && character < 0x7f; }
int isprint(int character) { return character >= ' ' && character < 0x7f; }
int ispunct(int character) { return isgraph(character) && !isalnum(character); }
int iscntrl(int character) { return (character >= 0 && character < ' ') || character == 0x7f; }
int isspace(int character) { return character == ' ' || (character >= '\t' && character <= '\r'); }
int isxdigit(int character)
{
    return isdigit(character) || (character >= 'a' && character <= 'f') || (character >= 'A' && character <= 'F');
}
int tolower(int character) { return isupper(character) ? character + ('a' - 'A') : character; }
int toupper(int character) { return islower(character) ? character - ('a' - 'A') : character; }
wint_t towlower(wint_t character) { return (wint_t)tolower(character); }
wint_t towupper(wint_t character) { return (wint_t)toupper(character); }
int iswupper(wint_t character) { return isupper(character); }
int iswlower(wint_t character) { return islower(character); }
int iswalpha(wint_t character) { return isalpha(character); }
int iswdigit(wint_t character) { return isdigit(character); }
int iswalnum(wint_t character) { return isalnum(character); }
int iswprint(wint_t character) { return isprint(character); }
int iswpunct(wint_t character) { return ispunct(character); }
int iswcntrl(wint_t character) { return iscntrl(character); }
int iswspace(wint_t character) { return isspace(character); }
int iswxdigit(wint_t character) { return isxdigit(character); }

char *strtok(char *text, const char *set)
{
    static char *next;

    return strtok_s(text, set, &next);
}

wchar_t *wcstok(wchar_t *text, const wchar_t *set)
{
    static wchar_t *next;

    return wcstok_s(text, set, &next);
}

/* Between ANSI and UTF-16, a character for a character. */

size_t mbstowcs(wchar_t *destination, const char *source, size_t count)
{
    size_t each = 0;

    for (; (destination == NULL || each < count) && source[each] != 0; each++) {
        if (destination != NULL) {
            destination[each] = dirql_from_ansi((UCHAR)source[each]);
        }
    }
    if (destination != NULL && each < count) {
        destination[each] = 0;
    }
    return each;
}

size_t wcstombs(char *destination, const wchar_t *source, size_t count)
{
    size_t each = 0;

    for (; (destination == NULL || each < count) && source[each] != 0; each++) {
        if (destination != NULL) {
            destination[each] = (char)dirql_to_ansi(source[each]);
        }
    }
    if (destination != NULL && each < count) {
        destination[each] = 0;
    }
    return each;
}

int mbtowc(wchar_t *destination, const char *source, size_t count)
{
    if (source == NULL || count == 0) {
        return 0;
    }
    if (destination != NULL) {
        *destination = dirql_from_ansi((UCHAR)*source);
    }
    return *source != 0;
}

int wctomb(char *destination, wchar_t character)
{
    if (destination == NULL) {
        return 0;
    }
    *destination = (char)dirql_to_ansi(character);
    return 1;
}
