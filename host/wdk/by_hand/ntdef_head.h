/* SPDX-FileCopyrightText: dirql contributors
 * SPDX-License-Identifier: Apache-2.0 */

#include <stdarg.h>
#include <stddef.h>

#define _WIN64 1
#define _AMD64_ 1
#define _M_AMD64 100

#define VOID void
#define CONST const
#define NTAPI
#define FASTCALL
#define CDECL
#define WINAPI
#define CALLBACK
#define NTSYSAPI
#define NTKERNELAPI
#define NTHALAPI
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

/* Annotations: they tell Microsoft's analysis tools about a parameter, and nothing to a compiler. */

#define IN
#define OUT
#define OPTIONAL
#define _In_
#define _In_opt_
#define _In_z_
#define _In_opt_z_
#define _In_reads_(size)
#define _In_reads_opt_(size)
#define _In_reads_bytes_(size)
#define _In_reads_bytes_opt_(size)
#define _In_range_(low, high)
#define _Out_
#define _Out_opt_
#define _Out_writes_(size)
#define _Out_writes_opt_(size)
#define _Out_writes_bytes_(size)
#define _Out_writes_bytes_opt_(size)
#define _Out_writes_bytes_to_(size, count)
#define _Out_writes_bytes_to_opt_(size, count)
#define _Outptr_
#define _Outptr_opt_
#define _Outptr_result_maybenull_
#define _Outptr_result_bytebuffer_(size)
#define _Inout_
#define _Inout_opt_
#define _Inout_updates_(size)
#define _Inout_updates_bytes_(size)
#define _Inout_updates_bytes_opt_(size)
#define _Pre_
#define _Post_
#define _Pre_notnull_
#define _Post_notnull_
#define _Post_ptr_invalid_
#define _Ret_maybenull_
#define _Ret_notnull_
#define _Reserved_
#define _Const_
#define _Null_terminated_
#define _Field_size_(size)
#define _Field_size_bytes_(size)
#define _Field_size_opt_(size)
#define _Struct_size_bytes_(size)
#define _Points_to_data_
#define _Printf_format_string_
#define _Use_decl_annotations_
#define _Must_inspect_result_
#define _Check_return_
#define _Success_(expression)
#define _When_(condition, annotations)
#define _At_(target, annotations)
#define _Notref_
#define _Analysis_assume_(expression)
#define _Function_class_(name)
#define _IRQL_requires_(irql)
#define _IRQL_requires_max_(irql)
#define _IRQL_requires_min_(irql)
#define _IRQL_requires_same_
#define _IRQL_raises_(irql)
#define _IRQL_saves_
#define _IRQL_saves_global_(kind, parameter)
#define _IRQL_restores_
#define _IRQL_restores_global_(kind, parameter)
#define _IRQL_always_function_min_(irql)
#define _IRQL_always_function_max_(irql)
#define _Acquires_lock_(lock)
#define _Acquires_exclusive_lock_(lock)
#define _Acquires_shared_lock_(lock)
#define _Releases_lock_(lock)
#define _Releases_exclusive_lock_(lock)
#define _Releases_shared_lock_(lock)
#define _Requires_lock_held_(lock)
#define _Requires_lock_not_held_(lock)
#define _Guarded_by_(lock)
#define _Interlocked_operand_
#define _Dispatch_type_(function)
#define _Kernel_clear_do_init_(yes)
#define _Kernel_requires_resource_held_(kind)
#define _Kernel_requires_resource_not_held_(kind)
#define __drv_aliasesMem
#define __drv_allocatesMem(kind)
#define __drv_freesMem(kind)
#define __drv_mustHold(resource)
#define __drv_mustHoldCriticalRegion
#define __drv_dispatchType(function)
#define __drv_maxIRQL(irql)
#define __drv_requiresIRQL(irql)

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

/* Attributes of OBJECT_ATTRIBUTES that change nothing in dirql. */

