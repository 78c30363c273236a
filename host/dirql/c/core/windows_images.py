# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Images for Windows in this process: where they lie, and what stands in the places of their imports."""

from __future__ import annotations

import mmap
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from dirql.c.core.images import BuiltDriver, WindowsContents
from dirql.c.core.native_module import Native
from dirql.c.core.stubs import DATA, STUBS
from dirql.nt.constants import PAGE_SIZE

__all__ = ["OTHER_NAMES", "WINDOWS_NAMES", "WindowsImage"]

OTHER_NAMES: Final = {"IofCallDriver": "IoCallDriver", "IofCompleteRequest": "IoCompleteRequest"}
"""The names that the kernel of Windows has for routines of the WDK."""
_HANDLER: Final = "__C_specific_handler"
_STACK_CHECK: Final = "__chkstk"
_OF_THE_CORE: Final = {_HANDLER: "dirql_specific_handler", _STACK_CHECK: "dirql_check_stack"}
WINDOWS_NAMES: Final = frozenset({*OTHER_NAMES, *_OF_THE_CORE})
"""The names that images for Windows can import beside those of all drivers in C."""
_COOKIE: Final = 0x6B8B_4567_327B
"""The security cookie: Windows takes a random number of 48 bits."""


class WindowsImage:
    """The contents of an image for Windows; `Contents` says what its routines do."""

    def __init__(self, native: Native, built: BuiltDriver, contents: WindowsContents) -> None:
        self._native = native
        self._contents = contents
        self._entry = built.entry
        self.base = native.open_windows_image(_whole(contents.size), *contents.functions)
        names = built.imports | contents.runtime_names
        image = contents.at(self.base, _COOKIE, dict(_addresses(native, names, contents)))
        native.write_bytes(self.base, image)
        for address, size, _, executable in self.parts():
            if executable:
                native.protect_pages(address, size, mmap.PROT_READ | mmap.PROT_EXEC)

    def parts(self) -> list[tuple[int, int, bool, bool]]:
        """See `Contents`."""
        return [
            (self.base + part.offset, _whole(part.size), part.is_writable, part.is_executable)
            for part in self._contents.parts
            if part.size
        ]

    def symbol(self, name: str) -> int:
        """See `Contents`: the entry point is the only one that has a name."""
        return self.base + self._contents.entry if name == self._entry else 0

    def close(self) -> None:
        """See `Contents`."""
        self._native.close_windows_image(self.base)


def _whole(size: int) -> int:
    return -(-size // PAGE_SIZE) * PAGE_SIZE


def _addresses(native: Native, names: Iterable[str], contents: WindowsContents) -> Iterable[tuple[str, int]]:
    """Name and address of each routine and variable."""
    runtime = _runtime(native, contents.runtime, contents.runtime_names)
    for name in names:
        if name in runtime:
            yield name, runtime[name]
        elif name in DATA:
            yield name, native.symbol(0, name)
        elif name in _OF_THE_CORE:
            yield name, native.symbol(0, _OF_THE_CORE[name])
        else:
            yield name, native.stub_address(STUBS[OTHER_NAMES.get(name, name)])


_loaded: dict[Path, dict[str, int]] = {}


def _runtime(native: Native, library: Path, names: frozenset[str]) -> dict[str, int]:
    """The address of each routine of the runtime, for images for Windows; the library stays in the process."""
    if library not in _loaded:
        _loaded[library] = _load_runtime(native, library, names)
    return _loaded[library]


def _load_runtime(native: Native, library: Path, names: frozenset[str]) -> dict[str, int]:
    handle, _ = native.open_image(str(library))
    return {
        name: native.windows_runtime_address(number, native.symbol(handle, name))
        for number, name in enumerate(sorted(names))
    }
