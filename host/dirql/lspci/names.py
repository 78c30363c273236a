# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Names of classes, from classes.toml, and of functions, which the description of the machine has."""

from __future__ import annotations

import enum
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import cast

from dirql.hardware.description import MachineDescription
from dirql.lspci.function import Function

__all__ = ["Names", "Numbers"]


class Numbers(enum.IntEnum):
    """The form of classes and identities, which the options -n of lspci choose."""

    NAMES = 0
    NUMBERS = 1
    BOTH = 2


@dataclass(frozen=True, slots=True)
class _Class:
    """A base class of classes.toml; subclasses and programming interfaces by number."""

    name: str
    subclasses: Mapping[int, str]
    interfaces: Mapping[tuple[int, int], str]


@cache
def _classes() -> dict[int, _Class]:
    """The contents of classes.toml by base class."""
    text = resources.files(__package__ or "").joinpath("classes.toml").read_text(encoding="utf-8")
    found: dict[int, _Class] = {}
    for key, table in tomllib.loads(text).items():
        subclasses = cast(dict[str, str], table.get("subclasses", {}))
        interfaces = cast(dict[str, dict[str, str]], table.get("interfaces", {}))
        found[int(key, 16)] = _Class(
            str(table["name"]),
            {int(number, 16): name for number, name in subclasses.items()},
            {
                (int(subclass, 16), int(number, 16)): name
                for subclass, names in interfaces.items()
                for number, name in names.items()
            },
        )
    return found


@dataclass(frozen=True, slots=True)
class Names:
    """Turns numbers of a function into the words that lspci prints."""

    machine: MachineDescription
    numbers: Numbers = Numbers.NAMES
    _functions: dict[tuple[int, int], str] = field(init=False)

    def __post_init__(self) -> None:
        """Note the names of the machine's functions by vendor and device ID."""
        known = {
            (type_.identity.vendor, type_.identity.device): type_.name
            for type_ in self.machine.function_types
        }
        object.__setattr__(self, "_functions", known)

    def class_of(self, function: Function) -> str:
        """The class, such as "Host bridge", "0600" or "Host bridge [0600]"."""
        identity = function.identity
        number = f"{identity.base_class:02x}{identity.subclass:02x}"
        if self.numbers is Numbers.NUMBERS:
            return number
        known = _classes().get(identity.base_class)
        if known is None:
            return f"Class [{number}]"
        name = known.subclasses.get(identity.subclass)
        if name is None:
            return f"{known.name} [{number}]"
        return f"{name} [{number}]" if self.numbers is Numbers.BOTH else name

    def device_of(self, function: Function) -> str:
        """The function of the machine, such as "store", or "Device 8086:1237" for one that its file does not have."""
        return self._device(function.vendor, function.device)

    def subsystem_of(self, vendor: int, device: int) -> str:
        """The subsystem. A function that has no number of its own for it repeats its identity there."""
        return self._device(vendor, device)

    def _device(self, vendor: int, device: int) -> str:
        number = f"{vendor:04x}:{device:04x}"
        if self.numbers is Numbers.NUMBERS:
            return number
        name = self._functions.get((vendor, device))
        if name is None:
            return f"Device [{number}]" if self.numbers is Numbers.BOTH else f"Device {number}"
        return f"{name} [{number}]" if self.numbers is Numbers.BOTH else name

    def interface_of(self, function: Function) -> str:
        """The words for the programming interface; "" if it is 0 and has no name."""
        identity = function.identity
        known = _classes().get(identity.base_class)
        name = known.interfaces.get((identity.subclass, identity.programming_interface)) if known else None
        if name is None or self.numbers is Numbers.NUMBERS:
            number = identity.programming_interface
            return f"prog-if {number:02x}" if number or name else ""
        return f"prog-if {identity.programming_interface:02x} [{name}]"
