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
#define wcsicmp _wcsicmp
#define wcsnicmp _wcsnicmp
#define wcslwr _wcslwr
#define wcsupr _wcsupr

#endif
