# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The parameters of a stack location in memory: one storage of 32 bytes, which all records share as in C."""

from __future__ import annotations

from collections.abc import Callable
from operator import index
from typing import Final, SupportsIndex, cast

from dirql.c.core.forms import Converters
from dirql.c.core.interface import STRUCTURES
from dirql.c.core.interfaces import Interfaces
from dirql.c.core.native_module import Native, Slot
from dirql.c.core.views import Member, View, method
from dirql.io import parameters
from dirql.io.parameters import Parameters
from dirql.nt.power import PowerState, SystemPowerStateContext

__all__ = ["ParameterViews"]

_START: Final = 8
_SIZE: Final = 32
_RECORDS: Final = {
    "Create": parameters.CreateParameters,
    "DeviceCapabilities": parameters.DeviceCapabilitiesParameters,
    "DeviceIoControl": parameters.DeviceIoControlParameters,
    "FileSystemControl": parameters.FileSystemControlParameters,
    "FilterResourceRequirements": parameters.FilterResourceRequirementsParameters,
    "Others": parameters.OthersParameters,
    "Power": parameters.PowerParameters,
    "PowerSequence": parameters.PowerSequenceParameters,
    "QueryDeviceRelations": parameters.QueryDeviceRelationsParameters,
    "QueryDeviceText": parameters.QueryDeviceTextParameters,
    "QueryFile": parameters.QueryFileParameters,
    "QueryId": parameters.QueryIdParameters,
    "QueryInterface": parameters.QueryInterfaceParameters,
    "QueryVolume": parameters.QueryVolumeParameters,
    "Read": parameters.ReadParameters,
    "ReadWriteConfig": parameters.ReadWriteConfigParameters,
    "SetFile": parameters.SetFileParameters,
    "SetLock": parameters.SetLockParameters,
    "StartDevice": parameters.StartDeviceParameters,
    "UsageNotification": parameters.UsageNotificationParameters,
    "WaitWake": parameters.WaitWakeParameters,
}
"""The class of each record, by its name in C."""
_ADDRESS: Final[Slot] = Parameters.__dict__["read"]
"""The slot that keeps the address of the parameters; the record itself is a view that is made when it is named."""


_NOTHING: Final = parameters.ReadParameters()
"""The parameters of each packet that has come to its end."""
_NAMES: Final[dict[type, list[str]]] = {}
"""The slots of each class of records."""


class ParameterViews:
    """Makes views of `Parameters` and of their records."""

    def __init__(self, native: Native, converters: Converters, interfaces: Interfaces) -> None:
        self._native = native
        self._records: dict[str, View] = {}
        self._interfaces = interfaces
        self._asked: dict[int, tuple[parameters.QueryInterfaceParameters, int]] = {}
        """The interfaces that drivers in Python have asked for, and their places, by the ids of the parameters."""
        self._scratches: dict[str, object] = {}
        members: dict[str, object] = {"__slots__": (), "__module__": Parameters.__module__}
        for c_name, record in _RECORDS.items():
            prefix = f"Parameters.{c_name}."
            found = [
                (path, python.rpartition(".")[2], form)
                for path, (_, _, form, python) in STRUCTURES["IO_STACK_LOCATION"][2].items()
                if path.startswith(prefix)
            ]
            slots = vars(record)["__slots__"]
            own = [Member(path, name) for path, name, form in found if name in slots and _is_plain(form)]
            name = _python_name(prefix)
            extra = _extra(native, record, found, interfaces)
            own = [each for each in own if each.attribute not in extra]
            view = View(native, converters, record, "IO_STACK_LOCATION", own, _START, extra)
            self._records[name] = view
            members[name] = property(self._getter(name, view))
        members["write"] = members["read"]
        members["clear"] = method(self._clear)
        members["copy_from"] = method(self._copy_from)
        members["forget"] = lambda _: None
        members["__qualname__"] = Parameters.__qualname__
        self._type = type(Parameters.__name__, (Parameters,), members)

    def promote(self, instance: Parameters, location: int) -> None:
        """Put the parameters of a location into memory."""
        named, read = instance.named, instance.read
        if not named and not read.length and not read.byte_offset and not read.key:
            instance.__class__ = self._type
            _ADDRESS.__set__(instance, location + _START)
            return
        asked = vars(instance).get("query_interface")
        records = [(name, vars(instance)[name]) for name in named]
        records.append(("read", read))
        instance.forget()
        instance.__class__ = self._type
        _ADDRESS.__set__(instance, location + _START)
        for name, record in records:
            _copy(record, self._scratch(name, location + _START))
        if isinstance(asked, parameters.QueryInterfaceParameters):
            self._asked[id(instance)] = asked, self._interfaces.place(location + _START)

    def _scratch(self, name: str, address: int) -> object:
        """The record of that name at an address, until the next call."""
        view = self._records[name]
        found = self._scratches.get(name)
        if found is None:
            found = self._scratches[name] = view.at(address)
        view.move(found, address)
        return found

    def demote(self, instance: Parameters) -> None:
        """Let parameters be a plain object again, all zero; their packet has come to its end."""
        asked, place = self._asked.pop(id(instance), (None, 0))
        if asked is not None:
            asked.interface = self._interfaces.given(place, asked.interface_type)
        vars(instance).clear()
        instance.__class__ = Parameters
        instance.named = ()
        instance.read = _NOTHING

    def _getter(self, name: str, view: View) -> Callable[[Parameters], object]:
        kept = f"view of {name}"

        def get(instance: Parameters) -> object:
            found = vars(instance).get(kept)
            if found is None:
                found = vars(instance)[kept] = view.at(_address(instance))
            return found

        return get

    def _clear(self, instance: Parameters) -> None:
        self._native.write_bytes(_address(instance), bytes(_SIZE))

    def _copy_from(self, instance: Parameters, other: Parameters) -> None:
        if type(other) is self._type:
            contents = self._native.read_bytes(_address(other), _SIZE)
            self._native.write_bytes(_address(instance), contents)
            return
        self._clear(instance)
        for name in (*other.named, "read"):
            _copy(getattr(other, name), getattr(instance, name))


def _address(instance: Parameters) -> int:
    return cast(int, _ADDRESS.__get__(instance))


def _python_name(prefix: str) -> str:
    """The name of the record in Python."""
    return next(
        python.split(".")[1]
        for path, (_, _, _, python) in STRUCTURES["IO_STACK_LOCATION"][2].items()
        if path.startswith(prefix)
    )


def _is_plain(form: str) -> bool:
    return form[0] != "=" or form == "=LARGE_INTEGER"


def _extra(
    native: Native, record: type, found: list[tuple[str, str, str]], interfaces: Interfaces
) -> dict[str, object]:
    """Attributes for the members that are small structures of their own, and for interfaces and buffers."""
    if record is parameters.QueryInterfaceParameters:
        return interfaces.parameters(record.__dict__["size"])
    if record is parameters.ReadWriteConfigParameters:
        return {"buffer": interfaces.buffer(record.__dict__["which_space"])}
    if record is not parameters.PowerParameters:
        return {}
    slot: Slot = record.__dict__["type"]
    places = {name: STRUCTURES["IO_STACK_LOCATION"][2][path][0] - _START for path, name, _ in found}

    def number(name: str, kind: Callable[[int], object]) -> property:
        def get(instance: object) -> object:
            place = cast(int, slot.__get__(instance)) + places[name]
            return kind(int.from_bytes(native.read_bytes(place, 4), "little"))

        def put(instance: object, value: SupportsIndex | SystemPowerStateContext) -> None:
            plain = value.context_as_ulong if isinstance(value, SystemPowerStateContext) else index(value)
            native.write_bytes(cast(int, slot.__get__(instance)) + places[name], plain.to_bytes(4, "little"))

        return property(get, put)

    return {
        "state": number("state", PowerState),
        "system_power_state_context": number("system_power_state_context", SystemPowerStateContext),
        "system_context": number("system_context", int),
    }


def _copy(record: object, view: object) -> None:
    """Give each member of a record to the view; zeros are there already."""
    for name in _names(type(record)):
        value = getattr(record, name, None)
        if value:
            setattr(view, name, value)


def _names(kind: type) -> list[str]:
    found = _NAMES.get(kind)
    if found is None:
        slots = (getattr(each, "__slots__", ()) for each in kind.__mro__)
        found = [name for names in slots for name in ((names,) if isinstance(names, str) else names)]
        _NAMES[kind] = found
    return found
