/* SPDX-License-Identifier: MIT */
#include "cells.h"

#include <float.h>
#include <string.h>

/*
 * A number of at most 53 bits times or over a power of ten that a double holds exactly is rounded
 * once, so correctly.  All others are as Python's float() has them.
 */

enum { MOST_DIGITS = 18, LONGEST = 120, LARGEST_POWER = 22 };

static const double powers[LARGEST_POWER + 1] = {
    1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
    1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
};

typedef struct decimal {
    uint64_t digits;
    int num_digits; /* all that were read */
    int num_kept;   /* of them without zeros in front, in digits */
    int exponent;   /* of ten */
} decimal;

static const char *read_digits(const char *at, const char *end, decimal *d)
{
    for (; at < end && *at >= '0' && *at <= '9'; at++) {
        d->digits = d->digits * 10 + (uint64_t)(*at - '0');
        d->num_kept += d->digits != 0;
        d->num_digits++;
    }
    return at;
}

/* The digits after an e, or NULL; an exponent of more than four digits is not plain. */
static const char *read_exponent(const char *at, const char *end, int *exponent)
{
    const int is_negative = at < end && *at == '-';
    if (at < end && (*at == '-' || *at == '+'))
        at++;
    decimal d = {0, 0, 0, 0};
    at = read_digits(at, end, &d);
    if (d.num_digits < 1 || d.num_digits > 4)
        return NULL;
    *exponent = is_negative ? -(int)d.digits : (int)d.digits;
    return at;
}

static double read_exactly(const char *from, const char *to, char mark, exact_number exact)
{
    char text[LONGEST + 1];
    const size_t size = (size_t)(to - from);
    memcpy(text, from, size);
    text[size] = '\0';
    char *point = mark ? memchr(text, mark, size) : NULL;
    if (point)
        *point = '.';
    return exact(text);
}

int plain_number(const char **at, const char *end, char mark, exact_number exact, double *value)
{
    const char *next = *at;
    const int is_negative = next < end && *next == '-';
    if (next < end && (*next == '-' || *next == '+'))
        next++;
    decimal d = {0, 0, 0, 0};
    next = read_digits(next, end, &d);
    if (mark && next < end && *next == mark) {
        const int before = d.num_digits;
        next = read_digits(next + 1, end, &d);
        d.exponent = before - d.num_digits;
    }
    if (d.num_digits == 0)
        return 0;
    if (next < end && (*next == 'e' || *next == 'E')) {
        int exponent;
        next = read_exponent(next + 1, end, &exponent);
        if (!next)
            return 0;
        d.exponent += exponent;
    }
    if (next - *at > LONGEST)
        return 0;
    const int is_short = d.num_kept <= MOST_DIGITS && d.digits <= (uint64_t)1 << 53;
    if (FLT_EVAL_METHOD == 0 && is_short && d.exponent >= -LARGEST_POWER &&
        d.exponent <= LARGEST_POWER) {
        const double whole = (double)d.digits;
        const double found =
            d.exponent < 0 ? whole / powers[-d.exponent] : whole * powers[d.exponent];
        *value = is_negative ? -found : found;
    } else {
        *value = read_exactly(*at, next, mark, exact);
    }
    *at = next;
    return 1;
}

int is_missing_word(const char *at, const char *end)
{
    static const char *const words[] = {"nan", "na", "n/a", "null", "none"};
    char word[5];
    const size_t size = (size_t)(end - at);
    if (size == 0 || size > 4)
        return size == 0;
    for (size_t k = 0; k < size; k++)
        word[k] = (char)(at[k] >= 'A' && at[k] <= 'Z' ? at[k] + 32 : at[k]);
    word[size] = '\0';
    for (size_t k = 0; k < sizeof words / sizeof *words; k++)
        if (strcmp(word, words[k]) == 0)
            return 1;
    return 0;
}
