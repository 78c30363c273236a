# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Dates: system times in units of 100 ns since the beginning of 1601, their fields, and seconds of other epochs.

The system's time zone is UTC, so that local times are system times.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import mypyc_attr

from dirql.ke.processors.contract import contract

__all__ = [
    "TimeFields",
    "local_time_to_system_time",
    "seconds_since_1970_to_time",
    "seconds_since_1980_to_time",
    "system_time_to_local_time",
    "time_fields_to_time",
    "time_to_seconds_since_1970",
    "time_to_seconds_since_1980",
    "time_to_time_fields",
]

_TO_FIELDS: Final = contract("RtlTimeToTimeFields")
_FROM_FIELDS: Final = contract("RtlTimeFieldsToTime")
_TO_1970: Final = contract("RtlTimeToSecondsSince1970")
_FROM_1970: Final = contract("RtlSecondsSince1970ToTime")
_TO_1980: Final = contract("RtlTimeToSecondsSince1980")
_FROM_1980: Final = contract("RtlSecondsSince1980ToTime")
_TO_LOCAL: Final = contract("ExSystemTimeToLocalTime")
_FROM_LOCAL: Final = contract("ExLocalTimeToSystemTime")

_MILLISECOND: Final = 10_000
_SECOND: Final = 10_000_000
_DAY: Final = 86_400 * _SECOND
_FIRST_YEAR: Final = 1601
_LAST_YEAR: Final = 30_827
_DAYS_TO_1970: Final = 134_774
_DAYS_TO_1980: Final = 138_426
_MONTHS: Final = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_ULONG: Final = 0xFFFF_FFFF


@mypyc_attr(allow_interpreted_subclasses=True)
class TimeFields:
    """A date and a time as separate numbers (TIME_FIELDS); `weekday` is 0 for Sunday."""

    __slots__ = ("day", "hour", "milliseconds", "minute", "month", "second", "weekday", "year")

    def __init__(
        self,
        year: int = 0,
        month: int = 0,
        day: int = 0,
        hour: int = 0,
        minute: int = 0,
        second: int = 0,
        milliseconds: int = 0,
        weekday: int = 0,
    ) -> None:
        """Make fields with these numbers."""
        self.year, self.month, self.day = year, month, day
        self.hour, self.minute, self.second, self.milliseconds = hour, minute, second, milliseconds
        self.weekday = weekday

    def __repr__(self) -> str:
        date = f"{self.year:04}-{self.month:02}-{self.day:02}"
        return f"<{date} {self.hour:02}:{self.minute:02}:{self.second:02}.{self.milliseconds:03}>"


def time_to_time_fields(time: int) -> TimeFields:
    """The fields of a system time, without what is below a millisecond; follows RtlTimeToTimeFields."""
    _TO_FIELDS.check_level(time)
    _TO_FIELDS.check_arguments(time)
    days, rest = divmod(time, _DAY)
    year, day = _year_of(days)
    month = 0
    while day >= _length(year, month):
        day -= _length(year, month)
        month += 1
    milliseconds = rest // _MILLISECOND
    seconds, milliseconds = divmod(milliseconds, 1000)
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    return TimeFields(year, month + 1, day + 1, hour, minute, second, milliseconds, (days + 1) % 7)


def time_fields_to_time(time_fields: TimeFields) -> tuple[bool, int]:
    """The system time of a date: (whether it is one, time); follows RtlTimeFieldsToTime. The weekday is not read."""
    _FROM_FIELDS.check(time_fields)
    f = time_fields
    is_date = (
        _FIRST_YEAR <= f.year <= _LAST_YEAR
        and 1 <= f.month <= 12
        and 1 <= f.day <= _length(f.year, f.month - 1)
        and 0 <= f.hour < 24
        and 0 <= f.minute < 60
        and 0 <= f.second < 60
        and 0 <= f.milliseconds < 1000
    )
    if not is_date:
        return False, 0
    days = _days_before(f.year) + sum(_length(f.year, month) for month in range(f.month - 1)) + f.day - 1
    seconds = (f.hour * 60 + f.minute) * 60 + f.second
    return True, days * _DAY + seconds * _SECOND + f.milliseconds * _MILLISECOND


def time_to_seconds_since_1970(time: int) -> tuple[bool, int]:
    """The whole seconds since 1970: (whether 32 bits hold them, seconds); follows RtlTimeToSecondsSince1970."""
    _TO_1970.check_level(time)
    _TO_1970.check_arguments(time)
    return _seconds(time, _DAYS_TO_1970)


def time_to_seconds_since_1980(time: int) -> tuple[bool, int]:
    """The whole seconds since 1980: (whether 32 bits hold them, seconds); follows RtlTimeToSecondsSince1980."""
    _TO_1980.check_level(time)
    _TO_1980.check_arguments(time)
    return _seconds(time, _DAYS_TO_1980)


def seconds_since_1970_to_time(elapsed_seconds: int) -> int:
    """The system time when this number of seconds has passed since 1970; follows RtlSecondsSince1970ToTime."""
    _FROM_1970.check_level(elapsed_seconds)
    _FROM_1970.check_arguments(elapsed_seconds)
    return _DAYS_TO_1970 * _DAY + elapsed_seconds * _SECOND


def seconds_since_1980_to_time(elapsed_seconds: int) -> int:
    """The system time when this number of seconds has passed since 1980; follows RtlSecondsSince1980ToTime."""
    _FROM_1980.check_level(elapsed_seconds)
    _FROM_1980.check_arguments(elapsed_seconds)
    return _DAYS_TO_1980 * _DAY + elapsed_seconds * _SECOND


def system_time_to_local_time(system_time: int) -> int:
    """The local time, which is the same here; follows ExSystemTimeToLocalTime."""
    _TO_LOCAL.check_level(system_time)
    _TO_LOCAL.check_arguments(system_time)
    return system_time


def local_time_to_system_time(local_time: int) -> int:
    """The system time, which is the same here; follows ExLocalTimeToSystemTime."""
    _FROM_LOCAL.check_level(local_time)
    _FROM_LOCAL.check_arguments(local_time)
    return local_time


def _seconds(time: int, epoch: int) -> tuple[bool, int]:
    seconds = time // _SECOND - epoch * 86_400
    return (True, seconds) if 0 <= seconds <= _ULONG else (False, 0)


def _days_before(year: int) -> int:
    """The days from the beginning of 1601 to that of a year."""
    past = year - _FIRST_YEAR
    return past * 365 + past // 4 - past // 100 + past // 400


def _year_of(days: int) -> tuple[int, int]:
    """The year of a day, counted from the beginning of 1601, and the number of the day in it."""
    year = _FIRST_YEAR + days * 400 // 146_097
    while _days_before(year) > days:
        year -= 1
    while _days_before(year + 1) <= days:
        year += 1
    return year, days - _days_before(year)


def _length(year: int, month: int) -> int:
    """The days of a month, of which 0 is January."""
    is_leap = month == 1 and year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return _MONTHS[month] + is_leap
