/* A small recurrent model written by hand, with the functions of a generated one. */
#ifndef HAND_H
#define HAND_H
#include <stddef.h>
#include <stdint.h>

#define HAND_FEATURES 3
#define HAND_UNITS 4
#define HAND_INPUT_SIZE 3
#define HAND_OUTPUT_SIZE 2
#define HAND_SNAPSHOT_NBYTES (48 + (8 + 4 * HAND_UNITS) + (8 + 4 * HAND_FEATURES) + 4)

typedef struct hand_state {
    uint64_t num_steps;
    float h[HAND_UNITS];
    float held[HAND_FEATURES];
} hand_state;

void hand_reset(hand_state *s);
void hand_step(hand_state *s, const float *x, float *y);
void hand_run(hand_state *s, const float *xs, size_t n, float *ys);
void hand_save(const hand_state *s, void *to);
int hand_restore(hand_state *s, const void *from, size_t nbytes);
int hand_selftest(void);
void hand_time(int64_t t, float *to);
#endif
