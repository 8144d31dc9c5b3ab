/* SPDX-License-Identifier: MIT */
#ifndef RNNE_HELD_H
#define RNNE_HELD_H

#include "model.h"

/* The integer of a value that is held, 0 where it is not finite. */
int32_t rnne_q_of_held(const rnne_model *model, size_t i, float value);

/* The smallest and the largest integer of feature i that is a plausible reading. */
void rnne_q_range(const rnne_model *model, size_t i, rnne_range range, int32_t *least,
                  int32_t *most);

/* Whether integer x of model input i is a reading: not `missing`, and plausible. */
int rnne_q_is_known(const rnne_model *model, size_t i, int32_t x, int32_t missing);

/* A finite reading as it is kept in `held`; others as they are. */
float rnne_q_held(const rnne_model *model, size_t i, float value);

/* A finite token id; *is_unknown: out of range, and therefore 0. */
int32_t rnne_q_token(const rnne_layer *embedding, float x, int *is_unknown);

#endif
