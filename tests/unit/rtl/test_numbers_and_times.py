# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Patterns in memory, arithmetic of fixed width, dates and versions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings, strategies as st

from dirql import wdm
from dirql.nt.ntstatus import StatusException
from unit.rtl.conftest import Memory

LARGE = st.integers(-(2**63), 2**63 - 1)
ULONG = st.integers(0, 2**32 - 1)
LONG = st.integers(-(2**31), 2**31 - 1)
EDGES = (0, 1, -1, 2**31, 2**63 - 1, -(2**63), 0x0123_4567_89AB_CDEF)


@pytest.fixture(scope="module", autouse=True)
def memory() -> Iterator[Memory]:
    opened = Memory()
    yield opened
    opened.close()


def large(value: int) -> int:
    return (value + 2**63) % 2**64 - 2**63


# Memory.


@pytest.mark.parametrize("length", range(18))
def test_patterns_in_memory(memory: Memory, length: int) -> None:
    block = memory.block(b"\xa5" * 32)
    wdm.RtlFillMemoryUlong(block, length, 0x11223344)
    filled = b"\x44\x33\x22\x11" * (length // 4)
    assert wdm.RtlReadMemory(block, 20) == filled + b"\xa5" * (20 - len(filled))
    assert wdm.RtlCompareMemoryUlong(block, 20, 0x11223344) == len(filled)
    assert wdm.RtlCompareMemoryUlong(block, length, 0x11223344) == len(filled)
    assert wdm.RtlCompareMemoryUlong(block, length, 5) == 0
    other = memory.block(b"\xa5" * 32)
    wdm.RtlFillMemoryUlonglong(other, length, 0x1122334455667788)
    filled = bytes.fromhex("8877665544332211") * (length // 8)
    assert wdm.RtlReadMemory(other, 20) == filled + b"\xa5" * (20 - len(filled))
    assert wdm.RtlEqualMemory(block, block, length)
    assert wdm.RtlEqualMemory(block, other, length) is (length < 4)
    assert wdm.RtlSecureZeroMemory(block, length) == block
    assert wdm.RtlReadMemory(block, length) == bytes(length)


def test_numbers_at_any_address(memory: Memory) -> None:
    block = memory.block(bytes(32))
    wdm.RtlStoreUshort(block + 1, 0x1234)
    wdm.RtlStoreUlong(block + 3, 0x89ABCDEF)
    wdm.RtlStoreUlonglong(block + 7, 0x0123456789ABCDEF)
    assert wdm.RtlReadMemory(block, 16).hex() == "00" + "3412" + "efcdab89" + "efcdab8967452301" + "00"
    wdm.RtlRetrieveUshort(block + 20, block + 1)
    wdm.RtlRetrieveUlong(block + 24, block + 3)
    assert wdm.RtlReadMemory(block + 20, 8).hex() == "34120000efcdab89"


# Arithmetic.


def test_bytes_are_swapped() -> None:
    assert wdm.RtlUshortByteSwap(0x1234) == 0x3412
    assert wdm.RtlUlongByteSwap(0x12345678) == 0x78563412
    assert wdm.RtlUlonglongByteSwap(0x0123456789ABCDEF) == 0xEFCDAB8967452301


@settings(deadline=None)
@given(one=LARGE, other=LARGE, count=st.integers(0, 63))
def test_large_integers(one: int, other: int, count: int) -> None:
    assert wdm.RtlLargeIntegerAdd(one, other) == large(one + other)
    assert wdm.RtlLargeIntegerSubtract(one, other) == large(one - other)
    assert wdm.RtlLargeIntegerNegate(one) == large(-one)
    assert wdm.RtlLargeIntegerAnd(one, other) == one & other
    assert wdm.RtlLargeIntegerShiftLeft(one, count) == large(one << count)
    assert wdm.RtlLargeIntegerShiftRight(one, count) == large((one % 2**64) >> count)
    assert wdm.RtlLargeIntegerArithmeticShift(one, count) == one >> count
    for routine, expected in (
        (wdm.RtlLargeIntegerGreaterThan, one > other),
        (wdm.RtlLargeIntegerGreaterThanOrEqualTo, one >= other),
        (wdm.RtlLargeIntegerEqualTo, one == other),
        (wdm.RtlLargeIntegerNotEqualTo, one != other),
        (wdm.RtlLargeIntegerLessThan, one < other),
        (wdm.RtlLargeIntegerLessThanOrEqualTo, one <= other),
    ):
        assert routine(one, other) is expected
        is_equal = "equal" in routine.__name__ and "not" not in routine.__name__
        assert routine(one, one) is is_equal


@pytest.mark.parametrize("value", [-5, 0, 5])
def test_comparisons_with_zero(value: int) -> None:
    routines: list[tuple[Callable[[int], bool], bool]] = [
        (wdm.RtlLargeIntegerGreaterThanZero, value > 0),
        (wdm.RtlLargeIntegerGreaterOrEqualToZero, value >= 0),
        (wdm.RtlLargeIntegerEqualToZero, value == 0),
        (wdm.RtlLargeIntegerNotEqualToZero, value != 0),
        (wdm.RtlLargeIntegerLessThanZero, value < 0),
        (wdm.RtlLargeIntegerLessOrEqualToZero, value <= 0),
    ]
    assert [routine(value) for routine, _ in routines] == [expected for _, expected in routines]


@settings(deadline=None)
@given(dividend=LARGE, divisor=ULONG.filter(bool), factor=LONG, other=LONG)
def test_products_and_quotients(dividend: int, divisor: int, factor: int, other: int) -> None:
    unsigned = dividend % 2**64
    assert wdm.RtlEnlargedIntegerMultiply(factor, other) == factor * other
    assert wdm.RtlEnlargedUnsignedMultiply(divisor, divisor) == large(divisor * divisor)
    assert wdm.RtlExtendedIntegerMultiply(dividend, factor) == large(dividend * factor)
    assert wdm.RtlExtendedLargeIntegerDivide(dividend, divisor) == (
        large(unsigned // divisor),
        unsigned % divisor,
    )
    assert wdm.RtlLargeIntegerDivide(dividend, divisor) == (large(unsigned // divisor), unsigned % divisor)
    assert wdm.RtlEnlargedUnsignedDivide(unsigned, divisor) == (
        unsigned // divisor % 2**32,
        unsigned % divisor,
    )


@pytest.mark.parametrize("dividend", [0, 1, 9, 10, 99, -99, 12_345_678_901, -12_345_678_901])
def test_a_division_by_a_reciprocal(dividend: int) -> None:
    """The reciprocal of 10, as the WDK's samples have it for 1000 and others."""
    quotient = abs(dividend) // 10
    expected = -quotient if dividend < 0 else quotient
    assert wdm.RtlExtendedMagicDivide(dividend, large(0xCCCC_CCCC_CCCC_CCCD), 3) == expected


def test_a_division_by_zero_is_an_exception() -> None:
    for routine in (
        wdm.RtlEnlargedUnsignedDivide,
        wdm.RtlExtendedLargeIntegerDivide,
        wdm.RtlLargeIntegerDivide,
    ):
        with pytest.raises(StatusException) as raised:
            routine(1, 0)
        assert raised.value.status == wdm.STATUS_INTEGER_DIVIDE_BY_ZERO


def test_numbers_are_widened() -> None:
    assert wdm.RtlConvertLongToLargeInteger(-5) == -5
    assert wdm.RtlConvertUlongToLargeInteger(0xFFFF_FFFF) == 0xFFFF_FFFF


@pytest.mark.parametrize(
    ("value", "least", "most"), [(0, -1, -1), (1, 0, 0), (0x50, 4, 6), (1 << 63, 63, 63)]
)
def test_the_places_of_bits(value: int, least: int, most: int) -> None:
    assert wdm.RtlFindLeastSignificantBit(value) == least
    assert wdm.RtlFindMostSignificantBit(value) == most
    assert wdm.RtlNumberOfSetBitsUlongPtr(value) == sum(value >> place & 1 for place in range(64))


def test_random_numbers_follow_their_seed(memory: Memory) -> None:
    seed = memory.block(bytes(4))
    for routine in (wdm.RtlRandom, wdm.RtlRandomEx, wdm.RtlUniform):
        drawn = []
        for _ in range(2):
            wdm.RtlWriteMemory(seed, bytes(4))
            drawn.append([routine(seed) for _ in range(200)])
        assert drawn[0] == drawn[1]
        assert len(set(drawn[0])) == 200
        assert all(0 <= number < 0x7FFF_FFFF for number in drawn[0])
    wdm.RtlWriteMemory(seed, bytes(4))
    assert wdm.RtlUniform(seed) == 0x7FFFFFC3
    assert wdm.RtlReadMemory(seed, 4) == (0x7FFFFFC3).to_bytes(4, "little")


# Dates.

EPOCH = datetime(1601, 1, 1, tzinfo=UTC)


@settings(deadline=None)
@given(since=st.integers(0, 8398 * 365 * 86_400 * 10**6))
def test_dates_are_those_of_the_calendar(since: int) -> None:
    moment = EPOCH + timedelta(microseconds=since)
    time = (moment - EPOCH) // timedelta(microseconds=1) * 10
    fields = wdm.RtlTimeToTimeFields(time)
    assert (fields.year, fields.month, fields.day) == (moment.year, moment.month, moment.day)
    assert (fields.hour, fields.minute, fields.second) == (moment.hour, moment.minute, moment.second)
    assert (fields.milliseconds, fields.weekday) == (moment.microsecond // 1000, moment.isoweekday() % 7)
    assert wdm.RtlTimeFieldsToTime(fields) == (True, time - moment.microsecond % 1000 * 10)
    seconds = int(moment.timestamp())
    for base, to_seconds, to_time in (
        (0, wdm.RtlTimeToSecondsSince1970, wdm.RtlSecondsSince1970ToTime),
        (315_532_800, wdm.RtlTimeToSecondsSince1980, wdm.RtlSecondsSince1980ToTime),
    ):
        elapsed = (moment.replace(microsecond=0) - EPOCH) // timedelta(seconds=1) - 11_644_473_600 - base
        if 0 <= elapsed < 2**32:
            assert to_seconds(time) == (True, elapsed)
            assert to_time(elapsed) == time - moment.microsecond * 10
            assert elapsed + base == seconds
        else:
            assert to_seconds(time)[0] is False


@pytest.mark.parametrize(
    "fields",
    [
        (1600, 12, 31),
        (30828, 1, 1),
        (2026, 0, 1),
        (2026, 13, 1),
        (2026, 4, 31),
        (2026, 2, 29),
        (2100, 2, 29),
        (2026, 1, 0),
        (2026, 1, 1, 24),
        (2026, 1, 1, 0, 60),
        (2026, 1, 1, 0, 0, 60),
        (2026, 1, 1, 0, 0, 0, 1000),
        (2026, 1, 1, -1),
    ],
)
def test_fields_that_are_no_date(fields: tuple[int, ...]) -> None:
    assert wdm.RtlTimeFieldsToTime(wdm.TIME_FIELDS(*fields))[0] is False


def test_leap_days_and_the_last_year() -> None:
    for fields in ((2000, 2, 29), (2028, 2, 29), (30827, 12, 31, 23, 59, 59, 999)):
        is_date, time = wdm.RtlTimeFieldsToTime(wdm.TIME_FIELDS(*fields))
        assert is_date
        back = wdm.RtlTimeToTimeFields(time)
        assert (back.year, back.month, back.day, back.milliseconds) == (*fields[:3], (*fields, 0, 0, 0, 0)[6])


def test_local_time_is_utc() -> None:
    assert wdm.ExSystemTimeToLocalTime(5) == wdm.ExLocalTimeToSystemTime(5) == 5


# Versions.


def test_the_version_of_the_system() -> None:
    plain, extended = wdm.RTL_OSVERSIONINFOW(), wdm.RTL_OSVERSIONINFOEXW()
    extended.w_product_type = 9
    for version in (plain, extended):
        assert wdm.RtlGetVersion(version) == wdm.STATUS_SUCCESS
        found = (version.dw_major_version, version.dw_minor_version, version.dw_build_number)
        assert (found, version.dw_platform_id) == ((10, 0, 19041), wdm.VER_PLATFORM_WIN32_NT)
    assert extended.w_product_type == wdm.VER_NT_WORKSTATION
    assert (plain.dw_os_version_info_size, extended.dw_os_version_info_size) == (0x114, 0x11C)


def test_versions_of_the_ddi() -> None:
    """The lower half of a version names a service pack, which the first routine does not take."""
    for version, is_there in (
        (0x05010000, True),
        (0x0A000000, True),
        (0x0A000008, False),
        (0x0B000000, False),
    ):
        assert wdm.RtlIsNtDdiVersionAvailable(version) is is_there
    assert wdm.RtlIsNtDdiVersionAvailable(0x05010200) is False
    assert wdm.RtlIsServicePackVersionInstalled(0x0A000000) is True
    assert wdm.RtlIsServicePackVersionInstalled(0x05010200) is False


@pytest.mark.parametrize(
    ("wanted", "condition", "is_met"),
    [
        ((10, 0), wdm.VER_EQUAL, True),
        ((10, 1), wdm.VER_EQUAL, False),
        ((6, 3), wdm.VER_GREATER_EQUAL, True),
        ((10, 0), wdm.VER_GREATER_EQUAL, True),
        ((10, 1), wdm.VER_GREATER_EQUAL, False),
        ((11, 0), wdm.VER_GREATER_EQUAL, False),
        ((10, 0), wdm.VER_GREATER, False),
        ((6, 3), wdm.VER_GREATER, True),
        ((10, 1), wdm.VER_LESS, True),
        ((10, 0), wdm.VER_LESS, False),
        ((10, 0), wdm.VER_LESS_EQUAL, True),
        ((6, 9), wdm.VER_LESS_EQUAL, False),
    ],
)
def test_conditions_for_a_version(wanted: tuple[int, int], condition: int, is_met: bool) -> None:
    info = wdm.RTL_OSVERSIONINFOEXW()
    info.dw_major_version, info.dw_minor_version = wanted
    types = wdm.VER_MAJORVERSION | wdm.VER_MINORVERSION
    mask = wdm.VerSetConditionMask(0, types, condition)
    assert wdm.RtlVerifyVersionInfo(info, types, mask) == (
        wdm.STATUS_SUCCESS if is_met else wdm.STATUS_REVISION_MISMATCH
    )


def test_conditions_for_other_numbers() -> None:
    info = wdm.RTL_OSVERSIONINFOEXW()
    info.dw_build_number, info.w_product_type = 19041, wdm.VER_NT_SERVER
    mask = wdm.VerSetConditionMask(0, wdm.VER_BUILDNUMBER, wdm.VER_GREATER_EQUAL)
    assert wdm.RtlVerifyVersionInfo(info, wdm.VER_BUILDNUMBER, mask) == wdm.STATUS_SUCCESS
    both = wdm.VerSetConditionMask(mask, wdm.VER_PRODUCT_TYPE, wdm.VER_EQUAL)
    types = wdm.VER_BUILDNUMBER | wdm.VER_PRODUCT_TYPE
    assert wdm.RtlVerifyVersionInfo(info, types, both) == wdm.STATUS_REVISION_MISMATCH
    assert wdm.RtlVerifyVersionInfo(info, types, mask) == wdm.STATUS_INVALID_PARAMETER
    assert wdm.RtlVerifyVersionInfo(info, 0, mask) == wdm.STATUS_INVALID_PARAMETER
    info.w_suite_mask = 2
    for condition, status in (
        (wdm.VER_AND, "MISMATCH"),
        (wdm.VER_OR, "MISMATCH"),
        (wdm.VER_EQUAL, "PARAMETER"),
    ):
        mask = wdm.VerSetConditionMask(0, wdm.VER_SUITENAME, condition)
        found = wdm.RtlVerifyVersionInfo(info, wdm.VER_SUITENAME, mask)
        assert wdm.RtlStatusName(found).endswith(status)


def test_the_driver_model_is_that_of_vista() -> None:
    assert [wdm.IoIsWdmVersionAvailable(*version) for version in ((1, 0x10), (1, 0x30), (6, 0))] == [True] * 3
    assert not wdm.IoIsWdmVersionAvailable(6, 1)
    assert not wdm.IoIs32bitProcess(None)
