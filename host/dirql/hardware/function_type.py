# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""A kind of device function, as the file function.toml in its folder describes it."""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from dirql.hardware.root import FUNCTIONS
from dirql.hardware.table import DescriptionError, Table, nearest, read_file

__all__ = [
    "IDENTIFIER",
    "MEDIUM_DEVSEL",
    "Bar",
    "BarSpace",
    "FunctionType",
    "Identity",
    "Pads",
    "Parameter",
    "check_identities",
    "function_names",
    "read_function",
]

FILE = "function.toml"
PAGE = "docs/add-a-function.md"
_BARS = 6
_CAUSES = 16
MEDIUM_DEVSEL = 3
"""The clock at which DEVSEL comes at medium speed, that of `bus_target`."""
_SUBTRACTIVE_DEVSEL = 5
_PADS = 32
_SMALLEST_LOG2 = {"memory": 4, "io": 2}
_LARGEST_LOG2 = {"memory": 30, "io": 8}

IDENTIFIER = re.compile("[a-z][a-z0-9_]*")
"""The names of functions, modules, parameters and ports."""
_CAUSE = re.compile("[A-Z][A-Z0-9_]*")


class BarSpace(enum.Enum):
    """The address space of a base address register."""

    MEMORY = "memory"
    IO = "io"


@dataclass(frozen=True, slots=True)
class Identity:
    """The numbers in configuration space by which a driver finds its device."""

    vendor: int
    device: int
    class_code: int
    """Base class, subclass and programming interface, 24 bits."""
    revision: int

    @property
    def hardware_id(self) -> str:
        """The hardware ID that the PCI driver reports, in the form that drivers name."""
        return rf"PCI\VEN_{self.vendor:04X}&DEV_{self.device:04X}"


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of the function's module."""

    name: str
    low: int
    high: int
    default: int
    meaning: str

    @property
    def rtl_name(self) -> str:
        """The name in SystemVerilog."""
        return "".join(part.capitalize() for part in self.name.split("_"))


@dataclass(frozen=True, slots=True)
class Bar:
    """A base address register; `size_log2` is a number, or the name of the parameter that has the number."""

    number: int
    space: BarSpace
    size_log2: int | str
    prefetchable: bool

    def size(self, values: Mapping[str, int]) -> int:
        """The bytes that the register asks for, when the parameters have these values."""
        log2 = self.size_log2 if isinstance(self.size_log2, int) else values[self.size_log2]
        return 1 << log2


@dataclass(frozen=True, slots=True)
class Pads:
    """The pads of a function, which the machine's top leads outside.

    The module has the ports `<port>_i`, the levels outside; `<port>_o`, the levels that the function drives; and
    `<port>_en_o`, the pads that it drives. `width` is a number, or the name of the parameter that has the number.
    """

    port: str
    width: int | str


@dataclass(frozen=True, slots=True)
class FunctionType:
    """A kind of device function."""

    name: str
    folder: Path
    description: str
    module: str
    files: tuple[Path, ...]
    """The SystemVerilog files, in the order in which they are compiled."""
    maps: tuple[Path, ...]
    """Register maps in SystemRDL that become register blocks."""
    structures: tuple[Path, ...]
    """Maps of structures in host memory."""
    identity: Identity
    parameters: tuple[Parameter, ...]
    bars: tuple[Bar, ...]
    causes: tuple[str, ...]
    """The names of the interrupt causes, bit 0 first."""
    bus_master: bool | str
    """Whether the function can be bus master, or the name of the parameter that says so: not if it is 0."""
    slowest_devsel: int
    """The clock of a transaction, counted from 1, at which the function turns DEVSEL on at the latest."""
    pads: Pads | None
    driver: str
    """The module of the driver that comes with dirql, "" if there is none."""


def function_names(root: Path) -> list[str]:
    """The names of the functions that exist, each a folder with a function.toml."""
    return sorted(path.parent.name for path in (root / FUNCTIONS).glob(f"*/{FILE}"))


def check_identities(kinds: Iterable[FunctionType]) -> None:
    """Refuse kinds of functions of which a driver could not tell one from the other; raises `DescriptionError`."""
    by_hardware_id: dict[str, FunctionType] = {}
    for kind in kinds:
        other = by_hardware_id.setdefault(kind.identity.hardware_id, kind)
        if other is not kind:
            raise DescriptionError(
                f"{FUNCTIONS}/{kind.name}/{FILE}, identity.device: a function must have a vendor and device that no"
                f" other function has, or drivers take one for the other; it was {kind.identity.device:#06x}, which"
                f" {other.name} has"
            )


def read_function(root: Path, name: str) -> FunctionType:
    """Read the description of a function; raises `DescriptionError` for one that cannot be or lacks a part."""
    folder = root / FUNCTIONS / name
    shown = f"{FUNCTIONS}/{name}"
    if not folder.is_dir():
        known = function_names(root)
        raise DescriptionError(
            f"a function must be a folder in {FUNCTIONS}, one of {', '.join(known)}; it was {name!r}"
            f"{nearest(name, known)}"
        )
    if not (folder / FILE).is_file():
        _lacks(shown, f"the file {FILE}")
    table = read_file(folder / FILE, f"{shown}/{FILE}")
    parameters = _read_parameters(table)
    files = _existing(table, folder, "files", ".sv")
    read = FunctionType(
        name=name,
        folder=folder,
        description=table.text("description"),
        module=table.choice("module", [path.stem for path in files]),
        files=files,
        maps=_existing(table, folder, "registers", ".rdl"),
        structures=_existing(table, folder, "structures", ".rdl", optional=True),
        identity=_read_identity(table.table("identity")),
        parameters=parameters,
        bars=_read_bars(table, parameters),
        causes=_read_causes(table),
        bus_master=_read_bus_master(table, parameters),
        slowest_devsel=table.integer("slowest_devsel", MEDIUM_DEVSEL, _SUBTRACTIVE_DEVSEL, MEDIUM_DEVSEL),
        pads=_read_pads(table, parameters),
        driver=table.text("driver") if table.has("driver") else "",
    )
    table.finish()
    if not (folder / "README.md").is_file():
        _lacks(shown, "a README.md")
    return read


def _lacks(shown: str, part: str) -> None:
    raise DescriptionError(f"the function folder {shown} lacks {part}: {PAGE} lists the parts of a function")


def _existing(
    table: Table, folder: Path, key: str, suffix: str, *, optional: bool = False
) -> tuple[Path, ...]:
    """The files that a key names: each once, in the folder, with this suffix. Each must exist."""
    names = table.texts(key, () if optional else None)
    must_be = (
        f"a list of {'' if optional else 'one or more '}files of the folder that end in {suffix}, each once"
    )
    inside = all(name.endswith(suffix) and ".." not in Path(name).parts for name in names)
    if not inside or len(set(names)) != len(names) or not (names or optional):
        table.refuse(key, f"it must be {must_be}; it was {list(names)}")
    for name in names:
        if not (folder / name).is_file():
            _lacks(f"{FUNCTIONS}/{folder.name}", f"the file {name}, which {FILE} names in {key}")
    return tuple(folder / name for name in names)


def _read_identity(table: Table) -> Identity:
    identity = Identity(
        vendor=table.integer("vendor", 0, 0xFFFE),
        device=table.integer("device", 0, 0xFFFF),
        class_code=table.integer("class_code", 0, 0xFF_FFFF),
        revision=table.integer("revision", 0, 0xFF),
    )
    table.finish()
    return identity


def _read_parameters(table: Table) -> tuple[Parameter, ...]:
    if not table.has("parameters"):
        return ()
    named = table.table("parameters")
    found = []
    for name in named.names():
        if not IDENTIFIER.fullmatch(name):
            named.refuse(
                name, f"a parameter's name must be small letters, digits and underscores; it was {name!r}"
            )
        one = named.table(name)
        low = one.integer("low", 0, 2**31 - 1)
        high = one.integer("high", low, 2**31 - 1)
        found.append(Parameter(name, low, high, one.integer("default", low, high), one.text("meaning")))
        one.finish()
    return tuple(found)


def _read_bars(table: Table, parameters: tuple[Parameter, ...]) -> tuple[Bar, ...]:
    by_name = {parameter.name: parameter for parameter in parameters}
    bars: list[Bar] = []
    for each in table.tables("bars", at_least=0):
        number = each.integer("number", 0, _BARS - 1)
        if any(bar.number == number for bar in bars):
            each.refuse(
                "number", f"two base address registers must not have the same number; both had {number}"
            )
        space = each.choice("space", [one.value for one in BarSpace])
        bar = Bar(number, BarSpace(space), _size(each, space, by_name), each.boolean("prefetchable", False))
        if bar.prefetchable and bar.space is BarSpace.IO:
            each.refuse("prefetchable", "it must be false for ports, which cannot be prefetched; it was true")
        bars.append(bar)
        each.finish()
    return tuple(bars)


def _size(table: Table, space: str, parameters: Mapping[str, Parameter]) -> int | str:
    """The size of a base address register: a number of bits, or the name of a parameter that has it."""
    return _number(table, "size_log2", (_SMALLEST_LOG2[space], _LARGEST_LOG2[space]), parameters)


def _number(
    table: Table, key: str, limits: tuple[int, int], parameters: Mapping[str, Parameter]
) -> int | str:
    """A number within limits, or the name of a parameter whose own limits lie within them."""
    low, high = limits
    if not isinstance(table.peek(key), str):
        return table.integer(key, low, high)
    name = table.choice(key, list(parameters))
    parameter = parameters[name]
    if not low <= parameter.low <= parameter.high <= high:
        own = f"{parameter.low} to {parameter.high}"
        table.refuse(key, f"the parameter {name} must lie within {low} to {high}; its limits were {own}")
    return name


def _read_bus_master(table: Table, parameters: tuple[Parameter, ...]) -> bool | str:
    """Whether the function can be bus master, or the name of the parameter that says so."""
    if isinstance(table.peek("bus_master"), str):
        return table.choice("bus_master", [each.name for each in parameters])
    return table.boolean("bus_master", default=False)


def _read_pads(table: Table, parameters: tuple[Parameter, ...]) -> Pads | None:
    if not table.has("pads"):
        return None
    one = table.table("pads")
    port = one.parsed("port", _identifier)
    pads = Pads(port, _number(one, "width", (1, _PADS), {each.name: each for each in parameters}))
    one.finish()
    return pads


def _identifier(text: str) -> str:
    if not IDENTIFIER.fullmatch(text):
        raise ValueError(
            f"it must be the start of the names of ports, small letters, digits and underscores; it was {text!r}"
        )
    return text


def _read_causes(table: Table) -> tuple[str, ...]:
    causes = table.texts("causes", ())
    if len(causes) > _CAUSES:
        table.refuse(
            "causes", f"a function must have at most {_CAUSES} interrupt causes; it had {len(causes)}"
        )
    if len(set(causes)) != len(causes) or not all(_CAUSE.fullmatch(cause) for cause in causes):
        table.refuse(
            "causes",
            "each cause must have a name of its own, in capital letters, digits and underscores; it was"
            f" {list(causes)}",
        )
    return causes
