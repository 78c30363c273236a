# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The list of what drivers that are built for Windows can import, as a module-definition file (`.def`).

    python -m dirql.c.definition_file ntoskrnl.def

A librarian (`llvm-dlltool`, `lib /def:`) makes the import library ntoskrnl.lib of it, against which drivers are linked.
"""

from __future__ import annotations

import sys
from pathlib import Path

from dirql.c.core import DATA_NAMES, WINDOWS_NAMES, exported_names
from dirql.c.image.windows import runtime_for_windows

__all__ = ["definition_file"]


def definition_file() -> str:
    """The text of the file; raises `SetupError` where drivers in C cannot be compiled."""
    _, runtime = runtime_for_windows()
    names = {name for name in exported_names() | WINDOWS_NAMES | runtime if not name.startswith("dirql_")}
    lines = [f"    {name} DATA" if name in DATA_NAMES else f"    {name}" for name in sorted(names)]
    return "\n".join(["LIBRARY ntoskrnl.exe", "EXPORTS", *lines, ""])


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m dirql.c.definition_file FILE")
    Path(sys.argv[1]).write_text(definition_file(), encoding="ascii")
