# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Takes apart the C++ that Verilator writes for a part, so that the parts of a machine can be put together.

Verilator's routine for a clock is a list of statements: the registers and what comes from them alone, the part's drive
of the bus among it, and then what depends on the bus. `Translation` cuts the list behind the drive; the result has one
routine for each half. It also finds the part's state: Verilator keeps the signals of a module in one structure, with
the memories at the end. The registers of `prim_clocks` and `prim_timer` are listed, since the shim moves them when it
skips clocks, as are signals whose names end in `_clocks_shown`, which follow them.

All of this is private to Verilator. Where the text has another form than expected, `CompositionError` is raised, and
the machine is compiled as one model.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from dirql.hardware.description import MachineDescription
from dirql.hardware.parts import EVENTS_WIDTH, Part, part_of

__all__ = [
    "CompositionError",
    "Translation",
    "can_be_composed",
    "prefix",
    "render_composition",
    "render_layout",
    "translate",
]

_DRIVE = "own_o"
_PADS = ("pads_o", "pads_en_o")
_CLOCKS, _TIMER, _SHOWN = "__DOT__prim_clocks_q", "__DOT__prim_timer_q", "_clocks_shown"
_NEXT = "__Vdly__"
"""The beginning of the name of a copy of a register in which its next value is made."""
_BODY = re.compile(
    r"^void (?P<name>\w+)\((?P<kind>\w+)\* vlSelf\) \{\n(?P<body>.*?)^\}", re.MULTILINE | re.DOTALL
)
_GUARD = re.compile(
    r"if \(\(1ULL & vlSelfRef\.__V\w+Triggered\[0U\]\)\) \{\n(?P<list>.*)\n    \}\s*$", re.DOTALL
)
_WRITTEN = re.compile(r"(?:vlSelfRef|vlSymsp->\w+)\s*\.(\w+)(?:\[[^\]]*\])*\s*=[^=]")
_WRITTEN_WIDE = re.compile(r"VL_\w+_W\((?:\d+,\s*)*(?:vlSelfRef|vlSymsp->\w+)\.(\w+)")
_CALL = re.compile(r"(\w+)\(")
_BUS_CLOCK = "u_timestamp__DOT__u_clocks__DOT__prim_clocks_q"
_REGISTER = re.compile(r"_q(?:__\w+)?$")
_MEMBER = re.compile(r"^ +(\w+(?:<.*>)?)(?:/\*[\d:]+\*/)? (\w+);$")
_LATE = "_part__DOT__late"
"""The end of the name of the variable that is always 0; see `dirql.hardware.parts`."""
_LINES = "ABCD"
_MOST_FUNCTIONS, _MOST_MASTERS = 64, 31
"""Functions and masters are bits of integers in composed_model.h; the host bridge is a master too."""


class CompositionError(Exception):
    """The C++ of a part has another form than expected."""


@dataclass(frozen=True, slots=True)
class Translation:
    """The statements of a part's two steps, and its state: the structure's type, where it is, and its members."""

    part: Part
    core_type: str
    core_member: str
    follow: tuple[str, ...]
    clock: tuple[str, ...]
    end: str
    """The first member that is a memory, or that is not part of the state."""
    clocks: tuple[str, ...]
    timers: tuple[str, ...]
    shown: tuple[str, ...]


def can_be_composed(machine: MachineDescription) -> bool:
    """Whether the machine has one bus, and few enough functions, to be put together from parts."""
    return (
        not machine.bridges
        and len(machine.functions) <= _MOST_FUNCTIONS
        and len(machine.masters) <= _MOST_MASTERS
    )


def prefix(part: Part) -> str:
    """The prefix of all names that Verilator gives for a part."""
    return f"V{part.name}"


def translate(part: Part, folder: Path) -> Translation:
    """Read the C++ of a part in `folder`; raises `CompositionError`."""
    texts = {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.glob(f"{prefix(part)}*"))}
    routines = {
        match["name"]: match["body"]
        for name, text in texts.items()
        if name.endswith(".cpp")
        for match in _BODY.finditer(text)
    }
    root = f"{prefix(part)}___024root"
    clocked, inputs = (
        _statements(routines.get(f"{root}___{name}", ""), part) for name in ("eval_nba", "eval_ico")
    )
    clock, follow = _cut(part, [line for each in clocked for line in _opened(each, root, routines)])
    core = re.search(
        r"^ +(\w+) +(TOP__\w+__DOT__u_core);$", texts.get(f"{prefix(part)}__Syms.h", ""), re.MULTILINE
    )
    if core is None:
        raise CompositionError(f"{part.name}: the core has no structure of its own")
    names, memories = _state(part.name, texts.get(f"{core[1]}.h", ""))
    _check(part, (clock, follow, inputs), memories, routines)
    return Translation(
        part=part,
        core_type=core[1],
        core_member=core[2],
        follow=follow,
        clock=clock,
        end=memories[0] if memories else "vlSymsp",
        clocks=tuple(name for name in names if name.endswith(_CLOCKS)),
        timers=tuple(name for name in names if name.endswith(_TIMER)),
        shown=tuple(name for name in names if name.endswith(_SHOWN)),
    )


def _statements(body: str, part: Part) -> list[str]:
    """The statements of the list that runs on a trigger."""
    match = _GUARD.search(body)
    if match is None:
        raise CompositionError(f"{part.name}: a clock is not one list of statements")
    return list(_split(match["list"]))


def _opened(statement: str, root: str, routines: dict[str, str]) -> list[str]:
    """The statements of a routine of the outermost module instead of the call, if it has no variables of its own."""
    called = re.fullmatch(rf"({root}___\w+)\(vlSelf\);", statement)
    body = routines.get(called[1], "") if called else ""
    if "// Body\n" not in body or "// Locals" in body:
        return [statement]
    return list(_split(body.partition("// Body\n")[2]))


def _split(text: str) -> Iterator[str]:
    """Split a list of C++ statements at semicolons and blocks outside all brackets."""
    depth, start = 0, 0
    for place, sign in enumerate(text):
        depth += (sign in "({[") - (sign in ")}]")
        if depth == 0 and sign in ";}":
            yield text[start : place + 1].strip()
            start = place + 1


def _cut(part: Part, statements: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The statements up to the last one that sets the drive, with those that set pads, and the others."""
    drives = [place for place, each in enumerate(statements) if _DRIVE in _written(each)]
    if not drives:
        raise CompositionError(f"{part.name}: the drive of the bus is not set in the clock's list")
    clock, follow = list(statements[: drives[-1] + 1]), list(statements[drives[-1] + 1 :])
    pads = [each for each in follow if _written(each) and _written(each) <= set(_PADS)]
    return (*clock, *pads), tuple(each for each in follow if each not in pads)


def _check(
    part: Part, lists: Sequence[Sequence[str]], memories: Sequence[str], routines: dict[str, str]
) -> None:
    """Registers and memories are written in the first step only, and what depends on inputs in the second only."""
    clock, follow, inputs = (_all_written("\n".join(each), routines) for each in lists)
    clocked = sorted(name for name in follow if _REGISTER.search(name) or name in memories)
    if clocked:
        raise CompositionError(f"{part.name}: {clocked[0]} is clocked after the drive of the bus")
    mixed = sorted(name for name in clock & inputs if not name.endswith(_LATE))
    if mixed:
        raise CompositionError(f"{part.name}: {mixed[0]} depends on the bus and is computed before it")


def _written(text: str) -> set[str]:
    return {*_WRITTEN.findall(text), *_WRITTEN_WIDE.findall(text)}


def _all_written(text: str, routines: dict[str, str]) -> set[str]:
    """The members that statements write, those of the routines that they call included."""
    called = (routines[name] for name in _CALL.findall(text) if name in routines)
    return _written(text).union(*(_all_written(body, routines) for body in called))


def _state(title: str, header: str) -> tuple[list[str], list[str]]:
    """The names of the members of a module's state, and of its memories, which are behind them."""
    state, found, _ = header.partition("// DESIGN SPECIFIC STATE")[2].partition("// INTERNAL VARIABLES")
    members = [match for match in map(_MEMBER.match, state.splitlines()) if match]
    is_memory = [member[1].startswith("VlUnpacked<") for member in members]
    if not found or not members or is_memory != sorted(is_memory):
        raise CompositionError(f"{title}: the state is not a structure with the memories at its end")
    names = [member[2] for member in members]
    return names[: is_memory.count(False)], names[is_memory.count(False) :]


def render_composition(machine: MachineDescription, translations: Sequence[Translation]) -> str:
    """The text of composition.h: the steps and the state of each part, and the functions of the machine."""
    heads = [
        f'#include "{prefix(each.part)}{name}"'
        for each in translations
        for name in (".h", "___024root.h", "__Syms.h")
    ]
    used = [part_of(function).name for function in machine.functions]
    return "\n".join(
        (
            "#pragma once",
            "#include <cstddef>",
            "#include <cstdint>",
            '#include "part_state.h"',
            *heads,
            "",
            "// Without external names, since several machines may be in one process.",
            "namespace dirql {",
            "namespace {",
            *(_part(each) for each in translations),
            _FACTS_TYPE,
            f"constexpr size_t kFunctionCount = {len(machine.functions)};",
            f"constexpr unsigned kEventsWidth = {EVENTS_WIDTH};",
            f"constexpr uint32_t kClockKhz = {machine.khz}u;",
            f"constexpr uint32_t kTimestampAddress = {machine.timestamp_unit.address:#x}u;",
            f"constexpr bool kFaultInjection = {str(machine.savings.faults).lower()};",
            "constexpr FunctionFacts kFunctions[] = {",
            *_function_facts(machine),
            "};",
            f"#define DIRQL_FUNCTIONS(X) {' '.join(f'X({name})' for name in used)}",
            "}  // namespace",
            "}  // namespace dirql",
            "",
        )
    )


_FACTS_TYPE = """
struct BarFacts {
    uint32_t mask;
    bool is_io;
};

// `line` is 0 for INTA; `master` is the number among all masters, 0 for none; `sleeps` is off for a function whose
// addresses cannot be seen from outside.
struct FunctionFacts {
    const char* name;
    unsigned device, number, multifunction, pin, line, master;
    bool sleeps;
    BarFacts bars[6];
};
"""


def _function_facts(machine: MachineDescription) -> Iterator[str]:
    masters = list(machine.masters)
    for function in machine.functions:
        place = function.place
        spaces = {bar.number: bar.space.value for bar in function.type.bars}
        bars = ", ".join(
            f"{{{_mask(function.bar_size(number)):#x}u, {str(spaces.get(number) == 'io').lower()}}}"
            for number in range(6)
        )
        numbers = (
            place.device,
            place.function,
            int(machine.is_multi_function(place)),
            _LINES.index(function.pin) + 1,
            _LINES.index(function.line),
            masters.index(function) + 1 if function in masters else 0,
            str(part_of(function).sleeps).lower(),
        )
        yield f'    {{"{function.name}", {", ".join(map(str, numbers))}, {{{bars}}}}},'


def _mask(size: int) -> int:
    return (1 << 32) - size if size else 0


def _part(translation: Translation) -> str:
    """The C++ structure of one part."""
    name = prefix(translation.part)
    return f"""
struct {translation.part.name} {{
    using Model = {name};
    using Root = {name}___024root;
    using Core = {translation.core_type};
    static Core& core(Root& root) {{ return root.vlSymsp->{translation.core_member}; }}
    static void follow(Root* vlSelf) {{
        auto* const __restrict vlSymsp = vlSelf->vlSymsp;
        auto& vlSelfRef = *vlSelf;
        (void)vlSymsp, (void)vlSelfRef;
        {_lines(translation.follow)}
    }}
    static void clock(Root* vlSelf) {{
        auto* const __restrict vlSymsp = vlSelf->vlSymsp;
        auto& vlSelfRef = *vlSelf;
        (void)vlSymsp, (void)vlSelfRef;
        {_lines(translation.clock)}
    }}
{_layout(translation.end, translation.clocks, translation.timers, translation.shown)}
}};"""


def render_layout(
    model: str, title: str, folder: Path, *, can_skip: bool, also_shown: Sequence[str] = ()
) -> str:
    """The header that says which clocks of a whole model can be skipped; with C++ of another form, none can.

    `model` is the prefix of Verilator's names, `also_shown` are pins that show the bus clock.
    """
    state = f"#define DIRQL_SKIPS 0\n{_NO_STATE}"
    if can_skip:
        with contextlib.suppress(CompositionError):
            state = f"#define DIRQL_SKIPS 1\n{_whole_state(model, title, folder, also_shown)}"
    head = f'#pragma once\n#include <cstddef>\n#include "{model}___024root.h"\n#include "part_state.h"\n'
    return f"{head}namespace dirql {{\n{state}}}  // namespace dirql\n"


_NO_STATE = """
struct WholeState {
    template <class Core>
    static uint64_t clock(const Core&) { return 0; }
    static constexpr Layout kLayout{};
};
"""


def _whole_state(model: str, title: str, folder: Path, also_shown: Sequence[str]) -> str:
    """The structure `WholeState`: the bus clock and the layout of a model that is one module."""
    root = f"{model}___024root"
    header, symbols = (
        (folder / f"{name}.h").read_text(encoding="utf-8") for name in (root, f"{model}__Syms")
    )
    instances = symbols.partition("// MODULE INSTANCE STATE")[2].partition("//")[0].split(";")
    if [each.split() for each in instances if each.strip()] != [[root, "TOP"]]:
        raise CompositionError(f"{title}: the model is not one module")
    names, memories = _state(title, header)
    ends = (_CLOCKS, _TIMER, _SHOWN, _BUS_CLOCK)
    clocks, timers, shown, bus = (tuple(name for name in names if name.endswith(end)) for end in ends)
    bus = tuple(name for name in bus if not name.startswith(_NEXT))
    if len(bus) != 1:
        raise CompositionError(f"{title}: the bus clock is not one register")
    return f"""
struct WholeState {{
    using Core = {root};
    static uint64_t clock(const Core& core) {{ return core.{bus[0]}; }}
{_layout(memories[0] if memories else "vlSymsp", clocks, timers, (*shown, *also_shown))}
}};
"""


def _layout(end: str, clocks: Sequence[str], timers: Sequence[str], shown: Sequence[str]) -> str:
    """The members of a structure that say where the state of `Core` is; it ends before the member `end`."""
    lists = "\n".join(
        f"    static constexpr Field {label}[] = {{{_fields(names)}{{0, 0}}}};"
        for label, names in (("kClocks", clocks), ("kTimers", timers), ("kShown", shown))
    )
    return (
        f"{lists}\n    static constexpr Layout kLayout = {{offsetof(Core, {end}), kClocks, kTimers, kShown}};"
    )


def _fields(names: Sequence[str]) -> str:
    return "".join(f"{{offsetof(Core, {name}), sizeof(Core::{name})}}, " for name in names)


def _lines(statements: Sequence[str]) -> str:
    return "\n        ".join(statements)
