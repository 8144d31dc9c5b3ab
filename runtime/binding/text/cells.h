/* SPDX-License-Identifier: MIT */
/*
 * Cells of a table of text in their plainest form.  What is written in any other way is left to
 * the readers in Python (rnnedge_runtime/tables), which these functions never contradict.
 */
#ifndef RNNE_CELLS_H
#define RNNE_CELLS_H

#include <stddef.h>
#include <stdint.h>

/* The number of an unusual text, correctly rounded, as Python's float(). */
typedef double (*exact_number)(const char *text);

/*
 * plain_number() reads [+-]digits[.digits][e[+-]digits] from *at on, with `mark` for the point.
 *
 * mark: 0 where a cell with a decimal mark is not plain.
 *
 * Returns 1 with *at behind it, 0 where there is none.
 */
int plain_number(const char **at, const char *end, char mark, exact_number exact, double *value);

/* is_missing_word() knows a few of the words for a missing reading; [at, end) is the cell. */
int is_missing_word(const char *at, const char *end);

/* One day of the calendar or a moment of it, on the cell's own clock. */
typedef struct moment {
    int64_t local_us;  /* since 1970 */
    int64_t offset_us; /* ahead of UTC */
    int has_offset;
} moment;

/* plain_moment() reads a cell yyyy-mm-dd[Thh:mm[:ss[.f]][Z|+hh:mm]]; 0 for any other. */
int plain_moment(const char *at, const char *end, moment *found);

#endif
