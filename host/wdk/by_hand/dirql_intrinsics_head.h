/* SPDX-FileCopyrightText: dirql contributors
 * SPDX-License-Identifier: Apache-2.0 */

/* The intrinsic functions of Microsoft's compiler for x64. Ports are those of the machine. An instruction that only a
 * kernel may execute, such as RDMSR, raises STATUS_ACCESS_VIOLATION: the machine's processors have no such registers. */

#define __inbyte(port) READ_PORT_UCHAR((PUCHAR)(ULONG_PTR)(USHORT)(port))
#define __inword(port) READ_PORT_USHORT((PUSHORT)(ULONG_PTR)(USHORT)(port))
#define __indword(port) READ_PORT_ULONG((PULONG)(ULONG_PTR)(USHORT)(port))
#define __outbyte(port, value) WRITE_PORT_UCHAR((PUCHAR)(ULONG_PTR)(USHORT)(port), (UCHAR)(value))
#define __outword(port, value) WRITE_PORT_USHORT((PUSHORT)(ULONG_PTR)(USHORT)(port), (USHORT)(value))
#define __outdword(port, value) WRITE_PORT_ULONG((PULONG)(ULONG_PTR)(USHORT)(port), (ULONG)(value))
#define __inbytestring(port, buffer, count) READ_PORT_BUFFER_UCHAR((PUCHAR)(ULONG_PTR)(USHORT)(port), buffer, count)
#define __inwordstring(port, buffer, count) READ_PORT_BUFFER_USHORT((PUSHORT)(ULONG_PTR)(USHORT)(port), buffer, count)
#define __indwordstring(port, buffer, count) READ_PORT_BUFFER_ULONG((PULONG)(ULONG_PTR)(USHORT)(port), buffer, count)
#define __outbytestring(port, buffer, count) WRITE_PORT_BUFFER_UCHAR((PUCHAR)(ULONG_PTR)(USHORT)(port), buffer, count)
#define __outwordstring(port, buffer, count) WRITE_PORT_BUFFER_USHORT((PUSHORT)(ULONG_PTR)(USHORT)(port), buffer, count)
#define __outdwordstring(port, buffer, count) WRITE_PORT_BUFFER_ULONG((PULONG)(ULONG_PTR)(USHORT)(port), buffer, count)
#define _inp __inbyte
#define _inpw __inword
#define _inpd __indword
#define _outp __outbyte
#define _outpw __outword
#define _outpd __outdword

#ifdef _WIN32 /* Compilers for Windows have these themselves, some with other types. */
#define __rdtsc dirql__rdtsc
#define __rdtscp dirql__rdtscp
#define __cpuid dirql__cpuid
#define __cpuidex dirql__cpuidex
#define _xgetbv dirql__xgetbv
#define __readmsr dirql__readmsr
#define __writemsr dirql__writemsr
#define __readpmc dirql__readpmc
#define __readcr0 dirql__readcr0
#define __writecr0 dirql__writecr0
#define __readcr2 dirql__readcr2
#define __writecr2 dirql__writecr2
#define __readcr3 dirql__readcr3
#define __writecr3 dirql__writecr3
#define __readcr4 dirql__readcr4
#define __writecr4 dirql__writecr4
#define _BitScanForward dirql__BitScanForward
#define _BitScanReverse dirql__BitScanReverse
#define _BitScanForward64 dirql__BitScanForward64
#define _BitScanReverse64 dirql__BitScanReverse64
#define _bittest dirql__bittest
#define _bittestandset dirql__bittestandset
#define _bittestandreset dirql__bittestandreset
#define _bittestandcomplement dirql__bittestandcomplement
#define _bittest64 dirql__bittest64
#define _bittestandset64 dirql__bittestandset64
#define _bittestandreset64 dirql__bittestandreset64
#define _bittestandcomplement64 dirql__bittestandcomplement64
#define _umul128 dirql__umul128
#define _mul128 dirql__mul128
#define __movsb dirql__movsb
#define __movsw dirql__movsw
#define __movsd dirql__movsd
#define __movsq dirql__movsq
#define __stosb dirql__stosb
#define __stosw dirql__stosw
#define __stosd dirql__stosd
#define __stosq dirql__stosq
#endif

FORCEINLINE ULONG64 __rdtsc(VOID)
{
    return __builtin_ia32_rdtsc();
}

FORCEINLINE ULONG64 __rdtscp(ULONG *Processor)
{
    return __builtin_ia32_rdtscp(Processor);
}

FORCEINLINE VOID __cpuidex(int Registers[4], int Function, int SubFunction)
{
    __asm__ volatile("cpuid"
                     : "=a"(Registers[0]), "=b"(Registers[1]), "=c"(Registers[2]), "=d"(Registers[3])
                     : "a"(Function), "c"(SubFunction));
}

FORCEINLINE VOID __cpuid(int Registers[4], int Function)
{
    __cpuidex(Registers, Function, 0);
}

FORCEINLINE ULONG64 _xgetbv(ULONG Register)
{
    ULONG low, high;

    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(Register));
    return (ULONG64)high << 32 | low;
}

FORCEINLINE ULONG64 __readmsr(ULONG Register)
{
    ULONG low, high;

    __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(Register));
    return (ULONG64)high << 32 | low;
}

FORCEINLINE VOID __writemsr(ULONG Register, ULONG64 Value)
{
    __asm__ volatile("wrmsr" : : "c"(Register), "a"((ULONG)Value), "d"((ULONG)(Value >> 32)));
}

FORCEINLINE ULONG64 __readpmc(ULONG Counter)
{
    ULONG low, high;

    __asm__ volatile("rdpmc" : "=a"(low), "=d"(high) : "c"(Counter));
    return (ULONG64)high << 32 | low;
}

#define DIRQL_CONTROL_REGISTER(number)                                                                               \
    FORCEINLINE ULONG64 __readcr##number(VOID)                                                                       \
    {                                                                                                                \
        ULONG64 value;                                                                                               \
                                                                                                                     \
        __asm__ volatile("mov %%cr" #number ", %0" : "=r"(value));                                                   \
        return value;                                                                                                \
    }                                                                                                                \
                                                                                                                     \
    FORCEINLINE VOID __writecr##number(ULONG64 value)                                                                \
    {                                                                                                                \
        __asm__ volatile("mov %0, %%cr" #number : : "r"(value));                                                     \
    }

DIRQL_CONTROL_REGISTER(0)
DIRQL_CONTROL_REGISTER(2)
DIRQL_CONTROL_REGISTER(3)
DIRQL_CONTROL_REGISTER(4)

#define __readcr8() ((ULONG64)KeGetCurrentIrql())
#define __halt() __asm__ volatile("hlt")
#define __wbinvd() __asm__ volatile("wbinvd")
#define __invlpg(address) __asm__ volatile("invlpg (%0)" : : "r"(address) : "memory")
#define __ud2() __builtin_trap()
#define __fastfail(code) KeBugCheckEx(0x139, (code), 0, 0, 0)
#define __int2c() DbgRaiseAssertionFailure()
#define __readeflags() ((ULONG64)__builtin_ia32_readeflags_u64())

FORCEINLINE UCHAR _BitScanForward(ULONG *Index, ULONG Mask)
{
    if (Mask != 0) {
        *Index = (ULONG)__builtin_ctz(Mask);
    }
    return Mask != 0;
}

FORCEINLINE UCHAR _BitScanReverse(ULONG *Index, ULONG Mask)
{
    if (Mask != 0) {
        *Index = 31 - (ULONG)__builtin_clz(Mask);
    }
    return Mask != 0;
}

FORCEINLINE UCHAR _BitScanForward64(ULONG *Index, ULONG64 Mask)
{
    if (Mask != 0) {
        *Index = (ULONG)__builtin_ctzll(Mask);
    }
    return Mask != 0;
}

FORCEINLINE UCHAR _BitScanReverse64(ULONG *Index, ULONG64 Mask)
{
    if (Mask != 0) {
        *Index = 63 - (ULONG)__builtin_clzll(Mask);
    }
    return Mask != 0;
}

#define DIRQL_BIT_TEST(name, word, step)                                                                             \
    FORCEINLINE UCHAR name(word *Base, word Bit)                                                                     \
    {                                                                                                                \
        word *place = Base + Bit / (word)(8 * sizeof(word));                                                         \
        word mask = (word)1 << Bit % (word)(8 * sizeof(word));                                                       \
        UCHAR before = (*place & mask) != 0;                                                                         \
                                                                                                                     \
        step;                                                                                                        \
        return before;                                                                                               \
    }

DIRQL_BIT_TEST(_bittest, LONG, (void)0)
DIRQL_BIT_TEST(_bittestandset, LONG, *place |= mask)
DIRQL_BIT_TEST(_bittestandreset, LONG, *place &= ~mask)
DIRQL_BIT_TEST(_bittestandcomplement, LONG, *place ^= mask)
DIRQL_BIT_TEST(_bittest64, LONG64, (void)0)
DIRQL_BIT_TEST(_bittestandset64, LONG64, *place |= mask)
DIRQL_BIT_TEST(_bittestandreset64, LONG64, *place &= ~mask)
DIRQL_BIT_TEST(_bittestandcomplement64, LONG64, *place ^= mask)

#define BitScanForward _BitScanForward
#define BitScanReverse _BitScanReverse
#define BitScanForward64 _BitScanForward64
#define BitScanReverse64 _BitScanReverse64
#define BitTest _bittest
#define BitTestAndSet _bittestandset
#define BitTestAndReset _bittestandreset
#define BitTestAndComplement _bittestandcomplement
#define BitTest64 _bittest64
#define BitTestAndSet64 _bittestandset64
#define BitTestAndReset64 _bittestandreset64
#define BitTestAndComplement64 _bittestandcomplement64
#define _interlockedbittestandset InterlockedBitTestAndSet
#define _interlockedbittestandreset InterlockedBitTestAndReset
#define __popcnt(value) ((ULONG)__builtin_popcount(value))
#define __popcnt64(value) ((ULONG64)__builtin_popcountll(value))
#define __lzcnt(value) ((value) == 0 ? 32U : (ULONG)__builtin_clz(value))
#define __lzcnt64(value) ((value) == 0 ? 64ULL : (ULONG64)__builtin_clzll(value))

FORCEINLINE ULONG64 _umul128(ULONG64 Multiplier, ULONG64 Multiplicand, ULONG64 *HighProduct)
{
    unsigned __int128 product = (unsigned __int128)Multiplier * Multiplicand;

    *HighProduct = (ULONG64)(product >> 64);
    return (ULONG64)product;
}

FORCEINLINE LONG64 _mul128(LONG64 Multiplier, LONG64 Multiplicand, LONG64 *HighProduct)
{
    __int128 product = (__int128)Multiplier * Multiplicand;

    *HighProduct = (LONG64)(product >> 64);
    return (LONG64)product;
}

#define __umulh(first, second) ((ULONG64)((unsigned __int128)(ULONG64)(first) * (ULONG64)(second) >> 64))
#define __mulh(first, second) ((LONG64)((__int128)(LONG64)(first) * (LONG64)(second) >> 64))
#define UnsignedMultiplyHigh __umulh
#define MultiplyHigh __mulh
#define UnsignedMultiply128 _umul128
#define Multiply128 _mul128
#define __ll_lshift(value, count) ((ULONG64)(value) << (count))
#define __ll_rshift(value, count) ((LONG64)(value) >> (count))
#define __ull_rshift(value, count) ((ULONG64)(value) >> (count))

#define DIRQL_STRING_INSTRUCTION(suffix, type)                                                                       \
    FORCEINLINE VOID __movs##suffix(type *Destination, const type *Source, SIZE_T Count)                             \
    {                                                                                                                \
        for (; Count > 0; Count--) {                                                                                 \
            *(volatile type *)Destination++ = *Source++;                                                             \
        }                                                                                                            \
    }                                                                                                                \
                                                                                                                     \
    FORCEINLINE VOID __stos##suffix(type *Destination, type Data, SIZE_T Count)                                      \
    {                                                                                                                \
        for (; Count > 0; Count--) {                                                                                 \
            *(volatile type *)Destination++ = Data;                                                                  \
        }                                                                                                            \
    }

DIRQL_STRING_INSTRUCTION(b, UCHAR)
DIRQL_STRING_INSTRUCTION(w, USHORT)
DIRQL_STRING_INSTRUCTION(d, ULONG)
DIRQL_STRING_INSTRUCTION(q, ULONG64)

#define _ReturnAddress() __builtin_return_address(0)
#define _AddressOfReturnAddress() ((PVOID)((PUCHAR)__builtin_frame_address(0) + sizeof(PVOID)))
#define _mm_pause() __asm__ volatile("pause")
#define _mm_mfence() __asm__ volatile("mfence" ::: "memory")
#define _mm_lfence() __asm__ volatile("lfence" ::: "memory")
#define _mm_sfence() __asm__ volatile("sfence" ::: "memory")
#define __faststorefence() _mm_mfence()
#define LoadFence() _mm_lfence()
#define MemoryFence() _mm_mfence()
#define StoreFence() _mm_sfence()
#define FastFence() _mm_mfence()
#define _mm_clflush(address) __builtin_ia32_clflush(address)
#define _mm_prefetch(address, hint) __builtin_prefetch(address)
#define PreFetchCacheLine(level, address) __builtin_prefetch(address)
#define PrefetchForWrite(address) __builtin_prefetch((address), 1)
#define ReadForWriteAccess(address) (*(address))
