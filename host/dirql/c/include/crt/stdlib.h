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
#define atol atoi
#define _ltoa _itoa
#ifndef min
#define min(a, b) (((a) < (b)) ? (a) : (b))
#endif
#ifndef max
#define max(a, b) (((a) > (b)) ? (a) : (b))
#endif

#endif
