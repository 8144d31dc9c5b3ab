/* SPDX-License-Identifier: MIT */
#include "slots.h"

/* The constants and the arithmetic are those of time_grid.py, operation by operation. */
static const double off_grid = 0.01, clean = 0.4, clean_when_unsure = 0.1, kept = 0.75;
static const double most_us = 9007199254740992.0; /* 2^53 */

static double magnitude(double value)
{
    return value < 0 ? -value : value;
}

/* Whether a row is one slot on, and how late it is then. */
static int is_next(const slot_clock *clock, double step_us, double *late_us)
{
    const double period_us = clock->period_us, late = clock->late_us;
    const double ratio = step_us / period_us + 0.5;
    const double aside = step_us - period_us;
    const double limit = magnitude(late) <= clean * period_us ? clean : clean_when_unsure;
    if (ratio >= 1.0 &&
        magnitude(step_us - (double)(int64_t)ratio * period_us) <= limit * period_us) {
        if (ratio >= 2.0)
            return 0;
        const double after = late + aside;
        *late_us = magnitude(after) <= 0.5 * period_us ? after * kept : 0.0;
        return 1;
    }
    const double since = step_us + late;
    const double steps = since / period_us + 0.5;
    if (steps >= 2.0 || (steps < 1.0 && since < clean * period_us))
        return 0;
    *late_us = since - period_us;
    return 1;
}

size_t next_slots(slot_clock *clock, const int64_t *times_us, size_t num_rows)
{
    size_t k;
    clock->num_off = clock->first_off = 0;
    for (k = 0; k < num_rows; k++) {
        const int64_t step = times_us[k] - clock->time_us;
        const double step_us = (double)step;
        if (step <= 0 || step_us >= most_us || step_us / clock->period_us >= most_us ||
            (clock->max_gap_us >= 0 && step_us > clock->max_gap_us))
            break;
        double late_us;
        if (!is_next(clock, step_us, &late_us))
            break;
        if (magnitude(step_us - clock->period_us) > off_grid * clock->period_us) {
            if (clock->num_off++ == 0)
                clock->first_off = k;
        }
        clock->late_us = late_us;
        clock->time_us = times_us[k];
        clock->num_periods += step_us / clock->period_us;
    }
    return k;
}
