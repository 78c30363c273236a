/* SPDX-FileCopyrightText: dirql contributors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Characters that are ANSI or UTF-16, as UNICODE says. */

#ifndef DIRQL_CRT_TCHAR_H
#define DIRQL_CRT_TCHAR_H

#include <ntdef.h>
#include <string.h>

#ifdef _UNICODE
#define _T(text) L##text
#define _tcslen wcslen
#define _tcscpy wcscpy
#define _tcscat wcscat
#define _tcscmp wcscmp
#define _tcsicmp _wcsicmp
#define _stprintf swprintf
#else
#define _T(text) text
#define _tcslen strlen
#define _tcscpy strcpy
#define _tcscat strcat
#define _tcscmp strcmp
#define _tcsicmp _stricmp
#define _stprintf sprintf
#endif
#define _TEXT _T

#endif
