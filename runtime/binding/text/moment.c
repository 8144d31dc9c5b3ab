/* SPDX-License-Identifier: MIT */
#include "cells.h"

static const int64_t second_us = 1000000;

/* Two digits, or -1. */
static int two_digits(const char *at, const char *end)
{
    if (end - at < 2 || at[0] < '0' || at[0] > '9' || at[1] < '0' || at[1] > '9')
        return -1;
    return 10 * (at[0] - '0') + at[1] - '0';
}

static int days_in_month(int year, int month)
{
    static const int days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const int is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && is_leap);
}

/* Days from 1970-01-01, of years from 1600 on (Howard Hinnant's days_from_civil). */
static int64_t days_of_date(int year, int month, int day)
{
    const int y = year - (month <= 2);
    const int era = y / 400, of_era = y % 400;
    const int day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    return (int64_t)era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + day_of_year - 719468;
}

static const char *read_date(const char *at, const char *end, int64_t *days)
{
    if (end - at < 10 || at[4] != at[7] || (at[4] != '-' && at[4] != '/' && at[4] != '.'))
        return NULL;
    const int century = two_digits(at, end), years = two_digits(at + 2, end);
    const int month = two_digits(at + 5, end), day = two_digits(at + 8, end);
    if (century < 16 || century > 22 || years < 0 || month < 1 || month > 12 || day < 1)
        return NULL;
    const int year = 100 * century + years;
    if (day > days_in_month(year, month))
        return NULL;
    *days = days_of_date(year, month, day);
    return at + 10;
}

/* Microseconds of the digits after a point, up to nine. */
static const char *read_fraction(const char *at, const char *end, int64_t *fraction_us)
{
    int number = 0;
    int64_t value = 0;
    for (; at < end && *at >= '0' && *at <= '9'; at++, number++) {
        if (number == 9)
            return NULL;
        value = 10 * value + (*at - '0');
    }
    if (number == 0)
        return NULL;
    for (int k = number; k < 6; k++)
        value *= 10;
    for (int k = number; k > 6; k--)
        value /= 10;
    *fraction_us = value;
    return at;
}

static const char *read_clock(const char *at, const char *end, int64_t *clock_us)
{
    const int hour = two_digits(at, end);
    if (hour < 0 || hour > 23 || end - at < 5 || at[2] != ':')
        return NULL;
    const int minute = two_digits(at + 3, end);
    if (minute < 0 || minute > 59)
        return NULL;
    *clock_us = (3600 * hour + 60 * minute) * second_us;
    at += 5;
    if (at == end || *at != ':')
        return at;
    const int second = two_digits(at + 1, end);
    if (second < 0 || second > 59)
        return NULL;
    *clock_us += second * second_us;
    at += 3;
    if (at == end || *at != '.')
        return at;
    int64_t fraction_us;
    at = read_fraction(at + 1, end, &fraction_us);
    *clock_us += at ? fraction_us : 0;
    return at;
}

static const char *read_offset(const char *at, const char *end, moment *found)
{
    found->has_offset = 1;
    if (*at == 'Z')
        return at + 1;
    if (*at != '+' && *at != '-')
        return NULL;
    const int hours = two_digits(at + 1, end);
    const int is_parted = end - at >= 4 && at[3] == ':';
    const int minutes = end - at == 3 ? 0 : two_digits(at + 3 + is_parted, end);
    if (hours < 0 || hours > 15 || minutes < 0 || minutes > 59)
        return NULL;
    found->offset_us = (3600 * hours + 60 * minutes) * second_us * (*at == '-' ? -1 : 1);
    return end - at == 3 ? end : at + 5 + is_parted;
}

int plain_moment(const char *at, const char *end, moment *found)
{
    int64_t days = 0, clock_us = 0;
    found->offset_us = found->has_offset = 0;
    at = read_date(at, end, &days);
    if (at && at < end) {
        at = *at == 'T' || *at == ' ' ? read_clock(at + 1, end, &clock_us) : NULL;
        if (at && at < end)
            at = read_offset(at, end, found);
    }
    found->local_us = days * 86400 * second_us + clock_us;
    return at == end;
}
