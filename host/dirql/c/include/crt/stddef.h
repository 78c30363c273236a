/* SPDX-FileCopyrightText: dirql contributors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Sizes and offsets; a size is a long long, because a long has 32 bits under Windows. */

#ifndef DIRQL_CRT_STDDEF_H
#define DIRQL_CRT_STDDEF_H

typedef unsigned long long size_t;
typedef long long ptrdiff_t;
typedef unsigned short wchar_t;
#define NULL ((void *)0)
#define offsetof(type, member) __builtin_offsetof(type, member)

#endif
