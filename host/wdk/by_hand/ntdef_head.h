/* SPDX-FileCopyrightText: dirql contributors
 * SPDX-License-Identifier: Apache-2.0 */

#include <stdarg.h>
#include <stddef.h>

#define _WIN32 1
#define _WIN64 1
#define _AMD64_ 1
#define AMD64 1
#define _M_AMD64 100
#define _M_X64 100
#define _INTEGRAL_MAX_BITS 64

#define VOID void
#define CONST const
#define NTAPI
#define FASTCALL
#define CDECL
#define WINAPI
#define CALLBACK
#define APIENTRY
#define WINAPIV
#define PASCAL
#define STDCALL
#define DDKAPI
#define DDKFASTAPI
#define NTSYSAPI
#ifdef _WIN32
#define NTKERNELAPI __declspec(dllimport)
#else
#define NTKERNELAPI
#endif
#define NTHALAPI
#define NTSYSCALLAPI
#define DECLSPEC_ADDRSAFE
#define DECLSPEC_DEPRECATED_DDK
#define DECLSPEC_RESTRICT
#define DECLSPEC_SELECTANY __attribute__((weak))
#define CFORCEINLINE FORCEINLINE
#define _ANONYMOUS_UNION
#define _ANONYMOUS_STRUCT
#define DUMMYUNIONNAME
#define DUMMYSTRUCTNAME
#define UNALIGNED64
#define FORCEINLINE __forceinline
#define INLINE __inline
#define UNALIGNED
#define RESTRICTED_POINTER
#define DECLSPEC_ALIGN(bytes) __attribute__((aligned(bytes)))
#define DECLSPEC_CACHEALIGN DECLSPEC_ALIGN(64)
#define DECLSPEC_IMPORT
#define DECLSPEC_NOINLINE __attribute__((noinline))
#define DECLSPEC_NORETURN __attribute__((noreturn))
#define POINTER_ALIGNMENT DECLSPEC_ALIGN(8)
#define MEMORY_ALLOCATION_ALIGNMENT 16
#define EXTERN_C extern
#define NOTHING
#define FALLTHROUGH __attribute__((fallthrough))
#define __FUNCSIG__ __func__
#define static_assert _Static_assert
#define _ALIGNAS(bytes) DECLSPEC_ALIGN(bytes)

/* Values and macros of the language that drivers are written in. */

#ifndef TRUE
#define TRUE 1
#define FALSE 0
#endif
#define ANYSIZE_ARRAY 1
#define MAXUCHAR 0xff
#define MAXUSHORT 0xffff
#define MAXULONG 0xffffffffU
#define MAXLONG 0x7fffffff
#define MAXUINT8 0xff
#define MAXINT8 0x7f
#define MININT8 (-MAXINT8 - 1)
#define MAXUINT16 0xffff
#define MAXINT16 0x7fff
#define MININT16 (-MAXINT16 - 1)
#define MAXUINT32 0xffffffffU
#define MAXINT32 0x7fffffff
#define MININT32 (-MAXINT32 - 1)
#define MAXUINT64 0xffffffffffffffffULL
#define MAXINT64 0x7fffffffffffffffLL
#define MININT64 (-MAXINT64 - 1)
#define MAXUINT MAXUINT32
#define MAXINT MAXINT32
#define MININT MININT32
#define MAXULONG32 MAXUINT32
#define MAXLONG32 MAXINT32
#define MINLONG32 MININT32
#define MAXDWORD32 MAXUINT32
#define MAXULONG64 MAXUINT64
#define MAXLONG64 MAXINT64
#define MINLONG64 MININT64
#define MAXDWORD64 MAXUINT64
#define MINLONGLONG MININT64
#define MAXBYTE 0xff
#define MAXWORD 0xffff
#define MAXDWORD 0xffffffff
#define MAXUINT_PTR MAXUINT64
#define MAXULONG_PTR MAXUINT64
#define MAXDWORD_PTR MAXUINT64
#define MAXSIZE_T MAXUINT64
#define MAXINT_PTR MAXINT64
#define MININT_PTR MININT64
#define MAXLONG_PTR MAXINT64
#define MINLONG_PTR MININT64
#define MAXSSIZE_T MAXINT64
#define MINSSIZE_T MININT64
#define MINLONG (-MAXLONG - 1)
#define UNREFERENCED_PARAMETER(parameter) ((void)(parameter))
#define DBG_UNREFERENCED_PARAMETER(parameter) ((void)(parameter))
#define DBG_UNREFERENCED_LOCAL_VARIABLE(variable) ((void)(variable))
#define ARRAYSIZE(array) (sizeof(array) / sizeof((array)[0]))
#define RTL_NUMBER_OF(array) ARRAYSIZE(array)
#define FIELD_OFFSET(type, field) ((LONG)offsetof(type, field))
#define UFIELD_OFFSET(type, field) ((ULONG)offsetof(type, field))
#define RTL_FIELD_SIZE(type, field) (sizeof(((type *)0)->field))
#define RTL_SIZEOF_THROUGH_FIELD(type, field) (offsetof(type, field) + RTL_FIELD_SIZE(type, field))
#define RTL_CONTAINS_FIELD(record, size, field)                                                                      \
    ((PUCHAR) & (record)->field + sizeof((record)->field) <= (PUCHAR)(record) + (size))
#define CONTAINING_RECORD(address, type, field) ((type *)((PUCHAR)(address) - offsetof(type, field)))
#define C_ASSERT(expression) _Static_assert(expression, #expression)

#ifndef min
#define min(first, second) (((first) < (second)) ? (first) : (second))
#endif
#ifndef max
#define max(first, second) (((first) > (second)) ? (first) : (second))
#endif

#define NT_SUCCESS(status) ((NTSTATUS)(status) >= 0)
#define NT_INFORMATION(status) ((ULONG)(status) >> 30 == 1)
#define NT_WARNING(status) ((ULONG)(status) >> 30 == 2)
#define NT_ERROR(status) ((ULONG)(status) >> 30 == 3)

#define MINCHAR ((CHAR)-128)
#define MAXCHAR 0x7f
#define MINSHORT ((SHORT)-32768)
#define MAXSHORT 0x7fff
#define MAXLONGLONG 0x7fffffffffffffffLL
#define MAXULONGLONG 0xffffffffffffffffULL
#define SIZE_MAX MAXULONGLONG
#define LOBYTE(word) ((UCHAR)((ULONG_PTR)(word) & 0xff))
#define HIBYTE(word) ((UCHAR)((ULONG_PTR)(word) >> 8 & 0xff))
#define LOWORD(number) ((USHORT)((ULONG_PTR)(number) & 0xffff))
#define HIWORD(number) ((USHORT)((ULONG_PTR)(number) >> 16 & 0xffff))
#define MAKEWORD(low, high) ((USHORT)((UCHAR)(low) | (USHORT)(UCHAR)(high) << 8))
#define MAKELONG(low, high) ((LONG)((USHORT)(low) | (ULONG)(USHORT)(high) << 16))
#define ALIGN_DOWN_BY(size, alignment) ((ULONG_PTR)(size) & ~((ULONG_PTR)(alignment) - 1))
#define ALIGN_UP_BY(size, alignment) ALIGN_DOWN_BY((ULONG_PTR)(size) + (alignment) - 1, alignment)
#define ALIGN_DOWN(size, type) ALIGN_DOWN_BY(size, sizeof(type))
#define ALIGN_UP(size, type) ALIGN_UP_BY(size, sizeof(type))
#define ALIGN_DOWN_POINTER(address, type) ((PVOID)ALIGN_DOWN(address, type))
#define ALIGN_UP_POINTER(address, type) ((PVOID)ALIGN_UP(address, type))
#define UNICODE_NULL ((WCHAR)0)
#define ANSI_NULL ((CHAR)0)
#define UNICODE_STRING_MAX_CHARS 32767
#ifdef UNICODE
#define TEXT(text) L##text
#else
#define TEXT(text) text
#endif
#define EXTERN_C_START
#define EXTERN_C_END
#define STATUS_SEVERITY_SUCCESS 0
#define STATUS_SEVERITY_INFORMATIONAL 1
#define STATUS_SEVERITY_WARNING 2
#define STATUS_SEVERITY_ERROR 3
#define FACILITY_IO_ERROR_CODE 4
#define IsEqualGUID(first, second) (memcmp((first), (second), sizeof(GUID)) == 0)
#define InlineIsEqualGUID IsEqualGUID
#define IsEqualGUIDAligned IsEqualGUID
#define IsEqualIID IsEqualGUID
#define IsEqualCLSID IsEqualGUID
#define _countof(array) ARRAYSIZE(array)
#define ARGUMENT_PRESENT(argument) ((argument) != NULL)
#define TYPE_ALIGNMENT(type) offsetof(struct { char first; type second; }, second)
#define PROBE_ALIGNMENT(type) TYPE_ALIGNMENT(ULONG)
#define RTL_CONST_CAST(type) (type)
#define ALIGN_DOWN_POINTER_BY(address, alignment) ((PVOID)ALIGN_DOWN_BY(address, alignment))
#define ALIGN_UP_POINTER_BY(address, alignment) ((PVOID)ALIGN_UP_BY(address, alignment))
#define MAX_PATH 260
#define INFINITE 0xffffffffU
#define INVALID_HANDLE_VALUE ((HANDLE)(LONG_PTR)-1)
#define NT_CUSTOMER_SHIFT 29
#define HRESULT_FROM_NT(status) ((HRESULT)((status) | 0x10000000))
#define SUCCEEDED(result) ((HRESULT)(result) >= 0)
#define FAILED(result) ((HRESULT)(result) < 0)
#define S_OK ((HRESULT)0)
#define S_FALSE ((HRESULT)1)
#define E_FAIL ((HRESULT)0x80004005U)
#define E_INVALIDARG ((HRESULT)0x80070057U)
#define E_OUTOFMEMORY ((HRESULT)0x8007000eU)
#define E_NOTIMPL ((HRESULT)0x80004001U)

/* Versions of Windows, as sources ask for them. The headers are those of the newest. */

#define _WIN32_WINNT_NT4 0x0400
#define _WIN32_WINNT_WIN2K 0x0500
#define _WIN32_WINNT_WINXP 0x0501
#define _WIN32_WINNT_WS03 0x0502
#define _WIN32_WINNT_WIN6 0x0600
#define _WIN32_WINNT_VISTA 0x0600
#define _WIN32_WINNT_WS08 0x0600
#define _WIN32_WINNT_LONGHORN 0x0600
#define _WIN32_WINNT_WIN7 0x0601
#define _WIN32_WINNT_WIN8 0x0602
#define _WIN32_WINNT_WINBLUE 0x0603
#define _WIN32_WINNT_WIN10 0x0A00
#define NTDDI_WIN2K 0x05000000
#define NTDDI_WINXP 0x05010000
#define NTDDI_WINXPSP1 0x05010100
#define NTDDI_WINXPSP2 0x05010200
#define NTDDI_WS03 0x05020000
#define NTDDI_WS03SP1 0x05020100
#define NTDDI_VISTA 0x06000000
#define NTDDI_VISTASP1 0x06000100
#define NTDDI_LONGHORN NTDDI_VISTA
#define NTDDI_WS08 0x06000100
#define NTDDI_WIN7 0x06010000
#define NTDDI_WIN8 0x06020000
#define NTDDI_WINBLUE 0x06030000
#define NTDDI_WINTHRESHOLD 0x0A000000
#define NTDDI_WIN10 0x0A000000
#define NTDDI_WIN10_TH2 0x0A000001
#define NTDDI_WIN10_RS1 0x0A000002
#define NTDDI_WIN10_RS2 0x0A000003
#define NTDDI_WIN10_RS3 0x0A000004
#define NTDDI_WIN10_RS4 0x0A000005
#define NTDDI_WIN10_RS5 0x0A000006
#define NTDDI_WIN10_VB 0x0A000008
#ifndef NTDDI_VERSION
#define NTDDI_VERSION NTDDI_WIN10_VB
#endif
