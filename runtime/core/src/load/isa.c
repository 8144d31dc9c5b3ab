/* SPDX-License-Identifier: MIT */
#include "isa.h"

static int is_here(rnne_isa isa)
{
#ifdef RNNE_HAS_AVX
    const int has_avx512 = __builtin_cpu_supports("avx512f") != 0;
#endif
    switch (isa) {
    case RNNE_ISA_PLAIN: return 1;
#ifdef __GNUC__
    case RNNE_ISA_VECTOR: return 1;
#else
    case RNNE_ISA_VECTOR: return 0;
#endif
#ifdef RNNE_HAS_AVX
    case RNNE_ISA_AVX2:
        return has_avx512 || (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"));
    case RNNE_ISA_AVX512: return has_avx512;
    case RNNE_ISA_AVX512_VNNI:
        return has_avx512 && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512vnni");
#else
    case RNNE_ISA_AVX2:
    case RNNE_ISA_AVX512:
    case RNNE_ISA_AVX512_VNNI: break;
#endif
    case RNNE_ISA_AUTO: break;
    }
    return 0;
}

rnne_isa rnne_isa_chosen(rnne_isa isa, int is_integer)
{
    if (isa != RNNE_ISA_AUTO)
        return is_here(isa) ? isa : RNNE_ISA_AUTO;
    isa = is_integer ? RNNE_ISA_AVX512_VNNI : RNNE_ISA_AVX512;
    while (!is_here(isa))
        isa = (rnne_isa)(isa - 1);
    return isa;
}

const rnne_kernels *rnne_isa_kernels(rnne_isa isa)
{
    switch (isa) {
#ifdef __GNUC__
    case RNNE_ISA_VECTOR: return &rnne_kernels_vector;
#else
    case RNNE_ISA_VECTOR: break;
#endif
#ifdef RNNE_HAS_AVX
    case RNNE_ISA_AVX2: return &rnne_kernels_avx2;
    case RNNE_ISA_AVX512:
    case RNNE_ISA_AVX512_VNNI: return &rnne_kernels_avx512;
#else
    case RNNE_ISA_AVX2:
    case RNNE_ISA_AVX512:
    case RNNE_ISA_AVX512_VNNI: break;
#endif
    case RNNE_ISA_AUTO:
    case RNNE_ISA_PLAIN: break;
    }
    return &rnne_kernels_plain;
}

const rnne_q_kernels *rnne_isa_q_kernels(rnne_isa isa)
{
    switch (isa) {
#ifdef __GNUC__
    case RNNE_ISA_VECTOR: return &rnne_q_kernels_vector;
#else
    case RNNE_ISA_VECTOR: break;
#endif
#ifdef RNNE_HAS_AVX
    case RNNE_ISA_AVX2: return &rnne_q_kernels_avx2;
    case RNNE_ISA_AVX512:
        return __builtin_cpu_supports("avx512bw") ? &rnne_q_kernels_avx512 : &rnne_q_kernels_avx2;
    case RNNE_ISA_AVX512_VNNI: return &rnne_q_kernels_vnni;
#else
    case RNNE_ISA_AVX2:
    case RNNE_ISA_AVX512:
    case RNNE_ISA_AVX512_VNNI: break;
#endif
    case RNNE_ISA_AUTO:
    case RNNE_ISA_PLAIN: break;
    }
    return &rnne_q_kernels_plain;
}

const char *rnne_isa_text(rnne_isa isa)
{
    switch (isa) {
    case RNNE_ISA_AUTO: return "auto";
    case RNNE_ISA_PLAIN: return "plain";
    case RNNE_ISA_VECTOR: return "vector";
    case RNNE_ISA_AVX2: return "avx2";
    case RNNE_ISA_AVX512: return "avx512";
    case RNNE_ISA_AVX512_VNNI: return "avx512-vnni";
    }
    return "unknown";
}
