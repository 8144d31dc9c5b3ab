/* SPDX-License-Identifier: MIT */
#ifndef RNNE_INPUTS_H
#define RNNE_INPUTS_H

#include "../model/rows.h"

/* Finite, and within the range of its feature. */
int rnne_is_plausible(const rnne_feature *feature, float value);

/* Whether a reading of x [I] is missing, or not plausible, that the model rejects. */
int rnne_is_rejected(const rnne_model *model, const float *x);

/* Whether a reading of x [I] is missing, or not plausible, whose place a forecast takes. */
int rnne_is_filled(const rnne_model *model, const float *x);

/*
 * What is held after a step that gave y: of features whose holes forecasts fill, these.  Value i is
 * y[i * lanes], of the held readings held[i * lanes].
 */
void rnne_keep_forecasts(const rnne_model *model, const float *y, float *held, size_t lanes);

/*
 * Fills a column of `to` ([input_floats][lanes]) with x [I], held and clipped, and where layers
 * take it as held; held: column of the held readings [F][lanes].
 */
void rnne_accept(const rnne_model *model, const float *x, float *held, float *to, size_t lanes);

/* Fills row j with the readings x [I]; they become held in the state of the row. */
void rnne_rows_accept(rnne_rows *rows, size_t j, const float *x);

/* As rnne_rows_accept(), with integers. */
void rnne_rows_accept_q(rnne_rows *rows, size_t j, const int16_t *x);

/* The same, of a model that holds readings before the clip. */
void rnne_rows_accept_q32(rnne_rows *rows, size_t j, const int32_t *x);

#endif
