/*
 * ---- products: accumulators a plus n terms w[k] * z[k], k = 0, 1, ... ----
 *
 * rnne_rows_R adds to R rows and returns where the weights go on.
 */

#define RNNE_EACH_1(M) M(0)
#define RNNE_EACH_3(M) M(0) M(1) M(2)
#define RNNE_EACH_4(M) RNNE_EACH_3(M) M(3)
#define RNNE_EACH_12(M) RNNE_EACH_4(M) M(4) M(5) M(6) M(7) M(8) M(9) M(10) M(11)
#define RNNE_EACH_16(M) RNNE_EACH_12(M) M(12) M(13) M(14) M(15)
#define RNNE_TAKE(i) rnne_vf a##i = a[i];
#define RNNE_TERM(i) a##i = a##i + rnne_load(w + (i) * RNNE_LANES) * s;
#define RNNE_GIVE(i) a[i] = a##i;

#ifdef RNNE_SOFT /* where each operation is a call, one sum at a time is the least work */
#define RNNE_ROWS(ROWS, EACH)                                                                  \
    RNNE_FUNCTION const float *rnne_rows_##ROWS(const float *w, const float *z, size_t n,      \
                                                rnne_vf *a)                                    \
    {                                                                                          \
        size_t i, k;                                                                           \
        for (i = 0; i < ROWS; i++) {                                                           \
            const float *v = w + i;                                                            \
            float sum = a[i];                                                                  \
            for (k = 0; k < n; k++, v += ROWS)                                                 \
                sum = sum + *v * z[k];                                                         \
            a[i] = sum;                                                                        \
        }                                                                                      \
        return w + n * ROWS;                                                                   \
    }
#else /* named accumulators, so that they stay in registers */
#define RNNE_ROWS(ROWS, EACH)                                                                  \
    RNNE_INLINE const float *rnne_rows_##ROWS(const float *w, const float *z, size_t n,        \
                                              rnne_vf *a)                                      \
    {                                                                                          \
        EACH(RNNE_TAKE)                                                                        \
        for (; n; n--, w += ROWS) {                                                            \
            const rnne_vf s = rnne_splat(*z++);                                                \
            EACH(RNNE_TERM)                                                                    \
        }                                                                                      \
        EACH(RNNE_GIVE)                                                                        \
        return w;                                                                              \
    }
#endif

#ifdef RNNE_VFP /* several weights a load, which compilers do not see */
#define RNNE_FOUR(w0, w1, w2, w3, a0, a1, a2, a3)                                              \
    "vmul.f32 " w0 ", " w0 ", s24\n\tvmul.f32 " w1 ", " w1 ", s24\n\t"                         \
    "vmul.f32 " w2 ", " w2 ", s24\n\tvmul.f32 " w3 ", " w3 ", s24\n\t"                         \
    "vadd.f32 " a0 ", " a0 ", " w0 "\n\tvadd.f32 " a1 ", " a1 ", " w1 "\n\t"                   \
    "vadd.f32 " a2 ", " a2 ", " w2 "\n\tvadd.f32 " a3 ", " a3 ", " w3 "\n\t"
#define RNNE_VFP_ROWS(ROWS, LAST, TERMS)                                                       \
    RNNE_INLINE const float *rnne_rows_##ROWS(const float *w, const float *z, size_t n,        \
                                              float *a)                                        \
    {                                                                                          \
        if (n == 0)                                                                            \
            return w;                                                                          \
        __asm__ volatile("vldmia %3, {s0-" LAST "}\n"                                          \
                         "1:\n\tvldmia %1!, {s24}\n\t" TERMS                                   \
                         "subs %2, %2, #1\n\tbne 1b\n\t"                                       \
                         "vstmia %3, {s0-" LAST "}"                                            \
                         : "+r"(w), "+r"(z), "+r"(n)                                           \
                         : "r"(a)                                                              \
                         : "s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10",  \
                           "s11", "s12", "s13", "s14", "s15", "s16", "s17", "s18", "s19",      \
                           "s20", "s21", "s22", "s23", "s24", "cc", "memory");                 \
        return w;                                                                              \
    }
RNNE_VFP_ROWS(16, "s15",
              "vldmia %0!, {s16-s23}\n\t"
              RNNE_FOUR("s16", "s17", "s18", "s19", "s0", "s1", "s2", "s3")
              RNNE_FOUR("s20", "s21", "s22", "s23", "s4", "s5", "s6", "s7")
              "vldmia %0!, {s16-s23}\n\t"
              RNNE_FOUR("s16", "s17", "s18", "s19", "s8", "s9", "s10", "s11")
              RNNE_FOUR("s20", "s21", "s22", "s23", "s12", "s13", "s14", "s15"))
RNNE_VFP_ROWS(12, "s11",
              "vldmia %0!, {s12-s23}\n\t"
              RNNE_FOUR("s12", "s13", "s14", "s15", "s0", "s1", "s2", "s3")
              RNNE_FOUR("s16", "s17", "s18", "s19", "s4", "s5", "s6", "s7")
              RNNE_FOUR("s20", "s21", "s22", "s23", "s8", "s9", "s10", "s11"))
RNNE_ROWS(4, RNNE_EACH_4)
#elif defined(RNNE_MVE) /* low-overhead loops over two inputs at a time */
#define RNNE_TWO(s, a, b)                                                                      \
    "vldrw.u32 %q4, [%6], #16\n\tvldrw.u32 %q5, [%6], #16\n\t"                                 \
    "vmul.f32 %q4, %q4, " s "\n\tvmul.f32 %q5, %q5, " s "\n\t"                                 \
    "vadd.f32 " a ", " a ", %q4\n\tvadd.f32 " b ", " b ", %q5\n\t"
#define RNNE_ONE(s, a)                                                                         \
    "vldrw.u32 %q4, [%6], #16\n\tvmul.f32 %q4, %q4, " s "\n\tvadd.f32 " a ", " a ", %q4\n\t"
#define RNNE_SET(i) a##i = a[i];
#define RNNE_MVE_ROWS(ROWS, EACH, TERMS)                                                       \
    RNNE_INLINE const float *rnne_rows_##ROWS(const float *w, const float *z, size_t n,        \
                                              rnne_vf *a)                                      \
    {                                                                                          \
        const rnne_vf zero = rnne_splat(0.0f);                                                 \
        rnne_vf a0 = zero, a1 = zero, a2 = zero, a3 = zero, t, u;                              \
        EACH(RNNE_SET)                                                                         \
        if (n & 1) {                                                                           \
            const rnne_vf s = rnne_splat(*z++);                                                \
            EACH(RNNE_TERM)                                                                    \
            w += ROWS;                                                                         \
        }                                                                                      \
        n /= 2;                                                                                \
        if (n)                                                                                 \
            __asm__ volatile("dls lr, %8\n"                                                    \
                             "1:\n\tldrd r0, r1, [%7], #8\n\t" TERMS "le lr, 1b"               \
                             : "+w"(a0), "+w"(a1), "+w"(a2), "+w"(a3), "=&w"(t), "=&w"(u),     \
                               "+r"(w), "+r"(z)                                                \
                             : "r"(n)                                                          \
                             : "r0", "r1", "lr", "memory");                                    \
        EACH(RNNE_GIVE)                                                                        \
        return w;                                                                              \
    }
RNNE_MVE_ROWS(16, RNNE_EACH_4,
              RNNE_TWO("r0", "%q0", "%q1") RNNE_TWO("r0", "%q2", "%q3")
              RNNE_TWO("r1", "%q0", "%q1") RNNE_TWO("r1", "%q2", "%q3"))
RNNE_MVE_ROWS(12, RNNE_EACH_3,
              RNNE_TWO("r0", "%q0", "%q1") RNNE_ONE("r0", "%q2")
              RNNE_TWO("r1", "%q0", "%q1") RNNE_ONE("r1", "%q2"))
RNNE_MVE_ROWS(4, RNNE_EACH_1, RNNE_ONE("r0", "%q0") RNNE_ONE("r1", "%q0"))
#elif RNNE_LANES == 4
RNNE_ROWS(16, RNNE_EACH_4)
RNNE_ROWS(12, RNNE_EACH_3)
RNNE_ROWS(4, RNNE_EACH_1)
#else
RNNE_ROWS(16, RNNE_EACH_16)
RNNE_ROWS(12, RNNE_EACH_12)
RNNE_ROWS(4, RNNE_EACH_4)
#endif

/* Copies n values, a multiple of 4. */
RNNE_INLINE void rnne_move(const float *from, size_t n, float *to)
{
    for (; n; n -= 4) {
#if RNNE_LANES == 4
        rnne_store(to, rnne_load(from));
#elif defined(RNNE_VFP)
        __asm__ volatile("vldmia %0, {s0-s3}\n\tvstmia %1, {s0-s3}"
                         :
                         : "r"(from), "r"(to)
                         : "s0", "s1", "s2", "s3", "memory");
#else
        to[0] = from[0];
        to[1] = from[1];
        to[2] = from[2];
        to[3] = from[3];
#endif
        from += 4;
        to += 4;
    }
}

/* What the accumulators of R rows start with; the result is where the weights go on. */
RNNE_INLINE const float *rnne_start(const float *w, size_t rows, rnne_vf *a)
{
    rnne_move(w, rows, (float *)a);
    return w + rows;
}

/* out = bias + W [x h], in panels of 16 rows, then of 4, then row by row. */
RNNE_FUNCTION void rnne_f32_product(const float *w, size_t rows, const float *x, size_t num_x,
                                    const float *h, size_t num_h, float *out)
{
    rnne_vf a[16 / RNNE_LANES];
    for (; rows >= 16; rows -= 16, out += 16) {
        w = rnne_start(w, 16, a);
        w = rnne_rows_16(w, x, num_x, a);
        w = rnne_rows_16(w, h, num_h, a);
        rnne_move((const float *)a, 16, out);
    }
    for (; rows >= 4; rows -= 4, out += 4) {
        w = rnne_start(w, 4, a);
        w = rnne_rows_4(w, x, num_x, a);
        w = rnne_rows_4(w, h, num_h, a);
        rnne_move((const float *)a, 4, out);
    }
    for (; rows; rows--, out++) {
        float sum = *w++;
        size_t k;
        for (k = 0; k < num_x; k++)
            sum = sum + *w++ * x[k];
        for (k = 0; k < num_h; k++)
            sum = sum + *w++ * h[k];
        *out = sum;
    }
}
