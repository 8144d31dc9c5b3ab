/* SPDX-License-Identifier: MIT */
#ifndef RNNE_W8A16_INPUTS_H
#define RNNE_W8A16_INPUTS_H

#include "../model/rows.h"

/* Fills row j with the readings x [I]; they become held in the state of the row. */
void rnne_rows_accept(rnne_rows *rows, size_t j, const float *x);

/* As rnne_rows_accept(), with integers. */
void rnne_rows_accept_q(rnne_rows *rows, size_t j, const int16_t *x);

/* The same, of a model that holds readings before the clip. */
void rnne_rows_accept_q32(rnne_rows *rows, size_t j, const int32_t *x);

#endif
