# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Facts about the system that the executive knows, unique identifiers, and the exceptions of bad addresses."""

from __future__ import annotations

from typing import Final, NoReturn

from dirql.ke.current import current
from dirql.ke.processors.contract import contract
from dirql.ke.threads.system_time import TIME_INCREMENT, query_system_time
from dirql.nt.constants import (
    PF_COMPARE_EXCHANGE128,
    PF_COMPARE_EXCHANGE_DOUBLE,
    PF_MMX_INSTRUCTIONS_AVAILABLE,
    PF_NX_ENABLED,
    PF_PAE_ENABLED,
    PF_RDTSC_INSTRUCTION_AVAILABLE,
    PF_SSE3_INSTRUCTIONS_AVAILABLE,
    PF_XMMI64_INSTRUCTIONS_AVAILABLE,
    PF_XMMI_INSTRUCTIONS_AVAILABLE,
)
from dirql.nt.guid import Guid
from dirql.nt.ntstatus import raise_status
from dirql.nt.status import STATUS_ACCESS_VIOLATION, STATUS_DATATYPE_MISALIGNMENT, STATUS_SUCCESS

__all__ = [
    "is_processor_feature_present",
    "query_timer_resolution",
    "raise_access_violation",
    "raise_datatype_misalignment",
    "set_timer_resolution",
    "uuid_create",
    "verify_suite",
]

_IS_PRESENT: Final = contract("ExIsProcessorFeaturePresent")
_QUERY_RESOLUTION: Final = contract("ExQueryTimerResolution")
_SET_RESOLUTION: Final = contract("ExSetTimerResolution")
_RAISE_ACCESS_VIOLATION: Final = contract("ExRaiseAccessViolation")
_RAISE_MISALIGNMENT: Final = contract("ExRaiseDatatypeMisalignment")
_UUID_CREATE: Final = contract("ExUuidCreate")
_VERIFY_SUITE: Final = contract("ExVerifySuite")

_FEATURES: Final = frozenset(
    (
        PF_COMPARE_EXCHANGE128,
        PF_COMPARE_EXCHANGE_DOUBLE,
        PF_MMX_INSTRUCTIONS_AVAILABLE,
        PF_NX_ENABLED,
        PF_PAE_ENABLED,
        PF_RDTSC_INSTRUCTION_AVAILABLE,
        PF_SSE3_INSTRUCTIONS_AVAILABLE,
        PF_XMMI64_INSTRUCTIONS_AVAILABLE,
        PF_XMMI_INSTRUCTIONS_AVAILABLE,
    )
)
"""The features of every processor of x64."""
_FINEST: Final = 5_000
"""The finest timer resolution: 0.5 ms."""
_FROM_1582_TO_1601: Final = 6_653 * 24 * 60 * 60 * 10_000_000
"""The time between the epochs of UUIDs and of NT, in 100 ns units."""
_NODE: Final = b"\x80\x00\x01dirql"
"""The clock sequence, of variant 1, and a node with the bit of those that are no network card."""


def is_processor_feature_present(processor_feature: int) -> bool:
    """Whether a processor has a feature, by its number; follows ExIsProcessorFeaturePresent."""
    _IS_PRESENT.check_level(processor_feature)
    _IS_PRESENT.check_arguments(processor_feature)
    return processor_feature in _FEATURES


def verify_suite(suite_type: int) -> bool:
    """Whether the system is of a product suite; follows ExVerifySuite. It is of none, as RtlGetVersion says."""
    _VERIFY_SUITE.check_level(suite_type)
    _VERIFY_SUITE.check_arguments(suite_type)
    return False


def query_timer_resolution() -> tuple[int, int, int]:
    """The coarsest, the finest and the current timer resolution in 100 ns units; follows ExQueryTimerResolution."""
    _QUERY_RESOLUTION.check_level(0)
    return TIME_INCREMENT, _FINEST, _resolution()


def set_timer_resolution(desired_time: int, set_resolution: int) -> int:
    """Ask for a timer resolution, or give the last request back; returns the new one. Follows ExSetTimerResolution.

    Timers here are exact whatever the resolution is.
    """
    _SET_RESOLUTION.check_level(desired_time)
    _SET_RESOLUTION.check_arguments(desired_time, set_resolution)
    requests = current.kernel.executive.timer_resolutions
    if set_resolution:
        requests.append(min(max(_FINEST, desired_time), TIME_INCREMENT))
    elif requests:
        requests.pop()
    return _resolution()


def _resolution() -> int:
    return min(current.kernel.executive.timer_resolutions, default=TIME_INCREMENT)


def uuid_create() -> tuple[int, Guid]:
    """A UUID that no other call gives: (status, UUID), made of the time; follows ExUuidCreate."""
    _UUID_CREATE.check_level(0)
    state = current.kernel.executive
    time = state.last_uuid_time = max(state.last_uuid_time + 1, query_system_time() + _FROM_1582_TO_1601)
    high = time >> 48 & 0xFFF | 0x1000  # version 1
    return STATUS_SUCCESS, Guid(time & 0xFFFF_FFFF, time >> 32 & 0xFFFF, high, _NODE)


def raise_access_violation() -> NoReturn:
    """Raise STATUS_ACCESS_VIOLATION as an exception; follows ExRaiseAccessViolation."""
    _RAISE_ACCESS_VIOLATION.check_level(0)
    raise_status(STATUS_ACCESS_VIOLATION)


def raise_datatype_misalignment() -> NoReturn:
    """Raise STATUS_DATATYPE_MISALIGNMENT as an exception; follows ExRaiseDatatypeMisalignment."""
    _RAISE_MISALIGNMENT.check_level(0)
    raise_status(STATUS_DATATYPE_MISALIGNMENT)
