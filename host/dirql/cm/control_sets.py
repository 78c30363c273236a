# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
r"""Control sets: the copies of the system's settings, and the key Select that says which is which (row REG-15).

Default is the number of the set for the next start, Current that of this one, Failed that of one that has failed, and
LastKnownGood that of the copy that was made when the system had last started well.
"""

from __future__ import annotations

from typing import Final

from dirql.cm.key import Key
from dirql.cm.registry import MACHINE, Registry, control_set_path
from dirql.cm.service_keys import number_of
from dirql.nt.constants import REG_DWORD

__all__ = ["begin_start", "good_number", "note_good_start"]

_SELECT: Final = MACHINE + r"\SYSTEM\Select"


def begin_start(registry: Registry, *, last_known_good: bool) -> None:
    """Choose the control set of this start."""
    select = registry.ensure(_SELECT)
    default = number_of(select, "Default", None) or number_of(select, "Current", None) or 1
    good = good_number(registry)
    number = good if last_known_good and good is not None else default
    registry.use_control_set(number)
    _set(registry, select, "Current", number)
    _set(registry, select, "Default", number)
    _set(registry, select, "Failed", default if number != default else number_of(select, "Failed", 0) or 0)


def good_number(registry: Registry) -> int | None:
    """The number of the last known good control set, if there is one besides the default one."""
    select = registry.ensure(_SELECT)
    good = number_of(select, "LastKnownGood", None)
    default = number_of(select, "Default", None)
    return None if not good or good == default else good


def note_good_start(registry: Registry) -> None:
    """Make the current control set the last known good one, by a copy, because the system has started well."""
    select = registry.ensure(_SELECT)
    failed = number_of(select, "Failed", 0)
    number = good_number(registry) or 0
    while not number or number in (registry.control_set, failed):
        number += 1
    source, target = (registry.ensure(control_set_path(each)) for each in (registry.control_set, number))
    for below in target.subkeys():
        registry.delete_tree(below)
    registry.copy_tree(source, target)
    _set(registry, select, "LastKnownGood", number)


def _set(registry: Registry, select: Key, name: str, number: int) -> None:
    registry.set_value(select, name, REG_DWORD, number.to_bytes(4, "little"))
