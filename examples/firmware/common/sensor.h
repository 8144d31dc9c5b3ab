/* SPDX-License-Identifier: MIT */
/* The driver: replace sensor_recorded.c by what reads your sensors. */
#ifndef SENSOR_H
#define SENSOR_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The readings of the hour in the order and units of weather.h; node_missing() for one that
 * could not be taken. Returns 0, or not when there is nothing more to read.
 */
int sensor_read(int64_t time, float *readings);

#ifdef __cplusplus
}
#endif

#endif
