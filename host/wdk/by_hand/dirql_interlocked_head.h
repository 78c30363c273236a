/* SPDX-FileCopyrightText: dirql contributors
 * SPDX-License-Identifier: Apache-2.0 */

/* Operations that no other processor can interrupt, and what goes with them. */

FORCEINLINE LONG InterlockedIncrement(_Inout_ volatile LONG *Addend)
{
    return __atomic_add_fetch(Addend, 1, __ATOMIC_SEQ_CST);
}

FORCEINLINE LONG InterlockedDecrement(_Inout_ volatile LONG *Addend)
{
    return __atomic_sub_fetch(Addend, 1, __ATOMIC_SEQ_CST);
}

FORCEINLINE LONG InterlockedAdd(_Inout_ volatile LONG *Addend, _In_ LONG Value)
{
    return __atomic_add_fetch(Addend, Value, __ATOMIC_SEQ_CST);
}

FORCEINLINE LONG InterlockedExchange(_Inout_ volatile LONG *Target, _In_ LONG Value)
{
    return __atomic_exchange_n(Target, Value, __ATOMIC_SEQ_CST);
}

FORCEINLINE LONG InterlockedExchangeAdd(_Inout_ volatile LONG *Addend, _In_ LONG Value)
{
    return __atomic_fetch_add(Addend, Value, __ATOMIC_SEQ_CST);
}

/* Returns what was there before, whether or not it was exchanged. */
FORCEINLINE LONG InterlockedCompareExchange(_Inout_ volatile LONG *Destination, _In_ LONG Exchange, _In_ LONG Comperand)
{
    __atomic_compare_exchange_n(Destination, &Comperand, Exchange, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
    return Comperand;
}

FORCEINLINE LONG InterlockedAnd(_Inout_ volatile LONG *Destination, _In_ LONG Value)
{
    return __atomic_fetch_and(Destination, Value, __ATOMIC_SEQ_CST);
}

FORCEINLINE LONG InterlockedOr(_Inout_ volatile LONG *Destination, _In_ LONG Value)
{
    return __atomic_fetch_or(Destination, Value, __ATOMIC_SEQ_CST);
}

FORCEINLINE LONG InterlockedXor(_Inout_ volatile LONG *Destination, _In_ LONG Value)
{
    return __atomic_fetch_xor(Destination, Value, __ATOMIC_SEQ_CST);
}

/* The number of a bit may exceed the width of the first element: it then lies in a later one. */
FORCEINLINE BOOLEAN InterlockedBitTestAndSet(_Inout_ volatile LONG *Base, _In_ LONG Bit)
{
    LONG mask = (LONG)(1U << (Bit & 31));

    return (__atomic_fetch_or(Base + (Bit >> 5), mask, __ATOMIC_SEQ_CST) & mask) != 0;
}

FORCEINLINE BOOLEAN InterlockedBitTestAndReset(_Inout_ volatile LONG *Base, _In_ LONG Bit)
{
    LONG mask = (LONG)(1U << (Bit & 31));

    return (__atomic_fetch_and(Base + (Bit >> 5), ~mask, __ATOMIC_SEQ_CST) & mask) != 0;
}

FORCEINLINE LONG64 InterlockedIncrement64(_Inout_ volatile LONG64 *Addend)
{
    return __atomic_add_fetch(Addend, 1, __ATOMIC_SEQ_CST);
}

FORCEINLINE LONG64 InterlockedDecrement64(_Inout_ volatile LONG64 *Addend)
{
    return __atomic_sub_fetch(Addend, 1, __ATOMIC_SEQ_CST);
}

FORCEINLINE LONG64 InterlockedAdd64(_Inout_ volatile LONG64 *Addend, _In_ LONG64 Value)
{
    return __atomic_add_fetch(Addend, Value, __ATOMIC_SEQ_CST);
}

FORCEINLINE LONG64 InterlockedExchange64(_Inout_ volatile LONG64 *Target, _In_ LONG64 Value)
{
    return __atomic_exchange_n(Target, Value, __ATOMIC_SEQ_CST);
}

FORCEINLINE LONG64 InterlockedExchangeAdd64(_Inout_ volatile LONG64 *Addend, _In_ LONG64 Value)
{
    return __atomic_fetch_add(Addend, Value, __ATOMIC_SEQ_CST);
}

FORCEINLINE LONG64 InterlockedCompareExchange64(_Inout_ volatile LONG64 *Destination, _In_ LONG64 Exchange,
                                                _In_ LONG64 Comperand)
{
    __atomic_compare_exchange_n(Destination, &Comperand, Exchange, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
    return Comperand;
}

FORCEINLINE LONG64 InterlockedAnd64(_Inout_ volatile LONG64 *Destination, _In_ LONG64 Value)
{
    return __atomic_fetch_and(Destination, Value, __ATOMIC_SEQ_CST);
}

FORCEINLINE LONG64 InterlockedOr64(_Inout_ volatile LONG64 *Destination, _In_ LONG64 Value)
{
    return __atomic_fetch_or(Destination, Value, __ATOMIC_SEQ_CST);
}

FORCEINLINE LONG64 InterlockedXor64(_Inout_ volatile LONG64 *Destination, _In_ LONG64 Value)
{
    return __atomic_fetch_xor(Destination, Value, __ATOMIC_SEQ_CST);
}

FORCEINLINE BOOLEAN InterlockedBitTestAndSet64(_Inout_ volatile LONG64 *Base, _In_ LONG64 Bit)
{
    LONG64 mask = (LONG64)(1ULL << (Bit & 63));

    return (__atomic_fetch_or(Base + (Bit >> 6), mask, __ATOMIC_SEQ_CST) & mask) != 0;
}

FORCEINLINE BOOLEAN InterlockedBitTestAndReset64(_Inout_ volatile LONG64 *Base, _In_ LONG64 Bit)
{
    LONG64 mask = (LONG64)(1ULL << (Bit & 63));

    return (__atomic_fetch_and(Base + (Bit >> 6), ~mask, __ATOMIC_SEQ_CST) & mask) != 0;
}

FORCEINLINE PVOID dirql_exchange_pointer(volatile PVOID *target, PVOID value)
{
    return __atomic_exchange_n(target, value, __ATOMIC_SEQ_CST);
}

FORCEINLINE PVOID dirql_compare_exchange_pointer(volatile PVOID *target, PVOID value, PVOID comperand)
{
    __atomic_compare_exchange_n(target, &comperand, value, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
    return comperand;
}

#define DIRQL_INTERLOCKED_OF(width, type)                                                                            \
    FORCEINLINE type InterlockedIncrement##width(_Inout_ volatile type *Addend)                                      \
    {                                                                                                                \
        return __atomic_add_fetch(Addend, 1, __ATOMIC_SEQ_CST);                                                      \
    }                                                                                                                \
                                                                                                                     \
    FORCEINLINE type InterlockedDecrement##width(_Inout_ volatile type *Addend)                                      \
    {                                                                                                                \
        return __atomic_sub_fetch(Addend, 1, __ATOMIC_SEQ_CST);                                                      \
    }                                                                                                                \
                                                                                                                     \
    FORCEINLINE type InterlockedExchange##width(_Inout_ volatile type *Target, _In_ type Value)                      \
    {                                                                                                                \
        return __atomic_exchange_n(Target, Value, __ATOMIC_SEQ_CST);                                                 \
    }                                                                                                                \
                                                                                                                     \
    FORCEINLINE type InterlockedExchangeAdd##width(_Inout_ volatile type *Addend, _In_ type Value)                   \
    {                                                                                                                \
        return __atomic_fetch_add(Addend, Value, __ATOMIC_SEQ_CST);                                                  \
    }                                                                                                                \
                                                                                                                     \
    FORCEINLINE type InterlockedCompareExchange##width(_Inout_ volatile type *Destination, _In_ type Exchange,       \
                                                       _In_ type Comperand)                                          \
    {                                                                                                                \
        __atomic_compare_exchange_n(Destination, &Comperand, Exchange, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);       \
        return Comperand;                                                                                            \
    }                                                                                                                \
                                                                                                                     \
    FORCEINLINE type InterlockedAnd##width(_Inout_ volatile type *Destination, _In_ type Value)                      \
    {                                                                                                                \
        return __atomic_fetch_and(Destination, Value, __ATOMIC_SEQ_CST);                                             \
    }                                                                                                                \
                                                                                                                     \
    FORCEINLINE type InterlockedOr##width(_Inout_ volatile type *Destination, _In_ type Value)                       \
    {                                                                                                                \
        return __atomic_fetch_or(Destination, Value, __ATOMIC_SEQ_CST);                                              \
    }                                                                                                                \
                                                                                                                     \
    FORCEINLINE type InterlockedXor##width(_Inout_ volatile type *Destination, _In_ type Value)                      \
    {                                                                                                                \
        return __atomic_fetch_xor(Destination, Value, __ATOMIC_SEQ_CST);                                             \
    }

DIRQL_INTERLOCKED_OF(8, CHAR)
DIRQL_INTERLOCKED_OF(16, SHORT)

/* Returns TRUE if the 16 bytes were those of ComparandResult, which get what was there. */
FORCEINLINE UCHAR InterlockedCompareExchange128(_Inout_ volatile LONG64 *Destination, _In_ LONG64 ExchangeHigh,
                                                _In_ LONG64 ExchangeLow, _Inout_ LONG64 *ComparandResult)
{
    UCHAR same;

    __asm__ volatile("lock cmpxchg16b %1; sete %0"
                     : "=q"(same), "+m"(*(volatile __int128 *)Destination), "+a"(ComparandResult[0]),
                       "+d"(ComparandResult[1])
                     : "b"(ExchangeLow), "c"(ExchangeHigh)
                     : "cc", "memory");
    return same;
}

/* Drivers pass the addresses of pointers of every type. */
#define InterlockedExchangePointer(Target, Value) dirql_exchange_pointer((volatile PVOID *)(Target), (PVOID)(Value))
#define InterlockedCompareExchangePointer(Destination, Exchange, Comperand)                                          \
    dirql_compare_exchange_pointer((volatile PVOID *)(Destination), (PVOID)(Exchange), (PVOID)(Comperand))

#define _InterlockedIncrement InterlockedIncrement
#define _InterlockedDecrement InterlockedDecrement
#define _InterlockedExchange InterlockedExchange
#define _InterlockedExchangeAdd InterlockedExchangeAdd
#define _InterlockedCompareExchange InterlockedCompareExchange
#define _InterlockedAnd InterlockedAnd
#define _InterlockedOr InterlockedOr
#define _InterlockedXor InterlockedXor
#define _InterlockedExchangePointer InterlockedExchangePointer
#define _InterlockedCompareExchangePointer InterlockedCompareExchangePointer
#define _InterlockedIncrement16 InterlockedIncrement16
#define _InterlockedDecrement16 InterlockedDecrement16
#define _InterlockedIncrement64 InterlockedIncrement64
#define _InterlockedDecrement64 InterlockedDecrement64
#define _InterlockedExchange8 InterlockedExchange8
#define _InterlockedExchange64 InterlockedExchange64
#define _InterlockedExchangeAdd64 InterlockedExchangeAdd64
#define _InterlockedCompareExchange16 InterlockedCompareExchange16
#define _InterlockedCompareExchange64 InterlockedCompareExchange64
#define _InterlockedCompareExchange128 InterlockedCompareExchange128
#define _InterlockedOr8 InterlockedOr8
#define _InterlockedAnd8 InterlockedAnd8
#define _InterlockedOr64 InterlockedOr64
#define _InterlockedAnd64 InterlockedAnd64
#define InterlockedOr8Acquire InterlockedOr8
#define InterlockedCompareExchangeNoFence InterlockedCompareExchange
#define InterlockedIncrementNoFence InterlockedIncrement
#define InterlockedDecrementNoFence InterlockedDecrement
#define InterlockedExchangeNoFence InterlockedExchange
#define InterlockedAndNoFence InterlockedAnd
#define InterlockedOrNoFence InterlockedOr
#define InterlockedSetBit(Base, Bit) InterlockedBitTestAndSet(Base, Bit)
#define InterlockedClearBit(Base, Bit) InterlockedBitTestAndReset(Base, Bit)
#define InterlockedExchangeAddAcquire InterlockedExchangeAdd
#define InterlockedExchangeAddRelease InterlockedExchangeAdd
#define InterlockedExchangePointerNoFence InterlockedExchangePointer
#define InterlockedCompareExchangePointerAcquire InterlockedCompareExchangePointer
#define InterlockedCompareExchangePointerRelease InterlockedCompareExchangePointer
#define InterlockedIncrementAcquire InterlockedIncrement
#define InterlockedIncrementRelease InterlockedIncrement
#define InterlockedDecrementAcquire InterlockedDecrement
#define InterlockedDecrementRelease InterlockedDecrement
#define InterlockedCompareExchangeAcquire InterlockedCompareExchange
#define InterlockedCompareExchangeRelease InterlockedCompareExchange
#define InterlockedExchangeAcquire64 InterlockedExchange64
#define InterlockedExchangeAddSizeT(Target, Value) InterlockedExchangeAdd64((LONG64 *)(Target), (LONG64)(Value))
#define InterlockedIncrementSizeT(Target) InterlockedIncrement64((LONG64 *)(Target))
#define InterlockedDecrementSizeT(Target) InterlockedDecrement64((LONG64 *)(Target))

#define MemoryBarrier() __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define KeMemoryBarrier() MemoryBarrier()
#define KeMemoryBarrierWithoutFence() __asm__ volatile("" ::: "memory")
#define _ReadBarrier() KeMemoryBarrierWithoutFence()
#define _WriteBarrier() KeMemoryBarrierWithoutFence()
#define _ReadWriteBarrier() KeMemoryBarrierWithoutFence()
#define ReadNoFence(Source) (*(volatile const LONG *)(Source))
#define ReadAcquire(Source) __atomic_load_n((volatile const LONG *)(Source), __ATOMIC_ACQUIRE)
#define WriteNoFence(Destination, Value) (*(volatile LONG *)(Destination) = (Value))
#define WriteRelease(Destination, Value) __atomic_store_n((volatile LONG *)(Destination), (Value), __ATOMIC_RELEASE)
#define YieldProcessor() __asm__ volatile("pause")
