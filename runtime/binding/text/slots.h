/* SPDX-License-Identifier: MIT */
/* Rows in time: SlotClock of rnnedge_runtime/tables/time_grid.py for rows without a hole. */
#ifndef RNNE_SLOTS_H
#define RNNE_SLOTS_H

#include <stddef.h>
#include <stdint.h>

typedef struct slot_clock {
    int64_t time_us; /* of the last row */
    double late_us;
    double period_us;
    double max_gap_us;  /* a longer step starts a new stretch; below 0 none does */
    double num_periods; /* Findings.num_periods */
    size_t num_off;     /* rows off the grid */
    size_t first_off;   /* the first of them */
} slot_clock;

/* next_slots() moves the clock over the rows that are each one slot on; how many these are. */
size_t next_slots(slot_clock *clock, const int64_t *times_us, size_t num_rows);

#endif
