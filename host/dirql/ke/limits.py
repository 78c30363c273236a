# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The times of the machine that things may take before the kernel says that they hang."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

__all__ = ["Limits"]


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of the watch, in bus clocks but for `looks`, `stall`, `dpcs` and `host`; None turns one off.

    NT's own limits are minutes. The defaults are far above what a driver may take, and a few seconds of the host's time
    reach them. On a board all limits but `clocks` leave out the time of accesses on the link (`Clock.lag`).
    """

    routine: int | None = 4_200_000
    """One DPC or one ISR, 0.13 seconds at 33 MHz: bug check 0x133/0."""
    raised: int | None = 16_800_000
    """A processor at DISPATCH_LEVEL or above without a break: bug check 0x133/1."""
    poll: int | None = 4_200_000
    """A driver that only reads registers that do not change."""
    looks: int | None = 2_000_000
    """Calls that only look whether something has changed, as KeReadStateEvent, while no request is made or ends."""
    loop: int | None = 33_600_000
    """A driver that runs and does not wait, while no request is made or ends; 1 second."""
    request: int | None = 336_000_000
    """A request while no other one is made or ends, or one that stays the oldest; also a wait; 10 seconds."""
    power: int | None = 168_000_000
    """A power IRP other than IRP_MN_WAIT_WAKE, 5 seconds: bug check 0x9F/3."""
    drain: int | None = 4_200_000
    """The drivers' time to complete the requests that are cancelled when the machine closes."""
    clocks: int | None = None
    """All that a machine may do from its reset on, as the limit of a test."""
    stall: int | None = 50
    """One KeStallExecutionProcessor at DISPATCH_LEVEL or above, in microseconds: a defect."""
    dpcs: int | None = 250_000
    """DPCs that run while no request is made or ends, and while nobody but drivers can go on."""
    host: float | None = 10
    """Code of a driver or a program that computes while the machine stands still, in seconds of the host."""

    @classmethod
    def off(cls) -> Limits:
        """No limit at all, as for a debugger: the kernel then finds only that nothing can ever wake a thread."""
        return cls(*[None] * len(fields(cls)))

    @classmethod
    def parse(cls, text: str) -> Limits:
        """The limits that a text names, as "request=1000000,poll=off", with the defaults for the rest; "off" is `off`.

        Raises `ValueError` for a name that is no limit, and for a value that is neither a number from 1 on nor "off".
        """
        if text == "off":
            return cls.off()
        names = [field.name for field in fields(cls)]
        given: dict[str, int | None] = {}
        for part in text.split(","):
            name, _, value = part.partition("=")
            if name not in names or not (value == "off" or (value.isdecimal() and int(value) > 0)):
                raise ValueError(
                    f"a limit must be NAME=NUMBER or NAME=off, with a name of {', '.join(names)}; it was {part!r}"
                )
            given[name] = None if value == "off" else int(value)
        return replace(cls(), **given)

    @property
    def period(self) -> int | None:
        """The clocks from one look of the watch to the next; None if it need not look."""
        watched = [
            limit
            for limit in (self.routine, self.raised, self.poll, self.loop, self.request, self.clocks)
            if limit is not None
        ]
        if not watched:
            return None if self.looks is None else _PERIOD
        return max(1, min(watched) // _LOOKS)


_PERIOD = 500_000
"""The clocks between two looks if no limit counts clocks."""
_LOOKS = 8
"""The looks that the watch takes within its smallest limit."""
