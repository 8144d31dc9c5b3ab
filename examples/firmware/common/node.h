/* SPDX-License-Identifier: MIT */
/*
 * A sensor node: every hour one step of the model, whose state outlives restarts.
 *
 *     node_start(&node, &flash, now);
 *     every hour: if (!node_step(&node, now, readings, forecast)) { publish it; node_keep(&node); }
 *
 * A forecast is published before the state is kept: after a power cut the hour's may come twice,
 * with the same bytes, but none is left out.
 */
#ifndef NODE_H
#define NODE_H

#include "slots.h"
#include "weather.h"

#ifdef __cplusplus
extern "C" {
#endif

#define NODE_PERIOD_S 3600
#define NODE_MOST_MISSED 48 /* hours; after a longer break the model starts again */
#define NODE_RECORD_NBYTES (8 + WEATHER_SNAPSHOT_NBYTES)

enum node_origin { NODE_NEW, NODE_RESUMED, NODE_TOO_OLD };
enum node_status { NODE_OK, NODE_DONE_BEFORE, NODE_REFUSED };

struct node {
    weather_state model;
    struct slots slots;
    int64_t time; /* of the last step, in Unix seconds */
    int is_started;
};

/* What a reading is that could not be taken: the model holds the last one. */
float node_missing(void);

/*
 * From the kept state, or anew. The time tells how much was missed; without a clock pass 0 and go
 * on an hour after n->time.
 */
enum node_origin node_start(struct node *n, const struct flash *flash, int64_t now);

/*
 * One hour, whose begin is taken for its time: readings [WEATHER_NUM_FEATURES], forecast [WEATHER_OUTPUT_SIZE]. Hours that were
 * missed are stepped with missing readings first. NODE_DONE_BEFORE: this hour was.
 */
enum node_status node_step(struct node *n, int64_t now, const float *readings, float *forecast);

/* Writes the state to flash: 0, or not; then the older one is still there. */
int node_keep(struct node *n);

#ifdef __cplusplus
}
#endif

#endif
