/* SPDX-License-Identifier: MIT */
#include "isa.h"

static rnne_isa best_isa(void)
{
#ifdef RNNE_HAS_AVX
    if (__builtin_cpu_supports("avx512f"))
        return RNNE_ISA_AVX512;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return RNNE_ISA_AVX2;
#endif
#ifdef __GNUC__
    return RNNE_ISA_VECTOR;
#else
    return RNNE_ISA_PLAIN;
#endif
}

const rnne_kernels *rnne_isa_kernels(rnne_isa *isa)
{
    const rnne_isa best = best_isa();
    if (*isa == RNNE_ISA_AUTO)
        *isa = best;
    if (*isa > best)
        return NULL;
    switch (*isa) {
    case RNNE_ISA_PLAIN: return &rnne_kernels_plain;
#ifdef __GNUC__
    case RNNE_ISA_VECTOR: return &rnne_kernels_vector;
#else
    case RNNE_ISA_VECTOR: break;
#endif
#ifdef RNNE_HAS_AVX
    case RNNE_ISA_AVX2: return &rnne_kernels_avx2;
    case RNNE_ISA_AVX512: return &rnne_kernels_avx512;
#else
    case RNNE_ISA_AVX2:
    case RNNE_ISA_AVX512: break;
#endif
    case RNNE_ISA_AUTO: break;
    }
    return NULL;
}

const char *rnne_isa_text(rnne_isa isa)
{
    switch (isa) {
    case RNNE_ISA_AUTO: return "auto";
    case RNNE_ISA_PLAIN: return "plain";
    case RNNE_ISA_VECTOR: return "vector";
    case RNNE_ISA_AVX2: return "avx2";
    case RNNE_ISA_AVX512: return "avx512";
    }
    return "unknown";
}

const rnne_int_kernels *rnne_isa_int_kernels(rnne_isa isa)
{
    (void)isa;
    return &rnne_int_kernels_plain;
}
