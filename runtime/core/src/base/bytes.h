/* SPDX-License-Identifier: MIT */
/* Little-endian fields at any address, the bits of floats, and a checksum. */
#ifndef RNNE_BYTES_H
#define RNNE_BYTES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint32_t rnne_get_u32(const void *at)
{
    const uint8_t *p = at;
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static inline uint32_t rnne_get_u16(const void *at)
{
    const uint8_t *p = at;
    return (uint32_t)p[0] | (uint32_t)p[1] << 8;
}

static inline uint64_t rnne_get_u64(const void *at)
{
    const uint8_t *p = at;
    return rnne_get_u32(p) | (uint64_t)rnne_get_u32(p + 4) << 32;
}

static inline float rnne_float_from_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline uint32_t rnne_bits_of_float(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static inline float rnne_get_f32(const void *at)
{
    return rnne_float_from_bits(rnne_get_u32(at));
}

static inline void rnne_put_u32(void *at, uint32_t value)
{
    uint8_t *p = at;
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(value >> 8 * i & 0xffu);
}

static inline void rnne_put_u64(void *at, uint64_t value)
{
    rnne_put_u32(at, (uint32_t)(value & 0xffffffffu));
    rnne_put_u32((uint8_t *)at + 4, (uint32_t)(value >> 32));
}

static inline void rnne_put_f32(void *at, float value)
{
    rnne_put_u32(at, rnne_bits_of_float(value));
}

/*
 * Keys are ordered as the numbers are, -0 right below +0, NaN beyond every number: no mode of the
 * processor matters where they are compared.
 */
static inline uint32_t rnne_key_of_float(float value)
{
    const uint32_t bits = rnne_bits_of_float(value);
    return bits ^ ((0u - (bits >> 31)) | 0x80000000u);
}

/* Neither NaN nor infinite; looks at the bits, so no mode of the processor matters. */
static inline int rnne_is_finite(float value)
{
    return (rnne_bits_of_float(value) & 0x7f800000u) != 0x7f800000u;
}

/* A denormal counts as zero, whether or not the processor sees it as one. */
static inline float rnne_without_denormals(float value)
{
    return (rnne_bits_of_float(value) & 0x7f800000u) == 0 ? 0.0f : value;
}

/* Magnitudes below 2^-50 become +0; looks at the bits too. */
static inline float rnne_flush(float value)
{
    const uint32_t bits = rnne_bits_of_float(value);
    return (bits & 0x7fffffffu) < 0x26800000u ? 0.0f : value;
}

/* CRC32 of ISO 3309, that of zlib and PNG, continued from crc, 0 at first. */
uint32_t rnne_crc32(uint32_t crc, const void *bytes, size_t nbytes);

#endif
