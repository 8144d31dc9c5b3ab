/* SPDX-License-Identifier: MIT */
/* The kernels of graphs of `w8a16.v1`; generated C has its own (formats/c/kernels/w8a16_*.inc.h). */
#ifndef RNNE_W8A16_GRAPH_H
#define RNNE_W8A16_GRAPH_H

#include "w8a16_arithmetic.h"

#define RNNE_INLINE static inline
#define RNNE_FUNCTION static inline
#define rnne_q_scaled rnne_scaled

#include "w8a16_arithmetic.inc.h"

#include "w8a16_graph.inc.h"

#endif
