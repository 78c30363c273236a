# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
r"""The order in which drivers are loaded when the system starts (row REG-13).

Groups come in the order of the value List of Control\ServiceGroupOrder, then services of other groups and of none. In a
group the value of Control\GroupOrderList with its name orders the tags; services with other tags or none come then.
A service comes behind the services that it depends on, and behind those of the groups that it depends on.
"""

from __future__ import annotations

from typing import Final

from dirql.cm.key import fold
from dirql.cm.registry import CONTROL_SET, Registry
from dirql.cm.service_keys import ServiceValues, texts_of

__all__ = ["load_order"]

_GROUPS: Final = CONTROL_SET + r"\Control\ServiceGroupOrder"
_TAGS: Final = CONTROL_SET + r"\Control\GroupOrderList"


def load_order(registry: Registry, services: list[ServiceValues]) -> list[ServiceValues]:
    """The services in the order in which they are loaded."""
    key = registry.find(_GROUPS)
    groups = [] if key is None else [fold(group) for group in texts_of(key, "List")]
    tags = {fold(each.group): _tags(registry, each.group) for each in services if each.group}

    def rank(values: ServiceValues) -> tuple[int, int]:
        group = fold(values.group)
        own = tags.get(group, [])
        place = groups.index(group) if group in groups else len(groups)
        return place, own.index(values.tag) if values.tag in own else len(own)

    return _behind_dependencies(sorted(services, key=rank))


def _tags(registry: Registry, group: str) -> list[int]:
    """The tags of a group in their order: a count, then as many numbers of 32 bits."""
    key = registry.find(_TAGS)
    value = None if key is None else key.value(group)
    if value is None:
        return []
    numbers = [int.from_bytes(value.data[at : at + 4], "little") for at in range(0, len(value.data) - 3, 4)]
    return numbers[1 : 1 + numbers[0]] if numbers else []


def _behind_dependencies(ordered: list[ServiceValues]) -> list[ServiceValues]:
    """Move each service behind those that it depends on; in a circle the first stays where it is."""
    by_name = {fold(each.name): each for each in ordered}
    result: list[ServiceValues] = []
    begun: set[str] = set()

    def visit(values: ServiceValues) -> None:
        name = fold(values.name)
        if name in begun:
            return
        begun.add(name)
        groups = {fold(group) for group in values.depend_on_group}
        for other in values.depend_on_service:
            if fold(other) in by_name:
                visit(by_name[fold(other)])
        for other_values in ordered if groups else ():
            if fold(other_values.group) in groups:
                visit(other_values)
        result.append(values)

    for each in ordered:
        visit(each)
    return result
