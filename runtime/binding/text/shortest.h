/* SPDX-License-Identifier: MIT */
/* A float32 as text, as Python writes str(numpy.float32(value)). */
#ifndef RNNE_SHORTEST_H
#define RNNE_SHORTEST_H

#include <stddef.h>
#include <stdint.h>

/* Magnitudes that are written without an exponent; versions of NumPy differ in them. */
typedef struct plain_range {
    float low;  /* the first */
    float high; /* the first above them */
} plain_range;

enum { SHORTEST_NBYTES = 32 };

/*
 * shortest_text() writes the shortest decimals that read back as the same float32, without an
 * end mark, into text [SHORTEST_NBYTES]; the number of bytes, 0 for infinity and NaN.
 */
size_t shortest_text(float value, const plain_range *plain, char *text);

#endif
