/* SPDX-FileCopyrightText: dirql contributors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The routines for formatted texts that the kernel has of Microsoft's C library. */

#ifndef DIRQL_CRT_STDIO_H
#define DIRQL_CRT_STDIO_H

#include <stdarg.h>
#include <stddef.h>
#include <wchar.h>

int sprintf(char *buffer, const char *format, ...);
int vsprintf(char *buffer, const char *format, va_list arguments);
int _snprintf(char *buffer, size_t count, const char *format, ...);
int _vsnprintf(char *buffer, size_t count, const char *format, va_list arguments);
int sprintf_s(char *buffer, size_t size, const char *format, ...);
int vsprintf_s(char *buffer, size_t size, const char *format, va_list arguments);
int _snprintf_s(char *buffer, size_t size, size_t count, const char *format, ...);
int _vsnprintf_s(char *buffer, size_t size, size_t count, const char *format, va_list arguments);
int _scprintf(const char *format, ...);
int _vscprintf(const char *format, va_list arguments);
#define snprintf _snprintf
#define vsnprintf _vsnprintf

#endif
