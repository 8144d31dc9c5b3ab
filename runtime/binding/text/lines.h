/* SPDX-License-Identifier: MIT */
/* Lines of a table of text, taken apart many at a time as long as they are plain. */
#ifndef RNNE_LINES_H
#define RNNE_LINES_H

#include "cells.h"

/* What a column is, where it is no feature. */
enum { COLUMN_LEFT_OUT = -1, COLUMN_TIME = -2 };

enum { TIME_NONE, TIME_DATE, TIME_NUMBER };

typedef struct table_layout {
    const int32_t *columns; /* [width] feature of each column, or one of the above */
    size_t width;
    size_t num_features;
    const char *marks; /* [num_features] decimal mark of each, 0 where none is known yet */
    char delimiter;
    int time;          /* TIME_... */
    double unit_us;    /* of a number that is a time */
    double origin_us;  /* since 1970, of its zero */
    int64_t offset_us; /* ahead of UTC, of a time that does not say so */
    int has_offset;    /* whether that is known */
} table_layout;

typedef struct line_span {
    int32_t stamp_start; /* the time cell, in bytes from the start of the data */
    int32_t stamp_end;
    int32_t end; /* of the line, its line end included */
} line_span;

typedef struct line_columns {
    int64_t *times_us; /* [N] since 1970 UTC; 0 where there are none */
    float *readings;   /* [N, num_features] NaN where missing */
    line_span *spans;  /* [N] */
} line_columns;

/*
 * plain_lines() reads lines of data [nbytes] from `start` on, at most so many, up to the first
 * that is not plain or not whole.
 *
 * Returns how many it read.
 */
size_t plain_lines(const table_layout *layout, const char *data, size_t start, size_t nbytes,
                   size_t most, exact_number exact, const line_columns *found);

#endif
