/* SPDX-License-Identifier: MIT */
/*
 * Steps on integers, for models of `w8a16.v1` that compute nothing in float.  rnnedge.h includes this
 * file.
 */
#ifndef RNNEDGE_Q_H
#define RNNEDGE_Q_H

#include "rnnedge.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * rnne_step_q() is rnne_step() on integers, for models of `w8a16.v1` that compute nothing in
 * float.
 *
 * x: I integers; q stands for q * step + shift (rnne_scales_q()).  A feature that is -32768 is
 *    missing.
 * y: O integers; q stands for q * step + shift likewise.  y may be x.
 *
 * Returns RNNE_UNSUPPORTED for any other model, and for those of rnne_step_q32(), RNNE_REJECTED as
 * rnne_step(), and has changed nothing then.  It touches no float but the held
 * readings and what fills them.
 */
RNNE_API rnne_status rnne_step_q(rnne_stream *stream, const int16_t *x, int16_t *y);

/*
 * rnne_step_q32() is rnne_step_q() for models of `w8a16.v1` whose layers take readings before the
 * clip (an add_last that is not clipped, a difference): readings and outputs are int32, a feature
 * that is INT32_MIN is missing.  Derived inputs are those of rnne_time_features_q().
 *
 * Returns RNNE_UNSUPPORTED for any other model, for which rnne_step_q() is.
 */
RNNE_API rnne_status rnne_step_q32(rnne_stream *stream, const int32_t *x, int32_t *y);

/*
 * rnne_time_features_q() is rnne_time_features() for rnne_step_q(): 2 D integers.  Returns
 * RNNE_UNSUPPORTED where that does.
 */
RNNE_API rnne_status rnne_time_features_q(const rnne_model *model, int64_t unix_time_s,
                                          int16_t *out);

/*
 * rnne_scales_q() gives what the integers of rnne_step_q() stand for, in physical units:
 * x_step, x_shift: I floats.  y_step, y_shift: O floats.  Any of them may be NULL.
 * Returns RNNE_UNSUPPORTED where rnne_step_q() does.
 */
RNNE_API rnne_status rnne_scales_q(const rnne_model *model, float *x_step, float *x_shift,
                                   float *y_step, float *y_shift);

#ifdef __cplusplus
}
#endif

#endif
