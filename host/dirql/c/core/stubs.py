# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The entry points that drivers in C import: one for each routine of host/wdk, and one for each member of a table.

A stub puts its number into a register and goes on in native/switch.S, which knows whether an image for Windows calls.
"""

from __future__ import annotations

from typing import Final

from dirql.c.core.interface import MEMBERS, ROUTINES

__all__ = ["DATA", "EXCEPTIONS", "FREE_STUBS", "OWN", "PLAIN", "STUBS", "stub_source"]

OWN: Final = ("dirql_address_error", "dirql_debug_print", "dirql_system_routine")
"""Routines of the core's own, which the runtime of drivers imports."""

EXCEPTIONS: Final = tuple(
    f"dirql_seh_{name}"
    for name in (
        *(
            "code",
            "end",
            "enter",
            "filtered",
            "finally",
            "information",
            "is_abnormal",
            "is_running",
            "is_taken",
        ),
        *("leave", "resume", "run"),
    )
)
"""The steps of __try and its kin, which are compiled into the core (c/runtime/seh.c)."""

PLAIN: Final = ("dirql_stack_limits",)
"""Routines of the core that ask nothing of Python (native/calls.c)."""

DATA: Final = (
    "CmKeyObjectType",
    "ExEventObjectType",
    "ExSemaphoreObjectType",
    "IoDeviceObjectType",
    "IoDriverObjectType",
    "IoFileObjectType",
    "PsProcessType",
    "PsThreadType",
    "KdDebuggerEnabled",
    "KdDebuggerNotPresent",
    "InitSafeBootMode",
    "KdComPortInUse",
    "KeNumberProcessors",
    "NtBuildNumber",
    "NtGlobalFlag",
    "PsInitialSystemProcess",
    "MmHighestUserAddress",
    "MmSystemRangeStart",
    "MmUserProbeAddress",
)
"""Variables of the kernel, of which each has 8 bytes here; variables.py fills them."""


def _members() -> tuple[str, ...]:
    return tuple(f"dirql_member_{name}" for name in MEMBERS)


def _routines() -> tuple[str, ...]:
    return tuple(
        name
        for name, (_, result, parameters, _) in ROUTINES.items()
        if result != "variadic" and all(form != "list" for _, form, _ in parameters)
    )


STUBS: Final[dict[str, int]] = {name: number for number, name in enumerate((*OWN, *_members(), *_routines()))}
"""The number of each stub; the members of tables have the prefix dirql_member_."""


FREE_STUBS: Final = range(len(STUBS), len(STUBS) + 1024)
"""The numbers of stubs without a routine, which get callables of Python that drivers know by pointers."""


def stub_source() -> str:
    """The assembly text of all stubs, of their table, and of the variables."""
    lines = ["    .intel_syntax noprefix", "    .text"]
    stubs = {**STUBS, **{f"dirql_free_{number}": number for number in FREE_STUBS}}
    for name, number in stubs.items():
        lines += [f"    .globl {name}", f"    .type {name}, @function", f"{name}:"]
        lines += [
            "    endbr64",
            f"    mov eax, {number}",
            "    jmp dirql_stub",
            f"    .size {name}, . - {name}",
        ]
    lines += ["    .data", "    .balign 8"]
    for name in DATA:
        lines += [
            f"    .globl {name}",
            f"    .type {name}, @object",
            f"    .size {name}, 8",
            f"{name}: .quad 0",
        ]
    lines += ['    .section .data.rel.ro, "aw"', "    .balign 8", "    .globl dirql_stub_table"]
    lines += ["    .hidden dirql_stub_table", "dirql_stub_table:"]
    lines += [f"    .quad {name}" for name in stubs]
    lines += [
        "    .globl dirql_stub_count",
        "    .hidden dirql_stub_count",
        f"dirql_stub_count: .long {len(stubs)}",
    ]
    lines += ['    .section .note.GNU-stack,"",@progbits', ""]
    return "\n".join(lines)
