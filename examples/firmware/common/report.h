/* SPDX-License-Identifier: MIT */
/* A forecast as a line of text, without printf of floats. */
#ifndef REPORT_H
#define REPORT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define REPORT_NBYTES 96

/* `1385856000: 3.9 C, in 6 h 2.2 C [400ccccd]`: time, reading, forecast, its bits. */
void report_line(char text[REPORT_NBYTES], int64_t time, float reading, float forecast);

#ifdef __cplusplus
}
#endif

#endif
