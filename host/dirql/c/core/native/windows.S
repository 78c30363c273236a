// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0
// The entry points that images for Windows import, for x86-64 and Microsoft's calling convention, and the way back into
// them after an exception.
#define __ASSEMBLER__ 1
#include "core.h"

    .intel_syntax noprefix
    .text

// The frame of an entry point has all registers that its caller expects back, and the first six arguments; windows.c
// reads it. The return address is at rbp + 8, and the argument n, from 6 on, at rbp + 16 + 8 * n.
    .macro SAVE
    push rbp
    mov rbp, rsp
    push rbx
    push rsi
    push rdi
    push r12
    push r13
    push r14
    push r15
    push qword ptr [rbp + 56]
    push qword ptr [rbp + 48]
    push r9
    push r8
    push rdx
    push rcx
    sub rsp, 168
    movaps [rsp], xmm6
    movaps [rsp + 16], xmm7
    movaps [rsp + 32], xmm8
    movaps [rsp + 48], xmm9
    movaps [rsp + 64], xmm10
    movaps [rsp + 80], xmm11
    movaps [rsp + 96], xmm12
    movaps [rsp + 112], xmm13
    movaps [rsp + 128], xmm14
    movaps [rsp + 144], xmm15
    mov r12, [rip + dirql_current@GOTPCREL]
    mov r12, [r12]
    mov rdi, [rbp + 8]
    mov [r12 + STACK_RIP], rdi
    mov rdi, [rbp]
    mov [r12 + STACK_RBP], rdi
    .endm

    .macro RESTORE
    lea rsp, [rbp - 272]
    movaps xmm6, [rsp]
    movaps xmm7, [rsp + 16]
    movaps xmm8, [rsp + 32]
    movaps xmm9, [rsp + 48]
    movaps xmm10, [rsp + 64]
    movaps xmm11, [rsp + 80]
    movaps xmm12, [rsp + 96]
    movaps xmm13, [rsp + 112]
    movaps xmm14, [rsp + 128]
    movaps xmm15, [rsp + 144]
    lea rsp, [rbp - 56]
    pop r15
    pop r14
    pop r13
    pop r12
    pop rdi
    pop rsi
    pop rbx
    pop rbp
    .endm

// The common part of the stubs: the number of the kernel's routine is in eax.
    .globl dirql_windows_stub
    .hidden dirql_windows_stub
    .type dirql_windows_stub, @function
dirql_windows_stub:
    SAVE
    mov rbx, rsp
    mov [r12 + STACK_DRIVER_SP], rsp
    mov edi, eax
    lea rsi, [rbp - 104]
    lea rdx, [rbp + 64]
    mov rcx, r12
    mov rsp, [r12 + STACK_PYTHON_SP]
    call dirql_upcall
    mov rsp, rbx
    cmp qword ptr [r12 + STACK_ACTION], ACTION_NONE
    jne 1f
2:  RESTORE
    ret
1:  mov rdi, r12
    mov rsi, rbp
    call dirql_raise_windows
    xor eax, eax
    jmp 2b
    .size dirql_windows_stub, . - dirql_windows_stub

// The common part of the routines of the runtime, whose number is in eax. They get a copy of the arguments, and their
// faults are those of the caller: struct driver_stack knows the frame.
    .globl dirql_windows_runtime
    .hidden dirql_windows_runtime
    .type dirql_windows_runtime, @function
dirql_windows_runtime:
    SAVE
    sub rsp, 16
    mov rcx, [r12 + STACK_BORROWED]
    mov [rsp], rcx
    mov [r12 + STACK_BORROWED], rbp
    lea r10, [rip + dirql_windows_routines]
    mov r10, [r10 + rax * 8]
    sub rsp, 32 + 8 * WINDOWS_ARGUMENTS
    lea rsi, [rbp + 48]
    lea rdi, [rsp + 32]
    mov rcx, [r12 + STACK_TOP]
    sub rcx, rsi
    shr rcx, 3
    mov edx, WINDOWS_ARGUMENTS
    cmp rcx, rdx
    cmova rcx, rdx
    cld
    rep movsq
    mov rcx, [rbp - 104]
    mov rdx, [rbp - 96]
    mov r8, [rbp - 88]
    mov r9, [rbp - 80]
    call r10
    mov rcx, [rbp - 288]
    mov [r12 + STACK_BORROWED], rcx
    RESTORE
    ret
    .size dirql_windows_runtime, . - dirql_windows_runtime


    .globl dirql_windows_runtime_table
    .hidden dirql_windows_runtime_table
    .balign 16
dirql_windows_runtime_table:
    .set number, 0
    .rept WINDOWS_ROUTINES
    .balign 16
    mov eax, number
    jmp dirql_windows_runtime
    .set number, number + 1
    .endr

// void dirql_windows_resume(const CONTEXT *context): goes on with these registers.
    .globl dirql_windows_resume
    .hidden dirql_windows_resume
    .type dirql_windows_resume, @function
dirql_windows_resume:
    movaps xmm6, [rdi + 0x200]
    movaps xmm7, [rdi + 0x210]
    movaps xmm8, [rdi + 0x220]
    movaps xmm9, [rdi + 0x230]
    movaps xmm10, [rdi + 0x240]
    movaps xmm11, [rdi + 0x250]
    movaps xmm12, [rdi + 0x260]
    movaps xmm13, [rdi + 0x270]
    movaps xmm14, [rdi + 0x280]
    movaps xmm15, [rdi + 0x290]
    mov rax, [rdi + 0x78]
    mov rbx, [rdi + 0x90]
    mov rbp, [rdi + 0xa0]
    mov rsi, [rdi + 0xa8]
    mov r12, [rdi + 0xd8]
    mov r13, [rdi + 0xe0]
    mov r14, [rdi + 0xe8]
    mov r15, [rdi + 0xf0]
    mov rsp, [rdi + 0x98]
    push qword ptr [rdi + 0xf8]
    mov rdi, [rdi + 0xb0]
    ret
    .size dirql_windows_resume, . - dirql_windows_resume

// __chkstk: a routine is about to take rax bytes of the stack, whose pages are all there. It touches the last of them, so
// that a stack which is used up is found here.
    .globl dirql_check_stack
    .type dirql_check_stack, @function
dirql_check_stack:
    push rbp
    mov rbp, rsp
    push rcx
    mov rcx, rsp
    sub rcx, rax
    or qword ptr [rcx], 0
    pop rcx
    pop rbp
    ret
    .size dirql_check_stack, . - dirql_check_stack

    .section .note.GNU-stack,"",@progbits
