/* SPDX-FileCopyrightText: dirql contributors
 * SPDX-License-Identifier: Apache-2.0 */

/* Words of Microsoft's compiler that gcc and clang do not know. A driver's file has this header before its first line. */

#ifndef _MSC_VER
#define __int8 char
#define __int16 short
#define __int32 int
#define __int64 long long
#define _int64 long long
#define __wchar_t wchar_t
#define __cdecl
#define _cdecl
#define __fastcall
#define _fastcall
#define __stdcall
#define _stdcall
#define __vectorcall
#define __clrcall
#define __forceinline __inline__ __attribute__((always_inline))
#define _forceinline __forceinline
#define __inline __inline__
#define _inline __inline__
#define __unaligned
#define __ptr32
#define __ptr64
#define __w64
#define __assume(condition) ((void)0)
#define __noop(...) ((void)0)
#define __nop() __asm__ volatile("nop")
#define __debugbreak() DbgBreakPoint()
#define __alignof(type) _Alignof(type)
#undef __pragma /* clang has it with Microsoft's extensions */
#define __pragma(text)
#undef __identifier
#define __identifier(name) name
#define __declspec(property) DIRQL_DECLSPEC_##property
#define DIRQL_DECLSPEC_
#define DIRQL_DECLSPEC_align(bytes) __attribute__((aligned(bytes)))
#define DIRQL_DECLSPEC_allocate(section)
#define DIRQL_DECLSPEC_code_seg(name) __attribute__((section(name)))
#define DIRQL_DECLSPEC_deprecated
#define DIRQL_DECLSPEC_dllexport
#define DIRQL_DECLSPEC_dllimport
#define DIRQL_DECLSPEC_guard(kind)
#define DIRQL_DECLSPEC_noalias
#define DIRQL_DECLSPEC_noinline __attribute__((noinline))
#define DIRQL_DECLSPEC_noreturn __attribute__((noreturn))
#define DIRQL_DECLSPEC_nothrow
#define DIRQL_DECLSPEC_novtable
#define DIRQL_DECLSPEC_restrict
#define DIRQL_DECLSPEC_safebuffers
#define DIRQL_DECLSPEC_selectany __attribute__((weak))
#define DIRQL_DECLSPEC_uuid(text)
#endif
