# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The state of the model as Verilator lays it out, for the shim, which skips clocks in which nothing else happens.

Verilator keeps all signals in one structure, memories at the end. The shim compares the part before the memories. The
registers of `prim_clocks` and `prim_timer` may differ: the shim changes them by the number of clocks that it skips. The
output `clock_o` and signals whose names end in `_clocks_shown` may differ, too; they follow the counters.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

__all__ = ["render_state"]

_MEMBER = re.compile(r"^ +(?:VL_(?:IN|OUT)\w*\((\w+),.*\)|(\w+(?:<.*>)?)(?:/\*[\d:]+\*/)? (\w+));$")
_MEMORY = re.compile(r"VlUnpacked<")
_CLOCKS, _TIMER = "__DOT__prim_clocks_q", "__DOT__prim_timer_q"
_CLOCK_OUTPUT = "clock_o"
_SHOWN = "_clocks_shown"


def render_state(header: str) -> str:
    """The text of model_state.h for the structure in `header`, Verilator's own header of the model.

    If the structure has another form than expected, the text says so, and the shim evaluates each clock.
    """
    members = list(_members(header))
    memories = [place for place, (kind, _) in enumerate(members) if _MEMORY.match(kind)]
    names = [name for _, name in members]
    known = (
        _CLOCK_OUTPUT in names
        and any(name.endswith(_CLOCKS) for name in names)
        and memories == list(range(len(members) - len(memories), len(members)))
    )
    if not memories or not known:
        return "#define DIRQL_STATE_KNOWN 0\n"
    counters = [name for name in names if name.endswith(_CLOCKS)]
    timers = [name for name in names if name.endswith(_TIMER)]
    shown = [name for name in names if name.endswith(_SHOWN) or name == _CLOCK_OUTPUT]
    return "\n".join(
        (
            "#define DIRQL_STATE_KNOWN 1",
            f"#define DIRQL_STATE_END {names[memories[0]]}",
            f"#define DIRQL_STATE_COUNTERS(X) {_each(counters)}",
            f"#define DIRQL_STATE_TIMERS(X) {_each(timers)}",
            f"#define DIRQL_STATE_SHOWN(X) {_each(shown)}",
            f"#define DIRQL_STATE_CLOCK {_CLOCK_OUTPUT}",
            "",
        )
    )


def _each(names: Sequence[str]) -> str:
    return " ".join(f"X({name})" for name in names)


def _members(header: str) -> Iterator[tuple[str, str]]:
    """Type and name of each member of the structure's state, in order; ports have no type here."""
    state = header.rsplit("// DESIGN SPECIFIC STATE", maxsplit=1)[-1].split(
        "// INTERNAL VARIABLES", maxsplit=1
    )[0]
    for line in state.splitlines():
        match = _MEMBER.match(line)
        if match:
            yield match[2] or "", match[1] or match[3]
