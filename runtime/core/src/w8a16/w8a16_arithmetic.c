/* SPDX-License-Identifier: MIT */
#include "../base/guard.h"

#include "w8a16_arithmetic.h"

/* Tanh in 64 segments of 2^9: its value at the start, and a parabola from there on. */

/* Made by scripts/fit_integer_tanh.py. */
/* clang-format off */
#define VALUES(M)                                                                              \
    M(0) M(4074) M(8025) M(11742) M(15143) M(18173) M(20813) M(23066) M(24956) M(26519)        \
    M(27797) M(28830) M(29660) M(30322) M(30847) M(31262) M(31589) M(31846) M(32048)           \
    M(32206) M(32329) M(32426) M(32501) M(32560) M(32606) M(32642) M(32670) M(32691)           \
    M(32708) M(32722) M(32732) M(32740) M(32746) M(32751) M(32755) M(32758) M(32760)           \
    M(32762) M(32763) M(32764) M(32765) M(32766) M(32766) M(32767) M(32767) M(32767)           \
    M(32767) M(32767) M(32767) M(32767) M(32767) M(32767) M(32767) M(32767) M(32767)           \
    M(32767) M(32767) M(32767) M(32767) M(32767) M(32767) M(32767) M(32767) M(32767)

#define SLOPES(M)                                                                              \
    M(16417) M(16173) M(15434) M(14309) M(12885) M(11345) M(9756) M(8249) M(6867) M(5646)      \
    M(4573) M(3694) M(2950) M(2343) M(1857) M(1468) M(1157) M(912) M(708) M(553) M(441)        \
    M(337) M(268) M(211) M(160) M(124) M(89) M(86) M(64) M(33) M(31) M(24) M(21) M(15) M(9)    \
    M(5) M(7) M(0) M(6) M(6) M(-1) M(-8) M(-10) M(0) M(0) M(0) M(0) M(0) M(0) M(0) M(0) M(0)   \
    M(0) M(0) M(0) M(0) M(0) M(0) M(0) M(0) M(0) M(0) M(0) M(0)

#define BENDS(M)                                                                               \
    M(-113) M(-364) M(-561) M(-707) M(-763) M(-787) M(-745) M(-690) M(-615) M(-538) M(-441)    \
    M(-376) M(-304) M(-244) M(-197) M(-160) M(-128) M(-105) M(-77) M(-60) M(-54) M(-36)        \
    M(-32) M(-28) M(-17) M(-13) M(-3) M(-18) M(-10) M(8) M(1) M(0) M(-1) M(0) M(1) M(3) M(0)   \
    M(6) M(-1) M(-1) M(5) M(9) M(17) M(0) M(0) M(0) M(0) M(0) M(0) M(0) M(0) M(0) M(0) M(0)    \
    M(0) M(0) M(0) M(0) M(0) M(0) M(0) M(0) M(0) M(0)
/* clang-format on */

#define WHOLE(v) v,
#define LOW(v) (v) & 0xff,
#define HIGH(v) ((v) + 0x10000) >> 8 & 0xff,

const int16_t rnne_tanh_value[RNNE_TANH_SEGMENTS] = {VALUES(WHOLE)};
const int16_t rnne_tanh_slope[RNNE_TANH_SEGMENTS] = {SLOPES(WHOLE)};
const int16_t rnne_tanh_bend[RNNE_TANH_SEGMENTS] = {BENDS(WHOLE)};

const uint8_t rnne_tanh_bytes[6][RNNE_TANH_SEGMENTS] = {
    {VALUES(LOW)}, {VALUES(HIGH)}, {SLOPES(LOW)}, {SLOPES(HIGH)}, {BENDS(LOW)}, {BENDS(HIGH)},
};

int32_t rnne_q_integer(const rnne_q_inputs *inputs, size_t i, float x)
{
    const float v = (rnne_without_denormals(x) - inputs->shift[i]) * inputs->rate[i];
    return rnne_q_limited(inputs, i, rnne_q_near(v, 32767.0f));
}

void rnne_q_accept(const rnne_q_inputs *inputs, size_t num_features, size_t n, const float *x,
                   float *held, int32_t *q)
{
    for (size_t i = 0; i < n; i++) {
        const int is_held = i < num_features, is_known = rnne_is_finite(x[i]);
        const float last = is_held && rnne_is_finite(held[i]) ? held[i] : 0.0f;
        q[i] = rnne_q_integer(inputs, i, is_known ? x[i] : last);
        if (is_held && is_known)
            held[i] = rnne_q_reading(inputs, i, q[i]);
    }
}

void rnne_q_to_float(size_t n, const int16_t *q, const float *step, const float *offset,
                     float *out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = rnne_flush((float)q[i] * step[i] + offset[i]);
}

void rnne_q_convert(const float *rate, size_t n, const float *real, int16_t *q)
{
    for (size_t i = 0; i < n; i++)
        q[i] = (int16_t)rnne_q_near(real[i] * rate[i], 32767.0f);
}
