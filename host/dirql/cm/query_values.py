# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""RtlQueryRegistryValues: several values with one call, each given to a routine or stored (rows REG-08 and REG-09)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from dirql.cm.direct import store_number, store_text
from dirql.cm.key import Key, fold
from dirql.cm.query_table import TEXTS, QueryTable, split
from dirql.cm.registry import names_of, running
from dirql.cm.relative import find_relative, text_of
from dirql.ke.bugcheck import bug_check
from dirql.ke.current import current
from dirql.ke.guard import QUERY_ROUTINE, call_driver, current_driver
from dirql.ke.processors.contract import contract
from dirql.mm.allocation import free_pool
from dirql.mm.manager import running as memory_manager
from dirql.nt.bugcodes import KERNEL_SECURITY_CHECK_FAILURE
from dirql.nt.constants import (
    KEY_QUERY_VALUE,
    REG_EXPAND_SZ,
    REG_MULTI_SZ,
    REG_NONE,
    REG_SZ,
    RTL_QUERY_REGISTRY_DELETE,
    RTL_QUERY_REGISTRY_DIRECT,
    RTL_QUERY_REGISTRY_NOEXPAND,
    RTL_QUERY_REGISTRY_NOVALUE,
    RTL_QUERY_REGISTRY_REQUIRED,
    RTL_QUERY_REGISTRY_SUBKEY,
    RTL_QUERY_REGISTRY_TOPKEY,
    RTL_QUERY_REGISTRY_TYPECHECK,
    RTL_QUERY_REGISTRY_TYPECHECK_SHIFT,
)
from dirql.nt.ntstatus import nt_success
from dirql.nt.status import (
    STATUS_BUFFER_TOO_SMALL,
    STATUS_INVALID_PARAMETER,
    STATUS_NO_MEMORY,
    STATUS_OBJECT_NAME_NOT_FOUND,
    STATUS_OBJECT_TYPE_MISMATCH,
    STATUS_SUCCESS,
)
from dirql.rtl.memory import read_terminated, write
from dirql.rtl.strings import Characters, UnicodeString

__all__ = ["query_registry_values"]

_QUERY: Final = contract("RtlQueryRegistryValues")

_TAG: Final = int.from_bytes(b"Rqrv", "little")
_UNSAFE_ACCESS: Final = 9
"""Parameter 1 of bug check 0x139: a value of a hive that is not trusted was stored without a check of its type."""
_TRUSTED: Final = frozenset({"HARDWARE", "SOFTWARE", "SYSTEM", "SECURITY", "SAM"})
_ENVIRONMENT: Final = {"SYSTEMROOT": r"C:\Windows", "WINDIR": r"C:\Windows", "SYSTEMDRIVE": "C:"}
_REFERENCE: Final = re.compile("%([^%]+)%")


def query_registry_values(
    relative_to: int,
    path: Characters,
    query_table: Sequence[QueryTable],
    context: object,
    environment: int | None,
) -> int:
    """Read the values that a table names; follows RtlQueryRegistryValues.

    `query_table` is a list of RTL_QUERY_REGISTRY_TABLE. An entry without a routine and a name ends it, and so does the
    end of the list. `environment` is the address of a block of variables, None for the system's own.
    """
    _QUERY.check_level(relative_to)
    _QUERY.check_arguments(relative_to, path, query_table, context, environment)
    if not isinstance(query_table, list | tuple) or not all(
        isinstance(entry, QueryTable) for entry in query_table
    ):
        _QUERY.refuse_argument("QueryTable", "a list of RTL_QUERY_REGISTRY_TABLE", query_table)
    if environment is not None and not isinstance(environment, int):
        _QUERY.refuse_argument("Environment", "an address, which is an integer, or None", environment)
    status, top = find_relative("RtlQueryRegistryValues", relative_to, path, KEY_QUERY_VALUE)
    if top is None:
        return status
    return _Query(top, context, environment).run(query_table)


class _Query:
    """One call: the key that it began with, the key that the next entry means, and the context."""

    __slots__ = ("_context", "_environment", "_key", "_top")

    def __init__(self, top: Key, context: object, environment: int | None) -> None:
        self._top = self._key = top
        self._context = context
        self._environment = environment

    def run(self, table: Sequence[QueryTable]) -> int:
        for entry in table:
            if entry.query_routine is None and entry.name is None and not entry.flags:
                break
            status = self._entry(entry)
            if not nt_success(status):
                return status
        return STATUS_SUCCESS

    def _entry(self, entry: QueryTable) -> int:
        flags, routine, name = entry.flags, entry.query_routine, entry.name
        is_direct = bool(flags & RTL_QUERY_REGISTRY_DIRECT)
        if is_direct:
            is_wrong = name is None or routine is not None or bool(flags & RTL_QUERY_REGISTRY_SUBKEY)
        else:
            is_wrong = bool(flags & RTL_QUERY_REGISTRY_TYPECHECK) or (
                routine is None and not flags & (RTL_QUERY_REGISTRY_SUBKEY | RTL_QUERY_REGISTRY_DELETE)
            )
        if is_wrong:
            return STATUS_INVALID_PARAMETER
        if flags & (RTL_QUERY_REGISTRY_TOPKEY | RTL_QUERY_REGISTRY_SUBKEY):
            self._key = self._top
        if flags & RTL_QUERY_REGISTRY_SUBKEY:
            return self._enter(entry)
        if name is not None:
            return self._one(entry, text_of(name))
        if flags & RTL_QUERY_REGISTRY_NOVALUE:
            return self._call(entry, None, REG_NONE, None)
        return self._all(entry)

    def _enter(self, entry: QueryTable) -> int:
        if entry.name is None:
            return STATUS_INVALID_PARAMETER
        found = running.value.resolve(self._top, names_of(text_of(entry.name)), open_link=False)
        if found.key is None:
            return found.status
        self._key = found.key
        return STATUS_SUCCESS if entry.query_routine is None else self._all(entry)

    def _one(self, entry: QueryTable, name: str) -> int:
        value = self._key.value(name)
        if value is not None:
            return self._deliver_stored(entry, value.name, value.type, value.data)
        return self._deliver_default(entry, name)

    def _deliver_default(self, entry: QueryTable, name: str) -> int:
        """Deliver the default of an entry, for a value that is missing or has no data."""
        type = entry.default_type & 0xFF
        if type == REG_NONE:
            is_required = bool(entry.flags & RTL_QUERY_REGISTRY_REQUIRED)
            return STATUS_OBJECT_NAME_NOT_FOUND if is_required else STATUS_SUCCESS
        data = entry.default(type)
        if type == REG_MULTI_SZ and data.startswith(b"\0\0"):
            data = b""
        return self._deliver(entry, name, type, data)

    def _all(self, entry: QueryTable) -> int:
        values = [(value.name, value.type, value.data) for value in self._key.values()]
        for value in values:
            status = self._deliver_stored(entry, *value)
            if not nt_success(status):
                return status
        is_missing = not values and bool(entry.flags & RTL_QUERY_REGISTRY_REQUIRED)
        return STATUS_OBJECT_NAME_NOT_FOUND if is_missing else STATUS_SUCCESS

    def _deliver_stored(self, entry: QueryTable, name: str, type: int, data: bytes) -> int:
        """Deliver a value that the key has, and delete it if the entry says so."""
        flags = entry.flags
        if flags & RTL_QUERY_REGISTRY_TYPECHECK:
            if type != entry.default_type >> RTL_QUERY_REGISTRY_TYPECHECK_SHIFT:
                return STATUS_OBJECT_TYPE_MISMATCH
        elif flags & RTL_QUERY_REGISTRY_DIRECT and current_driver() is not None:
            self._check_trust(name)
        if type == REG_NONE or (not data and type == entry.default_type & 0xFF):
            status = self._deliver_default(entry, name)
        else:
            status = self._deliver(entry, name, type, data)
        if nt_success(status) and flags & RTL_QUERY_REGISTRY_DELETE:
            running.value.delete_value(self._key, name)
        return status

    def _check_trust(self, name: str) -> None:
        names = names_of(self._key.path)[1:3]
        if len(names) < 2 or names[0] != "MACHINE" or fold(names[1]) not in _TRUSTED:
            reason = (
                "an entry with RTL_QUERY_REGISTRY_DIRECT must have RTL_QUERY_REGISTRY_TYPECHECK too, where any program"
                f" may give a value another type; {name!r} of {self._key!r} was read without it: add the flag, and the"
                " type << RTL_QUERY_REGISTRY_TYPECHECK_SHIFT to DefaultType"
            )
            bug_check(KERNEL_SECURITY_CHECK_FAILURE, _UNSAFE_ACCESS, 0, 0, 0, reason=reason)

    def _deliver(self, entry: QueryTable, name: str, type: int, data: bytes) -> int:
        if not entry.flags & RTL_QUERY_REGISTRY_NOEXPAND:
            if type == REG_MULTI_SZ:
                return self._deliver_texts(entry, name, data)
            if type == REG_EXPAND_SZ:
                type, data = REG_SZ, self._expanded(data)
        if not entry.flags & RTL_QUERY_REGISTRY_DIRECT:
            return self._call(entry, name, type, data)
        place = entry.entry_context
        if not isinstance(place, int | UnicodeString):
            what = (
                "a list whose EntryContext is a UNICODE_STRING or an address with RTL_QUERY_REGISTRY_DIRECT"
            )
            _QUERY.refuse_argument("QueryTable", what, place)
        return store_text(place, data) if type in TEXTS else store_number(place, type, data)

    def _deliver_texts(self, entry: QueryTable, name: str, data: bytes) -> int:
        if entry.flags & RTL_QUERY_REGISTRY_DIRECT:  # several texts have no room in one string
            return STATUS_INVALID_PARAMETER
        for text in split(data):
            status = self._call(entry, name, REG_SZ, text)
            if not nt_success(status):
                return status
        return STATUS_SUCCESS

    def _call(self, entry: QueryTable, name: str | None, type: int, data: bytes | None) -> int:
        """Call the routine with the data in paged pool, which is freed behind it."""
        routine = entry.query_routine
        if routine is None:
            return STATUS_SUCCESS
        length = 0 if data is None else len(data)
        address: int | None = None
        if data is not None:
            address = memory_manager.value.paged_pool.allocate(max(length, 2), _TAG)
            if address is None:
                return STATUS_NO_MEMORY
            write(address, data)
        arguments = (name, type, address, length, self._context, entry.entry_context)
        try:
            status = call_driver(QUERY_ROUTINE, current_driver(), routine, *arguments)
        finally:
            if address is not None and current.kernel.stopped is None:
                free_pool(address)
        return STATUS_SUCCESS if status == STATUS_BUFFER_TOO_SMALL else status

    def _expanded(self, data: bytes) -> bytes:
        """A text with the values of the variables in it, where there are such."""
        text = data.decode("utf-16-le", "replace")
        if "%" not in text:
            return data
        variables = self._variables()
        return _REFERENCE.sub(lambda found: variables.get(fold(found[1]), found[0]), text).encode("utf-16-le")

    def _variables(self) -> dict[str, str]:
        if self._environment is None:
            return _ENVIRONMENT
        variables: dict[str, str] = {}
        address = self._environment
        while line := read_terminated(address, 2):
            name, _, value = line.decode("utf-16-le", "replace").partition("=")
            variables[fold(name)] = value
            address += len(line) + 2
        return variables
