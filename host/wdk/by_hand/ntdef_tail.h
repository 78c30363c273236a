/* SPDX-FileCopyrightText: dirql contributors
 * SPDX-License-Identifier: Apache-2.0 */

/* Types of which programs and older sources speak. */

typedef LONG HRESULT;
typedef float FLOAT;
typedef double DOUBLE;
typedef const void *LPCVOID;
typedef UCHAR *LPBYTE;
typedef USHORT *LPWORD;
typedef ULONG *LPDWORD;
typedef LONG *LPLONG;
typedef ULONG DWORD32, *PDWORD32;
typedef ULONG64 DWORD64, *PDWORD64, DWORDLONG, *PDWORDLONG;
typedef ULONG_PTR DWORD_PTR, *PDWORD_PTR;
typedef int HALF_PTR, *PHALF_PTR;
typedef unsigned int UHALF_PTR, *PUHALF_PTR;
typedef void *HWND, *HINSTANCE, *HMODULE;
typedef GUID IID, *LPIID, CLSID, *LPCLSID, FMTID;
typedef const GUID *REFGUID, *REFIID, *REFCLSID;
typedef WCHAR *BSTR;
#ifdef UNICODE
typedef WCHAR TCHAR, *PTCHAR, *PTSTR, *LPTSTR, TBYTE, *PTBYTE;
typedef const WCHAR *PCTSTR, *LPCTSTR;
#else
typedef CHAR TCHAR, *PTCHAR, *PTSTR, *LPTSTR;
typedef UCHAR TBYTE, *PTBYTE;
typedef const CHAR *PCTSTR, *LPCTSTR;
#endif
typedef struct _FILETIME {
    ULONG dwLowDateTime;
    ULONG dwHighDateTime;
} FILETIME, *PFILETIME, *LPFILETIME;
typedef union _QUAD {
    LONGLONG UseThisFieldToCopy;
    DOUBLE DoNotUseThisField;
} QUAD, *PQUAD, UQUAD, *PUQUAD;

/* Pointers and handles as numbers of 32 bits, and back. */

#define HandleToULong(handle) ((ULONG)(ULONG_PTR)(handle))
#define HandleToUlong HandleToULong
#define HandleToLong(handle) ((LONG)(LONG_PTR)(handle))
#define ULongToHandle(number) ((HANDLE)(ULONG_PTR)(ULONG)(number))
#define UlongToHandle ULongToHandle
#define LongToHandle(number) ((HANDLE)(LONG_PTR)(LONG)(number))
#define Handle32ToHandle(number) LongToHandle((LONG)(LONG_PTR)(number))
#define PtrToUlong(pointer) ((ULONG)(ULONG_PTR)(pointer))
#define PtrToULong PtrToUlong
#define PtrToLong(pointer) ((LONG)(LONG_PTR)(pointer))
#define PtrToUint(pointer) ((unsigned int)(ULONG_PTR)(pointer))
#define PtrToInt(pointer) ((int)(LONG_PTR)(pointer))
#define PtrToUshort(pointer) ((USHORT)(ULONG_PTR)(pointer))
#define PtrToShort(pointer) ((SHORT)(LONG_PTR)(pointer))
#define ULongToPtr(number) ((PVOID)(ULONG_PTR)(ULONG)(number))
#define UlongToPtr ULongToPtr
#define UIntToPtr ULongToPtr
#define UintToPtr ULongToPtr
#define LongToPtr(number) ((PVOID)(LONG_PTR)(LONG)(number))
#define IntToPtr LongToPtr
#define Ptr32ToPtr(pointer) ((PVOID)(ULONG_PTR)(ULONG)(ULONG_PTR)(pointer))
#define PtrToPtr32 PtrToUlong
#define PtrToPtr64(pointer) ((ULONG64)(ULONG_PTR)(pointer))
#define Ptr64ToPtr(pointer) ((PVOID)(ULONG_PTR)(pointer))
#define HandleToHandle64(handle) ((ULONG64)(ULONG_PTR)(handle))
#define Handle64ToHandle(handle) ((HANDLE)(ULONG_PTR)(handle))

#define RTL_CONSTANT_STRING(text) {sizeof(text) - sizeof((text)[0]), sizeof(text), (text)}
#define DECLARE_CONST_UNICODE_STRING(variable, text)                                                                 \
    const WCHAR variable##_buffer[] = text;                                                                          \
    const UNICODE_STRING variable = {sizeof(text) - sizeof(WCHAR), sizeof(text), (PWCH)variable##_buffer}

#define DECLARE_GLOBAL_CONST_UNICODE_STRING(variable, text)                                                          \
    extern const UNICODE_STRING variable;                                                                            \
    const UNICODE_STRING variable = {sizeof(text) - sizeof(WCHAR), sizeof(text), (PWCH)(text)}
#define DECLARE_UNICODE_STRING_SIZE(variable, length)                                                                \
    WCHAR variable##_buffer[length];                                                                                 \
    UNICODE_STRING variable = {0, (length) * sizeof(WCHAR), variable##_buffer}
#define RTL_CONSTANT_OBJECT_ATTRIBUTES(name, flags)                                                                  \
    {sizeof(OBJECT_ATTRIBUTES), NULL, (PUNICODE_STRING)(name), (flags), NULL, NULL}

#define InitializeObjectAttributes(attributes, name, flags, root, security)                                          \
    do {                                                                                                             \
        (attributes)->Length = sizeof(OBJECT_ATTRIBUTES);                                                            \
        (attributes)->RootDirectory = (root);                                                                        \
        (attributes)->ObjectName = (name);                                                                           \
        (attributes)->Attributes = (flags);                                                                          \
        (attributes)->SecurityDescriptor = (security);                                                               \
        (attributes)->SecurityQualityOfService = NULL;                                                               \
    } while (0)

/* Declares a GUID. initguid.h makes it define the GUID. */
#define DEFINE_GUID(name, first, second, third, ...) extern const GUID name
