# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The facade: every public name once, nothing but names, WDK argument counts, nothing of the rooms left out."""

from __future__ import annotations

import ast
import inspect
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from dirql import wdm
from dirql.nt import constants, status

SOURCE = Path(wdm.__file__)
TREE = ast.parse(SOURCE.read_text(encoding="utf-8"))

# How many arguments each routine takes: the WDK's, less its out parameters, which are return values here, and less
# what sizes or types a pointer in C. Names follow the WDK's order.
ARGUMENTS = {
    "ExAllocatePool2": 3,
    "ExAllocatePoolWithTag": 3,
    "ExFreePool": 1,
    "ExFreePoolWithTag": 2,
    "ExRaiseStatus": 1,
    "HalGetBusDataByOffset": 5,  # Buffer is the return value
    "HalSetBusDataByOffset": 6,
    "IoAcquireCancelSpinLock": 0,  # Irql
    "IoAcquireRemoveLock": 2,
    "IoAllocateIrp": 2,
    "IoAllocateMdl": 5,
    "IoAttachDeviceToDeviceStack": 2,
    "IoBuildAsynchronousFsdRequest": 6,
    "IoBuildDeviceIoControlRequest": 9,
    "IoBuildPartialMdl": 4,
    "IoBuildSynchronousFsdRequest": 7,
    "IoCallDriver": 2,
    "IoCancelIrp": 1,
    "IoCompleteRequest": 2,
    "IoConnectInterrupt": 10,  # InterruptObject
    "IoConnectInterruptEx": 1,
    "IoCopyCurrentIrpStackLocationToNext": 1,
    "IoCreateDevice": 6,  # DeviceObject
    "IoCreateSymbolicLink": 2,
    "IoCsqInitialize": 7,
    "IoCsqInitializeEx": 7,
    "IoCsqInsertIrp": 3,
    "IoCsqInsertIrpEx": 4,
    "IoCsqRemoveIrp": 2,
    "IoCsqRemoveNextIrp": 2,
    "IoDeleteDevice": 1,
    "IoDeleteSymbolicLink": 1,
    "IoDetachDevice": 1,
    "IoDisconnectInterrupt": 1,
    "IoDisconnectInterruptEx": 1,
    "IoForwardIrpSynchronously": 2,
    "IoFreeIrp": 1,
    "IoFreeMdl": 1,
    "IoGetAttachedDevice": 1,
    "IoGetAttachedDeviceReference": 1,
    "IoGetCurrentIrpStackLocation": 1,
    "IoGetDeviceObjectPointer": 2,  # FileObject, DeviceObject
    "IoGetDmaAdapter": 2,  # NumberOfMapRegisters
    "IoGetNextIrpStackLocation": 1,
    "IoInitializeDpcRequest": 2,
    "IoInitializeIrp": 3,
    "IoInitializeRemoveLock": 4,
    "IoMarkIrpPending": 1,
    "IoReleaseCancelSpinLock": 1,
    "IoReleaseRemoveLock": 2,
    "IoReleaseRemoveLockAndWait": 2,
    "IoRequestDpc": 3,
    "IoReuseIrp": 2,
    "IoSetCancelRoutine": 2,
    "IoSetCompletionRoutine": 6,
    "IoSetNextIrpStackLocation": 1,
    "IoSizeOfIrp": 1,
    "IoSkipCurrentIrpStackLocation": 1,
    "IoStartNextPacket": 2,
    "IoStartNextPacketByKey": 3,
    "IoStartPacket": 4,
    "KeAcquireInterruptSpinLock": 1,
    "KeAcquireSpinLock": 1,  # OldIrql
    "KeAcquireSpinLockAtDpcLevel": 1,
    "KeAcquireSpinLockForDpc": 1,
    "KeCancelTimer": 1,
    "KeClearEvent": 1,
    "KeDelayExecutionThread": 3,
    "KeFlushQueuedDpcs": 0,
    "KeGetCurrentIrql": 0,
    "KeGetCurrentProcessorNumber": 0,
    "KeGetCurrentThread": 0,
    "KeInitializeDeviceQueue": 1,
    "KeInitializeDpc": 3,
    "KeInitializeEvent": 3,
    "KeInitializeMutex": 2,
    "KeInitializeSemaphore": 3,
    "KeInitializeSpinLock": 1,
    "KeInitializeTimer": 1,
    "KeInitializeTimerEx": 2,
    "KeInsertByKeyDeviceQueue": 3,
    "KeInsertDeviceQueue": 2,
    "KeInsertQueueDpc": 3,
    "KeLowerIrql": 1,
    "KePulseEvent": 3,
    "KeQueryInterruptTime": 0,
    "KeQueryPerformanceCounter": 0,  # PerformanceFrequency
    "KeQueryPriorityThread": 1,
    "KeQuerySystemTime": 0,  # CurrentTime
    "KeQueryTickCount": 0,  # TickCount
    "KeQueryTimeIncrement": 0,
    "KeRaiseIrql": 1,  # OldIrql
    "KeRaiseIrqlToDpcLevel": 0,
    "KeRaiseIrqlToSynchLevel": 0,
    "KeReadStateEvent": 1,
    "KeReadStateMutex": 1,
    "KeReadStateSemaphore": 1,
    "KeReadStateTimer": 1,
    "KeReleaseInterruptSpinLock": 2,
    "KeReleaseMutex": 2,
    "KeReleaseSemaphore": 4,
    "KeReleaseSpinLock": 2,
    "KeReleaseSpinLockForDpc": 2,
    "KeReleaseSpinLockFromDpcLevel": 1,
    "KeRemoveByKeyDeviceQueue": 2,
    "KeRemoveDeviceQueue": 1,
    "KeRemoveEntryDeviceQueue": 2,
    "KeRemoveQueueDpc": 1,
    "KeResetEvent": 1,
    "KeSetEvent": 3,
    "KeSetImportanceDpc": 2,
    "KeSetPriorityThread": 2,
    "KeSetTargetProcessorDpc": 2,
    "KeSetTimer": 3,
    "KeSetTimerEx": 4,
    "KeStallExecutionProcessor": 1,
    "KeSynchronizeExecution": 3,
    "KeTestSpinLock": 1,
    "KeTryToAcquireSpinLockAtDpcLevel": 1,
    "KeWaitForMultipleObjects": 6,  # Count is the sequence's, WaitBlockArray is not needed
    "KeWaitForSingleObject": 5,
    "MmBuildMdlForNonPagedPool": 1,
    "MmGetMdlByteCount": 1,
    "MmGetMdlByteOffset": 1,
    "MmGetMdlPfnArray": 1,
    "MmGetMdlVirtualAddress": 1,
    "MmGetSystemAddressForMdlSafe": 2,
    "MmMapIoSpace": 3,
    "MmPrepareMdlForReuse": 1,
    "MmProbeAndLockPages": 3,
    "MmUnlockPages": 1,
    "MmUnmapIoSpace": 2,
    "MmUnmapLockedPages": 2,
    "ObDereferenceObject": 1,
    "ObReferenceObject": 1,
    "ProbeForRead": 3,
    "ProbeForWrite": 3,
    "PsCreateSystemThread": 3,  # StartRoutine, StartContext, and a priority of our own
    "PsTerminateSystemThread": 1,
    "RtlCompareMemory": 3,
    "RtlCopyMemory": 3,
    "RtlFillMemory": 3,
    "RtlMoveMemory": 3,
    "RtlReadMemory": 2,
    "RtlStatusName": 1,
    "RtlViewMemory": 2,
    "RtlWriteMemory": 2,
    "RtlZeroMemory": 2,
    "ZwCancelIoFile": 1,  # IoStatusBlock
    "ZwCancelIoFileEx": 2,  # IoStatusBlock
    "ZwClose": 1,
    "ZwCreateDirectoryObject": 2,
    "ZwCreateFile": 3,
    "ZwDeviceIoControlFile": 8,  # no APC
    "ZwLoadDriver": 1,
    "ZwMakeTemporaryObject": 1,
    "ZwOpenSymbolicLinkObject": 1,
    "ZwQuerySymbolicLinkObject": 1,
    "ZwReadFile": 7,  # no APC
    "ZwUnloadDriver": 1,
    "ZwWriteFile": 7,  # no APC
    "ZwYieldExecution": 0,
}
ACCESSORS = {
    f"{verb}_{kind}_{width}": arguments
    for verb, plain in (("READ", 1), ("WRITE", 2))
    for kind in ("PORT", "REGISTER")
    for width, arguments in (
        *((width, plain) for width in ("UCHAR", "USHORT", "ULONG")),
        *((f"BUFFER_{width}", 3) for width in ("UCHAR", "USHORT", "ULONG")),
    )
}
MACROS = {
    "ADDRESS_AND_SIZE_TO_SPAN_PAGES": 2,
    "BYTES_TO_PAGES": 1,
    "BYTE_OFFSET": 1,
    "CONTAINING_RECORD": 3,
    "CTL_CODE": 4,
    "DEVICE_TYPE_FROM_CTL_CODE": 1,
    "METHOD_FROM_CTL_CODE": 1,
    "NT_ERROR": 1,
    "NT_INFORMATION": 1,
    "NT_SUCCESS": 1,
    "NT_WARNING": 1,
    "PAGE_ALIGN": 1,
    "POOL_TAG": 1,
    "ROUND_TO_PAGES": 1,
}
SIGNATURES = ARGUMENTS | ACCESSORS | MACROS

# Public constants of the rooms that are of no use to a driver.
NOT_FOR_DRIVERS = {"access_from_ctl_code", "ctl_code", "device_type_from_ctl_code", "method_from_ctl_code"}


def routines() -> dict[str, Callable[..., object]]:
    """What is exported and is no type and no constant."""
    return {
        name: value
        for name in wdm.__all__
        if callable(value := getattr(wdm, name)) and not isinstance(value, type)
    }


def test_each_name_is_exported_once() -> None:
    counted = Counter(wdm.__all__)
    assert [name for name, count in counted.items() if count > 1] == []
    assert [name for name in wdm.__all__ if not hasattr(wdm, name)] == []


def bound_names() -> Counter[str]:
    """What the file gives a name to."""
    imported = [
        alias.asname or alias.name
        for node in TREE.body
        if isinstance(node, ast.ImportFrom) and node.module != "__future__"
        for alias in node.names
    ]
    assigned = [
        target.id
        for node in TREE.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    ]
    return Counter(imported + assigned)


def test_nothing_else_is_public() -> None:
    assert {name for name in bound_names() if not name.startswith("_")} == set(wdm.__all__)


def test_a_name_is_bound_once() -> None:
    assert [name for name, count in bound_names().items() if count > 1] == []


def test_there_is_no_logic() -> None:
    """Imports, the list of names, and names for attributes: nothing that could be wrong on its own."""
    for node in TREE.body[1:]:
        if isinstance(node, ast.ImportFrom):
            continue
        assert isinstance(node, ast.Assign), ast.unparse(node)
        (target,) = node.targets
        assert isinstance(target, ast.Name)
        if target.id == "__all__":
            assert isinstance(node.value, ast.List)
            continue
        assert isinstance(node.value, ast.Attribute), ast.unparse(node)
        assert isinstance(node.value.value, ast.Name), ast.unparse(node)


def test_every_routine_is_in_the_table_of_the_wdk() -> None:
    assert set(routines()) == set(SIGNATURES)


@pytest.mark.parametrize("name", sorted(SIGNATURES))
def test_argument_counts(name: str) -> None:
    parameters = inspect.signature(routines()[name]).parameters.values()
    required = [each for each in parameters if each.default is each.empty]
    counts = range(len(required), len(parameters) + 1)
    assert SIGNATURES[name] in counts, f"{name} takes {counts}"


def test_constants_and_statuses_are_complete() -> None:
    exported = set(wdm.__all__)
    assert set(constants.__all__) - exported - NOT_FOR_DRIVERS == set()
    assert {name for name in status.__all__ if name.startswith("STATUS_")} - exported == set()


def test_every_routine_says_what_it_follows() -> None:
    """Each has a docstring of its own, where the reader of the facade is sent to."""
    assert [name for name, value in routines().items() if not inspect.getdoc(value)] == []
