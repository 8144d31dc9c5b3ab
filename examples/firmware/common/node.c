/* SPDX-License-Identifier: MIT */
#include "node.h"

float node_missing(void)
{
    const union {
        uint32_t bits;
        float value;
    } nan = {0x7fc00000u};
    return nan.value;
}

static void put_time(uint8_t *to, int64_t time)
{
    int i;
    for (i = 0; i < 8; i++)
        to[i] = (uint8_t)((uint64_t)time >> 8 * i);
}

static int64_t get_time(const uint8_t *from)
{
    uint64_t time = 0;
    int i;
    for (i = 0; i < 8; i++)
        time |= (uint64_t)from[i] << 8 * i;
    return (int64_t)time;
}

enum node_origin node_start(struct node *n, const struct flash *flash, int64_t now)
{
    uint8_t record[NODE_RECORD_NBYTES];
    enum node_origin how = NODE_NEW;
    weather_reset(&n->model);
    n->time = 0;
    n->is_started = 0;
    if (slots_open(&n->slots, flash, record, sizeof record) &&
        !weather_restore(&n->model, record + 8, sizeof record - 8)) {
        n->time = get_time(record);
        n->is_started = 1;
        how = NODE_RESUMED;
    }
    if (n->is_started && now - n->time > (int64_t)NODE_MOST_MISSED * NODE_PERIOD_S) {
        weather_reset(&n->model);
        n->is_started = 0;
        how = NODE_TOO_OLD;
    }
    return how;
}

static int step_at(struct node *n, int64_t time, const float *readings, float *forecast)
{
    float x[WEATHER_INPUT_SIZE];
    int i;
    for (i = 0; i < WEATHER_NUM_FEATURES; i++)
        x[i] = readings ? readings[i] : node_missing();
    weather_time(time, x + WEATHER_NUM_FEATURES);
    return weather_step(&n->model, x, forecast);
}

enum node_status node_step(struct node *n, int64_t now, const float *readings, float *forecast)
{
    now -= now % NODE_PERIOD_S;
    if (n->is_started) {
        if (now < n->time + NODE_PERIOD_S)
            return NODE_DONE_BEFORE;
        for (; n->time + 2 * NODE_PERIOD_S <= now; n->time += NODE_PERIOD_S)
            if (step_at(n, n->time + NODE_PERIOD_S, NULL, forecast))
                return NODE_REFUSED;
    }
    if (step_at(n, now, readings, forecast))
        return NODE_REFUSED;
    n->time = now;
    n->is_started = 1;
    return NODE_OK;
}

int node_keep(struct node *n)
{
    uint8_t record[NODE_RECORD_NBYTES];
    put_time(record, n->time);
    weather_save(&n->model, record + 8);
    return slots_write(&n->slots, record, sizeof record);
}
