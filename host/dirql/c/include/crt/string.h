/* SPDX-FileCopyrightText: dirql contributors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The routines for strings and memory that the kernel has of Microsoft's C library. */

#ifndef DIRQL_CRT_STRING_H
#define DIRQL_CRT_STRING_H

#include <errno.h>
#include <stddef.h>

void *memchr(const void *memory, int character, size_t length);
int memcmp(const void *first, const void *second, size_t length);
void *memcpy(void *destination, const void *source, size_t length);
void *memmove(void *destination, const void *source, size_t length);
void *memset(void *destination, int fill, size_t length);
char *strcat(char *destination, const char *source);
char *strchr(const char *text, int character);
int strcmp(const char *first, const char *second);
char *strcpy(char *destination, const char *source);
size_t strlen(const char *text);
char *strncat(char *destination, const char *source, size_t count);
int strncmp(const char *first, const char *second, size_t count);
char *strncpy(char *destination, const char *source, size_t count);
size_t strnlen(const char *text, size_t count);
char *strrchr(const char *text, int character);
char *strstr(const char *text, const char *part);
int _stricmp(const char *first, const char *second);
int _strnicmp(const char *first, const char *second, size_t count);
char *_strlwr(char *text);
char *_strupr(char *text);
size_t strspn(const char *text, const char *set);
size_t strcspn(const char *text, const char *set);
char *strpbrk(const char *text, const char *set);
char *strtok(char *text, const char *set);
char *strtok_s(char *text, const char *set, char **next);
char *_strset(char *text, int fill);
char *_strnset(char *text, int fill, size_t count);
char *_strrev(char *text);
int strcpy_s(char *destination, size_t size, const char *source);
int strncpy_s(char *destination, size_t size, const char *source, size_t count);
int strcat_s(char *destination, size_t size, const char *source);
int strncat_s(char *destination, size_t size, const char *source, size_t count);
void *_memccpy(void *destination, const void *source, int character, size_t length);
int _memicmp(const void *first, const void *second, size_t length);
int memcpy_s(void *destination, size_t size, const void *source, size_t length);
int memmove_s(void *destination, size_t size, const void *source, size_t length);
#define memicmp _memicmp
#define memccpy _memccpy
#define strset _strset
#define strnset _strnset
#define strrev _strrev
#define strcmpi _stricmp
#define _strcmpi _stricmp
#define stricmp _stricmp
#define strnicmp _strnicmp
#define strlwr _strlwr
#define strupr _strupr
#include <wchar.h>

#endif
