"""Calendar arithmetic on whole numbers: the same code for one cell and for a column.

Every function takes ints or int64 arrays of one shape and gives the same kind back.
"""

from __future__ import annotations

from typing import Any

DAY_US = 86_400_000_000
HOUR_US = 3_600_000_000
SECOND_US = 1_000_000


def days_of_date(year: Any, month: Any, day: Any) -> Any:
    """Days from 1970-01-01 to a date of the Gregorian calendar.

    The algorithm is `days_from_civil` of Howard Hinnant, "chrono-Compatible Low-Level
    Date Algorithms".
    """
    year = year - (month <= 2)
    era = year // 400
    year_of_era = year - era * 400
    day_of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    day_of_era = year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year
    return era * 146_097 + day_of_era - 719_468


def is_leap(year: Any) -> Any:
    """Whether a year has 366 days."""
    return ((year % 4 == 0) & (year % 100 != 0)) | (year % 400 == 0)


def days_in_month(year: Any, month: Any) -> Any:
    """Number of days of a month, 1 to 12."""
    return 30 + ((month + (month >> 3)) & 1) - (month == 2) * (2 - is_leap(year))


def is_date(year: Any, month: Any, day: Any) -> Any:
    """Whether there is such a day, in the years 1600 to 2299."""
    return (
        (year >= 1600)
        & (year <= 2299)
        & (month >= 1)
        & (month <= 12)
        & (day >= 1)
        & (day <= days_in_month(year, month))
    )


def is_clock_time(hour: Any, minute: Any, second: Any) -> Any:
    """Whether there is such a time of day; 24:00:00 and a leap second are."""
    is_last = (hour == 24) & (minute == 0) & (second == 0)
    return ((hour <= 23) | is_last) & (minute <= 59) & (second <= 60)
