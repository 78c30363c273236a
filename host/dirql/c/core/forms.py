# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The forms in which values cross between C and Python, for parameters, results, and members of structures.

`wdk/c_interface.py` writes the forms of the prototypes; here each becomes a number of native/core.h and, where Python
has to help, a converter. A converter is a method of the `Converters` of the open machine.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

from dirql.c.core.interface import CLASSES, FORMS, FUNCTIONS, STRUCTURES
from dirql.c.core.native_module import Value

__all__ = [
    "CONVERT",
    "LOCATION",
    "NUMBERS",
    "OBJECT",
    "POINTER",
    "STATUS",
    "VOID",
    "Converters",
    "UnsupportedForm",
    "argument",
    "member",
    "result",
    "returned",
]

VOID: Final = 0
NUMBERS: Final = {
    "u1": 1,
    "u2": 2,
    "u4": 3,
    "u8": 4,
    "i1": 5,
    "i2": 6,
    "i4": 7,
    "i8": 8,
    "bool": 9,
    "status": 10,
}
STATUS: Final = 10
POINTER: Final = 11
OBJECT: Final = 12
CONVERT: Final = 13
LOCATION: Final = 14

SYSTEM_OBJECTS: Final = frozenset(
    [
        "CALLBACK_OBJECT",
        "CM_RESOURCE_LIST",
        "CONFIGURATION_INFORMATION",
        "CONTROLLER_OBJECT",
        "DEVICE_OBJECT",
        "DMA_ADAPTER",
        "DRIVER_OBJECT",
        "EPROCESS",
        "ETHREAD",
        "EX_TIMER",
        "FILE_OBJECT",
        "IO_ERROR_LOG_PACKET",
        "IO_RESOURCE_REQUIREMENTS_LIST",
        "IO_STACK_LOCATION",
        "IO_WORKITEM",
        "IRP",
        "KINTERRUPT",
        "KPROCESS",
        "KTHREAD",
        "MDL",
        "OBJECT_TYPE",
        "SCATTER_GATHER_LIST",
        "DEVICE_RELATIONS",
    ]
)
"""Structures that the system makes: a pointer to one is right only if the system has given it."""
DRIVERS_OBJECTS: Final = frozenset(
    [
        "ERESOURCE",
        "EX_PUSH_LOCK",
        "EX_RUNDOWN_REF",
        "EX_SPIN_LOCK",
        "FAST_MUTEX",
        "IO_CSQ",
        "IO_CSQ_IRP_CONTEXT",
        "IO_REMOVE_LOCK",
        "KAPC",
        "KAPC_STATE",
        "KBUGCHECK_CALLBACK_RECORD",
        "KDEVICE_QUEUE",
        "KDEVICE_QUEUE_ENTRY",
        "KDPC",
        "KEVENT",
        "KFLOATING_SAVE",
        "KGUARDED_MUTEX",
        "KLOCK_QUEUE_HANDLE",
        "KMUTEX",
        "KQUEUE",
        "KSEMAPHORE",
        "KSPIN_LOCK",
        "KTIMER",
        "LOOKASIDE_LIST_EX",
        "NPAGED_LOOKASIDE_LIST",
        "PAGED_LOOKASIDE_LIST",
        "SECURITY_SUBJECT_CONTEXT",
        "SLIST_HEADER",
        "WORK_QUEUE_ITEM",
    ]
)
"""Structures for which the driver gives the memory: each has an object in Python, which is found by its address."""
STRINGS: Final = frozenset({"UNICODE_STRING", "ANSI_STRING", "OEM_STRING", "STRING"})
VIEWED: Final = frozenset(
    [
        "CLIENT_ID",
        "DEVICE_CAPABILITIES",
        "DEVICE_DESCRIPTION",
        "IO_SECURITY_CONTEXT",
        "IO_STATUS_BLOCK",
        "OBJECT_ATTRIBUTES",
        "POWER_SEQUENCE",
        "PROCESSOR_NUMBER",
        "RTL_BITMAP",
        "RTL_OSVERSIONINFOEXW",
        "RTL_OSVERSIONINFOW",
    ]
)
"""Structures of the driver whose members Python reads and writes where they are."""
_FILLED: Final = ("IO_STATUS_BLOCK", "PROCESSOR_NUMBER", "CLIENT_ID", "UUID", "OBJECT_HANDLE_INFORMATION")
VALUES: Final = frozenset({"LARGE_INTEGER", "ULARGE_INTEGER", "GUID", "TIME_FIELDS", "GENERIC_MAPPING"})
"""Structures of which Python gets the value."""


class UnsupportedForm(Exception):
    """A type that does not cross between C and Python; the message names it."""


class Converters(Protocol):
    """The help of the open machine with values that have addresses."""

    def system_object(self, name: str) -> Callable[[int], object]:
        """Refuses an address at which the system has no structure `name`."""

    def drivers_object(self, name: str) -> Callable[[int], object]:
        """Finds or makes the object for a structure of the driver."""

    def string(self, name: str) -> Callable[[int], object]:
        """Makes the view of a counted string."""

    def viewed(self, name: str) -> Callable[[int], object]:
        """Makes the view of another structure."""

    def read_value(self, name: str) -> Callable[[int], object]:
        """Reads a value at an address."""

    def write_value(self, name: str) -> Callable[[int, object], None]:
        """Writes a value to an address."""

    def routine(self, kind: str) -> Callable[[int], object]:
        """Finds or makes the object for a routine of the driver."""

    def physical(self, address: int) -> object:
        """Makes a physical address."""

    def logical(self, address: int) -> object:
        """Makes a logical address."""

    def waited_for(self, address: int) -> object:
        """Finds the object for a pointer without a type."""


_PLAIN: Final = (
    "char",
    "LARGE_INTEGER",
    "KWAIT_BLOCK",
    "RTL_QUERY_REGISTRY_TABLE",
    "IO_CONNECT_INTERRUPT_PARAMETERS",
    "IO_DISCONNECT_INTERRUPT_PARAMETERS",
    "EXT_SET_PARAMETERS",
    "EXT_CANCEL_PARAMETERS",
    "EXT_DELETE_PARAMETERS",
    "COUNTED_REASON_CONTEXT",
    "*DEVICE_OBJECT",
)
"""Targets of pointers that Python gets as addresses."""
_OF_OBJECTS: Final = (
    "Object",
    "Context",
    "Argument",
    "SystemArgument1",
    "SystemArgument2",
    "CallbackRegistration",
    "NotificationEntry",
    "StateHandle",
    "PowerRequest",
    "MapRegisterBase",
)
"""Parts of the names of pointers without a type by which drivers give back what the system has given."""


def argument(name: str, form: str, direction: str, converters: Converters | None) -> Value:
    """The way of a parameter from C to Python; raises `UnsupportedForm`. Without converters it only looks."""
    if form in NUMBERS:
        return NUMBERS[form], None
    if form == "=LARGE_INTEGER":
        return NUMBERS["i8"], None
    if form in ("=ULARGE_INTEGER", "=LUID"):
        return NUMBERS["u8"], None
    if form == "=POWER_STATE":
        return NUMBERS["i4"], None
    if form == "physical":
        convert = (
            None if converters is None else converters.logical if "Logical" in name else converters.physical
        )
        return CONVERT, convert
    if form[0] == "&":
        return OBJECT, None if converters is None else converters.routine(form[1:])
    if form[0] != "*":
        raise UnsupportedForm(f"{name} has a type that does not cross to Python ({form})")
    return _pointer(name, form[1:], direction, converters)


def _pointer(name: str, target: str, direction: str, converters: Converters | None) -> Value:
    if target == "void" and name not in ("Object", "Mutex"):
        is_object = name == "Handle" or any(word in name for word in _OF_OBJECTS)
        return (OBJECT if is_object else POINTER), None
    value = _structure(target, direction, converters)
    if value is not None:
        return value
    if target.endswith("LIST_ENTRY") or target in FORMS or target in _PLAIN:
        return POINTER, None
    if target in STRUCTURES and not STRUCTURES[target][1]:
        return POINTER, None
    raise UnsupportedForm(f"{name} points to a structure that C drivers cannot pass yet ({target})")


def _structure(target: str, direction: str, converters: Converters | None) -> Value | None:
    """The way of a pointer to a structure that Python has as an object or as a value."""
    if target == "void":
        return OBJECT, None if converters is None else converters.waited_for
    if target in SYSTEM_OBJECTS:
        return OBJECT, None if converters is None else converters.system_object(target)
    if target in DRIVERS_OBJECTS:
        # An initialization makes a new object, but a record of a bug check may be registered already.
        form = CONVERT if direction == "out" and target != "KBUGCHECK_CALLBACK_RECORD" else OBJECT
        return form, None if converters is None else converters.drivers_object(target)
    if target in STRINGS:
        return CONVERT, None if converters is None else converters.string(target)
    if target in VIEWED:
        return OBJECT, None if converters is None else converters.viewed(target)
    if target in VALUES and direction == "in":
        return CONVERT, None if converters is None else converters.read_value(target)
    return None


def returned(name: str, form: str, converters: Converters | None) -> Value:
    """The way of an out parameter, `form` being that of the pointer, from Python to the memory behind it."""
    target = form[1:]
    if target.startswith("*") or target in ("PVOID", "HANDLE", "void"):
        return POINTER, None
    inner = FORMS.get(target)
    if inner in NUMBERS:
        return NUMBERS[inner], None
    if inner == "physical" or target == "LARGE_INTEGER":
        return NUMBERS["i8"], None
    if inner is not None and inner[0] in "*&":
        return POINTER, None
    if target in VALUES or target in _FILLED:
        name = "GUID" if target == "UUID" else target
        return CONVERT, None if converters is None else converters.write_value(name)
    raise UnsupportedForm(f"{name} is a structure that Python cannot fill in yet ({target})")


def result(form: str) -> Value:
    """The way of a result from Python to C; raises `UnsupportedForm`."""
    if form == "void":
        return VOID, None
    if form in NUMBERS:
        return NUMBERS[form], None
    if form in ("=LARGE_INTEGER", "physical", "=POWER_STATE"):
        return NUMBERS["i8"], None
    if form[0] in "*&":
        return POINTER, None
    raise UnsupportedForm(f"the result has a type that does not cross to C ({form})")


def member(form: str, converters: Converters) -> Value:
    """The way of a member of a structure, in both directions; raises `UnsupportedForm`."""
    if form in NUMBERS:
        return NUMBERS[form], None
    if form == "=LARGE_INTEGER":
        return NUMBERS["i8"], None
    if form[0] == "&":
        return OBJECT, converters.routine(form[1:])
    if form == "*void":
        return OBJECT, None
    target = form.lstrip("*")
    if target in SYSTEM_OBJECTS:
        return OBJECT, converters.system_object(target)
    if target in DRIVERS_OBJECTS:
        return OBJECT, converters.drivers_object(target)
    if target in VIEWED:
        return OBJECT, converters.viewed(target)
    if target in STRINGS:
        return OBJECT, converters.string(target)
    return OBJECT, None


def routine_values(kind: str, converters: Converters) -> tuple[Value, tuple[Value, ...], int]:
    """The ways of result and arguments of a driver's routine of the type `kind`, and which it fills in, as bits."""
    form, parameters = FUNCTIONS[kind]
    back: Value = (VOID, None) if form == "void" else argument("", form, "in", converters)
    # What Python gives to C needs no converter: the address of the object is found.
    values = [(NUMBERS.get(each, POINTER), None) for _, each, _ in parameters]
    outs = 0
    for place, (_, each, direction) in enumerate(parameters):
        inner = FORMS.get(each[1:], "") if direction == "out" else ""
        if inner in NUMBERS:
            outs |= 1 << place
            values[place] = NUMBERS[inner], None
    return back, tuple(values), outs


def python_class(name: str) -> str:
    """The module and the name of the Python class behind a type."""
    return CLASSES[name]
