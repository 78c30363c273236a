/* SPDX-FileCopyrightText: dirql contributors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The routines for numbers and sorting that the kernel has of Microsoft's C library. */

#ifndef DIRQL_CRT_STDLIB_H
#define DIRQL_CRT_STDLIB_H

#include <stddef.h>

int abs(int number);
int atoi(const char *text);
long long _atoi64(const char *text);
int _wtoi(const wchar_t *text);
char *_itoa(int number, char *buffer, int radix);
wchar_t *_itow(int number, wchar_t *buffer, int radix);
unsigned int strtoul(const char *text, char **end, int radix);
int strtol(const char *text, char **end, int radix);
int rand(void);
void srand(unsigned int seed);
void qsort(void *base, size_t count, size_t width, int (*compare)(const void *, const void *));
long long _wtoi64(const wchar_t *text);
unsigned int wcstoul(const wchar_t *text, wchar_t **end, int radix);
int wcstol(const wchar_t *text, wchar_t **end, int radix);
unsigned long long _strtoui64(const char *text, char **end, int radix);
long long _strtoi64(const char *text, char **end, int radix);
unsigned long long _wcstoui64(const wchar_t *text, wchar_t **end, int radix);
long long _wcstoi64(const wchar_t *text, wchar_t **end, int radix);
char *_ultoa(unsigned int number, char *buffer, int radix);
wchar_t *_ultow(unsigned int number, wchar_t *buffer, int radix);
char *_i64toa(long long number, char *buffer, int radix);
wchar_t *_i64tow(long long number, wchar_t *buffer, int radix);
char *_ui64toa(unsigned long long number, char *buffer, int radix);
wchar_t *_ui64tow(unsigned long long number, wchar_t *buffer, int radix);
int _itoa_s(int number, char *buffer, size_t size, int radix);
int _itow_s(int number, wchar_t *buffer, size_t size, int radix);
void *bsearch(const void *key, const void *base, size_t count, size_t width, int (*compare)(const void *, const void *));
size_t mbstowcs(wchar_t *destination, const char *source, size_t count);
size_t wcstombs(char *destination, const wchar_t *source, size_t count);
int mbtowc(wchar_t *destination, const char *source, size_t count);
int wctomb(char *destination, wchar_t character);
#define atol atoi
#define _wtol _wtoi
#define labs abs
#define _abs64(number) ((number) < 0 ? -(number) : (number))
#define _ltoa _itoa
#define _ltow _itow
#define itoa _itoa
#define ltoa _itoa
#define ultoa _ultoa
#define strtoull _strtoui64
#define strtoll _strtoi64
#define wcstoull _wcstoui64
#define _rotl(value, count) ((unsigned int)(value) << ((count) & 31) | (unsigned int)(value) >> (-(count) & 31))
#define _rotr(value, count) ((unsigned int)(value) >> ((count) & 31) | (unsigned int)(value) << (-(count) & 31))
#define _rotl64(value, count) ((unsigned long long)(value) << ((count) & 63) | (unsigned long long)(value) >> (-(count) & 63))
#define _rotr64(value, count) ((unsigned long long)(value) >> ((count) & 63) | (unsigned long long)(value) << (-(count) & 63))
#define _lrotl _rotl
#define _lrotr _rotr
#define _alloca(size) __builtin_alloca(size)
#define alloca _alloca
#define RAND_MAX 0x7fff
#ifndef min
#define min(a, b) (((a) < (b)) ? (a) : (b))
#endif
#ifndef max
#define max(a, b) (((a) > (b)) ? (a) : (b))
#endif

#endif
