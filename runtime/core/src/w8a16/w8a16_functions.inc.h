/* SPDX-License-Identifier: MIT */
/*
 * The elementwise part of `w8a16.v1`, behind one w8a16_vec_*.h, which is its only parameter: a vw is
 * VEC_HALF int32 in order; a vb twice as many int16, in an order of its own that vb_store() puts
 * right.  vb_low() and vb_high() undo vb_pack().
 */

#define BLOCK (2 * VEC_HALF)

/* sat(v) of a block. */
VEC_INLINE vb load_saturated(const int32_t *v)
{
    return vb_pack(vw_load(v), vw_load(v + VEC_HALF));
}

/* The gate whose tanh this is. */
VEC_INLINE vw gate_of(vw t)
{
    const vw g = vw_add(t, vw_splat(32768));
    return vw_add(g, vw_shift_down15(g));
}

VEC_INLINE vb sigmoid_of(vb t)
{
    return vb_pack(vw_shift(gate_of(vb_low(t)), 1), vw_shift(gate_of(vb_high(t)), 1));
}

#define MAP(of_v)                                                                                 \
    for (size_t i = 0; i < n; i += BLOCK) {                                                       \
        const vb v = load_saturated(sums + i);                                                    \
        vb_store(out + i, of_v);                                                                  \
    }                                                                                             \
    break

static void activate(rnne_function function, size_t n, const int32_t *sums, int16_t *out)
{
    switch (function) {
    case RNNE_TANH: MAP(vb_tanh(v));
    case RNNE_RELU: MAP(vb_relu(v));
    case RNNE_SIGMOID: MAP(sigmoid_of(vb_tanh(v)));
    case RNNE_IDENTITY: MAP(v);
    case RNNE_EXP: break;
    }
}

static void narrow(size_t n, const int32_t *h, int16_t *out)
{
    const int bits = RNNE_GRU_BITS - RNNE_STATE_BITS;
    for (size_t i = 0; i < n; i += BLOCK)
        vb_store(out + i, vb_pack(vw_shift(vw_load(h + i), bits),
                                  vw_shift(vw_load(h + i + VEC_HALF), bits)));
}

#define RNNE_CELL_TEMPLATE(name) RNNE_QUOTE(../w8a16/w8a16_##name.inc.h)
#include "../base/cells.inc.h"

/* The kernels of an instruction set, whose product() is defined behind this. */
#define RNNE_Q_TABLE(accept, to_float)                                                            \
    {product, activate, {RNNE_CELLS(RNNE_CELL_ENTRY)}, narrow, accept, to_float}
