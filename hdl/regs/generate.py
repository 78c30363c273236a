# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Generates every register-related file from the SystemRDL maps here and in the functions, and from hdl/protocol.toml.

    python hdl/regs/generate.py            writes the files
    python hdl/regs/generate.py --check    exits 1 and names the files that are not what it would write

Read data is valid in the clock cycle that loads it; in all other cycles the read multiplexer rests. All writes share
one strobe.
A field becomes hardware by its properties: `external` registers hand their accesses to the block around them;
`onwrite = woclr` stores a bit that hardware sets (set wins) and software clears; `singlepulse` is one clock long;
`sw = r; hw = w` reads an input; `sw = r; hw = na` is a constant; everything else writable is a plain register.
`onread = ruser` says that a read changes something in the function, so that tools do not read twice.
"""

from __future__ import annotations

import argparse
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

import jinja2
from systemrdl import RDLCompiler
from systemrdl.node import AddrmapNode, FieldNode, MemNode, RegNode

from dirql.hardware.function_type import FunctionType, check_identities, read_function
from dirql.hardware.root import FUNCTIONS
from dirql.hardware.table import DescriptionError

__all__ = ["main"]

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
COMMAND = "python hdl/regs/generate.py"


@dataclass(frozen=True)
class Enumeration:
    """A named set of values: (name, value, description)."""

    name: str
    width: int
    members: tuple[tuple[str, int, str], ...]

    @property
    def python_name(self) -> str:
        return camel(self.name.removesuffix("_e"))


@dataclass(frozen=True)
class Field:
    """Bits of a register; `kind` is constant, input, storage, w1c or pulse."""

    name: str
    low: int
    width: int
    reset: int
    kind: str
    readable: bool
    read_acts: bool
    writable: bool
    hardware_reads: bool
    access: str
    description: str
    encode: Enumeration | None

    @property
    def mask(self) -> int:
        return ((1 << self.width) - 1) << self.low

    @property
    def mask_in_dword(self) -> int:
        """The mask in the dword that holds the field."""
        return self.mask >> self.low // 32 * 32

    @property
    def range(self) -> str:
        return f"[{self.width - 1}:0] " if self.width > 1 else ""


@dataclass(frozen=True)
class Register:
    """One register, or an array of `count` of them `stride` bytes apart."""

    name: str
    offset: int
    bytes: int
    external: bool
    count: int
    stride: int
    description: str
    fields: tuple[Field, ...]

    @property
    def lower(self) -> str:
        return self.name.lower()

    @property
    def value_name(self) -> str:
        return camel(self.lower) + "Value"

    @property
    def read_acts(self) -> bool:
        return any(field.read_acts for field in self.fields)

    @property
    def reset(self) -> int:
        return sum(field.reset << field.low for field in self.fields)

    @property
    def shift(self) -> int:
        """The position of the lowest bit in the dword."""
        return self.offset % 4 * 8

    @property
    def outputs(self) -> list[Field]:
        return [f for f in self.fields if f.kind in ("storage", "w1c", "pulse") and f.hardware_reads]

    @property
    def inputs(self) -> list[Field]:
        return [f for f in self.fields if f.kind == "input"]

    @property
    def sets(self) -> list[Field]:
        """The fields that hardware sets and software clears."""
        return [f for f in self.fields if f.kind == "w1c"]

    @property
    def storage(self) -> list[Field]:
        return [f for f in self.fields if f.kind == "storage"]

    @property
    def kept(self) -> list[Field]:
        """The fields with flip-flops of their own."""
        return [f for f in self.fields if f.kind in ("storage", "w1c")]

    @property
    def fields_written(self) -> list[Field]:
        return [f for f in self.fields if f.writable]

    @property
    def writable(self) -> bool:
        return bool(self.fields_written)


@dataclass(frozen=True)
class Window:
    """A range of addresses without registers."""

    name: str
    offset: int
    size: int
    description: str


@dataclass(frozen=True)
class Map:
    """One address map, with its registers and windows."""

    name: str
    source: str
    description: str
    address_width: int
    registers: tuple[Register, ...]
    windows: tuple[Window, ...]
    enumerations: tuple[Enumeration, ...]

    @property
    def internal(self) -> list[Register]:
        return [r for r in self.registers if not r.external]

    @property
    def external(self) -> list[Register]:
        return [r for r in self.registers if r.external]

    @property
    def struck(self) -> list[Register]:
        """The registers that tell the hardware on which clock they are written."""
        return [
            r for r in self.registers if r.writable and (r.external or len(r.storage) < len(r.fields_written))
        ]

    @property
    def storage_registers(self) -> list[Register]:
        return [r for r in self.internal if r.storage]

    @property
    def setters(self) -> list[Register]:
        return [r for r in self.internal if r.sets]

    def c_name(self, register: Register) -> str:
        """The name of a register in C, which begins with that of the map."""
        name = self.name.upper()
        return name if name.endswith(f"_{register.name}") else f"{name}_{register.name}"

    @property
    def dwords(self) -> list[tuple[int, list[Register]]]:
        """The readable registers, grouped by the dwords that hold them, without arrays."""
        groups: dict[int, list[Register]] = {}
        for register in self.registers:
            if register.count == 1:
                groups.setdefault(register.offset // 4, []).append(register)
        return sorted(groups.items())


def camel(name: str) -> str:
    return "".join(part.capitalize() for part in name.lower().split("_"))


def read_encode(node: FieldNode) -> Enumeration | None:
    encode = node.get_property("encode", default=None)
    if encode is None:
        return None
    members = tuple((m.name, int(m.value), m.rdl_desc or "") for m in encode)
    return Enumeration(encode.type_name, node.width, members)


def read_kind(node: FieldNode, writable: bool) -> str:
    if node.get_property("singlepulse"):
        return "pulse"
    onwrite = node.get_property("onwrite")
    if onwrite is not None and onwrite.name == "woclr" and not node.parent.external:
        return "w1c"
    if writable:
        return "storage"
    return "input" if node.get_property("hw").name in ("w", "rw") else "constant"


def read_access(node: FieldNode) -> str:
    onwrite = node.get_property("onwrite")
    if node.get_property("singlepulse"):
        return "W, self-clearing"
    names = {None: node.get_property("sw").name.upper(), "woclr": "R, W1C", "woset": "R, W1S"}
    return names[onwrite.name if onwrite else None]


def read_field(node: FieldNode) -> Field:
    software = node.get_property("sw").name
    writable = software in ("rw", "w", "rw1", "w1")
    return Field(
        name=node.inst_name,
        low=node.low,
        width=node.width,
        reset=node.get_property("reset") or 0,
        kind=read_kind(node, writable),
        readable=software in ("r", "rw", "rw1"),
        read_acts=node.get_property("onread") is not None,
        writable=writable,
        hardware_reads=node.get_property("hw").name in ("r", "rw"),
        access=read_access(node),
        description=node.get_property("desc", default=""),
        encode=read_encode(node),
    )


def read_register(node: RegNode) -> Register:
    return Register(
        name=node.inst_name,
        offset=node.raw_address_offset,
        bytes=node.get_property("regwidth") // 8,
        external=node.external,
        count=node.array_dimensions[0] if node.is_array else 1,
        stride=node.array_stride if node.is_array else 0,
        description=node.get_property("desc", default=""),
        fields=tuple(read_field(field) for field in node.fields()),
    )


def read_map(path: Path) -> Map:
    compiler = RDLCompiler()
    compiler.compile_file(str(path))
    top = next(child for child in compiler.elaborate().children() if isinstance(child, AddrmapNode))
    registers = tuple(read_register(node) for node in top.registers())
    windows = tuple(
        Window(node.inst_name, node.raw_address_offset, node.size, node.get_property("desc", default=""))
        for node in top.children()
        if isinstance(node, MemNode)
    )
    encodes = {f.encode.name: f.encode for r in registers for f in r.fields if f.encode}
    end = max(
        [r.offset + max(r.bytes, r.count * r.stride) for r in registers]
        + [w.offset + w.size for w in windows]
    )
    return Map(
        name=top.inst_name,
        source=path.relative_to(ROOT).as_posix(),
        description=top.get_property("desc", default=""),
        address_width=max(3, (end - 1).bit_length()),
        registers=registers,
        windows=windows,
        enumerations=tuple(encodes.values()),
    )


def read_functions() -> list[FunctionType]:
    """Every folder with a register map, or with a description. A folder that lacks one of them is an error."""
    folders = (ROOT / FUNCTIONS).iterdir()
    names = [each.name for each in folders if any(each.glob("*.rdl")) or (each / "function.toml").exists()]
    functions = [read_function(ROOT, name) for name in sorted(names)]
    check_identities(functions)
    return functions


def render_all() -> dict[Path, str]:
    """Every generated file and its text."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE / "templates"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["camel"] = camel
    environment.globals["command"] = COMMAND

    def render(template: str, **values: object) -> str:
        return environment.get_template(template).render(**values)

    functions = read_functions()
    blocks = [*HERE.glob("*.rdl"), *(path for function in functions for path in function.maps)]
    # Words of commands and structures in host memory: they get Python classes and a page, and no register block.
    structures = [
        *(HERE / "words").glob("*.rdl"),
        *(path for function in functions for path in function.structures),
    ]
    maps = [read_map(path) for path in sorted([*blocks, *structures], key=lambda path: path.name)]
    without_block = {path.stem for path in structures}
    groups = tomllib.loads((ROOT / "hdl/protocol.toml").read_text())["groups"]
    files = {
        ROOT / "hdl/regs/generated/host_pkg.sv": render("protocol.sv.j2", groups=groups),
        ROOT / "host/dirql/registers/protocol.py": render("protocol.py.j2", groups=groups),
        ROOT / "host/dirql/registers/functions.py": render("functions.py.j2", functions=functions),
        ROOT / "sim/generated/protocol.h": render("protocol.h.j2", groups=groups),
        ROOT / "host/dirql/registers/__init__.py": render("init.py.j2", maps=maps),
    }
    for function in functions:
        package = f"hdl/regs/generated/{function.name}_identity_pkg.sv"
        files[ROOT / package] = render("identity_pkg.sv.j2", function=function)
    for path in (each for function in functions for each in (*function.maps, *function.structures)):
        header = f"host/dirql/c/include/registers/{path.stem}.h"
        item = next(each for each in maps if each.name == path.stem)
        files[ROOT / header] = render("registers.h.j2", map=item)
    for item in maps:
        if item.name not in without_block:
            files[ROOT / f"hdl/regs/generated/{item.name}_reg_pkg.sv"] = render("reg_pkg.sv.j2", map=item)
            files[ROOT / f"hdl/regs/generated/{item.name}_regs.sv"] = render("regs.sv.j2", map=item)
        files[ROOT / f"host/dirql/registers/{item.name}.py"] = render("registers.py.j2", map=item)
        files[ROOT / f"docs/registers/{item.name}.md"] = render("registers.md.j2", map=item)
    return files


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description="Generate register files from SystemRDL.")
    parser.add_argument("--check", action="store_true", help="only say whether the files are current")
    check: bool = parser.parse_args(arguments).check
    try:
        files = render_all()
    except DescriptionError as error:
        print(error, file=sys.stderr)
        return 1
    stale = [(path, text) for path, text in files.items() if not path.exists() or path.read_text() != text]
    for path, text in stale:
        name = path.relative_to(ROOT)
        if check:
            print(f"{name} is not what its register description gives; run `{COMMAND}` and commit the result")
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        print(f"wrote {name}")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
