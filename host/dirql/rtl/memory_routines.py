# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Routines for memory besides those of `mm/memory.py`, which are inline functions in C."""

from __future__ import annotations

from typing import Final

from dirql.ke.processors.contract import contract
from dirql.mm import memory
from dirql.mm.manager import running

__all__ = [
    "compare_memory_ulong",
    "equal_memory",
    "fill_memory_ulong",
    "fill_memory_ulonglong",
    "retrieve_ulong",
    "retrieve_ushort",
    "secure_zero_memory",
    "store_ulong",
    "store_ulonglong",
    "store_ushort",
]

_COMPARE_ULONG: Final = contract("RtlCompareMemoryUlong")
_EQUAL: Final = contract("RtlEqualMemory")
_FILL_ULONG: Final = contract("RtlFillMemoryUlong")
_FILL_ULONGLONG: Final = contract("RtlFillMemoryUlonglong")
_SECURE_ZERO: Final = contract("RtlSecureZeroMemory")
_STORE_USHORT: Final = contract("RtlStoreUshort")
_STORE_ULONG: Final = contract("RtlStoreUlong")
_STORE_ULONGLONG: Final = contract("RtlStoreUlonglong")
_RETRIEVE_USHORT: Final = contract("RtlRetrieveUshort")
_RETRIEVE_ULONG: Final = contract("RtlRetrieveUlong")


def equal_memory(source1: int, source2: int, length: int) -> bool:
    """Whether two ranges have equal bytes; follows RtlEqualMemory."""
    _EQUAL.check_arguments(source1, source2, length)
    return memory.read(source1, length) == memory.read(source2, length)


def compare_memory_ulong(source: int, length: int, pattern: int) -> int:
    """The number of bytes, whole ULONGs, that have the pattern from the start on; follows RtlCompareMemoryUlong."""
    _COMPARE_ULONG.check_arguments(source, length, pattern)
    data = memory.read(source, length & ~3)
    wanted = pattern.to_bytes(4, "little")
    for place in range(0, len(data), 4):
        if data[place : place + 4] != wanted:
            return place
    return len(data)


def fill_memory_ulong(destination: int, length: int, pattern: int) -> None:
    """Fill a range with a ULONG; bytes behind the last whole one stay; follows RtlFillMemoryUlong."""
    _FILL_ULONG.check_arguments(destination, length, pattern)
    _fill(destination, pattern.to_bytes(4, "little"), length)


def fill_memory_ulonglong(destination: int, length: int, pattern: int) -> None:
    """Fill a range with a ULONGLONG; bytes behind the last whole one stay; follows RtlFillMemoryUlonglong."""
    _FILL_ULONGLONG.check_arguments(destination, length, pattern)
    _fill(destination, pattern.to_bytes(8, "little"), length)


def secure_zero_memory(ptr: int, cnt: int) -> int:
    """Clear a range, and return its address; follows RtlSecureZeroMemory."""
    _SECURE_ZERO.check_arguments(ptr, cnt)
    _fill(ptr, b"\0", cnt)
    return ptr


def store_ushort(address: int, value: int) -> None:
    """Store 16 bits at any address; follows RtlStoreUshort."""
    _STORE_USHORT.check_arguments(address, value)
    memory.write(address, value.to_bytes(2, "little"))


def store_ulong(address: int, value: int) -> None:
    """Store 32 bits at any address; follows RtlStoreUlong."""
    _STORE_ULONG.check_arguments(address, value)
    memory.write(address, value.to_bytes(4, "little"))


def store_ulonglong(address: int, value: int) -> None:
    """Store 64 bits at any address; follows RtlStoreUlonglong."""
    _STORE_ULONGLONG.check_arguments(address, value)
    memory.write(address, value.to_bytes(8, "little"))


def retrieve_ushort(destination_address: int, source_address: int) -> None:
    """Copy 16 bits from any address; follows RtlRetrieveUshort."""
    _RETRIEVE_USHORT.check_arguments(destination_address, source_address)
    memory.write(destination_address, memory.read(source_address, 2))


def retrieve_ulong(destination_address: int, source_address: int) -> None:
    """Copy 32 bits from any address; follows RtlRetrieveUlong."""
    _RETRIEVE_ULONG.check_arguments(destination_address, source_address)
    memory.write(destination_address, memory.read(source_address, 4))


def _fill(address: int, pattern: bytes, length: int) -> None:
    """Repeat a pattern as often as it fits into a range."""
    times = length // len(pattern)
    running.value.runs(
        address, times * len(pattern), write=True, by_driver=True
    )  # a fault, before bytes are made
    memory.write(address, pattern * times)
