# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The arbiter of a machine's bus: the policies that there are, and the keys that describe them."""

from __future__ import annotations

from dataclasses import dataclass

from dirql.hardware.place import Place
from dirql.hardware.table import Table

__all__ = ["ROUND_ROBIN", "USUAL", "Arbiter", "check_arbiter", "read_arbiter"]

ROUND_ROBIN, TWO_LEVEL, FIXED = "round robin", "two-level", "fixed priority"
POLICIES = (ROUND_ROBIN, TWO_LEVEL, FIXED)
"""In the order of the parameter `Policy` of hdl/bus/rtl/bus_arbiter.sv."""

BRIDGE = Place(0, 0, 0)


@dataclass(frozen=True, slots=True)
class Arbiter:
    """The choice among masters that ask, and the master that has GNT when none asks."""

    policy: str = ROUND_ROBIN
    high: tuple[Place, ...] = ()
    """The masters of the high group of the two-level policy."""
    park: Place = BRIDGE

    def parameters(self, masters: tuple[Place, ...]) -> str:
        """The parameters of the arbiter in the RTL, whose masters have these places, the bridge first."""
        text = f".Park({masters.index(self.park)})"
        if self.policy != ROUND_ROBIN:
            text += f", .Policy({POLICIES.index(self.policy)})"
        if self.high:
            text += f", .High({sum(1 << masters.index(place) for place in self.high)})"
        return text

    def facts(self) -> dict[str, object]:
        """The facts that host code can see, in the clocks that masters wait; none of the usual arbiter."""
        if self == USUAL:
            return {}
        return {"arbiter": [self.policy, [str(place) for place in self.high], str(self.park)]}


USUAL = Arbiter()
"""The arbiter of a machine whose file says nothing of it."""


def read_arbiter(table: Table) -> Arbiter:
    """The arbiter that the table `arbiter` of a machine file describes."""
    policy = table.choice("policy", POLICIES, ROUND_ROBIN)
    if table.has("high") and policy != TWO_LEVEL:
        table.refuse(
            "high", f'the policy must be "{TWO_LEVEL}" to have this key; it was "{policy}": leave out high'
        )
    if policy == TWO_LEVEL and not table.has("high"):
        table.refuse(
            "high", f'the policy "{TWO_LEVEL}" must be told the masters of its high group; the key is missing'
        )
    high = table.texts("high") if table.has("high") else ()
    arbiter = Arbiter(
        policy=policy,
        high=tuple(_place(table, "high", text) for text in high),
        park=table.parsed("park", Place.parse) if table.has("park") else BRIDGE,
    )
    table.finish()
    return arbiter


def _place(table: Table, key: str, text: str) -> Place:
    try:
        return Place.parse(text)
    except ValueError as error:
        table.refuse(key, str(error))


def check_arbiter(table: Table, arbiter: Arbiter, masters: tuple[Place, ...]) -> None:
    """Refuse places without a master, and a low group that is empty."""
    names = ", ".join(map(str, masters))
    for key, places in (("high", arbiter.high), ("park", (arbiter.park,))):
        for place in places:
            if place not in masters:
                table.refuse(f"arbiter.{key}", f"a master must be one of {names}; it was {place}")
    if len(set(arbiter.high)) != len(arbiter.high):
        table.refuse("arbiter.high", "each master must be there once; one was there twice")
    if set(arbiter.high) == set(masters):
        rule = "a master must be left for the low group; all were in the high one: leave one out, or choose round robin"
        table.refuse("arbiter.high", rule)
