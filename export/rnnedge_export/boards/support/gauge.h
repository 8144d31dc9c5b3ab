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
void gauge_prepare(void);
void gauge_step(void);

#ifdef STUB
#define GAUGE_CALL(call)
#else
#define GAUGE_CALL(call) (void)call
#endif

#define GAUGE_STATE(name, NAME, out)                                                              \
    static name##_state gauge_state;                                                              \
    static float gauge_x[NAME##_INPUT_SIZE];                                                      \
    const uint32_t gauge_input_nbytes = sizeof gauge_x;                                           \
    const uint32_t gauge_state_nbytes = sizeof gauge_state;                                       \
    void *const gauge_input = gauge_x;                                                            \
    void *const gauge_kept[2] = {&gauge_state, out};                                              \
    void gauge_reset(void)                                                                        \
    {                                                                                             \
        GAUGE_CALL(name##_reset(&gauge_state));                                                   \
    }

#define GAUGE(name, NAME)                                                                         \
    static float gauge_y[NAME##_OUTPUT_SIZE];                                                     \
    GAUGE_STATE(name, NAME, gauge_y)                                                              \
    void gauge_prepare(void)                                                                      \
    {                                                                                             \
    }                                                                                             \
    void gauge_step(void)                                                                         \
    {                                                                                             \
        GAUGE_CALL(name##_step(&gauge_state, gauge_x, gauge_y));                                  \
    }

/* The step on integers alone: turning the row into them is neither counted nor weighed. */
#define GAUGE_Q(name, NAME) GAUGE_INTEGERS(name, NAME, int16_t)
#define GAUGE_Q32(name, NAME) GAUGE_INTEGERS(name, NAME, int32_t)
#define GAUGE_INTEGERS(name, NAME, integer)                                                       \
    static integer gauge_in[NAME##_INPUT_SIZE], gauge_out[NAME##_OUTPUT_SIZE];                    \
    GAUGE_STATE(name, NAME, gauge_out)                                                            \
    void gauge_prepare(void)                                                                      \
    {                                                                                             \
        name##_quantise(gauge_x, gauge_in);                                                       \
    }                                                                                             \
    void gauge_step(void)                                                                         \
    {                                                                                             \
        GAUGE_CALL(name##_step_q(&gauge_state, gauge_in, gauge_out));                             \
    }

extern void *const gauge_kept[2];

#endif
