/* SPDX-License-Identifier: MIT */
/* Stands in for sensors: hours of weather as they were read, NaN where they were not. */
#include "sensor.h"

#include "node.h"
#include "recorded.h"

int sensor_read(int64_t time, float *readings)
{
    const int64_t hour = (time - RECORDED_START) / NODE_PERIOD_S;
    int i;
    if (hour < 0 || hour >= RECORDED_HOURS)
        return 1;
    for (i = 0; i < WEATHER_NUM_FEATURES; i++) {
        const uint32_t value = recorded[hour][i];
        const float reading = ((float)value - 1000.0f) / 10.0f;
        readings[i] = value == RECORDED_MISSING ? node_missing() : reading;
    }
    return 0;
}
