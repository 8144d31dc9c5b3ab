#include "hand.h"

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#elif defined(__GNUC__)
#pragma GCC optimize("fp-contract=off")
#endif

static const float recurrent[4][4] = {
    {0.3f, -0.2f, 0.5f, 0.1f},
    {-0.4f, 0.6f, 0.2f, -0.3f},
    {0.1f, 0.2f, -0.7f, 0.4f},
    {0.5f, -0.1f, 0.3f, 0.2f},
};
static const float input[4][3] = {
    {0.7f, -0.3f, 0.2f},
    {-0.5f, 0.4f, 0.1f},
    {0.2f, 0.6f, -0.8f},
    {0.1f, -0.9f, 0.3f},
};

static float squash(float z)
{
    return z / (1.0f + (z < 0 ? -z : z));
}

void hand_reset(hand_state *s)
{
    for (int k = 0; k < 4; k++)
        s->h[k] = 0.0f;
}

void hand_step(hand_state *s, const float *x, float *y)
{
    float h[4];
    for (int k = 0; k < 4; k++) {
        float sum = 0.125f;
        for (int j = 0; j < 3; j++)
            sum += input[k][j] * x[j];
        for (int j = 0; j < 4; j++)
            sum += recurrent[k][j] * s->h[j];
        h[k] = squash(sum);
    }
    for (int k = 0; k < 4; k++)
        s->h[k] = h[k];
    y[0] = h[0] - h[1];
#ifdef PLANTED_FAULT
    y[0] = h[0] - h[1] * 1.0000001f;
#endif
    y[1] = h[2] * h[3];
}

void hand_run(hand_state *s, const float *xs, size_t n, float *ys)
{
#ifdef FORGETS
    hand_reset(s);
#endif
    for (; n; n--, xs += 3, ys += 2)
        hand_step(s, xs, ys);
}

void hand_save(const hand_state *s, void *to)
{
    const unsigned char *from = (const unsigned char *)s->h;
    for (size_t k = 0; k < HAND_SNAPSHOT_NBYTES; k++)
        ((unsigned char *)to)[k] = from[k];
}

int hand_restore(hand_state *s, const void *from, size_t nbytes)
{
    if (nbytes != HAND_SNAPSHOT_NBYTES)
        return 1;
    for (size_t k = 0; k < HAND_SNAPSHOT_NBYTES; k++)
        ((unsigned char *)s->h)[k] = ((const unsigned char *)from)[k];
    return 0;
}

int hand_selftest(void)
{
    return 0;
}

void hand_time(int64_t t, float *to)
{
    to[0] = (float)(t % 60);
}
