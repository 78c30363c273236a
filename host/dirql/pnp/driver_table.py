# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The drivers that get devices: function drivers, and the filters of devices and of setup classes.

This table has those that `Machine.load_driver` has put there, in the place of an INF file. `registry_filters` finds the
filters that the registry names.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from dirql.io.objects import DriverObject
from dirql.pnp.interrupt_arbiter import InterruptKind
from dirql.pnp.node import DeviceNode

__all__ = ["DriverTable", "FilterPlace", "FunctionDriver"]


class FilterPlace(enum.StrEnum):
    """The place of a filter in the stacks of its devices, from the bottom up; the function driver is in the middle."""

    LOWER = "lower"
    """Below the function driver, for the devices that the filter names."""
    LOWER_CLASS = "lower class"
    """Below the function driver and above the lower filters of the device, for all devices of a setup class."""
    UPPER = "upper"
    """Above the function driver, for the devices that the filter names."""
    UPPER_CLASS = "upper class"
    """At the top, for all devices of a setup class."""

    @classmethod
    def _missing_(cls, value: object) -> FilterPlace:
        raise ValueError(f"a filter must be one of {', '.join(map(repr, map(str, cls)))}; it was {value!r}")


class FunctionDriver(NamedTuple):
    """A driver with the devices that it drives."""

    driver: DriverObject
    ids: Sequence[str]
    class_guid: str
    interrupt: InterruptKind | None


class _Filter(NamedTuple):
    driver: DriverObject
    place: FilterPlace
    ids: Sequence[str]
    class_guid: str


class DriverTable:
    """The drivers of one machine, in the order in which they were loaded."""

    def __init__(self) -> None:
        self._functions: list[FunctionDriver] = []
        self._filters: list[_Filter] = []

    def add(self, function: FunctionDriver) -> None:
        """Let the driver have the devices that come from now on."""
        self._functions.append(function)

    def add_filter(
        self, driver: DriverObject, place: FilterPlace, ids: Sequence[str], class_guid: str
    ) -> None:
        """Put the driver into the stacks that are built from now on.

        `ids` names the devices of a filter of devices, `class_guid` the class of a filter of a class.
        """
        self._filters.append(_Filter(driver, place, ids, class_guid))

    def remove(self, driver: DriverObject) -> None:
        """Forget a driver that is unloaded."""
        self._functions = [each for each in self._functions if each.driver is not driver]
        self._filters = [each for each in self._filters if each.driver is not driver]

    def choose(self, node: DeviceNode) -> FunctionDriver | None:
        """The driver that names the device most exactly; of several the one that was loaded first. None without one."""
        found = [(rank, each) for each in self._functions if (rank := node.rank(each.ids)) is not None]
        return min(found, key=lambda each: each[0])[1] if found else None

    def stack(
        self,
        node: DeviceNode,
        function: DriverObject | None,
        named: Mapping[FilterPlace, Sequence[DriverObject]],
    ) -> list[DriverObject]:
        """The drivers of a device's stack above the bus driver, from the bottom up (row PNP-01).

        `named` has the filters that the registry names. They stand below the others of the same place.
        """
        found: dict[DriverObject, None] = {}
        for place in (
            FilterPlace.LOWER,
            FilterPlace.LOWER_CLASS,
            None,
            FilterPlace.UPPER,
            FilterPlace.UPPER_CLASS,
        ):
            if place is not None:
                found.update(dict.fromkeys((*named.get(place, ()), *self._filters_of(node, place))))
            elif function is not None:
                found[function] = None
        return list(found)

    def _filters_of(self, node: DeviceNode, place: FilterPlace) -> Iterator[DriverObject]:
        for each in self._filters:
            if each.place is not place:
                continue
            if place in (FilterPlace.LOWER, FilterPlace.UPPER):
                if node.rank(each.ids) is not None:
                    yield each.driver
            elif node.class_guid and each.class_guid.casefold() == node.class_guid.casefold():
                yield each.driver
