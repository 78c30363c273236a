/* SPDX-FileCopyrightText: dirql contributors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The string routines of the C library, for characters of one byte and of UTF-16. Case is that of ASCII, as in the
 * kernel's C library.
 */
#include <ctype.h>
#include <ntdef.h>
#include <string.h>

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
