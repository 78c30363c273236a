# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Addresses of boards: `serial:///dev/ttyUSB1?baud=3000000`, `tcp://host:1`, `usb`, `usbip://host:1`, `twin:tiny`.

Options follow a question mark. All addresses have `writes` (posted or precise), `silence` (the seconds after which
the machine is lost), and faults of the line, for tests: `seed`, `flips`, `drops`, `doubles`, `delay` and
`disconnect_at`, as `dirql.link.faults.Faults` has them. A serial port has `baud` too, and a twin `baud`, `level` (byte,
pin or bitstream) and `line` (tcp, pty or usbip).
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from dirql.link.faults import Faults
from dirql.link.session import Patience

__all__ = ["KINDS", "BoardAddress", "is_board"]

KINDS = ("serial", "tcp", "usb", "usbip", "twin")
"""The kinds of pipes, by which an address begins."""

_EXAMPLES = {
    "serial": "serial:///dev/ttyUSB1?baud=3000000",
    "tcp": "tcp://127.0.0.1:5555",
    "usb": "usb",
    "usbip": "usbip://127.0.0.1:3240",
    "twin": "twin:tiny",
}
_WRITES = ("posted", "precise")
_LEVELS = ("byte", "pin", "bitstream")
_LINES = ("tcp", "pty", "usbip")
RATES = (300, 100_000_000)
"""The lowest and the highest rate of a line, in baud."""
_LONGEST = 3600.0
"""The most seconds of the options that are times, so that each run ends."""
_WITH_BAUD = ("serial", "twin")
_FAULTS: dict[str, Callable[[str], float]] = {
    "seed": int,
    "flips": float,
    "drops": float,
    "doubles": float,
    "delay": float,
    "disconnect_at": int,
}


def is_board(name: str) -> bool:
    """Whether the name of a target is the address of a board."""
    return name.partition("?")[0].partition(":")[0] in KINDS


@dataclass(frozen=True, slots=True)
class BoardAddress:
    """The place of a board, and how to talk to it."""

    text: str
    kind: str
    place: str
    """A serial port, the host of a connection, or the machine of a twin; empty for a board that is to be found."""
    port: int = 0
    """The number of the TCP port."""
    baud: int | None = None
    precise: bool = False
    patience: Patience = field(default_factory=Patience)
    faults: Faults | None = None
    level: str = _LEVELS[0]
    """Of a twin: how it carries bytes into the RTL."""
    line: str = _LINES[0]
    """Of a twin: the way to it."""

    @classmethod
    def parse(cls, text: str) -> BoardAddress:
        """Read an address; raises `ValueError`."""
        where, _, query = text.partition("?")
        kind, _, place = where.partition(":")
        if kind not in KINDS:
            raise ValueError(
                f"a board must be at {', '.join(_EXAMPLES.values())} or the like; it was {text!r}"
            )
        options = _Options(text, kind, query)
        port = 0
        if kind in ("tcp", "usbip"):
            place, port = _host_and_port(text, kind, place)
        else:
            place = place.removeprefix("//")
        if kind == "usb" and place:
            raise ValueError(f"a USB board must be given as usb, which finds it; it was {text!r}")
        made = cls(
            text,
            kind,
            place,
            port,
            options.baud() if kind in _WITH_BAUD else None,
            options.choice("writes", _WRITES) == "precise",
            options.patience(),
            options.faults(),
            *((options.choice("level", _LEVELS), options.choice("line", _LINES)) if kind == "twin" else ()),
        )
        options.finish()
        return made


class _Options:
    """The options of an address; each is taken once, and none may be left."""

    def __init__(self, text: str, kind: str, query: str) -> None:
        self._text = text
        try:
            pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=True) if query else []
        except ValueError as error:
            raise ValueError(
                f"the options of a board must be written as ?name=value&name=value; they were {text!r}"
            ) from error
        self._left: dict[str, str] = dict(pairs)
        for name, value in pairs:
            if self._left[name] != value:
                raise ValueError(
                    f"an option of {text} must be given once; {name} was {value!r} and {self._left[name]!r}"
                )
        self._known = ["writes", "silence", *_FAULTS, *(["baud"] if kind in _WITH_BAUD else [])]
        self._known += ["level", "line"] if kind == "twin" else []

    def choice(self, name: str, allowed: tuple[str, ...]) -> str:
        """One of some words, the first without the option."""
        value = self._left.pop(name, allowed[0])
        if value not in allowed:
            raise ValueError(f"{name} of {self._text} must be {_either(allowed)}; it was {value!r}")
        return value

    def baud(self) -> int | None:
        """The rate of a line, None without the option."""
        text = self._left.pop("baud", None)
        return None if text is None else int(self._read("baud", text, int, *RATES))

    def patience(self) -> Patience:
        """The times of the session."""
        text = self._left.pop("silence", None)
        return (
            Patience()
            if text is None
            else Patience(silence=self._read("silence", text, float, 0.5, _LONGEST))
        )

    def _read(
        self, name: str, text: str, kind: Callable[[str], float], low: float, high: float = math.inf
    ) -> float:
        try:
            value = kind(text)
        except ValueError:
            value = low - 1
        if not low <= value <= high or value == math.inf:
            limits = f"from {low:g} on" if math.isinf(high) else f"from {low:,g} to {high:,.10g}"
            raise ValueError(f"{name} of {self._text} must be a number {limits}; it was {text!r}")
        return value

    def faults(self) -> Faults | None:
        """The faults, None without any."""
        given = [name for name in _FAULTS if name in self._left]
        if not given:
            return None
        most = {"delay": _LONGEST}
        values = {
            name: self._read(name, self._left.pop(name), _FAULTS[name], 0, most.get(name, math.inf))
            for name in given
        }
        end = values.get("disconnect_at")
        return Faults(
            int(values.get("seed", 0)),
            values.get("flips", 0.0),
            values.get("drops", 0.0),
            values.get("doubles", 0.0),
            values.get("delay", 0.0),
            None if end is None else int(end),
        )

    def finish(self) -> None:
        """Raise `ValueError` for an option that is left."""
        for name in self._left:
            near = difflib.get_close_matches(name, self._known, 1)
            hint = f": did you mean {near[0]}?" if near else ""
            raise ValueError(
                f"an option of {self._text} must be one of {', '.join(self._known)}; it was {name!r}{hint}"
            )


def _either(words: tuple[str, ...]) -> str:
    return f"{', '.join(words[:-1])} or {words[-1]}"


def _host_and_port(text: str, kind: str, place: str) -> tuple[str, int]:
    host, colon, port = place.removeprefix("//").rpartition(":")
    if not (place.startswith("//") and colon and host and port.isdecimal() and 0 < int(port) < 1 << 16):
        raise ValueError(
            f"a board on the network must be given as {kind}://host:port; it was {text!r}: a port is a number of 1 to"
            " 65535"
        )
    return host.strip("[]"), int(port)
