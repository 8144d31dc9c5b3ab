/* SPDX-License-Identifier: MIT */
/* Rows of forecasts as lines of CSV. */
#ifndef RNNE_ROWS_TEXT_H
#define RNNE_ROWS_TEXT_H

#include "lines.h"
#include "shortest.h"

typedef struct forecast_rows {
    const char *data;       /* that the spans are of; NULL where rows are numbered */
    const line_span *spans; /* [num_rows] */
    const int64_t *numbers; /* [num_rows] */
    const float *values;    /* [num_rows, num_values] what is not finite is an empty cell */
    size_t num_rows;
    size_t num_values;
} forecast_rows;

/* most_text() is the bytes that rows_text() needs at most. */
size_t most_text(const forecast_rows *rows);

/* rows_text() writes the time or number of each row and its values; the number of bytes. */
size_t rows_text(const forecast_rows *rows, const plain_range *plain, char *text);

#endif
