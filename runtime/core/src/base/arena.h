/* SPDX-License-Identifier: MIT */
/*
 * Hands out the caller's memory piece by piece, each aligned to 64 bytes; without memory it only
 * counts.  Sizes are 64 bits wide, so that none that a file can name overflows.
 */
#ifndef RNNE_ARENA_H
#define RNNE_ARENA_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define RNNE_ALIGNMENT 64

typedef struct rnne_arena {
    uint8_t *base; /* NULL: count only */
    uint64_t used;
} rnne_arena;

/* An arena in mem; what comes before the first aligned byte counts as used. */
static inline rnne_arena rnne_arena_in(void *mem)
{
    rnne_arena arena = {mem, 0};
    const size_t odd = (size_t)((uintptr_t)mem % RNNE_ALIGNMENT);
    arena.used = odd ? RNNE_ALIGNMENT - odd : 0;
    return arena;
}

/* The worst case of rnne_arena_in(), whatever address the memory will have. */
static inline rnne_arena rnne_arena_counting(void)
{
    const rnne_arena arena = {NULL, RNNE_ALIGNMENT - 1};
    return arena;
}

static inline void *rnne_arena_take(rnne_arena *arena, uint64_t nbytes)
{
    void *const piece = arena->base ? arena->base + (size_t)arena->used : NULL;
    arena->used += (nbytes + RNNE_ALIGNMENT - 1) / RNNE_ALIGNMENT * RNNE_ALIGNMENT;
    return piece;
}

static inline void *rnne_arena_take_zeros(rnne_arena *arena, uint64_t nbytes)
{
    void *const piece = rnne_arena_take(arena, nbytes);
    if (piece)
        memset(piece, 0, (size_t)nbytes);
    return piece;
}

#endif
