# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The numbers of the processors. All are in group 0, and in one NUMA node."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from dirql.ke.current import current
from dirql.ke.processors.contract import contract
from dirql.ke.processors.dpc import Dpc
from dirql.nt.constants import ALL_PROCESSOR_GROUPS, INVALID_PROCESSOR_INDEX
from dirql.nt.status import STATUS_INVALID_PARAMETER, STATUS_SUCCESS

__all__ = [
    "ProcessorNumber",
    "current_node_number",
    "current_processor_number_ex",
    "query_active_group_count",
    "query_active_processor_count",
    "query_active_processor_count_ex",
    "query_active_processors",
    "query_group_affinity",
    "query_highest_node_number",
    "query_maximum_group_count",
    "query_maximum_processor_count",
    "query_maximum_processor_count_ex",
    "recommended_shared_data_alignment",
    "set_target_processor_dpc_ex",
]

_CURRENT_EX: Final = contract("KeGetCurrentProcessorNumberEx")
_INDEX: Final = contract("KeGetProcessorIndexFromNumber")
_FROM_INDEX: Final = contract("KeGetProcessorNumberFromIndex")
_ACTIVE: Final = contract("KeQueryActiveProcessors")
_COUNT: Final = contract("KeQueryActiveProcessorCount")
_COUNT_EX: Final = contract("KeQueryActiveProcessorCountEx")
_MAXIMUM: Final = contract("KeQueryMaximumProcessorCount")
_MAXIMUM_EX: Final = contract("KeQueryMaximumProcessorCountEx")
_GROUPS: Final = contract("KeQueryActiveGroupCount")
_MAXIMUM_GROUPS: Final = contract("KeQueryMaximumGroupCount")
_GROUP_AFFINITY: Final = contract("KeQueryGroupAffinity")
_HIGHEST_NODE: Final = contract("KeQueryHighestNodeNumber")
_CURRENT_NODE: Final = contract("KeGetCurrentNodeNumber")
_ALIGNMENT: Final = contract("KeGetRecommendedSharedDataAlignment")
_SET_TARGET_EX: Final = contract("KeSetTargetProcessorDpcEx")

_CACHE_LINE: Final = 64


@dataclass(slots=True)
class ProcessorNumber:
    """The number of a processor as a group and a number within the group (PROCESSOR_NUMBER)."""

    group: int = 0
    number: int = 0
    reserved: int = 0

    def index(self) -> int:
        """The number among all processors; follows KeGetProcessorIndexFromNumber.

        INVALID_PROCESSOR_INDEX if there is no such processor.
        """
        _INDEX.check(self)
        return self.number if self.exists() else INVALID_PROCESSOR_INDEX

    def exists(self) -> bool:
        """Whether there is such a processor."""
        return not self.group and not self.reserved and 0 <= self.number < len(current.kernel.processors)

    @staticmethod
    def from_index(proc_index: int) -> tuple[int, ProcessorNumber | None]:
        """The processor with a number among all: (status, processor); follows KeGetProcessorNumberFromIndex."""
        _FROM_INDEX.check_level(proc_index)
        _FROM_INDEX.check_arguments(proc_index)
        if proc_index >= len(current.kernel.processors):
            return STATUS_INVALID_PARAMETER, None
        return STATUS_SUCCESS, ProcessorNumber(0, proc_index)


def current_processor_number_ex() -> tuple[int, ProcessorNumber]:
    """The current processor: (its number among all, group and number); follows KeGetCurrentProcessorNumberEx."""
    _CURRENT_EX.check_level(0)
    number = current.processor.number
    return number, ProcessorNumber(0, number)


def query_active_processors() -> int:
    """The mask of the processors; follows KeQueryActiveProcessors."""
    _ACTIVE.check_level(0)
    return _mask()


def query_active_processor_count() -> tuple[int, int]:
    """The number of the processors and their mask; follows KeQueryActiveProcessorCount."""
    _COUNT.check_level(0)
    return len(current.kernel.processors), _mask()


def query_active_processor_count_ex(group_number: int) -> int:
    """The number of the processors of a group, 0 for one that there is not; follows KeQueryActiveProcessorCountEx."""
    _COUNT_EX.check_level(group_number)
    _COUNT_EX.check_arguments(group_number)
    return _count(group_number)


def query_maximum_processor_count() -> int:
    """The number of processors that there can be, which are there; follows KeQueryMaximumProcessorCount."""
    _MAXIMUM.check_level(0)
    return len(current.kernel.processors)


def query_maximum_processor_count_ex(group_number: int) -> int:
    """The number of processors that a group can have; follows KeQueryMaximumProcessorCountEx."""
    _MAXIMUM_EX.check_level(group_number)
    _MAXIMUM_EX.check_arguments(group_number)
    return _count(group_number)


def query_active_group_count() -> int:
    """The number of groups of processors, 1; follows KeQueryActiveGroupCount."""
    _GROUPS.check_level(0)
    return 1


def query_maximum_group_count() -> int:
    """The number of groups of processors that there can be, 1; follows KeQueryMaximumGroupCount."""
    _MAXIMUM_GROUPS.check_level(0)
    return 1


def query_group_affinity(group_number: int) -> int:
    """The mask of the processors of a group, 0 for one that there is not; follows KeQueryGroupAffinity."""
    _GROUP_AFFINITY.check_level(group_number)
    _GROUP_AFFINITY.check_arguments(group_number)
    return 0 if group_number else _mask()


def query_highest_node_number() -> int:
    """The highest number of a NUMA node, 0; follows KeQueryHighestNodeNumber."""
    _HIGHEST_NODE.check_level(0)
    return 0


def current_node_number() -> int:
    """The NUMA node of the current processor, 0; follows KeGetCurrentNodeNumber."""
    _CURRENT_NODE.check_level(0)
    return 0


def recommended_shared_data_alignment() -> int:
    """The size of a cache line, 64; follows KeGetRecommendedSharedDataAlignment."""
    _ALIGNMENT.check_level(0)
    return _CACHE_LINE


def set_target_processor_dpc_ex(dpc: Dpc, proc_number: ProcessorNumber) -> int:
    """Choose the processor into whose queue a DPC goes; follows KeSetTargetProcessorDpcEx.

    STATUS_INVALID_PARAMETER for a processor that there is not.
    """
    _SET_TARGET_EX.check_two(dpc, proc_number)
    if not proc_number.exists():
        return STATUS_INVALID_PARAMETER
    dpc.set_target_processor(proc_number.number)
    return STATUS_SUCCESS


def _mask() -> int:
    return (1 << len(current.kernel.processors)) - 1


def _count(group_number: int) -> int:
    return len(current.kernel.processors) if group_number in (0, ALL_PROCESSOR_GROUPS) else 0
