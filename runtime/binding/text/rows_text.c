/* SPDX-License-Identifier: MIT */
#include "rows_text.h"

#include <string.h>

enum { NUMBER_NBYTES = 20 };

static size_t number_text(int64_t number, char *text)
{
    char digits[NUMBER_NBYTES];
    size_t first = NUMBER_NBYTES;
    uint64_t left = number < 0 ? 0 : (uint64_t)number; /* rows count from 1 */
    do {
        digits[--first] = (char)('0' + left % 10);
        left /= 10;
    } while (left);
    memcpy(text, digits + first, NUMBER_NBYTES - first);
    return NUMBER_NBYTES - first;
}

size_t most_text(const forecast_rows *rows)
{
    size_t nbytes = rows->num_rows * (rows->num_values * (SHORTEST_NBYTES + 1) + 1);
    if (!rows->data)
        return nbytes + rows->num_rows * NUMBER_NBYTES;
    for (size_t k = 0; k < rows->num_rows; k++)
        nbytes += (size_t)(rows->spans[k].stamp_end - rows->spans[k].stamp_start);
    return nbytes;
}

size_t rows_text(const forecast_rows *rows, const plain_range *plain, char *text)
{
    char *at = text;
    const float *value = rows->values;
    for (size_t k = 0; k < rows->num_rows; k++) {
        if (rows->data) {
            const line_span *span = rows->spans + k;
            const size_t nbytes = (size_t)(span->stamp_end - span->stamp_start);
            memcpy(at, rows->data + span->stamp_start, nbytes);
            at += nbytes;
        } else {
            at += number_text(rows->numbers[k], at);
        }
        for (size_t i = 0; i < rows->num_values; i++) {
            *at++ = ',';
            at += shortest_text(*value++, plain, at);
        }
        *at++ = '\n';
    }
    return (size_t)(at - text);
}
