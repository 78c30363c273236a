// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0
// The changes between Python's stack and a driver's, for x86-64 and the calling convention of System V.
#define __ASSEMBLER__ 1
#include "core.h"

    .intel_syntax noprefix
    .text

// uint64_t dirql_enter(struct driver_stack *stack, uint64_t routine, const uint64_t *arguments, uint64_t count)
// Calls a routine on the driver's stack.
    .globl dirql_enter
    .hidden dirql_enter
    .type dirql_enter, @function
dirql_enter:
    .cfi_startproc
    push rbp
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset rbp, 0
    mov rbp, rsp
    .cfi_def_cfa_register rbp
    push rbx
    push r12
    push r13
    push r14
    push r15
    sub rsp, 8                      // Python's stack stays aligned for upcalls
    mov rbx, rdi
    mov [rdi + STACK_PYTHON_SP], rsp
    mov rsp, [rdi + STACK_DRIVER_SP]
    and rsp, -16
    mov r10, rsi
    mov r11, rdx
    mov rax, rcx
    cmp rax, 6
    jbe 2f
    test al, 1                      // an odd number on the stack needs a gap
    jz 1f
    sub rsp, 8
1:  push qword ptr [r11 + rax * 8 - 8]
    dec rax
    cmp rax, 6
    ja 1b
2:  mov rdi, [r11]
    mov rsi, [r11 + 8]
    mov rdx, [r11 + 16]
    mov rcx, [r11 + 24]
    mov r8, [r11 + 32]
    mov r9, [r11 + 40]
    xor eax, eax
    call r10
    mov rsp, [rbx + STACK_PYTHON_SP]
leave_python:
    add rsp, 8
    pop r15
    pop r14
    pop r13
    pop r12
    pop rbx
    pop rbp
    .cfi_def_cfa rsp, 8
    ret
    .cfi_endproc
    .size dirql_enter, . - dirql_enter

// void dirql_drop(struct driver_stack *stack): ends the innermost entry; the frames above it on the driver's stack are
// forgotten. May be called on either stack.
    .globl dirql_drop
    .hidden dirql_drop
    .type dirql_drop, @function
dirql_drop:
    mov rsp, [rdi + STACK_PYTHON_SP]
    xor eax, eax
    jmp leave_python
    .size dirql_drop, . - dirql_drop

// The common part of all stubs: the number of the routine is in eax, the arguments are where its caller has put them.
    .globl dirql_stub
    .hidden dirql_stub
    .type dirql_stub, @function
dirql_stub:
    .cfi_startproc
    mov r10, [rip + dirql_current@GOTPCREL]
    mov r10, [r10]
    cmp qword ptr [r10 + STACK_IS_WINDOWS], 0
    jne dirql_windows_stub
    push rbp
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset rbp, 0
    mov rbp, rsp
    .cfi_def_cfa_register rbp
    push rbx
    push r12
    push r9
    push r8
    push rcx
    push rdx
    push rsi
    push rdi
    mov rbx, rsp
    mov r12, [rip + dirql_current@GOTPCREL]
    mov r12, [r12]
    mov [r12 + STACK_DRIVER_SP], rsp
    mov rdi, [rbp + 8]
    mov [r12 + STACK_RIP], rdi
    mov rdi, [rbp]
    mov [r12 + STACK_RBP], rdi
    mov edi, eax
    mov rsi, rsp
    lea rdx, [rbp + 16]
    mov rcx, r12
    mov rsp, [r12 + STACK_PYTHON_SP]
    call dirql_upcall
    mov rsp, rbx
    cmp qword ptr [r12 + STACK_ACTION], ACTION_NONE
    jne 1f
2:  lea rsp, [rbp - 16]
    pop r12
    pop rbx
    pop rbp
    .cfi_def_cfa rsp, 8
    .cfi_remember_state
    ret
1:  .cfi_restore_state
    .cfi_def_cfa rbp, 16
    mov rdi, r12                    // a status exception: look for a __try on this stack
    mov rsi, rbp
    call dirql_raise
    xor eax, eax
    jmp 2b
    .cfi_endproc
    .size dirql_stub, . - dirql_stub

// A driver's code was interrupted by a fault; rsp points at 512 bytes for the floating point registers, with the other
// registers behind.
    .globl dirql_fault_thunk
    .hidden dirql_fault_thunk
    .type dirql_fault_thunk, @function
dirql_fault_thunk:
    fxsave [rsp]
    cld
    mov rbx, rsp
    mov r12, [rip + dirql_current@GOTPCREL]
    mov r12, [r12]
    mov [r12 + STACK_DRIVER_SP], rsp
    lea rdi, [rsp + 512]
    mov rsi, r12
    mov rsp, [r12 + STACK_PYTHON_SP]
    call dirql_fault
    mov rsp, rbx
    cmp qword ptr [r12 + STACK_ACTION], ACTION_NONE
    je 1f
    mov rdi, r12
    lea rsi, [rbx + 512]
    call dirql_raise_fault
1:  fxrstor [rbx]
    lea rsp, [rbx + 512]
    mov rax, [rsp + 136]            // the interrupted rsp: below the 128 bytes that leaf functions use
    sub rax, 144
    mov rcx, [rsp + 120]
    mov [rax], rcx                  // rflags
    mov rcx, [rsp + 128]
    mov [rax + 8], rcx              // rip
    mov [rsp + 136], rax
    pop rax
    pop rbx
    pop rcx
    pop rdx
    pop rsi
    pop rdi
    pop rbp
    pop r8
    pop r9
    pop r10
    pop r11
    pop r12
    pop r13
    pop r14
    pop r15
    mov rsp, [rsp + 16]
    popfq
    ret 128
    .size dirql_fault_thunk, . - dirql_fault_thunk

// The driver's stack is used up; rdi is the stack, and rsp is Python's already.
    .globl dirql_overflow_thunk
    .hidden dirql_overflow_thunk
    .type dirql_overflow_thunk, @function
dirql_overflow_thunk:
    cld
    call dirql_overflow
    ud2
    .size dirql_overflow_thunk, . - dirql_overflow_thunk

    .section .note.GNU-stack,"",@progbits
