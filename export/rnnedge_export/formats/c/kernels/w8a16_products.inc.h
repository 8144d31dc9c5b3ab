/* ---- products: panels of 4 rows, in each a group of 4 columns after the other ---- */

#if defined(__SSE2__) && defined(RNNE_Q_GROUPS)
typedef __m128i rnne_q_sum4;

RNNE_INLINE rnne_q_sum4 rnne_q_group(rnne_q_sum4 a, const int8_t *w, const int16_t *z)
{
    const __m128i v = _mm_loadu_si128((const __m128i *)(const void *)w);
    const __m128i pairs = _mm_loadl_epi64((const __m128i *)(const void *)z);
    const __m128i even = _mm_srai_epi16(_mm_slli_epi16(v, 8), 8), odd = _mm_srai_epi16(v, 8);
    a = _mm_add_epi32(a, _mm_madd_epi16(even, _mm_shuffle_epi32(pairs, 0x00)));
    return _mm_add_epi32(a, _mm_madd_epi16(odd, _mm_shuffle_epi32(pairs, 0x55)));
}

RNNE_INLINE rnne_q_sum4 rnne_q_no_sum(void)
{
    return _mm_setzero_si128();
}

RNNE_INLINE void rnne_q_give(rnne_q_sum4 a, int32_t *sums)
{
    _mm_storeu_si128((__m128i *)(void *)sums, a);
}
#elif defined(__aarch64__) && defined(RNNE_Q_GROUPS)
typedef struct rnne_q_sum4 {
    int32x4_t rows01, rows23; /* sums of even and of odd columns */
} rnne_q_sum4;

RNNE_INLINE int32x4_t rnne_q_row_pair(int32x4_t a, int16x4_t even, int16x4_t odd, int16x4x2_t z)
{
    return vmlal_s16(vmlal_s16(a, even, z.val[0]), odd, z.val[1]);
}

RNNE_INLINE rnne_q_sum4 rnne_q_group(rnne_q_sum4 a, const int8_t *w, const int16_t *z)
{
    const int16x8_t v = vreinterpretq_s16_s8(vld1q_s8(w));
    const int16x8_t even = vshrq_n_s16(vshlq_n_s16(v, 8), 8), odd = vshrq_n_s16(v, 8);
    const int32x2_t pairs = vreinterpret_s32_s16(vld1_s16(z));
    int16x4x2_t twice;
    twice.val[0] = vreinterpret_s16_s32(vdup_lane_s32(pairs, 0));
    twice.val[1] = vreinterpret_s16_s32(vdup_lane_s32(pairs, 1));
    a.rows01 = rnne_q_row_pair(a.rows01, vget_low_s16(even), vget_low_s16(odd), twice);
    a.rows23 = rnne_q_row_pair(a.rows23, vget_high_s16(even), vget_high_s16(odd), twice);
    return a;
}

RNNE_INLINE rnne_q_sum4 rnne_q_no_sum(void)
{
    rnne_q_sum4 a;
    a.rows01 = a.rows23 = vdupq_n_s32(0);
    return a;
}

RNNE_INLINE void rnne_q_give(rnne_q_sum4 a, int32_t *sums)
{
    vst1q_s32(sums, vpaddq_s32(a.rows01, a.rows23));
}
#elif defined(RNNE_Q_GROUPS)
typedef v128_t rnne_q_sum4;

RNNE_INLINE rnne_q_sum4 rnne_q_group(rnne_q_sum4 a, const int8_t *w, const int16_t *z)
{
    const v128_t v = wasm_v128_load(w);
    const v128_t even = wasm_i16x8_shr(wasm_i16x8_shl(v, 8), 8), odd = wasm_i16x8_shr(v, 8);
    a = wasm_i32x4_add(a, wasm_i32x4_dot_i16x8(even, wasm_v128_load32_splat(z)));
    return wasm_i32x4_add(a, wasm_i32x4_dot_i16x8(odd, wasm_v128_load32_splat(z + 2)));
}

RNNE_INLINE rnne_q_sum4 rnne_q_no_sum(void)
{
    return wasm_i32x4_const(0, 0, 0, 0);
}

RNNE_INLINE void rnne_q_give(rnne_q_sum4 a, int32_t *sums)
{
    wasm_v128_store(sums, a);
}
#endif

/* The sums of 4 rows over groups of 4 columns; the result is where the weights go on. */
#ifdef RNNE_Q_DSP
#define RNNE_ROW(a, w)                                                                         \
    "sxtb16 %[t], " w "\n\tsmlad %[" a "], %[t], %Q[z4], %[" a "]\n\t"                           \
    "sxtb16 %[t], " w ", ror #8\n\tsmlad %[" a "], %[t], %R[z4], %[" a "]\n\t"
RNNE_FUNCTION const int8_t *rnne_q_sums(const int8_t *w, const int16_t *z, size_t groups,
                                        int32_t *sums)
{
    int32_t a0 = 0, a1 = 0, a2 = 0, a3 = 0, t;
    uint64_t z4, w8;
    __asm__ volatile("1:\tldrd %Q[z4], %R[z4], [%[z]], #8\n\t"
                     "ldrd %Q[w8], %R[w8], [%[w]], #8\n\t"
                     RNNE_ROW("a0", "%Q[w8]") RNNE_ROW("a1", "%R[w8]")
                     "ldrd %Q[w8], %R[w8], [%[w]], #8\n\t"
                     RNNE_ROW("a2", "%Q[w8]") RNNE_ROW("a3", "%R[w8]")
                     "subs %[n], %[n], #1\n\tbne 1b"
                     : [a0] "+r"(a0), [a1] "+r"(a1), [a2] "+r"(a2), [a3] "+r"(a3), [t] "=&r"(t),
                       [z4] "=&r"(z4), [w8] "=&r"(w8), [w] "+r"(w), [z] "+r"(z), [n] "+r"(groups)
                     :
                     : "cc", "memory");
    sums[0] = a0;
    sums[1] = a1;
    sums[2] = a2;
    sums[3] = a3;
    return w;
}
#elif defined(RNNE_Q_MVE)
#define RNNE_Q_FENCE __asm__ volatile("" : : : "memory")
typedef int32_t rnne_q_word __attribute__((may_alias));

RNNE_FUNCTION const int8_t *rnne_q_sums(const int8_t *w, const int16_t *z, size_t groups,
                                        int32_t *sums)
{
    const uint32x4_t places = vmulq_n_u32(vidupq_n_u32(0, 1), 16); /* of a row in 4 groups */
    int32_t a[4] = {0, 0, 0, 0};
    int32x4_t rest = vdupq_n_s32(0);
    RNNE_Q_FENCE; /* the int16 of z are read in words */
    for (; groups >= 4; groups -= 4, w += 64, z += 16) {
        const int32x4x2_t pairs = vld2q_s32((const int32_t *)(const void *)z);
        const int16x8_t even = vreinterpretq_s16_s32(pairs.val[0]);
        const int16x8_t odd = vreinterpretq_s16_s32(pairs.val[1]);
        int row;
        for (row = 0; row < 4; row++) {
            const int8x16_t v = vreinterpretq_s8_s32(vldrwq_gather_offset_s32(
                (const int32_t *)(const void *)(w + 4 * row), places));
            a[row] = vmladavaq_s16(a[row], vmovlbq_s8(v), even);
            a[row] = vmladavaq_s16(a[row], vmovltq_s8(v), odd);
        }
    }
    for (; groups; groups--, w += 16, z += 4) {
        const rnne_q_word *const words = (const rnne_q_word *)(const void *)z;
        const int16x8_t z01 = vreinterpretq_s16_s32(vdupq_n_s32(words[0]));
        const int16x8_t z23 = vreinterpretq_s16_s32(vdupq_n_s32(words[1]));
        const int8x16_t v = vldrbq_s8(w);
        const int16x8_t w01 = vmovlbq_s8(v), w23 = vmovltq_s8(v);
        rest += vmullbq_int_s16(w01, z01) + vmulltq_int_s16(w01, z01);
        rest += vmullbq_int_s16(w23, z23) + vmulltq_int_s16(w23, z23);
    }
    vstrwq_s32(sums, vaddq_s32(rest, vldrwq_s32(a)));
    RNNE_Q_FENCE;
    return w;
}
#elif defined(RNNE_Q_GROUPS)
RNNE_FUNCTION const int8_t *rnne_q_sums(const int8_t *w, const int16_t *z, size_t groups,
                                        int32_t *sums)
{
    rnne_q_sum4 a = rnne_q_no_sum();
    for (; groups; groups--, w += 16, z += 4)
        a = rnne_q_group(a, w, z);
    rnne_q_give(a, sums);
    return w;
}
#else
RNNE_FUNCTION const int8_t *rnne_q_sums(const int8_t *w, const int16_t *z, size_t groups,
                                        int32_t *sums)
{
    int32_t a0 = 0, a1 = 0, a2 = 0, a3 = 0;
    for (; groups; groups--, w += 16, z += 4) {
        const int32_t z0 = z[0], z1 = z[1], z2 = z[2], z3 = z[3];
        a0 += w[0] * z0 + w[1] * z2 + w[2] * z1 + w[3] * z3;
        a1 += w[4] * z0 + w[5] * z2 + w[6] * z1 + w[7] * z3;
        a2 += w[8] * z0 + w[9] * z2 + w[10] * z1 + w[11] * z3;
        a3 += w[12] * z0 + w[13] * z2 + w[14] * z1 + w[15] * z3;
    }
    sums[0] = a0;
    sums[1] = a1;
    sums[2] = a2;
    sums[3] = a3;
    return w;
}
#endif

/* Scaled products with x and h, and the bias; rows: 4 multipliers of each, 4 biases. */
RNNE_FUNCTION const int8_t *rnne_q_arguments(const int8_t *w, const int32_t *rows,
                                             const int16_t *x, size_t x_groups,
                                             const int16_t *h, size_t h_groups, int32_t *out)
{
    int32_t from_x[4], from_h[4];
    int i;
    w = rnne_q_sums(w, x, x_groups, from_x);
    w = rnne_q_sums(w, h, h_groups, from_h);
    for (i = 0; i < 4; i += RNNE_Q_LANES) {
        rnne_qv v = rnne_qv_load(rows + 8 + i);
        v = rnne_qv_onto(v, rnne_qv_load(from_x + i), rnne_qv_load(rows + i));
        v = rnne_qv_onto(v, rnne_qv_load(from_h + i), rnne_qv_load(rows + 4 + i));
        rnne_qv_store(out + i, v);
    }
    return w;
}

/* out = W z + bias; rows: 4 multipliers and 4 biases a panel. Whole panels are written. */
RNNE_FUNCTION void rnne_q_linear(const int8_t *w, const int32_t *rows, size_t panels,
                                 const int16_t *z, size_t groups, int16_t *out)
{
    for (; panels; panels--, rows += 8, out += 4) {
        int32_t sums[4];
        int i;
        w = rnne_q_sums(w, z, groups, sums);
        for (i = 0; i < 4; i += RNNE_Q_LANES) {
            rnne_qv v = rnne_qv_load(rows + 4 + i);
            v = rnne_qv_onto(v, rnne_qv_load(sums + i), rnne_qv_load(rows + i));
            rnne_qv_store16(out + i, rnne_qv_sat(v));
        }
    }
}
