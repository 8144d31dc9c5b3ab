/* SPDX-License-Identifier: MIT */
/*
 * exhaustive [STRIDE]: every function of f32.v1 over all floats (every STRIDE-th), every phase.
 *
 * Prints the largest errors against double libm and checks saturation, NaN, infinities and that
 * every instruction set of this machine gives the same bits. Fails when a bound is broken; the
 * bounds are those of docs/numerics.md.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "../../runtime/core/src/base/bytes.h"
#include "../../runtime/core/src/load/isa.h"
#include "../../runtime/core/src/stream/time.c" /* for sin_cos() */

enum { CHUNK = 4096 };

typedef struct error {
    double ulp, ulp_at, absolute, absolute_at;
} error;

static int num_failed;

static void expect(int condition, const char *what)
{
    if (!condition && num_failed++ < 20)
        printf("FAILED: %s\n", what);
}

static void note(error *e, double x, float found, double expected)
{
    const double difference = fabs((double)found - expected);
    int exponent;
    frexp(expected, &exponent);
    const double ulp = difference / ldexp(1.0, exponent - 24);
    if (ulp > e->ulp)
        e->ulp = ulp, e->ulp_at = x;
    if (difference > e->absolute)
        e->absolute = difference, e->absolute_at = x;
}

static void print(const char *name, const error *e)
{
    printf("%-8s %.3f ulp at %a, %.3g at %a\n", name, e->ulp, e->ulp_at, e->absolute,
           e->absolute_at);
}

/* Floats whose bits are first, first + stride, ..; returns how many are left in the chunk. */
static size_t fill(float *x, uint64_t first, uint64_t stride)
{
    size_t n = 0;
    for (uint64_t bits = first; bits <= UINT32_MAX && n < CHUNK; bits += stride)
        x[n++] = rnne_float_from_bits((uint32_t)bits);
    for (size_t i = n; i < CHUNK; i++)
        x[i] = 0.0f;
    return n;
}

static void check_tanh(float x, float y, error *e)
{
    if (x != x)
        expect(y != y, "tanh(NaN) is NaN");
    else if (fabsf(x) >= 9.02f)
        expect(y == (x < 0 ? -1.0f : 1.0f), "tanh saturates at 1");
    else if (fabsf(x) >= 0x1p-50f)
        note(e, (double)x, y, fabsf(x) < 0x1p-20f ? (double)x : tanh((double)x));
    else
        expect(y == 0.0f && !signbit(y), "a tiny result is +0");
}

static void check_sigmoid(float x, float y, error *e)
{
    if (x != x)
        expect(y != y, "sigmoid(NaN) is NaN");
    else if (x >= 17.0f)
        expect(y == 1.0f, "sigmoid saturates at 1");
    else if (x < -34.0f)
        expect(y == 0x1.ee002p-50f, "sigmoid saturates at sigmoid(-34)");
    else
        note(e, (double)x, y, 1.0 / (1.0 + exp(-(double)x)));
}

static void check_exp(float x, float y, error *e)
{
    if (x != x)
        expect(y != y, "exp(NaN) is NaN");
    else if (x <= 0.0f && x >= -87.0f)
        note(e, (double)x, y, exp((double)x));
    else if (x < -87.0f)
        expect(y > 0x1p-126f && y < 1.7e-38f, "exp saturates at exp(-87)");
}

static void sweep(rnne_function function, const char *name, uint64_t stride,
                  void (*check)(float, float, error *), double max_ulp, double max_absolute)
{
    static float x[CHUNK], y[CHUNK], other[CHUNK];
    error e = {0, 0, 0, 0};
    size_t n;
    for (uint64_t first = 0; (n = fill(x, first, stride)) > 0; first += stride * CHUNK) {
        const rnne_kernels *kernels = rnne_isa_kernels(rnne_isa_chosen(RNNE_ISA_AUTO, 0));
        kernels->activate(function, CHUNK, x, y);
        for (size_t i = 0; i < n; i++)
            check(x[i], y[i], &e);
        for (rnne_isa isa = RNNE_ISA_PLAIN; isa <= RNNE_ISA_AVX512; isa++) {
            if (rnne_isa_chosen(isa, 0) != isa)
                continue;
            kernels = rnne_isa_kernels(isa);
            kernels->activate(function, CHUNK, x, other);
            for (size_t i = 0; i < n; i++)
                if (rnne_bits_of_float(y[i]) != rnne_bits_of_float(other[i]) && y[i] == y[i])
                    expect(0, rnne_isa_text(isa));
        }
    }
    print(name, &e);
    expect(e.ulp <= max_ulp && e.absolute <= max_absolute, name);
}

static void sweep_phase(uint64_t stride)
{
    const double radians = 2 * 3.14159265358979323846 / 4294967296.0;
    error e = {0, 0, 0, 0};
    for (uint64_t turn = 0; turn <= UINT32_MAX; turn += 64 * stride) {
        for (uint32_t low = 0; low < 64; low += 63) { /* the six lowest bits are cut off */
            const double angle = (double)(turn + low) * radians;
            float sine, cosine;
            sin_cos((uint32_t)turn + low, &sine, &cosine);
            note(&e, angle, sine, sin(angle));
            note(&e, angle, cosine, cos(angle));
        }
    }
    printf("%-8s %.3g at %a\n", "sin cos", e.absolute, e.absolute_at);
    expect(e.absolute <= 1.73e-7, "sin cos");
}

int main(int argc, char **argv)
{
    const uint64_t stride = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
    sweep(RNNE_TANH, "tanh", stride, check_tanh, 2.611, 8.95e-8);
    sweep(RNNE_SIGMOID, "sigmoid", stride, check_sigmoid, 2.482, 8.95e-8);
    sweep(RNNE_EXP, "exp", stride, check_exp, 1.014, 4.99e-8);
    sweep_phase(stride);
    return num_failed != 0;
}
