/* SPDX-License-Identifier: MIT */
#include "isa.h"

#define NONE NULL, NULL
#ifdef __GNUC__
#define VECTOR &rnne_kernels_vector, Q_VECTOR
#ifdef RNNE_HAS_Q_VECTOR
#define Q_VECTOR &rnne_q_kernels_vector
#else
#define Q_VECTOR &rnne_q_kernels_plain
#endif
#else
#define VECTOR NONE
#endif
#ifdef RNNE_HAS_AVX
#define AVX2 &rnne_kernels_avx2, &rnne_q_kernels_avx2
#define AVX512 &rnne_kernels_avx512, &rnne_q_kernels_avx512
#define VNNI &rnne_kernels_avx512, &rnne_q_kernels_vnni
#else
#define AVX2 NONE
#define AVX512 NONE
#define VNNI NONE
#endif

/* In the order of rnne_isa; without kernels where this build lacks one. */
static const struct set {
    const char *name;
    const rnne_kernels *kernels;
    const rnne_q_kernels *q_kernels;
} SETS[] = {
    {"auto", NONE},     {"plain", &rnne_kernels_plain, &rnne_q_kernels_plain},
    {"vector", VECTOR}, {"avx2", AVX2},
    {"avx512", AVX512}, {"avx512-vnni", VNNI},
};

enum { NUM_SETS = sizeof SETS / sizeof SETS[0] };

static const struct set *set_of(rnne_isa isa)
{
    return (unsigned)isa < NUM_SETS ? &SETS[isa] : &SETS[RNNE_ISA_AUTO];
}

static int is_here(rnne_isa isa)
{
#ifdef RNNE_HAS_AVX
    const int has_avx512 = __builtin_cpu_supports("avx512f") != 0;
    if (isa == RNNE_ISA_AVX2)
        return has_avx512 || (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"));
    if (isa == RNNE_ISA_AVX512)
        return has_avx512;
    if (isa == RNNE_ISA_AVX512_VNNI)
        return has_avx512 && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512vnni");
#endif
    return set_of(isa)->kernels != NULL;
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
    return set_of(isa)->kernels;
}

const rnne_q_kernels *rnne_isa_q_kernels(rnne_isa isa)
{
#ifdef RNNE_HAS_AVX
    if (isa == RNNE_ISA_AVX512 && !__builtin_cpu_supports("avx512bw"))
        return &rnne_q_kernels_avx2;
#endif
    return set_of(isa)->q_kernels;
}

const char *rnne_isa_text(rnne_isa isa)
{
    return (unsigned)isa < NUM_SETS ? SETS[isa].name : "unknown";
}
