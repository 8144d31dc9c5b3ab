/* SPDX-License-Identifier: MIT */
#include "bytes.h"
#include "each.h"

/*
 * The remainder of byte i, polynomial 0xedb88320, bits reversed: that of eight steps
 * c = c >> 1 ^ (c & 1 ? polynomial : 0), and the sum of those of its bits.
 */
#define BIT(i, k, remainder) ((i) >> (k)&1 ? remainder : 0u)
#define REMAINDER(i)                                                                              \
    BIT(i, 0, 0x77073096u) ^ BIT(i, 1, 0xee0e612cu) ^ BIT(i, 2, 0x076dc419u) ^                    \
        BIT(i, 3, 0x0edb8832u) ^ BIT(i, 4, 0x1db71064u) ^ BIT(i, 5, 0x3b6e20c8u) ^                \
        BIT(i, 6, 0x76dc4190u) ^ BIT(i, 7, 0xedb88320u),
#define FOUR(i) REMAINDER(i) REMAINDER((i) + 1) REMAINDER((i) + 2) REMAINDER((i) + 3)
#define SIXTEEN(i) FOUR(16 * (i)) FOUR(16 * (i) + 4) FOUR(16 * (i) + 8) FOUR(16 * (i) + 12)

static const uint32_t table[256] = {EACH_16(SIXTEEN)};

uint32_t rnne_crc32(uint32_t crc, const void *bytes, size_t nbytes)
{
    const uint8_t *p = bytes;
    crc = ~crc;
    for (size_t i = 0; i < nbytes; i++)
        crc = crc >> 8 ^ table[(crc ^ p[i]) & 0xffu];
    return ~crc;
}
