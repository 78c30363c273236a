# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The address sanitizer for drivers: gcc's code for a kernel, with the checks of runtime/address.c.

The sanitizer of programs has a library of its own that keeps its data in the process; a driver's data is in the
machine's RAM, and its blocks come from the machine's pool.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from dirql.c.image.compiler import CompileError, Compiler

__all__ = ["LINKED", "RUNTIME_PART", "is_hosted", "is_sanitized", "sanitizer_options"]

RUNTIME_PART: Final = "address.c"
"""The part of the runtime that is linked to such images only, and is not checked itself."""
_ADDRESS: Final = re.compile(r"-fsanitize=(?:kernel-)?address$")
_HOSTED: Final = re.compile(r"-fsanitize(?!=(?:kernel-)?address$)")
_SHADOW: Final = 0x3000_0000_0000
"""The address of the shadow; core/shadow.py maps it."""
LINKED: Final = "-Wl,-z,muldefs"
"""The option of the linker: variables that several files define are one, though they are not common."""
_OPTIONS: Final = (
    "-fsanitize=kernel-address",
    f"-fasan-shadow-offset={_SHADOW:#x}",
    "-fsanitize-address-use-after-scope",
    "-fno-common",
    *(
        f"--param=asan-{name}={value}"
        for name, value in (
            ("stack", 1),
            ("globals", 1),
            ("instrument-allocas", 0),
            ("instrumentation-with-call-threshold", 0),
        )
    ),
)


def is_sanitized(flags: Iterable[str]) -> bool:
    """Whether options ask for the address sanitizer."""
    return any(_ADDRESS.match(flag) for flag in flags)


def is_hosted(flags: Iterable[str]) -> bool:
    """Whether options ask for a sanitizer that has a library of its own."""
    return any(_HOSTED.match(flag) for flag in flags)


def sanitizer_options(flags: Iterable[str], compiler: Compiler) -> tuple[str, ...]:
    """The options for the compiler in place of -fsanitize=address; raises `CompileError` for another one than gcc."""
    if not is_sanitized(flags):
        return ()
    if compiler.is_clang:
        raise CompileError(
            f"-fsanitize=address for drivers needs gcc; the compiler is {' '.join(compiler.command)}: unset CC"
        )
    return (*_OPTIONS, f"-DDIRQL_SHADOW={_SHADOW:#x}ull")
