/* SPDX-License-Identifier: MIT */
/*
 * The elementwise part of `w8a16.v1` in vectors: included by w8a16_*.c after w8a16_vec_*.h.
 * A vb is a block of int16, in an order of its own that vb_store() puts right; a vw is half as many
 * int32, in order.  vb_low() and vb_high() undo vb_pack().
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

static void activate(rnne_function function, size_t n, const int32_t *v, int16_t *out)
{
    switch (function) {
    case RNNE_TANH:
        for (size_t i = 0; i < n; i += BLOCK)
            vb_store(out + i, vb_tanh(load_saturated(v + i)));
        break;
    case RNNE_RELU:
        for (size_t i = 0; i < n; i += BLOCK)
            vb_store(out + i, vb_relu(load_saturated(v + i)));
        break;
    case RNNE_SIGMOID:
        for (size_t i = 0; i < n; i += BLOCK)
            vb_store(out + i, sigmoid_of(vb_tanh(load_saturated(v + i))));
        break;
    case RNNE_IDENTITY:
        for (size_t i = 0; i < n; i += BLOCK)
            vb_store(out + i, load_saturated(v + i));
        break;
    case RNNE_EXP: break;
    }
}

/* The new cell of half a block, from tanh of its gates. */
VEC_INLINE vw new_cell(int cell_bits, vw input, vw forget, vw new, vw c)
{
    const vw kept = vw_mul_shift16(gate_of(forget), c);
    const vw added = vw_shift(vw_mul(gate_of(input), new), 31 - cell_bits);
    return vw_limit(vw_add(kept, added), RNNE_LARGEST_STATE);
}

VEC_INLINE vw gated(vw gate, vw t)
{
    return vw_shift(vw_mul(gate_of(gate), t), 16);
}

static void lstm(size_t n, int cell_bits, const int32_t *gates, int32_t *c, int16_t *m)
{
    const int to_argument = cell_bits - RNNE_ARGUMENT_BITS;
    for (size_t i = 0; i < n; i += BLOCK) {
        const vb input = vb_tanh(load_saturated(gates + i));
        const vb forget = vb_tanh(load_saturated(gates + n + i));
        const vb new = vb_tanh(load_saturated(gates + 2 * n + i));
        const vb output = vb_tanh(load_saturated(gates + 3 * n + i));
        const vw low =
            new_cell(cell_bits, vb_low(input), vb_low(forget), vb_low(new), vw_load(c + i));
        const vw high = new_cell(cell_bits, vb_high(input), vb_high(forget), vb_high(new),
                                 vw_load(c + i + VEC_HALF));
        vw_store(c + i, low);
        vw_store(c + i + VEC_HALF, high);
        const vb t = vb_tanh(vb_pack(vw_shift(low, to_argument), vw_shift(high, to_argument)));
        vb_store(m + i,
                 vb_pack(gated(vb_low(output), vb_low(t)), gated(vb_high(output), vb_high(t))));
    }
}

/* The sum of two halves of a block. */
VEC_INLINE vb add_saturated(const int32_t *a, const int32_t *b)
{
    return vb_pack(vw_add(vw_load(a), vw_load(b)),
                   vw_add(vw_load(a + VEC_HALF), vw_load(b + VEC_HALF)));
}

VEC_INLINE vw reset(vw gate, const int32_t *in, const int32_t *rec)
{
    return vw_add(vw_load(in), vw_mul_shift16(gate_of(gate), vw_load(rec)));
}

VEC_INLINE void update(vw gate, vw t, int32_t *h)
{
    const vw new = vw_shift_left(t, RNNE_GRU_BITS - RNNE_STATE_BITS);
    vw_store(h, vw_add(new, vw_mul_shift16(gate_of(gate), vw_sub(vw_load(h), new))));
}

static void gru(size_t n, const int32_t *in, const int32_t *rec, int32_t *h)
{
    for (size_t i = 0; i < n; i += BLOCK) {
        const vb r = vb_tanh(add_saturated(in + i, rec + i));
        const vb z = vb_tanh(add_saturated(in + n + i, rec + n + i));
        const int32_t *const new_in = in + 2 * n + i, *const new_rec = rec + 2 * n + i;
        const vb new = vb_tanh(vb_pack(reset(vb_low(r), new_in, new_rec),
                                       reset(vb_high(r), new_in + VEC_HALF, new_rec + VEC_HALF)));
        update(vb_low(z), vb_low(new), h + i);
        update(vb_high(z), vb_high(new), h + i + VEC_HALF);
    }
}

static void narrow(size_t n, const int32_t *h, int16_t *out)
{
    const int bits = RNNE_GRU_BITS - RNNE_STATE_BITS;
    for (size_t i = 0; i < n; i += BLOCK)
        vb_store(out + i, vb_pack(vw_shift(vw_load(h + i), bits),
                                  vw_shift(vw_load(h + i + VEC_HALF), bits)));
}
