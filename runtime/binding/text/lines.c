/* SPDX-License-Identifier: MIT */
#include "lines.h"

#include <string.h>

enum { LONGEST_LINE = 1 << 16 };

/* The first number that float32 rounds to infinity (rows/careful_rows.py). */
static const double largest = 3.4028235677973366e38;
static const double latest_us = 5e16;

static double magnitude(double value)
{
    return value < 0 ? -value : value;
}

/* To the nearest whole number, halves to the even one. */
static double rounded(double value)
{
    volatile const double whole_from = 4503599627370496.0; /* 2^52 */
    if (magnitude(value) >= whole_from)
        return value;
    return value < 0 ? (value - whole_from) + whole_from : (value + whole_from) - whole_from;
}

/* The end of a cell whose text is none of the model's; NULL where it is not plain. */
static const char *skip_cell(const char *at, const char *end, char delimiter)
{
    for (; at < end && *at != delimiter; at++) {
        const unsigned char byte = (unsigned char)*at;
        if ((byte < 32 && byte != '\t') || byte > 126 || byte == '"')
            return NULL;
    }
    return at;
}

/* As skip_cell(), for the first cell of a line: no comment, and no word of a line under a table. */
static const char *skip_first_cell(const char *at, const char *end, char delimiter)
{
    if (at < end && (*at == '#' || *at == ' ' || *at == '\t'))
        return NULL;
    const char *stop = skip_cell(at, end, delimiter);
    int has_digit = 0;
    for (; stop && at < stop; at++)
        has_digit |= *at >= '0' && *at <= '9';
    return has_digit ? stop : NULL;
}

static const char *read_reading(const char *at, const char *end, const table_layout *layout,
                                char mark, exact_number exact, float *reading)
{
    double value;
    const char *next = at;
    if (plain_number(&next, end, mark, exact, &value)) {
        if (!(magnitude(value) < largest))
            return NULL;
        *reading = (float)value;
    } else {
        next = skip_cell(at, end, layout->delimiter);
        if (!next || !is_missing_word(at, next))
            return NULL;
        const uint32_t nan_bits = 0x7fc00000;
        memcpy(reading, &nan_bits, sizeof nan_bits);
    }
    while (next < end && *next == ' ')
        next++;
    return next == end || *next == layout->delimiter ? next : NULL;
}

static int number_as_time(const char *at, const char *end, const table_layout *layout,
                          exact_number exact, int64_t *time_us)
{
    double value;
    if (!plain_number(&at, end, '.', exact, &value) || at != end || !layout->has_offset)
        return 0;
    const double found = rounded(value * layout->unit_us) + layout->origin_us;
    if (!(magnitude(found) < latest_us))
        return 0;
    *time_us = (int64_t)found - layout->offset_us;
    return 1;
}

static const char *read_time(const char *at, const char *end, const table_layout *layout,
                             exact_number exact, int64_t *time_us)
{
    const char *stop = memchr(at, layout->delimiter, (size_t)(end - at));
    if (!stop)
        stop = end;
    if (layout->time == TIME_NUMBER)
        return number_as_time(at, stop, layout, exact, time_us) ? stop : NULL;
    moment found;
    if (!plain_moment(at, stop, &found) || !(found.has_offset || layout->has_offset))
        return NULL;
    *time_us = found.local_us - (found.has_offset ? found.offset_us : layout->offset_us);
    return stop;
}

typedef struct line {
    const char *data;
    const char *at;
    const char *end; /* without the line end */
    int64_t *time_us;
    float *readings;
    line_span *span;
} line;

static int read_line(line *l, const table_layout *layout, exact_number exact)
{
    int num_numbers = 0;
    for (size_t k = 0; k < layout->width; k++) {
        if (k > 0) {
            if (l->at == l->end)
                return 0;
            l->at++;
        }
        while (l->at < l->end && *l->at == ' ')
            l->at++;
        const int32_t column = layout->columns[k];
        const char *from = l->at;
        if (column == COLUMN_TIME) {
            l->at = read_time(from, l->end, layout, exact, l->time_us);
            l->span->stamp_start = (int32_t)(from - l->data);
            l->span->stamp_end = l->at ? (int32_t)(l->at - l->data) : 0;
        } else if (column != COLUMN_LEFT_OUT) {
            float *reading = l->readings + column;
            l->at = read_reading(from, l->end, layout, layout->marks[column], exact, reading);
            num_numbers += l->at && *reading == *reading;
        } else {
            l->at = (k == 0 ? skip_first_cell : skip_cell)(from, l->end, layout->delimiter);
        }
        if (!l->at)
            return 0;
    }
    return l->at == l->end && (layout->time != TIME_NONE || num_numbers > 0);
}

size_t plain_lines(const table_layout *layout, const char *data, size_t start, size_t nbytes,
                   size_t most, exact_number exact, const line_columns *found)
{
    size_t number = 0;
    while (number < most && start < nbytes) {
        const size_t left = nbytes - start;
        const char *from = data + start;
        const char *stop = memchr(from, '\n', left < LONGEST_LINE ? left : LONGEST_LINE);
        if (!stop)
            break;
        line_span *span = found->spans + number;
        memset(span, 0, sizeof *span);
        found->times_us[number] = 0;
        line l = {data,
                  from,
                  stop,
                  found->times_us + number,
                  found->readings + number * layout->num_features,
                  span};
        if (l.end > l.at && l.end[-1] == '\r')
            l.end--;
        if (!read_line(&l, layout, exact))
            break;
        start = (size_t)(stop - data) + 1;
        span->end = (int32_t)start;
        number++;
    }
    return number;
}
