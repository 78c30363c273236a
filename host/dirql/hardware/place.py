# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The place of a PCI function: bus, device and function number, written as lspci does."""

from __future__ import annotations

import re
from typing import NamedTuple, Self

__all__ = ["Place"]

_TEXT = re.compile(r"([0-9a-fA-F]{2}):([01][0-9a-fA-F])\.([0-7])")


class Place(NamedTuple):
    """Bus, device and function number; places sort as a bus is walked."""

    bus: int
    device: int
    function: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """The place that `text` names, such as "00:01.0"; raises `ValueError`."""
        match = _TEXT.fullmatch(text)
        if match is None:
            raise ValueError(
                "a place must be bus:device.function with two hexadecimal digits for bus and device (00 to 1f) and one"
                f" for the function (0 to 7), such as 00:01.0; it was {text!r}"
            )
        return cls(int(match[1], 16), int(match[2], 16), int(match[3]))

    @property
    def configuration_address(self) -> int:
        """The address of the first configuration register, as `Target.read_configuration` takes it."""
        return self.bus << 16 | self.device << 11 | self.function << 8

    def __str__(self) -> str:
        return f"{self.bus:02x}:{self.device:02x}.{self.function}"
