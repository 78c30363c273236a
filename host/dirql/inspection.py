# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Lists the objects of an open machine by type, each with its state, for debuggers and tests that look in.

The types have the names of the WDK's structures. Nothing is kept for the lists: they are read from the tables that the
kernel has anyway, and from the device extensions of the drivers. So a machine into which nobody looks pays nothing, and
a stopped machine can be looked into as well. No routine of the kernel is called, and no clock passes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from typing import Final, NamedTuple, Protocol

from dirql import wdm
from dirql.cm.key import Key
from dirql.cm.registry import Registry
from dirql.hal.hal import Hal
from dirql.io.manager import IoManager
from dirql.io.objects import Irp
from dirql.io.whereabouts import attributes_of, describe_request, parts_of_extensions
from dirql.ke.kernel import Kernel
from dirql.ke.objects.timer import Timer
from dirql.mm.manager import MemoryManager
from dirql.ob.manager import ObjectManager
from dirql.ob.namespace import Directory, SymbolicLink
from dirql.ob.object import Object
from dirql.pnp.manager import PnpManager

__all__ = ["Listed", "Parts", "list_objects", "object_types"]


class Parts(Protocol):
    """The parts of a machine that have tables of objects."""

    kernel: Kernel
    memory_manager: MemoryManager
    hal: Hal
    objects: ObjectManager
    io: IoManager
    pnp: PnpManager
    registry: Registry


class Listed(NamedTuple):
    """One object of a machine."""

    type: str
    """The name of the structure in the WDK, as "KTIMER"; for a few things that have none, a word."""
    name: str
    """The object in words, as in messages."""
    state: Mapping[str, object]
    """The members of the object, by their names in Python."""
    body: object
    """The object to which all this belongs."""


def list_objects(machine: Parts, *types: str) -> Iterator[Listed]:
    """The objects of these types, or of all types, the types in the order of `object_types`.

    Raises `ValueError` for a type that no object of any machine has.
    """
    known = object_types()
    for wanted in types:
        if wanted not in known:
            raise ValueError(f"the type of an object must be one of {', '.join(known)}; it was {wanted!r}")
    held = _held_by_drivers(machine)
    for name in types or known:
        of_kernel = _TABLES[name](machine) if name in _TABLES else ()
        bodies = {id(body): body for body in (*of_kernel, *held.get(name, ()))}
        for body in bodies.values():
            yield Listed(name, _words(body), _state(body), body)


@cache
def object_types() -> tuple[str, ...]:
    """The types that `list_objects` knows."""
    return (*_TABLES, *sorted(set(_structures().values()) - set(_TABLES)))


# Tables of the kernel.


def _timers(machine: Parts) -> Iterator[object]:
    for entry in machine.kernel.timers.entries():
        timer = getattr(entry, "timer", None)
        if isinstance(timer, Timer):
            yield timer


def _dpcs(machine: Parts) -> Iterator[object]:
    for processor in machine.kernel.processors:
        yield from (processor.dpcs.running,) if processor.dpcs.running is not None else ()
        yield from (*processor.dpcs.waiting, *processor.dpcs.threaded)


def _devices(machine: Parts) -> Iterator[object]:
    for driver in machine.io.drivers.values():
        yield from driver.devices()


def _blocks(machine: Parts) -> Iterator[object]:
    manager = machine.memory_manager
    yield from manager.nonpaged_pool.blocks.values()
    yield from manager.paged_pool.blocks.values()


def _names(machine: Parts) -> Iterator[object]:
    """Each object with a name, a directory before what is in it."""
    left: list[Object] = [machine.objects.namespace.root]
    while left:
        named = left.pop()
        yield named.body
        if isinstance(named, Directory):
            left += reversed(named.entries.values())


def _keys(machine: Parts) -> Iterator[object]:
    """Each key of the registry, before its subkeys; its values are among its state."""
    left = [machine.registry.root]
    while left:
        key = left.pop()
        yield key
        left += reversed(list(key.subkeys()))


def _named(kind: type[Object]) -> Callable[[Parts], Iterable[object]]:
    return lambda machine: (body for body in _names(machine) if isinstance(body, kind))


_TABLES: Final[dict[str, Callable[[Parts], Iterable[object]]]] = {
    "processor": lambda machine: machine.kernel.processors,
    "KTHREAD": lambda machine: machine.kernel.threads,
    "KDPC": _dpcs,
    "KTIMER": _timers,
    "KINTERRUPT": lambda machine: machine.kernel.interrupts.connected_interrupts(),
    "DRIVER_OBJECT": lambda machine: machine.io.drivers.values(),
    "DEVICE_OBJECT": _devices,
    "FILE_OBJECT": lambda machine: machine.io.open_files,
    "IRP": lambda machine: machine.io.live_irps,
    "IO_WORKITEM": lambda machine: machine.io.work_items,
    "device node": lambda machine: machine.pnp.devices,
    "MDL": lambda machine: machine.memory_manager.mdls,
    "pool block": _blocks,
    "memory of drivers": lambda machine: machine.memory_manager.holdings.all(),
    "DMA_ADAPTER": lambda machine: machine.hal.adapters,
    "DMA channel": lambda machine: machine.hal.system_dma.controllers.channels,
    "handle": lambda machine: (entry for _, entry in machine.objects.handles.open_handles()),
    "directory": _named(Directory),
    "symbolic link": _named(SymbolicLink),
    "registry key": _keys,
}


# Structures that drivers have in their device extensions, and objects with names.


def _held_by_drivers(machine: Parts) -> dict[str, list[object]]:
    """These structures and objects by the names of their types."""
    held: dict[str, list[object]] = {}
    for body in (*_names(machine), *_parts()):
        name = _type_of(body)
        if name is not None:
            held.setdefault(name, []).append(body)
    return held


def _parts() -> Iterator[object]:
    """The members of all device extensions, and what is in those that are lists or dictionaries."""
    for _, part in parts_of_extensions():
        yield part
        if isinstance(part, list | tuple):
            yield from part
        elif isinstance(part, dict):
            yield from part.values()


@cache
def _structures() -> dict[type, str]:
    """The names of the structures whose objects can be found in extensions, by their classes in Python."""
    found: dict[type, str] = {}
    for name in wdm.__all__:
        kind = getattr(wdm, name)
        if isinstance(kind, type) and name.isupper() and kind.__module__.split(".")[1] in _ROOMS:
            found.setdefault(kind, name)
    return found


_ROOMS: Final = frozenset(("ke", "mm", "rtl", "ex", "ob", "io", "hal"))


def _type_of(body: object) -> str | None:
    return next((_structures()[kind] for kind in type(body).__mro__ if kind in _structures()), None)


def _words(body: object) -> str:
    return describe_request(body) if isinstance(body, Irp) else repr(body)


def _state(body: object) -> Mapping[str, object]:
    state = {name: value for name, value in attributes_of(body) if not name.startswith("_")}
    if isinstance(body, Key):
        state["values"] = {value.name: (value.type, value.data) for value in body.values()}
    return state
