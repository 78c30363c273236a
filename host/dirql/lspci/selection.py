# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The places that the option -s of lspci selects."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

from dirql.hardware.place import Place

__all__ = ["Selection"]

_TEXT = re.compile(
    r"(?:(?:(?P<domain>0{1,4}|\*)?:)?(?P<bus>[0-9a-f]{1,2}|\*)?:)?(?P<device>[01]?[0-9a-f]|\*)?(?:\.(?P<function>[0-7]|\*)?)?",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Selection:
    """Bus, device and function number, each None where every number is selected."""

    bus: int | None = None
    device: int | None = None
    function: int | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """The selection that `text` names in lspci's form [[domain:]bus:][device][.function]; raises `ValueError`."""
        match = _TEXT.fullmatch(text)
        if match is None:
            raise ValueError(
                "a selection must be [[domain:]bus:][device][.function] in hexadecimal digits, such as 00:01.0, 00: for"
                f" a bus, 01 for a device or .0 for a function, with domain 0 and devices 00 to 1f; it was {text!r}"
            )

        def number(group: str) -> int | None:
            digits = match[group]
            return int(digits, 16) if digits and digits != "*" else None

        return cls(number("bus"), number("device"), number("function"))

    def has(self, place: Place) -> bool:
        """Whether a place is selected."""
        wanted = (self.bus, self.device, self.function)
        return all(want is None or want == number for want, number in zip(wanted, place, strict=True))
