/* SPDX-License-Identifier: MIT */
/*
 * The recurrent cells that have an elementwise part of their own; that of an rnn is an activation.
 *
 *     RNNE_CELLS(M)               M(name) of each
 *     RNNE_CELL_TEMPLATE(name)    defined before: the header of a cell's template, included for each
 */
#ifndef RNNE_CELLS
#define RNNE_CELLS(M) M(gru) M(lstm)
#define RNNE_CELL_ENTRY(name) name,
#define RNNE_CELL_NUMBER(name) RNNE_CELL_##name,
#define RNNE_QUOTE(text) #text

typedef enum rnne_cell { RNNE_CELLS(RNNE_CELL_NUMBER) RNNE_NUM_CELLS } rnne_cell;
#endif

#ifdef RNNE_CELL_TEMPLATE
#include RNNE_CELL_TEMPLATE(gru)
#include RNNE_CELL_TEMPLATE(lstm)
#endif
