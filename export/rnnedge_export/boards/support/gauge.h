/* SPDX-License-Identifier: MIT */
/* One generated model as the gauge sees it: its state, its buffers, reset and step, no more.
 * With STUB the calls are left out and the memory stays, so that the difference of two images
 * is the model's code and weights. */
#ifndef RNNEDGE_GAUGE_H
#define RNNEDGE_GAUGE_H

#include <stddef.h>
#include <stdint.h>

extern const uint32_t gauge_input_nbytes, gauge_state_nbytes;
extern void *const gauge_input;
void gauge_reset(void);
void gauge_step(void);

#ifdef STUB
#define GAUGE_CALL(call)
#else
#define GAUGE_CALL(call) (void)call
#endif

#define GAUGE(name, NAME, value, step)                                                            \
    static name##_state gauge_state;                                                              \
    static value gauge_x[NAME##_INPUT_SIZE];                                                      \
    static value gauge_y[NAME##_OUTPUT_SIZE];                                                     \
    const uint32_t gauge_input_nbytes = sizeof gauge_x;                                           \
    const uint32_t gauge_state_nbytes = sizeof gauge_state;                                       \
    void *const gauge_input = gauge_x;                                                            \
    void *const gauge_kept[2] = {&gauge_state, gauge_y};                                          \
    void gauge_reset(void)                                                                        \
    {                                                                                             \
        GAUGE_CALL(name##_reset(&gauge_state));                                                   \
    }                                                                                             \
    void gauge_step(void)                                                                         \
    {                                                                                             \
        GAUGE_CALL(step(&gauge_state, gauge_x, gauge_y));                                         \
    }

extern void *const gauge_kept[2];

#endif
