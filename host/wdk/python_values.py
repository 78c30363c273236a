# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The forms that the parameters of a routine have in Python, by their types in C, for the contracts."""

from __future__ import annotations

from collections.abc import Iterator

from wdk.prototypes import Parameter
from wdk.routines import Routine
from wdk.values import Values

__all__ = ["is_value", "python_values"]

_OBJECT_HANDLES = {"Event"}
"""The parameters that are handles in C and may be the objects themselves in Python; their routines check them."""

_SIGNED = {
    "CCHAR": 8,
    "KPROCESSOR_MODE": 8,
    "EVENT_TYPE": 32,
    "KEY_INFORMATION_CLASS": 32,
    "KEY_SET_INFORMATION_CLASS": 32,
    "KEY_VALUE_INFORMATION_CLASS": 32,
    "FILE_INFORMATION_CLASS": 32,
    "FS_INFORMATION_CLASS": 32,
    "SUITE_TYPE": 32,
    "TIMER_TYPE": 32,
    "WAIT_TYPE": 32,
    "KWAIT_REASON": 32,
    "KINTERRUPT_MODE": 32,
    "KDPC_IMPORTANCE": 32,
    "LOCK_OPERATION": 32,
    "DEVICE_POWER_STATE": 32,
    "POWER_REQUEST_TYPE": 32,
    "POWER_STATE_TYPE": 32,
    "MEMORY_CACHING_TYPE": 32,
    "BUS_DATA_TYPE": 32,
    "POOL_TYPE": 32,
    "EX_POOL_PRIORITY": 32,
    "KAPC_ENVIRONMENT": 32,
    "WORK_QUEUE_TYPE": 32,
    "KPRIORITY": 32,
    "LONG": 32,
    "LONG64": 64,
    "LARGE_INTEGER": 64,
    "LONGLONG": 64,
    "PLARGE_INTEGER": 64,
}
"""The bits of the signed types."""
_UNSIGNED = {
    "BOOLEAN": 8,
    "KIRQL": 8,
    "UCHAR": 8,
    "USHORT": 16,
    "WCHAR": 16,
    "DEVICE_TYPE": 32,
    "EXECUTION_STATE": 32,
    "ULONG": 32,
    "CLONG": 32,
    "ULONGLONG": 64,
    "LUID": 64,
    "SECURITY_INFORMATION": 32,
    "ULARGE_INTEGER": 64,
    "ULONG_PTR": 64,
    "POOL_FLAGS": 64,
    "SIZE_T": 64,
    "ERESOURCE_THREAD": 64,
}
"""The bits of the unsigned types."""
_EITHER = {
    "CHAR": 8,
    "ACCESS_MASK": 32,
    "NTSTATUS": 32,
    "KAFFINITY": 64,
    "HANDLE": 64,
    "PHYSICAL_ADDRESS": 64,
}
"""The bits of the types for which drivers also write negative numbers, as ~0."""
_CONVERTED = {
    "RtlIntegerToUnicodeString.Value",
    "RtlInt64ToUnicodeString.Value",
    "RtlIntPtrToUnicodeString.Value",
}
"""The unsigned parameters for which drivers also write negative numbers, which C converts."""
_NUMBERS_BEHIND_POINTERS = {"Key", "Length"}
"""The parameters of the type PULONG that are the number itself in Python."""
_POINTERS_TO_MEMORY = (
    "PCHAR",
    "PWCHAR",
    "PSTR",
    "PWSTR",
    "PUCHAR",
    "PUSHORT",
    "PULONG",
    "PULONGLONG",
    "POBJECT_NAME_INFORMATION",
    "PACCESS_MASK",
    "PACL",
    "PRTL_RUN_ONCE",
    "PSECURITY_DESCRIPTOR",
    "PSID",
    "PSID_IDENTIFIER_AUTHORITY",
)
_ADDRESSES = {
    "AceList",
    "Address",
    "Base",
    "BaseAddress",
    "BaseVa",
    "Buffer",
    "Comperand",
    "Data",
    "CurrentVa",
    "Destination",
    "EaBuffer",
    "Entry",
    "Exchange",
    "FileInformation",
    "FsInformation",
    "InputBuffer",
    "KeyInformation",
    "KeySetInformation",
    "KeyValueInformation",
    "MappingAddress",
    "OutputBuffer",
    "OwnerPointer",
    "P",
    "RequestedAddress",
    "ScatterGatherBuffer",
    "Va",
    "Value",
    "ValueData",
    "Source",
    "VirtualAddress",
    "ptr",
}
"""The parameters of the type PVOID that are addresses; the others may be any object."""
_BYTES = {"RtlWriteMemory": "Data", "HalSetBusDataByOffset": "Buffer"}
"""The parameters that are addresses in C and the bytes themselves in Python."""
_STRINGS = {"PUNICODE_STRING", "PCUNICODE_STRING"}
_BYTE_STRINGS = {"PSTRING", "PCSTRING", "PANSI_STRING", "PCANSI_STRING", "POEM_STRING", "PCOEM_STRING"}
"""The counted strings, for which Python takes texts too where they are only read."""
_ARRAYS = {"QueryTable"}
"""The parameters that point to the first of several structures, and are lists in Python."""
_READ_TEXTS = {"Path"}
"""The parameters of the type PWSTR that are only read."""
_CHARACTERS = {"PCWSTR", "PCSZ"}
"""Texts that end with a NUL: their address, or the text in the place of a literal."""
_LINKS = {"PLIST_ENTRY": "LINK", "PSINGLE_LIST_ENTRY": "SINGLE_LINK", "PSLIST_ENTRY": "SINGLE_LINK"}
"""The links of lists, which are objects in Python, or their addresses."""
_TEXTS = {"PCSTR"}
_ROUTINES = (
    "PALLOCATE_FUNCTION",
    "PCALLBACK_FUNCTION",
    "PCREATE_PROCESS_NOTIFY_ROUTINE",
    "PCREATE_THREAD_NOTIFY_ROUTINE",
    "PDRIVER_REINITIALIZE",
    "PLOAD_IMAGE_NOTIFY_ROUTINE",
    "PRTL_RUN_ONCE_INIT_FN",
    "PEXT_CALLBACK",
    "PDRIVER_CANCEL",
    "PDRIVER_CONTROL",
    "PDRIVER_LIST_CONTROL",
    "PEXPAND_STACK_CALLOUT",
    "PIO_COMPLETION_ROUTINE",
    "PIO_CSQ_",
    "PFREE_FUNCTION",
    "PIO_DPC_ROUTINE",
    "PKBUGCHECK_CALLBACK_ROUTINE",
    "PKIPI_BROADCAST_WORKER",
    "PKDEFERRED_ROUTINE",
    "PIO_TIMER_ROUTINE",
    "PIO_WORKITEM_ROUTINE",
    "PKKERNEL_ROUTINE",
    "PKNORMAL_ROUTINE",
    "PKRUNDOWN_ROUTINE",
    "PKSERVICE_ROUTINE",
    "PKSTART_ROUTINE",
    "PKSYNCHRONIZE_ROUTINE",
    "PPOWER_SETTING_CALLBACK",
    "PREQUEST_POWER_COMPLETE",
    "PTIMER_APC_ROUTINE",
    "PWORKER_THREAD_ROUTINE",
)
_NO_ROUTINES = {"PIO_CSQ_IRP_CONTEXT"}
_NULLABLE = {"DeferredRoutine", "ObCloseHandle.Handle", "SeAccessCheck.SecurityDescriptor"}
"""The parameters for which NT accepts NULL although the prototype does not say so."""
_HIGHEST_ADDRESS = (1 << 64) - 1
_SPECIAL = {
    "ASSERTMSG.Expression",
    "NT_ASSERTMSG.Expression",
    "CONTAINING_RECORD",
    "IoAllocateDriverObjectExtension.DriverObjectExtensionSize",
    "IoCreateController.Size",
    "IoCreateDevice.DeviceExtensionSize",
    "IoInitializeRemoveLock.AllocateTag",
    *(f"KeBugCheckEx.BugCheckParameter{number}" for number in range(1, 5)),
}
"""A routine and the parameters whose own code has to check, because Python takes objects of several types."""


_CLOSED = {
    **{
        name: name
        for name in (
            *("EVENT_TYPE", "KAPC_ENVIRONMENT", "KDPC_IMPORTANCE", "KWAIT_REASON", "LOCK_OPERATION"),
            *("MEMORY_CACHING_TYPE", "POWER_STATE_TYPE", "TIMER_TYPE", "WAIT_TYPE"),
        )
    },
    "KPROCESSOR_MODE": "MODE",
}
"""The types of which an argument must be a member of an enumeration, since no status answers another number."""


def python_values(routine: Routine, values: Values) -> Iterator[str]:
    """The parameters that are numbers, addresses, strings, bytes or routines, each as `Value(…), `."""
    for position, parameter in enumerate(routine.arguments):
        if routine.name in _SPECIAL or f"{routine.name}.{parameter.name}" in _SPECIAL:
            continue
        form = _members(routine, parameter, values) or _form(routine.name, parameter)
        if form:
            # Services check the addresses of their caller themselves and answer NULL with a status.
            is_null_legal = (
                parameter.optional
                or not _NULLABLE.isdisjoint((parameter.name, f"{routine.name}.{parameter.name}"))
                or (routine.name.startswith("Zw") and parameter.type in {"PVOID", "HANDLE"})
            )
            optional = ", optional=True" if is_null_legal else ""
            yield f'Value({position}, "{parameter.name}", "{parameter.type}", {form}{optional}), '


def _members(routine: Routine, parameter: Parameter, values: Values) -> str:
    """The form of a member of an enumeration; "" for all else. Services answer wrong ones with a status."""
    enumeration = _CLOSED.get(parameter.type)
    if enumeration is None or routine.name.startswith("Zw"):
        return ""
    members = {
        each.value: each.name
        for group in values.constants
        for each in reversed(group.values)
        if group.enumeration == enumeration and not each.name.startswith("Maximum")
    }
    lowest, highest = min(members), max(members)
    return f'Form.NUMBER, {lowest:#x}, {highest:#x}, such_as="{members[max(lowest, 0)]}"'


def is_value(parameter: Parameter) -> bool:
    """Whether Python takes something else besides the structure to which the parameter points."""
    return _is_text(parameter) or parameter.type in _LINKS or parameter.name in _ARRAYS


def _is_text(parameter: Parameter) -> bool:
    """Whether the parameter is a counted string that is only read, for which Python takes a text too."""
    return parameter.direction == "in" and parameter.type in _STRINGS | _BYTE_STRINGS


def _form(routine: str, parameter: Parameter) -> str:
    """The form, with the limits of a number; "" for a parameter that is an object."""
    name, type_name = parameter.name, parameter.type
    if _BYTES.get(routine) == name:
        return "Form.BYTES"
    if name in _OBJECT_HANDLES:
        return ""
    if type_name in _LINKS:
        return f"Form.{_LINKS[type_name]}, 0, {_HIGHEST_ADDRESS:#x}"
    if _is_text(parameter):
        return "Form.STRING" if type_name in _STRINGS else "Form.BYTE_STRING"
    if type_name in _CHARACTERS or (type_name == "PWSTR" and name in _READ_TEXTS):
        return f"Form.CHARACTERS, 0, {_HIGHEST_ADDRESS:#x}"
    if type_name in _TEXTS:
        return "Form.TEXT"
    if type_name.startswith(_ROUTINES) and type_name not in _NO_ROUTINES:
        return "Form.ROUTINE"
    if _is_address(parameter):
        return f"Form.ADDRESS, 0, {_HIGHEST_ADDRESS:#x}"
    limits = _limits("ULONG" if type_name == "PULONG" else type_name)
    if limits is not None and f"{routine}.{name}" in _CONVERTED:
        limits = -(limits[1] + 1) // 2, limits[1]
    return "" if limits is None else f"Form.NUMBER, {limits[0]:#x}, {limits[1]:#x}"


def _is_address(parameter: Parameter) -> bool:
    if parameter.type == "PVOID":
        return parameter.name in _ADDRESSES
    if parameter.type in _POINTERS_TO_MEMORY:
        return parameter.name not in _NUMBERS_BEHIND_POINTERS
    return parameter.type.endswith(" *") and parameter.type not in ("PVOID *", "HANDLE *")


def _limits(type_name: str) -> tuple[int, int] | None:
    """The lowest and the highest number of a type; None for a type that is no number."""
    if type_name in _SIGNED:
        bits = _SIGNED[type_name]
        return -(1 << bits - 1), (1 << bits - 1) - 1
    if type_name in _UNSIGNED:
        return 0, (1 << _UNSIGNED[type_name]) - 1
    if type_name in _EITHER:
        bits = _EITHER[type_name]
        return -(1 << bits - 1), (1 << bits) - 1
    return None
