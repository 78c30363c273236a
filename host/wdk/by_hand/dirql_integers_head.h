/* SPDX-FileCopyrightText: dirql contributors
 * SPDX-License-Identifier: Apache-2.0 */

/* Bytes in the other order, integers of 64 bits as structures, and memory. */

#define RtlUshortByteSwap(Source) __builtin_bswap16((USHORT)(Source))
#define RtlUlongByteSwap(Source) __builtin_bswap32((ULONG)(Source))
#define RtlUlonglongByteSwap(Source) ((ULONGLONG)__builtin_bswap64((ULONGLONG)(Source)))
#define _byteswap_ushort RtlUshortByteSwap
#define _byteswap_ulong RtlUlongByteSwap
#define _byteswap_uint64 RtlUlonglongByteSwap

#define DIRQL_LARGE(value) ((LARGE_INTEGER){.QuadPart = (LONGLONG)(value)})

FORCEINLINE LARGE_INTEGER RtlConvertLongToLargeInteger(_In_ LONG SignedInteger)
{
    return DIRQL_LARGE(SignedInteger);
}

FORCEINLINE LARGE_INTEGER RtlConvertUlongToLargeInteger(_In_ ULONG UnsignedInteger)
{
    return DIRQL_LARGE(UnsignedInteger);
}

/* Sums and differences wrap around, as those of unsigned numbers do. */
FORCEINLINE LARGE_INTEGER RtlLargeIntegerAdd(_In_ LARGE_INTEGER Addend1, _In_ LARGE_INTEGER Addend2)
{
    return DIRQL_LARGE((ULONGLONG)Addend1.QuadPart + (ULONGLONG)Addend2.QuadPart);
}

FORCEINLINE LARGE_INTEGER RtlLargeIntegerSubtract(_In_ LARGE_INTEGER Number1, _In_ LARGE_INTEGER Number2)
{
    return DIRQL_LARGE((ULONGLONG)Number1.QuadPart - (ULONGLONG)Number2.QuadPart);
}

FORCEINLINE LARGE_INTEGER RtlLargeIntegerNegate(_In_ LARGE_INTEGER Number)
{
    return DIRQL_LARGE(0 - (ULONGLONG)Number.QuadPart);
}

FORCEINLINE LARGE_INTEGER RtlLargeIntegerShiftLeft(_In_ LARGE_INTEGER LargeInteger, _In_ CCHAR ShiftCount)
{
    return DIRQL_LARGE((ULONGLONG)LargeInteger.QuadPart << (ShiftCount & 63));
}

FORCEINLINE LARGE_INTEGER RtlLargeIntegerShiftRight(_In_ LARGE_INTEGER LargeInteger, _In_ CCHAR ShiftCount)
{
    return DIRQL_LARGE((ULONGLONG)LargeInteger.QuadPart >> (ShiftCount & 63));
}

FORCEINLINE LARGE_INTEGER RtlLargeIntegerArithmeticShift(_In_ LARGE_INTEGER LargeInteger, _In_ CCHAR ShiftCount)
{
    return DIRQL_LARGE(LargeInteger.QuadPart >> (ShiftCount & 63));
}

#define RtlLargeIntegerGreaterThan(X, Y) ((BOOLEAN)((X).QuadPart > (Y).QuadPart))
#define RtlLargeIntegerGreaterThanOrEqualTo(X, Y) ((BOOLEAN)((X).QuadPart >= (Y).QuadPart))
#define RtlLargeIntegerEqualTo(X, Y) ((BOOLEAN)((X).QuadPart == (Y).QuadPart))
#define RtlLargeIntegerNotEqualTo(X, Y) ((BOOLEAN)((X).QuadPart != (Y).QuadPart))
#define RtlLargeIntegerLessThan(X, Y) ((BOOLEAN)((X).QuadPart < (Y).QuadPart))
#define RtlLargeIntegerLessThanOrEqualTo(X, Y) ((BOOLEAN)((X).QuadPart <= (Y).QuadPart))
#define RtlLargeIntegerGreaterThanZero(X) ((BOOLEAN)((X).QuadPart > 0))
#define RtlLargeIntegerGreaterOrEqualToZero(X) ((BOOLEAN)((X).QuadPart >= 0))
#define RtlLargeIntegerEqualToZero(X) ((BOOLEAN)((X).QuadPart == 0))
#define RtlLargeIntegerNotEqualToZero(X) ((BOOLEAN)((X).QuadPart != 0))
#define RtlLargeIntegerLessThanZero(X) ((BOOLEAN)((X).QuadPart < 0))
#define RtlLargeIntegerLessOrEqualToZero(X) ((BOOLEAN)((X).QuadPart <= 0))

FORCEINLINE LARGE_INTEGER RtlEnlargedIntegerMultiply(_In_ LONG Multiplicand, _In_ LONG Multiplier)
{
    return DIRQL_LARGE((LONGLONG)Multiplicand * Multiplier);
}

FORCEINLINE LARGE_INTEGER RtlEnlargedUnsignedMultiply(_In_ ULONG Multiplicand, _In_ ULONG Multiplier)
{
    return DIRQL_LARGE((ULONGLONG)Multiplicand * Multiplier);
}

FORCEINLINE LARGE_INTEGER RtlExtendedIntegerMultiply(_In_ LARGE_INTEGER Multiplicand, _In_ LONG Multiplier)
{
    return DIRQL_LARGE((ULONGLONG)Multiplicand.QuadPart * (ULONGLONG)(LONGLONG)Multiplier);
}

/* Names for numbers of 64 bits. */
#define Int32x32To64(a, b) ((LONGLONG)(LONG)(a) * (LONGLONG)(LONG)(b))
#define UInt32x32To64(a, b) ((ULONGLONG)(ULONG)(a) * (ULONGLONG)(ULONG)(b))
#define Int64ShllMod32(a, b) ((ULONGLONG)(a) << (b))
#define Int64ShrlMod32(a, b) ((ULONGLONG)(a) >> (b))

/* Memory. The routines are the image's own, so that a bad pointer is found at the line that passes it. */

VOID RtlMoveMemory(_Out_ VOID *Destination, _In_ const VOID *Source, _In_ SIZE_T Length);
VOID RtlFillMemory(_Out_ VOID *Destination, _In_ SIZE_T Length, _In_ UCHAR Fill);
VOID RtlZeroMemory(_Out_ VOID *Destination, _In_ SIZE_T Length);
SIZE_T RtlCompareMemory(_In_ const VOID *Source1, _In_ const VOID *Source2, _In_ SIZE_T Length);
void *memcpy(void *destination, const void *source, size_t length);
void *memmove(void *destination, const void *source, size_t length);
void *memset(void *destination, int fill, size_t length);
int memcmp(const void *first, const void *second, size_t length);
size_t dirql_equal_bytes(const void *first, const void *second, size_t length);

#define RtlCopyMemory(Destination, Source, Length) ((void)memcpy((Destination), (Source), (Length)))
#define RtlCopyBytes RtlCopyMemory
#define RtlMoveMemory(Destination, Source, Length) ((void)memmove((Destination), (Source), (Length)))
#define RtlFillMemory(Destination, Length, Fill) ((void)memset((Destination), (Fill), (Length)))
#define RtlFillBytes RtlFillMemory
#define RtlZeroMemory(Destination, Length) ((void)memset((Destination), 0, (Length)))
#define RtlZeroBytes RtlZeroMemory
#define RtlSecureZeroMemory(Destination, Length) memset((Destination), 0, (Length))
#define RtlCompareMemory(Source1, Source2, Length) dirql_equal_bytes((Source1), (Source2), (Length))
#define RtlEqualMemory(Source1, Source2, Length) (memcmp((Source1), (Source2), (Length)) == 0)

#define RtlStoreUshort(Address, Value) memcpy((Address), &(USHORT){(USHORT)(Value)}, sizeof(USHORT))
#define RtlStoreUlong(Address, Value) memcpy((Address), &(ULONG){(ULONG)(Value)}, sizeof(ULONG))
#define RtlStoreUlonglong(Address, Value) memcpy((Address), &(ULONGLONG){(ULONGLONG)(Value)}, sizeof(ULONGLONG))
#define RtlRetrieveUshort(Destination, Source) memcpy((Destination), (Source), sizeof(USHORT))
#define RtlRetrieveUlong(Destination, Source) memcpy((Destination), (Source), sizeof(ULONG))
