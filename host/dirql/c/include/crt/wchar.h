/* SPDX-FileCopyrightText: dirql contributors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The routines for strings of UTF-16 that the kernel has of Microsoft's C library. */

#ifndef DIRQL_CRT_WCHAR_H
#define DIRQL_CRT_WCHAR_H

#include <stdarg.h>
#include <stddef.h>

typedef unsigned short wint_t;
typedef unsigned short wctype_t;
wchar_t *wcscat(wchar_t *destination, const wchar_t *source);
wchar_t *wcschr(const wchar_t *text, wchar_t character);
int wcscmp(const wchar_t *first, const wchar_t *second);
wchar_t *wcscpy(wchar_t *destination, const wchar_t *source);
size_t wcslen(const wchar_t *text);
wchar_t *wcsncat(wchar_t *destination, const wchar_t *source, size_t count);
int wcsncmp(const wchar_t *first, const wchar_t *second, size_t count);
wchar_t *wcsncpy(wchar_t *destination, const wchar_t *source, size_t count);
size_t wcsnlen(const wchar_t *text, size_t count);
wchar_t *wcsrchr(const wchar_t *text, wchar_t character);
wchar_t *wcsstr(const wchar_t *text, const wchar_t *part);
int _wcsicmp(const wchar_t *first, const wchar_t *second);
int _wcsnicmp(const wchar_t *first, const wchar_t *second, size_t count);
wchar_t *_wcslwr(wchar_t *text);
wchar_t *_wcsupr(wchar_t *text);
wint_t towlower(wint_t character);
wint_t towupper(wint_t character);
int swprintf(wchar_t *buffer, const wchar_t *format, ...);
int vswprintf(wchar_t *buffer, const wchar_t *format, va_list arguments);
int _snwprintf(wchar_t *buffer, size_t count, const wchar_t *format, ...);
int _vsnwprintf(wchar_t *buffer, size_t count, const wchar_t *format, va_list arguments);
size_t wcsspn(const wchar_t *text, const wchar_t *set);
size_t wcscspn(const wchar_t *text, const wchar_t *set);
wchar_t *wcspbrk(const wchar_t *text, const wchar_t *set);
wchar_t *wcstok(wchar_t *text, const wchar_t *set);
wchar_t *wcstok_s(wchar_t *text, const wchar_t *set, wchar_t **next);
wchar_t *_wcsset(wchar_t *text, wchar_t fill);
wchar_t *_wcsnset(wchar_t *text, wchar_t fill, size_t count);
wchar_t *_wcsrev(wchar_t *text);
int wcscpy_s(wchar_t *destination, size_t size, const wchar_t *source);
int wcsncpy_s(wchar_t *destination, size_t size, const wchar_t *source, size_t count);
int wcscat_s(wchar_t *destination, size_t size, const wchar_t *source);
int wcsncat_s(wchar_t *destination, size_t size, const wchar_t *source, size_t count);
int iswalnum(wint_t character);
int iswalpha(wint_t character);
int iswcntrl(wint_t character);
int iswdigit(wint_t character);
int iswlower(wint_t character);
int iswprint(wint_t character);
int iswpunct(wint_t character);
int iswspace(wint_t character);
int iswupper(wint_t character);
int iswxdigit(wint_t character);
int swprintf_s(wchar_t *buffer, size_t size, const wchar_t *format, ...);
int vswprintf_s(wchar_t *buffer, size_t size, const wchar_t *format, va_list arguments);
int _snwprintf_s(wchar_t *buffer, size_t size, size_t count, const wchar_t *format, ...);
int _vsnwprintf_s(wchar_t *buffer, size_t size, size_t count, const wchar_t *format, va_list arguments);
int _scwprintf(const wchar_t *format, ...);
int _vscwprintf(const wchar_t *format, va_list arguments);
#define _swprintf swprintf
#define _vswprintf vswprintf
#define wcsrev _wcsrev
#define wcsset _wcsset
#define wcsicmp _wcsicmp
#define wcsnicmp _wcsnicmp
#define wcslwr _wcslwr
#define wcsupr _wcsupr

#endif
